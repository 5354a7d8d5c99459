"""Values of arrays as tables: matrices and vectors in full while they are small, else their size in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from derive import tree as t
from derive.answers import Answer
from derive.document import Block, Cell, Prose, Row, Table
from derive.integers import integer
from derive.solutions.tables import number_tree
from derive.terms import Entry
from derive.tree import Tree
from derive.writing import tree_of_term

#: The largest matrix that is shown in full, and how many of them of one array.
ROWS, COLUMNS, SLICES = 12, 10, 4


def value_tables(answer: Answer) -> list[Block]:
    """The values of the equations, then of the gradients."""
    blocks: list[Block] = []
    for name, array in answer.forward.items():
        blocks += _blocks(name, answer, array)
    for name in answer.wrt:
        blocks += _blocks(answer.derivation.names[name], answer, answer[name].value)
    for second in answer.seconds:
        blocks += _of_array(
            tree_of_term(second.equation.left, answer.notation), np.asarray(answer.second_value(second))
        )
    return blocks


def _blocks(name: str, answer: Answer, values: Any) -> Iterator[Block]:
    """An array, or the matrices that its last two axes are."""
    array = np.asarray(values)
    places = list(np.ndindex(*array.shape[:-2])) if array.ndim > 2 else [()]
    if len(places) > SLICES or len(places) == 1:
        yield from _of_array(tree_of_term(Entry(name), answer.notation), array)
        return
    for place in places:
        shown = tree_of_term(Entry(name, tuple(map(integer, place))), answer.notation)
        yield from _of_array(shown, array[place])


def _of_array(shown: Tree, array: Any) -> Iterator[Block]:
    if array.ndim == 0:
        yield Prose((t.Relation((shown, number(float(array)))),))
        return
    matrix = (
        array.reshape(array.shape[-2:] if array.ndim > 1 else (1, -1))
        if array.size == np.prod(array.shape[-2:])
        else None
    )
    if matrix is None or matrix.shape[0] > ROWS or matrix.shape[1] > COLUMNS:
        shape = " × ".join(map(str, array.shape))
        largest = number(float(np.abs(array).max()))
        yield Prose((shown, f" has {shape} entries, the largest in size ", largest, "; --json holds them all."))
        return
    yield Prose((shown, " ="))
    yield Table("", "r" * matrix.shape[1], tuple(Row(tuple(Cell(number(float(x))) for x in row)) for row in matrix))


def number(value: float) -> Tree:
    """A number to six digits."""
    return number_tree(f"{value:.6g}".replace("e+", "e"))
