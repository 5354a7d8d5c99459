"""Checks: they hold for right gradients, fail for planted mistakes, and say so where they cannot decide."""

from __future__ import annotations

import dataclasses
import re
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive.adjoints import reverse
from derive.checks.certified import certified_digits
from derive.checks.differences import _extrapolated, central_difference, complex_step
from derive.checks.report import DEFAULT, CheckReport, check
from derive.checks.steps import check_steps
from derive.display import point_of
from derive.errors import DomainError, UsageError, WorkLimitError
from derive.evaluate import evaluate
from derive.program import Elementary, Equation, Program
from derive.tangents import forward
from derive.tracing import trace, trace_tree
from derive.worked import point, work_out
from tests.expressions import expressions, points

SHEET = "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))"

#: Function -> a point inside its domain.
FUNCTIONS = {
    SHEET: "x1=1.5,x2=0.5",
    "ln(x1*x2) + x1/x2": "x1=3,x2=2",
    "tanh(w*x + b)": "w=1/2,x=-3,b=pi/4",
    "x^3*y - 2*y^(1/2) + x^y": "x=1.5,y=2.5",
    "asin(x)*acos(y) + atan(x*y)": "x=0.3,y=-0.4",
    "sinh(x)/cosh(y) + tan(x - y)": "x=0.7,y=1.1",
    "sqrt(x^2 + y^2)*erf(x)": "x=3,y=4",
    "sigmoid(x)*softplus(y)*relu(z)": "x=0.2,y=-1,z=2",
    "abs(x) + sign(y)*x + max(x, y) - min(x*y, z)": "x=-1,y=2,z=0.5",
    "x*x*x - (x*y - z) + (w + x*y - z)": "x=2,y=3,z=5,w=7",
}


def planted(text: str, name: str, slot: int, wrong: Any) -> Program:
    """The program of a text, in which the row `name` has another partial."""
    program = trace(text)

    def changed(line: Equation) -> Equation:
        row, operands = line.source
        if row.name != name:
            return line
        partials = tuple(wrong if k == slot else partial for k, partial in enumerate(row.partials))
        return Equation(line.name, Elementary(dataclasses.replace(row, partials=partials), operands))

    assert any(line.source.operation.name == name for line in program)
    return dataclasses.replace(program, equations=tuple(map(changed, program.equations)))


@pytest.mark.parametrize(("text", "at"), FUNCTIONS.items())
def test_all_checks_hold_for_right_gradients(text: str, at: str) -> None:
    report = check(text, at, against="all")
    assert report.passed
    assert [result.verdict for result in report.results] == ["holds"] * 5, str(report)
    assert report.by_name["certified"].digits >= 13  # type: ignore[operator]


@pytest.mark.parametrize(("text", "at"), FUNCTIONS.items())
@pytest.mark.parametrize("mode", [reverse, forward])
def test_every_step_of_ten_functions_holds(text: str, at: str, mode: Any) -> None:
    derivation = mode(trace(text))
    checked = check_steps(derivation, work_out(derivation.primal, point_of(at)).at)
    assert len(checked) >= len(derivation.adjoint)
    for step in (inner for top in (*derivation.primal.steps, *derivation.steps) for inner in top.flat()):
        assert checked[step].holds and checked[step].points == 3, (step, checked[step])
        assert checked[step].largest_error < 1e-60


PLANTED = [
    ("sin(x)*y", "sin", 0, lambda F, u, v: F.sin(u)),
    ("exp(x/y)*y", "div", 1, lambda F, u, w, v: -(w / F.power(u, 2))),
    ("exp(x/y)*y", "div", 1, lambda F, u, w, v: u / F.power(w, 2)),
    ("x*y + y", "mul", 0, lambda F, u, w, v: u),
    ("x - y*x", "sub", 1, lambda F, u, w, v: 1),
    ("tanh(x*y)", "tanh", 0, lambda F, u, v: 1 - v),
    ("sqrt(x)*y", "sqrt", 0, lambda F, u, v: 1 / v),
    ("sigmoid(x + y)", "sigmoid", 0, lambda F, u, v: v * (1 + v)),
    ("x^3 + y", "pow", 0, lambda F, u, w, v: F.power(u, 2)),
    ("relu(x) + y", "relu", 0, lambda F, u, v: 0),
    ("log(x)*exp(y)", "exp", 0, lambda F, u, v: v * F.exp(F.power(10, -7))),
]


