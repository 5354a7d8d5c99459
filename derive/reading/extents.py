"""How far each index runs, and the shapes of arrays that nobody declared.

An index alone in a subscript has that axis's extent, and all such axes agree. An index that stands in affine subscripts
only (`V[2*i + k]`) gets the largest extent for which every such read is inside. A read under an indicator that compares
what stands in its subscript constrains nothing; where nothing else is known, an index or axis takes its extent there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from derive.errors import ReadingError
from derive.index import axis_words, ends, governed, guarding, is_nonnegative, is_positive, text_of
from derive.integers import Index, Integer, Size, floor, integer
from derive.reading.programs import ProgramLine, ProgramText
from derive.terms import Chain, Condition
from derive.tree import Tree


@dataclass(eq=False, slots=True)
class Extent:
    """How many entries an axis has, or values an index takes. Joined extents form a class that shares one value.

    label : whose it is, "axis 2 of W (m x n)".  array, axis : the same apart; "" for an index.
    """

    label: str
    value: Integer | None = None
    array: str = ""
    axis: int = 0
    parent: Extent | None = None

    @property
    def root(self) -> Extent:
        node = self
        while node.parent is not None:
            node = node.parent
        if node is not self and self.parent is not node:
            self.parent = node
        return node

    @property
    def known(self) -> Integer | None:
        return self.root.value


@dataclass(frozen=True, slots=True)
class Read:
    """One axis of one subscript.  conditions : the integer conditions that hold where it stands."""

    line: ProgramLine
    node: Tree
    array: str
    axis: Extent
    index: Integer
    indices: tuple[Integer, ...]
    conditions: tuple[Condition, ...]

    @property
    def is_guarded(self) -> bool:
        """Whether a chain of comparisons around it restricts what stands in the subscript; a remainder does not."""
        chains = [each for each in self.conditions if isinstance(each, Chain)]
        return bool(chains) and not governed(self.index).isdisjoint(guarding(chains))


@dataclass(slots=True)
class Extents:
    """What is known while it is worked out.

    axes : array -> its axes.  indices : index -> its extent; those of the left side and of reductions that have names.
    """

    text: ProgramText
    axes: dict[str, tuple[Extent, ...]] = field(default_factory=dict)
    indices: dict[Index, Extent] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)

    def shape_text(self, array: str) -> str:
        return " x ".join(_or_dash(axis) for axis in self.axes.get(array, ()))

    def join(self, one: Extent, other: Extent, conflict: Callable[[Extent, Extent], ReadingError]) -> None:
        """Make two extents one; `conflict` makes the error where both are known and differ."""
        first, second = one.root, other.root
        if first is second:
            return
        if first.value is not None and second.value is not None and first.value != second.value:
            raise conflict(first, second)
        if first.value is None and second.value is not None:
            first, second = second, first
        second.parent = first

    def read(self, read: Read) -> None:
        """Take note of a read. An index that stands alone, unguarded, shares the extent of the axis."""
        index = read.index.index
        if index is not None and not read.is_guarded:
            self.join(
                self.indices[index],
                read.axis,
                lambda one, other: self.text.error(
                    f"index {index.name} has two extents: {self._told(one)} and {self._told(other)}", read.node
                ),
            )
        else:
            self.reads.append(read)

    def _told(self, extent: Extent) -> str:
        """`n on axis 2 of W (m x n)`."""
        where = f"{extent.label} ({self.shape_text(extent.array)})" if extent.array else extent.label
        return f"{_or_dash(extent)} on {where}"

    # --- solving ------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """What follows without giving an undeclared input a size of its own."""
        while self._guarded_alone() or self._affine() or self._inputs_read_inside():
            pass

    def solve(self) -> None:
        """All extents. Raises ReadingError where two disagree, or where one is not settled."""
        self.settle()
        unsettled = [axis for name in self.text.inputs for axis in self.axes.get(name, ()) if axis.known is None]
        elsewhere = {read.axis.root for read in self.reads}
        for axis in unsettled:  # first those that are not read at sums of indices: their sizes are free
            if axis.known is None and axis.root not in elsewhere:
                self._name(axis)
        self.settle()
        for axis in unsettled:
            if axis.known is None and not self._joined_under_guards(axis):
                self._name(axis)
            self.settle()
        while self._join_guarded():
            self.settle()
        for index, extent in self.indices.items():
            if extent.known is not None:
                index.stop = extent.known

    def _name(self, axis: Extent) -> None:
        """A size of its own, under a name that nobody uses; large enough for what is read at plain numbers."""
        text = self.text
        taken = {*text.inputs, *text.sizes, *text.shapes, *(line.name for line in text.lines)}
        name = f"n_{axis.array}{axis.axis + 1}"
        while name in taken:
            name += "_1"
        places = [
            read.index.value
            for read in self.reads
            if read.axis.root is axis.root and read.index.value is not None and not read.conditions
        ]
        axis.root.value = integer(Size(name, max(1, *(place + 1 for place in places)) if places else 1))

    def _guarded_alone(self) -> bool:
        """An index that stands alone only under indicators takes the extent of its axis."""
        found: dict[Extent, dict[Integer, Read]] = {}
        for read in self.reads:
            if (index := read.index.index) is None or self.indices[index].known is not None:
                continue
            if (extent := read.axis.known) is not None:
                found.setdefault(self.indices[index].root, {}).setdefault(extent, read)
        for root, extents in found.items():
            if len(extents) > 1:
                read = list(extents.values())[1]
                told = " and ".join(map(text_of, extents))
                message = f"an index here could have the extents {told}; declare the shape of {read.line.name}"
                raise self.text.error(message, read.node)
            root.value = next(iter(extents))
        return bool(found)

    def _join_guarded(self) -> bool:
        """An index and an axis that are linked under an indicator only, and are both open, share one extent."""
        for read in self.reads:
            index = read.index.index
            if index is not None and self.indices[index].known is None and read.axis.known is None:
                extent = self.indices[index]
                if extent.root is not read.axis.root:
                    extent.root.parent = read.axis.root
                    return True
        return False

    def _joined_under_guards(self, axis: Extent) -> bool:
        """An undeclared axis that is read at an index alone, under an indicator, takes that index's extent."""
        for read in self.reads:
            index = read.index.index
            if read.axis.root is axis.root and index is not None:
                extent = self.indices[index]
                if extent.known is not None:
                    axis.root.value = extent.known
                    return True
        return False

    def _affine(self) -> bool:
        """The largest extent for which every affine read is inside; whether anything was found."""
        limits: dict[Extent, dict[Integer, Read]] = {}
        waiting: set[Extent] = set()
        for read in self.reads:
            if read.is_guarded:
                continue
            roots = dict.fromkeys(self.indices[index].root for index in read.index.indices)
            open_roots = [root for root in roots if root.value is None]
            if not open_roots:
                continue
            extent = read.axis.known
            limit = self._limit(read, open_roots[0], extent) if len(open_roots) == 1 and extent is not None else None
            if limit is None:
                waiting.update(open_roots)
            else:
                limits.setdefault(open_roots[0], {}).setdefault(limit, read)
        settled = {root: found for root, found in limits.items() if root not in waiting}
        for root, found in settled.items():
            root.value = self._smallest(found)
        return bool(settled)

    def _limit(self, read: Read, root: Extent, extent: Integer) -> Integer | None:
        """The largest extent of the indices in class `root` for which this read stays inside; None if not affine.

        With c > 0: c*(n - 1) + (the largest of the rest) <= extent - 1. With c < 0: c*(n - 1) + (the least) >= 0.
        """
        coefficient, rest = integer(0), read.index
        for index in read.index.indices:
            if self.indices[index].root is root:
                parts = rest.linear(index)
                if parts is None:
                    return None
                coefficient, rest = coefficient + parts[0], parts[1]
        if any(self.indices[index].root is root for index in coefficient.indices):
            return None
        least, greatest = ends(rest, self._domain)
        if is_positive(coefficient) and greatest is not None:
            return floor(extent - 1 - greatest, coefficient) + 1
        if is_positive(-coefficient) and least is not None:
            return floor(least, -coefficient) + 1
        return None

    def _domain(self, index: Index) -> tuple[Integer, Integer]:
        extent = self.indices[index].known
        assert extent is not None  # only asked for what is settled
        return index.lower, extent

    def _smallest(self, found: Mapping[Integer, Read]) -> Integer:
        """The least of the limits, where it is the least for all sizes; at least one entry must remain."""
        read = next(iter(found.values()))
        least = next(
            (one for one in found if all(one == other or is_nonnegative(other - one) for other in found)), None
        )
        if least is None:
            told = " or ".join(map(text_of, found))
            message = f"the extent is {told}, whichever is less; declare the shape of {read.line.name}"
            raise self.text.error(message, read.node)
        if is_positive(1 - least):
            raise self.text.error(self._empty(found[least]), found[least].node)
        return least

    def _empty(self, read: Read) -> str:
        """The kernel is larger than the image: both sizes."""
        inner = [index for index in read.index.indices if self.indices[index].known is not None]
        spans = " and ".join(f"{index.name} runs over {text_of(self._domain(index)[1])}" for index in inner)
        extent = read.axis.known
        assert extent is not None
        entries = axis_words(read.axis.axis, len(self.axes[read.array]))
        reason = (
            f"{spans}: no entry of {read.line.name} is inside" if spans else f"no entry of {read.line.name} is inside"
        )
        return f"{read.line.name} would be empty: {read.array} has {text_of(extent)} {entries}, {reason}"

    def _inputs_read_inside(self) -> bool:
        """An undeclared axis of an input gets the smallest extent for which every read is inside, where all are known.

        A read at e under [0 <= e < H] needs H entries.
        """
        reads: dict[Extent, list[Read]] = {}
        for read in self.reads:
            if read.axis.known is None and read.array in self.text.inputs:
                reads.setdefault(read.axis.root, []).append(read)
        joined = {extent.root for extent in self.indices.values()}
        found = False
        for root, group in reads.items():
            if root in joined or not any(read.index.indices for read in group):
                continue
            needed = [self._needed(read) for read in group]
            if all(one is not None for one in needed) and (
                largest := _largest(one for one in needed if one is not None)
            ):
                root.value = largest
                found = True
        return found

    def _needed(self, read: Read) -> Integer | None:
        for condition in read.conditions:
            if isinstance(condition, Chain) and (stop := stop_of(condition, read.index)) is not None:
                return stop
        if read.is_guarded or any(self.indices[index].known is None for index in read.index.indices):
            return None
        greatest = ends(read.index, self._domain)[1]
        return None if greatest is None else greatest + 1


def stop_of(chain: Chain, value: Integer) -> Integer | None:
    """H where the chain says value < H (or <= H - 1) of a size or number H."""
    for left, sign, right in zip(chain.sides, chain.operators, chain.sides[1:], strict=False):
        for low, order, high in ((left, sign, right), (right, sign.translate(_TURNED), left)):
            difference = (value - low).value
            if order in ("<", "<=") and difference is not None and not high.indices:
                return high + difference + (order == "<=")
    return None


_TURNED = str.maketrans("<>", "><")


def _largest(values: Iterable[Integer]) -> Integer | None:
    different = list(dict.fromkeys(values))
    return next((one for one in different if all(is_nonnegative(one - other) for other in different)), None)


def _or_dash(extent: Extent) -> str:
    return "?" if extent.known is None else text_of(extent.known)
