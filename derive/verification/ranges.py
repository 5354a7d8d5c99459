"""Over which values the indices of a row run, at the sizes tried: read off the axes at which they stand.

An index alone in a subscript has that axis's extent. One extent told in two ways that differ is a clash of shapes,
which is a mistake of the row and named as such.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import partial
from typing import Protocol

from derive import tree as t
from derive.tree import Tree
from derive.verification.remembered import by_tree
from derive.verification.shaped import ShapeClash

#: Where an index stands, told only if it is asked.
Where = Callable[[], str]


class Axes(Protocol):
    """What ranges need of a problem at sizes."""

    def axes(self, tree: t.Subscript, env: Mapping[str, int]) -> tuple[range | None, ...] | None:
        """The range of each index of an entry, as far as known; None for a name that takes none."""
        ...

    def axes_of(self, tree: Tree, env: Mapping[str, int]) -> tuple[range | None, ...] | None: ...

    def convention(self, key: str) -> str: ...

    def shape_text(self, name: str) -> str: ...


def index_names(tree: Tree, bound: frozenset[str] = frozenset()) -> Iterator[tuple[str, frozenset[str]]]:
    """All names of a tree that are not bound, with the names bound around them."""
    stack: list[tuple[Tree, frozenset[str]]] = [(tree, bound)]
    while stack:
        node, around = stack.pop()
        if isinstance(node, t.Name) and node.text not in around:
            yield node.text, around
        inner = around | set(node.bound) if isinstance(node, t.Reduction) else around
        stack.extend((child, inner) for child in reversed(t.children(node)))


@by_tree
def free_names(tree: Tree) -> tuple[str, ...]:
    """The names of a tree that are not bound, each once, in order of writing."""
    return tuple(dict.fromkeys(name for name, _ in index_names(tree)))


@by_tree
def bound_names(tree: Tree) -> tuple[str, ...]:
    """The names that sums and the like bind in a tree, each once."""
    sums = (node for node in t.walk(tree) if isinstance(node, t.Reduction))
    return tuple(dict.fromkeys(name for each in sums for name in each.bound))


def found_ranges(
    trees: Iterable[Tree],
    axes: Axes,
    env: Mapping[str, int],
    known: Mapping[str, range],
    restricted: Container[str] = (),
) -> dict[str, range]:
    """The ranges of index names by the subscripts in which they stand alone; known ones win.

    restricted : names of which a condition says where they stand: they may run further than one of their axes.

    Raises ShapeClash where a name stands at two axes of different extents.
    """
    found: dict[str, tuple[range, Where]] = {}
    for tree in trees:
        for name, span, where in _alone(tree, axes, env):
            if name in known or name in env:
                continue
            if name not in found:
                found[name] = (span, where)
            elif found[name][0] != span and name in restricted:
                wider = range(min(span.start, found[name][0].start), max(span.stop, found[name][0].stop))
                found[name] = (wider, where)  # a condition says where it may stand
            elif found[name][0] != span:
                raise ShapeClash(
                    f"the index {name} runs over {_size(found[name][0])} values at {found[name][1]()}"
                    f" and over {_size(span)} at {where()}"
                )
    return {name: span for name, (span, _) in found.items()}


def _axis(place: int, array: str, axes: Axes) -> str:
    return f"axis {place + 1} of {axes.shape_text(array)}"


def _size(span: range) -> str:
    return str(len(span))


@by_tree
def _readers(tree: Tree) -> tuple[tuple[t.Subscript | t.Call, frozenset[str]], ...]:
    """Entries, means and brackets with indices, each with the names that are bound around it, in order of writing."""
    found: list[tuple[t.Subscript | t.Call, frozenset[str]]] = []
    stack: list[tuple[Tree, frozenset[str]]] = [(tree, frozenset())]
    while stack:
        node, hidden = stack.pop()
        if isinstance(node, t.Subscript) or (isinstance(node, t.Call) and node.function in ("overline", "entry")):
            found.append((node, hidden))
        if isinstance(node, t.Reduction):
            hidden = hidden | set(node.bound)
        stack.extend((child, hidden) for child in reversed(t.children(node)))
    return tuple(found)


def _alone(tree: Tree, axes: Axes, env: Mapping[str, int]) -> Iterator[tuple[str, range, Where]]:
    """(index, range, where) for every index alone in a subscript, outside reductions that bind the name anew."""
    means: list[Tree] = []
    for node, hidden in _readers(tree):
        entry: Tree = node
        dropped = 0
        if isinstance(node, t.Call) and node.function == "overline" and axes.convention("overline") == "mean":
            entry, dropped = node.arguments[0], 1  # the mean over the first axis has an index less
        if isinstance(entry, t.Subscript) and not (dropped == 0 and entry in means):
            spans = axes.axes(entry, env)
            if dropped and spans is not None:
                means.append(entry)
                spans = (
                    spans[len(spans) - len(entry.indices) :] if len(entry.indices) < len(spans) else (None, *spans[1:])
                )
            for place, index in enumerate(entry.indices):
                if spans is None or place >= len(spans) or not isinstance(index, t.Name) or index.text in hidden:
                    continue
                span = spans[place]
                if span is not None:
                    yield index.text, span, partial(_axis, place, entry.array, axes)
        if isinstance(node, t.Call) and node.function == "entry":
            yield from _of_brackets(node, axes, env, hidden)


def _of_brackets(
    tree: t.Call, axes: Axes, env: Mapping[str, int], hidden: frozenset[str]
) -> Iterator[tuple[str, range, Where]]:
    """The indices of [A B]_ij run over the axes of the product."""
    body, *indices = tree.arguments
    spans = axes.axes_of(body, env) or ()
    for place, (index, span) in enumerate(zip(indices, spans, strict=False), 1):
        if isinstance(index, t.Name) and index.text not in hidden and span is not None:
            yield index.text, span, partial("axis {} of the brackets".format, place)


def inner_ranges(reduction: t.Reduction, axes: Axes, env: Mapping[str, int]) -> dict[str, range]:
    """The ranges of the bound names by the subscripts of the body."""
    found: dict[str, tuple[range, Where]] = {}
    for name, span, where in _alone(reduction.body, axes, env):
        if name not in reduction.bound:
            continue
        if name not in found:
            found[name] = (span, where)
        elif found[name][0] != span:
            raise ShapeClash(
                f"the index {name} runs over {_size(found[name][0])} values at {found[name][1]()}"
                f" and over {_size(span)} at {where()}"
            )
    return {name: span for name, (span, _) in found.items()}
