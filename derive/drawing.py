"""A picture drawn by matplotlib, as SVG or PNG: object-oriented calls only, no pyplot, no global state.

matplotlib is imported inside the functions: it costs 0.3 s, and a text trace needs no picture.
"""

from __future__ import annotations

from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING, Any

from derive.document import Edge, Inline, Node, Picture
from derive.graph import picture_of
from derive.layout.strokes import BOX_CORNER, COLOURS, INK, LINE_WIDTH, stroke
from derive.metrics import EDGE_SIZE, NODE_SIZE, baselines, label_baseline
from derive.program import Program
from derive.runs import MINUS, Run, runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACCENTS = {"bar": "bar", "hat": "hat", "dot": "dot", "tilde": "tilde"}
SIGNS = {"≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "⊙": r"\odot", "⊘": r"\oslash"}  # spaced only under these names
WIDE_ACCENTS = {"bar": "overline", "hat": "widehat", "dot": "dot", "tilde": "widetilde"}


def draw(program: Program, *, direction: str = "auto", **options: Any) -> Figure:
    """The computational graph of a program as a matplotlib Figure; options as for `derive.graph.picture_of`."""
    return figure_of(picture_of(program, direction=direction, **options))


def mathtext(inline: Inline) -> str:
    """A formula in matplotlib's mathtext, between dollars; words as they are, with dollars escaped."""
    if isinstance(inline, str):
        return "".join(character for character in inline if character.isprintable()).replace("$", r"\$")
    return f"${_mathtext(list(runs(inline)), 0)}$"


def _mathtext(line: list[Run], depth: int) -> str:
    pieces: list[str] = []
    for place, group in groupby(line, key=lambda run: run.scripts[depth] if len(run.scripts) > depth else ""):
        if place:
            pieces.append(("_" if place == "sub" else "^") + "{" + _mathtext(list(group), depth + 1) + "}")
        else:
            pieces.extend(map(_one, group))
    return "".join(pieces) if not pieces or pieces[0][0] not in "_^" else "{}" + "".join(pieces)


def _one(run: Run) -> str:
    """One run: letters italic or upright, signs with or without their space, accents around it."""
    text = run.text
    if run.operator:
        # in a script without space; a bracketed sign is not spaced
        return f"{{{text}}}" if run.scripts else SIGNS.get(text, text) + " "
    space = rf"\hspace{{{run.space}}}" if run.space else ""
    if text == MINUS:
        body = "{" + MINUS + "}"
    elif (len(text) > 1 and not text.isdigit()) or (text.isalpha() and not run.italic):
        body = rf"\mathrm{{{text.translate(_SPECIAL)}}}"
        if text.startswith("."):  # mathtext sets a space behind a point that is not between digits
            body = rf"\mathrm{{.}}\hspace{{-0.2}}\mathrm{{{text[1:].translate(_SPECIAL)}}}"
    else:
        body = text.translate(_SPECIAL)
    for accent in run.accents:
        body = rf"\{(ACCENTS if len(text) == 1 else WIDE_ACCENTS)[accent]}{{{body}}}"
    return space + body


#: Characters with a meaning of their own in mathtext.
_SPECIAL = str.maketrans({character: "\\" + character for character in "$%#_{}"})


def figure_of(picture: Picture) -> Figure:
    """The picture as a Figure of its own size (points are 1/72 inch), with an Agg canvas attached."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(picture.width / 72, picture.height / 72))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, picture.width)
    axes.set_ylim(picture.height, 0)
    axes.set_axis_off()
    for edge in picture.edges:
        _draw_edge(axes, edge)
    for node in picture.nodes:
        _draw_node(axes, node)
    return figure


def _draw_edge(axes: Axes, edge: Edge) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    start, pieces, head = stroke(edge.points)
    corners, codes = [start], [Path.MOVETO]
    for piece in pieces:
        corners.extend(piece)
        codes.extend([Path.LINETO] if len(piece) == 1 else [Path.CURVE3, Path.CURVE3])
    line = Path(corners, [int(code) for code in codes])
    axes.add_patch(PathPatch(line, fill=False, edgecolor=INK, linewidth=LINE_WIDTH, capstyle="butt"))
    axes.add_patch(Polygon(head, closed=True, facecolor=INK, linewidth=0))
    if edge.label is not None:
        x, y = edge.label_at
        _write(axes, edge.label, x, label_baseline(edge.label, y), EDGE_SIZE)


def _draw_node(axes: Axes, node: Node) -> None:
    from matplotlib.patches import FancyBboxPatch

    fill, outline = COLOURS[node.kind]
    axes.add_patch(
        FancyBboxPatch(
            (node.x - node.width / 2, node.y - node.height / 2),
            node.width,
            node.height,
            boxstyle=f"round,pad=0,rounding_size={BOX_CORNER}",
            facecolor=fill,
            edgecolor=outline,
            linewidth=LINE_WIDTH,
        )
    )
    for line, baseline in zip(node.lines, baselines(node), strict=True):
        _write(axes, line, node.x, baseline, NODE_SIZE)


def _write(axes: Axes, inline: Inline, x: float, y: float, size: float) -> None:
    from matplotlib.font_manager import FontProperties

    # both STIX fonts come with matplotlib, so the drawing is the same on every machine
    font = FontProperties(family=["STIXGeneral", "DejaVu Sans"], size=size, math_fontfamily="stix")
    axes.text(x, y, mathtext(inline), ha="center", va="baseline", color=INK, fontproperties=font)


def save_svg(picture: Picture) -> str:
    """The picture as an SVG document with letters as outlines; the same picture gives the same bytes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = BytesIO()
    # the two settings have no argument of their own; the context puts back what was there
    with rc_context({"svg.hashsalt": "derive", "svg.fonttype": "path"}):
        figure = figure_of(picture)
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})
    return stream.getvalue().decode("utf-8")


def save_png(picture: Picture, dpi: int = 200) -> bytes:
    """The picture as PNG at `dpi` pixels an inch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    stream = BytesIO()
    figure = figure_of(picture)
    figure.set_dpi(dpi)
    FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    return stream.getvalue()
