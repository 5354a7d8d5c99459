"""All equations of a program in order; recurrences step by step along the index along which they read themselves.

Which index that is, and which way it runs, says derive.recurrence; adjoints run backward. It is not taken on trust: an
entry that has no value yet may not be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.errors import ProgramError
from derive.evaluation.domains import Domain
from derive.evaluation.duals import plain, scale_of
from derive.evaluation.meaning import Compiled, compiled, environment_of, unfolded, value_of
from derive.evaluation.storage import Environment, Storage
from derive.integers import Index
from derive.program import Equation, Program
from derive.recurrence import Recurrence, in_order, recurrences
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
    loops = {name: each for each in recurrences(program.equations) for name in each.names}
    for line in in_order(program.equations):
        loop = loops.get(line.name)
        if loop is None:
            value = value_of(line.term, line.indices, environment)
            environment.put(head_of(line), value, integer=line.name in program.integers)
            stages.append(Stage(line))
        elif line.name == loop.names[0]:
            stages += filled(loop, program, environment)
    return stages


def head_of(line: Equation) -> Entry:
    if not isinstance(line.left, Entry):
        raise ProgramError(f"{line.name} is a derivative; only arrays are given values")
    return line.left


def filled(loop: Recurrence, program: Program, environment: Environment) -> list[Stage]:
    """Evaluate a recurrence step by step; what has no value yet is outside."""
    lines = [program.by_name[name] for name in loop.names]
    axes = loop.axes
    domains = {line.name: Domain.of(head_of(line), environment) for line in lines}
    masks: dict[str, Any] = {}
    if environment.scaled is not None:
        for line in lines:
            domain = domains[line.name]
            environment.scales[line.name] = Storage(line.name, np.zeros(domain.shape), domain.lower)
    for line in lines:
        domain = domains[line.name]
        masks[line.name] = np.zeros(domain.shape, dtype=bool)
        array = np.zeros(domain.shape, dtype=environment.dtype)
        environment.stored[line.name] = Storage(line.name, array, domain.lower, masks[line.name])
    steps = range(
        min(domain.lower[axes[name]] for name, domain in domains.items()),
        max(domain.shape[axes[name]] for name, domain in domains.items()),
    )
    stages = []
    for step in steps[:: loop.step]:
        for line in lines:
            domain, axis = domains[line.name], axes[line.name]
            if not domain.lower[axis] <= step < domain.shape[axis]:
                continue
            stage = Stage(line, line.indices[axis], step)
            term = unfolded(line.term, environment.equations)
            value, starts = compiled(term, line.indices).over(environment, stage.only)
            shape = np.shape(plain(value))
            box = tuple(slice(start, start + size) for start, size in zip(starts, shape, strict=True))
            environment.stored[line.name].array[box] = plain(value)
            if environment.scaled is not None:
                environment.scales[line.name].array[box] = scale_of(value)
            slab: Any = (*(slice(None),) * axis, step)
            masks[line.name][slab] = True if domain.inside is None else domain.inside[slab]
            stages.append(stage)
    for line in lines:
        stored, domain = environment.stored[line.name], domains[line.name]
        environment.stored[line.name] = Storage(line.name, stored.array, domain.lower, domain.inside)
    return stages
