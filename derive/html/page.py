"""A document as one HTML page that needs nothing else: style, maths font and script are inside, nothing is fetched.

Everything can be read without the script. The page forbids itself all other sources (Content-Security-Policy).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

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
    Line,
    Listing,
    Photo,
    Prose,
    Table,
    with_names,
)
from derive.html.elements import sign
from derive.html.escaping import clean, escape
from derive.html.inline import EQUALS, inline
from derive.html.mathml import formula, row
from derive.html.skeleton import PREFIX, whole_page, within_a_page
from derive.html.stepper import script, stepper
from derive.html.svg import inline_svg
from derive.metrics import measure
from derive.tree import Relation, Tree

#: A page with more headings than this begins with a list of them.
HEADINGS = 3
#: A picture wider than this, in points, is scrolled: shrunk to the page its letters could not be read.
_LARGE = 900
_PIXELS = 4 / 3  # of a point
#: The widths of the column of a page and of a letter of a reason, and the size of a formula, in pixels.
_COLUMN, _LETTER, _FORMULA = 800.0, 7.5, 17.6


def to_html(document: Document, *, fragment: bool = False) -> str:
    """The document as a page; the same document gives the same text, character by character.

    fragment : only what a notebook shows for an object: no <html>, no script, ids that do not meet those of others.
    """
    writer = _Writer(top=2 if fragment else 1)
    body = writer.document(document, fragment)
    return within_a_page(body) if fragment else whole_page(document.title, body, script() if document.walk else "")


def blocks_html(blocks: Sequence[Block]) -> str:
    """Blocks without a page around them, headings of the third level."""
    writer = _Writer(top=2)
    return "".join(map(writer.block, blocks))


class _Writer:
    """Writes blocks, and keeps the ids that are taken. top : the level of the title's heading."""

    def __init__(self, top: int) -> None:
        self.top = top
        self.ids: set[str] = set()

    def id(self, text: str) -> str:
        """A fresh id from words: `Reverse trace` -> `reverse-trace`, then `reverse-trace-2`."""
        plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "section"
        fresh, count = plain, 1
        while fresh in self.ids:
            count += 1
            fresh = f"{plain}-{count}"
        self.ids.add(fresh)
        return PREFIX + fresh

    def document(self, document: Document, fragment: bool) -> str:
        text = f"<h{self.top}>{escape(document.title)}</h{self.top}>\n" if document.title else ""
        if document.subtitle:
            text += f'<p class="subtitle">{escape(document.subtitle)}</p>\n'
        headings = [block for block in document.blocks if isinstance(block, Heading)]
        # ids are given in order of the headings, so the contents can be written before them
        names = [self.id(heading.text) for heading in headings]
        if len(headings) > HEADINGS and not fragment:
            text += _contents(headings, names)
        waiting = iter(names)
        for block in document.blocks:
            text += self.heading(block, next(waiting)) if isinstance(block, Heading) else self.block(block)
        return text if fragment else text + stepper(document)

    def heading(self, heading: Heading, name: str) -> str:
        level = min(6, self.top + max(1, heading.level))
        return f'<h{level} id="{name}">{inline(heading.parts or (heading.text,))}</h{level}>\n'

    def block(self, block: Block) -> str:
        match block:
            case Heading():
                return self.heading(block, self.id(block.text))
            case Prose(parts=parts):
                return f"<p>{inline(parts)}</p>\n"
            case Bullets(items=items):
                entries = "".join(f"<li>{inline(item)}</li>\n" for item in items)
                return f"<ul>\n{entries}</ul>\n" if items else ""
            case Display(lines=lines):
                return f'<div class="lines scroll">\n{"".join(map(_line, lines))}</div>\n' if lines else ""
            case Table():
                return self.table(block)
            case Figure(caption=caption, picture=picture, description=description):
                names = self.id("figure") + "-"
                drawn = inline_svg(picture, id_prefix=names, title=clean(caption), description=clean(description))
                kind = "graph large" if picture.width > _LARGE else "graph"
                return f'<figure class="{kind}">\n<div class="scroll">\n{drawn}</div>\n{_caption(caption)}</figure>\n'
            case Photo(caption=caption, png=png, width=width, description=description):
                source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
                size = f'width="{width * _PIXELS:.0f}" alt="{escape(description or caption)}"'
                return f'<figure class="photo">\n<img src="{source}" {size}>\n{_caption(caption)}</figure>\n'
            case Listing(caption=caption, code=code, language=language):
                kind = re.sub(r"[^a-z0-9]", "", language.lower())
                shown = f'<pre tabindex="0"><code class="language-{kind}">{escape(code)}</code></pre>'
                return f'<figure class="listing">\n{_caption(caption)}{shown}\n</figure>\n'
            case Asked():
                return _asked(block)
            case Folded(summary=summary, blocks=blocks):
                inner = "".join(map(self.block, blocks))
                return f"<details>\n<summary>{inline(with_names(summary))}</summary>\n{inner}</details>\n"

    def table(self, table: Table) -> str:
        columns = max((len(cells) for cells in (table.header, *(each.cells for each in table.rows))), default=0)
        classes = [_ALIGN.get(table.align[k : k + 1], "") for k in range(columns)]
        head = ""
        if table.header:
            cells = "".join(_cell(cell, kind, "th") for cell, kind in zip(table.header, classes, strict=False))
            head = f"<thead>\n<tr>{cells}</tr>\n</thead>\n"
        body, before = "", ""
        for each in table.rows:
            cells = "".join(_cell(cell, kind, "td") for cell, kind in zip(each.cells, classes, strict=False))
            mark = f' data-key="{escape(each.key)}"' if each.key else ""
            mark += f' data-sweep="{escape(each.sweep)}"' if each.sweep else ""
            mark += ' class="break"' if before and each.sweep and before != each.sweep else ""
            body += f"<tr{mark}>{cells}</tr>\n"
            before = each.sweep
        name = self.id("table")
        label = f' aria-labelledby="{name}"' if table.caption else ""
        return (
            f'<figure class="table">\n{_caption(table.caption, name)}'
            f'<div class="scroll" tabindex="0" role="group"{label}>\n'
            f"<table{label}>\n{head}<tbody>\n{body}</tbody>\n</table>\n</div>\n"
            + (f'<p class="note">{escape(table.footer)}</p>\n' if table.footer else "")
            + "</figure>\n"
        )


