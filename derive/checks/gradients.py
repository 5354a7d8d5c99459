"""Each check of a gradient, run at its points.

Thresholds, relative as `derive.checks.comparing` says:

    central differences  1e-5   h^2 + eps/h at the best step is some 1e-10; 1e-5 leaves room for curvature. Where the
                                quotients themselves do not agree to 1e-5, they decide nothing, and that is said.
    complex step         1e-10  it is exact to rounding; a wrong formula is wrong in its first digits
    torch                1e-10  the same
    certified            -      counts the right digits of the doubles and never fails: the printed digits come from the
                                certified values and are right in any case. With no right digit nothing is held.

Each of the first three compares two numbers that were computed from the same intermediate values, so that the answer is
about the formulas and not about the condition of the function; that is what the certified digits tell. Where doubles
disagree all the same, `derive.checks.doubts` asks once more.
"""

from __future__ import annotations

import random
import sys
from math import inf, isfinite, isnan

from derive.checks.comparing import doubles, gradient_in_doubles, path_sizes, relative, result_of
from derive.checks.doubts import UNSETTLED, once_more
from derive.checks.results import Entry, Result
from derive.errors import DomainError, MissingPartError, UndecidedError, WorkLimitError
from derive.evaluate import evaluate
from derive.indicators import Undefined
from derive.program import Program
from derive.step import Derivation
from derive.worked import Worked

DIFFERENCES = 1e-5
COMPLEX_STEP = 1e-10
TORCH = 1e-10

#: A derivative below this times the complex step is no double.
SMALLEST = 1e-200
#: What a complex step may give for a derivative of 0, relative to max(1, |f|): its truncation is about
#: h^2 = 1e-200, with room for the third derivative.
TINY = 1e-150
#: Lines evaluated by one check of differences at most; with more inputs than that allows, some of them are taken.
WORK = 1_000_000
#: Where doubles lose digits, two ways to round may differ in their error by as much as this.
ROUNDED_OTHERWISE = 1000


def _differences(points: list[Worked], _: list[Derivation], seed: int) -> Result:
    from derive.checks.differences import central_difference

    entries: list[Entry] = []
    reasons: list[str] = []
    for worked in points:
        program = worked.program
        try:
            at = doubles(worked)
            values = evaluate(program, at)
            for output, derivation in worked.adjoints.items():
                gradient, sizes = gradient_in_doubles(derivation, values), path_sizes(derivation, values)
                spoilt = [(size, values[node]) for node, size in sizes.items()]
                noise = sys.float_info.epsilon * sum(
                    size * abs(value)
                    for size, value in spoilt
                    if not isinstance(size, Undefined) and not isinstance(value, Undefined)
                )
                chosen = affordable(program, len(points) * len(worked.adjoints), seed)
                if len(chosen) < len(program.inputs):
                    reasons.append(f"{len(chosen)} of {len(program.inputs)} inputs were taken")
                compared: dict[str, Entry] = {}
                for name in chosen:
                    size = max(sizes[name], abs(gradient[name]))
                    # a derivative of 0 has no size: its quotients settle beside the function itself
                    settled = DIFFERENCES * (size or max(1.0, abs(values[output])))
                    found = central_difference(
                        program, output, at, name,
                        enough=1e-3 * settled if isfinite(size) else 0.0, settled=settled if isfinite(size) else 0.0,
                        noise=noise if isfinite(noise) else 0.0, size=size,
                    )  # fmt: skip
                    told, reference, error = found.reason, found.value, None
                    if reference is not None:
                        if found.error > max(settled, DIFFERENCES * abs(reference)):
                            # beside the function itself they may have settled: at a derivative of nearly 0
                            beside = found.error <= DIFFERENCES * max(1.0, abs(values[output]))
                            near = abs(gradient[name] - reference) <= 2 * found.error
                            told, reference = UNSETTLED, reference if beside and near else None
                        else:
                            error = relative(gradient[name], reference, sizes[name], found.error)
                    compared[name] = Entry(
                        program.label(output), program.label(name), gradient[name], reference, error, told
                    )
                entries += once_more(worked, derivation, compared, DIFFERENCES, reasons)
        except (DomainError, UndecidedError) as reason:
            reasons.append(f"doubles have no value: {reason.message}")
    return result_of("differences", entries, DIFFERENCES, reasons)


