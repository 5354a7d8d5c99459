"""Bounded expressions of indices, and changes of whole-numbered coordinates to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive import terms
from derive.bounds import is_nonnegative
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.products import Product
from derive.integers import Index, Integer, integer

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


@dataclass(frozen=True, slots=True)
class _Range:
    """low <= value <= high for an affine expression of indices.

    own : the index that it is, with its domain.  stated : whether guards state both ends.
    """

    value: Integer
    low: Integer
    high: Integer
    own: Index | None = None
    stated: bool = True

    def index(self, name: str) -> tuple[Index, Integer]:
        """An index for it from 0 on, and the value in terms of that."""
        if self.own is not None:
            return self.own, integer(self.own)
        made = Index(name, self.high - self.low + 1)
        return made, made + self.low


def substitution(
    low: Lowering, product: Product, result: Index, main: Index, partner: Index | None, *, always: bool
) -> tuple[dict[Index, Integer], Index | None] | None:
    """Values for the main index and its partner in indices over ranges of their own; and the partner, if it is gone."""
    wanted = {main} if partner is None else {main, partner}
    ranges = list(_ranges(low, product, wanted))
    if partner is None:
        for one in ranges:
            linear = one.value.linear(main)
            if linear is not None and linear[0] == 1 and linear[1] == 0:
                _, value = one.index(main.name)
                return {main: value}, None
        return None
    if not low.moving(partner.lower) and not low.moving(partner.stop):
        ranges.append(_Range(integer(partner), partner.lower, partner.stop - 1, partner))
    ranges += _reads(low, product, wanted)
    best: tuple[tuple[bool, int], dict[Index, Integer], Index | None] | None = None
    for first, second in ((a, b) for k, a in enumerate(ranges) for b in ranges[k + 1 :]):
        made = _inverse(first, second, main, partner, _letter(product))
        if made is None or len(made[main].indices) < 2:
            continue
        new = set(made[main].indices)
        mixed = any(new <= terms.free_indices(terms.substitute(factor, made)) for factor in product.factors)
        cost = (mixed, c.estimate(first.high - first.low + 1) * c.estimate(second.high - second.low + 1))
        gone = None if partner in (first.own, second.own) else partner
        if not always and gone is None and not _is_worth_it(low, first, second, result, made[main]):
            continue
        if best is None or cost < best[0]:
            best = cost, made, gone
    return None if best is None else (best[1], best[2])


def _inverse(first: _Range, second: _Range, main: Index, partner: Index, letter: str) -> dict[Index, Integer] | None:
    """Both indices in terms of the two ranges, where these are a change of whole-numbered coordinates."""
    rows = []
    for each in (first, second):
        one = each.value.linear(main)
        two = None if one is None else one[1].linear(partner)
        if one is None or two is None or two[1] != 0:
            return None
        rows.append((one[0], two[0]))
    (a, b), (d, e) = rows
    determinant = (a * e - b * d).value
    if determinant not in (1, -1):
        return None
    (_, x), (_, y) = first.index(letter), second.index(letter)
    values = {main: (e * x - b * y) * determinant}
    if partner not in (first.own, second.own):
        values[partner] = (a * y - d * x) * determinant
    return values


def _letter(product: Product) -> str:
    """A name for the offset in a window."""
    taken = {index.name for index in product.indices}
    return next((letter for letter in "klmpqruvw" if letter not in taken), "k")


def _is_worth_it(low: Lowering, first: _Range, second: _Range, result: Index, value: Integer) -> bool:
    """Whether the new index takes fewer values than the result, and nothing is read backwards."""
    steps, _ = c.split(value, low.moving(value))
    if not all(is_nonnegative(step, low.facts) for step in steps.values()):
        return False  # a correlation: to be gathered
    new = first if second.own is not None else second
    extent, before = new.high - new.low + 1, result.extent
    if extent != before:
        if is_nonnegative(extent - before, low.facts):
            return False
        if is_nonnegative(before - extent, low.facts):
            return True
    return new.stated


# --- which ranges there are -------------------------------------------------------------------------------------------


def _ranges(low: Lowering, product: Product, wanted: set[Index]) -> Iterator[_Range]:
    """Bounded expressions in the wanted indices, both of whose ends are known."""
    lows: dict[Integer, Integer] = {}
    highs: dict[Integer, Integer] = {}
    order: list[Integer] = []
    for test in product.tests:
        if not isinstance(test, c.AtLeast):
            continue
        moving = low.moving(test.value)
        if not moving or not wanted.issuperset(moving) or not c.is_affine(test.value, moving):
            continue
        _, rest = c.split(test.value, moving)
        value = test.value - rest
        linear = value.linear(min(moving, key=low.rank))
        rises = linear is not None and is_nonnegative(linear[0], low.facts)
        key = value if rises else -value
        order.append(key)
        if rises:
            lows.setdefault(key, -rest)
        else:
            highs.setdefault(key, rest)
    for key in _once(order):
        bounds = c.ends(key, low.moving(key), low.facts)
        first = lows.get(key, None if bounds is None else bounds[0])
        last = highs.get(key, None if bounds is None else bounds[1])
        if first is not None and last is not None and is_nonnegative(last - first, low.facts):
            yield _Range(key, first, last, stated=key in lows and key in highs)


def _reads(low: Lowering, product: Product, wanted: set[Index]) -> Iterator[_Range]:
    """Subscripts, which lie inside their array wherever the product counts."""
    for factor in product.factors:
        if not isinstance(factor, terms.Entry):
            continue
        for subscript, extent in zip(factor.indices, low.shapes[factor.array], strict=True):
            moving = low.moving(subscript)
            if len(moving) == 2 and wanted.issuperset(moving) and c.is_affine(subscript, moving):
                _, rest = c.split(subscript, moving)
                yield _Range(subscript - rest, -rest, extent - 1 - rest)


def _once(values: Iterable[Integer]) -> list[Integer]:
    return list(dict.fromkeys(values))


# --- sums over fewer values -------------------------------------------------------------------------------------------


def narrowed(low: Lowering, product: Product) -> Product:
    """sum(i) [0 <= i - 2*p < P] G[i]*K[i - 2*p] over k = i - 2*p instead of i, where that takes fewer values."""
    for index in product.bound:
        if low.moving(index.lower) or low.moving(index.stop):
            continue
        for value, first, last in _bounded(low, product, index):
            linear = value.linear(index)
            if linear is None or linear[0].value not in (1, -1) or value == integer(index):
                continue
            extent = last - first + 1
            if extent == index.extent or not is_nonnegative(index.extent - extent, low.facts):
                continue
            if not is_nonnegative(extent - 1, low.facts):
                continue
            new = Index(_letter(product), extent)
            solution = (new + first - linear[1]) * (linear[0].value or 1)
            bound = tuple(new if each is index else each for each in product.bound)
            inner = product.substituted({index: solution}, bound, low)
            tests = (*inner.tests, *c.inside(solution, index.lower, index.stop))
            return narrowed(low, Product(inner.number, inner.factors, bound, tests))
    return product


def _bounded(low: Lowering, product: Product, index: Index) -> Iterator[tuple[Integer, Integer, Integer]]:
    """Affine expressions with the index in them that guards keep between two ends."""
    lows: dict[Integer, Integer] = {}
    highs: dict[Integer, Integer] = {}
    for test in product.tests:
        if not isinstance(test, c.AtLeast):
            continue
        moving = low.moving(test.value)
        if index not in moving or not c.is_affine(test.value, moving):
            continue
        _, rest = c.split(test.value, moving)
        value = test.value - rest
        linear = value.linear(index)
        if linear is not None and is_nonnegative(linear[0], low.facts):
            lows.setdefault(value, -rest)
        else:
            highs.setdefault(-value, rest)
    for value, first in lows.items():
        if value in highs:
            yield value, first, highs[value]
