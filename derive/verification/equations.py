"""The equations of a problem as named nodes, entry by entry; how far the indices of their left sides run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product as combinations
from math import prod
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import ProgramError
from derive.reading.latex.rows import Statement
from derive.tree import Tree
from derive.verification.ranges import found_ranges, index_names
from derive.verification.shaped import Env, ShapeClash, Shaped, Unjudged, places

if TYPE_CHECKING:
    from derive.verification.model import Model


class Equations:
    """The arrays that equations work out."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def array(self, name: str, statement: Statement, key: tuple[object, ...], env: Env) -> Shaped:
        """An equation's right side as named nodes."""
        right = statement.links[0].tree
        head = statement.head
        letters: list[str] = []
        if isinstance(head, t.Subscript):
            letters = [_letter(index) for index in head.indices if isinstance(index, t.Name) and index.text not in env]
        if not letters:
            value = self._evaluated(right, env, name)
            shape, nodes, row = value.shape, list(value.nodes), value.row
            declared = self._declared_shape(name, env, key)
            if declared is not None and tuple(declared.shape) != tuple(shape):
                if None in shape or not shape:
                    graph = self.model.graph
                    empty = Shaped(declared.shape, [graph.zero] * prod(e or 1 for e in declared.shape), declared.row)
                    value = self.model.meaning.shapes.together(empty, value, graph.add, "set equal")
                    shape, nodes, row = value.shape, list(value.nodes), value.row
                else:
                    told = self.model.meaning.shapes.text(declared)
                    raise ProgramError(
                        f"{name} is declared as {told}, and its equation gives {self._shape(value)}", name
                    )
            elif declared is not None:
                row = declared.row
        else:
            spans = self._letters(name, head, right, letters, env, key)
            shape = tuple(len(spans[letter]) for letter in letters)
            rest: tuple[int | None, ...] = ()
            nodes = []
            for place in combinations(*(spans[letter] for letter in letters)):
                inner = {**env, **dict(zip(letters, place, strict=True))}
                value = self._evaluated(right, inner, name)
                nodes += value.nodes
                rest = value.shape
            shape = (*shape, *rest)
            row = len(shape) == 1 and self.model.convention("vectors") == "row"
        named = [
            self.model.graph.named((*key, *place), node)
            for place, node in zip(places(tuple(shape)), nodes, strict=True)
        ]
        return Shaped(tuple(shape), named, row)

    def _evaluated(self, tree: Tree, env: Env, name: str) -> Shaped:
        try:
            declared = self._declared_shape(name, env, (name,)) if not self.model.is_family(name) else None
            square = declared is not None and len(declared.shape) == 2 and declared.shape[0] == declared.shape[1]
            extent = declared.shape[0] if declared is not None and square else None
            return self.model.meaning.sized((tree,), lambda: self.model.meaning.value(tree, env), extent)
        except ShapeClash as clash:
            raise ProgramError(f"the equation of {name}: {clash}", name) from None
        except Unjudged as reason:
            raise ProgramError(f"the equation of {name}: {reason}", name) from None

    def _shape(self, value: Shaped) -> str:
        return self.model.meaning.shapes.text(value)

    def _declared_shape(self, name: str, env: Env, key: tuple[object, ...]) -> Shaped | None:
        quantity = self.model.problem.quantities.get(name)
        if quantity is None or quantity.shape is None:
            return None
        shape, row = self.model.inputs.extents(quantity, key[1] if len(key) > 1 else None)
        return Shaped(shape, (), row)

    def _letters(
        self, name: str, head: Tree | None, right: Tree, letters: Sequence[str], env: Env, key: tuple[object, ...]
    ) -> dict[str, range]:
        """How far the indices of an equation's left side run."""
        declared = self._declared_shape(name, env, key)
        first = self.model.index_from
        found: dict[str, range] = {}
        if declared is not None:
            if len(declared.shape) < len(letters):
                told = self.model.meaning.shapes.text(declared)
                raise ProgramError(f"{name} is declared as {told}, and its equation has {len(letters)} indices", name)
            for letter, extent in zip(letters, declared.shape, strict=False):
                found[letter] = range(first, first + (extent or 1))
        try:
            for letter, span in found_ranges((right,), self.model, env, found).items():
                found.setdefault(letter, span)
        except ShapeClash as clash:
            raise ProgramError(f"the equation of {name}: {clash}", name) from None
        for letter in letters:
            if letter not in found:
                largest = self.model.domain_range(letter) or self._largest(letter, right, {**env}, found)
                if largest is None:
                    raise ProgramError(
                        f"how far {letter} runs in the equation of {name} is not clear; declare {name}", name
                    )
                found[letter] = largest
        return found

    def _largest(self, letter: str, right: Tree, env: Env, known: Mapping[str, range]) -> range | None:
        """The longest range of an index for which every read at a sum of indices is inside."""
        first = self.model.index_from
        best: int | None = None
        for read, around in _reads(right):
            spans = self.model.axes(read, env)
            for place, index in enumerate(read.indices):
                names = [name for name, _ in index_names(index)]
                if letter not in names or isinstance(index, t.Name) or spans is None or place >= len(spans):
                    continue
                span = spans[place]
                others = {}
                for other in names:
                    given = self.model.problem.quantities.get(other)
                    if (
                        other == letter
                        or other in env
                        or other in self.model.sizes
                        or (given and given.value is not None)
                    ):
                        continue
                    inner = (
                        known.get(other)
                        or next(
                            (
                                found_ranges((node.body,), self.model, env, {}).get(other)
                                for node in around
                                if other in node.bound
                            ),
                            None,
                        )
                        or self.model.domain_range(other)
                    )
                    if inner is None or not len(inner):
                        break
                    others[other] = (inner[0], inner[-1])
                else:
                    if span is None:
                        continue
                    count = 0
                    while count < 64 and all(
                        self.model.meaning.integer(
                            index, {**env, letter: first + count, **dict(zip(others, ends, strict=True))}
                        )
                        in span
                        for ends in combinations(*others.values())
                    ):
                        count += 1
                    best = count if best is None else min(best, count)
        return None if not best else range(first, first + best)


def _reads(tree: Tree) -> Iterator[tuple[t.Subscript, tuple[t.Reduction, ...]]]:
    """Every subscript with the reductions around it."""
    stack: list[tuple[Tree, tuple[t.Reduction, ...]]] = [(tree, ())]
    while stack:
        node, around = stack.pop()
        if isinstance(node, t.Subscript):
            yield node, around
        inner = (*around, node) if isinstance(node, t.Reduction) else around
        stack.extend((child, inner) for child in t.children(node))


def _letter(tree: Tree) -> str:
    return tree.text if isinstance(tree, t.Name) else ""
