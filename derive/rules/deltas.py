"""Contraction of Kronecker deltas: a delta under a sum names the one index value that counts.

A delta is an equation between integers. An index with coefficient 1 or -1 is solved for, and the solution must lie in
the index's domain: that is the guard. With other coefficients the equation has solutions only where the greatest common
divisor divides it, which is a guard too: one index is then a quotient, two are given by Bezout's identity and one
parameter. Nothing is ever divided without its guard.

Source: any text on linear Diophantine equations; the guard is what the classic wrong convolution gradient drops.
"""

from __future__ import annotations

from collections.abc import Callable

from derive import terms
from derive.bounds import is_positive
from derive.integers import Index, Integer, ceiling, floor, integer
from derive.program import Equation, Program
from derive.rules.rewriting import Rewrite, factors_of, first_changed, rule
from derive.rules.sums import is_sum
from derive.rules.wording import said, said_condition
from derive.step import Rule
from derive.terms import Delta, Divides, Reduce, Term, guard, multiply, total, within


class Solved:
    """What a delta said of an index: `index = value`, where the conditions hold; `new` indices take over."""

    __slots__ = ("conditions", "new", "values")

    def __init__(
        self, values: dict[Index, Integer], conditions: tuple[terms.Condition, ...], new: tuple[Index, ...] = ()
    ) -> None:
        self.values = values
        self.conditions = conditions
        self.new = new


def _unit(node: Reduce, each: Delta) -> Solved | None:
    """Solve for an index with coefficient 1 or -1; of several the one that a side consists of, else the innermost."""
    difference = each.left - each.right
    choices = []
    for place, index in enumerate(node.indices):
        linear = difference.linear(index)
        if linear is None or linear[0].value not in (1, -1):
            continue
        factor, rest = linear
        value = -rest if factor.value == 1 else rest
        if _circular(value, index):
            continue
        lone = each.left.index is index or each.right.index is index
        choices.append(((not lone, len(value.terms), -place), index, value))
    if not choices:
        return None
    _, index, value = min(choices, key=lambda choice: choice[0])
    return Solved({index: value}, (within(value, index.stop, index.lower),))


def _circular(value: Integer, index: Index) -> bool:
    """Whether the value mentions an index whose own domain depends on the one that is solved for."""
    return any(index in (*other.lower.indices, *other.stop.indices) for other in value.indices)


def _quotient(node: Reduce, each: Delta) -> Solved | None:
    """c*index = r with c other than 1: index = r/c where c divides r."""
    difference = each.left - each.right
    mentioned = [index for index in node.indices if index in difference.indices]
    if len(mentioned) != 1:
        return None
    (index,) = mentioned
    linear = difference.linear(index)
    if linear is None:
        return None
    factor, rest = linear
    if is_positive(factor):
        divisor, numerator = factor, -rest
    elif is_positive(-factor):
        divisor, numerator = -factor, rest
    else:
        return None
    value = floor(numerator, divisor)
    if _circular(value, index):
        return None
    return Solved({index: value}, (Divides(divisor, numerator), within(value, index.stop, index.lower)))


def _bezout(node: Reduce, each: Delta) -> Solved | None:
    """a*i + b*k = r with numbers a, b: all solutions by one parameter, where gcd(a, b) divides r."""
    difference = each.left - each.right
    known = []
    for index in node.indices:
        if index not in difference.indices:
            continue
        linear = difference.linear(index)
        number = None if linear is None else linear[0].value
        if number is None:
            return None
        known.append((index, number))
    if len(known) < 2:
        return None
    (one, a), (two, b) = known[0], known[1]
    rest = -(difference - a * integer(one) - b * integer(two))
    divisor, x, y = extended_gcd(a, b)
    quotient = floor(rest, divisor)
    stride, back = b // divisor, a // divisor
    if stride < 0:
        stride, back = -stride, -back
    start = x * quotient
    # start + stride*t runs over the domain of the first index; the second keeps a guard
    first = ceiling(one.lower - start, stride)
    behind = ceiling(one.stop - start, stride)
    parameter = Index("t", behind, first)
    values = {one: start + stride * integer(parameter), two: y * quotient - back * integer(parameter)}
    conditions: list[terms.Condition] = [] if divisor == 1 else [Divides(integer(divisor), rest)]
    conditions.append(within(values[two], two.stop, two.lower))
    return Solved(values, tuple(conditions), (parameter,))


