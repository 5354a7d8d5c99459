"""Answers that can be worked out by hand: numbers of few digits, well away from 0, and different from each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from derive.arithmetic import FLOATS
from derive.functions import OPERATIONS

#: Sizes of a number that is to be written with four decimals, and of a divisor.
SMALLEST, LARGEST, LEAST_DIVISOR = 0.05, 30.0, 0.4
#: exp of more than this is too large, a logarithm of less than that too steep.
GREATEST_EXPONENT, LEAST_LOGARITHM = 2.5, 0.3
#: Two answers are apart by more than this, so that no rounding makes them the same.
APART = 0.002

#: A line of a trace: its name, the operation by its name in `derive.functions`, and what it reads.
Node = tuple[str, str, tuple[str, ...]]


def is_sane(value: float) -> bool:
    return math.isfinite(value) and SMALLEST <= abs(value) <= LARGEST


def are_apart(values: Iterable[float], least: float = APART) -> bool:
    """Whether no two numbers are close."""
    ordered = sorted(values)
    return all(after - before > least for before, after in pairwise(ordered))


def values_of(nodes: Sequence[Node], point: Mapping[str, float]) -> dict[str, float] | None:
    """The values of a trace in doubles; None where a line is not for working out by hand."""
    found = dict(point)
    for name, operation, reads in nodes:
        operands = [found[each] for each in reads]
        if operation == "div" and abs(operands[1]) < LEAST_DIVISOR:
            return None
        if operation == "exp" and abs(operands[0]) > GREATEST_EXPONENT:
            return None
        if operation == "log" and operands[0] < LEAST_LOGARITHM:
            return None
        value = float(OPERATIONS[operation].value(FLOATS, *operands))
        if not is_sane(value):
            return None
        found[name] = value
    return found


def adjoints_of(nodes: Sequence[Node], values: Mapping[str, float]) -> dict[str, float]:
    """The adjoints of everything a trace reads, its last line seeded with 1, by the table of partials."""
    found = dict.fromkeys(values, 0.0)
    found[nodes[-1][0]] = 1.0
    for name, operation, reads in reversed(nodes):
        operands = [values[each] for each in reads]
        for slot, read in enumerate(reads):
            partial = OPERATIONS[operation].partials[slot](FLOATS, *operands, values[name])
            found[read] += found[name] * float(partial)
    return found


def rounded(values: Iterable[float], digits: int = 3) -> tuple[float, ...]:
    """What tells lists of answers apart."""
    return tuple(round(value, digits) for value in values)
