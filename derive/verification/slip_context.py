"""What a slip may have to do with: the names of a problem, the indices at hand, local derivatives, sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import permutations

from derive import tree as t
from derive.tree import Tree
from derive.verification.graph import ELEMENTWISE
from derive.verification.slip_locals import BY_VALUE, WRITTEN, of_equation
from derive.verification.slip_names import Names, array_of
from derive.verification.statements import free_letters


class Context(Names):
    """A row in a model: its left side, its right side as it stands, and what its names could be mistaken for."""

    # --- local derivatives --------------------------------------------------------------------------------------------

    @cached_property
    def activations(self) -> tuple[tuple[Tree, t.Call], ...]:
        """(what is worked out, the function of one argument in it) for each equation that applies one."""
        found: list[tuple[Tree, t.Call]] = []
        for statement in self.problem.equations:
            if statement.head is None or isinstance(statement.head, t.Call):
                continue
            for node in t.walk(statement.links[0].tree):
                if isinstance(node, t.Call) and len(node.arguments) == 1 and self.is_elementwise(node.function):
                    found.append((statement.head, node))
        return tuple(found)

    def is_elementwise(self, function: str) -> bool:
        if self.model.is_function(function):
            return True
        return function in ELEMENTWISE and function not in ("sqrt",)

    def locals(self, letters: Sequence[str]) -> Iterator[Tree]:
        """f'(z) for every f(z) in the equations, with the indices at hand."""
        for head, call in self.activations:
            derived = self.by_value(head, call) or self.derivative(call)
            yield from self.renamed(derived, letters)
        for statement in self.problem.equations:
            if statement.head is not None:
                local = of_equation(statement.head, statement.links[0].tree)
                if local is not None:
                    yield from self.renamed(local, letters)

    def by_value(self, head: Tree, call: t.Call) -> Tree | None:
        """f'(u) in terms of y = f(u), where y has a name: y (1 - y) of the logistic function."""
        written = BY_VALUE.get(call.function)
        if written is None or self.model.is_function(call.function):
            return None
        whole = any(each.head == head and each.links[0].tree == call for each in self.problem.equations)
        return written(head) if whole else None

    def derivative(self, call: t.Call) -> Tree:
        """f'(u) of f(u), written out for the functions of the table that have a short derivative."""
        written = WRITTEN.get(call.function)
        if written is not None and not self.model.is_function(call.function):
            return written(call.arguments[0])
        return t.Call(call.function, call.arguments, parameters=call.parameters, orders=(1,), layer=call.layer)

    def renamed(self, tree: Tree, letters: Sequence[str]) -> Iterator[Tree]:
        """A tree of the equations with its free indices replaced by those at hand, in all ways."""
        own = free_letters((tree,), self.model)
        families = [letter for letter in own if self.is_family_letter(letter)]
        plain = [letter for letter in own if letter not in families]
        places: Sequence[Tree | None] = self.family_places if families else (None,)
        here = [letter for letter in letters if not self.is_family_letter(letter)]
        if not self.is_indexed and plain:
            stripped = self._whole(tree, plain)
            tree, plain = stripped, []
        for place in places:
            for chosen in permutations(here, len(plain)):
                values: dict[str, Tree] = {letter: t.Name(new) for letter, new in zip(plain, chosen, strict=True)}
                if place is not None:
                    values |= dict.fromkeys(families, place)
                yield t.substituted(tree, values)

    def _whole(self, tree: Tree, letters: Sequence[str]) -> Tree:
        """Entries as whole arrays: z_i^{[l]} becomes z^{[l]}."""

        def change(node: Tree) -> Tree:
            if isinstance(node, t.Subscript):
                kept = tuple(each for each in node.indices if not (isinstance(each, t.Name) and each.text in letters))
                if len(kept) < len(node.indices):
                    return t.Subscript(node.array, kept, layer=node.layer) if kept else t.Name(node.array)
            return node

        return t.transformed(tree, change)

    def is_array(self, tree: Tree) -> bool:
        """Whether a tree stands for a whole array where it stands, so that products of it are entry by entry."""
        if self.is_indexed:
            return False
        match tree:
            case t.Name(text=name):
                return self.ranks.get(name, 0) > 0
            case t.Subscript(array=name, indices=indices):
                return self.ranks.get(name, 0) > len(indices)
        return any(self.is_array(child) for child in t.children(tree))

    @cached_property
    def anchor(self) -> Tree:
        """The left side spelled so that the ranges of its indices are known: for an alias what it stands for."""
        head = self.head
        known = isinstance(head, (t.Name, t.Subscript)) and self.variable is not None
        if known and self.variable is not None and self.problem.loss is not None:
            return t.Derivative(t.Name(self.problem.loss), self.variable)
        return head

    @cached_property
    def variable(self) -> Tree | None:
        """What the left side is a derivative by, an alias of a derivative included; None for another left side."""
        head = self.head
        if isinstance(head, t.Derivative):
            return head.by
        found = self.primal(head)
        if found is not None or not isinstance(head, (t.Name, t.Subscript)):
            return found
        if isinstance(head, t.Subscript):
            alias = self.model.indexed_alias(head.array, len(head.indices))
            if alias is not None:
                values = dict(zip(alias[0], head.indices, strict=True))
                return t.substituted(alias[1].by, values) if isinstance(alias[1], t.Derivative) else None
        name = head.text if isinstance(head, t.Name) else head.array
        whole = next((right for left, right in self.problem.aliases if left == t.Name(name)), None)
        if not isinstance(whole, t.Derivative):
            return None
        if isinstance(head, t.Name):
            return whole.by
        return t.Subscript(whole.by.text, head.indices) if isinstance(whole.by, t.Name) else None

    def begs(self, tree: Tree) -> bool:
        """Whether a formula says the left side by the left side: by itself, or by an alias of it."""
        for node in t.walk(tree):
            kind = type(node)
            if (kind in self._own_kinds and node in self._own) or (
                self._own_names and isinstance(node, (t.Name, t.Subscript)) and self._is_own(node)
            ):
                return True
        return False

    @cached_property
    def _own_kinds(self) -> frozenset[type]:
        return frozenset(map(type, self._own))

    @cached_property
    def _own(self) -> tuple[Tree, ...]:
        return tuple(tree for tree in (self.head, self.anchor) if tree not in t.walk(self.right))

    @cached_property
    def _own_names(self) -> frozenset[str]:
        """Aliases that stand for what the left side stands for."""
        name = array_of(self.variable)
        found = set()
        for left, right in self.problem.aliases:
            body = self.primal(right)
            own = body.text if isinstance(body, t.Name) else body.array if isinstance(body, t.Subscript) else ""
            if own and own == name:
                found.add(
                    left.text if isinstance(left, t.Name) else left.array if isinstance(left, t.Subscript) else ""
                )
        return frozenset(found - set(t.names_in(self.right)))

    def _is_own(self, node: t.Name | t.Subscript) -> bool:
        return array_of(node) in self._own_names

    @property
    def bar(self) -> bool:
        return self.problem.conventions.get("overline") == "adjoint"

    def adjoint(self, tree: Tree) -> Tree | None:
        """The derivative of the loss by a name, as the row writes it."""
        if self.problem.loss is None:
            return None
        return t.Call("overline", (tree,)) if self.bar else t.Derivative(t.Name(self.problem.loss), tree)

    def primal(self, tree: Tree) -> Tree | None:
        """The name whose adjoint a tree is."""
        match tree:
            case t.Call(function="overline", arguments=(body,)) if self.bar:
                return body
            case t.Derivative(of=t.Name(text=name), by=by) if name == self.problem.loss:
                return by
        return None
