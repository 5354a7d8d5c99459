"""Networks described once: layers, sizes, activation and loss as a program in the plain notation.

Rows are samples and the batch size N is open. Parameters have torch's shapes: dense weights outputs x inputs,
kernels outputs x inputs x height x width. Entry f of a flattened image counts channels, rows, columns (row-major).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from derive.errors import UsageError

if TYPE_CHECKING:
    from derive.program import Program

#: Activations by name, as functions of the plain notation.
ACTIVATIONS = ("relu", "tanh", "sigmoid", "softplus", "identity")
#: What batch normalisation adds to the variance, as torch does.
EPSILON = "1e-5"
LOSSES = ("cross-entropy", "cross-entropy-probabilities", "squared-error")


@dataclass(frozen=True)
class Network:
    """A network with its loss.

    text : the program in the plain notation.  parameters : name -> shape.  shapes : name -> shape without the batch
    axis, of the input and of every value.  output : the array before the loss (logits, or the prediction).
    layers : what it is made of, in order: (kind, its number), of a pooling (kind, its size).
    masks : arrays of dropout, name -> shape without the batch axis.  given : what stands among the parameters and is
    not differentiated by, the masks among it.  statistics : means and variances of the batch, which the forward pass
    keeps.
    """

    name: str
    text: str
    parameters: Mapping[str, tuple[int, ...]]
    shapes: Mapping[str, tuple[int, ...]]
    output: str
    loss: str
    layers: tuple[tuple[str, int], ...] = ()
    masks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    given: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    statistics: tuple[str, ...] = ()

    @cached_property
    def program(self) -> Program:
        from derive.reading.equations import read_equations

        return read_equations(self.text)

    @property
    def labels(self) -> bool:
        """Whether the target of a sample is the number of its class."""
        return self.loss == "cross-entropy"


class Lines:
    """A program while it is put together, layer by layer; `value` is the array of the last layer."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.declared = [f"x : N x {' x '.join(map(str, shape))}"]
        self.lines: list[str] = []
        self.parameters: dict[str, tuple[int, ...]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {"x": shape}
        self.layers: list[tuple[str, int]] = []
        self.masks: dict[str, tuple[int, ...]] = {}
        self.given: dict[str, tuple[int, ...]] = {}
        self.statistics: list[str] = []
        self.value, self.name, self.number = "x", name, 0

    @property
    def shape(self) -> tuple[int, ...]:
        return self.shapes[self.value]

    def defined(self, name: str, shape: tuple[int, ...], line: str) -> None:
        self.declared.append(f"{name} : N x {' x '.join(map(str, shape))}")
        self.shapes[name], self.value = shape, name
        self.lines.append(line)

    def parameter(self, name: str, shape: tuple[int, ...]) -> None:
        self.parameters[name] = shape
        self.declared.append(f"{name} : {' x '.join(map(str, shape))}")

    def dense(self, outputs: int) -> None:
        self.number += 1
        n, x = self.number, self.value
        self.parameter(f"W{n}", (outputs, self.shape[0]))
        self.parameter(f"b{n}", (outputs,))
        self.layers.append(("dense", n))
        self.defined(f"z{n}", (outputs,), f"z{n}[n, i] = sum(k) {x}[n, k]*W{n}[i, k] + b{n}[i]")

    def activation(self, function: str) -> None:
        if function != "identity":
            at = "[n, i]" if len(self.shape) == 1 else "[n, o, i, j]"
            n = self.number
            self.layers.append((function, n))
            self.defined(f"a{n}", self.shape, f"a{n}{at} = {function}({self.value}{at})")

    def convolution(self, channels: int, size: int, padding: int) -> None:
        self.number += 1
        n, x = self.number, self.value
        depth, height, width = self.shape
        image = (height + 2 * padding - size + 1, width + 2 * padding - size + 1)
        if min(image) < 1:
            raise UsageError(f"{self.name}: a {size}x{size} kernel with padding {padding} does not fit into "
                             f"{height}x{width}; take a smaller kernel or more padding")  # fmt: skip
        self.parameter(f"W{n}", (channels, depth, size, size))
        self.parameter(f"b{n}", (channels,))
        self.layers.append(("convolution", n))
        shift = f" - {padding}" if padding else ""
        guard = f"[0 <= i + k{shift} < {height}]*[0 <= j + l{shift} < {width}]*" if padding else ""
        self.defined(
            f"z{n}", (channels, *image),
            f"z{n}[n, o, i, j] = sum(c, k, l) {guard}{x}[n, c, i + k{shift}, j + l{shift}]*W{n}[o, c, k, l] + b{n}[o]",
        )  # fmt: skip

    def pooling(self, size: int) -> None:
        n, x = self.number, self.value
        depth, height, width = self.shape
        if min(height, width) < size:
            raise UsageError(f"{self.name}: pooling by {size} does not fit into {height}x{width}")
        self.layers.append(("pooling", size))
        window = f"[0 <= k < {size}]*[0 <= l < {size}]*{x}[n, o, {size}*i + k, {size}*j + l]"
        self.defined(f"m{n}", (depth, height // size, width // size), f"m{n}[n, o, i, j] = max(k, l) {window}")

    def batchnorm(self, *, training: bool) -> None:
        """Each channel by the mean and variance of the batch, or (for use) by given ones. Ioffe & Szegedy (2015)."""
        n, z, channels = self.number, self.value, self.shape[:1]
        mean, variance = f"mu{n}", f"var{n}"
        self.parameter(f"g{n}", channels)
        self.parameter(f"h{n}", channels)
        self.layers.append(("batchnorm", n))
        self.declared += [f"{name}{n} : {channels[0]}" for name in ("mu", "var", "r")]
        if training:
            self.statistics += [mean, variance]
            self.lines += [
                f"{mean}[o] = mean(n, i, j) {z}[n, o, i, j]",
                f"{variance}[o] = mean(n, i, j) ({z}[n, o, i, j] - {mean}[o])^2",
            ]
        else:
            self.given |= {mean: channels, variance: channels}
        self.lines.append(f"r{n}[o] = 1/sqrt({variance}[o] + {EPSILON})")
        line = f"u{n}[n, o, i, j] = g{n}[o]*({z}[n, o, i, j] - {mean}[o])*r{n}[o] + h{n}[o]"
        self.defined(f"u{n}", self.shape, line)

    def dropout(self) -> None:
        """Entry by entry times a mask that is given: 0, or 1/(1 - p) where a unit stays. Srivastava et al. (2014)."""
        n, a, mask = self.number, self.value, f"mask{self.number}"
        self.masks[mask] = self.given[mask] = self.shape
        self.layers.append(("dropout", n))
        self.declared.append(f"{mask} : N x {self.shape[0]}")
        self.defined(f"d{n}", self.shape, f"d{n}[n, i] = {a}[n, i]*{mask}[n, i]")

    def flatten(self) -> None:
        self.layers.append(("flatten", 0))
        depth, height, width = self.shape
        place = f"f = {height * width}*c + {width}*i + j"
        line = f"s[n, f] = sum(c, i, j) [{place}]*{self.value}[n, c, i, j]"
        self.defined("s", (depth * height * width,), line)

    def network(self, loss: str) -> Network:
        z, classes = self.value, self.shape[0]
        output = z
        if loss == "squared-error":
            self.declared.append(f"y : N x {classes}")
            self.lines.append(f"L = mean(n, i) ({z}[n, i] - y[n, i])^2")
        else:
            self.declared.append("y : N" if loss == "cross-entropy" else f"y : N x {classes}")
            self.defined("p", (classes,), f"p[n, i] = exp({z}[n, i])/(sum(j) exp({z}[n, j]))")
            self.defined("q", (classes,), f"q[n, i] = {z}[n, i] - log(sum(j) exp({z}[n, j]))")
            kept = "sum(n) q[n, y[n]]" if loss == "cross-entropy" else "sum(n, i) y[n, i]*q[n, i]"
            self.lines.append(f"L = -({kept}/N)")
        text = "\n".join([f"# {self.name}", *self.declared, *self.lines, "loss L"]) + "\n"
        return Network(
            self.name, text, self.parameters, self.shapes, output, loss, tuple(self.layers), self.masks, self.given,
            tuple(self.statistics),
        )  # fmt: skip


def mlp(layers: Sequence[int] = (784, 512, 256, 10), activation: str = "relu", loss: str = "cross-entropy") -> Network:
    """A multilayer perceptron: layers are the sizes from the input to the output, no activation behind the last.

    Raises UsageError: fewer than two layers, a size below 1, an unknown activation or loss.
    """
    _check(activation, loss)
    sizes = tuple(layers)
    if len(sizes) < 2 or min(sizes) < 1:
        raise UsageError(f"layers are sizes of at least 1, input and output among them; given {_listed(sizes)}")
    made = Lines(f"mlp {_listed(sizes)}, {activation}, {loss}", sizes[:1])
    for place, size in enumerate(sizes[1:], 2):
        made.dense(size)
        if place < len(sizes):
            made.activation(activation)
    return made.network(loss)


def cnn(
    image: tuple[int, int, int] = (1, 28, 28),
    channels: Sequence[int] = (8, 16),
    classes: int = 10,
    *,
    kernel: int = 3,
    padding: int = 1,
    pool: int = 2,
    dense: Sequence[int] = (),
    activation: str = "relu",
    loss: str = "cross-entropy",
) -> Network:
    """Convolution, pooling, activation for each number of channels; then dense layers down to the classes.

    image : channels, height, width.  The activation stands behind the pooling: for an increasing activation the
    maximum may be taken first, the function and its gradients are the same, and there is a quarter of the entries.
    Raises UsageError: a kernel or window that does not fit, sizes below 1, an unknown activation or loss.
    """
    _check(activation, loss)
    numbers = (*image, *channels, *dense, classes, kernel, pool)
    if len(image) != 3 or min(numbers) < 1 or padding < 0 or not channels:
        raise UsageError("a cnn needs an image of channels, height and width, and sizes of at least 1")
    made = Lines(f"cnn {'x'.join(map(str, image))}, channels {_listed(channels)}, {activation}, {loss}", image)
    for number in channels:
        made.convolution(number, kernel, padding)
        if pool > 1:
            made.pooling(pool)
        made.activation(activation)
    made.flatten()
    for size in dense:
        made.dense(size)
        made.activation(activation)
    made.dense(classes)
    return made.network(loss)


def _listed(sizes: Sequence[int]) -> str:
    return ",".join(map(str, sizes)) or "none"


def _check(activation: str, loss: str) -> None:
    for kind, value, known in (("activation", activation, ACTIVATIONS), ("loss", loss, LOSSES)):
        if value not in known:
            raise UsageError(f"there is no {kind} {value!r}; there are {', '.join(known)}")
