"""Printed digits are correctly rounded, or are not printed."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.rounding import decimal_text, exact_text, nearest_float, to_float


@given(st.fractions(-1000, 1000), st.integers(1, 12))
def test_ordinary_values_are_rounded_half_to_even(value: Fraction, digits: int) -> None:
    text = decimal_text(value, value, digits)
    assert text is not None
    if "e" not in text:
        scale = 10**digits
        assert Fraction(text) == Fraction(round(value * scale), scale)
        assert not text.startswith("-0") or Fraction(text) != 0


@given(st.fractions(), st.integers(1, 30))
def test_a_printed_value_is_within_half_a_unit_of_its_last_digit(value: Fraction, digits: int) -> None:
    text = decimal_text(value, value, digits)
    assert text is not None
    mantissa, _, exponent = text.partition("e")
    places = len(mantissa.partition(".")[2])
    assert abs(Fraction(text) - value) <= Fraction(10) ** (int(exponent or 0) - places) / 2


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_nearest_double_of_a_double_is_itself(value: float) -> None:
    exact = Fraction(value)
    assert nearest_float(exact) == value
    assert str(to_float(exact, exact)) != "-0.0"


def test_exact_ties_go_to_the_even_digit() -> None:
    for value, text in (("0.28125", "0.2812"), ("0.28135", "0.2814"), ("-0.28125", "-0.2812")):
        assert decimal_text(Fraction(value), Fraction(value), 4) == text
    assert decimal_text(Fraction("123456789012.5") / 10**18, Fraction("123456789012.5") / 10**18, 3) == "1.235e-07"


def test_an_interval_that_rounds_two_ways_is_not_printed() -> None:
    assert decimal_text(Fraction("1.49999"), Fraction("1.50001"), 1) == "1.5"
    assert decimal_text(Fraction("1.2499"), Fraction("1.2501"), 1) is None
    assert to_float(Fraction(1), Fraction(1) + Fraction(1, 2**60)) == 1.0
    assert to_float(Fraction(1), Fraction(1) + Fraction(1, 2**50)) is None


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        ("3", 4, "3"), ("1.5", 4, "1.5"), ("-13.72396151", 4, "-13.7240"), ("2.016646669", 4, "2.0166"),
        ("0.00004540", 4, "4.54e-05"), ("0.000045401", 4, "4.5401e-05"), ("123456789012", 4, "123456789012"),
        ("1234567890.12345", 4, "1.2346e+09"), ("0.99999", 4, "1.0000"), ("0.05", 1, "5.0e-02"),
        ("-0.00001", 2, "-1.00e-05"),
    ],
)  # fmt: skip
def test_sizes_and_signs(value: str, digits: int, text: str) -> None:
    exact = Fraction(value)
    printed = decimal_text(exact, exact, digits)
    assert printed is not None and Decimal(printed) == Decimal(text).quantize(Decimal(text), ROUND_HALF_EVEN)


def test_large_and_small_values_overflow_to_infinity_not_to_an_error() -> None:
    assert nearest_float(Fraction(10) ** 400) == float("inf")
    assert nearest_float(Fraction(1, 10**400)) == 0.0


def test_exact_values_end_where_their_decimals_end() -> None:
    assert exact_text(Fraction(1, 8)) == "0.125"
    assert exact_text(Fraction(1, 3)) == "1/3"
