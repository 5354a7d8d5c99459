"""A formula in MathML Core, in the author's order: `vbar_3*v_3 - vbar_1*v_-1/v_0^2` as a textbook sets it.

MathML Core is what browsers draw by themselves. Single letters are italic there, words upright. Brackets are printed
only where the reading would change without them, and grow only around what is tall.
"""

from __future__ import annotations

from dataclasses import replace

from derive import tree as t
from derive.html import indexed
from derive.html.elements import (
    Piece,
    bracketed,
    bracketed_if,
    element,
    name_parts,
    number,
    one,
    scripted,
    sign,
    starts_with_minus,
)
from derive.html.escaping import escape
from derive.html.style import APPLY, FRACTIONS, ROOTS, THIN, TIMES, Style, Writer, carries_power, infix, slash
from derive.names import anatomy
from derive.runs import FUNCTIONS, LETTERS, MINUS
from derive.tree import Tree


def formula(tree: Tree, *, display: bool = False, inline: bool = False) -> str:
    """The tree as a <math> element.

    display : on a line of its own, with full-size fractions.  inline : for a line of prose, with a/b for fractions.
    """
    attribute = ' display="block"' if display else ""
    return f"<math{attribute}>{row(tree, inline=inline)}</math>"


def row(tree: Tree, *, inline: bool = False) -> str:
    """The elements inside <math>."""
    stack: list[Writer] = [_written(tree, Style(inline))]
    answer: Piece | None = None
    while stack:
        try:
            # sending None starts a writer, a piece answers its last question
            asked, style = stack[-1].send(answer)  # type: ignore[arg-type]
        except StopIteration as end:
            stack.pop()
            answer = end.value
        else:
            stack.append(_written(asked, style))
            answer = None
    return answer.markup if answer else ""


# --- the tree ---------------------------------------------------------------------------------------------------------


def _written(tree: Tree, style: Style) -> Writer:
    match tree:
        case t.Number(text=text):
            return number(text)
        case t.Name(text=text):
            base, below = name_parts(tree.symbol or text)
            return Piece(scripted(base, below, ""), "x", "x", True)
        case t.Negative(body=body):
            piece = yield body, style
            loose = t.binding(body) <= t.SUM or starts_with_minus(piece)
            return sign(MINUS, form="prefix") + bracketed_if(loose, piece)
        case t.Sum():
            return (yield from _sum(tree, style))
        case t.Product():
            return (yield from _product(tree, style))
        case t.Power(base=base_tree, exponent=exponent, elementwise=elementwise):
            above = yield exponent, replace(style, inline=True, script=True)
            return (yield from _raised(base_tree, sign("∘") + above if elementwise else above, style))
        case t.Transpose(body=body):
            return (yield from _raised(body, Piece("<mo>⊤</mo>", "⊤", "⊤", True), style))
        case t.Call():
            return (yield from _call(tree, style))
        case t.Subscript():
            array, indices, layer = yield from indexed.scripts(tree, style)
            return Piece(scripted(array, indices, layer), "x", "x", True)
        case t.Reduction():
            return (yield from indexed.reduction(tree, style))
        case t.Indicator():
            return (yield from indexed.indicator(tree, style))
        case t.Relation(sides=sides):
            first = yield sides[0], style
            whole = bracketed_if(isinstance(sides[0], t.Relation), first)
            for side in sides[1:]:
                piece = yield side, style
                whole = whole + sign("=") + bracketed_if(isinstance(side, t.Relation), piece)
            return whole
        case t.Derivative():
            return (yield from indexed.derivative(tree, style))


def _raised(base: Tree, above: Piece, style: Style) -> Writer:
    """A base with something at its upper right; a subscript that it has stands below that, not before it."""
    if isinstance(base, t.Name):
        letter, below = name_parts(base.symbol or base.text)
        return Piece(scripted(letter, below, one(above)), "x", "x", True)
    if isinstance(base, t.Subscript) and not base.layer:
        array, indices, _ = yield from indexed.scripts(base, style)
        return Piece(scripted(array, indices, one(above)), "x", "x", True)
    piece = yield base, style
    piece = bracketed_if(not carries_power(base), piece)
    return Piece(f"<msup>{one(piece)}{one(above)}</msup>", piece.first, piece.last, True, piece.tall)


def _sum(tree: t.Sum, style: Style) -> Writer:
    whole: Piece | None = None
    for operator, term in tree.terms:
        piece = yield term, style
        loose = t.binding(term) <= t.SUM or ((whole is not None or operator == "-") and starts_with_minus(piece))
        piece = bracketed_if(loose, piece)
        if whole is None:
            whole = sign(MINUS, form="prefix") + piece if operator == "-" else piece
        else:
            whole = whole + infix(MINUS if operator == "-" else "+", style) + piece
    return whole or number("0")


