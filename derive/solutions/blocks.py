"""Blocks that many solutions are made of: equations, tables, sentences that were checked, and stored runs."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from textwrap import dedent
from typing import Any

from derive import tree as t
from derive.answers import Answer
from derive.checks.answers import check_answer
from derive.conventions import PLAIN, Notation
from derive.document import Block, Cell, Display, Inline, Line, Listing, Photo, Prose, Row, Table
from derive.errors import ProgramError
from derive.program import Equation, Program
from derive.solutions.gradients import check_table
from derive.solutions.page import Page
from derive.writing import shapes_of, tree_of_equation


def equations(program: Program, notation: Notation = PLAIN, numbers: Mapping[str, str] | None = None) -> Display:
    """The equations of a program, those named in `numbers` with a number."""
    shapes, given = shapes_of(program), numbers or {}
    lines = program.equations
    return Display(tuple(Line(tree_of_equation(each, notation, shapes=shapes), "", given.get(each.name, ""))
                         for each in lines))  # fmt: skip


def one(equation: Equation, around: Program, notation: Notation = PLAIN, reason: str = "", number: str = "") -> Display:
    """One equation of terms, displayed."""
    return Display((Line(tree_of_equation(equation, notation, shapes=shapes_of(around)), reason, number),))


def adjoints(answer: Answer, names: Iterable[str] = (), numbers: Mapping[str, str] | None = None) -> Display:
    """The gradients in indices and, where they have such a form, as matrices; all on the way where none is named."""
    page, lines = Page(answer, "medium", {}), []
    for adjoint in answer.derivation.lines:
        if names and adjoint.of not in names:
            continue
        gradient = answer[adjoint.of]
        lines.append(Line(page.equation(gradient.equation), "", (numbers or {}).get(adjoint.of, "")))
        if gradient.matrix is not None and len(gradient.equation.indices) > 1:
            lines.append(Line(t.Relation((page.name(adjoint.name), page.renamed(gradient.matrix))), "as a matrix"))
    return Display(tuple(lines))


def table(
    caption: str, align: str, header: Sequence[Inline], rows: Iterable[Sequence[Inline | None]], footer: str = ""
) -> Table:
    """A table of words and formulas; None is an empty cell."""
    made = tuple(Row(tuple(Cell(content) for content in row)) for row in rows)
    return Table(caption, align, made, tuple(map(Cell, header)), footer)


def listed(names: Iterable[Inline]) -> list[Inline]:
    """`x`, `y` and `z` within a sentence."""
    found = list(names)
    parts: list[Inline] = []
    for place, name in enumerate(found):
        parts += [" and " if place == len(found) - 1 else ", "] if place else []
        parts.append(name)
    return parts


def torch_listing(caption: str, code: str) -> Listing:
    """Code that a notebook runs where torch is installed; torch itself is not loaded to print it."""
    return Listing(caption, code, "python" if find_spec("torch") is not None else "text")


def code_of(*objects: Any) -> str:
    """The source of functions and classes without their docstrings, for a page whose prose says what they do."""
    return "\n\n".join(_without_docstrings(dedent(inspect.getsource(each))) for each in objects)


def _without_docstrings(source: str) -> str:
    lines = source.splitlines()
    gone: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            first = node.body[0]
            last = first.end_lineno or first.lineno
            empty = last < len(lines) and not lines[last].strip()
            gone.update(range(first.lineno, last + 1 + empty))
    return "\n".join(line for number, line in enumerate(lines, 1) if number not in gone) + "\n"


def held(claim: str, holds: Any) -> tuple[Inline, ...]:
    """A sentence for a list of checks. Raises ProgramError where it does not hold: such a page is not made."""
    if not holds:
        raise ProgramError(f"a claim of this page does not hold: {claim}", "")
    return (claim,)


def examined(answer: Answer) -> Table:
    """The checks of an answer as a table. Raises ProgramError where one fails."""
    report = check_answer(answer)
    held("; ".join(f"{what}: {text}" for what, text, _ in report.rows()), report.passed)
    return check_table(report)


@dataclass(frozen=True)
class Stored:
    """Figures of a run that is too long for a page, as docs/results.md has them.

    commands : those that make the run.  facts : name -> figure.  header, align, rows : its table.
    """

    commands: tuple[str, ...]
    facts: Mapping[str, str]
    header: tuple[str, ...] = ()
    align: str = ""
    rows: tuple[tuple[str, ...], ...] = ()

    def table(self, caption: str, columns: Sequence[int] = ()) -> Table:
        """The table, or some of its columns."""
        kept = list(columns) or list(range(len(self.header)))
        rows = [[row[k] for k in kept] for row in self.rows]
        return table(caption, "".join(self.align[k] for k in kept), [self.header[k] for k in kept], rows)

    def note(self) -> list[Block]:
        """Where the figures come from, for the reader."""
        said = (
            "These figures are stored. The runs are too long for a page, so they are not repeated here: the figures "
            "are those of docs/results.md, and these commands make them anew."
        )
        return [Prose((said,)), Listing("The runs.", "\n".join(self.commands), "text")]


def stored_photo(name: str, caption: str, description: str) -> Photo:
    """A picture of a stored run, as wide as the text; those of docs/results.md, made smaller."""
    png = (files("derive.solutions") / "stored" / f"{name}.png").read_bytes()
    return Photo(caption, png, 430.0, description)


def stored(name: str) -> Stored:
    """The stored run of that name, of the folder `stored`."""
    data = json.loads((files("derive.solutions") / "stored" / f"{name}.json").read_text("utf-8"))
    rows = tuple(tuple(row) for row in data.get("rows", ()))
    return Stored(
        tuple(data["commands"]), data.get("facts", {}), tuple(data.get("header", ())), data.get("align", ""), rows
    )
