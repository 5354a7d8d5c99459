"""What the rules of index equations share: the outcome of a rewrite, and where in a term it may look."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from derive import terms
from derive.integers import Index
from derive.program import Equation, Program
from derive.step import Rule, Step
from derive.terms import Term


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The right-hand side that a rule made, the sentence that says why, and what it took."""

    term: Term
    reason: str = ""
    conditions: tuple[str, ...] = ()


#: A rule of index equations looks at the right-hand side of an equation of a program.
Rewriter = Callable[[Equation, Program], Rewrite | None]


def rule(name: str, statement: str) -> Callable[[Rewriter], Rule]:
    """Make a Rule of a rewriter."""
    return lambda rewriter: Rule(name, statement, rewriter)


def step(rule: Rule, equation: Equation, program: Program) -> Step | None:
    """The Step by which a rule changes an equation, or None where it does not apply or changes nothing."""
    made: Rewrite | None = rule.rewrite(equation, program)
    if made is None or made.term == equation.term:
        return None
    return Step(rule, made.reason or rule.statement, made.conditions, equation, Equation(equation.left, made.term))


def exhausted(rules: Iterable[Rule], equation: Equation, program: Program) -> tuple[Equation, list[Step]]:
    """Apply rules, the first that applies first, until none does."""
    steps: list[Step] = []
    table = tuple(rules)
    while made := next((found for each in table if (found := step(each, equation, program))), None):
        steps.append(made)
        equation = made.after
    return equation, steps


def has_delta(term: Term) -> bool:
    """Whether a Kronecker delta stands in the term, outside of functions and of winners."""
    match term:
        case terms.Delta():
            return True
        case terms.Guard(conditions=conditions):
            return any(isinstance(each, terms.Chain) and each.operators == ("=",) for each in conditions)
        case terms.Add(terms=parts) | terms.Mul(factors=parts):
            return any(map(has_delta, parts))
        case terms.Reduce(operator="sum", body=body):
            return has_delta(body)
    return False


def factors_of(term: Term) -> tuple[Term, ...]:
    return term.factors if isinstance(term, terms.Mul) else (term,)


def bound_inside(term: Term) -> frozenset[Index]:
    """All indices that are bound somewhere in the term."""
    return frozenset(index for node in terms.walk(term) for index in terms.bound_in(node))


def first_changed(term: Term, change: Callable[[Term], Term | None], *, linear: bool = False) -> Term | None:
    """The term with the first node (from the outside) that `change` answers for replaced; None where there is none.

    linear : look only through sums and products, not inside of functions, powers and conditions.
    """
    made = change(term)
    if made is not None:
        return made
    if linear and not isinstance(term, (terms.Add, terms.Mul, terms.Reduce)):
        return None
    below = terms.children(term)
    for place, part in enumerate(below):
        made = first_changed(part, change, linear=linear)
        if made is not None:
            return terms.rebuilt(term, (*below[:place], made, *below[place + 1 :]))
    return None
