r"""What index equations have in LaTeX: entries and named functions with their scripts, sums with limits, deltas.

w_{ij}^{[l]}    f^{[l]\prime}(z_i^{[l]})    \sum_{k=0}^{P - 1}    \delta_{m,k}    \partial Z_{ij}/\partial K_{mn}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive import tree as t
from derive.latex.escaping import escape
from derive.latex.style import Style, Writer, bracketed, bracketed_if, name, script
from derive.names import anatomy

_COMPARISONS = {"=": "=", "!=": r"\ne", "<": "<", "<=": r"\le", ">": ">", ">=": r"\ge"}
_REDUCTIONS = {
    "sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min", "mean": r"\operatorname*{mean}",
    "argmax": r"\operatorname*{arg\,max}", "argmin": r"\operatorname*{arg\,min}",
}  # fmt: skip
#: A letter in a subscript that stands without commas.
_LETTER = re.compile(r"[A-Za-z]|\\[A-Za-z]+")


def subscript(tree: t.Subscript, style: Style) -> Writer:
    """An entry of an array; the layer stands above."""
    texts = []
    for index in tree.indices:
        texts.append((yield index, replace(style, inline=True)))
    symbol = style.shown(tree.array, tree.symbol)
    base = f"({name(symbol)})" if anatomy(symbol).subscripts else name(symbol)
    return base + _scripts(tree.indices, texts, tree.layer, tight=tree.tight)


def _scripts(
    indices: Sequence[t.Tree], texts: Sequence[str], layer: str, above: str = "", *, tight: bool = False
) -> str:
    """Subscripts, and above them the layer and what else stands there."""
    if layer and texts:
        above = layer[0] + texts[0] + layer[1] + above
        indices, texts = indices[1:], texts[1:]
    return script("_", _listed(indices, texts, tight)) + script("^", above)


def _listed(indices: Sequence[t.Tree], texts: Sequence[str], tight: bool = False) -> str:
    if tight and all(map(_LETTER.fullmatch, texts)):
        return "".join(text + " " * text.startswith("\\") for text in texts).strip()
    compound = any(t.binding(index) != t.ATOM for index in indices)
    return (r",\," if compound else ",").join(texts)


def named_function(tree: t.Call, style: Style) -> Writer:
    r"""A function that is only named, or its derivative: f^{[l]\prime}(z), e_i''(y), \partial_2 e_i(y, a)."""
    texts = []
    for part in tree.parameters:
        texts.append((yield part, replace(style, inline=True)))
    arguments = []
    for part in tree.arguments:
        arguments.append((yield part, style))
    before = above = ""
    if len(tree.orders) == 1:
        above = r"\prime" * tree.orders[0] if tree.orders[0] <= 3 else f"({tree.orders[0]})"
    else:
        counted = ((slot, order) for slot, order in enumerate(tree.orders, 1) if order)
        before = "".join(
            rf"\partial_{slot}" + script("^", str(order) if order > 1 else "") + " " for slot, order in counted
        )
    return before + name(tree.function) + _scripts(tree.parameters, texts, tree.layer, above) + bracketed(
        ", ".join(arguments)
    )  # fmt: skip


def floor(tree: t.Call, style: Style) -> Writer:
    printed = yield tree.arguments[0], style
    left, right = (r"\left", r"\right") if r"\frac" in printed else ("", "")
    return rf"{left}\lfloor {printed} {right}\rfloor"


def reduction(tree: t.Reduction, style: Style) -> Writer:
    """A sum sign for each run of indices without limits, and one for each index that has some."""
    limits: list[tuple[str, str] | None] = []
    for pair in tree.limits or (None,) * len(tree.bound):
        if pair is None:
            limits.append(None)
            continue
        closed = tree.operator in ("sum", "prod")
        lower = yield pair[0], replace(style, inline=True)
        limits.append((lower, (yield t.one_less(pair[1]) if closed else pair[1], replace(style, inline=True))))
    body = yield tree.body, style
    signs = " ".join(_signs(tree, limits))
    return f"{signs} " + bracketed_if(t.binding(tree.body) <= t.SUM or body.startswith("-"), body)


def _signs(tree: t.Reduction, limits: Sequence[tuple[str, str] | None]) -> Iterator[str]:
    sign = _REDUCTIONS.get(tree.operator) or rf"\operatorname*{{{escape(tree.operator)}}}"
    together: list[str] = []
    for index, pair in zip(tree.bound, limits, strict=True):
        if pair is None:
            together.append(name(index))
            continue
        if together:
            yield sign + script("_", ",".join(together))
            together = []
        if tree.operator in ("sum", "prod"):
            yield f"{sign}_{{{name(index)}={pair[0]}}}" + script("^", pair[1])
        else:
            yield rf"{sign}_{{{pair[0]} \le {name(index)} < {pair[1]}}}"
    if together:
        yield sign + script("_", ",".join(together))


def indicator(tree: t.Indicator, style: Style) -> Writer:
    r"""An indicator in square brackets; a Kronecker delta as \delta_{m,k}; [mod(e, c) = 0] as [c \mid e]."""
    inside = replace(style, inline=True)
    sides, operators = tree.sides, tree.operators
    if (division := t.division(tree)) is not None:
        sides, operators = division, ("|",)
    texts = []
    for side in sides:
        texts.append((yield side, inside))
    if tree.kronecker:
        return r"\delta" + script("_", _listed(sides, texts))
    text = texts[0]
    for operator, printed in zip(operators, texts[1:], strict=True):
        text += rf" \mid {printed}" if operator == "|" else f" {_COMPARISONS.get(operator, escape(operator))} {printed}"
    return f"[{text}]"


def derivative(tree: t.Derivative, style: Style) -> Writer:
    """A partial derivative; what is not one name stands behind the operator, in brackets."""
    upper = yield tree.of, style
    lower = yield tree.by, style
    lower = rf"\partial {bracketed_if(not t.is_entry(tree.by), lower)}"
    if t.is_entry(tree.of):
        return rf"\partial {upper}/{lower}" if style.inline else rf"\frac{{\partial {upper}}}{{{lower}}}"
    if style.inline:
        return rf"\partial {bracketed(upper)}/{lower}"
    return rf"\frac{{\partial}}{{{lower}}} {bracketed(upper)}"
