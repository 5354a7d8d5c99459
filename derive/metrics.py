"""How much room a formula takes in a picture: advance widths of the STIX fonts, and where each run stands.

The widths fit Times and Computer Modern within a few per cent; boxes are padded by more than that.
"""

from __future__ import annotations

from dataclasses import dataclass

from derive.document import Inline, Node
from derive.runs import Run, runs

#: Font sizes of pictures, in points: in a node, and beside an edge.
NODE_SIZE, EDGE_SIZE = 10.0, 9.0

#: Advance widths in thousandths of the font size. Source: horizontal metrics of STIXGeneral, as shipped by matplotlib.
_UPRIGHT = {
    180: "'", 200: "|", 250: " ,.·", 278: "/:;\\ijlt", 333: "!()-I[]`fr", 350: "∘", 373: "J", 389: "s", 408: '"',
    444: "?acez", 469: "^", 471: "∂", 480: "{}", 500: "#$*0123456789_bdghknopquvxy", 541: "~", 556: "FS", 557: "P",
    587: "Γ", 611: "ELT", 612: "Z", 624: "Σ", 640: "×", 643: "Ξ", 667: "BCR", 685: "+<=>−≤≥≠⊤", 702: "Λ",
    722: "ADGHKNOQUVXYwΔΘΠΥ", 744: "Ω", 746: "Ψ", 747: "%", 762: "⊙", 763: "Φ", 778: "&m", 842: "⊘", 889: "M",
    914: "∑", 921: "@", 928: "√", 944: "W", 1000: "∏…",
}  # fmt: skip
_ITALIC = {
    278: "fijltι", 333: "I", 389: "rsz", 410: "γτ", 444: "Jcekvxyεκ", 456: "ζξχλδ", 475: "νηυθ",
    500: "Sabdghnopquοπρσβ", 526: "μ", 556: "LTYZϑα", 584: "ψ", 611: "ABEFPRVXφϕ", 667: "CKNwω", 722: "DGHOQUm",
    833: "MW",
}  # fmt: skip
_WIDTHS = {
    italic: {character: width / 1000 for width, text in table.items() for character in text}
    for italic, table in ((False, _UPRIGHT), (True, _ITALIC))
}
_UNKNOWN = 0.75  # a letter of another script: rather too wide

OPERATOR_SPACE = 0.25  # on each side of a sign between operands
SCRIPT_SIZE = 0.7
SUBSCRIPT_DROP, SUPERSCRIPT_RISE = 0.22, 0.38
ASCENT, DESCENT = 0.7, 0.22
ACCENT_HEIGHT = 0.12
LINE_PITCH = 1.4
MATH_AXIS = 0.25  # a line is centred on half the height of its digits, slightly lower


@dataclass(frozen=True, slots=True)
class Placed:
    """A run at x, y from the start of the line's baseline (y grows downwards), in points."""

    run: Run
    x: float
    y: float
    size: float
    width: float


def width(run: Run, size: float) -> float:
    """The advance of the run's own text, in points."""
    table = _WIDTHS[run.italic]
    return size * sum(table.get(character, _UNKNOWN) for character in run.text)


def placed(inline: Inline, size: float) -> tuple[Placed, ...]:
    """Every run with its place. A superscript behind a subscript stands above it, not behind it."""
    answer: list[Placed] = []
    end = 0.0
    starts: list[float] = []  # where the script group of each depth began
    previous: tuple[str, ...] = ()
    furthest = 0.0
    for run in runs(inline):
        shared = 0
        while shared < min(len(previous), len(run.scripts)) and previous[shared] == run.scripts[shared]:
            shared += 1
        if shared < len(previous) and shared < len(run.scripts):
            end = starts[shared]  # from subscript to superscript: back to the base
        elif shared < len(previous):
            end = furthest
        del starts[shared:]
        starts.extend([end] * (len(run.scripts) - shared))
        previous = run.scripts
        scale, shift = size, 0.0
        for place in run.scripts:
            shift += scale * (SUBSCRIPT_DROP if place == "sub" else -SUPERSCRIPT_RISE)
            scale *= SCRIPT_SIZE
        around = OPERATOR_SPACE * scale if run.operator and not run.scripts else 0.0
        end += run.space * scale + around
        advance = width(run, scale)
        answer.append(Placed(run, end, shift, scale, advance))
        end += advance + around
        furthest = max(furthest, end)
    return tuple(answer)


def extent(inline: Inline, size: float) -> tuple[float, float, float]:
    """Width, height above and depth below the baseline, in points."""
    pieces = placed(inline, size)
    tail = OPERATOR_SPACE * size if pieces and pieces[-1].run.operator else 0.0
    across = max((piece.x + piece.width for piece in pieces), default=0.0) + tail
    above = max((ASCENT + ACCENT_HEIGHT * len(p.run.accents)) * p.size - p.y for p in pieces) if pieces else 0.0
    below = max((DESCENT * p.size + p.y for p in pieces), default=0.0)
    return across, above, below


def measure(inline: Inline, size: float = NODE_SIZE) -> tuple[float, float]:
    """Width and height in points at the font size `size`."""
    across, above, below = extent(inline, size)
    return across, above + below


def baselines(node: Node) -> tuple[float, ...]:
    """The y of the baseline of each line of a node: the lines are centred in the box, a fixed pitch apart."""
    pitch = LINE_PITCH * NODE_SIZE
    first = node.y - pitch * (len(node.lines) - 1) / 2 + MATH_AXIS * NODE_SIZE + 0.6
    return tuple(first + pitch * number for number in range(len(node.lines)))


def label_baseline(label: Inline, centre: float) -> float:
    """The y of the baseline of an edge label whose box is centred at `centre`."""
    _, above, below = extent(label, EDGE_SIZE)
    return centre + (above - below) / 2
