"""The oracle of index equations: nested Python loops over dictionaries of numbers, straight from derive.terms.

Shares nothing with derive.evaluation but the functions of Python's math module.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from derive import terms
from derive.arithmetic import FLOATS
from derive.functions import OPERATIONS
from derive.integers import Extreme, Floor, Index, Integer, IntegerEntry, Size

COMPARE = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


def _order(condition: Any) -> int:
    """Indices alone, then labels, then real numbers."""
    if isinstance(condition, terms.Comparison):
        return 2
    sides = (condition.divisor, condition.value) if isinstance(condition, terms.Divides) else condition.sides
    return int(any(isinstance(atom, IntegerEntry) for side in sides for atom in side.atoms()))


class Outside(Exception):
    """An entry that does not exist."""


@dataclass
class World:
    """sizes, and arrays as dictionaries from subscripts to numbers."""

    sizes: Mapping[str, int]
    arrays: Mapping[str, Mapping[tuple[int, ...], Any]]

    def entry(self, array: str, place: tuple[int, ...]) -> Any:
        if place not in self.arrays[array]:
            raise Outside(f"{array}{list(place)}")
        return self.arrays[array][place]

    def whole(self, expression: Integer, at: Mapping[Index, int]) -> int:
        return sum(number * math.prod(self._atom(a, at) for a in atoms) for atoms, number in expression.terms.items())

    def _atom(self, atom: Any, at: Mapping[Index, int]) -> int:
        match atom:
            case Index():
                return at[atom]
            case Size():
                return self.sizes[atom.name]
            case IntegerEntry():
                return int(self.entry(atom.array, tuple(self.whole(part, at) for part in atom.indices)))
            case Floor():
                return self.whole(atom.numerator, at) // self.whole(atom.denominator, at)
            case Extreme():
                return (max if atom.operator == "max" else min)(self.whole(part, at) for part in atom.arguments)
        raise TypeError(atom)

    def domain(self, indices: tuple[Index, ...], at: Mapping[Index, int]) -> Iterator[dict[Index, int]]:
        """All values of the indices, in row-major order."""
        if not indices:
            yield dict(at)
            return
        first, *rest = indices
        for value in range(self.whole(first.lower, at), self.whole(first.stop, at)):
            yield from self.domain(tuple(rest), {**at, first: value})

    def holds(self, condition: Any, at: Mapping[Index, int]) -> bool:
        if isinstance(condition, terms.Divides):
            return self.whole(condition.value, at) % self.whole(condition.divisor, at) == 0
        value = self.whole if isinstance(condition, terms.Chain) else self.value
        sides = [value(side, at) for side in condition.sides]
        pairs = zip(condition.operators, itertools.pairwise(sides), strict=True)
        return all(COMPARE[sign](*pair) for sign, pair in pairs)

    def guarded(self, factors: list[Any], at: Mapping[Index, int]) -> bool:
        """Whether all conditions hold; what a false one excludes is not asked."""
        asked: list[Any] = []
        for factor in factors:
            if isinstance(factor, terms.Delta):
                asked.append(terms.Chain((factor.left, factor.right), ("=",)))
            else:
                asked += factor.conditions
        return all(self.holds(each, at) for each in sorted(asked, key=_order))

    def value(self, term: terms.Term, at: Mapping[Index, int]) -> float:
        match term:
            case terms.Number():
                return float(term.value)
            case terms.Constant():
                return math.pi if term.name == "pi" else math.e
            case terms.Whole():
                return float(self.whole(term.value, at))
            case terms.Entry():
                return float(self.entry(term.array, tuple(self.whole(part, at) for part in term.indices)))
            case terms.Add():
                return math.fsum(self.value(part, at) for part in term.terms)
            case terms.Delta() | terms.Guard():
                return float(self.guarded([term], at))
            case terms.Mul():
                guards = [each for each in term.factors if isinstance(each, (terms.Delta, terms.Guard))]
                if not self.guarded(guards, at):
                    return 0.0
                return math.prod(self.value(each, at) for each in term.factors if each not in guards)
            case terms.Power():
                return self.value(term.base, at) ** self.value(term.exponent, at)
            case terms.Apply():
                return float(
                    OPERATIONS[term.function].value(FLOATS, *(self.value(each, at) for each in term.arguments))
                )
            case terms.Reduce():
                values = [self.value(term.body, inner) for inner in self.domain(term.indices, at)]
                reduce: Any = {"sum": math.fsum, "prod": math.prod, "max": max, "min": min}[term.operator]
                return float(reduce(values))
            case terms.Winner():
                places = list(self.domain(term.indices, at))
                if not places:
                    return 0.0
                values = [self.value(term.body, inner) for inner in places]
                best = places[values.index(max(values) if term.operator == "max" else min(values))]
                asked = [self.whole(part, at) for part in term.at]
                return float(asked == [best[index] for index in term.indices])
        raise TypeError(term)
