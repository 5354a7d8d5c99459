"""Every Step run: both sides evaluated in certified balls, derivatives taken from differences, never from the table.

A partial derivative that stands in a step, and the derivative of the output by a node, are difference quotients: they
know nothing of the table of partials that the steps claim to have used. `derive.checks.settling` says when two sides
that are computed so are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from derive.checks.sampling import random_points
from derive.checks.settling import Place
from derive.errors import WorkLimitError
from derive.step import Derivation, Step
from derive.tree import Tree

#: Programs with more lines are not run step by step: differences cost the square of their length.
MOST_LINES = 1000


@dataclass(frozen=True)
class CheckedStep:
    """holds : whether both sides agreed at every point where they could be compared.

    points : how many those were; at 0 nothing was run, and `reason` says why.
    reason : also told where only some of the points could not be used.
    largest_error : relative to the largest term; of sides that are 0, to what it was at a larger step.
    """

    step: Step
    holds: bool
    points: int
    largest_error: float
    reason: str = ""


def check_steps(
    derivation: Derivation,
    at: Mapping[str, Tree] | Sequence[Mapping[str, Tree]] = (),
    *,
    points: int = 2,
    seed: int = 0,
) -> dict[Step, CheckedStep]:
    """Run every step of a derivation, and those of its trace, with all their sub-steps.

    at : input node -> exact constant: a point to begin with, or several.  points, seed : further random points.
    Raises WorkLimitError for a program of more than 1,000 lines, MissingPartError without python-flint.
    """
    program = derivation.primal
    if len(program) > MOST_LINES:
        raise WorkLimitError(f"steps are run for at most {MOST_LINES} lines, and these are {len(program)}")
    given = [at] if isinstance(at, Mapping) else list(at)
    given += [point for point in random_points(program, [derivation], points, seed) if point not in given]
    places = [Place(derivation, point) for point in given if point]
    return {inner: _checked(inner, places) for step in (*program.steps, *derivation.steps) for inner in step.flat()}


def _checked(step: Step, places: Iterable[Place]) -> CheckedStep:
    largest, compared, reason = 0.0, 0, ""
    holds = True
    for place in places:
        found = place.compare(lambda quotients: quotients.apart(step.before.tree, step.after.tree))
        if found.agrees is None:
            reason = found.reason
            continue
        compared += 1
        largest = max(largest, found.error)
        holds = holds and found.agrees
    return CheckedStep(step, holds, compared, largest, reason)
