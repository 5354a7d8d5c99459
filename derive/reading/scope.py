"""Which names of a formula stand for values, and which are indices bound by a reduction or by the left side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from derive import tree as t
from derive.tree import Tree


def in_scope(tree: Tree, bound: Iterable[str] = ()) -> Iterator[tuple[Tree, frozenset[str]]]:
    """Every node with the index names bound where it stands, parents first, in order of writing; no recursion."""
    stack: list[tuple[Tree, frozenset[str]]] = [(tree, frozenset(bound))]
    while stack:
        node, names = stack.pop()
        yield node, names
        below = names.union(node.bound) if isinstance(node, t.Reduction) else names
        stack.extend((child, below) for child in reversed(t.children(node)))


def free_names(tree: Tree, bound: Iterable[str] = ()) -> dict[str, Tree]:
    """Names and arrays that are not bound indices, each with the node of its first appearance, in that order."""
    seen: dict[str, Tree] = {}
    for node, names in in_scope(tree, bound):
        if isinstance(node, t.Name) and node.text not in names:
            seen.setdefault(node.text, node)
        elif isinstance(node, t.Subscript):
            seen.setdefault(node.array, node)
    return seen
