"""Where entries of a result come from: m = s*i + d*k - p, read off the guards and limits of a sum.

A textbook gradient such as sum(i) [0 <= m - 2*i < P] G[i]*K[m - 2*i] visits every pair (m, i), though only P of them
count for an i. With k = m - 2*i as index of its own nothing is visited in vain: each i and k send to m = 2*i + k. The
substitution is one to one where the guard holds, and what it makes certain is no condition any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.bounds import is_nonnegative
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.products import Product
from derive.codegen.arrays.quotients import unshifted, with_digits
from derive.codegen.arrays.ranges import substitution
from derive.integers import ZERO, Index, Integer, ceiling, floor, integer
from derive.terms import Divides

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


@dataclass(frozen=True, slots=True)
class Relation:
    """result = the sum of step * member, + constant; the steps are not 0. Entries that nothing is sent to are 0."""

    result: Index
    members: tuple[tuple[Index, Integer], ...]
    constant: Integer

    @property
    def is_tiling(self) -> bool:
        """Whether the members count through the result digit by digit: m = p*i + k with k < p."""
        digit: Integer | int = 1
        for index, step in sorted(self.members, key=lambda each: c.estimate(each[1])):
            if step != digit or index.lower != 0:
                return False
            digit = step * index.extent
        return len(self.members) > 1 and self.constant == 0


def related(low: Lowering, product: Product) -> tuple[list[Relation], Product]:
    """The relations found, and the product over their members in place of their results."""
    product, digits = with_digits(low, unshifted(low, product))
    found = [Relation(index, members, ZERO) for index, members in digits]
    for find in (_by_equation, _by_ranges):
        for result in _free(low, product):
            taken = {index for relation in found for index, _ in relation.members} | {each.result for each in found}
            if result in taken:
                continue
            made = find(low, product, result, taken)
            if made is None:
                continue
            relation, changed = _rising(low, *made)
            if all(is_nonnegative(step, low.facts) for _, step in relation.members):  # x[p*i], p any whole number
                product = changed
                found.append(relation)
    for relation in found:
        low.stand_in(relation.result, [index for index, _ in relation.members])
    return found, product


def _rising(low: Lowering, relation: Relation, product: Product) -> tuple[Relation, Product]:
    """Members that count backwards are counted forwards."""
    members: list[tuple[Index, Integer]] = []
    constant = relation.constant
    values: dict[Index, Integer] = {}
    for index, step in relation.members:
        if is_nonnegative(-step, low.facts):
            turned = Index(index.name, index.stop, index.lower)
            last = index.lower + index.stop - 1
            values[index] = last - turned
            constant = constant + step * last
            index, step = turned, -step
        members.append((index, step))
    if not values:
        return relation, product
    return Relation(relation.result, tuple(members), constant), product.substituted(values, product.bound, low)


def _free(low: Lowering, product: Product) -> list[Index]:
    """Free indices, those of the result first."""
    indices = [index for index in product.indices if index not in product.bound and index not in low.scalars]
    return sorted(indices, key=low.rank)


# --- equations: a delta that names the result -------------------------------------------------------------------------


def _by_equation(low: Lowering, product: Product, result: Index, taken: set[Index]) -> tuple[Relation, Product] | None:
    """m = s*i + d*k - p as it stands in a delta."""
    for test in product.tests:
        if not isinstance(test, c.Equal) or not c.is_affine(test.value, low.moving(test.value)):
            continue
        linear = test.value.linear(result)
        if linear is None or linear[0].value not in (1, -1):
            continue
        value = -linear[1] if linear[0].value == 1 else linear[1]
        steps, constant = c.split(value, low.moving(value))
        lone = len(steps) == 1 and next(iter(steps.values())).value in (1, -1)
        if not steps or lone or not all(_may_join(low, product, index, taken) for index in steps):
            continue
        kept = tuple(index for index in product.bound if index not in steps)
        rest = Product(product.number, product.factors, kept, tuple(t for t in product.tests if t is not test))
        return Relation(result, tuple(steps.items()), constant), rest.substituted({result: value}, kept, low)
    return None


def _may_join(low: Lowering, product: Product, index: Index, taken: set[Index]) -> bool:
    return index in product.bound and index not in taken and not low.moving(index.lower) and not low.moving(index.stop)


# --- ranges: guards on m - s*i ----------------------------------------------------------------------------------------


def _by_ranges(low: Lowering, product: Product, result: Index, taken: set[Index]) -> tuple[Relation, Product] | None:
    start = integer(result)
    for value, name, changed in (*_without_remainder(low, product, result), (start, result, product)):
        partners = [index for index in product.bound if _may_join(low, product, index, taken)]
        found = [
            substitution(low, changed, result, name, partner, always=name is not result)
            for partner in ((*partners, None) if name is not result else partners)
        ]
        if name is not result:
            found.append(({}, None))  # the quotient over all the values that it may have
        for made in found:
            if made is None:
                continue
            values, gone = made
            expression = value.substitute(values)
            moving = low.moving(expression)
            if not c.is_affine(expression, moving):
                continue
            steps, constant = c.split(expression, moving)
            new = {index for each in values.values() for index in each.indices} | {name}
            if not all(index in new or _may_join(low, product, index, taken) for index in steps):
                continue
            if not all(is_nonnegative(index.extent - 1, low.facts) for index in steps):
                continue
            kept = tuple(index for index in changed.bound if index not in steps and index is not gone)
            inner = changed.substituted(values, kept, low)
            if gone is not None and gone not in low.hulls:
                tests = (*inner.tests, *c.inside(values[gone], gone.lower, gone.stop))
                inner = Product(inner.number, inner.factors, kept, tests)
            inner = _without_implied(inner, c.inside(expression, result.lower, result.stop))
            return Relation(result, tuple(steps.items()), constant), inner
    return None


def _without_implied(product: Product, implied: list[c.Test]) -> Product:
    """The product without tests that hold wherever the result has an entry: what is sent elsewhere is dropped."""
    slacks = [test.value for test in implied if isinstance(test, c.AtLeast)]
    tests = [
        test
        for test in product.tests
        if not isinstance(test, c.AtLeast)
        or not any(
            ((test.value - slack).value or 0) >= 0 and (test.value - slack).value is not None for slack in slacks
        )
    ]
    return Product(product.number, product.factors, product.bound, tuple(tests))


def _without_remainder(low: Lowering, product: Product, result: Index) -> Iterator[tuple[Integer, Index, Product]]:
    """[2 | m - k]: m = 2*q + k, with an index q of its own."""
    for test in product.tests:
        if not isinstance(test, Divides) or low.moving(test.divisor):
            continue
        linear = test.value.linear(result)
        bounds = c.ends(test.value, low.moving(test.value), low.facts)
        if linear is None or linear[0].value not in (1, -1) or bounds is None:
            continue
        quotient = Index("q", floor(bounds[1], test.divisor) + 1, ceiling(bounds[0], test.divisor))
        value = (test.divisor * quotient - linear[1]) * (linear[0].value or 1)
        rest = Product(product.number, product.factors, product.bound, tuple(t for t in product.tests if t is not test))
        yield value, quotient, rest.substituted({result: value}, product.bound, low)
