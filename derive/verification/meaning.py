"""What a tree means at concrete sizes: an array of nodes of the graph, for given values of its free indices.

Sums are written out, matrix products are sums, derivatives are taken on the graph. Where a formula has no one meaning
Unjudged says why; where shapes do not go together ShapeClash names both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product as combinations
from math import prod
from operator import mul
from typing import TYPE_CHECKING, Any, TypeVar

from derive import tree as t
from derive.tree import Tree
from derive.verification.calls import Calls
from derive.verification.graph import Node
from derive.verification.matching import UnknownName
from derive.verification.ranges import found_ranges, free_names
from derive.verification.shaped import Env, OutsideFamily, ShapeClash, Shaped, Shapes, UnclearSize, Unjudged, scalar
from derive.verification.sums import Sums
from derive.verification.wholes import Wholes

if TYPE_CHECKING:
    from derive.verification.model import Model

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


T = TypeVar("T")

_ALL = t.Call(":", ())

#: Kinds of trees whose values are kept: those that cost more than to look them up.
_KEPT = frozenset({t.Reduction, t.Call, t.Derivative, t.Power, t.Transpose})


@dataclass(frozen=True, slots=True)
class _Factors:
    """What is known of a product by its spelling.

    conditions : factors that may be 0 by their indices.  scalar : only ordinary products and quotients.
    """

    conditions: tuple[Tree, ...]
    derivatives: bool
    scalar: bool

    @staticmethod
    def of(tree: t.Product) -> _Factors:
        return _Factors(
            tuple(
                factor
                for operator, factor in tree.factors
                if operator != "/"
                and (isinstance(factor, t.Indicator) or (isinstance(factor, t.Subscript) and len(factor.indices) == 2))
            ),
            any(isinstance(factor, t.Derivative) for _, factor in tree.factors),
            all(operator in ("*", "", "/") for operator, _ in tree.factors),
        )


class Meaning:
    """Trees to values over one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.graph = model.graph
        self.shapes = Shapes(model.graph, model.size_text)
        self.wholes, self.sums, self.calls = Wholes(self), Sums(self), Calls(self)
        self.rows_are_columns = False  # X[i, :] is the column of these entries
        self.square: int | None = None  # how large I is where only the sizes in a formula tell
        self._memo: dict[tuple[int | None, ...], Shaped] = {}
        self._free: dict[int, tuple[str, ...]] = {}
        self._products: dict[int, _Factors] = {}
        self._numbers: dict[str, Shaped] = {}
        self.outcomes: dict[Tree, set[bool]] = {}
        self._alive: list[Tree] = []
        self._by_kind: dict[type, Callable[[Any, Env], Shaped]] = {
            t.Number: self._number,
            t.Name: self._name,
            t.Negative: self._negative,
            t.Sum: self._sum,
            t.Product: self._product,
            t.Power: self._power,
            t.Transpose: self._transpose,
            t.Call: self.calls.value,
            t.Subscript: self.entry,
            t.Reduction: self.sums.value,
            t.Indicator: self._indicator,
            t.Derivative: self._derivative,
            t.Relation: self._relation,
        }

    def forget(self) -> None:
        """Values that were worked out so far; names may mean something else from now on."""
        self._memo.clear()
        self._free.clear()
        self._products.clear()
        self._numbers.clear()
        self._alive.clear()
        self.outcomes.clear()
        self.wholes.forget()
        self.sums.forget()

    def sized(self, trees: Sequence[Tree], work: Callable[[], T], extent: int | None = None) -> T:
        """What `work` makes of trees; where they do not tell how large I is, with the only size that they name.

        extent : the size, where something else tells it. Raises UnclearSize where nothing does.
        """
        try:
            return work()
        except UnclearSize:
            named = {node.text for tree in trees for node in t.walk(tree) if isinstance(node, t.Name)}
            sizes = {self.model.sizes[name] for name in named if name in self.model.sizes}
            if self.square is not None or (extent is None and len(sizes) != 1):
                raise
        self.forget()
        self.square = sizes.pop() if extent is None else extent
        try:
            return work()
        finally:
            self.square = None
            self.forget()

    # --- values -------------------------------------------------------------------------------------------------------

    def value(self, tree: Tree, env: Env) -> Shaped:
        """The array that a tree stands for, its free indices having the values in env."""
        kind = type(tree)
        if kind not in _KEPT:
            return self._by_kind[kind](tree, env)
        key = id(tree)
        names = self._free.get(key)
        if names is None:
            names = self._free[key] = free_names(tree)
            self._alive.append(tree)  # so that no other tree gets its id
        at = (key, *[env.get(name) for name in names])
        found = self._memo.get(at)
        if found is None:
            found = self._memo[at] = self._by_kind[kind](tree, env)
        return found

    def _number(self, tree: t.Number, env: Env) -> Shaped:
        found = self._numbers.get(tree.text)
        if found is None:
            found = self._numbers[tree.text] = scalar(self.graph.number(tree.value))
        return found

    def _negative(self, tree: t.Negative, env: Env) -> Shaped:
        return self.shapes.mapped(self.value(tree.body, env), self.graph.negate)

    def _sum(self, tree: t.Sum, env: Env) -> Shaped:
        return self.shapes.added([(1 if sign == "+" else -1, self.value(part, env)) for sign, part in tree.terms])

    def _transpose(self, tree: t.Transpose, env: Env) -> Shaped:
        return self.shapes.transposed(self.value(tree.body, env))

    def _derivative(self, tree: t.Derivative, env: Env) -> Shaped:
        return self.model.derivatives.value(tree, env)

    def _relation(self, tree: t.Relation, env: Env) -> Shaped:
        raise Unjudged("a chain of equalities is no value")

    def node(self, tree: Tree, env: Env) -> Node:
        """The value of a tree that must be a number."""
        value = self.value(tree, env)
        if value.rank:
            raise ShapeClash(f"an array of {self.shapes.text(value)} stands where a number is expected")
        return value.scalar

    def _name(self, tree: t.Name, env: Env) -> Shaped:
        name = tree.text
        if name in env:
            return scalar(self.graph.number(env[name]))
        found = self.model.lookup(name)
        if found is not None:
            return found
        if name == "pi":
            return scalar(self.graph.function("pi"))
        if name == "e":
            return scalar(self.graph.exp(self.graph.one))
        if name == "I" and self.square is not None:
            return self.shapes.identity(self.square)
        if name == "I":
            return Shaped((None, None), (self.graph.one,), unit=True)
        if name in ("ones", "zeros"):
            return Shaped((None,), (self.graph.one if name == "ones" else self.graph.zero,))
        raise UnknownName(name, self.model.problem)

    def integer(self, tree: Tree, env: Env) -> int:
        """A subscript, limit or side of a condition as a whole number."""
        return self.wholes.integer(tree, env)

    # --- entries ------------------------------------------------------------------------------------------------------

    def entry(self, tree: t.Subscript, env: Env) -> Shaped:
        """An entry or, with fewer indices than axes, a slice; of a family a member first."""
        name = tree.array
        indices = tree.indices
        alias = self.model.indexed_alias(name, len(indices))
        if alias is not None:
            letters, body = alias
            inner = dict(env) | {
                letter: self.integer(index, env) for letter, index in zip(letters, indices, strict=True)
            }
            return self.value(body, inner)
        if tree.layer and (whole := self._layer_of_alias(tree, env)) is not None:
            return whole
        if name == "delta" and len(indices) == 2 and self.model.is_kronecker("delta"):
            same = self.integer(indices[0], env) == self.integer(indices[1], env)
            return scalar(self.graph.one if same else self.graph.zero)
        if name == "I" and len(indices) == 2 and self.model.lookup("I") is None:
            same = self.integer(indices[0], env) == self.integer(indices[1], env)
            return scalar(self.graph.one if same else self.graph.zero)
        if name == "I" and len(indices) == 1 and self.model.lookup("I") is None:
            return self.shapes.identity(self.integer(indices[0], env))
        if self.model.is_family(name):
            if not indices:
                raise Unjudged(f"{name} has one member for each index; say which")
            member = self.model.member(name, self.integer(indices[0], env))
            if member is None:
                raise OutsideFamily(name)
            array, indices = member, indices[1:]
        else:
            found = self.model.lookup(name)
            if found is None and name == "delta":
                raise Unjudged(
                    'what delta with indices means is not declared: delta = "Kronecker", or a name', "unread"
                )
            if found is None:
                raise UnknownName(name, self.model.problem)
            array = found
        if any(type(index) is t.Call and index == _ALL for index in indices):
            return self._sliced(array, indices, env, name)
        return self.picked(array, [self.integer(index, env) for index in indices], name)

    def _layer_of_alias(self, tree: t.Subscript, env: Env) -> Shaped | None:
        r"""\delta^{[L]}, where \delta_i^{[l]} is an alias: all entries of a layer. None for any other name."""
        count = len(tree.indices)
        longer = [more for name, more in self.model.indexed_aliases if name == tree.array and more > count]
        alias = self.model.indexed_alias(tree.array, longer[0]) if len(longer) == 1 else None
        if alias is None:
            return None
        letters, body = alias
        at = {letter: self.integer(index, env) for letter, index in zip(letters, tree.indices, strict=False)}
        spans = found_ranges((body,), self.model, at, {})
        if any(letter not in spans for letter in letters[count:]):
            return None
        ranges = [spans[letter] for letter in letters[count:]]
        nodes = [
            self.node(body, {**env, **at, **dict(zip(letters[count:], place, strict=True))})
            for place in combinations(*ranges)
        ]
        return Shaped(tuple(map(len, ranges)), nodes)

    def _sliced(self, array: Shaped, indices: Sequence[Tree], env: Env, name: str) -> Shaped:
        """X[i, :] is a row of X, or its entries as a column, X[:, j] a column."""
        if array.rank < len(indices) or None in array.shape:
            raise ShapeClash(f"{name} is {self.shapes.text(array)}, and has {len(indices)} indices here")
        axes = [range(extent or 1) for extent in array.shape]
        for axis, index in enumerate(indices):
            if index != _ALL:
                at = self.integer(index, env) - self.model.index_from
                if at not in axes[axis]:
                    raise Unjudged(f"{name} is read outside its axis {axis + 1} here", "boundary")
                axes[axis] = range(at, at + 1)
        kept = [k for k in range(array.rank) if k >= len(indices) or indices[k] == _ALL]
        strides = [prod(extent or 1 for extent in array.shape[k + 1 :]) for k in range(array.rank)]
        nodes = [array.nodes[sum(map(mul, place, strides))] for place in combinations(*axes)]
        row = array.row if array.rank == 1 else kept == [array.rank - 1] and not self.rows_are_columns
        return Shaped(tuple(array.shape[k] for k in kept), nodes, row=row and len(kept) == 1)

    def picked(self, array: Shaped, at: Sequence[int], name: str) -> Shaped:
        """The entry or slice of an array at subscripts counted as the problem counts."""
        if at and not array.rank and not array.unit:
            raise Unjudged(f"{name} is a number, and has a subscript here", "unread")
        if len(at) > array.rank:
            void = len(at) - array.rank
            if array.rank == 1 and void == 1:  # a column or a row with both its indices
                kept, dropped = (at[1], at[0]) if array.row else (at[0], at[1])
                if dropped != self.model.index_from:
                    raise ShapeClash(f"{name} is {self.shapes.text(array)}, and is read at {list(at)}")
                at = [kept]
            else:
                raise ShapeClash(f"{name} is {self.shapes.text(array)}, and has {len(at)} indices here")
        first = self.model.index_from
        flat = 0
        for index, extent in zip(at, array.shape, strict=False):
            place = index - first
            if extent is not None and not 0 <= place < extent:
                return self._outside(array, name, index, len(at))
            flat = flat * (extent or 1) + (place if extent is not None else 0)
        rest = array.shape[len(at) :]
        count = prod(extent or 1 for extent in rest)
        return Shaped(rest, array.nodes[flat * count : (flat + 1) * count], row=len(at) == 0 and array.row)

    def _outside(self, array: Shaped, name: str, index: int, indices: int) -> Shaped:
        boundary = self.model.convention("boundary")
        if boundary == "ask":
            last = self.model.index_from - 1
            shape = ", ".join(f"{self.model.index_from}..{last + (extent or 1)}" for extent in array.shape)
            raise Unjudged(
                f'{name} is read at {index}, outside {shape}; say boundary = "zero outside" or "interior"',
                "boundary",
            )
        if boundary == "interior":
            raise OutsideFamily(name)
        rest = array.shape[indices:]
        return Shaped(rest, [self.graph.zero] * prod(extent or 1 for extent in rest))

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    def _product(self, tree: t.Product, env: Env) -> Shaped:
        plan = self._products.get(id(tree))
        if plan is None:
            plan = self._products[id(tree)] = _Factors.of(tree)
            self._alive.append(tree)
        # a product with a false indicator is 0, whatever else stands in it
        for factor in plan.conditions:
            if type(factor) is t.Subscript and not self.is_delta(factor):
                continue
            held = self.value(factor, env)
            if not held.shape and held.nodes[0] == self.graph.zero:
                return held
        if plan.derivatives:
            chained = self.model.derivatives.chain(tree, env)
            if chained is not None:
                return chained
        values = [self.value(factor, env) for _, factor in tree.factors]
        if plan.scalar and not any(value.shape or value.unit for value in values):
            parts = [
                (value.nodes[0], -1 if operator == "/" else 1)
                for (operator, _), value in zip(tree.factors, values, strict=True)
            ]
            return Shaped((), (self.graph.monomial(parts),))
        answer = values[0]
        for (operator, _), value in zip(tree.factors[1:], values[1:], strict=True):
            if operator in ("/", "./"):
                answer = self._divided(answer, value)
            elif operator == ".*":
                answer = self.shapes.entrywise(answer, value)
            else:
                answer = self.shapes.times(answer, value, dot=operator == "*")
        return answer

    def is_delta(self, tree: t.Subscript) -> bool:
        return tree.array in ("delta", "I") and len(tree.indices) == 2 and self.model.is_kronecker("delta")

    def _divided(self, left: Shaped, right: Shaped) -> Shaped:
        if left.unit and right.rank == 0:
            return replace(left, nodes=[self.graph.divide(left.nodes[0], right.scalar)])
        return self.shapes.quotient(left, right)

    def _power(self, tree: t.Power, env: Env) -> Shaped:
        base, exponent = tree.base, tree.exponent
        if base == t.Name("e") and self.model.lookup("e") is None and "e" not in env:
            return self.shapes.mapped(self.value(exponent, env), self.graph.exp)
        if isinstance(base, t.Call) and base.function == "norm" and len(base.arguments) == 1:
            power = self.graph.value(self.node(exponent, env))
            if power is not None:
                squares = self.squares(self.value(base.arguments[0], env))
                return scalar(self.graph.monomial(((squares, Fraction(power) / 2),)))
        return self.shapes.power(self.value(base, env), self.value(exponent, env), tree.elementwise)

    def squares(self, value: Shaped) -> Node:
        return self.graph.linear([(1, self.graph.multiply(node, node)) for node in value.nodes])

    # --- indicators and reductions ------------------------------------------------------------------------------------

    def _indicator(self, tree: t.Indicator, env: Env) -> Shaped:
        g = self.graph
        held = g.one
        whole = [self.wholes.whole(side, env) for side in tree.sides]
        if None not in whole:
            pairs = zip(tree.operators, whole, whole[1:], strict=False)
            held_all = all(_COMPARISONS[sign](left, right) for sign, left, right in pairs)
            self.outcomes.setdefault(tree, set()).add(held_all)
            return scalar(g.one if held_all else g.zero)
        values = [self.value(side, env) for side in tree.sides]
        if all(not value.shape and g.value(value.nodes[0]) is not None for value in values) and len(values) == 2:
            held_whole = self._compared(tree.operators[0], values[0].scalar, values[1].scalar) == g.one
            self.outcomes.setdefault(tree, set()).add(held_whole)
        for operator, left, right in zip(tree.operators, values, values[1:], strict=False):
            compared = self.shapes.together(left, right, lambda a, b, o=operator: self._compared(o, a, b), "compared")  # type: ignore[misc]
            if compared.rank:
                if len(values) == 2:
                    return compared
                raise Unjudged("a chain of comparisons between arrays is not read")
            held = g.multiply(held, compared.scalar)
        return scalar(held)

    def _compared(self, operator: str, left: Node, right: Node) -> Node:
        one, other = self.graph.value(self.graph.plain(left)), self.graph.value(self.graph.plain(right))
        if one is not None and other is not None:
            return self.graph.number(int(_COMPARISONS[operator](Fraction(one), Fraction(other))))
        return self.graph.compare(operator, left, right)

    def holds(self, tree: Tree, env: Env) -> bool:
        """Whether a condition between whole numbers holds."""
        node = self.node(tree, env)
        if node not in (self.graph.zero, self.graph.one):
            raise Unjudged("a condition that depends on real values restricts no definition")
        return node == self.graph.one

    def may_hold(self, tree: Tree, env: Env) -> bool:
        """Whether a condition is not false: one between real values holds for some of them."""
        return self.node(tree, env) != self.graph.zero
