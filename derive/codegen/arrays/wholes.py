"""Integer expressions over axes: the labels y[i], the grid `m[:, None] - i`, and tests on them as truth values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from derive import terms
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.ordering import in_order
from derive.codegen.arrays.text import ATOM, PRODUCT, SUM, UNARY, bracketed
from derive.codegen.arrays.values import NUMBER, TRUTH, WHOLE, Value
from derive.integers import Atom, Extreme, Floor, Index, Integer, IntegerEntry, Monomial, integer
from derive.terms import Comparison, Divides, Entry

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering

_PYTHON = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
#: Comparisons bind more loosely than sums.
COMPARED = SUM - 1


def whole(low: Lowering, expression: Integer, axes: Sequence[Index] | None = None) -> Value:
    """The sum of products of atoms, aligned to the axes (by default those of its own indices)."""
    moving = low.moving(expression)
    if not moving:
        text, level = low.count(expression)
        return Value(text, (), level, NUMBER, low.depth_of(expression))
    along = tuple(sorted(moving, key=low.rank)) if axes is None else tuple(axes)
    parts = [(factor, _monomial(low, monomial, abs(factor), along)) for monomial, factor in in_order(expression)]
    text, level = "", SUM
    for factor, piece in parts:
        if not text:
            level = piece.level if factor > 0 else UNARY
            least = ATOM if "//" in piece.text else PRODUCT
            text = piece.text if factor > 0 else f"-{bracketed(piece.text, piece.level, least)}"
        else:
            text += (" + " if factor > 0 else " - ") + bracketed(piece.text, piece.level, PRODUCT)
            level = SUM
    depth = max(piece.depth for _, piece in parts)
    return Value(text, tuple(index for index in along if index in moving), level, WHOLE, depth)


def _monomial(low: Lowering, monomial: Monomial, size: int, axes: Sequence[Index]) -> Value:
    if not monomial:
        return Value(str(size), kind=NUMBER)
    pieces = [_atom(low, atom, axes) for atom in monomial]
    if size != 1:
        pieces.insert(0, Value(str(size), kind=NUMBER))
    if len(pieces) == 1:
        return pieces[0]
    texts = [bracketed(piece.text, piece.level, PRODUCT + (place > 0)) for place, piece in enumerate(pieces)]
    return Value(" * ".join(texts), (), PRODUCT, WHOLE, max(piece.depth for piece in pieces))


def _atom(low: Lowering, atom: Atom, axes: Sequence[Index]) -> Value:
    if isinstance(atom, Index) and atom not in low.scalars:
        return low.aligned(low.arange(atom), axes)
    if not low.moving(integer(atom)):
        return whole(low, integer(atom))
    match atom:
        case IntegerEntry(array=array, indices=indices):
            read = replace(low.settled(low.operand(Entry(array, indices))), kind=WHOLE)
            return low.aligned(read, axes)
        case Floor(numerator=upper, denominator=lower):
            one, two = whole(low, upper, axes), whole(low, lower, axes)
            text = f"{bracketed(one.text, one.level, PRODUCT)} // {bracketed(two.text, two.level, PRODUCT + 1)}"
            return Value(text, one.axes, PRODUCT, WHOLE, max(one.depth, two.depth))
        case Extreme(operator=operator, arguments=arguments):
            return _extreme(low, operator, [whole(low, each, axes) for each in arguments])
    raise AssertionError(atom)


def _extreme(low: Lowering, operator: str, values: list[Value]) -> Value:
    """Arrays before numbers, since torch clamps an array by a number."""
    result, *others = sorted(values, key=lambda value: value.kind == NUMBER)
    for other in others:
        depth = max(result.depth, other.depth)
        if low.dialect.tensors and other.kind == NUMBER:
            bound = "min" if operator == "max" else "max"
            text = f"{bracketed(result.text, result.level, ATOM)}.clamp({bound}={other.text})"
        else:
            text = low.dialect.extreme(operator, result.text, other.text)
        result = Value(text, result.axes, ATOM, WHOLE, depth)
    return result


# --- tests ------------------------------------------------------------------------------------------------------------


def axes_of(low: Lowering, tests: Sequence[c.Test]) -> tuple[Index, ...]:
    """The axes along which the tests change."""
    found = {index for test in tests for index in c.indices_of(test) if index not in low.scalars}
    return tuple(sorted(found, key=low.rank))


def truth(
    low: Lowering, tests: Sequence[c.Test], known: Sequence[c.Test] = (), axes: Sequence[Index] | None = None
) -> Value:
    """Where all tests hold, aligned to the axes; without axes a truth value of Python itself."""
    along = axes_of(low, tests) if axes is None else tuple(axes)
    held = [value for test in tests for value in _held(low, test, known, along)]
    found = tuple(index for index in along if any(index in value.axes for value in held))
    if len(held) == 1:
        return replace(held[0], axes=found)
    moving = any(value.axes for value in held)
    texts = [bracketed(value.text, value.level, SUM) if moving else value.text for value in held]
    return Value((" & " if moving else " and ").join(texts), found, COMPARED, TRUTH,
                 max(value.depth for value in held))  # fmt: skip


def _held(low: Lowering, test: c.Test, known: Sequence[c.Test], axes: Sequence[Index]) -> list[Value]:
    match test:
        case Comparison(sides=sides, operators=operators):
            values = [low.aligned(low.short(low.solid(low.value(side, known))), axes) for side in sides]
            return [_compared(values[k], _PYTHON[operator], values[k + 1]) for k, operator in enumerate(operators)]
        case Divides(divisor=divisor, value=value):
            one, two = whole(low, value, axes), whole(low, divisor, axes)
            text = f"{bracketed(one.text, one.level, PRODUCT)} % {bracketed(two.text, two.level, PRODUCT + 1)}"
            return [_compared(Value(text, one.axes, PRODUCT, WHOLE, max(one.depth, two.depth)), "==", Value("0"))]
    left, operator, right = _sides(test)
    return [_compared(whole(low, left, axes), operator, whole(low, right, axes))]


def _sides(test: c.AtLeast | c.Equal | c.Unequal) -> tuple[Integer, str, Integer]:
    """The test as left, operator, right: indices of one sign to the left, the rest, sizes and numbers to the right."""
    moving = {monomial: factor for monomial, factor in test.value.terms.items() if Integer({monomial: 1}).indices}
    rises = any(factor > 0 for factor in moving.values()) or not moving
    left = Integer({m: f for m, f in moving.items() if (f > 0) == rises}) if moving else test.value
    right = left - test.value
    if not rises:
        left, right = -left, -right
    match test:
        case c.Equal():
            return left, "==", right
        case c.Unequal():
            return left, "!=", right
    if rises:  # m >= i + 1 reads m > i
        return (left, ">", right - 1) if right.constant > 0 and right.value is None else (left, ">=", right)
    # t <= T - 2 reads t < T - 1
    return (left, "<", right + 1) if right.constant < 0 or right.value is not None else (left, "<=", right)


def _compared(one: Value, operator: str, two: Value) -> Value:
    text = f"{bracketed(one.text, one.level, SUM)} {operator} {bracketed(two.text, two.level, SUM)}"
    axes = (*one.axes, *(index for index in two.axes if index not in one.axes))
    return Value(text, axes, COMPARED, TRUTH, max(one.depth, two.depth))


def equal(low: Lowering, pairs: Sequence[tuple[Value, Integer]]) -> Value:
    """Where each value is the whole number beside it."""
    found = {index for value, at in pairs for index in (*value.axes, *low.moving(at))}
    axes = tuple(sorted(found, key=low.rank))
    held = [_compared(low.aligned(value, axes), "==", whole(low, at, axes)) for value, at in pairs]
    if len(held) == 1:
        return replace(held[0], axes=axes)
    text = " & ".join(bracketed(value.text, value.level, SUM) for value in held)
    return Value(text, axes, COMPARED, TRUTH, max(value.depth for value in held))


def reads(test: c.Test) -> bool:
    """Whether a test looks at arrays of real numbers."""
    return isinstance(test, Comparison) and any(terms.reads(side) for side in test.sides)
