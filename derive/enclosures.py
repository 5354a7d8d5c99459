"""What is known of a number: the interval that holds it, and the digits on which both of its ends agree.

A number is a float, an exact rational, or a ball (python-flint's arb). Ends are fractions, so that nothing is rounded
on the way to the digits; of giants, whose fractions would fill the memory, only logarithms are taken.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf, isfinite
from typing import Any

from derive.errors import DomainError, MissingPartError
from derive.rounding import decimal_text, nearest_float, scientific_text, to_float

#: A giant is a number beyond 2^GIANT, or nearer to 0 than 2^-GIANT: its ends as fractions would fill the memory.
GIANT = 1 << 17
#: Ends that agree in this many bits, and still round differently, hide a tie that no precision settles.
TIE_BITS = 2500


def flint() -> Any:
    """python-flint, or MissingPartError with the line that installs it."""
    try:
        import flint as module
    except ImportError as reason:
        raise MissingPartError(
            "certified digits need python-flint, which is not installed; run: pip install python-flint"
        ) from reason
    return module


def exponent(ball: Any) -> int:
    """The binary exponent of a finite ball: its largest size is at least 2^(e - 1) and below 2^e; 0 for zero."""
    mantissa, shift = ball.abs_upper().man_exp()
    return int(shift) + int(mantissa).bit_length() if mantissa else 0


def giant(value: Any) -> int:
    """1 for a ball that reaches beyond 2^GIANT, -1 for one nearer to 0 than 2^-GIANT but not 0; 0 for all others."""
    if not hasattr(value, "mid") or not value.is_finite():
        return 0
    size = exponent(value)
    if size > GIANT:
        return 1
    return -1 if size < -GIANT and not value.contains(0) else 0


def ends(value: Any) -> tuple[Fraction, Fraction] | tuple[None, None]:
    """The ends of the interval that holds the value, exact or rounded outwards to 2^-GIANT.

    None, None where it is not finite, or reaches beyond 2^GIANT.
    """
    if not hasattr(value, "mid"):
        exact = Fraction(int(value.p), int(value.q)) if hasattr(value, "q") else Fraction(value)
        return exact, exact
    if not value.is_finite() or giant(value) > 0:
        return None, None
    low, high = (_fraction(value.mid(), up) for up in (False, True))
    radius = _fraction(value.rad(), True)
    return low - radius, high + radius


def _fraction(value: Any, up: bool) -> Fraction:
    """An exact ball as a fraction; of one that has bits behind 2^-GIANT, the next multiple of that below or above."""
    mantissa, shift = (int(part) for part in value.man_exp())
    if shift >= 0:
        return Fraction(mantissa << shift)
    if -shift > GIANT:
        mantissa = -(-mantissa >> (-shift - GIANT)) if up else mantissa >> (-shift - GIANT)
    return Fraction(mantissa, 1 << min(-shift, GIANT))


def interval(value: Any) -> tuple[Fraction, Fraction] | tuple[None, None]:
    """The ends of a value of any kind, exact for all but balls; None, None for a ball without.

    Raises DomainError for a float that is no number.
    """
    if isinstance(value, float):
        if not isfinite(value):
            raise DomainError(f"a value is {value} in doubles; certified digits need python-flint")
        return Fraction(value), Fraction(value)
    if isinstance(value, (int, Fraction)):
        return Fraction(value), Fraction(value)
    return ends(value)


def printed_text(value: Any, digits: int) -> str | None:
    """The correctly rounded decimal; None for a ball that rounds more than one way."""
    if giant(value):
        return giant_text(value, digits)
    low, high = interval(value)
    if low is None or high is None:
        return None
    printed = decimal_text(low, high, digits)
    if printed is None and low <= 0 <= high and 2 * max(-low, high) < Fraction(1, 10**digits):
        return f"{0:.{digits}f}"  # nothing tells it from 0, which it is to all printed decimals
    if printed is None and _tied(low, high):
        middle = (low + high) / 2
        printed = decimal_text(middle, middle, digits)
    return printed


def nearest_double(value: Any) -> float | None:
    """The double nearest to a value, also an infinite one; None for a ball that several may be nearest to."""
    if size := giant(value):
        if size < 0:
            return 0.0
        return (inf if value > 0 else -inf) if value.rel_accuracy_bits() > 1 else None
    low, high = interval(value)
    if low is None or high is None:
        return None
    nearest = to_float(low, high)
    if nearest is None and _tied(low, high):
        middle = (low + high) / 2
        nearest = to_float(middle, middle)
    return nearest


def _tied(low: Fraction, high: Fraction) -> bool:
    return low * high > 0 and (high - low) * 2**TIE_BITS <= max(abs(low), abs(high))


def giant_text(value: Any, digits: int) -> str | None:
    """A giant as 8.4423e+4232114373, correctly rounded (half to even); None where its ends round differently."""
    if value.contains(0):
        return None
    context = flint().ctx
    before = context.prec
    context.prec = 4 * digits + 2 * exponent(value).bit_length() + 2 * TIE_BITS
    try:
        ten = flint().arb(10)
        power = (abs(value).mid().log() / ten.log()).mid().floor().unique_fmpz()
        low, high = ends(value / ten**power)
    finally:
        context.prec = before
    if low is None or high is None or low <= 0 <= high:
        return None
    if _tied(low, high):
        low = high = (low + high) / 2
    first = scientific_text(low, digits, int(power))
    return first if first == scientific_text(high, digits, int(power)) else None


def known(ball: Any) -> str:
    """What is known of a ball that is not decided, for a message."""
    text = str(ball.str(6))
    return text if len(text) <= 60 else f"{text[:40]}..., which is beyond all digits"


def shown(ball: Any) -> str:
    """Six digits of a ball, for a message."""
    low, high = ends(ball)
    if low is None or high is None or giant(ball):
        return str(ball.str(6, radius=False))
    middle = (low + high) / 2
    double = nearest_float(middle)
    return f"{double:.6g}" if isfinite(double) else scientific_text(middle, 5)
