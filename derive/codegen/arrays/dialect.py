"""How a library spells what code on arrays is made of. `derive.codegen.arrays` writes NumPy and torch by these two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from derive.codegen.arrays.text import listed


class Sliding(NamedTuple):
    """Windows along one axis: how many cells one spans, from where to where they step, and how far their cells are."""

    axis: int
    span: str
    step: str
    dilation: str


@dataclass(frozen=True, slots=True)
class Like:
    """An array argument whose type of entries (and device) new arrays take; `name` is None where there is none."""

    name: str | None


class Dialect(Protocol):
    """Each method answers with text that binds as tightly as a call, unless it says otherwise.

    column : which template of a row of functions it takes.  array, integers, scalar : types of parameters.
    tensors : whether functions and operators refuse Python numbers and truth values as operands.
    """

    column: str
    module: str
    array: str
    integers: str
    scalar: str
    tensors: bool
    kernels: bool

    def imports(self, body: str) -> list[str]: ...
    def permuted(self, text: str, order: Sequence[int]) -> str: ...
    def padded(self, text: str, pads: Sequence[tuple[str, str]]) -> str: ...
    def windows(self, text: str, rank: int, sliding: Sequence[Sliding]) -> str: ...
    def flipped(self, text: str, axes: Sequence[int], rank: int) -> str: ...
    def where(self, mask: str, text: str, other: str) -> str: ...
    def zeros(self, shape: Sequence[str], like: Like) -> str: ...
    def filled(self, shape: Sequence[str], value: str, like: Like) -> str: ...
    def repeated(self, text: str, shape: Sequence[str], *, copied: bool = False) -> str: ...
    def reduced(self, text: str, operator: str, axes: Sequence[int], rank: int) -> str: ...
    def first_extreme(self, text: str, operator: str) -> str: ...
    def arange(self, lower: str, stop: str, like: Like) -> str: ...
    def real(self, text: str, like: Like) -> str: ...
    def extreme(self, operator: str, one: str, two: str) -> str: ...
    def diagonal(self, text: str, one: int, two: int) -> str: ...
    def einsum(self, subscripts: str, operands: Sequence[str], *, batched: bool) -> str: ...
    def unraveled(self, text: str, shape: Sequence[str]) -> str: ...
    def add_at(self, target: str, at: str, value: str, *, flat: bool) -> str: ...


def colons(rank: int, changed: dict[int, str]) -> str:
    """`[:, ::2]`: a subscript in which the axes that do not change are left out at the end, or by an ellipsis."""
    if not changed:
        return ""
    places = [changed.get(axis, ":") for axis in range(rank)]
    if min(changed) > 1 and min(changed) >= rank - 2:
        return f"[..., {', '.join(places[min(changed) :])}]"
    while places and places[-1] == ":":
        places.pop()
    return "" if not places else f"[{', '.join(places)}]"


def span(first: str, last: str, step: str = "1") -> str:
    """`2 * k : 2 * k + 9 : 2`, with spaces around the colons where an end is more than a word."""
    gap = " " if any(" " in part for part in (first, last, step)) else ""
    made = f"{first}{gap if first else ''}:{gap if last else ''}{last}"
    return made if step == "1" else f"{made}{gap if last else ''}:{gap}{step}"


def axes_text(axes: Sequence[int]) -> str:
    return str(axes[0]) if len(axes) == 1 else listed([str(axis) for axis in axes])
