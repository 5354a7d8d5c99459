"""The graph of scalars: what it simplifies has the value of the formula as it stands, and so have its derivatives."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from derive.verification import residues
from derive.verification.deciding import Judge
from derive.verification.degrees import STEPS, degree_of
from derive.verification.graph import ELEMENTWISE, INPUT, NAMED, Graph, Node, UndefinedNode
from derive.verification.points import BITS, Point, Undecided, balls
from tests.scalar_formulas import FUNCTIONS, Close, Formula, context, formulas, inputs, value, written

MP = context(60)


def enclosed(point: Point, node: Node) -> Any:
    """The ball of a node, None where it has no value."""
    for bits in BITS:
        try:
            return balls(point, (node,), bits)[node]
        except Undecided:
            continue
    raise Close


def holds(ball: Any, found: Any) -> bool:
    """Whether a ball and a number of 60 digits may be one value."""
    middle, exponent = ball.mid().man_exp()
    gap = abs(MP.ldexp(int(middle), int(exponent)) - found)
    return bool(gap <= MP.mpf(str(ball.rad().upper()).strip("[]").split(" +/- ")[0]) + (1 + abs(found)) / 10**25)


def test_the_examples_use_every_function() -> None:
    twins = {"ln": "log", "sgn": "sign", "csch": "sinh", "cot": "tan", "sec": "cos", "csc": "sin"}
    assert {twins.get(name, name) for name in ELEMENTWISE} == set(FUNCTIONS)


@settings(deadline=None)
@given(formulas(), st.integers(0, 3))
@example(("sqrt", ("^", ("x", 0), 2)), 0)
@example(("sqrt", ("^", ("x", 0), 2)), 1)
@example(("^", ("sqrt", ("x", 2)), 2), 0)
@example(("sqrt", ("*", ("x", 0), ("x", 1))), 0)
@example(("log", ("*", ("x", 0), ("x", 1))), 0)
@example(("*", ("heaviside", ("-", ("n", Fraction(0)), ("x", 0))), ("heaviside", ("x", 0))), 1)
@example(("heaviside", ("*", ("x", 0), ("heaviside", ("x", 0)))), 2)
@example(("^", ("*", ("n", Fraction(-2)), ("x", 0)), -2), 0)
@example(("max", ("max", ("x", 0), ("x", 1)), ("n", Fraction(1))), 3)
def test_a_node_has_the_value_of_its_formula(formula: Formula, number: int) -> None:
    graph = Graph()
    at = inputs(graph)
    point = Judge(graph).point(number)
    coordinates = [point.coordinate(node) for node in at]
    try:
        wanted = value(formula, coordinates, MP)
        assume(wanted is not None)
        node = written(formula, graph, at)
        found = enclosed(point, node)
    except Close:
        assume(False)
    assert found is not None, "the graph lost a value that the formula has"
    assert holds(found, wanted)


@settings(deadline=None)
@given(formulas(), st.randoms(use_true_random=False))
def test_the_order_of_terms_and_factors_leads_to_the_same_node(formula: Formula, rng: random.Random) -> None:
    graph = Graph()
    at = inputs(graph)
    try:
        node = written(formula, graph, at)
    except UndefinedNode:
        return
    assert written(turned(formula, rng), graph, at) == node


def turned(formula: Formula, rng: random.Random) -> Formula:
    """The operands of sums, products, max and min in another order."""
    if formula[0] in ("x", "n"):
        return formula
    operands = [turned(each, rng) if isinstance(each, tuple) else each for each in formula[1:]]
    if formula[0] in ("+", "*", "max", "min") and rng.random() < 0.5:
        operands.reverse()
    return (formula[0], *operands)


@settings(deadline=None)
@given(formulas(kinks=False, leaves=6), st.integers(0, 2), st.integers(0, 2))
@example(("asin", ("/", ("x", 2), ("n", Fraction(4)))), 2, 0)
@example(("erf", ("*", ("x", 0), ("x", 1))), 1, 0)
@example(("^", ("sqrt", ("x", 2)), 3), 2, 0)
def test_the_sweep_has_the_slope_of_the_formula(formula: Formula, by: int, number: int) -> None:
    """Against central differences of the formula as it stands, at 60 digits and a step of 1e-20."""
    from derive.verification.differentiating import adjoints

    graph = Graph()
    at = inputs(graph)
    point = Judge(graph).point(number)
    step = Fraction(1, 10**20)
    try:
        ends = []
        for sign in (1, -1):
            coordinates = [point.coordinate(node) + sign * step * (k == by) for k, node in enumerate(at)]
            ends.append(value(formula, coordinates, MP))
        assume(None not in ends)
        wanted = (ends[0] - ends[1]) / (2 * MP.mpf(10) ** -20)
        assume(abs(wanted) < 10**8)
        node = written(formula, graph, at)
        found = enclosed(point, adjoints(graph, node).get(at[by], graph.zero))
    except (Close, UndefinedNode):  # sqrt(x - x) has a value and no slope
        assume(False)
    assert found is not None
    assert abs(float(found.mid()) - float(wanted)) <= 1e-9 * (1 + abs(float(wanted)))


@pytest.mark.parametrize("kind", ["NUMBER", "LINEAR", "MONOMIAL", "FUNCTION"])
def test_what_is_released_is_forgotten(kind: str) -> None:
    graph = Graph()
    x, y, z = inputs(graph)
    mark = len(graph)
    made = {
        "NUMBER": lambda: graph.number(Fraction(22, 7)),
        "LINEAR": lambda: graph.add(x, y),
        "MONOMIAL": lambda: graph.multiply(x, y, z),
        "FUNCTION": lambda: graph.call("tanh", x),
    }[kind]
    before = made()
    graph.release(mark)
    assert len(graph) == mark
    assert made() == before
    assert all(graph.kinds[node] in (INPUT, NAMED) for node in (x, y, z))


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=5), st.integers(1, 4))
def test_the_degree_of_a_polynomial_is_not_bounded_too_low(coefficients: list[int], power: int) -> None:
    graph = Graph()
    x, *_ = inputs(graph)
    terms = [(c, graph.power(x, graph.number(k + 1))) for k, c in enumerate(coefficients)]
    sum_ = graph.linear([(1, graph.one), *terms])
    true = power * max((k + 1 for k, c in enumerate(coefficients) if c), default=0)
    assert degree_of(graph, [graph.power(sum_, graph.number(power))]) >= true


@given(st.integers(1, 10**6))
def test_the_degree_of_an_exponential_grows_with_its_coefficient(coefficient: int) -> None:
    """exp(c m) is the power c STEPS of one residue."""
    graph = Graph()
    x, *_ = inputs(graph)
    assert STEPS == residues._STEPS
    assert degree_of(graph, [graph.exp(graph.linear(((coefficient, x),)))]) >= coefficient * STEPS


def test_the_degree_of_a_third_root_is_that_of_its_atom() -> None:
    graph = Graph()
    x, *_ = inputs(graph)
    assert degree_of(graph, [graph.power(x, graph.number(Fraction(2, 3)))]) >= 2 * STEPS / 3
