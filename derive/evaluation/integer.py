"""Integer expressions as closures over a grid: a number, or an array of the grid's rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from derive.errors import ProgramError
from derive.evaluation.duals import Array
from derive.evaluation.grids import Grid
from derive.evaluation.storage import Storage
from derive.integers import Atom, Extreme, Floor, Index, Integer, IntegerEntry, Size

Closure = Callable[[Grid], Any]


def closure(expression: Integer) -> Closure:
    """The values of an integer expression over a grid."""
    number = expression.value
    if number is not None:
        return lambda grid: number
    alone = expression.alone
    if alone is not None:
        return _atom(alone)
    constant = expression.constant
    parts = [(factor, [_atom(atom) for atom in atoms]) for atoms, factor in expression.terms.items() if atoms]

    def value(grid: Grid) -> Any:
        total: Any = constant
        for factor, atoms in parts:
            product: Any = factor
            for atom in atoms:
                product = product * atom(grid)
            total = total + product
        return total

    return value


def _atom(atom: Atom) -> Closure:
    match atom:
        case Index():
            return lambda grid: grid.places[atom][1]
        case Size(name=name):
            return lambda grid: grid.environment.size(name)
        case IntegerEntry(array=name):
            subscripts = [closure(part) for part in atom.indices]
            return lambda grid: entry(grid.environment.read(name), [each(grid) for each in subscripts], atom, grid)
        case Floor():
            upper, lower = closure(atom.numerator), closure(atom.denominator)
            return lambda grid: upper(grid) // lower(grid)
        case Extreme():
            arguments = [closure(part) for part in atom.arguments]
            better = np.maximum if atom.operator == "max" else np.minimum

            def extreme(grid: Grid) -> Any:
                first, *rest = (argument(grid) for argument in arguments)
                for each in rest:
                    first = better(first, each)
                return first

            return extreme


def entry(stored: Storage, subscripts: list[Any], read: Any, grid: Grid) -> Any:
    """The entries of an array at subscripts.

    read : the term that reads, for the message.  Raises ProgramError where a subscript is outside.
    """
    flat: Any = 0
    shape = stored.array.shape
    for axis, subscript in enumerate(subscripts):
        if isinstance(subscript, np.ndarray):
            if subscript.size and (subscript.min() < stored.lower[axis] or subscript.max() >= shape[axis]):
                raise outside(stored, axis, subscript, read, grid)
        elif not stored.lower[axis] <= subscript < shape[axis]:
            raise outside(stored, axis, np.asarray(subscript), read, grid)
        flat = flat + subscript * stored.strides[axis]
    if stored.inside is not None:
        held = stored.inside[flat]
        if not np.all(held):
            raise missing(stored, np.asarray(held), subscripts, read, grid)
    return stored.flat[flat]


class OutsideRead(ProgramError):
    """An entry is read that does not exist."""


def outside(stored: Storage, axis: int, subscript: Array, read: Any, grid: Grid) -> OutsideRead:
    """`V[2*i + k, j] is read outside V: 2*i + k = 8 at i = 3, k = 2, and V has 0..7 on axis 1`."""
    lower, stop = stored.lower[axis], stored.array.shape[axis]
    wrong = (subscript < lower) | (subscript >= stop)
    place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    part = said(read.indices[axis])
    at = _at(place, read.indices[axis], grid)
    value = subscript[place]
    same = "" if part == str(value) else f"{part} = "
    has = f"{lower}..{stop - 1}" if stop > lower else "no entries"
    return OutsideRead(f"{said(read)} is read outside {stored.name}: {same}{value}{at}, and {stored.name} has {has} "
                       f"on axis {axis + 1}", stored.name)  # fmt: skip


def missing(stored: Storage, held: Array, subscripts: list[Any], read: Any, grid: Grid) -> OutsideRead:
    """The read of an entry that a ragged array does not have, or that no equation has given a value yet."""
    place = np.unravel_index(int(np.argmin(held)), held.shape)
    numbers = [int(np.broadcast_to(each, held.shape)[place]) for each in subscripts]
    entry_text = f"{stored.name}[{', '.join(map(str, numbers))}]"
    alone = all(part.index is not None for part in read.indices)
    indices = dict.fromkeys(index for part in read.indices for index in part.indices)
    at = "" if alone else values_at(place, indices, grid)
    return OutsideRead(f"{said(read)} is read outside {stored.name}: there is no {entry_text}{at}", stored.name)


def _at(place: tuple[Any, ...], expression: Integer, grid: Grid) -> str:
    """` at i = 3, k = 2`, for the indices of an expression; nothing where it has none, or is one itself."""
    return values_at(place, expression.indices, grid) if expression.index is None else ""


def said(value: Any) -> str:
    """A term or an integer expression in the plain notation."""
    from derive.plain import formula  # for messages only
    from derive.writing import tree_of_term

    return formula(tree_of_term(value))


def values_at(place: tuple[Any, ...], indices: Any, grid: Grid) -> str:
    found = {}
    for index in indices:
        axis, values = grid.places[index]
        where = int(place[axis]) if len(place) > axis and values.size > 1 else 0
        found[index.name] = int(values.reshape(-1)[where])
    return " at " + ", ".join(f"{name} = {value}" for name, value in found.items()) if found else ""
