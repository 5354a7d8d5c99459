"""Proofs about integer expressions: is this never negative, given the domains of the indices in it?

The answer yes is a proof, the answer no only says that none was found. A quotient rounded down is replaced by its
bounds, an index by an end of its domain, a size by its least value; sums over max and min are decided case by case.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from derive.integers import Atom, Extreme, Floor, Index, Integer, IntegerEntry, Size, integer
from derive.terms import Chain, Divides

#: How many case distinctions and facts are tried before a question counts as open.
_EFFORT = 400
#: How many random assignments are tried to refute a claim before a proof is looked for.
_TRIALS = 12
_NOTHING: Mapping[Index, Integer] = MappingProxyType({})


def is_nonnegative(
    expression: Integer, facts: Iterable[Integer] = (), equal: Mapping[Index, Integer] = _NOTHING
) -> bool:
    """Whether a proof is found that the expression is at least 0 for all values of its indices and sizes.

    facts : expressions known to be at least 0, such as the extents of arrays less 1.
    equal : what indices are known to be, as L = m is under a Kronecker delta.
    """
    number = expression.value
    if number is not None:
        return number >= 0
    return _decided(expression, tuple(facts), tuple(equal.items()))


@lru_cache(maxsize=16384)
def _decided(expression: Integer, facts: tuple[Integer, ...], equal: tuple[tuple[Index, Integer], ...]) -> bool:
    known = dict(equal)
    if not known and _refuted(expression, facts):
        return False
    return _Search(facts, known).proves(expression, 2)


def _refuted(expression: Integer, facts: tuple[Integer, ...]) -> bool:
    """Whether a few numbers that agree with the facts make the expression negative: no proof need be looked for."""
    for trial in range(_TRIALS):
        valuation = _Valuation(trial)
        if valuation.of(expression) < 0 and not valuation.impossible:
            atoms = set(expression.atoms())
            related = (fact for fact in facts if atoms.intersection(fact.atoms()))
            if all(valuation.of(fact) >= 0 for fact in related) and not valuation.impossible:
                return True
    return False


class _Valuation:
    """Numbers for sizes, entries and indices, drawn as they are met; `impossible` once a domain turns out empty."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.values: dict[object, int] = {}
        self.impossible = False

    def of(self, expression: Integer) -> int:
        total = 0
        for monomial, factor in expression.terms.items():
            for atom in monomial:
                factor *= self.atom(atom)
            total += factor
        return total

    def atom(self, atom: object) -> int:
        match atom:
            case Floor():
                below = self.of(atom.denominator)
                self.impossible |= below < 1
                return self.of(atom.numerator) // max(below, 1)
            case Extreme():
                return (max if atom.operator == "max" else min)(map(self.of, atom.arguments))
            case IntegerEntry():
                key: object = (atom.array, tuple(map(self.of, atom.indices)))
                least = 0 if atom.least is None else atom.least
            case _:
                key, least = atom, atom.least if isinstance(atom, Size) else 0
        if key not in self.values:
            self.values[key] = (
                self._index(atom) if isinstance(atom, Index) else least + self.random.choice((0, 1, 3, 8))
            )
        return self.values[key]

    def _index(self, index: Index) -> int:
        lower, stop = self.of(index.lower), self.of(index.stop)
        if lower >= stop:
            self.impossible = True
            return lower
        return self.random.choice((lower, stop - 1))


