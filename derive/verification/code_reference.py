"""What the variables of a right program would hold: every quantity of a problem, and every gradient, at a point.

All values are those of the problem's own graph (`derive.verification.model`) in double precision; nothing is worked
out by a second set of formulas.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from derive.verification.code_names import Meaning
from derive.verification.code_parts import contributions
from derive.verification.differentiating import adjoints
from derive.verification.graph import FUNCTION, INPUT, NAMED, NUMBER, Node
from derive.verification.model import Model
from derive.verification.points import Doubles, Point
from derive.verification.shaped import Shaped

#: Relative error at which two entries are the same.
RELATIVE = 1e-7
#: Entries of an array may carry rounding errors of this size, relative to the largest of them.
ROUNDING = 1e-13
#: How many points are looked at for one with both sides of every kink.
POINTS = 24


@dataclass(frozen=True)
class Candidate:
    """An array that a variable may hold."""

    meaning: Meaning
    shape: tuple[int, ...]
    entries: tuple[float, ...]

    @property
    def transposed(self) -> Candidate:
        """A matrix with its axes exchanged."""
        return Candidate(self.meaning, self.shape[::-1], transpose(self.shape, self.entries))


def transpose(shape: Sequence[int], entries: Sequence[float]) -> tuple[float, ...]:
    rows, columns = shape
    return tuple(entries[i * columns + j] for j in range(columns) for i in range(rows))


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape without axes of one entry."""
    return tuple(extent for extent in shape if extent != 1)


