"""Whether two sides are equal, or only as near as difference quotients can say: they are compared at several steps.

At first in 2048 bits with a step of 2^-256: the quotient's error is about h^2 = 2^-512, far below the tolerance. Sides
that differ by more are compared once more in 4608 bits with a step of 2^-1024, and if need be in 9216 bits with one of
2^-2048: what is only the error of the quotients is then smaller by (2^-768)^2 or more, also where both sides are 0 and
there is nothing to be relative to; what is wrong stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor, inf, log10
from typing import Any

from derive.checks.quotients import NoQuotientError, Quotients
from derive.enclosures import ends
from derive.rounding import nearest_float
from derive.step import Derivation
from derive.tree import Tree

#: Bits of the balls, and of the step relative to an operand. Rounding leaves 2^-1792, 2^-3584 and 2^-7168 of the
#: function's size in a quotient.
LEVELS = ((2048, 256), (4608, 1024), (9216, 2048))
#: Two sides agree to this, relative to the largest of their terms: some 390 bits are left for the curvature.
TOLERANCE = Fraction(1, 2**120)
#: What shrinks by this from one level to the next is the error of the quotients: (2^-768)^2, and some room.
SHRINKS = Fraction(1, 2**1400)
#: It must not begin above this, so that nothing is left that is larger than 2^-1000.
LARGEST_ERROR = 2**400
#: A difference that is the same at two levels to this part of it has settled.
SETTLED = Fraction(1, 2**40)

#: The difference of two sides as a ball, and the largest size in them, as seen at one level.
Apart = Callable[[Quotients], tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """agrees : None where nothing was decided, and `reason` says why.  digits : decimals used.

    error : relative to the largest term; of sides that are 0, to what it was at the level before.
    """

    agrees: bool | None
    error: float = 0.0
    digits: int = 0
    reason: str = ""


class Place:
    """One point, at the first level and, where that does not decide, at the next."""

    def __init__(self, derivation: Derivation, point: Mapping[str, Tree]) -> None:
        self.derivation, self.point = derivation, point
        self.levels: list[Quotients] = []

    def level(self, number: int) -> Quotients:
        if number == len(self.levels):
            self.levels.append(Quotients(self.derivation, self.point, *LEVELS[number]))
        return self.levels[number]

    def compare(self, apart: Apart) -> Agreement:
        before: Any = None
        found = Agreement(None)
        for number in range(len(LEVELS)):
            at = self.level(number)
            try:
                difference, size = apart(at)
            except NoQuotientError as reason:
                return Agreement(None, reason=str(reason))
            with at.F.precision():
                found = _decided(difference, size, before, at)
            if found.agrees is not None:
                break
            before = difference
        return found


def _decided(difference: Any, size: Any, before: Any, at: Quotients) -> Agreement:
    """before : the difference at the level before; None at the first, which alone does not call anything wrong."""
    bound, digits = difference.abs_upper(), floor(at.F.bits * log10(2))
    if bound <= at.F.exact(TOLERANCE) * size:
        return Agreement(True, _ratio(bound, size), digits)
    if before is not None:
        began = before.abs_upper()
        if began <= LARGEST_ERROR and bound <= at.F.exact(SHRINKS) * began:
            return Agreement(True, _ratio(bound, began), digits)
        if not difference.contains(0) and (difference - before).abs_lower() <= at.F.exact(SETTLED) * bound:
            return Agreement(False, _ratio(bound, size), digits)
    if difference.contains(0):
        return Agreement(None, reason=f"the terms cancel beyond {digits} digits")
    return Agreement(None, reason=f"the quotients do not settle in {digits}-digit arithmetic")


def _ratio(part: Any, whole: Any) -> float:
    if part.is_zero():
        return 0.0
    _, high = ends(part / whole)
    return inf if high is None else nearest_float(high)
