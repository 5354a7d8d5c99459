"""Fourth step: the lines of the edges and the places of their labels.

Every edge first gets a safe route: level across the columns of nodes and across the bands of labels, slanted only
between them. Then each route is straightened as far as it stays clear of boxes, labels and other edges; a label follows
its line. Coordinates are (along, across) the direction of drawing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from math import hypot

from derive.layout.coordinates import pooled
from derive.layout.faults import FROM_BOX, FROM_EDGE, FROM_HEAD, FROM_OWN, SHORTEST_END, STEEPEST_END
from derive.layout.geometry import (
    Box,
    Point,
    bounds,
    box_at,
    boxes_overlap,
    clearance,
    path_crossings,
    path_enters,
    straightened,
)
from derive.layout.strokes import curve, stroke

Edge = tuple[str, str]
Path = tuple[Point, ...]

NODE_CLEARANCE = 5.0
EDGE_CLEARANCE = 3.5
LABEL_CLEARANCE = 1.0
LABEL_OFFSET = 2.0
PORT_DISTANCE = 13.0
STEEPEST = 3.0  # rise over run of a straight edge


def ports(wishes: Sequence[float], centre: float, room: float) -> list[float]:
    """Where edges meet the side of a box: as near to their wishes as order, distance and the side's length allow.

    wishes : in order along the side.  room : length of the side.
    """
    count = len(wishes)
    if not count:
        return []
    margin = min(8.0, room / 4)
    low, high = centre - room / 2 + margin, centre + room / 2 - margin
    apart = min(PORT_DISTANCE, (high - low) / max(count - 1, 1))
    ends = max(low, high - (count - 1) * apart)
    places = pooled(wishes, [apart] * (count - 1))
    return [min(max(place - number * apart, low), ends) + number * apart for number, place in enumerate(places)]


def _is_level(path: Path) -> bool:
    return len(path) == 2 and path[0][1] == path[1][1]


def _steepness(path: Path) -> float:
    """The largest rise over run."""
    return max(abs(b[1] - a[1]) / max(abs(b[0] - a[0]), 0.1) for a, b in pairwise(path))


class Routes:
    """Where lines and labels are now. Each change keeps the drawing at least as clear as it was."""

    def __init__(
        self,
        nodes: Mapping[str, Box],
        paths: dict[Edge, Path],
        labels: dict[Edge, Point],
        sizes: Mapping[Edge, tuple[float, float]],
        upper: bool,
        strict: bool,
    ) -> None:
        """nodes : their boxes.  labels : centres of the reserved places.  upper : labels prefer smaller `across`.

        strict : a line is not straightened where its head or the round corners would touch a label.
        """
        self.nodes = nodes
        self.paths = paths
        self.sizes = sizes
        self.upper = upper
        self.strict = strict
        self.labels = {edge: box_at(*centre, *sizes[edge]) for edge, centre in labels.items()}
        self.around = {edge: bounds(path) for edge, path in paths.items()}

    def straighten(self) -> None:
        """Fewer bends where nothing is in the way: long detours first, then once more with the room they left."""
        for _ in range(2):
            for edge in sorted(self.paths, key=lambda edge: (-len(self.paths[edge]), edge)):
                self._straighten_one(edge)
        for edge in self.labels:
            self._place(edge, self.paths[edge])

    def _straighten_one(self, edge: Edge) -> None:
        path = self.paths[edge]
        for candidate in (*self._direct(edge), self._shortcut(edge)):
            better = len(candidate) < len(path) or (_is_level(candidate) and not _is_level(path))
            if not better or (self.strict and not self._shows_its_head(edge, candidate)):
                continue
            if self._clear(edge, candidate) and self._place(edge, candidate):
                self.paths[edge] = candidate
                self.around[edge] = bounds(candidate)
                return

    def _shows_its_head(self, edge: Edge, path: Path) -> bool:
        """Whether the last segment is long enough, not too steep, and the drawn line and head keep off other labels."""
        (a, b), (c, d) = path[-2:]
        if hypot(c - a, d - b) < SHORTEST_END or abs(d - b) > STEEPEST_END * (c - a):
            return False
        head, line = bounds(stroke(path).head), curve(path)
        return not any(
            other != edge
            and (boxes_overlap(head, label.grown(FROM_HEAD)) or path_enters(line, label.grown(FROM_EDGE + 0.2)))
            for other, label in self.labels.items()
        )

    def _direct(self, edge: Edge) -> Iterator[Path]:
        """One straight segment: level if the boxes allow it, else between the present ends, else between moved ends."""
        path = self.paths[edge]
        (left, start), (right, end) = path[0], path[-1]
        ends = (start, end, path[1][1], path[-2][1])
        level = [(y, y) for y in ends]
        moved = product(self._sides(edge[0], start, ends[2]), self._sides(edge[1], end, ends[3]))
        for one, two in (*level, *moved):
            if self._holds(edge[0], one, start) and self._holds(edge[1], two, end):
                yield (left, one), (right, two)

    def _ends(self, edge: Edge) -> tuple[Point, Point]:
        return self.paths[edge][0], self.paths[edge][-1]

    def _sides(self, key: str, now: float, wish: float) -> tuple[float, ...]:
        """Places to try at a box's side: the present one, level with the next bend, halfway to the corners."""
        box = self.nodes[key]
        return now, wish, (now + box.top) / 2, (now + box.bottom) / 2

    def _holds(self, key: str, place: float, now: float) -> bool:
        """Whether an edge may end at that place of the box's side; where it ends now is good in any case."""
        box = self.nodes[key]
        margin = min(6.0, (box.bottom - box.top) / 4)
        return place == now or box.top + margin <= place <= box.bottom - margin

    def _shortcut(self, edge: Edge) -> Path:
        """The route with the fewest bends over its own corners."""
        path = self.paths[edge]
        best: list[tuple[int, float, int]] = [(0, 0.0, -1)]
        for end in range(1, len(path)):
            options = []
            for start in range(end):
                step = (path[start], path[end])
                if start == end - 1 or self._clear(edge, step):
                    steps, length, _ = best[start]
                    options.append((steps + 1, length + hypot(step[1][0] - step[0][0], step[1][1] - step[0][1]), start))
            best.append(min(options))
        corners, at = [path[-1]], len(path) - 1
        while at:
            at = best[at][2]
            corners.append(path[at])
        return straightened(corners[::-1])

    def _clear(self, edge: Edge, path: Path) -> bool:
        """Whether the route avoids boxes, labels and other edges, and crosses no edge that the present one does not."""
        if _steepness(path) > max(STEEPEST, _steepness(self.paths[edge])):
            return False
        around = bounds(path)
        for key, box in self.nodes.items():
            grown = box.grown(-0.5 if key in edge else NODE_CLEARANCE)
            if boxes_overlap(around, grown) and path_enters(path, grown):
                return False
        for other, label in self.labels.items():
            grown = label.grown(LABEL_CLEARANCE)
            if other != edge and boxes_overlap(around.grown(1.0), grown) and path_enters(path, grown):
                return False
        near = around.grown(EDGE_CLEARANCE)
        for other, route in self.paths.items():
            if other == edge or not boxes_overlap(near, self.around[other].grown(1.0)):
                continue
            if set(edge) & set(other):
                # edges of one node leave it through neighbouring ports; they need no distance but must not cross
                if path_crossings(path, route) > path_crossings(self.paths[edge], route):
                    return False
                for mine, present, its in zip((path[0], path[-1]), self._ends(edge), self._ends(other), strict=True):
                    gap = abs(mine[1] - its[1])
                    if mine[0] == its[0] and gap < min(EDGE_CLEARANCE, abs(present[1] - its[1])):
                        return False
                continue
            now = path_crossings(path, route)
            if now > path_crossings(self.paths[edge], route):
                return False
            if not now and clearance(path, route) < min(EDGE_CLEARANCE, clearance(self.paths[edge], route)):
                return False
        return True

    def _place(self, edge: Edge, path: Path) -> bool:
        """Put the label of `edge` beside `path`; False where there is no free place (then nothing changes)."""
        if edge not in self.labels:
            return True
        for box in self._places(edge, path):
            if self._free(edge, box, path):
                self.labels[edge] = box
                return True
        return False

    def _places(self, edge: Edge, path: Path) -> Iterator[Box]:
        """Places beside the longest segments, from their middle outwards, on the preferred side first."""
        along, across = self.sizes[edge]
        segments = sorted(pairwise(path), key=lambda ends: -hypot(ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]))
        for a, b in segments[:3]:
            length = hypot(b[0] - a[0], b[1] - a[1])
            if length < 1:
                continue
            normal = ((b[1] - a[1]) / length, -(b[0] - a[0]) / length)  # towards smaller `across`
            offset = (along * abs(normal[0]) + across * abs(normal[1])) / 2 + LABEL_OFFSET
            for part in (0.47, 0.4, 0.54, 0.33, 0.61, 0.26, 0.68, 0.75):
                for side in (1, -1) if self.upper else (-1, 1):
                    x = a[0] + part * (b[0] - a[0]) + side * offset * normal[0]
                    y = a[1] + part * (b[1] - a[1]) + side * offset * normal[1]
                    yield box_at(x, y, along, across)

    def _free(self, edge: Edge, box: Box, path: Path) -> bool:
        if self.strict and not self._keeps_off(edge, box, path):
            return False
        grown = box.grown(LABEL_CLEARANCE)
        if any(boxes_overlap(grown, node.grown(1.0)) for node in self.nodes.values()):
            return False
        if any(other != edge and boxes_overlap(grown, label) for other, label in self.labels.items()):
            return False
        if path_enters(path, box):
            return False
        return not any(
            other != edge and boxes_overlap(grown, self.around[other].grown(0.5)) and path_enters(route, grown)
            for other, route in self.paths.items()
        )

    def _keeps_off(self, edge: Edge, box: Box, path: Path) -> bool:
        """Whether a label there stays clear of boxes, of its own drawn line, and of all lines and heads."""
        if any(boxes_overlap(box.grown(FROM_BOX + 0.2), node) for node in self.nodes.values()):
            return False
        for other, route in self.paths.items():
            shown = path if other == edge else route
            grown = box.grown((FROM_OWN if other == edge else FROM_EDGE) + 0.2)
            if not boxes_overlap(grown.grown(3.0), bounds(shown).grown(3.0)):
                continue
            if path_enters(curve(shown), grown) or boxes_overlap(box.grown(FROM_HEAD), bounds(stroke(shown).head)):
                return False
        return not any(
            boxes_overlap(box.grown(FROM_HEAD), label) for other, label in self.labels.items() if other != edge
        )