_ALIGN = {"c": "c", "r": "r"}
#: At the beginning of a <math>; before it is the space at which a line may be broken.


def _contents(headings: Sequence[Heading], names: Sequence[str]) -> str:
    """The headings of the highest level that occurs."""
    top = min(heading.level for heading in headings)
    entries = "".join(
        f'<li><a href="#{name}">{inline(heading.parts or (heading.text,))}</a></li>\n'
        for heading, name in zip(headings, names, strict=True)
        if heading.level == top
    )
    return f'<nav class="contents" aria-label="Contents">\n<ol>\n{entries}</ol>\n</nav>\n'


def _caption(text: str, name: str = "") -> str:
    mark = f' id="{name}"' if name else ""
    return f"<figcaption{mark}>{escape(text)}</figcaption>\n" if text else ""


def _cell(cell: Cell, kind: str, tag: str) -> str:
    content = cell.content
    if content is None:
        written = ""
    elif isinstance(content, str):
        # a sign between cells is set in the font of the formulas beside it
        written = f"<math>{sign(content, form='infix').markup}</math>" if cell.relation else escape(content)
    else:
        written = formula(content)
    if cell.emphasis:
        written = f"<strong>{written}</strong>"
    names = [name for name in (kind, "sign" if cell.relation else "") if name]
    if isinstance(content, str) and len(content) > 24:
        names.append("words")  # may take several lines
    mark = f' class="{" ".join(names)}"' if names else ""
    scope = ' scope="col"' if tag == "th" else ""
    return f"<{tag}{mark}{scope}>{written}</{tag}>"


def _line(line: Line) -> str:
    """One displayed formula, parted at its first equals sign so that all of them stand below each other.

    A reason for which there is no room stands below its formula.
    """
    if isinstance(line.formula, Relation):
        first, *others = line.formula.sides
        rest = " ".join(f'<math displaystyle="true">{EQUALS}{_side(side)}</math>' for side in others)
        left = "" if line.continued else f'<math displaystyle="true">{_side(first)}</math>'
        written = f'<span class="left">{left}</span> '
        written += f'<span class="right">{rest}</span>'
    else:
        written = f'<span class="alone"><math displaystyle="true">{row(line.formula)}</math></span>'
    if line.reason:
        written += f' <span class="reason">{inline(with_names(line.reason))}</span>'
    if line.number:
        written += f' <span class="number">({escape(line.number)})</span>'
    kind = "line long" if line.reason and _leaves_no_room(line) else "line"
    return f'<div class="{kind}">{written}</div>\n'


def _asked(asked: Asked) -> str:
    """The complete line, or its left side and room to write."""
    if asked.sides:
        return f'<div class="lines scroll asked">\n{_line(asked.line)}</div>\n'
    left = f'<span class="left"><math displaystyle="true">{_side(asked.left)}</math></span>'
    right = f'<span class="right"><math displaystyle="true">{EQUALS}</math></span>'
    number = f'<span class="number">({asked.number})</span>'
    line = f'<div class="line">{left} {right} {number}</div>'
    room = "<br>" * (asked.room - 1)
    return f'<div class="lines asked">\n{line}\n<div class="room">{room}</div>\n</div>\n'


def _leaves_no_room(line: Line) -> bool:
    return measure(line.formula, _FORMULA)[0] + _LETTER * len(line.reason) > _COLUMN


def _side(tree: Tree) -> str:
    inner = row(tree)
    if isinstance(tree, Relation):  # an equality as a side of another one
        return f"<mrow>{sign('(', form='prefix').markup}{inner}{sign(')', form='postfix').markup}</mrow>"
    return inner
