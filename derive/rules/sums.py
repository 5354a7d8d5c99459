"""Sums over indices: distribute, bring under one sum, split, pull constants out. Only what a delta needs is moved."""

from __future__ import annotations

from collections.abc import Callable

from derive import terms
from derive.bounds import is_nonnegative
from derive.integers import Index, product
from derive.program import Equation, Program
from derive.rules.rewriting import (
    Rewrite,
    bound_inside,
    factors_of,
    first_changed,
    has_delta,
    is_guarded,
    is_total,
    rule,
)
from derive.rules.wording import listed, said
from derive.step import Rule
from derive.terms import Term, add, multiply, total


def is_sum(term: Term) -> bool:
    return isinstance(term, terms.Reduce) and term.operator == "sum"


def _distribute(node: Term) -> Term | None:
    """a (b δ + c) -> a b δ + a c."""
    if not isinstance(node, terms.Mul):
        return None
    for place, factor in enumerate(node.factors):
        if isinstance(factor, terms.Add) and has_delta(factor):
            parts = []
            for number, part in enumerate(factor.terms):
                others = node.factors if not number else tuple(map(terms.freshened, node.factors))
                parts.append(multiply(*others[:place], part, *others[place + 1 :]))
            return add(*parts)
    return None


def _split(node: Term) -> Term | None:
    """Σ (a δ + b) -> Σ a δ + Σ b."""
    if isinstance(node, terms.Reduce) and is_sum(node) and isinstance(node.body, terms.Add) and has_delta(node.body):
        first, *rest = node.body.terms
        return add(total(node.indices, first), *(terms.freshened(total(node.indices, part)) for part in rest))
    return None


def _one_sum(node: Term) -> Term | None:
    """a Σ b δ -> Σ a b δ: so that the delta meets the sum outside."""
    if not isinstance(node, terms.Mul):
        return None
    for place, factor in enumerate(node.factors):
        if isinstance(factor, terms.Reduce) and is_sum(factor) and has_delta(factor.body):
            others = (*node.factors[:place], *node.factors[place + 1 :])
            used = frozenset().union(*(terms.free_indices(other) | bound_inside(other) for other in others))
            inner = factor if used.isdisjoint(factor.indices) else terms.freshened(factor)
            assert isinstance(inner, terms.Reduce)
            return total(inner.indices, multiply(*node.factors[:place], inner.body, *node.factors[place + 1 :]))
    return None


def _repeatedly(change: Callable[[Term], Term | None]) -> Callable[[Equation, Program], Rewrite | None]:
    def rewrite(equation: Equation, program: Program) -> Rewrite | None:
        term = equation.term
        while (made := first_changed(term, change, linear=True)) is not None:
            term = made
        return None if term is equation.term else Rewrite(term)

    return rewrite


DISTRIBUTE = rule("distribute", "a (b + c) = a b + a c")(_repeatedly(_distribute))
SPLIT = rule("split the sum", "the sum of a sum is the sum of the sums")(_repeatedly(_split))
ONE_SUM = rule("under one sum", "a factor may go under a sum whose index it does not mention")(_repeatedly(_one_sum))


def _pull_out(node: Term, program: Program) -> Term | None:
    """Σ_k a b_k -> a Σ_k b_k; a sum over an index that nothing mentions counts it.

    A factor that may have no value stays beside a guard that stays: the sum may be empty just where it has none.
    """
    if not isinstance(node, terms.Reduce) or not is_sum(node):
        return None
    factors = factors_of(node.body)
    if isinstance(node.body, terms.Add):
        return None
    # an index on which the domain of a remaining one depends has to stay with it
    outside = [factor for factor in factors if terms.free_indices(factor).isdisjoint(node.indices)]
    if is_guarded(factor for factor in factors if factor not in outside):
        outside = [factor for factor in outside if is_total(factor, program)]
    idle = _idle(node, factors)
    if not outside and not idle:
        return None
    inside = [factor for factor in factors if factor not in outside]
    kept = tuple(index for index in node.indices if index not in idle)
    counts = [terms.whole(product(index.extent for index in idle))] if idle else []
    if not kept and not inside:
        return multiply(*outside, *counts)
    return multiply(*outside, *counts, total(kept, multiply(*inside)))


def _idle(node: terms.Reduce, factors: tuple[Term, ...]) -> list[Index]:
    """Bound indices that nothing mentions, neither a factor nor the domain of another index."""
    mentioned = frozenset().union(*map(terms.free_indices, factors)) if factors else frozenset()
    for index in node.indices:
        mentioned |= {*index.lower.indices, *index.stop.indices}
    return [index for index in node.indices if index not in mentioned and is_nonnegative(index.extent)]


def _pull_everything(equation: Equation, program: Program) -> Rewrite | None:
    moved: list[Term] = []

    def change(node: Term) -> Term | None:
        made = _pull_out(node, program)
        if made is not None:
            assert isinstance(node, terms.Reduce)
            for factor in factors_of(node.body):
                if terms.free_indices(factor).isdisjoint(node.indices) and not isinstance(factor, terms.Number):
                    moved.append(factor)
        return made

    term = equation.term
    while (made := first_changed(term, change)) is not None:
        term = made
    if term is equation.term:
        return None
    names = [said(factor) for factor in dict.fromkeys(moved)]
    reason = (
        f"{listed(names)} {'does' if len(names) == 1 else 'do'} not depend on the index of the sum" if names else ""
    )
    return Rewrite(term, reason)


PULL_OUT = rule("constants out of the sum", "what does not mention the index of a sum is a common factor of it")(
    _pull_everything
)

#: Make every delta a factor of the body of a sum: tried in this order.
NORMALISE: tuple[Rule, ...] = (DISTRIBUTE, SPLIT, ONE_SUM)
