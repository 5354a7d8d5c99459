r"""Tables in LaTeX with booktabs: a trace stands as on a sheet, its equals signs below each other.

A table that is too wide is set smaller, then its long formulas take more than one line; one that is too long for a
page is a longtable. Rows are continued by rows, so that a page may end anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from derive.document import Cell, Table
from derive.latex.breaking import broken_words, lines, width, words_width
from derive.latex.escaping import escape, shown
from derive.latex.formulas import formula

#: More lines than this do not stay together on a page.
LONGEST = 30
#: Sizes to try, with their share of the normal size.
_SIZES = (("", 1.0), (r"\small", 0.92), (r"\footnotesize", 0.84))
_COLUMN_GAP, _RELATION_GAP = 1.1, 1.3  # em: before a column, and around a sign
_BOLD = 1.15  # the width of bold letters, in widths of upright ones
_NARROWEST = 7.0  # em: a column is not squeezed below this
_WIDEST = 24.0  # em: nor wider than this where the whole table is shrunk
_STRUT = r" \rule[-1.5ex]{0pt}{4.3ex}"  # a row with a fraction
_RELATIONS = {"=": "$=$", "≈": r"$\approx$", "<": "$<$", "<=": r"$\le$", "≤": r"$\le$", "→": r"$\to$", ":=": "$:=$"}


def tabular(table: Table, available: float) -> str:
    """The table with its caption, at most `available` em wide. Nothing where there are no rows."""
    rows = [row.cells for row in table.rows]
    everything = [table.header, *rows] if table.header else rows
    if not everything:
        return ""
    columns = max(len(cells) for cells in everything)
    relations = [_is_relation_column(k, rows) for k in range(columns)]
    gaps = sum(
        _RELATION_GAP if relation else 0.0 if k and relations[k - 1] else _COLUMN_GAP
        for k, relation in enumerate(relations)
    )
    natural = [max(_width(cells[k]) if k < len(cells) else 0.0 for cells in everything) for k in range(columns)]
    size, cap = _fitted(natural, gaps, available)
    if size is None and (blocks := _column_blocks(natural, relations, available)):
        return "\n\n".join(tabular(part, available) for part in _split(table, blocks))
    body = _body(table, columns, cap)
    head = _lines(table.header, columns, cap) if table.header else []
    layout = _columns(table.align, relations)
    if size is None:
        return _shrunk(table, layout, head, body, available)
    if len(body) > LONGEST:
        return _long(table, layout, head, body, size)
    return _short(table, layout, head, body, size)


def _fitted(natural: Sequence[float], gaps: float, available: float) -> tuple[str | None, float]:
    """The size of the letters and the greatest width of a cell; no size where every column would be too narrow."""
    for size, scale in _SIZES:
        if sum(natural) * scale + gaps <= available:
            return size, max(natural) + 1.0
    for size, scale in _SIZES[1:]:
        cap = _cap(natural, (available - gaps) / scale)
        if cap >= _NARROWEST:
            return size, cap
    return None, _WIDEST


def _column_blocks(natural: Sequence[float], relations: Sequence[bool], available: float) -> list[list[int]]:
    """The columns of several tables in place of one, each with the columns that say what a row is; or nothing.

    Those are all columns to the first one behind the signs, else the first column.
    """
    lead = max((k + 2 for k, relation in enumerate(relations) if relation), default=1)
    scale = _SIZES[-1][1]
    used = sum(width * scale + _RELATION_GAP for width in natural[:lead])
    room = available - used
    widths = [width * scale + _COLUMN_GAP for width in natural[lead:]]
    if len(widths) < 2 or max(widths) > room:
        return []
    blocks: list[list[int]] = []
    left = 0.0
    for k, each in enumerate(widths, start=lead):
        if each > left:
            blocks.append(list(range(lead)))
            left = room
        blocks[-1].append(k)
        left -= each
    return blocks if len(blocks) > 1 else []


def _split(table: Table, blocks: Sequence[Sequence[int]]) -> Iterator[Table]:
    def chosen(cells: Sequence[Cell], block: Sequence[int]) -> tuple[Cell, ...]:
        return tuple(cells[k] if k < len(cells) else Cell() for k in block)

    for number, block in enumerate(blocks):
        yield Table(
            table.caption + (" (continued)" if number and table.caption else ""),
            "".join(table.align[k] if k < len(table.align) else "l" for k in block),
            tuple(replace(row, cells=chosen(row.cells, block)) for row in table.rows),
            chosen(table.header, block) if table.header else (),
            table.footer if number == len(blocks) - 1 else "",
        )


def _short(table: Table, layout: str, head: list[str], body: list[str], size: str, around: str = "") -> str:
    inner = "\n".join([rf"\begin{{tabular}}{{{layout}}}", *_ruled(head, body), r"\end{tabular}"])
    caption = rf"\captionof{{table}}{{{escape(table.caption)}}}" + "\n" if table.caption else ""
    # a minipage: table and caption stay together, and where they were written
    return (
        "\\begin{center}\n\\begin{minipage}{\\linewidth}\n\\centering\n"
        + f"{caption}{size}\\renewcommand{{\\arraystretch}}{{1.25}}%\n"
        + (f"{around}{{%\n{inner}}}\n" if around else inner + "\n")
        + (rf"\par\smallskip{{\footnotesize {escape(table.footer)}\par}}" + "\n" if table.footer else "")
        + "\\end{minipage}\n\\end{center}"
    )


def _shrunk(table: Table, layout: str, head: list[str], body: list[str], available: float) -> str:
    """More columns than a page has room for: as small as it takes, a page's worth of rows at a time."""
    around = rf"\resizebox{{{available:.1f}em}}{{!}}"
    starts = range(0, max(len(body), 1), LONGEST)
    return "\n".join(_short(table, layout, head, body[k : k + LONGEST], "", around) for k in starts)


