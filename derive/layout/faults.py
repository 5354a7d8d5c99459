"""What a reader would stumble over in a drawing: labels hit by something, arrows without room for their heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

from derive.layout.geometry import Box, Point, bounds, boxes_overlap, path_enters
from derive.layout.strokes import HEAD_LENGTH, curve, stroke

#: Points kept free around a label: to boxes and other edges, to its own edge, to arrow heads and other labels.
FROM_BOX, FROM_EDGE, FROM_OWN, FROM_HEAD = 1.5, 2.2, 0.3, 0.5

#: The shortest last segment that shows its head, and the largest rise over run at which the head stays off the box.
SHORTEST_END, STEEPEST_END = HEAD_LENGTH + 1.5, 2.6


#: Rise over run from which a line looks like a step.
UPRIGHT = 4.0


def upright(paths: Mapping[tuple[str, str], Sequence[Point]]) -> int:
    """How many edges have a part that hardly gets on."""
    return sum(any(abs(d - b) > UPRIGHT * (c - a) for (a, b), (c, d) in pairwise(path)) for path in paths.values())


def faults(
    nodes: Mapping[str, Box], paths: Mapping[tuple[str, str], Sequence[Point]], labels: Mapping[tuple[str, str], Box]
) -> list[str]:
    """One sentence for each fault. Edges lead towards larger x; lines count as they are drawn, with round corners."""
    found: list[str] = []
    lines = {edge: curve(path) for edge, path in paths.items()}
    around = {edge: bounds(line).grown(2.0) for edge, line in lines.items()}
    heads = {edge: bounds(stroke(path).head) for edge, path in paths.items()}
    for edge, label in labels.items():
        near = label.grown(FROM_BOX)
        found += [f"label {edge} touches box {key}" for key, box in nodes.items() if boxes_overlap(near, box)]
        near = label.grown(FROM_HEAD)
        found += [f"label {edge} touches head {other}" for other, head in heads.items() if boxes_overlap(near, head)]
        for other, line in lines.items():
            near = label.grown(FROM_OWN if other == edge else FROM_EDGE)
            if boxes_overlap(near, around[other]) and path_enters(line, near):
                found.append(f"label {edge} touches edge {other}")
    for (one, first), (two, second) in combinations(labels.items(), 2):
        if boxes_overlap(first.grown(FROM_HEAD), second):
            found.append(f"label {one} touches label {two}")
    for edge, path in paths.items():
        (a, b), (c, d) = path[-2:]
        if ((c - a) ** 2 + (d - b) ** 2) ** 0.5 < SHORTEST_END:
            found.append(f"edge {edge} has no room for its head")
        if abs(d - b) > STEEPEST_END * (c - a):
            found.append(f"edge {edge} arrives along the side of its box")
        found += [
            f"head {edge} touches box {key}"
            for key, box in nodes.items()
            if key != edge[1] and boxes_overlap(heads[edge], box)
        ]
    return found
