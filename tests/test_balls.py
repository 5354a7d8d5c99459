"""Certified arithmetic contains the true value, stays exact where it can, and never guesses a sign."""

from __future__ import annotations

from fractions import Fraction

import flint
import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.arithmetic import FLOATS
from derive.balls import EXACT_BITS, Balls
from derive.enclosures import GIANT, ends, giant, giant_text, nearest_double, printed_text
from derive.errors import UndecidedError
from derive.evaluate import evaluate
from derive.tracing import trace

BALLS = Balls(192)


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_kinks_of_whole_numbers_stay_exact(u: int, w: int) -> None:
    for found, truth in ((BALLS.max(u, w), max(u, w)), (BALLS.min(u, w), min(u, w)), (BALLS.abs(u), abs(u))):
        assert isinstance(found, flint.fmpq) and found == truth
    assert isinstance(BALLS.relu(u), flint.fmpq) and BALLS.relu(u) == max(u, 0)


def test_a_value_is_in_no_doubt_beside_itself() -> None:
    pi = BALLS.pi()
    assert BALLS.order(pi, pi) == 0 and BALLS.holds(">=", pi, pi) == 1 and BALLS.holds("<", pi, pi) == 0
    with pytest.raises(UndecidedError, match=r"it is 0 to [0-9]+ decimals"):
        BALLS.order(pi, BALLS.pi())


def test_a_ball_that_is_zero_has_the_order_of_zero() -> None:
    zero = flint.arb(0)
    assert BALLS.order(zero, 0) == 0 and BALLS.order(0, zero) == 0 and BALLS.order(zero + 2, 2) == 0
    with pytest.raises(UndecidedError):
        BALLS.order(flint.arb(0, 1e-30), 0)


def test_a_doubt_far_below_all_decimals_is_said_without_counting_them() -> None:
    with BALLS.precision(), pytest.raises(UndecidedError, match="0 to all decimals that are affordable"):
        BALLS.order(BALLS.exp(-(10**40)) - BALLS.exp(-(10**40)), 0)


@given(st.integers(1, 200), st.integers(2, 9))
def test_exact_numbers_become_balls_at_a_stated_length(power: int, base: int) -> None:
    """Of a long chain of squares no value is an exact rational longer than that, and every ball holds the value."""
    short = BALLS.exact(Fraction(base, base + 1) ** power)
    bits = (base**power).bit_length() + ((base + 1) ** power).bit_length()
    assert isinstance(short, flint.fmpq) == (bits <= EXACT_BITS)
    assert isinstance(BALLS.exact(Fraction(1, 2**EXACT_BITS)), flint.arb)
    assert isinstance(BALLS.power(base, EXACT_BITS), flint.arb) and isinstance(BALLS.power(base, 9), flint.fmpq)


def test_a_chain_of_squares_does_not_grow() -> None:
    program = trace("q0 = x*x\n" + "\n".join(f"q{k} = q{k - 1}*q{k - 1}" for k in range(1, 40)))
    with BALLS.precision():
        values = evaluate(program, {"x": BALLS.exact(Fraction(3, 7))}, BALLS)
    lengths = [v.p.bit_length() + v.q.bit_length() for v in values.values() if isinstance(v, flint.fmpq)]
    assert max(lengths) <= EXACT_BITS
    mantissa, exponent = str(giant_text(values["q39"], 10)).split("e")
    with mpmath.workdps(60):
        log = mpmath.mpf(2) ** 40 * mpmath.log10(mpmath.mpf(3) / 7)
        assert int(exponent) == mpmath.floor(log)
        assert abs(mpmath.mpf(mantissa) - 10 ** (log - mpmath.floor(log))) < mpmath.mpf("0.51e-10")


@given(st.integers(-(10**12), 10**12), st.integers(-300, 300), st.integers(1, 12))
def test_a_giant_is_printed_as_its_logarithm_says(mantissa: int, shift: int, digits: int) -> None:
    """m * 10^k of a giant k: the digits are those of m, the exponent is k and the places of m."""
    power = GIANT + 300 + abs(shift) if shift >= 0 else -(GIANT + 300 + abs(shift))
    with Balls(2 * GIANT).precision():
        value = flint.arb(mantissa) * flint.arb(10) ** power
    assert giant(value) == (0 if mantissa == 0 else 1 if shift >= 0 else -1)
    if mantissa and not str(mantissa).rstrip("0").endswith("5"):  # no tie
        text = giant_text(value, digits)
        exact = printed_text(Fraction(mantissa) * 10**20, digits)  # scientific, as it is beyond 1e9
        assert text is not None and exact is not None
        if "e" in exact:
            digits_of, exponent = exact.split("e")
            assert text == f"{digits_of}e{int(exponent) - 20 + power:+d}"


def test_ends_hold_the_ball_and_are_short() -> None:
    with Balls(192).precision():
        tiny = flint.arb(-(10**30)).exp()
        near = 1 + tiny * flint.arb(0, 1)
    for value in (tiny, -tiny, near, flint.arb(0, 1) * tiny, flint.arb(2) ** -GIANT / 3):
        low, high = ends(value)
        assert low is not None and high is not None
        assert low <= high and max(low.denominator, high.denominator).bit_length() <= GIANT + 1
        assert high - low <= Fraction(4, 2**GIANT) or high - low < abs(low) / 2**100
        assert flint.arb(0).contains(0) and (low < 0 < high or not value.contains(0) or value.is_zero())
    assert ends(flint.arb(10**30).exp()) == (None, None) == ends(flint.arb("nan"))


def test_what_is_not_decided_has_no_digits_and_no_double() -> None:
    wide = [flint.arb(0, 1), flint.arb(2, 1), flint.arb("nan"), flint.arb("inf"), flint.arb("-inf")]
    with Balls(192).precision():
        wide += [flint.arb(0, 1) * flint.arb(10**30).exp(), flint.arb(2, 1.9) * flint.arb(10**30).exp()]
    for value in wide:
        assert printed_text(value, 4) is None and nearest_double(value) is None
    assert printed_text(flint.arb(0, 1e-9), 4) == "0.0000" and nearest_double(flint.arb(0, 1e-9)) is None
    assert printed_text(flint.arb(0, 1e-4), 4) is None


def test_a_power_beyond_all_doubles_has_the_sign_that_ieee_gives_it() -> None:
    """numpy.power is the witness: IEEE 754's pow."""
    import numpy as np

    for base in (-10.0, -1.5, 10.0):
        for exponent in (308.0, 309.0, 310.0, 2001.0, 2002.0, 9007199254740991.0, -400.0, -401.0):
            with np.errstate(all="ignore"):
                assert FLOATS.power(base, exponent) == np.power(base, exponent)
