"""The gradient from values of the function alone: central differences, and the complex step.

Both use the primal Program and nothing else; they know no derivative.
Sources: W. H. Press et al., Numerical Recipes, section 5.7 (Ridders' extrapolation); W. Squire, G. Trapp, Using complex
variables to estimate derivatives of real functions, SIAM Review 40 (1998).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from derive.arithmetic import COMPLEXES, FLOATS
from derive.checks.kinks import branches, crossing
from derive.errors import DomainError, UndecidedError
from derive.evaluate import evaluate
from derive.indicators import Undefined
from derive.program import Program

#: Step of a central difference, relative to |x| or to max(1, |x|): it balances h^2 against eps/h.
STEP = sys.float_info.epsilon ** (1 / 3)
#: Further steps, as multiples of it, for where the first leaves the domain, meets a kink, or is too coarse or too fine.
MULTIPLES = (1.0, 16.0, 1 / 16, 256.0, 1 / 256, 4096.0, 1 / 4096, 2.0**-16, 2.0**-20, 2.0**-26)
#: A step over which the derivative would change the function by this many times its size is too coarse to see it.
COARSE = 8.0
#: The complex step. Its square is 0 in doubles, and products of a hundred such steps' factors do not underflow.
COMPLEX_STEP = 1e-100


@dataclass(frozen=True, slots=True)
class Estimate:
    """A derivative of one output by one input, with what the differences themselves say about their error.

    value : None where no step was possible; `reason` says why.
    """

    value: float | None
    error: float = inf
    reason: str = ""


def central_difference(
    program: Program,
    output: str,
    point: Mapping[str, float],
    node: str,
    *,
    enough: float = 0.0,
    settled: float = 0.0,
    noise: float = 0.0,
    size: float = 0.0,
) -> Estimate:
    """d(output)/d(node) from values at x - h and x + h, extrapolated from h and h/2 (Richardson).

    Steps are relative to |x| first, for what happens near 0, and then to 1, for what changes slowly there.
    point : a double for each input.  enough : an error at which no further step is tried.
    settled : an error at which steps relative to |x| are trusted and longer ones are not tried: they may not see a
        pole that they step over, and agree with one another all the same.
    noise : the rounding error of the output, where more is known than its own last digit.
    size : how large the derivative may be: with sin(1e10 x) no step of 1e-6 says anything.
    Never one-sided: a step that leaves the domain or crosses a kink is not used, and where none is left, that is said.
    """
    here = branches(FLOATS, program, evaluate(program, point))
    x = point[node]
    best = Estimate(None, reason="no step gives finite values")
    for base in (abs(x), 1.0) if 0 < abs(x) < 1 else (max(1.0, abs(x)),):
        for multiple in MULTIPLES:
            found = _extrapolated(program, output, point, node, STEP * base * multiple, here, noise, size)
            if found.value is None:
                best = found if best.value is None else best
            elif found.error < best.error:
                best = found
                if best.error <= enough:
                    return best
        if best.error <= settled:
            break
    return best


def _extrapolated(
    program: Program,
    output: str,
    point: Mapping[str, float],
    node: str,
    step: float,
    here: Mapping[str, int],
    noise: float,
    size: float,
) -> Estimate:
    quotients = []
    largest = 0.0
    for h in (step, step / 2):
        values = []
        low, high = point[node] - h, point[node] + h
        for x in (low, high):
            try:
                found = evaluate(program, {**point, node: x})
                crossed = crossing(program, here, branches(FLOATS, program, found))
            except (DomainError, UndecidedError) as reason:
                return Estimate(None, reason=f"the step leaves the domain: {reason.message}")
            if crossed:
                return Estimate(None, reason=crossed)
            values.append(found[output])
        if high == low or not all(isfinite(value) for value in values):
            return Estimate(None, reason="no step gives finite values")
        quotients.append((values[1] - values[0]) / (high - low))
        largest = max(abs(value) for value in values)
        if values[0] != values[1] and size * h > COARSE * largest:
            return Estimate(None, reason="the function changes too fast for the step")
    coarse, fine = quotients
    noise = max(noise, sys.float_info.epsilon * largest)
    error = max(abs(fine - coarse), 2 * noise / step)
    return Estimate((4 * fine - coarse) / 3, error if isfinite(error) else inf)


def complex_step(program: Program, output: str, point: Mapping[str, float], node: str) -> Estimate:
    """d(output)/d(node) as the imaginary part of the output at x + ih, divided by h: no difference, no cancellation."""
    given = {name: complex(x, COMPLEX_STEP if name == node else 0.0) for name, x in point.items()}
    try:
        found = complex(evaluate(program, given, COMPLEXES, check=False)[output])
    except (DomainError, UndecidedError) as reason:
        return Estimate(None, reason=reason.message)
    value = found.imag / COMPLEX_STEP
    return Estimate(value, 0.0) if isfinite(value) else Estimate(None, reason="the complex values are not finite")


def complex_values(program: Program, point: Mapping[str, float]) -> dict[str, Any]:
    """The real parts of the values that a complex step runs through."""
    given = {name: complex(x) for name, x in point.items()}
    found = evaluate(program, given, COMPLEXES, check=False)
    return {name: value if isinstance(value, Undefined) else complex(value).real for name, value in found.items()}


def at_a_kink(program: Program, point: Mapping[str, float]) -> str:
    """A sentence on the first line that stands exactly on its kink; "" where none does."""
    here = branches(FLOATS, program, evaluate(program, point))
    name = next((name for name, side in here.items() if side == 0), None)
    return "" if name is None else crossing(program, {name: 0}, {name: 1})
