"""What a run is: its configuration, the network that follows from it, and the weights it begins with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy

from derive.errors import UsageError
from derive.experiments.data import Dataset
from derive.experiments.optimisers import Optimiser
from derive.subjects.networks import Network, cnn, mlp

#: The largest deviation from autograd that rounding explains, as a part of the sum of the absolute terms.
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
#: A network has at most this many parameters.
MOST_PARAMETERS = 100_000_000


@dataclass(frozen=True)
class Config:
    """layers : hidden sizes of an mlp, channels of a cnn.  check_every : batches between two comparisons."""

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

    def __post_init__(self) -> None:
        """Raises UsageError for what is out of its range, before anything is read or made."""
        if self.kind not in ("mlp", "cnn"):
            raise UsageError(f"there is no network {self.kind!r}; choose mlp or cnn")
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

    @property
    def title(self) -> str:
        sizes = ",".join(map(str, self.layers))
        return f"{self.kind} {sizes} on {self.data}, {self.optimizer} {self.lr:g}, {self.gradients} gradients"


def network_of(config: Config, data: Dataset) -> Network:
    """The network with its input and output sizes. Raises UsageError for more than MOST_PARAMETERS parameters."""
    sizes = (math.prod(data.shape), *config.layers, len(data.classes))
    if config.kind == "mlp":
        count = sum((first + 1) * second for first, second in pairwise(sizes))
    else:
        count = sum(9 * first * second for first, second in pairwise((data.shape[0], *config.layers)))
    if count > MOST_PARAMETERS:
        raise UsageError(f"{count} parameters take {8e-9 * count:.1f} GB; at most {MOST_PARAMETERS} are trained")
    if config.kind == "mlp":
        return mlp(sizes, config.activation)
    channels, rows, columns = data.shape
    return cnn((channels, rows, columns), config.layers, len(data.classes), activation=config.activation)


def initial(network: Network, seed: int) -> dict[str, Any]:
    """Uniform between -1/sqrt(inputs) and 1/sqrt(inputs), as torch's layers begin; float64 arrays by name."""
    generator = numpy.random.default_rng([seed, 0])
    found: dict[str, Any] = {}
    bound = 1.0
    for name, shape in network.parameters.items():
        if len(shape) > 1:
            bound = 1 / math.sqrt(math.prod(shape[1:]))
        found[name] = generator.uniform(-bound, bound, shape)
    return found
