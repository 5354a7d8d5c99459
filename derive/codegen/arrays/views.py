"""Reads at affine subscripts as views: slices, padding with zeros, sliding windows, reshapes; else integer arrays.

A guard 0 <= e < n around a read V[e] is not a mask: the view has zeros there, which the product is then too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.dialect import Sliding, colons, span
from derive.codegen.arrays.text import ATOM, bracketed
from derive.codegen.arrays.values import REAL, AxisView, Operand, Value, View
from derive.integers import ZERO, Index, Integer, extreme, integer
from derive.terms import Entry

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


def read(low: Lowering, entry: Entry, known: Sequence[c.Test]) -> tuple[Operand, set[c.Test]]:
    """The entry over its indices, and the tests of `known` outside of which what is read is 0."""
    name = low.names.of(("array", entry.array), entry.array)
    if len(entry.indices) != len(low.shapes[entry.array]):
        raise AssertionError(entry)
    if not entry.indices:
        return Value(name, depth=low.filling.get(entry.array, 0)), set()
    places: list[AxisView] = []
    absorbed: set[c.Test] = set()
    for subscript, extent in zip(entry.indices, low.shapes[entry.array], strict=True):
        place = _axis(low, subscript, extent, known, absorbed)
        if place is None:
            from derive.codegen.arrays.gathers import gathered

            return gathered(low, entry, known, len(places)), set()
        places.append(place)
    ends = [end for each in places for end in (each.first, each.last, each.start, each.stop, each.origin)]
    view = View(entry.array, name, tuple(places), max(low.depth_of(entry), *map(low.depth_of, ends)))
    if len(view.axes) < sum(len(place.steps) for place in places):
        return _diagonal(low, view, entry, known), absorbed
    return view, absorbed


def _axis(
    low: Lowering, subscript: Integer, extent: Integer, known: Sequence[c.Test], absorbed: set[c.Test]
) -> AxisView | None:
    """How this axis is read, or None where the subscript is not affine with steps of known sign."""
    moving = low.moving(subscript)
    if not c.is_affine(subscript, moving):
        return None
    steps, _ = c.split(subscript, moving)
    for index, step in steps.items():
        if low.moving(index.lower) or low.moving(index.stop) or low.moving(step):
            return None
        if not c.is_nonnegative(step, low.facts) and not c.is_nonnegative(-step, low.facts):
            return None
    bounds = c.ends(subscript, moving, low.facts)
    if bounds is None:
        return None
    first, last = bounds
    start, stop, below, above = ZERO, extent, ZERO, ZERO
    if known:
        for test in known if moving else ():  # a single entry is guarded by a condition of Python
            said = _said(low, test, subscript, moving)
            if said is None:
                continue
            bound, gap = said
            if gap > 0:  # subscript >= bound, which is the next that there is: start may be anywhere in the gap
                loose = c.is_nonnegative(bound, low.facts) and c.is_nonnegative(gap - 1 - bound, low.facts)
                start = _later(low, start, ZERO if loose else bound)
            else:
                spare = extent - bound - 1
                loose = c.is_nonnegative(spare, low.facts) and c.is_nonnegative(-gap - 1 - spare, low.facts)
                stop = -_later(low, -stop, -extent if loose else -bound - 1)
            absorbed.add(test)
        if moving:
            gaps = (last + 1 - start, stop - first, last + 1, stop, stop - start)
            if not all(c.is_nonnegative(gap, low.facts) for gap in gaps):
                return None  # all that is read may lie on one side of the array
            below = c.positive_part(start - first, low.facts)
            above = c.positive_part(last + 1 - stop, low.facts)
    origin = subscript.substitute({index: index.lower for index in steps})
    if known and not moving:
        origin = kept_inside(low, subscript, extent, known)
    return AxisView(tuple(steps.items()), origin, first, last, extent, start, stop, below, above)


def kept_inside(low: Lowering, subscript: Integer, extent: Integer, known: Sequence[c.Test]) -> Integer:
    """A subscript of loop indices, held inside the array where no test does so; what is read there does not count."""

    def stays(slack: Integer) -> bool:
        plain = (test for test in known if isinstance(test, c.AtLeast) and not low.moving(test.value))
        told = (slack - test.value for test in plain)
        return c.is_nonnegative(slack, low.facts) or any(c.is_nonnegative(each, low.facts) for each in told)

    if not stays(extent - 1 - subscript):
        subscript = extreme("min", (subscript, extent - 1))
    return subscript if stays(subscript) else extreme("max", (ZERO, subscript))


def _said(low: Lowering, test: c.Test, subscript: Integer, moving: Sequence[Index]) -> tuple[Integer, int] | None:
    """(b, g) where the test says subscript >= b for g > 0, subscript <= b for g < 0, of subscripts |g| apart."""
    if not isinstance(test, c.AtLeast):
        return None
    one, two = subscript.linear(moving[0]), test.value.linear(moving[0])
    if one is None or two is None or not two[0].terms:
        return None
    if one[0] == two[0] or one[0] == -two[0]:
        gap = 1 if one[0] == two[0] else -1
    elif one[0].value is not None and two[0].value and one[0].value % two[0].value == 0:
        gap = one[0].value // two[0].value
    else:
        return None
    bound = subscript - gap * test.value
    return None if low.moving(bound) else (bound, gap)


def _later(low: Lowering, one: Integer, two: Integer) -> Integer:
    """The larger of two subscripts."""
    if c.is_nonnegative(one - two, low.facts):
        return one
    return two if c.is_nonnegative(two - one, low.facts) else extreme("max", (one, two))


def _diagonal(low: Lowering, view: View, entry: Entry, known: Sequence[c.Test]) -> Value:
    """An array read at one index along several axes: these get indices of their own, then the diagonal is taken."""
    seen: set[Index] = set()
    twins: list[tuple[Index, Index]] = []
    places = []
    for place in view.places:
        steps = []
        for index, step in place.steps:
            if index in seen:
                twin = index.fresh()
                twins.append((index, twin))
                steps.append((twin, step))
            else:
                seen.add(index)
                steps.append((index, step))
        places.append(replace(place, steps=tuple(steps)))
    value = materialised(low, replace(view, places=tuple(places)))
    for index, twin in twins:
        one, two = value.axes.index(index), value.axes.index(twin)
        axes = (*(axis for axis in value.axes if axis not in (index, twin)), index)
        text = low.dialect.diagonal(bracketed(value.text, value.level, ATOM), one, two)
        value = replace(value.spelled(text), axes=axes)
    return value


# --- written down -----------------------------------------------------------------------------------------------------


def materialised(low: Lowering, view: View) -> Value:
    """The view as code: what is 0 outside becomes padding, several indices in a subscript become windows."""
    text, places = sliced(low, view)
    value = _windowed(low, text, view, places)
    falling = [index for place in places for index, step in place.steps if not c.is_nonnegative(step, low.facts)]
    if not falling:
        return value
    axes = sorted(value.axes.index(index) for index in falling)
    return value.spelled(low.dialect.flipped(value.text, axes, len(value.axes)))


def sliced(low: Lowering, view: View) -> tuple[str, list[AxisView]]:
    """The part of the array that is read, with its zeros around, in steps where one index reads; the axes left over."""
    places = [place for place in view.places if place.steps]
    text = view.name + colons(
        len(view.places), {k: cut for k, each in enumerate(view.places) if (cut := _cut(low, each))}
    )
    pads = [(low.number(place.low), low.number(place.high)) for place in places]
    if any(pair != ("0", "0") for pair in pads):
        text = low.bind(f"{view.array}_padded", Value(low.dialect.padded(text, pads), depth=view.depth)).text
        steps = {
            k: span("", "", low.number(size))
            for k, place in enumerate(places)
            if len(place.steps) == 1 and place.is_padded and (size := _size(low, place.steps[0][1])) != 1
        }
        text += colons(len(places), steps)
    return text, places


def _cut(low: Lowering, place: AxisView) -> str:
    """The slice of this axis that is read, "" for all of it."""
    if not place.steps:
        return low.number(place.origin)
    begin, end = _later(low, place.first, place.start), _ended(low, place)
    step = "1"
    if len(place.steps) == 1 and not place.is_padded:
        step = low.number(_size(low, place.steps[0][1]))
    if begin == 0 and end == place.extent and step == "1":
        return ""
    first = "" if begin == 0 else low.number(begin)
    last = "" if end == place.extent else low.number(end)
    return span(first, last, step)


def _ended(low: Lowering, place: AxisView) -> Integer:
    """Where the part that is read ends: at the end of the array, if steps from the front end there anyway."""
    end = place.last + 1
    if place.high != 0:  # a slice that ends behind the array ends with it
        whole = place.stop == place.extent and place.high.value is not None
        return place.extent if whole else _earlier(low, place, end)
    spare, step = place.extent - end, _outermost(low, place)[1]
    if len(place.steps) > 1 and place.low != 0:
        return end
    fits = c.is_nonnegative(spare, low.facts) and c.is_nonnegative(step - 1 - spare, low.facts)
    return place.extent if fits else end


def _windowed(low: Lowering, text: str, view: View, places: Sequence[AxisView]) -> Value:
    """Windows where several indices share a subscript: the one that steps farthest stays, the others come last."""
    axes: list[Index] = []
    waiting: list[tuple[int, list[tuple[Index, Integer]]]] = []
    sizes = {index: step for place in places for index, step in place.steps}
    for place in places:
        if place.tiles:
            axes += [index for index, _ in place.steps]
            continue
        if len(place.steps) > 1:
            outer = _outermost(low, place)[0]
            waiting.append((len(axes), [each for each in place.steps if each[0] is not outer]))
            axes.append(outer)
        else:
            axes.append(place.steps[0][0])
    if any(place.tiles for place in places):
        slid = {axis for axis, _ in waiting}
        if any(place.is_padded or _cut(low, place) for place in places if len(place.steps) > 1 and not place.tiles):
            text = low.bind(f"{view.array}_part", Value(text, depth=view.depth)).text
        text = f"{text}.reshape({', '.join(_lengths(low, text, places, slid))})"
    while any(rest for _, rest in waiting):
        sliding = []
        for axis, rest in waiting:
            if rest:
                index, step = rest.pop(0)
                size = _size(low, step)
                reach = size * (index.extent - 1) + 1
                stride = integer(1) if rest else _size(low, sizes[axes[axis]])
                sliding.append(Sliding(axis, low.number(reach), low.number(stride), low.number(size)))
                axes.append(index)
        text = low.dialect.windows(text, len(axes) - len(sliding), sliding)
        text = low.bind(f"{view.array}_windows", Value(text, depth=view.depth)).text
    return Value(text, tuple(axes), ATOM, REAL, view.depth)


def _earlier(low: Lowering, place: AxisView, end: Integer) -> Integer:
    """The smaller of two ends; of the array's own end nothing need be said."""
    if c.is_nonnegative(end - place.stop, low.facts):
        return place.stop
    if place.stop == place.extent or c.is_nonnegative(place.stop - end, low.facts):
        return end
    return extreme("min", (end, place.stop))


def _size(low: Lowering, step: Integer) -> Integer:
    return step if c.is_nonnegative(step, low.facts) else -step


def _outermost(low: Lowering, place: AxisView) -> tuple[Index, Integer]:
    """The index along which windows are counted: the one with the largest steps, of equal ones with most of them."""
    index, step = max(
        place.steps,
        key=lambda each: (c.estimate(_size(low, each[1])), c.estimate(each[0].extent), len(each[0].extent.terms)),
    )
    return index, _size(low, step)


def _lengths(low: Lowering, text: str, places: Sequence[AxisView], slid: set[int]) -> list[str]:
    """The extents after the axes that are counted through digit by digit are split."""
    lengths: list[str] = []
    for axis, place in enumerate(places):
        if len(lengths) in slid:
            plain = not place.is_padded and not _cut(low, place)
            lengths.append(low.number(place.extent) if plain else f"{text}.shape[{axis}]")
        else:
            lengths += low.extents(index for index, _ in place.steps)
    return lengths
