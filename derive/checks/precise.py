"""The gradient against differences once more, with hundreds of digits: asked where doubles disagree with it.

Where doubles lose all digits, no reference in doubles says anything. The primal program in certified balls still does:
its central difference at a step of 2^-256 knows no derivative, and its truncation is about the square of that step.
Two steps are taken, the second smaller by 2^-32; what converges to the gradient between them agrees with it, also where
the derivative is 0 and there is nothing to be relative to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor, log10
from typing import Any

from derive.balls import Balls
from derive.checks.kinks import branches, crossing
from derive.enclosures import ends
from derive.errors import DomainError, UndecidedError
from derive.evaluate import OutsideDomain, evaluate, sweep, tree_value
from derive.program import Program
from derive.rounding import nearest_float
from derive.step import Derivation
from derive.tree import Tree

#: Bits of the balls, and of the first step relative to the input. The second pair is for what the first does not show:
#: a function that changes within 2^-256, or a derivative of e^-1000 beside a value of 1.
LEVELS = ((1024, 256), (4096, 1024))
#: The second step is smaller by this many bits, and its error then by twice as many where the gradient is right.
FINER = 32
#: An error that shrinks by this much from step to step is one of truncation.
SHRINKS = Fraction(1, 2**48)
#: Relative to the derivative, the error at which two numbers agree; truncation leaves some 2^-570.
AGREES = Fraction(1, 2**100)
#: Two quotients that are as near as this have settled, and may disagree with the gradient.
SETTLED = Fraction(1, 2**40)
#: Bits that rounding may take from a quotient whose derivative is 0.
LOST = 128


@dataclass(frozen=True, slots=True)
class Agreement:
    """agrees : None where nothing was decided, and `reason` says why.  error : relative.  digits : decimals used."""

    agrees: bool | None
    error: float | None = None
    digits: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Quotients:
    """Ball-valued central differences at both steps, and the size of the function over the size of the input."""

    coarse: Any
    fine: Any
    slope: Fraction


class _Nowhere(Exception):
    """No quotient at this precision: a kink, the edge of the domain, an undecided sign."""


def agreements(derivation: Derivation, at: Mapping[str, Tree], nodes: Iterable[str]) -> dict[str, Agreement]:
    """Input node -> whether the derivation's own adjoint lines give the derivative that differences give.

    at : input node -> exact constant.
    Only the last precision may decide that they disagree.
    Raises MissingPartError without python-flint.
    """
    found: dict[str, Agreement] = {}
    open_nodes = list(nodes)
    for bits, step_bits in LEVELS:
        last = (bits, step_bits) == LEVELS[-1]
        balls = Balls(bits)
        with balls.precision():
            try:
                inputs = {name: balls.exact(tree_value(balls, tree, {})) for name, tree in at.items()}
                values = evaluate(derivation.primal, inputs, balls)
                here = branches(balls, derivation.primal, values)
                gradient = sweep(derivation, values, balls)
            except (DomainError, UndecidedError, OutsideDomain, ZeroDivisionError) as reason:
                found |= {node: Agreement(None, reason=str(reason)) for node in open_nodes}
                continue
            for node in open_nodes:
                ours = balls.exact(gradient.get(derivation.names[node], 0))
                try:
                    quotients = _quotients(derivation, inputs, here, node, balls, step_bits)
                    found[node] = _decided(ours, quotients, bits, step_bits, last)
                except _Nowhere as nowhere:
                    found[node] = Agreement(None, reason=str(nowhere))
        open_nodes = [node for node in open_nodes if not found[node].agrees]
        if not open_nodes:
            break
    return found


def _quotients(
    derivation: Derivation, inputs: Mapping[str, Any], here: Mapping[str, int], node: str, balls: Balls, bits: int
) -> _Quotients:
    program, output = derivation.primal, derivation.output
    if output is None:
        raise _Nowhere("a derivation of several outputs has no one derivative")
    size = _bound(inputs[node]) or Fraction(1)
    power = size.numerator.bit_length() - size.denominator.bit_length()
    found = []
    largest = Fraction(0)
    for finer in (0, FINER):
        h = balls.exact(Fraction(2) ** (power - bits - finer))
        sides = [_shifted(program, {**inputs, node: inputs[node] + sign * h}, here, balls, output) for sign in (1, -1)]
        largest = max(largest, *map(_bound, sides))
        found.append(balls.exact((sides[0] - sides[1]) / (2 * h)))
    return _Quotients(found[0], found[1], largest / Fraction(2) ** power)


def _shifted(program: Program, inputs: Mapping[str, Any], here: Mapping[str, int], balls: Balls, output: str) -> Any:
    try:
        values = evaluate(program, inputs, balls)
        crossed = crossing(program, here, branches(balls, program, values))
    except (DomainError, UndecidedError, OutsideDomain, ZeroDivisionError) as reason:
        raise _Nowhere(str(reason)) from reason
    if crossed:
        raise _Nowhere(crossed)
    return balls.exact(values[output])


def _decided(ours: Any, quotients: _Quotients, bits: int, step_bits: int, last: bool) -> Agreement:
    digits = floor(bits * log10(2))
    size, coarse, fine = _bound(ours), _bound(quotients.coarse), _bound(quotients.fine)
    before, after = _bound(ours - quotients.coarse), _bound(ours - quotients.fine)
    scale = max(size, fine)
    if after <= AGREES * scale:
        return Agreement(True, nearest_float(after / scale) if scale else 0.0, digits)
    if after <= SHRINKS * before:
        return Agreement(True, nearest_float(after / before), digits)
    low, high = ends(ours - quotients.fine)
    if low is not None and high is not None and low <= 0 <= high:
        noise = quotients.slope / 2 ** (bits - step_bits - FINER - LOST)
        if last and after <= noise:  # a derivative of 0, as far as rounding lets it be seen
            return Agreement(True, nearest_float(after / quotients.slope), digits)
        return Agreement(None, reason=f"the terms cancel beyond {digits} digits")
    # quotients that grow as the step shrinks have not seen the function yet
    apart = _bound(quotients.coarse - quotients.fine)
    if apart > SETTLED * max(scale, coarse) or fine > max(2 * coarse, SETTLED * size):
        return Agreement(None, reason=f"the quotients do not settle in {digits}-digit arithmetic")
    return Agreement(False, nearest_float(after / scale), digits)


def _bound(value: Any) -> Fraction:
    """The largest size that a value may have."""
    low, high = ends(value)
    if low is None or high is None:
        raise _Nowhere("a value is not finite")
    return max(abs(low), abs(high))
