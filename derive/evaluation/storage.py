"""The values a term reads: sizes, and arrays stored from index 0 on with the domain in which they may be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from derive.errors import ProgramError, UsageError
from derive.evaluation.duals import Array, Scaled, plain, scale_of
from derive.evaluation.exact import Exact
from derive.program import Equation
from derive.terms import Entry


class Storage:
    """One array: entry X[i, j] stands at array[i, j].

    lower : the first index of each axis; what is stored before it is 0 and may not be read.
    inside : where entries exist, for a ragged array (or a recurrence that is being filled); None for a box.
    """

    __slots__ = ("array", "flat", "inside", "lower", "name", "strides")

    def __init__(self, name: str, array: Array, lower: tuple[int, ...] = (), inside: Array | None = None) -> None:
        self.name = name
        self.array = np.ascontiguousarray(array) if array.ndim else array
        self.flat = self.array.reshape(-1)
        self.lower = lower or (0,) * array.ndim
        self.inside = None if inside is None else np.ascontiguousarray(inside).reshape(-1)
        strides, step = [], 1
        for size in reversed(self.array.shape):
            strides.append(step)
            step *= size
        self.strides = tuple(reversed(strides))


@dataclass
class Environment:
    """Everything that evaluation looks up.

    sizes : name -> whole number.  stored : array -> Storage.  equations : array -> the equation that defines it, for
    the derivative of one array by another.  exact : the arithmetic, where it is not that of doubles.
    scaled : the class of values that carry the size of what they were made of, where they do.
    scales : that size, of arrays that were worked out so; of all others it is that of their values.
    """

    sizes: Mapping[str, int]
    stored: dict[str, Storage] = field(default_factory=dict)
    equations: Mapping[str, Equation] = field(default_factory=dict)
    scaled: type[Scaled] | None = None
    scales: dict[str, Storage] = field(default_factory=dict)
    exact: Exact | None = None

    @property
    def dtype(self) -> Any:
        """Of the arrays of real numbers."""
        return np.float64 if self.exact is None else object

    def size(self, name: str) -> int:
        try:
            return self.sizes[name]
        except KeyError:
            raise UsageError(f"the size {name} has no value") from None

    def read(self, name: str) -> Storage:
        try:
            return self.stored[name]
        except KeyError:
            raise UsageError(f"{name} has no value") from None

    def put(self, head: Entry, value: Any, *, integer: bool = False) -> Storage:
        """Store an array under its head, whose index domains are its shape.

        Raises ProgramError where the shape is another; a ragged array must have the largest extent on each axis.
        """
        from derive.evaluation.domains import Domain

        domain = Domain.of(head, self)
        array = np.asarray(plain(value), dtype=np.int64 if integer else self.dtype)
        if array.shape != domain.shape:
            raise ProgramError(
                f"{head.array} has the shape {_shape(domain.shape)}, and its values have {_shape(array.shape)}",
                head.array,
            )
        stored = Storage(head.array, array, domain.lower, domain.inside)
        self.stored[head.array] = stored
        if self.scaled is not None and not integer:
            scale = np.broadcast_to(scale_of(value), array.shape)
            self.scales[head.array] = Storage(head.array, scale, domain.lower, domain.inside)
        return stored

    def with_scale(self) -> Environment:
        """The same, where values carry the size of what they were made of."""
        return Environment(self.sizes, self.stored, self.equations, Scaled, self.scales)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "of a number"
