"""A term over the grid of its free indices, or at single points."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

from derive import terms
from derive.evaluation.compiling import made, nesting
from derive.evaluation.domains import Binding
from derive.evaluation.duals import Array, Number, mapped
from derive.evaluation.grids import Grid
from derive.evaluation.groups import collapsed, restricted
from derive.evaluation.nodes import Node
from derive.evaluation.storage import Environment, Storage
from derive.evaluation.undefined import not_double
from derive.integers import Index
from derive.program import Equation, Program
from derive.terms import Entry, Partial, Term


@contextmanager
def strictly(term: Term) -> Iterator[None]:
    """Whatever is no number is an error, in one line that says where."""
    with np.errstate(divide="raise", invalid="raise", over="ignore", under="ignore"):
        try:
            yield
        except FloatingPointError as reason:
            raise not_double(term, reason) from reason


class Compiled:
    """A term made into nodes once, with an axis for each of its free indices."""

    __slots__ = ("binding", "indices", "node", "rank", "term")

    def __init__(self, term: Term, indices: Sequence[Index]) -> None:
        self.term = term
        self.indices = tuple(indices)
        self.binding = Binding(self.indices, 0)
        self.rank = len(self.indices) + nesting(term)
        self.node: Node = made(term, frozenset(self.indices), len(self.indices))

    def on_grid(self, environment: Environment, only: dict[Index, Array] | None = None) -> tuple[Number, Grid]:
        """The number over the grid, all free indices on their own axes, and the grid."""
        with strictly(self.term):
            wide, masks = self.binding(Grid.empty(environment, self.rank), only)
            if 0 in wide.extents:
                return np.zeros(wide.extents), wide
            found = restricted(wide, masks)
            if found is None:
                return np.zeros((1,) * self.rank), wide
            inner, groups = found
            return collapsed(self.node(inner), groups, (), wide), wide

    def over(self, environment: Environment, only: dict[Index, Array] | None = None) -> tuple[Any, tuple[int, ...]]:
        """The number over its box of index values, one axis an index, and where the box begins."""
        number, grid = self.on_grid(environment, only)
        extents = tuple(grid.extents[: len(self.indices)])
        starts = tuple(
            int(grid.places[index][1].reshape(-1)[0]) if grid.places[index][1].size else 0 for index in self.indices
        )

        def box(array: Array) -> Array:
            full = array.reshape(array.shape[: len(extents)]) if array.ndim else array
            return np.broadcast_to(full, extents)

        return mapped(number, box), starts

    def at(self, points: Mapping[Index, Array], environment: Environment) -> Any:
        """The number at single points, each index with its value there."""
        count = len(next(iter(points.values()))) if points else 1
        with strictly(self.term):
            grid = Grid.empty(environment, max(self.rank, 1)).with_points(points)
            number = self.node(grid)
        return mapped(number, lambda array: np.broadcast_to(array.reshape(-1), (count,)))


@lru_cache(maxsize=4096)
def compiled(term: Term, indices: tuple[Index, ...]) -> Compiled:
    return Compiled(term, indices)


def value_of(term: Term, indices: Sequence[Index], environment: Environment) -> Any:
    """The values of a term, at [i, j, ...] for its free indices in this order; 0 outside their domains.

    A derivative of a defined array is that of its equation (see the package). Where the environment is scaled, a
    Scaled number. Raises ProgramError for a read outside an array, DomainError where the term has no value.
    """
    number, starts = compiled(unfolded(term, environment.equations), tuple(indices)).over(environment)
    if not any(starts):
        return mapped(number, np.array)  # a copy of rank 0 too, which ascontiguousarray would make rank 1
    return mapped(number, lambda array: np.pad(array, [(start, 0) for start in starts]))


def at_points(term: Term, points: Mapping[Index, Array], environment: Environment) -> Any:
    """The values of a term at single points: for each free index an array of its values there."""
    return compiled(unfolded(term, environment.equations), tuple(points)).at(points, environment)


def environment_of(
    program: Program, arrays: Mapping[str, Any], sizes: Mapping[str, int], extra: Mapping[str, Entry] | None = None
) -> Environment:
    """Sizes and arrays under the heads of a program, those of whole numbers first: domains may depend on them.

    arrays : inputs, and lines that have values already; whole numbers without a head, such as the n[l] of extents,
    have the shape in which they come.  extra : heads of further arrays, such as adjoints.
    """
    environment = Environment(sizes, equations=program.by_name)
    heads = {**program.heads, **(extra or {})}
    whole = [name for name in arrays if name in program.integers]
    for name in whole:
        if name not in heads:
            environment.stored[name] = Storage(name, np.asarray(arrays[name], dtype=np.int64))
    for name in (*whole, *(name for name in arrays if name not in program.integers)):
        if name in heads:
            environment.put(heads[name], arrays[name], integer=name in program.integers)
    return environment


@lru_cache(maxsize=4096)
def has_partial(term: Term) -> bool:
    return any(isinstance(node, Partial) for node in terms.walk(term))


def unfolded(term: Term, equations: Mapping[str, Equation], own: Collection[Term] = ()) -> Term:
    """Derivatives of a defined array, as those of the right-hand side of its equation.

    own : the derivatives of an array by itself, ∂s[t]/∂s[m], that are meant so; others are those of an entry.
    """
    if not has_partial(term):
        return term

    def change(node: Term) -> Term:
        if not isinstance(node, Partial) or not isinstance(node.of, Entry) or node.of.array not in equations:
            return node
        if node.of.array == node.by.array and node not in own:
            return node
        line = equations[node.of.array]
        body = terms.substitute(terms.freshened(line.term), dict(zip(line.indices, node.of.indices, strict=True)))
        return Partial(body, node.by)

    return terms.transformed(term, change)
