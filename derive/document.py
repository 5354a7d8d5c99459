"""A solution as a tree of blocks. Views write it out; none of them adds mathematics.

Formulas are trees (`derive.tree`), so that text, LaTeX and MathML print the same author's order. A string inside a
block is prose, to be escaped by whoever writes it out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Union

from derive.tree import Name, Relation, Tree

#: A piece of a sentence: words, or a formula within the line.
Inline = Union[str, Tree]


@dataclass(frozen=True, slots=True)
class Heading:
    """level : 1 is a section of the document.  parts : the text with its formulas, where it has some."""

    text: str
    level: int = 1
    parts: tuple[Inline, ...] = ()


@dataclass(frozen=True, slots=True)
class Prose:
    parts: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One displayed formula; `reason` stands beside it (the rule's name); `number` makes it citable, as in (4).

    continued : its left side is that of the line above, and is not shown again.
    """

    formula: Tree
    reason: str = ""
    number: str = ""
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Display:
    """Displayed formulas, aligned at their first equals sign."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: a formula, words, or nothing. `relation` marks a column sign such as "=" between cells."""

    content: Inline | None = None
    relation: bool = False
    emphasis: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """cells : as many as the table has columns.  key : the node it belongs to, so that a stepper can light it up.

    sweep : "forward", "tangent", "reverse" or "" - which trace the row is part of.
    """

    cells: tuple[Cell, ...]
    key: str = ""
    sweep: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """align : one of l, c, r per column.  header : may be empty (the sheet's trace has none)."""

    caption: str
    align: str
    rows: tuple[Row, ...]
    header: tuple[Cell, ...] = ()
    footer: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A box of a picture, centred at (x, y), y growing downwards, in units of points (1/72 inch).

    lines : formulas or words, one a line: the name and, below it, value and adjoint.
    kind : "input", "operation" or "output".
    """

    key: str
    x: float
    y: float
    width: float
    height: float
    lines: tuple[Inline, ...]
    kind: str = "operation"


@dataclass(frozen=True, slots=True)
class Edge:
    """From the operand to the operation that reads it, along `points`; the label stands centred at `label_at`."""

    source: str
    target: str
    points: tuple[tuple[float, float], ...]
    label: Inline | None = None
    label_at: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A laid-out graph, the same positions for SVG, TikZ and matplotlib. Sizes in points."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    caption: str
    picture: Picture
    description: str = ""  # for those who cannot see it


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture of dots, such as samples of a data set.

    png : a PNG file, 8 bits a dot from a palette, not interlaced.  width : on paper, in points.
    description : for those who cannot see it.
    """

    caption: str
    png: bytes = field(repr=False)
    width: float
    description: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    caption: str
    code: str
    language: str = "python"


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """Detail that a reader may skip: shown behind a summary line where the medium can fold, in full elsewhere."""

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A line of an exercise: `left =`, and behind it the answer in one or more equal sides, or room for it.

    number : of the answer on the sheet.  sides : empty on a student's sheet.  room : lines to write in, where empty.
    """

    number: int
    left: Tree
    sides: tuple[Tree, ...] = ()
    room: int = 1

    @property
    def line(self) -> Line:
        """The complete line."""
        return Line(Relation((self.left, *self.sides)), number=str(self.number))


Block = Union[Heading, Prose, Display, Table, Figure, Photo, Listing, Bullets, Folded, Asked]

#: On a sheet in LaTeX the problem stands between these comments, so that who reads a filled sheet takes the answers
#: alone; in a notebook its cells have the tag.
BEGIN_GIVEN, END_GIVEN, GIVEN_TAG = "% begin given", "% end given", "given"


@dataclass(frozen=True, slots=True)
class Document:
    """title, a subtitle (the source of the problem), and blocks.

    walk : the keys of the nodes in the order in which a stepper visits them, as (sweep, key, what to say there).
    """

    title: str
    blocks: tuple[Block, ...]
    subtitle: str = ""
    walk: tuple[tuple[str, str, tuple[Inline, ...]], ...] = field(default=())

    def _repr_html_(self) -> str:
        from derive.display import html_of  # views import documents, so a document asks for them by name

        return html_of(self)


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a walk: what lights up in the picture, what is said, and how it came about.

    sweep : "forward", in which a node reads its operands, or "reverse", in which it gathers from its readers.
    key : of the node.
    """

    sweep: str
    key: str
    said: tuple[Inline, ...]
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """A derivation as frames that are looked at one after the other."""

    title: str
    figure: Figure
    frames: tuple[Frame, ...]

    def __repr__(self) -> str:
        return f"a walk of {len(self.frames)} steps, shown by a notebook; derive.to_text prints them all"

    def _repr_html_(self) -> str:
        from derive.display import html_of  # as above

        return html_of(self)


@dataclass(frozen=True, slots=True)
class Part:
    """Chapters under one title, each with the name of its file."""

    title: str
    chapters: tuple[tuple[str, Document], ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """Documents that are handed out together, as one book and as single files.

    name : of the book's file.  opening : what stands before the first part.  forms : those in which each chapter is
    there.
    """

    name: str
    title: str
    subtitle: str
    opening: Document
    parts: tuple[Part, ...]
    forms: tuple[str, ...] = ()


def with_names(text: str) -> tuple[Inline, ...]:
    """A reason or a summary, cut into words and the names of nodes in it: `v_3 is read by v_4` names two."""
    parts = re.split(r"(?<![\w.\\-])([A-Za-z](?:bar|dot)?_-?[0-9]+)(?!\w)", text)
    return tuple(Name(part) if k % 2 else part for k, part in enumerate(parts) if part)
