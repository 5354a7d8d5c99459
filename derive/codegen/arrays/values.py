"""Pieces of array code while they are put together: an expression and the indices along its axes, or a view unread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Union

from derive.codegen.arrays.text import ATOM
from derive.integers import Index, Integer

REAL, WHOLE, TRUTH, NUMBER = "real", "whole", "truth", "number"

#: Binds more loosely than any operator: `a if t >= 1 else 0.0`.
CONDITIONAL = -1


@dataclass(frozen=True, slots=True)
class Value:
    """An expression whose axis k runs over the whole domain of axes[k].

    kind : what its entries are; NUMBER is a Python number.  depth : the innermost loop that it depends on, 0 for none.
    solid : the text to take where an array of just this shape is needed; `text` may be a plain 0.0 then.
    merged : the same with axes merged, as a library's function gave it: text, and which axes make up each of its axes.
    """

    text: str
    axes: tuple[Index, ...] = ()
    level: int = ATOM
    kind: str = REAL
    depth: int = 0
    solid: str = ""
    merged: tuple[str, tuple[tuple[Index, ...], ...]] | None = None

    def spelled(self, text: str, level: int = ATOM) -> Value:
        return replace(self, text=text, level=level, solid="", merged=None)


@dataclass(frozen=True, slots=True)
class AxisView:
    """How one axis of an array is read: at the sum of step * (index - lower) over the steps, and `first`.

    first, last : the least and the greatest subscript.  extent : of the array.
    start, stop : outside of start..stop-1 the view is 0; where that cannot be, they are 0 and the extent.
    """

    steps: tuple[tuple[Index, Integer], ...]
    origin: Integer
    first: Integer
    last: Integer
    extent: Integer
    start: Integer
    stop: Integer
    low: Integer
    high: Integer

    @property
    def is_padded(self) -> bool:
        return self.low != 0 or self.high != 0

    @property
    def is_plain(self) -> bool:
        """Whether it is the whole axis, along one index."""
        return len(self.steps) == 1 and self.steps[0][1] == 1 and self.is_whole

    @property
    def is_whole(self) -> bool:
        return not self.is_padded and self.first == 0 and self.last == self.extent - 1

    @property
    def tiles(self) -> bool:
        """Whether the subscript counts through the whole axis digit by digit: p*i + j with j < p."""
        digit: Integer | int = 1
        for index, step in reversed(self.steps):
            if step != digit or index.lower != 0:
                return False
            digit = step * index.extent
        return len(self.steps) > 1 and self.is_whole and self.origin == 0


@dataclass(frozen=True, slots=True)
class View:
    """An array read at affine subscripts, not yet written down."""

    array: str
    name: str
    places: tuple[AxisView, ...]
    depth: int = 0

    @property
    def axes(self) -> tuple[Index, ...]:
        """The indices in the order of the array's axes."""
        return tuple(dict.fromkeys(index for place in self.places for index, _ in place.steps))

    @property
    def kind(self) -> str:
        return REAL


Operand = Union[Value, View]