def _call(tree: t.Call, style: Style) -> Writer:
    if tree.function == "sqrt" and len(tree.arguments) == 1 and style.roots < ROOTS:
        piece = yield tree.arguments[0], replace(style, roots=style.roots + 1)
        return replace(element("msqrt", piece, tall=piece.tall), first="√", last="√")
    if tree.function == "floor":
        return (yield from indexed.floor(tree, style))
    if tree.orders:
        return (yield from indexed.named_function(tree, style))
    inside = yield from indexed.listed(tree.arguments, style)
    if not tree.function:
        return bracketed(inside)
    if tree.function in ("abs", "norm") and len(tree.arguments) == 1:
        bar = "|" if tree.function == "abs" else "‖"
        whole = bracketed(inside, bar, bar)
        return replace(whole, markup=one(whole), single=True)
    head = FUNCTIONS.get(tree.function, tree.function)
    # room before the name is the business of the product that it stands in
    return Piece(f"<mi>{escape(head)}</mi>", head[:1], head[-1:], True) + sign(APPLY) + bracketed(inside)


# --- products and quotients -------------------------------------------------------------------------------------------

#: Operators after which another one makes the reader look twice: `a/b c` gets brackets.
_AGAIN = {"/": ("*", "/", ".*", "./"), "./": ("*", "/", ".*", "./"), ".*": ("*", "/", "./"), "*": (".*", "./")}


def _product(tree: t.Product, style: Style) -> Writer:
    """Factors from left to right; all that stands before a `/` is its numerator."""
    quotients = sum(operator == "/" for operator, _ in tree.factors)
    flat = style.inline or style.fractions + quotients > FRACTIONS
    whole = bare = Piece("", "", "", True)
    group = ""
    left = tree.factors[0][1]
    for k, (operator, factor) in enumerate(tree.factors):
        quotients -= operator == "/"
        depth = style.fractions + quotients + (operator == "/")
        piece = yield factor, replace(style, inline=True) if flat else replace(style, fractions=depth)
        if not k:
            # a numerator of one factor stands without brackets
            whole, bare = bracketed_if(_loose(factor, piece), piece), piece
        elif operator == "/" and not flat:
            upper = bare if k == 1 else whole
            whole = replace(element("mfrac", upper, piece, tall=True), first="", last="")
            group = ""
        else:
            kind = "*" if operator in ("*", "", "@") else operator
            whole = bracketed_if(kind in _AGAIN.get(group, ()), whole)
            piece = bracketed_if(_loose_later(factor, piece, kind, k == len(tree.factors) - 1), piece)
            whole = _joined(whole, left, operator, piece)
            group = kind
        left = factor
    return whole


def _loose(tree: Tree, piece: Piece) -> bool:
    """Whether a factor needs brackets; a product drawn as one fraction is an atom to the eye."""
    if isinstance(tree, t.Derivative):
        return not piece.single
    return t.binding(tree) <= t.PRODUCT and not piece.single


def _loose_later(tree: Tree, piece: Piece, kind: str, last: bool) -> bool:
    """The same for a factor that is not the first."""
    match tree:
        case t.Reduction():
            return kind != "*" or not last  # its body is the rest of the term
        case t.Number(text=text):
            return kind == "/" and "e" in text.lower()
    return starts_with_minus(piece) or _loose(tree, piece)


def _joined(whole: Piece, left: Tree, operator: str, piece: Piece) -> Piece:
    """Two factors side by side where that is clear, else with a sign between them."""
    if operator == "/":
        return whole + slash() + piece
    if operator in (".*", "./"):
        return whole + sign("⊙" if operator == ".*" else "⊘") + piece
    left = left.body if isinstance(left, t.Negative) else left
    digits = isinstance(left, t.Number) and whole.last.isdigit()
    fraction = piece.single and piece.first == ""
    bracket = piece.first == "("
    if piece.first.isdigit() or piece.first == "." or (digits and (fraction or bracket)):
        return whole + sign("⋅") + piece
    if bracket and (whole.last == ")" or _looks_like_a_function(left)):
        return whole + sign("⋅") + piece
    return whole + sign(TIMES, lspace="0", rspace="0" if bracket else THIN) + piece


#: Followed by a bracket, these read as a function.
_FUNCTION_LETTERS = frozenset(("f", "g", "h", "F", "G", "H", "sigma", "phi", "psi", "varphi"))


def _looks_like_a_function(tree: Tree) -> bool:
    if not isinstance(tree, t.Name):
        return False
    base = anatomy(tree.text).base
    return base in _FUNCTION_LETTERS or (len(base) > 1 and base not in LETTERS)
