"""Sums, products, largest and smallest over indices, and the place of the first that wins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive import terms
from derive.evaluation.domains import Binding
from derive.evaluation.duals import Array, Number, Scaled, mapped, multiplied, plain
from derive.evaluation.grids import Grid, blocks
from derive.evaluation.groups import Group, collapsed, padded, restricted
from derive.evaluation.integer import Closure
from derive.evaluation.nodes import Condition, Node
from derive.evaluation.undefined import empty
from derive.integers import Index

#: A product of axes beyond this is summed block by block: 8 MB an array.
BLOCK = 10**6
#: Of a maximum, entries count as near the winner that are within this part of their scale: far above any rounding.
_NEAR = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Reduction(Node):
    """conditions : of the body of a sum, those of indices alone.  free : the indices that the body depends on."""

    term: terms.Reduce
    binding: Binding
    conditions: tuple[Condition, ...]
    body: Node
    free: frozenset[Index]

    def opened(self, grid: Grid) -> tuple[Grid, Grid, list[Group]] | None:
        """The grid with the bound indices, the part of it that counts, and its groups; None where that is nothing."""
        wide, masks = self.binding(grid)
        if any(wide.extents[axis] == 0 for axis in self.binding.axes):
            return None
        masks += [condition(wide) for condition in self.conditions]
        found = restricted(wide, masks, self.binding.axes, together=self.term.operator != "sum")
        return None if found is None else (wide, *found)

    def __call__(self, grid: Grid) -> Any:
        operator = self.term.operator
        found = self.opened(grid)
        if found is None:
            if operator in ("max", "min"):
                raise empty(self.term)
            return np.float64(operator == "prod")
        wide, inner, groups = found
        if operator == "sum":
            return self.sum(wide, inner, groups)
        if not groups:  # bound indices of one value each
            return self.body(inner)
        return self.product(groups[0], inner) if operator == "prod" else self.extreme(groups[0], inner)

    def sum(self, wide: Grid, inner: Grid, groups: list[Group]) -> Any:
        dense = self.dense(groups)
        used = {inner.places[index][0] for index in self.free if index in inner.places}
        work = math.prod(inner.extents[axis] for axis in used)
        if work <= BLOCK:
            return collapsed(self.body(inner), groups, dense, wide)
        axis = max([*dense, *(group.home for group in groups)], key=lambda each: inner.extents[each])
        length = inner.extents[axis]
        total: Any = 0.0
        for start, stop in blocks(length, max(1, length * BLOCK // work)):
            part = inner.sliced(axis, start, stop)
            cut = [group.part(start, stop) if group.home == axis else group for group in groups]
            total = total + collapsed(self.body(part), cut, dense, part if axis in dense else wide)
        return total

    def dense(self, groups: list[Group]) -> list[int]:
        """The bound axes that no condition ties."""
        tied = {axis for group in groups for axis in group.coordinates}
        return [axis for axis in self.binding.axes if axis not in tied]

    def product(self, group: Group, inner: Grid) -> Any:
        """Factors multiplied pair by pair, so that no other operation is asked of duals."""
        starts, lengths = group.segments()

        def rows(fill: float) -> Callable[[Array], Array]:
            def change(array: Array) -> Array:
                full = group.along_home(ranked(array, inner))
                return padded(full, group.home, starts, lengths, fill, power_of_two=True)

            return change

        folded = mapped(self.body(inner), rows(1.0), rows(0.0))
        length = plain(folded).shape[-1]
        while length > 1:
            length //= 2
            folded = multiplied(_cut(folded, 0, length), _cut(folded, length, 2 * length))
        back = backwards(group, starts)
        return mapped(folded, back(1.0), back(0.0))

    def extreme(self, group: Group, inner: Grid) -> Any:
        value = self.body(inner)
        winners, starts = first_extreme(self.term.operator, group, value, inner)
        if len(starts) < math.prod(group.extents):
            raise empty(self.term)

        def chosen(array: Array) -> Array:
            full = np.moveaxis(group.along_home(ranked(array, inner)), group.home, -1)
            shape = np.broadcast_shapes(full.shape[:-1], winners.shape[:-1])
            full = np.broadcast_to(full, (*shape, full.shape[-1]))
            places = np.broadcast_to(winners, (*shape, winners.shape[-1]))
            return np.take_along_axis(full, places, axis=-1)

        def back(array: Array) -> Array:
            return backwards(group, starts)(0.0)(chosen(array)[..., None])

        if isinstance(value, Scaled):  # near ones may change places by rounding: the error of any of them
            lengths = group.segments()[1]
            sizes = padded(group.along_home(ranked(np.asarray(value.scale), inner)), group.home, starts, lengths, 0.0)
            signed = np.asarray(value.value if self.term.operator == "max" else -value.value)
            rows = padded(group.along_home(ranked(signed, inner)), group.home, starts, lengths, -np.inf)
            with np.errstate(over="ignore", invalid="ignore"):
                reach = np.where(np.isfinite(sizes), sizes, np.abs(rows))  # of the cells of a padding, -10^308
                near = rows + _NEAR * reach >= rows.max(axis=-1, keepdims=True)
            sizes = np.where(near, sizes, 0.0)
            return type(value)(
                back(np.asarray(value.value)), backwards(group, starts)(0.0)(sizes.max(axis=-1)[..., None])
            )
        return mapped(value, back)


def first_extreme(operator: str, group: Group, value: Number, inner: Grid) -> tuple[Array, Array]:
    """Which point of the group wins for each outer place (the last axis), and where the outer places begin."""
    starts, lengths = group.segments()
    numbers = plain(value) if operator == "max" else -plain(value)
    array = group.along_home(ranked(np.asarray(numbers), inner))
    rows = padded(array, group.home, starts, lengths, -np.inf)
    exact = inner.environment.exact
    return (rows.argmax(axis=-1) if exact is None else exact.first_largest(rows)) + starts, starts


def ranked(array: Array, grid: Grid) -> Array:
    """A number as an array of the grid's rank."""
    return array.reshape((1,) * len(grid.extents)) if array.ndim == 0 else array


