"""Partial derivatives pushed inward, one named rule at a time, until only Kronecker deltas are left.

The entry by which is differentiated carries fresh indices, `∂Y[i]/∂X[m]`: no sum inside can capture them.
Each rule rewrites all pending derivatives that it applies to and that no other derivative encloses.
Source: any calculus text; at a kink the table of derive.functions says which derivative is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derive import functions, terms
from derive.errors import ProgramError
from derive.integers import Index, integer
from derive.program import Equation, Program
from derive.rules.rewriting import Rewrite, rule
from derive.rules.wording import said
from derive.step import Rule
from derive.terms import NIL, Partial, Term, add, multiply, power, total


class TermArithmetic:
    """F for terms: a row of the table of derivatives run on it gives its formula as a term."""

    def __getattr__(self, name: str) -> Callable[..., Term]:
        if name not in functions.OPERATIONS:
            raise AttributeError(name)
        return lambda *operands: terms.Apply(name, tuple(map(terms.term_of, operands)))

    def pi(self) -> Term:
        return terms.Constant("pi")

    def sqrt(self, operand: Any) -> Term:
        return terms.Apply("sqrt", (terms.term_of(operand),))

    def power(self, base: Any, exponent: Any) -> Term:
        return power(base, exponent)

    def holds(self, comparison: str, left: Any, right: Any) -> Term:
        return terms.guard(terms.Comparison((terms.term_of(left), terms.term_of(right)), (comparison,)))


TERMS = TermArithmetic()


def _depends(term: Term, array: str) -> bool:
    """Whether a derivative by an entry of the array can be other than 0: guards, deltas and winners are constant."""
    match term:
        case terms.Guard() | terms.Winner() | terms.Delta():
            return False
        case terms.Entry():
            return term.array == array
    return any(_depends(child, array) for child in terms.children(term))


def pending(term: Term) -> list[Partial]:
    """The derivatives that are still to be worked out, outermost only, in order of writing."""
    if isinstance(term, Partial):
        return [term]
    return [found for child in terms.children(term) for found in pending(child)]


def _everywhere(change: Callable[[Partial], Term | None]) -> Callable[[Equation, Program], Rewrite | None]:
    """Apply a change to every outermost pending derivative it answers for."""

    def visit(term: Term) -> Term:
        if isinstance(term, Partial):
            made = change(term)
            return term if made is None else made
        below = terms.children(term)
        if not below:
            return term
        parts = tuple(map(visit, below))
        return term if all(new is old for new, old in zip(parts, below, strict=True)) else terms.rebuilt(term, parts)

    def rewrite(equation: Equation, program: Program) -> Rewrite | None:
        made = visit(equation.term)
        return None if made is equation.term else Rewrite(made)

    return rewrite


def substitute_forward(equation: Equation, program: Program) -> Rewrite | None:
    """∂Y[i]/∂X[m] -> the derivative of the right-hand side that defines Y[i]."""
    match equation.term:
        case Partial(of=terms.Entry(array=array, indices=indices), by=by) if array in program.by_name:
            line = program.by_name[array]
            values = dict(zip(line.indices, indices, strict=True))
            body = terms.substitute(terms.freshened(line.term), values)
            return Rewrite(Partial(body, by), f"{array} is {said(line.left)} = {said(line.term)}")
    return None


FORWARD = rule("forward equation", "the quantity is what its equation says")(substitute_forward)


def _constant(node: Partial) -> Term | None:
    return None if _depends(node.of, node.by.array) else NIL


CONSTANT = rule("constant", "what does not read the variable has derivative 0")(_everywhere(_constant))


def _entry(node: Partial) -> Term | None:
    if not isinstance(node.of, terms.Entry) or node.of.array != node.by.array:
        return None
    return multiply(*(terms.delta(own, by) for own, by in zip(node.of.indices, node.by.indices, strict=True)))


ENTRY = rule(
    "partial of an entry",
    "two entries of one array are independent: the derivative is 1 where all indices agree, else 0",
)(_everywhere(_entry))


def _sum(node: Partial) -> Term | None:
    if isinstance(node.of, terms.Add):
        return add(*(Partial(part, node.by) if _depends(part, node.by.array) else NIL for part in node.of.terms))
    return None


SUM = rule("sum rule", "the derivative of a sum is the sum of the derivatives")(_everywhere(_sum))


def _reduction(node: Partial) -> Term | None:
    if isinstance(node.of, terms.Reduce) and node.of.operator == "sum":
        return total(node.of.indices, Partial(node.of.body, node.by))
    return None


EXCHANGE = rule(
    "linearity of the sum", "the derivative goes under the sum: the index of the sum and that of the variable differ"
)(_everywhere(_reduction))


def _constant_factor(node: Partial) -> Term | None:
    if not isinstance(node.of, terms.Mul):
        return None
    changing = [k for k, factor in enumerate(node.of.factors) if _depends(factor, node.by.array)]
    if len(changing) != 1:
        return None
    return multiply(
        *(Partial(factor, node.by) if k == changing[0] else factor for k, factor in enumerate(node.of.factors))
    )


CONSTANT_FACTOR = rule("constant factor", "factors that do not read the variable stay")(_everywhere(_constant_factor))


def _product(node: Partial) -> Term | None:
    if not isinstance(node.of, terms.Mul):
        return None
    factors = node.of.factors
    changing = [k for k, factor in enumerate(factors) if _depends(factor, node.by.array)]
    parts = []
    for number, place in enumerate(changing):
        # copies beyond the first bind indices of their own, so that no two sums of one product share an index
        copies = factors if not number else tuple(map(terms.freshened, factors))
        parts.append(multiply(*(Partial(factor, node.by) if k == place else factor for k, factor in enumerate(copies))))
    return add(*parts) if len(changing) > 1 else None


PRODUCT = rule("product rule", "(u v)' = u' v + u v'")(_everywhere(_product))


def _power(node: Partial) -> Term | None:
    if not isinstance(node.of, terms.Power):
        return None
    base, exponent = node.of.base, node.of.exponent
    parts: list[Term] = []
    if _depends(base, node.by.array):
        lowered = power(base, add(exponent, -1))
        parts.append(multiply(exponent, lowered, Partial(terms.freshened(base), node.by)))
    if _depends(exponent, node.by.array):
        parts.append(multiply(node.of, TERMS.log(base), Partial(exponent, node.by)))
    return add(*parts)


POWER = rule("power rule", "(u^n)' = n u^(n-1) u'; by the exponent (u^w)' = u^w log(u) w'")(_everywhere(_power))


def _chain(node: Partial) -> Term | None:
    match node.of:
        case terms.Apply(function=name, arguments=arguments):
            row = functions.operation(name)
            outer = [
                (terms.term_of(row.partials[slot](TERMS, *arguments, node.of)), argument)
                for slot, argument in enumerate(arguments)
            ]
        case terms.Opaque(arguments=arguments, orders=orders):
            raised = [(*orders[:k], orders[k] + 1, *orders[k + 1 :]) for k in range(len(arguments))]
            outer = [
                (terms.Opaque(node.of.name, node.of.parameters, arguments, order), argument)
                for order, argument in zip(raised, arguments, strict=True)
            ]
        case _:
            return None
    return add(
        *(
            multiply(factor, Partial(terms.freshened(argument), node.by))
            for factor, argument in outer
            if factor != NIL and _depends(argument, node.by.array)
        )
    )


CHAIN = rule("chain rule", "f(u)' = f'(u) u'; of several arguments the contributions are added")(_everywhere(_chain))


def _winner(node: Partial) -> Term | None:
    match node.of:
        case terms.Reduce(operator="max" | "min" as operator, indices=indices, body=body):
            at = tuple(index.fresh() for index in indices)
            values = {index: integer(new) for index, new in zip(indices, at, strict=True)}
            won = terms.Winner(operator, indices, body, tuple(map(integer, at)))
            return total(at, multiply(won, Partial(terms.substitute(terms.freshened(body), values), node.by)))
    return None


WINNER = rule(
    "winner takes all",
    "a max or min changes with the entry that wins and with no other; of equal ones the first wins",
)(_everywhere(_winner))


def _repeated_product(node: Partial) -> Term | None:
    match node.of:
        case terms.Reduce(operator="prod", indices=indices, body=body):
            own = tuple(index.fresh() for index in indices)
            values = {index: integer(new) for index, new in zip(indices, own, strict=True)}
            # the others: factor 1 in place of the one that is differentiated; a quotient would fail at 0
            equal = multiply(*(terms.delta(index, new) for index, new in zip(indices, own, strict=True)))
            others = add(multiply(add(1, multiply(-1, equal)), body), equal)
            inner = terms.substitute(terms.freshened(body), values)
            return total(own, multiply(total(indices, _guarded_others(indices, own, body, others), "prod"),
                                       Partial(inner, node.by)))  # fmt: skip
    return None


def _guarded_others(indices: tuple[Index, ...], own: tuple[Index, ...], body: Term, fallback: Term) -> Term:
    """The body at every other place and 1 at one's own, as guards: a false guard keeps what it multiplies out."""
    if len(indices) != 1:
        return fallback
    here, there = integer(indices[0]), integer(own[0])
    equal = terms.guard(terms.Chain((here, there), ("=",)))
    other = terms.guard(terms.Chain((here, there), ("!=",)))
    return add(equal, multiply(other, body))


REPEATED_PRODUCT = rule(
    "product rule over an index", "each factor of a product is differentiated in turn, the others stay"
)(_everywhere(_repeated_product))

#: In the order in which they are tried on the outermost pending derivative.
RULES: tuple[Rule, ...] = (
    CONSTANT, ENTRY, SUM, EXCHANGE, CONSTANT_FACTOR, PRODUCT, POWER, CHAIN, WINNER, REPEATED_PRODUCT,
)  # fmt: skip


def unsupported(term: Term) -> ProgramError:
    """The refusal of a derivative that no rule knows."""
    return ProgramError(f"no rule differentiates {said(term)}")
