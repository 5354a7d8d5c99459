"""A document as a Jupyter notebook: words and mathematics in Markdown cells, Python as cells that run.

Written as plain JSON of the notebook format 4.5, without nbformat, whose tests hold it against its schema. The same
document gives the same file, cell names included.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from derive.document import (
    GIVEN_TAG,
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
    Listing,
    Photo,
    Prose,
    Table,
    with_names,
)
from derive.latex.breaking import lines
from derive.latex.formulas import formula
from derive.tree import Relation, Tree

#: Width of a notebook's text in em, for long formulas.
WIDTH = 48.0

#: What Markdown, HTML or MathJax would read. Dollar and backslash stand in elements of their own, where MathJax looks
#: for no formula; a character reference alone would be turned back before MathJax sees it.
_ESCAPED = {
    "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "$": "<span>&#36;</span>", "\\": "<span>&#92;</span>",
    **{sign: f"\\{sign}" for sign in "`*_[]|~"},
}  # fmt: skip


def to_notebook(document: Document, *, code_cells: Sequence[str] = ()) -> str:
    """The notebook as JSON text.

    code_cells : Python to append after the document, such as a check against the reader's own numbers.
    """
    cells: list[dict[str, Any]] = []
    opening = [f"# {escape(document.title)}"] if document.title else []
    if document.subtitle:
        opening.append(f"*{escape(document.subtitle)}*")
    if opening:
        _add_markdown(cells, "\n\n".join(opening))
    _add_blocks(cells, document.blocks, 2)
    for code in code_cells:
        _add_code(cells, code)
    if any(cell["metadata"] for cell in cells):  # a sheet: what is no answer is given
        for cell in cells:
            cell["metadata"] = cell["metadata"] or {"tags": [GIVEN_TAG]}
    for number, cell in enumerate(cells, start=1):
        cell["id"] = f"cell-{number:04d}"
    notebook = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def escape(text: str) -> str:
    """Words in Markdown: what a user typed is shown, not obeyed."""
    text = "".join(_ESCAPED.get(c, c) for c in re.sub(r"\s+", " ", text))
    return re.sub(r"^(\d+(?=[.)])|(?=[-+#=]))", r"\1\\", text)  # no list, heading or rule


def _add_blocks(cells: list[dict[str, Any]], blocks: Sequence[Block], top: int) -> None:
    """Consecutive words and formulas share a cell; a heading, a picture or code begins another."""
    for block in blocks:
        match block:
            case Heading(text=text, level=level, parts=parts):
                _add_markdown(cells, f"{'#' * min(level + top - 1, 6)} {_inline(parts or (text,))}")
            case Listing(caption=caption, code=code, language=language):
                if caption:
                    _continue_markdown(cells, escape(caption))
                if language == "python":
                    _add_code(cells, code)
                else:
                    _continue_markdown(cells, _fenced(code, language))
            case Figure():
                _add_figure(cells, block)
            case Photo(caption=caption, png=png, description=description):
                _add_picture(cells, "photo.png", "image/png", png, caption, description)
            case Asked():
                _add_markdown(cells, _asked(block))
                cells[-1]["metadata"] = {"tags": [f"answer-{block.number}"]}
            case Folded(summary=summary, blocks=inner):
                _add_markdown(cells, f"**{_inline(with_names(summary))}**")
                _add_blocks(cells, inner, top)
            case _:
                if text := _markdown(block):
                    _continue_markdown(cells, text)


def _add_markdown(cells: list[dict[str, Any]], text: str) -> None:
    cells.append({"cell_type": "markdown", "metadata": {}, "source": text})


def _continue_markdown(cells: list[dict[str, Any]], text: str) -> None:
    if cells and cells[-1]["cell_type"] == "markdown" and not cells[-1]["metadata"]:
        cells[-1]["source"] += f"\n\n{text}"
    else:
        _add_markdown(cells, text)


def _add_code(cells: list[dict[str, Any]], code: str) -> None:
    cells.append(
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": code.rstrip("\n")}
    )


def _add_figure(cells: list[dict[str, Any]], figure: Figure) -> None:
    from derive.drawing import save_svg  # only a document with a picture pays for the drawing library

    data = save_svg(figure.picture).encode("utf-8")
    _add_picture(cells, "figure.svg", "image/svg+xml", data, figure.caption, figure.description)


def _add_picture(
    cells: list[dict[str, Any]], name: str, kind: str, data: bytes, caption: str, description: str
) -> None:
    """A cell with an attachment, which belongs to its cell."""
    # the text in place of a picture is plain: no formula, no bracket that would end it
    words = escape(re.sub(r"[\[\]\\$<>]", " ", description or caption))
    below = f"\n\n*{escape(caption)}*" if caption else ""
    _add_markdown(cells, f"![{words}](attachment:{name}){below}")
    cells[-1]["attachments"] = {name: {kind: base64.b64encode(data).decode("ascii")}}


# --- Markdown ---------------------------------------------------------------------------------------------------------


def _markdown(block: Block) -> str:
    match block:
        case Prose(parts=parts):
            return _inline(parts)
        case Display():
            return _display(block)
        case Table():
            return _table(block)
        case Bullets(items=items):
            return "\n".join(f"- {_inline(item)}" for item in items)
    return ""


def _inline(parts: Sequence[Inline]) -> str:
    return "".join(
        escape(part) if isinstance(part, str) else f"${formula(part, inline=True)}$" for part in parts
    ).strip()


def _display(display: Display) -> str:
    """One aligned formula; the reasons stand in a column behind, numbers at the end of their line."""
    rows = []
    above: Tree | None = None
    for line in display.lines:
        note = " && " + _reason(line.reason) if line.reason else ""
        if line.number:
            note += rf" \qquad ({_math_words(line.number)})"
        match line.formula:
            case Relation(sides=(left, *rest)) if rest:
                right = Relation(tuple(rest)) if len(rest) > 1 else rest[0]
                head, tail = f"{'' if line.continued or left == above else formula(left)} &= ", _lines(right)
                above = left
            case tree:
                head, tail = "& ", _lines(tree)
                above = None
        rows.append(head + tail[0] + note)
        rows += [rf"&\qquad {more}" for more in tail[1:]]
    if not rows:
        return ""
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}\n$$"


def _asked(asked: Asked) -> str:
    """A cell of its own: the answer, or its left side to be completed before the closing dollars."""
    if asked.sides:
        return f"**({asked.number})**\n\n{_display(Display((replace(asked.line, number=''),)))}"
    return f"**({asked.number})**\n\n$$\n{formula(asked.left)} =\n$$"


def _lines(tree: Tree) -> list[str]:
    """Broken as in print; what cannot be broken runs on, since a cell scrolls."""
    found = lines(tree, WIDTH)
    return [formula(tree, inline=True, limit=3)] if found[0].startswith(r"\resizebox") else found


def _reason(text: str) -> str:
    parts = with_names(text)
    return "".join(rf"\text{{{_math_words(part)}}}" if isinstance(part, str) else formula(part) for part in parts)


def _math_words(text: str) -> str:
    r"""Words inside \text of MathJax, which knows fewer commands there than TeX: other signs become blanks."""
    return re.sub(r"[^\w.,;:()/'+=-]|_", " ", text)


def _table(table: Table) -> str:
    if not table.rows and not table.header:
        return ""
    count = max(len(cells) for cells in (table.header, *(row.cells for row in table.rows)))
    sides = [table.align[k] if k < len(table.align) else "l" for k in range(count)]
    rule = "|".join({"r": "--:", "c": ":-:"}.get(side, ":--") for side in sides)
    text = [_row(table.header, count), f"|{rule}|", *(_row(row.cells, count) for row in table.rows)]
    words = [f"**{escape(table.caption)}**" if table.caption else "", "\n".join(text), escape(table.footer)]
    return "\n\n".join(filter(None, words))


def _row(cells: Sequence[Cell], count: int) -> str:
    padded = [*cells, *[Cell()] * (count - len(cells))]
    return "| " + " | ".join(map(_cell, padded)) + " |"


def _cell(cell: Cell) -> str:
    content = cell.content
    if content is None:
        return ""
    if isinstance(content, str):
        if cell.relation and content.strip() == "=":
            return "$=$"
        text = escape(content)
        return f"**{text}**" if cell.emphasis and text.strip() else text
    text = formula(content)
    return rf"$\boldsymbol{{{text}}}$" if cell.emphasis else f"${text}$"


def _fenced(code: str, language: str) -> str:
    """A block of code between more backquotes than it contains in a row."""
    longest = max(map(len, re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    word = re.sub(r"[^A-Za-z0-9+-]", "", language)
    return f"{fence}{word}\n{code.rstrip()}\n{fence}"
