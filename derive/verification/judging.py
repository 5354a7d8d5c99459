"""The rows of a work, one after the other: right, wrong, carried from an earlier mistake, or not decided.

For a row, first success wins: it holds with every name at its true value; it holds when what earlier wrong rows said is
put in their place, on both sides (then it is carried from them and not charged); else it is wrong and charged once.
Rows may come in any order, steps may be skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from derive import tree as t
from derive.errors import DeriveError, LimitError
from derive.plain import formula
from derive.reading.latex.rows import Link, Row, Statement
from derive.tree import Tree
from derive.verification.accumulating import Accumulation, sequences, wrong_share
from derive.verification.choosing import models
from derive.verification.deciding import Decision
from derive.verification.definitions import define, lacks_members
from derive.verification.dummies import bind
from derive.verification.gradient_names import spelled_out
from derive.verification.graph import NAMED, UndefinedNode
from derive.verification.model import Model
from derive.verification.problem_checks import defined
from derive.verification.problems import Problem
from derive.verification.shaped import Capture, Env, OutsideFamily, ShapeClash, Shaped, Unjudged
from derive.verification.size_hazards import ASSIGNMENTS, assignments_needed, one_sided
from derive.verification.statements import instances, pairs, unbound
from derive.verification.values import NumberNote, Values, is_literal
from derive.verification.variants import Variants

#: Evidence in order of strength, the weakest last.
STRENGTH = ("definition", "proved", "randomised", "numerical", "values")


#: Signs that say that two sides are one value.
EQUALITIES = ("=", "approx", ":=", "<-", "+=", "-=", "propto")

#: What may come of giving a formula a value: it then has a verdict that says so.
_NO_VALUE = (Unjudged, ShapeClash, UndefinedNode, OutsideFamily, DeriveError)


@dataclass
class Verdict:
    """What is said of one link of a row, and then of the row.

    verdict : "correct", "wrong", "undecided" or "unread".  carried_from : number of the row whose mistake it carries.
    link : which link of the row's statements it was decided by.  decision, model : of a wrong link, with its witness.
    """

    verdict: str
    evidence: str = ""
    reason: str = ""
    note: str = ""
    carried_from: int | None = None
    numbers: list[NumberNote] = field(default_factory=list)
    head: Tree | None = None
    link: Link | None = None
    statement: Statement | None = None
    decision: Decision | None = None
    model: Model | None = None
    errors: float | None = None


@dataclass
class Judged:
    row: Row
    verdict: Verdict


@dataclass
class Mistake:
    """A wrong row as later rows may build on it: the equation that it states instead."""

    row: int
    head: Tree
    right: Tree
    conditions: tuple[Tree, ...]


class Judging:
    """One work against one problem; the models are made once for a problem and used for many works."""

    def __init__(self, problem: Problem, seed: int = 0, prepared: Sequence[Model] | None = None) -> None:
        self.problem = problem
        self.seed = seed
        self.models = list(prepared) if prepared is not None else models(problem, seed)
        self.values = Values(problem, seed) if problem.values else None
        self.mistakes: list[Mistake] = []
        self._followed: dict[tuple[int, ...], list[Model]] = {}
        self._definitions: list[tuple[t.Name | t.Subscript, Tree, tuple[Tree, ...]]] = []
        self._head: tuple[Tree, tuple[Tree, ...]] | None = None
        self.variants = Variants(problem, seed, self.models)
        self._turns = self.variants.turns()
        self._cycles: dict[int, tuple[int, int]] = {}
        self._sums: dict[tuple[int, int], Accumulation] = {}
        self._summed: dict[int, tuple[Verdict, int]] = {}

    def judge(self, rows: Sequence[Row], look: Callable[[Judged], None] | None = None) -> list[Judged]:
        """A verdict for every row, in order of the rows.

        look : is called with each verdict while what the work defined so far is still known.
        """
        marks = [len(model.graph) for model in self.models]
        found: dict[int, Verdict] = {}
        rows = [spelled_out(row, self.models[0]) for row in rows]
        self._sums = sequences(rows)
        try:
            for row in self._ordered(rows):
                found[row.number] = self._row(row)
                if look is not None:
                    look(Judged(row, found[row.number]))
        finally:
            for model, mark in zip(self.models, marks, strict=True):
                model.forget(mark)
            if self.values is not None:
                self.values.forget()
            self.mistakes, self._followed, self._definitions = [], {}, []
            self._sums, self._summed = {}, {}
            self.variants.forget()
        return [Judged(row, found[row.number]) for row in rows]

    # --- order --------------------------------------------------------------------------------------------------------

    def _ordered(self, rows: Sequence[Row]) -> list[Row]:
        """Rows such that a new name is defined before it is used; otherwise as they stand. A chain stays together."""
        groups: list[list[Row]] = []
        for row in rows:
            if groups and row.statements and row.statements[0].head is None:
                groups[-1].append(row)
            else:
                groups.append([row])
        makes: dict[str, int] = {}
        for place, group in enumerate(groups):
            for name in self._new_names(group):
                makes.setdefault(name, place)
        self._cycles = {}
        if not makes:
            return [row for group in groups for row in group]
        needs = [
            {
                makes[name]
                for row in group
                for statement in row.statements
                for link in statement.links
                for name in t.names_in(link.tree)
                if name in makes and makes[name] != place
            }
            for place, group in enumerate(groups)
        ]
        self._cycles = {
            row.number: (groups[place][0].number, groups[other][0].number)
            for place, other in _cycles(needs)
            for row in groups[place]
        }
        done: list[int] = []
        waiting: set[int] = set()

        def visit(place: int) -> None:
            if place in done or place in waiting:
                return
            waiting.add(place)
            for earlier in sorted(needs[place]):
                if earlier > place:
                    visit(earlier)
            waiting.discard(place)
            done.append(place)

        for place in range(len(groups)):
            visit(place)
        return [row for place in done for row in groups[place]]

    def _new_names(self, rows: Iterable[Row]) -> list[str]:
        return [
            name
            for row in rows
            for statement in row.statements
            if (name := self._new_name(statement)) is not None and statement.links
        ]

    def _new_name(self, statement: Statement) -> str | None:
        """The name that a statement defines, if the problem does not know it."""
        head = statement.head
        if not isinstance(head, (t.Name, t.Subscript)):
            return None
        name = head.text if isinstance(head, t.Name) else head.array
        model = self.models[0]
        if name == "pi":
            return None
        if isinstance(head, t.Subscript) and model.indexed_alias(name, len(head.indices)) is not None:
            return None
        if name in ("delta", "I", "pi", "e", "ones") and isinstance(head, t.Subscript) and model.is_kronecker(name):
            return None
        if isinstance(head, t.Subscript) and name in model.defined_members and statement.links:
            lacks = lacks_members(head, statement.links[0].tree, tuple(statement.conditions), model)
            return name if lacks else None
        if isinstance(head, t.Subscript) and name in model.sizes and name not in self.problem.quantities:
            return name  # a size has no entries: the work means something else by this letter
        try:
            known = model.lookup(name) is not None or model.is_family(name)
        except Unjudged:
            known = True
        return None if known or name in model.sizes else name

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _row(self, row: Row) -> Verdict:
        if row.error is not None:
            self._head = None
            return Verdict("unread", reason=str(row.error))
        if row.number in self._cycles and not self._makes_member(row):
            one, other = sorted(self._cycles[row.number])
            return Verdict("unread", reason=f"rows {one} and {other} need each other: neither name has a value first")
        verdicts = [
            self._added(row, place, statement)
            if (row.number, place) in self._sums and self._new_name(statement) is None
            else self._statement(row, statement)
            for place, statement in enumerate(row.statements)
        ]
        return _worst(verdicts) if verdicts else Verdict("unread", reason="there is no formula in this row")

    @staticmethod
    def _makes_member(row: Row) -> bool:
        """Whether a row defines an entry or a member: families may need each other, member by member."""
        return any(isinstance(statement.head, t.Subscript) for statement in row.statements)

    def _statement(self, row: Row, statement: Statement) -> Verdict:
        conditions = tuple(statement.conditions)
        head = statement.head
        if head is None:
            if self._head is None:
                return Verdict("unread", reason="the row begins with = and there is no left side before it")
            head, before = self._head
            conditions = (*before, *conditions)
        links = list(statement.links)
        for model in (*self.models, *((self.values.model,) if self.values is not None else ())):
            bind((head, *(link.tree for link in links)), model)
        found: list[Verdict] = []
        if not links:
            return Verdict("unread", reason="the row states nothing: there is no equals sign")
        if statement.head is not None and self._new_name(statement) is not None:
            assert isinstance(head, (t.Name, t.Subscript))
            has_members = isinstance(head, t.Subscript) and head.array in self.models[0].defined_members
            verdict = self._define(head, links[0], conditions, statement)
            found.append(verdict)
            if not has_members:
                links = links[1:]
            if verdict.verdict != "correct":
                self._head = None
                return verdict
        self._head = (head, conditions)
        wrong: Tree | None = None
        for link in links:
            if wrong is not None and self._same(wrong, link.tree, conditions):
                found.append(Verdict("correct", "carried", carried_from=row.number, link=link))
                continue
            verdict = self._link(row, head, link, conditions)
            verdict.head, verdict.link, verdict.statement = head, link, statement
            if verdict.verdict == "wrong":
                wrong = link.tree
                if not is_literal(link.tree):
                    self.mistakes.append(Mistake(row.number, head, link.tree, conditions))
            found.append(verdict)
        return _worst(found)

    def _added(self, row: Row, place: int, statement: Statement) -> Verdict:
        """A row of a sequence that adds up: right if the last value is."""
        sums = self._sums[row.number, place]
        self._head = (sums.head, sums.conditions)
        key = id(sums)
        if key not in self._summed:
            last = sums.shares[-1]
            verdict = self._decided(sums.head, last.total, sums.conditions, self.models)
            charged = last.row
            if verdict.verdict == "wrong" and verdict.model is not None:
                try:
                    charged = wrong_share(sums, verdict.model).row
                except _NO_VALUE:
                    charged = last.row
                self.mistakes.append(Mistake(charged, sums.head, last.total, sums.conditions))
            self._summed[key] = (verdict, charged)
        verdict, charged = self._summed[key]
        if verdict.verdict == "wrong" and row.number != charged:
            verdict = Verdict("correct", "partial sum")
        return replace(verdict, head=sums.head, link=statement.links[0], statement=statement)

    def _define(
        self, head: t.Name | t.Subscript, link: Link, conditions: tuple[Tree, ...], statement: Statement
    ) -> Verdict:
        """A row whose left side is a new name defines it."""
        name = head.text if isinstance(head, t.Name) else head.array
        if name.startswith("d") and name[1:] in (self.problem.loss, *self.problem.quantities):
            return Verdict("undecided", reason=f"outside fragment: {name} is a differential, and forms are not judged")
        if name in t.names_in(link.tree) and isinstance(head, t.Name):
            return Verdict("unread", reason=f"{name} is defined by itself", statement=statement, head=head, link=link)
        try:
            for model in self.models:
                define(head, link.tree, conditions, model)
        except _NO_VALUE as failed:
            verdict = _failure(failed)
            verdict.head, verdict.link, verdict.statement = head, link, statement
            return verdict
        self._definitions.append((head, link.tree, conditions))
        self._followed.clear()
        if self.values is not None:
            self.values.define(head, link.tree, conditions)
        return Verdict(
            "correct", "definition", note=f"{name} is taken as a new name", head=head, link=link, statement=statement
        )

    # --- links --------------------------------------------------------------------------------------------------------

    def _link(self, row: Row, head: Tree, link: Link, conditions: tuple[Tree, ...]) -> Verdict:
        if link.relation == "<-" and self._is_given(head):
            return Verdict("undecided", reason="outside fragment: an update of what is given is no claim about it")
        if link.relation not in EQUALITIES:
            return self._compared(head, link, conditions)
        if self.values is not None and is_literal(link.tree):
            return self._number(row, head, link)
        if link.relation == "approx" and not is_literal(link.tree):
            verdict = self._decided(head, link.tree, conditions, self.models)
            if verdict.verdict == "wrong" and self.values is None:
                return Verdict("undecided", reason="outside fragment: how near two formulas are is not judged")
            if verdict.verdict == "correct":
                return verdict
        verdict = self._decided(head, link.tree, conditions, self.models)
        if verdict.verdict == "wrong" and self.values is not None and not conditions:
            # a link such as 1.4924 * v_4 holds, if at all, at the given values
            held = self.values.holds(head, link.tree)
            if held is None and any(
                self._decided(head, each, conditions, self.models).verdict == "correct"
                for each in self.values.with_names(link.tree)
            ):
                return Verdict("correct", "values", note="a given number stands in place of its name")
            if held is not None:
                return Verdict("correct", "values", note="holds at the given values", numbers=held)
        if verdict.verdict in ("wrong", "undecided") and self.mistakes:
            carried = self._carried(head, link.tree, conditions)
            if carried is not None:
                return carried
        return verdict

    def _is_given(self, head: Tree) -> bool:
        """Whether a left side is a quantity that no equation works out."""
        if not isinstance(head, t.Name) or head.text not in self.problem.quantities:
            return False
        name = head.text
        return all(defined(each) != name for each in self.problem.equations)

    def _compared(self, head: Tree, link: Link, conditions: tuple[Tree, ...]) -> Verdict:
        """A row with another sign than =: refuted where the sides are equal and may not be, else left undecided."""
        if link.relation in ("!=", "<", ">"):
            verdict = self._decided(head, link.tree, conditions, self.models)
            if verdict.verdict == "correct":
                return Verdict("wrong", "equal", reason="the sides are equal")
        try:
            model = self.models[0]
            compared = t.Indicator((head, link.tree), (link.relation,))
            truth = {model.meaning.node(compared, each.env) for each in instances((head, link.tree), conditions, model)}
        except _NO_VALUE as failed:
            return _failure(failed)
        if truth == {model.graph.one}:
            return Verdict("correct", "proved")
        if truth == {model.graph.zero}:
            return Verdict("wrong", "counterexample", reason="the relation never holds")
        return Verdict("undecided", reason="outside fragment: of rows with another sign than = few are decided")

    def _number(self, row: Row, head: Tree, link: Link) -> Verdict:
        """A printed number: it must follow, by some rule of rounding, from the formula at the given values."""
        assert self.values is not None
        try:
            note = self.values.number(head, link.tree, self._formula_before(row, head, link))
        except _NO_VALUE as failed:
            return _failure(failed)
        if note.verdict == "correct":
            return Verdict("correct", "values", numbers=[note])
        return Verdict("wrong", "values", reason=note.label, numbers=[note])

    def _formula_before(self, row: Row, head: Tree, link: Link) -> Tree | None:
        """The link that stands before a number in its chain, from which it was worked out."""
        before: Tree | None = None
        if isinstance(head, t.Name):
            before = next((each.links[0].tree for each in self.problem.equations if each.head == head), None)
        for statement in row.statements:
            for each in statement.links:
                if each is link:
                    return before
                before = each.tree if not is_literal(each.tree) else before
        return before

    def _decided(
        self, left: Tree, right: Tree, conditions: tuple[Tree, ...], among: Sequence[Model], local: bool = False
    ) -> Verdict:
        """The two sides at all sizes; wrong at one is wrong."""
        if among is not self.models:
            return self._at_all(left, right, conditions, among)
        trees = (left, right)
        needed = min(assignments_needed(trees, among[0]), ASSIGNMENTS)
        further = self._prepared(self.variants.sizes(needed), trees) if needed > len(among) else []
        verdict = self._at_all(left, right, conditions, [*among, *further])
        if self.variants.has_one_hot and verdict.verdict != "correct":
            for turn in range(self.variants.turns()):
                turned = self._prepared(self.variants.turned(turn), trees)
                found = self._at_all(left, right, conditions, turned)
                verdict = found if turn == 0 or found.verdict != "correct" else _worse(verdict, found)
                if found.verdict != "correct":
                    return verdict
        elif verdict.verdict == "correct" and self._turns > 1 and not self.variants.has_one_hot:
            for turn in range(1, self._turns):
                found = self._at_all(left, right, conditions, self._prepared(self.variants.turned(turn), trees))
                verdict = _worse(verdict, found)
        if verdict.verdict == "correct":
            if assignments_needed(trees, among[0]) > ASSIGNMENTS:
                return Verdict(
                    "undecided", reason="hazard: sizes stand there as numbers more often than sizes are tried"
                )
            if (test := one_sided(trees, among)) is not None:
                return Verdict("undecided", reason=f"hazard: {formula(test)} is the same at all sizes tried")
        return verdict

    def _prepared(self, chosen: Sequence[Model], trees: tuple[Tree, ...]) -> Sequence[Model]:
        def work(model: Model) -> None:
            for head, right, conditions in self._definitions:
                define(head, right, conditions, model)
            bind(trees, model)

        return self.variants.prepare(chosen, work)

    def _at_all(self, left: Tree, right: Tree, conditions: tuple[Tree, ...], among: Sequence[Model]) -> Verdict:
        """The verdict at all of these models: wrong at one is wrong."""
        best: Verdict | None = None
        for model in among:
            try:
                compared = pairs(left, right, conditions, model)
                decision = model.judge.decide(compared)
            except _NO_VALUE as failed:
                verdict = _failure(failed)
            except RecursionError:
                verdict = Verdict("undecided", reason="resource limit: the formula is nested too deep")
            else:
                verdict = Verdict(
                    decision.verdict, decision.evidence, decision.reason, decision.note, errors=decision.error
                )
                if decision.verdict == "wrong":
                    verdict.decision, verdict.model = decision, model
            if verdict.verdict == "wrong":
                return verdict
            if verdict.verdict == "correct" and (letter := unbound(left, right, conditions, model)) is not None:
                reason = f"the index {letter} is bound by no sum, and is not on the left side"
                return Verdict("unread", reason=reason)
            best = verdict if best is None else _worse(best, verdict)
        assert best is not None
        return best

    # --- follow-through -----------------------------------------------------------------------------------------------

    def _carried(self, left: Tree, right: Tree, conditions: tuple[Tree, ...]) -> Verdict | None:
        """Whether the link holds when earlier wrong rows are taken at their word: one of them, or all."""
        places = range(len(self.mistakes))
        tries: list[tuple[int, ...]] = [(k,) for k in reversed(places)]
        if len(self.mistakes) > 1:
            tries.append(tuple(places))
        for chosen in tries:
            followed = self._follow(chosen)
            if followed:
                verdict = self._decided(left, right, conditions, followed)
                if verdict.verdict == "correct":
                    verdict.carried_from = self.mistakes[chosen[0]].row
                    verdict.evidence = "carried"
                    return verdict
        return None

    def _follow(self, chosen: tuple[int, ...]) -> list[Model]:
        """Models in which the chosen mistakes are taken for true."""
        if chosen not in self._followed:
            found: list[Model] = []
            try:
                for model in self.models:
                    found.append(self._believed(model, [self.mistakes[k] for k in chosen]))
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
        for head, right, conditions in self._definitions:
            define(head, right, conditions, believed)
        for mistake in rest:
            self._believe(believed, mistake)
        return believed

    def _believe(self, model: Model, mistake: Mistake) -> None:
        """A wrong adjoint, or a wrong value of a name that the work defined, in the place of the right one."""
        found: dict[int, int] = {}
        for instance in instances((mistake.head, mistake.right), mistake.conditions, model):
            try:
                right = model.meaning.value(mistake.right, instance.env)
                if self._believe_partial(model, mistake, instance.env, right):
                    continue
                places = model.adjoint_places(mistake.head, instance.env)
            except OutsideFamily:
                continue
            if places is None or len(places) != len(right.nodes):
                raise Unjudged("what the row is about is not a derivative of the loss")
            found.update(zip(places, right.nodes, strict=True))
        model.believe(found)

    @staticmethod
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

    def _same(self, one: Tree, other: Tree, conditions: tuple[Tree, ...]) -> bool:
        """Whether a link only repeats another."""
        if is_literal(one) or is_literal(other):
            return False
        return self._decided(one, other, conditions, self.models).verdict == "correct"


def _cycles(needs: Sequence[set[int]]) -> list[tuple[int, int]]:
    """Pairs of places that need each other, directly or through others."""

    def reached(start: int) -> set[int]:
        found: set[int] = set()
        stack = list(needs[start])
        while stack:
            place = stack.pop()
            if place not in found:
                found.add(place)
                stack.extend(needs[place])
        return found

    below = {place: reached(place) for place, own in enumerate(needs) if own}
    return [
        (place, min(other for other in below[place] if place in below.get(other, ()) and other != place))
        for place in below
        if place in below[place] and any(place in below.get(other, ()) for other in below[place] if other != place)
    ]


def _defines(statement: Statement, head: Tree) -> bool:
    """Whether a mistake's left side is what an equation defines, for all of its indices."""
    name = head.text if isinstance(head, t.Name) else head.array if isinstance(head, t.Subscript) else None
    if name is None or defined(statement) != name:
        return False
    if isinstance(head, t.Subscript):
        return all(isinstance(index, t.Name) for index in head.indices)
    return True


