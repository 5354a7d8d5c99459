"""The part of a grid on which conditions hold.

A condition such as `i + k = m` ties axes together: those become one axis that lists the points at which it holds. What
is outside is never visited: no read outside, no 1/0, no nan that a mask would have to hide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.evaluation.duals import Array, Number, mapped
from derive.evaluation.grids import Grid


@dataclass(frozen=True, slots=True)
class Group:
    """Axes that conditions tie together, listed along the axis `home`, in row-major order of outer, then bound axes.

    outer, bound : the axes.  coordinates : axis -> position of each point.  extents : outer axis -> its length before.
    """

    home: int
    outer: tuple[int, ...]
    bound: tuple[int, ...]
    coordinates: Mapping[int, Array]
    extents: tuple[int, ...]

    @property
    def points(self) -> int:
        return len(self.coordinates[self.home])

    def part(self, start: int, stop: int) -> Group:
        sliced = {axis: values[start:stop] for axis, values in self.coordinates.items()}
        return Group(self.home, self.outer, self.bound, sliced, self.extents)

    def segments(self) -> tuple[Array, Array]:
        """Where the points of each outer place begin, and how many they are."""
        count = self.points
        if not self.outer:
            return np.zeros(1, dtype=np.intp), np.array([count])
        new = np.zeros(count, dtype=bool)
        new[:1] = True
        for axis in self.outer:
            values = self.coordinates[axis]
            new[1:] |= values[1:] != values[:-1]
        starts = np.flatnonzero(new)
        return starts, np.diff(starts, append=count)

    def expanded(self, array: Array, starts: Array, fill: float) -> Array:
        """What stands along `home`, one entry per outer place, put back on the outer axes; `fill` at the others."""
        if not self.outer:
            return array
        if len(starts) == self.extents[0] and len(self.outer) == 1 and self.home == self.outer[0]:
            return array
        front = np.moveaxis(array, self.home, 0)
        rest = tuple(size for axis, size in enumerate(array.shape) if axis not in self.outer)
        front = front.reshape(front.shape[0], *rest)
        if len(starts) == math.prod(self.extents):
            full = front.reshape(*self.extents, *rest)
        else:
            full = np.full((*self.extents, *rest), fill, dtype=array.dtype)
            full[tuple(self.coordinates[axis][starts] for axis in self.outer)] = front
        others = [axis for axis in range(array.ndim) if axis not in self.outer]
        order = (*self.outer, *others)
        return full.transpose(np.argsort(order))

    def along_home(self, array: Array) -> Array:
        """Repeated along `home` where it does not depend on it."""
        if array.shape[self.home] == self.points:
            return array
        return np.broadcast_to(array, (*array.shape[: self.home], self.points, *array.shape[self.home + 1 :]))

    def summed(self, array: Array) -> Array:
        full = self.along_home(array)
        if not self.bound:
            return self.expanded(full, np.arange(self.points), 0.0)
        if not self.outer:
            return np.asarray(full.sum(axis=self.home, keepdims=True))
        starts, _ = self.segments()
        if len(starts) < self.points:
            full = np.add.reduceat(full, starts, axis=self.home)
        return self.expanded(full, starts, 0.0)

    def carried(self, array: Array) -> Array:
        """An array on the outer axes, read at each point of the group."""
        if not self.outer or all(array.shape[axis] == 1 for axis in self.outer):
            return array
        places = tuple(
            self.coordinates[axis] if array.shape[axis] > 1 else np.zeros(self.points, dtype=np.intp)
            for axis in self.outer
        )
        others = [axis for axis in range(array.ndim) if axis not in self.outer]
        read = array.transpose((*self.outer, *others))[places]
        full = np.expand_dims(read, tuple(range(1, len(self.outer))))  # the other outer axes have length 1
        order = (self.home, *(axis for axis in self.outer if axis != self.home), *others)
        return full.transpose(np.argsort(order))


def padded(array: Array, home: int, starts: Array, lengths: Array, fill: float, *, power_of_two: bool = False) -> Array:
    """Segments of an axis as rows of equal length: (..., segment, place); `fill` behind the end of a segment."""
    last = np.moveaxis(array, home, -1)
    longest = int(lengths.max(initial=0))
    if power_of_two:
        longest = 1 << (longest - 1).bit_length()
    inside = np.arange(longest) < lengths[:, None]
    taken = last[..., np.where(inside, starts[:, None] + np.arange(longest), 0)]
    return taken if inside.all() else np.where(inside, taken, fill)


def restricted(
    grid: Grid, masks: Sequence[Any], bound: Sequence[int] = (), *, together: bool = False
) -> tuple[Grid, list[Group]] | None:
    """The grid on which all masks are true, and the groups of axes that this ties together; None if nowhere.

    bound : axes that will be reduced.  together : whether they shall be one group, with all that is tied to them.
    """
    rank = len(grid.extents)
    kept: list[Array] = []
    for each in masks:
        mask = np.asarray(each)
        if mask.all():
            continue
        if not mask.any():
            return None
        kept.append(mask)
    parent = list(range(rank))

    def root(axis: int) -> int:
        while parent[axis] != axis:
            axis = parent[axis]
        return axis

    def tie(axes: Sequence[int]) -> None:
        for axis in axes[1:]:
            parent[root(axis)] = root(axes[0])

    for mask in kept:
        tie(_axes(mask))
    if together:
        free = np.ones([size if axis in bound else 1 for axis, size in enumerate(grid.extents)], dtype=bool)
        if free.size > 1:
            kept.append(free)
        tie([axis for mask in kept for axis in _axes(mask)])
    if not kept:
        return grid, []
    by_root: dict[int, list[Array]] = {}
    for mask in kept:
        by_root.setdefault(root(_axes(mask)[0]), []).append(mask)
    groups = []
    for found in by_root.values():
        coordinates = _joined(found, grid.extents)
        axes = sorted(coordinates)
        if not len(coordinates[axes[0]]):
            return None
        outer = tuple(axis for axis in axes if axis not in bound)
        groups.append(
            Group(
                axes[0],
                outer,
                tuple(axis for axis in axes if axis in bound),
                coordinates,
                tuple(grid.extents[axis] for axis in outer),
            )
        )
    return regrouped(grid, groups), groups


def regrouped(grid: Grid, groups: Sequence[Group]) -> Grid:
    """The grid with each group's axes listed along its home."""
    extents = list(grid.extents)
    of_axis: dict[int, Group] = {}
    for group in groups:
        for axis in group.coordinates:
            extents[axis] = 1
            of_axis[axis] = group
        extents[group.home] = group.points
    places = {}
    for index, (axis, values) in grid.places.items():
        group_of = of_axis.get(axis)
        if group_of is not None and values.size > 1:
            taken = values.reshape(-1)[group_of.coordinates[axis]]
            places[index] = (group_of.home, grid.along(group_of.home, taken))
        else:
            places[index] = (axis, values)
    return Grid(grid.environment, tuple(extents), places)


