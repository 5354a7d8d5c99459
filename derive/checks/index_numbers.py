"""Right sides of index equations on the numbers of one sample, and when two of them agree.

They agree where they differ by no more than rounding: a few hundred eps of the sum of the absolute values of all that
was added up. Large grids are looked at in single entries, edges among them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from derive import terms
from derive.errors import DomainError, ProgramError
from derive.evaluation.domains import Binding
from derive.evaluation.duals import Array, plain, scale_of
from derive.evaluation.grids import Grid
from derive.evaluation.integer import OutsideRead
from derive.evaluation.meaning import compiled, unfolded
from derive.evaluation.storage import Environment
from derive.integers import Index
from derive.program import Equation
from derive.terms import Entry, Partial, Term

EPS = float(np.finfo(np.float64).eps)
#: Two sides agree to this many eps of the sum of absolute values.
TOLERANCE = 400.0
#: Grids with more places, sums included, are looked at in single entries: edges and random ones, up to this many,
#: fewer where each of them is a large sum.
LARGEST = 10**6
ENTRIES = 300
FEWEST = 8


@dataclass(frozen=True, slots=True)
class Comparison:
    """holds : whether all entries agreed.  points : how many were compared.

    largest_error : relative to the sum of absolute values.  reason : why none could be compared, or what went wrong.
    """

    holds: bool
    points: int
    largest_error: float
    reason: str = ""


def merged(parts: Sequence[Comparison]) -> Comparison:
    """Several samples as one finding."""
    return Comparison(
        all(part.holds for part in parts),
        sum(part.points for part in parts),
        max((part.largest_error for part in parts), default=0.0),
        next((part.reason for part in parts if part.reason), ""),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """Values and scales: over the whole grid, or at single places (positions on each axis)."""

    value: Array
    scale: Array
    places: Array | None

    def at(self, places: Array) -> _Side:
        """At some of the places: those with which this side's own begin, too."""
        count = places.shape[1]
        if self.places is not None:
            return _Side(self.value[:count], self.scale[:count], self.places[:, :count])
        value, scale = (np.broadcast_to(each, np.shape(self.value))[tuple(places)] for each in (self.value, self.scale))
        return _Side(value, scale, places)


class Numbers:
    """Right sides on the numbers of one sample; the after of a step is the before of the next, worked out once."""

    def __init__(self, environment: Environment, seed: int = 0) -> None:
        self.environment = environment.with_scale()
        self.seed = seed
        self.recent: deque[tuple[Equation, _Side]] = deque(maxlen=4)

    def compared(self, before: Equation, after: Equation) -> Comparison:
        """Two equations with one left side, entry by entry.

        A read outside an array on either side refutes it; where the first side has no value, nothing is said.
        """
        try:
            one = self.side(before)
        except DomainError as undefined:
            return Comparison(True, 0, 0.0, undefined.message)
        except ProgramError as wrong:
            return Comparison(False, 0, math.inf, wrong.message)
        try:
            two = self.side(after)
        except (DomainError, ProgramError) as wrong:
            return Comparison(False, 0, math.inf, wrong.message)
        single = [side.places for side in (one, two) if side.places is not None]
        if single:
            fewest = min(single, key=lambda places: places.shape[1])
            one, two = one.at(fewest), two.at(fewest)
        if np.shape(one.value) != np.shape(two.value):
            return Comparison(False, 0, math.inf, f"the shapes are {np.shape(one.value)} and {np.shape(two.value)}")
        return _close(one, two)

    def side(self, equation: Equation) -> _Side:
        for known, side in self.recent:
            if known is equation:
                return side
        term = _meant(equation, self.environment)
        places = entries(term, equation.indices, self.environment, self.seed)
        node = compiled(term, equation.indices)
        if places is None:
            number, _ = node.over(self.environment)
        else:
            grid, _ = Binding(equation.indices, 0)(Grid.empty(self.environment, len(equation.indices)))
            axes = (grid.places[index][1].reshape(-1) for index in equation.indices)
            points = {index: axis[at] for index, axis, at in zip(equation.indices, axes, places, strict=True)}
            number = node.at(points, self.environment)
        side = _Side(np.asarray(plain(number)), np.asarray(scale_of(number)), places)
        self.recent.append((equation, side))
        return side


