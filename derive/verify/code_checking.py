"""Python work against a problem: run in a confined process, every assignment judged, as a Report.

A row is a line of the source that assigns something, in the order in which lines are first met.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from derive.errors import ReadingError, UsageError
from derive.verify.code_confinement import Child, Run
from derive.verify.code_fits import Place
from derive.verify.code_inputs import Inputs, is_network, turned
from derive.verify.code_judging import Assessing, Outcome
from derive.verify.code_names import Names
from derive.verify.code_reading import Code, read_code
from derive.verify.code_reference import Reference
from derive.verify.code_rows import lines_of
from derive.verify.judging import Judging
from derive.verify.report import Report

#: Share of the time that one run may take, and all runs together.
RUN, ALL = 0.35, 0.8


def verify_code(
    judging: Judging, text: str, *, seconds: float = 10.0, file: str | None = None, seed: int = 0, first: int = 1
) -> Report:
    """Run Python work and say of every line that assigns something whether it stores what it should.

    judging : of the problem.  seconds : for everything; a run has a third of it.  first : number of the first row.
    Raises ReadingError or LimitError for text that is no Python or too large, UsageError where it is not clear what a
    parameter stands for, MissingPartError where torch is needed and missing.
    """
    start = time.monotonic()
    try:
        code = read_code(text)
    except ReadingError as failed:
        failed.file = file
        raise
    with Child(text, torch=code.torch, cpu=seconds) as child:
        outcomes = _outcomes(judging, code, child, start, seconds)
    lines = lines_of(code, child.sites, outcomes, first, RUN * seconds)
    if not lines:
        raise ReadingError("this code assigns nothing, so that there is nothing to judge", file=file)
    return Report(judging.problem.title, lines, seed, file)


def _outcomes(
    judging: Judging, code: Code, child: Child, start: float, seconds: float
) -> list[tuple[Reference, Outcome]]:
    """What was found at each of two sizes and points; with vectors as columns where that is right and flat is not."""
    best: list[tuple[Reference, Outcome]] = []
    for columns in (False, True):
        found: list[tuple[Reference, Outcome]] = []
        for number in range(2):
            model = judging.models[number % len(judging.models)]
            reference = Reference(model, number, turned(model) if is_network(code) else frozenset())
            outcome = _outcome(code, child, reference, columns, start + ALL * seconds, RUN * seconds)
            if outcome is None:
                break
            found.append((reference, outcome))
            if outcome.run.stopped is not None and outcome.run.stopped["event"] in ("time", "died", "memory"):
                return best or found
        if not found:
            break
        if not best or _cost(found) < _cost(best):
            best = found
        if (
            _cost(best) == 0
            or not _has_vectors(judging)
            or is_network(code)
            or time.monotonic() > start + ALL * seconds
        ):
            break
    return best


def _outcome(
    code: Code, child: Child, reference: Reference, columns: bool, deadline: float, seconds: float
) -> Outcome | None:
    names = Names(reference.model)
    job = {**Inputs(code, names, reference).job(), "columns": columns, "tensors": code.torch}
    if not child.alive:
        return None

    def execute(patches: Mapping[Place, Any]) -> Run:
        return child.run({**job, "patches": [[*place, patch] for place, patch in patches.items()]}, seconds)

    assessing = Assessing(child.sites, names, reference, execute, deadline)
    return assessing.outcome()


def _cost(found: Sequence[tuple[Reference, Outcome]]) -> int:
    return sum(
        10 * len(outcome.charges)
        + len(outcome.carried)
        + len(outcome.undecided)
        + 100 * (len(outcome.run.failures) + (outcome.run.stopped is not None))
        for _, outcome in found
    )


def _has_vectors(judging: Judging) -> bool:
    return any(value.rank == 1 for value in judging.models[0].arrays.values())


def refused() -> UsageError:
    return UsageError("Python work is run to be verified, in a confined process; allow that with --run-code")
