"""A chain of steps as displayed formulas: equals signs below each other, beside each line the rule that led to it.

dZ[i,j]/dK[m,n] = d/dK[m,n] (sum(k,l) V[i+k,j+l]*K[k,l])
                = sum(k,l) V[i+k,j+l]*[k = m]*[l = n]        partial derivative of an entry
                = V[i+m,j+n]                                 Kronecker delta
"""

from __future__ import annotations

from collections.abc import Iterable

from derive import terms
from derive import tree as t
from derive.conventions import PLAIN, Notation
from derive.document import Display, Line
from derive.program import Equation
from derive.step import Step
from derive.writing import Shapes, tree_of_equation


def aligned(steps: Iterable[Step], notation: Notation = PLAIN, *, shapes: Shapes | None = None) -> Display:
    """The steps as one display. Where a step begins with what the one before it ended with, only its result is shown.

    notation, shapes : of the index equations among them, see `tree_of_equation`. How much detail there is, the caller
    decides by the steps that are given; sub-steps are not looked at.
    """
    lines: list[Line] = []
    last: Equation | None = None
    above: tuple[t.Tree, ...] = ()
    for step in steps:
        if last is None or not _same(last, step.before):
            start = _relation(step.before, notation, shapes)
            above = ()
            if start.sides[0] != start.sides[1]:  # dZ/dK = dZ/dK says nothing
                lines.append(Line(start))
                above = start.sides
        shown = _relation(step.after, notation, shapes)
        if shown.sides != above:
            lines.append(Line(shown, step.rule.name, continued=above[:1] == shown.sides[:1]))
            above = shown.sides
        last = step.after
    return Display(tuple(lines))


def _same(one: Equation, other: Equation) -> bool:
    if one.is_indexed and other.is_indexed:
        return one.left == other.left and terms.same(one.term, other.term)
    return one is other or (one.name == other.name and one.tree == other.tree)


def _relation(equation: Equation, notation: Notation, shapes: Shapes | None) -> t.Relation:
    if equation.is_indexed:
        return tree_of_equation(equation, notation, shapes=shapes)
    return t.Relation((t.Name(equation.name), equation.tree))
