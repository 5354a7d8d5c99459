"""A run as people read it: tables of comma-separated values, the learning curves, and a summary."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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


def curves_svg(history: Sequence[Mapping[str, Any]], title: str) -> str:
    """Cost and accuracy over the epochs, of training and validation images; the same bytes for the same numbers."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "derive"}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        FigureCanvasSVG(figure)
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
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": "derive"})
    return text.getvalue()


def summary_markdown(title: str, result: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> str:
    """What was trained, how well it does, how far the gradients were apart, and the table of epochs."""
    lines = [f"# {title}", ""]
    lines += [f"- {name.replace('_', ' ')}: {_shown(value)}" for name, value in result.items() if value is not None]
    lines += ["", "| " + " | ".join(HISTORY) + " |", "|" + "---:|" * len(HISTORY)]
    lines += ["| " + " | ".join(_shown(row[column]) for column in HISTORY) + " |" for row in history]
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_shown(each)}" for name, each in value.items())
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(map(str, value)) + ")"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
