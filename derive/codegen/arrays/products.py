"""Sums of products: conditions are absorbed by the views or become masks, then operands are contracted two by two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from derive import terms
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays import contraction, wholes
from derive.codegen.arrays.entrywise import is_divisor
from derive.codegen.arrays.extremes import rectangular
from derive.codegen.arrays.masks import masked
from derive.codegen.arrays.text import PRODUCT, SUM, UNARY, bracketed, literal, negated
from derive.codegen.arrays.values import CONDITIONAL, NUMBER, REAL, TRUTH, WHOLE, Operand, Value, View
from derive.codegen.arrays.views import read
from derive.integers import Index, Integer, integer
from derive.terms import Term

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering

#: Functions that may be undefined or overflow; where a guard is false their value must not count.
_DELICATE = frozenset({"log", "sqrt", "asin", "acos", "tan", "exp", "sinh", "cosh"})


def summed(low: Lowering, indices: Sequence[Index], body: Term, known: Sequence[c.Test]) -> Value:
    """The sum of a product over the indices; with none it is the product."""
    if not indices and (merged := _one_sum(body)) is not None:
        indices, body = merged.indices, merged.body
    bound, body, tests = rectangular(low, indices, body)
    if any(index.extent.value is not None and index.extent.value < 1 for index in bound):
        return Value("0.0", kind=NUMBER)  # a sum over nothing
    if bound and isinstance(body, terms.Add) and any(_is_product(part) for part in body.terms):
        parts = [terms.multiply(_guard_of(tests), part) for part in body.terms]
        return low.value(terms.Add(tuple(terms.total(bound, part) for part in parts)), known)
    number, factors = Fraction(1), []
    for factor in body.factors if isinstance(body, terms.Mul) else (body,):
        match factor:
            case terms.Number(value=value):
                number *= value
            case terms.Guard(conditions=conditions):
                tests += [test for condition in conditions for test in c.tests_of(condition)]
            case terms.Delta(left=left, right=right):
                tests.append(c.Equal(left - right))
            case _:
                factors.append(factor)
    from derive.codegen.arrays import scatter

    return scatter.lowered(low, Product(number, tuple(factors), tuple(bound), tuple(tests)), tuple(known))


def _one_sum(term: Term) -> terms.Reduce | None:
    """2*[condition]*sum(i) u as sum(i) 2*[condition]*u."""
    if not isinstance(term, terms.Mul):
        return None
    sums = [factor for factor in term.factors if isinstance(factor, terms.Reduce) and factor.operator == "sum"]
    others = [factor for factor in term.factors if factor not in sums]
    if len(sums) != 1 or not all(isinstance(each, (terms.Number, terms.Guard, terms.Delta)) for each in others):
        return None
    inner = terms.freshened(sums[0])
    assert isinstance(inner, terms.Reduce)
    return terms.Reduce("sum", inner.indices, terms.multiply(*others, inner.body))


def _guard_of(tests: Sequence[c.Test]) -> Term:
    return terms.guard(*(c.condition_of(test) for test in tests))


def _is_product(term: Term) -> bool:
    """Whether a contraction is worth its own sum."""
    if isinstance(term, terms.Reduce):
        return True
    return isinstance(term, terms.Mul) and sum(bool(terms.free_indices(factor)) for factor in term.factors) > 1


class Product:
    """number * the product of the factors where all tests hold, summed over the bound indices."""

    __slots__ = ("bound", "factors", "number", "tests")

    def __init__(
        self, number: Fraction, factors: tuple[Term, ...], bound: tuple[Index, ...], tests: tuple[c.Test, ...]
    ) -> None:
        self.number, self.factors, self.bound, self.tests = number, factors, bound, tests

    def substituted(self, values: dict[Index, Integer], bound: tuple[Index, ...], low: Lowering) -> Product:
        """Indices replaced; quotients that turn out 0 are dropped."""

        def tidy(expression: Integer) -> Integer:
            return c.without_empty_quotients(expression, low.facts)

        factors = tuple(c.with_integers(terms.substitute(factor, values), tidy) for factor in self.factors)
        tests = []
        for test in self.tests:
            for each in c.substituted(test, values):
                condition = c.condition_of(each)
                again = c._with_integers(condition, tidy)
                tests += c.tests_of(again) if again != condition else [each]
        return Product(self.number, factors, bound, tuple(tests))

    def open_tests(self, low: Lowering) -> tuple[c.Test, ...]:
        return tuple(dict.fromkeys(test for test in self.tests if not c.is_certain(test, low.facts)))

    @property
    def indices(self) -> set[Index]:
        """All indices that it mentions, bound ones included."""
        found = set(self.bound)
        for factor in self.factors:
            found |= terms.free_indices(factor)
        for test in self.tests:
            found |= c.indices_of(test)
        return found


def dense(low: Lowering, product: Product, known: tuple[c.Test, ...]) -> Value:
    """The product over all its axes, contracted."""
    tests = product.open_tests(low)
    if any(_is_false(test) for test in tests):
        return Value("0.0", kind=NUMBER)
    scalar = [test for test in tests if not wholes.axes_of(low, [test]) and not wholes.reads(test)]
    if scalar:
        return _conditional(low, product, scalar, [test for test in tests if test not in scalar], known)
    upper: list[Term] = []
    lower: list[Term] = []
    for factor in product.factors:
        if is_divisor(factor):
            assert isinstance(factor, terms.Power) and isinstance(factor.exponent, terms.Number)
            lower.append(terms.power(factor.base, -factor.exponent.value))
        else:
            upper.append(factor)
    inner = (*known, *tests)
    delicate = [factor for factor in product.factors if _is_delicate(factor)]
    if delicate and inner:
        low.silenced = True
    operands: list[Operand] = []
    absorbed: set[c.Test] = set()
    for factor in upper:
        if isinstance(factor, terms.Entry):
            operand, taken = read(low, factor, inner)
            operands.append(operand)
            if not delicate:
                absorbed |= taken
        else:
            operands.append(low.operand(factor, inner))
    divisors = [low.real(low.value(factor, inner)) for factor in lower]
    bound = set(product.bound)
    behind = [value for value in divisors if bound.isdisjoint(value.axes)]
    operands += [_inverse(low, value) for value in divisors if not bound.isdisjoint(value.axes)]
    masks = [test for test in tests if test not in absorbed]
    if masks and delicate:
        operands += [_inverse(low, value) for value in behind]
        behind = []
    operands = masked(low, operands, masks, known, all_of_them=bool(delicate))
    return _assembled(low, product, operands, behind)


def _is_false(test: c.Test) -> bool:
    """Whether it is a comparison of numbers that fails."""
    match test:
        case c.AtLeast(value=value):
            return value.value is not None and value.value < 0
        case c.Equal(value=value):
            return value.value is not None and value.value != 0
        case c.Unequal(value=value):
            return value.value == 0
    return False


def _is_delicate(term: Term) -> bool:
    """Whether it may be no finite number although all arrays are."""
    return any(
        (isinstance(node, terms.Apply) and node.function in _DELICATE)
        or (isinstance(node, terms.Power) and (is_divisor(node) or not _is_whole(node.exponent)))
        for node in terms.walk(term)
        if terms.reads(node)
    )  # fmt: skip


def _is_whole(term: Term) -> bool:
    return isinstance(term, terms.Number) and term.value.denominator == 1


def _inverse(low: Lowering, value: Value) -> Value:
    value = low.short(low.solid(value))
    return value.spelled(f"1 / {bracketed(value.text, value.level, PRODUCT + 1)}", PRODUCT)


def _conditional(
    low: Lowering, product: Product, scalar: list[c.Test], rest: list[c.Test], known: tuple[c.Test, ...]
) -> Value:
    """A product under a condition on loop indices alone: nothing of it is computed where the condition is false."""
    condition = wholes.truth(low, scalar, known)
    low.conditions.append((condition.text, condition.depth))
    inner = dense(low, Product(product.number, product.factors, product.bound, tuple(rest)), (*known, *scalar))
    low.conditions.pop()
    inner = low.tensor(low.real(inner))
    depth = max(inner.depth, condition.depth)
    text = bracketed(inner.text, inner.level, SUM)
    zeros = low.dialect.zeros(low.extents(inner.axes), low.like)
    solid = f"{text} if {condition.text} else {zeros}" if inner.axes or low.dialect.tensors else ""
    return Value(f"{text} if {condition.text} else 0.0", inner.axes, CONDITIONAL, REAL, depth, solid)


# --- put together -----------------------------------------------------------------------------------------------------


def _assembled(low: Lowering, product: Product, operands: list[Operand], behind: list[Value]) -> Value:
    """number * scalars * contraction / divisors."""
    numbers = [operand for operand in operands if not operand.axes]
    arrays = [operand for operand in operands if operand.axes]
    mentioned = {index for operand in arrays for index in operand.axes}
    counts = [index.extent for index in product.bound if index not in mentioned]
    bound = tuple(index for index in product.bound if index in mentioned)
    lead = [low.settled(operand) for operand in numbers]
    if len(lead) == 1 and not arrays and not behind and product.number == 1 and not counts:
        return lead[0]
    lead += [low.whole(count) for count in counts if count != 1]
    lead = [low.real(value) for value in lead]
    body = contraction.contracted(low, arrays, bound) if arrays else None
    if body is not None and not lead and not behind and product.number == 1:
        return body
    if body is not None and body.kind in (TRUTH, WHOLE):
        body = low.real(body)
    return quotient(low, product.number, lead, body, behind)


def quotient(low: Lowering, number: Fraction, lead: list[Value], body: Value | None, behind: list[Value]) -> Value:
    negative, size = number < 0, abs(number)
    ahead = [value for value in lead if value.kind == NUMBER] + [value for value in lead if value.kind != NUMBER]
    upper = [low.short(value) for value in ahead] + ([low.short(body)] if body is not None else [])
    lower = [low.short(value) for value in behind]
    firm = low.firm([*upper, *lower])
    upper, lower = firm[: len(upper)], firm[len(upper) :]
    if size.numerator == 1 and size.denominator != 1 and upper:
        lower.insert(0, Value(str(size.denominator), kind=NUMBER))
    elif size != 1 or not upper:
        text, level = literal(size)
        upper.insert(0, Value(text, (), level, NUMBER))
    axes = low.common_axes([*upper, *lower])
    texts = [low.aligned(value, axes) for value in upper]
    numerator, level = texts[0].text, texts[0].level
    if len(texts) > 1:
        numerator = " * ".join(bracketed(v.text, v.level, PRODUCT + (k > 0)) for k, v in enumerate(texts))
        level = PRODUCT
    if lower:
        divisors = [low.aligned(value, axes) for value in lower]
        if len(divisors) == 1:
            below = bracketed(divisors[0].text, divisors[0].level, PRODUCT + 1)
        else:
            below = (
                "(" + " * ".join(bracketed(v.text, v.level, PRODUCT + (k > 0)) for k, v in enumerate(divisors)) + ")"
            )
        numerator, level = f"{bracketed(numerator, level, PRODUCT)} / {below}", PRODUCT
    if negative:
        numerator, level = negated(numerator, level), UNARY
    every = [*upper, *lower]
    kind = NUMBER if all(value.kind == NUMBER for value in every) else REAL
    return Value(numerator, axes, level, kind, max(value.depth for value in every))


def solved(product: Product, low: Lowering) -> Product:
    """Equations between whole numbers solved for a summed index where that has coefficient 1 or -1."""
    for test in product.tests:
        if not isinstance(test, c.Equal):
            continue
        for index in product.bound:
            linear = test.value.linear(index)
            if linear is None or linear[0].value not in (1, -1) or _is_domain(index, linear[1]):
                continue
            value = -linear[1] if linear[0].value == 1 else linear[1]
            rest = tuple(other for other in product.tests if other is not test)
            kept = tuple(other for other in product.bound if other is not index)
            inner = Product(product.number, product.factors, kept, rest).substituted({index: value}, kept, low)
            tests = (*inner.tests, *c.inside(value, index.lower, index.stop))
            return solved(Product(inner.number, inner.factors, kept, tests), low)
    return product


def _is_domain(index: Index, value: Integer) -> bool:
    return any(index in (*other.lower.indices, *other.stop.indices) for other in value.indices)


__all__ = ["Product", "View", "dense", "integer", "replace", "solved", "summed"]
