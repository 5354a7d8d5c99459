"""Orders that code follows: indices by first appearance, the terms of a sum, and names by what is computed."""

from __future__ import annotations

from derive import terms
from derive.integers import Atom, Index, Integer
from derive.terms import Term


def indices_in_order(term: Term) -> tuple[Index, ...]:
    """The free indices by first appearance."""
    free = terms.free_indices(term)
    seen: dict[Index, None] = {}
    for node in terms.walk(term):
        for part in terms.integers_in(node):
            seen.update(dict.fromkeys(index for index in part.indices if index in free))
        for index in terms.bound_in(node):
            for part in (index.lower, index.stop):
                seen.update(dict.fromkeys(other for other in part.indices if other in free))
    return tuple(seen)


def in_order(expression: Integer) -> list[tuple[tuple[Atom, ...], int]]:
    """The terms as they are written: what is added, what is taken off, the number; 2 - k, not -k + 2."""
    ordered = sorted(expression.terms.items(), key=lambda item: (item[0] == (), item[1] < 0))
    if len(ordered) > 1 and ordered[0][1] < 0 and ordered[-1][1] > 0:
        ordered.insert(0, ordered.pop())
    return ordered


def hint(term: Term) -> str:
    """A name for what a term computes."""
    arrays = "_".join(terms.reads_in_order(term)[:1])
    match term:
        case terms.Apply(function=function, arguments=(terms.Entry(),)):
            return f"{function}_{arrays}"
        case terms.Apply(function=function):
            return function
        case terms.Reduce(operator="max" | "min" | "prod" as operator):
            return f"{arrays}_{operator}"
        case terms.Reduce():
            return f"{arrays}_sum"
        case terms.Winner(operator=operator):
            return f"{arrays}_arg{operator}"
    return "t"
