"""The domain of an array: the shape of its storage, and for a ragged one the entries that exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.evaluation.duals import Array
from derive.evaluation.grids import Grid
from derive.evaluation.integer import Closure, closure
from derive.evaluation.storage import Environment
from derive.integers import Index
from derive.terms import Entry


@dataclass(frozen=True, slots=True)
class Domain:
    """shape : one above the largest index of each axis.  lower : the smallest.  inside : None for a box."""

    shape: tuple[int, ...]
    lower: tuple[int, ...]
    inside: Array | None

    @property
    def held(self) -> Array:
        """Where there are entries, as truth values."""
        if self.inside is not None:
            return self.inside
        held = np.zeros(self.shape, dtype=bool)
        held[tuple(slice(first, None) for first in self.lower)] = True
        return held

    @staticmethod
    def of(head: Entry, environment: Environment) -> Domain:
        """The domain of an array from its own indices; those that others depend on come first."""
        indices = [part.index for part in head.indices]
        assert all(indices), head
        binding = Binding([index for index in indices if index is not None], 0)
        grid, masks = binding(Grid.empty(environment, len(indices)))
        lower, shape = [], []
        for index in indices:
            assert index is not None
            _, values = grid.places[index]
            lower.append(int(values.min()) if values.size else 0)
            shape.append(int(values.max()) + 1 if values.size else 0)
        inside = None
        if masks:
            inside = np.zeros(shape, dtype=bool)
            held = np.ones(grid.extents, dtype=bool)
            for mask in masks:
                held = held & mask
            inside[tuple(slice(low, None) for low in lower)] = held
        return Domain(tuple(shape), tuple(lower), inside)


def _ends(index: Index) -> tuple[Index, ...]:
    return (*index.lower.indices, *index.stop.indices)


class Binding:
    """Indices that take their values on axes of their own, from `first` on."""

    __slots__ = ("domains", "first", "indices")

    def __init__(self, indices: Any, first: int) -> None:
        self.indices: tuple[Index, ...] = tuple(indices)
        self.first = first
        # an index whose domain depends on others takes its values after them, whatever their order
        waiting = list(enumerate(self.indices, first))
        self.domains: list[tuple[int, Index, Closure, Closure]] = []
        while waiting:
            names = {index for _, index in waiting}
            ready = next((each for each in waiting if names.isdisjoint(_ends(each[1]))), waiting[0])
            waiting.remove(ready)
            axis, index = ready
            self.domains.append((axis, index, closure(index.lower), closure(index.stop)))

    @property
    def axes(self) -> range:
        return range(self.first, self.first + len(self.indices))

    def __call__(self, grid: Grid, only: dict[Index, Array] | None = None) -> tuple[Grid, list[Any]]:
        """The grid with these indices, and the conditions that ragged domains put on it.

        only : values for some of them, instead of their domains.
        """
        masks: list[Any] = []
        for axis, index, low, high in self.domains:
            lower, stop = low(grid), high(grid)
            # ends that depend on an index without values have none either
            first = lower if isinstance(lower, int) else int(np.min(lower)) if np.size(lower) else 0
            last = stop if isinstance(stop, int) else int(np.max(stop)) if np.size(stop) else 0
            chosen = None if only is None else only.get(index)
            grid = grid.with_index(index, axis, np.arange(first, max(first, last)) if chosen is None else chosen)
            values = grid.places[index][1]
            if not isinstance(lower, int) and np.size(lower) > 1:
                masks.append(values >= lower)
            if not isinstance(stop, int) and np.size(stop) > 1:
                masks.append(values < stop)
        return grid, masks
