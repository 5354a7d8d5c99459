"""Training by derived gradients, by autograd's, or by derived ones that are held against autograd's on the way.

A run is a function of its configuration: the same seed gives the same splits, weights, batches and bits, also when
it was interrupted and resumed in between.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy

from derive.cli.output import write_file
from derive.codegen.networks import load_network
from derive.codegen.to_torch import torch_module
from derive.errors import DomainError, MissingPartError, UsageError
from derive.experiments.checkpoints import load_checkpoint, rotate, run_folder, save_checkpoint
from derive.experiments.comparing import Peer, largest_deviation
from derive.experiments.configuration import TOLERANCE, Config, initial, network_of
from derive.experiments.data import Dataset, Split, load
from derive.experiments.evaluation import Evaluation, evaluated
from derive.experiments.figures import examples_figure
from derive.experiments.formats import DataError
from derive.experiments.optimisers import STATES, Optimiser
from derive.experiments.report import CHECKS, HISTORY, csv_text, curves, evaluation_markdown, summary_markdown

Report = Callable[[str], None]
#: Curves are drawn at the end, and on the way after an epoch that ends so long after the last drawing.
SECONDS_BETWEEN_DRAWINGS = 20
#: What a checkpoint holds besides arrays: how far a training is.
PROGRESS = ("epoch", "batch", "step", "correct", "loss", "seconds", "best", "history", "checks", "doubled")
#: Dropout keeps a unit with this probability, and what it keeps is divided by it.
KEPT = 0.5
#: The part of a batch's statistics in the running ones, as torch has it.
MOMENTUM = 0.1


class Training:
    """One run in memory: parameters, optimiser, how far it is; `history` and `checks` are the rows of its tables.

    doubled : comparisons in float64, of the steps at which float32 deviates by more than the tolerance.
    """

    def __init__(self, config: Config, data: Dataset) -> None:
        torch = torch_module()
        _check_device(config.device)
        self.torch, self.config, self.data = torch, config, data
        self.network = network_of(config, data)
        self.code = load_network(self.network, "torch")
        applied = network_of(config, data, training=False)
        self.applied = self.code if applied.text == self.network.text else load_network(applied, "torch")
        self.peer = Peer(self.network)
        self.like = {"device": config.device, "dtype": getattr(torch, config.dtype)}
        self.parameters = {
            name: torch.as_tensor(array, **self.like) for name, array in initial(self.network, config.seed).items()
        }
        self.running = {
            name: torch.full(applied.given[name], float(name.startswith("var")), **self.like)
            for name in self.network.statistics
        }
        self.optimiser = Optimiser(
            config.optimizer, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
        )
        self.epoch = self.batch = self.step = self.correct = 0
        self.loss = self.seconds = 0.0
        self.best: dict[str, Any] = {"epoch": 0, "val_accuracy": -1.0}
        self.history: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
        self.doubled: list[dict[str, Any]] = []
        self.train, self.validation, self.test = map(self._tensors, (data.train, data.validation, data.test))

    def _tensors(self, split: Split) -> tuple[Any, Any]:
        images = split.rows if self.config.kind == "mlp" else split.images
        labels = self.torch.as_tensor(split.labels, device=self.config.device)
        return self.torch.as_tensor(images, **self.like), labels

    @property
    def batches(self) -> int:
        return -(-len(self.data.train) // self.config.batch)

    def run_batch(self) -> None:
        """One step. Raises DomainError at a value that is no number, naming the step and the tensor."""
        started = time.monotonic()
        order = numpy.random.default_rng([self.config.seed, 1, self.epoch]).permutation(len(self.data.train))
        chosen = order[self.batch * self.config.batch : (self.batch + 1) * self.config.batch]
        at = self.torch.as_tensor(chosen, device=self.config.device)
        x, y = self.train[0][at], self.train[1][at]
        values = self.parameters | self._masks(len(chosen))
        with self.torch.no_grad():
            output, saved = self.code.forward(values, x)
            self.correct += int((output.argmax(1) == y).sum())
            if self.config.gradients == "autograd":
                loss, gradients = self.peer.gradients(values, x, y)
            else:
                loss, gradients = self.code.backward(values, saved, y)
        if self.config.gradients == "both" and self.step % self.config.check_every == 0:
            self._check(values, x, y, gradients)
        self._check_finite(float(loss), gradients)
        self._remember(dict(zip(self.code.saved, saved, strict=False)), x)
        self.optimiser.step(self.parameters, gradients)
        self.loss += float(loss) * len(chosen)
        self.step, self.batch = self.step + 1, self.batch + 1
        self.seconds += time.monotonic() - started

    def _check(self, values: dict[str, Any], x: Any, y: Any, gradients: dict[str, Any]) -> None:
        """Note the entry that deviates most from autograd's.

        In float32 rounding may put an entry on another side of a kink of relu or of a maximum here than there, and a
        gradient that few samples reach is then another one. So what deviates by more than the tolerance is compared
        again in float64, with the same weights, images and masks; both deviations are kept.
        """
        theirs, sums = self.peer.scales(values, x, y)
        found = largest_deviation(self.step, gradients, theirs, sums)
        self.checks.append(asdict(found))
        if self.config.dtype == "float64" or found.relative_error <= TOLERANCE[self.config.dtype]:
            return
        double = {name: value.double() for name, value in values.items()}
        with self.torch.no_grad():
            gradients = self.code.backward(double, self.code.forward(double, x.double())[1], y)[1]
        self.doubled.append(asdict(largest_deviation(self.step, gradients, *self.peer.scales(double, x.double(), y))))

    def _masks(self, rows: int) -> dict[str, Any]:
        """Masks of dropout, drawn anew in each step."""
        generator = numpy.random.default_rng([self.config.seed, 2, self.step])
        drawn = {name: generator.random((rows, *shape)) < KEPT for name, shape in self.network.masks.items()}
        return {name: self.torch.as_tensor(kept / KEPT, **self.like) for name, kept in drawn.items()}

    def _remember(self, saved: dict[str, Any], x: Any) -> None:
        """Move the running statistics towards those of the batch; a variance without bias, as torch has it."""
        for name, running in self.running.items():
            statistic = saved[name]
            if name.startswith("var"):
                rows = len(x) * math.prod(self.network.shapes[f"z{name[3:]}"][1:])
                statistic = statistic * (rows / (rows - 1))
            running.mul_(1 - MOMENTUM).add_(statistic, alpha=MOMENTUM)

    def _check_finite(self, loss: float, gradients: dict[str, Any]) -> None:
        """Stop where something is no number: a parameter, else a gradient, else the loss itself."""
        isfinite = self.torch.isfinite
        if math.isfinite(loss) and all(bool(isfinite(gradient).all()) for gradient in gradients.values()):
            return
        for what, tensors in (("the parameter", self.parameters), ("the gradient of", gradients)):
            for name, tensor in tensors.items():
                if not bool(isfinite(tensor).all()):
                    index = tuple(self.torch.nonzero(~isfinite(tensor))[0].tolist())
                    message = f"step {self.step}: {what} {name} is {float(tensor[index])} at {index}"
                    raise DomainError(f"{message}; lower the learning rate", name)
        raise DomainError(f"step {self.step}: the loss is {loss}; lower the learning rate", "loss")

    def close_epoch(self) -> bool:
        """Validate, and note the epoch; whether it is the best so far by validation accuracy."""
        count = len(self.data.train)
        found = self.evaluate(self.validation, self.parameters)
        val_loss, val_accuracy = found.loss, found.accuracy
        self.epoch, self.batch = self.epoch + 1, 0
        row = (self.epoch, self.loss / count, self.correct / count, val_loss, val_accuracy, self.seconds)
        self.history.append(dict(zip(HISTORY, row, strict=True)))
        self.loss, self.correct, self.seconds = 0.0, 0, 0.0
        better = bool(val_accuracy > self.best["val_accuracy"])
        if better:
            self.best = {"epoch": self.epoch, "val_accuracy": val_accuracy}
        return better

    def evaluate(self, split: tuple[Any, Any], parameters: dict[str, Any]) -> Evaluation:
        """By the emitted forward pass; with running statistics and without dropout."""
        batch = 250 if self.config.kind == "vgg16" else 1000
        return evaluated(self.applied, self.running | parameters, *split, batch=batch)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The arrays of a checkpoint: parameters, and the optimiser's state of each."""
        states = STATES[self.optimiser.kind]
        found = {f"p.{name}": shape for name, shape in self.network.parameters.items()}
        found |= {f"r.{name}": tuple(value.shape) for name, value in self.running.items()}
        return found | {f"{s}.{name}": shape for s in states for name, shape in self.network.parameters.items()}

    def arrays(self) -> dict[str, Any]:
        tensors = {f"p.{name}": value for name, value in self.parameters.items()}
        tensors |= {f"r.{name}": value for name, value in self.running.items()}
        for state, held in self.optimiser.state.items():
            zero = self.torch.zeros_like
            tensors |= {f"{state}.{name}": held.get(name, zero(p)) for name, p in self.parameters.items()}
        return {name: value.cpu().numpy() for name, value in tensors.items()}

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in PROGRESS} | {
            "config": _comparable(self.config), "data": self.data.digest, "drift": self._drift(),
        }  # fmt: skip

    def _drift(self) -> dict[str, Any]:
        """What may change a result in its last bits."""
        return {"torch": str(self.torch.__version__), "threads": self.torch.get_num_threads()}

    def restore(self, path: Path, *, allow_drift: bool = False) -> None:
        """Go on where a checkpoint stands.

        Raises DataError for a damaged one, UsageError for one of another configuration, data set, or (without
        allow_drift) version of torch or number of threads.
        """
        arrays, state = load_checkpoint(path, self.shapes())
        for what, ours in (("config", _comparable(self.config)), ("data", self.data.digest), ("drift", self._drift())):
            if state.get(what) != ours and not (what == "drift" and allow_drift):
                hint = "; --allow-drift goes on, without the claim of equal bits" if what == "drift" else ""
                raise UsageError(f"{path} is of another run: {_difference(what, state.get(what), ours)}{hint}")
        for name, array in arrays.items():
            kind, _, parameter = name.partition(".")
            tensor = self.torch.as_tensor(array, **self.like).clone()
            held = {"p": self.parameters, "r": self.running, **self.optimiser.state}
            held[kind][parameter] = tensor
        for name in PROGRESS:
            setattr(self, name, state[name])
        self.optimiser.steps = self.step


