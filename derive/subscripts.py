"""Integer expressions written as trees, under names of indices that no reader can mistake for each other.

Two index objects may share a name; where both are visible, the one that is bound further inside is given the next
letter that is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from derive import terms
from derive import tree as t
from derive.conventions import LOSS, Notation
from derive.integers import (
    ZERO,
    Atom,
    Extreme,
    Floor,
    Index,
    Integer,
    IntegerEntry,
    Size,
    extreme,
    floor,
    integer,
    product,
)  # fmt: skip
from derive.terms import Term
from derive.tree import Tree

#: The letters of indices, in the order in which they are taken where a name is in use.
LETTERS = "ijklmnpqrstuvwabcdghxyz"


class Subscripts:
    """Writes integer expressions at one place after another; knows the name of every index that is visible there.

    written : the terms that will be written.  free : the indices of the left side, which keep their names.
    known : names of arrays and sizes elsewhere, which no bound index takes either.
    """

    def __init__(
        self, written: Sequence[Term], notation: Notation, free: Sequence[Index], known: Iterable[str] = ()
    ) -> None:
        self.notation = notation
        self.reserved = frozenset(_names(written)).union(known)
        self.names: dict[Index, str] = {}
        self._from_one = frozenset(_counted_from_one(written, notation)) if notation.base else frozenset()
        later = {index for term in written for index in terms.free_indices(term)} - set(free)
        for index in [*dict.fromkeys(free), *sorted(later, key=lambda index: index.serial)]:
            self.names[index] = _fresh(index.name, set(self.names.values()))

    @contextmanager
    def bound(self, indices: Sequence[Index]) -> Iterator[tuple[str, ...]]:
        """Names for bound indices, different from all that are visible and from the names of arrays and sizes."""
        before = dict(self.names)
        for index in indices:
            taken = self.reserved.union(name for other, name in self.names.items() if other is not index)
            self.names[index] = _fresh(index.name, taken)
        yield tuple(self.names[index] for index in indices)
        self.names = before

    # --- expressions --------------------------------------------------------------------------------------------------

    def amount(self, expression: Integer) -> Tree:
        """An expression that counts something. Positive terms first, then negative ones, then the number: m - i + 1."""
        return self._tree(self._counted(expression))

    def places(self, expressions: Iterable[Integer]) -> tuple[Tree, ...]:
        """Subscripts: where indices count from 1, so do these, and a lone index stays as it is."""
        if not self.notation.base:
            return tuple(map(self._tree, expressions))
        return tuple(self._tree(self._counted(each) + self.notation.base) for each in expressions)

    def subscripts(self, array: str, indices: Sequence[Integer]) -> tuple[Tree, ...]:
        """The subscripts of an entry; the number of a layer counts as the author counts."""
        if array in self.notation.layered and indices:
            return (self.amount(indices[0]), *self.places(indices[1:]))
        return self.places(indices)

    def compared(self, sides: Sequence[Integer], operators: Sequence[str]) -> tuple[tuple[Tree, ...], tuple[str, ...]]:
        """The sides and signs of a chain. Counted from 1 both sides of 0 <= i < n grow by 1: 1 <= i <= n."""
        if all(self._counted(side) == side for side in sides):
            spare = min((side.constant for side in sides if side.value is None), default=0)
            if spare > 0 and all(side.value is None for side in sides):
                sides = [side - spare for side in sides]  # l < L for l + 1 < L + 1
            return tuple(map(self._tree, sides)), tuple(operators)
        if operators[-1] == "<":
            return (*self.places(sides[:-1]), self.amount(sides[-1])), (*operators[:-1], "<=")
        return self.places(sides), tuple(operators)

    def limits(self, index: Index) -> tuple[Tree, Tree]:
        """The first value of an index and the one behind its last."""
        base = self.notation.base if index in self._from_one else 0
        lower, stop = (_raised(self._counted(end), base) for end in (index.lower, index.stop))
        return self._tree(lower), self._tree(stop)

    def _counted(self, expression: Integer) -> Integer:
        """The expression over indices that count from 1 where the notation says so: i - 1 for i."""
        if not self._from_one:
            return expression
        return sum((product(map(self._counted_atom, each)) * n for each, n in expression.terms.items()), ZERO)

    def _counted_atom(self, atom: Atom) -> Integer:
        match atom:
            case Floor(numerator=upper, denominator=lower):
                return floor(self._counted(upper), self._counted(lower))
            case Extreme(operator=operator, arguments=arguments):
                return extreme(operator, map(self._counted, arguments))
        return integer(atom) - 1 if atom in self._from_one else integer(atom)

    def _tree(self, expression: Integer) -> Tree:
        if (alone := expression.alone) is not None:
            return self._atom(alone)
        variable = [(monomial, factor) for monomial, factor in expression.terms.items() if monomial]
        ordered = [part for part in variable if part[1] > 0] + [part for part in variable if part[1] < 0]
        pieces = [(factor < 0, self._monomial(monomial, abs(factor))) for monomial, factor in ordered]
        if (number := expression.constant) or not pieces:
            leads = bool(pieces) and pieces[0][0] and number > 0  # 1 - i
            pieces.insert(0 if leads else len(pieces), (number < 0, t.tree_of(abs(number))))
        return t.tidy_sum([t.negate(tree) if negative else tree for negative, tree in pieces])

    def _monomial(self, atoms: Sequence[object], factor: int) -> Tree:
        if len(atoms) == 1:
            factors = [self._atom(atoms[0])]
        else:
            factors = [t.power(self._atom(atom), atoms.count(atom)) for atom in dict.fromkeys(atoms)]
        if factor != 1:
            factors.insert(0, t.tree_of(factor))
        return factors[0] if len(factors) == 1 else t.Product(tuple(("*", each) for each in factors))

    def _atom(self, atom: object) -> Tree:
        match atom:
            case Index():
                return t.Name(self.names.get(atom, atom.name))
            case Size(name=name):
                symbol = self.notation.symbols.get(name, "")
                return t.Name(name, symbol="" if symbol == LOSS else symbol)  # a last layer L beside a loss L
            case IntegerEntry(array=array, indices=indices):
                return self.entry(array, indices)
            case Floor(numerator=upper, denominator=lower):
                above = self._tree(upper)  # a minus sign stays with it: -(j/2) is not the quotient of whole numbers
                head = above.factors if isinstance(above, t.Product) else (("*", above),)
                return t.Call("floor", (t.Product((*head, ("/", self._tree(lower)))),))
            case Extreme(operator=operator, arguments=arguments):
                return t.Call(operator, tuple(map(self._tree, arguments)))
        raise TypeError(f"{atom!r} is no atom of an integer expression")

    # --- names and entries --------------------------------------------------------------------------------------------

    def entry(self, array: str, indices: Sequence[Integer]) -> Tree:
        """An entry of an array, or a scalar."""
        symbol = self.notation.symbols.get(array, "")
        if not indices:
            return t.Name(array, symbol=symbol)
        layer = self.layer(array)
        return t.Subscript(
            array, self.subscripts(array, indices), layer=layer, tight=self.notation.tight, symbol=symbol
        )

    def layer(self, name: str) -> str:
        """The brackets of the layer of that array, size or function; "" where it has none."""
        return self.notation.layer if name in self.notation.layered else ""


def _raised(expression: Integer, number: int) -> Integer:
    """expression + number, added inside of max and min: max(1, m - 1) rather than max(0, m - 2) + 1."""
    match expression.alone:
        case Extreme(operator=operator, arguments=arguments):
            return extreme(operator, [argument + number for argument in arguments])
    return expression + number


def _fresh(name: str, taken: set[str] | frozenset[str]) -> str:
    """The name itself, or the next letter that is not taken."""
    if name not in taken:
        return name
    if len(name) == 1:
        start = LETTERS.find(name) + 1
        for letter in LETTERS[start:] + LETTERS[:start]:
            if letter not in taken:
                return letter
    count = 1
    while f"{name}{count}" in taken:
        count += 1
    return f"{name}{count}"


def _expressions(written: Sequence[Term]) -> Iterator[Integer]:
    """All integer expressions, also the domains of bound indices."""
    for term in written:
        for node in terms.walk(term):
            yield from terms.integers_in(node)
            for index in terms.bound_in(node):
                yield from (index.lower, index.stop)


def _names(written: Sequence[Term]) -> Iterator[str]:
    for term in written:
        for node in terms.walk(term):
            if isinstance(node, terms.Entry):
                yield node.array
    for expression in _expressions(written):
        yield from expression.names


def _counted_from_one(written: Sequence[Term], notation: Notation) -> Iterator[Index | IntegerEntry]:
    """Indices that are no layers, and labels: entries of integer arrays that stand alone where an index does."""
    layers: set[Index] = set()
    for term in written:
        for node in terms.walk(term):
            match node:
                case terms.Entry(array=name, indices=indices) | terms.Opaque(name=name, parameters=indices) if indices:
                    if name in notation.layered:
                        layers.update(indices[0].indices)
                    places = indices
                case terms.Delta(left=left, right=right):
                    places = (left, right)
                case _:
                    places = ()
            for place in places:
                if isinstance(place.alone, IntegerEntry) and place.alone.array not in notation.layered:
                    yield place.alone
    found: set[Index] = set()
    for expression in _expressions(written):
        for atom in expression.atoms():
            if isinstance(atom, IntegerEntry) and atom.array in notation.layered and atom.indices:
                layers.update(atom.indices[0].indices)
            if isinstance(atom, Index):
                found.add(atom)
    for term in written:
        found.update(terms.free_indices(term))
        found.update(index for node in terms.walk(term) for index in terms.bound_in(node))
    yield from found - layers
