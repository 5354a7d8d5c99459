"""Every Step of a derivation on index equations, run: both sides evaluated on arrays, derivatives as dual numbers.

Sizes that are left open are small and different, once with sizes of 1; arrays are random. Adjoints that a step speaks
of have the values that scattering gives them, which shares no algebra with the steps. Two sides agree where they
differ by no more than rounding: a few hundred eps of the sum of the absolute values of all that was added up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from derive import terms
from derive.checks.results import Result
from derive.checks.steps import CheckedStep
from derive.errors import DomainError, ProgramError
from derive.evaluation.domains import Binding
from derive.evaluation.duals import Array, plain, scale_of
from derive.evaluation.grids import Grid
from derive.evaluation.integer import OutsideRead
from derive.evaluation.meaning import compiled, environment_of, unfolded
from derive.evaluation.recurrences import executed
from derive.evaluation.storage import Environment
from derive.gradients import Gradients
from derive.integers import Index
from derive.program import Equation, Program
from derive.samples import real_numbers, sample_arrays
from derive.scatter import scatter
from derive.sizes import sample_sizes
from derive.step import Step
from derive.terms import Entry, Partial, Term

EPS = float(np.finfo(np.float64).eps)
#: Two sides agree to this many eps of the sum of absolute values.
TOLERANCE = 400.0
#: Grids with more places, sums included, are looked at in single entries: edges and random ones, up to this many,
#: fewer where each of them is a large sum.
LARGEST = 10**6
ENTRIES = 300
FEWEST = 60

Adapt = Callable[[dict[str, Array]], dict[str, Array]]


# --- samples ----------------------------------------------------------------------------------------------------------


def environments(
    program: Program, known: Mapping[str, Entry] | None = None, *, seed: int = 0, adapt: Adapt | None = None
) -> list[Environment]:
    """The program with numbers, once for each sample of its sizes.

    known : further arrays that steps speak of, such as upstream gradients, at their own indices; they are random.
    adapt : changes the arrays that were drawn, to what the program takes for granted: rows of y that add up to 1.
    """
    found = []
    for sizes in sample_sizes(program, seed):
        rng = np.random.default_rng(seed)
        arrays = sample_arrays(program, sizes, rng)
        if adapt is not None:
            arrays = adapt(arrays)
        environment = environment_of(program, arrays, sizes)
        executed(program, environment)
        for name, head in (known or {}).items():
            environment.put(replace(head, array=name), real_numbers(head, environment, rng))
        found.append(environment)
    return found


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


# --- two sides --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """holds : whether all entries agreed.  points : how many were compared.

    largest_error : relative to the sum of absolute values.  reason : why none could be compared, or what went wrong.
    """

    holds: bool
    points: int
    largest_error: float
    reason: str = ""


def merged(parts: Sequence[Comparison]) -> Comparison:
    """Several samples as one finding."""
    return Comparison(
        all(part.holds for part in parts),
        sum(part.points for part in parts),
        max((part.largest_error for part in parts), default=0.0),
        next((part.reason for part in parts if part.reason), ""),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """Values and scales: over the whole grid, or at single places (positions on each axis)."""

    value: Array
    scale: Array
    places: Array | None

    def at(self, places: Array) -> _Side:
        """At some of the places: those with which this side's own begin, too."""
        count = places.shape[1]
        if self.places is not None:
            return _Side(self.value[:count], self.scale[:count], self.places[:, :count])
        value, scale = (np.broadcast_to(each, np.shape(self.value))[tuple(places)] for each in (self.value, self.scale))
        return _Side(value, scale, places)


