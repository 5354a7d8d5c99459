"""A printed line against the truth: is its formula right, and which rounding explains its number.

Labels: "correctly rounded"; "truncated" (the digits of the true value, cut off); "chained rounding" (the formula
evaluated on operands that were already rounded); "wrong". Formula and number are judged apart: a right number does not
excuse a wrong formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

from derive.balls import Balls
from derive.enclosures import ends
from derive.evaluate import tree_value
from derive.tree import Tree
from derive.worked import Worked


@dataclass(frozen=True, slots=True)
class PrintedVerdict:
    """right_formula : whether the printed formula has the line's value.  as_printed : what it gives instead.

    label : how the printed number relates to the true value.  correct : the correct rounding to as many decimals.
    """

    name: str
    right_formula: bool
    as_printed: str
    label: str
    correct: str


def judge(worked: Worked, name: str, formula: Tree, number: str, printed: Mapping[str, str]) -> PrintedVerdict:
    """Judge one printed line of a worked trace.

    formula : the printed right-hand side.  number : the digits as printed.  printed : the numbers printed for other
        names, on which a chained computation would have been done.
    """
    balls = Balls(192)
    with balls.precision():
        known: dict[str, Any] = {**worked.values, **worked.adjoint_values[worked.output]}
        truth = known[name]
        value = tree_value(balls, formula, known)
        difference = balls.exact(value) - balls.exact(truth)
        right = bool(difference == 0) or (hasattr(difference, "contains") and difference.contains(0))
        places = len(number.partition(".")[2])
        shown = {key: balls.exact(Fraction(printed[key])) if key in printed else known[key] for key in known}
        chained = ends(tree_value(balls, formula, shown))
    correct = worked.text(truth, max(places, 1)) if places else worked.text(truth)
    return PrintedVerdict(
        name, right, worked.text(value), _label(number, places, correct, ends(truth), chained), correct
    )


def _label(number: str, places: int, correct: str, truth: Any, chained: Any) -> str:
    value = Fraction(number)
    if value == Fraction(correct):
        return "correctly rounded"
    scale = 10**places
    low, high = (abs(end) for end in truth)
    if floor(low * scale) == floor(high * scale) and Fraction(floor(low * scale), scale) == abs(value):
        return "truncated"
    if all(abs(end - value) * scale <= Fraction(1, 2) for end in chained):
        return "chained rounding"
    return "wrong"
