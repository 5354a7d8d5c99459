"""max, min and products over indices, and the winner of a max: the first in row-major order to reach it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from derive import terms
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays import wholes
from derive.codegen.arrays.text import ATOM, bracketed
from derive.codegen.arrays.values import NUMBER, REAL, WHOLE, Value
from derive.integers import Index, Integer, integer
from derive.terms import Term

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering

_NEUTRAL = {"max": '-float("inf")', "min": 'float("inf")', "prod": "1.0"}


def rectangular(low: Lowering, indices: Sequence[Index], body: Term) -> tuple[tuple[Index, ...], Term, list[c.Test]]:
    """Bound indices over domains that no axis changes, the body over them, and the tests that the old domains were."""
    bound: list[Index] = []
    tests: list[c.Test] = []
    values: dict[Index, Integer] = {}
    for index in indices:
        lower, stop = index.lower.substitute(values), index.stop.substitute(values)
        if low.moving(lower) or low.moving(stop):
            found = c.ends(lower, low.moving(lower), low.facts), c.ends(stop, low.moving(stop), low.facts)
            assert found[0] is not None and found[1] is not None, index
            new = Index(index.name, found[1][1], found[0][0])
            low.hulls.add(new)
            tests += c.inside(integer(new), lower, stop)
            values[index] = integer(new)
        elif lower != index.lower or stop != index.stop:
            new = Index(index.name, stop, lower)
            values[index] = integer(new)
        else:
            new = index
        bound.append(new)
    return tuple(bound), terms.substitute(body, values), tests


def reduced(low: Lowering, term: terms.Reduce, known: Sequence[c.Test]) -> Value:
    """A max, min or product over the bound axes."""
    bound, value = _over(low, term.operator, term.indices, term.body, known)
    here = [value.axes.index(index) for index in bound if index in value.axes]
    axes = tuple(index for index in value.axes if index not in bound)
    if not here:
        return value
    value = low.real(value)
    text = low.dialect.reduced(bracketed(value.text, value.level, ATOM), term.operator, here, len(value.axes))
    return Value(text, axes, ATOM, REAL, value.depth)


def _over(
    low: Lowering, operator: str, indices: Sequence[Index], body: Term, known: Sequence[c.Test]
) -> tuple[tuple[Index, ...], Value]:
    """The body over the bound axes; where a ragged domain ends it is what no max, min or product notices."""
    bound, inner, tests = rectangular(low, indices, body)
    if operator == "prod":
        tied = {index for test in tests for index in c.indices_of(test)}
        inner = _with_all(inner, [index for index in bound if index not in tied])
    value = low.short(low.solid(low.value(inner, [*known, *tests])))
    open_tests = [test for test in tests if not c.is_certain(test, low.facts)]
    if open_tests:
        axes = low.common_axes([value, Value("", wholes.axes_of(low, open_tests))])
        mask = held = wholes.truth(low, open_tests, known, axes)
        shown = low.aligned(low.real(value), axes)
        text = low.dialect.where(held.text, shown.text, _NEUTRAL[operator])
        value = Value(text, axes, ATOM, REAL, max(mask.depth, value.depth))
    return bound, value


def _with_all(body: Term, bound: Sequence[Index]) -> Term:
    """A product over an index that the body does not mention is a power."""
    for index in bound:
        if index not in terms.free_indices(body):
            body = terms.power(body, terms.whole(index.extent))
    return body


def winner(low: Lowering, term: terms.Winner, known: Sequence[c.Test]) -> Value:
    """Where the indices `at` are those of the winner: argmax over the flattened axes, and its place compared."""
    place, bound = place_of_winner(low, term, known)
    if len(bound) == 1 or place.kind == NUMBER:
        found = [place] * len(bound)
    elif _inside(low, bound, term.at):
        flat = integer(0)
        for index, at in zip(bound, term.at, strict=True):
            flat = flat * index.extent + (at - index.lower)
        return wholes.equal(low, [(place, flat)])
    else:
        shape = low.extents(bound)
        text = low.dialect.unraveled(place.text, shape)
        all_places = low.bind(f"{place.text}_at", Value(text, depth=place.depth))
        found = [place.spelled(f"{all_places.text}[{k}]") for k in range(len(bound))]
    return wholes.equal(low, [(one, at - index.lower) for one, index, at in zip(found, bound, term.at, strict=True)])


def _inside(low: Lowering, bound: Sequence[Index], places: Sequence[Integer]) -> bool:
    """Whether each of the indices `at` is in the domain of the one it stands for."""
    return all(
        c.is_certain(test, low.facts)
        for index, at in zip(bound, places, strict=True)
        for test in c.inside(at, index.lower, index.stop)
    )


def place_of_winner(low: Lowering, term: terms.Winner, known: Sequence[c.Test]) -> tuple[Value, tuple[Index, ...]]:
    """The place of the first extreme, counted in row-major order over the bound indices; and these, over a box."""
    best = terms.Winner(term.operator, term.indices, term.body, (integer(-1),) * len(term.indices))
    key, order = low.key(best)
    if key is not None and (known_value := low.recalled(("place", key), order)) is not None:
        return known_value, rectangular(low, term.indices, term.body)[0]
    bound, value = _over(low, term.operator, term.indices, term.body, known)
    outer = tuple(index for index in low.common_axes([value]) if index not in bound)
    value = low.aligned(low.real(value), (*outer, *(index for index in bound if index in value.axes)))
    missing = [index for index in bound if index not in value.axes]
    text = bracketed(value.text, value.level, ATOM)
    if missing:  # the body is the same along these axes, and the first wins
        zero = Value("0", (), ATOM, NUMBER)
        if len(missing) == len(bound):
            return zero, bound
        shape = [*low.extents(outer), *low.extents(bound)]
        text = low.dialect.repeated(low.aligned(value, (*outer, *bound), whole=True).text, shape)
    if len(bound) > 1:
        text += f".reshape({', '.join([*low.extents(outer), '-1'])})"
    text = low.dialect.first_extreme(text, term.operator)
    made = low.bind(f"{_array(term)}_arg{term.operator}", Value(text, outer, ATOM, WHOLE, value.depth))
    if key is not None and not low.conditions:
        low.blocks[made.depth].known["place", key] = (made, order)
    return replace(made, kind=WHOLE), bound


def _array(term: Term) -> str:
    return next(iter(terms.reads_in_order(term)), "value")
