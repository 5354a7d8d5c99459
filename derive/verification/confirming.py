"""A row is called wrong only after a second evaluator found the same: a Tape in mpmath beside the Graph in balls.

The two share the reader, and what a tree means at concrete sizes: its indices, sums and shapes
(`derive.verification.meaning`). They share no rule of arithmetic: not what the graph simplifies, not the sweep that
differentiates on it, not the library that encloses values. Of a counterexample both values are worked out again, at the
witness's sizes, entry and point, and must lie in the witness's balls, each widened by a thousandth of the distance
between them. Derivatives by inputs and named values are differences of replays; where only its upstream gradients tell
the loss, those of sum(G * Y) with the witness's G. A clash of shapes, which has no values, must come again where
nothing is simplified.

What an earlier wrong row is taken for (adjoints and partials as it has them) never stands behind a row called wrong:
rows that build on it are "carried", and not charged. A tape refuses such stated adjoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from derive import tree as t
from derive.errors import DeriveError
from derive.tree import Tree
from derive.verification.decisions import Witness
from derive.verification.definitions import define
from derive.verification.dummies import bind
from derive.verification.graph import INPUT, Node
from derive.verification.model import Model
from derive.verification.points import BITS, Point
from derive.verification.replays import Replay, depth
from derive.verification.shaped import OutsideFamily, ShapeClash, Unjudged
from derive.verification.statements import instance_pairs, instances, pairs
from derive.verification.tapes import Tape

#: A value is confirmed in its ball, widened by one part of so many of the distance to the other side's.
PARTS = 1000
#: Sides that differ by less than 10^-digits are not told apart if that takes more digits times operations than this.
FINEST = 500_000
#: Points at which sides must be equal that a row calls unequal, and to how many digits.
POINTS, DIGITS = 2, 20
#: What is said of a row that one evaluator alone finds wrong.
UNCONFIRMED = "unconfirmed: a second evaluator does not find the same"

#: What ends in "not confirmed". UndefinedNode is an ArithmeticError; a tape refuses stated adjoints by a ValueError.
_FAILURES = (Unjudged, ShapeClash, OutsideFamily, DeriveError, ArithmeticError, ValueError, RecursionError)

#: A definition of the work: left side, right side, conditions.
Definition = tuple[t.Name | t.Subscript, Tree, tuple[Tree, ...]]


class Second:
    """The second evaluator of one work; each method says in words what it confirms with, or None where it does not.

    definitions : what the rows so far define, in that order.
    """

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self.definitions = definitions

    def differ(
        self, model: Model, witness: Witness, left: Tree, right: Tree, conditions: tuple[Tree, ...]
    ) -> str | None:
        """A counterexample: both sides have the values there that the witness has."""
        try:
            made = self._taped(model, (left, right))
            entry = _entry(made, witness.label, left, right, conditions)
            return None if entry is None else _same(made, model, witness, entry)
        except _FAILURES:
            return None

    def equal(self, model: Model, left: Tree, right: Tree, conditions: tuple[Tree, ...]) -> str | None:
        """Sides that may not be equal: they are, at all entries and a few points."""
        try:
            made = self._taped(model, (left, right))
            found = pairs(left, right, conditions, made)
            nodes = [node for _, one, other in found for node in (one, other)]
            for number in range(POINTS):
                play = replay(made, model, model.judge.point(number), nodes)
                for _, one, other in found:
                    first, second = play.value(one), play.value(other)
                    if first is None or second is None:
                        return None
                    if abs(first - second) > (1 + abs(first) + abs(second)) / 10**DIGITS:
                        return None
        except _FAILURES:
            return None
        return play.name

    def never(self, model: Model, relation: t.Indicator, conditions: tuple[Tree, ...]) -> str | None:
        """A relation that never holds: it does not, at all entries and a few points."""
        return self.equal(model, relation, t.Number("0"), conditions)

    def number(self, model: Model, tree: Tree, true: Any, printed: Fraction) -> str | None:
        """The true value beside which a printed number is wrong."""
        witness = Witness((), model.judge.point(0), true, printed, (model.graph.zero, model.graph.zero))
        try:
            made = self._taped(model, (tree,))
            return _same(made, model, witness, (made.meaning.node(tree, {}),))
        except _FAILURES:
            return None

    def clash(self, model: Model, trees: Sequence[Tree], build: Callable[[Model], object]) -> str | None:
        """Shapes that do not go together: the same `build` fails of the same where nothing is simplified."""
        try:
            build(self._taped(model, trees))
        except ShapeClash:
            return "met again without simplification"
        except _FAILURES:
            return None
        return None

    def _taped(self, model: Model, trees: Sequence[Tree]) -> Model:
        """The model on a tape: same problem and sizes, what the work defines, names that the trees bind."""
        turn = model.turn if model.is_hot else None
        made = Model(model.problem, model.sizes, model.seed, model.numbers, turn=turn, graph=Tape())
        for head, right, conditions in self.definitions:
            define(head, right, conditions, made)
        bind(trees, made)
        return made


def replay(made: Model, model: Model, point: Point, nodes: Sequence[Node], fine: int = 0) -> Replay:
    """A taped model at a point of the model that it stands beside: inputs are matched by what they are.

    nodes : what will be asked for.  fine : further digits, where what is to be told apart differs by so little.
    """
    assert isinstance(made.graph, Tape)
    graph = model.graph
    places = {graph.data[node]: node for node, kind in enumerate(graph.kinds) if kind == INPUT}

    def coordinate(data: tuple[Any, ...]) -> Fraction:
        if data not in places:
            raise Unjudged(f"the point has no coordinate for {data[0]}")
        return point.coordinate(places[data])

    return Replay(made.graph, coordinate, point.waves, depth(made.graph, nodes), fine)


def _entry(
    made: Model, label: tuple[int, ...], left: Tree, right: Tree, conditions: tuple[Tree, ...]
) -> tuple[Node, Node] | None:
    """Both sides of one entry; rows of which other entries have no meaning may have this one."""
    try:
        found = pairs(left, right, conditions, made)
    except Unjudged:
        chosen = [each for each in instances((left, right), conditions, made) if each.at == label[: len(each.at)]]
        found = [pair for each in chosen for pair in instance_pairs(left, right, conditions, each, made)]
    return next(((one, other) for at, one, other in found if at == label), None)


def _same(made: Model, model: Model, witness: Witness, nodes: Sequence[Node]) -> str | None:
    """Whether the nodes have the witness's values, the first of them or both."""
    fine = _finer(witness.left, witness.right)
    if fine * len(made.graph.cone(nodes)) > FINEST:
        return None
    play = replay(made, model, witness.point, nodes, fine)
    sides = [_ball(play.mp, value) for value in (witness.left, witness.right)]
    part = _distance(sides) / PARTS
    for node, (middle, radius) in zip(nodes, sides, strict=False):
        found = play.value(node)
        if found is None or abs(found - middle) > radius + part:
            return None
    return play.name


def _finer(one: Any, other: Any) -> int:
    """How many digits it takes to tell two values apart; more than there are where they are not."""
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        ratio = (abs(one) + abs(other)) / abs(one - other)
        return (ratio.numerator.bit_length() - ratio.denominator.bit_length()) * 3 // 10 + 1
    from mpmath import MPContext  # as in a replay

    mp = MPContext()
    mp.prec = 2 * BITS[-1]
    sides = [_ball(mp, value) for value in (one, other)]
    apart = _distance(sides)
    return int(mp.log10(sum(abs(middle) for middle, _ in sides) / apart)) + 1 if apart > 0 else FINEST + 1


def _distance(balls: Sequence[tuple[Any, Any]]) -> Any:
    (one, first), (other, second) = balls
    return abs(one - other) - first - second


def _ball(mp: Any, value: Any) -> tuple[Any, Any]:
    """Middle and radius of a ball or a fraction, in mpmath."""
    if isinstance(value, Fraction):
        return mp.mpf(value.numerator) / value.denominator, mp.mpf(0)
    middle, radius = (part.man_exp() for part in (value.mid(), value.rad()))
    return mp.ldexp(int(middle[0]), int(middle[1])), mp.ldexp(int(radius[0]), int(radius[1]))
