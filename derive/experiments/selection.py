"""Gradient descent by hand on CIFAR-10: analysis of the data, several configurations, one chosen and tested.

Each configuration is trained twice, by torch.optim.SGD and by the manual update, and both have to agree to the last
bit. The one with the best validation accuracy is evaluated on the test images.
Source: INF265, Project 1, section 3.1.

    python -m derive.experiments.selection -o build/selection
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy

from derive.codegen.to_torch import torch_module
from derive.errors import DeriveError, OutputError, UsageError
from derive.experiments.checkpoints import load_checkpoint, save_checkpoint
from derive.experiments.data import Dataset, Split, load
from derive.experiments.evaluation import Evaluation
from derive.experiments.formats import DataError
from derive.experiments.manual import batches, perceptron, train, train_manual_update

Report = Callable[[str], None]
#: Hidden layers of the sheet's perceptron.
HIDDEN = (128, 32)


@dataclass(frozen=True)
class Choice:
    """What is chosen between."""

    lr: float
    weight_decay: float = 0.0
    momentum: float = 0.0

    @property
    def name(self) -> str:
        return f"lr {self.lr:g}, weight decay {self.weight_decay:g}, momentum {self.momentum:g}"


CHOICES = (
    Choice(0.01),
    Choice(0.01, weight_decay=0.01),
    Choice(0.01, momentum=0.9),
    Choice(0.01, weight_decay=0.001, momentum=0.8),
    Choice(0.01, weight_decay=0.01, momentum=0.9),
)


@dataclass(frozen=True)
class Outcome:
    """losses, theirs : of each epoch, by hand and by torch.optim.SGD.  equal : all losses of all steps and all final
    weights agree to the last bit.  val_loss, val_accuracy : of the final weights."""

    choice: Choice
    losses: list[float]
    theirs: list[float]
    equal: bool
    steps: int
    val_loss: float
    val_accuracy: float
    seconds: float


def analysed(data: Dataset) -> dict[str, Any]:
    """Images of each class in each split, and what the channels are like before they are normalised."""
    splits = {"training": data.train, "validation": data.validation, "test": data.test}
    counts = {
        name: numpy.bincount(split.labels, minlength=len(data.classes)).tolist() for name, split in splits.items()
    }
    scale = numpy.array(data.deviation)[:, None, None]
    shift = numpy.array(data.mean)[:, None, None]
    pixels = data.train.images * scale + shift
    of_class = [pixels[data.train.labels == label].mean(axis=(0, 2, 3)).tolist() for label in range(len(data.classes))]
    return {
        "shape": list(data.shape), "counts": counts, "mean": list(data.mean), "deviation": list(data.deviation),
        "mean_of_class": of_class,
    }  # fmt: skip


def trained(choice: Choice, data: Dataset, *, epochs: int, seed: int) -> tuple[Any, Outcome]:
    """The model trained by hand, and how it went beside torch.optim.SGD from the same weights on the same batches."""
    torch = torch_module()
    sizes = (int(numpy.prod(data.shape)), *HIDDEN, len(data.classes))
    ours, theirs = (perceptron(sizes, seed=seed) for _ in range(2))
    loss_fn = torch.nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(theirs.parameters(), **asdict(choice))
    started = time.monotonic()
    first = train(epochs, optimiser, theirs, loss_fn, batches(data.train))
    second = train_manual_update(epochs, choice.lr, ours, loss_fn, batches(data.train), choice.weight_decay,
                                 choice.momentum)  # fmt: skip
    same = all(torch.equal(one, two) for one, two in zip(ours.parameters(), theirs.parameters(), strict=True))
    found = evaluated(ours, data.validation)
    return ours, Outcome(
        choice, second.epochs, first.epochs, first.steps == second.steps and same, len(second.steps), found.loss,
        found.accuracy, time.monotonic() - started,
    )  # fmt: skip


def evaluated(model: Any, split: Split) -> Evaluation:
    torch = torch_module()
    with torch.no_grad():
        output, labels = model(torch.from_numpy(split.images)), torch.from_numpy(split.labels)
        loss = float(torch.nn.functional.cross_entropy(output, labels))
        return Evaluation(loss, output.double().softmax(1).numpy(), split.labels)


def select(
    folder: Path,
    *,
    name: str = "cifar10:cat,automobile",
    choices: Sequence[Choice] = CHOICES,
    epochs: int = 10,
    seed: int = 42,
    limit: int | None = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Train all, choose by validation accuracy, test the chosen one; figures and a summary go into the folder.

    What a folder holds already is not trained again.
    Raises UsageError for nothing to choose between, and what `load` and `write_file` raise.
    """
    from derive.experiments.selection_report import write_report

    if len(choices) < 2 or epochs < 1:
        raise UsageError("a choice needs two configurations and an epoch")
    told = report or (lambda _: None)
    data = load(name, dtype="float64", seed=seed, limit=limit, report=told)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise OutputError(f"{folder}: {reason.strerror or reason}") from reason
    outcomes, models = [], []
    for number, choice in enumerate(choices, 1):
        told(f"configuration {number} of {len(choices)}: {choice.name}")
        key = {"choice": asdict(choice), "data": data.digest, "epochs": epochs, "seed": seed}
        model, outcome = _kept(folder / f"configuration-{number}.npz", key, choice, data, epochs, seed)
        outcomes.append(outcome)
        models.append(model)
    best = max(range(len(outcomes)), key=lambda place: outcomes[place].val_accuracy)
    found = evaluated(models[best], data.test)
    write_report(folder, data, analysed(data), outcomes, best, found)
    return {
        "chosen": asdict(choices[best]), "equal": all(each.equal for each in outcomes),
        "val_accuracy": outcomes[best].val_accuracy, "test_accuracy": found.accuracy, "test_loss": found.loss,
        "confusion": found.confusion, "classes": list(data.classes),
    }  # fmt: skip


def _kept(
    path: Path, key: dict[str, Any], choice: Choice, data: Dataset, epochs: int, seed: int
) -> tuple[Any, Outcome]:
    """A trained configuration, from the folder if it is there."""
    torch = torch_module()
    sizes = (int(numpy.prod(data.shape)), *HIDDEN, len(data.classes))
    model = perceptron(sizes, seed=seed)
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    if path.is_file():
        try:
            arrays, state = load_checkpoint(path, shapes)
        except DataError:
            state = {}
        if state.get("key") == key:
            model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
            return model, Outcome(choice, **state["outcome"])
    model, outcome = trained(choice, data, epochs=epochs, seed=seed)
    arrays = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    kept = {name: value for name, value in asdict(outcome).items() if name != "choice"}
    save_checkpoint(path, arrays, {"key": key, "outcome": kept})
    return model, outcome


@click.command()
@click.option("--data", default="cifar10:cat,automobile", show_default=True)
@click.option("--epochs", type=click.IntRange(1, 10_000), default=10, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=42, show_default=True)
@click.option("--limit", type=click.IntRange(1), help="Use at most this many images of each split.")
@click.option("-o", "--out", "out", required=True, help="Folder for the summary and the figures.")
def main(data: str, epochs: int, seed: int, limit: int | None, out: str) -> None:
    """Choose between configurations of gradient descent, and test the chosen one."""
    try:
        result = select(
            Path(out), name=data, epochs=epochs, seed=seed, limit=limit, report=lambda text: click.echo(text, err=True)
        )
    except DeriveError as reason:
        click.echo(f"derive: {reason.message}", err=True)
        raise SystemExit(reason.exit_code) from None
    click.echo(json.dumps(result, indent=2))
    raise SystemExit(0 if result["equal"] else 1)


if __name__ == "__main__":
    main()
