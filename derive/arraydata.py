"""Arrays that a user gives by name: read from JSON, held against the shapes of a program, and written back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from derive.errors import ReadingError, UsageError
from derive.integers import Index, Integer, Size
from derive.program import Program
from derive.terms import Entry

#: Numbers that a file of values may hold.
LARGEST = 10_000_000
#: Axes that an array may have.
DEEPEST = 16


def read_arrays(text: str, file: str | None = None) -> dict[str, Any]:
    """A JSON object of nested lists of numbers by name. Raises ReadingError that names the array and its place."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_single)
    except json.JSONDecodeError as reason:
        raise ReadingError(f"no JSON: {reason.msg}", "", reason.lineno, reason.colno, file=file) from None
    except RecursionError:
        raise ReadingError("lists are nested too deeply", file=file) from None
    except ValueError as reason:
        raise ReadingError(str(reason), file=file) from None
    if not isinstance(data, dict):
        raise ReadingError('values are an object of arrays by name, as in {"K": [[1, 2], [3, 4]]}', file=file)
    return {str(name): _array(str(name), value) for name, value in data.items()}


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number that can be differentiated at")


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two values for one name, JSON readers keep either."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name} is given twice; delete one")
        found[name] = value
    return found


def _array(name: str, value: Any) -> np.ndarray[Any, Any]:
    """A rectangular array of finite numbers; whole numbers stay whole."""
    depth = _check_nested(name, value, "")
    if depth > DEEPEST:
        raise UsageError(f"{name} is nested {depth} deep; arrays have at most {DEEPEST} axes")
    array = np.array(value)
    if array.size > LARGEST:
        raise UsageError(f"{name} holds {array.size} numbers; at most {LARGEST} are read")
    return array


def _check_nested(name: str, value: Any, place: str) -> int:
    """The depth of nesting; every leaf is a number, and lists on one level are equally long."""
    if isinstance(value, bool) or not isinstance(value, (int, float, list)):
        raise UsageError(f"{name}{place} is {json.dumps(value)[:40]}, which is no number")
    if not isinstance(value, list):
        if isinstance(value, int) and abs(value) > 2**63 - 1:
            raise UsageError(f"{name}{place} is larger than a double holds exactly")
        return 0
    depths = [_check_nested(name, part, f"{place}[{k}]") for k, part in enumerate(value)]
    lengths = [len(part) if isinstance(part, list) else None for part in value]
    odd = next((k for k in range(len(value)) if (depths[k], lengths[k]) != (depths[0], lengths[0])), None)
    if odd is not None:
        one, two = (f"{name}{place}[{k}] is {_extent(value[k])}" for k in (0, odd))
        raise UsageError(f"{name} is not rectangular: {one}, and {two}")
    return 1 + (depths[0] if depths else 0)


def _extent(value: Any) -> str:
    if not isinstance(value, list):
        return "a number"
    return "a list of 1 entry" if len(value) == 1 else f"a list of {len(value)} entries"


