"""Like terms collected: u v + v u = 2 u v. Only whole terms of a sum are compared, factor by factor."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from derive import terms
from derive.program import Equation, Program
from derive.rules.rewriting import Rewrite, factors_of, first_changed, rule
from derive.terms import Number, Term, add, multiply


def _key(term: Term) -> tuple[Any, Fraction, Term]:
    """What must agree, the number in front, and the rest."""
    number = Fraction(1)
    rest = []
    for factor in factors_of(term):
        if isinstance(factor, Number):
            number *= factor.value
        else:
            rest.append(factor)
    return tuple(sorted(repr(terms.canonical(factor)) for factor in rest)), number, multiply(*rest)


def _collect(node: Term) -> Term | None:
    if not isinstance(node, terms.Add):
        return None
    found: dict[Any, tuple[Fraction, Term]] = {}
    for part in node.terms:
        key, number, rest = _key(part)
        earlier = found.get(key)
        found[key] = (number + earlier[0], earlier[1]) if earlier else (number, rest)
    if len(found) == len(node.terms):
        return None
    return add(*(multiply(number, rest) for number, rest in found.values()))


def _everywhere(equation: Equation, program: Program) -> Rewrite | None:
    made = first_changed(equation.term, _collect)
    return None if made is None else Rewrite(made)


COLLECT = rule("collect like terms", "equal terms of a sum are counted")(_everywhere)


def _common(node: Term) -> Term | None:
    """a b + a c -> a (b + c), where every term has the factor."""
    if not isinstance(node, terms.Add):
        return None
    parts = [list(factors_of(part)) for part in node.terms]
    shared: list[Term] = []
    for factor in list(parts[0]):
        if isinstance(factor, Number):
            continue
        places = [
            next((k for k, other in enumerate(part) if terms.same(other, factor)), None) for part in parts
        ]
        if all(place is not None for place in places):
            shared.append(factor)
            for part, place in zip(parts, places, strict=True):
                assert place is not None
                del part[place]
    return multiply(*shared, add(*(multiply(*part) for part in parts))) if shared else None


def _common_factor(equation: Equation, program: Program) -> Rewrite | None:
    made = first_changed(equation.term, _common)
    return None if made is None else Rewrite(made)


COMMON_FACTOR = rule("common factor", "a b + a c = a (b + c)")(_common_factor)
