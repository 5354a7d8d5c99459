"""What index equations have in MathML: entries and named functions with their scripts, sums with limits, deltas."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from derive import tree as t
from derive.html.elements import (
    Piece,
    bracketed,
    bracketed_if,
    element,
    name_parts,
    one,
    scripted,
    sign,
    starts_with_minus,
)
from derive.html.style import APPLY, FRACTIONS, THIN, Style, Writer, infix, slash
from derive.runs import COMPARISONS, REDUCTIONS
from derive.tree import Tree

#: Between two letters side by side that are two subscripts: nothing is drawn.
_BETWEEN = sign("\u2063", lspace="0", rspace="0")
_PRIME = "′"


def scripts(tree: t.Subscript, style: Style) -> Generator[tuple[Tree, Style], Piece, tuple[str, str, str]]:
    """An entry as its array, what stands below it and what stands above; each one element, or nothing."""
    base, own = name_parts(tree.symbol or tree.array)
    if own:  # an array that has a subscript of its own stands in brackets
        base = one(bracketed(Piece(scripted(base, own, ""), "x", "x", True)))
    below, above = yield from _below_and_above(tree.indices, tree.layer, style, tight=tree.tight)
    return base, below, above


def _below_and_above(
    indices: Sequence[Tree], layer: str, style: Style, *, tight: bool = False, behind: str = ""
) -> Generator[tuple[Tree, Style], Piece, tuple[str, str]]:
    """Subscripts, and above them the layer and what stands behind it."""
    small = replace(style, inline=True, script=True)
    above: Piece | None = Piece(f"<mo>{behind}</mo>", behind, behind, True) if behind else None
    if layer and indices:
        piece = bracketed((yield indices[0], small), layer[0], layer[1])
        above = piece if above is None else piece + above
        indices = indices[1:]
    below = one((yield from listed(indices, small, tight=tight))) if indices else ""
    return below, "" if above is None else one(above)


def listed(trees: Sequence[Tree], style: Style, *, tight: bool = False) -> Writer:
    """Formulas in a row, parted by commas; letters side by side where that is asked for."""
    letters = tight and all(isinstance(tree, t.Name) and not name_parts(tree.text)[1] for tree in trees)
    whole: Piece | None = None
    for tree in trees:
        piece = yield tree, style
        whole = piece if whole is None else whole + (_BETWEEN if letters else sign(",")) + piece
    return whole or Piece("<mrow></mrow>", "", "", True)


def named_function(tree: t.Call, style: Style) -> Writer:
    """A function that is only named, or its derivative: f''(z), ∂₂e(y, a)."""
    inside = yield from listed(tree.arguments, style)
    orders = tree.orders
    primes = _PRIME * orders[0] if len(orders) == 1 and orders[0] <= 3 else ""
    if len(orders) == 1 and orders[0] > 3:
        primes = f"({orders[0]})"
    below, above = yield from _below_and_above(tree.parameters, tree.layer, style, behind=primes)
    base, own = name_parts(tree.function)
    head = Piece(scripted(base, below or own, above), "x", "x", True)
    if len(orders) > 1:
        for slot, order in reversed([pair for pair in enumerate(orders, 1) if pair[1]]):
            mark = scripted("<mi>∂</mi>", f"<mn>{slot}</mn>", f"<mn>{order}</mn>" if order > 1 else "")
            head = Piece(mark, "∂", "∂", True) + head
    return head + sign(APPLY) + bracketed(inside)


def floor(tree: t.Call, style: Style) -> Writer:
    inside = yield tree.arguments[0], style
    return bracketed(inside, "⌊", "⌋")


def reduction(tree: t.Reduction, style: Style) -> Writer:
    """A sum sign for each run of indices without limits, and one for each index that has some."""
    small = replace(style, inline=True, script=True)
    closed = tree.operator in ("sum", "prod")
    symbol = REDUCTIONS.get(tree.operator, tree.operator)
    # words behave as sum signs do: what they run over stands below them in a display, beside them in a line
    head = sign(symbol, form="prefix", movablelimits="true", lspace=THIN, rspace=THIN)
    whole = Piece("", symbol[0], symbol[0])
    together: list[Piece] = []
    for bound, pair in zip(tree.bound, tree.limits or (None,) * len(tree.bound), strict=True):
        index = Piece(scripted(*name_parts(bound), ""), "", "", True)
        if pair is None:
            together.append(index)
            continue
        whole, together = whole + _over(head, together), []
        lower = yield pair[0], small
        upper = yield t.one_less(pair[1]) if closed else pair[1], small
        if closed:
            whole = whole + element("munderover", head, index + infix("=", small) + lower, upper)
        else:
            whole = whole + element("munder", head, lower + infix("≤", small) + index + infix("<", small) + upper)
    whole = whole + _over(head, together) if together or not tree.bound else whole
    body = yield tree.body, style
    body = bracketed_if(t.binding(tree.body) <= t.SUM or starts_with_minus(body), body)
    return replace(whole, first=symbol[0]) + replace(body, tall=True)


def _over(head: Piece, indices: Sequence[Piece]) -> Piece:
    """The sign over indices without limits; nothing where there are none."""
    if not indices:
        return Piece("", "", "")
    below = Piece(sign(",").markup.join(map(one, indices)), "", "", len(indices) == 1)
    return element("munder", head, below)


def indicator(tree: t.Indicator, style: Style) -> Writer:
    """An indicator in square brackets; a Kronecker delta as one; [mod(e, c) = 0] as c | e."""
    if tree.kronecker:
        below = yield from listed(tree.sides, replace(style, inline=True, script=True))
        return Piece(scripted("<mi>δ</mi>", one(below), ""), "δ", "x", True)
    division = t.division(tree)
    sides, operators = (division, ("∣",)) if division is not None else (tree.sides, tree.operators)
    whole = yield sides[0], replace(style, inline=True)
    for operator, side in zip(operators, sides[1:], strict=True):
        piece = yield side, replace(style, inline=True)
        whole = whole + infix(COMPARISONS.get(operator, operator), style) + piece
    return bracketed(whole, "[", "]")


def derivative(tree: t.Derivative, style: Style) -> Writer:
    """A partial derivative; what is not one name stands behind the operator, in brackets."""
    partial = Piece("<mi>∂</mi>", "∂", "∂", True)
    upper = yield tree.of, style
    lower = partial + bracketed_if(not t.is_entry(tree.by), (yield tree.by, style))
    flat = style.inline or style.fractions >= FRACTIONS
    if flat:
        return partial + bracketed_if(not t.is_entry(tree.of), upper) + slash() + lower
    if t.is_entry(tree.of):
        return replace(element("mfrac", partial + upper, lower, tall=True), first="", last="")
    operator = replace(element("mfrac", partial, lower, tall=True), first="", last="")
    return operator + bracketed(upper)
