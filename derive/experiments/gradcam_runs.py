"""The trained network that Grad-CAM explains: a run that `derive train cnn` keeps, or one of our own that is cached."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from derive.codegen.to_torch import torch_module
from derive.errors import OutputError, UsageError
from derive.experiments.checkpoints import load_checkpoint
from derive.experiments.configuration import Config, network_of
from derive.experiments.data import Dataset, load
from derive.experiments.formats import DataError
from derive.experiments.gradcam import check_layer
from derive.experiments.sources import Report, cache
from derive.experiments.training import Training, train_run

#: Data set -> channels of the convolutions, and epochs, of the network that is trained where no run is named.
DEFAULTS = {
    "digits": ((8, 16), 20),
    "mnist": ((16, 32), 3),
    "fashion-mnist": ((16, 32), 8),
    "cifar10": ((32, 64), 10),
}
#: The last thing that a run writes.
FINISHED = "summary.md"
#: A config.json is not longer than this.
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Trained:
    """A network with its best weights. folder : where it is kept.  training : its data, code and weights."""

    folder: Path
    training: Training

    @property
    def config(self) -> Config:
        return self.training.config

    @property
    def data(self) -> Dataset:
        return self.training.data


def default_config(data: str, dtype: str = "float64") -> Config:
    """A convolutional network with one dense layer, trained by derived gradients that are held against autograd's."""
    layers, epochs = DEFAULTS.get(data.split(":")[0], ((16, 32), 8))
    return Config(
        kind="cnn", data=data, layers=layers, optimizer="adam", lr=1e-3, epochs=epochs, check_every=100, dtype=dtype
    )


def default_folder(config: Config) -> Path:
    """Where the run of a configuration is cached: beside the downloads, under a name that its settings make."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(config), sort_keys=True).encode()).hexdigest()
    base = config.data.replace(":", "-").replace(",", "-")
    return cache() / "runs" / f"{base}-cnn-{digest[:12]}"


def trained(
    data: str | None,
    run: Path | None,
    *,
    device: str = "cpu",
    report: Report | None = None,
    notice: Report | None = None,
    stop: Callable[[], bool] = lambda: False,
    layer: str | None = None,
) -> Trained:
    """The network of a run, or of the default one, which is trained, or resumed, where it is not there yet.

    data : None for the data set of the run, or Fashion-MNIST where none is named.
    report, notice, stop : as `train_run` has them.  layer : feature maps that will be asked for.
    Raises UsageError: no run, or one of another kind, data set, or with fewer than two convolutions, or no such layer;
    DataError for a damaged one; MissingPartError without torch, the data or the device.
    """
    torch_module()
    if run is not None:
        return open_run(run, data, device=device, report=report)
    config = dataclasses.replace(default_config(data or "fashion-mnist"), device=device)
    folder = default_folder(config)
    images = load(config.data, seed=config.seed, dtype=config.dtype, report=report)  # refused before a folder is made
    if layer is not None:
        check_layer(network_of(config, images), layer)  # before it is trained for minutes
    if not (folder / FINISHED).is_file():
        if notice:
            notice(f"training {config.title}, {config.epochs} epochs, once; it is kept in {folder}")
        begun = (folder / "config.json").is_file()
        # its bits are no claim here, so a run that another version of torch began is gone on with
        train_run(config, folder, resume=begun, allow_drift=True, report=report, notice=notice, stop=stop)
    return open_run(folder, data, device=device, report=report, images=images)


def open_run(
    folder: Path, data: str | None, *, device: str = "cpu", report: Report | None = None, images: Dataset | None = None
) -> Trained:
    """The network of a run with the weights of its best epoch. Raises what `trained` raises.

    data : what it has to have been trained on, or None.  images : the data where they have been read already.
    """
    config = dataclasses.replace(read_config(folder), device=device)
    if config.kind != "cnn":
        raise UsageError(f"{folder} holds an {config.kind}, and Grad-CAM needs feature maps: name a run of train cnn")
    if data is not None and config.data != data:
        raise UsageError(f"{folder} was trained on {config.data}, not on {data}; say --data {config.data}")
    if len(config.layers) < 2:
        raise UsageError(f"{folder} has {len(config.layers)} convolution; Grad-CAM is asked of two or more")
    found = images or load(
        config.data, seed=config.seed, dtype=config.dtype, limit=config.limit, size=config.size, report=report
    )
    training = Training(config, found)
    arrays, state = load_checkpoint(folder / "best.npz", training.shapes())
    if state.get("data") != found.digest:
        raise UsageError(f"{folder} was trained on other images than the {config.data} that is here")
    for name in training.parameters:
        training.parameters[name] = training.torch.as_tensor(arrays[f"p.{name}"], **training.like)
    return Trained(folder, training)


def read_config(folder: Path) -> Config:
    """The configuration of a run. Raises UsageError where there is no run, DataError for a config.json not of ours."""
    path = folder / "config.json"
    try:
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder of a run; make one with derive train cnn -o {folder}")
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{folder} holds no run: it has no config.json; make one with derive train cnn -o") from None
    except (OSError, ValueError) as reason:
        raise OutputError(f"{path}: {getattr(reason, 'strerror', None) or reason}") from reason
    try:
        found = json.loads(text) if len(text) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise DataError("it is no configuration of a run", str(path))
    known = {field.name for field in dataclasses.fields(Config)}
    if unknown := next((name for name in found if name not in known), None):
        raise DataError(f"there is no setting {unknown[:60]}; it was written by another version", str(path))
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    try:
        return Config(**values)
    except UsageError as reason:
        raise DataError(reason.message, str(path)) from reason
