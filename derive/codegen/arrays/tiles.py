"""Axes that count through another one digit by digit, merged into it: m = p*i + k with k < p is a reshape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.dialect import colons
from derive.codegen.arrays.relations import Relation
from derive.codegen.arrays.text import ATOM, bracketed
from derive.codegen.arrays.values import Value
from derive.integers import Index, Integer, integer

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


def tiled(low: Lowering, value: Value, tiles: list[Relation]) -> Value:
    """Axes merged where together they count through one of the result; zeros behind what they do not reach."""
    if not tiles:
        return value
    digits = {each.result: tuple(index for index, _ in sorted(each.members, key=_step)[::-1]) for each in tiles}
    value = _widened(low, value, digits)
    if not value.axes:
        return value
    merged = {index: result for result, members in digits.items() for index in members}
    names = tuple(dict.fromkeys(merged.get(index, index) for index in value.axes))
    groups = tuple(digits.get(name, (name,)) for name in names)
    if value.merged is not None and value.merged[1] == groups:
        text = value.merged[0]
    else:
        value = low.solid(low.aligned(value, [index for group in groups for index in group]))
        lengths = ", ".join(low.number(_length(group)) for group in groups)
        text = f"{bracketed(value.text, value.level, ATOM)}.reshape({lengths})"
    spare = [name.extent - _length(group) for name, group in zip(names, groups, strict=True)]
    cuts = {
        axis: f":{low.number(names[axis].extent)}"
        for axis, each in enumerate(spare)
        if not c.is_nonnegative(each, low.facts)
    }
    text += colons(len(names), cuts)
    behind = [c.positive_part(each, low.facts) for each in spare]
    if any(each != 0 for each in behind):
        text = low.dialect.padded(text, [("0", low.number(each)) for each in behind])
    return Value(text, names, ATOM, value.kind, value.depth)


def _step(member: tuple[Index, Integer]) -> int:
    return c.estimate(member[1])


def _widened(low: Lowering, value: Value, digits: dict[Index, tuple[Index, ...]]) -> Value:
    """The value with all digits of an index, if it has one of them or they do not reach all its entries."""
    missing = [
        index
        for result, members in digits.items()
        for index in members
        if index not in value.axes and (set(members) & set(value.axes) or _length(members) != result.extent)
    ]
    if not missing:
        return value
    axes = (*value.axes, *missing)
    wide = low.aligned(value, axes, whole=True)
    text = low.dialect.repeated(bracketed(wide.text, wide.level, ATOM), low.extents(axes))
    return replace(value.spelled(text), axes=axes)


def _length(group: tuple[Index, ...]) -> Integer:
    total = integer(1)
    for index in group:
        total = total * index.extent
    return total
