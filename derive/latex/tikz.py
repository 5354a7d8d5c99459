"""A picture as a tikzpicture, from the same positions as the other media.

Needs the packages tikz (with the library arrows.meta) and nothing else. The printers of formulas and words are
arguments, so that this file knows nothing about notation.
"""

from __future__ import annotations

from collections.abc import Callable

from derive.document import Edge, Inline, Node, Picture
from derive.layout.geometry import Point
from derive.layout.strokes import BOX_CORNER, COLOURS, CORNER, HEAD_LENGTH, HEAD_WIDTH, LINE_WIDTH
from derive.metrics import EDGE_SIZE, NODE_SIZE, baselines, label_baseline
from derive.tree import Tree

#: What the preamble needs.
PREAMBLE = "\\usepackage{tikz}\n\\usetikzlibrary{arrows.meta}\n"

#: Width of the text of an article in points of 1/72 inch; wider pictures are scaled down to it.
TEXT_WIDTH = 450.0

_STYLES = (
    "x=1bp, y=-1bp, line width={line}bp, inner sep=0pt, outer sep=0pt",
    "box/.style={{rounded corners={box}bp}}",
    "edge/.style={{-{{Stealth[length={length}bp, width={width}bp]}}, rounded corners={corner}bp}}",
    "line/.style={{anchor=base, font=\\fontsize{{{size:g}}}{{{pitch:g}}}\\selectfont}}",
    "partial/.style={{anchor=base, font=\\fontsize{{{small:g}}}{{{pitch:g}}}\\selectfont}}",
)


# font sizes are in TeX points, 0.4 % less than the units of the picture: Computer Modern has no 10.04pt
def tikz(
    picture: Picture,
    *,
    formula: Callable[[Tree], str],
    escape: Callable[[str], str],
    max_width: float | None = TEXT_WIDTH,
) -> str:
    """The picture as a tikzpicture environment.

    formula : a tree as LaTeX, to stand between dollars.  escape : words as LaTeX.
    max_width : in points of 1/72 inch; a wider picture is scaled down with its letters. None never scales.
    """
    scale = 1.0 if max_width is None else min(1.0, max_width / picture.width)
    # TikZ scales places and letters only: lines, heads and round corners have to be given smaller
    drawn = (LINE_WIDTH, BOX_CORNER, HEAD_LENGTH, HEAD_WIDTH, CORNER)
    line, box, length, width, corner = (f"{scale * each:.4g}" for each in drawn)
    settings = ",\n  ".join(_STYLES).format(
        line=line, box=box, length=length, width=width, corner=corner,
        size=NODE_SIZE, small=EDGE_SIZE, pitch=1.2 * NODE_SIZE,
    )  # fmt: skip
    for kind, (fill, outline) in COLOURS.items():
        settings += f",\n  {kind}/.style={{box, draw={_colour(outline)}, fill={_colour(fill)}}}"
    if scale < 1:
        settings += f",\n  scale={scale:.4f}, transform shape"

    def written(inline: Inline) -> str:
        return escape(inline) if isinstance(inline, str) else f"${formula(inline)}$"

    lines = [f"\\begin{{tikzpicture}}[\n  {settings}]"]
    # the full size, so that the picture takes the room that was planned for it
    lines.append(f"\\useasboundingbox (0,0) rectangle {_point((picture.width, picture.height))};")
    for edge in picture.edges:
        lines.extend(_edge(edge, written))
    for node in picture.nodes:
        lines.extend(_node(node, written))
    lines.append("\\end{tikzpicture}")
    return "\n".join(lines) + "\n"


def _edge(edge: Edge, written: Callable[[Inline], str]) -> list[str]:
    lines = [f"\\draw[edge] {' -- '.join(map(_point, edge.points))};"]
    if edge.label is not None:
        place = (edge.label_at[0], label_baseline(edge.label, edge.label_at[1]))
        lines.append(f"\\node[partial] at {_point(place)} {{{written(edge.label)}}};")
    return lines


def _node(node: Node, written: Callable[[Inline], str]) -> list[str]:
    corners = [(node.x + side * node.width / 2, node.y + side * node.height / 2) for side in (-1, 1)]
    lines = [f"\\draw[{node.kind}] {_point(corners[0])} rectangle {_point(corners[1])};"]
    for line, baseline in zip(node.lines, baselines(node), strict=True):
        lines.append(f"\\node[line] at {_point((node.x, baseline))} {{{written(line)}}};")
    return lines


def _point(point: Point) -> str:
    return f"({point[0]:.2f},{point[1]:.2f})"


def _colour(code: str) -> str:
    """#rrggbb as xcolor reads it within an option."""
    red, green, blue = (int(code[place : place + 2], 16) for place in (1, 3, 5))
    return f"{{rgb,255:red,{red};green,{green};blue,{blue}}}"
