"""What the rules of index equations share: the outcome of a rewrite, and where in a term it may look."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from derive import terms
from derive.bounds import holds
from derive.integers import Index, Integer
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


#: Functions with a value, and a derivative, at every number.
_TOTAL = frozenset(
    "sin cos tanh sinh cosh exp atan erf sigmoid softplus relu abs sign max min greater less at_least at_most".split()
)


def is_total(term: Term, program: Program) -> bool:
    """Whether the term has a value wherever its indices lie in their domains: it reads inside, and divides by nothing.

    Such a factor needs no guard. One that may read outside must stay beside the guard that keeps it from doing so.
    """
    match term:
        case terms.Entry():
            head = program.heads.get(term.array)
            own = () if head is None else tuple(part.index for part in head.indices)
            return len(own) == len(term.indices) and all(
                index is not None and (_one_domain(part, index) or holds(terms.within(part, index.stop, index.lower)))
                for part, index in zip(term.indices, own, strict=True)
            )
        case terms.Apply():
            return term.function in _TOTAL and all(is_total(part, program) for part in term.arguments)
        case terms.Power(base=base, exponent=terms.Number(value=value)):
            return value.denominator == 1 and value > 0 and is_total(base, program)
        case terms.Power() | terms.Winner() | terms.Partial():
            return False
        case terms.Mul() if any(isinstance(factor, terms.Guard) for factor in term.factors):
            return False
    return all(is_total(part, program) for part in terms.children(term))


def _one_domain(part: Integer, index: Index) -> bool:
    own = part.index
    return own is not None and (own.lower, own.stop) == (index.lower, index.stop)


def is_guarded(factors: Iterable[Term]) -> bool:
    """Whether a guard or a delta is among the factors, or deeper in their sums and products."""
    return any(
        isinstance(factor, (terms.Guard, terms.Delta))
        or (isinstance(factor, (terms.Add, terms.Mul, terms.Reduce)) and is_guarded(terms.children(factor)))
        for factor in factors
    )