def same(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether entries agree with right ones, `other`: each to 1e-7 of itself, up to rounding."""
    return len(one) == len(other) and worst(one, other) is None


def worst(one: Sequence[float], other: Sequence[float]) -> int | None:
    """The place at which entries differ most from right ones; None where they agree."""
    largest = max((abs(value) for value in other), default=0.0)
    rounding = ROUNDING * (largest if largest > 1e-9 else 1.0)
    place, most = None, 1.0
    for k, (value, right) in enumerate(zip(one, other, strict=True)):
        if not math.isfinite(value):
            return k
        error = abs(value - right) / (RELATIVE * abs(right) + rounding)
        if error > most:
            place, most = k, error
    return place


class Reference:
    """A problem at sizes and at a point.

    turned : names of matrices that the work holds with their axes exchanged.  scale : by which the loss is multiplied.
    """

    def __init__(self, model: Model, number: int, turned: frozenset[str] = frozenset(), scale: float = 1.0) -> None:
        self.scale = scale
        self.model = model
        self.turned = turned
        self.point = _point(model, number)
        self.doubles = Doubles(self.point)
        loss = model.loss_node()
        self.gradients = {} if loss is None else model.adjoints(loss)
        self.candidates = tuple(self._candidates())
        self._by_meaning = {
            (each.meaning.kind, each.meaning.name, each.meaning.member): each for each in self.candidates
        }

    def arrays(self) -> Iterator[tuple[str, int | None, Shaped]]:
        """Every array of the problem, members of families one by one."""
        for name, value in self.model.arrays.items():
            if name not in self.model.families:
                yield name, None, value
        for name, members in self.model.families.items():
            for member in sorted(members):
                yield name, member, members[member]

    def find(self, meaning: Meaning) -> tuple[Candidate, ...]:
        """What a meaning may stand for: of a family all members where it does not say which, the likely one first."""
        exact = self._by_meaning.get((meaning.kind, meaning.name, meaning.member))
        rest = [
            each
            for each in self.candidates
            if (each.meaning.kind, each.meaning.name) == (meaning.kind, meaning.name) and each is not exact
        ]
        return (*(() if exact is None else (exact,)), *rest)

    def value(self, name: str, member: int | None = None) -> Candidate | None:
        return self._by_meaning.get(("value", name, member))

    def is_input(self, name: str) -> bool:
        """Whether no equation works a quantity out."""
        values = self.model.families.get(name) or {0: self.model.arrays[name]}
        return not any(self.model.graph.kinds[node] == NAMED for value in values.values() for node in value.nodes)

    def is_whole(self, name: str) -> bool:
        """Whether an array holds whole numbers to index with: classes, counts."""
        quantity = self.model.problem.quantities.get(name)
        if quantity is None or quantity.domain is None:
            return quantity is not None and quantity.kind == "integer"
        return type(quantity.domain).__name__ in ("Classes", "Range") or quantity.kind == "integer"

    def waves(self, name: str, arity: int = 1) -> list[list[float]]:
        """The numbers behind a function that is only named, as `derive.verification.points` draws them."""
        return [[float(each) for each in wave] for wave in self.point.waves(name, arity)]

    def _candidates(self) -> Iterator[Candidate]:
        zero = self.model.graph.zero
        known = list(self.arrays())
        for name, member, value in known:
            if None in value.shape or not value.nodes:
                continue
            yield self._candidate(Meaning("value", name, member), value, value.nodes)
        for name, member, value in known:
            fixed = any(self.model.graph.kinds[node] == NUMBER for node in value.nodes)
            if self.gradients and not fixed and None not in value.shape and value.nodes:
                nodes = [self.gradients.get(node, zero) for node in value.nodes]
                yield self._candidate(Meaning("gradient", name, member), value, nodes)
        for name, member, value in known:
            slopes = self._slopes(value)
            if slopes is not None:
                yield self._candidate(Meaning("slope", name, member), value, slopes)
        arrays = {(name, member): value.nodes for name, member, value in known if None not in value.shape}
        parts = contributions(self.model, self.doubles, arrays, self.gradients)
        for name, member, value in known:
            for part in parts.get((name, member), ()):
                entries = [self.scale * part.get(node, 0.0) for node in value.nodes]
                yield self._placed(Meaning("part", name, member), value, entries)

    def _candidate(self, meaning: Meaning, value: Shaped, nodes: Sequence[Node]) -> Candidate:
        scale = self.scale if meaning.kind == "gradient" else 1.0
        return self._placed(meaning, value, [scale * self.doubles[node] for node in nodes])

    def _placed(self, meaning: Meaning, value: Shaped, numbers: Sequence[float]) -> Candidate:
        shape, entries = tuple(extent or 1 for extent in value.shape), tuple(numbers)
        if meaning.name in self.turned and len(shape) == 2:
            return Candidate(meaning, shape[::-1], transpose(shape, entries))
        assert len(entries) == prod(shape)
        return Candidate(meaning, shape, entries)

    def _slopes(self, value: Shaped) -> list[Node] | None:
        """f'(z) of an array that is f(z) entry by entry."""
        graph = self.model.graph
        found: list[Node] = []
        for node in value.nodes:
            if graph.kinds[node] != NAMED:
                return None
            stop = frozenset(each for each in graph.cone((node,)) if each != node and graph.kinds[each] == NAMED)
            below = {
                each: slope
                for each, slope in adjoints(graph, node, stop=stop).items()
                if (each in stop or graph.kinds[each] == INPUT) and slope != graph.zero
            }
            if len(below) != 1:
                return None
            slope = next(iter(below.values()))
            if graph.value(slope) is not None and not any(
                graph.kinds[each] == FUNCTION for each in graph.cone((node,)) if each > next(iter(below))
            ):
                return None
            found.append(slope)
        return found or None


class TamePoint(Point):
    """A point at which functions that are only named are of about 1, layer after layer, as activations are."""

    def waves(self, name: str, arity: int) -> list[tuple[Fraction, ...]]:
        return [(b, c, d / 16, *slopes) for b, c, d, *slopes in super().waves(name, arity)]


def _point(model: Model, number: int) -> Point:
    """A point with inputs of about 1, at which every kink has entries on both sides."""
    graph = model.graph
    loss = model.loss_node()
    steps = [
        graph.data[node][1][0]
        for node in graph.cone([node for _, node in _nodes(model)] + ([] if loss is None else [loss]))
        if graph.kinds[node] == FUNCTION and graph.data[node][0] == "step"
    ]
    best: tuple[float, Point] | None = None
    for trial in range(POINTS if steps else 1):
        point = TamePoint(graph, model.ranges, model.seed, number + 2 * trial)
        if not steps:
            return point
        doubles = Doubles(point)
        above = sum(doubles[node] > 0 for node in steps) / len(steps)
        if best is None or abs(above - 0.5) < best[0]:
            best = (abs(above - 0.5), point)
    assert best is not None
    return best[1]


def _nodes(model: Model) -> Iterator[tuple[str, Node]]:
    for name, value in model.arrays.items():
        yield from ((name, node) for node in value.nodes)
    for name, members in model.families.items():
        for member in members.values():
            yield from ((name, node) for node in member.nodes)
