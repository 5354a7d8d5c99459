"""Every Step run: both sides evaluated in certified balls, derivatives taken from differences, never from the table.

A partial derivative that stands in a step, and the derivative of the output by a node, are central differences at 1024
bits with a step of 2^-256: their error is about h^2 = 2^-512, far below the tolerance, and they know nothing of the
table of partials that the steps claim to have used. Sides that differ by more than the tolerance are compared once more
at 4096 bits with a step of 2^-1024: what is only the error of the differences is then smaller by (2^-768)^2, also where
both sides are 0 and there is nothing to be relative to; what is wrong stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from derive.checks.quotients import LEVELS, NoQuotientError, Quotients
from derive.checks.sampling import random_points
from derive.errors import WorkLimitError
from derive.step import Derivation, Step
from derive.tree import Tree

#: Two sides agree to this, relative to the largest of their terms: some 390 bits are left for the curvature.
TOLERANCE = Fraction(1, 2**120)
#: What shrinks by this from the first step to the second is the error of the differences: (2^-768)^2, and some room.
SHRINKS = Fraction(1, 2**1400)
#: It must not begin above this, so that nothing is left that is larger than 2^-1000.
LARGEST_ERROR = 2**400
#: A difference that is the same at both steps to this part of it has settled.
SETTLED = Fraction(1, 2**40)
#: Programs with more lines are not run step by step: differences cost the square of their length.
MOST_LINES = 1000


@dataclass(frozen=True)
class CheckedStep:
    """holds : whether both sides agreed at every point where they could be compared.

    points : how many those were; at 0 nothing was run, and `reason` says why.
    reason : also told where only some of the points could not be used.
    largest_error : relative to the largest term; of sides that are 0, to what it was at the first step.
    """

    step: Step
    holds: bool
    points: int
    largest_error: float
    reason: str = ""


def check_steps(
    derivation: Derivation, at: Mapping[str, Tree] | None = None, *, points: int = 2, seed: int = 0
) -> dict[Step, CheckedStep]:
    """Run every step of a derivation, and those of its trace, with all their sub-steps.

    at : input node -> exact constant: a point to begin with.  points, seed : further random points.
    Raises WorkLimitError for a program of more than 1,000 lines, MissingPartError without python-flint.
    """
    program = derivation.primal
    if len(program) > MOST_LINES:
        raise WorkLimitError(f"steps are run for at most {MOST_LINES} lines, and these are {len(program)}")
    given = [dict(at)] if at else []
    given += random_points(program, [derivation], points, seed)
    places = [_Place(derivation, point) for point in given]
    return {inner: _checked(inner, places) for step in (*program.steps, *derivation.steps) for inner in step.flat()}


def _checked(step: Step, places: Iterable[_Place]) -> CheckedStep:
    largest, compared, reason = 0.0, 0, ""
    holds = True
    for place in places:
        try:
            agrees, error = place.compare(step)
        except NoQuotientError as none:
            reason = str(none)
            continue
        compared += 1
        largest = max(largest, error)
        holds = holds and agrees
    return CheckedStep(step, holds, compared, largest, reason)


class _Place:
    """One point, at the first precision and, where a step asks for it, at the second."""

    def __init__(self, derivation: Derivation, point: Mapping[str, Tree]) -> None:
        self.derivation, self.point = derivation, point
        self.coarse = Quotients(derivation, point, *LEVELS[0])

    @cached_property
    def fine(self) -> Quotients:
        return Quotients(self.derivation, self.point, *LEVELS[1])

    def compare(self, step: Step) -> tuple[bool, float]:
        """Whether both sides agree, and how far they are apart. Raises NoQuotientError where nothing decides."""
        before, after = step.before.tree, step.after.tree
        coarse, size = self.coarse.apart(before, after)
        if (error := _within(coarse.abs_upper(), size, self.coarse)) is not None:
            return True, error
        fine, size = self.fine.apart(before, after)
        left = fine.abs_upper()
        if (error := _within(left, size, self.fine)) is not None:
            return True, error
        F = self.fine.F
        with F.precision():
            began = coarse.abs_upper()
            if began <= LARGEST_ERROR and left <= F.exact(SHRINKS) * began:
                return True, float(left / began)
            if fine.contains(0):
                raise NoQuotientError(f"the terms cancel beyond {F.bits} bits")
            if (fine - coarse).abs_lower() > F.exact(SETTLED) * left:
                raise NoQuotientError(f"the differences do not settle in {F.bits} bits")
            return False, float(left / size)


def _within(difference: Any, size: Any, at: Quotients) -> float | None:
    """The difference relative to the size if that is within the tolerance."""
    with at.F.precision():
        if difference <= at.F.exact(TOLERANCE) * size:
            return float(difference / size) if difference else 0.0
    return None
