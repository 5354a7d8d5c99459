"""Values as a problem file gives them: exact numbers, formulas such as "pi/3", and arrays of both."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Union

from derive.reading.limits import EXPONENT, LITERAL_DIGITS
from derive.verification.places import Source

MOST_AXES = 8

#: A number as given: exact, a formula such as "pi/3" that is read later, or an array of them.
Given = Union[Fraction, str, "tuple[Given, ...]"]


def given(found: object, path: tuple[str, ...], source: Source, depth: int = 0) -> Given:
    """An exact number, a formula in quotes, or a rectangular array of them. Raises ReadingError with the key path."""
    if depth > MOST_AXES:
        raise source.error(f"an array has at most {MOST_AXES} axes", path[:-depth])
    if isinstance(found, list):
        parts = tuple(given(each, (*path, str(place)), source, depth + 1) for place, each in enumerate(found))
        if not parts:
            raise source.error("the array is empty", path)
        if len({_extents(part) for part in parts}) > 1:
            raise source.error("the rows of the array have different lengths", path)
        return parts
    if isinstance(found, str) and found.strip():
        return found.strip()
    if isinstance(found, bool) or not isinstance(found, (int, Decimal)):
        raise source.error(f'this is {shown(found)}, and a number or a formula such as "pi/3" is expected', path)
    number = Decimal(found)
    if not number.is_finite():
        raise source.error(f"{found} is no number", path)
    _, digits, exponent = number.as_tuple()
    if len(digits) > LITERAL_DIGITS or abs(int(exponent)) > EXPONENT:
        raise source.error(f"the number has more than {LITERAL_DIGITS} digits or is beyond 10^{EXPONENT}", path)
    return Fraction(number)


def _extents(value: Given) -> tuple[int, ...]:
    return (len(value), *_extents(value[0])) if isinstance(value, tuple) else ()


def shown(value: object) -> str:
    """A value as an error shows it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value[:60]}"' if value.strip() else "an empty text"
        case list():
            return "a list"
        case dict():
            return "a table"
        case Decimal() if len(str(value)) <= 60:
            return str(value)
        case int() if abs(value) < 10**30:
            return str(value)
    return f"a {type(value).__name__.lower()}"
