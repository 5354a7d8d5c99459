"""Which repairs of a right side may equal the left side: told from what stands in one place, without the rest.

What stands newly in a place is worked out in whole arrays of doubles, and one inner product with the weights of the
place tells whether it makes up for the difference of the two sides. Where a place has no weights, the nearest one
around it is worked out again. Nothing is asserted here: what is not excluded is decided like a row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from derive import tree as t
from derive.tree import Tree
from derive.verification.model import Model
from derive.verification.shaped import OutsideFamily
from derive.verification.slip_values import VALUELESS
from derive.verification.slip_views import UNTOLD, View, views
from derive.verification.slip_weights import INNER, Place, Sweep, tellers
from derive.verification.slips import Path, replaced


class Views:
    """The views of one row; further ones are made where they are needed."""

    def __init__(self, made: Iterator[View]) -> None:
        self._more = made
        self._made: list[View] = []

    def __iter__(self) -> Iterator[View]:
        place = 0
        while True:
            if place == len(self._made):
                following = next(self._more, None)
                if following is None:
                    return
                self._made.append(following)
            yield self._made[place]
            place += 1


def row_views(model: Model, head: Tree, right: Tree, anchor: Tree, conditions: Sequence[Tree]) -> Views:
    """The views of a row in a model."""
    return Views(views(model, head, right, anchor, conditions))


def told_apart(row: Views, tree: Tree) -> bool | None:
    """Whether a right side has clearly another value than the left side somewhere; None where that is not told."""
    is_told = is_missing = is_left = False
    for view in row:
        try:
            if view.differs(tree):
                return True
            is_told = True
        except OutsideFamily:  # where a member is missing nothing is said; everywhere, and nothing is left to compare
            is_missing = True
        except UNTOLD:
            is_left = True
    return None if is_left or not (is_told or is_missing) else not is_told


class Screen:
    """A right side in the first view in which it differs from the left side.

    shifted : by how much the repair that was excluded last changes the combination of entries; 0 if that is not known.
    """

    def __init__(self, row: Views, right: Tree) -> None:
        self.row, self.right = row, right
        self.view: View | None = None
        self.sweep: Sweep | None = None
        self.shifted = self._gap = 0.0
        self._broken: Path | None = None
        self._nearest: dict[Path, tuple[Place, ...]] = {}
        for view in row:
            value = view.right(right)
            is_other = value is None or view.is_apart(value)
            if self.view is None or is_other:
                self.view = view
                self._broken = self._without_value(view) if value is None else None
                self.sweep = None
                if value is not None and view.is_comparable(value):
                    with np.errstate(all="ignore"):
                        self.sweep = Sweep(view, right, value)
            if is_other:
                break

    def differs(self, tree: Tree) -> bool | None:
        """Whether a right side has clearly another value than the left side somewhere; None where that is not told."""
        return told_apart(self.row, tree)

    def excludes(self, path: Path, new: Tree) -> bool | None:
        """Whether the right side with a part in a place differs from the left side; None if only the whole tells."""
        with np.errstate(all="ignore"):
            shift = self._shift(path, new)
        self.shifted = shift if shift is not None and math.isfinite(shift) else 0.0
        if shift is None:
            return None
        return self.sweep is None or not abs(shift - self.sweep.aim) <= self._gap  # nan is no value

    def is_apart(self, one: Path, other: Path) -> bool:
        """Whether two places stand in two terms of one sum, so that what they add is added."""
        common = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
        place = None if common is None or self.sweep is None else self.sweep.places.get(one[:common])
        return place is not None and isinstance(place.node, t.Sum)

    def _shift(self, path: Path, new: Tree) -> float | None:
        """By how much the combination grows with a part in a place: nan where it has no value, None if unknown."""
        if self.view is None:
            return None
        if self._broken is not None:
            common = min(len(path), len(self._broken))
            return None if path[:common] == self._broken[:common] else math.nan
        for place in self._around(path):
            node = new if place.path == path else replaced(place.node, path[len(place.path) :], new)
            if not place.letters or tellers(node, place.letters) == place.told:
                return self._grown(place, node)
        return None

    def _grown(self, place: Place, node: Tree) -> float | None:
        assert self.view is not None
        try:
            value = self.view.looks.within(node, place.frame.scope, place.frame.at)
        except UNTOLD:
            return None
        except VALUELESS:
            return math.nan
        if value.shape != place.value.shape or value.row != place.value.row:
            return None
        terms = place.weights / value.data if place.inverse else place.weights * value.data
        total = float(terms.sum())
        if not math.isfinite(total):
            terms = np.where(place.weights == 0.0, 0.0, terms)
            total = float(terms.sum())
            if not math.isfinite(total):
                return None
        self._gap = place.gap + INNER * float(np.abs(terms).sum())
        return total - place.total

    def _around(self, path: Path) -> tuple[Place, ...]:
        """The places with weights that hold a place, the nearest first."""
        found = self._nearest.get(path)
        if found is None:
            places = {} if self.sweep is None else self.sweep.places
            ends = (path[:k] for k in range(len(path), -1, -1))
            found = self._nearest[path] = tuple(places[end] for end in ends if end in places)
        return found

    def _without_value(self, view: View) -> Path | None:
        """The smallest part that has no value: a repair beside it leaves the whole without one."""
        failed = view.looks.valueless(VALUELESS)
        if id(self.right) not in failed:
            return None
        node: Tree = self.right
        path: Path = ()
        while True:
            below = ((k, each) for k, each in enumerate(t.children(node)) if id(each) in failed)
            place = next(below, None)
            if place is None:
                return path
            path, node = (*path, place[0]), place[1]
