"""The selection as people read it: what the data are like, the table of configurations, and the chosen one tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy

from derive.cli.output import write_file
from derive.experiments.data import Dataset
from derive.experiments.evaluation import Evaluation
from derive.experiments.figures import draw_image, drawn, examples_figure, figure_of
from derive.experiments.report import evaluation_markdown

if TYPE_CHECKING:
    from derive.experiments.selection import Outcome


def write_report(
    folder: Path, data: Dataset, analysis: Mapping[str, Any], outcomes: Sequence[Outcome], best: int, found: Evaluation
) -> None:
    """summary.md, and as SVG and PNG: data (images of each class), losses (of all), examples (of the chosen one)."""
    figures = {
        "data": data_figure(data),
        "losses": losses_figure(outcomes),
        "examples": examples_figure(found, data),
    }
    for name, files in figures.items():
        for ending, content in files.items():
            write_file(folder / f"{name}.{ending}", content, force=True)
    text = summary(data, analysis, outcomes, best, found)
    write_file(folder / "summary.md", text.encode(), force=True)


def summary(
    data: Dataset, analysis: Mapping[str, Any], outcomes: Sequence[Outcome], best: int, found: Evaluation
) -> str:
    channels, rows, columns = analysis["shape"]
    lines = [
        f"# Gradient descent by hand on {data.name}", "", "## The data", "",
        f"Images of {channels} channels, {rows} x {columns} pixels; the test images are those that were published.", "",
        "| images | " + " | ".join(data.classes) + " | together |", "|---|" + "---:|" * (len(data.classes) + 1),
    ]  # fmt: skip
    for name, counts in analysis["counts"].items():
        lines.append(f"| {name} | " + " | ".join(map(str, counts)) + f" | {sum(counts)} |")
    lines += [
        "",
        "Channels of the training images, in parts of a full pixel; they are normalised by these moments:",
        "",
    ]
    lines.append("| channel | mean | standard deviation | " + " | ".join(f"mean of {c}" for c in data.classes) + " |")
    lines.append("|---:|---:|---:|" + "---:|" * len(data.classes))
    for channel in range(channels):
        of_class = " | ".join(f"{means[channel]:.4f}" for means in analysis["mean_of_class"])
        lines.append(
            f"| {channel} | {analysis['mean'][channel]:.4f} | {analysis['deviation'][channel]:.4f} | {of_class} |"
        )
    lines += [
        "", "## Configurations", "",
        "| configuration | steps | bits of torch.optim.SGD | training loss | validation loss | validation accuracy |",
        "|---|---:|---|---:|---:|---:|",
    ]  # fmt: skip
    for place, each in enumerate(outcomes):
        name = f"**{each.choice.name}**" if place == best else each.choice.name
        lines.append(
            f"| {name} | {each.steps} | {'equal' if each.equal else 'DIFFERENT'} | {each.losses[-1]:.4f} | "
            f"{each.val_loss:.4f} | {each.val_accuracy:.2%} |"
        )
    lines += [
        "", f"Chosen by validation accuracy: {outcomes[best].choice.name}. On the test images: accuracy "
        f"{found.accuracy:.2%}, loss {found.loss:.4f}.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n" + evaluation_markdown(found, data.classes)


def data_figure(data: Dataset) -> dict[str, bytes]:
    """Six training images of each class, and the mean of all of them."""
    with figure_of(9, 1.6 * len(data.classes) + 0.4) as figure:
        panels = figure.subplots(len(data.classes), 7, squeeze=False)
        for label, name in enumerate(data.classes):
            images = data.train.images[data.train.labels == label]
            for panel, image in zip(panels[label], images[:6], strict=False):
                draw_image(panel, image, data, name)
            draw_image(panels[label][6], images.mean(axis=0), data, f"mean of {len(images)}")
        return drawn(figure)


def losses_figure(outcomes: Sequence[Outcome]) -> dict[str, bytes]:
    """Training losses of all configurations: lines by hand, crosses by torch.optim.SGD, one on the other."""
    with figure_of(7.5, 4) as figure:
        axes = figure.add_subplot()
        for each in outcomes:
            epochs = numpy.arange(1, len(each.losses) + 1)
            (line,) = axes.plot(epochs, each.losses, label=each.choice.name)
            axes.plot(epochs, each.theirs, "x", color=line.get_color())
        axes.set_xlabel("epoch")
        axes.set_ylabel("training loss")
        axes.set_title("lines: the manual update; crosses: torch.optim.SGD", fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
        return drawn(figure)
