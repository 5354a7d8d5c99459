"""Sums, functions and powers entry by entry: operands are broadcast along the axes that they lack."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from derive import terms
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.text import ATOM, POWER, PRODUCT, SUM, UNARY, bracketed, negated
from derive.codegen.arrays.values import CONDITIONAL, NUMBER, REAL, TRUTH, Value
from derive.codegen.spelling import applied as spelled
from derive.codegen.spelling import raised as power_of
from derive.functions import operation
from derive.terms import Number, Power, Term

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


def is_divisor(term: Term) -> bool:
    return isinstance(term, Power) and isinstance(term.exponent, Number) and term.exponent.value < 0


def added(low: Lowering, term: terms.Add, known: Sequence[c.Test]) -> Value:
    """a + b - c."""
    complement = _complement(low, term, known) or _choice(low, term, known)
    if complement is not None:
        return complement
    signed: list[tuple[bool, Value]] = []
    for part in _positive_first(term.terms):
        negative = _is_negative(part)
        value = low.value(terms.negate(part) if negative else part, known)
        signed.append((negative, low.short(value)))
    if not low.dialect.tensors and any(value.kind not in (TRUTH, NUMBER) for _, value in signed):
        signed = [(negative, value if value.kind == TRUTH else low.real(value)) for negative, value in signed]
    else:  # a truth value alone is no number, and torch takes none from a number
        signed = [(negative, low.real(value)) for negative, value in signed]
    firm = low.firm([value for _, value in signed])
    signed = [(negative, value) for (negative, _), value in zip(signed, firm, strict=True)]
    axes = low.common_axes(firm)
    text, level, depth = "", SUM, 0
    for negative, value in signed:
        piece = low.aligned(value, axes)
        depth = max(depth, piece.depth)
        if not text:
            level = UNARY if negative else piece.level
            text = negated(piece.text, piece.level) if negative else bracketed(piece.text, piece.level, SUM)
        else:
            text += (" - " if negative else " + ") + bracketed(piece.text, piece.level, PRODUCT if negative else SUM)
            level = SUM
    kinds = {value.kind for _, value in signed}
    return Value(text, axes, level, NUMBER if kinds == {NUMBER} else REAL, depth)


def _complement(low: Lowering, term: terms.Add, known: Sequence[c.Test]) -> Value | None:
    """1 - [condition] is the truth of its contrary."""
    match term.terms:
        case (Number(value=one), terms.Mul(factors=(Number(value=minus), terms.Guard() as guard))):
            value = low.value(guard, known)
            if one == 1 and minus == -1 and value.kind == TRUTH:
                if not value.axes:
                    if low.dialect.tensors and all(
                        terms.reads(terms.Guard((condition,))) for condition in guard.conditions
                    ):
                        return value.spelled(f"~({value.text})", UNARY)  # of a tensor; `not` would make a bool of it
                    return value.spelled(f"not ({value.text})", -1)
                return value.spelled(f"~{bracketed(value.text, value.level, ATOM)}", UNARY)
    return None


def _choice(low: Lowering, term: terms.Add, known: Sequence[c.Test]) -> Value | None:
    """[condition]*a + (1 - [condition])*b is a or b, each looked at only where it counts."""
    from derive.codegen.arrays.masks import where

    if len(term.terms) != 2:
        return None
    for one, two in (term.terms, term.terms[::-1]):
        guard, first = _guarded(one)
        contrary, second = _unguarded(two)
        if guard is None or guard != contrary:
            continue
        tests = [test for condition in guard.conditions for test in c.tests_of(condition)]
        open_tests = [test for test in tests if not c.is_certain(test, low.facts)]
        if not open_tests or all(index in low.scalars for test in open_tests for index in c.indices_of(test)):
            continue
        values = (
            low.short(low.solid(low.real(low.value(first, [*known, *open_tests])))),
            low.short(low.solid(low.real(low.value(second, known)))),
        )
        return where(low, open_tests, *values, known)
    return _first_or_later(low, term, known)


def _first_or_later(low: Lowering, term: terms.Add, known: Sequence[c.Test]) -> Value | None:
    """[t >= 1]*a + [t = 0]*b in a loop over t: a if t >= 1 else b."""
    for one, two in (term.terms, term.terms[::-1]):
        later, first = _guarded(one), _guarded(two)
        tests = [[t for each in (g.conditions if g else ()) for t in c.tests_of(each)] for g in (later[0], first[0])]
        match tests:
            case [[c.AtLeast(value=above)], [c.Equal(value=zero)]] if above == zero - 1:
                inside = [index in low.scalars for index in zero.indices]
                if all(inside) and inside and c.is_certain(c.AtLeast(zero), low.facts):
                    return _either(low, tests[0], tests[1], later[1], first[1], known)
    return None


def _either(
    low: Lowering, later: list[c.Test], first: list[c.Test], one: Term, two: Term, known: Sequence[c.Test]
) -> Value | None:
    from derive.codegen.arrays import wholes

    if not isinstance(one, terms.Entry) or not isinstance(two, terms.Entry):
        return None  # only what needs no statement of its own
    values = [low.real(low.value(part, [*known, *tests])) for part, tests in ((one, later), (two, first))]
    if set(values[0].axes) != set(values[1].axes):
        return None
    axes = values[0].axes
    texts = [low.aligned(value, axes).text for value in values]
    condition = wholes.truth(low, later, known)
    depth = max(*(value.depth for value in values), condition.depth)
    return Value(f"{texts[0]} if {condition.text} else {texts[1]}", axes, CONDITIONAL, REAL, depth)


def _guarded(term: Term) -> tuple[terms.Guard | None, Term]:
    """The guards of a product as one, and the other factors."""
    factors = term.factors if isinstance(term, terms.Mul) else (term,)
    found = [factor for factor in factors if isinstance(factor, terms.Guard)]
    if not found:
        return None, term
    conditions = tuple(condition for guard in found for condition in guard.conditions)
    return terms.Guard(conditions), terms.multiply(*(factor for factor in factors if factor not in found))


def _unguarded(term: Term) -> tuple[terms.Guard | None, Term]:
    """The guard of a factor 1 - [condition], and the other factors."""
    factors = term.factors if isinstance(term, terms.Mul) else (term,)
    for place, factor in enumerate(factors):
        match factor:
            case terms.Add(terms=(Number(value=one), second)) if one == 1:
                guard, rest = _guarded(terms.negate(second))
                if guard is not None and rest == terms.UNIT:
                    return guard, terms.multiply(*factors[:place], *factors[place + 1 :])
    return None, term


def _positive_first(parts: Sequence[Term]) -> list[Term]:
    first = next((k for k, part in enumerate(parts) if not _is_negative(part)), 0)
    return [parts[first], *parts[:first], *parts[first + 1 :]]


def _is_negative(term: Term) -> bool:
    match term:
        case Number(value=value):
            return value < 0
        case terms.Mul(factors=(Number(value=value), *_)):
            return value < 0
    return False


def applied(low: Lowering, term: terms.Apply, known: Sequence[c.Test]) -> Value:
    """A function of the table, as the library spells it."""
    row = operation(term.function)
    values = [low.real(low.value(argument, known)) for argument in term.arguments]
    values = [low.solid(value) for value in values] if low.dialect.tensors else low.firm(values)
    axes = low.common_axes(values)
    depth = max(value.depth for value in values)
    template = getattr(row, low.dialect.column)
    plain = not axes and all(value.kind == NUMBER for value in values)
    if plain and term.function == "sqrt":
        root = power_of(bracketed(values[0].text, values[0].level, ATOM), "0.5")
        return Value(root, (), POWER, NUMBER, depth)
    if plain:
        values = [low.tensor(value) for value in values]
    if low.dialect.tensors and term.function in ("max", "min"):
        numbers = [value for value in values if value.kind == NUMBER]
        if numbers:
            (array,) = (value for value in values if value.kind != NUMBER)
            side = "min" if term.function == "max" else "max"
            text = f"{bracketed(array.text, array.level, ATOM)}.clamp({side}={numbers[0].text})"
            return Value(text, axes, ATOM, REAL, depth)
    if template.count("{0}") > 1:
        values = [low.short(value, room=0) for value in values]
    values = [low.aligned(low.short(value), axes) for value in values]
    text, level = spelled(template, row, [(value.text, max(value.level, 0)) for value in values])
    if plain and not low.dialect.tensors:  # a number of Python, which leaves the precision of arrays alone
        return Value(f"float({text})", (), ATOM, NUMBER, depth)
    return Value(text, axes, level, REAL, depth)


def raised(low: Lowering, term: Power, known: Sequence[c.Test]) -> Value:
    """A power that is no divisor: u ** 2, a root, u ** v."""
    if term.exponent == Number(Fraction(1, 2)):
        return applied(low, terms.Apply("sqrt", (term.base,)), known)
    base, exponent = low.real(low.value(term.base, known)), low.real(low.value(term.exponent, known))
    base, exponent = low.firm([low.short(base), low.short(exponent)])
    axes = low.common_axes([base, exponent])
    one, two = low.aligned(base, axes), low.aligned(exponent, axes)
    text = power_of(bracketed(one.text, one.level, ATOM), bracketed(two.text, two.level, ATOM))
    kind = NUMBER if base.kind == exponent.kind == NUMBER else REAL
    return Value(text, axes, POWER, kind, max(base.depth, exponent.depth))
