"""Where a derivative jumps: on which branch each kinked line is, so that a step across a kink is seen and said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive.functions import COMPARISONS
from derive.indicators import Undefined
from derive.plain import formula
from derive.program import Equation, Program


def has_kink(line: Equation) -> bool:
    """Whether a line may change its branch; max(x, x) has none to change to."""
    operation, operands = line.source
    if not operation.kink and operation not in COMPARISONS.values():
        return False
    return len(set(operands)) == len(operands)


def branch(F: Any, line: Equation, value_of: Any) -> int | None:
    """-1, 0 or 1: the side of its kink on which a line is (0 at the kink itself).

    None where it has no kink, or no value.
    """
    if not has_kink(line):
        return None
    operation, operands = line.source
    left, right = value_of(operands[0]), value_of(operands[1]) if operation.arity == 2 else 0
    if isinstance(left, Undefined) or isinstance(right, Undefined):
        return None
    side: int = F.order(left, right)
    return side


def branches(F: Any, program: Program, values: Mapping[str, Any]) -> dict[str, int]:
    """Line -> side, for every line that has a kink."""

    def value_of(operand: Any) -> Any:
        return values[operand] if isinstance(operand, str) else F.constant(operand)

    found = {}
    for line in program:
        side = branch(F, line, value_of)
        if side is not None:
            found[line.name] = side
    return found


def crossing(program: Program, here: Mapping[str, int], there: Mapping[str, int]) -> str:
    """A sentence on the first line that is on another side there; "" where none is."""
    for name, side in here.items():
        if there.get(name) != side:
            return at_kink(program.by_name[name])
    return ""


def at_kink(line: Equation) -> str:
    return f"{line.name} = {formula(line.tree)} has its kink within the step"
