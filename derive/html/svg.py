"""A picture as inline SVG, written by hand: readable aloud, coloured by style sheets, with keys for a stepper.

Every run of a formula stands at a place of its own, measured from the metrics of the STIX fonts; so a bar covers its
letter, and a line keeps its length, also where the page falls back on another serif font.
"""

from __future__ import annotations

from html import escape

from derive.document import Edge, Inline, Node, Picture
from derive.layout.strokes import BOX_CORNER, LINE_WIDTH, Stroke, stroke
from derive.metrics import EDGE_SIZE, NODE_SIZE, Placed, baselines, extent, label_baseline, placed

FONTS = "STIX Two Math, STIXGeneral, STIX Two Text, Latin Modern Math, Cambria Math, Times New Roman, serif"

#: A picture higher than this, in points, has the class "tall": a page scrolls it instead of making it smaller.
TALL = 500.0

#: Descriptions name the edges one by one up to this many.
SPOKEN_EDGES = 40

_CSS = """\
.derive-graph {
  color: var(--derive-ink, #222); max-width: 100%; height: auto;
  --_input: var(--derive-input, #e3edf9); --_output: var(--derive-output, #fdeedc);
  --_operation: var(--derive-operation, #fff); --_lit: var(--derive-lit, #c8102e);
}
.derive-graph .node rect { fill: var(--_operation); stroke: currentColor; }
.derive-graph .node.input rect { fill: var(--_input); }
.derive-graph .node.output rect { fill: var(--_output); }
.derive-graph .node.lit rect { stroke: var(--_lit); stroke-width: 2; }
.derive-graph .edge.lit { color: var(--_lit); }
@media (prefers-color-scheme: dark) {
  .derive-graph {
    color: var(--derive-ink, #e6e6e6);
    --_input: var(--derive-input, #1f3550); --_output: var(--derive-output, #4a3113);
    --_operation: var(--derive-operation, #242424); --_lit: var(--derive-lit, #ff8a80);
  }
}
"""


def svg_css() -> str:
    """Rules for all graphs of a page. Colours are custom properties --derive-ink, -input, -operation, -output, -lit.

    A node or edge with the class "lit" stands out.
    """
    return _CSS


