"""Conventions as values: how a formula is printed (Notation), and what the equations of a course mean (Conventions).

A Notation changes no mathematics and no program; derivation, printers and code are given Conventions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from derive.names import anatomy

#: The symbol of the loss. No name of the plain notation has it, so the loss never looks like the last layer L.
LOSS = "ℒ"


@dataclass(frozen=True)
class Notation:
    """How formulas other than plain text are printed, beyond what a tree says. Plain text with PLAIN reads back.

    layered : arrays, sizes and functions whose first index is the layer; it stands above, in brackets.
    layer : these brackets, "[]" or "()".
    base : 0, or 1 where indices are printed as if they counted from 1; indices of layers stay as they are.
    tight : single letters in a subscript stand without commas, Z_ij.
    limits : every reduction shows its limits; else only where the arrays that it reads do not imply them.
    symbols : names that formulas show as other names, such as {"z_bar": "delta", "loss": LOSS}.
    adjoints : name of an adjoint -> (the loss, whose adjoint it is): printed as a partial derivative.
    first : names whose entries stand first in a product, behind the number.
    kronecker : Kronecker's delta is printed as a delta; else as an indicator, and always so beside another delta.
    """

    layered: frozenset[str] = frozenset()
    layer: str = "[]"
    base: int = 0
    tight: bool = False
    limits: bool = False
    symbols: Mapping[str, str] = field(default_factory=dict)
    adjoints: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    first: frozenset[str] = frozenset()
    kronecker: bool = True

    def beside(self, names: Iterable[str]) -> Notation:
        """The same for a page on which these names occur: beside an array called delta, Kronecker's is [m = k]."""
        return replace(self, kronecker=False) if self.kronecker and self._has_delta(names) else self

    def _has_delta(self, names: Iterable[str]) -> bool:
        shown = {*self.symbols.values(), *(self.symbols.get(name, name) for name in names)}
        return any(anatomy(name).base == "delta" for name in shown if name != LOSS)


PLAIN = Notation()
