"""An answer, held against everything that does not share its derivation: each finding is one line of a report.

Steps are run; gathering is held against scattering, the matrix form and the code against the index form, the claim of a
convolution is carried out as it is said, second derivatives are held against differences of the gradient. Sizes that
are left open are drawn, arrays are random; values that were given are used as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from derive.answers import Answer
from derive.checks.findings import AnswerReport, Finding, agreement, compared, finding
from derive.checks.forms import apart, forms, largest_sum, scattered
from derive.checks.index_numbers import Comparison, Numbers, merged, work
from derive.checks.index_steps import run_steps, with_adjoints
from derive.errors import DomainError, ProgramError, UsageError, WorkLimitError
from derive.evaluation import Environment, environment_of, value_of
from derive.program import Equation
from derive.scatter import scatter
from derive.sizes import sample_sizes
from derive.step import Step

Array = np.ndarray[Any, Any]

#: Equations whose sums have more terms than this in all are not run: that would take minutes.
MOST_TERMS = 30_000_000
#: Differences of a gradient, relative to its size: half of the digits of a double are lost.
DIFFERENCE = 1e-5


def check_answer(answer: Answer, *, seed: int = 0) -> AnswerReport:
    """Run every step of an answer and hold its formulas against each other. Nothing is raised for what fails."""
    try:
        _check_size(answer)
        samples = with_adjoints(answer.derivation, seed=seed)
    except (ProgramError, DomainError, UsageError, WorkLimitError, FloatingPointError) as reason:
        skipped = Finding("steps run", None, getattr(reason, "message", str(reason)))
        return AnswerReport((skipped,) if answer.given is None else (skipped, _given(answer)), {})
    steps = [*answer.derivation.steps, *(step for second in answer.seconds for step in second.steps)]
    found, checked = _steps(steps, answer, samples, seed)
    numbers = [Numbers(environment, seed) for environment in samples]
    findings = [found, compared("gather = scatter", answer, lambda gradient: scattered(gradient, numbers))]
    findings += forms(answer, numbers)
    if answer.seconds:
        findings.append(_seconds(answer, samples))
    if answer.given is not None:
        findings.append(_given(answer))
    return AnswerReport(tuple(findings), checked)


def _check_size(answer: Answer) -> None:
    """Raise WorkLimitError where nobody would wait for the numbers."""
    for sizes in sample_sizes(answer.program):
        environment = Environment(sizes)
        try:
            total = sum(work(line.term, line.indices, environment) for line in answer.program.equations)
        except UsageError:  # extents that are entries of arrays
            return
        if total > MOST_TERMS:
            raise WorkLimitError(
                f"one evaluation adds up {total} terms, and at most {MOST_TERMS} are; take smaller shapes"
            )


def _steps(
    steps: Sequence[Step], answer: Answer, samples: Sequence[Environment], seed: int
) -> tuple[Finding, dict[int, bool]]:
    found = run_steps(steps, answer.program, samples=samples, seed=seed)
    checked = {id(step): found[step].holds for step in steps if found[step].points or not found[step].holds}
    wrong = list(
        dict.fromkeys(f"{step.rule.name} of {step.before.name}" for step in steps if not checked.get(id(step), True))
    )
    skipped = next((found[step].reason for step in steps if id(step) not in checked), "")
    if not checked:
        return Finding("steps run", None, skipped or "there are no steps"), checked
    held = sum(checked.values())
    worst = max(found[step].largest_error for step in steps)
    text = f"{held} of {len(steps)} hold; both sides agree {agreement(worst)}"
    text += f"; wrong: {', '.join(wrong[:3])}" if wrong else ""
    text += f"; {len(steps) - len(checked)} not run: {skipped}" if skipped else ""
    return Finding("steps run", not wrong, text), checked


# --- second derivatives, and the values that were given ---------------------------------------------------------------


def _seconds(answer: Answer, samples: Sequence[Environment]) -> Finding:
    """Second derivatives against central differences of the gradient, as scattering gives it."""
    found: dict[str, Comparison] = {}
    for second in answer.seconds:
        parts = []
        for environment in samples:
            value = np.asarray(value_of(second.equation.term, second.equation.indices, environment))
            expected = _differences(answer, second.of, second.by, environment)
            size = max(1.0, float(np.abs(value).max(initial=0.0)), float(np.abs(expected).max(initial=0.0)))
            if value.shape != expected.shape:
                parts.append(Comparison(False, 0, math.inf, f"the shapes are {value.shape} and {expected.shape}"))
                continue
            error = float(np.abs(value - expected).max(initial=0.0)) / size
            parts.append(Comparison(error <= DIFFERENCE, value.size, error))
        found[f"{second.of}, {second.by}"] = merged(parts)
    return finding("second derivatives = differences", found)


def _differences(answer: Answer, of: str, by: str, environment: Environment) -> Array:
    inputs = {name: environment.stored[name].array for name in answer.program.input_names if name in environment.stored}
    start = inputs.get(by)
    if start is None:
        raise UsageError(f"{by} is no input")
    columns = []
    for place in range(start.size):
        pair = []
        for step in (1e-6, -1e-6):
            moved = start.copy().reshape(-1)
            moved[place] += step
            arrays = {**inputs, by: moved.reshape(start.shape)}
            pair.append(scatter(answer.program, _seeds(answer, environment), arrays, environment.sizes)[of])
        columns.append((pair[0] - pair[1]) / 2e-6)
    return np.stack(columns, axis=-1).reshape((*columns[0].shape, *start.shape))


def _seeds(answer: Answer, environment: Environment) -> dict[str, Array]:
    program = answer.program
    seeds = {output: environment.stored[name].array for output, name in program.upstream.items()}
    if answer.derivation.loss is not None:
        seeds[answer.derivation.loss] = np.ones(())
    return seeds


def _given(answer: Answer) -> Finding:
    """The gradients at the given values, against scattering; of large sums single entries, against the formula."""
    what = "values given = scatter"
    program, made = answer.program, answer.derivation
    try:
        known = {**answer.arrays, **answer.forward, **answer.values}
        environment = environment_of(program, known, answer.sizes, extra=answer.heads).with_scale()
        if answer.numbers.is_large:
            numbers = Numbers(environment)
            found = {
                line.name: numbers.compared(line.equation, Equation(line.equation.left, line.equation.left))
                for line in made.lines
            }
            return finding("values given = formula", found)
        inputs = {name: array for name, array in answer.arrays.items() if name in program.input_names}
        seeds = {output: answer.arrays[name] for output, name in program.upstream.items()}
        if made.loss is not None:
            seeds[made.loss] = np.ones(())
        expected = scatter(program, seeds, inputs, answer.sizes)
        size = max(largest_sum(line.equation, environment) for line in made.lines)
        found = {made.names[name]: apart(answer[name].value, size, expected[name]) for name in made.wrt}
    except (DomainError, ProgramError, UsageError) as reason:
        return Finding(what, None, reason.message)
    return finding(what, found)