def inline_svg(
    picture: Picture, *, id_prefix: str = "", title: str = "Computational graph", description: str = ""
) -> str:
    """An <svg> element for an HTML page (also valid XML). Without `svg_css` it is drawn in the page's text colour.

    id_prefix : makes the two ids unique in the page.  description : what the picture shows, for those who cannot see
    it; by default who reads what.
    """
    width, height = _number(picture.width), _number(picture.height)
    first, second = (escape(f"{id_prefix}graph-{part}") for part in ("title", "description"))
    kind = "derive-graph tall" if picture.height > TALL else "derive-graph"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" role="img" aria-labelledby="{first} {second}" '
        f'viewBox="0 0 {width} {height}" width="{width}pt" height="{height}pt" font-family="{FONTS}" '
        f'fill="currentColor">',
        f'<title id="{first}">{_text(title)}</title>',
        f'<desc id="{second}">{_text(description or _spoken(picture))}</desc>',
        *map(_edge, picture.edges),
        *map(_node, picture.nodes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def standalone_svg(picture: Picture, *, title: str = "Computational graph", description: str = "") -> str:
    """The same as a file of its own, with its style sheet; needs no matplotlib."""
    head, rest = inline_svg(picture, title=title, description=description).split("\n", 1)
    style = escape(svg_css(), quote=False)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n<style>\n{style}</style>\n{rest}'


def _spoken(picture: Picture) -> str:
    """Size and edges in words."""
    count = f"{len(picture.nodes)} nodes, {len(picture.edges)} edges."
    if not picture.edges or len(picture.edges) > SPOKEN_EDGES:
        return count
    reads: dict[str, list[str]] = {}
    for edge in picture.edges:
        reads.setdefault(edge.target, []).append(edge.source)
    return f"{count} " + "; ".join(f"{target} reads {', '.join(sources)}" for target, sources in reads.items()) + "."


def _node(node: Node) -> str:
    rect = (
        f'<rect x="{_number(node.x - node.width / 2)}" y="{_number(node.y - node.height / 2)}" '
        f'width="{_number(node.width)}" height="{_number(node.height)}" rx="{_number(BOX_CORNER)}" fill="none" '
        f'stroke="currentColor" stroke-width="{LINE_WIDTH}"/>'
    )
    written = "".join(
        _line(line, node.x, baseline, NODE_SIZE) for line, baseline in zip(node.lines, baselines(node), strict=True)
    )
    kind = escape(node.kind)
    return f'<g class="node {kind}" data-key="{escape(_clean(node.key))}">{rect}{written}</g>'


def _edge(edge: Edge) -> str:
    drawn = stroke(edge.points)
    outline = "M" + "L".join(_pair(point) for point in drawn.head) + "Z"
    written = ""
    if edge.label is not None:
        written = _line(edge.label, edge.label_at[0], label_baseline(edge.label, edge.label_at[1]), EDGE_SIZE)
    return (
        f'<g class="edge" data-source="{escape(_clean(edge.source))}" data-target="{escape(_clean(edge.target))}">'
        f'<path d="{_path(drawn)}" fill="none" stroke="currentColor" stroke-width="{LINE_WIDTH}"/>'
        f'<path d="{outline}"/>{written}</g>'
    )


def _path(drawn: Stroke) -> str:
    pieces = [f"M{_pair(drawn.start)}"]
    for piece in drawn.pieces:
        pieces.append(("L" if len(piece) == 1 else "Q") + " ".join(map(_pair, piece)))
    return "".join(pieces)


def _line(inline: Inline, x: float, baseline: float, size: float) -> str:
    """A formula or words centred at x; every run carries its own place, so none has to undo the shift of another."""
    left = x - extent(inline, size)[0] / 2
    spans, marks = [], []
    for piece in placed(inline, size):
        style = ' font-style="italic"' if piece.run.italic else ""
        if piece.size != size:
            style += f' font-size="{_number(piece.size)}"'
        place = f'x="{_number(left + piece.x)}" y="{_number(baseline + piece.y)}"'
        if len(piece.run.text) > 1:
            # in a font other than STIX a word keeps its room, instead of running into what follows
            place += f' textLength="{_number(piece.width)}" lengthAdjust="spacingAndGlyphs"'
        spans.append(f"<tspan {place}{style}>{_text(piece.run.text)}</tspan>")
        marks.extend(_accents(piece, left, baseline))
    return f'<text font-size="{_number(size)}">{"".join(spans)}</text>{"".join(marks)}'


def _accents(piece: Placed, left: float, baseline: float) -> list[str]:
    """Bars, dots, hats and tildes as lines above the letter, the innermost lowest."""
    run, size = piece.run, piece.size
    low = run.text in "acegmnopqrsuvwxyzαγεηικμνοπρστυχω" if len(run.text) == 1 else False
    slant = 0.08 * size if run.italic else 0.0
    start, end = left + piece.x + slant, left + piece.x + piece.width + slant / 2
    middle = (start + end) / 2
    thin = f'stroke="currentColor" stroke-width="{_number(0.045 * size)}" fill="none"'
    answer = []
    for number, accent in enumerate(run.accents):
        y = baseline + piece.y - size * ((0.56 if low else 0.76) + 0.12 * number)
        if accent == "bar":
            answer.append(f'<path class="bar" d="M{_pair((start, y))}L{_pair((end, y))}" {thin}/>')
        elif accent == "dot":
            answer.append(f'<circle cx="{_number(middle)}" cy="{_number(y)}" r="{_number(0.065 * size)}"/>')
        elif accent == "hat":
            side, deep = 0.15 * size, 0.1 * size
            corners = ((middle - side, y + deep / 2), (middle, y - deep / 2), (middle + side, y + deep / 2))
            answer.append(f'<path d="M{"L".join(map(_pair, corners))}" {thin}/>')
        else:
            side, deep = 0.16 * size, 0.16 * size
            wave = ((middle - side / 2, y - deep), (middle + side / 2, y + deep), (middle + side, y - deep / 4))
            curve = " ".join(map(_pair, wave))
            answer.append(f'<path d="M{_pair((middle - side, y + deep / 4))}C{curve}" {thin}/>')
    return answer


def _pair(point: tuple[float, float]) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    """At most two decimals and no negative zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _clean(text: str) -> str:
    """Without the control characters that XML forbids."""
    return "".join(character for character in text if character >= " " or character in "\t\n")


def _text(text: str) -> str:
    return escape(_clean(text), quote=False)
