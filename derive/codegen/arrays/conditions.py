"""Conditions of guards, deltas and ragged sums in one normal form, and what they say of affine expressions.

    AtLeast(v)  v >= 0        Equal(v)  v = 0        Unequal(v)  v != 0        Divides, Comparison as they are

A quotient rounded down is multiplied out where that says the same: t + floor(m/2) >= 0 is m + 2*t >= 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Union

from derive import terms
from derive.bounds import holds, pairs
from derive.bounds import is_nonnegative as is_nonnegative
from derive.integers import (
    ZERO,
    Atom,
    Extreme,
    Floor,
    Index,
    Integer,
    IntegerEntry,
    extreme,
    floor,
    integer,
    parts,
)  # fmt: skip
from derive.terms import Chain, Comparison, Divides, Term


@dataclass(frozen=True, slots=True)
class AtLeast:
    value: Integer


@dataclass(frozen=True, slots=True)
class Equal:
    value: Integer


@dataclass(frozen=True, slots=True)
class Unequal:
    value: Integer


Test = Union[AtLeast, Equal, Unequal, Divides, Comparison]


def tests_of(condition: terms.Condition) -> list[Test]:
    """The condition as tests that must all hold."""
    if not isinstance(condition, Chain):
        return [condition]
    found: list[Test] = []
    for left, operator, right in pairs(condition):
        match operator:
            case "<=":
                found += at_least(right - left)
            case "<":
                found += at_least(right - left - 1)
            case ">=":
                found += at_least(left - right)
            case ">":
                found += at_least(left - right - 1)
            case "=":
                found.append(Equal(left - right))
            case _:
                found.append(Unequal(left - right))
    return found


def inside(value: Integer, lower: Integer, stop: Integer) -> list[Test]:
    """lower <= value < stop."""
    return [*at_least(value - lower), *at_least(stop - value - 1)]


def at_least(value: Integer) -> list[Test]:
    """v >= 0, its max, min and quotients of index expressions resolved where that takes no case distinction."""
    for monomial, factor in value.terms.items():
        if len(monomial) != 1 or factor not in (1, -1):
            continue
        atom = monomial[0]
        rest = value - factor * integer(atom)
        if isinstance(atom, Extreme) and (atom.operator == "max") == (factor == -1):
            return [test for argument in atom.arguments for test in at_least(rest + factor * argument)]
        if isinstance(atom, Floor) and atom.numerator.indices and not atom.denominator.indices:
            if factor == 1:
                return at_least(atom.numerator + atom.denominator * rest)
            return at_least(atom.denominator * rest + atom.denominator - 1 - atom.numerator)
    shared = math.gcd(*(factor for monomial, factor in value.terms.items() if monomial))
    if shared > 1:
        value = Integer({monomial: factor // shared for monomial, factor in value.terms.items()})
    return [AtLeast(value)]


def is_certain(test: Test, facts: Iterable[Integer]) -> bool:
    """Whether a proof is found that the test holds wherever its indices may be."""
    match test:
        case AtLeast(value=value):
            return is_nonnegative(value, facts)
        case Equal(value=value):
            return value == 0
        case Divides():
            return holds(test, facts)
        case Unequal(value=value):
            return is_nonnegative(value - 1, facts) or is_nonnegative(-value - 1, facts)
    return False


def substituted(test: Test, values: dict[Index, Integer]) -> list[Test]:
    match test:
        case AtLeast(value=value):
            return at_least(value.substitute(values))
        case Equal(value=value):
            return [Equal(value.substitute(values))]
        case Unequal(value=value):
            return [Unequal(value.substitute(values))]
    return [terms.substituted_condition(test, values)]  # type: ignore[list-item]


def indices_of(test: Test) -> frozenset[Index]:
    match test:
        case Comparison(sides=sides):
            return frozenset().union(*map(terms.free_indices, sides))
        case Divides():
            return frozenset((*test.value.indices, *test.divisor.indices))
    return frozenset(test.value.indices)


def condition_of(test: Test) -> terms.Condition:
    """The test as a condition of a guard."""
    match test:
        case AtLeast(value=value):
            positive = Integer({monomial: factor for monomial, factor in value.terms.items() if factor > 0})
            return Chain((positive - value, positive), ("<=",))
        case Equal(value=value):
            return Chain((value, ZERO), ("=",))
        case Unequal(value=value):
            return Chain((value, ZERO), ("!=",))
    return test


# --- integer expressions ----------------------------------------------------------------------------------------------


def is_affine(expression: Integer, axes: Collection[Index]) -> bool:
    """Whether every index of `axes` stands only as a factor of a monomial without another one."""
    for monomial in expression.terms:
        inner = [atom for atom in monomial if isinstance(atom, Index) and atom in axes]
        hidden = any(part for atom in monomial for part in _inside(atom) if part in axes)
        if len(inner) > 1 or hidden:
            return False
    return True


def _inside(atom: Atom) -> Iterable[Index]:
    return (index for part in parts(atom) for index in part.indices)


def split(expression: Integer, axes: Collection[Index]) -> tuple[dict[Index, Integer], Integer]:
    """Coefficients of the indices in an affine expression, and the rest."""
    found: dict[Index, Integer] = {}
    rest = expression
    for index in expression.indices:
        if index in axes:
            linear = rest.linear(index)
            assert linear is not None, expression
            factor, rest = linear
            if factor != 0:
                found[index] = factor
    return found, rest


def ends(expression: Integer, axes: Collection[Index], facts: Iterable[Integer]) -> tuple[Integer, Integer] | None:
    """Bounds below and above without an index of `axes`; tight where each occurs once. None where unknown."""
    total_low, total_high = ZERO, ZERO
    for monomial, factor in expression.terms.items():
        moving = [atom for atom in monomial if _mentions(atom, axes)]
        if not moving:
            total_low += Integer({monomial: factor})
            total_high += Integer({monomial: factor})
            continue
        others = list(monomial)
        others.remove(moving[0])
        scale = Integer({tuple(others): factor})
        rises = is_nonnegative(scale, facts)
        bounds = _atom_ends(moving[0], axes, facts)
        if len(moving) > 1 or bounds is None or (not rises and not is_nonnegative(-scale, facts)):
            return None
        low, high = bounds if rises else (bounds[1], bounds[0])
        total_low += scale * low
        total_high += scale * high
    return total_low, total_high


def _mentions(atom: Atom, axes: Collection[Index]) -> bool:
    return atom in axes or any(index in axes for index in _inside(atom))


def _atom_ends(atom: Atom, axes: Collection[Index], facts: Iterable[Integer]) -> tuple[Integer, Integer] | None:
    match atom:
        case Index():
            low, high = ends(atom.lower, axes, facts), ends(atom.stop - 1, axes, facts)
            return None if low is None or high is None else (low[0], high[1])
        case Floor(numerator=upper, denominator=lower) if not any(index in axes for index in lower.indices):
            inner = ends(upper, axes, facts)
            return None if inner is None else (floor(inner[0], lower), floor(inner[1], lower))
        case Extreme(operator=operator, arguments=arguments):
            found = [ends(each, axes, facts) for each in arguments]
            if any(each is None for each in found):
                return None
            lows, highs = zip(*(each for each in found if each is not None), strict=True)
            return extreme(operator, lows), extreme(operator, highs)
    return None


def positive_part(value: Integer, facts: Iterable[Integer]) -> Integer:
    """max(0, value), resolved where its sign is known."""
    if is_nonnegative(value, facts):
        return value
    return ZERO if is_nonnegative(-value, facts) else extreme("max", (ZERO, value))


def estimate(expression: Integer) -> int:
    """A size to compare costs by: what is only named counts as 64, and nothing is taken off."""
    number = expression.value
    if number is not None:
        return max(number, 1)
    total = 0
    for monomial, factor in expression.terms.items():
        if factor > 0:
            for atom in monomial:
                factor *= max(estimate(atom.numerator) // estimate(atom.denominator), 1) \
                    if isinstance(atom, Floor) else 64  # fmt: skip
            total += factor
    return max(total, 1)


# --- integer expressions of a term ------------------------------------------------------------------------------------


def with_integers(term: Term, change: Callable[[Integer], Integer]) -> Term:
    """The term with every integer expression in it passed through `change`; domains of bound indices stay."""

    def visit(node: Term) -> Term:
        match node:
            case terms.Entry(array=array, indices=indices):
                return terms.Entry(array, tuple(map(change, indices)))
            case terms.Whole(value=value):
                return terms.whole(change(value))
            case terms.Delta(left=left, right=right):
                return terms.delta(change(left), change(right))
            case terms.Guard(conditions=conditions):
                return terms.guard(*(_with_integers(each, change) for each in conditions))
            case terms.Winner():
                return terms.Winner(node.operator, node.indices, node.body, tuple(map(change, node.at)))
        return node

    return terms.transformed(term, visit)


def _with_integers(condition: terms.Condition, change: Callable[[Integer], Integer]) -> terms.Condition:
    match condition:
        case Chain(sides=sides, operators=operators):
            return Chain(tuple(map(change, sides)), operators)
        case Divides(divisor=divisor, value=value):
            return Divides(change(divisor), change(value))
    return condition


def without_empty_quotients(expression: Integer, facts: Iterable[Integer]) -> Integer:
    """floor(k/3) is 0 for k in 0..2."""
    for atom in tuple(expression.atoms()):
        if not isinstance(atom, Floor) or not any(atom in monomial for monomial in expression.terms):
            continue
        if is_nonnegative(atom.numerator, facts) and is_nonnegative(atom.denominator - 1 - atom.numerator, facts):
            expression = expression.replaced(atom, 0)
    return expression


def reads_integers(expression: Integer) -> bool:
    return any(isinstance(atom, IntegerEntry) and atom.indices for atom in expression.atoms())
