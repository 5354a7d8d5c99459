r"""Formulas out of a document, cut into rows: `$..$`, `\[..\]`, environments of LaTeX, lines of plain text, notebooks.

Text is only looked at, never expanded. Places stay those of the file: what is no formula is skipped, and inside a row
what is no mathematics (bullets, cells of words) is blanked, not cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from derive.document import BEGIN_GIVEN, END_GIVEN
from derive.reading.latex.boxes import unboxed
from derive.reading.latex.commands import RELATIONS
from derive.reading.latex.linebreaks import (
    COLUMNS,
    ENVIRONMENT,
    RELATION,
    WITH_COLUMNS,
    Piece,
    environment_end,
    is_row,
    rows_of,
    rows_of_table,
    stripped,
)
from derive.reading.latex.notebooks import markdown_cells
from derive.reading.latex.source import Source

_MATH = re.compile(
    r"(?P<SKIP>\\[$%\\]|(?<!\\)%[^\r\n]*|\\begin\{(?P<verb>verbatim|lstlisting|minted|comment)\*?\}.*?\\end\{(?P=verb)\*?\})"
    r"|(?P<DISPLAY>\$\$|\\\[)|(?P<INLINE>\$|\\\()"
    rf"|\\begin\{{(?P<NAME>{ENVIRONMENT})(?P<STAR>\*?)\}}",
    re.DOTALL,
)
_CLOSING = {
    "$$": re.compile(r"(?<!\\)\$\$"),
    "\\[": re.compile(r"\\\]"),
    "$": re.compile(r"(?<!\\)\$"),
    "\\(": re.compile(r"\\\)"),
}
_FENCE = re.compile(r"^[ \t]*(```|~~~).*?^[ \t]*\1[^\n]*$|(?<!`)`[^`\n]+`(?!`)|<!--.*?-->", re.DOTALL | re.MULTILINE)
#: What a sheet gives: it is not the student's. Marks without their counterpart hide nothing.
_GIVEN = re.compile(
    rf"^[ \t]*{BEGIN_GIVEN}[ \t]*$(?:(?!^[ \t]*{BEGIN_GIVEN}[ \t]*$).)*?^[ \t]*{END_GIVEN}[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_EMPTY_LINE = re.compile(r"(?:\r\n|\r|\n)[ \t]*(?:\r\n|\r|\n)")
_SOMETHING = re.compile(r"[ \t]*\S")
_INNER = frozenset(("array", "aligned", "alignedat", "gathered", "split"))
_TABLES = frozenset(("tabular", "tabularx", "longtable"))
_CLAIM = re.compile(
    r"=|\\(?:"
    + "|".join(
        sorted((name for name, kind in RELATIONS.items() if kind in ("=", "approx", "<-", "propto")), key=len)[::-1]
    )
    + r")(?![A-Za-z])|\u2248|\u2190"
)
_PROSE = re.compile(r"[A-Za-z][A-Za-z0-9 ,.:;'\"()!?-]*")


def pieces_of(text: str, suffix: str) -> list[Piece]:
    """The rows of a file. suffix : ".tex", ".md", ".txt", ".ipynb"; others are read as ".txt"."""
    if suffix == ".ipynb":
        cells = (Source(cell, first, column) for cell, first, column in markdown_cells(text))
        return [piece for cell in cells for piece in _document(cell, ".md")]
    return list(_document(Source(text), suffix))


def _document(source: Source, suffix: str) -> Iterator[Piece]:
    text = source.text
    if text.startswith("\ufeff"):
        source = source.masked(" " + text[1:])
    if suffix == ".tex" and BEGIN_GIVEN in text:
        source = source.masked(_GIVEN.sub(_blank, source.text))
    source = source.masked(unboxed(source.text))
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
    return _blank(match)


def _blank(match: re.Match[str]) -> str:
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
        goes_on = depth > 0 and end - begin < 10_000 and not is_row(text, following, len(text))
        if goes_on and match is not None and _SOMETHING.match(text, following):
            continue
        depth = 0
        line = text[begin:end]
        if line == source.text[begin:end] or RELATION.search(line):
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
    bullets = r"[-*]|[0-9]+[.)]|\([0-9a-z]\)" if suffix == ".md" else r"[0-9]{1,3}[.)]"
    bullet = re.match(rf"\s*(?:{bullets})\s+(?=\S)", line)
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
        and not RELATION.search(body)
        and _PROSE.fullmatch(body.strip())
        and (" " in body.strip() or ":" in body)
    ):
        return
    if not is_latex:
        first = start + begin + len(body) - len(body.lstrip())
        yield Piece(source, first, start + begin + len(body.rstrip()), True)
        return
    yield from rows_of(source, start + begin, start + stop)


def _regions(source: Source) -> Iterator[list[Piece]]:
    for start, end, kind, inner in _delimited(source):
        if kind == "unclosed":
            yield [Piece(source, start, end, error=source.error("this formula is never closed", start, inner[0]))]
        elif kind == "inline":
            yield list(_inline(source, *inner))
        elif kind in _TABLES:
            yield list(rows_of_table(source, *inner))
        else:
            yield list(rows_of(source, *inner))


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
            stop = environment_end(text, match.end(), name)
            if name in _INNER and not _stands_alone(text, match.start(), stop[1] if stop else len(text)):
                continue
            if stop is None:  # the rows below are read all the same, up to an empty line
                first, last = _line_end(text, match.end()), _paragraph_end(text, match.end())
                yield match.start(), first, "unclosed", (match.end(), match.end())
                yield first, last, "display", (first, last)
                place = last
                continue
            begin = match.end()
            if name in WITH_COLUMNS and (columns := COLUMNS.match(text, begin)) is not None:
                begin = columns.end()
            yield match.start(), stop[1], name, (begin, stop[0])
            place = stop[1]
            continue
        opening = match[0]
        closing = _CLOSING[opening].search(text, place)
        if closing is not None and _is_spoiled(text, place, closing.start(), opening):
            closing = None
        if closing is None:
            yield match.start(), _line_end(text, place), "unclosed", (place, place)
            place = _line_end(text, place)
            continue
        kind = "inline" if match["INLINE"] is not None else "display"
        yield match.start(), closing.end(), kind, (place, closing.start())
        place = closing.end()


def _is_spoiled(text: str, start: int, end: int, opening: str) -> bool:
    """Whether a formula is closed by the sign of a later one: an empty line, or another opening, is in it."""
    if opening in ("$", "\\("):
        return _EMPTY_LINE.search(text, start, end) is not None
    return opening == "\\[" and re.search(r"(?<!\\)\\\[", text[start:end]) is not None


def _paragraph_end(text: str, place: int) -> int:
    match = _EMPTY_LINE.search(text, place)
    return match.start() if match is not None else len(text)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether nothing else is in the lines of an environment that may also be part of a formula."""
    before = text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 : start]
    return not before.strip() and not text[end : _line_end(text, end)].strip(" \t.,;")


def _line_end(text: str, place: int) -> int:
    match = re.compile(r"[\r\n]").search(text, place)
    return match.start() if match is not None else len(text)


def _inline(source: Source, start: int, end: int) -> Iterator[Piece]:
    """A formula in running text is one row, also over several lines."""
    begin, stop = stripped(source.text, start, end)
    if stop > begin and _CLAIM.search(source.text, begin, stop):
        yield Piece(source, begin, stop, display=False)
