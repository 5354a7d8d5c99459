"""Stable spellings: what the equations say, computed so that it does not overflow.

exp(u)/sum(j) exp(v)   ->  exp(u - M)/sum(j) exp(v - M),  M = max(j) v
log(sum(j) exp(v))     ->  M + log(sum(j) exp(v - M))
log(sigmoid(u))        ->  -softplus(-u)
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from derive import terms
from derive.terms import Apply, Mul, Number, Power, Reduce, Term, add, multiply, negate, power, total


def stable(term: Term) -> Term:
    """The term with every such part respelled."""
    return terms.transformed(term, _respelled)


def _respelled(node: Term) -> Term:
    match node:
        case Apply(function="log", arguments=(Apply(function="sigmoid", arguments=(inner,)),)):
            return negate(Apply("softplus", (negate(inner),)))
        case Apply(function="log", arguments=(Reduce() as sums,)) if _exponent(sums) is not None:
            return _logarithm(sums)
        case Apply(function="log", arguments=(Mul(factors=factors),)):
            return _logarithm_of_quotient(node, factors)
        case Mul(factors=factors):
            return _quotient(node, factors)
    return node


def _exponent(term: Term) -> Term | None:
    """v of sum(j) ... exp(v) ..., where v depends on j."""
    if not isinstance(term, Reduce) or term.operator != "sum":
        return None
    factors = term.body.factors if isinstance(term.body, Mul) else (term.body,)
    found = [f for f in factors if isinstance(f, Apply) and f.function == "exp"]
    if len(found) == 1 and not terms.free_indices(found[0]).isdisjoint(term.indices):
        return found[0].arguments[0]
    return None


def _largest(sums: Reduce, exponent: Term) -> Term:
    return terms.freshened(total(sums.indices, exponent, "max"))


def _shifted(sums: Reduce, exponent: Term, largest: Term) -> Term:
    old, new = Apply("exp", (exponent,)), Apply("exp", (add(exponent, negate(largest)),))
    factors = sums.body.factors if isinstance(sums.body, Mul) else (sums.body,)
    return total(sums.indices, multiply(*(new if factor == old else factor for factor in factors)))


def _logarithm(sums: Reduce) -> Term:
    exponent = _exponent(sums)
    assert exponent is not None
    largest = _largest(sums, exponent)
    return add(largest, Apply("log", (_shifted(sums, exponent, terms.freshened(largest)),)))


def _logarithm_of_quotient(node: Apply, factors: Sequence[Term]) -> Term:
    """log(exp(u)/sum exp(v)) -> u - log(sum exp(v))."""
    if len(factors) != 2:
        return node
    for one, two in (factors, tuple(reversed(factors))):
        match one, two:
            case Apply(function="exp", arguments=(above,)), Power(base=Reduce() as sums, exponent=Number(value=n)):
                exponent = _exponent(sums)
                if n == -1 and exponent is not None:
                    left, right = _unshifted(above), _unshifted(exponent)
                    plain = Reduce("sum", sums.indices, Apply("exp", (right,)))
                    if _body_is_lone(sums):
                        return add(left, negate(_logarithm(plain)))
    return node


def _body_is_lone(sums: Reduce) -> bool:
    return isinstance(sums.body, Apply)


def _unshifted(term: Term) -> Term:
    """u of u - max(j) v, as it was before it was shifted."""
    if isinstance(term, terms.Add):
        parts = [part for part in term.terms if not _is_shift(part)]
        return add(*parts) if len(parts) < len(term.terms) else term
    return term


def _is_shift(term: Term) -> bool:
    match term:
        case Mul(factors=(Number(value=value), Reduce(operator="max"))):
            return value == -1
    return False


def _quotient(node: Mul, factors: Sequence[Term]) -> Term:
    """Products of exp(u) and powers of sum exp(v) in which every e^M cancels."""
    for place, factor in enumerate(factors):
        if not isinstance(factor, Power) or not isinstance(factor.exponent, Number):
            continue
        exponent = _exponent(factor.base)
        if exponent is None or any(_is_shift(part) for part in getattr(exponent, "terms", ())):
            continue
        sums = factor.base
        assert isinstance(sums, Reduce)
        shape = _outline(exponent)
        tops = [(k, *_power_of_exp(f)) for k, f in enumerate(factors) if _power_of_exp(f) is not None]  # type: ignore[misc]
        alike = [(k, above, n) for k, above, n in tops if _outline(above) == shape]
        if sum((n for _, _, n in alike), Fraction(0)) + factor.exponent.value != 0:
            continue
        largest = _largest(sums, exponent)
        made = list(factors)
        made[place] = power(_shifted(sums, exponent, largest), factor.exponent)
        for k, above, n in alike:
            made[k] = power(Apply("exp", (add(above, negate(terms.freshened(largest))),)), n)
        return multiply(*made)
    return node


def _power_of_exp(term: Term) -> tuple[Term, Fraction] | None:
    match term:
        case Apply(function="exp", arguments=(above,)):
            return above, Fraction(1)
        case Power(base=Apply(function="exp", arguments=(above,)), exponent=Number(value=n)):
            return above, n
    return None


def _outline(term: Term) -> Any:
    """What a term is but for its subscripts."""
    match term:
        case terms.Entry(array=array):
            return ("entry", array)
        case Number(value=value):
            return ("number", value)
        case Apply(function=name):
            return (name, *map(_outline, term.arguments))
        case Reduce(operator=operator):
            return (operator, _outline(term.body))
    return (type(term).__name__, *map(_outline, terms.children(term)))