@pytest.mark.parametrize(("text", "name", "slot", "wrong"), PLANTED)
def test_a_wrong_partial_is_caught_by_every_check(text: str, name: str, slot: int, wrong: Any) -> None:
    program = planted(text, name, slot, wrong)
    small = name == "exp" and text.startswith("log")  # an error of 1e-7: below what differences resolve
    caught = ("steps", "complex-step", "torch") + (() if small else ("differences",))
    assert check(trace(text), "x=0.7,y=0.4", against=caught).passed
    report = check(program, "x=0.7,y=0.4", against=caught)
    assert not report.passed
    assert {result.name: result.passed for result in report.results} == dict.fromkeys(caught, False), str(report)


#: Points at which the derivative is 0, or at which doubles lose it; every one of these partials is wrong there.
PLANTED_WHERE_DOUBLES_ARE_BLIND = [
    ("cos(x)", "x=0", "cos", 0, lambda F, u, v: F.cos(u)),
    ("x^3 + y", "x=0,y=1", "pow", 0, lambda F, u, w, v: 1 - u),
    ("x^3*y", "x=0,y=1", "pow", 0, lambda F, u, w, v: F.power(10, -9)),
    ("x*y", "x=2,y=0", "mul", 0, lambda F, u, w, v: u),
    ("sigmoid(x)", "x=40", "sigmoid", 0, lambda F, u, v: v * (1 + v)),
    ("sigmoid(x)", "x=40", "sigmoid", 0, lambda F, u, v: 2 * v * (1 - v)),
    ("tanh(w*x)", "w=5,x=4", "tanh", 0, lambda F, u, v: 1 - v),
    ("softplus(x) - x", "x=40", "softplus", 0, lambda F, u, v: F.power(F.sigmoid(u), 2)),
    ("sqrt(x^2 + 1) - x", "x=1e10", "sqrt", 0, lambda F, u, v: 1 / (2 * v + F.power(10, -12))),
    ("(x + y)/(x - y)", "x=1e-20,y=3e-20", "div", 1, lambda F, u, w, v: u / F.power(w, 2)),
    (
        "x^3*1e250 + sin(x)",
        "x=0",
        "sin",
        0,
        lambda F, u, v: F.sin(u),
    ),  # differences of 1e95 hide an error of 1 at first
]


