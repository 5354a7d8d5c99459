r"""A document in LaTeX: an article that compiles by itself, or its body for somebody else's article.

Packages: what Debian's texlive-latex-recommended, texlive-pictures and lmodern have. The same document gives the same
text, character by character.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from derive.document import (
    BEGIN_GIVEN,
    END_GIVEN,
    Asked,
    Block,
    Bullets,
    Display,
    Document,
    Figure,
    Folded,
    Heading,
    Listing,
    Photo,
    Prose,
    Table,
    with_names,
)
from derive.latex.displays import displayed
from derive.latex.escaping import escape, escape_plain
from derive.latex.floats import EM, figure, listing
from derive.latex.formulas import formula
from derive.latex.photos import photo, written_files
from derive.latex.sentences import sentence
from derive.latex.tables import tabular

#: Widths of the text in em: A4 with margins of 28 mm at 11 pt, and a plain article at 10 pt.
STANDALONE_WIDTH, FRAGMENT_WIDTH = 39.5, 34.0
_SECTIONS = {1: "section", 2: "subsection"}
#: A line that cannot be broken well is rather set wide than into the margin.
_SPACING = r"\tolerance=2000 \emergencystretch=8em \hfuzz=0.3pt"
#: Below an answer that is to be written: room, and a line to the next. No new paragraph, so that no line is lost; on
#: the same page.
_ROOM = (
    r"\predisplaypenalty=0 \postdisplaypenalty=10000 \newcommand{\answerroom}[1]"
    r"{\nopagebreak\vspace{-1ex}\nopagebreak\noindent\rule{0pt}{#1}\rule{\linewidth}{0.2pt}}"
)
_LINE_OF_ROOM = 8  # mm
#: Before a caption, or the heading above it: no page ends in the lines that follow, since code is broken anywhere.
_TOGETHER = (
    r"\par\vskip 0pt plus 6\baselineskip\penalty-100\vskip 0pt plus -6\baselineskip"
    r"\vskip 6\baselineskip\penalty9999\vskip -6\baselineskip\vskip 0pt"
)


def to_latex(document: Document, *, standalone: bool = True) -> str:
    """The document as LaTeX.

    standalone : a whole article; else its body, with the packages it needs named in a comment.
    """
    is_sheet = _is_sheet(document)
    needs = packages(document.blocks)
    if not standalone:
        note = [f"% {escape_plain(document.title)}", f"% needs: {', '.join(['amsmath', 'amssymb', *needs])}"]
        if "tikz" in needs:
            note.append(r"% and: \usetikzlibrary{arrows.meta}")
        note += written_files([document])
        return "\n".join([*note, r"\begingroup", _SPACING, "", body(document, FRAGMENT_WIDTH), "", r"\endgroup"]) + "\n"
    title = [rf"{{\raggedright\LARGE\bfseries {escape(document.title)}\par}}"] if document.title else []
    title += source_line(document)
    lines = [
        *written_files([document]),
        *preamble(rf"[11pt,a4paper{',fleqn' if is_sheet else ''}]{{article}}", document.title, needs),
        *([_ROOM] if is_sheet else []),
        r"\begin{document}",
        *title,
        *([r"\medskip\hrule\bigskip"] if title else []),
        "",
        body(document, STANDALONE_WIDTH),
        "",
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


def body(document: Document, available: float) -> str:
    """What stands below the title, in lines of `available` em."""
    return (_sheet if _is_sheet(document) else _blocks)(document.blocks, available)


def source_line(document: Document) -> list[str]:
    """Where the problem comes from, below the title."""
    return [rf"\smallskip{{\raggedright\itshape {escape(document.subtitle)}\par}}"] if document.subtitle else []


def preamble(document_class: str, title: str, needs: Iterable[str]) -> list[str]:
    """All that stands before the document begins.

    document_class : with its options, `[11pt]{article}`.  needs : packages beyond amsmath and amssymb.
    """
    optional = [rf"\usepackage{{{package}}}" for package in needs if package != "caption"]
    return [
        rf"\documentclass{document_class}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage{lmodern}",
        r"\usepackage[margin=28mm]{geometry}",
        r"\usepackage{microtype}",
        r"\usepackage{parskip}",
        r"\usepackage{amsmath,amssymb}",
        *optional,
        *([r"\usetikzlibrary{arrows.meta}"] if "tikz" in needs else []),
        r"\usepackage[font=small,labelfont=bf,skip=6pt,hypcap=false]{caption}",
        rf"\usepackage[hidelinks,pdftitle={{{escape_plain(title)}}},pdfcreator={{}}]{{hyperref}}",
        r"\usepackage{bookmark}",  # hyperref's own bookmarks need a second run
        r"\setcounter{secnumdepth}{0}",
        _SPACING,
    ]


def packages(blocks: Sequence[Block]) -> list[str]:
    """The packages beyond amsmath and amssymb."""
    return sorted(_needs(blocks))


def _needs(blocks: Sequence[Block]) -> set[str]:
    """The packages beyond amsmath and amssymb."""
    found: set[str] = set()
    for block in blocks:
        match block:
            case Table():
                found |= {"array", "booktabs", "caption", "graphicx", "longtable"}
            case Figure():
                found |= {"caption", "tikz"}
            case Photo():
                found |= {"caption", "graphicx"}
            case Listing():
                found |= {"caption", "listings"}
            case Display() | Asked():
                found |= {"graphicx"}
            case Folded(blocks=inner):
                found |= _needs(inner)
    return found


def _blocks(blocks: Sequence[Block], available: float) -> str:
    pieces: list[str] = []
    before: Block | None = None
    for block in blocks:
        printed = _block(block, available)
        if not printed:
            continue
        if isinstance(block, Display) and not isinstance(before, Prose):
            # TeX begins an empty line for it; below a heading some of it keeps the formula at a distance
            space = 0.4 if isinstance(before, Heading) else 1
            printed = f"\\vspace{{-{space}\\baselineskip}}\n{printed}"
        if isinstance(block, Listing) and block.caption:
            first = len(pieces) - isinstance(before, Heading)
            pieces[first:] = [_TOGETHER, *pieces[first:]]
        if isinstance(before, Prose) and isinstance(block, Display):
            pieces[-1] += f"\n{printed}"  # a display belongs to the sentence before it: no new paragraph
        else:
            pieces.append(printed)
        before = block
    return "\n\n".join(pieces)


def _is_sheet(document: Document) -> bool:
    return any(isinstance(block, Asked) for block in document.blocks)


def _sheet(blocks: Sequence[Block], available: float) -> str:
    """Answers between marked stretches of what is given. An answer belongs to the paragraph before it."""
    pieces = []
    for is_asked, run in groupby(blocks, lambda block: isinstance(block, Asked)):
        if is_asked:
            pieces += [_block(block, available) for block in run]
        else:
            pieces += [BEGIN_GIVEN, _blocks(tuple(run), available), END_GIVEN]
    return "\n".join(pieces)


def _asked(asked: Asked, available: float) -> str:
    head = f"% answer {asked.number}\n"
    if asked.sides:
        return head + displayed(Display((asked.line,)), available)
    room = rf"\answerroom{{{_LINE_OF_ROOM * asked.room}mm}}"
    return f"{head}\\[\n  {formula(asked.left)} =\n  \\tag{{{asked.number}}}\n\\]\n{room}"


def _block(block: Block, available: float) -> str:
    match block:
        case Heading(text=text, level=level, parts=parts):
            plain = f"[{{{escape(text)}}}]" if parts else ""  # for the contents and the bookmarks
            return rf"\{_SECTIONS.get(level, 'subsubsection')}{plain}{{{sentence(parts or (text,))}}}"
        case Prose(parts=parts):
            return sentence(parts)
        case Display():
            return displayed(block, available)
        case Table():
            return tabular(block, available)
        case Figure():
            return figure(block, available)
        case Photo():
            return photo(block, available * EM)
        case Listing():
            return listing(block, available)
        case Bullets(items=items):
            entries = "\n".join(rf"  \item {{}}{sentence(item)}" for item in items)
            return f"\\begin{{itemize}}\n{entries}\n\\end{{itemize}}" if items else ""
        case Asked():
            return _asked(block, available)
        case Folded(summary=summary, blocks=inner):
            heading = rf"\subsubsection*{{{sentence(with_names(summary))}}}"
            return "\n\n".join(filter(None, (heading, _blocks(inner, available))))
