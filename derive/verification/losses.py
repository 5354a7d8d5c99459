"""The loss of a problem: by its equation, or as what has the upstream gradients or unknown partials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import ProgramError
from derive.tree import Tree
from derive.verification.graph import NAMED, Node
from derive.verification.shaped import Shaped, places

if TYPE_CHECKING:
    from derive.verification.model import Model


class Loss:
    """The node that is differentiated."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._node: Node | None = None

    def node(self) -> Node | None:
        """The loss: by its equation, or such that its derivatives are the upstream gradients or unknown partials."""
        problem = self.model.problem
        if self._node is None and problem.loss is not None:
            if problem.loss in self.model.equations:
                self._node = self.model.array(problem.loss).scalar
            else:
                self._node = self.model.graph.named(
                    (problem.loss, "loss"), self.model.graph.linear(self._parts_of_loss())
                )
        elif self._node is None and problem.upstream:
            self._node = self.model.graph.named(("", "loss"), self.model.graph.linear(self._parts_of_loss()))
        return self._node

    def _parts_of_loss(self) -> Iterator[tuple[int, Node]]:
        g = self.model.graph
        for name, tree in self.model.problem.upstream.items():
            members = self.model.families.get(name)
            values = [self.model.array(name)] if members is None else list(members.values())
            for value in values:
                weight = self.upstream(tree, value)
                yield from ((1, g.multiply(a, b)) for a, b in zip(weight.nodes, value.nodes, strict=True))
        if not self.model.problem.upstream:
            for name, value in self._unconsumed():
                partials = [g.input((f"d{self.model.problem.loss}/d{name}", *at)) for at in places(value.shape)]
                yield from ((1, g.multiply(a, b)) for a, b in zip(partials, value.nodes, strict=True))

    def upstream(self, tree: Tree, value: Shaped) -> Shaped:
        """The upstream gradient of an array: an array of its shape where nothing else is known of it."""
        if isinstance(tree, t.Name) and tree.text not in self.model.arrays and tree.text not in self.model.equations:
            quantity = self.model.problem.quantities.get(tree.text)
            if quantity is None or quantity.shape is None:
                nodes = [self.model.graph.input((tree.text, *at)) for at in places(value.shape)]
                self.model.arrays[tree.text] = Shaped(value.shape, nodes, value.row)
        found = self.model.meaning.value(tree, {})
        if found.rank == 0 and value.rank:
            return Shaped(value.shape, [found.scalar] * len(value.nodes), value.row)
        if found.shape != value.shape:
            raise ProgramError("an upstream gradient has another shape than what it belongs to")
        return found

    def _unconsumed(self) -> Iterator[tuple[str, Shaped]]:
        """What the equations work out and none of them reads: of a family, members one by one."""
        made: list[tuple[str, Shaped]] = []
        for name in self.model.equations:
            if name in self.model.functions:
                continue
            members = self.model.families.get(name)
            if members is None:
                made.append((name, self.model.array(name)))
            else:
                made += [(f"{name}[{index}]", members[index]) for index in sorted(members)]
        consumed: set[Node] = set()
        for _, value in made:
            for node in value.nodes:
                stack = list(self.model.graph.operands(node))
                while stack:
                    below = stack.pop()
                    if below not in consumed:
                        consumed.add(below)
                        stack.extend(() if self.model.graph.kinds[below] == NAMED else self.model.graph.operands(below))
        for name, value in made:
            if not consumed.intersection(value.nodes):
                yield name, value
