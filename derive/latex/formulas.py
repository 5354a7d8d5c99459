r"""A formula in LaTeX, in the author's order: `vbar_3*v_3 - vbar_1*v_-1/v_0^2` as a textbook sets it.

Brackets are printed only where the reading would change without them, and grow only around what is tall. What is
printed reads back to the same formula: a thin space stands for `*`, a plain space for `@` and for names side by side.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace

from derive.functions import OPERATIONS
from derive.latex.escaping import escape
from derive.names import GREEK, anatomy
from derive.tree import (
    ATOM,
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

_COMPARISONS = {"=": "=", "!=": r"\ne", "<": "<", "<=": r"\le", ">": ">", ">=": r"\ge"}
_REDUCTIONS = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min", "mean": r"\operatorname*{mean}"}
_ACCENTS = {
    "bar": (r"\bar", r"\overline"),
    "hat": (r"\hat", r"\widehat"),
    "dot": (r"\dot", r"\dot"),
    "tilde": (r"\tilde", r"\widetilde"),
}
_TALL = re.compile(r"\\frac|\\sum|\\prod|\\left|\\operatorname\*|\\max_|\\min_")
#: Followed by a bracket, these read as a function.
_FUNCTION_LETTERS = frozenset(("f", "g", "h", "F", "G", "H", "sigma", "phi", "psi", "varphi"))
#: Numbers side by side would run together, and 1.35 cos(3) reads badly.
_NUMBER_FIRST = re.compile(r"[0-9.]|(?:\\frac\{|\\sqrt\{|\\[a-z]+\(|\\[lr][vV]ert )-?[0-9.]")
_OPERATOR_NAME = re.compile(r"\\(?:sin|cos|tan|arc|exp|ln|max|min|operatorname|sum|prod)")


@dataclass(frozen=True, slots=True)
class _Style:
    """inline : a/b in place of fractions, no growing brackets.  fractions, roots : how many surround this place."""

    inline: bool = False
    limit: int | None = None
    notation: Mapping[str, str] = field(default_factory=dict)
    fractions: int = 0
    roots: int = 0


#: A formula asks for its parts and is sent them: no recursion, however deep the tree.
_Writer = Generator[tuple[Tree, _Style], str, str]


def formula(
    tree: Tree, *, inline: bool = False, limit: int | None = None, notation: Mapping[str, str] | None = None
) -> str:
    r"""The tree as LaTeX for math mode.

    inline : for a line of prose: a/b, nothing taller than the line.
    limit : print at most so many terms or factors of one sum or product, with \cdots for those in the middle.
    notation : names that are printed as other names, such as {"zbar_3": "delta_3"}.
    """
    stack: list[_Writer] = [_written(tree, _Style(inline, limit, notation or {}))]
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


def name(text: str) -> str:
    r"""A name as it is set: `v_-1` is v_{-1}, `vbar_3` is \bar{v}_3, `x1` is x_1, `u_hat` is \hat{u}, `f.2` f_{.2}."""
    parts = anatomy(text)
    letter = len(parts.base) == 1 or parts.base in GREEK
    base = _word(parts.base)
    for accent in parts.accents:
        base = f"{_ACCENTS[accent][not letter]}{{{base}}}"
    return base + _script("_", _subscripts(parts.subscripts))


def _subscripts(parts: tuple[str, ...]) -> str:
    text = ""
    for part in parts:
        sign, word = ("-", part[1:]) if part.startswith("-") else ("", part)
        inner = word.startswith(".")
        printed = sign + ("." if inner else "") + _word(word[inner:])
        text += ("," if text and not inner else "") + printed
    return text


def _word(text: str) -> str:
    if text in GREEK:
        return "o" if text == "omicron" else f"\\{text}"
    if re.fullmatch(r"[A-Za-z]|[0-9]+", text):
        return text
    if re.fullmatch(r"[A-Za-z0-9]+", text):
        return rf"\mathrm{{{text}}}"
    return rf"\text{{{escape(text)}}}" if text else ""


def _script(sign: str, text: str) -> str:
    """`_3`, `^{-1}`: braces where more than one sign is to be set lower or higher."""
    if not text:
        return ""
    return sign + (text if len(text) == 1 or text in (r"\top",) else f"{{{text}}}")


def _written(tree: Tree, style: _Style) -> _Writer:
    match tree:
        case Number(text=text):
            return _number(text)
        case Name(text=text):
            return name(style.notation.get(text, text))
        case Negative(body=body):
            printed = yield body, style
            return "-" + _bracketed_if(binding(body) <= SUM or printed.startswith("-"), printed)
        case Sum():
            return (yield from _sum(tree, style))
        case Product():
            return (yield from _product(tree, style))
        case Power(base=base, exponent=exponent, elementwise=elementwise):
            below = yield base, style
            above = yield exponent, replace(style, inline=True)
            return _bracketed_if(not _carries_power(base), below) + _script(
                "^", rf"\circ {above}" if elementwise else above
            )
        case Transpose(body=body):
            printed = yield body, style
            return _bracketed_if(not _carries_power(body), printed) + r"^\top"
        case Call():
            return (yield from _call(tree, style))
        case Subscript(array=array, indices=indices):
            return (yield from _subscript(style.notation.get(array, array), indices, style))
        case Reduction(operator=operator, bound=bound, body=body):
            printed = yield body, style
            sign = _REDUCTIONS.get(operator) or rf"\operatorname*{{{_word(operator)}}}"
            below = _script("_", ",".join(name(index) for index in bound))
            return f"{sign}{below} " + _bracketed_if(binding(body) <= SUM or printed.startswith("-"), printed)
        case Indicator(sides=sides, operators=operators):
            text = yield sides[0], replace(style, inline=True)
            for operator, side in zip(operators, sides[1:], strict=True):
                printed = yield side, replace(style, inline=True)
                text += f" {_COMPARISONS.get(operator, escape(operator))} {printed}"
            return f"[{text}]"
        case Relation(sides=sides):
            texts = []
            for side in sides:
                printed = yield side, style
                texts.append(_bracketed_if(isinstance(side, Relation), printed))
            return " = ".join(texts)
        case Derivative(of=of, by=by):
            upper = _bracketed_if(not _carries_power(of), (yield of, style))
            lower = _bracketed_if(not _carries_power(by), (yield by, style))
            upper, lower = rf"\partial {upper}", rf"\partial {lower}"
            return f"{upper}/{lower}" if style.inline else rf"\frac{{{upper}}}{{{lower}}}"


# --- sums -------------------------------------------------------------------------------------------------------------


def _sum(tree: Sum, style: _Style) -> _Writer:
    shown, elided = _shown(tree.terms, style.limit)
    text = ""
    for k, (sign, term) in enumerate(shown):
        printed = yield term, style
        loose = binding(term) <= SUM or ((k > 0 or sign == "-") and printed.startswith("-"))
        printed = _bracketed_if(loose, printed)
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


def _product(tree: Product, style: _Style) -> _Writer:
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
            text, bare = _bracketed_if(_loose_first(factor, printed), printed), printed
            continue
        if k == elided:
            text += r" \cdots"
        if operator == "/" and not flat:
            text = rf"\frac{{{bare if k == 1 else text}}}{{{printed}}}"
            group = ""
        else:
            kind = "*" if operator in ("*", "", "@") else operator
            text = _bracketed_if(kind in _AGAIN.get(group, ()), text)
            loose = _loose_later(factor, printed, kind, last=k == len(factors) - 1)
            text = _joined(text, left, operator, _bracketed_if(loose, printed))
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
    return isinstance(inner, Reduction) or (binding(tree) <= PRODUCT and not _is_fraction(tree, printed))


def _loose_later(tree: Tree, printed: str, kind: str, last: bool) -> bool:
    match tree:
        case Reduction():
            return kind != "*" or not last
        case Derivative():
            return not printed.startswith(r"\frac")
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


def _call(tree: Call, style: _Style) -> _Writer:
    if tree.function == "sqrt" and len(tree.arguments) == 1 and style.roots < ROOTS:
        printed = yield tree.arguments[0], replace(style, roots=style.roots + 1)
        return rf"\sqrt{{{printed}}}"
    arguments = []
    for argument in tree.arguments:
        arguments.append((yield argument, style))
    inside = ", ".join(arguments)
    if tree.function in ("abs", "norm") and len(arguments) == 1:
        bar = "vert" if tree.function == "abs" else "Vert"
        left, right = (r"\left", r"\right") if _TALL.search(inside) else ("", "")
        return rf"{left}\l{bar} {inside} {right}\r{bar}"
    row = OPERATIONS.get(tree.function)
    head = row.latex if row is not None and row.latex and tree.function != "sqrt" else ""
    if not head:
        head = rf"\operatorname{{{escape(tree.function)}}}"
    brackets = _bracketed(inside)
    # TeX puts a space between an operator and a growing bracket, none before a plain one
    return head + (r"\!" if brackets.startswith(r"\left") and head != r"\sigma" else "") + brackets


def _subscript(array: str, indices: tuple[Tree, ...], style: _Style) -> _Writer:
    texts = []
    for index in indices:
        texts.append((yield index, replace(style, inline=True)))
    compound = any(binding(index) != ATOM for index in indices)
    base = name(array)
    if anatomy(array).subscripts:
        base = f"({base})"
    return base + _script("_", (r",\," if compound else ",").join(texts))


# --- brackets ---------------------------------------------------------------------------------------------------------


def _carries_power(tree: Tree) -> bool:
    """Whether an exponent can stand at it without brackets."""
    match tree:
        case Name() | Subscript() | Indicator():
            return True
        case Number(text=text):
            return text.replace(".", "", 1).isdigit()
        case Call(function=function):
            return function in ("abs", "norm")
    return False


def _bracketed(text: str) -> str:
    return rf"\left({text}\right)" if _TALL.search(text) else f"({text})"


def _bracketed_if(wanted: bool, text: str) -> str:
    return _bracketed(text) if wanted else text


def _number(text: str) -> str:
    written = re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?)([0-9]+))?", text)
    if written is None:
        return r"\infty" if text == "inf" else rf"\text{{{escape(text)}}}"
    mantissa, sign, exponent = written.groups()
    if exponent is None:
        return str(mantissa)
    return rf"{mantissa} \cdot 10^{{{'-' if sign == '-' else ''}{exponent.lstrip('0') or '0'}}}"
