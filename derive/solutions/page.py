"""What all parts of a page on gradients share: names under its notation, shapes, chains of steps, ranges of indices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from derive import tree as t
from derive.aligned import aligned
from derive.answers import Answer
from derive.document import Block, Bullets, Display, Folded, Inline, Prose
from derive.program import Equation
from derive.solutions.chains import folded
from derive.step import Step
from derive.terms import Entry
from derive.tree import Tree
from derive.writing import tree_of_equation, tree_of_term

#: More names than this are not listed in a sentence.
MANY = 24


class Page:
    """An answer, how much of it is shown, and which of its steps held."""

    def __init__(self, answer: Answer, detail: str, checked: Mapping[int, bool]) -> None:
        self.answer, self.detail, self.checked = answer, detail, checked
        self.made, self.notation, self.shapes = answer.derivation, answer.notation, answer.shapes

    def name(self, name: str) -> Tree:
        """A whole array under the notation: a bar, a delta, or a partial derivative."""
        return tree_of_term(Entry(name), self.notation)

    def names(self, names: Iterable[str]) -> list[Inline]:
        """`x`, `y` and `z`."""
        listed = list(names)
        shown, more = listed[:MANY], len(listed) - MANY
        parts: list[Inline] = []
        for place, name in enumerate(shown):
            last = place == len(shown) - 1 and more <= 0
            parts += [(" and " if last else ", ") if place else "", self.name(name)]
        return [part for part in parts if part != ""] + ([f" and {more} more"] if more > 0 else [])

    def equation(self, equation: Equation) -> t.Relation:
        return tree_of_equation(equation, self.notation, shapes=self.shapes)

    def renamed(self, tree: Tree) -> Tree:
        """A whole-array formula with the names that the notation gives."""

        def change(node: Tree) -> Tree:
            return self.name(node.text) if isinstance(node, t.Name) and node.text in self.shapes else node

        return t.transformed(tree, change)

    def shape(self, name: str) -> list[Inline]:
        """`3 × n`, `(n - 2) × 4`, or `a number`."""
        parts: list[Inline] = []
        for extent in self.shapes[name]:
            tree = tree_of_term(extent, self.notation)
            times = " × " if parts else ""
            compound = t.binding(tree) <= t.SUM and len(self.shapes[name]) > 1
            parts += [f"{times}(", tree, ")"] if compound else [times, tree]
        return [part for part in parts if part != ""] or ["a number"]

    def chain(self, steps: Iterable[Step], opening: str = "") -> list[Block]:
        """The steps as aligned formulas; at high detail the reasons and conditions below.

        opening : what stands beside the first formula.
        """
        shown = folded(steps, self.detail)
        display = aligned(shown, self.notation, shapes=self.shapes)
        lines = display.lines
        if opening and lines and not lines[0].reason:
            lines = (replace(lines[0], reason=opening), *lines[1:])
        blocks: list[Block] = [Display(lines)] if lines else []
        failed = [step for step in shown if any(self.checked.get(id(part)) is False for part in step.flat())]
        if failed:
            names = ", ".join(step.rule.name for step in failed)
            blocks.append(Prose((f"Run on numbers, these steps do not hold: {names}.",)))
        if self.detail == "high" and shown:
            blocks.append(Folded("Why each line follows", (Bullets(tuple(map(_why, shown))),)))
        return blocks

    def ranges(self, equation: Equation) -> list[Inline]:
        """How far the free indices run: `for k = 0, ..., 2 and l = 0, ..., n - 1.`"""
        parts: list[Inline] = []
        for place, index in enumerate(equation.indices):
            first, last = (tree_of_term(end + self.notation.base) for end in (index.lower, index.stop - 1))
            parts.append("For " if not place else " and " if place == len(equation.indices) - 1 else ", ")
            parts += [t.Relation((t.Name(index.name), first)), *([] if first == last else [", …, ", last])]
        return [*parts, "."] if parts else []


def _why(step: Step) -> tuple[Inline, ...]:
    """`contract the delta — of the sum over k only k = m is left. Needed: 0 <= m < P.`"""
    needed = "; ".join(step.conditions)
    where = f" Needed: {needed}." if needed else ""
    return (f"{step.rule.name} — {step.reason}.{where}",)