def extended_gcd(a: int, b: int) -> tuple[int, int, int]:
    """(g, x, y) with g = gcd(a, b) > 0 and x*a + y*b = g."""
    (g, x, y), (h, u, v) = (a, 1, 0), (b, 0, 1)
    while h:
        quotient = g // h
        (g, x, y), (h, u, v) = (h, u, v), (g - quotient * h, x - quotient * u, y - quotient * v)
    return (g, x, y) if g > 0 else (-g, -x, -y)


def _equations(factor: Term) -> list[tuple[Delta, tuple[terms.Condition, ...]]]:
    """The equations between integers that a factor is: a delta, or an indicator `[i = 2*p + k]` that an author wrote.

    With each, what else the indicator asks.
    """
    if isinstance(factor, Delta):
        return [(factor, ())]
    if not isinstance(factor, terms.Guard):
        return []
    return [
        (Delta(*each.sides), tuple(other for other in factor.conditions if other is not each))
        for each in factor.conditions
        if isinstance(each, terms.Chain) and each.operators == ("=",)
    ]


def _applied(node: Reduce, place: int, solved: Solved, rest: tuple[terms.Condition, ...]) -> Term:
    """The sum without the equation at `place`, the solved indices replaced, the conditions as a guard in its place."""
    factors = [*factors_of(node.body)]
    factors[place] = guard(*rest)
    remaining = [index for index in node.indices if index not in solved.values]
    anew: dict[Index, Integer] = {}  # a domain may depend on what was solved for, as n[l] does on the layer l
    bound: list[Index] = []
    for index in remaining:
        domain = (index.lower.substitute(solved.values), index.stop.substitute(solved.values))
        if domain != (index.lower, index.stop):
            new = Index(index.name, domain[1], domain[0])
            anew[index] = integer(new)
            index = new
        bound.append(index)
    # a parameter stands in front, but behind the indices on which its domain depends
    for new in reversed(solved.new):
        around = {*new.lower.indices, *new.stop.indices}
        behind = max((place + 1 for place, index in enumerate(bound) if index in around), default=0)
        bound.insert(behind, new)
    inner = {index: value.substitute(anew) for index, value in solved.values.items()} | anew
    moved = tuple(terms.substitute(factor, inner) for factor in factors)
    conditions = tuple(terms.substituted_condition(each, inner) for each in solved.conditions)
    # a guard stands before what it guards, behind the guards that are there already
    others = [factor for factor in moved if factor != terms.UNIT]
    behind = next((k for k, factor in enumerate(others) if not isinstance(factor, terms.Guard)), len(others))
    return total(bound, multiply(*others[:behind], guard(*conditions), *others[behind:]))


def _contraction(solve: Callable[[Reduce, Delta], Solved | None]) -> Callable[[Equation, Program], Rewrite | None]:
    def rewrite(equation: Equation, program: Program) -> Rewrite | None:
        told: list[tuple[str, tuple[str, ...]]] = []

        def change(node: Term) -> Term | None:
            if not isinstance(node, Reduce) or not is_sum(node):
                return None
            for place, factor in enumerate(factors_of(node.body)):
                for each, rest in _equations(factor):
                    solved = solve(node, each)
                    if solved is not None:
                        told.append(_told(each, solved))
                        return _applied(node, place, solved, rest)
            return None

        made = first_changed(equation.term, change)
        return None if made is None else Rewrite(made, *told[0])

    return rewrite


def _told(each: Delta, solved: Solved) -> tuple[str, tuple[str, ...]]:
    kept = ", ".join(f"{index.name} = {said(value)}" for index, value in solved.values.items())
    sentence = f"of the sum over {', '.join(index.name for index in solved.values)} only {kept} is left"
    if solved.new:
        sentence = f"{said(each.left)} = {said(each.right)} holds for {kept}, t any whole number"
    return sentence, tuple(said_condition(condition) for condition in solved.conditions)


CONTRACT = rule("contract the delta", "sum_k δ(k, m) u[k] = u[m] where m is in the domain of k")(_contraction(_unit))
CONTRACT_QUOTIENT = rule(
    "contract the delta with a divisor", "sum_k δ(c k, m) u[k] = u[m/c] where c divides m and m/c is in the domain of k"
)(_contraction(_quotient))
CONTRACT_BEZOUT = rule(
    "contract the delta by Bezout's identity",
    "a i + b k = r has solutions where gcd(a, b) divides r: one of them plus any multiple of (b, -a)/gcd(a, b)",
)(_contraction(_bezout))

#: In the partial derivative of one equation: only what needs no division. The sums outside may offer a better index.
UNIT: tuple[Rule, ...] = (CONTRACT,)
#: In an adjoint: an index with coefficient 1 first, then the others.
ALL: tuple[Rule, ...] = (CONTRACT, CONTRACT_QUOTIENT, CONTRACT_BEZOUT)
