"""Integer expressions: what stands in a subscript, in the limits of a sum and between the signs of a guard.

An integer expression is a polynomial with integer coefficients in atoms: an index, a size (`H`, at least 1), an entry
of an integer array (`y[i]`, and the size of layer l, `n[l]`), a quotient rounded down, the largest or smallest of
several. Indices are objects, equal only to themselves: two sums may both call theirs k and never capture each other.

No part of this is SymPy: a subscript is built, added and substituted some thousand times in one derivation, and the
divisibility of 2*i = m must not get lost on the way.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Union

_SERIAL = itertools.count()  # tells indices of one name apart, in order of birth; nothing else depends on it


class Index:
    """An index called `name`, in lower..stop-1. `Index("i", 8)` runs over 0..7. Equal only to itself."""

    __slots__ = ("lower", "name", "serial", "stop")

    def __init__(self, name: str, stop: IntegerLike, lower: IntegerLike = 0) -> None:
        self.name = name
        self.lower = integer(lower)
        self.stop = integer(stop)
        self.serial = next(_SERIAL)

    def __repr__(self) -> str:
        return f"{self.name}#{self.serial}"

    @property
    def extent(self) -> Integer:
        """How many values it takes, where there are any."""
        return self.stop - self.lower

    def fresh(self, name: str | None = None) -> Index:
        """Another index over the same domain."""
        return Index(name or self.name, self.stop, self.lower)


@dataclass(frozen=True, slots=True)
class Size:
    """A size that is only named, such as H; a whole number of at least `least`."""

    name: str
    least: int = 1


@dataclass(frozen=True, slots=True)
class IntegerEntry:
    """An entry of an array of integers: a label y[i], the size n[l] of layer l, a rank-0 integer ().

    least : the smallest value it can have, or None where nothing is known.  stop : one above the largest, or None.
    """

    array: str
    indices: tuple[Integer, ...]
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Floor:
    """numerator / denominator, rounded down; the denominator is positive."""

    numerator: Integer
    denominator: Integer


@dataclass(frozen=True, slots=True)
class Extreme:
    """The largest ("max") or smallest ("min") of several."""

    operator: str
    arguments: tuple[Integer, ...]


Atom = Union[Index, Size, IntegerEntry, Floor, Extreme]
Monomial = tuple[Atom, ...]
IntegerLike = Union["Integer", Index, Size, IntegerEntry, Floor, Extreme, int]


def _order(atom: Atom) -> tuple[int, str, int]:
    match atom:
        case Index():
            return (1, atom.name, atom.serial)
        case Size():
            return (0, atom.name, 0)
        case IntegerEntry():
            return (2, atom.array, hash(atom.indices))
        case Floor():
            return (3, "", hash(atom))
    return (4, atom.operator, hash(atom))


class Integer:
    """A polynomial in atoms. Terms keep the order in which they were written; equality does not look at it."""

    __slots__ = ("__dict__", "terms")

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        self.terms: dict[Monomial, int] = {monomial: factor for monomial, factor in terms.items() if factor}

    @cached_property
    def _key(self) -> frozenset[tuple[Monomial, int]]:
        return frozenset(self.terms.items())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            return self.value == other
        return isinstance(other, Integer) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return " + ".join(f"{factor}*{'*'.join(map(repr, atoms))}" for atoms, factor in self.terms.items()) or "0"

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    def __add__(self, other: IntegerLike) -> Integer:
        total = dict(self.terms)
        for monomial, factor in integer(other).terms.items():
            total[monomial] = total.get(monomial, 0) + factor
        return Integer(total)

    __radd__ = __add__

    def __neg__(self) -> Integer:
        return Integer({monomial: -factor for monomial, factor in self.terms.items()})

    def __sub__(self, other: IntegerLike) -> Integer:
        return self + -integer(other)

    def __rsub__(self, other: IntegerLike) -> Integer:
        return integer(other) + -self

    def __mul__(self, other: IntegerLike) -> Integer:
        right = integer(other)
        total: dict[Monomial, int] = {}
        for one, first in self.terms.items():
            for two, second in right.terms.items():
                monomial = tuple(sorted((*one, *two), key=_order)) if one and two else one or two
                total[monomial] = total.get(monomial, 0) + first * second
        return Integer(total)

    __rmul__ = __mul__

    # --- looking inside -----------------------------------------------------------------------------------------------

    @property
    def value(self) -> int | None:
        """The number it is, or None where it is not a plain number."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and () in self.terms:
            return self.terms[()]
        return None

    @property
    def constant(self) -> int:
        return self.terms.get((), 0)

    @property
    def alone(self) -> Atom | None:
        """The atom it is, or None."""
        if len(self.terms) == 1:
            ((monomial, factor),) = self.terms.items()
            if factor == 1 and len(monomial) == 1:
                return monomial[0]
        return None

    @property
    def index(self) -> Index | None:
        """The index it is, or None."""
        atom = self.alone
        return atom if isinstance(atom, Index) else None

    def atoms(self) -> Iterator[Atom]:
        """All atoms, also those inside of atoms, in order of writing; not the domains of indices."""
        for monomial in self.terms:
            for atom in monomial:
                yield atom
                for part in parts(atom):
                    yield from part.atoms()

    @cached_property
    def indices(self) -> tuple[Index, ...]:
        """The indices that occur, each once, in order of writing."""
        return tuple(dict.fromkeys(atom for atom in self.atoms() if isinstance(atom, Index)))

    @property
    def names(self) -> tuple[str, ...]:
        """The sizes and integer arrays that occur, each once."""
        return tuple(
            dict.fromkeys(
                atom.name if isinstance(atom, Size) else atom.array
                for atom in self.atoms()
                if isinstance(atom, (Size, IntegerEntry))
            )
        )

    def linear(self, atom: Atom) -> tuple[Integer, Integer] | None:
        """(c, r) with self = c*atom + r, both free of the atom; None where that is not so (a square, inside y[i])."""
        factor: dict[Monomial, int] = {}
        rest: dict[Monomial, int] = {}
        for monomial, number in self.terms.items():
            count = monomial.count(atom)
            others = tuple(other for other in monomial if other != atom)
            if count > 1 or any(_mentions(other, atom) for other in others):
                return None
            if count:
                factor[others] = factor.get(others, 0) + number
            else:
                rest[monomial] = number
        return Integer(factor), Integer(rest)

    def substitute(self, values: Mapping[Index, Integer]) -> Integer:
        """Indices replaced by integer expressions, at once."""
        if not any(index in values for index in self.indices):
            return self
        total = ZERO
        for monomial, number in self.terms.items():
            product = integer(number)
            for atom in monomial:
                product = product * substituted_atom(atom, values)
            total = total + product
        return total

    def replaced(self, atom: Atom, value: IntegerLike) -> Integer:
        """One atom, wherever it stands as a factor, replaced by a value."""
        total = ZERO
        for monomial, number in self.terms.items():
            product = integer(number)
            for other in monomial:
                product = product * (value if other == atom else other)
            total = total + product
        return total


