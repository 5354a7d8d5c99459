"""Quotients in subscripts taken out of the way: indices split into digits, summed indices shifted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from derive import terms
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.products import Product
from derive.integers import ZERO, Floor, Index, Integer, floor, integer
from derive.terms import Divides

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


#: An index that is not summed, and its digits: o = 2*g + r.
Digits = tuple[Index, tuple[tuple[Index, Integer], ...]]


def with_digits(low: Lowering, product: Product) -> tuple[Product, list[Digits]]:
    """Where floor(o/2) occurs, o counts as 2*g + r; the product over g and r, and what free indices became."""
    found: list[Digits] = []
    for index, size in _quotients(low, product):
        outer = Index("g", floor(index.stop, size))
        inner = Index(index.name, integer(size))
        value = size * integer(outer) + inner
        bound = product.bound
        if index in bound:
            place = bound.index(index)
            bound = (*bound[:place], outer, inner, *bound[place + 1 :])
        else:
            found.append((index, ((outer, integer(size)), (inner, integer(1)))))
        product = product.substituted({index: value}, bound, low)
    return product, found


def _quotients(low: Lowering, product: Product) -> list[tuple[Index, int]]:
    """Indices whose quotient by a number occurs, with that number, where it divides their extent."""
    answer: dict[Index, int] = {}
    even = {index for test in product.tests if isinstance(test, Divides) for index in test.value.indices}
    for expression in _integers(product):
        for atom in expression.atoms():
            if not isinstance(atom, Floor):
                continue
            index, size = atom.numerator.index, atom.denominator.value
            if index is None or size is None or index in low.scalars or index.lower != 0:
                continue
            if index.stop == size * floor(index.stop, size) and index in product.indices and index not in even:
                answer.setdefault(index, size)
    return list(answer.items())


def _integers(product: Product) -> Iterator[Integer]:
    for factor in product.factors:
        for node in terms.walk(factor):
            yield from terms.integers_in(node)
    for test in product.tests:
        if isinstance(test, Divides) or not isinstance(test, terms.Comparison):
            yield test.value


def unshifted(low: Lowering, product: Product) -> Product:
    """sum(t) G[3*t - 3*floor(m/3) + m]: with t - floor(m/3) as index the subscripts are affine in m and that."""
    for index in product.bound:
        if low.moving(index.lower) or low.moving(index.stop):
            continue
        shift = _shift(product, index)
        bounds = None if shift is None else c.ends(index + shift, low.moving(index + shift), low.facts)
        if shift is None or bounds is None:
            continue
        new = Index(index.name, bounds[1] + 1, bounds[0])
        low.hulls.add(new)
        bound = tuple(new if each is index else each for each in product.bound)
        inner = product.substituted({index: new - shift}, bound, low)
        tests = (*inner.tests, *c.inside(new - shift, index.lower, index.stop))
        return unshifted(low, Product(inner.number, inner.factors, bound, tests))
    return product


def _shift(product: Product, index: Index) -> Integer | None:
    """s, a multiple of a quotient, where every subscript that has the index has it in index + s."""
    found: set[Integer] = set()
    for factor in product.factors:
        for node in terms.walk(factor):
            for part in terms.integers_in(node):
                linear = part.linear(index)
                if linear is None:
                    return None
                if linear[0] != 0:
                    found.add(_quotients_over(linear[1], linear[0]))
    shift = found.pop() if len(found) == 1 else ZERO
    return shift if shift != 0 else None


def _quotients_over(expression: Integer, factor: Integer) -> Integer:
    """The terms that are a quotient alone, divided by a number; 0 where that leaves a remainder."""
    number = factor.value
    if number is None:
        return ZERO
    quotients = {
        m: f for m, f in expression.terms.items() if len(m) == 1 and isinstance(m[0], Floor) and m[0].numerator.indices
    }
    if any(f % number for f in quotients.values()):
        return ZERO
    return Integer({m: f // number for m, f in quotients.items()})
