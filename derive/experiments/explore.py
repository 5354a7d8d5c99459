"""Variants of a perceptron: every combination trained, one chosen by validation accuracy, derived gradients beside it.

Each combination of layers, activation and learning rate is a run in a folder of its own, trained by autograd's
gradients as a course has it. The best learning rate of each variant is then trained again by derived gradients, from
the same weights and batches. A run that is finished has a result.json, the last file to be written, and is not
trained again; one that was interrupted is resumed to the bit.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from derive.cli.output import write_file
from derive.errors import DomainError, OutputError, UsageError
from derive.experiments.configuration import Config, network_of
from derive.experiments.data import Dataset, load
from derive.experiments.formats import DataError
from derive.experiments.sources import Report
from derive.experiments.training import train_run

RESULT, SETTINGS = "result.json", "explore.json"
#: What a result that is read again has to hold.
_KEYS = {"config", "data", "stopped", "result", "history"}
#: Not more runs than this in one exploration.
MOST_RUNS = 200


@dataclass(frozen=True)
class Row:
    """One finished run. result : as train_run gives it, or None where it stopped at a value that is no number.

    history : the epochs.  stopped : why it stopped, or "".
    """

    config: Config
    result: dict[str, Any] | None
    history: list[dict[str, Any]]
    stopped: str

    @property
    def validation(self) -> float:
        """The validation accuracy of the best epoch; below all others for a run that stopped."""
        return float(self.result["val_accuracy"]) if self.result else -1.0

    @property
    def best(self) -> dict[str, Any] | None:
        """The row of the best epoch."""
        epoch = self.result["best_epoch"] if self.result else None
        return next((row for row in self.history if row["epoch"] == epoch), None)


@dataclass(frozen=True)
class Exploration:
    """rows : of the combinations, in the order they were named.  derived : of the variants, by derived gradients.

    favourite : the row with the best validation accuracy; the smaller network where two are equal.
    """

    rows: list[Row]
    derived: list[Row]

    @property
    def favourite(self) -> Row | None:
        trained = [row for row in self.rows if row.result]
        return max(trained, key=lambda row: (row.validation, -row.result["parameters"]), default=None)  # type: ignore[index]

    def beside(self, row: Row) -> Row | None:
        """The run by derived gradients of the same settings."""
        return next((each for each in self.derived if _settings(each.config) == _settings(row.config)), None)


def combinations(
    base: Config, layers: Sequence[tuple[int, ...]], activations: Sequence[str], rates: Sequence[float]
) -> list[Config]:
    """Every combination once, those of one variant together. Raises UsageError for none, or for too many."""
    variants = [(sizes, activation) for sizes in dict.fromkeys(layers) for activation in dict.fromkeys(activations)]
    count = len(variants) * len(dict.fromkeys(rates))
    if not 1 <= count <= MOST_RUNS:
        raise UsageError(f"{count} combinations are asked for; between 1 and {MOST_RUNS} are trained")
    return [
        dataclasses.replace(base, layers=sizes, activation=activation, lr=rate, gradients="autograd")
        for sizes, activation in variants
        for rate in dict.fromkeys(rates)
    ]


def best_rates(rows: Sequence[Row]) -> list[Row]:
    """Of each variant the row with the best validation accuracy, the first where two are equal."""
    found: dict[tuple[tuple[int, ...], str], Row] = {}
    for row in rows:
        key = (row.config.layers, row.config.activation)
        if row.result and (key not in found or row.validation > found[key].validation):
            found[key] = row
    return list(found.values())


def explore(
    configs: Sequence[Config],
    out: Path,
    *,
    derived: bool = True,
    check_every: int = 100,
    force: bool = False,
    report: Report | None = None,
    notice: Report | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Exploration:
    """Train what is not finished yet.

    derived : whether the best learning rate of each variant is trained again by derived gradients.  force : train
    everything anew.  report, notice, stop : as `train_run` has them.
    Raises UsageError for a folder with other files or with runs of other settings, and what `train_run` raises.
    """
    first = configs[0]
    (report or (lambda _: None))(f"reading {first.data}")
    data = load(first.data, seed=first.seed, dtype=first.dtype, limit=first.limit, report=report)
    for config in configs:
        network_of(config, data)  # too large a network is refused before anything is trained
    _prepare(out)
    clock = _Clock(data, [*configs, *([configs[0]] if derived else [])], report, stop)
    clock.expect(configs, len({(each.layers, each.activation) for each in configs}) if derived else 0)

    def run(config: Config) -> Row:
        return _trained(config, data, out, force, clock, notice)

    rows = [run(config) for config in configs]
    again = best_rates(rows) if derived else []
    return Exploration(
        rows, [run(dataclasses.replace(row.config, gradients="both", check_every=check_every)) for row in again]
    )


def _prepare(out: Path) -> None:
    """A folder of our own: new, empty, or one that an exploration began."""
    if "\0" in str(out):
        raise UsageError("a folder name cannot hold a NUL character")
    try:
        out.mkdir(parents=True, exist_ok=True)
        others = any(out.iterdir())
    except OSError as reason:
        raise OutputError(f"{out}: {reason.strerror or reason}") from reason
    if others and not (out / SETTINGS).is_file():
        raise UsageError(f"{out} holds other files; name an empty folder, or one of an exploration")
    write_file(out / SETTINGS, b'{"format": 1}\n', force=True)


def run_name(config: Config) -> str:
    """The folder of a run: mlp-256-128-relu-lr0.1-autograd."""
    sizes = "-".join(map(str, config.layers))
    rate = repr(config.lr).removesuffix(".0")
    how = "autograd" if config.gradients == "autograd" else "derived"
    return f"{config.kind}-{sizes}-{config.activation}-lr{rate}-{how}"


def _trained(config: Config, data: Dataset, out: Path, force: bool, clock: _Clock, notice: Report | None) -> Row:
    """The row of one combination: read where it is finished, else trained, or gone on with."""
    folder = out / run_name(config)
    known = None if force else _read(folder, config, data)
    if known is not None:
        clock.skip(config)
        return known
    begun = not force and (folder / "config.json").is_file()
    clock.begin(run_name(config), config)
    stopped, result = "", None
    try:
        result = train_run(
            config, folder, resume=begun, force=force, report=clock.told, notice=notice, stop=clock.step
        )  # fmt: skip
    except DomainError as reason:  # a learning rate that is too large is a finding, and the others go on
        stopped = reason.message
    kept = None if result is None else json.loads(json.dumps(result))  # as it will be read again
    row = Row(config, kept, _history(folder), stopped)
    write_file(folder / RESULT, _text(row, data).encode(), force=True)
    return row


def _history(folder: Path) -> list[dict[str, Any]]:
    """The rows of history.csv; none where the first epoch was not finished."""
    try:
        lines = (folder / "history.csv").read_text().splitlines()
    except FileNotFoundError:
        return []
    except OSError as reason:
        raise OutputError(f"{folder}: {reason.strerror or reason}") from reason
    names = lines[0].split(",")
    return [
        {name: int(cell) if name == "epoch" else float(cell) for name, cell in zip(names, line.split(","), strict=True)}
        for line in lines[1:]
    ]


def _text(row: Row, data: Dataset) -> str:
    return json.dumps(
        {
            "config": _plain(row.config), "data": data.digest, "stopped": row.stopped, "result": row.result,
            "history": row.history,
        }, indent=1,
    ) + "\n"  # fmt: skip


def _read(folder: Path, config: Config, data: Dataset) -> Row | None:
    """A finished run; None where there is none. Raises UsageError for one of other settings, DataError for damage."""
    path = folder / RESULT
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except OSError as reason:
        raise OutputError(f"{path}: {reason.strerror or reason}") from reason
    except (ValueError, RecursionError) as reason:
        raise DataError("it is damaged; delete it to train this variant again", str(path)) from reason
    if not isinstance(found, dict) or set(found) != _KEYS or not isinstance(found["config"], dict):
        raise DataError("it is no result of an exploration; delete it to train this variant again", str(path))
    ours = _plain(config)
    different = [f"{name} was {found['config'].get(name)}, is {ours[name]}" for name in ours
                 if found["config"].get(name) != ours[name]]  # fmt: skip
    if different or found["data"] != data.digest:
        what = "; ".join(different) or "its images were others"
        raise UsageError(f"{folder} holds a run of other settings: {what}; name another folder, or --force")
    return Row(config, found["result"], found["history"], found["stopped"])


def _plain(config: Config) -> dict[str, Any]:
    """The configuration as JSON gives it back."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return plain


