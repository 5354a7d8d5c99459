"""Slips in a printed number: its sign, its decimal point, degrees for radians, the value of something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import DeriveError
from derive.reading.latex.rows import Link, Row
from derive.tree import Tree
from derive.verification.points import Undecided
from derive.verification.report import Slip
from derive.verification.shaped import OutsideFamily, ShapeClash, Unjudged
from derive.verification.slip_text import told
from derive.verification.values import NumberNote, Printed, Values, is_literal

if TYPE_CHECKING:
    from derive.verification.problems import Problem

#: Digits that a number must have for a coincidence to be unlikely.
DIGITS = 3
_PLACES = 3
_CIRCULAR = ("sin", "cos", "tan")

Candidate = tuple[str, str, str, Tree]


def number_slips(
    values: Values, head: Tree, formula: Tree | None, note: NumberNote, inline: Callable[[Tree], str] = told
) -> list[Slip]:
    """What explains a wrong number; without an explanation, which of formula and number is right.

    inline : a formula in a sentence.
    """
    right = rounded(note)
    if len(note.printed.strip("-").replace(".", "").lstrip("0")) >= DIGITS:
        for name, kind, sentence, tree in _candidates(values.problem, head, formula, inline):
            if _is(values, note.printed, tree):
                return [Slip(name, kind, f"{sentence} The number is {right}.", right)]
    beside = "The formula beside it is right; the number is not" if formula is not None else "The number is not right"
    return [Slip("no known pattern", "other", f"{beside}: it is {right}, not {note.printed}.", right)]


def formula_before(row: Row, link: Link) -> Tree | None:
    """The formula that stands before a number in its chain."""
    before: Tree | None = None
    for statement in row.statements:
        for each in statement.links:
            if each is link:
                return before
            before = before if is_literal(each.tree) else each.tree
    return before


def rounded(note: NumberNote) -> str:
    """The true value with as many decimals as are printed."""
    try:
        unit = Decimal(1).scaleb(int(Decimal(note.printed).as_tuple().exponent))
        return str(Decimal(note.true).quantize(unit))
    except InvalidOperation:  # more digits than are known, or no number
        return note.true


def _candidates(
    problem: Problem, head: Tree, formula: Tree | None, inline: Callable[[Tree], str]
) -> Iterator[Candidate]:
    yield "sign of a number", "sign", "The number has the wrong sign.", t.Negative(head)
    own = next((each.links[0].tree for each in problem.equations if each.head == head), head)
    radians = formula if formula is not None else own
    degrees = t.transformed(radians, _in_degrees)
    if degrees != radians:
        yield "degrees for radians", "other", "The angle is taken in degrees; set the calculator to radians.", degrees
    for place in range(1, _PLACES + 1):
        power = t.Number(str(10**place))
        moved = "The decimal point is in the wrong place."
        yield "decimal point", "factor", moved, t.Product((("*", head), ("*", power)))
        yield "decimal point", "factor", moved, t.Product((("*", head), ("/", power)))
    two = t.Number("2")
    doubled, halved = "The number is twice what it should be.", "The number is half of what it should be."
    yield "factor 2 in a number", "factor", doubled, t.Product((("*", head), ("*", two)))
    yield "factor 2 in a number", "factor", halved, t.Product((("*", head), ("/", two)))
    yield "number upside down", "power", "The number is the reciprocal.", t.Power(head, t.Negative(t.Number("1")))
    for statement in problem.equations:
        if isinstance(statement.head, t.Name) and statement.head != head:
            name = statement.head
            yield "number of another line", "operand", f"This is the value of {inline(name)}.", name
            if problem.conventions.get("overline") == "adjoint" and problem.loss is not None:
                bar = t.Derivative(t.Name(problem.loss), name)
                yield "number of another line", "operand", f"This is the value of {inline(bar)}.", bar


def _in_degrees(node: Tree) -> Tree:
    if isinstance(node, t.Call) and node.function in _CIRCULAR:
        turned = t.Product((("*", node.arguments[0]), ("*", t.Name("pi")), ("/", t.Number("180"))))
        return t.Call(node.function, (turned,))
    return node


def _is(values: Values, printed: str, tree: Tree) -> bool:
    """Whether a number is the rounded or cut-off value of a formula."""
    try:
        ball = values._ball(values.model.meaning.node(tree, {}))
        return values._label(Printed.of(printed), ball) in ("exact", "rounded", "truncated")
    except (DeriveError, Unjudged, ShapeClash, OutsideFamily, Undecided, ArithmeticError):
        return False


def beside(values: Values | None, head: Tree, link: Tree, notes: list[NumberNote]) -> str:
    """What is to be said of the numbers in a row whose formula is wrong."""
    if values is None or not notes:
        return ""
    note = notes[-1]
    if _is(values, note.printed, head):
        return " The number beside it is right, so it was not worked out from this formula."
    if _is(values, note.printed, link):
        return " The number follows from the wrong formula."
    return ""
