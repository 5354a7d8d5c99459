"""Terms as nodes: each made once from a term, then called with a grid for its value there.

Literal semantics: conditions and Kronecker deltas of a product come first, and what they exclude is not visited. The
conditions of a sum's body are those of the sum. An axis that a value does not depend on has length 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive import terms
from derive.errors import DomainError, UsageError
from derive.evaluation.domains import Binding
from derive.evaluation.duals import COMPARISONS, Array, Number, Scaled, applied, mapped, multiplied, plain, tangent_of
from derive.evaluation.grids import Grid, Group, blocks, collapsed, padded, restricted
from derive.evaluation.integer import Closure, closure, entry, values_at
from derive.evaluation.opaque import sample
from derive.functions import OPERATIONS
from derive.integers import Index, IntegerEntry
from derive.terms import Term

#: Products of axes beyond this are summed block by block: 8 MB an array.
BLOCK = 10**6


class Node:
    """A term, ready to be called."""

    term: Term

    def __call__(self, grid: Grid) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Seed:
    """By which entry is differentiated, at which level of nesting."""

    level: int
    array: str
    indices: tuple[Closure, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Node):
    term: Term
    value: np.float64

    def __call__(self, grid: Grid) -> Any:
        return self.value


@dataclass(frozen=True, slots=True, eq=False)
class WholeNode(Node):
    term: Term
    value: Closure

    def __call__(self, grid: Grid) -> Any:
        return np.asarray(self.value(grid), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class EntryNode(Node):
    term: terms.Entry
    indices: tuple[Closure, ...]
    seeds: tuple[Seed, ...]

    def __call__(self, grid: Grid) -> Any:
        environment = grid.environment
        subscripts = [each(grid) for each in self.indices]
        value: Any = entry(environment.read(self.term.array), subscripts, self.term, grid)
        if value.dtype != np.float64:
            value = value.astype(np.float64)
        if environment.scaled:
            value = Scaled(value, np.abs(value))
        for seed in self.seeds:
            here: Any = np.True_
            for one, two in zip(subscripts, seed.indices, strict=True):
                here = here & (one == two(grid))
            from derive.evaluation.duals import Dual

            value = Dual(seed.level, value, np.asarray(here, dtype=np.float64))
        return value


@dataclass(frozen=True, slots=True, eq=False)
class Sum(Node):
    term: terms.Add
    parts: tuple[Node, ...]

    def __call__(self, grid: Grid) -> Any:
        with located(self, grid):
            total = self.parts[0](grid)
            for part in self.parts[1:]:
                total = total + part(grid)
            return total


@dataclass(frozen=True, slots=True, eq=False)
class Product(Node):
    """conditions : those of indices alone.  reading : those that read arrays, looked at where the others hold."""

    term: Term
    conditions: tuple[Callable[[Grid], Any], ...]
    reading: tuple[Callable[[Grid], Any], ...]
    factors: tuple[Node, ...]

    def __call__(self, grid: Grid) -> Any:
        return self.guarded(grid, (self.conditions, self.reading))

    def guarded(self, grid: Grid, stages: Sequence[Sequence[Callable[[Grid], Any]]]) -> Any:
        for place, stage in enumerate(stages):
            if stage:
                found = restricted(grid, [condition(grid) for condition in stage])
                if found is None:
                    return 0.0
                inner, groups = found
                if not groups:
                    continue
                return collapsed(self.guarded(inner, stages[place + 1 :]), groups, (), grid)
        return self.product(grid)

    def product(self, grid: Grid) -> Any:
        if not self.factors:
            return np.float64(1.0)
        total = self.factors[0](grid)
        with located(self, grid):
            for factor in self.factors[1:]:
                total = total * factor(grid)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """A function of the table, or a power."""

    term: terms.Apply | terms.Power
    name: str
    arguments: tuple[Node, ...]

    def __call__(self, grid: Grid) -> Any:
        operands = [argument(grid) for argument in self.arguments]
        if self.name == "pow" and isinstance(self.arguments[1], Literal):
            operands[1] = float(operands[1])  # an exact number: no derivative, no rounding
        try:
            return applied(self.name, *operands)
        except FloatingPointError as reason:
            raise undefined(self, operands, grid, reason) from reason


@dataclass(frozen=True, slots=True, eq=False)
class OpaqueNode(Node):
    term: terms.Opaque
    parameters: tuple[Closure, ...]
    arguments: tuple[Node, ...]

    def __call__(self, grid: Grid) -> Any:
        parameters = [each(grid) for each in self.parameters]
        return sample(self.term.name, parameters, self.term.orders, *(each(grid) for each in self.arguments))


@dataclass(frozen=True, slots=True, eq=False)
class Reduction(Node):
    """conditions : of the body of a sum."""

    term: terms.Reduce
    binding: Binding
    conditions: tuple[Callable[[Grid], Any], ...]
    body: Node
    free: tuple[Index, ...]

    def restricted(self, grid: Grid) -> tuple[Grid, Grid, list[Group]] | None:
        """The grid with the bound indices, the part of it that counts, and its groups; None where that is nothing."""
        wide, masks = self.binding(grid)
        if any(wide.extents[axis] == 0 for axis in self.binding.axes):
            return None
        masks += [condition(wide) for condition in self.conditions]
        found = restricted(wide, masks, self.binding.axes, together=self.term.operator != "sum")
        return None if found is None else (wide, *found)

    def __call__(self, grid: Grid) -> Any:
        operator = self.term.operator
        found = self.restricted(grid)
        if found is None:
            if operator in ("max", "min"):
                raise empty(self, grid, ())
            return np.float64(operator == "prod")
        wide, inner, groups = found
        if operator == "sum":
            return self.sum(wide, inner, groups)
        if not groups:  # bound indices of one value each
            return self.body(inner)
        group = next((each for each in groups if each.bound), groups[0])
        value = self.product(group, inner) if operator == "prod" else self.extreme(group, inner, grid)
        return value

    # --- sums ---------------------------------------------------------------------------------------------------------

    def sum(self, wide: Grid, inner: Grid, groups: list[Group]) -> Any:
        taken = {axis for group in groups for axis in group.coordinates}
        dense = [axis for axis in self.binding.axes if axis not in taken]
        used = {inner.places[index][0] for index in self.free if index in inner.places}
        work = math.prod(inner.extents[axis] for axis in used)
        if work <= BLOCK:
            return collapsed(self.body(inner), groups, dense, wide)
        homes = {group.home: group for group in groups if group.bound}
        axis = max([*dense, *homes], key=lambda each: inner.extents[each])
        length = inner.extents[axis]
        total: Any = None
        for start, stop in blocks(length, max(1, length * BLOCK // work)):
            part = inner.sliced(axis, start, stop)
            cut = [each.part(start, stop) if each.home == axis else each for each in groups]
            around = part if axis in dense else wide
            value = collapsed(self.body(part), cut, dense, _with(wide, axis, around))
            total = value if total is None else total + value
        return total

    # --- products, largest and smallest -------------------------------------------------------------------------------

    def product(self, group: Group, inner: Grid) -> Any:
        value = self.body(inner)
        starts, lengths = group.segments()
        rank = len(inner.extents)

        def rows(fill: float) -> Callable[[Array], Array]:
            return lambda array: padded(group.along_home(_ranked(array, rank)), group.home, starts, lengths, fill)

        folded = mapped(value, rows(1.0), rows(0.0))
        length = int(lengths.max())
        while length > 1:
            half = length // 2
            pairs = multiplied(_cut(folded, 0, half), _cut(folded, half, 2 * half))
            folded = _joined(pairs, _cut(folded, 2 * half, length)) if length % 2 else pairs
            length = half + length % 2
        back = _backwards(group, starts)
        return mapped(folded, back(1.0), back(0.0))

    def extreme(self, group: Group, inner: Grid, grid: Grid) -> Any:
        value = self.body(inner)
        winners, starts = first_extreme(self.term.operator, group, value, inner)
        if len(starts) < math.prod(group.extents):
            raise empty(self, grid, group.outer)

        def taken(array: Array) -> Array:
            full = np.moveaxis(group.along_home(_ranked(array, len(inner.extents))), group.home, -1)
            places = winners
            shape = np.broadcast_shapes(full.shape[:-1], places.shape[:-1])
            full = np.broadcast_to(full, (*shape, full.shape[-1]))
            places = np.broadcast_to(places, (*shape, places.shape[-1]))
            return np.take_along_axis(full, places, axis=-1)[..., None]

        back = _backwards(group, starts)
        chosen = mapped(value, taken)
        if isinstance(chosen, Scaled):  # which of several near ones it is, rounding decides
            chosen = Scaled(chosen.value, mapped(value, taken).scale)
        return mapped(chosen, back(0.0))


def first_extreme(operator: str, group: Group, value: Number, inner: Grid) -> tuple[Array, Array]:
    """Which point of the group wins, for each outer place (the last axis), and where the outer places begin."""
    starts, lengths = group.segments()
    numbers = plain(value) if operator == "max" else -plain(value)
    array = group.along_home(_ranked(np.asarray(numbers), len(inner.extents)))
    return padded(array, group.home, starts, lengths, -np.inf).argmax(axis=-1) + starts, starts


def _ranked(array: Array, rank: int) -> Array:
    return array.reshape((1,) * rank) if array.ndim == 0 else array


def _with(grid: Grid, axis: int, part: Grid) -> Grid:
    """The extents of a grid, with those of a part on one axis."""
    extents = (*grid.extents[:axis], part.extents[axis], *grid.extents[axis + 1 :])
    return Grid(grid.environment, extents, grid.places)


def _cut(number: Number, start: int, stop: int) -> Any:
    return mapped(number, lambda array: array[..., start:stop])


def _joined(one: Any, two: Any) -> Any:
    """Two numbers of one make, one behind the other on the last axis."""
    if isinstance(one, Scaled):
        return Scaled(_joined(one.value, two.value), _joined(one.scale, two.scale))
    if isinstance(one, np.ndarray):
        shape = np.broadcast_shapes(one.shape[:-1], two.shape[:-1])
        return np.concatenate([np.broadcast_to(each, (*shape, each.shape[-1])) for each in (one, two)], axis=-1)
    return type(one)(one.level, _joined(one.value, two.value), _joined(one.tangent, two.tangent))


def _backwards(group: Group, starts: Array) -> Callable[[float], Callable[[Array], Array]]:
    """(..., outer place, 1) back on the axes of the grid before."""
    return lambda fill: lambda array: group.expanded(np.moveaxis(array[..., 0], -1, group.home), starts, fill)


@dataclass(frozen=True, slots=True, eq=False)
class WinnerNode(Node):
    term: terms.Winner
    binding: Binding
    body: Node
    at: tuple[Closure, ...]

    def __call__(self, grid: Grid) -> Any:
        wide, masks = self.binding(grid)
        if any(wide.extents[axis] == 0 for axis in self.binding.axes):
            return np.float64(0.0)
        found = restricted(wide, masks, self.binding.axes, together=True)
        if found is None:
            return np.float64(0.0)
        inner, groups = found
        here: Any = np.True_
        group = next((each for each in groups if each.bound), groups[0] if groups else None)
        if group is not None:
            winners, starts = first_extreme(self.term.operator, group, self.body(inner), inner)
            back = _backwards(group, starts)(-1.0)
        for axis, index, at in zip(self.binding.axes, self.binding.indices, self.at, strict=True):
            values = wide.places[index][1]
            if group is not None:
                coordinates = group.coordinates.get(axis)
                positions = np.zeros_like(winners) if coordinates is None else coordinates[winners]
                place = back(positions[..., None])
                won = np.where(place >= 0, values.reshape(-1)[place], np.iinfo(np.int64).min)
            else:
                won = values
            here = here & (at(grid) == won)
        return np.asarray(here, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class PartialNode(Node):
    term: terms.Partial
    of: Node
    level: int

    def __call__(self, grid: Grid) -> Any:
        return tangent_of(self.of(grid), self.level)


# --- undefined values -------------------------------------------------------------------------------------------------


class located:
    """Turns inf - inf and 0*inf inside into a DomainError that says where."""

    __slots__ = ("grid", "node")

    def __init__(self, node: Node, grid: Grid) -> None:
        self.node, self.grid = node, grid

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, reason: Any, trace: Any) -> None:
        if kind is FloatingPointError:
            raise DomainError(f"{_said(self.node.term)} has no value in double precision: {reason}") from reason


def undefined(node: Call, operands: Sequence[Number], grid: Grid, reason: FloatingPointError) -> DomainError:
    """`log(X[i]) has no value: X[i] = -0.5 at i = 3, and log needs a positive operand`."""
    operation = OPERATIONS[node.name]
    numbers = [np.asarray(plain(each), dtype=np.float64) for each in operands]
    for what, requirements in (("value", operation.value_domain), ("derivative", operation.derivative_domain)):
        for requirement in requirements:
            wrong = np.asarray(VIOLATED[requirement.kind](*numbers[requirement.slot :]))
            if wrong.any():
                place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
                slot = requirement.slot
                value = float(np.broadcast_to(numbers[slot], wrong.shape)[place])
                argument = node.arguments[slot].term
                at = values_at(place, sorted(terms.free_indices(argument), key=lambda i: i.serial), grid)
                name = "a power" if node.name == "pow" else node.name
                shown = _said(argument)
                same = shown if shown == f"{value:g}" else f"{shown} = {value:.6g}"
                return DomainError(
                    f"{_said(node.term)} has no {what}: {same}{at}, and {name} {requirement.sentence}",
                    operand=shown,
                    value=f"{value:.6g}",
                )
    return DomainError(f"{_said(node.term)} has no value in double precision: {reason}")


def _bad_power(base: Array, exponent: Array) -> Any:
    whole = exponent == np.floor(exponent)
    return ((base < 0) & ~whole) | ((base == 0) & (exponent < 0))


VIOLATED: dict[str, Callable[..., Any]] = {
    "positive": lambda u, *_: u <= 0,
    "nonnegative": lambda u, *_: u < 0,
    "nonzero": lambda u, *_: u == 0,
    "unit": lambda u, *_: np.abs(u) > 1,
    "inner unit": lambda u, *_: np.abs(u) >= 1,
    "base": _bad_power,
}


def empty(node: Reduction, grid: Grid, axes: Sequence[int]) -> DomainError:
    return DomainError(f"{_said(node.term)} has no value: its indices have no values to take")


def _said(term: Term) -> str:
    from derive.plain import formula
    from derive.writing import tree_of_term

    return formula(tree_of_term(term))


# --- making nodes -----------------------------------------------------------------------------------------------------


def made(term: Term, scope: frozenset[Index], depth: int, seeds: tuple[Seed, ...] = ()) -> Node:
    """The node of a term.

    scope : the indices that have values.  depth : the first axis that is free.  seeds : the pending derivatives.
    """

    def child(part: Term) -> Node:
        return made(part, scope, depth, seeds)

    match term:
        case terms.Number(value=value):
            return Literal(term, np.float64(float(value)))
        case terms.Constant(name=name):
            return Literal(term, np.float64(CONSTANTS[name]))
        case terms.Whole(value=value):
            return WholeNode(term, closure(value))
        case terms.Entry():
            mine = tuple(seed for seed in seeds if seed.array == term.array)
            return EntryNode(term, tuple(map(closure, term.indices)), mine)
        case terms.Add():
            return Sum(term, tuple(map(child, term.terms)))
        case terms.Mul() | terms.Delta() | terms.Guard():
            pure, reading, factors = split(term, scope, depth)
            return Product(term, pure, reading, tuple(map(child, factors)))
        case terms.Power():
            return Call(term, "pow", (child(term.base), child(term.exponent)))
        case terms.Apply():
            return Call(term, term.function, tuple(map(child, term.arguments)))
        case terms.Opaque():
            return OpaqueNode(term, tuple(map(closure, term.parameters)), tuple(map(child, term.arguments)))
        case terms.Reduce():
            return reduction(term, scope, depth, seeds)
        case terms.Winner():
            if not scope.isdisjoint(term.indices):
                term = terms.freshened(term)  # type: ignore[assignment]
            inner = scope.union(term.indices)
            body = made(term.body, inner, depth + len(term.indices))
            return WinnerNode(term, Binding(term.indices, depth), body, tuple(map(closure, term.at)))
        case terms.Partial():
            level = 1 + max((seed.level for seed in seeds), default=0)
            seed = Seed(level, term.by.array, tuple(map(closure, term.by.indices)))
            return PartialNode(term, made(term.of, scope, depth, (*seeds, seed)), level)
    raise UsageError(f"a {type(term).__name__} has no value on a grid")


CONSTANTS = {"pi": math.pi, "e": math.e}


def reduction(term: terms.Reduce, scope: frozenset[Index], depth: int, seeds: tuple[Seed, ...]) -> Reduction:
    if not scope.isdisjoint(term.indices):
        term = terms.freshened(term)  # type: ignore[assignment]
    inner = scope.union(term.indices)
    below = depth + len(term.indices)
    binding = Binding(term.indices, depth)
    free = tuple(terms.free_indices(term.body))
    if term.operator == "sum" and isinstance(term.body, (terms.Mul, terms.Delta, terms.Guard)):
        pure, reading, factors = split(term.body, inner, below)
        rest = Product(term.body, (), reading, tuple(made(part, inner, below, seeds) for part in factors))
        return Reduction(term, binding, pure, rest, free)
    return Reduction(term, binding, (), made(term.body, inner, below, seeds), free)


def split(
    term: Term, scope: frozenset[Index], depth: int
) -> tuple[tuple[Callable[[Grid], Any], ...], tuple[Callable[[Grid], Any], ...], tuple[Term, ...]]:
    """The conditions of a product: those of indices alone, those that read arrays; and its other factors."""
    pure: list[Callable[[Grid], Any]] = []
    reading: list[Callable[[Grid], Any]] = []
    factors: list[Term] = []
    for factor in term.factors if isinstance(term, terms.Mul) else (term,):
        match factor:
            case terms.Delta(left=left, right=right):
                conditions: tuple[terms.Condition, ...] = (terms.Chain((left, right), ("=",)),)
            case terms.Guard(conditions=conditions):
                pass
            case _:
                factors.append(factor)
                continue
        for each in conditions:
            (reading if reads_arrays(each) else pure).append(condition(each, scope, depth))
    return tuple(pure), tuple(reading), tuple(factors)


def reads_arrays(each: terms.Condition) -> bool:
    if isinstance(each, terms.Comparison):
        return True
    sides = (each.divisor, each.value) if isinstance(each, terms.Divides) else each.sides
    return any(isinstance(atom, IntegerEntry) for side in sides for atom in side.atoms())


def condition(each: terms.Condition, scope: frozenset[Index], depth: int) -> Callable[[Grid], Any]:
    """Whether a condition holds, over a grid."""
    if isinstance(each, terms.Divides):
        divisor, value = closure(each.divisor), closure(each.value)
        return lambda grid: np.equal(value(grid) % divisor(grid), 0)
    sides: list[Callable[[Grid], Any]]
    if isinstance(each, terms.Chain):
        sides = [closure(side) for side in each.sides]
    else:
        nodes = [made(side, scope, depth) for side in each.sides]
        sides = [_plain(node) for node in nodes]
    operators = [COMPARISONS[operator] for operator in each.operators]

    def holds(grid: Grid) -> Any:
        values = [side(grid) for side in sides]
        held: Any = np.True_
        for compare, left, right in zip(operators, values, values[1:], strict=False):
            held = held & compare(left, right)
        return held

    return holds


def _plain(node: Node) -> Callable[[Grid], Any]:
    return lambda grid: plain(node(grid))


def nesting(term: Term) -> int:
    """How many axes a term needs beyond those of its free indices."""
    below = max(map(nesting, terms.children(term)), default=0)
    return below + len(terms.bound_in(term))
