"""Where entries of a result come from: m = s*i + d*k - p, read off the guards and limits of a sum.

A textbook gradient such as sum(i) [0 <= m - 2*i < P] G[i]*K[m - 2*i] visits every pair (m, i), though only P of them
count for an i. With k = m - 2*i as index of its own nothing is visited in vain: each i and k send to m = 2*i + k. The
substitution is one to one where the guard holds, and what it makes certain is no condition any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive import terms
from derive.bounds import is_nonnegative
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.products import Product
from derive.integers import ZERO, Floor, Index, Integer, ceiling, floor, integer
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
    found: list[Relation] = []
    product = _with_digits(low, _unshifted(low, product), found)
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


# --- quotients: o = 2*g + r where floor(o/2) occurs -------------------------------------------------------------------


def _with_digits(low: Lowering, product: Product, found: list[Relation]) -> Product:
    for index, size in _quotients(low, product):
        outer = Index("g", floor(index.stop, size))
        inner = Index(index.name, integer(size))
        value = size * integer(outer) + inner
        bound = product.bound
        if index in bound:
            place = bound.index(index)
            bound = (*bound[:place], outer, inner, *bound[place + 1 :])
        else:
            found.append(Relation(index, ((outer, integer(size)), (inner, integer(1))), ZERO))
        product = product.substituted({index: value}, bound, low)
    return product


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


# --- quotients that only shift a summed index -------------------------------------------------------------------------


def _unshifted(low: Lowering, product: Product) -> Product:
    """sum(t) G[3*t - 3*floor(m/3) + m]: with t - floor(m/3) as index the subscripts are affine in m and that."""
    for index in product.bound:
        if low.moving(index.lower) or low.moving(index.stop):
            continue
        shift = _shift(product, index)
        bounds = None if shift is None else c.ends(index + shift, low.moving(index + shift), low.facts)
        if shift is None or bounds is None:
            continue
        new = Index(index.name, bounds[1] + 1, bounds[0])
        bound = tuple(new if each is index else each for each in product.bound)
        inner = product.substituted({index: new - shift}, bound, low)
        tests = (*inner.tests, *c.inside(new - shift, index.lower, index.stop))
        return _unshifted(low, Product(inner.number, inner.factors, bound, tests))
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


def _by_ranges(low: Lowering, product: Product, result: Index, taken: set[Index]) -> tuple[Relation, Product] | None:
    start = integer(result)
    for value, name, changed in (*_without_remainder(low, product, result), (start, result, product)):
        partners = [index for index in product.bound if _may_join(low, product, index, taken)]
        found = [
            _substitution(low, changed, result, name, partner, always=name is not result)
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
            kept = tuple(index for index in changed.bound if index not in steps and index is not gone)
            inner = _without_implied(
                changed.substituted(values, kept, low), c.inside(expression, result.lower, result.stop)
            )
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


def _substitution(
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
