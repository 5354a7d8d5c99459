"""Conditions as masks: on the operand of a product that they widen least, or as a choice between two values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive.codegen.arrays import conditions as c
from derive.codegen.arrays import wholes
from derive.codegen.arrays.text import ATOM, PRODUCT, bracketed
from derive.codegen.arrays.values import NUMBER, REAL, TRUTH, Operand, Value
from derive.integers import Index

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering

#: A condition that is longer gets a name.
WIDEST_MASK = 50


def masked(
    low: Lowering, operands: list[Operand], masks: list[c.Test], known: tuple[c.Test, ...], *, all_of_them: bool
) -> list[Operand]:
    """Each mask on the operand that it widens least; on all of them where they may be no finite numbers."""
    waiting: dict[int, list[c.Test]] = {}
    arrays = [k for k, operand in enumerate(operands) if operand.axes and operand.kind != TRUTH]
    if not arrays:
        return [*operands, wholes.truth(low, masks, known)] if masks else operands
    for test in masks:
        axes = wholes.axes_of(low, [test])
        best = min(arrays, key=lambda k: _cost({*operands[k].axes, *axes}) - _cost(set(operands[k].axes)))
        for place in arrays if all_of_them else [best]:
            waiting.setdefault(place, []).append(test)
    result = list(operands)
    for place, tests in waiting.items():
        value = low.short(low.solid(low.real(low.settled(operands[place]))))
        if all_of_them:
            result[place] = where(low, tests, value, Value("0.0", kind=NUMBER), known)
        else:
            result[place] = _times(low, value, tests, known)
    return result


def _times(low: Lowering, value: Value, tests: Sequence[c.Test], known: Sequence[c.Test]) -> Value:
    """value * (mask): several times faster than a choice, and the same where the value is a number at all."""
    axes = low.common_axes([value, Value("", wholes.axes_of(low, tests))])
    mask = wholes.truth(low, tests, known, axes)
    if len(mask.text) > WIDEST_MASK:
        mask = low.bind("inside", mask)
    shown = low.aligned(value, axes)
    text = f"{bracketed(shown.text, shown.level, PRODUCT)} * {bracketed(mask.text, mask.level, PRODUCT + 1)}"
    return Value(text, axes, PRODUCT, REAL, max(mask.depth, value.depth))


def where(low: Lowering, tests: Sequence[c.Test], one: Value, other: Value, known: Sequence[c.Test]) -> Value:
    """The one value where all tests hold, elsewhere the other."""
    axes = low.common_axes([one, other, Value("", wholes.axes_of(low, tests))])
    mask = wholes.truth(low, tests, known, axes)
    if len(mask.text) > WIDEST_MASK:
        mask = low.bind("inside", mask)
    if one.kind == other.kind == NUMBER:
        one = low.tensor(one)
    texts = []
    for value in (one, other):
        shown = low.aligned(value, axes)
        texts.append(bracketed(shown.text, shown.level, 0))
    return Value(low.dialect.where(mask.text, *texts), axes, ATOM, REAL, max(mask.depth, one.depth, other.depth))


def _cost(axes: set[Index]) -> int:
    size = 1
    for index in axes:
        size *= c.estimate(index.extent)
    return size