@pytest.mark.parametrize(("text", "at", "name", "slot", "wrong"), PLANTED_WHERE_DOUBLES_ARE_BLIND)
def test_a_wrong_partial_is_caught_at_zero_derivatives_and_where_doubles_lose_digits(
    text: str, at: str, name: str, slot: int, wrong: Any
) -> None:
    assert check(trace(text), at, against="all").passed
    caught = ("torch", "differences", "complex-step")
    report = check(planted(text, name, slot, wrong), at, against=caught)
    assert {result.name: result.passed for result in report.results} == dict.fromkeys(caught, False), str(report)
    assert all((result.precise or 0) > 0 for result in report.results)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("x^3", "x=0"),
        ("x^2*0", "x=3"),
        ("cos(x)", "x=0"),
        ("sin(x)^3", "x=0"),
        ("x^0", "x=2"),
        ("x*y*z", "x=0,y=0,z=0"),
        ("x*y - x*y", "x=3,y=7"),
    ],
)
def test_a_derivative_of_zero_holds_with_an_error_of_zero(text: str, at: str) -> None:
    report = check(text, at, against="all")
    assert [result.verdict for result in report.results] == ["holds"] * 5, str(report)
    for name in ("torch", "differences", "complex-step"):
        assert report.by_name[name].text == "largest relative error 0"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("sigmoid(x)", "x=40"),
        ("tanh(w*x)", "w=5,x=4"),
        ("softplus(x) - x", "x=40"),
        ("sqrt(x^2 + 1) - x", "x=1e10"),
        ("1/(sqrt(x)^2 - x + 1)", "x=2"),
        ("sin(x) + 2", "x=pi/2"),
        ("(x + y)/(x - y)", "x=0,y=3e-20"),
    ],
)
def test_digits_that_doubles_lose_are_a_remark_and_no_failure(text: str, at: str) -> None:
    report = check(text, at, against="all")
    assert [result.verdict for result in report.results] == ["holds"] * 3 + ["lost", "holds"], str(report)
    assert report.passed and report.by_name["certified"].passed is None and report.by_name["certified"].digits == 0
    assert re.fullmatch(r"doubles lose all digits of d\w/d\w", report.by_name["certified"].text)
    noted = [result for result in report.results if re.search("agrees in (616|1387|2774)-digit", result.reason)]
    assert noted and all(result.precise is not None and result.precise < 1e-14 for result in noted)


def test_the_error_in_doubles_stays_in_the_data_beside_that_of_more_digits() -> None:
    data = check("sigmoid(x)", "x=40", against="complex-step").as_data()["complex_step"]
    assert data["passed"] and data["max_relative_error"] == 1.0 and 0 < data["high_precision_error"] < 1e-60


def test_steps_are_as_small_as_the_point_asks_for() -> None:
    result = check("(x + y)/(x - y)", "x=1e-20,y=3e-20").by_name["differences"]
    assert result.passed and (result.error or 0) < 1e-8 and not result.reason
    # and not smaller than the function shows anything at
    assert (check("exp(x)", "x=1e-20").by_name["differences"].error or 0) < 1e-8


def test_without_flint_a_disagreement_of_doubles_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flint", None)
    report = check(planted("sin(x)", "sin", 0, lambda F, u, v: F.sin(u)), "x=0.5", against="complex-step")
    assert not report.passed and "python-flint" in report.by_name["complex-step"].reason
    assert check("sin(x)", "x=0.5", against="complex-step").passed


def test_a_function_without_inputs_has_nothing_to_hold() -> None:
    for target in ("sin(1) + 2", trace("sin(1) + 2"), work_out(trace("sin(1) + 2"))):
        report = check(target, against="all")
        assert report.passed
        assert {(result.verdict, result.text) for result in report.results} == {
            ("not run", "the function has no inputs")
        }


def test_a_name_in_the_point_that_is_no_input_is_an_error() -> None:
    with pytest.raises(UsageError, match="weigth is no input; did you mean weight"):
        check("weight*x", "weight=1,x=2,weigth=3")
    with pytest.raises(UsageError, match="z is no input; the inputs are x, y"):
        check("x*y", {"x": 1, "y": 2, "z": 3})
    with pytest.raises(UsageError, match="x is no input; the function has no inputs"):
        check("sin(1)", "x=1")


def test_only_the_steps_that_are_wrong_fail() -> None:
    program = planted("sin(x)*y + exp(y)", "sin", 0, lambda F, u, v: F.sin(u))
    checked = check_steps(reverse(program))
    failed = {(step.rule.name, step.before.name) for step, found in checked.items() if not found.holds}
    line = reverse(program).names[program.input_names[0]]
    assert failed == {("local partial", line), ("sum over readers", line)}