def _close(one: _Side, two: _Side) -> Comparison:
    scale = one.scale + two.scale
    usable = np.isfinite(scale) & np.isfinite(one.value)
    apart, scale = np.abs(one.value - two.value)[usable], scale[usable]
    errors = np.divide(apart, scale, out=np.where(apart > 0, math.inf, 0.0), where=scale > 0)
    largest = float(errors.max(initial=0.0))
    reason = "" if usable.all() else "a value is not finite"
    return Comparison(largest <= TOLERANCE * EPS, int(usable.sum()), largest, reason)


def _meant(equation: Equation, environment: Environment) -> Term:
    """The right side; ∂s[t]/∂s[m] of a recurrence is the derivative of its equation where that is what is worked out.

    On its own left side, and in the one rule, whose left side is an adjoint. Elsewhere it has been pushed inward.
    """
    lines = environment.equations
    if isinstance(equation.left, Partial):
        return unfolded(equation.term, lines, [equation.left])
    own = [
        node
        for node in terms.walk(equation.term)
        if isinstance(node, Partial) and isinstance(node.of, Entry) and node.of.array in lines
        if node.of.array in terms.reads(lines[node.of.array].term)
    ]
    return unfolded(equation.term, lines, own)


# --- large grids ------------------------------------------------------------------------------------------------------


def entries(term: Term, indices: Sequence[Index], environment: Environment, seed: int) -> Array | None:
    """None for the whole grid; where it is large the places to look at, as positions on the axis of each index.

    A third are edges: the first, a middle or the last value of every index. The others are random. The places of
    another term over the same domains are the same, but for how many they are.
    """
    if not indices or (largest := work(term, indices, environment)) <= LARGEST:
        return None
    grid, masks = Binding(indices, 0)(Grid.empty(environment, len(indices)))
    count = min(ENTRIES, max(FEWEST, 4 * LARGEST * math.prod(grid.extents) // largest))
    rng = np.random.default_rng(seed)
    edges = [np.unique([0, length // 2, length - 1]) for length in grid.extents]
    corners = np.stack([each.reshape(-1) for each in np.meshgrid(*edges, indexing="ij")])
    corners = corners[:, rng.permutation(corners.shape[1])[: ENTRIES // 3]]
    anywhere = np.stack([rng.integers(0, length, size=ENTRIES - corners.shape[1]) for length in grid.extents])
    places = np.concatenate([corners, anywhere], axis=1)[:, rng.permutation(ENTRIES)]
    inside = np.ones(places.shape[1], dtype=bool)
    for mask in masks:
        inside &= np.broadcast_to(mask, grid.extents)[tuple(places)]
    return places[:, inside][:, :count]


def work(term: Term, indices: Sequence[Index], environment: Environment) -> int:
    """How many places the grid of a term has, where it is deepest; conditions not counted."""
    grid, _ = Binding(indices, 0)(Grid.empty(environment, len(indices) + _deepest(term)))
    return max(_places(term, grid, len(indices)))


def _deepest(term: Term) -> int:
    """How many indices are bound around the innermost term."""
    return len(terms.bound_in(term)) + max(map(_deepest, terms.children(term)), default=0)


def _places(term: Term, grid: Grid, depth: int) -> Iterator[int]:
    bound = terms.bound_in(term)
    yield math.prod(grid.extents)
    if bound:
        try:
            grid, _ = Binding(bound, depth)(grid)
        except OutsideRead:  # an extent that only a condition, not looked at here, keeps from being read
            return
        yield math.prod(grid.extents)
    for child in terms.children(term):
        yield from _places(child, grid, depth + len(bound))
