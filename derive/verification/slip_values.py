"""Right sides in double precision as whole arrays, for all values of their indices at once, to look at repairs.

A value that differs says that a repair is none; one that agrees says nothing yet. What an array is read at beyond its
ends is nan, so that no condition has to be known before what it excludes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from derive import tree as t
from derive.errors import LimitError
from derive.tree import Tree
from derive.verification.arrays import Array, Arrays, Places
from derive.verification.graph import UndefinedNode
from derive.verification.model import Model
from derive.verification.shaped import OutsideFamily, ShapeClash, Shaped, UnclearSize, Unjudged
from derive.verification.tables import Unfit, Values

#: What has no value, wherever it is worked out.
VALUELESS = (Unjudged, ShapeClash, UndefinedNode, LimitError, RecursionError)

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
    "!=": np.not_equal,
}


def _logistic(u: Values) -> Values:
    return 1.0 / (1.0 + np.exp(-u))


#: Functions of the table and their derivatives; all others are left to the graph.
_FUNCTIONS: Mapping[tuple[str, int], Callable[[Values], Values]] = {
    ("exp", 0): np.exp,
    ("exp", 1): np.exp,
    ("log", 0): np.log,
    ("ln", 0): np.log,
    ("sqrt", 0): np.sqrt,
    ("sin", 0): np.sin,
    ("sin", 1): np.cos,
    ("cos", 0): np.cos,
    ("cos", 1): lambda u: -np.sin(u),
    ("tan", 0): np.tan,
    ("sinh", 0): np.sinh,
    ("cosh", 0): np.cosh,
    ("tanh", 0): np.tanh,
    ("tanh", 1): lambda u: 1.0 - np.tanh(u) ** 2,
    ("sigmoid", 0): _logistic,
    ("sigmoid", 1): lambda u: _logistic(u) * (1.0 - _logistic(u)),
    ("relu", 0): lambda u: np.maximum(u, 0.0),
    ("relu", 1): lambda u: (u > 0.0).astype(np.float64),
    ("abs", 0): np.abs,
    ("sign", 0): np.sign,
}

#: Kinds whose values are kept by what they say, not only for the one tree: slips write them anew at every place.
_BY_SPELLING = (t.Name, t.Subscript, t.Derivative, t.Call)


def _is_short(tree: Tree) -> bool:
    """Whether a call is quickly compared: to hash functions in functions takes longer the deeper they are."""
    if not isinstance(tree, t.Call):
        return True
    inner = [each.body if isinstance(each, t.Negative) else each for each in tree.arguments]
    return all(isinstance(each, (t.Name, t.Subscript, t.Number)) for each in inner)


class Looks(Arrays):
    """Arrays of doubles that keep what was worked out, also that a part has no value.

    at : the values of the free indices, along their axes.  Whole arrays are worked out everywhere, masks are not used.
    """

    def __init__(self, model: Model, letters: Sequence[str], at: Places) -> None:
        super().__init__(model, model.doubled, letters)
        self.at = dict(at)
        self._by_tree: dict[tuple[int, Any], tuple[Tree, Array | Exception]] = {}
        self._by_spelling: dict[tuple[Tree, Any], Array | Exception] = {}
        self._spans: dict[tuple[Any, ...], list[range] | Exception] = {}
        self._held: dict[tuple[Tree, Any], Values | None] = {}
        self._beyond: Values | None = None

    def look(self, tree: Tree) -> Array:
        """The value of a right side. Raises what its meaning raises, Unfit where it is left to the graph."""
        self._scope = ()
        return self.value(tree, self.at, self.all)

    def by_graph(self, tree: Tree) -> Array:
        """The same, worked out by the graph at each value of the free indices."""
        return self._part(tree, self.at, self.all)

    def valueless(self, kinds: tuple[type[Exception], ...]) -> frozenset[int]:
        """The ids of the trees that were found to have no value, for one of these reasons."""
        return frozenset(key for (key, _), (_, found) in self._by_tree.items() if isinstance(found, kinds))

    def within(self, tree: Tree, scope: tuple[Any, ...], at: Places) -> Array:
        """The value of a part inside sums."""
        self._scope = scope
        try:
            return self.value(tree, at, self.all)
        finally:
            self._scope = ()

    def value(self, tree: Tree, at: Places, mask: Values) -> Array:
        key = (id(tree), self._scope)
        known = self._by_tree.get(key)
        if known is None:  # with the tree, so that no other gets its id
            known = self._by_tree[key] = (tree, self._spelled(tree, at))
        found = known[1]
        if isinstance(found, Exception):
            raise found.with_traceback(None)
        return found

    def _spelled(self, tree: Tree, at: Places) -> Array | Exception:
        if not isinstance(tree, _BY_SPELLING) or not _is_short(tree):
            return self._tried(tree, at)
        key = (tree, self._scope)
        found = self._by_spelling.get(key)
        if found is None:
            found = self._by_spelling[key] = self._tried(tree, at)
        return found

    def _tried(self, tree: Tree, at: Places) -> Array | Exception:
        scope = self._scope
        try:
            return self._value(tree, at, self.all)
        except RecursionError:
            raise
        except (*VALUELESS, OutsideFamily, Unfit) as failed:  # kept, and raised again by whoever asks for the part
            self._scope = scope
            return failed
        except (ValueError, IndexError, OverflowError):  # what NumPy does not put together is left to the graph
            self._scope = scope
            return Unfit()

    # --- leaves -------------------------------------------------------------------------------------------------------

    def _picked(self, array: Shaped, at: Sequence[Any], mask: Values) -> tuple[Values, tuple[int, ...], bool]:
        """Entries; node -1 stands for one beyond the array."""
        if self.model.convention("boundary") == "zero outside":
            return super()._picked(array, at, mask)
        nodes, shape = self._shaped(array)
        if len(at) > len(shape):
            raise Unfit
        if not at:
            return nodes.reshape(self.flat + shape), shape, array.row
        first, beyond, where = self.model.index_from, None, []
        for index, extent in zip(at, shape, strict=False):
            place = np.reshape(index - first, self.flat) if isinstance(index, int) else index - first
            if place.min() < 0 or place.max() >= extent:
                outside = (place < 0) | (place >= extent)
                beyond = outside if beyond is None else beyond | outside
                place = np.where(outside, 0, place)
            where.append(place)
        rest = shape[len(at) :]
        found = nodes[tuple(where)]
        if beyond is not None:
            if beyond.all():
                raise Unfit
            found = np.where(beyond.reshape(beyond.shape + (1,) * len(rest)), -1, found)
        return found, rest, False

    def _read(self, nodes: Values, shape: tuple[int, ...], row: bool = False) -> Array:
        if nodes.min() >= 0:
            return Array(self.model.doubled.read(nodes), shape, row)
        data = self.model.doubled.read(np.maximum(nodes, 0))
        return Array(np.where(nodes < 0, np.nan, data), shape, row)

    def nodes(self, tree: Tree, at: Places, mask: Values) -> tuple[Values, tuple[int, ...], bool]:
        members = self._members(tree, at)
        found, shape, row = super().nodes(tree, at, mask) if members is None else members
        if self._beyond is not None and found.min() < 0:
            beyond = (found < 0).any(axis=tuple(range(self.count, found.ndim)))
            self._beyond = self._beyond | beyond
            found = np.where(found < 0, self.model.graph.zero, found)
        return found, shape, row

    def _members(self, tree: Tree, at: Places) -> tuple[Values, tuple[int, ...], bool] | None:
        """Entries of the members of a family that an index runs over; None for all other entries."""
        if not isinstance(tree, t.Subscript) or not tree.indices or not self.model.is_family(tree.array):
            return None
        if self.model.indexed_alias(tree.array, len(tree.indices)) is not None:
            return None
        which = self.integer(tree.indices[0], at)
        if isinstance(which, int):
            return None
        arrays = {each: self.model.member(tree.array, each) for each in np.unique(which).tolist()}
        tables = {each: self._shaped(array) for each, array in arrays.items() if array is not None}
        if len({shape for _, shape in tables.values()}) != 1:
            raise Unfit
        shape = next(iter(tables.values()))[1]
        row = any(array.row for array in arrays.values() if array is not None)
        first = min(arrays)
        nodes = np.full((max(arrays) - first + 1, *shape), -1, dtype=np.int64)
        for each, (table, _) in tables.items():
            nodes[each - first] = table
        places, beyond, rest = [which - first], None, shape[len(tree.indices) - 1 :]
        for index, extent in zip(tree.indices[1:], shape, strict=False):
            place = self.integer(index, at) - self.model.index_from
            outside = (np.asarray(place) < 0) | (np.asarray(place) >= extent)
            beyond = outside if beyond is None else beyond | outside
            places.append(np.where(outside, 0, place).reshape(self.flat if isinstance(place, int) else place.shape))
        if len(tree.indices) - 1 > len(shape):
            raise Unfit
        found = nodes[tuple(places)]
        if beyond is not None and beyond.any():
            fill = self.model.graph.zero if self.model.convention("boundary") == "zero outside" else -1
            found = np.where(np.reshape(beyond, (*np.shape(beyond), *(1,) * len(rest))), fill, found)
        return found, rest, row and len(tree.indices) == 1

    def _jacobian(self, tree: t.Derivative, at: Places, mask: Values) -> tuple[Array, int, int]:
        around, self._beyond = self._beyond, ~self.all
        try:
            value, above, below = super()._jacobian(tree, at, mask)
            if self._beyond.any():
                beyond = self._beyond.reshape((1, *self._beyond.shape) + (1,) * len(value.shape))
                value = Array(np.where(beyond, np.nan, value.data), value.shape, value.row)
        finally:
            self._beyond = around
        return value, above, below

    def _part(self, tree: Tree, at: Places, mask: Values) -> Array:
        try:
            return super()._part(tree, at, mask)
        except OutsideFamily:
            raise Unfit from None
        except Unjudged as failed:
            if (
                isinstance(failed, UnclearSize) or failed.code == "boundary"
            ):  # where it is read beyond an array it may not matter
                raise Unfit from None
            raise

    def _reduction(self, tree: t.Reduction, at: Places, mask: Values) -> Array:
        if tree.operator not in ("sum", "mean"):
            return self._part(tree, at, mask)
        if any(name in at for name in tree.bound) or len(set(tree.bound)) < len(tree.bound):
            raise Unjudged("an index that is bound already")
        spans = self.spans(tree, at)
        count = prod(map(len, spans))
        if not count:
            return self._constant(0)
        around, scope = self._scope, zip(tree.bound, spans, strict=True)
        self._scope = (*around, *scope)
        try:
            inner = dict(at) | {name: self.along(name, span) for name, span in zip(tree.bound, spans, strict=True)}
            body = self.value(tree.body, inner, mask)
        finally:
            self._scope = around
        axes = tuple(1 + self.axes[name] for name in tree.bound)
        times = prod(len(span) for axis, span in zip(axes, spans, strict=True) if body.data.shape[axis] == 1)
        data = body.data.sum(axis=axes, keepdims=True)
        factor = times / (count if tree.operator == "mean" else 1)
        return Array(data if factor == 1 else data * factor, body.shape, body.row)

    def spans(self, tree: t.Reduction, at: Places) -> list[range]:
        """How far the indices of a sum run; found once for all sums in which the same entries tell it."""
        letters = frozenset(map(t.Name, tree.bound))
        told = tuple(node for node in t.walk(tree.body) if _speaks_of(node, letters))
        key = (tree.bound, tree.limits, told)
        found = self._spans.get(key)
        if found is None:
            fixed = {name: place for name, place in at.items() if isinstance(place, int)}
            try:
                found = self.meaning.sums._spans(tree, fixed)
            except VALUELESS as failed:
                found = failed
            self._spans[key] = found
        if isinstance(found, Exception):
            raise found.with_traceback(None)
        return found

    # --- functions ----------------------------------------------------------------------------------------------------

    def _call(self, tree: t.Call, at: Places, mask: Values) -> Array:
        order = sum(tree.orders) if tree.orders else 0
        function = _FUNCTIONS.get((tree.function, order))
        if function is None or len(tree.arguments) != 1 or self.model.is_function(tree.function):
            return super()._call(tree, at, mask)
        body = self.value(tree.arguments[0], at, mask)
        return Array(function(body.data), body.shape, body.row)

    def _power(self, tree: t.Power, at: Places, mask: Values) -> Array:
        base_is_norm = isinstance(tree.base, t.Call) and tree.base.function == "norm"
        if base_is_norm or (isinstance(tree.base, t.Call) and self.model.is_function(tree.base.function)):
            return self._part(tree, at, mask)
        exponent = self.value(tree.exponent, at, mask)
        if exponent.shape:
            raise Unfit
        if tree.base == t.Name("e") and self.model.lookup("e") is None:
            return Array(np.exp(exponent.data))
        base = self.value(tree.base, at, mask)
        if base.shape and not (tree.elementwise or len(base.shape) == 1):
            raise Unfit
        power = exponent.data.reshape(exponent.data.shape + (1,) * len(base.shape))
        return Array(np.power(base.data, power), base.shape, base.row)

    def held(self, tree: Tree, at: Places) -> Values | None:
        key = (tree, self._scope)
        if key not in self._held:
            self._held[key] = self._found_held(tree, at)
        return self._held[key]

    def _found_held(self, tree: Tree, at: Places) -> Values | None:
        """Where a condition on indices holds; whole numbers of the problem, such as a stride, may stand in it."""
        found = super().held(tree, at)
        if found is not None or not isinstance(tree, t.Indicator):
            return found
        try:
            sides = [self.integer(side, at) for side in tree.sides]
        except (Unfit, *VALUELESS):
            return None
        found = self.all
        for operator, left, right in zip(tree.operators, sides, sides[1:], strict=False):
            found = found & _COMPARISONS[operator](left, right)
        return found

    def _indicator(self, tree: t.Indicator, at: Places, mask: Values) -> Array:
        held = self.held(tree, at)
        if held is not None:
            return self._numbered(held.astype(np.int64))
        compare = _COMPARISONS.get(tree.operators[0])
        if len(tree.sides) != 2 or compare is None:
            return self._part(tree, at, mask)
        one, other, shape, row = self._together(*(self.value(side, at, mask) for side in tree.sides))
        held = compare(one.data, other.data).astype(np.float64)
        return Array(np.where(np.isnan(one.data) | np.isnan(other.data), np.nan, held), shape, row)

    def _inverse(self, value: Array, mask: Values) -> Array:
        return Array(1.0 / value.data, value.shape, value.row)

    # --- arrays, with the clashes of derive.verification.shaped -------------------------------------------------------

    def _together(self, one: Array, other: Array) -> tuple[Array, Array, tuple[int, ...], bool]:
        if one.shape == other.shape and one.row == other.row:
            return one, other, one.shape, one.row
        if not one.shape:
            return self._spread(one, other.shape), other, other.shape, other.row
        if not other.shape:
            return one, self._spread(other, one.shape), one.shape, one.row
        if len(one.shape) == len(other.shape):
            if one.shape != other.shape or one.shape != (1,):
                raise ShapeClash("two shapes")
            return one, other, one.shape, one.row
        first, second = self._along(one, other), self._along(other, one)
        return first, second, one.shape if len(one.shape) == 2 else other.shape, False

    @staticmethod
    def _along(value: Array, other: Array) -> Array:
        """A vector along the one axis of a matrix that it fits."""
        if len(value.shape) == 2:
            return value
        if len(value.shape) != 1 or len(other.shape) != 2:
            raise ShapeClash("two shapes")
        fits = [axis for axis in (0, 1) if value.shape[0] == other.shape[axis] and (axis == 1 or not value.row)]
        if len(fits) != 1:
            raise ShapeClash("a vector beside a matrix")
        data = value.data[..., None, :] if fits[0] else value.data[..., :, None]
        return Array(data, value.shape, value.row)

    def _times(self, one: Array, other: Array, dot: bool) -> Array:
        if len(one.shape) > 2 or len(other.shape) > 2:
            raise ShapeClash("more than two axes")
        if len(one.shape) == 1 and len(other.shape) == 1:
            if not one.row and other.row:
                return Array(one.data[..., :, None] * other.data[..., None, :], (*one.shape, *other.shape))
            if one.row == other.row and (not dot or one.shape != other.shape):
                raise ShapeClash("two vectors")
        elif (len(one.shape) == 1 and not one.row) or (len(other.shape) == 1 and other.row):
            raise ShapeClash("a vector on the wrong side")
        if one.shape[-1] != other.shape[0]:
            raise ShapeClash("an inner extent")
        a = one.data if len(one.shape) == 2 else one.data[..., None, :]
        b = other.data if len(other.shape) == 2 else other.data[..., :, None]
        data = np.matmul(a, b)
        data = data if len(one.shape) == 2 else data[..., 0, :]
        data = data if len(other.shape) == 2 else data[..., 0]
        shape = (*one.shape[:-1], *other.shape[1:])
        return Array(data, shape, len(one.shape) == 1 and len(other.shape) == 2)


def _speaks_of(node: Tree, letters: frozenset[t.Name]) -> bool:
    """Whether a node may tell how far one of these indices runs, or that it is more than a subscript."""
    if isinstance(node, t.Name):
        return node in letters
    if isinstance(node, (t.Subscript, t.Indicator, t.Call)):
        return any(child in letters for child in t.children(node))
    return isinstance(node, t.Reduction)
