"""A product with a false indicator is 0 whatever its other factors, in value and in gradient."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive.adjoints import reverse
from derive.arithmetic import COMPLEXES, FLOATS
from derive.balls import Balls
from derive.checks.report import check
from derive.checks.steps import check_steps
from derive.display import point_of
from derive.errors import DomainError, UndecidedError
from derive.evaluate import evaluate, sweep
from derive.indicators import Undefined
from derive.jacobians import hessian, jacobian
from derive.reading.reader import read
from derive.tangents import forward
from derive.tracedata import as_data
from derive.tracing import trace, trace_tree
from derive.tree import Tree
from derive.worked import work_out
from tests.expressions import expressions, points
from tests.thorough import examples

X = t.Name("x")
#: At every point that is drawn x lies between -3 and 3.
FALSE = (
    t.Indicator((X, t.Number("100")), (">",)),
    t.Indicator((t.Number("5"), X, t.Number("9")), ("<=", "<")),
    t.Indicator((t.Number("2"), t.Number("3")), (">",)),
)
TRUE = t.Indicator((X, t.Number("100")), ("<",))
#: Without a value for any x, and without a derivative at x = 0 only, which nobody draws.
NOWHERE = (
    read("log(-1 - x^2)"),
    read("1/(x - x)"),
    read("sqrt(-exp(x))"),
    read("asin(2 + x^2)"),
    read("(-2 - x^2)^(1/2)"),
    read("acos(7)*x"),
)
BALLS = Balls(256)


def product(*factors: Tree) -> Tree:
    return t.Product(tuple(("*", factor) for factor in factors))


def numbers(tree: Tree, at: dict[str, Fraction], F: Any) -> tuple[Any, dict[str, Any], Any]:
    """Value, gradient by the reverse sweep, and the tangent along (1, 1, ...)."""
    program = trace_tree(tree)
    point = {name: F.constant(t.tree_of(at[program.label(name)])) for name in program.input_names}
    values = evaluate(program, point, F)
    derivation, tangent = reverse(program), forward(program)
    found = sweep(derivation, values, F)
    gradient = {program.label(name): found[derivation.names[name]] for name in program.input_names}
    seeds = {tangent.names[name]: F.constant(t.Number("1")) for name in program.input_names}
    along = sweep(tangent, values, F, seeds)[tangent.names[program.outputs[0]]]
    return values[program.outputs[0]], gradient, along


@pytest.mark.parametrize("F", [FLOATS, BALLS], ids=["floats", "balls"])
@settings(max_examples=examples(60), deadline=None)
@given(
    st.sampled_from(FALSE),
    st.lists(st.one_of(st.sampled_from(NOWHERE), expressions(4)), min_size=1, max_size=4),
    st.data(),
    points(),
)
def test_a_false_factor_makes_value_gradient_and_tangent_zero(
    F: Any, false: Tree, others: list[Tree], data: Any, at: dict[str, Fraction]
) -> None:
    factors = data.draw(st.permutations([false, *others]))
    if data.draw(st.booleans()):
        factors = [t.Negative(factors[0]), *factors[1:]]
    if data.draw(st.booleans()):  # a group of factors in brackets
        factors = [factors[0], product(*factors[1:])]
    divisors = data.draw(st.lists(st.sampled_from((*NOWHERE, t.subtract(X, X), read("2 + x^2"))), max_size=2))
    tree = t.Product((*(("*", factor) for factor in factors), *(("/", divisor) for divisor in divisors), ("*", X)))
    with BALLS.precision():
        value, gradient, along = numbers(tree, at, F)
    assert value == 0 and along == 0
    assert set(gradient.values()) == {0}
    program = trace_tree(tree)
    aside = {name: complex(at[program.label(name)], 1e-100) for name in program.input_names}
    assert evaluate(program, aside, COMPLEXES, check=False)[program.outputs[0]] == 0


@settings(max_examples=examples(60), deadline=None)
@given(expressions(6), st.sampled_from(FALSE), st.sampled_from(NOWHERE), points())
def test_beside_a_false_product_the_rest_is_what_it_is(
    tree: Tree, false: Tree, nowhere: Tree, at: dict[str, Fraction]
) -> None:
    """The sum with a false product, and the product with a true indicator, are the function itself."""
    rest = t.Sum((("+", tree), ("+", t.Call("sin", (X,)))))
    value, gradient, along = numbers(rest, at, FLOATS)
    with_false = t.Sum((("+", rest), ("-", product(nowhere, false))))
    with_true = product(TRUE, rest)
    for other in (with_false, with_true):
        same, slopes, tangent = numbers(other, at, FLOATS)
        assert same == pytest.approx(value, rel=1e-12, abs=1e-12)
        assert slopes == pytest.approx(gradient, rel=1e-9, abs=1e-9)
        assert tangent == pytest.approx(along, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "at", "node"),
    [
        ("[x > 0]*log(x) + log(x)", "x=-2", "log"),
        ("[x > 0] + log(x)", "x=-2", "log"),
        ("0*log(x)", "x=-2", "log"),
        ("(x - x)*log(x)", "x=-2", "log"),
        ("[x >= 0]*x*log(x)", "x=0", "log"),
        ("[x < 0]*log(x)", "x=-2", "log"),
        ("exp([x < 0]*log(x))", "x=-2", "log"),
        ("log(x)/[x > 0]", "x=-2", "log"),
        ("[x >= 0]*sqrt(x)", "x=0", "sqrt"),
        ("[log(x) > 0]", "x=-2", "log"),
    ],
)
def test_what_no_false_indicator_multiplies_stays_an_error(text: str, at: str, node: str) -> None:
    with pytest.raises(DomainError, match=rf"= {node}\(v_\w+\) has no (value|derivative)"):
        work_out(trace(text), point_of(at))


def test_of_several_outputs_the_one_without_a_value_is_told() -> None:
    with pytest.raises(DomainError, match=r"log\(x\) has no value"):
        work_out(trace("q = log(x)\nf = [x > 0]*q\ng = q + 1"), point_of("x=-2"))
    assert work_out(trace("q = log(x)\nf = [x > 0]*q\ng = x + 1"), point_of("x=-2")).has_point


def test_the_trace_says_what_is_undefined() -> None:
    worked = work_out(trace("2*[x > 0]*log(x)"), point_of("x=-2"))
    by_formula = {str(line.source.operation.name): line.name for line in worked.program}
    assert worked.text(worked.values[by_formula["log"]]) == "undefined"
    assert worked.number(worked.values[by_formula["log"]]) is None
    assert worked.text(worked.values[worked.output]) == "0" and worked.text(worked.adjoint("v_0")) == "0"
    data = as_data(worked)
    assert data["value"] == 0.0 and data["gradient"] == {"x": 0.0}
    assert [node["value"] for node in data["nodes"] if node["node"] == by_formula["log"]] == [None]


def test_a_derivative_at_the_edge_of_the_domain_is_absorbed_too() -> None:
    worked = work_out(trace("[x > 0]*sqrt(x) + x"), point_of("x=0"))
    assert worked.number(worked.adjoint("v_0")) == 1.0
    assert work_out(trace("sqrt([x > 0]*x)"), point_of("x=-2")).adjoint("v_0") == 0


def test_a_doubt_that_more_bits_settle_is_settled_before_it_is_hidden() -> None:
    """log(u) of a tiny u is undecided at first; hidden or not, its value is found."""
    worked = work_out(trace("[x > 5]*log(exp(x) - exp(x + 10^-1000))"), point_of("x=-1"))
    line = next(line for line in worked.program if line.source.operation.name == "log")
    hidden = worked.values[line.name]
    assert isinstance(hidden, Undefined) and isinstance(hidden.error, DomainError)
    # and what no precision settles is hidden all the same
    worked = work_out(trace("[x > 5]*log(sin(x)^2 + cos(x)^2 - 1)"), point_of("x=1"))
    assert worked.number(worked.values[worked.output]) == 0.0
    with pytest.raises(UndecidedError):
        work_out(trace("[x < 5]*log(sin(x)^2 + cos(x)^2 - 1)"), point_of("x=1"))


@pytest.mark.parametrize("text", ["[x > 0]*x*log(x)", "log(x)*[x > 0]*x + x^2", "x^3 + [0 < x < 1]*sqrt(x)*log(1 - x)"])
def test_checks_hold_at_a_false_indicator(text: str) -> None:
    report = check(text, "x=-2", against=("differences", "complex-step", "certified", "steps"))
    assert [result.verdict for result in report.results] == ["holds"] * 4, str(report)
    derivation = reverse(trace(text))
    checked = check_steps(derivation, work_out(derivation.primal, point_of("x=-2")).at, points=0)
    last = derivation.steps[-1]  # the derivative by x itself, through the false product
    assert last.before.name == derivation.names["v_0"] and checked[last].holds


def test_emitted_code_is_not_passed_over_where_it_gives_nan() -> None:
    """Held if it absorbs what is undefined as its trace does, and else wrong."""
    for text in ("[x > 0]*x*log(x)", "sqrt([x > 0]*x) + x", "[x > 0]*log(x)"):
        assert check(text, "x=-2", against="torch").by_name["torch"].passed is not None


def test_jacobian_and_hessian_go_by_the_same_rule() -> None:
    program = trace("[x > 0]*log(x) + x^2*y")
    at = {"x": -2.0, "y": 3.0}
    for mode in ("reverse", "forward"):
        assert jacobian(program, at, mode=mode) == {program.label(program.outputs[0]): {"x": -12, "y": 4}}
    assert hessian(program, at) == {"x": {"x": 6, "y": -4}, "y": {"x": -4, "y": 0}}
