"""One link of a row, `left = right`: a formula, a printed number, or another sign than =."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from derive import tree as t
from derive.reading.latex.rows import Link, Row
from derive.tree import Tree
from derive.verification.comparing import Comparing, Conditions, stated
from derive.verification.decisions import Witness
from derive.verification.following import Following
from derive.verification.graph import Node
from derive.verification.model import Model
from derive.verification.problem_checks import defined
from derive.verification.problems import Problem
from derive.verification.statements import instances
from derive.verification.values import Values, is_literal, text_of
from derive.verification.verdicts import NO_VALUE, Verdict, of_failure

#: Signs that say that two sides are one value.
EQUALITIES = ("=", "approx", ":=", "<-", "+=", "-=", "propto")


class Links:
    """values : the problem at its own numbers, where it has any."""

    def __init__(self, problem: Problem, comparing: Comparing, following: Following, values: Values | None) -> None:
        self.problem = problem
        self.comparing = comparing
        self.following = following
        self.values = values

    def verdict(self, row: Row, head: Tree, link: Link, conditions: Conditions) -> Verdict:
        """First success wins: it holds, it holds at the given values, it is carried; else it is wrong, if confirmed."""
        if link.relation == "<-" and self._is_given(head):
            return Verdict("undecided", reason="outside fragment: an update of what is given is no claim about it")
        if link.relation not in EQUALITIES:
            return self._compared(head, link, conditions)
        if self.values is not None and is_literal(link.tree):
            return self._number(self.values, row, head, link)
        verdict = self.comparing.decided(head, link.tree, conditions)
        if verdict.verdict == "wrong" and link.relation == "approx" and self.values is None:
            return Verdict("undecided", reason="outside fragment: how near two formulas are is not judged")
        if verdict.verdict == "wrong" and self.values is not None and not conditions:
            held = self._at_values(self.values, head, link.tree)
            if held is not None:
                return held
        if verdict.verdict in ("wrong", "undecided") and self.following.mistakes:
            carried = self.following.carried(head, link.tree, conditions)
            if carried is not None:
                return carried
        if verdict.verdict == "correct" and (row_before := self.following.contradicted(head, link.tree, conditions)):
            told = f"true, but it does not follow from what row {row_before} says"
            return replace(verdict, note=f"{verdict.note}; {told}" if verdict.note else told)
        return self.comparing.confirmed(verdict, head, link.tree, conditions)

    def _at_values(self, values: Values, head: Tree, right: Tree) -> Verdict | None:
        """A right verdict for a link such as 1.4924 * v_4, which holds, if at all, at the given values."""
        held = values.holds(head, right)
        if held is not None:
            return Verdict("correct", "values", note="holds at the given values", numbers=held)
        if any(self.comparing.decided(head, each, ()).verdict == "correct" for each in values.with_names(right)):
            return Verdict("correct", "values", note="a given number stands in place of its name")
        return None

    def apart_at_values(self, head: Tree, right: Tree) -> tuple[Any, Any] | None:
        """Both sides of a wrong link at the given values, where they are numbers, differ and are confirmed."""
        values = self.values
        sides = None if values is None else values.both(head, right)
        if values is None or sides is None:
            return None
        model = values.model
        witness = Witness((), model.judge.point(0), *sides, (model.graph.zero, model.graph.zero))
        return sides if self.comparing.second().differ(model, witness, head, right, ()) else None

    def _is_given(self, head: Tree) -> bool:
        """Whether a left side is a quantity that no equation works out."""
        if not isinstance(head, t.Name) or head.text not in self.problem.quantities:
            return False
        return all(defined(each) != head.text for each in self.problem.equations)

    # --- other signs --------------------------------------------------------------------------------------------------

    def _compared(self, head: Tree, link: Link, conditions: Conditions) -> Verdict:
        """A row with another sign than =: refuted where the sides are equal and may not be, else left undecided."""
        model, second = self.comparing.models[0], self.comparing.second()
        if link.relation in ("!=", "<", ">"):
            verdict = self.comparing.decided(head, link.tree, conditions)
            if verdict.verdict == "correct":
                verdict = Verdict("wrong", "equal", reason="the sides are equal")
                return stated(verdict, second.equal(model, head, link.tree, conditions))
        compared = t.Indicator((head, link.tree), (link.relation,))

        def outcomes(model: Model) -> set[Node]:
            found = instances((head, link.tree), conditions, model)
            return {model.meaning.node(compared, each.env) for each in found}

        try:
            truth = outcomes(model)
        except NO_VALUE as failed:
            verdict = of_failure(failed)
            return stated(verdict, second.clash(model, (head, link.tree), outcomes))
        if truth == {model.graph.one}:
            return Verdict("correct", "proved")
        if truth == {model.graph.zero}:
            verdict = Verdict("wrong", "counterexample", reason="the relation never holds")
            return stated(verdict, second.never(model, compared, conditions))
        return Verdict("undecided", reason="outside fragment: of rows with another sign than = few are decided")

    # --- printed numbers ----------------------------------------------------------------------------------------------

    def _number(self, values: Values, row: Row, head: Tree, link: Link) -> Verdict:
        """A printed number: it must follow, by some rule of rounding, from the formula at the given values."""
        try:
            note = values.number(head, link.tree, self._formula_before(row, head, link))
        except NO_VALUE as failed:
            clash = self.comparing.second().clash(values.model, (head,), lambda model: model.meaning.node(head, {}))
            return stated(of_failure(failed), clash)
        if note.verdict == "correct":
            return Verdict("correct", "values", numbers=[note])
        verdict = Verdict("wrong", "values", reason=note.label, numbers=[note])
        second, printed = self.comparing.second(), Fraction(text_of(link.tree))
        return stated(verdict, second.number(values.model, head, values.true(head), printed))

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
