"""Guards: those that the domains imply are dropped, the others become the limits of a sum where they can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from derive import terms
from derive.bounds import fails, holds, is_positive, pairs
from derive.integers import Extreme, Index, Integer, ceiling, extreme, floor, integer
from derive.program import Equation, Program
from derive.rules.rewriting import Rewrite, factors_of, first_changed, rule
from derive.rules.sums import is_sum
from derive.rules.wording import said, said_condition
from derive.step import Rule
from derive.terms import NIL, Chain, Comparison, Condition, Guard, Reduce, Term, multiply, total


def facts(program: Program, around: Iterable[Index] = ()) -> tuple[Integer, ...]:
    """What may be taken for granted: no array is empty, and an index has a value where one speaks of it."""
    extents = [index.extent for head in program.heads.values() for part in head.indices for index in part.indices]
    extents += [index.extent for index in around]
    return tuple(dict.fromkeys(extent - 1 for extent in extents if extent.value is None))


def _discharge(equation: Equation, program: Program) -> Rewrite | None:
    known = facts(program, equation.indices)
    dropped: list[str] = []

    def change(node: Term, around: tuple[Integer, ...], equal: Mapping[Index, Integer]) -> Term:
        if isinstance(node, Guard):
            kept: list[Condition] = []
            for condition in node.conditions:
                if isinstance(condition, Comparison):
                    kept.append(condition)
                elif fails(condition, around):
                    dropped.append(f"{said_condition(condition)} never holds")
                    return NIL
                else:
                    rest = _remaining(condition, around, equal)
                    if rest != condition:
                        dropped.append(f"{said_condition(condition)} holds on the domains")
                    if rest is not None:
                        kept.append(rest)
            return node if tuple(kept) == node.conditions else terms.guard(*kept)
        if isinstance(node, terms.Delta) and fails(Chain((node.left, node.right), ("=",)), around):
            dropped.append(f"{said(node.left)} = {said(node.right)} never holds")
            return NIL
        if isinstance(node, Reduce):
            around = (*around, *(index.extent - 1 for index in node.indices if index.extent.value is None))
        if isinstance(node, terms.Mul):
            equal = {**equal, **_equalities(node)}
        below = terms.children(node)
        parts = tuple(change(part, around, equal) for part in below)
        return node if all(new is old for new, old in zip(parts, below, strict=True)) else terms.rebuilt(node, parts)

    made = change(equation.term, known, {})
    return None if made is equation.term else Rewrite(made, conditions=tuple(dict.fromkeys(dropped)))


def _equalities(node: terms.Mul) -> dict[Index, Integer]:
    """What the deltas of a product say of an index: where L = m is 0, the other factors do not count."""
    found: dict[Index, Integer] = {}
    for factor in node.factors:
        if isinstance(factor, terms.Delta):
            for one, other in ((factor.right, factor.left), (factor.left, factor.right)):
                if one.index is not None and one.index not in other.indices and not found:
                    found[one.index] = other
    return found


def _remaining(
    condition: Chain | terms.Divides, known: tuple[Integer, ...], equal: Mapping[Index, Integer]
) -> Condition | None:
    """The part of a condition that the domains do not imply."""
    if isinstance(condition, terms.Divides):
        return None if holds(condition, known, equal) else condition
    left = [pair for pair in pairs(condition) if not holds(Chain((pair[0], pair[2]), (pair[1],)), known, equal)]
    if len(left) == len(condition.operators):
        return condition
    if not left:
        return None
    sides = [left[0][0], left[0][2]]
    operators = [left[0][1]]
    for low, operator, high in left[1:]:
        if low != sides[-1]:
            return condition  # the middle of the chain is implied: keep it whole
        sides.append(high)
        operators.append(operator)
    return Chain(tuple(sides), tuple(operators))


DISCHARGE = rule("range", "a guard that holds on the whole domain of its indices is 1, one that never holds is 0")(
    _discharge
)


def last(index: Index) -> Integer:
    """The largest value of an index: stop - 1, taken into a max or min."""
    atom = index.stop.alone
    if isinstance(atom, Extreme):
        return extreme(atom.operator, [argument - 1 for argument in atom.arguments])
    return index.stop - 1


def _limits(equation: Equation, program: Program) -> Rewrite | None:
    """Σ_i [0 <= m - i < P] u -> the sum from max(0, m-P+1) to min(N-1, m)."""
    told: list[str] = []

    def change(node: Term) -> Term | None:
        if not isinstance(node, Reduce) or not is_sum(node):
            return None
        factors = factors_of(node.body)
        for index in reversed(node.indices):
            if any(index in (*other.lower.indices, *other.stop.indices) for other in node.indices):
                continue
            lower, stop = [index.lower], [index.stop]
            kept: list[Term] = []
            for factor in factors:
                kept.append(_take_limits(factor, index, lower, stop))
            if len(lower) + len(stop) == 2:
                continue
            new = Index(index.name, extreme("min", stop), extreme("max", lower))
            told.append(f"{index.name} runs from {said(new.lower)} to {said(last(new))}")
            bound = tuple(new if each is index else each for each in node.indices)
            body = terms.substitute(multiply(*kept), {index: integer(new)})
            return total(bound, body)
        return None

    term = equation.term
    while (made := first_changed(term, change)) is not None:
        term = made
    return None if term is equation.term else Rewrite(term, "; ".join(dict.fromkeys(told)))


def _take_limits(factor: Term, index: Index, lower: list[Integer], stop: list[Integer]) -> Term:
    """Move the comparisons of a guard that bound the index to its limits; what is left of the guard."""
    if not isinstance(factor, Guard):
        return factor
    kept: list[Condition] = []
    for condition in factor.conditions:
        if not isinstance(condition, Chain) or not all(map(_bounding, condition.operators)):
            kept.append(condition)
            continue
        found = [_one_limit(pair, index) for pair in pairs(condition)]
        if any(limit is None for limit in found):
            kept.append(condition)
            continue
        for limit in found:
            assert limit is not None
            (lower if limit[0] == "lower" else stop).append(limit[1])
    return terms.guard(*kept)


def _bounding(operator: str) -> bool:
    return operator in ("<=", "<", ">=", ">")


def _one_limit(pair: tuple[Integer, str, Integer], index: Index) -> tuple[str, Integer] | None:
    """("lower", l) for index >= l, ("stop", s) for index < s; None where the comparison does not bound the index."""
    left, operator, right = pair
    # slack >= 0
    slack = {"<=": right - left, "<": right - left - 1, ">=": left - right, ">": left - right - 1}[operator]
    linear = slack.linear(index)
    if linear is None:
        return None
    factor, rest = linear
    if is_positive(factor):
        return "lower", ceiling(-rest, factor)
    if is_positive(-factor):
        return "stop", floor(rest, -factor) + 1
    return None


LIMITS = rule("limits of the sum", "a guard on the index of a sum is a limit of the sum")(_limits)

RULES: tuple[Rule, ...] = (DISCHARGE, LIMITS)
