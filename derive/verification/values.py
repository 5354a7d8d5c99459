"""Printed numbers: which convention of rounding explains the digits, and whether they fit the formula beside them.

A number with k decimals is the interval of half a unit in its last place around it. It is right if the true value, or
the formula evaluated on the operands as the work prints them, lies in it; cut-off digits are accepted and named.
Source of the rule: docs/verification.md; "must equal the correct rounding" would charge honest work.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from itertools import product as combinations
from typing import Any

from derive import tree as t
from derive.enclosures import flint
from derive.errors import DeriveError
from derive.tree import Tree
from derive.verification.definitions import define
from derive.verification.graph import Node, UndefinedNode
from derive.verification.model import Model
from derive.verification.points import Undecided, balls, precision
from derive.verification.problems import Problem
from derive.verification.shaped import OutsideFamily, ShapeClash, Unjudged

BITS = 256
#: How many of the numbers in a formula are read as names, and in how many ways together.
NUMBERS, READINGS = 5, 33


@dataclass(frozen=True)
class NumberNote:
    """printed : as written.  verdict : "correct" or "wrong".  label : how its digits come about.  true : the value."""

    printed: str
    verdict: str
    label: str
    true: str = ""


def is_literal(tree: Tree) -> bool:
    """Whether a link is a printed number, with its sign."""
    while isinstance(tree, t.Negative):
        tree = tree.body
    return isinstance(tree, t.Number)


def text_of(tree: Tree) -> str:
    return f"-{text_of(tree.body)}" if isinstance(tree, t.Negative) else tree.text if isinstance(tree, t.Number) else ""


@dataclass(frozen=True)
class Printed:
    """A decimal with the place of its last digit: 1.50 has unit 1/100."""

    value: Fraction
    unit: Fraction
    text: str

    @staticmethod
    def of(text: str) -> Printed:
        exponent = int(Decimal(text).as_tuple().exponent)
        return Printed(Fraction(text), Fraction(10) ** exponent, text)

    @property
    def is_whole(self) -> bool:
        return self.unit >= 1


class Values:
    """The problem at its [values]: exact numbers for all inputs that have one."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem = problem
        self.model = Model(problem, problem.sizes, seed, numbers=True)
        self.mark = len(self.model.graph)
        self.printed: dict[str, Printed] = {}

    def forget(self) -> None:
        self.model.forget(self.mark)
        self.printed.clear()

    def define(self, head: t.Name | t.Subscript, right: Tree, conditions: tuple[Tree, ...]) -> None:
        define(head, right, conditions, self.model)

    # --- numbers ------------------------------------------------------------------------------------------------------

    def number(self, head: Tree, link: Tree, formula: Tree | None) -> NumberNote:
        """What is to be said of a number that a row prints for its left side.

        formula : the link before it, evaluated on printed operands where the true value does not explain the digits.
        """
        printed = Printed.of(text_of(link))
        true = self.true(head)
        label = self._label(printed, true)
        if label is None and formula is not None and not is_literal(formula):
            holds = self._ball(self.model.meaning.node(formula, {})).overlaps(true)
            numbers_only = not any(isinstance(node, (t.Name, t.Subscript)) for node in t.walk(formula))
            label = self._chained(printed, formula) if holds or numbers_only else None
            own = self._label(printed, self._ball(self.model.meaning.node(formula, {}))) if label is None else None
            if own is not None:
                label = f"wrong, but {own} of the formula beside it"
        self.printed[_key(head)] = printed
        verdict = "wrong" if label is None or label.startswith("wrong") else "correct"
        return NumberNote(printed.text, verdict, label or "wrong", _shown(true))

    def true(self, tree: Tree) -> Any:
        """The certified value of a number that a row is about."""
        return self._ball(self.model.meaning.node(tree, {}))

    def holds(self, head: Tree, link: Tree) -> list[NumberNote] | None:
        """Notes if a formula with printed numbers in it agrees with its left side at the values; else None."""
        decimals = [node for node in t.walk(link) if isinstance(node, t.Number) and not node.text.isdigit()]
        names = [name for name in t.names_in(link) if name not in ("pi", "e")]
        if not decimals and names:
            return None
        try:
            with precision(BITS):
                true = self._ball(self.model.meaning.node(head, {}))
                found = Intervals(self.model, {}, wide=True).value(link)
        except (Unjudged, Undecided, ZeroDivisionError, ValueError):
            return None
        if not found.overlaps(true):
            return None
        return [NumberNote(_source(link), "correct", "holds with the printed digits", _shown(true))]

    def both(self, left: Tree, right: Tree) -> tuple[Any, Any] | None:
        """Both sides of a row at the values, where they are numbers and differ."""
        try:
            one = self._ball(self.model.meaning.node(left, {}))
            other = self._ball(self.model.meaning.node(right, {}))
        except (Unjudged, ShapeClash, UndefinedNode, OutsideFamily, DeriveError, Undecided):
            return None
        return None if one.overlaps(other) else (one, other)

    def with_names(self, tree: Tree) -> Iterator[Tree]:
        """A formula with given numbers in it, one or several, read as the names that have these values."""
        names: dict[Fraction, list[Tree]] = {}
        for name, value in self.problem.values.items():
            if isinstance(value, Fraction):
                names.setdefault(abs(value), []).append(t.Name(name) if value >= 0 else t.Negative(t.Name(name)))
        numbers = [node for node in t.walk(tree) if isinstance(node, t.Number) and node.value in names][:NUMBERS]
        options = [[number, *names[number.value]] for number in numbers]
        for chosen in islice(combinations(*options), 1, READINGS):
            read = {id(number): named for number, named in zip(numbers, chosen, strict=True)}
            yield t.transformed(tree, lambda node: read.get(id(node), node))  # noqa: B023

    def _ball(self, node: Node) -> Any:
        found = balls(self.model.judge.point(0), (node,), BITS)[node]
        if found is None:
            raise Unjudged("there is no value at the given numbers", "undefined")
        return found

    def _label(self, printed: Printed, true: Any) -> str | None:
        """exact, rounded or truncated; None where the true value does not have these digits."""
        with precision(BITS):
            arb = type(true)
            value = _exact(printed.value)
            gap = abs(true - value)
            if gap.contains(0) and bool(gap.upper() < arb(10) ** -40):
                return "exact"
            half = _exact(printed.unit / 2)
            if bool(gap <= half):
                return "rounded"
            toward_zero = bool(abs(true) >= abs(value)) and bool(gap < _exact(printed.unit))
            same_side = printed.value == 0 or bool((true > 0) == (value > 0))
            if toward_zero and same_side:
                return "truncated"
            if gap.overlaps(half):
                return "rounded"
        return None

    def _chained(self, printed: Printed, formula: Tree) -> str | None:
        """Whether the digits come from the operands as they are printed in earlier rows."""
        try:
            with precision(BITS):
                found = Intervals(self.model, self.printed, wide=True).value(formula)
                value = _exact(printed.value)
                # what rounds or is cut off to these digits: half a unit towards zero, a whole one away from it
                away = 0 if not printed.value else 1 if printed.value > 0 else -1
                centre = printed.value + away * printed.unit / 4
                reach = printed.unit if not away else printed.unit * 3 / 4
                arb = type(found)
                beyond = _exact(abs(printed.value) + printed.unit) - arb(10) ** -40  # cut off it has other digits
                if (not away or bool((away * found).lower() < beyond)) and found.overlaps(
                    _exact(centre) + arb(0, _exact(reach))
                ):
                    exactly = Intervals(self.model, self.printed, wide=False).value(formula)
                    if bool(abs(exactly - value) <= _exact(printed.unit / 2)):
                        return "chained rounding: it follows from the printed operands"
                    return "chained: within the digits of the printed operands"
        except (Unjudged, Undecided, ZeroDivisionError, ValueError):
            return None
        return None


