"""Emitted code: a product with a false indicator is 0, in value and gradient, without nan and without warnings."""

from __future__ import annotations

import warnings
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive.adjoints import reverse
from derive.codegen.lowering import lower, operation_counts
from derive.codegen.source import Source
from derive.codegen.to_numpy import NUMPY, to_numpy
from derive.codegen.to_torch import to_torch
from derive.errors import DeriveError
from derive.evaluate import evaluate, sweep
from derive.program import Program
from derive.tracing import trace, trace_tree

NAMES = ("x", "y")
#: On both sides of the borders of every function's domain, and on them.
VALUES = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
POINTS = list(product(VALUES, repeat=2))


def partly_defined() -> st.SearchStrategy[t.Tree]:
    """Sums, products and functions that are not defined everywhere, and indicators between them."""
    leaves = st.one_of(
        st.sampled_from([t.Name(name) for name in NAMES]), st.integers(0, 2).map(lambda k: t.Number(str(k)))
    )
    sides = st.one_of(leaves, st.builds(lambda u, w: t.Sum((("+", u), ("-", w))), leaves, leaves))
    indicators = st.one_of(
        st.builds(
            lambda u, w, c: t.Indicator((u, w), (c,)), sides, sides, st.sampled_from(("<", "<=", ">", ">=", "!="))
        ),
        st.builds(lambda u: t.Indicator((t.Number("0"), u, t.Number("1")), ("<=", "<")), sides),
    )

    def wider(inner: st.SearchStrategy[t.Tree]) -> st.SearchStrategy[t.Tree]:
        factors = st.lists(st.tuples(st.sampled_from("**/"), st.one_of(indicators, inner)), min_size=1, max_size=3)
        return st.one_of(
            st.builds(lambda f, u: t.Call(f, (u,)), st.sampled_from(("log", "sqrt", "asin", "exp", "sin")), inner),
            st.builds(lambda s, u, w: t.Sum((("+", u), (s, w))), st.sampled_from("+-"), inner, inner),
            st.builds(lambda u, rest: t.Product((("*", u), *rest)), st.one_of(indicators, inner), factors),
            st.builds(lambda u, k: t.Power(u, t.Number(k)), inner, st.sampled_from(("2", "0.5"))),
            st.builds(lambda u, w: t.Indicator((u, w), (">",)), inner, sides),
            st.builds(t.Negative, inner),
        )

    return st.recursive(leaves, wider, max_leaves=10)


def expected(program: Program) -> list[tuple[tuple[float, float], list[float]]]:
    """The points at which there is a value and a gradient of moderate size, and these."""
    derivation = reverse(program, program.outputs[0])
    found = []
    for point in POINTS:
        try:
            values = evaluate(program, dict(zip(program.input_names, point, strict=True)))
            bars = sweep(derivation, values)
        except DeriveError:
            continue
        numbers = [values[program.outputs[0]], *(bars.get(derivation.names[name], 0.0) for name in program.input_names)]
        if all(abs(number) < 1e6 for number in numbers):
            found.append((point, [float(number) for number in numbers]))
    return found


@settings(max_examples=400, deadline=None)
@given(partly_defined())
def test_where_there_is_a_value_and_a_gradient_code_finds_them_and_never_warns(tree: t.Tree) -> None:
    program = trace_tree(tree, order=NAMES)
    assume(any(line.source.operation.infix in ("<", "<=", ">", ">=", "!=") for line in program))
    points = expected(program)
    assume(points)
    batch = np.array([point for point, _ in points]).T
    for emitted in (to_numpy(program), to_torch(program)):
        for function in (emitted, emitted.from_source()):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                value, gradient = function(*batch)
            assert {str(part.dtype).removeprefix("torch.") for part in (value, *gradient)} == {"float64"}
            for k, (point, numbers) in enumerate(points):
                assert [float(part[k]) for part in (value, *gradient)] == pytest.approx(numbers, rel=1e-9, abs=1e-9), (
                    point,
                    emitted.source,
                )


FALSE_AT_NEGATIVE = [
    "[x > 0]*log(x)",
    "log(x)*[x > 0]",
    "2*[x > 0]*sqrt(log(x + 1) + x)",
    "-[x > 0]*(x*log(x))*y/x",
    "[x > 0]*[log(x) > -100]*y",
    "[x > 1 - 1]*[sqrt(x) > x]*y",
    "[x > 0]*([y > 100]*log(y) + sqrt(x))",
    "[0 < x < 10]*x^y*asin(x/10)",
    "[x > 0]*acos(7*[x > 0]) + [x > 0]*(0/0)*[x < 0]",
    "[x > 0]*x^(-3/2) + exp(x^2)*[x > 0]",
]


