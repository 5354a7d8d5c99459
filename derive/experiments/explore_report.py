"""An exploration as people read it: one table in Markdown and in comma-separated values, and the learning curves."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

from derive.experiments.explore import Exploration, Row
from derive.experiments.report import csv_text

COLUMNS = (
    "layers", "activation", "lr", "gradients", "parameters", "epochs", "best_epoch", "train_loss", "train_accuracy",
    "val_loss", "val_accuracy", "test_accuracy", "largest_deviation", "seconds", "note",
)  # fmt: skip

_OF_THE_EPOCH = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def table(found: Exploration) -> list[dict[str, Any]]:
    """A row for each run, in COLUMNS; what does not apply is "".

    train_loss ... val_accuracy are those of the best epoch. test_accuracy stands with the favourite alone, and with
    its twin by derived gradients: all else is chosen by validation images.
    """
    favourite = found.favourite
    twin = found.beside(favourite) if favourite else None
    lines = []
    for row in (*found.rows, *found.derived):
        result: Mapping[str, Any] = row.result or {}
        best: Mapping[str, Any] = row.best or {}
        worst = result.get("largest_deviation") or {}
        tested = row is favourite or row is twin
        lines.append({
            "layers": "-".join(map(str, row.config.layers)), "activation": row.config.activation, "lr": row.config.lr,
            "gradients": "autograd" if row.config.gradients == "autograd" else "derived",
            "parameters": result.get("parameters", ""), "epochs": len(row.history),
            "best_epoch": result.get("best_epoch", ""),
            **{name: _finite(best.get(name, "")) for name in _OF_THE_EPOCH},
            "test_accuracy": result.get("test_accuracy", "") if tested else "",
            "largest_deviation": worst.get("relative_error", ""),
            "seconds": sum(each["seconds"] for each in row.history),
            "note": row.stopped.replace(",", ";") or ("favourite" if row is favourite else ""),
        })  # fmt: skip
    return lines


def _finite(value: Any) -> Any:
    """A number, or its name where JSON has none for it."""
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def table_csv(found: Exploration) -> str:
    return csv_text(COLUMNS, table(found))


def summary(found: Exploration) -> str:
    """What was chosen and why, what derived gradients change, and the table."""
    lines = [f"# {_title(found)}", ""]
    favourite = found.favourite
    if favourite is None or favourite.result is None or favourite.best is None:
        lines.append("Every run stopped at a value that is no number; lower the learning rates.")
    else:
        result, best = favourite.result, favourite.best
        lines += [
            f"- chosen by validation accuracy: layers {_layers(favourite)}, {favourite.config.activation}, learning "
            f"rate {favourite.config.lr:g}, epoch {result['best_epoch']} of {favourite.config.epochs}: training "
            f"{best['train_accuracy']:.2%}, validation {best['val_accuracy']:.2%}, test {result['test_accuracy']:.2%}"
        ]
        lines += [line for row in found.derived if (line := _compared(row, found))]
    rows = table(found)
    lines += ["", "| " + " | ".join(name.replace("_", " ") for name in COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(_cell(name, row[name]) for name in COLUMNS) + " |" for row in rows]
    lines += [
        "", "Losses and accuracies are those of the epoch with the best validation accuracy. The largest deviation is "
        "that of a derived gradient from autograd's, in parts of the sum of its absolute terms.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _title(found: Exploration) -> str:
    config = found.rows[0].config
    return f"{config.kind} variants on {config.data}, {config.optimizer}, batch {config.batch}, seed {config.seed}"


def _layers(row: Row) -> str:
    return "-".join(map(str, row.config.layers))


def _compared(row: Row, found: Exploration) -> str:
    """The run by derived gradients beside the one by autograd's."""
    other = next(
        each for each in found.rows
        if (each.config.layers, each.config.activation, each.config.lr)
        == (row.config.layers, row.config.activation, row.config.lr)
    )  # fmt: skip
    if row.result is None or other.result is None:
        return f"- layers {_layers(row)}, learning rate {row.config.lr:g}, by derived gradients: {row.stopped}"
    worst = row.result["largest_deviation"]
    text = (
        f"- layers {_layers(row)}, learning rate {row.config.lr:g}: validation {row.validation:.2%} by derived "
        f"gradients, {other.validation:.2%} by autograd's"
    )
    if worst:
        text += f"; {row.result['checks']} checks against autograd, largest deviation {worst['relative_error']:.1e}"
    return text


