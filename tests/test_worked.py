"""Numbers at a point: certified, correctly rounded, and undefined where they are undefined."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from fractions import Fraction

import flint
import mpmath
import pytest
from hypothesis import given, settings

import derive
from derive.errors import DomainError, UndecidedError, UsageError
from derive.evaluate import tree_value
from derive.reading.points import read_point
from derive.tracing import trace_tree
from derive.tree import Number, Tree
from derive.worked import Worked, work_out
from tests.expressions import expressions, points
from tests.thorough import examples

SHEET = "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))"


def worked(text: str, at: str, **options: object) -> Worked:
    return work_out(derive.trace(text), read_point(at), **options)  # type: ignore[arg-type]


def test_the_sheets_numbers_are_correctly_rounded() -> None:
    """Second derivation of each: mpmath at 50 digits, by the formulas of the sheet."""
    w = worked(SHEET, "x1=1.5,x2=0.5")
    with mpmath.workdps(50):
        x1, x2 = mpmath.mpf("1.5"), mpmath.mpf("0.5")
        q, e = x1 / x2, mpmath.exp(x2)
        y = (mpmath.sin(q) + q - e) * (q - e)
        d1 = mpmath.diff(lambda a: (mpmath.sin(a / x2) + a / x2 - e) * (a / x2 - e), x1)
        d2 = mpmath.diff(lambda b: (mpmath.sin(x1 / b) + x1 / b - mpmath.exp(b)) * (x1 / b - mpmath.exp(b)), x2)
        assert w.text(w.values["v_6"]) == mpmath.nstr(y, 5) == "2.0166"
        assert w.text(w.adjoint("v_-1")) == mpmath.nstr(d1, 5) == "3.0118"
        assert w.text(w.adjoint("v_0")) == mpmath.nstr(d2, 6, strip_zeros=False) == "-13.7240"
        assert w.number(w.adjoint("v_0")) == float(d2)


@given(expressions(max_leaves=8), points())
@settings(max_examples=examples(40), deadline=None)
def test_every_value_is_the_double_nearest_to_mpmaths(tree: Tree, point: dict[str, Fraction]) -> None:
    program = trace_tree(tree)
    at = {program.label(node): point[program.label(node)] for node in program.input_names}
    w = work_out(program, {name: _constant(value) for name, value in at.items()}, mode="reverse")

    class Mp:
        """mpmath as an arithmetic: a second implementation of every function."""

        def __getattr__(self, name: str) -> object:
            return getattr(mpmath, name)

        def constant(self, tree: Tree) -> object:
            assert isinstance(tree, Number)
            return mpmath.mpf(tree.value.numerator) / tree.value.denominator

        def power(self, base: object, exponent: object) -> object:
            return mpmath.power(base, exponent)

        def sigmoid(self, u: object) -> object:
            return 1 / (1 + mpmath.exp(-u))  # type: ignore[operator]

        def softplus(self, u: object) -> object:
            return mpmath.log(1 + mpmath.exp(u))

        def order(self, left: object, right: object) -> int:
            return int(left > right) - int(left < right)  # type: ignore[operator]

    with mpmath.workdps(80):
        given_values = {name: mpmath.mpf(v.numerator) / v.denominator for name, v in at.items()}
        truth = tree_value(Mp(), tree, given_values)
        assert w.number(w.values[w.output]) == float(truth)


def _constant(value: Fraction) -> Tree:
    from derive.tree import tree_of

    return tree_of(value)


@pytest.mark.parametrize(
    ("text", "at", "parts"),
    [
        ("1/x", "x=0", ["v_1 = 1/v_0", "v_0 (x) is 0", "division by zero"]),
        ("log(x - 2)", "x=3/2", ["v_2 = log(v_1)", "v_1 is -0.5", "positive"]),
        ("sqrt(x)", "x=-4", ["v_1 = sqrt(v_0)", "-4", "not negative"]),
        ("asin(x)", "x=3", ["asin", "3", "between -1 and 1"]),
        ("x^(1/2)", "x=-1", ["v_1 = v_0^(1/2)", "-1", "integer exponent"]),
        ("x^-2", "x=0", ["0", "positive"]),
        ("(x - x)/(x - x)", "x=2", ["division by zero"]),
        ("1/0", "", ["division by zero"]),
        ("log(0)", "", ["positive"]),
    ],
)
def test_an_undefined_value_names_node_operand_and_value(text: str, at: str, parts: list[str]) -> None:
    with pytest.raises(DomainError) as caught:
        work_out(derive.trace(text), read_point(at) if at else None)
    assert caught.value.exit_code == 3
    for part in parts:
        assert part in caught.value.message


def test_a_derivative_may_be_undefined_where_the_value_is_not() -> None:
    with pytest.raises(DomainError, match="has no derivative"):
        worked("sqrt(x)", "x=0")


def test_points_are_exact() -> None:
    w = worked("3*x - 1", "x=1/3")
    assert w.values["v_2"] == 0 and w.text(w.values["v_2"]) == "0"
    w = worked("sin(x)", "x=pi/2", digits=10)
    assert w.text(w.values["v_1"]) == "1.0000000000"
    assert w.number(worked("sin(x)", "x=pi").values["v_1"]) == 0.0


def test_cancellation_costs_no_digits() -> None:
    w = worked("(1 + x) - 1 - x + x^2", "x=1e-30")
    assert w.number(w.values[w.output]) == 1e-60


def test_a_sign_that_no_precision_settles_is_undecided() -> None:
    with pytest.raises(UndecidedError):
        worked("relu(sin(x)^2 + cos(x)^2 - 1)", "x=1")


def test_a_value_that_no_precision_settles_is_undecided_and_named() -> None:
    """sin of e^7000: the operand has more digits before the point than the last precision holds."""
    with pytest.raises(UndecidedError, match=r"^v_2 cannot be decided: with 8192 bits it is only known as \["):
        worked("sin(exp(x))", "x=7000")
    w = worked("sin(exp(x))", "x=700")
    with mpmath.workdps(400):
        assert w.number(w.values["v_2"]) == float(mpmath.sin(mpmath.exp(700)))


def test_neither_infinities_nor_wide_balls_are_printed() -> None:
    w = worked("x*y", "x=2,y=3")
    for ball in (flint.arb(2, 1), flint.arb("inf"), flint.arb("nan")):
        for shown in (w.text, w.number):
            with pytest.raises(UndecidedError, match="cannot be decided: it is only known as"):
                shown(ball)
    for double in (math.inf, -math.inf, math.nan):
        for shown in (w.text, w.number):
            with pytest.raises(DomainError, match="in doubles"):
                shown(double)


def test_without_flint_a_value_beyond_doubles_is_a_domain_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flint", None)
    assert not worked("exp(x)", "x=1").certified
    with pytest.raises(DomainError, match="v_1 is inf in doubles; certified digits need python-flint"):
        worked("exp(x)", "x=1000")


def test_the_double_is_the_nearest_also_where_the_decimals_are_clear() -> None:
    """A hair above the middle of two doubles: 192 bits do not see the hair, and all decimals are the same."""
    x = 1 + Fraction(1, 2**53) + Fraction(1, 2**300)
    w = work_out(derive.trace("exp(log(x))"), {"x": _constant(x)})
    assert w.number(w.values["v_2"]) == 1 + 2**-52 and w.bits > 192
    below = work_out(derive.trace("exp(log(x))"), {"x": _constant(x - Fraction(2, 2**300))})
    assert below.number(below.values["v_2"]) == 1.0


def test_equal_operands_of_a_kink_are_a_tie() -> None:
    for text in ("max(x, x)", "min(x, x)"):
        w = worked(text, "x=pi")
        assert w.number(w.values["v_1"]) == math.pi and w.number(w.adjoint("v_0")) == 1.0


@pytest.mark.parametrize(
    ("text", "x", "log10"),
    [
        ("sqrt(1 - exp(x))", "1000", lambda x: x / mpmath.log(10)),
        ("log(0 - exp(x))", "1000", lambda x: x / mpmath.log(10)),
        ("sqrt(-x^400)", "7", lambda x: 400 * mpmath.log10(x)),
        ("asin(x^400)", "3e30", lambda x: 400 * mpmath.log10(x)),
        ("log(-exp(x))", "1e30", lambda x: x / mpmath.log(10)),
        ("acos(exp(exp(x)))", "24", lambda x: mpmath.exp(x) / mpmath.log(10)),
    ],
)
def test_a_giant_outside_the_domain_is_named(text: str, x: str, log10: Callable[[object], object]) -> None:
    with pytest.raises(DomainError) as caught:
        worked(text, f"x={x}")
    found = re.search(r"(v_\d) is (-?)(\d\.\d{5})e\+(\d+), and", caught.value.message)
    assert found is not None and len(caught.value.message) < 200
    with mpmath.workdps(60):
        log = log10(mpmath.mpf(x))
        assert int(found[4]) == mpmath.floor(log)
        assert found[3] == mpmath.nstr(10 ** (log - mpmath.floor(log)), 6, strip_zeros=False)
    assert found[2] == ("" if text.startswith("a") else "-")


@pytest.mark.parametrize(("text", "x"), [("-exp(x)", "1e30"), ("exp(exp(x))", "400"), ("exp(-exp(x))", "40")])
def test_giants_of_any_size_are_correctly_rounded(text: str, x: str) -> None:
    """By logarithms of mpmath with 700 digits."""
    w = worked(text, f"x={x}")
    with mpmath.workdps(700):
        exponents = {"-exp(x)": mpmath.mpf, "exp(exp(x))": mpmath.exp, "exp(-exp(x))": lambda v: -mpmath.exp(v)}
        log = exponents[text](mpmath.mpf(x)) / mpmath.log(10)
        exponent = mpmath.floor(log)
        mantissa = mpmath.nstr(10 ** (log - exponent), 5)
    printed, _, shift = w.text(w.values[w.output]).removeprefix("-").partition("e")
    assert (printed, int(shift)) == (mantissa, int(exponent))


@pytest.mark.parametrize("edge", [1, -1])
def test_a_derivative_needs_each_of_its_requirements(edge: int) -> None:
    """asin and acos have a value at the ends of their domain, and no derivative; so has no other row one there."""
    for name in ("asin", "acos"):
        with pytest.raises(DomainError, match=f"has no derivative: .* is {edge}, and {name} needs .* strictly"):
            worked(f"{name}(x)", f"x={edge}")
        assert work_out(derive.trace(f"0*x + {name}({edge})"), read_point("x=1")).has_point


def test_without_a_point_everything_is_symbolic() -> None:
    w = work_out(derive.trace(SHEET))
    assert not w.has_point and w.adjoint("v_0") is None and w.number(None) is None


def test_a_missing_value_is_named() -> None:
    with pytest.raises(UsageError, match="x2 has no value"):
        worked(SHEET, "x1=1")


def test_very_large_values_are_infinite_as_doubles_and_exact_as_numbers() -> None:
    w = worked("x^400", "x=10")
    assert w.number(w.values["v_1"]) == float("inf")
    assert w.text(w.values["v_1"]) == "1.0000e+400"


def test_forward_and_reverse_give_the_same_printed_gradient() -> None:
    w = worked(SHEET, "x1=1.5,x2=0.5")
    assert w.tangent is not None
    for node in w.program.input_names:
        assert w.number(w.tangent_values[node]["vdot_6"]) == w.number(w.adjoint(node))


@pytest.mark.parametrize(
    ("text", "at"), [("sin(x)", "x=pi"), ("exp(log(x)) - x", "x=3"), ("sqrt(2)*sqrt(2) - x", "x=2")]
)
def test_a_hidden_zero_prints_as_zero_and_not_as_noise(text: str, at: str) -> None:
    w = worked(text, at)
    value = w.values[w.output]
    assert w.text(value) == "0.0000" and w.number(value) == 0.0


def test_giants_are_printed_in_scientific_notation() -> None:
    w = worked("exp(exp(x))", "x=20")
    with mpmath.workdps(40):
        truth = mpmath.exp(mpmath.exp(20))
    mantissa, exponent = w.text(w.values["v_2"]).split("e")
    assert mpmath.nstr(truth, 5).split("e")[0].startswith(mantissa[:5]) and int(exponent) == 210704567
    assert w.number(w.values["v_2"]) == float("inf")
    assert worked("exp(-x)", "x=1000000").number(worked("exp(-x)", "x=1000000").values["v_2"]) == 0.0


@pytest.mark.parametrize(
    ("text", "at", "value", "slope"),
    [
        ("(pi*x)^2.5", "x=0", 0.0, 0.0),
        ("x/sign(y)", "x=3,y=2", 3.0, 1.0),
        ("x*sign(2)/(sign(3)+sign(5)+sign(7))", "x=1", 1 / 3, 1 / 3),
        ("sin(x)^2", "x=pi", 0.0, 0.0),
        ("tan(x)", "x=pi", 0.0, 1.0),
        ("cos(x)^3", "x=pi/2", 0.0, 0.0),
    ],
)
def test_zeros_and_signs_stay_exact(text: str, at: str, value: float, slope: float) -> None:
    w = worked(text, at)
    assert w.number(w.values[w.output]) == value
    assert w.number(w.adjoint(w.program.input_names[0])) == slope
