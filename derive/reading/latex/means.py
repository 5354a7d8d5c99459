r"""Bars that are means, over entries: \overline{z_i x_j} is mean(b) z_bi x_bj where the problem says so.

A bar over one name or entry is read where it stands; one over a formula of entries binds the index of the samples,
written or left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive import tree as t
from derive.reading.latex.statements import Statement
from derive.reading.latex.vocabulary import Vocabulary
from derive.tree import Tree

#: What the samples are counted by where the work does not say: the first letter that is free.
LETTERS = "bsnmpqruvwacdefghklotxyz"


def spelled_as_means(statement: Statement, vocabulary: Vocabulary) -> Statement:
    """The statement with every such bar as the mean over the samples, where bars are means."""
    if vocabulary.conventions.get("overline") != "mean":
        return statement
    sides = [*(() if statement.head is None else (statement.head,)), *(link.tree for link in statement.links)]
    outside = {name for side in sides for name in _outside(side)}

    def change(node: Tree) -> Tree:
        match node:
            case t.Call(function="overline", arguments=(body,)) if not isinstance(body, (t.Name, t.Subscript)):
                return _mean(node, body, outside, vocabulary)
        parts = t.children(node)
        return t.rebuilt(node, tuple(map(change, parts))) if parts else node

    links = tuple(replace(link, tree=change(link.tree)) for link in statement.links)
    head = None if statement.head is None else change(statement.head)
    return replace(statement, head=head, links=links)


def _mean(node: Tree, body: Tree, outside: set[str], vocabulary: Vocabulary) -> Tree:
    """The mean over the first axis of the entries that lack an index, else over their own first index."""
    inside = list(_entries(body))
    entries = [each for each in inside if isinstance(each, t.Subscript)]
    lacking: list[Tree] = [each for each in entries if vocabulary.names.get(each.array) == len(each.indices) + 1]
    if lacking:
        lacking += [each for each in inside if isinstance(each, t.Name) and vocabulary.names.get(each.text) == 1]
    if lacking:
        letter = next(each for each in LETTERS if not _is_taken(each, body, outside, vocabulary))
        return t.Reduction("mean", (letter,), _completed(body, lacking, letter), node.at)
    first = {each.indices[0].text for each in entries if isinstance(each.indices[0], t.Name)} - outside
    return t.Reduction("mean", (first.pop(),), body, node.at) if len(first) == 1 else node


def _is_taken(letter: str, body: Tree, outside: set[str], vocabulary: Vocabulary) -> bool:
    inside = {node.text for node in t.walk(body) if isinstance(node, t.Name)}
    return letter in inside | outside or letter in vocabulary.indices


def _completed(tree: Tree, lacking: list[Tree], letter: str) -> Tree:
    match tree:
        case t.Call(function="overline"):
            return tree
        case t.Name(text=name) if tree in lacking:
            return t.Subscript(name, (t.Name(letter, tree.at),), tree.at)
        case t.Subscript(indices=indices) if tree in lacking:
            return replace(tree, indices=(t.Name(letter, tree.at), *indices))
    parts = t.children(tree)
    return t.rebuilt(tree, tuple(_completed(part, lacking, letter) for part in parts)) if parts else tree


def _entries(tree: Tree) -> Iterator[Tree]:
    """All nodes that stand below this bar alone."""
    yield tree
    if not (isinstance(tree, t.Call) and tree.function == "overline"):
        for part in t.children(tree):
            yield from _entries(part)


def _outside(tree: Tree, bound: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names outside all bars that no sum binds."""
    if isinstance(tree, t.Name) and tree.text not in bound:
        yield tree.text
    if isinstance(tree, t.Reduction):
        bound = bound | set(tree.bound)
    if not (isinstance(tree, t.Call) and tree.function == "overline"):
        for part in t.children(tree):
            yield from _outside(part, bound)
