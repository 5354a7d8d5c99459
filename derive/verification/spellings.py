r"""How the names of a problem and of a work are written: `\vec r_1` where r_1 is meant, `w_{ij}^{[l]}` without commas.

A formula that is shown to a student is in the student's own notation, and reads back as what it was.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import ReadingError
from derive.reading.latex.rows import Row, Statement
from derive.reading.latex.spelling import canonical
from derive.reading.latex.vocabulary import Vocabulary
from derive.tree import Span, Tree

if TYPE_CHECKING:
    from derive.verification.problems import Problem


#: A font in front of the letter that it is for, with its brace.
_FONT = re.compile(r"\\(?:boldsymbol|bm|pmb|math(?:bf|cal|bb|sf|it|frak|scr|rm))\s*(\{?)\s*$")


@dataclass(eq=False)
class Spellings:
    """names : name -> LaTeX.  arrays : of what stands in front of subscripts.  layers : array -> "[]" or "()".

    tight : whether single letters stand in subscripts without commas.  is_latex : whether the work is in LaTeX.
    vocabulary : of the problem, with the names that the work defines.
    """

    names: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, str] = field(default_factory=dict)
    layers: dict[str, str] = field(default_factory=dict)
    tight: bool = False
    is_latex: bool = True
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def key(self) -> Hashable:
        """What tells spellings apart."""
        tables = tuple(tuple(sorted(table.items())) for table in (self.names, self.arrays, self.layers))
        return (*tables, self.tight, self.is_latex, frozenset(self.vocabulary.names))

    def learn(self, trees: Iterable[Tree], lines: Sequence[str], line: int = 1, column: int = 1) -> None:
        """Take the spellings from trees and the source that they were read from; what is known stays.

        lines : of the source, the first of which begins at this line and column.
        """
        for tree in trees:
            for node in t.walk(tree):
                match node:
                    case t.Name(text=name) if name not in self.names:
                        piece = _piece(node.at, lines, line, column)
                        if _is_latex(piece) and _canonical(piece) == name:
                            self.names[name] = piece
                    case t.Subscript(array=name, layer=layer):
                        if layer:
                            self.layers.setdefault(name, layer)
                        piece = _piece(node.at, lines, line, column)
                        self.tight = self.tight or bool(re.search(r"_\{[a-z]{2}\}", piece))
                        if name not in self.arrays:
                            front = next((each for each in _fronts(piece) if _canonical(each) == name), "")
                            if _is_latex(front):
                                self.arrays[name] = front


def of_work(problem: Problem, rows: Sequence[Row]) -> Spellings:
    """The spellings of a work, and for what it does not write those of its problem."""
    found = Spellings(vocabulary=problem.vocabulary.extended(_defined(rows, problem)))
    found.is_latex = any(re.search(r"[\\{$]", row.text) for row in rows)
    for row in rows:
        found.learn(_sides(row.statements), row.text.split("\n"), row.at.line, row.at.column)
    tight = found.tight
    found.learn(_sides(problem.equations), ())
    found.tight = tight
    for name, spelling in problem.spelled.items():
        found.names.setdefault(name, spelling)
        found.arrays.setdefault(name, spelling)
    return found


def _defined(rows: Sequence[Row], problem: Problem) -> dict[str, int | None]:
    """The left sides of a work that the problem does not know, with the number of their indices."""
    found: dict[str, int | None] = {}
    for row in rows:
        for statement in row.statements:
            match statement.head:
                case t.Name(text=name) if not problem.vocabulary.knows(name):
                    found.setdefault(name, None)
                case t.Subscript(array=name, indices=indices) if not problem.vocabulary.knows(name):
                    found.setdefault(name, len(indices))
    return found


def of_problem(keys: Mapping[str, str], equations: Sequence[tuple[Statement, str]]) -> dict[str, str]:
    """Name -> LaTeX as the file of a problem has it.

    keys : name -> key under [names] or [aliases].  equations : each with the text that it was read from.
    """
    found = Spellings()
    for statement, text in equations:
        found.learn(_sides((statement,)), [text])
    own = {name: key for name, key in keys.items() if _is_latex(key) and _canonical(key) == name}
    return {**found.arrays, **found.names, **own}


def _sides(statements: Iterable[Statement]) -> Iterator[Tree]:
    for statement in statements:
        if statement.head is not None:
            yield statement.head
        yield from (link.tree for link in statement.links)


def _piece(at: Span | None, lines: Sequence[str], line: int, column: int) -> str:
    """The source of a node; "" where it is not at hand."""
    if at is None or not 0 <= at.line - line < len(lines):
        return ""
    start = column if at.line == line else 1
    text, begin, end = lines[at.line - line], max(0, at.column - start), max(0, at.end - start)
    font = _FONT.search(text[:begin])
    if font is not None and (not font[1] or "}" in text[begin : end + 1]):  # the font stands in front of the letter
        begin, end = font.start(), end + (bool(font[1]) and "}" not in text[begin:end])
    piece = text[begin:end].strip()
    return piece[1:-1].strip() if re.fullmatch(r"\{[^{}]*\}", piece) else piece


def _fronts(piece: str) -> Iterator[str]:
    """What may be an array in front of its scripts, the shortest first."""
    for found in re.finditer(r"\s*['_^]", piece):
        if found.start():
            yield piece[: found.start()]


def _is_latex(piece: str) -> bool:
    return bool(piece) and piece.count("{") == piece.count("}") and re.search(r"[\\{A-Za-z]", piece) is not None


def _canonical(piece: str) -> str:
    try:
        return canonical(piece) if piece else ""
    except ReadingError:
        return ""
