r"""A tree of a work as the printers of formulas take it: bars on names, \ast between factors, v_{-1} for v_m1."""

from __future__ import annotations

from dataclasses import replace

from derive import tree as t
from derive.reading.latex.spelling import printable
from derive.tree import Tree


def displayed(tree: Tree) -> Tree:
    """The same formula, in nodes that text, LaTeX and MathML print as an author writes them."""
    return t.transformed(tree, _node)


def _node(node: Tree) -> Tree:
    match node:
        case t.Name(text=text):
            return replace(node, text=printable(text))
        case t.Call(function="overline", arguments=(t.Name(text=text),)):
            return t.Name(printable(f"{text}_bar"), node.at)
        case t.Call(function="overline", arguments=(t.Subscript() as entry,)):
            return replace(entry, array=f"{entry.array}_bar")
        case t.Call(function=":", arguments=()):
            return t.Name(":", node.at)
        case t.Call(function="asterisk" | "star", arguments=(left, right)):
            return t.Product((("*", left), ("*", right)), node.at)
        case t.Call(function="entry", arguments=(t.Name(text=text), *indices)):
            return t.Subscript(text, tuple(indices), node.at)
    return node
