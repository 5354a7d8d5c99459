"""The grid of index values on which a term is evaluated.

Every index in scope has an axis; the number of axes is fixed for a term (its deepest nesting), so that arrays
broadcast.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from derive.evaluation.duals import Array
from derive.integers import Index

if TYPE_CHECKING:
    from derive.evaluation.storage import Environment


class Grid:
    """extents : the length of each axis.  places : index -> its axis, and its values along it."""

    __slots__ = ("environment", "extents", "places")

    def __init__(
        self, environment: Environment, extents: tuple[int, ...], places: Mapping[Index, tuple[int, Array]]
    ) -> None:
        self.environment, self.extents, self.places = environment, extents, places

    @staticmethod
    def empty(environment: Environment, axes: int) -> Grid:
        return Grid(environment, (1,) * axes, {})

    def along(self, axis: int, values: Array) -> Array:
        """Values as an array of the grid's rank."""
        return values.reshape((1,) * axis + (-1,) + (1,) * (len(self.extents) - axis - 1))

    def with_index(self, index: Index, axis: int, values: Array) -> Grid:
        extents = (*self.extents[:axis], len(values), *self.extents[axis + 1 :])
        return Grid(self.environment, extents, {**self.places, index: (axis, self.along(axis, values))})

    def with_points(self, points: Mapping[Index, Array], axis: int = 0) -> Grid:
        """Several indices along one axis, point by point."""
        length = len(next(iter(points.values()))) if points else 1
        extents = (*self.extents[:axis], length, *self.extents[axis + 1 :])
        places = {index: (axis, self.along(axis, values)) for index, values in points.items()}
        return Grid(self.environment, extents, {**self.places, **places})

    def sliced(self, axis: int, start: int, stop: int) -> Grid:
        """A part of one axis."""
        stop = min(stop, self.extents[axis])
        extents = (*self.extents[:axis], stop - start, *self.extents[axis + 1 :])
        places = {
            index: (place, self.along(axis, values.reshape(-1)[start:stop]))
            if place == axis and values.size > 1
            else (place, values)
            for index, (place, values) in self.places.items()
        }
        return Grid(self.environment, extents, places)


def blocks(extent: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, extent, size):
        yield start, min(start + size, extent)