def as_arrays(given: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Values by name, from nested lists, numbers, arrays or tensors. Raises UsageError for what holds no numbers."""
    found = {}
    for name, value in given.items():
        if isinstance(value, (list, tuple, int, float)):
            array = _array(name, _lists(value))
        else:
            array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
            if array.dtype.kind not in "iufb":
                raise UsageError(f"{name} holds no numbers: its entries are {array.dtype}")
        if not array.size:
            raise UsageError(f"{name} is empty: its shape is {_shape(array)}, and an axis has at least 1 entry")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UsageError(f"{name} holds a value that is not finite, {float(array[~np.isfinite(array)][0])}")
        found[name] = array
    return found


def _lists(value: Any) -> Any:
    """Tuples as lists, NumPy's numbers as Python's."""
    if isinstance(value, (list, tuple)):
        return [_lists(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _shape(array: Any) -> str:
    return " x ".join(map(str, np.shape(array))) or "a number"


def checked_arrays(
    given: Mapping[str, np.ndarray[Any, Any]], program: Program, upstream: Mapping[str, Entry]
) -> dict[str, np.ndarray[Any, Any]]:
    """The values of all inputs and the given upstream gradients, of the right rank and kind.

    Raises UsageError for a name that the equations do not have, one without values, and a rank that does not fit.
    """
    heads = {**{name: program.heads[name] for name in program.input_names}, **upstream}
    for name in given:
        if name in program.by_name:
            raise UsageError(f"values are given for {name}, which an equation works out; leave them out")
        if name not in heads:
            from derive.words import nearest

            close = nearest(name, heads)
            hint = f"did you mean {close}?" if close else f"they read {', '.join(heads)}"
            raise UsageError(f"values are given for {name}, which the equations do not read; {hint}")
    found: dict[str, np.ndarray[Any, Any]] = {}
    for name, head in heads.items():
        if name not in given:
            if name in upstream:
                continue
            raise UsageError(f"{name} has no value; values were given for {', '.join(given) or 'nothing'}")
        array = given[name]
        if array.ndim != len(head.indices):
            shape = _shape(array) if array.ndim else "one number"
            raise UsageError(f"{name} has {_axes(len(head.indices))} in the equations, and its value is {shape}")
        if name in program.integers:
            wrong = array[np.mod(array, 1) != 0]
            if wrong.size:
                raise UsageError(f"{name} holds whole numbers, and one of its values is {float(wrong[0])}")
            array = array.astype(np.int64)
        else:
            array = array.astype(np.float64)
        found[name] = array
    return found


def _axes(count: int) -> str:
    return {0: "no axes", 1: "1 axis"}.get(count, f"{count} axes")


def sizes_of(arrays: Mapping[str, Any], heads: Mapping[str, Entry]) -> dict[str, int]:
    """The sizes that the shapes of the arrays settle. Raises UsageError where two disagree, or an extent is another."""
    found: dict[str, tuple[int, str]] = {}
    rest: list[tuple[str, int, Integer, int]] = []
    for name, array in arrays.items():
        for axis, (part, extent) in enumerate(zip(heads[name].indices, np.shape(array), strict=True)):
            index = part.index
            assert isinstance(index, Index)
            size = index.extent.alone
            if not isinstance(size, Size):
                rest.append((name, axis, index.extent, extent))
                continue
            where = f"axis {axis + 1} of {name}"
            known = found.setdefault(size.name, (extent, where))
            if known[0] != extent:
                raise UsageError(f"{size.name} is {known[0]} on {known[1]} and {extent} on {where}")
    sizes = {name: extent for name, (extent, _) in found.items()}
    for name, axis, expected, extent in rest:
        number = _evaluated(expected, sizes)
        if number is not None and number != extent:
            entries = "1 entry" if extent == 1 else f"{extent} entries"
            raise UsageError(f"{name} has {entries} on axis {axis + 1}, and the equations need {number}")
    return sizes


def _evaluated(expression: Integer, sizes: Mapping[str, int]) -> int | None:
    from derive.integers import Floor

    total = 0
    for monomial, factor in expression.terms.items():
        for atom in monomial:
            if isinstance(atom, Size) and atom.name in sizes:
                factor *= sizes[atom.name]
            elif isinstance(atom, Floor):
                upper, lower = _evaluated(atom.numerator, sizes), _evaluated(atom.denominator, sizes)
                if upper is None or not lower:
                    return None
                factor *= upper // lower
            else:
                return None
        total += factor
    return total


def as_lists(array: Any) -> Any:
    """Nested lists for JSON; rank 0 is a number, and what is not finite a word."""
    numbers = np.asarray(array)
    lists = numbers.tolist()
    return lists if numbers.dtype.kind != "f" or np.isfinite(numbers).all() else _words(lists)


def _words(value: Any) -> Any:
    if isinstance(value, list):
        return [_words(part) for part in value]
    return value if math.isfinite(value) else str(value)
