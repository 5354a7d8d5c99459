"""What is said where a term has no value: the operand, its number, and the place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from derive import terms
from derive.errors import DomainError
from derive.evaluation.duals import Array, Number, plain
from derive.evaluation.grids import Grid
from derive.evaluation.integer import said, values_at
from derive.functions import OPERATIONS
from derive.terms import Term


def _bad_power(base: Array, exponent: Array) -> Any:
    whole = exponent == np.floor(exponent)
    return ((base < 0) & ~whole) | ((base == 0) & (exponent < 0))


#: Where the requirements of derive.functions are not met, as functions of the operands from that slot on.
VIOLATED: dict[str, Callable[..., Any]] = {
    "positive": lambda u, *_: u <= 0,
    "nonnegative": lambda u, *_: u < 0,
    "nonzero": lambda u, *_: u == 0,
    "unit": lambda u, *_: np.abs(u) > 1,
    "inner unit": lambda u, *_: np.abs(u) >= 1,
    "base": _bad_power,
}


def undefined(
    term: Term, name: str, arguments: Sequence[Term], operands: Sequence[Number], grid: Grid, reason: object
) -> DomainError:
    """`log(X[i]) has no value: X[i] = -0.5 at i = 3, and log needs a positive operand`."""
    operation = OPERATIONS[name]
    numbers = [np.asarray(plain(each), dtype=np.float64) for each in operands]
    for what, requirements in (("value", operation.value_domain), ("derivative", operation.derivative_domain)):
        for requirement in requirements:
            slot = requirement.slot
            wrong = np.asarray(VIOLATED[requirement.kind](*numbers[slot:]))
            if wrong.any():
                place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
                number = float(np.broadcast_to(numbers[slot], wrong.shape)[place])
                indices = sorted(terms.free_indices(arguments[slot]), key=lambda index: index.serial)
                shown, value = said(arguments[slot]), f"{number:.6g}"
                same = shown if shown == value else f"{shown} = {value}"
                if name == "pow" and isinstance(arguments[1], terms.Number):
                    what_for = "division by zero" if number == 0 else f"a power {requirement.sentence}"
                else:
                    what_for = f"{'a power' if name == 'pow' else name} {requirement.sentence}"
                return DomainError(
                    f"{said(term)} has no {what}: {same}{values_at(place, indices, grid)}, and {what_for}"
                    if what_for != "division by zero"
                    else f"{said(term)} has no {what}: {same}{values_at(place, indices, grid)} (division by zero)",
                    operand=shown,
                    value=value,
                )
    return not_double(term, reason)


def not_double(term: Term, reason: object) -> DomainError:
    """An infinity met another, or 0: the numbers in between are beyond doubles."""
    return DomainError(f"{said(term)} has no value in double precision: {reason}")


def empty(term: Term) -> DomainError:
    """A largest or smallest of nothing."""
    return DomainError(f"{said(term)} has no value: there is nothing to choose from")