def affordable(program: Program, times: int, seed: int) -> list[str]:
    """The inputs, or a seeded choice of as many as the work allows."""
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
            at = doubles(worked)
            if kink := at_a_kink(program, at):
                reasons.append(kink)
                continue
            values = complex_values(program, at)
            for output, derivation in worked.adjoints.items():
                gradient, sizes = gradient_in_doubles(derivation, values), path_sizes(derivation, values)
                chosen = affordable(program, len(points) * len(worked.adjoints), seed)
                if len(chosen) < len(program.inputs):
                    reasons.append(f"{len(chosen)} of {len(program.inputs)} inputs were taken")
                compared: dict[str, Entry] = {}
                for name in chosen:
                    found = complex_step(program, output, at, name)
                    error, told = None, found.reason
                    if 0 < sizes[name] < SMALLEST:
                        told = "the derivative is too small for doubles"
                    elif found.value is not None:
                        error = relative(gradient[name], found.value, sizes[name], TINY * max(1.0, abs(values[output])))
                    compared[name] = Entry(
                        program.label(output), program.label(name), gradient[name], found.value, error, told
                    )
                entries += once_more(worked, derivation, compared, COMPLEX_STEP, reasons)
        except (DomainError, UndecidedError) as reason:
            reasons.append(f"doubles have no value: {reason.message}")
    return result_of("complex-step", entries, COMPLEX_STEP, reasons)


def _torch(points: list[Worked], _: list[Derivation], seed: int) -> Result:
    from derive.checks.autograd import autograd_gradient, tie

    entries: list[Entry] = []
    reasons: list[str] = []
    for worked in points:
        program = worked.program
        try:
            at = doubles(worked)
            values = evaluate(program, at)
            if tied := tie(program, values):
                reasons.append(tied)
                continue
            for output, derivation in worked.adjoints.items():
                theirs, ours = autograd_gradient(derivation, at)
                plain, sizes = gradient_in_doubles(derivation, values), path_sizes(derivation, values)
                compared: dict[str, Entry] = {}
                strange: list[Entry] = []
                for name in program.input_names:
                    finite = isfinite(ours[name]) or isfinite(theirs[name])
                    error = relative(ours[name], theirs[name], sizes[name]) if finite else None
                    told = "" if finite else "the derivative is beyond the largest double"
                    if isnan(ours[name]) and isfinite(plain[name]):
                        error, told = inf, f"the emitted code gives nan, and its trace {plain[name]:.6g}"
                    entry = Entry(program.label(output), program.label(name), ours[name], theirs[name], error, told)
                    # more digits know nothing of the emitted code: it must give what its trace gives in doubles, or
                    # be about as far from the true value
                    true = worked.number(worked.adjoint(name, output)) or 0.0
                    near = abs(ours[name] - true) <= ROUNDED_OTHERWISE * abs(plain[name] - true)
                    if near or relative(ours[name], plain[name], sizes[name]) <= TORCH:
                        compared[name] = entry
                    else:
                        strange.append(entry)
                entries += [*strange, *once_more(worked, derivation, compared, TORCH, reasons)]
        except (DomainError, UndecidedError) as reason:
            reasons.append(f"doubles have no value: {reason.message}")
        except MissingPartError as reason:
            return Result("torch", None, reason.message)
    return result_of("torch", entries, TORCH, reasons)


def _certified(points: list[Worked], _: list[Derivation], seed: int) -> Result:
    """Where no digit of an entry is right nothing is called wrong: the formulas are held by the other checks."""
    from derive.checks.certified import worst_entry

    found: list[tuple[int, str]] = []
    reason = ""
    for worked in points:
        if not worked.certified:
            reason = "python-flint is not installed; run: pip install python-flint"
            continue
        try:
            worst = worst_entry(worked)
        except DomainError as outside:
            reason = f"doubles have no value: {outside.message}"
            continue
        if worst is not None:
            found.append(worst)
    if not found:
        return Result("certified", None, reason)
    digits, entry = min(found)
    return Result("certified", True if digits else None, reason, digits=digits, entry=entry)


def _steps(points: list[Worked], tangent: list[Derivation], seed: int) -> Result:
    from derive.checks.steps import check_steps

    run = held = 0
    worst = 0.0
    wrong: list[str] = []
    reason = ""
    given = [worked.at for worked in points]
    seen: set[int] = set()
    try:
        for derivation in (*points[0].adjoints.values(), *tangent):
            for step, checked in check_steps(derivation, given, seed=seed).items():
                if id(step) in seen:  # the steps of the trace belong to every sweep
                    continue
                seen.add(id(step))
                if not checked.points:
                    reason = f"{step.before.name}: {checked.reason}"
                    continue
                if checked.reason and checked.holds:
                    reason = f"not at every point: {checked.reason}"
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


#: Check -> how it is run: at worked points, with further derivations whose steps belong to it, and a seed.
CHECKS = {
    "torch": _torch,
    "differences": _differences,
    "complex-step": _complex_step,
    "certified": _certified,
    "steps": _steps,
}
