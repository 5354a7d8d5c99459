"""Conventions as values: how a formula is printed (Notation), and what the equations of a course mean (Conventions).

A Notation changes no mathematics and no program; derivation, printers and code are given Conventions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from derive.names import anatomy

#: The symbol of the loss, a script L: no name of the plain notation has it, so it never looks like the last layer L.
LOSS = "loss"

#: What an adjoint is called in formulas.
ERRORS = ("bar", "delta", "partial")


@dataclass(frozen=True)
class Notation:
    """How formulas other than plain text are printed, beyond what a tree says. Plain text with PLAIN reads back.

    layered : arrays, sizes and functions whose first index is the layer; it stands above, in brackets.
    layer : these brackets, "[]" or "()".
    base : 0, or 1 where indices are printed as if they counted from 1; indices of layers stay as they are.
    tight : single letters in a subscript stand without commas, Z_ij.
    limits : every sum shows its limits; else only where the arrays that it reads do not imply them.
    symbols : names that formulas show as other names, such as {"zbar": "delta"}; LOSS is the script L.
    adjoints : name of an adjoint -> (the loss, the name it is the adjoint of): printed as a partial derivative.
    first : names whose entries stand first in a product, behind the number.
    """

    layered: frozenset[str] = frozenset()
    layer: str = "[]"
    base: int = 0
    tight: bool = False
    limits: bool = False
    symbols: Mapping[str, str] = field(default_factory=dict)
    adjoints: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    first: frozenset[str] = frozenset()

    def is_delta(self, name: str) -> bool:
        """Whether an array of that name is printed as a delta, so that Kronecker's must look otherwise."""
        return anatomy(self.symbols.get(name, name)).base == "delta"


PLAIN = Notation()
