"""Recording a Python function gives the Program of its formula."""

from __future__ import annotations

import math

import numpy as np
import pytest

import derive
from derive.errors import DomainError, UsageError
from derive.plain import formula
from derive.program import Program


def lines(program: Program) -> list[str]:
    return [f"{line.name} = {formula(line.tree)}" for line in program]


def test_the_sheets_function_recorded_is_the_same_program() -> None:
    def f(x1, x2):  # type: ignore[no-untyped-def]
        return (derive.sin(x1 / x2) + x1 / x2 - derive.exp(x2)) * (x1 / x2 - derive.exp(x2))

    recorded = derive.record(f)
    traced = derive.trace("(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))")
    assert recorded.equations == traced.equations
    assert (recorded.inputs, recorded.outputs, recorded.labels) == (traced.inputs, traced.outputs, traced.labels)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x, y: np.sin(x) * np.exp(-y) + np.log(x), "sin(x)*exp(-y) + log(x)"),
        (lambda x, y: np.maximum(x, y) - np.square(x), "max(x, y) - x^2"),
        (lambda x, y: np.float64(2.5) * x + np.arctan(y), "2.5*x + atan(y)"),
        (lambda x, y: x**2 / 3 + 2**y, "x^2/3 + 2^y"),
        (lambda x, y: abs(x) + np.tanh(y) ** 3, "abs(x) + tanh(y)^3"),
        (lambda x, y: derive.sigmoid(x) * derive.relu(y), "sigmoid(x)*relu(y)"),
        (lambda x, y: 1 - x + (+y), "1 - x + y"),
    ],
)
def test_operators_functions_and_ufuncs_are_recorded_as_their_formula(function, text) -> None:  # type: ignore[no-untyped-def]
    assert lines(derive.record(function)) == lines(derive.trace(text, order=("x", "y")))


def test_arrays_of_variables_are_recorded_entry_by_entry() -> None:
    program = derive.record(lambda x, y: np.sum(np.exp(np.array([x, y])) * np.array([1.0, 2.0])))
    derivative = derive.jacobian(program, {"x": 0.5, "y": -1.0})["f"]
    assert derivative["x"] == pytest.approx(math.exp(0.5)) and derivative["y"] == pytest.approx(2 * math.exp(-1))


def test_a_branch_is_recorded_as_taken_and_says_so() -> None:
    def f(x):  # type: ignore[no-untyped-def]
        if x * x > 2:
            return x**3
        return x

    (remark,) = derive.record(f, at={"x": 2.0}).remarks
    assert "was true" in remark and "only this branch" in remark
    assert lines(derive.record(f, at=[1.0])) == ["v_1 = v_0"]
    with pytest.raises(UsageError, match="branches on a value"):
        derive.record(f)


def test_several_results_are_several_outputs() -> None:
    program = derive.record(lambda x, y: (x * y, x + y, x))
    assert [program.label(node) for node in program.outputs][:2] == ["f1", "f2"]
    jacobian = derive.jacobian(program, {"x": 3.0, "y": 5.0})
    assert [list(row.values()) for row in jacobian.values()] == [[5.0, 3.0], [1.0, 1.0], [1.0, 0.0]]


def test_a_chain_of_100_000_operations_is_recorded_and_differentiated() -> None:
    def f(x):  # type: ignore[no-untyped-def]
        value = x
        for _ in range(100_000):
            value = derive.sin(value)
        return value

    program = derive.record(f)
    assert len(program) == 100_000
    gradient = derive.jacobian(program, {"x": 1.0})["y"]["x"]
    value, expected = 1.0, 1.0
    for _ in range(100_000):
        value, expected = math.sin(value), expected * math.cos(value)
    assert gradient == pytest.approx(expected, rel=1e-9)


def test_a_long_sum_of_repeated_terms_is_regrouped_without_quadratic_work() -> None:
    program = derive.record(lambda x, y: sum((x * y for _ in range(20_000)), start=y))
    assert len(program) < 20_002


def test_math_functions_are_refused_with_the_way_out() -> None:
    with pytest.raises(UsageError, match=r"derive\.sin"):
        derive.record(lambda x: math.sin(x))


def test_functions_of_any_number_of_inputs_need_to_know_how_many() -> None:
    with pytest.raises(UsageError, match="say which"):
        derive.record(lambda *x: x[0])
    assert len(derive.record(lambda *x: x[0] * x[1] * x[2], inputs=3)) == 2


def test_the_public_functions_are_those_of_the_table() -> None:
    from derive import _ELEMENTARY
    from derive.functions import CALLABLE

    assert set(CALLABLE) == _ELEMENTARY
    assert derive.exp(0) == 1.0 and derive.max(2, 3) == 3.0


def test_a_recorded_branch_is_not_used_where_the_function_would_take_the_other() -> None:
    program = derive.record(lambda a: a * 2 if a > 0 else -a, at={"a": 1.0})
    assert "dy/da = vbar_0 = 2" in derive.to_text(program, "a=3")
    with pytest.raises(DomainError, match="record it again"):
        derive.to_text(program, "a=-1")
