"""A document as aligned plain text. Formulas stand in the plain notation: what is printed can be typed back.

With a width, nothing but code runs over it, down to 20 columns: a table that does not fit stacks its cells.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from derive.document import (
    Asked,
    Block,
    Bullets,
    Cell,
    Display,
    Document,
    Figure,
    Folded,
    Heading,
    Inline,
    Line,
    Listing,
    Photo,
    Prose,
    Row,
    Table,
)
from derive.plain import formula
from derive.tree import Relation

#: Sentences are wrapped here where no width is given.
PROSE_WIDTH = 88
#: Below this, words no longer make lines.
NARROWEST = 10

_ASCII = {
    "∂": "d", "∇": "grad ", "∑": "sum", "∏": "prod", "√": "sqrt", "∞": "inf", "≤": "<=", "≥": ">=", "≠": "!=",
    "≈": "~", "→": "->", "←": "<-", "⇒": "=>", "↦": "->", "∈": " in ", "⊤": "^T", "⟨": "<", "⟩": ">", "⋅": "*",
    "·": "*", "×": "x", "÷": "/", "−": "-", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...",
    "±": "+-", "•": "*", "ß": "ss", "λ": "lambda", "Λ": "Lambda", "\u0304": "bar", "\u0307": "dot", "\u0302": "hat",
    "\u0303": "tilde",
}  # fmt: skip
#: A blank inside a formula at which a line should not end: a sign stays with the term behind it, brackets together.
_TIED = "\0"
#: Where a line may end without a blank: behind an entry or an indicator and its sign.
_SOFT = "\1"


@dataclass(frozen=True, slots=True)
class _Page:
    """width : columns, or None for as many as it takes.  ascii_only : spell out what ASCII lacks."""

    width: int | None
    ascii_only: bool

    def narrowed(self, columns: int) -> _Page:
        return self if self.width is None else replace(self, width=max(self.width - columns, NARROWEST - 2))


def to_text(document: Document, *, width: int | None = None, ascii_only: bool = False) -> str:
    """The document as text, ending in a line break.

    width : columns that may be used; None sets tables at their own width.
    ascii_only : spell out what ASCII lacks, for terminals without Unicode.
    """
    page = _Page(None if width is None else max(width, NARROWEST), ascii_only)
    parts = [_heading(document.title, "=", page)]
    parts.append(_wrapped(_plain(document.subtitle, page), page))
    parts.append(_blocks(document.blocks, page))
    return "\n\n".join(filter(None, parts)).replace(_TIED, " ").replace(_SOFT, "") + "\n"


def _blocks(blocks: Sequence[Block], page: _Page) -> str:
    return "\n\n".join(filter(None, (_block(block, page) for block in blocks)))


def _block(block: Block, page: _Page) -> str:
    match block:
        case Heading(text=text, level=level):
            return _heading(text, "-" if level == 1 else "~", page)
        case Prose(parts=parts):
            return _wrapped(_inline(parts, page), page)
        case Display():
            return _display(block, page)
        case Table():
            return _table(block, page)
        case Figure():
            return _figure(block, page)
        case Photo(caption=caption, description=description):
            return _wrapped(_plain(f"[picture] {caption} {description}".strip(), page), page)
        case Listing(caption=caption, code=code):
            shown = _printable(code.rstrip())
            if page.ascii_only:
                shown = shown.encode("ascii", "backslashreplace").decode("ascii")
            return "\n\n".join(filter(None, (_wrapped(_plain(caption, page), page), shown)))
        case Bullets(items=items):
            return "\n".join(_wrapped(_inline(item, page), page, first="- ", later="  ") for item in items)
        case Asked(number=number, left=left, sides=sides):
            blank = _wrapped(f"({number}) {_words(left, page)} = {'_' * 20}", page)
            return _display(Display((block.line,)), page) if sides else blank
        case Folded(summary=summary, blocks=inner):
            body = _blocks(inner, page.narrowed(2))
            return "\n\n".join(filter(None, (_wrapped(_plain(summary, page), page), textwrap.indent(body, "  "))))


# --- words ------------------------------------------------------------------------------------------------------------


def _heading(text: str, underline: str, page: _Page) -> str:
    title = _wrapped(_plain(text, page), page)
    return f"{title}\n{underline * max(map(columns, title.splitlines()), default=0)}" if title else ""


def _inline(parts: Sequence[Inline], page: _Page) -> str:
    return "".join(_words(part, page) for part in parts)


def _words(part: Inline, page: _Page) -> str:
    if isinstance(part, str):
        return _plain(part, page)
    text = formula(part)
    return _tied(re.sub(r" ([-+=]) ", rf" \1{_TIED}", _ascii(text) if page.ascii_only else text))


def _tied(text: str) -> str:
    """A formula with the places marked at which a line may end: blanks and `]*`, outside of brackets."""
    pieces, depth = [], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        pieces.append(_TIED if depth and character == " " else character)
        if not depth and character == "*" and pieces[-2:-1] == ["]"]:
            pieces.append(_SOFT)
    return "".join(pieces)


def _plain(text: str, page: _Page) -> str:
    """Words on one line, without what would steer a terminal."""
    text = _printable(re.sub(r"\s", " ", text))
    return _ascii(text) if page.ascii_only else text


def _printable(text: str) -> str:
    text = text.replace("\r\n", "\n")
    return "".join(c if c in "\n\t" or unicodedata.category(c)[0] != "C" else f"[U+{ord(c):04X}]" for c in text)


def _wrapped(text: str, page: _Page, first: str = "", later: str = "") -> str:
    """Filled lines. A word too long for a line is cut behind a sign, and anywhere if it has none."""
    width = page.width or PROSE_WIDTH
    done: list[str] = []
    line, empty = first, True
    for gap, word in re.findall(rf"( ?){_SOFT}?([^ {_SOFT}]+)", text):
        if not empty and columns(line) + len(gap) + columns(word) <= width:
            line += gap + word
            continue
        if not empty:
            done.append(line)
            line = later
        while columns(line) + columns(word) > width:
            cut = _cut(word, width - columns(line))
            done.append((line + word[:cut]).rstrip(_TIED))
            line, word = later, word[cut:]
        line, empty = line + word, False
    return "\n".join([*done, line]) if not empty else ""


def _cut(word: str, room: int) -> int:
    """How many characters of the word to print on this line: up to a sign, as far outside of brackets as there is."""
    fitting = 1
    while fitting < len(word) and columns(word[: fitting + 1]) <= room:
        fitting += 1
    depth, best = 0, (0, 0)
    for place, character in enumerate(word[:fitting], 1):
        depth += (character in "([") - (character in ")]")
        if character in "*/(," + _TIED and place > fitting // 3:
            best = max(best, (-depth, place)) if best[1] else (-depth, place)
    return best[1] or fitting


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    spelled = "".join(_ASCII.get(c, c) for c in unicodedata.normalize("NFKC", text))
    return "".join(_letter(c) for c in spelled)


def _letter(character: str) -> str:
    """A letter without its accent, a Greek letter's name, or the code point."""
    if character.isascii():
        return character
    # a bar is an adjoint and is spelled out, other accents belong to words and are dropped
    plain = "".join(
        "bar" if c == "\u0304" else c
        for c in unicodedata.normalize("NFD", character)
        if c == "\u0304" or not unicodedata.combining(c)
    )
    if plain and plain.isascii():
        return plain
    case, _, name = unicodedata.name(character, "").removeprefix("GREEK ").partition(" LETTER ")
    if name.isalpha() and case in ("SMALL", "CAPITAL") and "\u0370" <= character <= "\u03ff":
        return name.lower() if case == "SMALL" else name.capitalize()
    return f"[U+{ord(character):04X}]"


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    text = text.replace(_SOFT, "")
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


