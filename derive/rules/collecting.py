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
