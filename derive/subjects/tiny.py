"""The small deep learning framework of course sheet 004, question 1, written out: first-order reverse mode in NumPy.

Inputs, variables and operations are all Tensors. A forward pass builds the graph as it goes: an operation computes its
value when it is made and remembers its inputs. `backward` walks that graph once, from the result to the leaves, and
each operation says what it sends to each of its inputs.

Source: Deep Neural Networks, assignment 11, question 1; the operations and their names are the sheet's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Tensor:
    """An array in a graph: a leaf, or (in a subclass) what an operation made of its inputs.

    value : the array.  inputs : the Tensors that it was computed from.  grad : the gradient of the last `backward` in
    this Tensor, of the shape of value; None before.
    """

    def __init__(self, value: Any, *inputs: Tensor) -> None:
        self.value: Array = np.asarray(value)
        self.inputs = inputs
        self.grad: Array | None = None

    def gradients(self, upstream: Array) -> tuple[Array, ...]:
        """What is sent to each input, given what arrived here. A leaf has no inputs."""
        return ()

    def backward(self, upstream: Any = 1.0) -> None:
        """Fill `grad` of every Tensor that this one was computed from.

        upstream : the gradient of the loss in this Tensor; 1 where it is the loss. A Tensor that is read several times
        adds up what its readers send, so it is passed on only when all of them have sent.
        """
        order = _readers_first(self)
        for tensor in order:
            tensor.grad = np.zeros_like(tensor.value)
        self.grad = np.broadcast_to(np.asarray(upstream, dtype=self.value.dtype), self.value.shape)
        for tensor in order:
            assert tensor.grad is not None
            for source, sent in zip(tensor.inputs, tensor.gradients(tensor.grad), strict=True):
                source.grad = source.grad + sent

    def __add__(self, other: Tensor) -> Tensor:
        return Add(self, other)

    def __mul__(self, other: Tensor) -> Tensor:
        return Mul(self, other)

    def __matmul__(self, other: Tensor) -> Tensor:
        return MatMul(self, other)

    def __neg__(self) -> Tensor:
        return Neg(self)

    def __sub__(self, other: Tensor) -> Tensor:
        return self + (-other)


def _readers_first(result: Tensor) -> list[Tensor]:
    """Every Tensor behind the result once, each after all that read it. Without recursion: chains may be long."""
    order: list[Tensor] = []
    seen: set[int] = set()
    waiting: list[tuple[Tensor, bool]] = [(result, False)]
    while waiting:
        tensor, done = waiting.pop()
        if done:
            order.append(tensor)
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            waiting.append((tensor, True))
            waiting += [(source, False) for source in tensor.inputs]
    return order[::-1]


def _summed_to(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of an array that was repeated to a larger shape: the sum over its copies."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    repeated = tuple(axis for axis, extent in enumerate(shape) if extent == 1 and gradient.shape[axis] != 1)
    return np.asarray(gradient.sum(axis=repeated, keepdims=True))


# --- operations -------------------------------------------------------------------------------------------------------


class Add(Tensor):
    """x + y, repeated to one shape where they differ."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        super().__init__(x.value + y.value, x, y)

    def gradients(self, upstream: Array) -> tuple[Array, ...]:
        return tuple(_summed_to(upstream, each.value.shape) for each in self.inputs)


class Mul(Tensor):
    """x*y entry by entry, repeated to one shape where they differ."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        super().__init__(x.value * y.value, x, y)

    def gradients(self, upstream: Array) -> tuple[Array, ...]:
        x, y = (each.value for each in self.inputs)
        return _summed_to(upstream * y, x.shape), _summed_to(upstream * x, y.shape)


class MatMul(Tensor):
    """The product of two matrices."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        super().__init__(x.value @ y.value, x, y)

    def gradients(self, upstream: Array) -> tuple[Array, ...]:
        x, y = (each.value for each in self.inputs)
        return upstream @ y.T, x.T @ upstream


class ReduceMean(Tensor):
    """The mean of all entries, one number."""

    def __init__(self, x: Tensor) -> None:
        super().__init__(np.mean(x.value), x)

    def gradients(self, upstream: Array) -> tuple[Array, ...]:
        (x,) = self.inputs
        return (np.full_like(x.value, upstream / x.value.size),)


class ReLU(Tensor):
    """max(x, 0); the derivative at 0 is 0."""

    def __init__(self, x: Tensor) -> None:
        super().__init__(np.maximum(x.value, 0), x)

    def gradients(self, upstream: Array) -> tuple[Array, ...]:
        (x,) = self.inputs
        return (upstream * (x.value > 0),)


class Sigmoid(Tensor):
    """1/(1 + exp(-x)), by exponentials of negative numbers only, so that none overflows."""

    def __init__(self, x: Tensor) -> None:
        power = np.exp(-np.abs(x.value))
        super().__init__(np.where(x.value >= 0, 1, power) / (1 + power), x)

    def gradients(self, upstream: Array) -> tuple[Array, ...]:
        return (upstream * self.value * (1 - self.value),)


class Neg(Tensor):
    """-x."""

    def __init__(self, x: Tensor) -> None:
        super().__init__(-x.value, x)

    def gradients(self, upstream: Array) -> tuple[Array, ...]:
        return (-upstream,)


class Sqrt(Tensor):
    """The root of positive entries."""

    def __init__(self, x: Tensor) -> None:
        super().__init__(np.sqrt(x.value), x)

    def gradients(self, upstream: Array) -> tuple[Array, ...]:
        return (upstream / (2 * self.value),)


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """The mean squared error: the mean over all entries of (prediction - target)^2."""
    error = prediction - target
    return ReduceMean(error * error)
