"""`derive train`: a real training by derived gradients, which are held against autograd's on the way."""

from __future__ import annotations

import contextlib
import json
import math
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from derive.cli.progress import Progress
from derive.errors import UsageError

EPILOG = """\b
Examples:
  derive train mlp                                          # digits, offline, seconds
  derive train mlp --data mnist --layers 512,256 --optimizer adam --lr 1e-3 --batch 100 -o build/mnist
  derive train cnn --data fashion-mnist --layers 8,16 --gradients both --check-every 100 -o build/fashion
  derive train mlp --data cifar10:cat,automobile --layers 128,32 --dtype float64 -o build/cats
  derive train mlp --data mnist --layers 512,256 --epochs 20 -o build/mnist --resume
  derive train vgg16 --data cifar10 --batchnorm --dropout -o build/vgg    # --full: as published, hours
\b
DERIVE_DATA names the folder with mnist/, fashion-mnist/ and cifar-10/; without it they are downloaded once.
Exit code 1: a gradient deviates from autograd's by more than rounding explains.
"""


#: A layer has at most so many units, and a network so many layers.
LARGEST, MOST_LAYERS = 1_000_000, 100


class Sizes(click.ParamType):  # type: ignore[type-arg]
    """`512,256`."""

    name = "sizes"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if len(parts) > MOST_LAYERS:
            self.fail(f"{len(parts)} sizes are given; at most {MOST_LAYERS} layers are trained", parameter, context)
        for part in parts:
            if not (part.isascii() and part.isdigit()):
                self.fail(f"{part[:40]!r} is no size; sizes are whole numbers, such as 512,256", parameter, context)
            if len(part) > 7 or not 1 <= int(part) <= LARGEST:
                self.fail(f"a layer has {part[:40]} units; it has between 1 and {LARGEST}", parameter, context)
        return tuple(map(int, parts))


@click.command("train", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("kind", metavar="mlp|cnn|vgg16")
@click.option("--data", help="digits, mnist, fashion-mnist or cifar10[:cat,dog]. [digits; vgg16: cifar10]")
@click.option(
    "--layers",
    type=Sizes(),
    help="Hidden sizes of an mlp [128]; channels of a cnn [8,16] or of the blocks of a vgg16 [8,16,32,64,64].",
)
@click.option("--dropout", is_flag=True, help="Of vgg16: half of the units behind each dense layer but the last.")
@click.option("--batchnorm", is_flag=True, help="Of vgg16: batch normalisation behind each convolution.")
@click.option(
    "--full", is_flag=True, help="vgg16 as published: all channels and images, lr 1e-4, batch 256, 10 epochs."
)
@click.option("--activation", default="relu", show_default=True, help="relu, tanh or sigmoid.")
@click.option("--optimizer", help="sgd or adam. [sgd; vgg16: adam]")
@click.option("--lr", type=float, help="Learning rate. [sgd: 0.1, adam: 0.001]")
@click.option("--momentum", type=float, default=0.0, show_default=True, help="Of sgd.")
@click.option("--weight-decay", type=float, help="The L2 penalty. [0; vgg16: 0.001]")
@click.option("--batch", type=int, help="Images in a step. [64; --full: 256]")
@click.option("--epochs", type=int, help="Times through the training images. [10; vgg16: 5]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the split, the weights and the batches.")
@click.option(
    "--gradients",
    default="both",
    show_default=True,
    help="derived, autograd, or both: derived, with checks on the way.",
)
@click.option("--check-every", type=int, default=50, show_default=True, help="With both: batches between two checks.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--dtype", default="float32", show_default=True, help="float32 or float64.")
@click.option("--limit", type=int, help="Use at most this many images of each split. [all; vgg16: 10000]")
@click.option("-o", "--out", "out", type=str, help="Folder to keep the run in.")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--allow-drift", is_flag=True, help="Resume under another version of torch or number of threads.")
@click.option("--force", is_flag=True, help="Begin anew in a folder that holds a run.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
def command(
    kind: str,
    full: bool,
    out: str | None,
    resume: bool,
    allow_drift: bool,
    force: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Train a network by derived gradients; compare them with autograd's, entry by entry, every so many batches."""
    from derive.experiments.configuration import chosen
    from derive.experiments.training import train_run

    if (resume or force) and out is None:
        raise UsageError("--resume and --force speak of a run's folder; name it with -o")
    if resume and force:
        raise UsageError("--resume goes on with a run and --force begins anew; choose one")
    config = chosen(kind, full=full, **options)
    with Progress() as progress, interruptible() as stop:
        result = train_run(
            config,
            Path(out) if out is not None else None,
            resume=resume,
            force=force,
            allow_drift=allow_drift,
            report=progress.doing,
            notice=lambda text: progress.echo(text, err=True),
            stop=stop,
        )
    if as_json:
        worst = result["largest_deviation"]
        if worst is not None and math.isinf(worst["relative_error"]):  # JSON has no infinity
            result = {**result, "largest_deviation": {**worst, "relative_error": "inf"}}
        click.echo(json.dumps({**result, "run": out}, indent=2, allow_nan=False))
    else:
        click.echo(_text(result, out))
    return 0 if result["passed"] else 1


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C is asked for after a step, so that it can be saved; a second one leaves at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _place(row: dict[str, Any]) -> str:
    index = ", ".join(map(str, row["index"]))
    return (
        f"{row['relative_error']:.1e} of the sum of absolute terms, in {row['tensor']}[{index}] at step {row['step']}"
    )


def _text(result: dict[str, Any], out: str | None) -> str:
    lines = [
        f"{result['network']}: {result['parameters']} parameters, {result['epochs']} epochs, {result['seconds']:.1f} s",
        f"validation accuracy {result['val_accuracy']:.4f} (epoch {result['best_epoch']}), "
        f"test accuracy {result['test_accuracy']:.4f}",
    ]
    worst = result["largest_deviation"]
    if worst is not None:
        lines.append(f"{result['checks']} checks against autograd; largest deviation {_place(worst)}")
        again = result["largest_deviation_in_float64"]
        if again is not None:
            lines.append(
                f"{result['repeated_in_float64']} of them deviate by more than {result['tolerance']:g}; in float64, "
                f"with the same weights and images, the largest deviation is {_place(again)}"
            )
        lines.append("deviations are of rounding" if result["passed"] else "MORE THAN ROUNDING EXPLAINS")
    if out is not None:
        lines.append(f"in {out}: summary.md, curves.svg, examples.svg, history.csv, checks.csv, best.npz")
    return "\n".join(lines)
