"""How far each index runs, and the shapes of arrays that nobody declared.

An index alone in a subscript has that axis's extent, and all such axes agree. An index that stands in affine subscripts
only (`V[2*i + k]`) gets the largest extent for which every such read is inside. A read under an indicator that compares
one of its indices constrains nothing, except that an index which stands alone nowhere else takes its axis from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sympy

from derive import tree as t
from derive.errors import ReadingError
from derive.index import Index, affine, bounds, index_symbol, provably_positive, size_symbol
from derive.reading.expressions import to_sympy
from derive.reading.programs import ProgramLine, ProgramText, Size
from derive.tree import Tree


class Axis(NamedTuple):
    """An axis of an array, counted from 0."""

    array: str
    axis: int


class Bound(NamedTuple):
    """An index: of the left side of a line (scope 0), or bound by a reduction (scope: the identity of its node)."""

    line: str
    scope: int
    name: str


Member = Axis | Bound


@dataclass(frozen=True, slots=True)
class Read:
    """One subscript on the right: the indices known where it stands, and those that an indicator around it compares."""

    line: ProgramLine
    node: t.Subscript
    indices: Mapping[str, Bound]
    guarded: frozenset[Bound]

    def is_guarded(self, axis: int) -> bool:
        names = {node.text for node in t.walk(self.node.indices[axis]) if isinstance(node, t.Name)}
        return any(self.indices.get(name) in self.guarded for name in names)

    def alone(self, axis: int) -> Bound | None:
        """The index that stands alone on this axis, if one does."""
        index = self.node.indices[axis]
        return self.indices.get(index.text) if isinstance(index, t.Name) else None


@dataclass(slots=True)
class Extents:
    """What is known while it is worked out: classes of axes and indices that have one extent, and these extents."""

    text: ProgramText
    reads: list[Read]
    parent: dict[Member, Member] = field(default_factory=dict)
    extent: dict[Member, Any] = field(default_factory=dict)

    def find(self, member: Member) -> Member:
        while self.parent.setdefault(member, member) != member:
            self.parent[member] = self.parent[self.parent[member]]
            member = self.parent[member]
        return member

    def join(self, first: Member, second: Member) -> None:
        self.parent[self.find(first)] = self.find(second)

    def of(self, member: Member) -> Any | None:
        return self.extent.get(self.find(member))

    def settled(self, index: Bound, line: ProgramLine, node: Tree) -> Any:
        """The extent of an index; an error at the node where it is not settled."""
        extent = self.of(index)
        if extent is None:
            raise _unsettled(self, line, index.name, node)
        return extent


def infer(text: ProgramText, reads: list[Read], ranks: Mapping[str, int]) -> Extents:
    """The extents of all axes and indices. Raises ReadingError where two disagree, or where one is not settled.

    ranks : how many axes each array has.
    """
    known = Extents(text, reads)
    for line in text.lines:
        for axis, name in enumerate(line.indices):
            known.join(Bound(line.name, 0, name), Axis(line.name, axis))
    for read in reads:
        for axis in range(len(read.node.indices)):
            index = read.alone(axis)
            if index is not None and not read.is_guarded(axis):
                known.join(index, Axis(read.node.array, axis))
    _declared(known)
    _inputs(known, ranks)
    while _guarded_alone(known) or _affine_only(known):
        pass
    for line in text.lines:
        for name in line.indices:
            known.settled(Bound(line.name, 0, name), line, line.left)
    return known


def _declared(known: Extents) -> None:
    """Declared shapes, which must agree wherever one index links their axes."""
    first: dict[Member, tuple[Axis, Size]] = {}
    for array, shape in known.text.shapes.items():
        for number, size in enumerate(shape):
            axis = Axis(array, number)
            other, agreed = first.setdefault(known.find(axis), (axis, size))
            if agreed != size:
                raise _disagree(known, (other, agreed), (axis, size))
            known.extent[known.find(axis)] = sympy.Integer(size) if isinstance(size, int) else size_symbol(size)


def _disagree(known: Extents, one: tuple[Axis, Size], other: tuple[Axis, Size]) -> ReadingError:
    links = [
        (read, axis)
        for read in known.reads
        for axis in range(len(read.node.indices))
        if read.alone(axis) is not None and known.find(Axis(read.node.array, axis)) == known.find(one[0])
    ]
    (read, place) = next((link for link in links if Axis(link[0].node.array, link[1]) in (one[0], other[0])), links[0])
    index = read.node.indices[place]
    told = " and ".join(f"{size} on axis {axis.axis + 1} of {axis.array}" for axis, size in (one, other))
    name = index.text if isinstance(index, t.Name) else "an index"
    return known.text.error(f"index {name} has two extents: {told}", read.node)


def _inputs(known: Extents, ranks: Mapping[str, int]) -> None:
    """Inputs without a declaration have sizes of their own, under names nobody uses."""
    text = known.text
    taken = {*text.inputs, *text.sizes, *text.shapes, *(line.name for line in text.lines)}
    for array in text.inputs:
        for number in range(ranks.get(array, 0)):
            root = known.find(Axis(array, number))
            if root not in known.extent:
                name = f"n_{array}{number + 1}"
                while name in taken:
                    name += "_1"
                taken.add(name)
                known.extent[root] = size_symbol(name)


def _guarded_alone(known: Extents) -> bool:
    """An index that stands alone only under indicators takes the axis where it does; whether anything was found."""
    found: dict[Member, dict[Any, Read]] = {}
    for read in known.reads:
        for axis in range(len(read.node.indices)):
            index = read.alone(axis)
            if index is not None and known.of(index) is None:
                extent = known.of(Axis(read.node.array, axis))
                if extent is not None:
                    found.setdefault(known.find(index), {}).setdefault(extent, read)
    for root, extents in found.items():
        if len(extents) > 1:
            read = list(extents.values())[1]
            told = " and ".join(str(extent) for extent in extents)
            raise known.text.error(f"an index here could have the extents {told}; declare {read.line.name}", read.node)
        known.extent[root] = next(iter(extents))
    return bool(found)


def _affine_only(known: Extents) -> bool:
    """The largest extent for which every affine read is inside; whether anything was found."""
    limits: dict[Member, dict[Any, Read]] = {}
    waiting: set[Member] = set()
    for read in known.reads:
        for axis in range(len(read.node.indices)):
            if read.is_guarded(axis) or read.alone(axis) is not None:
                continue
            roots = {known.find(index) for index in _indices_of(read, axis)}
            open_roots = {root for root in roots if root not in known.extent}
            extent = known.of(Axis(read.node.array, axis))
            if len(open_roots) == 1 and extent is not None:
                (root,) = open_roots
                limit = _limit(known, read, axis, root, extent)
                if limit is None:
                    waiting.add(root)
                else:
                    limits.setdefault(root, {}).setdefault(limit, read)
            else:
                waiting |= open_roots
    settled = {root: found for root, found in limits.items() if root not in waiting}
    for root, found in settled.items():
        known.extent[root] = _smallest(known, found)
    return bool(settled)


def _indices_of(read: Read, axis: int) -> list[Bound]:
    return [
        read.indices[node.text]
        for node in t.walk(read.node.indices[axis])
        if isinstance(node, t.Name) and node.text in read.indices
    ]


def _limit(known: Extents, read: Read, axis: int, root: Member, extent: Any) -> Any | None:
    """The largest extent of the indices in class `root` for which this read stays inside; None if it is not affine.

    With c > 0: c*(n - 1) + (the largest of the rest) <= extent - 1. With c < 0: c*(n - 1) + (the least) >= 0.
    """
    expr, symbols = _index_expression(known.text, read, axis)
    parts = affine(expr, symbols.values())
    if parts is None:
        return None
    coefficients, constant = parts
    coefficient: Any = sympy.Integer(0)
    domains: list[Index] = []
    rest = constant
    for name, symbol in symbols.items():
        if known.find(read.indices[name]) == root:
            coefficient += coefficients.get(symbol, 0)
        else:
            rest += coefficients.get(symbol, 0) * symbol
            other: Any = known.of(read.indices[name])
            domains.append(Index(symbol, sympy.Integer(0), other - 1))
    ends = bounds(rest, domains)
    if ends is None:
        return None
    if coefficient.is_positive:
        return sympy.floor((extent - 1 - ends[1]) / coefficient) + 1
    if coefficient.is_negative:
        return sympy.floor(ends[0] / -coefficient) + 1
    return None


def _smallest(known: Extents, found: Mapping[Any, Read]) -> Any:
    """The least of the limits, where it is the least for all sizes; at least one entry must remain."""
    read = next(iter(found.values()))
    least = next((one for one in found if all(one == other or _at_most(one, other) for other in found)), None)
    if least is None:
        told = " or ".join(str(limit) for limit in found)
        message = f"the extent is {told}, whichever is less; declare the shape of {read.line.name}"
        raise known.text.error(message, read.node)
    if provably_positive(1 - least):
        message = f"{read.node.array} is too small for this read: no entry of {read.line.name} is inside"
        raise known.text.error(message, found[least].node)
    return least


def _at_most(one: Any, other: Any) -> bool:
    return provably_positive(sympy.expand(other - one) + 1)


def _unsettled(known: Extents, line: ProgramLine, name: str, node: Tree) -> ReadingError:
    if name in line.indices:
        example = f"{line.name} : {' x '.join('mnpqrs'[: len(line.indices)])}"
        return known.text.error(f"the extent of {name} is not settled; declare the shape, as in {example}", node)
    return known.text.error(f"the extent of {name} is not settled; declare the shapes of what is read at it", node)


def _index_expression(text: ProgramText, read: Read, axis: int) -> tuple[Any, dict[str, Any]]:
    """The index on an axis as an expression, and the symbols of the indices in it by name."""
    symbols = {name: sympy.Dummy(name, integer=True) for name in read.indices}
    index = read.node.indices[axis]
    whole = {node.text: index_symbol(node.text) for node in t.walk(index) if isinstance(node, t.Name)}
    sizes = {size: size_symbol(size) for size in text.sizes}
    expr = to_sympy(index, symbols=whole | sizes | symbols)
    return expr, {name: symbol for name, symbol in symbols.items() if symbol in expr.free_symbols}
