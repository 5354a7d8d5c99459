"""What kind of thing each name is: a size, a named constant, an array of so many axes, an array of whole numbers."""

from __future__ import annotations

from collections.abc import Mapping

from derive import tree as t
from derive.integers import Integer, integer
from derive.reading.programs import ProgramText
from derive.reading.subscripts import declared_size
from derive.tree import Tree


def numbers_of(text: ProgramText) -> dict[str, Integer]:
    """Sizes, and constants that a line defines as a whole number: what may stand in a subscript."""
    numbers = {name: declared_size(name, text.numbers) for name in text.sizes}
    for line in text.lines:
        if isinstance(line.left, t.Name) and isinstance(line.right, t.Number) and line.right.value.denominator == 1:
            numbers.setdefault(line.name, integer(int(line.right.value)))
    return numbers


def ranks_of(text: ProgramText) -> dict[str, int]:
    """How many axes each name has that has a declaration, subscripts, or is an input; every use must agree.

    A line between whole arrays settles the rank of its name when it is read.
    """
    ranks = {name: len(shape) for name, shape in text.shapes.items()}

    def agree(name: str, rank: int, node: Tree) -> None:
        if ranks.setdefault(name, rank) != rank:
            raise text.error(f"{name} has {axes_text(ranks[name])} elsewhere, and {axes_text(rank)} here", node)

    for line in text.lines:
        if isinstance(line.left, t.Subscript):
            agree(line.name, len(line.indices), line.left)
    whole = {line.name for line in text.lines if isinstance(line.left, t.Name)}
    for line in text.lines:
        for node in t.walk(line.right):
            if isinstance(node, t.Subscript) and node.array not in whole:
                agree(node.array, len(node.indices), node)
    for name in text.inputs:
        ranks.setdefault(name, 0)
    return ranks


def integers_of(text: ProgramText, numbers: Mapping[str, Integer]) -> frozenset[str]:
    """Inputs whose values are whole numbers: those that stand in subscripts, and labels that are compared with indices.

    y in [y[i] = c] is one where c is an index and y has no other use.
    """
    inputs = set(text.inputs)
    subscripted: set[str] = set()
    compared: set[str] = set()
    real: set[str] = set()
    for line in text.lines:
        stack: list[tuple[Tree, frozenset[str], bool]] = [(line.right, frozenset(line.indices), False)]
        while stack:
            node, bound, whole = stack.pop()
            name = _name_in(node, bound)
            if name in inputs:
                # a name alone in a subscript is an index that was forgotten, unless it is declared
                if whole and (isinstance(node, t.Subscript) or text.shapes.get(name) == ()):
                    subscripted.add(name)
                elif not whole:
                    real.add(name)
            if isinstance(node, t.Reduction):
                bound = bound.union(node.bound)
            below = [(child, bound, whole or isinstance(node, t.Subscript)) for child in t.children(node)]
            if isinstance(node, t.Indicator):
                below = []
                for place, side in enumerate(node.sides):
                    name = _name_in(side, bound)
                    if name in inputs and _is_label(node, place, bound):
                        compared.add(name)
                        below += [(child, bound, True) for child in t.children(side)]
                    else:
                        below.append((side, bound, whole))
            stack.extend(below)
    return frozenset(subscripted | (compared - real))


def _name_in(node: Tree, bound: frozenset[str]) -> str:
    if isinstance(node, t.Name):
        return "" if node.text in bound else node.text
    return node.array if isinstance(node, t.Subscript) else ""


def _is_label(node: t.Indicator, place: int, bound: frozenset[str]) -> bool:
    """Whether this side is set equal or unequal to one that holds an index."""
    beside = [(node.operators[k], node.sides[k + 1 if k == place else k]) for k in (place - 1, place)
              if 0 <= k < len(node.operators)]  # fmt: skip
    return any(
        sign in ("=", "!=") and any(isinstance(piece, t.Name) and piece.text in bound for piece in t.walk(side))
        and not any(isinstance(piece, t.Subscript) for piece in t.walk(side))
        for sign, side in beside
    )  # fmt: skip


def axes_text(count: int) -> str:
    return "no axis" if not count else "1 axis" if count == 1 else f"{count} axes"
