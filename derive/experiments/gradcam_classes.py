"""Figures of each class from the maps of test images: areas under the curves, mean maps, regions of one class only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from derive.codegen.to_torch import torch_module
from derive.experiments.gradcam import enlarged
from derive.experiments.gradcam_analysis import ORDERS, Explained

Array = NDArray[Any]
#: A pixel is hot where the mean map is at least this part of its maximum.
HOT = 0.5
#: A difference counts where it is larger than this many standard errors.
ERRORS = 2.0
_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


@dataclass(frozen=True)
class Group:
    """Test images that belong together, explained for the classes that are predicted.

    areas : order of blanking -> mean area under the deletion curve.  gains : control -> (mean, standard error) of the
    paired difference, area of the control less area of the hottest first; positive where the map beats the control.
    empty : part of maps without any heat.  heat_on_object, object_part : means, over the maps that are not empty.
    """

    name: str
    images: int
    areas: Mapping[str, float]
    gains: Mapping[str, tuple[float, float]]
    empty: float
    heat_on_object: float
    object_part: float

    def beats(self, control: str) -> bool:
        """Whether blanking by the map lowers the score faster than the control, by more than ERRORS errors."""
        mean, error = self.gains[control]
        return mean > ERRORS * error

    def loses(self, control: str) -> bool:
        mean, error = self.gains[control]
        return mean < -ERRORS * error


@dataclass(frozen=True)
class Region:
    """Where the mean map of a class is hot. mean_map : (H, W), 0..1, or None where no image of the class is explained.

    hot : pixels.  own : (H, W), hot in this class and in no other.  places : ninth of the image -> part of `own`.
    alike : the class whose mean map correlates most, and how much.
    """

    name: str
    mean_map: Array | None
    hot: Array
    own: Array
    places: Mapping[str, float]
    alike: tuple[str, float] | None


def group(name: str, found: Explained, chosen: Array) -> Group | None:
    """The figures of the chosen images; None where there are fewer than two, which have no standard error."""
    count = int(chosen.sum())
    if count < 2:
        return None
    areas = {order: found.areas(order)[chosen] for order in ORDERS}
    gains = {}
    for control in ORDERS[1:]:
        difference = areas[control] - areas["hottest"]
        gains[control] = (float(difference.mean()), float(difference.std(ddof=1) / numpy.sqrt(count)))
    full = chosen & ~found.empty
    return Group(
        name, count, {order: float(each.mean()) for order, each in areas.items()}, gains,
        float(found.empty[chosen].mean()),
        float(found.on_object[full].mean()) if full.any() else 0.0, float(found.object_part[chosen].mean()),
    )  # fmt: skip


def groups_of(found: Explained, classes: tuple[str, ...]) -> tuple[list[Group], list[Group]]:
    """(each class by its images that are predicted rightly, all images by whether they are)."""
    by_class = [group(name, found, found.right & (found.labels == number)) for number, name in enumerate(classes)]
    whole = [group("right predictions", found, found.right), group("wrong predictions", found, ~found.right)]
    return [each for each in by_class if each], [each for each in whole if each]


def mean_maps(found: Explained, classes: int, rows: int, columns: int) -> list[Array | None]:
    """Of each class, over its right predictions with a map: the mean of the maps, each first divided by its maximum.

    (rows, columns), divided by its maximum again; None for a class without such images.
    """
    maps: list[Array | None] = []
    for number in range(classes):
        chosen = found.right & (found.labels == number) & ~found.empty
        if not chosen.any():
            maps.append(None)
            continue
        heat = found.heat[chosen].astype(numpy.float64)
        mean = (heat / heat.max(axis=(1, 2), keepdims=True)).mean(0)
        large = enlarged(torch_module().as_tensor(mean)[None], rows, columns)[0].numpy()
        maps.append(large / large.max())
    return maps


def regions(maps: list[Array | None], classes: tuple[str, ...], shape: tuple[int, int]) -> list[Region]:
    """What each class has to itself: pixels that are hot in its mean map and in that of no other class."""
    hot = [numpy.zeros(shape, bool) if each is None else each >= HOT for each in maps]
    counts = numpy.sum(hot, axis=0)
    made = []
    for number, name in enumerate(classes):
        own = hot[number] & (counts == 1)
        made.append(Region(name, maps[number], hot[number], own, _places(own), _most_alike(number, maps, classes)))
    return made


def _places(own: Array) -> dict[str, float]:
    """The part of the pixels in each ninth of the image, the largest first."""
    total = int(own.sum())
    found: dict[str, float] = {}
    for row, piece in zip(_ROWS, numpy.array_split(own, 3, axis=0), strict=True):
        for column, cell in zip(_COLUMNS, numpy.array_split(piece, 3, axis=1), strict=True):
            if cell.any():
                found[f"{row} {column}"] = int(cell.sum()) / total
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _most_alike(number: int, maps: list[Array | None], classes: tuple[str, ...]) -> tuple[str, float] | None:
    """The other class whose mean map correlates most, over the pixels; None where a map is flat or none is there."""
    mine = maps[number]
    best: tuple[str, float] | None = None
    for other, theirs in enumerate(maps):
        if other == number or mine is None or theirs is None or mine.std() == 0 or theirs.std() == 0:
            continue
        value = float(numpy.corrcoef(mine.ravel(), theirs.ravel())[0, 1])
        if best is None or value > best[1]:
            best = (classes[other], value)
    return best
