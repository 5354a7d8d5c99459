"""Whether two formulas are equal: one node, equal modulo primes, refuted by balls, or equal to 60 digits.

Every verdict "wrong" has a witness: an entry, a point and two certified values that differ there. Nothing is decided by
a tolerance, a time limit or an exception. Source of the procedure: docs/verification.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from math import isfinite
from typing import Any

from derive.verification.decisions import Decision, Pair, Witness
from derive.verification.degrees import chance
from derive.verification.graph import FUNCTION, MONOMIAL, Graph, Node
from derive.verification.hazards import Hazards
from derive.verification.points import BITS, Doubles, Point, Range, Undecided, balls, exact, precision
from derive.verification.residues import Residues

#: Draws that must all agree, and how many are tried to find so many usable ones.
TRIALS, DRAWS = 3, 24
#: Pairs that differ in double precision of which so many are looked at in balls first.
SUSPECTS = 3
#: Points at which a line must agree where residues do not decide, and how many are tried.
POINTS, TRIED = 8, 40
#: Digits to which both sides must agree at each of them.
DIGITS = 60
#: Decimals to which terms must cancel where both sides may be 0.
CANCELLED = 100
#: Points are the same for every seed, which draws residues alone: whether a narrow window is met by luck may not flip
#: a verdict from one run to the next.
POINTS_SEED = 0
SCALES = (Fraction(1), Fraction(1, 16), Fraction(8), Fraction(1, 2))


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

    def decide(self, pairs: Sequence[Pair]) -> Decision:
        """Whether left = right for all (label, left, right)."""
        open_pairs = [pair for pair in pairs if pair[1] != pair[2]]
        if not open_pairs:
            return self._somewhere(pairs, Decision("correct", "proved"))
        for suspect in islice(self._suspects(open_pairs), SUSPECTS):
            witness = self._refuted(suspect, 0)
            if witness is not None:
                return Decision("wrong", "counterexample", witness=witness)
        if all(map(self._is_rational, (node for pair in open_pairs for node in pair[1:]))):
            return self._exactly(open_pairs)
        agreed = self._agreed(open_pairs)
        if agreed is not None:
            return self._somewhere(pairs, agreed)
        return self._by_points(open_pairs)

    def _somewhere(self, pairs: Sequence[Pair], decision: Decision) -> Decision:
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
        cone = graph.cone((node,))
        powers = (power for each in cone if graph.kinds[each] == MONOMIAL for _, power in graph.data[each][0])
        return all(graph.kinds[each] != FUNCTION for each in cone) and all(isinstance(each, int) for each in powers)

    def _exactly(self, pairs: Sequence[Pair]) -> Decision:
        """Rational functions at random rational points: exact, however small the difference is."""
        agreed = self._agreed(pairs)
        if agreed is not None:
            return agreed
        for number in range(TRIED):
            for label, left, right in pairs:
                point = self.point(number)
                one, other = exact(point, left), exact(point, right)
                if one is not None and other is not None and one != other:
                    return Decision("wrong", "counterexample", witness=Witness(label, point, one, other, (left, right)))
        return Decision("undecided", reason="hazard: no point was found where the sides could be told apart")

    def _suspects(self, pairs: Sequence[Pair]) -> Iterator[Pair]:
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

    def elsewhere(self, witness: Witness) -> Iterator[Witness]:
        """Other points at which the same entry has two values."""
        for number in range(2 * POINTS):
            found = self._refuted((witness.label, *witness.nodes), number)
            if found is not None and found.point != witness.point:
                yield found

    def _refuted(self, pair: Pair, number: int) -> Witness | None:
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

    def _agreed(self, pairs: Sequence[Pair]) -> Decision | None:
        """That residues agree at TRIALS usable draws; None where they do not, or too few draws are usable."""
        nodes = [pair[1:] for pair in pairs]
        found = 0
        for trial in range(DRAWS):
            answer = self.residues(trial).agree(nodes)
            if answer is False:
                return None
            found += answer is True
            if found == TRIALS:
                return Decision("correct", "randomised", error=chance(self.graph, nodes, TRIALS))
            if trial >= TRIALS + 3 and not found:
                return None
        return None

    # --- numbers ------------------------------------------------------------------------------------------------------

    def _by_points(self, pairs: Sequence[Pair]) -> Decision:
        """Refute by balls, or agree at POINTS points to DIGITS digits where nothing speaks against that."""
        nodes = [node for _, left, right in pairs for node in (left, right)]
        hazards = Hazards(self.graph, nodes)
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
        for point in hazards.across(self.point):
            found = self._at(point, pairs, hazards)
            if isinstance(found, Witness):
                return Decision("wrong", "counterexample", witness=found)
        reason = hazards.reason()
        if reason or usable < POINTS:
            return Decision("undecided", reason=f"hazard: {reason or 'too few points have values'}", note=note)
        return Decision("correct", "numerical", note=note)

    def _at(self, point: Point, pairs: Sequence[Pair], hazards: Hazards) -> Witness | str:
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
