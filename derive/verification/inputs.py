"""The inputs of a problem at concrete sizes: free scalars, or numbers where a domain or a value says so."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from derive.verification import domains as d
from derive.verification.declarations import extent_tree
from derive.verification.graph import Node
from derive.verification.points import Range
from derive.verification.problems import Exact, Quantity
from derive.verification.shaped import Env, Shaped, Unjudged, places

if TYPE_CHECKING:
    from derive.verification.model import Model


#: A whole number that is only called an integer is one of so many, from 2 on.
INTEGERS = 4


class Inputs:
    """The arrays that no equation works out."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def extents(self, quantity: Quantity, member: object = None) -> tuple[tuple[int, ...], bool]:
        """The shape of a quantity, a column or row of matrices as a vector; and whether it is a row."""
        env = {quantity.family: member} if quantity.family and isinstance(member, int) else {}
        shape = tuple(self.extent(extent, env) for extent in quantity.shape or ())
        if min(shape, default=1) < 1:
            raise Unjudged(f"{quantity.name} would be empty at these sizes")
        row = len(shape) == 1 and self.model.convention("vectors") == "row"
        if len(shape) == 2 and quantity.shape is not None and 1 in quantity.shape:
            if shape == (1, 1):
                return (), False
            return ((shape[1],), True) if quantity.shape[0] == 1 else ((shape[0],), False)
        return shape, row

    def extent(self, extent: int | str, env: Env) -> int:
        if isinstance(extent, int):
            return extent
        if extent in self.model.sizes:
            return self.model.sizes[extent]
        return self.model.meaning.integer(extent_tree(extent), env)

    def array(self, name: str, quantity: Quantity | None, key: tuple[object, ...]) -> Shaped:
        """An array of free scalars, or of what its domain or value says."""
        member = key[1] if len(key) > 1 else None
        if quantity is None:
            quantity = Quantity(name, name, self._guessed_shape(name))
        shape, row = self.extents(quantity, member)
        if quantity.shape is None:
            shape = tuple(self.model.sizes[size] for size in self._guessed_shape(name) if isinstance(size, str))
        if quantity.value is not None:
            return Shaped(shape, [self.exact(each) for each in flat(quantity.value)], row)
        if self.model.numbers and name in self.model.problem.values:
            given = [self.exact(each) for each in flat(self.model.problem.values[name])]
            named = [self.model.graph.named((*key, *at), node) for at, node in zip(places(shape), given, strict=True)]
            return Shaped(shape, named, row)  # numbers, by which may be differentiated
        return Shaped(shape, self._drawn(quantity, shape, key), row)

    def _guessed_shape(self, name: str) -> tuple[str | int, ...]:
        rank = self.model.problem.vocabulary.names.get(name) or 0
        return tuple(f"n_{name}{axis + 1}" for axis in range(rank))

    def exact(self, value: Exact) -> Node:
        if isinstance(value, Fraction):
            return self.model.graph.number(value)
        assert not isinstance(value, tuple)
        return self.model.meaning.node(value, {})

    def _two_valued(self) -> list[str]:
        """The quantities that have one of two values, in order."""
        quantities = self.model.problem.quantities
        return [
            name
            for name, each in quantities.items()
            if isinstance(each.domain, d.Values) and len(each.domain.numbers) == 2
        ]

    def _drawn(self, quantity: Quantity, shape: tuple[int, ...], key: tuple[object, ...]) -> list[Node]:
        """Free scalars, or numbers where the domain is a finite set."""
        g = self.model.graph
        domain = quantity.domain or d.REAL
        all_places = list(places(shape))
        turn = self.model.turn
        word = domain.word if isinstance(domain, d.Plain) else ""
        listed = isinstance(domain, (d.Values, d.Range, d.Classes))
        if word == "integer" or (quantity.kind == "integer" and not listed):
            return [g.number(2 + (k + turn) % INTEGERS) for k in range(len(all_places))]
        match domain:
            case d.Values(numbers=(one, other)) if self.model.is_hot:
                first = self._two_valued().index(quantity.name)
                bits = [_bit(turn, first + k * len(self._two_valued())) for k in range(len(all_places))]
                return [g.number(other if bit else one) for bit in bits]
            case d.Values(numbers=(one, other)):
                # either number, as the sign of a free scalar decides
                free = [g.input((*key, *place)) for place in all_places]
                return [g.linear(((one, g.one), (other - one, g.step(node)))) for node in free]
            case d.Values(numbers=numbers):
                return [g.number(numbers[(k + turn) % len(numbers)]) for k in range(len(all_places))]
            case d.Range(first=first, last=last):
                low, high = self.model.meaning.integer(first, {}), self.model.meaning.integer(last, {})
                return [g.number(low + (k + turn) % (high - low + 1)) for k in range(len(all_places))]
            case d.Classes(count=count):
                classes = self.model.meaning.integer(count, {})
                # in every other turn two neighbours are of one class
                order = [k // 2 if turn % 2 else k for k in range(len(all_places))]
                return [g.number(self.model.index_from + (k + turn) % classes) for k in order]
            case d.Interval(lower=lower, upper=upper):
                self.model.ranges[str(key[0])] = Range(lower, upper)
                sign = None if lower is None or lower < 0 else 0 if lower == 0 and not domain.open_lower else 1
                return [g.input((*key, *place), sign) for place in all_places]
        if word == "one-hot" and self.model.is_hot:
            rows = {place[:-1]: k for k, place in enumerate(p for p in all_places if p[-1] == 0)}
            return [g.number(int(place[-1] == (turn + rows[place[:-1]]) % shape[-1])) for place in all_places]
        sign = {"positive": 1, "simplex": 1, "one-hot": 1, "nonnegative": 0}.get(word)
        nodes = {place: g.input((*key, *place), sign) for place in all_places}
        if word == "symmetric":
            return [nodes[(*place[:-2], *sorted(place[-2:]))] for place in all_places]
        if word in ("simplex", "one-hot"):  # what holds for all distributions holds for one-hot ones
            self.model.ranges[str(key[0])] = Range(Fraction(0), Fraction(1, shape[-1]))
            for place in all_places:
                if place[-1] == shape[-1] - 1:
                    others = [(-1, nodes[(*place[:-1], k)]) for k in range(shape[-1] - 1)]
                    nodes[place] = g.linear([(1, g.one), *others])
        if word == "nonnegative":
            self.model.ranges[str(key[0])] = Range(Fraction(0))
        return [nodes[place] for place in all_places]


def _bit(turn: int, place: int) -> int:
    """Which of its two values an entry has: in eight turns three entries meet all cases, two of seven all theirs."""
    mask = (1, 2, 4, 7, 3, 5, 6)[place % 7]
    return ((turn & mask).bit_count() + place // 7) % 2


def flat(value: Exact) -> Iterator[Exact]:
    if isinstance(value, tuple):
        for part in value:
            yield from flat(part)
    else:
        yield value