def _failure(failed: Exception) -> Verdict:
    """A verdict for a row that could not be given a value."""
    match failed:
        case Capture():
            return Verdict("wrong", "capture", reason=str(failed))
        case ShapeClash():
            return Verdict("wrong", "shape", reason=str(failed))
        case Unjudged(code="unread"):
            return Verdict("unread", reason=str(failed))
        case Unjudged(code=code):
            return Verdict("undecided", reason=f"{code}: {failed}")
        case UndefinedNode():
            return Verdict("undecided", reason=f"undefined: {failed}")
        case LimitError():
            return Verdict("undecided", reason=f"resource limit: {failed}")
        case DeriveError():
            return Verdict("unread", reason=str(failed))
    return Verdict("undecided", reason="outside fragment: a member of the family that does not exist is read")


ORDER = ("correct", "undecided", "unread", "wrong")


def _worse(one: Verdict, other: Verdict) -> Verdict:
    if one.verdict != other.verdict:
        return max((one, other), key=lambda each: ORDER.index(each.verdict))
    if one.verdict == "correct" and one.evidence in STRENGTH and other.evidence in STRENGTH:
        weaker = max((one, other), key=lambda each: STRENGTH.index(each.evidence))
        errors = [each.errors for each in (one, other) if each.errors is not None]
        return replace(weaker, note=one.note or other.note, errors=max(errors) if errors else None)
    return one


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a row of several links: the first wrong one, else the first that was not decided."""
    numbers = [note for verdict in verdicts for note in verdict.numbers]
    for kind in reversed(ORDER):
        chosen = [verdict for verdict in verdicts if verdict.verdict == kind]
        if chosen:
            first = chosen[0] if kind != "correct" else next((v for v in chosen if v.carried_from), None)
            if first is None:
                first = max(
                    chosen, key=lambda v: STRENGTH.index(v.evidence) if v.evidence in STRENGTH else len(STRENGTH)
                )
            return replace(first, numbers=numbers)
    raise AssertionError("a row has at least one verdict")


def whole(verdicts: Iterable[Verdict]) -> str:
    """The verdict on the work: wrong before unread before undecided before correct."""
    found = {verdict.verdict for verdict in verdicts}
    for kind in ("wrong", "unread", "undecided"):
        if kind in found:
            return kind
    return "correct"