def test_without_a_point_kinks_are_met_on_both_sides() -> None:
    """A partial that is wrong on one side only, beyond the range in which random points lie."""
    for text, name, slot, wrong in (
        ("relu(x - 1000)*y", "relu", 0, lambda F, u, v: 0),
        ("max(x*y, 1e7)", "max", 0, lambda F, u, w, v: F.holds("<", u, w) * 0),
        ("abs(x + 77) + y", "abs", 0, lambda F, u, v: 1),
        ("log(x)*min(x, y - 1e6)", "min", 1, lambda F, u, w, v: F.holds(">", u, w) * F.power(2, -9)),
    ):
        right, report = check(text, against="all"), check(planted(text, name, slot, wrong), against=DEFAULT)
        assert right.passed and not right.remarks and len(right.points) == 3, str(right)
        assert not report.passed, str(report)
    assert check("relu(x - 1000)").points == check("relu(x - 1000)").points
    assert check("x*y").points == check("x*y", against="steps").points and len(check("x*y").points) == 2


def test_branches_that_no_point_reaches_are_said() -> None:
    report = check("abs(x^2) + min(sin(x), 2)*sign(x)", against="steps")
    assert report.passed and report.remarks == (
        "no point was found with v_1 < 0 in v_2 = abs(v_1)",
        "no point was found with v_3 > 2 in v_4 = min(v_3, 2)",
    )
    assert str(report).endswith(report.remarks[1]) and report._repr_html_().endswith("v_4 = min(v_3, 2)</p>")
    overflows = check("relu(x - 60)*exp(20*x)", against="certified")  # beyond 60 the function is no double
    assert len(overflows.points) == 2 and overflows.remarks == ("no point was found with v_1 > 0 in v_2 = relu(v_1)",)
    assert not check("abs(x^2)", "x=3").remarks  # a point that is given is not left
    assert not check("relu(2)*x + max(x, x)").remarks  # what no input reaches has one branch


def test_a_kink_of_equal_operands_is_none() -> None:
    report = check("max(x, x) + min(x*y, x*y)", "x=2,y=3", against="all")
    assert [result.verdict for result in report.results] == ["holds"] * 5, str(report)


@given(st.lists(st.integers(-9, 9), min_size=5, max_size=5), st.integers(-3, 3), st.sampled_from([0.5, 1.0, 2.0]))
def test_the_extrapolated_difference_is_exact_for_polynomials_of_degree_four(
    coefficients: list[int], x: int, step: float
) -> None:
    """A plain central difference is off by h^2 of the third derivative (Numerical Recipes, 5.7)."""
    text = " + ".join(f"({c})*x^{k}" for k, c in enumerate(coefficients)) + " + x"
    program = trace(text)
    found = _extrapolated(program, program.outputs[0], {"v_0": float(x)}, "v_0", step, {}, 0.0, 0.0)
    truth = 1 + sum(k * c * x ** (k - 1) for k, c in enumerate(coefficients) if k)
    assert found.value == pytest.approx(truth, rel=1e-12, abs=1e-9)


def test_a_wrong_line_in_a_derivation_is_held_as_it_stands() -> None:
    derivation = reverse(trace("x*y"))
    *lines, last = derivation.adjoint.equations
    doubled = Equation(last.name, last.source._replace(terms=last.source.terms * 2))
    adjoint = dataclasses.replace(derivation.adjoint, equations=(*lines, doubled))
    broken = dataclasses.replace(derivation, adjoint=adjoint)
    assert check(derivation, "x=2,y=3", against="all").passed
    report = check(broken, "x=2,y=3", against=("torch", "differences", "complex-step", "certified"))
    assert [result.passed for result in report.results[:3]] == [False] * 3