def backwards(group: Group, starts: Array) -> Callable[[float], Callable[[Array], Array]]:
    """(..., outer place, 1) back on the axes of the grid before, `fill` at outer places that have no point."""
    return lambda fill: lambda array: group.expanded(np.moveaxis(array[..., 0], -1, group.home), starts, fill)


def _cut(number: Number, start: int, stop: int) -> Any:
    return mapped(number, lambda array: array[..., start:stop])


@dataclass(frozen=True, slots=True, eq=False)
class First(Node):
    """A winner indicator: 1 where `at` is the first place that wins."""

    term: terms.Winner
    binding: Binding
    body: Node
    at: tuple[Closure, ...]

    def __call__(self, grid: Grid) -> Any:
        wide, masks = self.binding(grid)
        if any(wide.extents[axis] == 0 for axis in self.binding.axes):
            return np.float64(0.0)
        found = restricted(wide, masks, self.binding.axes, together=True)
        if found is None:
            return np.float64(0.0)
        inner, groups = found
        here: Any = np.True_
        if groups:
            (group, *_) = groups
            winners, starts = first_extreme(self.term.operator, group, self.body(inner), inner)
            back = backwards(group, starts)(-1)
        for axis, index, at in zip(self.binding.axes, self.binding.indices, self.at, strict=True):
            values = wide.places[index][1]
            if groups:
                coordinates = group.coordinates.get(axis)
                place = back((np.zeros_like(winners) if coordinates is None else coordinates[winners])[..., None])
                # nothing wins where there is nothing to choose from
                values = np.where(place >= 0, values.reshape(-1)[place], np.iinfo(np.int64).min)
            here = here & (at(grid) == values)
        return np.asarray(here, dtype=np.float64)
