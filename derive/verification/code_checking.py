"""Python work against a problem: run in a confined process, every assignment judged, as a Report.

A row is a line of the source that assigns something, in the order in which lines are first met.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from derive.errors import ReadingError
from derive.verification.checking import Verifier
from derive.verification.choosing import models
from derive.verification.code_confinement import Child, Run
from derive.verification.code_fits import Place
from derive.verification.code_inputs import Inputs, is_network, turned
from derive.verification.code_judging import Assessing, Outcome
from derive.verification.code_names import Names
from derive.verification.code_reading import Code, notebook_code, read_code
from derive.verification.code_reference import Reference
from derive.verification.code_rows import lines_of
from derive.verification.code_sizes import fitting_models
from derive.verification.judging import Judging
from derive.verification.problems import load_problem
from derive.verification.report import Report

#: Share of the time that one run may take, and all runs together.
RUN, ALL = 0.35, 0.8


def verify_code(
    judging: Judging | Callable[[], Judging],
    text: str,
    *,
    seconds: float = 10.0,
    file: str | None = None,
    seed: int = 0,
    first: int = 1,
) -> Report:
    """Run Python work and say of every line that assigns something whether it stores what it should.

    judging : of the problem, or what makes it, called while the process starts.  seconds : for all runs, once the
    libraries are loaded; one run has a third of it.  first : number of the first row.
    Raises ReadingError or LimitError for text that is no Python or too large, UsageError where it is not clear what a
    parameter stands for, MissingPartError where torch is needed and missing.
    """
    try:
        code = read_code(text)
        with Child(text, torch=code.torch, definitions=is_network(code), cpu=seconds) as child:
            known = judging if isinstance(judging, Judging) else judging()
            child.ready()
            deadline = time.monotonic() + ALL * seconds
            outcomes = _outcomes(known, code, child, deadline, RUN * seconds)
            note = _of_batches(known, code, child, outcomes, deadline, RUN * seconds)
    except ReadingError as failed:
        failed.file = file
        raise
    lines = lines_of(code, child.sites, outcomes, first, RUN * seconds)
    if not lines:
        told = "assigns nothing" if not child.sites else "defines what nothing calls: call it at the end"
        raise ReadingError(f"this code {told}, so that there is nothing to judge", file=file)
    if note is not None:
        for line in lines:
            if line.judged.row.at.line == note and line.verdict.verdict == "correct":
                line.verdict.note = "right for one sample, which is all the problem has; not for a batch of several"
    return Report(known.problem.title, lines, seed, file)


def _of_batches(
    judging: Judging,
    code: Code,
    child: Child,
    outcomes: Sequence[tuple[Reference, Outcome]],
    deadline: float,
    seconds: float,
) -> int | None:
    """The first line of a right backpropagation for one sample that is wrong for several, be their loss mean or sum."""
    layers = judging.models[0].families.get("a", {})
    if not is_network(code) or not outcomes or _cost(outcomes) or any(each.rank != 1 for each in layers.values()):
        return None
    model = models(load_problem("mlp-matrix-rows"), judging.seed, 1)[0]
    found: list[int] = []
    for scale in (1.0, float(model.sizes["m"])):
        reference = Reference(model, 0, turned(model), scale)
        outcome = _outcome(code, child, reference, False, deadline, seconds)
        if outcome is None or not (outcome.charges or outcome.run.failures):
            return None
        found += [child.sites[charge.site].line for charge in outcome.charges if charge.site >= 0]
    return found[-1] if found else None


def _outcomes(
    judging: Judging, code: Code, child: Child, deadline: float, seconds: float
) -> list[tuple[Reference, Outcome]]:
    """What was found at each of two sizes and points; with vectors as columns where that is right and flat is not."""
    best: list[tuple[Reference, Outcome]] = []
    known = fitting_models(judging, code)
    for columns in (False, True):
        found: list[tuple[Reference, Outcome]] = []
        for number in range(2):
            model = known[number % len(known)]
            reference = Reference(model, number, turned(model) if is_network(code) else frozenset())
            outcome = _outcome(code, child, reference, columns, deadline, seconds)
            if outcome is None:
                break
            found.append((reference, outcome))
            if outcome.run.stopped is not None and outcome.run.stopped["event"] in ("time", "died", "memory"):
                return best or found
        if not found:
            break
        if not best or _cost(found) < _cost(best):
            best = found
        if _cost(best) == 0 or not _has_vectors(judging) or is_network(code) or time.monotonic() > deadline:
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
    model = judging.models[0]
    members = [value for family in model.families.values() for value in family.values()]
    return any(value.rank == 1 for value in (*model.arrays.values(), *members))


def verify_python(
    verifier: Callable[[], Verifier], text: str, suffix: str, *, seconds: float = 10.0, file: str | None = None
) -> Report:
    """The report on a file of Python, or on a notebook: the formulas of its text first, then the lines of its code.

    verifier : makes the problem ready; called while the process that runs the code starts.  Raises as `verify_code`.
    """
    code, lines = text, []
    if suffix == ".ipynb":
        code = notebook_code(text)
        with contextlib.suppress(ReadingError):  # no formula in it
            lines = list(verifier().verify(text, suffix, file).lines)
        if not code.strip():
            return verifier().verify(text, suffix, file)
    report = verify_code(lambda: verifier().judging, code, seconds=seconds, file=file, first=len(lines) + 1)
    return Report(report.title, [*lines, *report.lines], verifier().seed, file)
