"""What a run is: its configuration, the network that follows from it, and the weights it begins with."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy

from derive.errors import UsageError
from derive.experiments.data import Dataset
from derive.experiments.optimisers import Optimiser
from derive.subjects.networks import Network, cnn, mlp
from derive.subjects.vgg import CHANNELS, vgg

#: The largest deviation from autograd that rounding explains, as a part of the sum of the absolute terms.
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
#: A network has at most this many parameters.
MOST_PARAMETERS = 100_000_000
KINDS = ("mlp", "cnn", "vgg16")
#: What is taken where nothing is said. vgg16 by itself is one that a laptop trains in about a minute.
DEFAULTS: dict[str, dict[str, Any]] = {
    "mlp": {"layers": (128,)},
    "cnn": {"layers": (8, 16)},
    "vgg16": {"data": "cifar10", "layers": (8, 16, 32, 64, 64), "optimizer": "adam", "weight_decay": 1e-3, "epochs": 5,
              "limit": 10_000},
}  # fmt: skip
#: VGG-16 as the exercise asks for it (deep learning, sheet 8, exercise 3).
FULL: dict[str, Any] = {"data": "cifar10", "layers": CHANNELS, "optimizer": "adam", "lr": 1e-4, "weight_decay": 1e-3,
                        "batch": 256, "epochs": 10}  # fmt: skip
RATES = {"sgd": 0.1, "adam": 0.001}


@dataclass(frozen=True)
class Config:
    """layers : hidden sizes of an mlp, channels of a cnn or of the blocks of a vgg16.

    check_every : batches between two comparisons.  dropout, batchnorm : of vgg16.
    """

    kind: str = "mlp"
    data: str = "digits"
    layers: tuple[int, ...] = (128,)
    activation: str = "relu"
    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0
    batch: int = 64
    epochs: int = 10
    seed: int = 0
    gradients: str = "both"
    check_every: int = 50
    device: str = "cpu"
    dtype: str = "float32"
    limit: int | None = None
    dropout: bool = False
    batchnorm: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for what is out of its range, before anything is read or made."""
        if self.kind not in KINDS:
            raise UsageError(f"there is no network {self.kind!r}; choose mlp, cnn or vgg16")
        if self.kind != "vgg16" and (self.dropout or self.batchnorm):
            raise UsageError(f"--dropout and --batchnorm belong to vgg16; {self.kind} has neither")
        self._check_types()
        for name, number, most in (
            ("batch", self.batch, 10**6), ("epochs", self.epochs, 10**6), ("check-every", self.check_every, 10**9),
        ):  # fmt: skip
            if not 1 <= number <= most:
                raise UsageError(f"{name} is {number}; it is between 1 and {most}")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"the seed is {self.seed}; it is between 0 and {2**32 - 1}")
        if len(self.layers) > 100 or any(not 1 <= size <= 10**6 for size in self.layers):
            raise UsageError("layers are at most 100 sizes between 1 and 1000000")
        for what, value, known in (
            ("gradients", self.gradients, ("derived", "autograd", "both")), ("dtype", self.dtype, tuple(TOLERANCE)),
            ("activation", self.activation, ("relu", "tanh", "sigmoid")),
        ):  # fmt: skip
            if value not in known:
                raise UsageError(f"{what} is {value!r}; choose from {', '.join(known)}")
        Optimiser(self.optimizer, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)

    def _check_types(self) -> None:
        """Raises UsageError where a value is not of the type of its default, as in a file that was written by hand."""
        for each in fields(self):
            value, like = getattr(self, each.name), each.default
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if each.name == "layers":
                fits = isinstance(value, tuple) and all(type(size) is int for size in value)
            elif each.name == "limit":
                fits = value is None or type(value) is int
            else:
                fits = number if isinstance(like, float) else type(value) is type(like)
            if not fits:
                wanted = {"layers": "whole numbers", "limit": "a whole number"}.get(each.name, f"such as {like!r}")
                raise UsageError(f"{each.name} is {value!r}; it is {wanted}")

    @property
    def size(self) -> int | None:
        """Of the images, where it is not the data set's own: VGG-16 halves them five times."""
        return 32 if self.kind == "vgg16" and self.data.startswith("cifar10") else None

    @property
    def title(self) -> str:
        sizes = ",".join(map(str, self.layers)) + ", dropout" * self.dropout + ", batchnorm" * self.batchnorm
        return f"{self.kind} {sizes} on {self.data}, {self.optimizer} {self.lr:g}, {self.gradients} gradients"


