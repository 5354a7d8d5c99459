"""Where the values of a name lie: `positive`, `[0, 1)`, `{-1, 1}`, `1..T`, `classes of K` as small records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Union

from derive.errors import ReadingError
from derive.reading.limits import EXPONENT
from derive.reading.reader import read
from derive.tree import Tree
from derive.words import nearest


@dataclass(frozen=True, slots=True)
class Plain:
    """One of WORDS. one-hot and simplex hold along the last axis, symmetric for the last two."""

    word: str


@dataclass(frozen=True, slots=True)
class Interval:
    """lower and upper : ends, None where there is none.  open_lower, open_upper : the end itself is left out."""

    lower: Fraction | None
    upper: Fraction | None
    open_lower: bool = False
    open_upper: bool = False

    def __contains__(self, number: Fraction) -> bool:
        above = self.lower is None or (number > self.lower if self.open_lower else number >= self.lower)
        below = self.upper is None or (number < self.upper if self.open_upper else number <= self.upper)
        return above and below


@dataclass(frozen=True, slots=True)
class Values:
    """One of finitely many numbers, `{-1, 1}`."""

    numbers: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A whole number from first to last, both included; the ends are integer expressions of sizes, `1..T`."""

    first: Tree
    last: Tree


@dataclass(frozen=True, slots=True)
class Classes:
    """The number of one of `count` classes, `classes of K`, counted from `index_from`."""

    count: Tree


Domain = Union[Plain, Interval, Values, Range, Classes]

WORDS = ("real", "positive", "nonnegative", "nonzero", "integer", "one-hot", "simplex", "symmetric")
REAL = Plain("real")
_SPELLINGS = {
    "non-negative": "nonnegative", "non-zero": "nonzero", "onehot": "one-hot", "one hot": "one-hot",
    "integers": "integer", "reals": "real",
}  # fmt: skip
_FORMS = "[0, 1], (0, 1), {-1, 1}, 1..T or classes of K"
_NUMBER = re.compile(r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e([+-]?[0-9]{1,6}))?(?:/([0-9]+))?")


def read_domain(text: str) -> Domain:
    """The domain that a string names. Raises ReadingError with what may be written instead."""
    words = " ".join(text.replace("\N{MINUS SIGN}", "-").split())
    lower = _SPELLINGS.get(words.lower(), words.lower())
    if lower in WORDS:
        return Plain(lower)
    if count := re.fullmatch(r"classes of (.+)", words):
        return Classes(_whole(count[1], text))
    if words[:1] == "{" and words[-1:] == "}":
        return _values(words[1:-1], text)
    if words[:1] in ("[", "(", "]") and words[-1:] in ("]", ")", "["):
        return _interval(words, text)
    first, dots, last = words.partition("..")
    if dots and first.strip() and last.strip(" .") and not last.startswith("."):
        return Range(_whole(first, text), _whole(last, text))
    close = nearest(lower, WORDS)
    hint = f"did you mean {close}?" if close else f"write one of {', '.join(WORDS)}, {_FORMS}"
    raise ReadingError(f"there is no domain {text!r}; {hint}", text)


def _values(inside: str, text: str) -> Values:
    numbers = tuple(_number(part, text) for part in inside.split(","))
    if len(set(numbers)) != len(numbers):
        raise ReadingError(f"{text} names a number twice", text)
    return Values(numbers)


def _interval(words: str, text: str) -> Interval:
    ends = words[1:-1].split(",")
    if len(ends) != 2:
        raise ReadingError(f"an interval has two ends, such as (0, 1), and {text!r} has {len(ends)}", text)
    lower = None if _infinite(ends[0], "-") else _number(ends[0], text)
    upper = None if _infinite(ends[1], "+") else _number(ends[1], text)
    if lower is not None and upper is not None and lower >= upper:
        raise ReadingError(f"the interval {text} is empty or a point: its lower end is not below its upper one", text)
    return Interval(lower, upper, words[0] != "[" or lower is None, words[-1] != "]" or upper is None)


def _infinite(end: str, sign: str) -> bool:
    plain = end.strip().replace("\\infty", "inf").replace("∞", "inf").replace("infinity", "inf")
    return plain == f"{sign}inf" or (sign == "+" and plain == "inf")


def _number(part: str, text: str) -> Fraction:
    found = _NUMBER.fullmatch(part.strip().replace(" ", ""))
    if found is None:
        raise ReadingError(f"{part.strip()!r} in the domain {text} is no number; write 0.5 or 1/2", text)
    sign, digits, exponent, below = found.groups()
    if abs(int(exponent or 0)) > EXPONENT or len(digits) > 1000 or len(below or "") > 1000:
        raise ReadingError(f"a number in the domain {text[:60]} is too large", text)
    if below is not None and int(below) == 0:
        raise ReadingError(f"{part.strip()} in the domain {text} divides by 0", text)
    value = Fraction(digits) * Fraction(10) ** int(exponent or 0) / int(below or 1)
    return -value if sign == "-" else value


def _whole(part: str, text: str) -> Tree:
    """An integer expression of sizes."""
    try:
        return read(part.strip())
    except ReadingError as reason:
        raise ReadingError(f"{part.strip()!r} in the domain {text} cannot be read: {reason.message}", text) from None


def holds(domain: Domain, number: Fraction) -> bool | None:
    """Whether one number lies in the domain; None where that depends on sizes or on other entries."""
    match domain:
        case Plain(word="positive"):
            return number > 0
        case Plain(word="nonnegative" | "simplex"):
            return number >= 0
        case Plain(word="nonzero"):
            return number != 0
        case Plain(word="integer"):
            return number.denominator == 1
        case Plain(word="one-hot"):
            return number in (0, 1)
        case Interval():
            return number in domain
        case Values(numbers=numbers):
            return number in numbers
        case Range() | Classes():
            return False if number.denominator != 1 else None
    return True
