"""Follow-through: rows that are right when what earlier wrong rows said is put in their place, on both sides."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from derive import tree as t
from derive.errors import DeriveError
from derive.reading.latex.rows import Statement
from derive.tree import Tree
from derive.verification.comparing import Comparing, Conditions
from derive.verification.definitions import define
from derive.verification.dummies import bind
from derive.verification.graph import NAMED, UndefinedNode
from derive.verification.model import Model
from derive.verification.problem_checks import defined
from derive.verification.problems import Problem
from derive.verification.shaped import Env, OutsideFamily, ShapeClash, Shaped, Unjudged
from derive.verification.statements import instances
from derive.verification.verdicts import Verdict

#: All sizes where rows are followed whose shapes clash otherwise.
ONE_SIZE = 3
#: Rows held against mistakes that are kept before all are forgotten again.
KEPT = 4096

#: What may come of taking a mistake for true.
NO_MODEL = (DeriveError, Unjudged, ShapeClash, UndefinedNode, OutsideFamily, RecursionError)


@dataclass(frozen=True)
class Mistake:
    """A wrong row as later rows may build on it: the equation that it states instead.

    clashes : its shapes do not go together, so that only where all sizes are one number does it say anything.
    """

    row: int
    head: Tree
    right: Tree
    conditions: Conditions
    clashes: bool = False


class Following:
    """The mistakes of a work so far, and models in which some of them are taken for true."""

    def __init__(self, problem: Problem, comparing: Comparing) -> None:
        self.problem = problem
        self.comparing = comparing
        self.mistakes: list[Mistake] = []
        self._followed: dict[tuple[int, ...], list[Model]] = {}
        self._square: dict[tuple[int, ...], list[Model]] = {}
        self._contradicted: dict[Hashable, bool] = {}

    def forget(self) -> None:
        self.mistakes = []
        self.forget_models()

    def forget_models(self) -> None:
        """Models lack what the work has defined since."""
        self._followed.clear()
        self._square.clear()

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
        return self._carried_at_one_size(tries, left, right, conditions)

    def contradicted(self, left: Tree, right: Tree, conditions: Conditions) -> int | None:
        """The row of the last mistake, where a link that is true is not so with all mistakes taken at their word."""
        mistakes = [each for each in self.mistakes if each.head != left]
        if not mistakes:
            return None
        key = (left, right, conditions, tuple((each.head, each.right, each.conditions) for each in self.mistakes))
        kept = not self.comparing.definitions  # so it is in every work with these mistakes
        found = self._contradicted.get(key) if kept else None
        if found is None:
            followed = self.models(tuple(range(len(self.mistakes))))
            found = bool(followed) and self.comparing.decided(left, right, conditions, followed).verdict == "wrong"
            if kept:
                if len(self._contradicted) >= KEPT:
                    self._contradicted.clear()
                self._contradicted[key] = found
        return mistakes[-1].row if found else None

    def _carried_at_one_size(
        self, tries: Sequence[tuple[int, ...]], left: Tree, right: Tree, conditions: Conditions
    ) -> Verdict | None:
        """As `carried`, for mistakes whose shapes clash: all sizes are equal, and the row does not hold by itself."""
        tries = [chosen for chosen in tries if any(self.mistakes[k].clashes for k in chosen)]
        alone = self.square(()) if tries else []
        if not alone or self._holds(left, right, conditions, alone):
            return None
        for chosen in tries:
            followed = self.square(chosen)
            if followed and self._holds(left, right, conditions, followed):
                return Verdict("correct", "carried", carried_from=self.mistakes[chosen[0]].row)
        return None

    def _holds(self, left: Tree, right: Tree, conditions: Conditions, among: list[Model]) -> bool:
        for model in among:
            bind((left, right), model)
        return self.comparing.decided(left, right, conditions, among).verdict == "correct"

    def square(self, chosen: tuple[int, ...]) -> list[Model]:
        """A model whose sizes are all one number, with the chosen mistakes taken for true; none where it cannot be."""
        if chosen not in self._square:
            sizes = dict.fromkeys(self.comparing.models[0].sizes, ONE_SIZE)
            try:
                found = [self._believed(sizes, self.comparing.models[0].seed, [self.mistakes[k] for k in chosen])]
            except NO_MODEL:
                found = []
            self._square[chosen] = found
        return self._square[chosen]

    def models(self, chosen: tuple[int, ...]) -> list[Model]:
        """Models in which the chosen mistakes are taken for true; none where they cannot be."""
        if chosen not in self._followed:
            mistakes = [self.mistakes[k] for k in chosen]
            try:
                found = [self._believed(model.sizes, model.seed, mistakes) for model in self.comparing.models]
            except NO_MODEL:
                found = []
            self._followed[chosen] = found
        return self._followed[chosen]

    def _believed(self, sizes: Mapping[str, int], seed: int, mistakes: Sequence[Mistake]) -> Model:
        equations = list(self.problem.equations)
        rest: list[Mistake] = []
        for mistake in mistakes:
            place = next((k for k, each in enumerate(equations) if _defines(each, mistake.head)), None)
            if place is None:
                rest.append(mistake)
            else:
                link = replace(equations[place].links[0], tree=mistake.right)
                equations[place] = replace(equations[place], head=mistake.head, links=(link,))
        believed = Model(replace(self.problem, equations=tuple(equations)), sizes, seed)
        believed.is_brief = True
        for definition in self.comparing.definitions:
            again = next((each for each in rest if _is_again(each.head, definition[0])), None)
            if again is None:
                define(*definition, believed)
            else:
                rest.remove(again)
                define(definition[0], again.right, again.conditions, believed)
                if isinstance(definition[1], t.Derivative):  # then it is a mistake about the derivative too
                    rest.append(replace(again, head=definition[1]))
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
            right = _as_adjoint(model, mistake.head, right)
            places = model.adjoint_places(mistake.head, instance.env)
        except OutsideFamily:
            continue
        if places is None or len(places) != len(right.nodes):
            raise Unjudged("what the row is about is not a derivative of the loss")
        found.update(zip(places, right.nodes, strict=True))
    model.believe(found)


def _as_adjoint(model: Model, head: Tree, right: Shaped) -> Shaped:
    """A derivative of the loss in the order of what it is taken by: the numerator layout transposes matrices."""
    transposed = model.convention("layout") == "numerator" and isinstance(head, t.Derivative) and not head.nabla
    return model.meaning.shapes.transposed(right) if transposed and right.rank == 2 else right


def _believe_partial(model: Model, mistake: Mistake, env: Env, right: Shaped) -> bool:
    """A wrong derivative of one named value by another, as the chain rule goes on with it."""
    head = mistake.head
    if not isinstance(head, t.Derivative) or model.adjoint_places(head, env) is not None:
        return False
    of = model.meaning.value(head.of, env)
    if any(model.graph.kinds[node] != NAMED for node in of.nodes):
        return False
    by = model.derivatives.places(head.by, env)
    rows, columns = len(of.nodes), len(by.nodes)
    if len(right.nodes) != rows * columns:
        return False
    step = (columns, 1) if model.convention("layout") == "numerator" else (1, rows)
    for i, node in enumerate(of.nodes):
        model.believe_partial(node, {place: right.nodes[i * step[0] + j * step[1]] for j, place in enumerate(by.nodes)})
    return True


def _is_again(head: Tree, before: Tree) -> bool:
    """Whether a mistake is about a name that the work defined, for all of its indices and with the same letters."""
    if isinstance(head, t.Subscript) and not all(isinstance(index, t.Name) for index in head.indices):
        return False
    return isinstance(head, (t.Name, t.Subscript)) and head == before


def _defines(statement: Statement, head: Tree) -> bool:
    """Whether a mistake's left side is what an equation defines, for all of its indices."""
    name = head.text if isinstance(head, t.Name) else head.array if isinstance(head, t.Subscript) else None
    if name is None or defined(statement) != name:
        return False
    if isinstance(head, t.Subscript):
        return all(isinstance(index, t.Name) for index in head.indices)
    return True
