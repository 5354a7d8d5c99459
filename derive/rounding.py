"""Printed digits: the correct rounding of a number that is only known to lie in an interval, or no answer.

Every function takes the two exact ends of the interval; where both round alike, the true value rounds so too.
"""

from __future__ import annotations

import math
from fractions import Fraction

#: From this size on numbers are printed as 1.2346e+09.
LARGE = Fraction(10) ** 9


def to_float(low: Fraction, high: Fraction) -> float | None:
    """The double nearest to every number between the ends; None where they differ. Never -0."""
    first = nearest_float(low)
    return first + 0.0 if low == high or first == nearest_float(high) else None


def nearest_float(value: Fraction) -> float:
    """Correctly rounded (half to even), with infinity beyond the largest double."""
    try:
        return value.numerator / value.denominator
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def decimal_text(low: Fraction, high: Fraction, digits: int) -> str | None:
    """The value with `digits` decimals, correctly rounded (half to even); None where the ends round differently.

    An exact value that has at most that many decimals is printed as it is: 3, 1.5. Very small and very large values
    have `digits` decimals behind the first significant digit: 4.5400e-05.
    """
    if low == high and (short := _terminating(low, digits)) is not None:
        return short
    first = _rounded(low, digits)
    return first if low == high or first == _rounded(high, digits) else None


def exact_text(value: Fraction) -> str:
    """An exact value as a terminating decimal where it is one, else as a fraction."""
    return _terminating(value, 1000) or str(value)


def _terminating(value: Fraction, digits: int) -> str | None:
    """The decimal itself, if it ends after at most `digits` decimals and is of ordinary size."""
    if abs(value) >= LARGE * 10**6:
        return None
    denominator, fives = value.denominator, 0
    twos = (denominator & -denominator).bit_length() - 1
    denominator >>= twos
    if twos > digits or denominator > 5**digits:  # before any division: an end of a ball has thousands of bits
        return None
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    places = max(twos, fives)
    if denominator != 1 or places > digits:
        return None
    return _fixed(value, places)


def _rounded(value: Fraction, digits: int) -> str:
    size = abs(value)
    small = Fraction(1, 10 ** max(1, digits - 2))
    if size == 0 or small <= size < LARGE:
        return _fixed(value, digits)
    return scientific_text(value, digits)


def _fixed(value: Fraction, digits: int) -> str:
    scaled = round(abs(value) * 10**digits)  # a Fraction rounds half to even
    text = str(scaled).rjust(digits + 1, "0")
    whole = text[:-digits] if digits else text
    sign = "-" if value < 0 and scaled else ""
    return sign + whole + ("." + text[-digits:] if digits else "")


def scientific_text(value: Fraction, digits: int, power: int = 0) -> str:
    """value * 10^power with `digits` decimals behind the first digit, correctly rounded (half to even): 4.5400e-05."""
    size = abs(value)
    # log10 from the lengths in bits, at most one too large; then exact
    exponent = (size.numerator.bit_length() - size.denominator.bit_length() + 1) * 30103 // 100000 + 1
    while Fraction(10) ** exponent > size:
        exponent -= 1
    mantissa = round(size / Fraction(10) ** exponent * 10**digits)
    if mantissa == 10 ** (digits + 1):
        mantissa, exponent = mantissa // 10, exponent + 1
    text = str(mantissa)
    point = "." + text[1:] if digits else ""
    return f"{'-' if value < 0 else ''}{text[0]}{point}e{exponent + power:+03d}"
