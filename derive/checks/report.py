"""`check`: the gradient held against everything that does not share its derivation, as a table and as data.

Thresholds. An error is taken relative to the sum of the absolute contributions of all paths from the output to the
input (the reverse sweep with every local partial replaced by its size): what rounding can spoil is a part of that sum,
also where the derivative itself nearly cancels.

    central differences  1e-5   h^2 + eps/h at the best step is some 1e-10; 1e-5 leaves room for curvature. Where the
                                difference quotients themselves do not agree to 1e-5, the check decides nothing and says so.
    complex step         1e-10  it is exact to rounding; a wrong formula is wrong in its first digits
    torch                1e-10  the same
    certified            1      right digits of the doubles; the printed digits come from the certified values and are
                                right in any case, but at 0 the emitted code gives numbers that mean nothing

Each of the first three compares two numbers that were computed from the same intermediate values, so that the answer is
about the formulas and not about the condition of the function; that is what the certified digits tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf, isfinite
from typing import Any

from derive import tree as t
from derive.adjoints import reverse
from derive.checks.sampling import random_points
from derive.errors import DomainError, MissingPartError, UndecidedError, UsageError, WorkLimitError
from derive.evaluate import FLOATS, evaluate, local_value
from derive.program import Program
from derive.step import Derivation
from derive.tree import Tree
from derive.worked import Worked, evaluated, point

DIFFERENCES = 1e-5
COMPLEX_STEP = 1e-10
TORCH = 1e-10
FEWEST_DIGITS = 1

#: Check -> its title, in the order of the table.
TITLES = {
    "torch": "torch autograd",
    "differences": "central differences",
    "complex-step": "complex step",
    "certified": "certified digits",
    "steps": "steps run",
}
DEFAULT = ("differences", "complex-step", "certified")
#: Lines evaluated by one check of differences at most; with more inputs than that allows, some of them are taken.
WORK = 2_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One derivative of one output by one input at one point.

    value : ours.  reference : the check's.  error : relative to the contributions; None where not compared: `reason`.
    """

    output: str
    input: str
    value: float
    reference: float | None
    error: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """passed : None where nothing was compared, and `reason` says why; `reason` may also say what was left out.

    error : the largest of the entries.  digits : right digits.  run, held : numbers of steps.
    """

    name: str
    passed: bool | None
    reason: str = ""
    error: float | None = None
    entries: tuple[Entry, ...] = ()
    digits: int | None = None
    run: int = 0
    held: int = 0

    @property
    def text(self) -> str:
        """The finding in a few words."""
        if self.digits is not None:
            return f"{self.digits} of 17 digits of the gradient in doubles are right" + (
                "" if self.digits >= 9 else ": double precision loses digits here"
            )
        if self.run:
            found = f"{self.held} of {self.run} steps hold"
        elif self.error is not None:
            found = f"largest relative error {self.error:.1e}"
        else:
            return self.reason
        return found + (f"; {self.reason}" if self.reason else "")

    @property
    def verdict(self) -> str:
        return "not run" if self.passed is None else "holds" if self.passed else "FAILS"


