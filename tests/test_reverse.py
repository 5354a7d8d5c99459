"""The one rule, both ways: adjoints, tangents, Jacobians, second derivatives, and the steps behind each line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from derive import tree as t
from derive.arithmetic import COMPLEXES
from derive.balls import Balls
from derive.checks.steps import check_steps
from derive.errors import UsageError
from derive.evaluate import evaluate
from derive.jacobians import gradient_program
from derive.plain import formula
from derive.program import Program
from derive.step import Derivation
from derive.tracing import trace_tree
from tests.expressions import expressions, points
from tests.thorough import examples

SHEET = "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))"


def by_node(program: Program, point: dict[str, Fraction]) -> dict[str, Fraction]:
    return {node: point[program.label(node)] for node in program.input_names}


def test_the_sheets_adjoints_line_for_line_but_for_the_inverted_fraction() -> None:
    adjoint = derive.reverse(derive.trace(SHEET)).adjoint
    assert [f"{line.name} = {formula(line.tree)}" for line in adjoint] == [
        "vbar_6 = 1",
        "vbar_5 = vbar_6*v_4",
        "vbar_4 = vbar_5 + vbar_6*v_5",
        "vbar_3 = -vbar_4",
        "vbar_2 = vbar_5",
        "vbar_1 = vbar_2*cos(v_1) + vbar_4",
        "vbar_0 = vbar_3*v_3 - vbar_1*(v_-1/v_0^2)",
        "vbar_-1 = vbar_1/v_0",
    ]


@given(expressions(), points(), st.lists(st.integers(-5, 5), min_size=3, max_size=3), st.integers(1, 7))
@settings(max_examples=examples(120), deadline=None)
def test_adjoints_and_tangents_agree_in_their_inner_product(
    tree: t.Tree, point: dict[str, Fraction], direction: list[int], weight: int
) -> None:
    """<ybar, ydot> = <xbar, xdot>, in certified balls."""
    program = trace_tree(tree)
    balls = Balls(300)
    with balls.precision():
        values = evaluate(program, {k: balls.exact(v) for k, v in by_node(program, point).items()}, balls)
        sweep = derive.reverse(program)
        bars = evaluate(sweep.adjoint, values, balls)
        tangent = derive.forward(program)
        seeds = {tangent.names[node]: balls.exact(v) for node, v in zip(program.input_names, direction, strict=False)}
        dots = evaluate(tangent.adjoint, {**values, **seeds}, balls)
        left = weight * dots[tangent.names[program.outputs[0]]]
        right = weight * sum(
            (bars.get(sweep.names[node], 0) * seeds[tangent.names[node]] for node in program.input_names),
            balls.exact(0),
        )
        difference = left - right
        assert difference == 0 or difference.contains(0)


@given(expressions(), points())
@settings(max_examples=examples(120), deadline=None)
def test_the_reverse_sweep_agrees_with_the_complex_step(tree: t.Tree, point: dict[str, Fraction]) -> None:
    program = trace_tree(tree)
    at = {program.label(k): float(v) for k, v in by_node(program, point).items()}
    (gradient,) = derive.jacobian(program, at).values()
    for node in program.input_names:
        label = program.label(node)
        shifted = {
            k: complex(v, 1e-200 if program.label(k) == label else 0) for k, v in by_node(program, point).items()
        }
        slope = evaluate(program, shifted, COMPLEXES, check=False)[program.outputs[0]].imag / 1e-200
        scale = max(1.0, *(abs(v) for v in gradient.values()))
        assert gradient[label] == pytest.approx(slope, rel=1e-9, abs=1e-9 * scale)


@given(expressions(), points())
@settings(max_examples=examples(60), deadline=None)
def test_both_modes_give_the_same_jacobian(tree: t.Tree, point: dict[str, Fraction]) -> None:
    program = trace_tree(tree)
    balls = Balls(300)
    with balls.precision():
        at = {program.label(k): balls.exact(v) for k, v in by_node(program, point).items()}
        (back,) = derive.jacobian(program, at, mode="reverse", F=balls).values()
        (forth,) = derive.jacobian(program, at, mode="forward", F=balls).values()
        for label in back:
            difference = back[label] - forth[label]
            assert difference == 0 or difference.contains(0)


@given(expressions(max_leaves=7), points())
@settings(max_examples=examples(60), deadline=None)
def test_second_derivatives_are_symmetric_and_their_products_agree(tree: t.Tree, point: dict[str, Fraction]) -> None:
    program = trace_tree(tree)
    balls = Balls(400)
    labels = [program.label(node) for node in program.input_names]
    with balls.precision():
        at = {program.label(k): balls.exact(v) for k, v in by_node(program, point).items()}
        hessian = derive.hessian(program, at, F=balls)
        vector = {label: balls.exact(k + 2) for k, label in enumerate(labels)}
        product = derive.hessian_vector_product(program, at, vector, F=balls)
        for a in labels:
            for b in labels:
                difference = hessian[a][b] - hessian[b][a]
                assert difference == 0 or difference.contains(0)
            difference = product[a] - sum((hessian[a][b] * vector[b] for b in labels), balls.exact(0))
            assert difference == 0 or difference.contains(0)


def test_the_hessian_of_a_known_function() -> None:
    hessian = derive.hessian(derive.trace("x^2*y + y^3"), {"x": 2.0, "y": 3.0})
    assert hessian == {"x": {"x": 6.0, "y": 4.0}, "y": {"x": 4.0, "y": 18.0}}


@given(expressions())
@settings(max_examples=examples(80), deadline=None)
def test_the_substeps_of_a_line_lead_exactly_to_the_line(tree: t.Tree) -> None:
    require_steps_that_lead_to_their_lines(trace_tree(tree))


def require_steps_that_lead_to_their_lines(program: Program) -> None:
    for derivation in (derive.reverse(program), derive.forward(program)):
        for step in derivation.steps:
            equation = step.before
            for part in step.substeps:
                assert part.before == equation
                assert part.before.tree != part.after.tree
                equation = part.after
            if step.substeps:
                assert equation.tree == step.after.tree == derivation.adjoint.by_name[step.after.name].tree


#: Names that look like derivatives: whose adjoint is called what depends on the order in which they are named.
DECORATED = ("x_bar", "x_bar_bar", "x_bar_bar_bar", "x_dot", "x_dot_dot", "x_bar_dot", "v", "vbar_1", "vdot_1", "v_1")


@given(st.permutations(DECORATED), st.lists(st.integers(0, 10**6), min_size=2, max_size=6))
@settings(max_examples=examples(60), deadline=None)
def test_adjoints_have_one_name_in_lines_and_steps_whatever_the_author_calls_his_lines(
    names: list[str], draws: list[int]
) -> None:
    known, lines = ["x"], []
    for name, draw in zip(names, draws, strict=False):
        first, second = known[draw % len(known)], known[draw // 7 % len(known)]
        lines.append(f"{name} = {(f'{first}*2', f'sin({first})*{second}', f'{first} - {second}^2')[draw % 3]}")
        known.append(name)
    program = derive.trace("\n".join([*lines, f"out = {' + '.join(known)}"]))
    require_steps_that_lead_to_their_lines(program)
    for derivation in (derive.reverse(program), derive.forward(program)):
        assert all(checked.holds for checked in check_steps(derivation, points=1).values())


def calls(work: Callable[[], Any]) -> int:
    """How many Python functions are called: a measure of work that does not depend on the machine."""
    count = 0

    def look(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("mode", [derive.reverse, derive.forward])
def test_the_steps_of_twice_as_many_lines_take_twice_the_work(mode: Callable[[Program], Derivation]) -> None:
    def steps(count: int) -> Callable[[], Any]:
        def chain(x: Any, y: Any) -> Any:
            constant = derive.sin(3 + 0 * y)  # with lines that no input reaches the constants are looked for too
            for _ in range(count):
                x = derive.sin(x) * constant + y
            return x

        derivation = mode(derive.record(chain))
        return lambda: derivation.steps

    assert calls(steps(400)) < 2.2 * calls(steps(200))


def test_no_step_is_called_differentiate_and_each_rule_has_its_statement() -> None:
    derivation = derive.reverse(derive.trace(SHEET))
    names = {step.rule.name for outer in derivation.steps for step in outer.flat()}
    assert names == {
        "seed",
        "sum over readers",
        "local partial",
        "reuse the primal value",
        "tidy factors and signs",
        "reorder terms",
    }
    for outer in derivation.steps:
        for step in outer.flat():
            assert len(step.rule.statement) > 20 and step.reason


def test_values_at_hand_are_called_by_their_name() -> None:
    adjoint = derive.reverse(derive.trace("sin(x) + cos(x) + exp(x) + tanh(x)")).adjoint
    text = formula(adjoint.by_name["vbar_0"].tree)
    assert "exp" not in text and "cos" not in text and "sin" not in text and "tanh" not in text


def test_an_operand_read_twice_has_one_partial() -> None:
    adjoint = derive.reverse(derive.trace("x*x")).adjoint
    assert formula(adjoint.by_name["vbar_0"].tree) == "vbar_1*2*v_0"


def test_what_the_output_does_not_read_has_adjoint_zero() -> None:
    program = derive.trace("f = x^2\ng = x*y")
    gradient = derive.jacobian(program, {"x": 3.0, "y": 5.0})
    assert gradient == {"f": {"x": 6.0, "y": 0.0}, "g": {"x": 5.0, "y": 3.0}}


def test_several_outputs_have_open_seeds() -> None:
    derivation = derive.reverse(derive.trace("f = x^2\ng = x*y"))
    assert set(derivation.seeds) == {"f_bar_bar", "g_bar_bar"} or set(derivation.seeds) == {"f_bar", "g_bar"}
    assert all(value is None for value in derivation.seeds.values())


def test_an_unknown_output_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean loss"):
        derive.reverse(derive.trace("loss = x^2"), "los")


def test_the_gradient_is_a_program_that_can_be_checked_and_differentiated_again() -> None:
    gradient = gradient_program(derive.reverse(derive.trace(SHEET)))
    gradient.check()
    again = gradient_program(derive.reverse(gradient, gradient.outputs[0]))
    assert len(again) > len(gradient)


@pytest.mark.parametrize("name", ["abs(x)", "relu(x)", "max(x, 0)", "sign(x)"])
def test_derivatives_at_a_kink_follow_the_stated_convention(name: str) -> None:
    expected = {"abs(x)": 0.0, "relu(x)": 0.0, "max(x, 0)": 1.0, "sign(x)": 0.0}
    (row,) = derive.jacobian(derive.trace(name), {"x": 0.0}).values()
    assert row == {"x": expected[name]}


def test_names_of_the_author_are_never_taken_for_adjoints() -> None:
    program = derive.trace("x_bar = x^2\nf = x_bar*x")
    names = derive.reverse(program).names
    assert len(set(names.values()) | set(program.by_name) | set(program.input_names)) == 2 * len(names)


def test_unused_inputs_are_listed_with_gradient_zero() -> None:
    program = derive.trace("x^2", order=("x", "w"))
    (row,) = derive.jacobian(program, {"x": 3.0, "w": 1.0}).values()
    assert row == {"x": 6.0, "w": 0.0}