def test_the_steps_that_regroup_are_run_too() -> None:
    program = trace(SHEET)
    assert [step.rule.name for step in program.steps] == ["regroup"]
    derivation = reverse(program)
    assert all(found.holds for found in check_steps(derivation).values())
    step = program.steps[0]
    slip = dataclasses.replace(step, after=Equation(step.after.name, t.subtract(t.Name("v_2"), t.Name("v_4"))))
    broken = dataclasses.replace(derivation, primal=dataclasses.replace(program, steps=(slip,)))
    failed = [step for step, found in check_steps(broken).items() if not found.holds]
    assert failed == [slip]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("x^3*1e250", "x=0"),  # the differences are off by h^2 * 1e250 where both sides are 0
        ("x^300", "x=0"),
        ("cos(x)", "x=0"),
        ("sin(x)^2", "x=pi"),
        ("sigmoid(x)", "x=600"),
        ("exp(x)", "x=1e-300"),
        ("x^2*1e-280", "x=1e-30"),
        ("exp(exp(x))", "x=24"),
        ("x^400", "x=1e30"),
        ("(x + y)/(x - y)", "x=1e-700,y=3e-700"),
        ("exp(sin(x))", "x=pi"),
    ],
)
@pytest.mark.parametrize("mode", [reverse, forward])
def test_steps_hold_at_zeros_and_at_numbers_of_any_size(text: str, at: str, mode: Any) -> None:
    derivation = mode(trace(text))
    checked = check_steps(derivation, work_out(derivation.primal, point_of(at)).at, points=0)
    assert all(found.holds and found.points == 1 for found in checked.values()), checked


@pytest.mark.parametrize(
    ("text", "name", "wrong", "at"),
    [
        ("x*y*1e-280", "mul", lambda F, u, w, v: u, "x=2,y=3"),  # as small as all numbers there
        ("x^3*1e250 + x*y", "mul", lambda F, u, w, v: u, "x=0,y=1"),  # wrong by less than the differences at first
        ("sigmoid(x)", "sigmoid", lambda F, u, v: 2 * v * (1 - v), "x=600"),
        ("cos(x)", "cos", lambda F, u, v: F.power(10, -250), "x=0"),
        ("exp(exp(x))", "exp", lambda F, u, v: 2 * v, "x=24"),
    ],
)
def test_steps_that_are_wrong_fail_at_zeros_and_at_numbers_of_any_size(
    text: str, name: str, wrong: Any, at: str
) -> None:
    derivation = reverse(planted(text, name, 0, wrong))
    checked = check_steps(derivation, point(derivation.primal, point_of(at)), points=0)
    failed = {step.rule.name for step, found in checked.items() if not found.holds}
    assert failed == {"sum over readers", "local partial"}


def test_what_the_differences_cannot_settle_is_neither_held_nor_wrong() -> None:
    derivation = reverse(trace("x^3*1e300*1e300*1e300"))
    checked = check_steps(derivation, work_out(derivation.primal, point_of("x=0")).at, points=0)
    lost = [found for found in checked.values() if not found.points]
    assert lost and all("do not settle in 2774-digit" in found.reason for found in lost)
    assert all(found.holds for found in checked.values())


@settings(max_examples=25, deadline=None)
@given(expressions(8), points())
def test_random_gradients_hold_against_differences_and_the_complex_step(tree: t.Tree, at: dict[str, Any]) -> None:
    program = trace_tree(tree)
    names = {program.label(name) for name in program.input_names}
    report = check(program, {name: t.tree_of(value) for name, value in at.items() if name in names})
    assert report.passed, str(report)
    assert report.by_name["complex-step"].passed


@settings(max_examples=12, deadline=None)
@given(expressions(6), st.integers(0, 99))
def test_random_steps_hold(tree: t.Tree, seed: int) -> None:
    derivation = reverse(trace_tree(tree))
    for step, found in check_steps(derivation, seed=seed).items():
        assert found.holds, (step, found)


