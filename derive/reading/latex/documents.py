r"""Formulas out of a document, cut into rows: `$..$`, `\[..\]`, environments of LaTeX, lines of plain text, notebooks.

Text is only looked at, never expanded. Places stay those of the file: what is no formula is skipped, and inside a row
what is no mathematics (bullets, cells of words) is blanked, not cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from derive.errors import ReadingError
from derive.reading import limits
from derive.reading.latex.commands import RELATIONS, ROW_ENVIRONMENTS
from derive.reading.latex.source import Source

_ENVIRONMENT = "|".join(sorted(ROW_ENVIRONMENTS, key=len, reverse=True))
_MATH = re.compile(
    r"(?P<SKIP>\\[$%\\]|(?<!\\)%[^\r\n]*|\\begin\{(?P<verb>verbatim|lstlisting|minted|comment)\*?\}.*?\\end\{(?P=verb)\*?\})"
    r"|(?P<DISPLAY>\$\$|\\\[)|(?P<INLINE>\$|\\\()"
    rf"|\\begin\{{(?P<NAME>{_ENVIRONMENT})(?P<STAR>\*?)\}}",
    re.DOTALL,
)
_CLOSING = {
    "$$": re.compile(r"(?<!\\)\$\$"),
    "\\[": re.compile(r"\\\]"),
    "$": re.compile(r"(?<!\\)\$"),
    "\\(": re.compile(r"\\\)"),
}
_FENCE = re.compile(r"^[ \t]*(```|~~~).*?^[ \t]*\1[^\n]*$|(?<!`)`[^`\n]+`(?!`)|<!--.*?-->", re.DOTALL | re.MULTILINE)
_PIECES = re.compile(
    r"\\begin\{(?P<BEGIN>[A-Za-z]+)\*?\}|\\end\{(?P<END>[A-Za-z]+)\*?\}"
    r"|\\\\(?P<ROW>\*?(?:[ \t]*\[\s*-?[0-9.]+\s*[a-z]+\s*\])?)"
    r"|\\[A-Za-z]+|\\.|(?P<OPEN>[{(\[])"
    r"|(?P<CLOSE>[})\]])|(?P<COMMENT>%[^\r\n]*)|(?P<LINE>\r\n|\r|\n)",
    re.DOTALL,
)
_COLUMNS = re.compile(r"\s*(?:\[[^\[\]{}]*\]\s*)?\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_WITH_COLUMNS = frozenset(("array", "tabular", "tabularx", "longtable", "alignat", "alignedat", "IEEEeqnarray"))
_WHOLE = re.compile(
    rf"(?:\s|\\left\s*(?:\\\{{|\.)|\\displaystyle|\\label\{{[^{{}}]*\}})*"
    rf"\\begin\{{({_ENVIRONMENT})\*?\}}(?:\[[a-z]\])?"
)
_SOMETHING = re.compile(r"[ \t]*\S")
_LAYOUT_ONLY = re.compile(
    r"(?:%[^\r\n]*(?:[\r\n]|$)|\\(?:label|tag)\*?\{[^{}]*\}|[&\s.,;]"
    r"|\\(?:hline|nonumber|notag|centering|noindent|displaystyle|toprule|midrule|bottomrule)(?![A-Za-z]))*"
)
_COMMENT = re.compile(r"(?<!\\)%[^\r\n]*")
_INNER = frozenset(("array", "aligned", "alignedat", "gathered", "split"))
_TABLES = frozenset(("tabular", "tabularx", "longtable"))
_RELATION = re.compile(
    r"[=<>]|\\(?:" + "|".join(sorted(RELATIONS, key=len, reverse=True)) + r")(?![A-Za-z])|\u2248|\u2190|~="
)
_CLAIM = re.compile(
    r"=|\\(?:"
    + "|".join(
        sorted((name for name, kind in RELATIONS.items() if kind in ("=", "approx", "<-", "propto")), key=len)[::-1]
    )
    + r")(?![A-Za-z])|\u2248|\u2190"
)
_BREAKS_OFF = re.compile(
    r"(?:[=+*/&(\[{]|(?<![eE])-|\\(?:cdot|times|odot|circ|approx|quad|ast|star|left))(?:\s|\\[,;:!>]|&)*$"
)
_SPACES = r"(?:[\s&]|\\[,;:! ]|\\q?quad(?![A-Za-z])|\{\}|\\[hv]?(?:phantom|space)\*?\{[^{}]*\})*"
_GOES_ON = re.compile(
    _SPACES + r"(?:[+*/)\]}]|\\(?:cdot|times|odot|circ|ast|star|right|oslash)(?![A-Za-z])|\\left\s*\.)"
)
_MINUS = re.compile(_SPACES + "-")
_PROSE = re.compile(r"[A-Za-z][A-Za-z0-9 ,.:;'\"()!?-]*")


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


def pieces_of(text: str, suffix: str) -> list[Piece]:
    """The rows of a file. suffix : ".tex", ".md", ".txt", ".ipynb"; others are read as ".txt"."""
    if suffix == ".ipynb":
        return [
            piece for cell, first, column in _cells(text) for piece in _document(Source(cell, first, column), ".md")
        ]
    return list(_document(Source(text), suffix))


def _document(source: Source, suffix: str) -> Iterator[Piece]:
    text = source.text
    if text.startswith("\ufeff"):
        source = source.masked(" " + text[1:])
    if suffix == ".md":
        source = source.masked(_FENCE.sub(_without_code, source.text))
    regions = list(_regions(source))
    if not regions or suffix not in (".tex", ".md"):
        yield from _lines_and_regions(source, regions, suffix)
        return
    for region in regions:
        yield from region


def _without_code(match: re.Match[str]) -> str:
    """Code is blanked; a block that says it is math stands between $$."""
    if re.match(r"\s*(?:```|~~~)\s*(?:math|latex|tex)\s*[\r\n]", match[0]):
        return re.sub(r"(?:```|~~~)[a-z]*", lambda fence: "$$" + " " * (len(fence[0]) - 2), match[0])
    return re.sub(r"[^\r\n]", " ", match[0])


def _lines_and_regions(source: Source, regions: list[list[Piece]], suffix: str) -> Iterator[Piece]:
    """Formulas in delimiters, and every other line as it stands."""
    found = [(region[0].start, region) for region in regions if region]
    found += [(piece.start, [piece]) for piece in _bare_lines(source, _without_delimited(source), suffix)]
    for _, pieces in sorted(found, key=lambda each: each[0]):
        yield from pieces


def _without_delimited(source: Source) -> str:
    """The text with formulas in delimiters blanked."""
    text = source.text
    pieces: list[str] = []
    last = 0
    for start, end, _, _ in _delimited(source):
        pieces.append(text[last:start])
        pieces.append(re.sub(r"[^\r\n]", " ", text[start:end]))
        last = end
    return "".join((*pieces, text[last:]))


def _bare_lines(source: Source, text: str, suffix: str) -> Iterator[Piece]:
    """Lines that are formulas themselves; words, headings and comments are none. An open bracket goes on below."""
    masked = source.masked(text)
    begin: int | None = None
    start = depth = 0
    for match in [*re.finditer(r"\r\n|\r|\n", text), None]:
        end, following = (match.start(), match.end()) if match is not None else (len(text), len(text))
        depth += _open_brackets(text[start:end])
        begin = start if begin is None else begin
        start = following
        if depth > 0 and match is not None and end - begin < 10_000 and _SOMETHING.match(text, following):
            continue
        depth = 0
        line = text[begin:end]
        if line == source.text[begin:end] or _RELATION.search(line):
            yield from _bare_line(masked, line, begin, suffix)
        begin = None


def _open_brackets(line: str) -> int:
    """How many brackets a line opens more than it closes."""
    depth = 0
    for match in re.finditer(r"\\.|#.*|[(\[{}\])]", line):
        if match[0] in "([{":
            depth += 1
        elif match[0] in ")]}":
            depth -= 1
    return depth


def _bare_line(source: Source, line: str, start: int, suffix: str) -> Iterator[Piece]:
    bullet = re.match(r"\s*(?:[-*]|[0-9]+[.)]|\([0-9a-z]\))\s+(?=\S)", line) if suffix == ".md" else None
    begin = bullet.end() if bullet else 0
    is_latex = any(sign in line for sign in "\\{$")
    comment = re.search(r"(?<!\\)%" if is_latex else "#", line)
    stop = comment.start() if comment else len(line)
    if re.match(r"\s*%", line):
        return
    body = line[begin:stop]
    if not body.strip():
        return
    if (
        not is_latex
        and not _RELATION.search(body)
        and _PROSE.fullmatch(body.strip())
        and (" " in body.strip() or ":" in body)
    ):
        return
    if not is_latex:
        first = start + begin + len(body) - len(body.lstrip())
        yield Piece(source, first, start + begin + len(body.rstrip()), True)
        return
    yield from _rows(source, start + begin, start + stop)


# --- formulas in delimiters -------------------------------------------------------------------------------------------


def _regions(source: Source) -> Iterator[list[Piece]]:
    for start, end, kind, inner in _delimited(source):
        if kind == "unclosed":
            yield [Piece(source, start, end, error=source.error("this formula is never closed", start, inner[0]))]
        elif kind == "inline":
            yield list(_inline(source, *inner))
        elif kind in _TABLES:
            yield list(_table(source, *inner))
        else:
            yield list(_rows(source, *inner))


def _delimited(source: Source) -> Iterator[tuple[int, int, str, tuple[int, int]]]:
    """Start and end with the delimiters, what they are, start and end of what is inside."""
    text = source.text
    place = 0
    while (match := _MATH.search(text, place)) is not None:
        place = match.end()
        if match.lastgroup in ("SKIP", "verb") or match["SKIP"] is not None:
            continue
        if match["NAME"] is not None:
            name = match["NAME"]
            stop = _environment_end(text, match.end(), name)
            if name in _INNER and not _stands_alone(text, match.start(), stop[1] if stop else len(text)):
                continue
            if stop is None:
                yield match.start(), len(text), "unclosed", (match.end(), match.end())
                return
            begin = match.end()
            if name in _WITH_COLUMNS and (columns := _COLUMNS.match(text, begin)) is not None:
                begin = columns.end()
            yield match.start(), stop[1], name, (begin, stop[0])
            place = stop[1]
            continue
        opening = match[0]
        closing = _CLOSING[opening].search(text, place)
        if closing is None:
            yield match.start(), _line_end(text, place), "unclosed", (place, place)
            place = _line_end(text, place)
            continue
        kind = "inline" if match["INLINE"] is not None else "display"
        yield match.start(), closing.end(), kind, (place, closing.start())
        place = closing.end()


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether nothing else is in the lines of an environment that may also be part of a formula."""
    before = text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 : start]
    return not before.strip() and not text[end : _line_end(text, end)].strip(" \t.,;")