# --- displayed formulas -----------------------------------------------------------------------------------------------


def _display(display: Display, page: _Page) -> str:
    """Equals signs below each other, reasons in a column of their own.

    A line that is too wide runs over, and its reason stands below it; where the left sides alone are too wide for that,
    everything stands one below the other.
    """
    halves = [_halves(line, page) for line in display.lines]
    notes = [_note(line, page) for line in display.lines]
    left = max((columns(before) for before, _ in halves), default=0)
    texts = [f"  {before:>{left}}{after}" for before, after in halves]
    width = page.width
    if width is not None and max(map(columns, texts), default=0) > width and left > width // 3:
        stacked = []
        for (before, after), note in zip(halves, notes, strict=True):
            stacked.append(_wrapped(before + after, page, first="  ", later="    "))
            stacked.append(_wrapped(note, page, first="    ", later="    "))
        return "\n".join(filter(None, stacked))
    beside = _reasons_at(texts, notes, width)
    return "\n".join(_noted(text, note, beside, left, page) for text, note in zip(texts, notes, strict=True))


def _reasons_at(texts: Sequence[str], notes: Sequence[str], width: int | None) -> int:
    """The column of the reasons: behind the longest formula that has room for one beside it."""
    longest = 0
    for text, note in zip(texts, notes, strict=True):
        if width is None or columns(text) + 3 + columns(note) <= width:
            longest = max(longest, columns(text))
    widest = max(map(columns, notes), default=0)
    return longest + 3 if width is None else max(min(longest + 3, width - widest), 0)


