"""Convolutions and cross-correlations of arrays as sums: valid, full and same."""

from __future__ import annotations

from dataclasses import replace
from itertools import product as combinations

from derive.verification.shaped import ShapeClash, Shaped, Shapes


def slid(shapes: Shapes, one: Shaped, other: Shaped, mode: str, turned: bool) -> Shaped:
    """sum over k of A[i + k] B[k], for a convolution (`turned`) with B turned by half a turn.

    mode : "valid" where all reads are inside, "full" where any is, "same" with the shape of A.
    """
    if one.rank == 0 or other.rank == 0:
        return shapes.entrywise(one, other)
    if one.rank != other.rank:
        raise ShapeClash(f"{shapes.text(one)} and {shapes.text(other)} do not slide over each other")
    if turned:
        if any((b or 1) > (a or 1) for a, b in zip(one.shape, other.shape, strict=True)) and mode == "valid":
            one, other = other, one
        other = replace(other, nodes=list(reversed(other.nodes)))
    sizes = [(a or 1, b or 1) for a, b in zip(one.shape, other.shape, strict=True)]
    before = {
        "valid": [0] * len(sizes),
        "full": [b - 1 for _, b in sizes],
        "same": [(b - 1) // 2 for _, b in sizes],
    }
    if mode == "same" and turned:
        before["same"] = [b // 2 for _, b in sizes]
    out = {
        "valid": [a - b + 1 for a, b in sizes],
        "full": [a + b - 1 for a, b in sizes],
        "same": [a for a, _ in sizes],
    }
    if min(out[mode]) < 1:
        raise ShapeClash(f"{shapes.text(other)} does not fit into {shapes.text(one)}")
    nodes = []
    for place in combinations(*map(range, out[mode])):
        parts = []
        for step in combinations(*(range(b) for _, b in sizes)):
            flat, kernel, inside = 0, 0, True
            for i, k, (a, b), p in zip(place, step, sizes, before[mode], strict=True):
                inside = inside and 0 <= i + k - p < a
                flat, kernel = flat * a + i + k - p, kernel * b + k
            if inside:
                parts.append((1, shapes.graph.multiply(one.nodes[flat], other.nodes[kernel])))
        nodes.append(shapes.graph.linear(parts))
    return Shaped(tuple(out[mode]), nodes)
