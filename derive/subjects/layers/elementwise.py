"""Operands of any rank, read entry by entry: letters for their axes and indices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from derive.errors import UsageError
from derive.subjects.layers.layer import Equations, Operand, Setting

#: Sizes of the axes of an operand of any rank, and the indices along them.
AXES = ("n", "m", "p", "q", "r", "s")
INDICES = ("i", "j", "k", "l", "h", "g")


def axes_of_rank(rank: int) -> tuple[str, ...]:
    if rank > len(AXES):
        raise UsageError(f"an operand has at most {len(AXES)} axes here, and the one given has {rank}")
    return AXES[:rank]


def indices_of(setting: Setting, operand: str = "X") -> str:
    """`[i, j]`, or nothing for a number."""
    count = len(setting.axes(operand))
    return f"[{', '.join(INDICES[:count])}]" if count else ""


def entry_by_entry(
    *operands: Operand,
) -> Callable[[Mapping[str, Any], int | None], tuple[Operand, ...]]:
    """Operands that all have the shape of the first, of any rank; those with () for axes stay numbers.

    The axes ("...",) stand for that shape.
    """

    def of(_: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
        axes = axes_of_rank(1 if rank is None else rank)
        return tuple(
            Operand(operand.name, axes if operand.axes == ("...",) else operand.axes, operand.domain, operand.wrt)
            for operand in operands
        )

    return of


def factor(number: str) -> str:
    """A number in front of a product: `0.5*`, nothing for 1."""
    return "" if number == "1" else f"{number}*"


def line_by_entry(formula: str, setting: Setting) -> Equations:
    """`Y[...] = formula`, in which {x} stands for the entry of X, {other} for the option of that name as a factor."""
    subscript = indices_of(setting)
    filled = formula.format(x=f"X{subscript}", **{name: factor(value) for name, value in setting.options.items()})
    return Equations((f"Y{subscript} = {filled}",))
