r"""A document in LaTeX: an article that compiles by itself, or its body for somebody else's article.

Packages: what Debian's texlive-latex-recommended, texlive-pictures and lmodern have. The same document gives the same
text, character by character.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
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
    Inline,
    Line,
    Listing,
    Prose,
    Table,
    with_names,
)
from derive.latex.breaking import lines, width
from derive.latex.code import comments_above
from derive.latex.escaping import escape, escape_plain
from derive.latex.formulas import formula
from derive.latex.tables import tabular
from derive.tree import Relation, Tree

#: Widths of the text in em: A4 with margins of 28 mm at 11 pt, and a plain article at 10 pt.
STANDALONE_WIDTH, FRAGMENT_WIDTH = 39.5, 34.0
_SECTIONS = {1: "section", 2: "subsection"}
_LONGEST_DISPLAY = 10  # lines that stay together
_SPACING = r"\tolerance=2000 \emergencystretch=8em \hfuzz=0.3pt"
_REASON_SHARE = 0.3  # of the line, at most
_REASON_LETTER = 0.4  # em, small
_CODE_LETTER = 0.485  # em: 0.525 em of the small size, which is 0.9 to 0.92 of the normal one
_EM = 10.9  # in points of 1/72 inch, at 11 pt
#: Below an answer that is to be written: room, and a line to the next. No new paragraph, so that no line is lost; on
#: the same page.
_ROOM = (
    r"\predisplaypenalty=0 \postdisplaypenalty=10000 \newcommand{\answerroom}[1]"
    r"{\nopagebreak\vspace{-1ex}\nopagebreak\noindent\rule{0pt}{#1}\rule{\linewidth}{0.2pt}}"
)
_LINE_OF_ROOM = 8  # mm
_TALLEST = 600.0  # a picture, in the same points: a page less a caption


def to_latex(document: Document, *, standalone: bool = True) -> str:
    """The document as LaTeX.

    standalone : a whole article; else its body, with the packages it needs named in a comment.
    """
    available = STANDALONE_WIDTH if standalone else FRAGMENT_WIDTH
    body = (_sheet if _is_sheet(document) else _blocks)(document.blocks, available)
    needs = sorted(_needs(document.blocks))
    if not standalone:
        packages = ["amsmath", "amssymb", *needs]
        note = [f"% {escape_plain(document.title)}", f"% needs: {', '.join(packages)}"]
        if "tikz" in needs:
            note.append(r"% and: \usetikzlibrary{arrows.meta}")
        # a line that cannot be broken well is rather set wide than into the margin
        return "\n".join([*note, r"\begingroup", _SPACING, "", body, "", r"\endgroup"]) + "\n"
    return "\n".join([*_preamble(document, needs), body, "", r"\end{document}"]) + "\n"


def _preamble(document: Document, needs: Sequence[str]) -> list[str]:
    optional = [rf"\usepackage{{{package}}}" for package in needs if package != "caption"]
    title = [rf"{{\raggedright\LARGE\bfseries {escape(document.title)}\par}}"] if document.title else []
    if document.subtitle:
        title.append(rf"\smallskip{{\raggedright\itshape {escape(document.subtitle)}\par}}")
    return [
        rf"\documentclass[11pt,a4paper{',fleqn' if _is_sheet(document) else ''}]{{article}}",
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
        rf"\usepackage[hidelinks,pdftitle={{{escape_plain(document.title)}}},pdfcreator={{}}]{{hyperref}}",
        r"\setcounter{secnumdepth}{0}",
        _SPACING,
        *([_ROOM] if _is_sheet(document) else []),
        r"\begin{document}",
        *title,
        *([r"\medskip\hrule\bigskip"] if title else []),
        "",
    ]


def _needs(blocks: Sequence[Block]) -> set[str]:
    """The packages beyond amsmath and amssymb."""
    found: set[str] = set()
    for block in blocks:
        match block:
            case Table():
                found |= {"array", "booktabs", "caption", "graphicx", "longtable"}
            case Figure():
                found |= {"caption", "tikz"}
            case Listing():
                found |= {"caption", "listings"}
            case Display() | Asked():
                found |= {"graphicx"}
            case Folded(blocks=inner):
                found |= _needs(inner)
    return found


def _blocks(blocks: Sequence[Block], available: float) -> str:
    text = ""
    before: Block | None = None
    for block in blocks:
        printed = _block(block, available)
        if not printed:
            continue
        if isinstance(block, Display) and (before is None or isinstance(before, Heading)):
            printed = "\\vspace{-\\baselineskip}\n" + printed  # TeX begins an empty line for it
        # a display belongs to the sentence before it: no new paragraph
        joined = isinstance(before, Prose) and isinstance(block, Display)
        text += ("\n" if joined else "\n\n") * bool(text) + printed
        before = block
    return text


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
        return head + _display(Display((asked.line,)), available)
    room = rf"\answerroom{{{_LINE_OF_ROOM * asked.room}mm}}"
    return f"{head}\\[\n  {formula(asked.left)} =\n  \\tag{{{asked.number}}}\n\\]\n{room}"


def _block(block: Block, available: float) -> str:
    match block:
        case Heading(text=text, level=level):
            return rf"\{_SECTIONS.get(level, 'subsubsection')}{{{escape(text)}}}"
        case Prose(parts=parts):
            return _inline(parts)
        case Display():
            return _display(block, available)
        case Table():
            return tabular(block, available)
        case Figure():
            return _figure(block, available)
        case Listing():
            return _listing(block, available)
        case Bullets(items=items):
            entries = "\n".join(rf"  \item {{}}{_inline(item)}" for item in items)
            return f"\\begin{{itemize}}\n{entries}\n\\end{{itemize}}" if items else ""
        case Asked():
            return _asked(block, available)
        case Folded(summary=summary, blocks=inner):
            heading = rf"\subsubsection*{{{_inline(with_names(summary))}}}"
            return "\n\n".join(filter(None, (heading, _blocks(inner, available))))


def _inline(parts: Sequence[Inline]) -> str:
    """A sentence. A long product may be broken after any of its factors."""
    pieces = []
    for part in parts:
        if isinstance(part, str):
            # escape() joins lines; the space at either end separates words from a formula
            pieces.append(escape(part))
        else:
            latex = formula(part, inline=True)
            if width(latex) > 12:
                latex = latex.replace(r"\, ", r"\,\allowbreak ").replace("/", r"/\allowbreak ")
            pieces.append(f"${latex}$")
    return "".join(pieces)


# --- displayed formulas -----------------------------------------------------------------------------------------------


def _display(display: Display, available: float) -> str:
    """Aligned at the first equals sign; the reasons form a column at the right margin, the numbers stand behind it."""
    if not display.lines:
        return ""
    numbers = max((3.0 + 0.5 * len(line.number) for line in display.lines if line.number), default=0.0)
    longest = max(_REASON_LETTER * len(line.reason) for line in display.lines)
    reason_room = min(longest + 0.5, _REASON_SHARE * available) if longest else 0.0
    room = available - numbers - (reason_room + 2.5 if reason_room else 0.0)
    left = max((width(formula(_split(line.formula)[0])) for line in display.lines if _split(line.formula)), default=0.0)
    if left > 0.5 * room:
        left = 0.0
    rows: list[str] = []
    above: Tree | None = None
    for line in display.lines:
        rows += _rows(line, above, (room, available - numbers - 2.0), left, reason_room, longest)
        above = next(iter(_split(line.formula)), None)
    if reason_room:
        rows = [r"  \quad" + row[1:] for row in rows]  # the formulas stand at the left margin: indent them a little
    environment = "flalign*" if reason_room else "align*"
    text = f"\\begin{{{environment}}}\n" + _stacked(rows) + f"\n\\end{{{environment}}}"
    # a short display stays on one page
    return text if len(rows) <= _LONGEST_DISPLAY else f"{{\\allowdisplaybreaks\n{text}}}"


def _stacked(rows: Sequence[str]) -> str:
    """Rows with a fraction keep a little more distance from the next."""
    return (
        "\n".join(row + (r" \\[3pt]" if r"\frac" in row else r" \\") for row in rows[:-1])
        + "\n" * (len(rows) > 1)
        + rows[-1]
    )


def _split(tree: Tree) -> tuple[Tree, ...]:
    """The left side and the rest of an equation; nothing for a formula without an equals sign."""
    match tree:
        case Relation(sides=(left, right)):
            return left, right
        case Relation(sides=(left, _, *_)):
            return left, Relation(tree.sides[1:])
    return ()


def _rows(
    line: Line, above: Tree | None, rooms: tuple[float, float], left: float, reason_room: float, longest: float
) -> Iterator[str]:
    """The line with its reason beside it; where that leaves too little room, the reason stands below.

    rooms : em for a formula beside a reason, and for one that has the whole width.
    """
    tree = line.formula
    reason = _reason(line.reason, reason_room, longest)
    number = rf" \tag{{{escape(line.number)}}}" if line.number else ""
    sides = _split(tree) if left else ()
    # in a chain of equal right sides the left side is printed once
    head = "{}" if not sides else "" if line.continued or sides[0] == above else formula(sides[0])
    sign, side, used = ("= ", sides[1], left + 1.4) if sides else (" ", tree, left)
    found = lines(side, rooms[0] - used)
    if reason and (len(found) > 2 or r"\resizebox" in found[0]):
        wide = lines(side, rooms[1] - used)
        if len(wide) < len(found) or r"\resizebox" not in wide[0]:
            # no width of its own: else the column of the reasons would be pushed into the margin
            printed = [rf"\rlap{{$\displaystyle {each}$}}" for each in wide]
            yield f"  {head} &{sign}{printed[0]}{number}"
            yield from (rf"  &\qquad {more}" for more in printed[1:])
            yield f"  &{reason}"
            return
    yield f"  {head} &{sign}{found[0]}{reason}{number}"
    for more in found[1:]:
        yield rf"  &\qquad {more}"


def _reason(text: str, room: float, longest: float) -> str:
    if not text:
        return ""
    if longest + 0.5 <= room:
        return rf" && \text{{\small {_inline(with_names(text))}}}"
    return rf" && \parbox[t]{{{room:.1f}em}}{{\raggedright\small\strut {_inline(with_names(text))}\strut}}"


# --- figures and listings ---------------------------------------------------------------------------------------------


def _figure(figure: Figure, available: float) -> str:
    from derive.latex.tikz import tikz  # only a document with a picture pays for laying out its labels

    picture = figure.picture
    scale = min(1.0, available * _EM / picture.width, _TALLEST / picture.height)
    drawn = tikz(picture, formula=partial(formula, inline=True), escape=escape, max_width=scale * picture.width)
    caption = rf"\captionof{{figure}}{{{escape(figure.caption)}}}" + "\n" if figure.caption else ""
    # a minipage: picture and caption stay together, and where they were written
    return (
        "\\begin{center}\n\\begin{minipage}{\\linewidth}\n\\centering\n"
        f"{drawn}{caption}"
        "\\end{minipage}\n\\end{center}"
    )


def _listing(listing: Listing, available: float) -> str:
    r"""Code as it is; an environment of its own name where the code says \end{lstlisting}.

    A comment that runs over the line stands above its line. What is still too long is broken with a hook.
    """
    code = listing.code.replace("\r\n", "\n")
    if listing.language == "python":
        code = comments_above(code, int(available / _CODE_LETTER))
    code = "".join(c if c in "\n\t" or 32 <= ord(c) < 127 else c.encode("unicode_escape").decode() for c in code)
    environment = "lstlisting"
    while f"\\end{{{environment}}}" in code:
        environment += "x"
    options = r"basicstyle=\small\ttfamily,columns=fullflexible,keepspaces=true,breaklines=true,showstringspaces=false"
    options += r",breakindent=2em,postbreak={\mbox{$\hookrightarrow$\ }}"
    options += ",keywordstyle=,commentstyle=\\itshape,upquote=true" if listing.language == "python" else ",upquote=true"
    if listing.language == "python":
        options += ",language=Python"
    define = (
        "" if environment == "lstlisting" else rf"\lstnewenvironment{{{environment}}}[1][]{{\lstset{{#1}}}}{{}}" + "\n"
    )
    caption = rf"\noindent{{\small\textbf{{Listing.}} {escape(listing.caption)}\par}}\nopagebreak" + "\n"
    return (
        caption if listing.caption else ""
    ) + f"{define}\\begin{{{environment}}}[{options}]\n{code.rstrip()}\n\\end{{{environment}}}"
