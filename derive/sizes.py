"""Numbers for the sizes that a program of index equations leaves open: small, all different, and sizes of 1.

Different sizes tell axes apart; a size 1 is an edge that is both the first and the last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from derive import terms
from derive.errors import ProgramError
from derive.evaluation.compiling import holds
from derive.evaluation.domains import Domain
from derive.evaluation.grids import Grid
from derive.evaluation.integer import Closure, closure
from derive.evaluation.meaning import environment_of
from derive.evaluation.nodes import Condition
from derive.evaluation.storage import Environment
from derive.integers import Index, Integer, IntegerEntry, Size
from derive.program import Program

#: How often sizes are drawn before it is said that none fit.
TRIALS = 2000
#: Of so many fitting draws that with the smallest grids is taken.
CHOICES = 4
#: More sizes than this need not all differ within one assignment.
FEW = 5


def shapes_of(
    program: Program, sizes: Mapping[str, int], arrays: Mapping[str, Any] | None = None
) -> dict[str, tuple[int, ...]]:
    """The shape of every array, from index 0 on; of a ragged one the largest extents.

    arrays : the whole numbers that extents depend on, such as the sizes n[l] of layers.
    """
    whole = {name: values for name, values in (arrays or {}).items() if name in program.integers}
    environment = environment_of(program, whole, sizes)
    return {name: Domain.of(head, environment).shape for name, head in program.heads.items()}


# --- sizes ------------------------------------------------------------------------------------------------------------


def free_sizes(program: Program) -> dict[str, int]:
    """Every size that is only named, with the least value it may have."""
    found: dict[str, int] = {}
    for expression in integers_of(program):
        for atom in expression.atoms():
            if isinstance(atom, Size):
                found[atom.name] = max(atom.least, found.get(atom.name, atom.least))
    return found


def sample_sizes(program: Program, seed: int = 0, facts: Iterable[terms.Chain] = ()) -> list[dict[str, int]]:
    """Three assignments of numbers to all free sizes: two in which sizes differ, one with sizes of 1.

    Up to FEW sizes all differ in both of the first two; of more, which would make large grids, any two differ in one of
    them. Every extent that the sizes decide is at least 1, and every fact holds. There are fewer assignments where the
    sizes leave fewer, and one, the empty one, where no size is free. Raises ProgramError where nothing fits.
    """
    least = free_sizes(program)
    if not least:
        return [{}]
    rng = np.random.default_rng(seed)
    extents = dict.fromkeys(index.extent for index in indices_of(program))
    decided = [closure(each) for each in extents if not any(isinstance(a, (Index, IntegerEntry)) for a in each.atoms())]
    held = [holds(fact, frozenset(), 0) for fact in facts]
    found: list[dict[str, int]] = []
    for kind in (_different, _different, _with_ones):
        fitting = []
        for trial in range(TRIALS):
            drawn = kind(least, found, trial, rng)
            if drawn is not None and drawn not in found and _fits(drawn, decided, held):
                fitting.append(drawn)
                if len(fitting) == CHOICES:
                    break
        if fitting:
            found.append(min(fitting, key=lambda sizes: math.prod(sizes.values())))
    if not found:
        raise ProgramError(f"no numbers for {', '.join(least)} were found that leave every index a value")
    return found


def _different(
    least: Mapping[str, int], found: list[dict[str, int]], trial: int, rng: np.random.Generator
) -> dict[str, int] | None:
    """Numbers from 2 on, as different as asked; in the second half of the trials any."""
    slack = trial * 6 // TRIALS
    if len(least) <= FEW:
        numbers = 2 + rng.permutation(len(least) + 2 + slack)[: len(least)]
    else:
        numbers = rng.integers(2, 3 + math.isqrt(2 * len(least)) + slack, size=len(least))
    drawn = {name: max(low, int(number)) for (name, low), number in zip(least.items(), numbers, strict=True)}
    together = [tuple(sample[name] for sample in (*found[:1], drawn)) for name in least]
    enough = len(least) <= FEW or not found or len(set(together)) == len(together)
    return drawn if enough or trial > TRIALS // 2 else None


def _with_ones(
    least: Mapping[str, int], found: list[dict[str, int]], trial: int, rng: np.random.Generator
) -> dict[str, int] | None:
    """Some sizes are 1."""
    able = [name for name, low in least.items() if low <= 1]
    drawn = _different(least, [], trial, rng)
    if not able or drawn is None:
        return None
    ones = rng.random(len(able)) < 0.4
    ones[int(rng.integers(len(able)))] = True
    return drawn | {name: 1 for name, one in zip(able, ones, strict=True) if one}


def _fits(sizes: Mapping[str, int], extents: Iterable[Closure], facts: Iterable[Condition]) -> bool:
    grid = Grid.empty(Environment(sizes), 0)
    return all(extent(grid) >= 1 for extent in extents) and all(fact(grid) for fact in facts)


def indices_of(program: Program) -> Iterator[Index]:
    for head in program.heads.values():
        for part in head.indices:
            yield from part.indices
    for line in program.equations:
        for node in terms.walk(line.term):
            yield from terms.bound_in(node)


def integers_of(program: Program) -> Iterator[Integer]:
    for index in indices_of(program):
        yield from (index.lower, index.stop)
    for line in program.equations:
        for node in terms.walk(line.term):
            yield from terms.integers_in(node)
