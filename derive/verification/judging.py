"""The rows of a work, one after the other: right, wrong, carried from an earlier mistake, or not decided.

For a row, first success wins: it holds with every name at its true value; it holds when what earlier wrong rows said is
put in their place, on both sides (then it is carried from them and not charged); else it is wrong and charged once.
Rows may come in any order, steps may be skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from derive import tree as t
from derive.reading.latex.rows import Link, Row, Statement
from derive.reading.latex.spelling import printable
from derive.tree import Tree
from derive.verification.accumulating import Accumulation, sequences, wrong_share
from derive.verification.choosing import models
from derive.verification.comparing import Comparing, Conditions, stated
from derive.verification.definitions import define, lacks_value, new_name
from derive.verification.dummies import bind
from derive.verification.following import Following, Mistake
from derive.verification.gradient_names import spelled_out
from derive.verification.links import Links
from derive.verification.model import Model
from derive.verification.ordering import ordered, ordered_places
from derive.verification.problems import Problem
from derive.verification.values import Values, is_literal
from derive.verification.verdicts import NO_VALUE, Judged, Verdict, of_failure, worst

#: A letter that a row which cannot be read seems to define.
_LETTER_ON_LEFT = re.compile(r"\s*([A-Za-z])\s*&?\s*:?=")


class Judging:
    """One work against one problem; the models are made once for a problem and used for many works.

    head : the left side of the last row, with its conditions, for a row that goes on with =.
    """

    def __init__(self, problem: Problem, seed: int = 0, prepared: Sequence[Model] | None = None) -> None:
        self.problem = problem
        self.seed = seed
        self.models = list(prepared) if prepared is not None else models(problem, seed)
        self.values = Values(problem, seed) if problem.values else None
        self.comparing = Comparing(problem, seed, self.models)
        self.following = Following(problem, self.comparing)
        self.links = Links(problem, self.comparing, self.following, self.values)
        self.head: tuple[Tree, Conditions] | None = None
        self._cycles: dict[int, tuple[int, int]] = {}
        self._unknown: dict[str, int] = {}
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
        order = ordered(rows, lambda statement: new_name(statement, self.models[0]))
        self._cycles = order.cycles
        try:
            for row in order.rows:
                found[row.number] = self._row(row)
                if look is not None:
                    look(Judged(row, found[row.number]))
        finally:
            for model, mark in zip(self.models, marks, strict=True):
                model.forget(mark)
            if self.values is not None:
                self.values.forget()
            self._sums, self._summed, self._unknown = {}, {}, {}
            self.following.forget()
            self.comparing.forget()
        self._note_order(order.rows, found)
        return [Judged(row, found[row.number]) for row in rows]

    @staticmethod
    def _note_order(rows: Sequence[Row], found: dict[int, Verdict]) -> None:
        """Say of a right row that it uses a name which a later row defines."""
        made: dict[str, int] = {}
        for row in rows:  # in the order in which they were judged: what a row needs came before it
            verdict = found[row.number]
            names = {name for each in row.statements for link in each.links for name in t.names_in(link.tree)}
            later = {name: number for name, number in made.items() if name in names and number > row.number}
            if later and verdict.verdict == "correct" and not verdict.note:
                name, number = next(iter(later.items()))
                verdict.note = f"uses {printable(name)}, which row {number} defines"
            head = verdict.head
            if verdict.evidence == "definition" and isinstance(head, (t.Name, t.Subscript)):
                made.setdefault(head.text if isinstance(head, t.Name) else head.array, row.number)

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _row(self, row: Row) -> Verdict:
        if row.error is not None:
            self.head = None
            if (letter := _LETTER_ON_LEFT.match(row.text)) is not None:
                self._unknown.setdefault(letter[1], row.number)
            return Verdict("unread", reason=str(row.error))
        if row.number in self._cycles and not self._makes_member(row):
            one, other = sorted(self._cycles[row.number])
            return Verdict("unread", reason=f"rows {one} and {other} need each other: neither name has a value first")
        found: dict[int, Verdict] = {}
        heads: dict[int, tuple[Tree, Conditions] | None] = {}
        for place in ordered_places(row.statements, lambda statement: new_name(statement, self.models[0])):
            statement = row.statements[place]
            adds = (row.number, place) in self._sums and new_name(statement, self.models[0]) is None
            found[place] = self._added(row, place, statement) if adds else self._statement(row, statement)
            heads[place] = self.head
        if not found:
            return Verdict("unread", reason="there is no formula in this row")
        self.head = heads[len(found) - 1]
        return worst([found[place] for place in sorted(found)])

    @staticmethod
    def _makes_member(row: Row) -> bool:
        """Whether a row defines an entry or a member: families may need each other, member by member."""
        return any(isinstance(statement.head, t.Subscript) for statement in row.statements)

    def _statement(self, row: Row, statement: Statement) -> Verdict:
        conditions = tuple(statement.conditions)
        head = statement.head
        if head is None:
            if self.head is None:
                return Verdict("unread", reason="the row begins with = and there is no left side before it")
            head, before = self.head
            conditions = (*before, *conditions)
        links = list(statement.links)
        if (unknown := self._not_defined(head, links)) is not None:
            name, number = unknown
            return Verdict("unread", reason=f"{name} has no value: row {number}, which is to define it, gives none")
        for model in (*self.models, *((self.values.model,) if self.values is not None else ())):
            bind((head, *(link.tree for link in links)), model)
        if not links:
            return Verdict("unread", reason="the row states nothing: there is no equals sign")
        found: list[Verdict] = []
        if statement.head is not None and new_name(statement, self.models[0]) is not None:
            assert isinstance(head, (t.Name, t.Subscript))
            has_members = isinstance(head, t.Subscript) and head.array in self.models[0].defined_members
            verdict = replace(self._define(head, links[0], conditions), head=head, link=links[0], statement=statement)
            found.append(verdict)
            if not has_members:
                links = links[1:]
            if verdict.verdict != "correct":
                self.head = None
                self._unknown[head.text if isinstance(head, t.Name) else head.array] = row.number
                return verdict
        self.head = (head, conditions)
        return worst(found + self._links(row, statement, head, links, conditions))

    def _not_defined(self, head: Tree, links: Sequence[Link]) -> tuple[str, int] | None:
        """A name on the right whose own row says nothing, and the number of that row: it is no index that runs."""
        for link in links if self._unknown else ():
            bound = {name for node in t.walk(link.tree) if isinstance(node, t.Reduction) for name in node.bound}
            for name in t.names_in(link.tree):
                known = name in bound or name in t.names_in(head) or name in self.problem.vocabulary.names
                if name in self._unknown and not known:
                    return name, self._unknown[name]
        return None

    def _links(
        self, row: Row, statement: Statement, head: Tree, links: Sequence[Link], conditions: Conditions
    ) -> list[Verdict]:
        """A verdict for each link; one that repeats a wrong one is not charged again."""
        found: list[Verdict] = []
        wrong: Tree | None = None
        for link in links:
            if wrong is not None and self.comparing.same(wrong, link.tree, conditions):
                found.append(Verdict("correct", "carried", carried_from=row.number, link=link))
                continue
            verdict = self.links.verdict(row, head, link, conditions)
            found.append(replace(verdict, head=head, link=link, statement=statement))
            if verdict.verdict == "wrong":
                wrong = link.tree
                if not is_literal(link.tree):
                    clashes = verdict.evidence == "shape"
                    self.following.mistakes.append(Mistake(row.number, head, link.tree, conditions, clashes))
        return found

    def _define(self, head: t.Name | t.Subscript, link: Link, conditions: Conditions) -> Verdict:
        """A row whose left side is a new name defines it."""
        name = head.text if isinstance(head, t.Name) else head.array
        if name.startswith("d") and name[1:] in (self.problem.loss, *self.problem.quantities):
            return Verdict("undecided", reason=f"outside fragment: {name} is a differential, and forms are not judged")
        if name in t.names_in(link.tree) and isinstance(head, t.Name):
            return Verdict("unread", reason=f"{name} is defined by itself")
        second = self.comparing.second()
        for model in self.models:
            try:
                define(head, link.tree, conditions, model)
            except NO_VALUE as failed:
                again = lambda made: define(head, link.tree, conditions, made)  # noqa: E731
                return stated(of_failure(failed), second.clash(model, (head, link.tree), again))
        self.comparing.definitions.append((head, link.tree, conditions))
        self.following.forget_models()
        if self.values is not None:
            with suppress(*NO_VALUE):  # then no number can be worked out from it
                self.values.define(head, link.tree, conditions)
        if isinstance(head, t.Name) and lacks_value(link.tree, self.models[0].defined[name].nodes, self.models[0]):
            self.comparing.definitions.pop()
            for model in self.models:
                model.undefine(name)
            return Verdict("undecided", reason=f"undefined: {name} has no value at any point tried")
        return Verdict("correct", "definition", note=f"{name} is taken as a new name")

    # --- rows that add up ---------------------------------------------------------------------------------------------

    def _added(self, row: Row, place: int, statement: Statement) -> Verdict:
        """A row of a sequence that adds up: right if the last value is."""
        sums = self._sums[row.number, place]
        self.head = (sums.head, sums.conditions)
        if id(sums) not in self._summed:
            self._summed[id(sums)] = self._whole_sum(sums)
        verdict, charged = self._summed[id(sums)]
        if verdict.verdict == "wrong" and row.number != charged:
            verdict = Verdict("correct", "partial sum")
        return replace(verdict, head=sums.head, link=statement.links[0], statement=statement)

    def _whole_sum(self, sums: Accumulation) -> tuple[Verdict, int]:
        """The verdict on the last value of a sequence, and the row that is charged where it is wrong."""
        last = sums.shares[-1]
        verdict = self.comparing.decided(sums.head, last.total, sums.conditions)
        verdict = self.comparing.confirmed(verdict, sums.head, last.total, sums.conditions)
        charged = last.row
        if verdict.verdict == "wrong" and verdict.model is not None and verdict.decision is not None:
            try:
                charged = wrong_share(sums, verdict.model).row
            except NO_VALUE:
                charged = last.row
            self.following.mistakes.append(Mistake(charged, sums.head, last.total, sums.conditions))
        return verdict, charged
