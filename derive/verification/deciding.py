"""Whether two formulas are equal: one node, equal modulo primes, refuted by balls, or equal to 60 digits.

Every verdict "wrong" has a witness: an entry, a point and two certified values that differ there. Nothing is decided by
a tolerance, a time limit or an exception. Source of the procedure: docs/verification.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite, isinf, log10
from typing import Any

from derive.verification.graph import FUNCTION, LINEAR, MONOMIAL, NAMED, NUMBER, Graph, Node
from derive.verification.points import BITS, Doubles, Point, Range, Undecided, balls, exact, precision
from derive.verification.residues import Residues

#: Draws that must all agree, and how many are tried to find so many usable ones.
TRIALS, DRAWS = 3, 24
#: Points at which a line must agree where residues do not decide, and how many are tried.
POINTS, TRIED = 8, 40
#: The size of zero, as a power of ten.
NOTHING = -1e9
#: Digits to which both sides must agree at each of them.
DIGITS = 60
CANCELLED = 100
#: Rational numbers longer than this hide differences that no point of moderate size shows.
LONG_NUMBER = 10**40
#: A term that is everywhere smaller than this beside the others of its sum cannot be judged by numbers.
NEGLIGIBLE = Fraction(1, 10**15)
#: Points are the same for every seed, which draws residues alone: whether a narrow window is met by luck may not flip
#: a verdict from one run to the next.
POINTS_SEED = 0
SCALES = (Fraction(1), Fraction(1, 16), Fraction(8), Fraction(1, 2))


@dataclass(frozen=True)
class Witness:
    """Where two sides differ: the entry's label, the coordinates, and both values as certified text."""

    label: tuple[int, ...]
    point: Point
    left: Any
    right: Any
    nodes: tuple[Node, Node]


@dataclass(frozen=True)
class Decision:
    """verdict : "correct", "wrong" or "undecided".

    evidence : "proved", "randomised", "numerical"; of a wrong line "counterexample".  reason : why undecided.
    note : about the domain.  error : the probability that a randomised verdict is false, as a power of ten.
    """

    verdict: str
    evidence: str = ""
    reason: str = ""
    note: str = ""
    witness: Witness | None = None
    error: float | None = None