def test_a_kink_within_the_step_is_said_and_nothing_is_one_sided() -> None:
    report = check("relu(x) + abs(y)", "x=0,y=0", against="all")
    assert report.passed
    for name in ("differences", "complex-step"):
        result = report.by_name[name]
        assert result.verdict == "not run" and "v_1 = relu(v_-1) has its kink within the step" in result.reason
    assert report.by_name["torch"].passed  # relu'(0) = abs'(0) = 0 in torch too
    assert "not at every point: v_1 = relu(v_-1) has its kink" in report.by_name["steps"].reason
    tie = check("max(x, y)", "x=2,y=2", against="torch").by_name["torch"]
    assert tie.verdict == "not run"
    assert tie.reason == "v_1 is a tie of max, whose derivative torch shares between both operands"
    # a copy of a zero is no kink
    assert check("a = x\nf = a*y", "x=0,y=1", against="differences").by_name["differences"].passed
    # beside a kink a smaller step decides
    assert check("relu(x)*y", "x=1e-8,y=2", against="differences").by_name["differences"].passed


def test_a_step_that_leaves_the_domain_is_made_smaller_or_given_up() -> None:
    program = trace("log(x)")
    near = central_difference(program, "v_1", {"v_0": 1e-6}, "v_0")
    assert near.value == pytest.approx(1e6, rel=1e-6)
    edge = central_difference(trace("asin(x)"), "v_1", {"v_0": 1.0}, "v_0")
    assert edge.value is None and edge.reason.startswith("the step leaves the domain: v_1 = asin(v_0) has no value")


def test_differences_that_cannot_see_the_function_decide_nothing() -> None:
    fast = check("sin(1e10*x)", "x=1/3").by_name
    assert fast["differences"].verdict == "not run"
    assert fast["complex-step"].passed
    assert 4 <= (fast["certified"].digits or 0) < 9
    assert fast["certified"].text == f"doubles lose digits here: {fast['certified'].digits} of 17 right in dy/dx"
    assert fast["certified"].verdict == "holds"
    lost = check("(x + 1e20) - 1e20", "x=1").by_name
    assert lost["differences"].verdict == "not run" and lost["complex-step"].passed
    none = check("sin(1e20*x)", "x=1/3", against="certified").by_name["certified"]
    assert none.text == "doubles lose all digits of dy/dx" and none.verdict == "lost"


def test_a_steep_function_is_held_all_the_same() -> None:
    for text, at in (("x^10000", "x=1"), ("sqrt(x)", "x=1e-7"), ("exp(x)", "x=300"), ("1/x", "x=1e-9")):
        report = check(text, at, against="all")
        assert [result.verdict for result in report.results] == ["holds"] * 5, f"{text}\n{report}"


def test_values_beyond_doubles_are_not_compared() -> None:
    report = check("exp(x)", "x=1000", against="all")
    assert report.passed
    assert [result.verdict for result in report.results] == ["not run"] * 4 + ["holds"]
    assert all(result.error is None for result in report.results[:4])


def test_the_complex_step_is_exact_also_for_powers_of_negative_numbers() -> None:
    for exponent in (101, 150, 1001):
        program = trace(f"x^{exponent}")
        found = complex_step(program, "v_1", {"v_0": -1.01}, "v_0").value
        assert found == pytest.approx(exponent * (-1.01) ** (exponent - 1), rel=1e-12)


def test_right_digits_are_counted_against_the_certified_value() -> None:
    assert certified_digits(work_out(trace("x*y + x^2"), point_of("x=3,y=2"))) == 17
    assert certified_digits(work_out(trace("x*y"), {})) is None
    sheet = certified_digits(work_out(trace(SHEET), point_of("x1=1.5,x2=0.5")))
    assert sheet is not None and 14 <= sheet <= 17
    # below the smallest double the nearest double is 0, and 0 is what doubles give
    assert certified_digits(work_out(trace("exp(-x)"), point_of("x=1000"))) == 17


