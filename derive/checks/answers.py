"""An answer, held against everything that does not share its derivation: each finding is one line of a report.

Steps are run; gathering is held against scattering, the matrix form and the code against the index form, the claim of a
convolution is carried out as it is said, second derivatives are held against differences of the gradient. Sizes that
are left open are drawn, arrays are random; values that were given are used as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive import tree as t
from derive.answers import Answer, Gradient
from derive.checks.claims import claimed_values
from derive.checks.index_numbers import EPS, TOLERANCE, Comparison, Numbers, merged, work
from derive.checks.index_steps import run_steps, with_adjoints
from derive.codegen.arrays import compiled
from derive.errors import DomainError, ProgramError, UsageError, WorkLimitError
from derive.evaluation import Environment, environment_of, value_of, values
from derive.evaluation.duals import plain, scale_of
from derive.plain import formula
from derive.program import Equation
from derive.reading.equations import read_equations
from derive.scatter import scatter
from derive.sizes import sample_sizes
from derive.step import Step
from derive.tree import Tree

Array = np.ndarray[Any, Any]

#: Equations whose sums have more terms than this in all are not run: that would take minutes.
MOST_TERMS = 30_000_000
#: Differences of a gradient, relative to its size: half of the digits of a double are lost.
DIFFERENCE = 1e-5


@dataclass(frozen=True, slots=True)
class Finding:
    """what was held against what; passed : None where nothing could be compared, and `text` says why."""

    what: str
    passed: bool | None
    text: str

    @property
    def verdict(self) -> str:
        return "not run" if self.passed is None else "holds" if self.passed else "FAILS"


@dataclass(frozen=True)
class AnswerReport:
    """findings : one a check.  checked : id of a step -> whether it held; a step that could not be run is not in it."""

    findings: tuple[Finding, ...]
    checked: dict[int, bool]

    @property
    def passed(self) -> bool:
        """Whether nothing that was run has failed."""
        return all(finding.passed is not False for finding in self.findings)

    def rows(self) -> list[tuple[str, str, str]]:
        """Check, finding, verdict."""
        return [(finding.what, finding.text, finding.verdict) for finding in self.findings]

    def as_data(self) -> list[dict[str, Any]]:
        return [{"check": each.what, "passed": each.passed, "result": each.text} for each in self.findings]

    def __str__(self) -> str:
        return "\n".join(f"{what}: {text} ({verdict})" for what, text, verdict in self.rows())


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
    findings = [found, _compared("gather = scatter", answer, lambda gradient: _scattered(gradient, numbers))]
    findings += _forms(answer, numbers)
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
    text = f"{held} of {len(steps)} hold; both sides agree {_small(worst)}"
    text += f"; wrong: {', '.join(wrong[:3])}" if wrong else ""
    text += f"; {len(steps) - len(checked)} not run: {skipped}" if skipped else ""
    return Finding("steps run", not wrong, text), checked


def _small(error: float) -> str:
    """`agree to 2e-16`, `agree exactly`."""
    return f"to {error:.0e}" if math.isfinite(error) and error else "exactly" if not error else "in nothing"


# --- several forms of one gradient ------------------------------------------------------------------------------------


def _compared(what: str, answer: Answer, compare: Callable[[Gradient], Comparison | None]) -> Finding:
    """One comparison for every adjoint that has one."""
    found: dict[str, Comparison] = {}
    for line in answer.derivation.lines:
        try:
            one = compare(answer[line.of])
        except (DomainError, ProgramError, UsageError) as reason:
            one = Comparison(False, 0, math.inf, reason.message)
        if one is not None:
            found[line.name] = one
    return _finding(what, found)


def _finding(what: str, found: dict[str, Comparison]) -> Finding:
    wrong = [f"{name} ({each.reason or f'apart by {each.largest_error:.0e}'})" for name, each in found.items()
             if not each.holds]  # fmt: skip
    if wrong:
        return Finding(what, False, f"wrong for {', '.join(wrong[:3])}")
    run = {name: each for name, each in found.items() if each.points}
    if not run:
        return Finding(what, None, next((each.reason for each in found.values() if each.reason), "nothing to compare"))
    worst = max(each.largest_error for each in run.values())
    names = ", ".join(run) if len(run) <= 4 else f"{len(run)} adjoints"
    return Finding(what, True, f"{names}: agree {_small(worst)}")


def _scattered(gradient: Gradient, numbers: Sequence[Numbers]) -> Comparison:
    """The adjoints of the samples are scattered: the equation is held against the array of its own name."""
    equation = gradient.equation
    return merged([each.compared(equation, Equation(equation.left, equation.left)) for each in numbers])


def _forms(answer: Answer, numbers: Sequence[Numbers]) -> Iterator[Finding]:
    gradients = [answer[line.of] for line in answer.derivation.lines]
    if any(gradient.matrix is not None for gradient in gradients):
        yield _compared("matrix form = index form", answer, lambda gradient: _matrix(gradient, numbers))
    if any(gradient.convolution is not None for gradient in gradients):
        yield _compared("convolution as claimed", answer, lambda gradient: _convolution(gradient, numbers))
    yield _compared("NumPy code = formula", answer, lambda gradient: _code(gradient, numbers))


def _held(
    equation: Equation,
    numbers: Sequence[Numbers],
    other: Callable[[Environment], Any],
    chain: Sequence[Equation] = (),
) -> Comparison:
    """The values of an equation, held against those of another form of it on every sample.

    chain : equations that the other form works out as well, and whose rounding therefore is its own.
    """
    found = []
    for each in numbers:
        number = value_of(equation.term, equation.indices, each.environment)
        size = max((_largest(line, each.environment) for line in chain), default=0.0)
        found.append(_apart(plain(number), scale_of(number) + size, other(each.environment)))
    return merged(found)


def _largest(equation: Equation, environment: Environment) -> float:
    """The largest sum of absolute values among the entries of an equation."""
    scale = np.asarray(scale_of(value_of(equation.term, equation.indices, environment)))
    return float(np.max(scale, initial=0.0, where=np.isfinite(scale)))


def _apart(value: Any, scale: Any, other: Any) -> Comparison:
    """Two arrays that may differ by rounding, relative to the sum of absolute values."""
    one, two, size = np.asarray(value), np.asarray(other), np.asarray(scale)
    if one.shape != two.shape:
        return Comparison(False, 0, math.inf, f"the shapes are {one.shape} and {two.shape}")
    usable = np.isfinite(size) & np.isfinite(one)
    difference, size = np.abs(one - two)[usable], np.broadcast_to(size, one.shape)[usable]
    errors = np.divide(difference, size, out=np.where(difference > 0, math.inf, 0.0), where=size > 0)
    worst = float(errors.max(initial=0.0))
    return Comparison(worst <= 2 * TOLERANCE * EPS, int(usable.sum()), worst)


def _matrix(gradient: Gradient, numbers: Sequence[Numbers]) -> Comparison | None:
    tree = gradient.matrix
    if tree is None:
        return None
    return _held(gradient.equation, numbers, lambda environment: _read_back(tree, environment))


def _read_back(tree: Tree, environment: Environment) -> Any:
    """The text of a whole-array formula, read by the reader and evaluated: it shares nothing with how it was made."""
    names = [name for name in t.names_in(tree) if name in environment.stored]
    called = {name: f"A{number}" for number, name in enumerate(names, 1)}
    trees: dict[str, Tree] = {name: t.Name(new) for name, new in called.items()}
    trees |= {name: t.Number(str(size)) for name, size in environment.sizes.items() if name not in called}
    arrays = {called[name]: environment.stored[name].array for name in names}
    text = f"result = {formula(t.substituted(tree, trees))}"
    program = read_equations(text, shapes={name: array.shape for name, array in arrays.items()})
    inputs = {name: array for name, array in arrays.items() if name in program.input_names}
    return values(program, inputs, {})["result"]


def _convolution(gradient: Gradient, numbers: Sequence[Numbers]) -> Comparison | None:
    claim = gradient.convolution
    if claim is None:
        return None

    def carried_out(environment: Environment) -> Any:
        return claimed_values(claim, Environment(environment.sizes, environment.stored, environment.equations))

    return _held(gradient.equation, numbers, carried_out)


def _code(gradient: Gradient, numbers: Sequence[Numbers]) -> Comparison | None:
    """The emitted NumPy function, from the inputs to the gradient."""
    code = gradient.code("numpy") if gradient.name in gradient.answer.wrt else None
    if code is None:
        return None
    function = compiled(code)

    def called(environment: Environment) -> Any:
        stored, sizes = environment.stored, environment.sizes
        return function(*(stored[name].array if name in stored else sizes[name] for name in code.parameters))

    lines = [line.equation for line in gradient.answer.derivation.lines]
    return _held(gradient.equation, numbers, called, lines)


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
            apart = float(np.abs(value - expected).max(initial=0.0)) / size
            parts.append(Comparison(apart <= DIFFERENCE, value.size, apart))
        found[f"{second.of}, {second.by}"] = merged(parts)
    return _finding("second derivatives = differences", found)


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
        if answer.is_large:
            numbers = Numbers(environment)
            found = {
                line.name: numbers.compared(line.equation, Equation(line.equation.left, line.equation.left))
                for line in made.lines
            }
            return _finding("values given = formula", found)
        inputs = {name: array for name, array in answer.arrays.items() if name in program.input_names}
        seeds = {output: answer.arrays[name] for output, name in program.upstream.items()}
        if made.loss is not None:
            seeds[made.loss] = np.ones(())
        expected = scatter(program, seeds, inputs, answer.sizes)
        size = max(_largest(line.equation, environment) for line in made.lines)
        found = {made.names[name]: _apart(answer[name].value, size, expected[name]) for name in made.wrt}
    except (DomainError, ProgramError, UsageError) as reason:
        return Finding(what, None, reason.message)
    return _finding(what, found)