@dataclass
class Judge:
    """What deciding needs of a problem at one assignment of sizes: its graph, and draws that are kept between lines."""

    graph: Graph
    ranges: Mapping[str, Range] = field(default_factory=dict)
    seed: int = 0
    draws: dict[int, Residues] = field(default_factory=dict)
    looks: dict[int, Doubles] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph.vanishes = self._vanishes

    def _vanishes(self, node: Node) -> bool:
        """Whether a node is 0 modulo two primes; it is then taken for 0 everywhere, and nothing is divided by it."""
        return all(self.residues(trial)[node] == 0 for trial in range(2))

    def residues(self, trial: int) -> Residues:
        if trial not in self.draws:
            self.draws[trial] = Residues(self.graph, self.seed, trial)
        return self.draws[trial]

    def point(self, number: int) -> Point:
        return Point(self.graph, self.ranges, POINTS_SEED, number, SCALES[number % len(SCALES)])

    def doubles(self, number: int) -> Doubles:
        if number not in self.looks:
            self.looks[number] = Doubles(self.point(number))
        return self.looks[number]

    def release(self, mark: int) -> None:
        """Forget all nodes from `mark` on."""
        self.graph.release(mark)
        for draw in self.draws.values():
            draw.release(mark)
        for look in self.looks.values():
            look.release(mark)

    # --- the decision -------------------------------------------------------------------------------------------------

    def decide(self, pairs: Sequence[tuple[tuple[int, ...], Node, Node]]) -> Decision:
        """Whether left = right for all (label, left, right)."""
        open_pairs = [pair for pair in pairs if pair[1] != pair[2]]
        if not open_pairs:
            return self._somewhere(pairs, Decision("correct", "proved"))
        suspects = list(self._suspects(open_pairs))
        for suspect in suspects[:3]:
            witness = self._refuted(suspect, 0)
            if witness is not None:
                return Decision("wrong", "counterexample", witness=witness)
        if all(map(self._is_rational, (node for pair in open_pairs for node in pair[1:]))):
            return self._exactly(open_pairs)
        if not suspects:
            agreed = self._agreed([(left, right) for _, left, right in open_pairs])
            if agreed:
                return self._somewhere(pairs, Decision("correct", "randomised", error=self._error(open_pairs)))
        return self._by_points(open_pairs)

    def _somewhere(self, pairs: Sequence[tuple[tuple[int, ...], Node, Node]], decision: Decision) -> Decision:
        """The decision if every left side has a value somewhere: equal formulas that nowhere exist are not right."""
        for _, node, _ in pairs:
            by_residues = any(self.residues(trial)[node] is not None for trial in range(TRIALS + 3))
            by_doubles = by_residues and any(isfinite(self.doubles(number)[node]) for number in range(4))
            if not by_doubles and not any(self._is_defined(node, number) for number in range(TRIED)):
                return Decision("undecided", reason="hazard: no point was found where both sides have a value")
        return decision

    def _is_defined(self, node: Node, number: int) -> bool:
        for bits in BITS:
            try:
                return balls(self.point(number), (node,), bits)[node] is not None
            except Undecided:
                continue
        return False

    def _is_rational(self, node: Node) -> bool:
        """Whether a node is a rational function of the inputs."""
        graph = self.graph
        return all(
            graph.kinds[each] != FUNCTION
            and (graph.kinds[each] != MONOMIAL or all(isinstance(power, int) for _, power in graph.data[each][0]))
            for each in graph.cone((node,))
        )

    def _exactly(self, pairs: Sequence[tuple[tuple[int, ...], Node, Node]]) -> Decision:
        """Rational functions at random rational points: exact, however small the difference is."""
        if self._agreed([(left, right) for _, left, right in pairs]):
            return Decision("correct", "randomised", error=self._error(pairs))
        for number in range(TRIED):
            for label, left, right in pairs:
                point = self.point(number)
                one, other = exact(point, left), exact(point, right)
                if one is not None and other is not None and one != other:
                    return Decision("wrong", "counterexample", witness=Witness(label, point, one, other, (left, right)))
        return Decision("undecided", reason="hazard: no point was found where the sides could be told apart")

    def _suspects(
        self, pairs: Sequence[tuple[tuple[int, ...], Node, Node]]
    ) -> Iterator[tuple[tuple[int, ...], Node, Node]]:
        """Pairs that clearly differ in double precision at the first point, the clearest first."""
        look = self.doubles(0)
        found = []
        for pair in pairs:
            left, right = look[pair[1]], look[pair[2]]
            gap = abs(left - right) / (abs(left) + abs(right)) if left != right else 0.0
            if gap > 1e-7:
                found.append((gap, pair))
        found.sort(key=lambda each: (-each[0], each[1][0]))
        return (pair for _, pair in found)

    def _refuted(self, pair: tuple[tuple[int, ...], Node, Node], number: int) -> Witness | None:
        label, left, right = pair
        point = self.point(number)
        for bits in BITS:
            try:
                values = balls(point, (left, right), bits)
            except Undecided:
                continue
            one, other = values[left], values[right]
            if one is None or other is None:
                return None
            if not one.overlaps(other):
                return Witness(label, point, one, other, (left, right))
            if _agree(one, other):
                return None
        return None

    def _agreed(self, pairs: Sequence[tuple[Node, Node]]) -> bool:
        found = 0
        for trial in range(DRAWS):
            answer = self.residues(trial).agree(pairs)
            if answer is False:
                return False
            found += answer is True
            if found == TRIALS:
                return True
            if trial >= TRIALS + 3 and not found:
                return False
        return False

    def _error(self, pairs: Sequence[tuple[tuple[int, ...], Node, Node]]) -> float:
        """log10 of a bound of the probability that all trials agree by chance."""
        degree = self._degree([node for _, left, right in pairs for node in (left, right)])
        if isinf(degree):
            return 0.0
        return TRIALS * min(0.0, log10(len(pairs) * max(degree, 1.0)) - log10(2.0) * 60 + 1)

    def _degree(self, nodes: Sequence[Node]) -> float:
        """A bound of the degree of numerator and denominator together, over atoms."""
        graph = self.graph
        degrees: dict[Node, float] = {}
        for node in graph.cone(nodes):
            data = graph.data[node]
            match graph.kinds[node]:
                case k if k == LINEAR:
                    degrees[node] = sum(degrees[term] for term, _ in data[1]) + 1.0
                case k if k == MONOMIAL:
                    degrees[node] = sum(degrees[factor] * abs(float(exponent)) for factor, exponent in data[0])
                case k if k == NAMED:
                    degrees[node] = degrees[data[1]]
                case k if k == FUNCTION:
                    inner = sum(degrees[each] for each in data[1])
                    degrees[node] = 720720.0 * (1.0 + inner) if data[0] in ("exp", "sin", "cos") else 1.0 + inner
                case _:
                    degrees[node] = 1.0
        return max((degrees[node] for node in nodes), default=1.0)

    # --- numbers ------------------------------------------------------------------------------------------------------

    def _by_points(self, pairs: Sequence[tuple[tuple[int, ...], Node, Node]]) -> Decision:
        """Refute by balls, or agree at POINTS points to DIGITS digits where nothing speaks against that."""
        nodes = [node for _, left, right in pairs for node in (left, right)]
        hazards = _Hazards(self.graph, nodes)
        usable = tried = 0
        left_only = right_only = False
        while usable < POINTS and tried < TRIED:
            point = self.point(tried)
            tried += 1
            found = self._at(point, pairs, hazards)
            if isinstance(found, Witness):
                return Decision("wrong", "counterexample", witness=found)
            if found == "left":
                left_only = True
            elif found == "right":
                right_only = True
            elif found == "agree":
                usable += 1
        note = ""
        if left_only or right_only:
            note = f"holds where both sides exist; the {'right' if left_only else 'left'} side has no value elsewhere"
        if not usable:
            return Decision("undecided", reason="hazard: no point was found where both sides have a value", note=note)
        for point in hazards.across(self):
            found = self._at(point, pairs, hazards)
            if isinstance(found, Witness):
                return Decision("wrong", "counterexample", witness=found)
        reason = hazards.reason()
        if reason or usable < POINTS:
            return Decision("undecided", reason=f"hazard: {reason or 'too few points have values'}", note=note)
        return Decision("correct", "numerical", note=note)

    def _at(
        self, point: Point, pairs: Sequence[tuple[tuple[int, ...], Node, Node]], hazards: _Hazards
    ) -> Witness | str:
        """A witness, or "agree", "left" or "right" (which side alone has a value), "neither", "unsettled"."""
        nodes = [node for _, left, right in pairs for node in (left, right)]
        answer = "unsettled"
        for bits in BITS:
            signs: dict[Node, int] = {}
            try:
                values = balls(point, nodes, bits, signs)
            except Undecided:
                continue
            answer = "agree"
            for label, left, right in pairs:
                one, other = values[left], values[right]
                if one is None or other is None:
                    return "neither" if one is other else "right" if one is None else "left"
                if not one.overlaps(other):
                    return Witness(label, point, one, other, (left, right))
                if not _agree(one, other):
                    answer = "unsettled"
            if answer == "agree":
                hazards.note(values, signs)
                break
        if answer == "unsettled":
            hazards.unsettled += 1
        return answer


