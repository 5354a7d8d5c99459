"""A product with a false indicator is 0 whatever its other factors, in value and in gradient.

So a line that has no value is no error by itself: it is carried as Undefined until a false product absorbs it, and the
error is raised only where it reaches an output. Vanishing are the lines that are false products: a false indicator, a
product with a vanishing factor, a quotient of a vanishing numerator, and either with a sign. A vanishing line is 0 on
both sides of every operand but the indicator's own jump, so its partial by the other factors vanishes as well.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from derive.errors import DomainError, UndecidedError
from derive.functions import COMPARISONS
from derive.program import Elementary, Equation, Program

_INDICATORS = frozenset(COMPARISONS.values())


@dataclass(frozen=True, slots=True)
class Undefined:
    """In place of a number: the reason why there is none."""

    error: DomainError | UndecidedError


def is_indicator(line: Equation) -> bool:
    return line.source.__class__ is Elementary and line.source.operation in _INDICATORS


def has_indicators(program: Program) -> bool:
    return any(map(is_indicator, program.equations))


def vanishes(line: Equation, known: Container[str]) -> bool:
    """Whether a line is a false product, by its operands alone. known : the vanishing lines before it."""
    operation, operands = line.source
    match operation.name:
        case "mul":
            return operands[0] in known or operands[1] in known
        case "div" | "neg" | "copy":
            return operands[0] in known
    return False


def partial_vanishes(line: Equation, slot: int, known: Container[str]) -> bool:
    """Whether the partial of a line by one operand is 0 whatever the numbers: of an indicator, or a false product."""
    operation, operands = line.source
    match operation.name:
        case "mul":
            return operands[1 - slot] in known
        case "div":
            return slot == 1 and operands[0] in known
    return operation in _INDICATORS


def vanishing(program: Program, values: Mapping[str, Any]) -> set[str]:
    """The vanishing lines of a program whose values are given."""
    found: set[str] = set()
    for line in program.equations:
        if is_indicator(line):
            if is_false(values[line.name]):
                found.add(line.name)
        elif line.source.__class__ is Elementary and vanishes(line, found):
            found.add(line.name)
    return found


def is_false(value: Any) -> bool:
    """Whether an indicator's value is known, and 0."""
    return not isinstance(value, Undefined) and bool(value == 0)
