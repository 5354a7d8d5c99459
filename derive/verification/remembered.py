"""What is read off a tree by its spelling alone, kept by the tree itself: one row's trees are asked at many models."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from derive.tree import Tree

T = TypeVar("T")

#: Trees that are remembered before all are forgotten again.
LIMIT = 4096


def by_tree(work: Callable[[Tree], T]) -> Callable[[Tree], T]:
    """`work`, done once for a tree. By identity, since to hash a tree costs as much as to walk it."""
    known: dict[int, tuple[Tree, T]] = {}

    @wraps(work)
    def remembered(tree: Tree) -> T:
        found = known.get(id(tree))
        if found is None:
            if len(known) >= LIMIT:
                known.clear()
            found = known[id(tree)] = (tree, work(tree))  # with the tree, so that no other gets its id
        return found[1]

    return remembered