def _agree(one: Any, other: Any) -> bool:
    """Whether the balls agree to DIGITS digits; where both may be 0, terms cancelled to CANCELLED decimals."""
    with precision(BITS[-1]):
        gap, ten = abs(one - other).upper(), type(one)(10)
        if one.contains(0) and other.contains(0):
            return bool(gap < ten**-CANCELLED)
        return bool(gap < (abs(one) + abs(other)).lower() * ten**-DIGITS)


class _Hazards:
    """What speaks against judging by numbers: negligible terms, kinks seen from one side, points of too many digits."""

    def __init__(self, graph: Graph, nodes: Sequence[Node]) -> None:
        self.graph = graph
        self.cone = graph.cone(nodes)
        self.sums = [node for node in self.cone if graph.kinds[node] == LINEAR]
        self.steps = [
            node for node in self.cone if graph.kinds[node] == FUNCTION and graph.data[node][0] in ("step", "zero")
        ]
        self.share: dict[tuple[Node, int], float] = {}
        self.seen: dict[Node, set[int]] = {node: set() for node in self.steps}
        self.maxima = [node for node in self.cone if graph.kinds[node] == FUNCTION and graph.data[node][0] == "max"]
        self.won: dict[Node, set[Node]] = {node: set() for node in self.maxima}
        self.unsettled = 0

    def note(self, values: Mapping[Node, Any], signs: Mapping[Node, int]) -> None:
        for node in self.sums:
            constant, terms = self.graph.data[node]
            sizes = [
                _log_size(values[term], coefficient) for term, coefficient in terms if values.get(term) is not None
            ]
            if constant:
                sizes.append(log10(abs(Fraction(constant).numerator)) - log10(Fraction(constant).denominator))
            largest = max(sizes, default=0.0)
            if largest <= NOTHING:
                continue  # all terms are 0 here, which tells nothing of any
            for place, size in enumerate(sizes):
                share = size - largest
                self.share[node, place] = max(share, self.share.get((node, place), NOTHING))
        for node, sign in signs.items():
            if node in self.seen:
                self.seen[node].add(sign)
        for node in self.maxima:
            operands = self.graph.data[node][1]
            if any(values[each] is None for each in operands):
                continue
            self.won[node].update(
                one for one in operands if all(bool(values[one] > values[each]) for each in operands if each != one)
            )

    def across(self, judge: Judge) -> Iterator[Point]:
        """Points on both sides of kinks that were seen from one side only."""
        for step in self.steps:
            if len(self.seen[step] - {0}) < 2:
                yield from _other_side(judge, self.graph.data[step][1][0])
        for node in self.maxima:
            operands = self.graph.data[node][1]
            for one in operands:
                for other in operands:
                    if one != other and one not in self.won[node]:
                        yield from _other_side(judge, self.graph.subtract(one, other))

    def reason(self) -> str:
        if any(share < -15 for share in self.share.values()):
            return "a term is negligible at all points tried"
        if any(_is_long(number) for node in self.cone for number in _numbers(self.graph, node)):
            return "a number has so many digits that points cannot show what it hides"
        missed = any(len(won) < len(self.graph.data[node][1]) for node, won in self.won.items())
        if missed or any(len(signs - {0}) < 2 for signs in self.seen.values()):
            return "a case of a kink was never met"
        return "some points needed more digits than allowed" if self.unsettled else ""


