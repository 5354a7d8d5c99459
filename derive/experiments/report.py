"""A run as people read it: tables of comma-separated values, the learning curves, and a summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from derive.experiments.evaluation import Evaluation
from derive.experiments.figures import drawn, figure_of

HISTORY = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds")
CHECKS = ("step", "tensor", "index", "derived", "autograd", "relative_error")


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows of numbers and names, every float so that reading it gives its bits; an index as `3 4`."""
    lines = [",".join(columns)]
    for row in rows:
        lines.append(",".join(_cell(row[column]) for column in columns))
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return " ".join(map(str, value))
    return repr(value) if isinstance(value, float) else str(value)


def curves(history: Sequence[Mapping[str, Any]], title: str) -> dict[str, bytes]:
    """Cost and accuracy over the epochs, of training and validation images: "svg" and "png" -> a file."""
    with figure_of(9, 3.6) as figure:
        epochs = [row["epoch"] for row in history]
        for place, (name, label) in enumerate((("loss", "cost"), ("accuracy", "accuracy")), 1):
            axes = figure.add_subplot(1, 2, place)
            for split, words, style in (("train", "training", "-"), ("val", "validation", "--")):
                values = [row[f"{split}_{name}"] for row in history]
                axes.plot(epochs, values, style, marker="o", markersize=3, label=words)
            axes.set_xlabel("epoch")
            axes.set_ylabel(label)
            axes.grid(alpha=0.3)
            axes.legend()
        figure.suptitle(title)
        return drawn(figure)


def summary_markdown(title: str, result: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> str:
    """What was trained, how well it does, how far the gradients were apart, and the table of epochs."""
    lines = [f"# {title}", ""]
    lines += [f"- {name.replace('_', ' ')}: {_shown(value)}" for name, value in result.items() if value is not None]
    lines += ["", "| " + " | ".join(HISTORY) + " |", "|" + "---:|" * len(HISTORY)]
    lines += ["| " + " | ".join(_shown(row[column]) for column in HISTORY) + " |" for row in history]
    return "\n".join(lines) + "\n"


def evaluation_markdown(found: Evaluation, classes: Sequence[str]) -> str:
    """The confusion matrix of the test images, and all probabilities of three that are right and three that are not."""
    lines = [
        "",
        "## Confusion matrix of the test images",
        "",
        "| class | " + " | ".join(f"as {c}" for c in classes) + " |",
    ]
    lines.append("|---|" + "---:|" * len(classes))
    for name, row in zip(classes, found.confusion, strict=True):
        lines.append(f"| {name} | " + " | ".join(map(str, row)) + " |")
    lines += ["", "## Test images, right and wrong", "", "| image | class | " + " | ".join(classes) + " |"]
    lines.append("|---:|---|" + "---:|" * len(classes))
    for place in (*found.some(right=True), *found.some(right=False)):
        shares = [f"{share:.3f}" for share in found.probabilities[place]]
        shares[found.predicted[place]] = f"**{shares[found.predicted[place]]}**"
        lines.append(f"| {place} | {classes[found.labels[place]]} | " + " | ".join(shares) + " |")
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_shown(each)}" for name, each in value.items())
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(map(str, value)) + ")"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
