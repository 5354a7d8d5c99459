"""Results that are sent to: zeros to which strided slices are added, one offset of the window at a time.

X_bar = np.zeros((9,))
for k in range(3):
    X_bar[k : k + 7 : 2] += ...        # m = 2*i + k
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from derive import terms
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.dialect import colons, span
from derive.codegen.arrays.products import Product, dense, solved
from derive.codegen.arrays.ranges import narrowed
from derive.codegen.arrays.relations import Relation, related
from derive.codegen.arrays.text import ATOM, bracketed
from derive.codegen.arrays.tiles import tiled
from derive.codegen.arrays.values import REAL, Value
from derive.integers import Index, Integer, IntegerEntry

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


def lowered(low: Lowering, product: Product, known: tuple[c.Test, ...]) -> Value:
    """The sum of a product: gathered by views where it can be, sent where the result is an affine sum of indices."""
    claims = low.claims
    low.claims = False
    product = Product(product.number, product.factors, product.bound, product.open_tests(low))
    product = _without_lone(low, product)
    labelled = _by_labels(low, product, known, claims=claims)
    if labelled is not None:
        return labelled
    relations, inner = related(low, product)
    inner = solved(inner, low)
    if not relations and inner is not product:
        inner = Product(inner.number, inner.factors, inner.bound, inner.open_tests(low))
        relations, inner = related(low, inner)
    inner = narrowed(low, inner)
    # what is sent beyond the result is dropped: there a factor may be read outside its array
    known = (*known, *(test for each in relations for test in _arriving(low, each)))
    inner = Product(inner.number, inner.factors, inner.bound, inner.open_tests(low))
    if low.dialect.kernels:
        from derive.codegen.arrays.transposed import transposed

        made = transposed(low, relations, inner, known)
        if made is not None:
            value, used = made
            return tiled(low, value, [relation for relation in relations if relation not in used])
    slid = [relation for relation in relations if not relation.is_tiling]
    tiles = [relation for relation in relations if relation.is_tiling]
    if slid and (gathered := _gathered(low, slid, inner)) is not None:
        value = dense(low, gathered, known)
    elif slid:
        value = _sent(low, slid, inner, known, claims=claims and not tiles)
    else:
        value = dense(low, inner, known)
    return tiled(low, value, tiles)


def _without_lone(low: Lowering, product: Product) -> Product:
    """An index in an equation that takes one value only is that value."""
    tied = {index for test in product.tests if isinstance(test, c.Equal) for index in c.indices_of(test)}
    lone = {index: index.lower for index in product.bound if index in tied and index.extent == 1}
    if not lone:
        return product
    return product.substituted(lone, tuple(index for index in product.bound if index not in lone), low)


def _arriving(low: Lowering, relation: Relation) -> list[c.Test]:
    """The tests that members send to an entry that the result has, where that is not certain."""
    place = relation.constant
    for index, step in relation.members:
        place = place + step * index
    found = c.inside(place, relation.result.lower, relation.result.stop)
    return [test for test in found if not c.is_certain(test, low.facts)]


#: A longer slice is given a name.
_WIDEST = 48


# --- reading backwards ------------------------------------------------------------------------------------------------


def _gathered(low: Lowering, relations: list[Relation], product: Product) -> Product | None:
    """m = i + d*k read as i = m - d*k, where each factor has an i or a k: then windows of zero-padded factors do it."""
    values: dict[Index, Integer] = {}
    tests: list[c.Test] = []
    bound = list(product.bound)
    for relation in relations:
        if len(relation.members) != 2:
            return None
        one, two = sorted(relation.members, key=lambda each: -c.estimate(each[0].extent))
        if one[1] != 1 and two[1] == 1:
            one, two = two, one
        wider = c.estimate(one[0].extent) > c.estimate(two[0].extent)
        if one[1] != 1 or not (wider or two[1] == 1):
            return None  # to read the kernel backwards over the whole image would visit much in vain
        image, (kernel, step) = one[0], two
        if any({image, kernel} <= terms.free_indices(factor) for factor in product.factors):
            return None
        if any(image in terms.free_indices(f) and not isinstance(f, terms.Entry) for f in product.factors):
            return None
        value = relation.result - step * kernel - relation.constant
        values[image] = value
        tests += c.inside(value, image.lower, image.stop)
        bound.append(kernel)
    inner = product.substituted(values, tuple(bound), low)
    return Product(inner.number, inner.factors, inner.bound, (*inner.tests, *tests))


# --- sending ----------------------------------------------------------------------------------------------------------


def _sent(
    low: Lowering, relations: list[Relation], product: Product, known: tuple[c.Test, ...], *, claims: bool
) -> Value:
    """Zeros, loops over the members that take few values, and an addition to the slice that the other one spans."""
    along: dict[Index, tuple[Index, Integer] | None] = {}
    loops: list[Index] = []
    for relation in relations:
        widest = max(relation.members, key=lambda each: (c.estimate(each[0].extent), c.estimate(each[1])))
        along[relation.result] = widest
        loops += [index for index, _ in relation.members if index is not widest[0]]
    free = [index for index in product.indices if index not in product.bound and index not in low.scalars]
    others = [index for index in free if not any(index in dict(each.members) for each in relations)]
    results = sorted([*others, *along], key=low.rank)
    ends = {relation.result: _ends(low, relation) for relation in relations}
    extents = [ends[index][1] - ends[index][0] if index in ends else index.extent for index in results]
    exact = all(low == 0 and stop == index.extent for index, (low, stop) in ends.items())
    zeros = low.dialect.zeros([low.number(extent) for extent in extents], low.like)
    own = low.target if claims else ""
    buffer = own if own and exact else low.names.temporary(f"{own}_padded" if own else "sent")
    low.emit(f"{buffer} = {zeros}")
    with _guarded(low):
        _loops(low, loops, lambda: _addition(low, buffer, relations, along, results, ends, product, known))
    cuts = {
        axis: span(
            low.number(-ends[index][0]) if ends[index][0] != 0 else "", low.number(index.extent - ends[index][0])
        )
        for axis, index in enumerate(results)
        if index in ends and (ends[index][0] != 0 or ends[index][1] != index.extent)
    }
    return Value(buffer + colons(len(results), cuts), tuple(results), ATOM, REAL, len(low.blocks) - 1)


@contextmanager
def _guarded(low: Lowering) -> Iterator[None]:
    """Inside an `if` where the product is under conditions of loop indices."""
    if not low.conditions:
        yield
        return
    conditions, low.conditions = low.conditions, []
    with low.loop(f"if {' and '.join(condition for condition, _ in conditions)}:", {}):
        yield
    low.conditions = conditions


def _ends(low: Lowering, relation: Relation) -> tuple[Integer, Integer]:
    """The first place that is sent to, or 0, and behind the last one, or the extent."""
    expression = relation.constant
    for index, step in relation.members:
        expression = expression + step * index
    bounds = c.ends(expression, low.moving(expression), low.facts)
    assert bounds is not None, relation
    first = -c.positive_part(-bounds[0], low.facts)
    stop = relation.result.extent
    return first, stop + c.positive_part(bounds[1] + 1 - stop, low.facts)


def _loops(low: Lowering, loops: list[Index], inside: Callable[[], None]) -> None:
    if not loops:
        inside()
        return
    index, *rest = loops
    name = low.names.temporary(index.name)
    span = low.number(index.stop) if index.lower == 0 else f"{low.number(index.lower)}, {low.number(index.stop)}"
    with low.loop(f"for {name} in range({span}):", {index: name}):
        _loops(low, rest, inside)


def _addition(
    low: Lowering,
    buffer: str,
    relations: list[Relation],
    along: dict[Index, tuple[Index, Integer] | None],
    results: list[Index],
    ends: dict[Index, tuple[Integer, Integer]],
    product: Product,
    known: tuple[c.Test, ...],
) -> None:
    """buffer[k : k + 2*n - 1 : 2] += the product, whose loop indices are numbers here."""
    value = low.real(dense(low, product, known))
    wanted: list[Index] = []
    cuts: dict[int, str] = {}
    for axis, result in enumerate(results):
        relation = next((each for each in relations if each.result is result), None)
        if relation is None:
            wanted.append(result)
            continue
        widest = along[result]
        assert widest is not None
        index, step = widest
        wanted.append(index)
        first = relation.constant - ends[result][0] + step * index.lower
        for other, size in relation.members:
            if other is not index:
                first = first + size * other
        if not c.is_nonnegative(step, low.facts):  # the slice runs the other way
            first = first + step * (index.extent - 1)
            if index in value.axes:
                text = bracketed(value.text, value.level, ATOM)
                value = value.spelled(low.dialect.flipped(text, [value.axes.index(index)], len(value.axes)))
            step = -step
        last = first + step * (index.extent - 1) + 1
        spare = ends[result][1] - ends[result][0] - last
        fits = c.is_nonnegative(spare, low.facts) and c.is_nonnegative(step - 1 - spare, low.facts)
        begin, end = "" if first == 0 else low.number(first), "" if fits else low.number(last)
        cuts[axis] = span(begin, end, low.number(step))
    piece = low.aligned(value, wanted)
    cuts = {axis: cut for axis, cut in cuts.items() if cut != ":"}
    target = buffer + (colons(len(results), cuts) or "[...]")
    adds = any(len(relation.members) > 1 for relation in relations)
    if adds and len(target) > _WIDEST:  # a view, so that the sum goes to the same cells
        cells = low.names.temporary("cells")
        low.emit(f"{cells} = {target}")
        target = cells
    low.emit(f"{target} {'+' if adds else ''}= {piece.text}")


# --- labels -----------------------------------------------------------------------------------------------------------


def _by_labels(low: Lowering, product: Product, known: tuple[c.Test, ...], *, claims: bool) -> Value | None:
    """sum(i) [y[i] = m] u[i]: u[i] is added to the entry y[i] of zeros. Only for labels that are known to be places."""
    for test in product.tests:
        if not isinstance(test, c.Equal):
            continue
        for result in low.moving(test.value):
            linear = test.value.linear(result)
            if result in product.bound or linear is None or linear[0].value not in (1, -1):
                continue
            label = -linear[1] if linear[0].value == 1 else linear[1]
            atom, places = label.alone, low.moving(label)
            if not isinstance(atom, IntegerEntry) or not places or not set(places) <= set(product.bound):
                continue
            if (atom.array, result.extent) not in low.labels:
                continue
            kept = tuple(index for index in product.bound if index not in places)
            rest = Product(product.number, product.factors, kept, tuple(t for t in product.tests if t is not test))
            inner = rest.substituted({result: label}, kept, low)
            return _added_at(low, result, label, inner, known, claims=claims)
    return None


def _added_at(
    low: Lowering, result: Index, label: Integer, product: Product, known: tuple[c.Test, ...], *, claims: bool
) -> Value:
    value = low.real(low.solid(lowered(low, product, known)))
    at = low.whole(label)
    others = [index for index in value.axes if index not in at.axes]
    axes = (*at.axes, *others)
    if set(axes) != set(value.axes):
        wide = low.aligned(value, axes, whole=True)
        text = low.dialect.repeated(bracketed(wide.text, wide.level, ATOM), low.extents(axes))
        value = replace(value.spelled(text), axes=axes)
    value = low.short(low.aligned(value, axes))
    results = (result, *others)
    straight = list(results) == sorted(results, key=low.rank)
    buffer = low.target if claims and straight and low.target else low.names.temporary("sent")
    low.emit(f"{buffer} = {low.dialect.zeros(low.extents(results), low.like)}")
    with _guarded(low):
        low.emit(low.dialect.add_at(buffer, at.text, value.text, flat=len(at.axes) == 1))
    return Value(buffer, results, ATOM, REAL, len(low.blocks) - 1)