def _axes(mask: Array) -> list[int]:
    return [axis for axis, size in enumerate(mask.shape) if size > 1]


def _joined(masks: list[Array], extents: Sequence[int]) -> dict[int, Array]:
    """The points at which all masks of a group hold: axis -> coordinates, in row-major order."""
    remaining = sorted(masks, key=lambda mask: mask.size)
    first = remaining.pop(0)
    axes = _axes(first)
    coordinates = dict(zip(axes, np.nonzero(first.reshape([first.shape[axis] for axis in axes])), strict=True))
    several = bool(remaining)
    while remaining:
        remaining.sort(key=lambda mask: (-len(coordinates.keys() & set(_axes(mask))), mask.size))
        mask = remaining.pop(0)
        axes = _axes(mask)
        shared = [axis for axis in axes if axis in coordinates]
        new = [axis for axis in axes if axis not in coordinates]
        compact = mask.transpose([*shared, *new, *(a for a in range(mask.ndim) if a not in axes)])
        compact = compact.reshape([mask.shape[axis] for axis in (*shared, *new)])
        if shared:
            rows = compact[tuple(coordinates[axis] for axis in shared)]
        else:
            count = len(next(iter(coordinates.values())))
            rows = np.broadcast_to(compact, (count, *compact.shape))
        point, *found = np.nonzero(rows)
        coordinates = {axis: values[point] for axis, values in coordinates.items()}
        coordinates.update(zip(new, found, strict=True))
    if several:
        order = np.lexsort([coordinates[axis] for axis in sorted(coordinates, reverse=True)])
        coordinates = {axis: values[order] for axis, values in coordinates.items()}
    return coordinates


def collapsed(number: Number, groups: Sequence[Group], dense: Sequence[int], grid: Grid) -> Any:
    """The sum over the bound axes of groups and over `dense` axes, back on the outer axes of the grid before."""

    def change(array: Array) -> Array:
        if array.ndim == 0:
            array = array.reshape((1,) * len(grid.extents))
        for group in groups:
            array = group.summed(array)
        repeated = 1
        axes = []
        for axis in dense:
            if array.shape[axis] == 1:
                repeated *= grid.extents[axis]
            else:
                axes.append(axis)
        if axes:
            array = array.sum(axis=tuple(axes), keepdims=True)
        return array * float(repeated) if repeated != 1 else array

    return mapped(number, change)
