"""Numbers for the sizes that a program of index equations leaves open: small, all different, and sizes of 1.

Different sizes tell axes apart; a size 1 is an edge that is both the first and the last.
"""

from __future__ import annotations

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
TRIALS = 4000


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
    """Three assignments of numbers to all free sizes: two of numbers that all differ, one with sizes of 1.

    Every extent that the sizes decide is at least 1, and every fact holds. Fewer where the sizes leave fewer; one, the
    empty one, where no size is free. Raises ProgramError where nothing fits.
    """
    least = free_sizes(program)
    if not least:
        return [{}]
    rng = np.random.default_rng(seed)
    extents = dict.fromkeys(index.extent for index in indices_of(program))
    decided = [closure(each) for each in extents if not any(isinstance(a, (Index, IntegerEntry)) for a in each.atoms())]
    held = [holds(fact, frozenset(), 0) for fact in facts]
    found: list[dict[str, int]] = []
    for trial in range(TRIALS):
        kind = min(len(found), 2) if trial < TRIALS // 2 else 3
        drawn = _drawn(least, kind, trial, rng)
        if drawn not in found and _fits(drawn, decided, held):
            found.append(drawn)
            if len(found) == 3:
                break
        elif trial == TRIALS // 2 and len(found) >= 2:
            break
    if not found:
        raise ProgramError(f"no numbers for {', '.join(least)} were found that leave every index a value")
    return found


def _drawn(least: Mapping[str, int], kind: int, trial: int, rng: np.random.Generator) -> dict[str, int]:
    """kind 0 and 1 : all different.  2 : some are 1, the others different.  3 : any."""
    top = len(least) + 3 + trial * 8 // TRIALS
    if kind == 3:
        return {name: int(low + rng.integers(0, top)) for name, low in least.items()}
    numbers = iter(2 + rng.permutation(top))
    drawn = {name: max(low, int(next(numbers))) for name, low in least.items()}
    if kind == 2:
        able = [name for name, low in least.items() if low <= 1]
        for name in able:
            if rng.random() < 0.4:
                drawn[name] = 1
        if able and 1 not in drawn.values():
            drawn[able[int(rng.integers(len(able)))]] = 1
    return drawn


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
