"""What speaks against judging by numbers: see docs/verification.md, "The decision", number 4."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import log10
from typing import Any

from derive.verification.crossings import other_side
from derive.verification.graph import FUNCTION, LINEAR, MONOMIAL, NUMBER, Graph, Node
from derive.verification.points import Point

#: The size of zero, as a power of ten.
NOTHING = -1e9
#: A term that is everywhere smaller than this power of ten beside the others of its sum cannot be judged by numbers.
NEGLIGIBLE = -15
#: Rational numbers longer than this hide differences that no point of moderate size shows.
LONG_NUMBER = 10**40
#: Points from which the other side of a kink is looked for.
BASES = 2


class Hazards:
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

    def across(self, point: Callable[[int], Point]) -> Iterator[Point]:
        """Points on both sides of kinks that were seen from one side only.  point : the points tried, by number."""
        for step in self.steps:
            if len(self.seen[step] - {0}) < 2:
                yield from other_side(self.graph.data[step][1][0], map(point, range(BASES)))
        for node in self.maxima:
            operands = self.graph.data[node][1]
            for one in operands:
                for other in operands:
                    if one != other and one not in self.won[node]:
                        yield from other_side(self.graph.subtract(one, other), map(point, range(BASES)))

    def reason(self) -> str:
        if any(share < NEGLIGIBLE for share in self.share.values()):
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
