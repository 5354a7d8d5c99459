"""How an edge is drawn in every medium: corners rounded, an arrow head whose tip touches the box."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot
from typing import NamedTuple

from derive.layout.geometry import Point

CORNER = 7.0
HEAD_LENGTH, HEAD_WIDTH, HEAD_NOTCH = 7.0, 5.2, 1.8
BOX_CORNER = 4.0
LINE_WIDTH = 0.8

#: Fill and outline of a node by its kind; they stay apart in print without colours. And of everything else.
COLOURS = {"input": ("#e3edf9", "#2b5c8a"), "operation": ("#ffffff", "#444444"), "output": ("#fdeedc", "#a65a00")}
INK = "#222222"


class Stroke(NamedTuple):
    """start; pieces, each (end,) for a line or (control, end) for a quadratic Bezier curve; the outline of the head."""

    start: Point
    pieces: tuple[tuple[Point, ...], ...]
    head: tuple[Point, ...]


def towards(start: Point, end: Point, length: float) -> Point:
    """The point at that distance from `start` on the way to `end`."""
    whole = hypot(end[0] - start[0], end[1] - start[1]) or 1.0
    return (start[0] + (end[0] - start[0]) * length / whole, start[1] + (end[1] - start[1]) * length / whole)


def stroke(points: Sequence[Point]) -> Stroke:
    """The drawn form of a polyline of at least two points."""
    tip = points[-1]
    neck = towards(tip, points[-2], HEAD_LENGTH)
    back = towards(tip, points[-2], HEAD_LENGTH - HEAD_NOTCH)
    nx, ny = (neck[1] - tip[1]) / HEAD_LENGTH * HEAD_WIDTH / 2, (tip[0] - neck[0]) / HEAD_LENGTH * HEAD_WIDTH / 2
    head = (tip, (neck[0] + nx, neck[1] + ny), back, (neck[0] - nx, neck[1] - ny))
    pieces: list[tuple[Point, ...]] = []
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        into, out = (hypot(corner[0] - p[0], corner[1] - p[1]) for p in (before, after))
        # the last segment keeps a straight stretch for the head
        spare = out - HEAD_LENGTH - 1 if after is tip else out / 2
        radius = max(0.0, min(CORNER, into / 2, spare))
        pieces.append((towards(corner, before, radius),))
        pieces.append((corner, towards(corner, after, radius)))
    pieces.append((back,))
    return Stroke(points[0], tuple(pieces), head)


def curve(points: Sequence[Point]) -> tuple[Point, ...]:
    """The drawn line as a polyline up to its tip, with the round corners cut into short segments."""
    drawn = stroke(points)
    answer = [drawn.start]
    for piece in drawn.pieces[:-1]:
        if len(piece) == 2:
            (ax, ay), (bx, by), (cx, cy) = answer[-1], *piece
            for t in (0.25, 0.5, 0.75):
                u = 1 - t
                answer.append((u * u * ax + 2 * u * t * bx + t * t * cx, u * u * ay + 2 * u * t * by + t * t * cy))
        answer.append(piece[-1])
    return (*answer, points[-1])
