r"""Many documents as one book: title page, contents, a chapter each; bookmarks down to the sections.

A part costs no page of its own: it is a line in the contents and a bookmark, above the chapters that it holds.
"""

from __future__ import annotations

from derive.document import Document, Volume
from derive.latex.document import STANDALONE_WIDTH, body, packages, preamble, source_line
from derive.latex.escaping import escape
from derive.latex.photos import written_files

_CLASS = "[11pt,a4paper]{report}"
#: Sections have no numbers; the contents list chapters, the bookmarks also sections.
_DEPTHS = r"\setcounter{tocdepth}{0} \bookmarksetup{depth=section,open=false}"


def to_book(volume: Volume) -> str:
    """The volume as LaTeX. The same volume gives the same text, character by character."""
    chapters = [document for part in volume.parts for _, document in part.chapters]
    needs = sorted({each for document in (volume.opening, *chapters) for each in packages(document.blocks)})
    lines = [
        *written_files(chapters),
        *preamble(_CLASS, volume.title, needs),
        _DEPTHS,
        r"\begin{document}",
        *_title_page(volume),
        r"\pagenumbering{roman}\setcounter{page}{2}",
        r"\tableofcontents",
        r"\clearpage\pagenumbering{arabic}",
        *_chapter(volume.opening, numbered=False),
    ]
    for part in volume.parts:
        for place, (_, document) in enumerate(part.chapters):
            lines += _chapter(document, part="" if place else part.title)
    return "\n".join([*lines, r"\end{document}"]) + "\n"


def _title_page(volume: Volume) -> list[str]:
    return [
        r"\begin{titlepage}\raggedright",
        r"\vspace*{0.25\textheight}",
        rf"{{\Huge\bfseries {escape(volume.title)}\par}}",
        rf"\bigskip{{\Large {escape(volume.subtitle)}\par}}",
        r"\end{titlepage}",
    ]


def _chapter(document: Document, *, part: str = "", numbered: bool = True) -> list[str]:
    title = escape(document.title)
    begin = [rf"\clearpage\phantomsection\addcontentsline{{toc}}{{part}}{{{escape(part)}}}"] if part else []
    if numbered:
        begin.append(rf"\chapter{{{title}}}")
    else:
        begin += [rf"\chapter*{{{title}}}", rf"\addcontentsline{{toc}}{{chapter}}{{{title}}}"]
    return [*begin, *source_line(document), "", body(document, STANDALONE_WIDTH), ""]