def _noted(text: str, note: str, beside: int, left: int, page: _Page) -> str:
    """A formula and its reason: beside it, else on a line of its own."""
    width, own = page.width, columns(text)
    if width is None or (own <= width and (not note or max(own + 2, beside) + columns(note) <= width)):
        return (text + " " * max(beside - own, 2) + note if note else text).rstrip()
    indent = " " * (left + 5)
    lead = len(text) - len(text.lstrip(" "))
    formula_text = _wrapped(text.lstrip(" "), page, first=" " * lead, later=indent)
    return formula_text + ("\n" + _wrapped(note, page, first=indent, later=indent) if note else "")


def _halves(line: Line, page: _Page) -> tuple[str, str]:
    match line.formula:
        case Relation(sides=(first, *rest)) if rest:
            left = "" if line.continued else _words(first, page)
            return left, "".join(f" ={_TIED}{_words(side, page)}" for side in rest)
    return "", _words(line.formula, page)


def _note(line: Line, page: _Page) -> str:
    number = f"({_plain(line.number, page)})" if line.number else ""
    return "  ".join(filter(None, (_plain(line.reason, page), number)))


# --- tables -----------------------------------------------------------------------------------------------------------


def _table(table: Table, page: _Page) -> str:
    header = [_cell(cell, page) for cell in table.header]
    rows = [[_cell(cell, page) for cell in row.cells] for row in table.rows]
    if not rows and not header:
        return ""
    count = max(map(len, [header, *rows]))
    widths = [max((columns(cells[k]) for cells in [header, *rows] if k < len(cells)), default=0) for k in range(count)]
    gaps = _gaps(table.rows, count)
    if page.width is not None and sum(widths) + sum(gaps) > page.width:
        body = "\n".join(_stacked(table, header, rows, page))
    else:
        body = "\n".join(_aligned(table, header, rows, widths, gaps))
    words = (_wrapped(_plain(table.caption, page), page), body, _wrapped(_plain(table.footer, page), page))
    return "\n\n".join(filter(None, words))


def _cell(cell: Cell, page: _Page) -> str:
    return "" if cell.content is None else _words(cell.content, page)


def _gaps(rows: Sequence[Row], count: int) -> list[int]:
    """Blanks before each column: two, but one beside a sign such as =."""
    signs = [any(k < len(row.cells) and row.cells[k].relation for row in rows) for k in range(count)]
    return [0 if not k else 1 if signs[k] or signs[k - 1] else 2 for k in range(count)]


def _aligned(
    table: Table, header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], gaps: Sequence[int]
) -> Iterator[str]:
    if header:
        yield _line(header, table.align, widths, gaps)
        yield "-" * (sum(widths) + sum(gaps))
    before = ""
    for row, cells in zip(table.rows, rows, strict=True):
        if before and row.sweep != before:
            yield ""
        before = row.sweep
        yield _line(cells, table.align, widths, gaps)


def _line(cells: Sequence[str], align: str, widths: Sequence[int], gaps: Sequence[int]) -> str:
    text = ""
    for k, cell in enumerate(cells):
        missing = widths[k] - columns(cell)
        side = align[k] if k < len(align) else "l"
        before = missing if side == "r" else missing // 2 if side == "c" else 0
        text += " " * (gaps[k] + before) + cell + " " * (missing - before)
    return text.rstrip()


def _stacked(table: Table, header: Sequence[str], rows: Sequence[Sequence[str]], page: _Page) -> Iterator[str]:
    """A row as lines: `v_1` / `  = v_-1/v_0` / `  = 3`; without signs the heads of the columns name the cells."""
    for k, (row, cells) in enumerate(zip(table.rows, rows, strict=True)):
        if k and (header or row.sweep != table.rows[k - 1].sweep):
            yield ""
        sign, first = "", True
        for place, text in enumerate(cells):
            if place < len(row.cells) and row.cells[place].relation:
                sign = text + _TIED
            elif text:
                head = f"{header[place]}: " if place < len(header) and header[place] and not sign else ""
                yield _wrapped(head + sign + text, page, first="" if first else "  ", later="    ")
                sign, first = "", False


# --- figures ----------------------------------------------------------------------------------------------------------


def _figure(figure: Figure, page: _Page) -> str:
    """The edges, one a line: source -> target, and the label."""
    edges = figure.picture.edges
    arrows = [f"{_plain(edge.source, page)} -> {_plain(edge.target, page)}" for edge in edges]
    longest = max(map(columns, arrows), default=0)
    lines = []
    for arrow, edge in zip(arrows, edges, strict=True):
        label = "" if edge.label is None else _words(edge.label, page)
        text = f"  {arrow:<{longest}}  {label}".rstrip()
        fits = page.width is None or columns(text) <= page.width
        lines.append(text if fits else _wrapped(f"{arrow} {label}", page, first="  ", later="    "))
    return "\n\n".join(filter(None, (_wrapped(_plain(figure.caption, page), page), "\n".join(lines))))
