"""Terms as nodes: each made once from a term, then called with a grid for its value there.

Literal semantics: conditions and Kronecker deltas of a product come first, and what they exclude is not visited. The
conditions of a sum's body are those of the sum. An axis that a value does not depend on has length 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from derive import terms
from derive.evaluation.duals import Dual, applied, tangent_of
from derive.evaluation.grids import Grid
from derive.evaluation.groups import collapsed, restricted
from derive.evaluation.integer import Closure, entry
from derive.evaluation.opaque import sample
from derive.evaluation.undefined import undefined
from derive.integers import Index
from derive.terms import Term

#: Whether something holds, over a grid.
Condition = Callable[[Grid], Any]


class Node:
    """A term, ready to be called."""

    __slots__ = ()

    def __call__(self, grid: Grid) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Seed:
    """By which entry is differentiated, at which level of nesting; `free` are the indices of its subscripts."""

    level: int
    array: str
    indices: tuple[Closure, ...]
    free: frozenset[Index]


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Node):
    """value : as a double.  exact : the rational, or the name of a constant, for arithmetics that are not doubles."""

    value: np.float64
    exact: Fraction | str

    def __call__(self, grid: Grid) -> Any:
        numbers = grid.environment.exact
        if numbers is None:
            return self.value
        return numbers.constant(self.exact) if isinstance(self.exact, str) else numbers.number(self.exact)


@dataclass(frozen=True, slots=True, eq=False)
class WholeNumber(Node):
    value: Closure

    def __call__(self, grid: Grid) -> Any:
        return np.asarray(self.value(grid), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Read(Node):
    term: terms.Entry
    indices: tuple[Closure, ...]
    seeds: tuple[Seed, ...] = ()

    def __call__(self, grid: Grid) -> Any:
        environment = grid.environment
        subscripts = [each(grid) for each in self.indices]
        value = entry(environment.read(self.term.array), subscripts, self.term, grid)
        if environment.exact is not None:
            return environment.exact.array(value)
        if value.dtype != np.float64:
            value = value.astype(np.float64)
        if environment.scaled is not None:
            known = environment.scales.get(self.term.array)
            value = environment.scaled(
                value, np.abs(value) if known is None else entry(known, subscripts, self.term, grid)
            )
        for seed in self.seeds:
            here: Any = np.True_
            for one, two in zip(subscripts, seed.indices, strict=True):
                here = here & (one == two(grid))
            value = Dual(seed.level, value, np.asarray(here, dtype=np.float64))
        return value


@dataclass(frozen=True, slots=True, eq=False)
class Sum(Node):
    parts: tuple[Node, ...]

    def __call__(self, grid: Grid) -> Any:
        total = self.parts[0](grid)
        for part in self.parts[1:]:
            total = total + part(grid)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Product(Node):
    """conditions : those of indices alone.  reading : those that read arrays, each asked where all before it hold."""

    conditions: tuple[Condition, ...]
    reading: tuple[Condition, ...]
    factors: tuple[Node, ...]

    def __call__(self, grid: Grid) -> Any:
        return self.guarded(grid, self.stages)

    @property
    def stages(self) -> list[tuple[Condition, ...]]:
        """What is looked at together, then what is looked at where that holds."""
        return [*((self.conditions,) if self.conditions else ()), *((each,) for each in self.reading)]

    def guarded(self, grid: Grid, stages: Sequence[Sequence[Condition]]) -> Any:
        for place, stage in enumerate(stages):
            found = restricted(grid, [condition(grid) for condition in stage])
            if found is None:
                return np.float64(0.0)
            inner, groups = found
            if groups:
                return collapsed(self.guarded(inner, stages[place + 1 :]), groups, (), grid)
        return self.product(grid)

    def product(self, grid: Grid) -> Any:
        if not self.factors:
            return np.float64(1.0)
        total = self.factors[0](grid)
        for factor in self.factors[1:]:
            total = total * factor(grid)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """A function of the table, or a power.

    exact : for a power with a literal exponent: that number, which has no derivative and no rounding error.
    exponent : the same as a rational, for arithmetics that are not doubles.
    """

    term: Term
    name: str
    arguments: tuple[Node, ...]
    exact: float | None = None
    exponent: Fraction | None = None

    def operands(self, grid: Grid) -> list[Any]:
        operands = [argument(grid) for argument in self.arguments]
        return operands if self.exact is None else [operands[0], self.exact]

    def __call__(self, grid: Grid) -> Any:
        operands = self.operands(grid)
        if (numbers := grid.environment.exact) is not None:
            return numbers.applied(self.name, *(operands if self.exponent is None else [operands[0], self.exponent]))
        try:
            return applied(self.name, *operands)
        except FloatingPointError as reason:
            raise undefined(self.term, self.name, terms.children(self.term), operands, grid, reason) from reason


@dataclass(frozen=True, slots=True, eq=False)
class Unknown(Node):
    """A function that is only named: a sample of it."""

    term: terms.Opaque
    parameters: tuple[Closure, ...]
    arguments: tuple[Node, ...]

    def __call__(self, grid: Grid) -> Any:
        parameters = [each(grid) for each in self.parameters]
        return sample(self.term.name, parameters, self.term.orders, *(each(grid) for each in self.arguments))


@dataclass(frozen=True, slots=True, eq=False)
class Derivative(Node):
    of: Node
    level: int

    def __call__(self, grid: Grid) -> Any:
        return tangent_of(self.of(grid), self.level)
