"""Python text with the brackets and line breaks that it needs: how tightly pieces bind, and lines of at most 100."""

from __future__ import annotations

import re
import textwrap
from fractions import Fraction

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
    "wrapped",
]

WIDTH = 100
_OPENING, _CLOSING = "([{", ")]}"


def bracketed(text: str, level: int, least: int) -> str:
    """The text in brackets unless it binds at least as tightly as `least`."""
    return text if level >= least else f"({text})"


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
    text = repr(float(size))
    return text if len(text) <= 8 and Fraction(text) == size else ""


def _float(size: Fraction) -> str:
    """The nearest double; what is larger than all of them is infinite in any arithmetic on them."""
    try:
        return repr(float(size))
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
    start = re.match(r"return |for \w+ in |[\w.]+(?:\[[^=]*\])? \+?= ", line)
    prefix = start[0] if start else ""
    suffix = ":" if line.endswith(":") else ""
    return _layout(prefix, line[len(prefix) : len(line) - len(suffix)], suffix, indent)


def documented(text: str, indent: int) -> list[str]:
    """Text of a docstring, broken at spaces."""
    pad = " " * (4 * indent)
    return textwrap.wrap(
        text, WIDTH, initial_indent=pad, subsequent_indent=pad + "    ", break_long_words=False, break_on_hyphens=False
    )


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
    kinds = textwrap.wrap(tail[opening + 1 : closing], WIDTH - 4 - len(pad))
    return [*answer, pad + tail[: opening + 1], *(f"{pad}    {kind}" for kind in kinds), pad + tail[closing:]]


def _layout(prefix: str, text: str, suffix: str, indent: int) -> list[str]:
    """prefix + text + suffix on as few lines as there must be."""
    pad = " " * (4 * indent)
    if len(pad) + len(prefix) + len(text) + len(suffix) <= WIDTH:
        return [pad + prefix + text + suffix]
    parts = _operands(text)
    if len(parts) == 1 and len(items := _split(text, (",",))) > 1:
        one = ", ".join(item.strip() for item in items if item.strip())
        inside = _filled(one, indent + 1)
        return [f"{pad}{prefix}(", *inside, f"{pad}){suffix}"]
    if len(parts) > 1:
        inside = [made for part in parts for made in _operand_lines(part, indent + 1)]
        return [f"{pad}{prefix}(", *inside, f"{pad}){suffix}"]
    pairs = sorted(_outermost(text), key=lambda pair: pair[0] - pair[1])
    if not pairs or pairs[0][1] - pairs[0][0] < 2:
        return [pad + prefix + text + suffix]
    opening, closing = pairs[0]
    head, body, tail = text[: opening + 1], text[opening + 1 : closing], text[closing:]
    if max(len(prefix) + len(head), len(tail)) + len(pad) + len(suffix) > WIDTH:
        links = _chain(text)
        if len(links) > 1:
            inside = [made for link in links for made in _layout("", link, "", indent + 1)]
            return [f"{pad}{prefix}(", *inside, f"{pad}){suffix}"]
    return [pad + prefix + head, *_inside(body, indent + 1), pad + tail + suffix]


def _chain(text: str) -> list[str]:
    """a(...).f(...).g(...) in links: a(...), .f(...), .g(...)."""
    links, depth, start, quote = [], 0, 0, ""
    for place, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c == "." and depth == 0 and text[place - 1 : place] in (*_CLOSING,):
            links.append(text[start:place])
            start = place
        depth += 0 if quote else (c in _OPENING) - (c in _CLOSING)
    return [*links, text[start:]]


def _inside(body: str, indent: int) -> list[str]:
    """What stands between brackets: on one line if it fits, else an item or an operand a line."""
    pad = " " * (4 * indent)
    items = [item.strip() for item in _split(body, (",",)) if item.strip()]
    if len(items) > 1:
        if len(pad) + len(one := ", ".join(items)) <= WIDTH:
            return [pad + one]
        return [line for item in items for line in _layout("", item, ",", indent)]
    if len(pad) + len(body) <= WIDTH:
        return [pad + body]
    return [line for part in _operands(body) for line in _operand_lines(part, indent)]


def _operand_lines(part: str, indent: int) -> list[str]:
    operator = re.match(r"(?:[-+*/@|&]|//|for|if|else|and|==|<=|>=|<|>) ", part)
    lead = operator[0] if operator else ""
    return _layout(lead, part[len(lead) :], "", indent)


def _filled(text: str, indent: int) -> list[str]:
    pad = " " * (4 * indent)
    return textwrap.wrap(text, WIDTH, initial_indent=pad, subsequent_indent=pad, break_long_words=False)


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


def _operands(text: str) -> list[str]:
    """The operands of the loosest operator, each with the sign before it."""
    if len(_split(text, (":",))) > 1:
        return [text]  # a slice stays in one piece
    if len(_split(text, (" for ",))) > 1:
        return [part.strip() for part in _split(text, (" for ", " if "), keep=True)]
    for operators in ((" if ", " else "), (" and ",), (" | ",), (" & ",), (" == ", " < ", " <= ", " > ", " >= "),
                      (" + ", " - "), (" * ", " / ", " @ ")):  # fmt: skip
        parts = [part.strip() for part in _split(text, operators, keep=True)]
        if len(parts) > 1:
            return parts
    return [text]


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
