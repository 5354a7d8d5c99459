"""Numbers of SymPy as literals: nothing is cut off on the way."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import derive
from derive import tree as t
from derive.errors import UsageError
from derive.reading.from_sympy import tree_from_sympy
from derive.reading.points import read_point
from derive.tree import Tree
from derive.worked import work_out


def literal(tree: Tree) -> Fraction:
    match tree:
        case t.Negative(body=t.Number() as number):
            return -number.value
        case t.Number():
            return tree.value
    raise AssertionError(tree)


@given(st.integers(-(10**40), 10**40).filter(bool), st.integers(-60, 60), st.integers(1, 60))
def test_a_float_of_any_precision_reads_back(mantissa: int, exponent: int, digits: int) -> None:
    with mpmath.workdps(digits):
        number = sympy.Float(mpmath.mpf(mantissa) * mpmath.mpf(10) ** exponent, digits)
    again = literal(tree_from_sympy(number))
    assert sympy.Float(sympy.Rational(again.numerator, again.denominator), precision=number._prec) == number


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_a_double_is_the_shortest_decimal_that_means_it(double: float) -> None:
    assert literal(tree_from_sympy(sympy.Float(double))) == Fraction(repr(double))


def test_thirty_digits_are_thirty_digits() -> None:
    digits = "0.123456789012345678901234567891"
    x = sympy.Symbol("x")
    worked = work_out(derive.trace(x * sympy.Float(digits, 30)), read_point("x=10^30"), digits=1)
    assert worked.text(worked.values[worked.output]) == digits.removeprefix("0.")[:1] + ".2e+29"
    assert worked.values[worked.output] == int(digits.removeprefix("0."))


def test_what_no_literal_holds_is_refused() -> None:
    assert literal(tree_from_sympy(sympy.Float("1e1000"))) == 10**1000
    assert literal(tree_from_sympy(-sympy.Float("1e-400"))) == -Fraction(1, 10**400)
    with pytest.raises(UsageError, match=r"beyond 10\^10000"):
        tree_from_sympy(sympy.Float("1e100000", 20))
    with pytest.raises(UsageError, match="more than 1000 digits"):
        tree_from_sympy(sympy.sqrt(2).evalf(2000))