@dataclass(frozen=True)
class CheckReport:
    """What the gradient was held against.

    results : one for each check asked for.  points : input label -> value, as text, for each point.
    """

    results: tuple[Result, ...]
    points: tuple[Mapping[str, str], ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether no check that was run has failed."""
        return all(result.passed is not False for result in self.results)

    @cached_property
    def by_name(self) -> dict[str, Result]:
        return {result.name: result for result in self.results}

    def rows(self) -> list[tuple[str, str, str]]:
        """Check, finding, verdict."""
        return [(TITLES[result.name], result.text, result.verdict) for result in self.results]

    def as_data(self) -> dict[str, Any]:
        """For JSON; null for a check that was not asked for or could not be run."""
        data: dict[str, Any] = {}
        for key, name in (("torch", "torch"), ("central_difference", "differences"), ("complex_step", "complex-step")):
            result = self.by_name.get(name)
            data[key] = None
            if result is not None and result.error is not None:
                error = result.error if isfinite(result.error) else "inf"
                data[key] = {"max_relative_error": error, "passed": result.passed}
        certified = self.by_name.get("certified")
        data["certified_digits"] = certified.digits if certified else None
        steps = self.by_name.get("steps")
        data["steps"] = {"run": steps.run, "held": steps.held} if steps is not None and steps.run else None
        return data

    def __str__(self) -> str:
        rows = [("check", "result", "verdict"), *self.rows()]
        widths = [max(len(row[k]) for row in rows) for k in range(2)]
        lines = [f"{row[0].ljust(widths[0])}  {row[1].ljust(widths[1])}  {row[2]}" for row in rows]
        for at in self.points:
            lines.append("at " + ", ".join(f"{name} = {value}" for name, value in list(at.items())[:10]))
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        import html  # for notebooks only

        head = "".join(f"<th>{title}</th>" for title in ("check", "result", "verdict"))
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def check(
    target: Any,
    at: Mapping[str, Any] | str | None = None,
    *,
    against: Collection[str] | str = DEFAULT,
    seed: int = 0,
) -> CheckReport:
    """Hold a gradient against independent ones.

    target : text, a Program, a Derivation (its own adjoint lines are held), or a Worked.
    at : a point, as "x1=1.5,x2=1/3" or a mapping of names; without one, two seeded random points inside the domain.
    against : "torch", "differences", "complex-step", "certified", "steps", several of them, or "all".
    seed : any integer, for the random points.
    A check that cannot be run (torch not installed, a point at a kink) says why; it does not fail.
    Raises UsageError for an unknown check, DomainError for a point at which there is no gradient.
    """
    names = _names(against)
    worked, tangent = _worked(target)
    program = worked.program
    if at is not None or not worked.has_point:
        worked = Worked(program, worked.adjoints, None, {}, worked.digits)
    if at is not None:
        from derive.display import point_of

        points = [point(program, point_of(at))]
    elif worked.has_point:
        points = [dict(worked.at)]
    else:
        points = random_points(program, worked.adjoints.values(), 2, seed)
    if program.inputs and not points:
        reason = "no random point is inside the domain; give one"
        return CheckReport(tuple(Result(name, None, reason) for name in names))
    at_points = [
        worked if worked.has_point else evaluated(Worked(program, worked.adjoints, None, given, worked.digits))
        for given in points
    ]
    # without certified values a point may still lie outside the domain of doubles, which is told by each check
    results = [_RUN[name](at_points, tangent, seed) for name in names]
    texts = tuple({program.label(name): _shown(tree) for name, tree in given.items()} for given in points)
    return CheckReport(tuple(results), texts)


def _shown(tree: Tree) -> str:
    from derive.text import formula

    return formula(tree)


def _names(against: Collection[str] | str) -> list[str]:
    chosen = [against] if isinstance(against, str) else list(against)
    if "all" in chosen:
        return list(TITLES)
    chosen = [name.replace("_", "-") for name in chosen]
    for name in chosen:
        if name not in TITLES:
            from derive.reading.known import nearest

            close = nearest(name, TITLES)
            hint = f"; did you mean {close}?" if close else f"; there are {', '.join(TITLES)} and all"
            raise UsageError(f"there is no check {name!r}{hint}")
    return [name for name in TITLES if name in chosen]


def _worked(target: Any) -> tuple[Worked, list[Derivation]]:
    """The sweeps to hold, and further derivations whose steps are run."""
    if isinstance(target, Worked):
        return target, [target.tangent] if target.tangent else []
    if isinstance(target, Derivation):
        program = target.primal
        if target.mode == "reverse" and target.output is not None:
            return Worked(program, {target.output: target}, None, {}), []
        return Worked(program, _sweeps(program), None, {}), [target] if target.mode == "forward" else []
    from derive.tracing import trace

    program = trace(target)
    return Worked(program, _sweeps(program), None, {}), []


def _sweeps(program: Program) -> dict[str, Derivation]:
    return {output: reverse(program, output) for output in program.outputs}


# --- the checks -------------------------------------------------------------------------------------------------------


def _doubles(worked: Worked) -> dict[str, float]:
    """The doubles nearest to the point."""
    return {name: float(worked.number(worked.values[name]) or 0.0) for name in worked.program.input_names}


def contributions(derivation: Derivation, values: Mapping[str, float]) -> dict[str, float]:
    """Input -> sum of the absolute contributions of all paths: the reverse sweep over sizes of local partials."""

    def value_of(operand: Any) -> float:
        return values[operand] if isinstance(operand, str) else FLOATS.constant(operand)

    sizes: dict[str, float] = {}
    for line in derivation.adjoint:
        total = 0.0 if line.source.seed is None else 1.0
        for factor, reader, slot in line.source.terms:
            total += sizes[factor] * abs(local_value(FLOATS, reader, slot, value_of, derivation.primal))
        sizes[line.name] = total
    return {name: sizes.get(derivation.names[name], 0.0) for name in derivation.primal.input_names}


def relative(value: float, reference: float, size: float) -> float:
    """The error relative to the contributions; to the larger of the two numbers where those overflow."""
    if value == reference:
        return 0.0
    scale = max(abs(value), abs(reference))
    if isfinite(size):
        scale = max(scale, size)
    error = abs(value - reference) / scale
    return error if isfinite(error) else inf


def _gradient(derivation: Derivation, values: Mapping[str, float]) -> dict[str, float]:
    """Our gradient in doubles, from given values of the trace."""
    found = evaluate(derivation.adjoint, values, FLOATS)
    return {name: float(found.get(derivation.names[name], 0.0)) for name in derivation.primal.input_names}


def _result(name: str, entries: Iterable[Entry], tolerance: float, reasons: Iterable[str]) -> Result:
    """The largest error over all entries; not run where no entry could be compared."""
    listed = tuple(entries)
    errors = [entry.error for entry in listed if entry.error is not None]
    told = list(dict.fromkeys([*reasons, *(f"{entry.input}: {entry.reason}" for entry in listed if entry.reason)]))
    reason = "; ".join(told[:2]) + (f"; and {len(told) - 2} more" if len(told) > 2 else "")
    if not errors and listed:
        return Result(name, None, reason, entries=listed)
    if not errors and told:
        return Result(name, None, reason)
    worst = max(errors, default=0.0)
    return Result(name, worst <= tolerance, reason, worst, listed)


def _differences(points: list[Worked], _: list[Derivation], seed: int) -> Result:
    from derive.checks.differences import central_difference

    entries: list[Entry] = []
    reasons: list[str] = []
    for worked in points:
        program = worked.program
        try:
            at = _doubles(worked)
            values = evaluate(program, at)
            for output, derivation in worked.adjoints.items():
                gradient, sizes = _gradient(derivation, values), contributions(derivation, values)
                chosen = _affordable(program, len(points) * len(worked.adjoints), seed)
                if len(chosen) < len(program.inputs):
                    reasons.append(f"{len(chosen)} of {len(program.inputs)} inputs were taken")
                for name in chosen:
                    size = max(sizes[name], abs(gradient[name]))
                    enough = 1e-3 * DIFFERENCES * size if isfinite(size) else 0.0
                    found = central_difference(program, output, at, name, enough=enough)
                    told, reference, error = found.reason, found.value, None
                    if reference is not None:
                        if found.error > DIFFERENCES * max(size, abs(reference)):
                            told, reference = "the difference quotients do not settle to 1e-5", None
                        else:
                            error = relative(gradient[name], reference, sizes[name])
                    entries.append(
                        Entry(program.label(output), program.label(name), gradient[name], reference, error, told)
                    )
        except (DomainError, UndecidedError) as reason:
            reasons.append(f"doubles have no value: {reason.message}")
    return _result("differences", entries, DIFFERENCES, reasons)


def _affordable(program: Program, times: int, seed: int) -> list[str]:
    """The inputs, or a seeded choice of as many as the work allows."""
    import random

    most = max(8, WORK // (8 * times * max(1, len(program))))
    names = list(program.input_names)
    return names if len(names) <= most else sorted(random.Random(seed).sample(names, most), key=names.index)


def _complex_step(points: list[Worked], _: list[Derivation], seed: int) -> Result:
    from derive.checks.differences import at_a_kink, complex_step, complex_values

    entries: list[Entry] = []
    reasons: list[str] = []
    for worked in points:
        program = worked.program
        try:
            at = _doubles(worked)
            if kink := at_a_kink(program, at):
                reasons.append(kink)
                continue
            values = complex_values(program, at)
            for output, derivation in worked.adjoints.items():
                gradient, sizes = _gradient(derivation, values), contributions(derivation, values)
                chosen = _affordable(program, len(points) * len(worked.adjoints), seed)
                if len(chosen) < len(program.inputs):
                    reasons.append(f"{len(chosen)} of {len(program.inputs)} inputs were taken")
                for name in chosen:
                    found = complex_step(program, output, at, name)
                    error = None
                    if found.value is not None:
                        error = relative(gradient[name], found.value, sizes[name])
                    entries.append(
                        Entry(program.label(output), program.label(name), gradient[name], found.value, error, found.reason)
                    )
        except (DomainError, UndecidedError) as reason:
            reasons.append(f"doubles have no value: {reason.message}")
    return _result("complex-step", entries, COMPLEX_STEP, reasons)


def _torch(points: list[Worked], _: list[Derivation], seed: int) -> Result:
    from derive.checks.autograd import autograd_gradient, tie

    entries: list[Entry] = []
    reasons: list[str] = []
    for worked in points:
        program = worked.program
        try:
            at = _doubles(worked)
            values = evaluate(program, at)
            if tied := tie(program, values):
                reasons.append(tied)
                continue
            for output, derivation in worked.adjoints.items():
                theirs, ours = autograd_gradient(derivation, at)
                sizes = contributions(derivation, values)
                for name in program.input_names:
                    error = relative(ours[name], theirs[name], sizes[name])
                    entries.append(Entry(program.label(output), program.label(name), ours[name], theirs[name], error))
        except (DomainError, UndecidedError) as reason:
            reasons.append(f"doubles have no value: {reason.message}")
        except MissingPartError as reason:
            return Result("torch", None, reason.message)
    return _result("torch", entries, TORCH, reasons)


def _certified(points: list[Worked], _: list[Derivation], seed: int) -> Result:
    from derive.checks.certified import certified_digits

    found: list[int] = []
    reason = ""
    for worked in points:
        if not worked.certified:
            reason = "python-flint is not installed; run: pip install python-flint"
            continue
        try:
            digits = certified_digits(worked)
        except DomainError as outside:
            reason = f"doubles have no value: {outside.message}"
            continue
        if digits is not None:
            found.append(digits)
    if not found:
        return Result("certified", None, reason)
    return Result("certified", min(found) >= FEWEST_DIGITS, reason, digits=min(found))


def _steps(points: list[Worked], tangent: list[Derivation], seed: int) -> Result:
    from derive.checks.steps import check_steps

    run = held = 0
    worst = 0.0
    wrong: list[str] = []
    reason = ""
    at = points[0].at
    seen: set[int] = set()
    try:
        for derivation in (*points[0].adjoints.values(), *tangent):
            for step, checked in check_steps(derivation, at, seed=seed).items():
                if id(step) in seen:  # the steps of the trace belong to every sweep
                    continue
                seen.add(id(step))
                if not checked.points:
                    reason = f"{step.before.name}: {checked.reason}"
                    continue
                run += 1
                held += checked.holds
                worst = max(worst, checked.largest_error)
                if not checked.holds:
                    wrong.append(f"{step.rule.name} at {step.before.name}")
    except (MissingPartError, WorkLimitError) as missing:
        return Result("steps", None, missing.message)
    if wrong:
        reason = "wrong: " + ", ".join(wrong[:3])
    if not run:
        return Result("steps", None, reason or "there are no steps")
    return Result("steps", held == run, reason, worst, run=run, held=held)


_RUN = {
    "torch": _torch,
    "differences": _differences,
    "complex-step": _complex_step,
    "certified": _certified,
    "steps": _steps,
}