class Numbers:
    """Right sides on the numbers of one sample; the after of a step is the before of the next, worked out once."""

    def __init__(self, environment: Environment, seed: int = 0) -> None:
        self.environment = environment.with_scale()
        self.seed = seed
        self.recent: deque[tuple[Equation, _Side]] = deque(maxlen=4)

    def compared(self, before: Equation, after: Equation) -> Comparison:
        """Two equations with one left side, entry by entry.

        A read outside an array on either side refutes it; where the first side has no value, nothing is said.
        """
        try:
            one = self.side(before)
        except DomainError as undefined:
            return Comparison(True, 0, 0.0, undefined.message)
        except ProgramError as wrong:
            return Comparison(False, 0, math.inf, wrong.message)
        try:
            two = self.side(after)
        except (DomainError, ProgramError) as wrong:
            return Comparison(False, 0, math.inf, wrong.message)
        single = [side.places for side in (one, two) if side.places is not None]
        if single:
            fewest = min(single, key=lambda places: places.shape[1])
            one, two = one.at(fewest), two.at(fewest)
        if np.shape(one.value) != np.shape(two.value):
            return Comparison(False, 0, math.inf, f"the shapes are {np.shape(one.value)} and {np.shape(two.value)}")
        return _close(one, two)

    def side(self, equation: Equation) -> _Side:
        for known, side in self.recent:
            if known is equation:
                return side
        term = _meant(equation, self.environment)
        places = entries(term, equation.indices, self.environment, self.seed)
        node = compiled(term, equation.indices)
        if places is None:
            number, _ = node.over(self.environment)
        else:
            grid, _ = Binding(equation.indices, 0)(Grid.empty(self.environment, len(equation.indices)))
            axes = (grid.places[index][1].reshape(-1) for index in equation.indices)
            points = {index: axis[at] for index, axis, at in zip(equation.indices, axes, places, strict=True)}
            number = node.at(points, self.environment)
        side = _Side(np.asarray(plain(number)), np.asarray(scale_of(number)), places)
        self.recent.append((equation, side))
        return side


def _close(one: _Side, two: _Side) -> Comparison:
    scale = one.scale + two.scale
    usable = np.isfinite(scale) & np.isfinite(one.value)
    apart, scale = np.abs(one.value - two.value)[usable], scale[usable]
    errors = np.divide(apart, scale, out=np.where(apart > 0, math.inf, 0.0), where=scale > 0)
    largest = float(errors.max(initial=0.0))
    reason = "" if usable.all() else "a value is not finite"
    return Comparison(largest <= TOLERANCE * EPS, int(usable.sum()), largest, reason)


def _meant(equation: Equation, environment: Environment) -> Term:
    """The right side; ∂s[t]/∂s[m] of a recurrence is the derivative of its equation where that is what is worked out.

    On its own left side, and in the one rule, whose left side is an adjoint. Elsewhere it has been pushed inward.
    """
    lines = environment.equations
    if isinstance(equation.left, Partial):
        return unfolded(equation.term, lines, [equation.left])
    own = [
        node
        for node in terms.walk(equation.term)
        if isinstance(node, Partial) and isinstance(node.of, Entry) and node.of.array in lines
        if node.of.array in terms.reads(lines[node.of.array].term)
    ]
    return unfolded(equation.term, lines, own)


# --- large grids ------------------------------------------------------------------------------------------------------


def entries(term: Term, indices: Sequence[Index], environment: Environment, seed: int) -> Array | None:
    """None for the whole grid; where it is large the places to look at, as positions on the axis of each index.

    A third are edges: the first, a middle or the last value of every index. The others are random. The places of
    another term over the same domains are the same, but for how many they are.
    """
    if not indices or (largest := work(term, indices, environment)) <= LARGEST:
        return None
    grid, masks = Binding(indices, 0)(Grid.empty(environment, len(indices)))
    count = min(ENTRIES, max(FEWEST, LARGEST * math.prod(grid.extents) // largest))
    rng = np.random.default_rng(seed)
    edges = [np.unique([0, length // 2, length - 1]) for length in grid.extents]
    corners = np.stack([each.reshape(-1) for each in np.meshgrid(*edges, indexing="ij")])
    corners = corners[:, rng.permutation(corners.shape[1])[: ENTRIES // 3]]
    anywhere = np.stack([rng.integers(0, length, size=ENTRIES - corners.shape[1]) for length in grid.extents])
    places = np.concatenate([corners, anywhere], axis=1)[:, rng.permutation(ENTRIES)]
    inside = np.ones(places.shape[1], dtype=bool)
    for mask in masks:
        inside &= np.broadcast_to(mask, grid.extents)[tuple(places)]
    return places[:, inside][:, :count]


def work(term: Term, indices: Sequence[Index], environment: Environment) -> int:
    """How many places the grid of a term has, where it is deepest; conditions not counted."""
    rank = len(indices) + sum(len(terms.bound_in(node)) for node in terms.walk(term))
    grid, _ = Binding(indices, 0)(Grid.empty(environment, rank))
    return max(_places(term, grid, len(indices)))


def _places(term: Term, grid: Grid, depth: int) -> Iterator[int]:
    bound = terms.bound_in(term)
    yield math.prod(grid.extents)
    if bound:
        try:
            grid, _ = Binding(bound, depth)(grid)
        except OutsideRead:  # an extent that only a condition, not looked at here, keeps from being read
            return
        yield math.prod(grid.extents)
    for child in terms.children(term):
        yield from _places(child, grid, depth + len(bound))
