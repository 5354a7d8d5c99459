"""Derivatives as they stand in a row: adjoints, Jacobians, and chains of both, on the graph of scalars.

dy/dx is total: through everything that the problem's equations say. Entries are laid out by the convention: with the
denominator layout dL/dX has the shape of X and dy/dx the index of x first, with the numerator layout the index of y.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive import tree as t
from derive.tree import Tree
from derive.verification.differentiating import adjoints
from derive.verification.domains import Plain
from derive.verification.graph import INPUT, NAMED, NUMBER, Node
from derive.verification.shaped import Shaped, Unjudged, scalar

if TYPE_CHECKING:
    from derive.verification.model import Model

Env = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Jacobian:
    """rows[i][j] : the derivative of entry i of one array by entry j of another, both flat."""

    of: Shaped
    by: Shaped
    rows: Sequence[Sequence[Node]]


class Derivatives:
    """The derivatives of a model's values by its names."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.graph = model.graph

    def value(self, tree: t.Derivative, env: Env) -> Shaped:
        explicit = self._explicit(tree, env)
        if tree.nabla and self.model.convention("layout") == "numerator":
            return self._gradient(tree, explicit, env)
        if explicit is not None:
            return explicit
        found = self.jacobian(tree, env)
        if isinstance(tree.by, t.Transpose) and found.of.rank == 1 and found.by.rank == 1:
            # da/dx^T is the matrix with the index of a first, whatever the layout
            nodes = [node for row in found.rows for node in row]
            return Shaped((*found.of.shape, *found.by.shape), nodes)
        return self.laid_out(found)

    def _gradient(self, tree: t.Derivative, explicit: Shaped | None, env: Env) -> Shaped:
        """The gradient of a number: the shape of what it is taken by, whatever the layout."""
        if self.model.meaning.value(self._called(tree), env).rank:
            told = "write \\frac{\\partial y}{\\partial x}, which the layout arranges"
            raise Unjudged(f"a nabla before an array has two readings under the numerator layout; {told}", "ambiguous")
        if explicit is not None:
            return self.model.meaning.shapes.transposed(explicit) if explicit.rank in (1, 2) else explicit
        found = self.jacobian(tree, env)
        return replace(found.by, nodes=found.rows[0], unit=False)

    def of_loss(self, tree: Tree, env: Env) -> Shaped:
        """The derivative of the loss by what a tree names."""
        loss = self.model.loss_node()
        if loss is None:
            raise Unjudged("the problem names no loss")
        by = self.places(tree, env)
        return self.laid_out(self._jacobian(scalar(loss), by))

    def jacobian(self, tree: t.Derivative, env: Env) -> Jacobian:
        of = self.model.meaning.value(self._called(tree), env)
        return self._jacobian(of, self.places(tree.by, env))

    def _called(self, tree: t.Derivative) -> Tree:
        """dh/du of a declared function: of h at its arguments, of one that is only named at u."""
        if not isinstance(tree.of, t.Name) or not self.model.is_function(tree.of.text):
            return tree.of
        if self.model.lookup(tree.of.text) is not None:
            return tree.of
        definition = self.model.functions[tree.of.text]
        return t.Call(tree.of.text, (tree.by,) if definition is None else definition.arguments)

    def _jacobian(self, of: Shaped, by: Shaped) -> Jacobian:
        rows = []
        for node in of.nodes:
            adjoint = self.model.adjoints(node)
            rows.append([self._entry(adjoint, place) for place in by.nodes])
        return Jacobian(of, by, rows)

    def _entry(self, adjoint: Mapping[Node, Node], by: Node) -> Node:
        """The derivative by one node; by a function of one variable, sigma^2, that by sigma over 2 sigma."""
        if self.graph.kinds[by] in (INPUT, NAMED, NUMBER):
            return adjoint.get(by, self.graph.zero)
        (place,) = self._variables(by)
        slope = adjoints(self.graph, by).get(place, self.graph.zero)
        return self.graph.divide(adjoint.get(place, self.graph.zero), slope)

    def _variables(self, node: Node) -> set[Node]:
        """The inputs and named values of which a node is made directly."""
        found: set[Node] = set()
        stack = [node]
        while stack:
            each = stack.pop()
            if self.graph.kinds[each] in (INPUT, NAMED):
                found.add(each)
            else:
                stack.extend(self.graph.operands(each))
        return found

    def places(self, tree: Tree, env: Env) -> Shaped:
        """What is differentiated by: inputs or named intermediates."""
        by = self.model.meaning.value(tree, env)
        if isinstance(tree, t.Subscript) and by.rank == 0 and by.scalar == self.graph.zero:
            return by  # an entry outside the array, which is 0: nothing depends on it
        if self._is_symmetric(tree):
            told = "one formula lets the entries i,j and j,i vary alone, another both at once"
            raise Unjudged(f"a derivative by a symmetric array has two readings: {told}", "ambiguous")
        if any(len(self._variables(node)) != 1 for node in by.nodes):
            fixed = all(self.graph.value(node) is not None for node in by.nodes)
            reason = "a value that is given is not varied" if fixed else "only by names of the problem"
            raise Unjudged(f"a derivative by this is not taken: {reason}")
        return by

    def _is_symmetric(self, tree: Tree) -> bool:
        name = tree.text if isinstance(tree, t.Name) else tree.array if isinstance(tree, t.Subscript) else ""
        quantity = self.model.problem.quantities.get(name)
        return quantity is not None and quantity.domain == Plain("symmetric")

    def laid_out(self, found: Jacobian) -> Shaped:
        """The entries of a Jacobian as the layout convention arranges them."""
        of, by, rows = found.of, found.by, found.rows
        numerator = self.model.convention("layout") == "numerator"
        if of.rank == 0:
            value = Shaped(by.shape, rows[0], row=by.row)
            return self.model.meaning.shapes.transposed(value) if numerator and by.rank in (1, 2) else value
        if by.rank == 0:
            return Shaped(of.shape, [row[0] for row in rows], row=of.row)
        if self.model.convention("jacobian") == "elementwise" and of.shape == by.shape:
            zero = self.graph.zero
            if all(node == zero for i, row in enumerate(rows) for j, node in enumerate(row) if i != j):
                return Shaped(of.shape, [row[i] for i, row in enumerate(rows)], row=of.row)
        if numerator:
            return Shaped((*of.shape, *by.shape), [node for row in rows for node in row])
        return Shaped((*by.shape, *of.shape), [row[j] for j in range(len(by.nodes)) for row in rows])

    # --- chains -------------------------------------------------------------------------------------------------------

    def chain(self, tree: t.Product, env: Env) -> Shaped | None:
        """A product that holds derivatives of arrays, contracted over the variables between them; None for others."""
        if sum(isinstance(factor, t.Derivative) for _, factor in tree.factors) < 1 or len(tree.factors) < 2:
            return None
        if any(operator in ("/", "./", ".*") for operator, _ in tree.factors[1:]):
            return None
        found: list[Jacobian | Shaped] = []
        for _, factor in tree.factors:
            if isinstance(factor, t.Derivative) and not factor.nabla and self._explicit(factor, env) is None:
                found.append(self.jacobian(factor, env))
            else:
                found.append(self.model.meaning.value(factor, env))
        arrays = [each for each in found if isinstance(each, Jacobian) and (each.of.rank or each.by.rank)]
        if not arrays or not any(each.of.rank for each in arrays):
            return None
        if len(arrays) == 1 and arrays[0].of.rank + arrays[0].by.rank <= 2:
            return None  # an ordinary matrix, which the layout arranges
        joined = self._joined(found)
        return None if joined is None else self.laid_out(joined)

    def _joined(self, parts: Sequence[Jacobian | Shaped]) -> Jacobian | None:
        """All factors contracted in a row, from the left or, in the other order of writing, from the right."""
        factor = self.graph.one
        chain: list[Jacobian] = []
        for part in parts:
            if isinstance(part, Shaped):
                if part.rank == 0:
                    factor = self.graph.multiply(factor, part.scalar)
                    continue
                # an array beside a derivative stands for the derivative of the loss by what has its shape
                chain.append(Jacobian(scalar(self.graph.one), part, [part.nodes]))
            elif part.of.rank == 0 and part.by.rank == 0:
                factor = self.graph.multiply(factor, part.rows[0][0])
            else:
                chain.append(part)
        for order in (chain, chain[::-1]):
            answer: Jacobian | None = order[0]
            for part in order[1:]:
                answer = None if answer is None else self._contracted(answer, part)
            if answer is not None:
                scaled = [[self.graph.multiply(factor, node) for node in row] for row in answer.rows]
                return replace(answer, rows=scaled)
        return None

    def _contracted(self, left: Jacobian, right: Jacobian) -> Jacobian | None:
        if left.by.shape != right.of.shape:
            return None
        named = [self.graph.kinds[node] in (INPUT, NAMED) for node in left.by.nodes]
        if all(named) and list(left.by.nodes) != list(right.of.nodes) and left.of.nodes[0] != self.graph.one:
            return None
        g = self.graph
        rows = [
            [
                g.linear([(1, g.multiply(row[k], right.rows[k][j])) for k in range(len(row))])
                for j in range(len(right.by.nodes))
            ]
            for row in left.rows
        ]
        return Jacobian(left.of, right.by, rows)

    # --- the explicit partial of a call -------------------------------------------------------------------------------

    def _explicit(self, tree: t.Derivative, env: Env) -> Shaped | None:
        """dh(p, q)/dp of a declared function: by that argument alone."""
        of = tree.of
        if not isinstance(of, t.Call) or not self.model.is_function(of.function):
            return None
        slots = [k for k, argument in enumerate(of.arguments) if argument == tree.by]
        if len(slots) != 1:
            return None
        orders = list(of.orders or (0,) * len(of.arguments))
        orders[slots[0]] += 1
        called = replace(of, orders=tuple(orders))
        return self.model.applied(called, [self.model.meaning.value(argument, env) for argument in of.arguments], env)
