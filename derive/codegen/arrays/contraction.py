"""Operands contracted two by two, cheapest pair first: matrix products where they are, else einsum."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.text import ATOM, PRODUCT, bracketed
from derive.codegen.arrays.values import REAL, TRUTH, WHOLE, Operand, Value, View
from derive.integers import Index

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def contracted(low: Lowering, operands: Sequence[Operand], bound: Collection[Index]) -> Value:
    """The product of the operands, summed over the bound indices."""
    left = list(operands)
    while len(left) > 1:
        left = [_summed_alone(low, operand, bound, left) for operand in left]
        one, two = min(
            ((a, b) for a in range(len(left)) for b in range(a + 1, len(left))),
            key=lambda pair: _cost({*left[pair[0]].axes, *left[pair[1]].axes}),
        )
        others = [operand for k, operand in enumerate(left) if k not in (one, two)]
        needed = {index for operand in others for index in operand.axes}
        over = {index for index in bound if index not in needed}
        left.insert(one, _pair(low, left.pop(two), left.pop(one), over))
    return _total(low, low.settled(left[0]), bound)


def _cost(axes: set[Index]) -> int:
    size = 1
    for index in axes:
        size *= c.estimate(index.extent)
    return size


def _summed_alone(low: Lowering, operand: Operand, bound: Collection[Index], every: Sequence[Operand]) -> Operand:
    """The operand summed over the indices that no other one has."""
    others = {index for other in every if other is not operand for index in other.axes}
    lone = [index for index in operand.axes if index in bound and index not in others]
    return _total(low, low.settled(operand), lone) if lone else operand


def _total(low: Lowering, value: Value, bound: Collection[Index]) -> Value:
    """The value summed over those of its axes that are bound."""
    places = [place for place, index in enumerate(value.axes) if index in bound]
    if not places:
        return value
    value = low.short(low.solid(value if value.kind == TRUTH and not low.dialect.tensors else low.real(value)))
    text = low.dialect.reduced(bracketed(value.text, value.level, ATOM), "sum", places, len(value.axes))
    axes = tuple(index for index in value.axes if index not in bound)
    kind = WHOLE if value.kind == TRUTH else REAL
    return replace(value.spelled(text), axes=axes, kind=kind)


def _pair(low: Lowering, two: Operand, one: Operand, bound: Collection[Index]) -> Value:
    """The product of two operands, summed over the bound indices, which both have."""
    over = [index for index in one.axes if index in two.axes and index in bound]
    if over and low.dialect.kernels:
        from derive.codegen.arrays.convolutions import correlation

        for image, kernel in ((one, two), (two, one)):
            if isinstance(image, View) and (made := correlation(low, image, kernel, over)) is not None:
                return made
    if over:
        one, two = _forward(low, one, two, over)
    first, second = low.settled(one), low.settled(two)
    if not over:
        return _multiplied(low, first, second)
    first, second = (low.short(low.solid(low.real(value))) for value in (first, second))
    if low.dialect.kernels and set(first.axes) == set(second.axes):  # torch's einsum would make a batch of products
        return _total(low, _multiplied(low, first, second), over)
    return _matrix_product(low, first, second, over) or _einsum(low, first, second, over)


def _forward(low: Lowering, one: Operand, two: Operand, over: Sequence[Index]) -> tuple[Operand, Operand]:
    """Of windows that a summed index reads backwards, the other operand is flipped: it is the smaller one."""
    for image, kernel, swapped in ((one, two, False), (two, one, True)):
        if not isinstance(image, View):
            continue
        falling = [
            index
            for place in image.places
            if len(place.steps) > 1
            for index, step in place.steps
            if index in over and not c.is_nonnegative(step, low.facts)
        ]
        if not falling:
            continue
        other = low.solid(low.real(low.settled(kernel)))
        text = bracketed(other.text, other.level, ATOM)
        axes = sorted(other.axes.index(index) for index in falling)
        other = other.spelled(low.dialect.flipped(text, axes, len(other.axes)))
        places = tuple(
            replace(place, steps=tuple((i, -step if i in falling else step) for i, step in place.steps))
            for place in image.places
        )
        turned = replace(image, places=places)
        return (other, turned) if swapped else (turned, other)
    return one, two


def _multiplied(low: Lowering, one: Value, two: Value) -> Value:
    if TRUTH in (one.kind, two.kind) and one.kind != two.kind:
        return _chosen(low, one, two) if one.kind == TRUTH else _chosen(low, two, one)
    one, two = low.real(one), low.real(two)
    one, two = low.firm([low.short(one), low.short(two)])
    axes = low.common_axes([one, two])
    left, right = low.aligned(one, axes), low.aligned(two, axes)
    text = f"{bracketed(left.text, left.level, PRODUCT)} * {bracketed(right.text, right.level, PRODUCT + 1)}"
    return Value(text, axes, PRODUCT, REAL, max(one.depth, two.depth))


def _chosen(low: Lowering, mask: Value, value: Value) -> Value:
    """A product with truth values."""
    mask, value = low.short(mask, "chosen"), low.short(low.solid(low.real(value)))
    axes = low.common_axes([value, mask])
    held, shown = low.aligned(mask, axes), low.aligned(value, axes)
    text = f"{bracketed(shown.text, shown.level, PRODUCT)} * {bracketed(held.text, held.level, PRODUCT + 1)}"
    return Value(text, axes, PRODUCT, REAL, max(mask.depth, value.depth))


def _matrix_product(low: Lowering, one: Value, two: Value, over: Sequence[Index]) -> Value | None:
    """`A @ B` where one index is summed and each operand has at most a row or a column beside the batch; else None."""
    if len(over) != 1:
        return None
    (index,) = over
    batch = [axis for axis in one.axes if axis in two.axes and axis is not index]
    for left, right in sorted(((one, two), (two, one)), key=lambda pair: _turned(low, pair[0], pair[1], index, batch)):
        rows = [axis for axis in left.axes if axis not in (*batch, index)]
        columns = [axis for axis in right.axes if axis not in (*batch, index)]
        if batch and (len(rows) != 1 or len(columns) != 1):
            continue
        if len(columns) > 1 or (len(rows) > 1 and left.axes[-1] is not index):
            continue
        batch.sort(key=low.rank)
        first = low.aligned(left, (*batch, *rows, index))
        second = low.aligned(right, (*batch, index, *columns))
        text = f"{bracketed(first.text, first.level, PRODUCT)} @ {bracketed(second.text, second.level, PRODUCT + 1)}"
        return Value(text, (*batch, *rows, *columns), PRODUCT, REAL, max(one.depth, two.depth))
    return None


def _turned(low: Lowering, left: Value, right: Value, index: Index, batch: Sequence[Index]) -> tuple[bool, int]:
    """How badly this order of operands suits: rows and columns the wrong way round, then transpositions."""
    rows = [axis for axis in left.axes if axis not in (*batch, index)]
    columns = [axis for axis in right.axes if axis not in (*batch, index)]
    crossed = bool(rows and columns) and low.rank(rows[0]) > low.rank(columns[0])
    moved = (left.axes[-1] is not index) + (bool(columns) and right.axes[-1] is index)
    return crossed, moved


def _einsum(low: Lowering, one: Value, two: Value, over: Sequence[Index]) -> Value:
    axes = tuple(sorted({*one.axes, *two.axes} - set(over), key=low.rank))
    letters = _subscripts([*one.axes, *two.axes])
    parts = ["".join(letters[index] for index in value) for value in (one.axes, two.axes, axes)]
    batched = any(index in two.axes and index not in over for index in one.axes)
    text = low.dialect.einsum(
        f"{parts[0]},{parts[1]}->{parts[2]}", [bracketed(v.text, v.level, 0) for v in (one, two)], batched=batched
    )
    return Value(text, axes, ATOM, REAL, max(one.depth, two.depth))


def _subscripts(indices: Sequence[Index]) -> dict[Index, str]:
    """One letter for each index, its own where that is one and still free."""
    answer: dict[Index, str] = {}
    for index in dict.fromkeys(indices):
        wanted = index.name if len(index.name) == 1 and index.name in _LETTERS else ""
        if not wanted or wanted in answer.values():
            wanted = ""
        answer[index] = wanted
    for index, letter in answer.items():
        if not letter:
            lead = index.name[:1]
            choices = [lead] if lead in _LETTERS else []
            answer[index] = next(each for each in [*choices, *_LETTERS] if each not in answer.values())
    return answer
