"""An exercise: what is drawn, given and asked. From a variant come the student's sheet, its key and the problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from derive import tree as t
from derive.document import Asked, Block, Document, Heading, Inline, Prose
from derive.plain import formula
from derive.sheets.drawing import Drawn, Draws
from derive.tree import Tree


@dataclass(frozen=True, slots=True)
class Question:
    """`left = sides`: the answer's last side is its number where it has one.  room : lines to write in."""

    left: Tree
    sides: tuple[Tree, ...]
    room: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that are asked for together, below a heading and a sentence."""

    heading: str
    words: tuple[Inline, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Variant:
    """A variant worked out.

    given : the problem, as it stands on the sheet.  parts : what is asked, with the answers.
    problem : the text of a problem file.  parameters : what was drawn, for the index.
    operations : how much there is to be done, the same in all variants of an exercise.
    """

    given: tuple[Block, ...]
    parts: tuple[Part, ...]
    problem: str
    parameters: Mapping[str, Any]
    operations: Mapping[str, int]

    @property
    def questions(self) -> tuple[Question, ...]:
        return tuple(question for part in self.parts for question in part.questions)

    @property
    def answers(self) -> dict[str, str]:
        """Left side -> the answer, in the plain notation: its number where there is one, else its formula."""
        return {formula(question.left): formula(question.sides[-1]) for question in self.questions}


@dataclass(frozen=True)
class Exercise:
    """name, title and source, as in the catalogue of solutions.

    draw : a variant's data, or None for one that cannot be worked out by hand.  work : the variant that they make.
    """

    name: str
    title: str
    source: str
    asks: str
    draw: Callable[[Draws], Drawn | None]
    work: Callable[[Drawn], Variant]


def sheet(exercise: Exercise, variant: Variant, number: int, seed: int) -> Document:
    """The student's sheet: what is asked has its left side, and room."""
    return _document(exercise, variant, number, seed, is_key=False)


def key(exercise: Exercise, variant: Variant, number: int, seed: int) -> Document:
    """The same document, complete."""
    return _document(exercise, variant, number, seed, is_key=True)


def _document(exercise: Exercise, variant: Variant, number: int, seed: int, is_key: bool) -> Document:
    label = f"Variant {number} of seed {seed}"
    blocks: list[Block] = [Prose((f"Key. {label}." if is_key else f"Name: {'. ' * 40}",)), *variant.given]
    count = 0
    for part in variant.parts:
        blocks += [Heading(part.heading), Prose(part.words)]
        for question in part.questions:
            count += 1
            blocks.append(Asked(count, question.left, question.sides if is_key else (), question.room))
    source = f"{exercise.source}. " if exercise.source else ""
    return Document(exercise.title, tuple(blocks), f"{source}{label}")


def operations_in(trees: Iterable[Tree]) -> dict[str, int]:
    """How many signs, products, quotients, powers, functions and sums there are in formulas."""
    found: Counter[str] = Counter()
    for tree in trees:
        for node in t.walk(tree):
            match node:
                case t.Sum(terms=terms):
                    found["sum"] += len(terms) - 1
                case t.Product(factors=factors):
                    found["quotient"] += sum(sign == "/" for sign, _ in factors)
                    found["product"] += sum(sign != "/" for sign, _ in factors) - 1
                case t.Power():
                    found["power"] += 1
                case t.Call():
                    found["function"] += 1
                case t.Reduction():
                    found["summation"] += 1
    return {name: found[name] for name in sorted(found) if found[name]}