def _check_device(name: str) -> None:
    """Raises MissingPartError for a device that is not here: nothing is done elsewhere instead."""
    torch = torch_module()
    number = name.removeprefix("cuda").removeprefix(":") or "0"
    known = name in ("cuda", f"cuda:{number}") and number.isascii() and number.isdigit()
    if name != "cpu" and not (known and int(number) < torch.cuda.device_count()):
        there = f"{torch.cuda.device_count()} CUDA devices" if torch.cuda.is_available() else "no CUDA"
        raise MissingPartError(f"there is no device {name} here ({there}); train with --device cpu")


def _comparable(config: Config) -> dict[str, Any]:
    """What has to be the same for a run to be resumed: all but how long it goes on."""
    data: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return {name: value for name, value in data.items() if name != "epochs"}


def _difference(what: str, theirs: Any, ours: Any) -> str:
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return f"its {what} is not the same"
    found = [f"{name} was {theirs.get(name)}, is {ours[name]}" for name in ours if theirs.get(name) != ours[name]]
    return "; ".join(found)


def train_run(
    config: Config,
    out: Path | None = None,
    *,
    resume: bool = False,
    force: bool = False,
    allow_drift: bool = False,
    report: Report | None = None,
    notice: Report | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train, and keep the run in a folder where one is named; the result as data, without the history.

    report : told what is being done.  notice : told what a person should know.  stop : asked after every step; where
    it says so the run is saved in the middle of the epoch and KeyboardInterrupt raised.
    Raises what Config, load and Training raise; DomainError at a value that is no number: the last checkpoint stays.
    """
    told = report or (lambda _: None)
    torch_module()
    told(f"reading {config.data}")
    data = load(config.data, seed=config.seed, dtype=config.dtype, limit=config.limit, size=config.size, report=report)
    training = Training(config, data)
    if out is None:
        _epochs(training, None, told, stop)
        return _result(training, training.evaluate(training.test, training.parameters), None)
    with run_folder(out, resume=resume, force=force) as folder:
        if resume:
            _restored(training, folder, allow_drift, notice or told)
        write_file(folder / "config.json", (json.dumps(asdict(config), indent=2) + "\n").encode(), force=True)
        _epochs(training, folder, told, stop)
        best, _ = load_checkpoint(folder / "best.npz", training.shapes())
        tensors = {name: torch_module().as_tensor(array, **training.like) for name, array in best.items()}
        chosen = {name[2:]: tensor for name, tensor in tensors.items() if name[:2] in ("p.", "r.")}
        result = _result(training, training.evaluate(training.test, chosen), folder)
    return result


def _restored(training: Training, folder: Path, allow_drift: bool, notice: Report) -> None:
    try:
        training.restore(folder / "last.npz", allow_drift=allow_drift)
    except DataError as reason:
        if not (folder / "previous.npz").is_file():
            if (folder / "last.npz").exists():
                raise
            notice(f"{folder} has no checkpoint yet; begun anew")
            return
        training.restore(folder / "previous.npz", allow_drift=allow_drift)
        notice(f"{reason.message}; went on from previous.npz, epoch {training.epoch}")


def _epochs(training: Training, folder: Path | None, told: Report, stop: Callable[[], bool]) -> None:
    config = training.config
    drawn = time.monotonic()
    while training.epoch < config.epochs:
        while training.batch < training.batches:
            told(f"epoch {training.epoch + 1} of {config.epochs}, batch {training.batch + 1} of {training.batches}")
            training.run_batch()
            if stop():
                if folder:
                    _save(training, folder)
                raise KeyboardInterrupt
        better = training.close_epoch()
        training._check_finite(0.0, training.parameters)
        if folder is None:
            continue
        if better:
            save_checkpoint(folder / "best.npz", training.arrays(), training.state())
        _save(training, folder)
        if training.epoch == config.epochs or time.monotonic() - drawn > SECONDS_BETWEEN_DRAWINGS:
            for ending, data in curves(training.history, config.title).items():
                write_file(folder / f"curves.{ending}", data, force=True)
            drawn = time.monotonic()


def _save(training: Training, folder: Path) -> None:
    rotate(folder)
    save_checkpoint(folder / "last.npz", training.arrays(), training.state())
    write_file(folder / "history.csv", csv_text(HISTORY, training.history).encode(), force=True)
    write_file(folder / "checks.csv", csv_text(CHECKS, training.checks).encode(), force=True)


def _worst(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return max(rows, key=lambda row: float(row["relative_error"]), default=None)


def _result(training: Training, found: Evaluation, folder: Path | None) -> dict[str, Any]:
    """The figures of a run; of the epoch with the best validation accuracy where a folder kept it."""
    worst, again = _worst(training.checks), _worst(training.doubled)
    last = again if training.config.dtype == "float32" else worst
    row = training.history[training.best["epoch"] - 1] if training.history else {}
    result = {
        "network": training.network.name,
        "parameters": sum(map(math.prod, training.network.parameters.values())),
        "images": [len(split) for split in (training.data.train, training.data.validation, training.data.test)],
        "epochs": training.epoch,
        "best_epoch": training.best["epoch"],
        "train_accuracy": row.get("train_accuracy"),
        "val_accuracy": training.best["val_accuracy"],
        "test_loss": found.loss,
        "test_accuracy": found.accuracy,
        "seconds": sum(row["seconds"] for row in training.history),
        "checks": len(training.checks),
        "largest_deviation": worst,
        "tolerance": TOLERANCE[training.config.dtype],
        "repeated_in_float64": len(training.doubled),
        "largest_deviation_in_float64": again,
        "passed": last is None or last["relative_error"] <= TOLERANCE["float64"],
        "config": {field.name: getattr(training.config, field.name) for field in dataclasses.fields(training.config)},
    }
    if folder is not None:
        text = summary_markdown(training.config.title, result, training.history)
        text += evaluation_markdown(found, training.data.classes)
        for ending, data in examples_figure(found, training.data).items():
            write_file(folder / f"examples.{ending}", data, force=True)
        write_file(folder / "summary.md", text.encode(), force=True)
    return result | {"classes": list(training.data.classes), "confusion": found.confusion}
