"""From a term to its node, once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from derive import terms
from derive.errors import UsageError
from derive.evaluation.domains import Binding
from derive.evaluation.duals import COMPARISONS, plain
from derive.evaluation.grids import Grid
from derive.evaluation.integer import closure
from derive.evaluation.nodes import (
    Call,
    Condition,
    Derivative,
    Literal,
    Node,
    Product,
    Read,
    Seed,
    Sum,
    Unknown,
    WholeNumber,
)
from derive.evaluation.reductions import First, Reduction
from derive.integers import Index, IntegerEntry
from derive.terms import Term

CONSTANTS = {"pi": math.pi, "e": math.e}

Scope = frozenset[Index]
#: A condition, and the indices it speaks of.
Asked = tuple[Scope, Condition]


def made(term: Term, scope: Scope, depth: int, seeds: tuple[Seed, ...] = ()) -> Node:
    """The node of a term.

    scope : the indices that have values.  depth : the first axis that is free.  seeds : the pending derivatives.
    """

    def child(part: Term) -> Node:
        return made(part, scope, depth, seeds)

    match term:
        case terms.Number():
            return Literal(np.float64(float(term.value)), term.value)
        case terms.Constant():
            return Literal(np.float64(CONSTANTS[term.name]), term.name)
        case terms.Whole():
            return WholeNumber(closure(term.value))
        case terms.Entry():
            mine = tuple(seed for seed in seeds if seed.array == term.array)
            return Read(term, tuple(map(closure, term.indices)), mine)
        case terms.Add():
            return Sum(tuple(map(child, term.terms)))
        case terms.Mul() | terms.Delta() | terms.Guard():
            pure, reading, factors = split(term, scope, depth)
            return Product(tuple(held for _, held in pure), reading, tuple(map(child, factors)))
        case terms.Power():
            literal = term.exponent.value if isinstance(term.exponent, terms.Number) else None
            exact = None if literal is None else float(literal)
            return Call(term, "pow", (child(term.base), child(term.exponent)), exact, literal)
        case terms.Apply():
            return Call(term, term.function, tuple(map(child, term.arguments)))
        case terms.Opaque():
            return Unknown(term, tuple(map(closure, term.parameters)), tuple(map(child, term.arguments)))
        case terms.Reduce():
            return reduction(own_indices(term, scope), scope, depth, seeds)
        case terms.Winner():
            node = own_indices(term, scope)
            body = made(node.body, scope.union(node.indices), depth + len(node.indices))
            return First(node, Binding(node.indices, depth), body, tuple(map(closure, node.at)))
        case terms.Partial():
            level = 1 + max((seed.level for seed in seeds), default=0)
            seed = Seed(level, term.by.array, tuple(map(closure, term.by.indices)), terms.free_indices(term.by))
            return Derivative(made(term.of, scope, depth, (*seeds, seed)), level)
    raise UsageError(f"a {type(term).__name__} has no value on a grid")


def own_indices(term: Any, scope: Scope) -> Any:
    """The same with fresh bound indices where one has a value outside already, which it must not hide."""
    return term if scope.isdisjoint(term.indices) else terms.freshened(term)


def reduction(term: terms.Reduce, scope: Scope, depth: int, seeds: tuple[Seed, ...]) -> Node:
    """A sum looks at the conditions of its body first: [m < L]*f(i) over i < n[m+1] reads no n[L+1]."""
    free = terms.free_indices(term.body).union(*(seed.free for seed in seeds))
    inner = scope.union(term.indices)
    below = depth + len(term.indices)
    if term.operator != "sum" or not isinstance(term.body, (terms.Mul, terms.Delta, terms.Guard)):
        return Reduction(term, Binding(term.indices, depth), (), made(term.body, inner, below, seeds), free)
    pure, reading, factors = split(term.body, inner, below)
    node: Node = Product((), reading, tuple(made(part, inner, below, seeds) for part in factors))
    # from the inside out: an index whose domain reads an array begins a sum of its own, behind what can be asked before
    waiting = list(pure)
    stop = len(term.indices)
    for place in range(stop - 1, -1, -1):
        if place and not _reads_extent(term.indices[place]):
            continue
        bound = term.indices[place:stop]
        before = inner.difference(term.indices[place:])
        later = [each for each in waiting if not each[0] <= before] if _reads_extent(bound[0]) else waiting
        waiting = [each for each in waiting if each not in later]
        node = Reduction(term, Binding(bound, depth + place), tuple(held for _, held in later), node, free)
        stop = place
    return Product(tuple(held for _, held in waiting), (), (node,)) if waiting else node


def _reads_extent(index: Index) -> bool:
    return any(isinstance(atom, IntegerEntry) for end in (index.lower, index.stop) for atom in end.atoms())


def split(term: Term, scope: Scope, depth: int) -> tuple[tuple[Asked, ...], tuple[Condition, ...], tuple[Term, ...]]:
    """The conditions of a product: those of indices alone, those that read arrays; and its other factors.

    Of those that read arrays the ones on whole numbers come first: a label is in its range before it is a subscript.
    """
    pure: list[Asked] = []
    reading: list[tuple[bool, Condition]] = []
    factors: list[Term] = []
    for factor in term.factors if isinstance(term, terms.Mul) else (term,):
        match factor:
            case terms.Delta(left=left, right=right):
                conditions: tuple[terms.Condition, ...] = (terms.Chain((left, right), ("=",)),)
            case terms.Guard(conditions=conditions):
                pass
            case _:
                factors.append(factor)
                continue
        for each in conditions:
            made_one = holds(each, scope, depth)
            if reads_arrays(each):
                reading.append((isinstance(each, terms.Comparison), made_one))
            else:
                pure.append((_indices_of(each), made_one))
    ordered = sorted(reading, key=lambda pair: pair[0])
    return tuple(pure), tuple(one for _, one in ordered), tuple(factors)


def reads_arrays(condition: terms.Condition) -> bool:
    if isinstance(condition, terms.Comparison):
        return True
    sides = (condition.divisor, condition.value) if isinstance(condition, terms.Divides) else condition.sides
    return any(isinstance(atom, IntegerEntry) for side in sides for atom in side.atoms())


def _indices_of(condition: terms.Condition) -> Scope:
    return terms.free_indices(terms.Guard((condition,)))


def holds(condition: terms.Condition, scope: Scope, depth: int) -> Condition:
    """Whether a condition holds, over a grid."""
    if isinstance(condition, terms.Divides):
        divisor, value = closure(condition.divisor), closure(condition.value)
        return lambda grid: np.equal(value(grid) % divisor(grid), 0)
    sides: list[Callable[[Grid], Any]]
    if isinstance(condition, terms.Chain):
        sides = [closure(side) for side in condition.sides]
    else:
        sides = [_plain(made(side, scope, depth)) for side in condition.sides]
    operators = [COMPARISONS[operator] for operator in condition.operators]
    of_entries = isinstance(condition, terms.Comparison)

    def held(grid: Grid) -> Any:
        values = [side(grid) for side in sides]
        result: Any = np.True_
        if of_entries and (numbers := grid.environment.exact) is not None:
            for operator, left, right in zip(condition.operators, values, values[1:], strict=False):
                result = result & numbers.compared(operator, left, right)
            return result
        for compare, left, right in zip(operators, values, values[1:], strict=False):
            result = result & compare(left, right)
        return result

    return held


def _plain(node: Node) -> Callable[[Grid], Any]:
    return lambda grid: plain(node(grid))


def nesting(term: Term) -> int:
    """How many axes a term needs beyond those of its free indices."""
    below = max(map(nesting, terms.children(term)), default=0)
    return below + len(terms.bound_in(term))
