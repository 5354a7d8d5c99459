"""Figures of experiments, as SVG and PNG; the same bytes for the same numbers and version of matplotlib."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy

from derive.experiments.data import Dataset
from derive.experiments.evaluation import Array, Evaluation


@contextlib.contextmanager
def figure_of(width: float, height: float) -> Iterator[Any]:
    """A figure of so many inches, without a window and without the clock or chance in its bytes."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "derive"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def drawn(figure: Any) -> dict[str, bytes]:
    """ "svg" and "png" -> the figure as a file."""
    found = {}
    for ending, about in (("svg", {"Date": None, "Creator": "derive"}), ("png", {"Software": None})):
        data = io.BytesIO()
        figure.savefig(data, format=ending, metadata=about, dpi=120)
        figure.set_layout_engine("none")  # found once, the layout holds for the next format
        found[ending] = data.getvalue()
    return found


def shown(image: Array, data: Dataset) -> Array:
    """(rows, columns, 3) or (rows, columns): an image as it was before it was normalised, between 0 and 1."""
    mean, deviation = (numpy.asarray(each)[:, None, None] for each in (data.mean, data.deviation))
    pixels = numpy.clip(image * deviation + mean, 0, 1)
    return numpy.asarray(pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels[0])


def draw_image(axes: Any, image: Array, data: Dataset, title: str) -> None:
    axes.imshow(shown(image, data), cmap="gray", vmin=0, vmax=1)
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def examples_figure(found: Evaluation, data: Dataset) -> dict[str, bytes]:
    """Three test images that are right and three that are wrong, each beside the probabilities of all classes."""
    columns = [found.some(right=True), found.some(right=False)]
    with figure_of(10, 7) as figure:
        figure.suptitle("test images: right on the left, wrong on the right")
        panels = figure.subplots(3, 4, squeeze=False)
        for panel in panels.flat:
            panel.set_axis_off()
        for side, places in enumerate(columns):
            for row, place in enumerate(places):
                name = data.classes[found.labels[place]]
                draw_image(panels[row][2 * side], data.test.images[place], data, f"{name} (image {place})")
                _bars(panels[row][2 * side + 1], found.probabilities[place], data.classes, found.labels[place])
        return drawn(figure)


def _bars(axes: Any, shares: Array, classes: Sequence[str], label: int) -> None:
    axes.set_axis_on()
    colours = ["tab:green" if place == label else "tab:gray" for place in range(len(classes))]
    axes.barh(range(len(classes)), shares, color=colours)
    axes.set_yticks(range(len(classes)), classes, fontsize=7)
    axes.set_xlim(0, 1)
    axes.set_xticks((0, 0.5, 1))
    axes.tick_params(axis="x", labelsize=7)
    axes.invert_yaxis()
    for place, share in enumerate(shares):
        axes.text(min(share + 0.02, 0.8), place, f"{share:.3f}", va="center", fontsize=6)