def _settings(config: Config) -> Config:
    return dataclasses.replace(config, gradients="both", check_every=1)


class _Clock:
    """Tells how far the exploration is and how long it still takes, from the work that is done and left.

    The work of a step is its multiplications and additions, about three for each parameter and image, and a fixed part.
    """

    def __init__(
        self, data: Dataset, configs: Sequence[Config], report: Report | None, stop: Callable[[], bool]
    ) -> None:
        self.data, self.report, self.stop = data, report, stop
        self.works: dict[Config, float] = {}
        self.left = self.done = self.seconds = self.now = 0.0
        self.total = self.number = 0
        self.name, self.since = "", time.monotonic()

    def work(self, config: Config) -> float:
        """Of one step."""
        sizes = network_of(config, self.data).parameters.values()
        return 3.0 * config.batch * sum(float(numpy.prod(shape)) for shape in sizes) + 2e6

    def expect(self, configs: Sequence[Config], again: int) -> None:
        """again : how many variants are trained a second time, about as long as the mean of the first."""
        works = [self.steps(config) * self.work(config) for config in configs]
        self.left = sum(works) * (1 + again / len(works))
        self.total = len(configs) + again

    def steps(self, config: Config) -> int:
        return config.epochs * -(-len(self.data.train) // config.batch)

    def skip(self, config: Config) -> None:
        self.number += 1
        self.left -= self.steps(config) * self.work(config)

    def begin(self, name: str, config: Config) -> None:
        self.number += 1
        self.name, self.now, self.since = name, self.work(config), time.monotonic()

    def step(self) -> bool:
        """After each step of a run."""
        now = time.monotonic()
        self.seconds, self.since = self.seconds + now - self.since, now
        self.done, self.left = self.done + self.now, max(self.left - self.now, 0.0)
        return self.stop()

    def told(self, text: str) -> None:
        if self.report:
            self.report(f"{self.name} ({self.number} of {self.total}), {text}{self.remaining()}")

    def remaining(self) -> str:
        """`, about 12 min left`, once there is something to judge by."""
        if self.seconds < 1:
            return ""
        seconds = self.left * self.seconds / self.done
        return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"
