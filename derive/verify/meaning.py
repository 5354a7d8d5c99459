"""What a tree means at concrete sizes: an array of nodes of the graph, for given values of its free indices.

Sums are written out, matrix products are sums, derivatives are taken on the graph. Where a formula has no one meaning
Unjudged says why; where shapes do not go together ShapeClash names both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product as combinations
from math import prod
from typing import TYPE_CHECKING, Any

from derive import tree as t
from derive.tree import Tree
from derive.verify.graph import ELEMENTWISE, Node, UndefinedNode
from derive.verify.ranges import index_names, inner_ranges
from derive.verify.shaped import ShapeClash, Shaped, Shapes, Unjudged, scalar

if TYPE_CHECKING:
    from derive.verify.model import Model

Env = Mapping[str, int]

_CONSTANTS = ("pi", "e")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


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


class OutsideFamily(Exception):
    """A member of a family that does not exist, such as u_{t-1} at the first t."""


class Meaning:
    """Trees to values over one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.graph = model.graph
        self.shapes = Shapes(model.graph, model.size_text)
        self._memo: dict[tuple[int | None, ...], Shaped] = {}
        self._free: dict[int, tuple[str, ...]] = {}
        self._products: dict[int, _Factors] = {}
        self._integers: dict[int, Callable[[Env], int]] = {}
        self._wholes: dict[int, frozenset[str] | None] = {}
        self._numbers: dict[str, Shaped] = {}
        self._plans: dict[int, tuple[list[str], list[list[Tree]]]] = {}
        self._fixed: dict[int, bool] = {}
        self._known_spans: dict[int, list[range]] = {}
        self._alive: list[Tree] = []
        self._by_kind: dict[type, Callable[[Any, Env], Shaped]] = {
            t.Number: self._number,
            t.Name: self._name,
            t.Negative: self._negative,
            t.Sum: self._sum,
            t.Product: self._product,
            t.Power: self._power,
            t.Transpose: self._transpose,
            t.Call: self._call,
            t.Subscript: self.entry,
            t.Reduction: self._reduction,
            t.Indicator: self._indicator,
            t.Derivative: self._derivative,
            t.Relation: self._relation,
        }

    def forget(self) -> None:
        """Values that were worked out so far; names may mean something else from now on."""
        self._memo.clear()
        self._free.clear()
        self._products.clear()
        self._integers.clear()
        self._wholes.clear()
        self._numbers.clear()
        self._plans.clear()
        self._fixed.clear()
        self._known_spans.clear()
        self._alive.clear()

    # --- values -------------------------------------------------------------------------------------------------------

    def value(self, tree: Tree, env: Env) -> Shaped:
        """The array that a tree stands for, its free indices having the values in env."""
        kind = type(tree)
        if kind not in _KEPT:
            return self._by_kind[kind](tree, env)
        key = id(tree)
        names = self._free.get(key)
        if names is None:
            names = self._free[key] = tuple(dict.fromkeys(name for name, _ in index_names(tree)))
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
        if name == "I":
            return Shaped((None, None), (self.graph.one,), unit=True)
        if name in ("ones", "zeros"):
            return Shaped((None,), (self.graph.one if name == "ones" else self.graph.zero,))
        raise Unjudged(f"{name} is not known", "unread")

    # --- integers -----------------------------------------------------------------------------------------------------

    def integer(self, tree: Tree, env: Env) -> int:
        """A subscript, limit or side of a condition as a whole number."""
        kind = type(tree)
        if kind is t.Name and tree.text in env:  # type: ignore[union-attr]
            return env[tree.text]  # type: ignore[union-attr]
        found = self._integers.get(id(tree))
        if found is None:
            found = self._integers[id(tree)] = self._compiled(tree)
            self._alive.append(tree)
        return found(env)

    def _compiled(self, tree: Tree) -> Callable[[Env], int]:
        """An integer expression as a function of the indices: it is worked out thousands of times."""
        match tree:
            case t.Number() if tree.value.denominator == 1:
                number = int(tree.value)
                return lambda env: number
            case t.Name(text=name):
                size = self.model.sizes.get(name)
                return lambda env: env[name] if name in env else self._by_value(tree, env) if size is None else size
            case t.Negative(body=body):
                inner = self._compiled(body)
                return lambda env: -inner(env)
            case t.Sum(terms=terms):
                parts = [(1 if sign == "+" else -1, self._compiled(part)) for sign, part in terms]
                return lambda env: sum([sign * part(env) for sign, part in parts])
            case t.Product(factors=factors) if all(operator in ("*", "") for operator, _ in factors):
                each = [self._compiled(part) for _, part in factors]
                return lambda env: prod([part(env) for part in each])
        return lambda env: self._by_value(tree, env)

    def _by_value(self, tree: Tree, env: Env) -> int:
        value = self.graph.value(self.node(tree, env))
        if value is None or Fraction(value).denominator != 1:
            raise Unjudged("a subscript is no whole number")
        return int(value)

    def _whole(self, tree: Tree, env: Env) -> int | None:
        """A side of a condition made of indices, sizes and whole numbers alone: there L is the last layer, no loss."""
        if id(tree) not in self._wholes:
            self._wholes[id(tree)] = _names_of_whole(tree)
            self._alive.append(tree)
        names = self._wholes[id(tree)]
        if names is None or any(name not in env and name not in self.model.sizes for name in names):
            return None
        return self.integer(tree, env)

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
        if name == "delta" and len(indices) == 2 and self.model.is_kronecker("delta"):
            same = self.integer(indices[0], env) == self.integer(indices[1], env)
            return scalar(self.graph.one if same else self.graph.zero)
        if name == "I" and len(indices) == 2 and self.model.lookup("I") is None:
            same = self.integer(indices[0], env) == self.integer(indices[1], env)
            return scalar(self.graph.one if same else self.graph.zero)
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
                raise Unjudged(f"{name} is not known", "unread")
            array = found
        return self.picked(array, [self.integer(index, env) for index in indices], name)

    def picked(self, array: Shaped, at: Sequence[int], name: str) -> Shaped:
        """The entry or slice of an array at subscripts counted as the problem counts."""
        if len(at) > array.rank:
            void = len(at) - array.rank
            if array.rank == 1 and void == 1:  # a column or a row with both its indices
                at = [at[0]] if not array.row else [at[1]]
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
            if type(factor) is t.Subscript and not self._is_delta(factor):
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

    def _is_delta(self, tree: t.Subscript) -> bool:
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
                squares = self._squares(self.value(base.arguments[0], env))
                return scalar(self.graph.monomial(((squares, Fraction(power) / 2),)))
        return self.shapes.power(self.value(base, env), self.value(exponent, env), tree.elementwise)

    def _squares(self, value: Shaped) -> Node:
        return self.graph.linear([(1, self.graph.multiply(node, node)) for node in value.nodes])

    # --- functions ----------------------------------------------------------------------------------------------------

    def _call(self, tree: t.Call, env: Env) -> Shaped:
        name = tree.function
        if self.model.is_function(name):
            return self.model.applied(tree, [self.value(argument, env) for argument in tree.arguments], env)
        special = getattr(self, f"_{name.replace(' ', '_')}_call", None) if name.isidentifier() else None
        if special is not None:
            answer: Shaped = special(tree, env)
            return answer
        if name == "":
            parts = [self.value(argument, env) for argument in tree.arguments]
            if any(part.rank for part in parts):
                raise Unjudged("a tuple of arrays is not read")
            return Shaped((len(parts),), [part.scalar for part in parts])
        if tree.orders and any(tree.orders):
            return self._derived(tree, env)
        if name in ("max", "min"):
            values = [self.value(argument, env) for argument in tree.arguments]
            if len(values) == 1:
                return scalar(self.graph.call(name, *values[0].nodes))
            answer = values[0]
            for other in values[1:]:
                answer = self.shapes.together(answer, other, lambda a, b: self.graph.call(name, a, b), "compared")
            return answer
        if name in ELEMENTWISE:
            if len(tree.arguments) != 1:
                raise Unjudged(f"{name} takes one argument, and has {len(tree.arguments)}")
            return self.shapes.mapped(self.value(tree.arguments[0], env), lambda u: self.graph.call(name, u))
        raise Unjudged(f"the function {name} is not known", "unread")

    def _derived(self, tree: t.Call, env: Env) -> Shaped:
        """The derivative of a function of the table: sigma'(z)."""
        if tree.function not in ELEMENTWISE or len(tree.arguments) != 1:
            raise Unjudged(f"the derivative of {tree.function} is not known")
        g = self.graph
        order = tree.orders[0]

        def change(u: Node) -> Node:
            place = g.named(("'", u), u)
            node = g.call(tree.function, place)
            for _ in range(order):
                node = self.model.adjoints(node).get(place, g.zero)
            return node

        return self.shapes.mapped(self.value(tree.arguments[0], env), change)

    def _entry_call(self, tree: t.Call, env: Env) -> Shaped:
        at = [self.integer(index, env) for index in tree.arguments[1:]]
        return self.picked(self.value(tree.arguments[0], env), at, "the expression")

    def _inner_call(self, tree: t.Call, env: Env) -> Shaped:
        one, other = (self.value(argument, env) for argument in tree.arguments)
        return scalar(self.shapes.total(self.shapes.entrywise(one, replace(other, row=one.row)).nodes))

    def _tr_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self.value(tree.arguments[0], env)
        if value.rank == 0:
            return value
        if value.rank != 2 or value.shape[0] != value.shape[1]:
            raise ShapeClash(f"the trace of {self.shapes.text(value)} does not exist: it is not square")
        size = value.shape[0] or 1
        return scalar(self.shapes.total(value.nodes[i * size + i] for i in range(size)))

    def _diag_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self.value(tree.arguments[0], env)
        if value.rank == 1:
            size = value.shape[0] or 1
            zero = self.graph.zero
            return Shaped((size, size), [value.nodes[i] if i == j else zero for i in range(size) for j in range(size)])
        if value.rank != 2 or value.shape[0] != value.shape[1]:
            raise ShapeClash(f"diag of {self.shapes.text(value)} does not exist")
        size = value.shape[0] or 1
        return Shaped((size,), [value.nodes[i * size + i] for i in range(size)])

    def _vec_call(self, tree: t.Call, env: Env) -> Shaped:
        """Columns below each other."""
        value = self.value(tree.arguments[0], env)
        flat = self.shapes.transposed(value) if value.rank == 2 else value
        return Shaped((len(flat.nodes),), flat.nodes)

    def _sum_call(self, tree: t.Call, env: Env) -> Shaped:
        return scalar(self.shapes.total(self._all(tree, env).nodes))

    def _mean_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self._all(tree, env)
        return scalar(self.graph.linear([(Fraction(1, len(value.nodes)), node) for node in value.nodes]))

    def _all(self, tree: t.Call, env: Env) -> Shaped:
        value = self.value(tree.arguments[0], env)
        if None in value.shape:
            raise Unjudged("how many entries there are is not clear here", "ambiguous")
        return value

    def _norm_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self.value(tree.arguments[0], env)
        order = self.graph.value(self.node(tree.arguments[1], env)) if len(tree.arguments) > 1 else 2
        if order == 1:
            return scalar(self.shapes.total(self.graph.call("abs", node) for node in value.nodes))
        if order != 2:
            raise Unjudged("of norms the first and the second are read")
        return scalar(self.graph.sqrt(self._squares(value)))

    def _softmax_call(self, tree: t.Call, env: Env) -> Shaped:
        return self.shapes.softmax(self.value(tree.arguments[0], env))

    def _logsoftmax_call(self, tree: t.Call, env: Env) -> Shaped:
        return self.shapes.softmax(self.value(tree.arguments[0], env), logarithm=True)

    def _ones_call(self, tree: t.Call, env: Env) -> Shaped:
        sizes = tuple(self.integer(size, env) for size in tree.arguments)
        return Shaped(sizes, [self.graph.one] * prod(sizes))

    def _cases_call(self, tree: t.Call, env: Env) -> Shaped:
        """The value of the first case that holds."""
        g = self.graph
        parts = list(tree.arguments)
        other = self.value(parts.pop(), env) if len(parts) % 2 else scalar(g.zero)
        answer = other
        for k in reversed(range(0, len(parts), 2)):
            held = self.node(parts[k + 1], env)
            if held == g.one:
                answer = self.value(parts[k], env)
            elif held != g.zero:
                value = self.value(parts[k], env)
                answer = self.shapes.together(
                    value,
                    answer,
                    lambda a, b, h=held: g.linear(((1, b), (1, g.multiply(h, a)), (-1, g.multiply(h, b)))),  # type: ignore[misc]
                    "joined as cases",
                )
        return answer

    def _overline_call(self, tree: t.Call, env: Env) -> Shaped:
        choice = self.model.convention("overline")
        if choice == "mean":
            argument = tree.arguments[0]
            if isinstance(argument, t.Subscript) and argument.indices:
                return self._mean_entry(argument, env)
            value = self.value(argument, env)
            if not value.rank or value.shape[0] is None:
                raise ShapeClash("the mean over the first axis is of an array, and this is a number")
            count = value.shape[0]
            rest = len(value.nodes) // count
            nodes = [
                self.graph.linear([(Fraction(1, count), value.nodes[k * rest + j]) for k in range(count)])
                for j in range(rest)
            ]
            return Shaped(value.shape[1:], nodes)
        if choice == "adjoint":
            return self.model.derivatives.of_loss(tree.arguments[0], env)
        raise Unjudged('what the bar means is not declared: overline = "mean" or "adjoint"', "unread")

    def _mean_entry(self, tree: t.Subscript, env: Env) -> Shaped:
        """The mean over the first axis at the other indices, whether or not the first one is written with them."""
        array = self.model.lookup(tree.array)
        if array is None or not array.rank:
            raise Unjudged(f"the mean of {tree.array} is over the first axis of an array")
        at = [self.integer(index, env) for index in tree.indices[len(tree.indices) - (array.rank - 1) :]]
        if array.rank == 1:
            at = []
        mean = self._overline_call(t.Call("overline", (t.Name(tree.array),)), env)
        return self.picked(mean, at, f"the mean of {tree.array}")

    def _prime_call(self, tree: t.Call, env: Env) -> Shaped:
        inner = tree.arguments[0]
        if isinstance(inner, t.Call) and self.model.is_function(inner.function):  # e'(y, yhat)
            return self._call(replace(inner, orders=(sum(inner.orders) + 1,)), env)
        if self.model.convention("prime") == "transpose":
            return self.shapes.transposed(self.value(tree.arguments[0], env))
        raise Unjudged('a prime belongs to functions here; say prime = "transpose" or "name"', "unread")

    def _gradient_call(self, tree: t.Call, env: Env) -> Shaped:
        """The gradient of a function of one argument, by it."""
        function = self._of_one(tree.arguments[0])
        return self.model.derivatives.value(t.Derivative(function, function.arguments[0]), env)

    def _differential_call(self, tree: t.Call, env: Env) -> Shaped:
        """Df(x)h: the Jacobian applied to h."""
        function = self._of_one(tree.arguments[0])
        jacobian = self.model.derivatives.jacobian(t.Derivative(function, function.arguments[0]), env)
        step = self.value(tree.arguments[1], env)
        if step.shape != jacobian.by.shape:
            raise ShapeClash(f"the step is {self.shapes.text(step)}, and the argument {self.shapes.text(jacobian.by)}")
        g = self.graph
        nodes = [
            g.linear([(1, g.multiply(one, other)) for one, other in zip(row, step.nodes, strict=True)])
            for row in jacobian.rows
        ]
        return Shaped(jacobian.of.shape, nodes, jacobian.of.row)

    def _of_one(self, tree: Tree) -> t.Call:
        if not isinstance(tree, t.Call) or len(tree.arguments) != 1:
            raise Unjudged("a gradient or differential is of a function of one argument, f(x)")
        return tree

    def _rot180_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self.value(tree.arguments[0], env)
        return replace(value, nodes=list(reversed(value.nodes))) if value.rank <= 2 else self._rotated(value)

    def _rotated(self, value: Shaped) -> Shaped:
        """The last two axes turned by half a turn."""
        plane = (value.shape[-1] or 1) * (value.shape[-2] or 1)
        nodes: list[Node] = []
        for start in range(0, len(value.nodes), plane):
            nodes += reversed(value.nodes[start : start + plane])
        return replace(value, nodes=nodes)

    def _pad_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self.value(tree.arguments[0], env)
        sizes = [self.integer(each, env) for each in tree.arguments[1:]]
        sizes = sizes * value.rank if len(sizes) == 1 else sizes
        if min(sizes, default=0) < 0:
            raise Unjudged("a negative padding is not read")
        if len(sizes) != value.rank:
            raise ShapeClash(f"pad has {len(sizes)} sizes, and what it pads is {self.shapes.text(value)}")
        shape = tuple((extent or 1) + 2 * size for extent, size in zip(value.shape, sizes, strict=True))
        nodes = []
        for place in combinations(*map(range, shape)):
            flat, inside = 0, True
            for at, extent, size in zip(place, value.shape, sizes, strict=True):
                inside = inside and 0 <= at - size < (extent or 1)
                flat = flat * (extent or 1) + at - size
            nodes.append(value.nodes[flat] if inside else self.graph.zero)
        return Shaped(shape, nodes)

    # --- sliding products ---------------------------------------------------------------------------------------------

    def _asterisk_call(self, tree: t.Call, env: Env) -> Shaped:
        return self._slid(tree, env, "valid", True)

    def _asterisk_valid_call(self, tree: t.Call, env: Env) -> Shaped:
        return self._slid(tree, env, "valid", True)

    def _asterisk_full_call(self, tree: t.Call, env: Env) -> Shaped:
        return self._slid(tree, env, "full", True)

    def _asterisk_same_call(self, tree: t.Call, env: Env) -> Shaped:
        return self._slid(tree, env, "same", True)

    def _star_call(self, tree: t.Call, env: Env) -> Shaped:
        return self._slid(tree, env, "valid", False)

    def _star_valid_call(self, tree: t.Call, env: Env) -> Shaped:
        return self._slid(tree, env, "valid", False)

    def _star_full_call(self, tree: t.Call, env: Env) -> Shaped:
        return self._slid(tree, env, "full", False)

    def _star_same_call(self, tree: t.Call, env: Env) -> Shaped:
        return self._slid(tree, env, "same", False)

    def _slid(self, tree: t.Call, env: Env, mode: str, turned: bool) -> Shaped:
        """sum over k of A[i + k] B[k], B turned by half a turn first for a convolution."""
        one, other = (self.value(argument, env) for argument in tree.arguments)
        if one.rank == 0 or other.rank == 0:
            return self.shapes.entrywise(one, other)
        if turned and self.model.convention("asterisk") == "ask" and tree.function == "asterisk":
            raise Unjudged('what * means between arrays is not declared: asterisk = "convolution"', "ambiguous")
        if one.rank != other.rank:
            raise ShapeClash(f"{self.shapes.text(one)} and {self.shapes.text(other)} do not slide over each other")
        if turned:
            if any((b or 1) > (a or 1) for a, b in zip(one.shape, other.shape, strict=True)) and mode == "valid":
                one, other = other, one
            other = replace(other, nodes=list(reversed(other.nodes)))
        sizes = [(a or 1, b or 1) for a, b in zip(one.shape, other.shape, strict=True)]
        before = {
            "valid": [0] * len(sizes),
            "full": [b - 1 for _, b in sizes],
            "same": [(b - 1) // 2 for _, b in sizes],
        }
        if mode == "same" and turned:
            before["same"] = [b // 2 for _, b in sizes]
        out = {
            "valid": [a - b + 1 for a, b in sizes],
            "full": [a + b - 1 for a, b in sizes],
            "same": [a for a, _ in sizes],
        }
        if min(out[mode]) < 1:
            raise ShapeClash(f"{self.shapes.text(other)} does not fit into {self.shapes.text(one)}")
        nodes = []
        for place in combinations(*map(range, out[mode])):
            parts = []
            for step in combinations(*(range(b) for _, b in sizes)):
                flat, kernel, inside = 0, 0, True
                for i, k, (a, b), p in zip(place, step, sizes, before[mode], strict=True):
                    inside = inside and 0 <= i + k - p < a
                    flat, kernel = flat * a + i + k - p, kernel * b + k
                if inside:
                    parts.append((1, self.graph.multiply(one.nodes[flat], other.nodes[kernel])))
            nodes.append(self.graph.linear(parts))
        return Shaped(tuple(out[mode]), nodes)

    # --- indicators and reductions ------------------------------------------------------------------------------------

    def _indicator(self, tree: t.Indicator, env: Env) -> Shaped:
        g = self.graph
        held = g.one
        whole = [self._whole(side, env) for side in tree.sides]
        if None not in whole:
            pairs = zip(tree.operators, whole, whole[1:], strict=False)
            held_all = all(_COMPARISONS[sign](left, right) for sign, left, right in pairs)
            return scalar(g.one if held_all else g.zero)
        values = [self.value(side, env) for side in tree.sides]
        for operator, left, right in zip(tree.operators, values, values[1:], strict=False):
            compared = self.shapes.together(left, right, lambda a, b, o=operator: self._compared(o, a, b), "compared")  # type: ignore[misc]
            if compared.rank:
                if len(values) == 2:
                    return compared
                raise Unjudged("a chain of comparisons between arrays is not read")
            held = g.multiply(held, compared.scalar)
        return scalar(held)

    def _compared(self, operator: str, left: Node, right: Node) -> Node:
        one, other = self.graph.value(left), self.graph.value(right)
        if one is not None and other is not None:
            return self.graph.number(int(_COMPARISONS[operator](Fraction(one), Fraction(other))))
        return self.graph.compare(operator, left, right)

    def holds(self, tree: Tree, env: Env) -> bool:
        """Whether a condition between whole numbers holds."""
        node = self.node(tree, env)
        if node not in (self.graph.zero, self.graph.one):
            raise Unjudged("a condition that depends on real values restricts no row")
        return node == self.graph.one

    def _reduction(self, tree: t.Reduction, env: Env) -> Shaped:
        if tree.operator == "sum" and not isinstance(tree.body, t.Reduction):
            return self._summed((tree,), env)
        if tree.operator == "sum":
            sums: list[t.Reduction] = [tree]
            while isinstance(sums[-1].body, t.Reduction) and sums[-1].body.operator == "sum":
                sums.append(sums[-1].body)
            return self._summed(sums, env)
        self._check_new(tree, env)
        values: list[Shaped] = []
        for place in combinations(*self._spans(tree, env)):
            try:
                values.append(self.value(tree.body, {**env, **dict(zip(tree.bound, place, strict=True))}))
            except OutsideFamily:
                if self.model.convention("boundary") != "interior":
                    raise
        g = self.graph
        if not values:
            return scalar(g.one if tree.operator == "prod" else g.zero)
        if tree.operator == "mean":
            total = self.shapes.added([(1, value) for value in values])
            return self.shapes.mapped(total, lambda node: g.linear(((Fraction(1, len(values)), node),)))
        answer = values[0]
        for value in values[1:]:
            if tree.operator == "prod":
                answer = self.shapes.times(answer, value)
            else:
                answer = self.shapes.together(answer, value, lambda a, b: g.call(tree.operator, a, b), "compared")
        return answer

    def _check_new(self, tree: t.Reduction, env: Env) -> None:
        for place, name in enumerate(tree.bound):
            if name in env or name in tree.bound[:place]:
                raise Unjudged(f"the index {name} is bound already; rename one of them", "unread")

    def _summed(self, sums: Sequence[t.Reduction], env: Env) -> Shaped:
        """Sums inside each other as one, index by index; what a condition excludes is left at once."""
        inner = dict(env)
        if len(sums) > 1 and any(self._depends(tree, {name for each in sums for name in each.bound}) for tree in sums):
            return self._nested(sums[0], env)
        spans: dict[str, range] = {}
        for tree in sums:
            self._check_new(tree, {**env, **dict.fromkeys(spans, 0)})
            spans.update(zip(tree.bound, self._spans(tree, inner), strict=True))
        body = sums[-1].body
        values: list[Shaped] = []
        order, tests = self._plan(tuple(spans), body)

        def visit(depth: int) -> None:
            if depth == len(order):
                try:
                    values.append(self.value(body, inner))
                except OutsideFamily:
                    if self.model.convention("boundary") != "interior":
                        raise
                return
            name = order[depth]
            for at in spans[name]:
                inner[name] = at
                if all(self._may_hold(test, inner) for test in tests[depth]):
                    visit(depth + 1)
            inner.pop(name, None)

        visit(0)
        if not values:
            return scalar(self.graph.zero)
        return values[0] if len(values) == 1 else self.shapes.added([(1, value) for value in values])

    def _nested(self, tree: t.Reduction, env: Env) -> Shaped:
        """A sum whose limits depend on the index of another: one after the other."""
        values = []
        for place in combinations(*self._spans(tree, env)):
            inner = {**env, **dict(zip(tree.bound, place, strict=True))}
            body = tree.body
            nested = isinstance(body, t.Reduction) and body.operator == "sum"
            values.append(self._nested(body, inner) if nested else self.value(body, inner))  # type: ignore[arg-type]
        if not values:
            return scalar(self.graph.zero)
        return values[0] if len(values) == 1 else self.shapes.added([(1, value) for value in values])

    def _depends(self, tree: t.Reduction, names: set[str]) -> bool:
        sides = [side for pair in tree.limits if pair is not None for side in pair]
        return any(isinstance(node, t.Name) and node.text in names for side in sides for node in t.walk(side))

    def _may_hold(self, test: Tree, env: Env) -> bool:
        value = self.value(test, env)
        return value.shape != () or value.nodes[0] != self.graph.zero

    def _plan(self, names: tuple[str, ...], body: Tree) -> tuple[list[str], list[list[Tree]]]:
        """The order in which indices are run through, and after each the conditions that are settled by then."""
        plan = self._plans.get(id(body))
        if plan is not None and set(plan[0]) == set(names):
            return plan
        waiting = []
        for factor in _factors(body, through_sums=False):
            is_condition = isinstance(factor, t.Indicator) or (
                isinstance(factor, t.Subscript) and self._is_delta(factor)
            )
            if is_condition:
                read = {node.text for node in t.walk(factor) if isinstance(node, t.Name)}
                waiting.append((factor, read & set(names)))
        order: list[str] = []
        tests: list[list[Tree]] = []
        left = list(names)
        while left:
            # the index that settles a condition with the fewest others comes first
            wanted = min((read - set(order) for _, read in waiting if read - set(order)), key=len, default=set())
            chosen = next((name for name in left if name in wanted), left[0])
            left.remove(chosen)
            order.append(chosen)
            tests.append([factor for factor, read in waiting if chosen in read and read <= set(order)])
        self._plans[id(body)] = (order, tests)
        self._alive.append(body)
        return order, tests

    def _spans(self, tree: t.Reduction, env: Env) -> list[range]:
        """The values of each bound index: its limits as written, where they are not just all of its axis."""
        fixed = self._fixed.get(id(tree))
        if fixed is None:
            fixed = self._fixed[id(tree)] = self._is_fixed(tree)
            self._alive.append(tree)
        if fixed and id(tree) in self._known_spans:
            return self._known_spans[id(tree)]
        spans = self._found_spans(tree, env)
        if fixed:
            self._known_spans[id(tree)] = spans
        return spans

    def _is_fixed(self, tree: t.Reduction) -> bool:
        """Whether the ranges of a sum's indices are the same wherever it stands: nothing depends on other indices."""
        sides = [side for pair in tree.limits if pair is not None for side in pair]
        if any(
            isinstance(node, t.Name) and node.text not in self.model.sizes for side in sides for node in t.walk(side)
        ):
            return False
        has_delta = any(self._picked_names(name, tree.body) for name in tree.bound)
        return not has_delta and not any(
            isinstance(node, t.Subscript) and self.model.is_family(node.array) for node in t.walk(tree.body)
        )

    def _picked_names(self, name: str, body: Tree) -> bool:
        """Whether a condition may be what tells the range of an index."""
        return any(
            isinstance(factor, (t.Indicator, t.Subscript)) and any(each == t.Name(name) for each in t.children(factor))
            for factor in _factors(body)
            if isinstance(factor, t.Indicator) or (isinstance(factor, t.Subscript) and self._is_delta(factor))
        )

    def _found_spans(self, tree: t.Reduction, env: Env) -> list[range]:
        read = inner_ranges(tree, self.model, env)
        spans = []
        limits = tree.limits or (None,) * len(tree.bound)
        for name, pair in zip(tree.bound, limits, strict=True):
            axis = read.get(name, self.model.index_range(name, tree.body))
            if pair is None:
                axis = axis or self._picked_by_delta(name, tree.body, env)
                if axis is None:
                    raise Unjudged(f"how far the index {name} runs is not clear; write its limits", "ambiguous")
                spans.append(axis)
                continue
            low, stop = self.integer(pair[0], env), self.integer(pair[1], env)
            span = range(low, stop)
            inside = axis is not None and low >= axis.start and stop <= axis.stop
            if axis is not None and not inside and low in (0, 1) and _only_subscript(name, tree.body):
                # 1..n and 0..n-1 are both the first n entries where the index is nothing but a subscript
                if len(span) > len(axis):
                    raise ShapeClash(f"the index {name} runs over {len(span)} values, and its axis has {len(axis)}")
                span = axis[: len(span)]
            spans.append(span)
        return spans

    def _picked_by_delta(self, name: str, body: Tree, env: Env) -> range | None:
        """The one value of an index at which a Kronecker delta among the factors is not 0."""
        for factor in _factors(body):
            match factor:
                case t.Subscript(array="delta", indices=(left, right)) if self.model.is_kronecker("delta"):
                    pass
                case t.Indicator(sides=(left, right), operators=("=",)):
                    pass
                case _:
                    continue
            for one, other in ((left, right), (right, left)):
                if one == t.Name(name) and t.Name(name) not in t.walk(other):
                    try:
                        value = self.integer(other, env)
                    except Unjudged:
                        continue
                    return range(value, value + 1)
        return None


def _names_of_whole(tree: Tree) -> frozenset[str] | None:
    """The names of an expression of whole numbers; None where something else stands in it."""
    names: set[str] = set()
    for node in t.walk(tree):
        match node:
            case t.Name(text=name):
                names.add(name)
            case t.Number() if node.value.denominator != 1:
                return None
            case t.Number() | t.Sum() | t.Negative() | t.Product():
                continue
            case _:
                return None
    return frozenset(names)


def _factors(tree: Tree, through_sums: bool = True) -> Iterator[Tree]:
    """The factors of a product, through signs, brackets and, if asked, sums over other indices."""
    stack = [tree]
    while stack:
        node = stack.pop()
        match node:
            case t.Product(factors=factors):
                stack += [factor for operator, factor in factors if operator not in ("/", "./")]
            case t.Negative(body=body):
                stack.append(body)
            case t.Reduction(operator="sum", body=body) if through_sums:
                stack.append(body)
            case _:
                yield node


def _only_subscript(name: str, body: Tree) -> bool:
    """Whether an index stands alone in subscripts and nowhere else."""
    stack: list[Tree] = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, t.Subscript):
            stack += [index for index in node.indices if not (isinstance(index, t.Name) and index.text == name)]
        elif isinstance(node, t.Name):
            if node.text == name:
                return False
        else:
            stack += t.children(node)
    return True


__all__ = ["Env", "Meaning", "OutsideFamily", "UndefinedNode"]