def test_the_double_gradient_has_as_many_digits_as_are_counted() -> None:
    text, at = "cos(x) - cos(x + y)", {"x": "1/3", "y": "1e-7"}
    worked = work_out(trace(text), point_of(at))
    counted = certified_digits(worked)
    assert counted is not None
    point = {name: worked.number(worked.values[name]) for name in worked.program.input_names}
    found = evaluate(worked.derivation.adjoint, evaluate(worked.program, point))
    errors = []
    for name in worked.program.input_names:
        true = worked.number(worked.adjoint(name))
        assert true is not None
        errors.append(abs(found[worked.derivation.names[name]] - true) / abs(true))
    assert 10.0 ** (-counted - 1) < max(errors) <= 10.0**-counted


def test_without_a_point_two_seeded_points_inside_the_domain_are_taken() -> None:
    report = check("log(x)*asin(y)/sqrt(z)")
    assert report.passed and len(report.points) == 2 and report.points[0] != report.points[1]
    assert check("log(x)*asin(y)/sqrt(z)").points == report.points
    assert check("log(x)*asin(y)/sqrt(z)", seed=-(10**30)).points != report.points
    nowhere = check("log(-x^2)")
    assert nowhere.passed and all(result.verdict == "not run" for result in nowhere.results)
    assert nowhere.results[0].reason == "no random point is inside the domain; give one"


def test_a_point_outside_the_domain_is_an_error() -> None:
    with pytest.raises(DomainError, match="log needs a positive operand"):
        check("log(x)", "x=-1")


def test_every_output_is_held() -> None:
    program = planted("q = x*y\nf = q + y\ng = sin(x)", "sin", 0, lambda F, u, v: F.sin(u))
    right = check(trace("q = x*y\nf = q + y\ng = sin(x)"), "x=0.5,y=2", against="all")
    assert right.passed
    assert {entry.output for entry in right.by_name["complex-step"].entries} == {"f", "g"}
    wrong = check(program, "x=0.5,y=2", against=("torch", "complex-step", "differences"))
    for result in wrong.results:
        bad = {(entry.output, entry.input) for entry in result.entries if (entry.error or 0) > 1e-6}
        assert bad == {("g", "x")}


def test_the_data_have_null_for_what_was_not_run() -> None:
    data = check("x*y", "x=2,y=3", against=("complex_step",)).as_data()
    assert data == {
        "torch": None,
        "central_difference": None,
        "complex_step": {"max_relative_error": 0.0, "high_precision_error": None, "passed": True},
        "certified_digits": None,
        "steps": None,
    }
    data = check("relu(x)", "x=0", against="all").as_data()
    assert data["central_difference"] is None and data["certified_digits"] == 17
    assert data["steps"]["run"] == data["steps"]["held"] > 0


def test_without_torch_that_check_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    report = check("x*y", "x=2,y=3", against="all")
    assert report.passed and report.as_data()["torch"] is None
    assert "pip install torch==2.13.0" in report.by_name["torch"].reason


def test_the_report_is_an_aligned_table() -> None:
    lines = str(check("x*y", "x=2,y=3")).splitlines()
    verdicts = ("verdict", "holds", "holds", "holds")
    assert len({line.index(word) for line, word in zip(lines, verdicts, strict=False)}) == 1
    assert lines[-1] == "at x = 2, y = 3"
    page = CheckReport(check("abs(x)", "x=0").results)._repr_html_()
    assert page.startswith("<table>") and page.count("<tr>") == 4


def test_an_unknown_check_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean certified"):
        check("x", against="certifed")


def test_many_inputs_are_sampled_and_that_is_said() -> None:
    report = check("*".join(f"x{k}" for k in range(400)))
    result = report.by_name["differences"]
    assert result.passed and "of 400 inputs were taken" in result.reason
    assert report.by_name["complex-step"].passed and report.by_name["certified"].passed


def test_steps_of_a_long_program_are_refused_with_the_limit() -> None:
    program = trace(" + ".join(f"x^{k}" for k in range(2, 600)))
    with pytest.raises(WorkLimitError, match="at most 1000 lines"):
        check_steps(reverse(program))
    assert check(program, "x=0.5", against="steps").by_name["steps"].verdict == "not run"
