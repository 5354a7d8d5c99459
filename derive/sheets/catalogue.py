"""The exercises, by name."""

from __future__ import annotations

from collections.abc import Mapping

from derive.errors import UsageError
from derive.sheets import chains, convolutions, descent, losses, networks, traces
from derive.sheets.exercise import Exercise
from derive.words import nearest

EXERCISES: Mapping[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        traces.EXERCISE,
        chains.EXERCISE,
        networks.INDICES,
        networks.NUMBERS,
        losses.EXERCISE,
        convolutions.OUTPUTS,
        convolutions.GRADIENTS,
        descent.EXERCISE,
    )
}


def find_exercise(name: str) -> Exercise:
    """The exercise of that name; - and _ are the same. Raises UsageError with the nearest name."""
    exercise = EXERCISES.get(name.replace("_", "-").lower())
    if exercise is None:
        close = nearest(name, EXERCISES)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(EXERCISES)}"
        raise UsageError(f"there is no exercise {name!r}; {hint}")
    return exercise
