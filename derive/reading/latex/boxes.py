r"""Frames around results, `\boxed{a = b}`: what stands in them is read as if they were not there."""

from __future__ import annotations

import re

from derive.reading.latex.linebreaks import RELATION

_PIECES = re.compile(
    r"(?P<BOX>\\(?:A?boxed|f(?:rame)?box|colorbox\s*\{[^{}]*\})\s*\{)"
    rf"|(?P<RELATION>{RELATION.pattern})|\\.|(?P<OPEN>\{{)|(?P<CLOSE>\}})",
    re.DOTALL,
)


def unboxed(text: str) -> str:
    r"""The text with frames around statements blanked. One around a value, `2 \boxed{a + b}`, keeps its braces."""
    if "box" not in text:
        return text
    characters = list(text)
    open_: list[tuple[int, int, bool, list[bool]]] = []  # start, end, a box of text, whether a relation is in it
    for match in _PIECES.finditer(text):
        kind = match.lastgroup
        if kind in ("BOX", "OPEN"):
            open_.append((match.start(), match.end(), match[0].startswith(("\\f", "\\c")), [False]))
        elif kind == "RELATION" and open_:
            open_[-1][3][0] = True
        elif kind == "CLOSE" and open_:
            start, end, of_text, related = open_.pop()
            if end - start > 1 and (of_text or related[0]):
                for place in (*range(start, end), match.start()):
                    characters[place] = " "
                if open_:
                    open_[-1][3][0] = True
    return "".join(characters)
