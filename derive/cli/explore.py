"""`derive explore`: variants of a perceptron trained and compared, one chosen, derived gradients beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from derive.cli.output import write_file
from derive.cli.progress import Progress
from derive.cli.train import Sizes, interruptible

EPILOG = """\b
Examples:
  derive explore --layers 32 --layers 64,32 --lr 0.3,0.1 -o build/variants                # digits, offline
  derive explore --data mnist --layers 32 --layers 128 --layers 256 --layers 128,64 --layers 256,128 \\
                 --lr 0.3,0.1,0.03 --epochs 8 -o build/mnist-variants
\b
Every combination of --layers, --activation and --lr is trained by autograd's gradients; the best learning rate of each
variant once more by derived gradients (--derived none leaves that out). The folder gets summary.md, summary.csv,
curves.svg, curves.png, and each run in a folder of its own. Run it again to go on: what is finished is not repeated.
Exit code 1: a gradient deviates from autograd's by more than rounding explains.
"""


class Rates(click.ParamType):  # type: ignore[type-arg]
    """`0.1,0.01`."""

    name = "rates"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of numbers such as 0.1,0.01", parameter, context)


@click.command("explore", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", default="digits", show_default=True, help="digits, mnist, fashion-mnist or cifar10[:cat,dog].")
@click.option("--layers", type=Sizes(), multiple=True, required=True, help="Hidden sizes of a variant; again for more.")
@click.option("--activation", multiple=True, default=("relu",), show_default=True, help="relu, tanh or sigmoid.")
@click.option("--lr", type=Rates(), required=True, help="Learning rates, with commas between them.")
@click.option("--optimizer", default="sgd", show_default=True, help="sgd or adam.")
@click.option("--momentum", type=float, default=0.0, show_default=True, help="Of sgd.")
@click.option("--weight-decay", type=float, default=0.0, show_default=True, help="The L2 penalty.")
@click.option("--batch", type=int, default=64, show_default=True, help="Images in a step.")
@click.option("--epochs", type=int, default=10, show_default=True, help="Times through the training images.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the split, the weights and the batches.")
@click.option(
    "--derived",
    type=click.Choice(["best", "none"]),
    default="best",
    show_default=True,
    help="Train the best learning rate of each variant again by derived gradients.",
)
@click.option("--check-every", type=int, default=100, show_default=True, help="Batches between two checks of them.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--dtype", default="float32", show_default=True, help="float32 or float64.")
@click.option("--limit", type=int, help="Use at most this many images of each split.")
@click.option("-o", "--out", type=str, required=True, help="Folder to keep the exploration in.")
@click.option("--force", is_flag=True, help="Train everything anew.")
@click.option("--json", "as_json", is_flag=True, help="The table as JSON.")
def command(
    layers: tuple[tuple[int, ...], ...],
    activation: tuple[str, ...],
    lr: tuple[float, ...],
    derived: str,
    check_every: int,
    out: str,
    force: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Train variants of an MLP, choose by validation accuracy, and set derived gradients beside autograd's."""
    from derive.experiments.configuration import Config
    from derive.experiments.explore import combinations, explore
    from derive.experiments.explore_report import curves, summary, table, table_csv

    base = Config(layers=layers[0], lr=lr[0], activation=activation[0], check_every=check_every, **options)
    configs = combinations(base, layers, activation, lr)
    folder = Path(out)
    with Progress() as progress, interruptible() as stop:
        found = explore(
            configs,
            folder,
            derived=derived == "best",
            check_every=check_every,
            force=force,
            report=progress.doing,
            notice=lambda text: progress.echo(text, err=True),
            stop=stop,
        )
        progress.doing("drawing the learning curves")
        write_file(folder / "summary.csv", table_csv(found).encode(), force=True)
        write_file(folder / "summary.md", summary(found).encode(), force=True)
        for form in ("svg", "png"):
            write_file(folder / f"curves.{form}", curves(found, form), force=True)
    passed = all(
        row.result is None
        or row.result["largest_deviation"] is None
        or row.result["largest_deviation"]["relative_error"] <= row.result["tolerance"]
        for row in found.derived
    )
    if as_json:
        favourite = found.favourite
        chosen = None if favourite is None else {"layers": favourite.config.layers, "lr": favourite.config.lr,
                                                 "activation": favourite.config.activation}  # fmt: skip
        click.echo(json.dumps({"favourite": chosen, "rows": table(found), "passed": passed, "folder": out}, indent=2))
    else:
        click.echo(
            f"{summary(found)}\nin {out}: summary.md, summary.csv, curves.svg, curves.png, a folder for each run"
        )
    return 0 if passed else 1
