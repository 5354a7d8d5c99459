"""Second step: the order of the nodes within each rank, chosen for few crossings.

Median and barycentre sweeps with transposition (Gansner, Koutsofios, North, Vo: A technique for drawing directed
graphs, 1993), from several starts of which the best is kept. Everything is deterministic: the shuffled starts carry
their own seeds.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise
from random import Random

Layers = list[list[int]]
Neighbours = Sequence[Sequence[int]]

#: Work bound: vertices times sweeps over all starts.
BUDGET = 30_000


def crossings_between(upper: Sequence[int], lower: Sequence[int], below: Neighbours) -> int:
    """Pairs of edges between two neighbouring layers that cross."""
    place = {vertex: number for number, vertex in enumerate(lower)}
    seen: list[int] = []
    total = 0
    for vertex in upper:
        ends = sorted(place[end] for end in below[vertex])
        total += sum(len(seen) - bisect_right(seen, end) for end in ends)
        for end in ends:
            insort(seen, end)
    return total


def all_crossings(layers: Layers, below: Neighbours) -> int:
    """Crossings of the whole drawing, for edges that are straight between neighbouring layers."""
    return sum(crossings_between(a, b, below) for a, b in pairwise(layers))


def ordered(layers: Layers, above: Neighbours, below: Neighbours) -> Layers:
    """The layers reordered for few crossings; among equals, close to the order given.

    layers : vertices by rank, in the preferred order.  above, below : neighbours in the ranks next to one's own.
    """
    size = sum(map(len, layers))
    if size == 0:
        return layers
    sweeps = max(2, min(24, BUDGET // (size * 6)))
    best = [list(layer) for layer in layers]
    best_score = _score(best, below, layers)
    for start in _starts(layers, above, below):
        score, found = _improved(start, above, below, layers, sweeps)
        if score < best_score:
            best, best_score = found, score
    return best


def _starts(layers: Layers, above: Neighbours, below: Neighbours) -> list[Layers]:
    given = [list(layer) for layer in layers]
    answer = [given, [layer[::-1] for layer in given], _by_walk(layers, below, 1), _by_walk(layers, above, -1)]
    for seed in range(4):
        dice = Random(seed)
        shuffled = [list(layer) for layer in layers]
        for layer in shuffled:
            dice.shuffle(layer)
        answer.append(shuffled)
    return answer


def _by_walk(layers: Layers, onward: Neighbours, step: int) -> Layers:
    """Vertices as a depth-first walk from the first (or last) layer meets them: trees do not cross."""
    rank = {vertex: number for number, layer in enumerate(layers) for vertex in layer}
    answer: Layers = [[] for _ in layers]
    seen: set[int] = set()
    stack = [vertex for layer in layers[::step] for vertex in layer][::-1]
    while stack:
        vertex = stack.pop()
        if vertex in seen:
            continue
        seen.add(vertex)
        answer[rank[vertex]].append(vertex)
        stack.extend(other for other in reversed(onward[vertex]) if other not in seen)
    return answer


def _score(layers: Layers, below: Neighbours, wished: Layers) -> tuple[int, int, int]:
    """Crossings; then inversions against the wished order, first among the inputs, then everywhere."""
    inverted = []
    for layer, wish in zip(layers, wished, strict=True):
        place = {vertex: number for number, vertex in enumerate(wish)}
        seen: list[int] = []
        count = 0
        for vertex in layer:
            count += len(seen) - bisect_right(seen, place[vertex])
            insort(seen, place[vertex])
        inverted.append(count)
    return all_crossings(layers, below), inverted[0], sum(inverted)


def _improved(
    start: Layers, above: Neighbours, below: Neighbours, wished: Layers, sweeps: int
) -> tuple[tuple[int, int, int], Layers]:
    layers = [list(layer) for layer in start]
    best, best_score = [list(layer) for layer in layers], _score(layers, below, wished)
    since = 0
    for sweep in range(sweeps):
        downwards = sweep % 2 == 0
        _sort_by_neighbours(layers, above if downwards else below, downwards, median=sweep % 4 < 2)
        _transpose(layers, above, below, eager=sweep % 8 >= 4)
        score = _score(layers, below, wished)
        since += 1
        if score < best_score:
            best, best_score, since = [list(layer) for layer in layers], score, 0
        if since > 7:
            break
    return best_score, best


def _sort_by_neighbours(layers: Layers, towards: Neighbours, downwards: bool, median: bool) -> None:
    """Each layer in turn sorted by the middle of its neighbours in the layer before; vertices without one stay."""
    count = len(layers)
    for number in range(1, count) if downwards else range(count - 2, -1, -1):
        fixed = layers[number - 1 if downwards else number + 1]
        place = {vertex: spot for spot, vertex in enumerate(fixed)}
        layer = layers[number]
        wishes: dict[int, float] = {}
        for vertex in layer:
            spots = sorted(place[other] for other in towards[vertex])
            if spots:
                half = len(spots) // 2
                middle = spots[half] if len(spots) % 2 else (spots[half - 1] + spots[half]) / 2
                wishes[vertex] = middle if median else sum(spots) / len(spots)
        movable = iter(sorted((vertex for vertex in layer if vertex in wishes), key=wishes.__getitem__))
        layers[number] = [next(movable) if vertex in wishes else vertex for vertex in layer]


def _transpose(layers: Layers, above: Neighbours, below: Neighbours, eager: bool) -> None:
    """Neighbours change places where that removes crossings (`eager`: also where it changes nothing, once)."""
    place = [0] * len(above)
    for layer in layers:
        for spot, vertex in enumerate(layer):
            place[vertex] = spot
    for turn in range(4):
        improved = False
        for layer in layers:
            for spot in range(len(layer) - 1):
                left, right = layer[spot], layer[spot + 1]
                now = later = 0
                for side in (above, below):
                    a, b = [place[other] for other in side[left]], [place[other] for other in side[right]]
                    now += sum(x > y for x in a for y in b)
                    later += sum(x < y for x in a for y in b)
                if later < now or (eager and turn == 0 and later == now and now > 0):
                    layer[spot], layer[spot + 1] = right, left
                    place[left], place[right] = spot + 1, spot
                    improved = improved or later < now
        if not improved:
            return