def integer(value: IntegerLike) -> Integer:
    """An integer expression from a number, an atom, or one that is an expression already."""
    if isinstance(value, Integer):
        return value
    if isinstance(value, int):
        return Integer({(): value})
    return Integer({(value,): 1})


ZERO = Integer({})
ONE = integer(1)


def parts(atom: Atom) -> tuple[Integer, ...]:
    """The integer expressions inside an atom."""
    match atom:
        case IntegerEntry():
            return atom.indices
        case Floor():
            return (atom.numerator, atom.denominator)
        case Extreme():
            return atom.arguments
    return ()


def _mentions(atom: Atom, wanted: Atom) -> bool:
    return any(inner == wanted for part in parts(atom) for inner in part.atoms())


def substituted_atom(atom: Atom, values: Mapping[Index, Integer]) -> Integer:
    match atom:
        case Index():
            return values.get(atom, integer(atom))
        case IntegerEntry():
            return integer(
                IntegerEntry(atom.array, tuple(part.substitute(values) for part in atom.indices), atom.least)
            )
        case Floor():
            return floor(atom.numerator.substitute(values), atom.denominator.substitute(values))
        case Extreme():
            return extreme(atom.operator, [part.substitute(values) for part in atom.arguments])
    return integer(atom)


def floor(numerator: IntegerLike, denominator: IntegerLike) -> Integer:
    """numerator / denominator rounded down, worked out where both are numbers or the division is exact."""
    upper, lower = integer(numerator), integer(denominator)
    number = lower.value
    if number == 1:
        return upper
    if number is not None and number > 1:
        whole = Integer({monomial: factor // number for monomial, factor in upper.terms.items()
                         if factor % number == 0})  # fmt: skip
        rest = Integer({monomial: factor for monomial, factor in upper.terms.items() if factor % number})
        # the constant's whole part comes out too: floor((i + 5)/2) = floor((i + 1)/2) + 2
        constant = rest.constant
        whole = whole + constant // number
        rest = rest - constant + constant % number
        if rest.value is not None and 0 <= rest.value < number:
            return whole
        return whole + integer(Floor(rest, lower))
    if upper.terms and all(lower.alone in monomial for monomial in upper.terms) and lower.alone is not None:
        exact = {_without(monomial, lower.alone): factor for monomial, factor in upper.terms.items()}
        return Integer(exact)
    return integer(Floor(upper, lower)) if upper.terms else ZERO


def _without(monomial: Monomial, atom: Atom) -> Monomial:
    place = monomial.index(atom)
    return (*monomial[:place], *monomial[place + 1 :])


def ceiling(numerator: IntegerLike, denominator: IntegerLike) -> Integer:
    """numerator / denominator rounded up."""
    return -floor(-integer(numerator), denominator)


def extreme(operator: str, arguments: Iterable[IntegerLike]) -> Integer:
    """The largest or smallest; of those that differ by a number only one is kept."""
    better = max if operator == "max" else min
    kept: list[Integer] = []
    for argument in map(integer, arguments):
        atom = argument.alone
        inner = atom.arguments if isinstance(atom, Extreme) and atom.operator == operator else (argument,)
        for candidate in inner:
            for place, other in enumerate(kept):
                difference = (candidate - other).value
                if difference is not None:
                    kept[place] = other + better(difference, 0)
                    break
            else:
                kept.append(candidate)
    return kept[0] if len(kept) == 1 else integer(Extreme(operator, tuple(kept)))


def product(factors: Iterable[IntegerLike]) -> Integer:
    return reduce(lambda total, factor: total * factor, factors, ONE)
