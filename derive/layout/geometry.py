"""Segments and boxes in the plane; plain tuples in, plain answers out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import hypot
from typing import NamedTuple

Point = tuple[float, float]
EPSILON = 1e-6


class Box(NamedTuple):
    """An axis-parallel rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, by: float) -> Box:
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)


def box_at(x: float, y: float, width: float, height: float) -> Box:
    """The box of that size centred at (x, y)."""
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def boxes_overlap(first: Box, second: Box) -> bool:
    """Whether the interiors meet; touching is no overlap."""
    return (
        first.left < second.right - EPSILON
        and second.left < first.right - EPSILON
        and first.top < second.bottom - EPSILON
        and second.top < first.bottom - EPSILON
    )


def bounds(points: Sequence[Point]) -> Box:
    """The smallest box around the points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Box(min(xs), min(ys), max(xs), max(ys))


def segment_enters(start: Point, end: Point, box: Box) -> bool:
    """Whether a part of the segment lies inside the box (Liang-Barsky clipping); touching the border does not count."""
    low, high = 0.0, 1.0
    dx, dy = end[0] - start[0], end[1] - start[1]
    sides = (
        (-dx, start[0] - box.left - EPSILON), (dx, box.right - EPSILON - start[0]),
        (-dy, start[1] - box.top - EPSILON), (dy, box.bottom - EPSILON - start[1]),
    )  # fmt: skip
    for speed, room in sides:
        if abs(speed) < 1e-12:
            if room < 0:
                return False
        elif speed < 0:
            low = max(low, room / speed)
        else:
            high = min(high, room / speed)
        if low > high:
            return False
    return True


def path_enters(points: Sequence[Point], box: Box) -> bool:
    """Whether the polyline runs through the box."""
    return any(segment_enters(a, b, box) for a, b in pairwise(points))


def meeting(a: Point, b: Point, c: Point, d: Point) -> Point | None:
    """A point common to the segments ab and cd, or None. For segments on one line: the middle of what they share."""
    if (
        max(a[0], b[0]) < min(c[0], d[0]) - EPSILON or max(c[0], d[0]) < min(a[0], b[0]) - EPSILON
        or max(a[1], b[1]) < min(c[1], d[1]) - EPSILON or max(c[1], d[1]) < min(a[1], b[1]) - EPSILON
    ):  # fmt: skip
        return None
    ux, uy, wx, wy = b[0] - a[0], b[1] - a[1], d[0] - c[0], d[1] - c[1]
    cross = ux * wy - uy * wx
    ox, oy = c[0] - a[0], c[1] - a[1]
    length = hypot(ux, uy)
    if abs(cross) <= 1e-9 * max(length * hypot(wx, wy), 1e-12):
        if abs(ox * uy - oy * ux) > EPSILON * max(length, 1.0) or length == 0:
            return None
        along = sorted(((p[0] - a[0]) * ux + (p[1] - a[1]) * uy) / length**2 for p in (c, d))
        low, high = max(along[0], 0.0), min(along[1], 1.0)
        middle = (low + high) / 2
        return (a[0] + middle * ux, a[1] + middle * uy) if low <= high + EPSILON else None
    s = (ox * wy - oy * wx) / cross
    r = (ox * uy - oy * ux) / cross
    slack = EPSILON
    return (a[0] + s * ux, a[1] + s * uy) if -slack <= s <= 1 + slack and -slack <= r <= 1 + slack else None


def path_crossings(first: Sequence[Point], second: Sequence[Point]) -> int:
    """How often two polylines meet; a meeting in a bend counts once."""
    found: list[Point] = []
    for a, b in pairwise(first):
        for c, d in pairwise(second):
            point = meeting(a, b, c, d)
            if point is not None and not any(hypot(point[0] - x, point[1] - y) < 0.01 for x, y in found):
                found.append(point)
    return len(found)


def distance(point: Point, start: Point, end: Point) -> float:
    """From the point to the segment."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    square = dx * dx + dy * dy
    along = (point[0] - start[0]) * dx + (point[1] - start[1]) * dy
    part = max(0.0, min(1.0, along / square)) if square else 0.0
    return hypot(point[0] - start[0] - part * dx, point[1] - start[1] - part * dy)


def clearance(first: Sequence[Point], second: Sequence[Point]) -> float:
    """The smallest distance from a corner of one polyline to the other: their distance, if they do not cross."""
    answer = float("inf")
    for one, other in ((first, second), (second, first)):
        for point in one:
            for a, b in pairwise(other):
                answer = min(answer, distance(point, a, b))
    return answer


def straightened(points: Sequence[Point]) -> tuple[Point, ...]:
    """The same polyline without repeated points and without points on the way between their neighbours."""
    kept: list[Point] = []
    for point in points:
        if kept and hypot(point[0] - kept[-1][0], point[1] - kept[-1][1]) < 0.01:
            continue
        if len(kept) > 1 and distance(kept[-1], kept[-2], point) < 0.01:
            kept.pop()
        kept.append(point)
    return tuple(kept)
