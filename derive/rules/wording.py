"""How a rule speaks of the terms it changed: formulas inside sentences, in the plain notation."""

from __future__ import annotations

from derive.integers import Index, Integer, integer
from derive.plain import formula
from derive.terms import Condition, Guard, Term, whole
from derive.writing import tree_of_term


def said(value: Term | Integer | Index) -> str:
    """A term or an integer expression as it is written in the plain notation."""
    if isinstance(value, (Integer, Index)):
        value = whole(integer(value))
    return formula(tree_of_term(value))


def said_condition(*conditions: Condition) -> str:
    """`0 <= m - i < P`, without the brackets of a guard."""
    return formula(tree_of_term(Guard(conditions))).removeprefix("[").removesuffix("]")


def listed(things: list[str]) -> str:
    """a, b and c."""
    return things[0] if len(things) == 1 else ", ".join(things[:-1]) + " and " + things[-1]
