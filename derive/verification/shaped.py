"""Arrays of scalars and what formulas do with them: sums, products, transposes, functions, with shapes checked.

A vector is a column unless `row` says otherwise; a matrix of one row or one column has one axis. An extent
None is "as many as are needed": the vector of ones has it, and is constant along that axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product as combinations
from math import prod

from derive.verification.graph import Graph, Node

Extents = tuple[int | None, ...]

#: The values of indices by name.
Env = Mapping[str, int]


class ShapeClash(Exception):
    """Two shapes, or two extents of an index, that do not go together; the message names both."""


class Capture(ShapeClash):
    """A sum that binds an index of the left side."""


class OutsideFamily(Exception):
    """A member of a family that does not exist, such as u_{t-1} at the first t."""


class Unjudged(Exception):
    """A formula that was read and cannot be given a meaning; `code` says of which kind, for the reason of a verdict."""

    def __init__(self, message: str, code: str = "outside fragment") -> None:
        super().__init__(message)
        self.code = code


class UnclearSize(Unjudged):
    """The identity matrix stands where nothing says how large it is."""

    def __init__(self) -> None:
        super().__init__("the size of I is not clear here; write I_n", "ambiguous")


@dataclass(slots=True, eq=False)
class Shaped:
    """nodes : row-major; one along an axis of extent None.  unit : the identity matrix, of a size not yet known."""

    shape: Extents
    nodes: Sequence[Node]
    row: bool = False
    unit: bool = False

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def scalar(self) -> Node:
        return self.nodes[0]


def scalar(node: Node) -> Shaped:
    return Shaped((), (node,))


class Shapes:
    """Operations on arrays over one graph.  named : a size as its extent is called, for messages."""

    def __init__(self, graph: Graph, named: Callable[[int], str] = str) -> None:
        self.graph = graph
        self.named = named

    def text(self, value: Shaped) -> str:
        """`m x n`, with the shape of a row written as one."""
        sizes = [("?" if extent is None else self.named(extent)) for extent in value.shape]
        if value.rank == 1:
            return f"{'1 x ' if value.row else ''}{sizes[0]}{'' if value.row else ' x 1'}"
        return " x ".join(sizes) if sizes else "a number"

    # --- entrywise ----------------------------------------------------------------------------------------------------

    def mapped(self, value: Shaped, change: Callable[[Node], Node]) -> Shaped:
        return replace(value, nodes=[change(node) for node in value.nodes])

    def together(self, one: Shaped, other: Shaped, change: Callable[[Node, Node], Node], doing: str) -> Shaped:
        """Entry by entry; a number goes with every entry, a vector with the axis of a matrix whose extent it has."""
        if not one.shape and not other.shape:
            return Shaped((), (change(one.nodes[0], other.nodes[0]),))
        if one.unit or other.unit:
            one, other = self._sized(one, other), self._sized(other, one)
        shape, row = self._common(one, other, doing)
        left, right = self._spread(one, shape), self._spread(other, shape)
        return Shaped(shape, [change(a, b) for a, b in zip(left, right, strict=True)], row)

    def _sized(self, value: Shaped, other: Shaped) -> Shaped:
        if not value.unit:
            return value
        if other.rank == 0 and not other.unit:
            raise ShapeClash("a number and the identity matrix I are put together entry by entry")
        extents = {extent for extent in other.shape if extent is not None}
        if other.unit or (other.rank == 2 and not extents):
            raise UnclearSize
        if other.rank != 2 or len(extents) != 1:
            raise ShapeClash(f"I is square, and goes with {self.text(other)} here")
        diagonal = self.identity(extents.pop())
        return self.mapped(diagonal, lambda node: self.graph.multiply(value.nodes[0], node))

    def identity(self, size: int) -> Shaped:
        g = self.graph
        return Shaped((size, size), [g.one if i == j else g.zero for i in range(size) for j in range(size)])

    def aligned(self, one: Shaped, other: Shaped) -> tuple[Shaped, Shaped]:
        """Both sides with the size of an identity matrix read off the other."""
        return self._sized(one, other), self._sized(other, one)

    def _common(self, one: Shaped, other: Shaped, doing: str) -> tuple[Extents, bool]:
        if one.rank == 0 or other.rank == 0:
            value = other if one.rank == 0 else one
            return value.shape, value.row
        if one.rank == other.rank:
            if one.rank == 1 and one.row != other.row and one.shape != other.shape:
                raise ShapeClash(f"a column of {self.text(one)} and a row of {self.text(other)} are {doing}")
            if one.rank == 1 and one.row != other.row and one.shape == other.shape and one.shape != (1,):
                raise ShapeClash(f"{self.text(one)} and {self.text(other)} are {doing}: one of them is transposed")
            found: list[int | None] = []
            for first, second in zip(one.shape, other.shape, strict=True):
                if first is not None and second is not None and first != second:
                    raise ShapeClash(f"{self.text(one)} and {self.text(other)} are {doing}, and the shapes differ")
                found.append(second if first is None else first)
            return tuple(found), one.row
        vector, array = (one, other) if one.rank < other.rank else (other, one)
        if vector.rank == 1 and array.rank == 2:
            fits = [axis for axis in (0, 1) if vector.shape[0] in (None, array.shape[axis])]
            if vector.row:
                fits = [axis for axis in fits if axis == 1]
            if len(fits) == 1:
                return array.shape, False
            if len(fits) == 2:
                raise Unjudged(
                    f"a vector of {self.text(vector)} fits both axes of {self.text(array)}; write it with indices",
                    "ambiguous",
                )
        raise ShapeClash(f"{self.text(one)} and {self.text(other)} are {doing}, and the shapes differ")

    def _spread(self, value: Shaped, shape: Extents) -> Sequence[Node]:
        """The nodes of a value over a larger shape."""
        if value.shape == shape:
            return value.nodes
        count = prod(extent or 1 for extent in shape)
        if value.rank == 0:
            return [value.nodes[0]] * count
        source = value.shape
        if value.rank < len(shape):  # a vector along the axis of a matrix that it fits
            axis = 1 if value.row or source[0] not in (None, shape[0]) else 0
            source = (source[0], 1) if axis == 0 else (1, source[0])
        sizes = [extent or 1 for extent in source]
        found = []
        for place in combinations(*(range(extent or 1) for extent in shape)):
            flat = 0
            for k, size in zip(place, sizes, strict=True):
                flat = flat * size + (k if size != 1 else 0)
            found.append(value.nodes[flat])
        return found

    def added(self, parts: Sequence[tuple[int, Shaped]]) -> Shaped:
        """The sum of sign * value."""
        values = [value for _, value in parts]
        if all(value.rank == 0 and not value.unit for value in values):
            return scalar(self.graph.linear([(sign, value.nodes[0]) for sign, value in parts]))
        total: Shaped | None = None
        signs = [sign for sign, _ in parts]
        rest = sorted(zip(signs, values, strict=True), key=lambda pair: (pair[1].unit, -pair[1].rank))
        for sign, value in rest:
            signed = value if sign == 1 else self.mapped(value, self.graph.negate)
            total = signed if total is None else self.together(total, signed, self.graph.add, "added")
        assert total is not None
        return total

    # --- products -----------------------------------------------------------------------------------------------------

    def transposed(self, value: Shaped) -> Shaped:
        if value.rank < 2:
            return replace(value, row=not value.row) if value.rank else value
        if value.rank > 2:
            raise Unjudged(f"the transpose of an array of {value.rank} axes has no agreed meaning; use indices")
        rows, columns = (extent or 1 for extent in value.shape)
        nodes = [value.nodes[i * columns + j] for j in range(columns) for i in range(rows)]
        return Shaped((value.shape[1], value.shape[0]), nodes, unit=value.unit)

    def entrywise(self, one: Shaped, other: Shaped) -> Shaped:
        return self.together(one, other, self.graph.multiply, "multiplied entry by entry")

    def quotient(self, one: Shaped, other: Shaped) -> Shaped:
        return self.together(one, other, self.graph.divide, "divided entry by entry")

    def times(self, one: Shaped, other: Shaped, dot: bool = False) -> Shaped:
        """The product side by side: of matrices, of a matrix and a vector, inner and outer; a number scales.

        dot : written with a dot, which between two columns is the inner product.
        """
        if not one.shape and not other.shape:
            return Shaped((), (self.graph.multiply(one.nodes[0], other.nodes[0]),))
        zero = self.graph.zero
        if (not one.shape and one.nodes[0] == zero) or (not other.shape and other.nodes[0] == zero):
            return Shaped((), (zero,))  # the number 0 stands for any array of zeros
        if one.unit or other.unit:
            unit, value = (one, other) if one.unit else (other, one)
            scaled = [self.graph.multiply(unit.nodes[0], node) for node in value.nodes]
            return replace(unit, nodes=scaled) if value.rank == 0 or value.unit else replace(value, nodes=scaled)
        if one.rank == 0 or other.rank == 0:
            return self.entrywise(one, other)
        if one.rank > 2 or other.rank > 2:
            raise Unjudged("a product of arrays with more than two axes needs indices")
        if one.rank == 1 and other.rank == 1:
            if one.row and not other.row:
                return self._contracted(one, other)
            if not one.row and other.row:
                return self._outer(one, other)
            if one.shape == other.shape and not dot:
                message = f"two vectors of {self.text(one)} side by side: the product entry by entry or the inner one?"
                raise Unjudged(message + " write \\odot, ^T or indices", "ambiguous")
            if dot and one.shape == other.shape:
                return self._contracted(replace(one, row=True), replace(other, row=False))
            raise ShapeClash(f"the product of {self.text(one)} and {self.text(other)} does not exist")
        if one.rank == 1 and not one.row:
            raise ShapeClash(f"the product of a column of {self.text(one)} and {self.text(other)} does not exist")
        if other.rank == 1 and other.row:
            raise ShapeClash(f"the product of {self.text(one)} and a row of {self.text(other)} does not exist")
        return self._contracted(one, other)

    def _contracted(self, one: Shaped, other: Shaped) -> Shaped:
        inner, outer = one.shape[-1], other.shape[0]
        if inner is None and outer is None:
            raise Unjudged("how many ones there are is not clear here", "ambiguous")
        if inner is not None and outer is not None and inner != outer:
            raise ShapeClash(f"the product of {self.text(one)} and {self.text(other)} does not exist")
        count = inner if inner is not None else outer
        assert count is not None
        rows = (one.shape[0] or 1) if one.rank == 2 else 1
        columns = (other.shape[1] or 1) if other.rank == 2 else 1
        g = self.graph
        step, wide = (1 if inner is not None else 0), (1 if outer is not None else 0)
        width = inner or 1
        nodes = [
            g.linear(
                [
                    (1, g.multiply(one.nodes[i * width + k * step], other.nodes[k * wide * columns + j]))
                    for k in range(count)
                ]
            )
            for i in range(rows)
            for j in range(columns)
        ]
        shape = (*((one.shape[0],) if one.rank == 2 else ()), *((other.shape[1],) if other.rank == 2 else ()))
        return Shaped(shape, nodes, row=len(shape) == 1 and one.rank == 1)

    def _outer(self, one: Shaped, other: Shaped) -> Shaped:
        nodes = [self.graph.multiply(a, b) for a in one.nodes for b in other.nodes]
        return Shaped((one.shape[0], other.shape[0]), nodes)

    def power(self, base: Shaped, exponent: Shaped, elementwise: bool) -> Shaped:
        """A power: of a square matrix by a whole number the matrix product, else entry by entry."""
        g = self.graph
        if base.unit:
            return replace(base, nodes=[self.graph.power(base.nodes[0], exponent.scalar)])
        number = g.value(exponent.scalar) if exponent.rank == 0 else None
        square = base.rank == 2 and base.shape[0] == base.shape[1] and base.shape[0] is not None
        if square and not elementwise and exponent.rank == 0:
            if number is None or Fraction(number).denominator != 1 or abs(Fraction(number)) > 64:
                raise Unjudged("a matrix to this power is not read; write .^ for the power entry by entry")
            if number < 0:
                return self.power(self.inverse(base), scalar(g.number(-number)), False)
            answer = self.identity(base.shape[0] or 0)
            for _ in range(int(number)):
                answer = self._contracted(answer, base)
            return answer
        if base.rank == 2 and not elementwise and number is not None and number != Fraction(number).numerator:
            raise Unjudged("a root of a matrix is not read; write .^ for the power entry by entry")
        return self.together(base, exponent, g.power, "raised to a power")

    def inverse(self, value: Shaped) -> Shaped:
        """By cofactors; for the small sizes at which formulas are tried."""
        if value.rank != 2 or value.shape[0] != value.shape[1] or value.shape[0] is None:
            raise ShapeClash(f"the inverse of {self.text(value)} does not exist: it is not square")
        size = value.shape[0]
        if size > 4:
            raise Unjudged("an inverse of more than 4 rows is not worked out", "resource limit")
        rows = [list(value.nodes[i * size : (i + 1) * size]) for i in range(size)]
        whole = self.determinant(rows)
        g = self.graph
        nodes = []
        for i in range(size):
            for j in range(size):
                minor = [[rows[a][b] for b in range(size) if b != i] for a in range(size) if a != j]
                nodes.append(g.divide(g.linear([((-1) ** (i + j), self.determinant(minor))]), whole))
        return Shaped((size, size), nodes)

    def determinant(self, rows: Sequence[Sequence[Node]]) -> Node:
        g = self.graph
        if not rows:
            return g.one
        return g.linear(
            [
                ((-1) ** j, g.multiply(rows[0][j], self.determinant([[*row[:j], *row[j + 1 :]] for row in rows[1:]])))
                for j in range(len(rows))
            ]
        )

    # --- along an axis ------------------------------------------------------------------------------------------------

    def lines(self, value: Shaped) -> Iterator[Sequence[Node]]:
        """The nodes along the last axis, for all other places."""
        width = value.shape[-1] or 1
        for start in range(0, len(value.nodes), width):
            yield value.nodes[start : start + width]

    def softmax(self, value: Shaped, logarithm: bool = False) -> Shaped:
        if not value.rank:
            raise ShapeClash("softmax is of a vector, and this is a number")
        g = self.graph
        nodes: list[Node] = []
        for line in self.lines(value):
            powers = [g.exp(node) for node in line]
            total = g.linear([(1, each) for each in powers])
            if logarithm:
                nodes += [g.subtract(node, g.log(total)) for node in line]
            else:
                nodes += [g.divide(each, total) for each in powers]
        return replace(value, nodes=nodes)

    def total(self, nodes: Iterable[Node]) -> Node:
        return self.graph.linear([(1, node) for node in nodes])


def places(shape: Extents) -> Iterator[tuple[int, ...]]:
    """All index tuples of a shape, row-major."""
    return combinations(*(range(extent or 1) for extent in shape))