def _line_end(text: str, place: int) -> int:
    match = re.compile(r"[\r\n]").search(text, place)
    return match.start() if match is not None else len(text)


def _environment_end(text: str, place: int, name: str) -> tuple[int, int] | None:
    """Start and end of the `\\end` that belongs to an open environment."""
    depth = 1
    for match in re.compile(rf"\\(begin|end)\{{{name}\*?\}}").finditer(text, place):
        depth += 1 if match[1] == "begin" else -1
        if not depth:
            return match.start(), match.end()
    return None


def _inline(source: Source, start: int, end: int) -> Iterator[Piece]:
    """A formula in running text is one row, also over several lines."""
    begin, stop = _stripped(source.text, start, end)
    if stop > begin and _CLAIM.search(source.text, begin, stop):
        yield Piece(source, begin, stop, display=False)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _table(source: Source, start: int, end: int) -> Iterator[Piece]:
    """A table of text: what stands in `$..$` and the numbers and signs between; words are blanked."""
    text = source.text

    def masked(match: re.Match[str]) -> str:
        return f" {match[1][1:-1]} " if match[1] else re.sub(r"[^\r\n]", " ", match[0])

    inside = re.sub(
        r"(\$[^$]*\$)|\\(?:hline|toprule|midrule|bottomrule|cline\{[^{}]*\})|\\[a-z]{3,}\{|[A-Za-z]{2,}|[{}|]",
        masked,
        text[start:end],
    )
    yield from _rows(source.masked(text[:start] + inside + text[end:]), start, end)


