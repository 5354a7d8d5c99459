"""Both sides of a link at all sizes and labels that are tried: wrong at one is wrong, once that is confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from derive import tree as t
from derive.plain import formula
from derive.tree import Tree
from derive.verification.agreement import agreed
from derive.verification.confirming import UNCONFIRMED, Definition, Second
from derive.verification.definitions import define
from derive.verification.dummies import bind
from derive.verification.index_hazards import crowded
from derive.verification.model import Model
from derive.verification.problems import Problem
from derive.verification.readings import refuted
from derive.verification.shaped import Unjudged
from derive.verification.size_hazards import ASSIGNMENTS, assignments_needed, one_sided
from derive.verification.statements import NOTHING_FITS, pairs, unbound
from derive.verification.values import is_literal
from derive.verification.variants import Variants
from derive.verification.verdicts import NO_VALUE, Verdict, of_decision, of_failure, worse

Conditions = tuple[Tree, ...]

#: Right rows that are kept before all are forgotten again.
KEPT = 4096


class Comparing:
    """A problem at sizes, with what a work defines.  definitions : of the work so far, in that order."""

    def __init__(self, problem: Problem, seed: int, models: list[Model]) -> None:
        self.models = models
        self.variants = Variants(problem, seed, models)
        self.definitions: list[Definition] = []
        self._turns = self.variants.turns()
        self._right: dict[tuple[Tree, Tree, Conditions], Verdict] = {}

    def forget(self) -> None:
        """What the work defined."""
        self.definitions = []
        self.variants.forget()

    # --- verdicts -----------------------------------------------------------------------------------------------------

    def decided(self, left: Tree, right: Tree, conditions: Conditions, among: Sequence[Model] | None = None) -> Verdict:
        """The two sides at all sizes, and at further ones where the row needs them; or among given models alone.

        A row that was found right and reads nothing that a work defines is right in the next work as well.
        """
        if among is not None and among is not self.models:
            return self._at_all(left, right, conditions, among)
        key = (left, right, conditions)
        if (known := self._right.get(key)) is not None and not self.reads_definitions(*key):
            return replace(known)
        verdict = self._decided(left, right, conditions)
        if verdict.verdict == "correct" and not self.reads_definitions(*key):
            if len(self._right) >= KEPT:
                self._right.clear()
            self._right[key] = replace(verdict)
        return verdict

    def reads_definitions(self, left: Tree, right: Tree, conditions: Conditions) -> bool:
        """Whether a row reads a name that the work defines."""
        made = {head.text if isinstance(head, t.Name) else head.array for head, _, _ in self.definitions}
        return bool(made) and any(not made.isdisjoint(t.names_in(each)) for each in (left, right, *conditions))

    def forget_right(self) -> None:
        """The rows that were found right in other works."""
        self._right.clear()

    def _decided(self, left: Tree, right: Tree, conditions: Conditions) -> Verdict:
        trees = (left, right)
        asked = assignments_needed(trees, self.models[0])
        # one more where sizes stand as numbers: n/3 is 2/m wherever n m is 6
        needed = min(asked + (asked > 1), ASSIGNMENTS)
        further = self._prepared(self.variants.sizes(needed), trees) if needed > len(self.models) else []
        verdict = self._at_all(left, right, conditions, [*self.models, *further])
        open_ = verdict.verdict == "undecided" and self.variants.has_cases
        if open_ or (self.variants.has_one_hot and verdict.verdict != "correct"):
            verdict = self._case_by_case(verdict, left, right, conditions)
        elif verdict.verdict == "correct" and self._turns > 1 and not self.variants.has_one_hot:
            for turn in range(1, self._turns):
                found = self._at_all(left, right, conditions, self._prepared(self.variants.turned(turn), trees))
                verdict = worse(verdict, found)
        if verdict.verdict == "correct" and crowded(trees, self.models) is not None:
            verdict = self._at_larger(verdict, left, right, conditions)
        return self._unless_hazard(verdict, trees, asked) if verdict.verdict == "correct" else verdict

    def _at_larger(self, before: Verdict, left: Tree, right: Tree, conditions: Conditions) -> Verdict:
        """A right verdict at further sizes too, until every axis has room for the indices over it."""
        verdict, tried = before, list(self.models)
        for model in self._prepared(self.variants.sizes(ASSIGNMENTS), (left, right)):
            tried.append(model)
            verdict = worse(verdict, self._at_all(left, right, conditions, [model]))
            if verdict.verdict != "correct" or crowded((left, right), tried) is None:
                return verdict
        name = crowded((left, right), tried)
        return Verdict(
            "undecided", reason=f"hazard: more indices run over the axis of {name} than sizes tried have room for"
        )

    def _case_by_case(self, before: Verdict, left: Tree, right: Tree, conditions: Conditions) -> Verdict:
        """The two sides with every label having each of its values; a case that fits no condition says nothing."""
        verdict: Verdict | None = None
        for turn in range(self.variants.cases()):
            found = self._at_all(left, right, conditions, self._prepared(self.variants.turned(turn), (left, right)))
            if found.reason.endswith(NOTHING_FITS):
                continue
            if found.verdict != "correct":
                return found
            verdict = found if verdict is None else worse(verdict, found)
        return before if verdict is None else verdict

    def _unless_hazard(self, verdict: Verdict, trees: tuple[Tree, Tree], asked: int) -> Verdict:
        """A right verdict, unless the sizes tried cannot show it.  asked : how many sizes the row asks for."""
        if asked > ASSIGNMENTS:
            return Verdict("undecided", reason="hazard: sizes stand there as numbers more often than sizes are tried")
        if (test := one_sided(trees, self.models, self.variants.tried())) is not None:
            return Verdict("undecided", reason=f"hazard: {formula(test)} is the same at all sizes tried")
        return verdict

    def _prepared(self, chosen: Sequence[Model], trees: tuple[Tree, ...]) -> Sequence[Model]:
        def work(model: Model) -> None:
            for head, right, conditions in self.definitions:
                define(head, right, conditions, model)
            bind(trees, model)

        return self.variants.prepare(chosen, work)

    def _at_all(self, left: Tree, right: Tree, conditions: Conditions, among: Sequence[Model]) -> Verdict:
        """The verdict at all of these models: wrong at one is wrong."""
        best: Verdict | None = None
        for model in among:
            verdict = self._at(left, right, conditions, model)
            if verdict.verdict == "wrong":
                return verdict
            if (
                best is None
                and verdict.verdict == "correct"
                and (letter := unbound(left, right, conditions, model)) is not None
            ):
                reason = f"the index {letter} is bound by no sum, and is not on the left side"
                return Verdict("unread", reason=reason)
            best = verdict if best is None else worse(best, verdict)
        assert best is not None
        return best

    @staticmethod
    def _at(left: Tree, right: Tree, conditions: Conditions, model: Model) -> Verdict:
        """The verdict at one model."""
        chance = agreed(left, right, conditions, model)
        if chance is not None:
            return Verdict("correct", "randomised", errors=chance)
        try:
            return of_decision(model.judge.decide(pairs(left, right, conditions, model)), model)
        except (*NO_VALUE, RecursionError) as failed:
            found = _refuted(left, right, conditions, model, failed) if isinstance(failed, Unjudged) else None
            return of_failure(failed, model) if found is None else found

    def same(self, one: Tree, other: Tree, conditions: Conditions) -> bool:
        """Whether a link only repeats another."""
        if is_literal(one) or is_literal(other):
            return False
        return self.decided(one, other, conditions).verdict == "correct"

    # --- the second evaluator -----------------------------------------------------------------------------------------

    def confirmed(self, verdict: Verdict, left: Tree, right: Tree, conditions: Conditions) -> Verdict:
        """A wrong verdict on two sides after a second evaluator found the same, else one that is not decided.

        The derivative of log(x) is 1/x by the sweep also where x < 0, and a difference of nothing: the second evaluator
        may need another point.
        """
        if verdict.verdict != "wrong" or verdict.model is None:
            return stated(verdict, None)
        second, sides, decision = self.second(), verdict.sides or (left, right), verdict.decision
        if decision is None or decision.witness is None:
            return stated(verdict, second.clash(verdict.model, sides, lambda model: pairs(*sides, conditions, model)))
        for witness in chain((decision.witness,), verdict.model.judge.elsewhere(decision.witness)):
            found = second.differ(verdict.model, witness, *sides, conditions)
            if found is not None:
                return stated(replace(verdict, decision=replace(decision, witness=witness)), found)
        return stated(verdict, None)

    def second(self) -> Second:
        """The second evaluator, with what the work defines so far."""
        return Second(self.definitions)


def stated(verdict: Verdict, confirmed: str | None) -> Verdict:
    """A wrong verdict with what confirms it; without that it is none. Other verdicts stay as they are."""
    if verdict.verdict != "wrong":
        return verdict
    if confirmed is None:
        return Verdict(
            "undecided", reason=UNCONFIRMED, head=verdict.head, link=verdict.link, statement=verdict.statement
        )
    return replace(verdict, confirmed=confirmed)


def _refuted(left: Tree, right: Tree, conditions: Conditions, model: Model, failed: Unjudged) -> Verdict | None:
    """A wrong verdict on a row that leaves something open, if it is wrong however it is completed."""
    try:
        found = refuted(left, right, conditions, model, failed)
    except (*NO_VALUE, RecursionError):
        return None
    if found is None:
        return None
    decision, sides = found
    return replace(of_decision(decision, model), reason=f"whichever way it is meant: {failed}", sides=sides)