class _Search:
    def __init__(self, facts: tuple[Integer, ...], equal: Mapping[Index, Integer]) -> None:
        self.facts = facts
        self.equal = equal
        self.effort = _EFFORT

    def proves(self, expression: Integer, uses: int) -> bool:
        if self.equal:
            expression = expression.substitute(self.equal)
        number = expression.value
        if number is not None:
            return number >= 0
        self.effort -= 1
        if self.effort < 0:
            return False
        reduced = self._without_compound(expression, uses)
        if reduced is None:
            reduced = self._without_index(expression, uses)
        if reduced is None:
            reduced = _all_nonnegative(expression)
        if reduced or uses == 0:
            return reduced
        return any(self.proves(expression - fact, uses - 1) for fact in self._helpful(expression))

    def _helpful(self, expression: Integer) -> list[Integer]:
        """Facts that share a size with the expression: the others cannot help."""
        atoms = {atom for atom in expression.atoms() if not isinstance(atom, Index)}
        return [fact for fact in self.facts if atoms.intersection(fact.atoms())]

    def _without_compound(self, expression: Integer, uses: int) -> bool | None:
        """Eliminate a quotient or an extreme; None where there is none to start with."""
        for monomial in expression.terms:
            for atom in monomial:
                if not isinstance(atom, (Floor, Extreme)):
                    continue
                linear = expression.linear(atom)
                if linear is None:
                    return False
                factor, rest = linear
                rises = self.proves(factor, 0)
                if not rises and not self.proves(-factor, 0):
                    return False
                if isinstance(atom, Extreme):
                    cases = (self.proves(factor * argument + rest, uses) for argument in atom.arguments)
                    return any(cases) if rises == (atom.operator == "max") else all(cases)
                # s*floor(x/s) lies between x - s + 1 and x; a whole number e is >= 0 just where s*e > -s
                bound = atom.numerator - atom.denominator + 1 if rises else atom.numerator
                scaled = factor * bound + atom.denominator * rest
                return self.proves(scaled + atom.denominator - 1, uses)
        return None

    def _without_index(self, expression: Integer, uses: int) -> bool | None:
        """Put an index to the end of its domain where the expression is least; None where there is no index."""
        indices = expression.indices
        if not indices:
            return None
        domains = {index: {*index.lower.indices, *index.stop.indices} for index in indices}
        inner = next((one for one in indices if not any(one in domains[other] for other in indices)), indices[0])
        linear = expression.linear(inner)
        if linear is None:
            return False
        factor, rest = linear
        if self.proves(factor, 0):
            return self.proves(factor * inner.lower + rest, uses)
        if self.proves(-factor, 0):
            return self.proves(factor * (inner.stop - 1) + rest, uses)
        return False


def _all_nonnegative(expression: Integer) -> bool:
    """Whether the polynomial has no negative coefficient once each size is written as its least value and more."""
    least: dict[Atom, int] = {}
    for monomial in expression.terms:
        for atom in monomial:
            bound = atom.least if isinstance(atom, (Size, IntegerEntry)) else None
            if bound is None:
                return False
            least[atom] = bound
    if all(len(monomial) < 2 for monomial in expression.terms):
        total = sum(factor * (least[monomial[0]] if monomial else 1) for monomial, factor in expression.terms.items())
        return total >= 0 and all(factor >= 0 for monomial, factor in expression.terms.items() if monomial)
    for size, number in least.items():
        expression = expression.replaced(size, integer(size) + number)
    return all(factor >= 0 for factor in expression.terms.values())


def is_positive(expression: Integer, facts: Iterable[Integer] = ()) -> bool:
    return is_nonnegative(expression - 1, facts)


def holds(condition: Chain | Divides, facts: Iterable[Integer] = (), equal: Mapping[Index, Integer] = _NOTHING) -> bool:
    """Whether a condition is proved to hold for all values of its indices; for facts and equal see is_nonnegative."""
    known = tuple(facts)
    if isinstance(condition, Divides):
        divisor = condition.divisor.value
        if divisor is not None:
            return all(factor % divisor == 0 for factor in condition.value.terms.values())
        atom = condition.divisor.alone
        return atom is not None and all(atom in monomial for monomial in condition.value.terms)
    return all(_pair(left, operator, right, known, equal) for left, operator, right in pairs(condition))


def fails(condition: Chain | Divides, facts: Iterable[Integer] = ()) -> bool:
    """Whether a condition is proved to hold nowhere."""
    known = tuple(facts)
    if isinstance(condition, Divides):
        divisor = condition.divisor.value
        if divisor is None:
            return False
        rest = condition.value - condition.value.constant
        return condition.value.constant % divisor != 0 and all(factor % divisor == 0 for factor in rest.terms.values())
    opposite = {"<=": ">", "<": ">=", ">=": "<", ">": "<=", "!=": "="}
    for left, operator, right in pairs(condition):
        if operator == "=":
            if _pair(left, "<", right, known) or _pair(left, ">", right, known):
                return True
        elif _pair(left, opposite[operator], right, known):
            return True
    return False


def pairs(chain: Chain) -> list[tuple[Integer, str, Integer]]:
    """`a <= b < c` as its comparisons (a, <=, b), (b, <, c)."""
    return [(chain.sides[k], operator, chain.sides[k + 1]) for k, operator in enumerate(chain.operators)]


def _pair(
    left: Integer, operator: str, right: Integer, facts: tuple[Integer, ...], equal: Mapping[Index, Integer] = _NOTHING
) -> bool:
    match operator:
        case "<=":
            return is_nonnegative(right - left, facts, equal)
        case "<":
            return is_nonnegative(right - left - 1, facts, equal)
        case ">=":
            return is_nonnegative(left - right, facts, equal)
        case ">":
            return is_nonnegative(left - right - 1, facts, equal)
        case "=":
            return (left - right).value == 0
    return is_nonnegative(left - right - 1, facts, equal) or is_nonnegative(right - left - 1, facts, equal)
