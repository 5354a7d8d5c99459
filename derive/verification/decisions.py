"""What is decided of two formulas, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from derive.verification.graph import Node
from derive.verification.points import Point

#: An entry's label, and both sides.
Pair = tuple[tuple[int, ...], Node, Node]


@dataclass(frozen=True)
class Witness:
    """Where two sides differ: the entry's label, the coordinates, and both values as certified text."""

    label: tuple[int, ...]
    point: Point
    left: Any
    right: Any
    nodes: tuple[Node, Node]


@dataclass(frozen=True)
class Decision:
    """verdict : "correct", "wrong" or "undecided".

    evidence : "proved", "randomised", "numerical"; of a wrong line "counterexample".  reason : why undecided.
    note : about the domain.  error : the probability that a randomised verdict is false, as a power of ten.
    """

    verdict: str
    evidence: str = ""
    reason: str = ""
    note: str = ""
    witness: Witness | None = None
    error: float | None = None
