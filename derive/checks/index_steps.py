"""Every Step of a derivation on index equations, run: both sides evaluated on arrays, derivatives as dual numbers.

Sizes that are left open are small and different, once with sizes of 1; arrays are random. Adjoints that a step speaks
of have the values that scattering gives them, which shares no algebra with the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from derive.checks.index_numbers import Comparison, Numbers, merged
from derive.checks.results import Result
from derive.checks.steps import CheckedStep
from derive.evaluation.duals import Array
from derive.evaluation.meaning import environment_of
from derive.evaluation.recurrences import executed
from derive.evaluation.storage import Environment
from derive.gradients import Gradients
from derive.program import Equation, Program
from derive.samples import real_numbers, sample_arrays
from derive.scatter import scatter
from derive.sizes import sample_sizes
from derive.step import Step
from derive.terms import Entry

Adapt = Callable[[dict[str, Array]], dict[str, Array]]

#: Entries that may all have one sign by chance, and how often another draw is tried then.
FEW, TURNS = 12, 8


# --- samples ----------------------------------------------------------------------------------------------------------


def environments(
    program: Program, known: Mapping[str, Entry] | None = None, *, seed: int = 0, adapt: Adapt | None = None
) -> list[Environment]:
    """The program with numbers, once for each sample of its sizes.

    known : further arrays that steps speak of, such as upstream gradients, at their own indices; they are random.
    adapt : changes the arrays that were drawn, to what the program takes for granted: rows of y that add up to 1.
    """
    around = list(sample_sizes(program, seed))
    found = [_environment(program, sizes, known or {}, np.random.default_rng(seed), adapt) for sizes in around]
    for turn in range(1, TURNS):
        if not (one_sided := _one_sided(program, found)):
            break
        more = _environment(program, around[-1], known or {}, np.random.default_rng([seed, turn]), adapt)
        if _one_sided(program, [*found, more]) < one_sided:
            found.append(more)
    return found


def _environment(
    program: Program,
    sizes: Mapping[str, int],
    known: Mapping[str, Entry],
    rng: np.random.Generator,
    adapt: Adapt | None,
) -> Environment:
    arrays = sample_arrays(program, sizes, rng)
    if adapt is not None:
        arrays = adapt(arrays)
    environment = environment_of(program, arrays, sizes)
    executed(program, environment)
    for name, head in known.items():
        environment.put(replace(head, array=name), real_numbers(head, environment, rng))
    return environment


def _one_sided(program: Program, found: Sequence[Environment]) -> frozenset[str]:
    """Inputs of a few entries that were never negative or never positive: |x| x^2 = x^3 would pass.

    Of many entries all have one sign only where the program has values for no other.
    """
    arrays = {
        name: [each.stored[name].array for each in found] for name in program.input_names if _is_input(name, program)
    }
    return frozenset(
        name
        for name, values in arrays.items()
        if name not in program.integers and sum(value.size for value in values) <= FEW
        if all((value >= 0).all() for value in values) or all((value <= 0).all() for value in values)
    )


def with_adjoints(made: Gradients, *, seed: int = 0, adapt: Adapt | None = None) -> list[Environment]:
    """The primal program with numbers, and all adjoints as scattering gives them."""
    program = made.primal
    found = environments(program, made.given, seed=seed, adapt=adapt)
    for environment in found:
        arrays = {name: environment.stored[name].array for name in environment.stored if _is_input(name, program)}
        seeds = {output: environment.stored[name].array for output, name in program.upstream.items()
                 if output in program.heads}  # fmt: skip
        if made.loss is not None:
            seeds[made.loss] = np.ones(environment.stored[made.loss].array.shape)
        adjoints = scatter(program, seeds, arrays, environment.sizes)
        for name, adjoint in made.names.items():
            if adjoint not in environment.stored and name in adjoints:
                environment.put(replace(program.heads[name], array=adjoint), adjoints[name])
    return found


def _is_input(name: str, program: Program) -> bool:
    return name in program.input_names or (name in program.integers and name not in program.by_name)


# --- steps ------------------------------------------------------------------------------------------------------------


def run_step(
    step: Step,
    program: Program,
    *,
    known: Mapping[str, Entry] | None = None,
    samples: Sequence[Environment] | None = None,
    seed: int = 0,
) -> CheckedStep:
    """Both sides of a step, evaluated and compared.

    known : see `environments`.  samples : environments that are there already.
    """
    around = environments(program, known, seed=seed) if samples is None else samples
    return _checked(step, [Numbers(environment, seed) for environment in around])


def run_steps(
    steps: Iterable[Step],
    program: Program,
    *,
    known: Mapping[str, Entry] | None = None,
    samples: Sequence[Environment] | None = None,
    seed: int = 0,
) -> dict[Step, CheckedStep]:
    """Every step with all its sub-steps, run on the same numbers."""
    around = environments(program, known, seed=seed) if samples is None else samples
    numbers = [Numbers(environment, seed) for environment in around]
    return {inner: _checked(inner, numbers) for step in steps for inner in step.flat()}


def run_gradients(made: Gradients, *, seed: int = 0, adapt: Adapt | None = None) -> dict[Step, CheckedStep]:
    """Every step of a derivation of adjoints."""
    return run_steps(made.steps, made.primal, samples=with_adjoints(made, seed=seed, adapt=adapt), seed=seed)


def gathered_is_scattered(made: Gradients, *, seed: int = 0) -> dict[str, Comparison]:
    """For each adjoint, whether its formula has the values that scattering gives."""
    numbers = [Numbers(environment, seed) for environment in with_adjoints(made, seed=seed)]
    return {
        line.of: merged([each.compared(line.equation, Equation(line.equation.left, line.equation.left))
                         for each in numbers])
        for line in made.lines
    }  # fmt: skip


def _checked(step: Step, numbers: Sequence[Numbers]) -> CheckedStep:
    found = merged([each.compared(step.before, step.after) for each in numbers])
    return CheckedStep(step, found.holds, found.points, found.largest_error, found.reason)


def result_of(checked: Mapping[Step, CheckedStep]) -> Result:
    """The finding as one line of a report of checks."""
    run = [each for each in checked.values() if each.points or not each.holds]
    wrong = [f"{each.step.rule.name} at {each.step.before.name}" for each in run if not each.holds]
    skipped = next((f"{each.step.before.name}: {each.reason}" for each in checked.values() if each.reason), "")
    if not run:
        return Result("steps", None, skipped or "there are no steps")
    worst = max(each.largest_error for each in run)
    reason = "wrong: " + ", ".join(wrong[:3]) if wrong else skipped
    return Result("steps", not wrong, reason, worst, run=len(run), held=len(run) - len(wrong))
