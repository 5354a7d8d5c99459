"""Recording a Python function gives the Program of its formula."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

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
    assert lines(derive.record(f, at=[1.0])) == lines(derive.trace("x")) == []
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


def seconds(work: Callable[[], object]) -> float:
    """The least of three runs: what the work takes, not what the machine does beside it."""
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def test_a_long_sum_of_repeated_terms_is_recorded_without_quadratic_work() -> None:
    start = time.process_time()
    program = derive.record(lambda x, y: sum((x * y for _ in range(20_000)), start=y))
    assert time.process_time() - start < 25, "comparing every run with every other takes minutes"
    assert derive.jacobian(program, {"x": 3.0, "y": 5.0})["f"] == {"x": 100_000.0, "y": 60_001.0}
    shared = derive.record(lambda x, y: sum((x * y for _ in range(64)), start=y))
    assert len(shared) < 10, "x*y once, and doubled as long as that shares"
    assert derive.jacobian(shared, {"x": 3.0, "y": 5.0})["f"] == {"x": 320.0, "y": 193.0}


def test_one_result_many_times_costs_no_more_than_many_results() -> None:
    repeated = derive.record(lambda x: [x] * 5)
    assert len(set(repeated.outputs)) == 5
    assert [list(row.values()) for row in derive.jacobian(repeated, {"x": 2.0}).values()] == [[1.0]] * 5
    apart = seconds(lambda: derive.record(lambda x: [x * k for k in range(1600)]))
    assert seconds(lambda: derive.record(lambda x: [x] * 1600)) < 10 * apart


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


@pytest.mark.parametrize(
    "function",
    [lambda x: np.maximum(np.array([x, 2 * x]), 0), lambda x: np.sign(np.array([x, -x])), lambda x: max(x, 0)],
)
def test_a_comparison_that_numpy_or_python_makes_is_a_branch_and_the_way_out_is_told(function) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=r"derive\.max, derive\.min and derive\.sign do not"):
        derive.record(function)
    assert "only this branch is recorded" in derive.record(function, at=[2.0]).remarks[0]


def test_an_array_of_recorded_values_and_numbers_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"^numpy\.exp of an array that holds both recorded values and a float .*$"):
        derive.record(lambda x: np.exp(np.array([x, 1.0])))
    with pytest.raises(UsageError, match=r"^numpy\.cbrt is not among the functions that can be recorded$"):
        derive.record(lambda x: np.cbrt(np.array([x, x])))
    with pytest.raises(TypeError, match="iterable"):  # an error of the function's own is not ours to rewrite
        derive.record(lambda x: "a".join(x))


@pytest.mark.parametrize("name", ["log1p", "expm1", "exp2", "square", "reciprocal"])
def test_a_ufunc_of_several_rows_is_the_same_function_on_arrays_and_on_entries(name: str) -> None:
    ufunc = getattr(np, name)
    at_a_point = {"x": 0.75}
    alone = derive.jacobian(derive.record(lambda x: ufunc(x)), at_a_point)["y"]["x"]
    among = derive.jacobian(derive.record(lambda x: ufunc(np.array([x, x]))[0]), at_a_point)["y"]["x"]
    h = 1e-6
    assert alone == pytest.approx(among) == pytest.approx((ufunc(0.75 + h) - ufunc(0.75 - h)) / (2 * h), rel=1e-8)


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        (np.int64(2**53 + 1), Fraction(2**53 + 1)),
        (np.uint64(2**64 - 1), Fraction(2**64 - 1)),
        (Decimal("0.1"), Fraction(1, 10)),
        (np.longdouble(1) / 3, Fraction(*(np.longdouble(1) / 3).as_integer_ratio())),
        (np.float32(0.1), Fraction(repr(float(np.float32(0.1))))),
        (True, Fraction(1)),
        (np.array(2.5), Fraction(5, 2)),
        (-0.1, Fraction(-1, 10)),  # a double stands for the shortest decimal that means it
    ],
)
def test_a_constant_keeps_every_digit(value, exact) -> None:  # type: ignore[no-untyped-def]
    for program in (derive.record(lambda x: x * value), derive.record(lambda x: value * x)):
        (literal,) = (operand for operand in program.equations[0].source.operands if not isinstance(operand, str))
        assert Fraction(formula(literal)) == exact


@pytest.mark.parametrize("value", ["3", b"3", 1j, np.complex128(1), None, [3], math.inf, math.nan])
def test_what_is_no_number_is_refused_by_its_kind(value) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=r"cannot be recorded: numbers|no constant that can be recorded"):
        derive.record(lambda x: x + value)


def test_one_result_that_is_an_input_is_what_trace_makes_of_it() -> None:
    recorded, traced = derive.record(lambda x: x), derive.trace("x")
    assert (recorded.equations, recorded.outputs, recorded.labels) == (traced.equations, traced.outputs, traced.labels)


def test_parameters_that_are_taken_by_name_only_are_inputs_too() -> None:
    def f(a, *, b, c=2):  # type: ignore[no-untyped-def]
        return a / b * c

    assert lines(derive.record(f)) == lines(derive.trace("a/b*2", order=("a", "b")))


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (lambda x, y: x * y, {"inputs": 3}, "does not take the inputs x1, x2, x3: too many"),
        (lambda x, y: x * y, {"inputs": ["x", "x"]}, "two inputs are called x"),
        (max, {}, "the inputs of max are not known"),
        ("x*y", {}, "record takes a function"),
        (lambda x: x, {"at": [1.0, 2.0]}, "the point has 2 values, and the inputs are x"),
        (lambda x: x, {"at": {"x": 1.0, "z": 2.0}}, "z is no input"),
        (lambda x, y: x, {"at": {"x": 1.0}}, "y has no value"),
    ],
)
def test_inputs_and_points_that_do_not_fit_are_refused(function, options, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=message):
        derive.record(function, **options)


def test_a_point_may_be_text() -> None:
    program = derive.record(lambda x: x * 2 if x > 0.3 else -x, at="x=1/3")
    assert lines(program) == lines(derive.trace("x*2"))