def chosen(kind: str, *, full: bool = False, **given: Any) -> Config:
    """The configuration of a kind of network; None stands for what is taken where nothing is said.

    full : vgg16 as the exercise asks for it.  Raises UsageError as Config does, and for `full` of another kind.
    """
    if full and kind != "vgg16":
        raise UsageError(f"--full belongs to vgg16; {kind} is trained in full anyway")
    if full and given.get("layers") is not None:
        raise UsageError("--full takes the channels as published; leave --layers out")
    taken = {"data": "digits", **(FULL if full else DEFAULTS.get(kind, {}))}
    taken |= {name: value for name, value in given.items() if value is not None}
    taken.setdefault("lr", RATES.get(taken.get("optimizer", "sgd"), 0.1))
    return Config(kind=kind, **taken)


def network_of(config: Config, data: Dataset, *, training: bool = True) -> Network:
    """The network with its input and output sizes; for use, where `training` is False.

    Raises UsageError for more than MOST_PARAMETERS parameters, or for more memory than the machine has.
    """
    channels, rows, columns = data.shape
    sizes = (math.prod(data.shape), *config.layers, len(data.classes))
    if config.kind == "mlp":
        count = sum((first + 1) * second for first, second in pairwise(sizes))
    else:
        count = sum(9 * first * second for first, second in pairwise((channels, *config.layers)))
    if count > MOST_PARAMETERS:
        raise UsageError(f"{count} parameters take {8e-9 * count:.1f} GB; at most {MOST_PARAMETERS} are trained")
    if config.kind == "mlp":
        network = mlp(sizes, config.activation)
    elif config.kind == "cnn":
        network = cnn((channels, rows, columns), config.layers, len(data.classes), activation=config.activation)
    else:
        network = vgg(
            (channels, rows, columns), config.layers, len(data.classes),
            batchnorm=config.batchnorm, dropout=config.dropout, training=training,
        )  # fmt: skip
    _check_memory(network, config, len(data.train))
    return network


def _check_memory(network: Network, config: Config, images: int) -> None:
    """Parameters, their gradients and two states of each; the values of a batch, and as much again for adjoints."""
    size = 8 if config.dtype == "float64" else 4
    weights = 4 * size * sum(map(math.prod, network.parameters.values()))
    batch = min(config.batch, images)
    values = 2 * size * batch * sum(map(math.prod, network.shapes.values()))
    there = memory_bytes()
    if weights + values > there:
        raise UsageError(
            f"a step takes about {(weights + values) * 1e-9:.1f} GB ({weights * 1e-9:.1f} for parameters, "
            f"{values * 1e-9:.1f} for {batch} images), and there are {there * 1e-9:.1f} GB; "
            "take smaller layers or batches"
        )


def memory_bytes() -> int:
    """What the machine has; 16 GB where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 16 * 10**9


def initial(network: Network, seed: int) -> dict[str, Any]:
    """The weights that a training begins with, float64 arrays by name.

    Uniform between -1/sqrt(inputs) and 1/sqrt(inputs), as torch's layers begin. A network of more than ten layers is
    begun with normal weights of variance 2/inputs and biases 0, so that values keep their size through all of them
    (K. He et al., 2015, arXiv:1502.01852). Batch normalisation begins with factor 1 and shift 0.
    """
    generator = numpy.random.default_rng([seed, 0])
    found: dict[str, Any] = {}
    deep = sum(name.startswith("W") for name in network.parameters) > 10
    bound = 1.0
    for name, shape in network.parameters.items():
        if name[0] in "gh":
            found[name] = numpy.full(shape, 1.0 if name[0] == "g" else 0.0)
            continue
        if len(shape) > 1:
            bound = 1 / math.sqrt(math.prod(shape[1:]))
        if deep:
            found[name] = generator.normal(0, math.sqrt(2) * bound, shape) if len(shape) > 1 else numpy.zeros(shape)
        else:
            found[name] = generator.uniform(-bound, bound, shape)
    return found
