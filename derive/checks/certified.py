"""How many decimal digits of the gradient in double precision are right, against certified balls."""

from __future__ import annotations

from fractions import Fraction
from math import floor, isfinite, log10

from derive.enclosures import interval
from derive.errors import DomainError
from derive.evaluate import evaluate, sweep
from derive.worked import Worked

#: What 53 bits can hold.
MOST_DIGITS = 17


def certified_digits(worked: Worked) -> int | None:
    """The number of right digits of the worst entry of the gradient, 0 to 17; None without certified values.

    Raises DomainError where doubles have no value.
    """
    worst = worst_entry(worked)
    return None if worst is None else worst[0]


def worst_entry(worked: Worked) -> tuple[int, str] | None:
    """The same with the entry, as "dy/dx"; "" where all have all digits.

    The gradient is evaluated in doubles, at the doubles nearest to the point, as emitted code would. An entry that is
    the double nearest to the true value has all 17.
    Raises DomainError where doubles have no value.
    """
    if not worked.certified or not worked.has_point:
        return None
    program = worked.program
    point = {name: worked.number(worked.values[name]) for name in program.input_names}
    values = evaluate(program, point)
    fewest = (MOST_DIGITS, "")
    for output, derivation in worked.adjoints.items():
        found = sweep(derivation, values)
        for name in program.input_names:
            bar = derivation.names[name]
            if bar in found:
                if not isfinite(found[bar]):
                    raise DomainError(f"{bar} is {found[bar]} in doubles", node=bar)
                right = digits_right(float(found[bar]), worked, worked.adjoint(name, output))
                if right < fewest[0]:
                    fewest = (right, f"d{program.label(output)}/d{program.label(name)}")
    return fewest


def digits_right(double: float, worked: Worked, value: object) -> int:
    """How many digits of a double are right, by its relative error against the certified value."""
    if double == worked.number(value):
        return MOST_DIGITS
    low, high = interval(value)
    if low is None or high is None or not isfinite(double):
        return 0
    exact = Fraction(double)
    error = max(abs(exact - low), abs(exact - high))
    size = max(abs(low), abs(high))
    if not size:  # the true value is 0, and the double is not
        return 0
    ratio = error / size
    return max(0, min(MOST_DIGITS, floor(-_log10(ratio))))


def _log10(ratio: Fraction) -> float:
    """The logarithm of a fraction of any size."""
    shift = ratio.numerator.bit_length() - ratio.denominator.bit_length()
    return log10(ratio / Fraction(2) ** shift) + shift * log10(2)
