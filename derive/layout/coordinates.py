"""Third step: where each vertex stands within its rank, so that long edges are straight and boxes keep apart.

Four alignments, each packed to one side, and their average: Brandes & Köpf, Fast and simple horizontal coordinate
assignment (2001); the packing is a longest path over whole blocks, as in the dagre library, which avoids the known slip
in the published class offsets.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, combinations, pairwise

Layers = Sequence[Sequence[int]]
Neighbours = Sequence[Sequence[int]]

#: A piece of an edge that is not level counts as this many points of length.
BEND = 40.0
TURNS = 12


def coordinates(
    layers: Layers,
    above: Neighbours,
    below: Neighbours,
    extents: Sequence[tuple[float, float]],
    gaps: Sequence[float],
    virtual: Sequence[bool],
) -> list[float]:
    """One coordinate per vertex, growing along each layer.

    extents : room before and behind the vertex's own line.  gaps : half of the space kept around it.
    virtual : whether the vertex is only a point of a long edge.
    """
    forbidden = _conflicts(layers, above, virtual)
    answers: list[list[float]] = []
    for downwards in (True, False):
        for leftwards in (True, False):
            stacked = list(layers) if downwards else list(reversed(layers))
            turned = [list(layer) if leftwards else list(reversed(layer)) for layer in stacked]
            rooms = list(extents) if leftwards else [(behind, before) for before, behind in extents]
            root = _aligned(turned, above if downwards else below, forbidden)
            xs = _packed(turned, root, rooms, gaps)
            answers.append(xs if leftwards else [-x for x in xs])
    return _settled(_best(answers, extents, below), layers, above, below, extents, gaps)


def pooled(wishes: Sequence[float], apart: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """Places in order, at least `apart` from each other, with the least weighted squares to the wishes.

    Neighbours that come too near are pooled and take their mean (isotonic regression).
    """
    offsets = [0.0, *accumulate(apart)]
    pools: list[tuple[float, float, int]] = []  # sum of weight * wish, weight, size
    for number, wish in enumerate(wishes):
        weight = weights[number] if weights else 1.0
        total, size = weight * (wish - offsets[number]), 1
        while pools and pools[-1][0] / pools[-1][1] > total / weight:
            earlier = pools.pop()
            total, weight, size = total + earlier[0], weight + earlier[1], size + earlier[2]
        pools.append((total, weight, size))
    starts = [total / weight for total, weight, size in pools for _ in range(size)]
    return [start + offset for start, offset in zip(starts, offsets, strict=False)]


def _conflicts(layers: Layers, above: Neighbours, virtual: Sequence[bool]) -> set[tuple[int, int]]:
    """Edges that cross an inner segment of a long edge; the long edge is the one to be straight."""
    found: set[tuple[int, int]] = set()
    for upper, lower in pairwise(layers):
        place = {vertex: number for number, vertex in enumerate(upper)}
        low, scanned = 0, 0
        for number, vertex in enumerate(lower):
            inner = next((other for other in above[vertex] if virtual[other]), None) if virtual[vertex] else None
            if inner is None and number < len(lower) - 1:
                continue
            high = len(upper) - 1 if inner is None else place[inner]
            for one in lower[scanned : number + 1]:
                for other in above[one]:
                    both = virtual[one] and virtual[other]
                    if not both and not low <= place[other] <= high:
                        found.add((other, one))
            scanned, low = number + 1, high
    return found


def _aligned(layers: Layers, towards: Neighbours, forbidden: set[tuple[int, int]]) -> list[int]:
    """Each vertex in line with the middle one of its neighbours in the layer before, where nothing is in the way.

    Answers the first vertex of each one's line.
    """
    count = len(towards)
    root, align = list(range(count)), list(range(count))
    place = [0] * count
    for layer in layers:
        for number, vertex in enumerate(layer):
            place[vertex] = number
    for layer in layers:
        last = -1
        for vertex in layer:
            others = sorted(towards[vertex], key=place.__getitem__)
            middles = {(len(others) - 1) // 2: None, len(others) // 2: None} if others else {}
            for middle in middles:
                other = others[middle]
                free = (other, vertex) not in forbidden and (vertex, other) not in forbidden
                if align[vertex] == vertex and last < place[other] and free:
                    align[other] = vertex
                    root[vertex] = align[vertex] = root[other]
                    last = place[other]
    return root


def _packed(
    layers: Layers, root: Sequence[int], extents: Sequence[tuple[float, float]], gaps: Sequence[float]
) -> list[float]:
    """All blocks as far left as they go; then each as far right as its right neighbours allow."""
    after: dict[int, dict[int, float]] = {vertex: {} for layer in layers for vertex in layer if root[vertex] == vertex}
    waiting = dict.fromkeys(after, 0)
    for layer in layers:
        for one, two in pairwise(layer):
            apart = extents[one][1] + gaps[one] + gaps[two] + extents[two][0]
            edges = after[root[one]]
            if root[two] not in edges:
                waiting[root[two]] += 1
            edges[root[two]] = max(edges.get(root[two], 0.0), apart)
    xs = dict.fromkeys(after, 0.0)
    order = [block for block, count in waiting.items() if not count]
    for block in order:
        for other, apart in after[block].items():
            xs[other] = max(xs[other], xs[block] + apart)
            waiting[other] -= 1
            if not waiting[other]:
                order.append(other)
    for block in reversed(order):
        if after[block]:
            xs[block] = max(xs[block], min(xs[other] - apart for other, apart in after[block].items()))
    return [xs[root[vertex]] for vertex in range(len(root))]


def _span(xs: Sequence[float], extents: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return (
        min(x - before for x, (before, _) in zip(xs, extents, strict=True)),
        max(x + behind for x, (_, behind) in zip(xs, extents, strict=True)),
    )


def _shifted(answers: list[list[float]], extents: Sequence[tuple[float, float]]) -> list[list[float]]:
    """All four moved to the narrowest: those packed leftwards to its left end, the others to its right end."""
    spans = [_span(xs, extents) for xs in answers]
    narrow = min(range(4), key=lambda k: spans[k][1] - spans[k][0])
    shifted = []
    for number, xs in enumerate(answers):
        move = spans[narrow][number % 2] - spans[number][number % 2]
        shifted.append([x + move for x in xs])
    return shifted


def _best(answers: list[list[float]], extents: Sequence[tuple[float, float]], below: Neighbours) -> list[float]:
    """Of the mean of the middle two, the four themselves and the means of two: the one with the straightest edges.

    Each keeps all distances, since these are linear in the coordinates; only the mean of the middle two is symmetric,
    only a single one has whole paths in one line.
    """
    if not answers[0]:
        return []
    four = _shifted(answers, extents)
    candidates = [[sum(sorted(values)[1:3]) / 2 for values in zip(*four, strict=True)], *four]
    candidates += [[(a + b) / 2 for a, b in zip(one, two, strict=True)] for one, two in combinations(four, 2)]
    return min(candidates, key=lambda xs: _unrest(xs, extents, below))


def _unrest(xs: Sequence[float], extents: Sequence[tuple[float, float]], below: Neighbours) -> float:
    """What straight edges and a low picture have little of."""
    total = 0.0
    for vertex, ends in enumerate(below):
        for end in ends:
            total += _cost(xs[vertex] - xs[end])
    low, high = _span(xs, extents)
    return round(total + high - low, 3)


def _settled(
    start: list[float],
    layers: Layers,
    above: Neighbours,
    below: Neighbours,
    extents: Sequence[tuple[float, float]],
    gaps: Sequence[float],
) -> list[float]:
    """Vertices that are level with each other move together, to be level with one more, as long as that is calmer.

    Each move lowers the sum of `_cost` over all pieces of edges, so the turns end; order and distances are kept.
    """
    xs = list(start)
    left: list[int | None] = [None] * len(xs)
    right: list[int | None] = [None] * len(xs)
    for layer in layers:
        for one, two in pairwise(layer):
            right[one], left[two] = two, one

    def room(vertex: int, group: set[int]) -> tuple[float, float]:
        """How far the vertex can move to either side before it meets one that does not move along."""
        low, high = float("-inf"), float("inf")
        other = left[vertex]
        if other is not None and other not in group:
            low = xs[other] + extents[other][1] + gaps[other] + gaps[vertex] + extents[vertex][0] - xs[vertex]
        other = right[vertex]
        if other is not None and other not in group:
            high = xs[other] - extents[other][0] - gaps[other] - gaps[vertex] - extents[vertex][1] - xs[vertex]
        return low, high

    for _ in range(TURNS):
        moved = False
        seen: set[int] = set()
        for layer in layers:
            for vertex in layer:
                if vertex in seen:
                    continue
                group = _level_with(vertex, xs, above, below)
                seen |= group
                pieces = [
                    (one, other)
                    for one in group
                    for side in (above, below)
                    for other in side[one]
                    if other not in group
                ]
                rooms = [room(one, group) for one in group]
                low, high = max(r[0] for r in rooms), min(r[1] for r in rooms)
                shifts = sorted({round(xs[other] - xs[one], 6) for one, other in pieces}, key=lambda d: (abs(d), d))
                now = sum(_cost(xs[one] - xs[other]) for one, other in pieces)
                best, shift = now - 0.01, 0.0
                for wish in shifts:
                    if low - 1e-6 <= wish <= high + 1e-6:
                        cost = sum(_cost(xs[one] + wish - xs[other]) for one, other in pieces)
                        if cost < best:
                            best, shift = cost, wish
                if shift:
                    moved = True
                    for one in group:
                        xs[one] += shift
        if not moved:
            break
    return xs


def _cost(apart: float) -> float:
    return abs(apart) + (BEND if abs(apart) > 0.5 else 0.0)


def _level_with(vertex: int, xs: Sequence[float], above: Neighbours, below: Neighbours) -> set[int]:
    """All vertices reached from this one along level pieces of edges."""
    group = {vertex}
    queue = [vertex]
    while queue:
        one = queue.pop()
        for side in (above, below):
            for other in side[one]:
                if other not in group and abs(xs[other] - xs[one]) < 0.01:
                    group.add(other)
                    queue.append(other)
    return group