@pytest.mark.parametrize("text", FALSE_AT_NEGATIVE)
def test_nothing_is_nan_and_nothing_warns_where_the_indicator_is_false(text: str) -> None:
    x, y = np.array([-np.inf, -1e200, -2.0, -1.0, -0.0, 0.0]), np.array([1.0, 2.0, -3.0, 0.0, 1.0, 2.0])
    program = trace(text, order=["x", "y"])
    for emitted in (to_numpy(program), to_torch(program)):
        for function in (emitted, emitted.from_source()):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                value, gradient = function(x, y)
            assert all(float(entry) == 0.0 for part in (value, *gradient) for entry in part), emitted.source


def test_the_code_reads_as_a_person_would_write_it() -> None:
    lines = [line.strip().split("  #")[0] for line in to_numpy(trace("log(x)*[x > 0]")).source.splitlines()]
    start = lines.index("v_2 = (v_0 > 0.0) * 1.0")
    assert [line for line in lines[start:] if line] == [
        "v_2 = (v_0 > 0.0) * 1.0",
        "t1 = v_2 != 0.0",
        "t2 = np.where(t1, v_0, 0.5)",
        "v_1 = np.log(t2)",
        "v_3 = np.where(t1, v_1, 0.0)",
        "# reverse trace of y",
        "vbar_3 = np.ones_like(v_3)",
        "vbar_1 = np.where(t1, vbar_3, 0.0)",
        "vbar_0 = vbar_1 / t2",
        "return v_3, (vbar_0,)",
    ]


def test_code_without_indicators_has_no_conditions() -> None:
    assert "where" not in Source(lower(trace("log(x)/y*relu(x)*max(x, y)")), NUMPY).text


def test_each_output_has_the_conditions_of_its_own_paths() -> None:
    program = trace("q = log(x)\nf = [x > 0]*q*y\ng = q + y\nh = y^2")
    x, y = np.array([-1.0, 0.5]), np.array([2.0, 3.0])
    emitted = to_numpy(program)
    for function in (emitted, emitted.from_source()):
        with np.errstate(all="ignore"):
            (f, g, _), ((fx, fy), (gx, gy), _) = function(x, y)
        assert f == pytest.approx([0.0, 3 * np.log(0.5)]) and fx == pytest.approx([0.0, 6.0])
        assert fy == pytest.approx([0.0, np.log(0.5)])
        assert np.isnan(g[0]) and gx == pytest.approx([-1.0, 2.0]) and gy == pytest.approx([1.0, 1.0])


def test_torch_differentiates_through_guarded_code() -> None:
    torch = pytest.importorskip("torch")
    emitted = to_torch(trace("[x > 0]*log(x) + [x <= 0]*sqrt(1 - x)"))
    for function in (emitted, emitted.from_source()):
        x = torch.tensor([-3.0, 0.0, 0.5], dtype=torch.float64, requires_grad=True)
        value, (slope,) = function(x)
        (found,) = torch.autograd.grad(value.sum(), x, retain_graph=True)
        assert slope.tolist() == pytest.approx([-0.25, -0.5, 2.0])
        assert found.tolist() == pytest.approx([-0.25, -0.5, 2.0])
        (second,) = torch.autograd.grad(slope.sum(), x)
        assert second.tolist() == pytest.approx([-1 / 32, -0.25, -4.0])


def test_conditions_are_not_counted_as_operations() -> None:
    # > log * | * /
    assert operation_counts(reverse(trace("[x > 0]*log(x)"))) == (3, 2)


def in_turn(count: int) -> Any:
    return "\n".join(
        [
            "v0 = x",
            *(f"v{k + 1} = [v{k} > {k}]*sqrt(v{k} - {k}) + [v{k} <= {k}]*sqrt({k} - v{k})" for k in range(count)),
        ]
    )


def test_many_conditions_one_after_the_other_stay_short() -> None:
    short, long = (to_numpy(trace(in_turn(count))).source for count in (20, 40))
    assert len(long) < 2.5 * len(short)
