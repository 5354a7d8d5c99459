"""What the maps of Grad-CAM are worth, measured: deletion curves against two controls, mean maps, regions of one class.

Deletion: the pixels of an image are blanked step by step and the class score, its softmax probability, is watched. A
map that shows what the network looks at makes the score fall faster than chance. Chance is drawn twice: from all
pixels, and from the pixels of the object first, since blanking the background changes nothing wherever a map points.
The map without the mean over the positions, U of derive.experiments.gradcam, tells what the mean costs.
Source of the curve: V. Petsiuk et al., RISE (2018), section 4.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from derive.codegen.to_torch import torch_module
from derive.experiments.gradcam import GradCamCode, enlarged
from derive.experiments.sources import Report
from derive.experiments.training import Training

Array = NDArray[Any]
#: The parts of an image that are blanked, from nothing to everything.
FRACTIONS = numpy.linspace(0.0, 1.0, 21)
#: The orders in which pixels are blanked.
ORDERS = ("hottest", "unaveraged", "random", "random object")
#: A pixel belongs to the object where it is brighter than this part of a full pixel.
DARK = 0.05
BATCH = 250


@dataclass(frozen=True)
class Explained:
    """The test images as Grad-CAM sees them, each explained for the class that is predicted.

    labels, predicted : (N,).  probability : (N,), of the predicted class.  heat : (N, h, w), the maps.
    curves : order of blanking -> (N, len(FRACTIONS)), the probability of the predicted class.
    on_object : (N,), the part of the map's heat, at the image's size, that lies on the object; NaN for an empty map.
    object_part : (N,), the part of the image's pixels that the object has.
    """

    labels: Array
    predicted: Array
    probability: Array
    heat: Array
    curves: dict[str, Array]
    on_object: Array
    object_part: Array

    @property
    def right(self) -> Array:
        return numpy.asarray(self.predicted == self.labels)

    @property
    def empty(self) -> Array:
        """Whether a map is zero everywhere: nothing in the maps speaks for the class by its mean gradient."""
        return numpy.asarray(self.heat.reshape(len(self.heat), -1).max(1) <= 0)

    def areas(self, order: str) -> Array:
        """(N,), the area under each deletion curve by the trapezoidal rule; 1 where the score never falls from 1."""
        return numpy.trapezoid(self.curves[order], FRACTIONS, axis=1)


def blank_pixel(training: Training) -> Any:
    """(channels, 1, 1): a black pixel as the network reads it."""
    mean, deviation = (numpy.asarray(each) for each in (training.data.mean, training.data.deviation))
    return training.torch.as_tensor(-mean / deviation, **training.like)[:, None, None]


def deletion_curve(score: Callable[[Any], Any], x: Any, order: Any, blank: Any, fractions: Array = FRACTIONS) -> Any:
    """(N, fractions): the scores of images while the pixels that come first in `order` are blank.

    score : images -> (N,).  x : (N, channels, H, W).  order : (N, H*W), the pixels of each image, first to last.
    """
    count = order.shape[1]
    rank = order.argsort(dim=1).reshape(len(x), 1, *x.shape[2:])
    kept = [rank >= round(float(fraction) * count) for fraction in fractions]
    return torch_module().stack([score(x.where(each, blank)) for each in kept], dim=1)


def orders_of(heat: Any, unaveraged: Any, on: Any, generator: Any) -> dict[str, Any]:
    """The orders of blanking of images, each (N, H*W): the largest first, what is equal in random order."""

    def drawn() -> Any:
        return heat.new_empty(heat.shape).uniform_(generator=generator)

    shuffled = drawn().argsort(dim=1)

    def first(key: Any) -> Any:
        return shuffled.gather(1, key.gather(1, shuffled).argsort(dim=1, descending=True, stable=True))

    keys = (heat, unaveraged, drawn(), on.to(heat.dtype))
    return {name: first(key) for name, key in zip(ORDERS, keys, strict=True)}


def explain(
    training: Training,
    code: GradCamCode,
    limit: int = 2000,
    report: Report | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Explained:
    """The first `limit` test images, explained for their predicted classes; random orders by the run's seed.

    stop : asked before every batch; KeyboardInterrupt is raised where it says so.
    """
    torch = training.torch
    images, labels = training.test[0][:limit], training.test[1][:limit]
    blank = blank_pixel(training)
    generator = torch.Generator(device=images.device).manual_seed(training.config.seed)
    parts: list[dict[str, Any]] = []
    for start, x in _batches(images):
        if stop():
            raise KeyboardInterrupt
        if report:
            report(f"explaining {len(labels)} test images, {start} done")
        features, scores = code.features(training.parameters, x)
        chosen = scores.argmax(1)

        def score(x: Any, chosen: Any = chosen) -> Any:
            with torch.no_grad():
                found = training.applied.forward(training.parameters, x)[0].softmax(1)
            return found.gather(1, chosen[:, None])[:, 0]

        _, heat, unaveraged = code.maps(training.parameters, features, chosen)
        large, other = (enlarged(each, *x.shape[2:]).flatten(1) for each in (heat, unaveraged))
        on = ((x - blank) * blank_scale(training)).amax(1).flatten(1) > DARK
        curves = {
            name: deletion_curve(score, x, order, blank)
            for name, order in orders_of(large, other, on, generator).items()
        }
        parts.append({
            "predicted": chosen, "probability": score(x), "heat": heat, "on_object": (large * on).sum(1) / large.sum(1),
            "object_part": on.to(x.dtype).mean(1), **curves,
        })  # fmt: skip
    joined = {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}
    curves = {name: joined.pop(name) for name in ORDERS}
    return Explained(labels=labels.cpu().numpy(), curves=curves, **joined)


def blank_scale(training: Training) -> Any:
    """(channels, 1, 1): a full pixel's part of one unit of what the network reads."""
    return training.torch.as_tensor(numpy.asarray(training.data.deviation), **training.like)[:, None, None]


def _batches(images: Any) -> Iterator[tuple[int, Any]]:
    for start in range(0, len(images), BATCH):
        yield start, images[start : start + BATCH]
