"""What each use of a quantity contributes to its gradient: where it is used twice, code adds up two parts.

dL/dx = sum over the quantities c that are made of x of dL/dc * dc/dx
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from derive.verification.differentiating import partials
from derive.verification.graph import Node
from derive.verification.model import Model
from derive.verification.points import Doubles

#: An array of the problem: its name, and the member of a family.
Array = tuple[str, int | None]
#: Uses of one quantity that are told apart.
USES = 4


def contributions(
    model: Model, doubles: Doubles, arrays: Mapping[Array, Sequence[Node]], gradients: Mapping[Node, Node]
) -> dict[Array, list[dict[Node, float]]]:
    """For every array that is used by several others, what each use adds to the gradients of its nodes."""
    owner = {node: array for array, nodes in arrays.items() for node in nodes}
    found: dict[Array, dict[Array, dict[Node, float]]] = {}
    for array, nodes in arrays.items():
        for node in dict.fromkeys(nodes):
            if node not in gradients:
                continue
            adjoint = doubles[gradients[node]]
            for below, slope in _slopes(model, doubles, node, owner).items():
                uses = found.setdefault(owner[below], {}).setdefault(array, {})
                uses[below] = uses.get(below, 0.0) + adjoint * slope
    return {array: list(uses.values()) for array, uses in found.items() if 2 <= len(uses) <= USES}


def _slopes(model: Model, doubles: Doubles, top: Node, owner: Mapping[Node, Array]) -> dict[Node, float]:
    """The derivative of a node by the entries of arrays that it is made of directly."""
    graph = model.graph
    slopes: dict[Node, float] = {top: 1.0}
    waiting = [-top]
    found: dict[Node, float] = {}
    while waiting:
        node = -heapq.heappop(waiting)
        slope = slopes.pop(node)
        if node in owner and node != top:
            found[node] = slope
            continue
        for operand, partial in partials(graph, node):
            step = float(partial[0]) if isinstance(partial, tuple) else doubles[partial]
            if operand not in slopes:
                slopes[operand] = 0.0
                heapq.heappush(waiting, -operand)
            slopes[operand] += slope * step
    return found
