"""The second evaluator: tapes have the values of formulas, differences those of the sweep, and bugs convict nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from derive.reading.latex.rows import read_work
from derive.verification import differentiating, points
from derive.verification.choosing import models
from derive.verification.confirming import UNCONFIRMED, replay
from derive.verification.deciding import Judge
from derive.verification.graph import ELEMENTWISE, INPUT, LINEAR, NAMED, Graph, Node, Rational
from derive.verification.judging import Judging
from derive.verification.library import catalogue_names
from derive.verification.model import Model
from derive.verification.points import BITS, balls
from derive.verification.problems import load_problem, read_problem
from derive.verification.replays import DIGITS, Replay, depth
from derive.verification.shaped import Shaped
from derive.verification.statements import pairs
from derive.verification.tapes import Tape
from derive.verification.verdicts import Verdict, of_decision
from tests.scalar_formulas import Close, Formula, context, formulas, inputs, value, written

MP = context(60)

#: What a tape takes over from a graph: how to walk along it, and what is spelled by its own operations.
SHARED = {"operands", "cone", "plain", "value"}


def played(formula: Formula, number: int) -> tuple[Replay, Tape, list[Node], Node]:
    """A formula on a tape, at one of the points of a graph with the same inputs."""
    tape, graph = Tape(), Graph()
    nodes = inputs(tape)
    point = Judge(graph).point(number)
    places = {graph.data[node]: node for node in inputs(graph)}
    play = Replay(tape, lambda data: point.coordinate(places[data]), point.waves)
    return play, tape, nodes, written(formula, tape, nodes)


def test_a_tape_has_its_own_of_everything() -> None:
    public = {name for name, what in vars(Graph).items() if callable(what) and not name.startswith("_")}
    assert public - set(vars(Tape)) == SHARED


@settings(deadline=None)
@given(formulas(), st.integers(0, 3))
def test_a_tape_has_the_value_of_a_formula(formula: Formula, number: int) -> None:
    try:
        play, tape, nodes, node = played(formula, number)
        coordinates = [play.coordinate(tape.data[each]) for each in nodes]
        wanted = value(formula, coordinates, MP)
    except (Close, ArithmeticError):
        assume(False)
    found = play.value(node)
    if wanted is None:
        assume(found is not None)  # the tape knows 0 * u = 0 without a value of u
        return
    assert abs(found - wanted) <= (1 + abs(wanted)) * MP.mpf(10) ** -(DIGITS // 2)


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_every_function_of_a_work_is_on_tapes(name: str) -> None:
    """By its own formula: the graph spells sigmoid, tanh and the like through exp."""
    graph = Graph()
    node = graph.call(name, graph.input(("x0",), 1))
    point = Judge(graph).point(1)  # small: inside the domain of asin
    tape = Tape()
    play = Replay(tape, lambda data: point.coordinate(graph.input(*data)), point.waves)
    ball = balls(point, (node,), BITS[0])[node]
    found = play.value(tape.call(name, tape.input(("x0",), 1)))
    assert abs(float(ball.mid()) - float(found)) <= 1e-12 * abs(float(ball.mid()))


# --- derivatives ------------------------------------------------------------------------------------------------------


def named(model: Model) -> dict[str, Shaped]:
    """All arrays of a model, members of families one by one."""
    found = dict(model.arrays)
    for name, members in model.families.items():
        found |= {f"{name}[{index}]": member for index, member in members.items()}
    return found


@pytest.mark.parametrize("name", catalogue_names())
def test_the_sweep_of_every_problem_has_the_differences_of_its_forward_equations(name: str) -> None:
    """The first and the last entry of every array; of problems without a loss those of every quantity worked out."""
    model = models(load_problem(name))[0]
    taped = Model(model.problem, model.sizes, model.seed, graph=Tape())
    graph, tape = model.graph, taped.graph
    point = model.judge.point(0)
    arrays, again = named(model), named(taped)
    loss, other = model.loss_node(), taped.loss_node()
    tops = [(loss, other)] if loss is not None and other is not None else [
        (arrays[each].nodes[0], again[each].nodes[0]) for each in arrays
        if arrays[each].nodes and graph.kinds[arrays[each].nodes[0]] == NAMED
    ]  # fmt: skip
    compared = 0
    for top, second in tops:
        adjoint, slopes = model.adjoints(top), taped.adjoints(second)
        for each, array in arrays.items():
            for k in {0, len(array.nodes) - 1} if array.nodes else ():
                by, again_by = array.nodes[k], again[each].nodes[k]
                if graph.kinds[by] not in (INPUT, NAMED) or by == top:
                    continue
                swept = adjoint.get(by, graph.zero)
                difference = slopes.get(again_by, tape.zero)
                play = replay(taped, model, point, (difference,))
                ball = balls(point, (swept,), BITS[0])[swept]
                found = play.value(difference)
                assert (ball is None) == (found is None), (each, k)
                if ball is not None:
                    wanted = float(ball.mid())
                    assert abs(wanted - float(found)) <= 1e-13 * abs(wanted) + 1e-25, (each, k, wanted, float(found))
                    compared += wanted != 0
    assert compared >= 2


@settings(deadline=None)
@given(formulas(kinks=False, leaves=5), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
def test_differences_of_differences_have_the_slopes_of_the_sweep(
    formula: Formula, number: int, first: int, second: int
) -> None:
    graph = Graph()
    at = inputs(graph)
    try:
        play, tape, nodes, node = played(formula, number)
        # the sweep gives log(x) a slope where x < 0, of which a difference knows nothing
        assume(value(formula, [play.coordinate(tape.data[each]) for each in nodes], MP) is not None)
        top = written(formula, graph, at)
        once = differentiating.adjoints(graph, top).get(at[first], graph.zero)
        twice = differentiating.adjoints(graph, once).get(at[second], graph.zero)
        ball = balls(Judge(graph).point(number), (twice,), BITS[0])[twice]
    except (Close, ArithmeticError):
        assume(False)
    assume(ball is not None and abs(float(ball.mid())) < 1e6)
    slope = tape.slopes(tape.slopes(node).get(nodes[first], tape.zero)).get(nodes[second], tape.zero)
    assert depth(tape, (slope,)) <= 2
    found = play.value(slope)
    assert found is not None
    assert abs(float(ball.mid()) - float(found)) <= 1e-9 * (1 + abs(float(ball.mid())))


# --- bugs of the first evaluator --------------------------------------------------------------------------------------


class LostSign(Graph):
    """-u is u."""

    def negate(self, node: Node) -> Node:
        return node


class Bracket(Graph):
    """-(u + c) is -u + c."""

    def linear(self, parts: Iterable[tuple[Rational, Node]]) -> Node:
        found = list(parts)
        lost = [(2 * c * self.data[u][0], self.one) for c, u in found if self.kinds[u] == LINEAR and c < 0]
        return super().linear([*found, *((-c, one) for c, one in lost)])


class Squared(Graph):
    """(c u)^n is c u^n."""

    def monomial(self, parts: Iterable[tuple[Node, Rational]]) -> Node:
        found = []
        number: Rational = 1
        for node, exponent in parts:
            if self.kinds[node] == LINEAR and not self.data[node][0] and len(self.data[node][1]) == 1:
                ((node, coefficient),) = self.data[node][1]
                number *= coefficient
            found.append((node, exponent))
        product = super().monomial(found)
        return product if number == 1 else self.linear(((number, product),))


class Turned(Graph):
    """u > v is v > u."""

    def compare(self, operator: str, left: Node, right: Node) -> Node:
        return super().compare(operator, right, left)


PROBLEM = """
title = "One loss"
loss = "L"
equations = ["y = a x^2 + \\\\sin x", "L = y^2 - b y + \\\\max(x, b)"]
[names]
a = { shape = [] }
b = { shape = [] }
x = { shape = [] }
y = { shape = [] }
"""

SLOPE = r"\frac{dL}{dx} = (2 y - b)(2 a x + \cos x) + [x > b]"


@lru_cache(maxsize=1)
def problem() -> Any:
    return read_problem(PROBLEM)


def judged(text: str, graph: Callable[[], Graph] = Graph) -> tuple[Verdict, Verdict, Verdict]:
    """Of a row: what the first evaluator decides on its graph, what is left of that, and what is said in the end."""
    judging = Judging(problem(), prepared=[Model(problem(), {}, graph=graph())])
    (model,) = judging.models
    (row,) = read_work(text, ".tex", problem().vocabulary)
    (statement,) = row.statements
    left, right = statement.head, statement.links[0].tree
    assert left is not None
    decided = of_decision(model.judge.decide(pairs(left, right, (), model)), model)
    return decided, judging.comparing.confirmed(decided, left, right, ()), judging.judge([row])[0].verdict


def assert_convicts_nobody(text: str, graph: Callable[[], Graph] = Graph) -> None:
    decided, left, said = judged(text, graph)
    assert decided.verdict == "wrong", "the bug does not show"
    assert (left.verdict, left.reason) == ("undecided", UNCONFIRMED)
    assert said.verdict == "correct" or said.reason == UNCONFIRMED


@pytest.mark.parametrize(
    "graph, text",
    [
        (LostSign, r"\frac{dL}{dy} = -(b - 2 y)"),
        (Bracket, r"y^2 - (y + 1) = y^2 - y - 1"),
        (Bracket, r"\frac{dL}{dy} = y - (b + 1) + y + 1"),
        (Squared, r"(2 y)^2 - (2 b)^2 = 4 y^2 - 4 b^2"),
        (Turned, SLOPE),
        (Turned, r"\max(y, 0) = y [y > 0]"),
    ],
)
def test_a_bug_of_the_graph_convicts_nobody(graph: type[Graph], text: str) -> None:
    assert judged(text)[2].verdict == "correct"
    assert_convicts_nobody(text, graph)


@pytest.mark.parametrize("name, factor", [("sin", 2), ("sin", -1)])
def test_a_bug_of_the_sweep_convicts_nobody(monkeypatch: pytest.MonkeyPatch, name: str, factor: int) -> None:
    right = differentiating._PARTIALS[name]
    monkeypatch.setitem(differentiating._PARTIALS, name, lambda g, u, v: g.linear(((factor, right(g, u, v)),)))
    assert_convicts_nobody(SLOPE)


def test_a_bug_of_the_enclosures_convicts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Balls of powers that are off by a part in a million."""
    right = points._power

    def off(base: Any, exponent: Any, number: Any) -> Any:
        return right(base, exponent, number) * number(Fraction(1_000_001, 1_000_000))

    monkeypatch.setattr(points, "_power", off)
    monkeypatch.setattr(Judge, "_agreed", lambda judge, pairs: None)  # so that points decide
    assert_convicts_nobody(r"\sin(\sqrt{a^4 + 1})^2 = 1 - \cos(\sqrt{a^4 + 1})^2")


@pytest.mark.parametrize(
    "text",
    [
        r"\frac{dL}{dy} = 2 y + b",
        r"\frac{dL}{dx} = (2 y - b)(2 a x - \cos x) + [x > b]",
        r"\frac{dL}{dx} = (2 y - b)(2 a x + \cos x) + [x < b]",
        r"L = y^2 - b y + \min(x, b)",
        r"x + 10^{-300} x^2 = x",
        r"e^{x} = e^{x} + 10^{-40}",
        r"\frac{d^2 L}{dy^2} = 2 y",
        *(rf"\frac{{d}}{{d{name}}} \log {name} = \frac{{2}}{{{name}}}" for name in "abxy"),
    ],
)
def test_what_is_wrong_is_confirmed(text: str) -> None:
    *_, said = judged(text)
    assert said.verdict == "wrong"
    assert said.confirmed.startswith("mpmath, ")
