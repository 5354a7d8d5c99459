"""Like terms collected: u v + v u = 2 u v. Only whole terms of a sum are compared, factor by factor."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from derive import terms
from derive.program import Equation, Program
from derive.rules.rewriting import Rewrite, factors_of, first_changed, is_guarded, is_total, rule
from derive.rules.wording import said
from derive.step import Rule
from derive.terms import Number, Power, Term, add, multiply, power


def _key(term: Term) -> tuple[Any, Fraction, Term]:
    """What must agree, the number in front, and the rest."""
    number = Fraction(1)
    rest = []
    for factor in factors_of(term):
        if isinstance(factor, Number):
            number *= factor.value
        else:
            rest.append(factor)
    return tuple(sorted(repr(_unordered(terms.canonical(factor))) for factor in rest)), number, multiply(*rest)


def _unordered(key: Any) -> Any:
    """A canonical key in which the order of factors and of the terms of a sum does not count."""
    head, own, domains, below = key
    parts = tuple(map(_unordered, below))
    return head, own, domains, tuple(sorted(parts, key=repr)) if head[0] in ("Add", "Mul") else parts


def _collect(node: Term) -> Term | None:
    if not isinstance(node, terms.Add):
        return None
    found: dict[Any, tuple[Fraction, Term]] = {}
    for part in node.terms:
        key, number, rest = _key(part)
        earlier = found.get(key)
        found[key] = (number + earlier[0], earlier[1]) if earlier else (number, rest)
    if len(found) == len(node.terms):
        return None
    return add(*(multiply(number, rest) for number, rest in found.values()))


def _everywhere(equation: Equation, program: Program) -> Rewrite | None:
    made = first_changed(equation.term, _collect)
    return None if made is None else Rewrite(made)


COLLECT = rule("collect like terms", "equal terms of a sum are counted")(_everywhere)


def _common(node: Term, program: Program) -> Term | None:
    """a b + a c -> a (b + c), where every term has the factor; one that needs a guard is left beside it."""
    if not isinstance(node, terms.Add):
        return None
    parts = [list(factors_of(part)) for part in node.terms]
    shared: list[Term] = []
    for factor in list(parts[0]):
        if isinstance(factor, Number):
            continue
        places = [next((k for k, other in enumerate(part) if terms.same(other, factor)), None) for part in parts]
        if all(place is not None for place in places):
            shared.append(factor)
            for part, place in zip(parts, places, strict=True):
                assert place is not None
                del part[place]
    if not shared or (any(map(is_guarded, parts)) and not all(is_total(factor, program) for factor in shared)):
        return None
    return multiply(*shared, add(*(multiply(*part) for part in parts)))


def _common_factor(equation: Equation, program: Program) -> Rewrite | None:
    made = first_changed(equation.term, lambda node: _common(node, program))
    return None if made is None else Rewrite(made)


COMMON_FACTOR = rule("common factor", "a b + a c = a (b + c)")(_common_factor)


def _exponent(factor: Term) -> tuple[Term, Fraction] | None:
    """Base and number as exponent: sqrt(u) is u^(1/2), also under a further exponent."""
    base, exponent = factor, Fraction(1)
    if isinstance(factor, Power):
        if not isinstance(factor.exponent, Number):
            return None
        base, exponent = factor.base, factor.exponent.value
    if isinstance(base, terms.Apply) and base.function == "sqrt":
        return base.arguments[0], exponent / 2
    return base, exponent


def _powers(node: Term) -> Term | None:
    """u^a u^b -> u^(a+b) for exponents of one sign: nothing is cancelled, so nothing is lost at u = 0."""
    if not isinstance(node, terms.Mul):
        return None
    factors: list[Term] = []
    for factor in node.factors:  # (2 u)^-1 is 2^-1 u^-1; a root of u v is none of u, which may be negative like v
        match factor:
            case Power(base=terms.Mul(factors=inner), exponent=Number(value=value)) if value.denominator == 1:
                factors += [power(part, value) for part in inner]
            case _:
                factors.append(factor)
    found: dict[Any, list[int]] = {}
    for place, factor in enumerate(factors):
        parts = _exponent(factor)
        if parts is None or isinstance(parts[0], (Number, terms.Guard, terms.Delta)):
            continue
        found.setdefault((terms.canonical(parts[0]), parts[1] > 0), []).append(place)
    several = [places for places in found.values() if len(places) > 1 and _is_compound(factors, places)]
    if not several:
        return None
    kept: list[Term | None] = list(factors)
    for places in several:
        pairs = [_exponent(factors[place]) for place in places]
        bases = [pair for pair in pairs if pair is not None]
        kept[places[0]] = power(bases[0][0], sum((exponent for _, exponent in bases), Fraction(0)))
        for place in places[1:]:
            kept[place] = None
    return multiply(*(factor for factor in kept if factor is not None))


def _is_compound(factors: list[Term], places: list[int]) -> bool:
    """Whether taking the powers together reads better: a root or a quotient is among them."""
    return any(isinstance(factors[place], (Power, terms.Apply)) for place in places)


def _collect_powers(equation: Equation, program: Program) -> Rewrite | None:
    made = first_changed(equation.term, _powers)
    return None if made is None else Rewrite(made)


COLLECT_POWERS = rule("collect powers", "u^a u^b = u^(a+b), a root being the power 1/2")(_collect_powers)


def _expand(node: Term) -> Term | None:
    """a (b + c) -> a b + a c, wherever a product has a sum as a factor."""
    if not isinstance(node, terms.Mul):
        return None
    for place, factor in enumerate(node.factors):
        if isinstance(factor, terms.Add):
            parts = []
            for number, part in enumerate(factor.terms):
                others = node.factors if not number else tuple(map(terms.freshened, node.factors))
                parts.append(multiply(*others[:place], part, *others[place + 1 :]))
            return add(*parts)
    return None


def _expanded(equation: Equation, program: Program) -> Rewrite | None:
    made = first_changed(equation.term, _expand)
    return None if made is None else Rewrite(made)


EXPAND = rule("expand", "a (b + c) = a b + a c")(_expanded)


def _cancelled(equation: Equation, program: Program) -> Rewrite | None:
    """u / u -> 1, all at once; each u is a condition, unless it is a size."""
    conditions: dict[str, None] = {}

    def change(node: Term) -> Term | None:
        if not isinstance(node, terms.Mul):
            return None
        factors = list(node.factors)
        for place, factor in enumerate(factors):
            base, exponent = _base(factor)
            if exponent is None or exponent <= 0:
                continue
            for other, divisor in enumerate(factors):
                below, power_below = _base(divisor)
                if power_below is not None and power_below < 0 and terms.same(base, below):
                    if not isinstance(base, terms.Whole):
                        conditions.setdefault(f"{said(base)} != 0")
                    both = min(exponent, -power_below)
                    factors[place] = power(base, exponent - both)
                    factors[other] = power(base, power_below + both)
                    return multiply(*factors)
        return None

    term = equation.term
    while (made := first_changed(term, change)) is not None:
        term = made
    return None if term is equation.term else Rewrite(term, conditions=tuple(conditions))


def _base(factor: Term) -> tuple[Term, Fraction | None]:
    if isinstance(factor, Power):
        return factor.base, factor.exponent.value if isinstance(factor.exponent, Number) else None
    return factor, None if isinstance(factor, (Number, terms.Guard, terms.Delta)) else Fraction(1)


CANCEL = rule("cancel", "u / u = 1 where u is not 0")(_cancelled)


def known_sum(array: str, value: int, because: str) -> Rule:
    """The rule that replaces the sum over all entries of an array, which is known: the targets of a sample add to 1."""

    def change(node: Term) -> Term | None:
        match node:
            case terms.Reduce(operator="sum", indices=indices, body=terms.Entry(array=name, indices=parts)):
                lone = [part.index for part in parts]
                if name == array and all(index in lone for index in indices):
                    return Number(Fraction(value))
        return None

    def rewrite(equation: Equation, program: Program) -> Rewrite | None:
        term = equation.term
        while (made := first_changed(term, change)) is not None:
            term = made
        return None if term is equation.term else Rewrite(term, because, (f"the entries of {array} add up to {value}",))

    return rule(f"{array} adds up to {value}", because)(rewrite)
