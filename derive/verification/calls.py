"""What a call means in a work: functions of the table entry by entry, of arrays, bars, primes, convolutions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product as combinations
from math import prod
from typing import TYPE_CHECKING

from derive import tree as t
from derive.tree import Tree
from derive.verification.graph import ELEMENTWISE, Graph, Node
from derive.verification.shaped import Env, ShapeClash, Shaped, Unjudged, scalar
from derive.verification.sliding import slid

if TYPE_CHECKING:
    from derive.verification.meaning import Meaning


class Calls:
    """The functions of one meaning."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning

    def value(self, tree: t.Call, env: Env) -> Shaped:
        name = tree.function
        if self.meaning.model.is_function(name):
            return self.meaning.model.applied(
                tree, [self.meaning.value(argument, env) for argument in tree.arguments], env
            )
        if name.partition("_")[0] in ("asterisk", "star"):
            return self._slid(tree, env)
        special = getattr(self, f"_{name.replace(' ', '_')}_call", None) if name.isidentifier() else None
        if special is not None:
            answer: Shaped = special(tree, env)
            return answer
        if name == "":
            parts = [self.meaning.value(argument, env) for argument in tree.arguments]
            if any(part.rank for part in parts):
                raise Unjudged("a tuple of arrays is not read")
            return Shaped((len(parts),), [part.scalar for part in parts])
        if tree.orders and any(tree.orders):
            return self._derived(tree, env)
        if name in ("max", "min"):
            values = [self.meaning.value(argument, env) for argument in tree.arguments]
            if len(values) == 1:
                return scalar(self.meaning.graph.call(name, *values[0].nodes))
            answer = values[0]
            for other in values[1:]:
                answer = self.meaning.shapes.together(
                    answer, other, lambda a, b: self.meaning.graph.call(name, a, b), "compared"
                )
            return answer
        if name in ELEMENTWISE:
            if len(tree.arguments) != 1:
                raise Unjudged(f"{name} takes one argument, and has {len(tree.arguments)}")
            return self.meaning.shapes.mapped(
                self.meaning.value(tree.arguments[0], env), lambda u: self.meaning.graph.call(name, u)
            )
        raise Unjudged(f"the function {name} is not known", "unread")

    def _derived(self, tree: t.Call, env: Env) -> Shaped:
        """The derivative of a function of the table: sigma'(z)."""
        if tree.function not in ELEMENTWISE or len(tree.arguments) != 1:
            raise Unjudged(f"the derivative of {tree.function} is not known")
        g = self.meaning.graph
        order = tree.orders[0]

        def change(u: Node) -> Node:
            place = g.named(("'", u), u)
            node = g.call(tree.function, place)
            for _ in range(order):
                node = self.meaning.model.adjoints(node).get(place, g.zero)
            return node

        return self.meaning.shapes.mapped(self.meaning.value(tree.arguments[0], env), change)

    def _entry_call(self, tree: t.Call, env: Env) -> Shaped:
        at = [self.meaning.integer(index, env) for index in tree.arguments[1:]]
        return self.meaning.picked(self.meaning.value(tree.arguments[0], env), at, "the expression")

    def _inner_call(self, tree: t.Call, env: Env) -> Shaped:
        one, other = (self.meaning.value(argument, env) for argument in tree.arguments)
        return scalar(self.meaning.shapes.total(self.meaning.shapes.entrywise(one, replace(other, row=one.row)).nodes))

    def _tr_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self.meaning.value(tree.arguments[0], env)
        if value.rank == 0:
            return value
        if value.rank != 2 or value.shape[0] != value.shape[1]:
            raise ShapeClash(f"the trace of {self.meaning.shapes.text(value)} does not exist: it is not square")
        size = value.shape[0] or 1
        return scalar(self.meaning.shapes.total(value.nodes[i * size + i] for i in range(size)))

    def _diag_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self.meaning.value(tree.arguments[0], env)
        if value.rank == 1:
            size = value.shape[0] or 1
            zero = self.meaning.graph.zero
            return Shaped((size, size), [value.nodes[i] if i == j else zero for i in range(size) for j in range(size)])
        if value.rank != 2 or value.shape[0] != value.shape[1]:
            raise ShapeClash(f"diag of {self.meaning.shapes.text(value)} does not exist")
        size = value.shape[0] or 1
        return Shaped((size,), [value.nodes[i * size + i] for i in range(size)])

    def _vec_call(self, tree: t.Call, env: Env) -> Shaped:
        """Columns below each other."""
        value = self.meaning.value(tree.arguments[0], env)
        flat = self.meaning.shapes.transposed(value) if value.rank == 2 else value
        return Shaped((len(flat.nodes),), flat.nodes)

    def _sum_call(self, tree: t.Call, env: Env) -> Shaped:
        return scalar(self.meaning.shapes.total(self._all(tree, env).nodes))

    def _mean_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self._all(tree, env)
        return scalar(self.meaning.graph.linear([(Fraction(1, len(value.nodes)), node) for node in value.nodes]))

    def _all(self, tree: t.Call, env: Env) -> Shaped:
        value = self.meaning.value(tree.arguments[0], env)
        if None in value.shape:
            raise Unjudged("how many entries there are is not clear here", "ambiguous")
        return value

    def _norm_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self.meaning.value(tree.arguments[0], env)
        order = self.meaning.graph.value(self.meaning.node(tree.arguments[1], env)) if len(tree.arguments) > 1 else 2
        if order == 1:
            return scalar(self.meaning.shapes.total(self.meaning.graph.call("abs", node) for node in value.nodes))
        if order != 2:
            raise Unjudged("of norms the first and the second are read")
        return scalar(self.meaning.graph.sqrt(self.meaning.squares(value)))

    def _softmax_call(self, tree: t.Call, env: Env) -> Shaped:
        return self.meaning.shapes.softmax(self.meaning.value(tree.arguments[0], env))

    def _logsoftmax_call(self, tree: t.Call, env: Env) -> Shaped:
        return self.meaning.shapes.softmax(self.meaning.value(tree.arguments[0], env), logarithm=True)

    def _ones_call(self, tree: t.Call, env: Env) -> Shaped:
        sizes = tuple(self.meaning.integer(size, env) for size in tree.arguments)
        return Shaped(sizes, [self.meaning.graph.one] * prod(sizes))

    def _cases_call(self, tree: t.Call, env: Env) -> Shaped:
        """The value of the first case that holds."""
        g = self.meaning.graph
        parts = list(tree.arguments)
        other = self.meaning.value(parts.pop(), env) if len(parts) % 2 else scalar(g.zero)
        answer = other
        for k in reversed(range(0, len(parts), 2)):
            held = self.meaning.node(parts[k + 1], env)
            if held == g.one:
                answer = self.meaning.value(parts[k], env)
            elif held != g.zero:
                value = self.meaning.value(parts[k], env)
                answer = self.meaning.shapes.together(value, answer, partial(_joined, g, held), "joined as cases")
        return answer

    def _overline_call(self, tree: t.Call, env: Env) -> Shaped:
        choice = self.meaning.model.convention("overline")
        if choice == "mean":
            argument = tree.arguments[0]
            if isinstance(argument, t.Subscript) and argument.indices:
                return self._mean_entry(argument, env)
            value = self.meaning.value(argument, env)
            if not value.rank and not isinstance(argument, (t.Name, t.Subscript)):
                raise Unjudged("what the mean is taken over is not clear here; write it as a sum", "ambiguous")
            if not value.rank or value.shape[0] is None:
                raise ShapeClash("the mean over the first axis is of an array, and this is a number")
            count = value.shape[0]
            rest = len(value.nodes) // count
            nodes = [
                self.meaning.graph.linear([(Fraction(1, count), value.nodes[k * rest + j]) for k in range(count)])
                for j in range(rest)
            ]
            return Shaped(value.shape[1:], nodes)
        if choice == "adjoint":
            return self.meaning.model.derivatives.of_loss(tree.arguments[0], env)
        raise Unjudged('what the bar means is not declared: overline = "mean" or "adjoint"', "unread")

    def _mean_entry(self, tree: t.Subscript, env: Env) -> Shaped:
        """The mean over the first axis at the other indices, whether or not the first one is written with them."""
        array = self.meaning.model.lookup(tree.array)
        if array is None or not array.rank:
            raise Unjudged(f"the mean of {tree.array} is over the first axis of an array")
        at = [self.meaning.integer(index, env) for index in tree.indices[len(tree.indices) - (array.rank - 1) :]]
        if array.rank == 1:
            at = []
        mean = self._overline_call(t.Call("overline", (t.Name(tree.array),)), env)
        return self.meaning.picked(mean, at, f"the mean of {tree.array}")

    def _prime_call(self, tree: t.Call, env: Env) -> Shaped:
        inner = tree.arguments[0]
        if isinstance(inner, t.Call) and self.meaning.model.is_function(inner.function):  # e'(y, yhat)
            if not all(isinstance(each, (t.Name, t.Subscript)) for each in inner.arguments):
                raise Unjudged("a prime behind a call has two readings; write d/dx(...)", "ambiguous")
            return self.value(replace(inner, orders=(sum(inner.orders) + 1,)), env)
        if self.meaning.model.convention("prime") == "transpose":
            return self.meaning.shapes.transposed(self.meaning.value(tree.arguments[0], env))
        raise Unjudged('a prime belongs to functions here; say prime = "transpose" or "name"', "unread")

    def _gradient_call(self, tree: t.Call, env: Env) -> Shaped:
        """The gradient of a function of one argument, by it."""
        of, by = self._of_and_by(tree.arguments)
        return self.meaning.model.derivatives.value(t.Derivative(of, by, nabla=True), env)

    def _of_and_by(self, arguments: tuple[Tree, ...]) -> tuple[Tree, Tree]:
        """What a nabla stands before, and by what it differentiates: what stands below it, else in brackets behind."""
        match arguments:
            case (of, by):
                return of, by
            case (t.Call(function=name, arguments=(by,)),) if not self.meaning.model.is_function(name):
                if self.meaning.model.lookup(name) is not None:  # of a quantity, by what stands in the bracket
                    return t.Name(name), by
            case (t.Product(factors=((_, t.Name() as of), ("", by))),):
                return of, by
            case (t.Name(text=name) as of,) if self.meaning.model.lookup(name) is not None:
                raise Unjudged(f"by what the nabla differentiates is not said; write \\nabla_x {of.text}", "ambiguous")
        function = self._of_one(arguments[0])
        return function, function.arguments[0]

    def _nabla2_call(self, tree: t.Call, env: Env) -> Shaped:
        """The Hessian matrix or the Laplacian of a number, as the problem says."""
        choice = self.meaning.model.convention("nabla_squared")
        if choice == "ask":
            told = 'say nabla_squared = "Hessian", or "Laplacian", or write the derivatives'
            raise Unjudged(f"\\nabla^2 has two readings, a matrix and the sum of its diagonal; {told}", "ambiguous")
        of, by = self._of_and_by(tree.arguments)
        variable = self.meaning.value(by, env)
        if self.meaning.value(of, env).rank or variable.rank > 1:
            raise Unjudged("of \\nabla^2 that of a number by a vector is read; use indices")
        hessian = self.meaning.model.derivatives.value(t.Derivative(t.Derivative(of, by), by), env)
        if choice == "Hessian" or not hessian.rank:
            return hessian
        count = len(variable.nodes)
        return scalar(self.meaning.shapes.total(hessian.nodes[k * count + k] for k in range(count)))

    def _differential_call(self, tree: t.Call, env: Env) -> Shaped:
        """Df(x)h: the Jacobian applied to h."""
        function = self._of_one(tree.arguments[0])
        jacobian = self.meaning.model.derivatives.jacobian(t.Derivative(function, function.arguments[0]), env)
        step = self.meaning.value(tree.arguments[1], env)
        text = self.meaning.shapes.text
        if step.shape != jacobian.by.shape:
            raise ShapeClash(f"the step is {text(step)}, and the argument {text(jacobian.by)}")
        g = self.meaning.graph
        nodes = [
            g.linear([(1, g.multiply(one, other)) for one, other in zip(row, step.nodes, strict=True)])
            for row in jacobian.rows
        ]
        return Shaped(jacobian.of.shape, nodes, jacobian.of.row)

    def _of_one(self, tree: Tree) -> t.Call:
        if (
            not isinstance(tree, t.Call)
            or len(tree.arguments) != 1
            or not self.meaning.model.is_function(tree.function)
        ):
            raise Unjudged("a gradient or differential is of a function of one argument, f(x)")
        return tree

    def _rot180_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self.meaning.value(tree.arguments[0], env)
        return replace(value, nodes=list(reversed(value.nodes))) if value.rank <= 2 else self._rotated(value)

    def _rotated(self, value: Shaped) -> Shaped:
        """The last two axes turned by half a turn."""
        plane = (value.shape[-1] or 1) * (value.shape[-2] or 1)
        nodes: list[Node] = []
        for start in range(0, len(value.nodes), plane):
            nodes += reversed(value.nodes[start : start + plane])
        return replace(value, nodes=nodes)

    def _pad_call(self, tree: t.Call, env: Env) -> Shaped:
        value = self.meaning.value(tree.arguments[0], env)
        sizes = [self.meaning.integer(each, env) for each in tree.arguments[1:]]
        sizes = sizes * value.rank if len(sizes) == 1 else sizes
        if min(sizes, default=0) < 0:
            raise Unjudged("a negative padding is not read")
        if len(sizes) != value.rank:
            raise ShapeClash(f"pad has {len(sizes)} sizes, and what it pads is {self.meaning.shapes.text(value)}")
        shape = tuple((extent or 1) + 2 * size for extent, size in zip(value.shape, sizes, strict=True))
        nodes = []
        for place in combinations(*map(range, shape)):
            flat, inside = 0, True
            for at, extent, size in zip(place, value.shape, sizes, strict=True):
                inside = inside and 0 <= at - size < (extent or 1)
                flat = flat * (extent or 1) + at - size
            nodes.append(value.nodes[flat] if inside else self.meaning.graph.zero)
        return Shaped(shape, nodes)

    def _slid(self, tree: t.Call, env: Env) -> Shaped:
        """A * B, a convolution, or A \\star B, a cross-correlation; valid where _full or _same is not said."""
        kind, _, mode = tree.function.partition("_")
        one, other = (self.meaning.value(argument, env) for argument in tree.arguments)
        unclear = tree.function == "asterisk" and self.meaning.model.convention("asterisk") == "ask"
        if one.rank and other.rank and unclear:
            raise Unjudged('what * means between arrays is not declared: asterisk = "convolution"', "ambiguous")
        return slid(self.meaning.shapes, one, other, mode or "valid", kind == "asterisk")


def _joined(g: Graph, held: Node, one: Node, other: Node) -> Node:
    """One value where a condition holds, the other where it does not."""
    return g.linear(((1, other), (1, g.multiply(held, one)), (-1, g.multiply(held, other))))