def _cell(name: str, value: Any) -> str:
    if value == "":
        return "-"
    if name.endswith("accuracy") and isinstance(value, float):
        return f"{value:.2%}"
    if isinstance(value, float):
        return f"{value:.1e}" if name == "largest_deviation" else f"{value:.4g}"
    return str(value).replace("|", "\\|")


def curves(found: Exploration, form: str) -> bytes:
    """The learning curves as "svg" or "png": a row for each variant, cost and accuracy; a colour for each rate."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    variants = list(dict.fromkeys((row.config.layers, row.config.activation) for row in found.rows))
    rates = list(dict.fromkeys(row.config.lr for row in found.rows))
    colours = {rate: f"C{place % 10}" for place, rate in enumerate(rates)}
    with matplotlib.rc_context({"svg.hashsalt": "derive"}):
        figure = Figure(figsize=(10, 1.0 + 2.3 * len(variants)), layout="constrained")
        (FigureCanvasSVG if form == "svg" else FigureCanvasAgg)(figure)
        grid = figure.subplots(len(variants), 2, squeeze=False, sharex=True)
        for (layers, activation), axes in zip(variants, grid, strict=True):
            for row in (*found.rows, *found.derived):
                if (row.config.layers, row.config.activation) == (layers, activation):
                    _drawn(axes, row, colours[row.config.lr])
            for each, what in zip(axes, ("cost", "accuracy"), strict=True):
                each.set_title(f"{'-'.join(map(str, layers))}, {activation}: {what}", fontsize="medium")
                each.grid(alpha=0.3)
            shown = [v for row in found.rows if row.config.layers == layers for e in row.history for v in _losses(e)]
            if shown and min(shown) > 0:
                axes[0].set_yscale("log")
        for each in grid[-1]:
            each.set_xlabel("epoch")
            each.xaxis.set_major_locator(MaxNLocator(integer=True))
        keys = [Line2D([], [], color=colours[rate], label=f"learning rate {rate:g}") for rate in rates]
        keys += [
            Line2D([], [], color="black", label="training"),
            Line2D([], [], color="black", linestyle="--", label="validation"),
        ]
        if found.derived:
            keys.append(
                Line2D(
                    [], [], color="black", linestyle="", marker="o", markerfacecolor="none", label="derived gradients"
                )
            )
        figure.legend(
            handles=keys, loc="outside upper center", ncols=min(len(keys), 6), fontsize="small", title=_title(found)
        )
        data = io.BytesIO()
        metadata = {"Date": None, "Creator": "derive"} if form == "svg" else {"Software": "derive"}
        figure.savefig(data, format=form, dpi=110, metadata=metadata)
    return data.getvalue()


def _losses(epoch: Mapping[str, Any]) -> tuple[float, float]:
    return float(epoch["train_loss"]), float(epoch["val_loss"])


def _drawn(axes: Any, row: Row, colour: str) -> None:
    """One run: lines, or for derived gradients circles, which lie on the lines of autograd's where they agree."""
    epochs = [each["epoch"] for each in row.history]
    derived = row.config.gradients != "autograd"
    for each, name in zip(axes, ("loss", "accuracy"), strict=True):
        for split, style in (("train", "-"), ("val", "--")):
            values = [epoch[f"{split}_{name}"] for epoch in row.history]
            if derived:
                each.plot(epochs, values, linestyle="", marker="o", markersize=5, markerfacecolor="none", color=colour)
            else:
                each.plot(epochs, values, linestyle=style, color=colour, linewidth=1.2)
