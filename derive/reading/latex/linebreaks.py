r"""The rows of a formula that is displayed: what `\\` and line ends separate outside braces and inner environments.

A row that breaks off, or goes on with an operator in the next line, is one row: a term that got lost would make a right
row wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from derive.errors import ReadingError
from derive.reading import limits
from derive.reading.latex.commands import RELATIONS, ROW_ENVIRONMENTS
from derive.reading.latex.source import Source

ENVIRONMENT = "|".join(sorted(ROW_ENVIRONMENTS, key=len, reverse=True))
_PIECES = re.compile(
    r"\\begin\{(?P<BEGIN>[A-Za-z]+)\*?\}|\\end\{(?P<END>[A-Za-z]+)\*?\}"
    r"|\\\\(?P<ROW>\*?(?:[ \t]*\[\s*-?[0-9.]+\s*[a-z]+\s*\])?)"
    r"|\\[A-Za-z]+|\\.|(?P<OPEN>[{(\[])"
    r"|(?P<CLOSE>[})\]])|(?P<COMMENT>%[^\r\n]*)|(?P<LINE>\r\n|\r|\n)",
    re.DOTALL,
)
COLUMNS = re.compile(r"\s*(?:\[[^\[\]{}]*\]\s*)?\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
WITH_COLUMNS = frozenset(("array", "tabular", "tabularx", "longtable", "alignat", "alignedat", "IEEEeqnarray"))
_WHOLE = re.compile(
    rf"(?:\s|\\left\s*(?:\\\{{|\.)|\\displaystyle|\\label\{{[^{{}}]*\}})*"
    rf"\\begin\{{({ENVIRONMENT})\*?\}}(?:\[[a-z]\])?"
)
_LAYOUT_ONLY = re.compile(
    r"(?:%[^\r\n]*(?:[\r\n]|$)|\\(?:label|tag)\*?\{[^{}]*\}|[&\s.,;]"
    r"|\\(?:hline|nonumber|notag|centering|noindent|displaystyle|toprule|midrule|bottomrule)(?![A-Za-z]))*"
)
_COMMENT = re.compile(r"(?<!\\)%[^\r\n]*")
RELATION = re.compile(
    r"[=<>]|\\(?:" + "|".join(sorted(RELATIONS, key=len, reverse=True)) + r")(?![A-Za-z])|\u2248|\u2190|~="
)
_BREAKS_OFF = re.compile(
    r"(?:[=+*/&(\[{]|(?<![eE])-|\\(?:cdot|times|odot|circ|approx|quad|ast|star|left))(?:\s|\\[,;:!>]|&)*$"
)
_SPACES = r"(?:[\s&]|\\[,;:! ]|\\q?quad(?![A-Za-z])|\{\}|\\[hv]?(?:phantom|space)\*?\{[^{}]*\})*"
_GOES_ON = re.compile(
    _SPACES + r"(?:[+*/)\]}]|\\(?:cdot|times|odot|circ|ast|star|right|oslash)(?![A-Za-z])|\\left\s*\.)"
)
_MINUS = re.compile(_SPACES + "-")


@dataclass(frozen=True, slots=True)
class Piece:
    """One row in its source. plain : in the plain notation.  display : it counts as a row even if it claims nothing."""

    source: Source
    start: int
    end: int
    plain: bool = False
    display: bool = True
    error: ReadingError | None = None

    @property
    def text(self) -> str:
        return self.source.original[self.start : self.end]


def rows_of(source: Source, start: int, end: int) -> Iterator[Piece]:
    r"""What `\\` and line ends separate outside braces and inner environments."""
    text = source.text
    unwrapped = _unwrapped(text, start, end)
    if unwrapped is not None:
        yield from rows_of(source, *unwrapped)
        return
    begin = start
    braces = brackets = environments = 0
    found = list(_PIECES.finditer(text, start, end))
    lowest = _lowest(found)
    depth = 0
    for match, low in zip(found, lowest, strict=True):
        kind = match.lastgroup
        depth += (kind == "OPEN") - (kind == "CLOSE")
        opened = max(braces, 0) + max(brackets, 0)
        if kind in ("ROW", "LINE") and opened and environments == 0 and low > depth - opened:
            # what stands open is closed nowhere: the row alone is spoiled
            if kind == "ROW" or is_row(text, match.end(), end):
                braces = brackets = 0
        elif kind == "LINE" and opened and environments == 0 and is_row(text, match.end(), end):
            braces = brackets = 0
        if kind == "BEGIN":
            environments += 1
        elif kind == "END":
            environments = max(environments - 1, 0)
        elif kind == "OPEN":
            braces += match[0] == "{"
            brackets += match[0] != "{"
        elif kind == "CLOSE":
            braces -= match[0] == "}"
            brackets -= match[0] != "}"
        elif (kind == "ROW" and braces <= 0 and environments == 0) or (
            kind == "LINE" and max(braces, brackets, environments) <= 0
        ):
            if not _is_row_end(text, begin, match.start(), match.end(), end):
                continue
            yield from _row(source, begin, match.start())
            begin, braces, brackets = match.end(), 0, 0
    yield from _row(source, begin, end)


def _lowest(matches: Sequence[re.Match[str]]) -> list[int]:
    """How deep in brackets the text still gets behind each piece, at the least."""
    depth = 0
    depths = []
    for match in matches:
        depth += (match.lastgroup == "OPEN") - (match.lastgroup == "CLOSE")
        depths.append(depth)
    for place in range(len(depths) - 2, -1, -1):
        depths[place] = min(depths[place], depths[place + 1])
    return depths


def is_row(text: str, start: int, end: int) -> bool:
    """Whether the next line says something for itself: brackets that close, and an equals sign outside them."""
    line = _COMMENT.sub("", text[start : min(end, start + 2_000)].lstrip(" \t&").split("\n")[0])
    depth, claims = 0, False
    for place, sign in enumerate(line):
        depth += (sign in "([{") - (sign in ")]}")
        if depth < 0:
            return False
        claims = claims or (sign == "=" and depth == 0 and place > 0 and line[place - 1] not in "<>!")
    return claims and depth == 0


def _row(source: Source, start: int, end: int) -> Iterator[Piece]:
    begin, stop = stripped(source.text, start, end)
    if stop > begin and not _LAYOUT_ONLY.fullmatch(source.text, begin, stop):
        yield Piece(source, begin, stop)


def _is_row_end(text: str, start: int, stop: int, following: int, end: int) -> bool:
    r"""Whether a line end or a `\\` ends the row: it does not break off, and what is next does not go on with it."""
    if stop - start > limits.LINE_CHARACTERS:  # too long to be read: its error stands, and the next row is another
        return True
    before = max(text.rfind("\n", start, max(stop - 300, start)), start)  # the last lines tell
    so_far = _COMMENT.sub("", text[before:stop])
    if not so_far.strip() or _BREAKS_OFF.search(so_far, max(len(so_far) - 40, 0)):
        return False
    line = text[following : min(end, following + 2_000)].lstrip().split("\n")[0]
    if _GOES_ON.match(line):
        return False
    if _MINUS.match(line):  # `- b` goes on, `-a = b` is a row
        return bool(RELATION.search(line.split("\\\\")[0]))
    return True


def _unwrapped(text: str, start: int, end: int) -> tuple[int, int] | None:
    r"""The inside of `\begin{aligned} .. \end{aligned}` where a formula is nothing else; matrices stay whole."""
    match = _WHOLE.match(text, start, end)
    if match is None:
        return None
    stop = environment_end(text, match.end(), match[1])
    if stop is None or stop[1] > end:
        return None
    rest = re.sub(r"\\right\s*\.|\\(?:label|tag)\*?\{[^{}]*\}|%[^\r\n]*|\\nonumber|\\notag", "", text[stop[1] : end])
    begin = match.end()
    if match[1] in WITH_COLUMNS and (columns := COLUMNS.match(text, begin)) is not None:
        begin = columns.end()
    if rest.strip(" \t\r\n.,;") or (match[1] == "array" and not RELATION.search(text, begin, stop[0])):
        return None
    return begin, stop[0]


def rows_of_table(source: Source, start: int, end: int) -> Iterator[Piece]:
    """A table of text: what stands in `$..$` and the numbers and signs between; words are blanked."""
    text = source.text

    def masked(match: re.Match[str]) -> str:
        return f" {match[1][1:-1]} " if match[1] else re.sub(r"[^\r\n]", " ", match[0])

    inside = re.sub(
        r"(\$[^$]*\$)|\\(?:hline|toprule|midrule|bottomrule|cline\{[^{}]*\})|\\[a-z]{3,}\{|[A-Za-z]{2,}|[{}|]",
        masked,
        text[start:end],
    )
    yield from rows_of(source.masked(text[:start] + inside + text[end:]), start, end)


def stripped(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def environment_end(text: str, place: int, name: str) -> tuple[int, int] | None:
    """Start and end of the `\\end` that belongs to an open environment."""
    depth = 1
    for match in re.compile(rf"\\(begin|end)\{{{name}\*?\}}").finditer(text, place):
        depth += 1 if match[1] == "begin" else -1
        if not depth:
            return match.start(), match.end()
    return None
