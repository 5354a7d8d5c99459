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
from derive.experiments.formats import DataError
from derive.experiments.optimisers import STATES, Optimiser
from derive.experiments.report import CHECKS, HISTORY, csv_text, curves_svg, summary_markdown

Report = Callable[[str], None]


class Training:
    """One run in memory: parameters, optimiser, how far it is; `history` and `checks` are the rows of its tables."""

    def __init__(self, config: Config, data: Dataset) -> None:
        torch = torch_module()
        if config.device != "cpu" and not (config.device.startswith("cuda") and torch.cuda.is_available()):
            raise MissingPartError(f"there is no device {config.device} here; train with --device cpu")
        self.torch, self.config, self.data = torch, config, data
        self.network = network_of(config, data)
        self.code = load_network(self.network, "torch")
        self.peer = Peer(self.network, config.activation)
        self.like = {"device": config.device, "dtype": getattr(torch, config.dtype)}
        self.parameters = {
            name: torch.as_tensor(array, **self.like) for name, array in initial(self.network, config.seed).items()
        }
        self.optimiser = Optimiser(
            config.optimizer, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
        )
        self.epoch = self.batch = self.step = self.correct = 0
        self.loss = self.seconds = 0.0
        self.best: dict[str, Any] = {"epoch": 0, "val_accuracy": -1.0}
        self.history: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
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
        with self.torch.no_grad():
            output, saved = self.code.forward(self.parameters, x)
            self.correct += int((output.argmax(1) == y).sum())
            if self.config.gradients == "autograd":
                loss, gradients = self.peer.gradients(self.parameters, x, y)
            else:
                loss, gradients = self.code.backward(self.parameters, saved, y)
        if self.config.gradients == "both" and self.step % self.config.check_every == 0:
            theirs, sums = self.peer.scales(self.parameters, x, y)
            self.checks.append(asdict(largest_deviation(self.step, gradients, theirs, sums)))
        self._check_finite(float(loss), gradients)
        self.optimiser.step(self.parameters, gradients)
        self.loss += float(loss) * len(chosen)
        self.step, self.batch = self.step + 1, self.batch + 1
        self.seconds += time.monotonic() - started

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
        val_loss, val_accuracy = self.evaluate(self.validation, self.parameters)
        self.epoch, self.batch = self.epoch + 1, 0
        row = (self.epoch, self.loss / count, self.correct / count, val_loss, val_accuracy, self.seconds)
        self.history.append(dict(zip(HISTORY, row, strict=True)))
        self.loss, self.correct, self.seconds = 0.0, 0, 0.0
        better = bool(val_accuracy > self.best["val_accuracy"])
        if better:
            self.best = {"epoch": self.epoch, "val_accuracy": val_accuracy}
        return better

    def evaluate(self, split: tuple[Any, Any], parameters: dict[str, Any]) -> tuple[float, float]:
        """The mean loss and the accuracy, by the emitted forward pass."""
        loss, correct = 0.0, 0
        images, labels = split
        with self.torch.no_grad():
            for start in range(0, len(labels), 1000):
                x, y = images[start : start + 1000], labels[start : start + 1000]
                output = self.code.forward(parameters, x)[0]
                loss += float(self.torch.nn.functional.cross_entropy(output, y, reduction="sum"))
                correct += int((output.argmax(1) == y).sum())
        return loss / len(labels), correct / len(labels)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The arrays of a checkpoint: parameters, and the optimiser's state of each."""
        states = STATES[self.optimiser.kind]
        found = {f"p.{name}": shape for name, shape in self.network.parameters.items()}
        return found | {f"{s}.{name}": shape for s in states for name, shape in self.network.parameters.items()}

    def arrays(self) -> dict[str, Any]:
        tensors = {f"p.{name}": value for name, value in self.parameters.items()}
        for state, held in self.optimiser.state.items():
            zero = self.torch.zeros_like
            tensors |= {f"{state}.{name}": held.get(name, zero(p)) for name, p in self.parameters.items()}
        return {name: value.cpu().numpy() for name, value in tensors.items()}

    def state(self) -> dict[str, Any]:
        names = ("epoch", "batch", "step", "correct", "loss", "seconds", "best", "history", "checks")
        return {name: getattr(self, name) for name in names} | {
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
            (self.parameters if kind == "p" else self.optimiser.state[kind])[parameter] = tensor
        for name in ("epoch", "batch", "step", "correct", "loss", "seconds", "best", "history", "checks"):
            setattr(self, name, state[name])
        self.optimiser.steps = self.step


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
    data = load(config.data, seed=config.seed, dtype=config.dtype, limit=config.limit, report=report)
    training = Training(config, data)
    if out is None:
        _epochs(training, None, told, stop)
        return _result(training, training.parameters)
    with run_folder(out, resume=resume, force=force) as folder:
        if resume:
            _restored(training, folder, allow_drift, notice or told)
        write_file(folder / "config.json", (json.dumps(asdict(config), indent=2) + "\n").encode(), force=True)
        _epochs(training, folder, told, stop)
        best, _ = load_checkpoint(folder / "best.npz", training.shapes())
        chosen = {
            name[2:]: torch_module().as_tensor(a, **training.like) for name, a in best.items() if name[:2] == "p."
        }
        result = _result(training, chosen)
        text = summary_markdown(config.title, result, training.history)
        write_file(folder / "summary.md", text.encode(), force=True)
    return result


def _restored(training: Training, folder: Path, allow_drift: bool, notice: Report) -> None:
    try:
        training.restore(folder / "last.npz", allow_drift=allow_drift)
    except DataError as reason:
        if not (folder / "previous.npz").is_file():
            raise
        training.restore(folder / "previous.npz", allow_drift=allow_drift)
        notice(f"{reason.message}; went on from previous.npz, epoch {training.epoch}")


def _epochs(training: Training, folder: Path | None, told: Report, stop: Callable[[], bool]) -> None:
    config = training.config
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
        write_file(folder / "curves.svg", curves_svg(training.history, config.title).encode(), force=True)


def _save(training: Training, folder: Path) -> None:
    rotate(folder)
    save_checkpoint(folder / "last.npz", training.arrays(), training.state())
    write_file(folder / "history.csv", csv_text(HISTORY, training.history).encode(), force=True)
    write_file(folder / "checks.csv", csv_text(CHECKS, training.checks).encode(), force=True)


def _result(training: Training, parameters: dict[str, Any]) -> dict[str, Any]:
    """The figures of a run; of the epoch with the best validation accuracy where a folder kept it."""
    test_loss, test_accuracy = training.evaluate(training.test, parameters)
    worst = max(training.checks, key=lambda row: row["relative_error"], default=None)
    return {
        "network": training.network.name,
        "parameters": sum(map(math.prod, training.network.parameters.values())),
        "epochs": training.epoch,
        "best_epoch": training.best["epoch"],
        "val_accuracy": training.best["val_accuracy"],
        "test_loss": test_loss,
        "test_accuracy": test_accuracy,
        "seconds": sum(row["seconds"] for row in training.history),
        "checks": len(training.checks),
        "largest_deviation": worst,
        "tolerance": TOLERANCE[training.config.dtype],
        "config": {field.name: getattr(training.config, field.name) for field in dataclasses.fields(training.config)},
    }