# --- rows -------------------------------------------------------------------------------------------------------------


def _rows(source: Source, start: int, end: int) -> Iterator[Piece]:
    r"""What `\\` and line ends separate outside braces and inner environments."""
    text = source.text
    unwrapped = _unwrapped(text, start, end)
    if unwrapped is not None:
        yield from _rows(source, *unwrapped)
        return
    begin = start
    braces = brackets = environments = 0
    for match in _PIECES.finditer(text, start, end):
        kind = match.lastgroup
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


def _row(source: Source, start: int, end: int) -> Iterator[Piece]:
    begin, stop = _stripped(source.text, start, end)
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
        return bool(_RELATION.search(line.split("\\\\")[0]))
    return True


def _unwrapped(text: str, start: int, end: int) -> tuple[int, int] | None:
    r"""The inside of `\begin{aligned} .. \end{aligned}` where a formula is nothing else; matrices stay whole."""
    match = _WHOLE.match(text, start, end)
    if match is None:
        return None
    stop = _environment_end(text, match.end(), match[1])
    if stop is None or stop[1] > end:
        return None
    rest = re.sub(r"\\right\s*\.|\\(?:label|tag)\*?\{[^{}]*\}|%[^\r\n]*|\\nonumber|\\notag", "", text[stop[1] : end])
    begin = match.end()
    if match[1] in _WITH_COLUMNS and (columns := _COLUMNS.match(text, begin)) is not None:
        begin = columns.end()
    if rest.strip(" \t\r\n.,;") or (match[1] == "array" and not _RELATION.search(text, begin, stop[0])):
        return None
    return begin, stop[0]


# --- notebooks --------------------------------------------------------------------------------------------------------


def _cells(text: str) -> Iterator[tuple[str, int, int]]:
    """The markdown cells of a notebook: text, the line of the file where it begins, and its column less one."""
    if len(text) > 1 and text.count("[") + text.count("{") > 100_000:
        raise ReadingError("this is no notebook: too many brackets")
    try:
        notebook = json.loads(text)
        cells = [cell for cell in notebook["cells"] if cell.get("cell_type") == "markdown"]
        sources = ["".join(cell["source"]) for cell in cells]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ReadingError("this is no Jupyter notebook; it should be JSON with a list of cells") from None
    place = 0
    for cell, source in zip(cells, sources, strict=True):
        lines = cell["source"] if isinstance(cell["source"], list) else [cell["source"]]
        found = -1
        for first in lines[:1]:
            for ascii_only in (False, True):
                found = text.find(json.dumps(first, ensure_ascii=ascii_only), place)
                if found >= 0:
                    break
        if found >= 0:
            place = found
        line = text.count("\n", 0, place) + 1
        column = place - (text.rfind("\n", 0, place) + 1) + 1 if found >= 0 else 0
        yield source, line, column
