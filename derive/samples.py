"""Values for the arrays that a program of index equations reads: of both signs, away from kinks, in their ranges.

What is drawn is the same for the same seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from derive import terms
from derive.errors import DomainError, ProgramError
from derive.evaluation.domains import Binding, Domain
from derive.evaluation.duals import Array
from derive.evaluation.grids import Grid
from derive.evaluation.integer import OutsideRead, closure
from derive.evaluation.meaning import environment_of
from derive.evaluation.recurrences import executed
from derive.evaluation.storage import Environment
from derive.integers import Index, Integer, IntegerEntry, integer
from derive.program import Program
from derive.sizes import indices_of
from derive.terms import Entry, Term

#: Ranges of the sizes of real numbers, and whether of both signs: the first in which all equations have values.
RANGES = ((0.25, 1.75, True), (0.25, 1.75, False), (0.1, 0.9, True), (0.1, 0.9, False), (1.1, 2.0, False))


def sample_arrays(program: Program, sizes: Mapping[str, int], rng: np.random.Generator) -> dict[str, Array]:
    """Values for all inputs such that every equation has values.

    Real numbers are 1/4 to 7/4 in size, of both signs where the equations allow that. Whole numbers are in the range of
    what they index; where they are extents, such as n[l], small and different.
    Raises ProgramError or DomainError where no such values were found.
    """
    reason: ProgramError | DomainError | None = None
    for low, high, both in RANGES:
        try:
            arrays = _tried(program, sizes, rng, low, high, both)
            environment = environment_of(program, arrays, sizes)
            executed(program, environment)
        except (DomainError, OutsideRead) as failed:
            reason = reason or failed
        else:
            return arrays
    assert reason is not None
    raise reason


def _tried(
    program: Program, sizes: Mapping[str, int], rng: np.random.Generator, low: float, high: float, both: bool
) -> dict[str, Array]:
    environment = Environment(sizes)
    arrays: dict[str, Array] = {}
    whole = _uses(program)
    # extents first: the domains of others depend on them
    for name in sorted(whole, key=lambda each: not whole[each].extent):
        head = program.heads.get(name) or _head_of_uses(name, whole[name], environment)
        arrays[name] = _whole_numbers(head, whole[name], environment, rng)
        environment.put(head, arrays[name], integer=True)
    for name in program.input_names:
        if name not in arrays:
            arrays[name] = real_numbers(program.heads[name], environment, rng, low, high, both)
            environment.put(program.heads[name], arrays[name])
    return arrays


def real_numbers(
    head: Entry,
    environment: Environment,
    rng: np.random.Generator,
    low: float = 0.25,
    high: float = 1.75,
    both: bool = True,
) -> Array:
    """Numbers for an array, 0 where it has no entries."""
    domain = Domain.of(head, environment)
    signs = rng.choice([-1.0, 1.0], size=domain.shape) if both else 1.0
    numbers = np.asarray(rng.uniform(low, high, size=domain.shape) * signs)
    return np.where(domain.held, numbers, 0.0)


@dataclass
class Uses:
    """What is asked of an array of whole numbers.

    least : a lower bound.  extent : whether it is one.  ranges : indices in whose domains its values must lie.
    subscripts : at which it is read.
    """

    least: int = 0
    extent: bool = False
    ranges: list[Index] = field(default_factory=list)
    subscripts: list[tuple[Integer, ...]] = field(default_factory=list)


def _uses(program: Program) -> dict[str, Uses]:
    """The arrays of whole numbers that are given."""
    computed = {line.name for line in program.equations}
    found = {name: Uses() for name in program.input_names if name in program.integers}

    def note(expression: Integer, *, extent: bool = False, range_of: Index | None = None) -> None:
        for atom in expression.atoms():
            if isinstance(atom, IntegerEntry) and atom.array not in computed:
                uses = found.setdefault(atom.array, Uses())
                uses.least = max(uses.least, atom.least or 0)
                uses.extent = uses.extent or extent
                uses.subscripts.append(atom.indices)
                if range_of is not None and expression.alone is atom:
                    uses.ranges.append(range_of)

    for index in indices_of(program):
        note(index.lower, extent=True)
        note(index.stop, extent=True)
    for line in program.equations:
        for node in terms.walk(line.term):
            for expression, other in _compared(node, program):
                note(expression, range_of=other)
    return found


def _compared(node: Term, program: Program) -> Iterator[tuple[Integer, Index | None]]:
    """The integer expressions of a node, each with the index in whose place it stands or with which it is compared."""
    match node:
        case Entry() if node.array in program.heads:
            for part, axis in zip(node.indices, program.heads[node.array].indices, strict=True):
                yield part, axis.index
        case terms.Delta(left=left, right=right):
            yield left, right.index
            yield right, left.index
        case terms.Guard(conditions=conditions):
            for each in conditions:
                if isinstance(each, terms.Chain):
                    pair = each.sides if each.operators == ("=",) else ()
                    for side in each.sides:
                        yield side, next((other.index for other in pair if other is not side), None)
                elif isinstance(each, terms.Divides):
                    yield each.divisor, None
                    yield each.value, None
        case _:
            for part in terms.integers_in(node):
                yield part, None


def _head_of_uses(name: str, uses: Uses, environment: Environment) -> Entry:
    """An array that is not declared, just large enough: n[l] for l in 0..L."""
    stops = []
    for places in zip(*uses.subscripts, strict=True):
        largest = 0
        for subscript in places:
            grid, _ = Binding(subscript.indices, 0)(Grid.empty(environment, len(subscript.indices)))
            largest = max(largest, int(np.max(closure(subscript)(grid), initial=0)))
        stops.append(largest + 1)
    return Entry(name, tuple(integer(Index(f"i_{axis}", stop)) for axis, stop in enumerate(stops)))


def _whole_numbers(head: Entry, uses: Uses, environment: Environment, rng: np.random.Generator) -> Array:
    shape = Domain.of(head, environment).shape
    if uses.extent:
        first = max(uses.least, 1)
        numbers: Array = first + (rng.permutation(int(np.prod(shape, dtype=int))) + rng.integers(0, 5)) % 5
        return numbers.reshape(shape).astype(np.int64)
    low, high = max(uses.least, 1), max(uses.least, 1) + 4
    ranges = [_range(index, environment) for index in uses.ranges]
    if ranges:
        low, high = max(uses.least, *(each[0] for each in ranges)), min(each[1] for each in ranges)
    if high <= low:
        raise ProgramError(f"there is no whole number that all uses of {head.array} allow", head.array)
    return np.asarray(rng.integers(low, high, size=shape), dtype=np.int64)


def _range(index: Index, environment: Environment) -> tuple[int, int]:
    """What every value of the index's domain holds, whatever the indices are that it depends on."""
    around = tuple(dict.fromkeys((*index.lower.indices, *index.stop.indices)))
    grid, _ = Binding(around, 0)(Grid.empty(environment, len(around)))
    return int(np.max(closure(index.lower)(grid))), int(np.min(closure(index.stop)(grid)))
