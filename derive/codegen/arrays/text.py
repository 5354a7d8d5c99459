"""Python text with the brackets and line breaks that it needs: how tightly pieces bind, and lines of at most 100."""

from __future__ import annotations

import ast
import re
import textwrap
from fractions import Fraction

from derive.codegen.arrays.breaking import WIDTH, broken
from derive.codegen.spelling import ATOM, LARGEST, POWER, PRODUCT, SUM, UNARY

__all__ = [
    "ATOM",
    "POWER",
    "PRODUCT",
    "SUM",
    "UNARY",
    "bracketed",
    "comment",
    "documented",
    "listed",
    "literal",
    "negated",
    "wrapped",
]

_OPENING, _CLOSING = "([{", ")]}"


def bracketed(text: str, level: int, least: int) -> str:
    """The text in brackets unless it binds at least as tightly as `least`."""
    return text if level >= least else f"({text})"


def negated(text: str, level: int) -> str:
    """-text, with brackets around a sum and around a power that the sign would stand before."""
    made = f"-{bracketed(text, level, PRODUCT)}"
    if "**" not in made:
        return made
    node: ast.expr = ast.parse(made, mode="eval").body
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.BinOp):
        return f"-({made[1 : node.end_col_offset]}){made[node.end_col_offset :]}"
    return made


def literal(number: Fraction) -> tuple[str, int]:
    """A rational number as Python writes it: exact where a float is, else a quotient; and how tightly it binds."""
    size = abs(number)
    if size.denominator == 1:
        text, level = (str(size) if size < LARGEST else _float(size)), ATOM
    elif size.denominator & (size.denominator - 1) == 0 and size.denominator <= 1024 and size < 1024:
        text, level = repr(float(size)), ATOM
    elif size.numerator < LARGEST and size.denominator < LARGEST:
        text, level = _short_decimal(size) or f"{size.numerator} / {size.denominator}", PRODUCT
        level = PRODUCT if " " in text else ATOM
    else:
        text, level = _float(size), ATOM
    if number >= 0:
        return text, level
    return f"-{bracketed(text, level, UNARY)}", UNARY


def _short_decimal(size: Fraction) -> str:
    """1e-05 for 1/100000: a decimal of few digits, which a float rounds as it rounds the quotient."""
    text = _float(size)
    return text if len(text) <= 8 and Fraction(text) == size else ""


def _float(size: Fraction) -> str:
    """The nearest double; what is larger than all of them is infinite in any arithmetic on them."""
    try:
        return repr(float(size)).replace("e+", "e")
    except OverflowError:
        return "1e999"


def listed(entries: list[str]) -> str:
    """A tuple as it is written, with the comma that a single entry needs."""
    return f"({', '.join(entries)}{',' if len(entries) == 1 else ''})"


def comment(text: str) -> list[str]:
    """Text as comment lines; from an author, so printable and without line ends."""
    plain = "".join(c if c.isascii() and c.isprintable() else f"<{ord(c):x}>" for c in text)
    plain = re.sub(
        r"(?<![\w.])\d{30,300}(?![\w.])|(?<![\w.])10{301,308}(?![\w.])", lambda found: f"{float(found[0]):g}", plain
    )
    lines: list[str] = [""]
    for piece in _breakable(plain):
        if len(lines[-1]) + len(piece.rstrip()) > WIDTH - 14 and lines[-1].strip():
            if len(lines) == 6:
                lines.append("    ...")
                break
            lines.append("    ")
        lines[-1] += piece
    return [
        f"# {cut}"
        for number, line in enumerate(lines)
        for cut in textwrap.wrap(line.strip(), WIDTH - 14, initial_indent="    " if number else "",
                                 subsequent_indent="    ", break_on_hyphens=False)
    ]  # fmt: skip


def _breakable(text: str) -> list[str]:
    """The text in pieces between which a line may end: behind spaces and stars outside of brackets."""
    pieces, depth = [""], 0
    for c in text:
        depth += (c in _OPENING) - (c in _CLOSING)
        pieces[-1] += c
        if depth == 0 and c in " *":
            pieces.append("")
    return [piece for piece in pieces if piece]


def wrapped(line: str, indent: int) -> list[str]:
    """A statement, indented; broken at its operators or inside its brackets where it is too long."""
    if len(line) + 4 * indent <= WIDTH or line.startswith("#"):
        return [" " * (4 * indent) + line]
    if line.startswith("def "):
        return _signature(line, indent)
    return broken(line, indent)


def documented(text: str, indent: int, *, hang: int = 4) -> list[str]:
    """Text of a docstring, broken at spaces.  hang : columns by which the lines behind the first are indented more."""
    pad = " " * (4 * indent)
    return textwrap.wrap(
        text, WIDTH, initial_indent=pad, subsequent_indent=pad + " " * hang, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _signature(line: str, indent: int) -> list[str]:
    """def f(...) -> ...: with a parameter a line."""
    opening = line.index("(")
    closing = next(end for start, end in _outermost(line) if start == opening)
    inside = [part for piece in _split(line[opening + 1 : closing], (",",)) if (part := piece.strip())]
    pad = " " * (4 * indent)
    tail = line[closing:]
    answer = [pad + line[: opening + 1], *(f"{pad}    {part}," for part in inside)]
    if len(tail) + len(pad) <= WIDTH or "[" not in tail:
        return [*answer, pad + tail]
    opening, closing = tail.index("["), tail.rindex("]")
    kinds = [kind.strip() for kind in _split(tail[opening + 1 : closing], (",",))]
    if len(set(kinds)) == 1:
        return [*answer, f"{pad}{tail[: opening + 1]}{kinds[0]}, ...{tail[closing:]}"]
    return [*answer, pad + tail[: opening + 1], *(f"{pad}    {kind}," for kind in kinds), pad + tail[closing:]]


def _outermost(line: str) -> list[tuple[int, int]]:
    """The pairs of outermost brackets."""
    found: list[tuple[int, int]] = []
    depth, start = 0, 0
    quote = ""
    for place, c in enumerate(line):
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in _OPENING:
            start = place if depth == 0 else start
            depth += 1
        elif c in _CLOSING:
            depth -= 1
            if depth == 0:
                found.append((start, place))
    return found


def _split(text: str, separators: tuple[str, ...], *, keep: bool = False) -> list[str]:
    """The text between separators outside of brackets and quotes; `keep` puts each before what follows it."""
    parts, depth, start, quote, place = [], 0, 0, "", 0
    while place < len(text):
        c = text[place]
        found = ""
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in _OPENING:
            depth += 1
        elif c in _CLOSING:
            depth -= 1
        elif depth == 0 and (found := next((s for s in separators if text.startswith(s, place)), "")):
            parts.append(text[start:place])
            start = place + (1 if keep else len(found))
        place += max(len(found), 1)
    return [*parts, text[start:]]