class Intervals:
    """A formula on the operands as shown: printed digits in place of names, each as an interval where `wide`."""

    def __init__(self, model: Model, printed: Mapping[str, Printed], wide: bool) -> None:
        self.model = model
        self.printed = printed
        self.wide = wide
        # a number that the problem gives is exact
        self.given = {abs(value) for value in model.problem.values.values() if isinstance(value, Fraction)}
        self.arb = flint().arb

    def value(self, tree: Tree) -> Any:
        shown = self.printed.get(_key(tree))
        if shown is not None:
            return self._interval(shown)
        match tree:
            case t.Number(text=text):
                return self._interval(Printed.of(text))
            case t.Negative(body=body):
                return -self.value(body)
            case t.Sum(terms=terms):
                total = self.arb(0)
                for sign, part in terms:
                    total = total + self.value(part) if sign == "+" else total - self.value(part)
                return total
            case t.Product(factors=factors):
                product = self.arb(1)
                for operator, part in factors:
                    product = product / self.value(part) if operator in ("/", "./") else product * self.value(part)
                return product
            case t.Power(base=base, exponent=t.Number() as exponent) if exponent.value.denominator == 1:
                return self.value(base) ** int(exponent.value)
            case t.Call(function=name, arguments=(argument,)) if name in (
                "exp",
                "log",
                "sin",
                "cos",
                "tan",
                "tanh",
                "sqrt",
            ):
                return getattr(self.value(argument), name)()
        node = self.model.meaning.node(tree, {})
        found = balls(self.model.judge.point(0), (node,), BITS)[node]
        if found is None:
            raise Unjudged("there is no value at the given numbers", "undefined")
        return found

    def _interval(self, printed: Printed) -> Any:
        value = _exact(printed.value)
        if self.wide and not printed.is_whole and abs(printed.value) not in self.given:
            return value + self.arb(0, _exact(printed.unit / 2))
        return value


def _exact(value: Fraction) -> Any:
    library = flint()
    return library.arb(library.fmpq(value.numerator, value.denominator))


def _key(tree: Tree) -> str:
    from derive.plain import formula

    return formula(tree)


def _source(tree: Tree) -> str:
    return _key(tree)


def _shown(ball: Any) -> str:
    """About twelve digits of a certified value."""
    mid = float(ball.mid())
    return f"{mid:.12g}" if math.isfinite(mid) else str(ball)
