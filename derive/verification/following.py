"""Follow-through: rows that are right when what earlier wrong rows said is put in their place, on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from derive import tree as t
from derive.errors import DeriveError
from derive.reading.latex.rows import Statement
from derive.tree import Tree
from derive.verification.comparing import Comparing, Conditions
from derive.verification.definitions import define
from derive.verification.graph import NAMED, UndefinedNode
from derive.verification.model import Model
from derive.verification.problem_checks import defined
from derive.verification.problems import Problem
from derive.verification.shaped import Env, OutsideFamily, ShapeClash, Shaped, Unjudged
from derive.verification.statements import instances
from derive.verification.verdicts import Verdict


@dataclass
class Mistake:
    """A wrong row as later rows may build on it: the equation that it states instead."""

    row: int
    head: Tree
    right: Tree
    conditions: Conditions


class Following:
    """The mistakes of a work so far, and models in which some of them are taken for true."""

    def __init__(self, problem: Problem, comparing: Comparing) -> None:
        self.problem = problem
        self.comparing = comparing
        self.mistakes: list[Mistake] = []
        self._followed: dict[tuple[int, ...], list[Model]] = {}

    def forget(self) -> None:
        self.mistakes, self._followed = [], {}

    def forget_models(self) -> None:
        """Models lack what the work has defined since."""
        self._followed.clear()

    def carried(self, left: Tree, right: Tree, conditions: Conditions) -> Verdict | None:
        """A right verdict if the link holds with one of the mistakes taken at its word, or with all."""
        places = range(len(self.mistakes))
        tries: list[tuple[int, ...]] = [(k,) for k in reversed(places)]
        if len(self.mistakes) > 1:
            tries.append(tuple(places))
        for chosen in tries:
            followed = self.models(chosen)
            if followed:
                verdict = self.comparing.decided(left, right, conditions, followed)
                if verdict.verdict == "correct":
                    return replace(verdict, carried_from=self.mistakes[chosen[0]].row, evidence="carried")
        return None

    def models(self, chosen: tuple[int, ...]) -> list[Model]:
        """Models in which the chosen mistakes are taken for true; none where they cannot be."""
        if chosen not in self._followed:
            mistakes = [self.mistakes[k] for k in chosen]
            try:
                found = [self._believed(model, mistakes) for model in self.comparing.models]
            except (DeriveError, Unjudged, ShapeClash, UndefinedNode, OutsideFamily, RecursionError):
                found = []
            self._followed[chosen] = found
        return self._followed[chosen]

    def _believed(self, model: Model, mistakes: Sequence[Mistake]) -> Model:
        equations = list(self.problem.equations)
        rest: list[Mistake] = []
        for mistake in mistakes:
            place = next((k for k, each in enumerate(equations) if _defines(each, mistake.head)), None)
            if place is None:
                rest.append(mistake)
            else:
                link = replace(equations[place].links[0], tree=mistake.right)
                equations[place] = replace(equations[place], head=mistake.head, links=(link,))
        believed = Model(replace(self.problem, equations=tuple(equations)), model.sizes, model.seed)
        for head, right, conditions in self.comparing.definitions:
            define(head, right, conditions, believed)
        for mistake in rest:
            _believe(believed, mistake)
        return believed


def _believe(model: Model, mistake: Mistake) -> None:
    """A wrong adjoint, or a wrong value of a name that the work defined, in the place of the right one."""
    found: dict[int, int] = {}
    for instance in instances((mistake.head, mistake.right), mistake.conditions, model):
        try:
            right = model.meaning.value(mistake.right, instance.env)
            if _believe_partial(model, mistake, instance.env, right):
                continue
            places = model.adjoint_places(mistake.head, instance.env)
        except OutsideFamily:
            continue
        if places is None or len(places) != len(right.nodes):
            raise Unjudged("what the row is about is not a derivative of the loss")
        found.update(zip(places, right.nodes, strict=True))
    model.believe(found)


def _believe_partial(model: Model, mistake: Mistake, env: Env, right: Shaped) -> bool:
    """A wrong derivative of one named number by another, as the chain rule goes on with it."""
    head = mistake.head
    if not isinstance(head, t.Derivative) or model.adjoint_places(head, env) is not None:
        return False
    of = model.meaning.value(head.of, env)
    if of.rank or right.rank or model.graph.kinds[of.scalar] != NAMED:
        return False
    by = model.derivatives.places(head.by, env)
    if by.rank:
        return False
    model.believe_partial(of.scalar, {by.scalar: right.scalar})
    return True


def _defines(statement: Statement, head: Tree) -> bool:
    """Whether a mistake's left side is what an equation defines, for all of its indices."""
    name = head.text if isinstance(head, t.Name) else head.array if isinstance(head, t.Subscript) else None
    if name is None or defined(statement) != name:
        return False
    if isinstance(head, t.Subscript):
        return all(isinstance(index, t.Name) for index in head.indices)
    return True
