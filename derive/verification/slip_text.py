"""Formulas of a problem as LaTeX and as text for a sentence: its own spellings, bars and sliding products."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from derive import tree as t
from derive.plain import formula
from derive.tree import Tree
from derive.verification.problems import Problem


def told(tree: Tree) -> str:
    """A formula in a sentence: one line of plain notation."""
    return formula(t.transformed(tree, _barred))


def _barred(node: Tree) -> Tree:
    match node:
        case t.Call(function="overline", arguments=(t.Name(text=name),)):
            return t.Name(f"{name}_bar")
        case t.Call(function="overline", arguments=(t.Subscript(array=name) as entry,)):
            return replace(entry, array=f"{name}_bar")
    return node


_SIDE_BY_SIDE = {"star": r"\star", "asterisk": "*"}
_WRAPPED = {"rot180": r"\mathrm{rot180}", "tr": r"\operatorname{tr}", "diag": r"\mathrm{diag}", "vec": r"\mathrm{vec}"}


def latex(tree: Tree, problem: Problem) -> str:
    """A formula in LaTeX, with the names as the problem spells them."""
    from derive.display import to_latex  # a view, asked for when a formula is shown

    texts: dict[str, str] = {}

    def held(text: str) -> Tree:
        key = f"Q_{900 + len(texts)}"
        texts[key.replace("_", "_{") + "}"] = text
        return t.Name(key)

    def change(node: Tree) -> Tree:
        return _special(node, problem, held, shown)

    def shown(node: Tree) -> str:
        text: str = to_latex(node)
        for _ in range(12):  # what was held may hold more
            new = re.sub(r"Q_\{?(\d+)\}?", lambda found: texts.get(f"Q_{{{found[1]}}}", found[0]), text)
            if new == text:
                break
            text = new
        return text

    return shown(t.transformed(tree, change))


def _special(node: Tree, problem: Problem, held: Callable[[str], Tree], shown: Callable[[Tree], str]) -> Tree:
    match node:
        case t.Name(text="ones"):
            return held(r"\mathbf 1")
        case t.Name(text=name):
            key = _spelling(name, problem)
            return node if key is None else held(key)
        case t.Call(function="overline", arguments=(body,)):
            return (
                held(rf"\bar{{{shown(body)}}}")
                if not isinstance(body, t.Subscript)
                else replace(body, array=f"{body.array}_bar")
            )
        case t.Call(function=name, arguments=(one, other)) if name.partition("_")[0] in _SIDE_BY_SIDE:
            word, _, mode = name.partition("_")
            sign = _SIDE_BY_SIDE[word] + (rf"_{{\mathrm{{{mode}}}}}" if mode else "")
            return held(rf"{_closed(one, shown)} {sign} {_closed(other, shown)}")
        case t.Call(function=name, arguments=(body,)) if name in _WRAPPED:
            return held(rf"{_WRAPPED[name]}({shown(body)})")
        case t.Call(function="norm", arguments=(body,)):
            return held(rf"\lVert {shown(body)} \rVert")
        case t.Call(function="cases", arguments=arguments):
            return held(_cases(arguments, shown))
        case t.Call(function="entry", arguments=(body, *indices)):
            return held(rf"[{shown(body)}]_{{{','.join(map(shown, indices))}}}")
        case t.Call(function="inner", arguments=(one, other)):
            return held(rf"\langle {shown(one)}, {shown(other)} \rangle")
    return node


#: Comparisons whose plain spelling is not LaTeX.
_RELATIONS = {"!=": r"\ne", "<=": r"\le", ">=": r"\ge"}


def condition(tree: Tree, shown: Callable[[Tree], str]) -> str:
    """l < L, without the brackets of an indicator."""
    if not isinstance(tree, t.Indicator):
        return shown(tree)
    text = shown(tree.sides[0])
    for operator, side in zip(tree.operators, tree.sides[1:], strict=True):
        text += f" {_RELATIONS.get(operator, operator)} {shown(side)}"
    return text


def _cases(arguments: Sequence[Tree], shown: Callable[[Tree], str]) -> str:
    rows = []
    for place in range(0, len(arguments), 2):
        when = r"\text{otherwise}"
        if place + 1 < len(arguments):
            when = rf"\text{{if }} {condition(arguments[place + 1], shown)}"
        rows.append(f"{shown(arguments[place])} & {when}")
    body = r" \\ ".join(rows)
    return rf"\begin{{cases}} {body} \end{{cases}}"


def _closed(tree: Tree, shown: Callable[[Tree], str]) -> str:
    return shown(tree) if t.binding(tree) >= t.POWER else f"({shown(tree)})"


def _spelling(name: str, problem: Problem) -> str | None:
    """The key of a name where the printer would not spell it as the problem does."""
    negative = re.fullmatch(r"(.*)_m(\d+)", name)
    if negative:
        return f"{negative[1]}_{{-{negative[2]}}}"
    quantity = problem.quantities.get(name)
    if quantity is not None and "\\" in quantity.key and any(sign in name for sign in "^ {"):
        return quantity.key
    return None
