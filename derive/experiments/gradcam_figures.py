"""Grad-CAM as pictures: samples of each class with their maps, the deletion curves, and the mean map of each class."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from derive.codegen.to_torch import torch_module
from derive.experiments.gradcam import enlarged
from derive.experiments.gradcam_analysis import FRACTIONS, Explained
from derive.experiments.gradcam_classes import HOT, Region
from derive.experiments.training import Training

Array = NDArray[Any]
COLOURS = "inferno"
#: Order of blanking -> how its curve is drawn, and what it is called.
CURVES = {
    "hottest": ("C3", "-", "hottest pixels of Grad-CAM first"),
    "unaveraged": ("C0", "-.", "hottest of the map without the mean"),
    "random": ("0.45", "--", "random pixels"),
    "random object": ("0.1", ":", "random pixels of the object"),
}


@dataclass(frozen=True)
class Sample:
    """One test image in a figure. number : of the test image.  heat : (h, w)."""

    number: int
    label: int
    predicted: int
    probability: float
    heat: Array


def samples_of(found: Explained, classes: int) -> list[tuple[Sample | None, Sample | None]]:
    """Of each class the first test image that is predicted rightly, and the first that is not; None where none is."""
    chosen = []
    for number in range(classes):
        pair = []
        for wanted in (True, False):
            at = numpy.flatnonzero((found.labels == number) & (found.right == wanted))
            pair.append(_sample(found, int(at[0])) if len(at) else None)
        chosen.append((pair[0], pair[1]))
    return chosen


def _sample(found: Explained, at: int) -> Sample:
    return Sample(at, int(found.labels[at]), int(found.predicted[at]), float(found.probability[at]), found.heat[at])


def shown_image(training: Training, number: int) -> Array:
    """(H, W) or (H, W, 3), 0..1: a test image as it is looked at."""
    data = training.data
    raw = data.test.images[number] * numpy.reshape(data.deviation, (-1, 1, 1)) + numpy.reshape(data.mean, (-1, 1, 1))
    image = numpy.clip(numpy.moveaxis(raw, 0, -1), 0, 1)
    return numpy.asarray(image[..., 0] if image.shape[-1] == 1 else image)


def figure_samples(training: Training, samples: Sequence[tuple[Sample | None, Sample | None]], layer: str) -> Any:
    """A row for two classes: each with its right sample and its wrong one, image and overlay side by side."""
    names = training.data.classes
    rows = math.ceil(len(samples) / 2)
    figure = _figure(13.6, 0.9 + 1.95 * rows)
    grid = figure.subplots(rows, 8, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    picture = None
    for place, (pair, name) in enumerate(zip(samples, names, strict=True)):
        cells = grid[place % rows, 4 * (place // rows) : 4 * (place // rows) + 4]
        for sample, (plain, over), kind in zip(pair, (cells[:2], cells[2:]), ("right", "wrong"), strict=True):
            if sample is None:
                plain.text(0.5, 0.5, f"{name}: no {kind}\nprediction among\nthese images", ha="center", va="center",
                           transform=plain.transAxes, fontsize=8)  # fmt: skip
                continue
            image = shown_image(training, sample.number)
            plain.imshow(image, cmap="gray", vmin=0, vmax=1)
            told = f"{names[sample.label]} (no. {sample.number})\n→ {names[sample.predicted]} {sample.probability:.2f}"
            plain.set_title(told, fontsize=8, color="black" if kind == "right" else "tab:red")
            over.imshow(image, cmap="gray", vmin=0, vmax=1)
            heat, top = _scaled(sample.heat, image.shape[:2])
            picture = over.imshow(heat, cmap=COLOURS, vmin=0, vmax=1, alpha=0.6)
            over.set_title(f"maximum {top:.2g}" if top else "empty map", fontsize=8)
    if picture is not None:
        bar = figure.colorbar(picture, ax=list(grid.flat), fraction=0.02, pad=0.01, aspect=40)
        bar.set_label("Grad-CAM of the predicted class, in parts of the map's maximum")
    figure.suptitle(
        f"{training.data.name}: Grad-CAM at {layer}; true class → predicted class, its probability; wrong ones in red"
    )
    return figure


def _scaled(heat: Array, shape: tuple[int, ...]) -> tuple[Array, float]:
    """The map at the image's size, in parts of its maximum, and the maximum."""
    large = enlarged(torch_module().as_tensor(heat)[None], *shape)[0].numpy()
    top = float(heat.max())
    return (large / large.max() if top > 0 else large), top


