"""What a tree means for all values of its indices at once, as NumPy arrays of residues or doubles.

The same meaning as that of `derive.verification.meaning`, which remains what decides: a formula that does not fit
here is unfit, and left to it. An array's axes are the draws, one for each index of the statement, and its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from math import prod
from operator import and_
from typing import TYPE_CHECKING, Any

import numpy as np

from derive import tree as t
from derive.tree import Tree
from derive.verification.ranges import free_names
from derive.verification.shaped import OutsideFamily, Shaped
from derive.verification.size_hazards import names_a_number
from derive.verification.tables import Doubled, Residual, Unfit, Values

if TYPE_CHECKING:
    from derive.verification.model import Model

#: An index has one value, or an array of them along its axis.
Places = Mapping[str, Any]
#: Most entries of a part that the graph works out one by one, and of any array.
ENTRIES, LARGEST = 400, 500_000
#: Largest exponent.
EXPONENT = 8

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}

#: The method of Arrays for each kind of tree.
_METHODS: Mapping[type, str] = {
    t.Number: "_number",
    t.Name: "_name",
    t.Negative: "_negative",
    t.Sum: "_sum",
    t.Product: "_product",
    t.Power: "_power",
    t.Transpose: "_transpose",
    t.Call: "_call",
    t.Subscript: "_entry",
    t.Reduction: "_reduction",
    t.Indicator: "_indicator",
    t.Derivative: "_derivative",
    t.Relation: "_part",
}


@dataclass(slots=True)
class Array:
    """data : draws, indices, then `shape`; an axis of an index on which nothing depends has length 1.

    degree : a bound of the degree of each entry, as a rational function of its atoms.
    """

    data: Values
    shape: tuple[int, ...] = ()
    row: bool = False
    degree: float = 1.0


class Arrays:
    """The arrays of one statement at one model. letters : its indices, free and bound, one axis each.

    checked : whether what is read must have a value in double precision.
    outcomes : how the conditions that compare with a number came out.
    kept : values of trees that were worked out, where many trees share their parts at the same values of free indices.
    """

    def __init__(self, model: Model, numbers: Residual | Doubled, letters: Sequence[str]) -> None:
        self.checked = False
        self.outcomes: dict[Tree, set[bool]] = {}
        self.kept: dict[tuple[int, tuple[Any, ...]], tuple[Tree, Array]] | None = None
        self._scope: tuple[Any, ...] = ()
        self.model = model
        self.meaning = model.meaning
        self.numbers = numbers
        self.axes = {letter: place for place, letter in enumerate(letters)}
        self.count = len(letters)
        self.flat = (1,) * self.count
        self.all = np.ones(self.flat, dtype=bool)

    def along(self, letter: str, span: range) -> Values:
        """The values of an index along its axis."""
        if letter not in self.axes:
            raise Unfit
        shape = list(self.flat)
        shape[self.axes[letter]] = len(span)
        return np.arange(span.start, span.stop).reshape(shape)

    def value(self, tree: Tree, at: Places, mask: Values) -> Array:
        """The array of a tree. mask : where it is needed; elsewhere it may hold anything."""
        if self.kept is None or mask is not self.all:
            return self._value(tree, at, mask)
        found = self.kept.get((id(tree), self._scope))
        if found is None:  # with the tree, so that no other gets its id
            found = self.kept[id(tree), self._scope] = (tree, self._value(tree, at, mask))
        return found[1]

    def _value(self, tree: Tree, at: Places, mask: Values) -> Array:
        try:
            found: Array = getattr(self, _METHODS[type(tree)])(tree, at, mask)
        except Unfit:
            if isinstance(tree, (t.Product, t.Power, t.Derivative)):
                return self._part(tree, at, mask)
            raise
        if found.data.size > LARGEST:
            raise Unfit
        return found

    def _number(self, tree: t.Number, at: Places, mask: Values) -> Array:
        return self._constant(tree.value)

    def _transpose(self, tree: t.Transpose, at: Places, mask: Values) -> Array:
        return self._transposed(self.value(tree.body, at, mask))

    # --- leaves -------------------------------------------------------------------------------------------------------

    def _constant(self, value: Any) -> Array:
        return Array(self.numbers.number(value).reshape(-1, *self.flat))

    def _numbered(self, values: Any) -> Array:
        if isinstance(values, int):
            return self._constant(values)
        return Array(self.numbers.integers(values[None]))

    def _read(self, nodes: Values, shape: tuple[int, ...], row: bool = False) -> Array:
        if self.checked and not np.isfinite(self.model.doubled.read(nodes)).all():
            raise Unfit
        data, degree = self.numbers.looked_up(nodes)
        return Array(data, shape, row, degree)

    def _shaped(self, value: Shaped) -> tuple[Values, tuple[int, ...]]:
        """The nodes of an array of the graph, without axes of indices."""
        if value.unit or None in value.shape:
            raise Unfit
        shape: tuple[int, ...] = value.shape  # type: ignore[assignment]
        return self.model.node_array(value), shape

    def _name(self, tree: t.Name, at: Places, mask: Values) -> Array:
        if tree.text in at:
            return self._numbered(at[tree.text])
        found = self.meaning.value(tree, {})
        nodes, shape = self._shaped(found)
        return self._read(nodes.reshape(self.flat + shape), shape, found.row)

    def _part(self, tree: Tree, at: Places, mask: Values) -> Array:
        """A part that the graph works out, for each value of the indices in it."""
        names = [name for name in free_names(tree) if name in at]
        fixed = {name: at[name] for name in names if isinstance(at[name], int)}
        moving = [name for name in names if name not in fixed]
        grids = np.broadcast_arrays(*(at[name] for name in moving)) if moving else []
        shape = grids[0].shape if moving else self.flat
        if prod(shape) > ENTRIES:
            raise Unfit
        wanted = np.broadcast_to(mask, np.broadcast_shapes(mask.shape, shape))
        spread = tuple(k for k, extent in enumerate(shape) if extent == 1)
        needed = wanted.any(axis=spread, keepdims=True).ravel().tolist()
        nodes: list[Sequence[int] | None] = []
        first: Shaped | None = None
        for place, inside in enumerate(needed):
            if not inside:
                nodes.append(None)
                continue
            env = fixed | {name: int(grid.flat[place]) for name, grid in zip(moving, grids, strict=True)}
            found = self.meaning.value(tree, env)
            if first is not None and (found.shape, found.row) != (first.shape, first.row):
                raise Unfit
            first = first or found
            nodes.append(found.nodes)
        if first is None or first.unit or None in first.shape:
            raise Unfit
        rest: tuple[int, ...] = first.shape  # type: ignore[assignment]
        empty = (0,) * prod(rest)
        table = np.array([empty if each is None else each for each in nodes], dtype=np.int64)
        return self._read(table.reshape(shape + rest), rest, first.row)

    def _call(self, tree: t.Call, at: Places, mask: Values) -> Array:
        """An entry of a formula in brackets; all other functions are left to the graph."""
        if tree.function != "entry" or self.model.is_function("entry"):
            return self._part(tree, at, mask)
        body = self.value(tree.arguments[0], at, mask)
        places = [self.integer(index, at) - self.model.index_from for index in tree.arguments[1:]]
        inside = all(np.all((place >= 0) & (place < extent)) for place, extent in zip(places, body.shape, strict=False))
        if len(places) != len(body.shape) or not inside or body.data.shape[1 : 1 + self.count] != self.flat:
            raise Unfit
        flat = body.data.reshape(-1, *body.shape)
        where = [np.reshape(place, self.flat) if isinstance(place, int) else place for place in places]
        return Array(flat[:, *where], (), False, body.degree)

    def integer(self, tree: Tree, at: Places) -> Any:
        """A subscript or a side of a condition: whole numbers for all values of the indices."""
        match tree:
            case t.Number() if tree.value.denominator == 1:
                return int(tree.value)
            case t.Name(text=name):
                if name in at:
                    return at[name]
                size = self.model.sizes.get(name)
                return self.meaning.integer(tree, {}) if size is None else size
            case t.Negative(body=body):
                return -self.integer(body, at)
            case t.Sum(terms=terms):
                return sum(self.integer(part, at) if sign == "+" else -self.integer(part, at) for sign, part in terms)
            case t.Product(factors=factors) if all(operator in ("*", "") for operator, _ in factors):
                return prod(self.integer(part, at) for _, part in factors)
        raise Unfit

    def nodes(self, tree: Tree, at: Places, mask: Values) -> tuple[Values, tuple[int, ...], bool]:
        """The nodes that a name or an entry stands for, as the graph has them; zero outside where that is agreed."""
        if isinstance(tree, t.Name):
            if tree.text in at:
                raise Unfit
            value = self.meaning.value(tree, {})
            found, shape = self._shaped(value)
            return found.reshape(self.flat + shape), shape, value.row
        if isinstance(tree, t.Derivative):
            return self._slope_nodes(tree, at, mask), (), False
        if not isinstance(tree, t.Subscript):
            raise Unfit
        name, indices = tree.array, tree.indices
        alias = self.model.indexed_alias(name, len(indices))
        if alias is not None:
            letters, body = alias
            inner = dict(at) | {letter: self.integer(index, at) for letter, index in zip(letters, indices, strict=True)}
            return self.nodes(body, inner, mask)
        if self.model.is_family(name):
            member = self.integer(indices[0], at) if indices else None
            if not isinstance(member, int):
                raise Unfit
            array = self.model.member(name, member)
            if array is None:
                if not mask.all():
                    raise Unfit
                raise OutsideFamily(name)
            indices = indices[1:]
        else:
            known = self.model.lookup(name)
            if known is None:
                raise Unfit
            array = known
        return self._picked(array, [self.integer(index, at) for index in indices], mask)

    def _picked(self, array: Shaped, at: Sequence[Any], mask: Values) -> tuple[Values, tuple[int, ...], bool]:
        nodes, shape = self._shaped(array)
        if len(at) > len(shape):
            raise Unfit
        if not at:
            return nodes.reshape(self.flat + shape), shape, array.row
        first = self.model.index_from
        outside = None
        where = []
        for index, extent in zip(at, shape, strict=False):
            place = np.reshape(index - first, self.flat) if isinstance(index, int) else index - first
            if place.min() < 0 or place.max() >= extent:
                beyond = (place < 0) | (place >= extent)
                if not (beyond & mask).any():
                    place = np.where(beyond, 0, place)
                elif self.model.convention("boundary") == "zero outside":
                    outside = beyond if outside is None else outside | beyond
                    place = np.where(beyond, 0, place)
                else:
                    raise Unfit
            where.append(place)
        rest = shape[len(at) :]
        found = nodes[tuple(where)]
        if outside is not None:
            found = np.where(outside.reshape(outside.shape + (1,) * len(rest)), self.model.graph.zero, found)
        return found, rest, False

    def _entry(self, tree: t.Subscript, at: Places, mask: Values) -> Array:
        alias = self.model.indexed_alias(tree.array, len(tree.indices))
        if alias is not None:
            letters, body = alias
            inner = dict(at) | {
                letter: self.integer(index, at) for letter, index in zip(letters, tree.indices, strict=True)
            }
            around = self._scope
            self._scope = (*around, *((letter, str(np.asarray(inner[letter]).tolist())) for letter in letters))
            try:
                return self.value(body, inner, mask)
            finally:
                self._scope = around
        held = self.held(tree, at)
        if held is not None:
            return self._numbered(held.astype(np.int64))
        return self._read(*self.nodes(tree, at, mask))

    # --- conditions ---------------------------------------------------------------------------------------------------

    def held(self, tree: Tree, at: Places) -> Values | None:
        """Where a condition on indices holds, a Kronecker delta being one; None for what is no such condition."""
        if isinstance(tree, t.Subscript):
            name = tree.array
            if len(tree.indices) != 2 or name not in ("delta", "I") or self.model.indexed_alias(name, 2) is not None:
                return None
            known = self.model.lookup(name) is not None
            if name == "I" and known:
                return None
            if name == "delta" and not self.model.is_kronecker(name):
                return None
            if known:
                raise Unfit
            sides, operators = tree.indices, ("=",)
        elif isinstance(tree, t.Indicator):
            sides, operators = tree.sides, tree.operators  # type: ignore[assignment]
            for node in (node for side in sides for node in t.walk(side)):
                if not isinstance(node, (t.Name, t.Number, t.Sum, t.Negative, t.Product)):
                    return None
                if isinstance(node, t.Name) and node.text not in at and node.text not in self.model.sizes:
                    return None
        else:
            return None
        values = [self.integer(side, at) for side in sides]
        held = self.all
        for operator, left, right in zip(operators, values, values[1:], strict=False):
            held = held & _COMPARISONS[operator](left, right)
        return held

    def _indicator(self, tree: t.Indicator, at: Places, mask: Values) -> Array:
        held = self.held(tree, at)
        if held is None:
            return self._part(tree, at, mask)
        self.note([tree], [held], mask)
        return self._numbered(held.astype(np.int64))

    def note(self, conditions: Sequence[Tree], held: Sequence[Values], mask: Values) -> None:
        """Keep how each condition that names a number came out, where it is needed and all others hold."""
        for place, condition in enumerate(conditions):
            if isinstance(condition, t.Indicator) and names_a_number(condition):
                others = mask
                for each in (*held[:place], *held[place + 1 :]):
                    others = others & each
                one, others = np.broadcast_arrays(held[place], others)
                self.outcomes.setdefault(condition, set()).update(one[others].tolist())

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    def _negative(self, tree: t.Negative, at: Places, mask: Values) -> Array:
        value = self.value(tree.body, at, mask)
        return Array(self.numbers.negate(value.data), value.shape, value.row, value.degree)

    def _sum(self, tree: t.Sum, at: Places, mask: Values) -> Array:
        (sign, first), *rest = tree.terms
        total = self.value(first, at, mask)
        if sign == "-":
            total = Array(self.numbers.negate(total.data), total.shape, total.row, total.degree)
        for sign, part in rest:
            one, other, shape, row = self._together(total, self.value(part, at, mask))
            data = self.numbers.add(one.data, other.data, 1 if sign == "+" else -1)
            total = Array(data, shape, row, one.degree + other.degree + 1.0)
        return total

    def _together(self, one: Array, other: Array) -> tuple[Array, Array, tuple[int, ...], bool]:
        """Two arrays entry by entry, of one shape after a number has been spread."""
        if one.shape == other.shape:
            if one.row != other.row:
                raise Unfit
            return one, other, one.shape, one.row
        if not one.shape:
            return self._spread(one, other.shape), other, other.shape, other.row
        if not other.shape:
            return one, self._spread(other, one.shape), one.shape, one.row
        raise Unfit

    @staticmethod
    def _spread(value: Array, shape: tuple[int, ...]) -> Array:
        return Array(value.data.reshape(value.data.shape + (1,) * len(shape)), value.shape, value.row, value.degree)

    def _product(self, tree: t.Product, at: Places, mask: Values) -> Array:
        conditions: list[Tree] = []
        truths: list[Values] = []
        rest = []
        for operator, factor in tree.factors:
            is_condition = isinstance(factor, t.Indicator) or (
                isinstance(factor, t.Subscript) and len(factor.indices) == 2
            )
            held = self.held(factor, at) if operator != "/" and is_condition else None
            if held is None:
                rest.append((operator, factor))
            else:
                conditions.append(factor)
                truths.append(held)
        truth = reduce(and_, truths) if truths else None
        if truth is not None:
            self.note(conditions, truths, mask)
            mask = mask & truth
            if not mask.any():
                return self._constant(0)
            if not rest or rest[0][0] == "/":
                raise Unfit
        values = self._values(rest, at, mask)
        answer = values[0]
        for (operator, _), value in zip(rest[1:], values[1:], strict=True):
            if operator in ("/", "./"):
                answer = self._entrywise(answer, self._inverse(value, mask))
            elif operator == ".*" or not answer.shape or not value.shape:
                answer = self._entrywise(answer, value)
            else:
                answer = self._times(answer, value, operator == "*")
        if truth is not None:
            shaped = truth.reshape(truth.shape + (1,) * len(answer.shape))
            answer = Array(np.where(shaped, answer.data, 0), answer.shape, answer.row, answer.degree)
        return answer

    def _values(self, factors: Sequence[tuple[str, Tree]], at: Places, mask: Values) -> list[Array]:
        """The factors of a product that is no chain: one of several derivatives that are arrays is left alone."""
        values = []
        ranks = []
        for _, factor in factors:
            if isinstance(factor, t.Derivative):
                value, above, below = self._jacobian(factor, at, mask)
                ranks += [(above, below)] if above + below and not factor.nabla else []
            else:
                value = self.value(factor, at, mask)
            values.append(value)
        if any(above for above, _ in ranks) and (len(ranks) > 1 or sum(ranks[0]) > 2):
            raise Unfit
        return values

    def _entrywise(self, left: Array, right: Array) -> Array:
        one, other, shape, row = self._together(left, right)
        return Array(self.numbers.multiply(one.data, other.data), shape, row, one.degree + other.degree)

    def _inverse(self, value: Array, mask: Values) -> Array:
        needed: Values = np.broadcast_to(mask, np.broadcast_shapes(mask.shape, value.data.shape[1 : 1 + self.count]))
        spread = tuple(k for k in range(self.count) if value.data.shape[1 + k] == 1)
        needed = needed.any(axis=spread, keepdims=True)
        needed = needed.reshape(needed.shape + (1,) * len(value.shape))
        return Array(self.numbers.inverse(value.data, needed), value.shape, value.row, value.degree)

    def _times(self, one: Array, other: Array, dot: bool) -> Array:
        """The product of matrices and vectors side by side, where it is an ordinary one."""
        if len(one.shape) > 2 or len(other.shape) > 2:
            raise Unfit
        if len(one.shape) == 1 and len(other.shape) == 1:
            if not one.row and other.row:
                left = replace(one, data=one.data[..., :, None], shape=(*one.shape, 1))
                right = replace(other, data=other.data[..., None, :], shape=(1, *other.shape))
                data = self.numbers.multiply(left.data, right.data)
                return Array(data, (*one.shape, *other.shape), False, one.degree + other.degree)
            if not one.row and not dot:
                raise Unfit
        elif (len(one.shape) == 1 and not one.row) or (len(other.shape) == 1 and other.row):
            raise Unfit
        if one.shape[-1] != other.shape[0]:
            raise Unfit
        row = len(one.shape) == 1 and len(other.shape) == 2
        a = one.data if len(one.shape) == 2 else one.data[..., None, :]
        b = other.data if len(other.shape) == 2 else other.data[..., :, None]
        data = self.numbers.total(self.numbers.multiply(a[..., :, :, None], b[..., None, :, :]), -2, False)
        data = data if len(one.shape) == 2 else data[..., 0, :]
        data = data if len(other.shape) == 2 else data[..., 0]
        shape = (*one.shape[:-1], *other.shape[1:])
        return Array(data, shape, row, one.shape[-1] * (one.degree + other.degree) + 1.0)

    def _transposed(self, value: Array) -> Array:
        if len(value.shape) > 2:
            raise Unfit
        if len(value.shape) == 2:
            return replace(value, data=np.swapaxes(value.data, -1, -2), shape=value.shape[::-1])
        return replace(value, row=not value.row) if value.shape else value

    def _power(self, tree: t.Power, at: Places, mask: Values) -> Array:
        sign, number = (-1, tree.exponent.body) if isinstance(tree.exponent, t.Negative) else (1, tree.exponent)
        if not isinstance(number, t.Number) or number.value.denominator != 1 or not 1 <= number.value <= EXPONENT:
            raise Unfit
        if isinstance(tree.base, t.Call) or tree.base == t.Name("e"):
            raise Unfit
        base = self.value(tree.base, at, mask)
        if len(base.shape) > 1 and not tree.elementwise:
            raise Unfit
        answer = base = self._inverse(base, mask) if sign < 0 else base
        for _ in range(int(number.value) - 1):
            answer = self._entrywise(answer, base)
        return answer

    # --- sums ---------------------------------------------------------------------------------------------------------

    def _reduction(self, tree: t.Reduction, at: Places, mask: Values) -> Array:
        if tree.operator not in ("sum", "mean"):
            return self._part(tree, at, mask)
        bound = tree.bound
        if len(set(bound)) < len(bound) or any(name in at or name in self.meaning.sums.free for name in bound):
            raise Unfit
        fixed = {name: place for name, place in at.items() if isinstance(place, int)}
        spans = self.meaning.sums._spans(tree, fixed)
        count = prod(len(span) for span in spans)
        if not count:
            return self._constant(0)
        inner = dict(at) | {name: self.along(name, span) for name, span in zip(bound, spans, strict=True)}
        around = self._scope
        self._scope = (*around, *zip(bound, spans, strict=True))
        try:
            body = self.value(tree.body, inner, mask)
        except OutsideFamily:
            if self.model.convention("boundary") == "interior":
                raise Unfit from None
            raise
        finally:
            self._scope = around
        axes = tuple(1 + self.axes[name] for name in bound)
        times = prod(len(span) for axis, span in zip(axes, spans, strict=True) if body.data.shape[axis] == 1)
        data = self.numbers.total(body.data, axes, True)
        factor = Fraction(times, count if tree.operator == "mean" else 1)
        if factor != 1:
            data = self.numbers.multiply(data, self.numbers.number(factor).reshape(-1, *(1,) * (data.ndim - 1)))
        return Array(data, body.shape, body.row, count * (body.degree + 1.0))

    # --- derivatives --------------------------------------------------------------------------------------------------

    def _derivative(self, tree: t.Derivative, at: Places, mask: Values) -> Array:
        return self._jacobian(tree, at, mask)[0]

    def _jacobian(self, tree: t.Derivative, at: Places, mask: Values) -> tuple[Array, int, int]:
        """A derivative of names or entries by others, as the layout arranges it, and how many axes either has."""
        if isinstance(tree.of, t.Name) and self.model.is_function(tree.of.text):
            raise Unfit
        of, of_shape, of_row = self.nodes(tree.of, at, mask)
        by, shape, row = self.nodes(tree.by, at, mask)
        numerator = self.model.convention("layout") == "numerator"
        if self.model.derivatives._is_symmetric(tree.by) or (tree.nabla and numerator and shape):
            raise Unfit
        above, below = len(of_shape), len(shape)
        of = of.reshape(of.shape + (1,) * below)
        by = by.reshape(by.shape[: self.count] + (1,) * above + shape)
        of, by = np.broadcast_arrays(of, by)
        data, degree = self.model.slopes.read(of, by, self.numbers, self.checked)
        if not above:
            found = Array(data, shape, row, degree)
            return (self._transposed(found) if numerator else found), above, below
        if not below:
            return Array(data, of_shape, of_row, degree), above, below
        if of_shape == shape and self.model.convention("jacobian") == "elementwise":
            raise Unfit
        if not numerator:
            first = 1 + self.count
            data = np.moveaxis(data, range(first, first + above), range(-above, 0))
        return Array(data, of_shape + shape if numerator else shape + of_shape, False, degree), above, below

    def _slope_nodes(self, tree: t.Derivative, at: Places, mask: Values) -> Values:
        """The nodes of the derivatives of the loss by entries, where the graph has them."""
        of, of_shape, _ = self.nodes(tree.of, at, mask)
        by, shape, _ = self.nodes(tree.by, at, mask)
        found = self.model._adjoints.get(int(of.flat[0]), {})
        if of.size > 1 or of_shape or shape or not found:
            raise Unfit
        nodes = np.array([found.get(node, self.model.graph.zero) for node in by.ravel().tolist()], dtype=np.int64)
        if nodes.max() >= self.model.base:
            raise Unfit
        return nodes.reshape(by.shape)
