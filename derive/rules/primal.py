"""Reuse of a primal value: what an equation has computed already is called by its name, exp(x[i])/sum(..) by p[i]."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from derive import terms
from derive.integers import Index, Integer, integer
from derive.program import Equation, Program
from derive.rules.rewriting import Rewrite, factors_of, is_guarded, is_total, rule
from derive.rules.wording import listed, said
from derive.terms import Entry, Number, Power, Term, multiply, power

#: Beyond this many ways to put indices into an equation no match is looked for.
_WAYS = 81


def _exponents(term: Term) -> tuple[Counter[Any], dict[Any, Term], Fraction]:
    """A product as powers of its factors: canonical key -> exponent, key -> factor, and the number in front."""
    counts: Counter[Any] = Counter()
    factor_of: dict[Any, Term] = {}
    number = Fraction(1)
    for factor in factors_of(term):
        if isinstance(factor, Number):
            number *= factor.value
            continue
        base: Term = factor
        exponent = Fraction(1)
        if isinstance(factor, Power) and isinstance(factor.exponent, Number):
            base, exponent = factor.base, factor.exponent.value
        key = terms.canonical(base)
        counts[key] += exponent  # type: ignore[assignment]
        factor_of.setdefault(key, base)
    return counts, factor_of, number


def _instances(line: Equation, equation: Equation) -> Iterator[tuple[Entry, Term]]:
    """The line at its own indices and at those that the equation speaks of."""
    left = line.left
    assert isinstance(left, Entry)
    sides = [equation.left.of, equation.left.by] if isinstance(equation.left, terms.Partial) else [equation.left]
    around: list[Integer] = list(
        dict.fromkeys(part for side in sides if isinstance(side, Entry) for part in side.indices)
    )
    for node in terms.walk(equation.term):
        around += [integer(index) for index in terms.bound_in(node) if integer(index) not in around]
    choices = [
        [part for part in around if part.index is not None and _one_domain(part, own)] or [own] for own in left.indices
    ]
    ways = 1
    for choice in choices:
        ways *= len(choice)
    if ways > _WAYS:
        return
    for combination in itertools.product(*choices):
        values = dict(zip(line.indices, combination, strict=True))
        yield Entry(left.array, tuple(combination)), terms.substitute(line.term, values)


def _one_domain(part: Integer, own: Integer) -> bool:
    one, two = part.index, own.index
    return one is not None and two is not None and (one.lower, one.stop) == (two.lower, two.stop)


def _is_plain(term: Term) -> bool:
    """Whether calling the value by its name saves nothing: an entry, a number, a product or sum of such."""
    return not any(isinstance(node, (terms.Apply, terms.Opaque, terms.Power)) for node in terms.walk(term))


def _could_occur(part: Term, whole: Term) -> bool:
    """Whether everything that the part reads and applies is met in the whole: else no match need be looked for."""
    return terms.reads(part) <= terms.reads(whole) and _functions(part) <= _functions(whole)


@lru_cache(maxsize=4096)
def _functions(term: Term) -> frozenset[str]:
    return frozenset(
        node.function if isinstance(node, terms.Apply) else node.name
        for node in terms.walk(term)
        if isinstance(node, (terms.Apply, terms.Opaque))
    )


def reuse(equation: Equation, program: Program, line: Equation) -> Rewrite | None:
    """The equation with every occurrence of the line's right-hand side called by its name."""
    if _is_plain(line.term) or not _could_occur(line.term, equation.term):
        return None
    named: dict[str, None] = {}
    term = equation.term
    scope = frozenset(equation.indices)
    for head, body in _instances(line, equation):
        pattern = _exponents(body)

        needed = terms.free_indices(head)

        def change(node: Term, head: Entry = head, body: Term = body, pattern: Any = pattern) -> Term | None:
            if terms.same(node, body):
                made: Term | None = head
            elif isinstance(node, terms.Mul) or isinstance(body, terms.Mul):
                made = _divided(node, head, pattern, program)
            else:
                made = None
            if made is not None:
                named.setdefault(said(head))
            return made

        while (made := _first_in_scope(term, change, needed, scope)) is not None:
            term = made
    if term == equation.term:
        return None
    return Rewrite(term, f"{listed(list(named))} {'is' if len(named) == 1 else 'are'} known from the forward pass")


def _first_in_scope(
    term: Term, change: Callable[[Term], Term | None], needed: frozenset[Index], scope: frozenset[Index]
) -> Term | None:
    """The term with the first node changed at which all needed indices mean something.

    A value that does not mention an index is met outside of the sum over it too, where X[i] has no i.
    """
    made = change(term) if needed <= scope else None
    if made is not None:
        return made
    scope |= frozenset(terms.bound_in(term))
    below = terms.children(term)
    for place, part in enumerate(below):
        made = _first_in_scope(part, change, needed, scope)
        if made is not None:
            return terms.rebuilt(term, (*below[:place], made, *below[place + 1 :]))
    return None


def _divided(
    node: Term, head: Entry, pattern: tuple[Counter[Any], dict[Any, Term], Fraction], program: Program
) -> Term | None:
    """node = body * rest -> head * rest, where node holds every factor of the body to at least its power.

    A guard that goes with the body may be what the rest needs: then nothing is called by its name.
    """
    wanted, factor_in, number = pattern
    if not isinstance(node, terms.Mul) or not wanted:
        return None
    have, factor_of, own = _exponents(node)
    for key, exponent in wanted.items():
        mine = have.get(key, 0)
        if not mine or (mine > 0) != (exponent > 0) or abs(mine) < abs(exponent):
            return None
    times = min(int(abs(have[key]) / abs(exponent)) for key, exponent in wanted.items())  # tanh^2 is a^2
    rest: list[Term] = []
    placed = False
    for key, base in factor_of.items():
        if key in wanted and not placed:
            rest.append(power(head, times))
            placed = True
        left = Fraction(have[key]) - times * Fraction(wanted.get(key, 0))
        if left:
            rest.append(power(base, left))
    if is_guarded(factor_in.values()) and not all(is_total(factor, program) for factor in rest):
        return None
    return multiply(own / number**times, *rest)


def reuse_rule(line: Equation) -> Any:
    """The rule for one line of the primal program."""
    return rule("reuse the primal value", "what the forward pass has computed is called by its name")(
        lambda equation, program: reuse(equation, program, line)
    )