def _long(table: Table, layout: str, head: list[str], body: list[str], size: str) -> str:
    caption = [rf"\caption{{{escape(table.caption)}}}\\"] if table.caption else []
    top = [r"\toprule", *head, *([r"\midrule"] if head else [])]
    text = [
        rf"\begingroup{size}\renewcommand{{\arraystretch}}{{1.25}}",
        rf"\begin{{longtable}}{{{layout}}}",
        *caption,
        *top,
        r"\endfirsthead",
        *top,
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *body,
        r"\end{longtable}",
        r"\endgroup",
    ]
    if table.footer:
        text.append(rf"{{\footnotesize {escape(table.footer)}\par}}")
    return "\n".join(text)


def _ruled(head: list[str], body: list[str]) -> list[str]:
    return [r"\toprule", *head, *([r"\midrule"] if head else []), *body, r"\bottomrule"]


def _columns(align: str, relations: Sequence[bool]) -> str:
    """The columns: signs are set close, as in a displayed formula; the second sign of a chain stands off a little."""
    text = "@{}"
    for k, relation in enumerate(relations):
        if relation:
            before = "0.9em" if any(relations[:k]) else "0.4em"
            text += rf"@{{\hspace{{{before}}}}}c@{{\hspace{{0.4em}}}}"
        else:
            text += align[k] if k < len(align) and align[k] in "lcr" else "l"
    return text + "@{}"


def _is_relation_column(k: int, rows: Sequence[Sequence[Cell]]) -> bool:
    cells = [cells[k] for cells in rows if k < len(cells) and cells[k].content is not None]
    return bool(cells) and all(cell.relation for cell in cells)


def _body(table: Table, columns: int, cap: float) -> list[str]:
    text: list[str] = []
    for k, row in enumerate(table.rows):
        before = table.rows[k - 1].sweep if k else ""
        if before and before != row.sweep:
            text.append(r"\midrule" if row.sweep else r"\addlinespace")
        text += _lines(row.cells, columns, cap)
    return text


def _lines(cells: Sequence[Cell], columns: int, cap: float) -> list[str]:
    r"""The cells as lines of a tabular, one or, where a cell is wider than `cap` em, more."""
    padded = [*cells, *[Cell()] * (columns - len(cells))]
    stacked = zip_longest(*(_stack(cell, cap) for cell in padded), fillvalue="")
    return [" & ".join(line) + (_STRUT if r"\frac" in "".join(line) else "") + r" \\" for line in stacked]


def _stack(cell: Cell, cap: float) -> list[str]:
    """The lines of one cell."""
    content = cell.content
    if content is None:
        return [""]
    if isinstance(content, str):
        if cell.relation:
            return [_RELATIONS.get(content.strip(), escape(content))]
        words = broken_words(content, cap / (_BOLD if cell.emphasis else 1.0))
        return [rf"\textbf{{{escape(line)}}}" if cell.emphasis else escape(line) for line in words]
    found = lines(content, cap / (_BOLD if cell.emphasis else 1.0))
    pieces = [found[0], *(rf"\qquad {line}" for line in found[1:])]
    return [rf"$\boldsymbol{{{piece}}}$" if cell.emphasis else f"${piece}$" for piece in pieces]


def _width(cell: Cell) -> float:
    if cell.content is None:
        return 0.0
    if isinstance(cell.content, str):
        return 1.0 if cell.relation else words_width(shown(cell.content)) * (_BOLD if cell.emphasis else 1.0)
    return width(formula(cell.content)) * (_BOLD if cell.emphasis else 1.0)


def _cap(natural: Sequence[float], room: float) -> float:
    """The width to which the widest columns are squeezed so that all fit into `room`."""
    left, count = room, len(natural)
    for each in sorted(natural):
        if each * count > left:
            return left / count
        left -= each
        count -= 1
    return max(natural, default=0.0) + 1.0