def _numbers(graph: Graph, node: Node) -> Iterator[Fraction]:
    data = graph.data[node]
    match graph.kinds[node]:
        case k if k == NUMBER:
            yield Fraction(data[0])
        case k if k == LINEAR:
            yield Fraction(data[0])
            yield from (Fraction(coefficient) for _, coefficient in data[1])
        case k if k == MONOMIAL:
            yield from (Fraction(exponent) for _, exponent in data[0])


def _is_long(number: Fraction) -> bool:
    return abs(number.numerator) > LONG_NUMBER or number.denominator > LONG_NUMBER


def _log_size(ball: Any, coefficient: Any) -> float:
    mantissa, exponent = ball.mid().man_exp()
    if not mantissa:
        return NOTHING
    fraction = Fraction(abs(coefficient))
    return (
        log10(abs(int(mantissa))) + int(exponent) * log10(2) + log10(fraction.numerator) - log10(fraction.denominator)
    )


def _other_side(judge: Judge, u: Node) -> Iterator[Point]:
    """Points at which u has the sign that it lacks at the first point: a scan along lines, then halving."""
    graph = judge.graph
    inputs = [node for node in graph.cone((u,)) if graph.kinds[node] == 1]
    for number in range(2):
        base = judge.point(number)
        start = {node: base.coordinate(node) for node in inputs}

        def at(coordinates: Mapping[Node, Fraction], base: Point = base) -> tuple[Point, float]:
            point = Point(graph, judge.ranges, POINTS_SEED, base.number, base.scale, dict(coordinates))
            return point, _double_of(point, u)

        here = at(start)[1]
        for node in inputs:
            span = judge.ranges.get(graph.data[node][0][0], Range())
            for exponent in range(-30, 31, 3):
                for sign in (1, -1):
                    step = sign * Fraction(2) ** exponent
                    moved = start[node] + step
                    low = Fraction(0) if graph.data[node][1] is not None and span.low is None else span.low
                    if (low is not None and moved <= low) or (span.high is not None and moved >= span.high):
                        continue
                    point, there = at(start | {node: moved})
                    if (there > 0) != (here > 0) and there == there:
                        yield point
                        yield at(start | {node: _crossing(at, start, node, moved, here)})[0]
                        return


def _crossing(
    at: Callable[[Mapping[Node, Fraction]], tuple[Point, float]],
    start: Mapping[Node, Fraction],
    node: Node,
    moved: Fraction,
    here: float,
) -> Fraction:
    """A coordinate just behind the kink, by halving."""
    near, far = start[node], moved
    for _ in range(20):
        middle = (near + far) / 2
        if (at({**start, node: middle})[1] > 0) == (here > 0):
            near = middle
        else:
            far = middle
    return far


def _double_of(point: Point, node: Node) -> float:
    """One node in double precision, by way of its cone alone."""
    try:
        ball = balls(point, (node,), 64)[node]
    except Undecided:
        return float("nan")
    return float("nan") if ball is None else float(ball.mid())
