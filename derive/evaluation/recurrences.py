"""All equations of a program in order; recurrences step by step along the index along which they read themselves.

An equation may read itself, or several each other, at entries that come earlier along one index, or later (adjoints
run backward). Which index and which way is found by looking at the subscripts, and settled by trying: a step that
reads an entry which has no value yet refutes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive import terms
from derive.errors import ProgramError
from derive.evaluation.domains import Domain
from derive.evaluation.integer import OutsideRead
from derive.evaluation.meaning import Compiled, compiled, environment_of, unfolded, value_of
from derive.evaluation.storage import Environment, Storage
from derive.integers import Index, Integer
from derive.program import Equation, Program
from derive.terms import Entry


@dataclass(frozen=True, slots=True)
class Stage:
    """One equation that was evaluated, as a whole or at one value of one of its indices."""

    line: Equation
    index: Index | None = None
    value: int = 0

    @property
    def only(self) -> dict[Index, Any] | None:
        return None if self.index is None else {self.index: np.array([self.value])}

    @property
    def compiled(self) -> Compiled:
        return compiled(self.line.term, self.line.indices)


def values(program: Program, arrays: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
    """The values of all arrays: inputs as given, then every equation.

    Raises UsageError for an input without value, ProgramError for a shape that does not fit and for a cycle that is no
    recurrence, DomainError where a term has no value.
    """
    environment = environment_of(program, arrays, sizes)
    executed(program, environment)
    return {name: stored.array for name, stored in environment.stored.items()}


def executed(program: Program, environment: Environment) -> list[Stage]:
    """Evaluate all equations into the environment; the stages, in the order in which they were evaluated."""
    stages: list[Stage] = []
    for lines in components(program):
        (line, *others) = lines
        if not others and line.name not in terms.reads(line.term):
            head = head_of(line)
            stored = value_of(line.term, line.indices, environment)
            environment.put(head, stored, integer=line.name in program.integers)
            stages.append(Stage(line))
        else:
            stages += looped(lines, environment)
    return stages


def head_of(line: Equation) -> Entry:
    if not isinstance(line.left, Entry):
        raise ProgramError(f"{line.name} is a derivative; only arrays are given values")
    return line.left


def components(program: Program) -> Iterator[list[Equation]]:
    """Equations that read each other in a circle together, each component after what it reads (Tarjan, 1972)."""
    lines = program.by_name
    place = {name: position for position, name in enumerate(lines)}
    reads = {
        name: sorted((read for read in terms.reads_in_order(line.term) if read in lines), key=place.__getitem__)
        for name, line in lines.items()
    }
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_names: dict[str, None] = {}
    for start in lines:
        if start in number:
            continue
        path = [(start, iter(reads[start]))]
        number[start] = low[start] = len(number)
        open_names[start] = None
        while path:
            name, rest = path[-1]
            following = next(rest, None)
            if following is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[name])
                if low[name] == number[name]:
                    found = [name]
                    while (last := open_names.popitem()[0]) != name:
                        found.append(last)
                    yield [lines[each] for each in sorted(found, key=place.__getitem__)]
            elif following not in number:
                number[following] = low[following] = len(number)
                open_names[following] = None
                path.append((following, iter(reads[following])))
            elif following in open_names:
                low[name] = min(low[name], number[following])


# --- recurrences ------------------------------------------------------------------------------------------------------


def looped(lines: Sequence[Equation], environment: Environment) -> list[Stage]:
    """Fill the arrays of a recurrence. Raises ProgramError where no index gives an order."""
    reason = ""
    for axes in recurrence_axes(lines):
        ordered = step_order(lines, axes)
        if ordered is None:
            continue
        for backward in directions(lines, axes):
            try:
                return filled(ordered, axes, backward, environment)
            except OutsideRead as missing:
                reason = reason or missing.message
    names = ", ".join(line.name for line in lines)
    what = "reads itself" if len(lines) == 1 else "read each other"
    raise ProgramError(
        f"{names} {what}, but not at earlier entries of one index" + (f": {reason}" if reason else ""), lines[0].name
    )


def filled(lines: Sequence[Equation], axes: Mapping[str, int], backward: bool, environment: Environment) -> list[Stage]:
    """Evaluate step by step; what has no value yet is outside."""
    domains = {line.name: Domain.of(head_of(line), environment) for line in lines}
    masks: dict[str, Any] = {}
    for line in lines:
        domain = domains[line.name]
        masks[line.name] = np.zeros(domain.shape, dtype=bool)
        array = np.zeros(domain.shape)
        environment.stored[line.name] = Storage(line.name, array, domain.lower, masks[line.name])
    steps = range(
        min(domain.lower[axes[name]] for name, domain in domains.items()),
        max(domain.shape[axes[name]] for name, domain in domains.items()),
    )
    stages = []
    for step in reversed(steps) if backward else steps:
        for line in lines:
            domain, axis = domains[line.name], axes[line.name]
            if not domain.lower[axis] <= step < domain.shape[axis]:
                continue
            stage = Stage(line, line.indices[axis], step)
            term = unfolded(line.term, environment.equations)
            value, starts = compiled(term, line.indices).over(environment, stage.only)
            box = tuple(slice(start, start + size) for start, size in zip(starts, value.shape, strict=True))
            environment.stored[line.name].array[box] = value
            slab: Any = (*(slice(None),) * axis, step)
            masks[line.name][slab] = True if domain.inside is None else domain.inside[slab]
            stages.append(stage)
    for line in lines:
        stored, domain = environment.stored[line.name], domains[line.name]
        environment.stored[line.name] = Storage(line.name, stored.array, domain.lower, domain.inside)
    return stages


def own_reads(lines: Sequence[Equation]) -> Iterator[tuple[Equation, Entry]]:
    """Every read of an array of the recurrence."""
    names = {line.name for line in lines}
    for line in lines:
        for node in terms.walk(line.term):
            if isinstance(node, Entry) and node.array in names:
                yield line, node


def recurrence_axes(lines: Sequence[Equation]) -> Iterator[dict[str, int]]:
    """For each array of a recurrence the axis along which it may run, the likeliest choice first.

    Axes belong together where a subscript on the one holds the index of the other.
    """
    group = {(line.name, axis): {(line.name, axis)} for line in lines for axis in range(len(line.indices))}
    for line, read in own_reads(lines):
        for axis, index in enumerate(line.indices):
            for place, subscript in enumerate(read.indices):
                if index in subscript.indices and group[line.name, axis] is not group[read.array, place]:
                    group[line.name, axis] |= group[read.array, place]
                    for member in group[line.name, axis]:
                        group[member] = group[line.name, axis]
    seen: list[dict[str, int]] = []
    rank = min(len(line.indices) for line in lines)
    for members in [*group.values(), *({(line.name, axis) for line in lines} for axis in range(rank))]:
        axes = dict(members)
        if len(members) == len(axes) == len(lines) and axes not in seen:
            seen.append(axes)
    yield from sorted(seen, key=lambda axes: not any(shift != 0 for shift in shifts(lines, axes)))


def shifts(lines: Sequence[Equation], axes: Mapping[str, int]) -> Iterator[int | None]:
    """By how much each read is ahead of the step it is made in; None where that is no number."""
    for line, read in own_reads(lines):
        own: Integer = head_of(line).indices[axes[line.name]]
        yield (read.indices[axes[read.array]] - own).value


def directions(lines: Sequence[Equation], axes: Mapping[str, int]) -> tuple[bool, ...]:
    """Whether to run backward: as the first shift says, then the other way."""
    first = next((shift for shift in shifts(lines, axes) if shift), -1)
    return (first > 0, first <= 0)


def step_order(lines: Sequence[Equation], axes: Mapping[str, int]) -> list[Equation] | None:
    """The order of the equations within one step; None where they read each other in a circle."""
    waits: dict[str, set[str]] = {line.name: set() for line in lines}
    for (line, read), shift in zip(own_reads(lines), shifts(lines, axes), strict=True):
        if shift == 0:
            waits[line.name].add(read.array)
    ordered: list[Equation] = []
    rest = list(lines)
    while rest:
        ready = next((line for line in rest if not waits[line.name] & {other.name for other in rest}), None)
        if ready is None:
            return None
        ordered.append(ready)
        rest.remove(ready)
    return ordered
