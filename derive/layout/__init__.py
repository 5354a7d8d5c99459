"""Layered drawings of acyclic graphs: inputs on one side, every edge towards the other. Plain data in, plain data out.

The steps are those of Sugiyama, Tagawa and Toda (1981): ranks, orders within ranks, coordinates, routes. Labels of
edges have places of their own between the ranks, so that they overlap neither boxes nor each other nor other edges.
Nothing recurses; the same input gives the same drawing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from derive.document import Picture
from derive.layout.coordinates import coordinates, pooled
from derive.layout.faults import SHORTEST_END, faults, upright
from derive.layout.geometry import Box, Point, bounds, box_at, boxes_overlap, path_crossings, straightened
from derive.layout.orders import ordered
from derive.layout.ranks import ranks
from derive.layout.routes import LABEL_OFFSET, PORT_DISTANCE, Edge, Path, Routes, ports

Size = tuple[float, float]

#: Distances in points: between boxes of one rank, between an edge and what is beside it, of the slanted part of an
#: edge, between ranks without labels, and around the whole picture.
NODE_GAP, EDGE_GAP, SLANT, RANK_GAP, BORDER = 24.0, 7.0, 15.0, 30.0, 4.0


@dataclass(frozen=True, slots=True)
class _Spacing:
    """How generously a drawing is spaced. A drawing is made in each until one has no fault.

    longest : of a slanted part that is made longer to rise less.  arrival : level stretch before a box.
    edge_gap : between an edge or label and what is beside it.  strict : straighten only where no fault comes of it.
    """

    longest: float = SLANT
    arrival: float = 0.0
    edge_gap: float = EDGE_GAP
    strict: bool = False


_SPACINGS = (
    _Spacing(),
    _Spacing(SLANT, 0.0, EDGE_GAP, True),
    _Spacing(22.0, SHORTEST_END + 0.5, 9.0, True),
    _Spacing(34.0, SHORTEST_END + 3.0, 10.0, True),
    _Spacing(50.0, SHORTEST_END + 5.0, 12.0, True),
    _Spacing(75.0, SHORTEST_END + 5.0, 14.0, True),
)
#: A picture with more nodes and edges than this is made once: nobody reads its labels one by one. And with more than
#: this it is good enough when no label is hit.
MOST_TRIED, MOST_POLISHED = 400, 70

#: A label hit by a line counts as this many lines that are nearly upright, and each of these as so many points of
#: length of the picture.
WORSE, LONGER = 50, 160.0

RISE = 1.6  # rise over run that a slanted part is made longer for


@dataclass(frozen=True, slots=True)
class Layout:
    """Centres of boxes, polylines of edges from border to border, centres of labels; x to the right, y downwards."""

    width: float
    height: float
    centres: Mapping[str, Point]
    paths: Mapping[Edge, Path]
    labels: Mapping[Edge, Point]


@dataclass(slots=True)
class _Mesh:
    """Nodes and the points of edges as numbered vertices; even layers hold nodes, odd layers the labels between."""

    layers: list[list[int]]
    chains: dict[Edge, list[int]]
    count: int

    def neighbours(self) -> tuple[list[list[int]], list[list[int]]]:
        above: list[list[int]] = [[] for _ in range(self.count)]
        below: list[list[int]] = [[] for _ in range(self.count)]
        for chain in self.chains.values():
            for one, two in pairwise(chain):
                below[one].append(two)
                above[two].append(one)
        return above, below


def laid_out(
    nodes: Mapping[str, Size],
    edges: Sequence[Edge],
    labels: Mapping[Edge, Size] | None = None,
    *,
    first: Collection[str] = (),
    last: Collection[str] = (),
    direction: str = "right",
) -> Layout:
    """Place boxes and route edges.

    nodes : (width, height) of each box in points, in an order in which edges lead forward.
    edges : (source, target), each pair once.  labels : (width, height) of the label of an edge.
    first, last : nodes of the first rank; nodes that go to the last rank when nothing reads them.
    direction : "right" or "down".

    Raises ValueError for an edge against the order of the nodes, or another direction.
    """
    if direction not in ("right", "down"):
        raise ValueError(f"a graph is drawn to the right or down, not {direction}")
    turned = direction == "down"
    boxes = {key: _turn(size, turned) for key, size in nodes.items()}
    sizes = {edge: _turn(size, turned) for edge, size in (labels or {}).items()}
    rank = ranks(list(nodes), edges, first, last)
    number = {key: place for place, key in enumerate(nodes)}
    mesh = _ordered_mesh(rank, number, edges)
    known = _across(mesh, list(boxes.values()))
    read = {target for _, target in edges}
    inputs = [known[number[key]] for key in nodes if key not in read]
    if sum((a > b) - (a < b) for a, b in pairwise(inputs)) > 0:  # the mirror image reads in the order of the program
        mesh.layers = [layer[::-1] for layer in mesh.layers]
        known = _across(mesh, list(boxes.values()))
    mesh = _split(mesh)
    drawings: list[tuple[float, dict[str, Box], Routes]] = []
    for spacing in _SPACINGS:
        across = _between(mesh, known, sizes, turned, spacing)
        columns, bands = _along(mesh, list(boxes.values()), sizes, across, spacing)
        placed = {key: box_at(sum(columns[rank[key]]) / 2, across[number[key]], *boxes[key]) for key in nodes}
        routes = _routes(mesh, placed, across, columns, bands, rank, sizes, turned, spacing)
        routes.straighten()
        count = WORSE * len(faults(placed, routes.paths, routes.labels)) + upright(routes.paths)
        length = columns[-1][1] if columns else 0.0
        drawings.append((count + length / LONGER, placed, routes))
        size = len(nodes) + len(edges)
        if not count or size > MOST_TRIED or (size > MOST_POLISHED and count < WORSE):
            break
    _, placed, routes = min(drawings, key=lambda drawing: drawing[0])
    return _framed(placed, routes, turned)


def _turn(pair: tuple[float, float], turned: bool) -> tuple[float, float]:
    return (pair[1], pair[0]) if turned else pair


def _ordered_mesh(rank: Mapping[str, int], number: Mapping[str, int], edges: Sequence[Edge]) -> _Mesh:
    """Long edges cut at every rank they pass, and the ranks ordered."""
    layers: list[list[int]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for key, level in rank.items():
        layers[level].append(number[key])
    count = len(number)
    chains: dict[Edge, list[int]] = {}
    for source, target in edges:
        between = range(rank[source] + 1, rank[target])
        chain = [number[source], *range(count, count + len(between)), number[target]]
        for level, vertex in zip(between, chain[1:-1], strict=True):
            layers[level].append(vertex)
        count += len(between)
        chains[source, target] = chain
    mesh = _Mesh(layers, chains, count)
    mesh.layers = ordered(layers, *mesh.neighbours())
    return mesh


def _split(mesh: _Mesh) -> _Mesh:
    """A layer for labels between any two ranks: one more point on every piece of an edge, without new crossings."""
    place = {vertex: spot for layer in mesh.layers for spot, vertex in enumerate(layer)}
    level = {vertex: row for row, layer in enumerate(mesh.layers) for vertex in layer}
    between: list[list[tuple[int, int, int]]] = [[] for _ in mesh.layers[1:]]
    count = mesh.count
    chains: dict[Edge, list[int]] = {}
    for edge, chain in mesh.chains.items():
        longer = chain[:1]
        for one, two in pairwise(chain):
            between[level[one]].append((place[one], place[two], count))
            longer += [count, two]
            count += 1
        chains[edge] = longer
    layers: list[list[int]] = []
    for row, layer in enumerate(mesh.layers):
        layers.append(layer)
        if row < len(between):
            layers.append([vertex for _, _, vertex in sorted(between[row])])
    return _Mesh(layers, chains, count)


def _across(mesh: _Mesh, boxes: Sequence[Size]) -> list[float]:
    """The coordinate of nodes and points of long edges across the direction of drawing."""
    extents = [(size / 2, size / 2) for _, size in boxes]
    extents += [(0.0, 0.0)] * (mesh.count - len(boxes))
    gaps = [NODE_GAP / 2] * len(boxes) + [EDGE_GAP] * (mesh.count - len(boxes))
    virtual = [vertex >= len(boxes) for vertex in range(mesh.count)]
    return coordinates(mesh.layers, *mesh.neighbours(), extents, gaps, virtual)


def _between(
    mesh: _Mesh, known: list[float], sizes: Mapping[Edge, Size], turned: bool, spacing: _Spacing
) -> list[float]:
    """The same with the points between the ranks: on the way of their edges, as far apart as their labels need."""
    across = known + [0.0] * (mesh.count - len(known))
    extents = [(0.0, 0.0)] * mesh.count
    for edge, (_, size) in sizes.items():
        room = size + LABEL_OFFSET
        extents[mesh.chains[edge][-2]] = (0.0, room) if turned else (room, 0.0)
    above, below = mesh.neighbours()
    for layer in mesh.layers[1::2]:
        wishes, weights = [], []
        for vertex in layer:
            start, end = across[above[vertex][0]], across[below[vertex][0]]
            wishes.append((start + end) / 2)
            weights.append(1000.0 if abs(start - end) < 0.1 else 1.0)  # a level edge stays level
        apart = [extents[one][1] + spacing.edge_gap + extents[two][0] for one, two in pairwise(layer)]
        for vertex, place in zip(layer, pooled(wishes, apart, weights), strict=True):
            across[vertex] = place
    return across


def _along(
    mesh: _Mesh, boxes: Sequence[Size], sizes: Mapping[Edge, Size], across: Sequence[float], spacing: _Spacing
) -> tuple[list[Size], list[Size]]:
    """Start and end of each column of nodes, and of the band of labels behind it."""
    wide = [0.0] * mesh.count
    for edge, (size, _) in sizes.items():
        wide[mesh.chains[edge][-2]] = size
    above, below = mesh.neighbours()
    columns: list[Size] = []
    bands: list[Size] = []
    at = 0.0
    for row, layer in enumerate(mesh.layers):
        if row % 2 == 0:
            end = at + max((boxes[vertex][0] for vertex in layer if vertex < len(boxes)), default=0.0)
            columns.append((at, end))
            at = end
        else:
            size = max((wide[vertex] for vertex in layer), default=0.0)
            margin = max(SLANT, (RANK_GAP - size) / 2)
            before, behind = (
                max(margin, min(spacing.longest, max((_rise(across, one, side[one]) for one in layer), default=0.0)))
                for side in (above, below)
            )
            bands.append((at + before, at + before + size))
            at += before + size + behind + spacing.arrival
    return columns, bands


def _rise(across: Sequence[float], vertex: int, ends: Sequence[int]) -> float:
    """The length along which a point is reached from the ends without rising too steeply."""
    return max(abs(across[vertex] - across[end]) for end in ends) / RISE


def _routes(
    mesh: _Mesh,
    placed: Mapping[str, Box],
    across: Sequence[float],
    columns: Sequence[Size],
    bands: Sequence[Size],
    rank: Mapping[str, int],
    sizes: Mapping[Edge, Size],
    turned: bool,
    spacing: _Spacing,
) -> Routes:
    """The safe route of every edge and the reserved place of every label."""
    leaving: dict[str, list[Edge]] = {}
    arriving: dict[str, list[Edge]] = {}
    for edge in mesh.chains:
        leaving.setdefault(edge[0], []).append(edge)
        arriving.setdefault(edge[1], []).append(edge)
    starts = {edge: across[chain[1]] for edge, chain in mesh.chains.items()}
    ends = {edge: across[chain[-2]] for edge, chain in mesh.chains.items()}
    for _ in range(3):  # each end of a short edge looks for the other end; three turns settle all but chains of ties
        for groups, own, other in ((leaving, starts, ends), (arriving, ends, starts)):
            for key, group in groups.items():
                box = placed[key]
                step = 1 if own is starts else -2
                group.sort(key=lambda edge: across[mesh.chains[edge][step]])
                wishes = [_wish(mesh.chains[edge], across, other[edge], step) for edge in group]
                sides = ports(wishes, (box.top + box.bottom) / 2, box.bottom - box.top)
                own.update(zip(group, sides, strict=True))
    paths: dict[Edge, Path] = {}
    labels: dict[Edge, Point] = {}
    for edge, chain in mesh.chains.items():
        source, target = edge
        level = rank[source]
        points = [(placed[source].right, starts[edge]), (columns[level][1], starts[edge])]
        for step, vertex in enumerate(chain[1:-1]):
            start, end = bands[level + step // 2] if step % 2 == 0 else columns[level + step // 2 + 1]
            points += [(start, across[vertex]), (end, across[vertex])]
        points += [(columns[rank[target]][0] - spacing.arrival, ends[edge]), (placed[target].left, ends[edge])]
        paths[edge] = straightened(points)
        if edge in sizes:
            start, end = bands[rank[target] - 1]
            side = 1 if turned else -1
            labels[edge] = ((start + end) / 2, across[chain[-2]] + side * (LABEL_OFFSET + sizes[edge][1] / 2))
    return Routes(placed, paths, labels, sizes, upper=not turned, strict=spacing.strict)


def _wish(chain: Sequence[int], across: Sequence[float], end: float, step: int) -> float:
    """Where an edge would best meet its box: in line with its other end, if it passes no rank or is nearly level."""
    inner = [across[vertex] for vertex in chain[1:-1]]
    straight = len(inner) == 1 or (max(inner) - min(inner) < 0.1 and abs(end - inner[0]) <= PORT_DISTANCE)
    return end if straight else across[chain[step]]


def _framed(placed: Mapping[str, Box], routes: Routes, turned: bool) -> Layout:
    """Everything moved so that the picture begins at (0, 0), and turned if it is drawn downwards."""
    everything = [*placed.values(), *routes.labels.values(), *routes.around.values()]
    if not everything:
        return Layout(2 * BORDER, 2 * BORDER, {}, {}, {})
    left, top = min(box.left for box in everything) - BORDER, min(box.top for box in everything) - BORDER
    right, bottom = max(box.right for box in everything) + BORDER, max(box.bottom for box in everything) + BORDER

    def moved(point: Point) -> Point:
        x, y = round(point[0] - left, 2), round(point[1] - top, 2)
        return _turn((x, y), turned)

    def centre(box: Box) -> Point:
        return moved(((box.left + box.right) / 2, (box.top + box.bottom) / 2))

    width, height = _turn((round(right - left, 2), round(bottom - top, 2)), turned)
    return Layout(
        width,
        height,
        {key: centre(box) for key, box in placed.items()},
        {edge: tuple(map(moved, path)) for edge, path in routes.paths.items()},
        {edge: centre(box) for edge, box in routes.labels.items()},
    )


def crossings(picture: Picture) -> int:
    """How often drawn edges without a common end meet, counted on their polylines."""
    around = [bounds(edge.points) for edge in picture.edges]
    total = 0
    for (one, first), (two, second) in combinations(enumerate(picture.edges), 2):
        if {first.source, first.target} & {second.source, second.target}:
            continue
        if boxes_overlap(around[one].grown(0.01), around[two].grown(0.01)):
            total += path_crossings(first.points, second.points)
    return total
