"""Points on the side of a kink that no point has shown yet: a scan along lines, then halving."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from derive.verification.graph import INPUT, Node
from derive.verification.points import Point, Range, Undecided, balls

#: Steps from a coordinate are powers of 2 between these, every third of them; then an interval is halved so often.
SCAN, HALVINGS = range(-30, 31, 3), 20


def other_side(u: Node, bases: Iterator[Point]) -> Iterator[Point]:
    """Points at which u has the sign that it lacks at a base point: one far from the kink and one just behind it."""
    for base in bases:
        graph = base.graph
        inputs = [node for node in graph.cone((u,)) if graph.kinds[node] == INPUT]
        start = {node: base.coordinate(node) for node in inputs}

        def at(coordinates: Mapping[Node, Fraction], base: Point = base) -> tuple[Point, float]:
            point = replace(base, moved=dict(coordinates))
            return point, _double_of(point, u)

        here = at(start)[1]
        for node in inputs:
            span = base.ranges.get(graph.data[node][0][0], Range())
            for exponent in SCAN:
                for sign in (1, -1):
                    step = sign * Fraction(2) ** exponent
                    moved = start[node] + step
                    low = Fraction(0) if graph.data[node][1] is not None and span.low is None else span.low
                    if (low is not None and moved <= low) or (span.high is not None and moved >= span.high):
                        continue
                    point, there = at(start | {node: moved})
                    if (there > 0) != (here > 0) and there == there:
                        yield point
                        yield at(start | {node: _crossing(at, start, node, moved, here)})[0]
                        return


def _crossing(
    at: Callable[[Mapping[Node, Fraction]], tuple[Point, float]],
    start: Mapping[Node, Fraction],
    node: Node,
    moved: Fraction,
    here: float,
) -> Fraction:
    """A coordinate just behind the kink, by halving."""
    near, far = start[node], moved
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        if (at({**start, node: middle})[1] > 0) == (here > 0):
            near = middle
        else:
            far = middle
    return far


def _double_of(point: Point, node: Node) -> float:
    """One node in double precision, by way of its cone alone."""
    try:
        ball = balls(point, (node,), 64)[node]
    except Undecided:
        return float("nan")
    return float("nan") if ball is None else float(ball.mid())
