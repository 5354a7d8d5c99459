"""Whole arrays as index terms: `Y = W X + b`, `u^T A v`, `norm(u)`, `softmax(Z)`.

A value is an array of any rank, known by the extents of its axes and by its entry at given indices. A rank-1 array is a
column; its transpose a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from derive import tree as t
from derive.errors import ReadingError
from derive.index import text_of
from derive.integers import Index, Integer, integer
from derive.integers import product as integer_product
from derive.reading.extents import Extent, Extents
from derive.reading.programs import ProgramText
from derive.terms import (
    UNIT,
    Apply,
    Entry,
    Number,
    Reduce,
    Term,
    Whole,
    delta,
    freshened,
    multiply,
    power,
    total,
    whole,
)
from derive.terms import Mul as Factors
from derive.tree import Tree

Indices = tuple[Integer, ...]

#: The letters of indices that nobody wrote.
LETTERS = "ijklmnpqrst"


@dataclass(frozen=True, slots=True)
class Value:
    """What a piece of text stands for.

    axes : the extents; none for rank 0.  at : the entry at as many indices.  row : a rank-1 array lying down.
    """

    tree: Tree
    axes: tuple[Extent, ...]
    at: Callable[[Indices], Term]
    row: bool = False

    @property
    def rank(self) -> int:
        return len(self.axes)

    def term(self) -> Term:
        """The entry of a value of rank 0."""
        return self.at(())


@dataclass(slots=True)
class Arrays:
    """Operations on whole arrays; errors name both shapes.

    avoided : names that an index must not have.  used : names of the indices in scope where an entry is built.
    """

    text: ProgramText
    extents: Extents
    avoided: frozenset[str]
    used: list[str] = field(default_factory=list)

    # --- indices ------------------------------------------------------------------------------------------------------

    def index(self, extent: Extent) -> Index:
        """A fresh index under the first letter that is free here."""
        name = next((name for name in LETTERS if name not in self.avoided and name not in self.used), None)
        number = 1
        while name is None:
            candidate = f"i_{number}"
            number += 1
            if candidate not in self.avoided and candidate not in self.used:
                name = candidate
        stop = extent.known
        assert stop is not None  # entries are built when all extents are settled
        return Index(name, stop)

    def over(self, axes: Sequence[Extent], body: Callable[[tuple[Index, ...]], Term]) -> tuple[tuple[Index, ...], Term]:
        """Fresh indices over axes, and a term in them."""
        start = len(self.used)
        indices: list[Index] = []
        for axis in axes:
            indices.append(self.index(axis))
            self.used.append(indices[-1].name)
        term = body(tuple(indices))
        del self.used[start:]
        return tuple(indices), term

    def reduced(self, operator: str, axes: Sequence[Extent], body: Callable[[Indices], Term]) -> Term:
        indices, term = self.over(axes, lambda bound: body(tuple(map(integer, bound))))
        return total(indices, term, operator)

    # --- entry by entry -----------------------------------------------------------------------------------------------

    def entrywise(
        self, tree: Tree, values: Sequence[Value], build: Callable[..., Term], what: str = "do not fit"
    ) -> Value:
        """A function of the entries at the same place; rank 0 goes everywhere, a vector along the axis it lacks."""
        rank = max(value.rank for value in values)
        if not rank:
            return Value(tree, (), lambda _: build(*(value.term() for value in values)))
        shaped = [value for value in values if value.rank]
        head = next(value for value in values if value.rank == rank)
        places = {id(value): self._places(tree, value, head, what) for value in shaped}
        row = rank == 1 and head.row
        if rank == 1 and any(value.row != row for value in shaped):
            raise self.error(tree, f"a row and a column {what}: {self._told(shaped)}; transpose one of them")

        def at(indices: Indices) -> Term:
            return build(
                *(
                    value.at(tuple(indices[place] for place in places[id(value)])) if value.rank else value.term()
                    for value in values
                )
            )

        return Value(tree, head.axes, at, row)

    def _places(self, tree: Tree, value: Value, head: Value, what: str) -> tuple[int, ...]:
        """The axes of the result along which a value lies."""
        if value.rank == head.rank:
            for one, other in zip(head.axes, value.axes, strict=True):
                self.join(tree, one, other, f"{what}: {self._told((head, value))}")
            return tuple(range(head.rank))
        if value.rank == 1 and head.rank == 2:
            if value.row:
                self.join(tree, head.axes[1], value.axes[0], f"{what}: {self._told((head, value))}")
                return (1,)
            return (self._repeated(tree, value, head),)
        raise self.error(tree, f"shapes {what}: {self._told((head, value))}; write the entries with indices")

    def _repeated(self, tree: Tree, vector: Value, matrix: Value) -> int:
        """The axis of the matrix on which the vector lies; it is repeated along the other one."""
        if any(axis.known is None for axis in (*matrix.axes, *vector.axes)):
            self.extents.settle()
        extent = vector.axes[0]
        fits = [
            place
            for place, axis in enumerate(matrix.axes)
            if axis.root is extent.root or (axis.known is not None and axis.known == extent.known)
        ]
        if len(fits) == 1 and all(axis.known is not None for axis in (*matrix.axes, extent)):
            return fits[0]
        told = self._told((matrix, vector))
        name = self.written(vector)
        if any(axis.known is None for axis in (*matrix.axes, extent)):
            raise self.error(tree, f"the shapes of {told} are not settled here; declare them, as in W : m x n")
        rows, columns = (text_of(axis.known) for axis in matrix.axes if axis.known is not None)
        reason = "fits both axes" if fits else "fits neither axis"
        ways = f"{name} ones({columns})^T or ones({rows}) {name}^T"
        raise self.error(tree, f"{told}: the vector {reason}; write {ways}, or the entries with indices")

    # --- products -----------------------------------------------------------------------------------------------------

    def times(self, tree: Tree, left: Value, operator: str, right: Value) -> Value:
        """left operator right, for arrays of which one at least has axes."""
        if operator in (".*", "./"):
            build = multiply if operator == ".*" else lambda one, other: multiply(one, power(other, -1))
            return self.entrywise(tree, (left, right), build, f"do not fit in {operator}")
        if operator == "/":
            if right.rank:
                one, other = self.written(left), self.written(right)
                message = (
                    f"{other} is an array ({self.shape(right)}) and divides nothing as a whole; write {one} ./ {other}"
                )
                raise self.error(tree, message)
            return self.entrywise(tree, (left, right), lambda one, other: multiply(one, power(other, -1)))
        if not (left.rank and right.rank):
            if operator == "@":
                raise self.error(tree, f"@ is the product of two arrays: {self._told((left, right))}; write *")
            return self.entrywise(tree, (left, right), multiply)
        if operator == "*":
            one, other = self.written(left), self.written(right)
            message = f"* between two arrays has two readings, where {self._told((left, right))}"
            raise self.error(
                tree,
                f"{message}; write {one} {other} (or {one} @ {other}) for the matrix product, "
                f"{one} .* {other} entry by entry",
            )
        return self._matrix_product(tree, left, right)

    def _matrix_product(self, tree: Tree, left: Value, right: Value) -> Value:
        told = self._told((left, right))
        if left.rank > 2 or right.rank > 2:
            message = f"the matrix product is one of matrices and vectors: {told}; write the entries with indices"
            raise self.error(tree, message)
        if left.rank == 1 and not left.row:
            if not (right.rank == 1 and right.row):
                one, other = self.written(left), self.written(right)
                ways = (
                    f"{one}^T {other}" if right.rank == 2 else f"{one}^T {other}, {one} {other}^T or {one} .* {other}"
                )
                raise self.error(tree, f"the column {one} has nothing to its right to meet, {told}; write {ways}")
            return Value(
                tree,
                (left.axes[0], right.axes[0]),
                lambda indices: multiply(left.at(indices[:1]), right.at(indices[1:])),
            )
        if right.rank == 1 and right.row:
            one, other = self.written(left), self.written(right)
            raise self.error(tree, f"the row {other} stands behind {one}, {told}; write {one} times a column")
        inner = left.axes[-1]
        name = f"{self.written(left)} {self.written(right)}"
        self.join(tree, inner, right.axes[0], f"do not fit in {name}: {told}")
        kept = 0 if left.rank == 1 else 1
        axes = (*left.axes[:-1], *right.axes[1:])

        def at(indices: Indices) -> Term:
            def body(bound: tuple[Index, ...]) -> Term:
                middle = integer(bound[0])
                return _contracted(left.at((*indices[:kept], middle)), right.at((middle, *indices[kept:])))

            bound, term = self.over((inner,), body)
            return _summed(bound, term)

        return Value(tree, axes, at, left.rank == 1 and len(axes) == 1)

    def powered(self, tree: t.Power, base: Value, exponent: Value) -> Value:
        if tree.elementwise or not (base.rank or exponent.rank):
            return self.entrywise(tree, (base, exponent), power, "do not fit in .^")
        one, other = self.written(base), self.written(exponent)
        if exponent.rank:
            raise self.error(tree, f"the exponent {other} is an array ({self.shape(exponent)}); write {one} .^ {other}")
        told = f"has two readings, where {self._told((base,))}"
        if base.rank == 1:
            product = f"{one}^T {one} for the product"
        else:
            product = f"{one} {one} for the matrix product" if other == "2" else f"{one} {one} and so on for products"
        raise self.error(tree, f"{one}^{other} {told}; write {product}, {one} .^ {other} entry by entry")

    def transposed(self, tree: Tree, value: Value) -> Value:
        if value.rank == 2:
            return Value(tree, value.axes[::-1], lambda indices: value.at(indices[::-1]))
        if value.rank > 2:
            raise self.error(tree, f"^T of {self._told((value,))}: write the indices in the order that is meant")
        return replace(value, tree=tree, row=value.rank == 1 and not value.row)

    # --- functions of whole arrays ------------------------------------------------------------------------------------

    def function(self, tree: t.Call, values: Sequence[Value]) -> Value:
        """A call: entry by entry, or one of the functions of whole arrays."""
        name = tree.function
        if len(values) == 1 and name in ("sum", "mean", "max", "min", "prod"):
            return self._over_all(tree, name, values[0])
        match name:
            case "norm":
                squared = self.squared_norm(tree, values[0])
                return Value(tree, (), lambda _: Apply("sqrt", (squared.term(),)))
            case "tr":
                return self._trace(tree, values[0])
            case "diag":
                return self._diagonal(tree, values[0])
            case "softmax" | "logsoftmax":
                return self._softmax(tree, values[0])
        return self.entrywise(tree, values, lambda *terms: Apply(name, terms), f"do not fit in {name}")

    def _over_all(self, tree: Tree, operator: str, value: Value) -> Value:
        def at(_: Indices) -> Term:
            if operator != "mean":
                return self.reduced(operator, value.axes, value.at)
            count = integer_product(axis.known for axis in value.axes if axis.known is not None)
            return multiply(power(whole(count), -1), self.reduced("sum", value.axes, value.at))

        return Value(tree, (), at)

    def squared_norm(self, tree: Tree, value: Value) -> Value:
        """The sum of all squared entries: differentiable also where all are 0."""
        return Value(tree, (), lambda _: self.reduced("sum", value.axes, lambda indices: power(value.at(indices), 2)))

    def _trace(self, tree: Tree, value: Value) -> Value:
        self._check_square(tree, value, "tr")
        return Value(
            tree, (), lambda _: self.reduced("sum", value.axes[:1], lambda indices: value.at((*indices, *indices)))
        )

    def _diagonal(self, tree: Tree, value: Value) -> Value:
        if value.rank == 1:
            return Value(tree, (value.axes[0],) * 2, lambda indices: multiply(delta(*indices), value.at(indices[:1])))
        self._check_square(tree, value, "diag")
        return Value(tree, value.axes[:1], lambda indices: value.at((*indices, *indices)))

    def _check_square(self, tree: Tree, value: Value, name: str) -> None:
        if value.rank != 2:
            raise self.error(tree, f"{name} takes a square matrix, and {self._told((value,))} is none")
        self.join(
            tree,
            value.axes[0],
            value.axes[1],
            f"do not fit: {name} takes a square matrix, and {self._told((value,))} is none",
        )

    def _softmax(self, tree: t.Call, value: Value) -> Value:
        if not value.rank:
            raise self.error(tree, f"{tree.function} takes an array, and {self.written(value)} is a number")

        def at(indices: Indices) -> Term:
            own = value.at(indices)
            bound, other = self.over(
                value.axes[-1:], lambda last: Apply("exp", (value.at((*indices[:-1], integer(last[0]))),))
            )
            normaliser = total(bound, other if isinstance(own, Entry) else freshened(other))
            if tree.function == "logsoftmax":
                return own - Apply("log", (normaliser,))
            return multiply(Apply("exp", (own,)), power(normaliser, -1))

        return Value(tree, value.axes, at, value.row)

    def ones(self, tree: Tree, sizes: Sequence[Integer]) -> Value:
        axes = tuple(Extent(f"axis {place + 1} of ones", size) for place, size in enumerate(sizes))
        return Value(tree, axes, lambda _: UNIT)

    # --- words --------------------------------------------------------------------------------------------------------

    def join(self, tree: Tree, one: Extent, other: Extent, message: str) -> None:
        def conflict(first: Extent, second: Extent) -> ReadingError:
            assert first.value is not None and second.value is not None
            return self.error(tree, f"shapes {message} ({text_of(first.value)} is not {text_of(second.value)})")

        self.extents.join(one, other, conflict)

    def error(self, tree: Tree, message: str) -> ReadingError:
        return self.text.error(message, tree)

    def written(self, value: Value) -> str:
        """The author's spelling, or dots where it is long; in brackets unless it is one name."""
        from derive.plain import formula

        text = formula(value.tree)
        if len(text) > 20:
            return "(...)"
        return text if t.binding(value.tree) >= t.POWER else f"({text})"

    def shape(self, value: Value) -> str:
        sizes = ["?" if axis.known is None else text_of(axis.known) for axis in value.axes]
        if value.row:
            return f"1 x {sizes[0]}"
        return " x ".join(sizes) or "a number"

    def _told(self, values: Sequence[Value]) -> str:
        """`W is m x n and X is p x q`."""
        return " and ".join(f"{self.written(value)} is {self.shape(value)}" for value in values)


def _contracted(left: Term, right: Term) -> Term:
    """The product of two factors; a single sum in one of them stays a sum to be joined with the outer one."""
    for one, other, first in ((left, right, True), (right, left, False)):
        if isinstance(one, Reduce) and one.operator == "sum" and len(one.indices) == 1:
            inner = multiply(one.body, other) if first else multiply(other, one.body)
            if _is_monomial(inner):
                return Reduce("sum", one.indices, inner)
    return multiply(left, right)


def _summed(bound: tuple[Index, ...], term: Term) -> Term:
    """The outer index of u^T A v stands behind that of the inner sum: sum(i, j) u[i]*A[i, j]*v[j]."""
    if not (isinstance(term, Reduce) and term.operator == "sum" and _is_monomial(term.body)):
        return total(bound, term)
    names = [index.name for index in (*bound, *term.indices)]  # in the order in which they were chosen
    indices = (*term.indices, *bound)
    for index, name in zip(indices, names, strict=True):
        index.name = name
    return Reduce("sum", indices, term.body)


def _is_monomial(term: Term) -> bool:
    factors = term.factors if isinstance(term, Factors) else (term,)
    return all(isinstance(factor, (Entry, Number, Whole)) for factor in factors)