def figure_deletion(found: Explained, classes: Sequence[str]) -> Any:
    """The mean deletion curves of each class by its right predictions, and of all right and all wrong predictions."""
    parts = [(name, found.right & (found.labels == number)) for number, name in enumerate(classes)]
    parts += [("all right predictions", found.right), ("all wrong predictions", ~found.right)]
    rows = math.ceil(len(parts) / 4)
    figure = _figure(12, 0.8 + 2.4 * rows)
    grid = figure.subplots(rows, 4, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(parts) :]:
        axes.set_axis_off()
    for axes, (name, chosen) in zip(grid.flat, parts, strict=False):
        axes.set_title(f"{name} ({int(chosen.sum())})", fontsize=9)
        axes.grid(alpha=0.3)
        axes.set_ylim(0, 1.02)
        if not chosen.any():
            continue
        for order, (colour, style, _) in CURVES.items():
            axes.plot(FRACTIONS, found.curves[order][chosen].mean(0), color=colour, linestyle=style, linewidth=1.5)
    for axes in grid[-1]:
        axes.set_xlabel("part of the pixels blanked")
    for axes in grid[:, 0]:
        axes.set_ylabel("class probability")
    from matplotlib.lines import Line2D

    keys = [Line2D([], [], color=colour, linestyle=style, label=text) for colour, style, text in CURVES.values()]
    figure.legend(handles=keys, loc="outside upper center", ncols=4, fontsize="small")
    return figure


def figure_regions(regions: Sequence[Region], title: str) -> Any:
    """The mean map of each class; a line around the pixels that are hot in this class and in no other."""
    rows = math.ceil(len(regions) / 5)
    figure = _figure(12, 0.9 + 2.5 * rows)
    grid = figure.subplots(rows, 5, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    picture = None
    for axes, region in zip(grid.flat, regions, strict=False):
        axes.set_title(f"{region.name}\n{int(region.hot.sum())} pixels hot, {int(region.own.sum())} own", fontsize=9)
        if region.mean_map is None:
            axes.text(0.5, 0.5, "no map", ha="center", va="center", transform=axes.transAxes)
            continue
        picture = axes.imshow(region.mean_map, cmap=COLOURS, vmin=0, vmax=1)
        for start, end in outline(region.own):
            axes.plot([start[1], end[1]], [start[0], end[0]], color="cyan", linewidth=1.6)
    if picture is not None:
        bar = figure.colorbar(picture, ax=list(grid.flat), fraction=0.02, pad=0.01, aspect=30)
        bar.set_label("mean map, in parts of its maximum")
    figure.suptitle(f"{title}; in cyan the pixels at {HOT:g} of the maximum or more in this class alone")
    return figure


def outline(inside: Array) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The edges of pixels, as (row, column) of both ends, between a pixel that is inside and one that is not."""
    padded = numpy.pad(inside, 1)
    edges = []
    for row, column in zip(*numpy.nonzero(padded[1:, :] != padded[:-1, :]), strict=True):
        edges.append(((row - 0.5, column - 1.5), (row - 0.5, column - 0.5)))
    for row, column in zip(*numpy.nonzero(padded[:, 1:] != padded[:, :-1]), strict=True):
        edges.append(((row - 1.5, column - 0.5), (row - 0.5, column - 0.5)))
    return [((float(a), float(b)), (float(c), float(d))) for (a, b), (c, d) in edges]


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def drawn(figure: Any, form: str) -> bytes:
    """The bytes of a figure as "png" or "svg", the same for the same numbers."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    data = io.BytesIO()
    metadata = {"Date": None, "Creator": "derive"} if form == "svg" else {"Software": "derive"}
    with matplotlib.rc_context({"svg.hashsalt": "derive"}):
        (FigureCanvasSVG if form == "svg" else FigureCanvasAgg)(figure)
        figure.savefig(data, format=form, dpi=110, metadata=metadata)
    return data.getvalue()
