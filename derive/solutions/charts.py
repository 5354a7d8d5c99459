"""Charts as pictures: points as disks of up to three kinds, a straight line, and two axes with their ends marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.document import Edge, Inline, Node, Picture
from derive.errors import UsageError

Point = tuple[float, float]

#: The kinds of boxes, which differ in colour, in the order in which series take them.
KINDS = ("operation", "output", "input")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 400.0, 220.0, 50.0, 32.0, 34.0
MARK = 8.2  # a box whose round corners make it a disc


@dataclass(frozen=True, slots=True)
class Series:
    """name : in the legend.  points : (x, y)."""

    name: str
    points: tuple[Point, ...]


def chart(
    series: Sequence[Series],
    *,
    across: Inline,
    up: Inline,
    line: tuple[Point, Point] | None = None,
    bounds: tuple[float, float, float, float] | None = None,
) -> Picture:
    """The series in one chart.

    across, up : what the axes show.  line : a straight line from its left end to its right.
    bounds : least and largest x, least and largest y; those of the points by default.
    Raises UsageError for more series than there are kinds, and for points that leave an axis without length.
    """
    if not 1 <= len(series) <= len(KINDS):
        raise UsageError(f"a chart takes 1 to {len(KINDS)} series; given {len(series)}")
    points = [point for each in series for point in each.points] + list(line or ())
    x0, x1, y0, y1 = bounds or _bounds(points)
    if x0 >= x1 or y0 >= y1:
        raise UsageError("the points of a chart differ in x and in y")

    def place(point: Point) -> Point:
        return (
            LEFT + (point[0] - x0) / (x1 - x0) * (WIDTH - LEFT - 20),
            HEIGHT - BOTTOM - (point[1] - y0) / (y1 - y0) * (HEIGHT - BOTTOM - TOP),
        )

    edges = _axes(across, up, (x0, x1, y0, y1))
    if line is not None:
        edges.append(Edge("fit start", "fit end", (place(line[0]), place(line[1]))))
    nodes = _legend(series) if len(series) > 1 else []
    for kind, each in zip(KINDS, series, strict=False):
        for number, point in enumerate(each.points):
            nodes.append(Node(f"{each.name} {number}", *place(point), MARK, MARK, (), kind))
    return Picture(WIDTH, HEIGHT, tuple(nodes), tuple(edges))


def _bounds(points: Sequence[Point]) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), max(xs), min(ys), max(ys)


def _legend(series: Sequence[Series]) -> list[Node]:
    """A box with its series' name for each, in a row above the chart."""
    names = [each.name for each in series]
    widths = [12 + 5.2 * len(name) for name in names]
    left = WIDTH - 10 - sum(widths) - 8 * (len(names) - 1)
    found = []
    for kind, name, width in zip(KINDS, names, widths, strict=False):
        found.append(Node(f"legend {name}", left + width / 2, 12, width, 16, (name,), kind))
        left += width + 8
    return found


def _axes(across: Inline, up: Inline, bounds: tuple[float, float, float, float]) -> list[Edge]:
    """Both axes, each once for every label, since an edge has one: its name and its two ends."""
    x0, x1, y0, y1 = (f"{end:.4g}" for end in bounds)
    bottom, right, corner = HEIGHT - BOTTOM, WIDTH - 20, (LEFT - 10, HEIGHT - BOTTOM + 10)
    found = []
    for name, label, x in (("least x", x0, LEFT), ("across", across, (LEFT + right) / 2), ("most x", x1, right)):
        found.append(Edge(name, f"{name} end", (corner, (WIDTH - 5, corner[1])), label, (x, bottom + 22)))
    for name, label, y in (("least y", y0, bottom), ("up", up, (TOP + bottom) / 2), ("most y", y1, TOP)):
        found.append(Edge(name, f"{name} end", (corner, (corner[0], 6)), label, (LEFT - 30, y)))
    return found
