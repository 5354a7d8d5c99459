"""Lines of scalars at a point, worked out by the engine: their formulas, their gradients, and certified numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache

from derive import tree as t
from derive.adjoints import reverse
from derive.answers import grad
from derive.arithmetic import FLOATS
from derive.document import Display, Inline, Line
from derive.evaluate import evaluate, sweep
from derive.program import Program
from derive.reading.reader import read
from derive.sheets.problem_text import SCALAR, problem_text
from derive.solutions.tables import number_tree
from derive.step import Derivation
from derive.tracing import trace
from derive.tree import Tree
from derive.worked import Worked, work_out
from derive.writing import tree_of_equation

#: Decimals of answers.
DIGITS = 4


class Scalars:
    """Lines `name = formula` in the plain notation, each a scalar, at a point.

    at : input -> decimal.  loss : the line that is differentiated.
    """

    def __init__(self, lines: Mapping[str, str], at: Mapping[str, str], loss: str) -> None:
        self.lines, self.at, self.loss = dict(lines), dict(at), loss

    @property
    def text(self) -> str:
        return text_of(self.lines)

    @cached_property
    def formulas(self) -> dict[str, Tree]:
        """Line -> its right side as the author wrote it."""
        return {name: read(formula) for name, formula in self.lines.items()}

    @property
    def equations(self) -> list[Tree]:
        return [t.Relation((t.Name(name), formula)) for name, formula in self.formulas.items()]

    @cached_property
    def worked(self) -> Worked:
        point = {name: number_tree(value) for name, value in self.at.items()}
        return work_out(trace(self.text), point, mode="reverse", output=self.loss, digits=DIGITS)

    def value(self, name: str) -> Tree:
        """The value of a line, correctly rounded."""
        return number_tree(self.worked.text(self.worked.values[name]))

    def adjoint(self, name: str) -> Tree:
        """The derivative of the loss by a line or an input, correctly rounded."""
        return number_tree(self.worked.text(self.worked.adjoint(name)))

    def gradient(self, name: str) -> tuple[Tree, Tree]:
        """The adjoint of a name, and its formula by the rules."""
        return gradients(self.text)[name]

    def point(self) -> tuple[Inline, ...]:
        """`x_1 = 1.5, x_2 = 0.5`."""
        parts: list[Inline] = []
        for name, value in self.at.items():
            parts += [", " if parts else "", t.Relation((t.Name(name), number_tree(value)))]
        return tuple(part for part in parts if part != "")

    def display(self, names: Sequence[str] = ()) -> Display:
        """The lines, or those of these names."""
        shown = names or tuple(self.lines)
        return Display(tuple(Line(t.Relation((t.Name(name), self.formulas[name]))) for name in shown))

    def problem(self, title: str, fields: Mapping[str, str] | None = None) -> str:
        """The problem file: a bar is an adjoint. fields : what is declared of an input beyond that it is a scalar."""
        names = {name: (fields or {}).get(name, SCALAR) for name in self.at}
        return problem_text(
            title, self.equations, names, loss=self.loss, conventions={"overline": "adjoint"}, values=self.at
        )


@lru_cache(maxsize=256)
def gradients(text: str) -> dict[str, tuple[Tree, Tree]]:
    """Name -> its adjoint and the formula of it, for lines of scalars or of arrays; the same for all numbers."""
    answer = grad(text)
    found = {}
    for name, adjoint in answer.derivation.by_name.items():
        relation = tree_of_equation(adjoint.equation, shapes=answer.shapes)  # a loss keeps its letter
        found[name] = (relation.sides[0], relation.sides[1])
    return found


@lru_cache(maxsize=256)
def _prepared(text: str, loss: str) -> tuple[Program, Derivation]:
    program = trace(text)
    return program, reverse(program, loss)


def doubles(lines: Mapping[str, str], at: Mapping[str, str], loss: str) -> tuple[dict[str, float], dict[str, float]]:
    """The values of the lines and the adjoints of all names, in plain floats: to see whether a draw is sane."""
    program, derivation = _prepared(text_of(lines), loss)
    values = evaluate(program, {name: float(value) for name, value in at.items()}, FLOATS)
    found = sweep(derivation, values, FLOATS)
    names = [*lines, *at]
    adjoints = {name: found[derivation.names[name]] for name in names if derivation.names.get(name) in found}
    return {name: float(values[name]) for name in lines}, {name: float(value) for name, value in adjoints.items()}


def text_of(lines: Mapping[str, str]) -> str:
    return "\n".join(f"{name} = {formula}" for name, formula in lines.items())
