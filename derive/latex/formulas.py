r"""A formula in LaTeX, in the author's order: `vbar_3*v_3 - vbar_1*v_-1/v_0^2` as a textbook sets it.

Brackets are printed only where the reading would change without them, and grow only around what is tall. What is
printed reads back to the same formula: a thin space stands for `*`, a plain space for `@` and for names side by side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from derive.functions import OPERATIONS
from derive.latex import indexed
from derive.latex.escaping import escape
from derive.latex.style import TALL, Style, Writer, bracketed, bracketed_if, carries_power, name, number, script
from derive.names import GREEK, anatomy
from derive.tree import (
    PRODUCT,
    SUM,
    Call,
    Derivative,
    Indicator,
    Name,
    Negative,
    Number,
    Power,
    Product,
    Reduction,
    Relation,
    Subscript,
    Sum,
    Transpose,
    Tree,
    binding,
)  # fmt: skip

#: Fractions within fractions are printed as such to this depth, then as a/b.
FRACTIONS = 2
#: Roots within roots: TeX's own nesting ends at about 100.
ROOTS = 8

#: Followed by a bracket, these read as a function.
_FUNCTION_LETTERS = frozenset(("f", "g", "h", "F", "G", "H", "sigma", "phi", "psi", "varphi"))
#: Numbers side by side would run together, and 1.35 cos(3) reads badly.
_NUMBER_FIRST = re.compile(r"[0-9.]|(?:\\frac\{|\\sqrt\{|\\[a-z]+\(|\\[lr][vV]ert )-?[0-9.]")
_OPERATOR_NAME = re.compile(r"\\(?:sin|cos|tan|arc|exp|ln|max|min|operatorname|sum|prod)")


def formula(
    tree: Tree, *, inline: bool = False, limit: int | None = None, notation: Mapping[str, str] | None = None
) -> str:
    r"""The tree as LaTeX for math mode.

    inline : for a line of prose: a/b, nothing taller than the line.
    limit : print at most so many terms or factors of one sum or product, with \cdots for those in the middle.
    notation : names that are printed as other names, such as {"zbar_3": "delta_3"}.
    """
    stack: list[Writer] = [_written(tree, Style(inline, limit, notation or {}))]
    answer: str | None = None
    while stack:
        try:
            # sending None starts a writer, a string answers its last question
            asked, style = stack[-1].send(answer)  # type: ignore[arg-type]
        except StopIteration as end:
            stack.pop()
            answer = str(end.value)
        else:
            stack.append(_written(asked, style))
            answer = None
    return answer or ""


def _written(tree: Tree, style: Style) -> Writer:
    match tree:
        case Number(text=text):
            return number(text)
        case Name(text=text):
            return name(style.shown(text, tree.symbol))
        case Negative(body=body):
            printed = yield body, style
            return "-" + bracketed_if(binding(body) <= SUM or printed.startswith("-"), printed)
        case Sum():
            return (yield from _sum(tree, style))
        case Product():
            return (yield from _product(tree, style))
        case Power(base=base, exponent=exponent, elementwise=elementwise):
            below = yield base, style
            above = yield exponent, replace(style, inline=True)
            return bracketed_if(not carries_power(base), below) + script(
                "^", rf"\circ {above}" if elementwise else above
            )
        case Transpose(body=body):
            printed = yield body, style
            return bracketed_if(not carries_power(body), printed) + r"^\top"
        case Call():
            return (yield from _call(tree, style))
        case Subscript():
            return (yield from indexed.subscript(tree, style))
        case Reduction():
            return (yield from indexed.reduction(tree, style))
        case Indicator():
            return (yield from indexed.indicator(tree, style))
        case Relation(sides=sides):
            texts = []
            for side in sides:
                printed = yield side, style
                texts.append(bracketed_if(isinstance(side, Relation), printed))
            return " = ".join(texts)
        case Derivative():
            return (yield from indexed.derivative(tree, style))


# --- sums -------------------------------------------------------------------------------------------------------------


def _sum(tree: Sum, style: Style) -> Writer:
    shown, elided = _shown(tree.terms, style.limit)
    text = ""
    for k, (sign, term) in enumerate(shown):
        printed = yield term, style
        loose = binding(term) <= SUM or ((k > 0 or sign == "-") and printed.startswith("-"))
        printed = bracketed_if(loose, printed)
        if k and k == elided:
            text += r" + \cdots"
        text += f" {sign} {printed}" if k else printed if sign == "+" else "-" + printed
    return text


def _shown(parts: tuple[tuple[str, Tree], ...], limit: int | None) -> tuple[tuple[tuple[str, Tree], ...], int | None]:
    """The parts to print, and the position before which some were left out (or None)."""
    if limit is None or len(parts) <= max(limit, 3):
        return parts, None
    kept = max(limit, 3) - 1
    return (*parts[:kept], parts[-1]), kept


# --- products and quotients -------------------------------------------------------------------------------------------

#: Operators after which another one makes the reader look twice: `a/b c` gets brackets.
_AGAIN = {"/": ("*", "/", ".*", "./"), "./": ("*", "/", ".*", "./"), ".*": ("*", "/", "./"), "*": (".*", "./")}


def _product(tree: Product, style: Style) -> Writer:
    """Factors from left to right; all that stands before a `/` is its numerator."""
    quotients = sum(operator == "/" for operator, _ in tree.factors)
    flat = style.inline or style.fractions + quotients > FRACTIONS
    factors, elided = tree.factors, None
    if all(operator not in ("/", "./") for operator, _ in factors):
        factors, elided = _shown(factors, style.limit)
    text = bare = group = ""
    left = factors[0][1]
    for k, (operator, factor) in enumerate(factors):
        quotients -= operator == "/"
        depth = style.fractions + quotients + (operator == "/")
        printed = yield factor, replace(style, inline=True) if flat else replace(style, fractions=depth)
        if not k:
            # a numerator of one factor stands without brackets
            text, bare = bracketed_if(_loose_first(factor, printed), printed), printed
            continue
        if k == elided:
            text += r" \cdots"
        if operator == "/" and not flat:
            text = rf"\frac{{{bare if k == 1 else text}}}{{{printed}}}"
            group = ""
        else:
            kind = "*" if operator in ("*", "", "@") else operator
            text = bracketed_if(kind in _AGAIN.get(group, ()), text)
            loose = _loose_later(factor, printed, kind, last=k == len(factors) - 1)
            text = _joined(text, left, operator, bracketed_if(loose, printed))
            group = kind
        left = factor
    return text


def _is_fraction(tree: Tree, printed: str) -> bool:
    """A product that was printed as one fraction: an atom to the eye."""
    return isinstance(tree, Product) and tree.factors[-1][0] == "/" and printed.startswith(r"\frac")


def _loose_first(tree: Tree, printed: str) -> bool:
    inner = tree
    while isinstance(inner, Negative):
        inner = inner.body
    # the body of a reduction is the rest of the term: factors behind it would become part of it
    if isinstance(inner, Derivative):
        return printed.endswith(")")
    return isinstance(inner, Reduction) or (binding(tree) <= PRODUCT and not _is_fraction(tree, printed))


def _loose_later(tree: Tree, printed: str, kind: str, last: bool) -> bool:
    match tree:
        case Reduction():
            return kind != "*" or not last
        case Derivative():
            return not printed.startswith(r"\frac") or (printed.endswith(")") and not last)
        case Number():
            return kind == "/" and r"\cdot" in printed
    return printed.startswith("-") or (binding(tree) <= PRODUCT and not _is_fraction(tree, printed))


def _joined(text: str, left: Tree, operator: str, printed: str) -> str:
    """Two factors side by side where that is clear, else with a sign between them."""
    match operator:
        case "/":
            return f"{text}/{printed}"
        case ".*":
            return rf"{text} \odot {printed}"
        case "./":
            return rf"{text} \oslash {printed}"
    left = left.body if isinstance(left, Negative) else left
    number_before = isinstance(left, Number) and text[-1:].isdigit()
    spelled_out = ("(-", r"\frac", "(") if number_before else "(-"
    if printed.startswith(spelled_out) or _NUMBER_FIRST.match(printed):
        return rf"{text} \cdot {printed}"
    if printed.startswith(("(", r"\left(")) and (text.endswith(")") or _looks_like_a_function(left)):
        return rf"{text} \cdot {printed}"
    if number_before or text.endswith(r"\cdots") or _OPERATOR_NAME.match(printed):
        return f"{text} {printed}"  # TeX makes room for an operator's name
    words = re.search(r"\\(?:mathrm|text)\{[^{}]*\}$", text) or re.match(r"\\(?:mathrm|text)", printed)
    return rf"{text} \, {printed}" if operator == "*" or words else f"{text} {printed}"


def _looks_like_a_function(tree: Tree) -> bool:
    if not isinstance(tree, Name):
        return False
    base = anatomy(tree.text).base
    return base in _FUNCTION_LETTERS or (len(base) > 1 and base not in GREEK)


# --- calls and subscripts ---------------------------------------------------------------------------------------------


def _call(tree: Call, style: Style) -> Writer:
    if tree.function == "sqrt" and len(tree.arguments) == 1 and style.roots < ROOTS:
        printed = yield tree.arguments[0], replace(style, roots=style.roots + 1)
        return rf"\sqrt{{{printed}}}"
    if tree.function == "floor":
        return (yield from indexed.floor(tree, style))
    if tree.orders:
        return (yield from indexed.named_function(tree, style))
    arguments = []
    for argument in tree.arguments:
        arguments.append((yield argument, style))
    inside = ", ".join(arguments)
    if not tree.function:
        return bracketed(inside)
    if tree.function == "mod":
        return bracketed(r" \bmod ".join(arguments))
    if tree.function in ("abs", "norm") and len(arguments) == 1:
        bar = "vert" if tree.function == "abs" else "Vert"
        left, right = (r"\left", r"\right") if TALL.search(inside) else ("", "")
        return rf"{left}\l{bar} {inside} {right}\r{bar}"
    row = OPERATIONS.get(tree.function)
    head = row.latex if row is not None and row.latex and tree.function != "sqrt" else ""
    if not head:
        head = rf"\operatorname{{{escape(tree.function)}}}"
    brackets = bracketed(inside)
    # TeX puts a space between an operator and a growing bracket, none before a plain one
    return head + (r"\!" if brackets.startswith(r"\left") and head != r"\sigma" else "") + brackets
