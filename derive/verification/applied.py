"""Functions that a problem declares: uninterpreted, or by an equation, and their derivatives by their arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive import tree as t
from derive.tree import Tree
from derive.verification.derivatives import Jacobian
from derive.verification.differentiating import adjoints, opaque_name
from derive.verification.graph import NAMED
from derive.verification.shaped import Env, ShapeClash, Shaped, Unjudged, scalar

if TYPE_CHECKING:
    from derive.verification.model import Model


@dataclass
class Definition:
    """An equation h_i(p, q) = body.  indices : the letters i.  arguments : what stands for the arguments in it."""

    indices: tuple[str, ...]
    arguments: tuple[Tree, ...]
    body: Tree


class Applied:
    """counts : how many indices the name of a function has in the equations."""

    def __init__(self, model: Model, counts: Mapping[str, int]) -> None:
        self.model = model
        self.counts = counts

    def applied(self, tree: t.Call, arguments: Sequence[Shaped], env: Env) -> Shaped:
        """A declared function of arrays, entry by entry, differentiated as often as `tree.orders` says."""
        definition = self.model.functions[tree.function]
        arguments, orders = self._arguments(tree, arguments, env)
        at = self._parameters(tree, env)
        if definition is not None and self._takes_arrays(definition):
            return self._inlined(tree.function, definition, at, arguments, orders)
        shapes = {argument.shape for argument in arguments if argument.rank}
        if len(shapes) > 1:
            raise ShapeClash(f"the arguments of {tree.function} have different shapes")
        model = next((argument for argument in arguments if argument.rank), scalar(self.model.graph.zero))
        count = len(model.nodes)
        columns = [argument.nodes if argument.rank else [argument.scalar] * count for argument in arguments]
        nodes = []
        for operands in zip(*columns, strict=True):
            if definition is None:
                name = f"{tree.function}{list(at)}" if at else tree.function
                nodes.append(self.model.graph.function(opaque_name(name, orders), *operands))
            else:
                inlined = self._inlined(tree.function, definition, at, [scalar(each) for each in operands], orders)
                nodes.append(inlined.scalar)
        return Shaped(model.shape, nodes, model.row)

    def _arguments(
        self, tree: t.Call, arguments: Sequence[Shaped], env: Env
    ) -> tuple[Sequence[Shaped], tuple[int, ...]]:
        """All arguments of a call, and how often it is differentiated by each.

        A prime says not by which: it is by the only argument that the problem works out, e'(y, yhat) by yhat. Arguments
        that are left out, e'(yhat), are those of the equation.
        """
        definition = self.model.functions[tree.function]
        orders = tuple(tree.orders)
        primes = sum(orders)
        given = list(arguments)
        slots = list(range(len(given)))
        if definition is not None and len(given) < len(definition.arguments):
            at = dict(zip(definition.indices, self._parameters(tree, env), strict=False))
            formal = [self.model.meaning.value(argument, at) for argument in definition.arguments]
            slots = []
            for argument in given:
                slots += [k for k, each in enumerate(formal) if each.nodes == argument.nodes and k not in slots][:1]
            if len(slots) != len(given):
                raise Unjudged(f"{tree.function} takes {len(formal)} arguments, and has {len(given)}")
            given = formal
        if primes and len(orders) < len(given):
            if len(slots) != 1 and len(given) > 1:
                worked = [k for k in slots if all(self.model.graph.kinds[node] == NAMED for node in given[k].nodes)]
                if len(worked) != 1:
                    raise Unjudged(f"by which argument {tree.function} is differentiated is not clear", "ambiguous")
                slots = worked
            return given, tuple(primes if k == slots[0] else 0 for k in range(len(given)))
        return given, (*orders, *(0,) * (len(given) - len(orders)))

    def _parameters(self, tree: t.Call, env: Env) -> tuple[int, ...]:
        """The indices of a function's name: as many as it has in the equations, the layer that of the argument."""
        at = tuple(self.model.meaning.integer(index, env) for index in tree.parameters)
        count = self.counts.get(tree.function, len(at))
        if len(at) < count == 1:
            for argument in tree.arguments:
                for node in t.walk(argument):
                    if isinstance(node, t.Subscript) and node.indices and self.model.is_family(node.array):
                        return (self.model.meaning.integer(node.indices[0], env),)
        if len(at) < count:
            raise Unjudged(f"{tree.function} has an index in the problem; say which is meant", "ambiguous")
        return at[:count]

    def _takes_arrays(self, definition: Definition) -> bool:
        """Whether an argument of an equation's function is declared as an array: such a function is of whole arrays."""
        for argument in definition.arguments:
            quantity = self.model.problem.quantities.get(argument.text) if isinstance(argument, t.Name) else None
            if quantity is not None and quantity.shape:
                return True
        return False

    def _inlined(
        self, name: str, definition: Definition, at: Sequence[int], operands: Sequence[Shaped], orders: Sequence[int]
    ) -> Shaped:
        """A function by its equation, differentiated by its arguments as often as `orders` says."""
        g = self.model.graph
        if len(operands) != len(definition.arguments):
            raise Unjudged(f"{name} takes {len(definition.arguments)} arguments, and has {len(operands)}")
        if len(at) != len(definition.indices):
            raise Unjudged(f"{name} has {len(definition.indices)} indices in its equation, and {len(at)} here")
        slots = [
            Shaped(each.shape, [g.named((name, *at, k, node), node) for node in each.nodes], each.row)
            for k, each in enumerate(operands)
        ]
        formal: dict[Tree, Tree] = {
            argument: t.Name(f"{name} argument {k}") for k, argument in enumerate(definition.arguments)
        }
        before = dict(self.model.defined)
        body = t.transformed(definition.body, lambda node: formal.get(node, node))
        try:
            self.model.defined.update({f"{name} argument {k}": slot for k, slot in enumerate(slots)})
            value = type(self.model.meaning)(self.model).value(body, dict(zip(definition.indices, at, strict=True)))
        finally:
            self.model.defined = before
        stop = frozenset(node for slot in slots for node in slot.nodes)
        for slot, order in zip(slots, orders, strict=True):
            for _ in range(order):
                rows = [adjoints(g, node, stop=stop) for node in value.nodes]
                found = Jacobian(value, slot, [[row.get(each, g.zero) for each in slot.nodes] for row in rows])
                value = self.model.derivatives.laid_out(found)
        return value
