"""Reads at subscripts that are no view: labels y[i], quotients, an index in two subscripts. Arrays of whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.dialect import colons
from derive.codegen.arrays.text import ATOM, bracketed
from derive.codegen.arrays.values import REAL, Value
from derive.integers import Index, Integer
from derive.terms import Entry

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


def gathered(low: Lowering, entry: Entry, known: Sequence[c.Test], axis: int) -> Value:
    """The entry by a subscript of arrays of whole numbers, which broadcast against each other; the axis needs one.

    Where a test of `known` may fail the subscripts are kept inside; what is read there does not count.
    """
    from derive.codegen.arrays.views import kept_inside

    shape = low.shapes[entry.array]
    chosen = {
        k: low.number(kept_inside(low, subscript, shape[k], known) if known else subscript)
        for k, subscript in enumerate(entry.indices)
        if not low.moving(subscript)
    }
    text = low.names.of(("array", entry.array), entry.array) + colons(len(shape), chosen)
    left = [(subscript, shape[k]) for k, subscript in enumerate(entry.indices) if k not in chosen]
    subscripts, extents = [subscript for subscript, _ in left], [extent for _, extent in left]
    listed = _listed(low, subscripts, extents, axis - sum(each < axis for each in chosen))
    values = {place: low.whole(left[place][0]) for place in listed}
    together = low.common_axes(list(values.values()))
    places: list[str] = []
    for place, (subscript, extent) in enumerate(left):
        if place not in listed:
            places.append(":")
            continue
        value = low.aligned(values[place], together)
        if known and not _stays(low, subscript, extent):
            bounds = f"0, {low.number(extent - 1)}"
            value = value.spelled(f"{bracketed(value.text, value.level, ATOM)}.clip({bounds})")
        places.append(value.text)
    while places[-1] == ":":
        places.pop()
    before = [_alone(subscript) for place, (subscript, _) in enumerate(left) if place < min(listed)]
    after = [
        _alone(subscript) for place, (subscript, _) in enumerate(left) if place > min(listed) and place not in listed
    ]
    adjacent = max(listed) - min(listed) == len(listed) - 1
    axes = (*before, *together, *after) if adjacent else (*together, *before, *after)
    depth = max([low.depth_of(entry), *(value.depth for value in values.values())])
    return Value(f"{text}[{', '.join(places)}]", axes, ATOM, REAL, depth)


def _listed(low: Lowering, subscripts: list[Integer], extents: list[Integer], needed: int) -> list[int]:
    """The axes that need arrays: all but those that one index reads whole, and that no array reads with it."""
    plain = {
        place
        for place, subscript in enumerate(subscripts)
        if subscript.index is not None and subscript.index.lower == 0 and subscript.index.stop == extents[place]
        if place != needed
    }
    while True:
        used = {index for place, each in enumerate(subscripts) if place not in plain for index in low.moving(each)}
        shared = {place for place in plain if subscripts[place].index in used}
        lone = [subscripts[place].index for place in plain]
        shared |= {place for place in plain if lone.count(subscripts[place].index) > 1}
        if not shared:
            return [place for place in range(len(subscripts)) if place not in plain]
        plain -= shared


def _stays(low: Lowering, subscript: Integer, extent: Integer) -> bool:
    return all(c.is_certain(c.AtLeast(each), low.facts) for each in (subscript, extent - 1 - subscript))


def _alone(subscript: Integer) -> Index:
    assert subscript.index is not None
    return subscript.index
