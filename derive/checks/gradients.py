"""Each check of a gradient, run at its points.

Thresholds. An error is taken relative to the sum of the absolute contributions of all paths from the output to the
input (the reverse sweep with every local partial replaced by its size): what rounding can spoil is a part of that sum,
also where the derivative itself nearly cancels. Where that sum is 0, and so is our derivative, the error of the method
itself is what a reference may differ by.

    central differences  1e-5   h^2 + eps/h at the best step is some 1e-10; 1e-5 leaves room for curvature. Where the
                                quotients themselves do not agree to 1e-5, they decide nothing, and that is said.
    complex step         1e-10  it is exact to rounding; a wrong formula is wrong in its first digits
    torch                1e-10  the same
    certified            -      counts the right digits of the doubles and never fails: the printed digits come from the
                                certified values and are right in any case

Each of the first three compares two numbers that were computed from the same intermediate values, so that the answer is
about the formulas and not about the condition of the function; that is what the certified digits tell. Where doubles
disagree all the same, they may have lost their digits: then `derive.checks.precise` compares the gradient with
differences in hundreds of digits, and only what disagrees there too is wrong.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import inf, isfinite

from derive.checks.results import Entry, Result
from derive.errors import DomainError, MissingPartError, UndecidedError, WorkLimitError
from derive.evaluate import evaluate, sweep
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
#: The same for the comparison in hundreds of digits, and inputs that are compared so in any case.
PRECISE_WORK = 100_000
FEWEST_PRECISE = 8
#: Where doubles lose digits, two ways to round may differ in their error by as much as this.
ROUNDED_OTHERWISE = 1000
AGREES = "doubles lose digits here; agrees in {}-digit arithmetic"
UNSETTLED = "the difference quotients do not settle to 1e-5"


def _doubles(worked: Worked) -> dict[str, float]:
    """The doubles nearest to the point."""
    return {name: float(worked.number(worked.values[name]) or 0.0) for name in worked.program.input_names}


def path_sizes(derivation: Derivation, values: Mapping[str, float]) -> dict[str, float]:
    """Node -> sum of the absolute contributions of all paths: the reverse sweep over sizes of local partials."""
    sizes = sweep(derivation, values, of=abs)
    return {node: sizes.get(name, 0.0) for node, name in derivation.names.items()}


def relative(value: float, reference: float, size: float, floor: float = 0.0) -> float:
    """The error relative to the contributions; to the larger of the two numbers where those overflow.

    floor : what the reference may be where there are no contributions at all: the error of its own method.
    """
    if value == reference or (value == size == 0 and abs(reference) <= floor):
        return 0.0
    scale = max(abs(value), abs(reference))
    if isfinite(size):
        scale = max(scale, size)
    error = abs(value - reference) / scale
    return error if isfinite(error) else inf


def _gradient(derivation: Derivation, values: Mapping[str, float]) -> dict[str, float]:
    """Our gradient in doubles, from given values of the trace."""
    found = sweep(derivation, values)
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
    wrong = [entry for entry in listed if entry.error is not None and _wrong(entry, entry.error, tolerance)]
    precise = max((entry.precise for entry in listed if entry.precise is not None), default=None)
    return Result(name, not wrong, reason, worst, listed, precise=precise)


def _wrong(entry: Entry, error: float, tolerance: float) -> bool:
    """Doubles decide where nothing else was asked."""
    return error > tolerance if entry.agrees is None else not entry.agrees


def _once_more(
    worked: Worked, derivation: Derivation, entries: Mapping[str, Entry], tolerance: float, reasons: list[str]
) -> list[Entry]:
    """The entries by input; those that doubles do not decide, with what hundreds of digits say.

    They do not where they disagree, where quotients have not settled, and where ours has lost its digits: two
    numbers may then agree on a 0 that neither should be.
    """

    def lost(name: str, value: float) -> bool:
        true = worked.number(worked.adjoint(name, derivation.output)) if worked.certified else None
        return true is not None and isfinite(true) and relative(value, true, 0.0) > tolerance

    doubtful = [
        name
        for name, entry in entries.items()
        if entry.reason == UNSETTLED
        or (entry.error is not None and (entry.error > tolerance or lost(name, entry.value)))
    ]
    if not doubtful:
        return list(entries.values())
    from derive.checks.precise import agreements  # needs python-flint

    doubtful.sort(key=lambda name: -(entries[name].error or 0.0))
    compared = doubtful[: max(FEWEST_PRECISE, PRECISE_WORK // (8 * max(1, len(worked.program))))]
    try:
        found = agreements(derivation, worked.at, compared)
    except MissingPartError as missing:
        reasons.append(missing.message)
        return list(entries.values())
    if len(compared) < len(doubtful):
        reasons.append(f"{len(compared)} of {len(doubtful)} derivatives were compared in more digits")
    kept = dict(entries)
    for name in doubtful:
        entry = entries[name]
        agreement = found.get(name)
        if agreement is None:  # one of too many: the worst of them speak for it
            if entry.error is not None:
                kept[name] = replace(entry, agrees=all(other.agrees for other in found.values()))
        elif entry.error is None:
            # quotients that did not settle decide nothing; these do
            error = inf if entry.reference is None else relative(entry.value, entry.reference, 0.0)
            if agreement.agrees is False:
                told = f"disagrees in {agreement.digits}-digit arithmetic"
                kept[name] = replace(entry, error=error, reason=told, agrees=False, precise=agreement.error)
            elif agreement.agrees and entry.reference is not None:
                kept[name] = replace(entry, error=error, reason="", agrees=True, precise=agreement.error)
                reasons.insert(0, AGREES.format(agreement.digits))
        elif agreement.agrees is None and entry.error <= tolerance:
            pass
        elif agreement.agrees is None:
            told = f"doubles disagree by {entry.error:.1e}, and more digits do not decide: {agreement.reason}"
            kept[name] = replace(entry, error=None, reason=told)
        else:
            kept[name] = replace(entry, agrees=agreement.agrees, precise=agreement.error)
            reasons.insert(
                0,
                AGREES.format(agreement.digits)
                if agreement.agrees
                else f"disagrees in {agreement.digits}-digit arithmetic too",
            )
    return list(kept.values())


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
                gradient, sizes = _gradient(derivation, values), path_sizes(derivation, values)
                spoilt = [(size, values[node]) for node, size in sizes.items()]
                noise = sys.float_info.epsilon * sum(
                    size * abs(value)
                    for size, value in spoilt
                    if not isinstance(size, Undefined) and not isinstance(value, Undefined)
                )
                chosen = _affordable(program, len(points) * len(worked.adjoints), seed)
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
                entries += _once_more(worked, derivation, compared, DIFFERENCES, reasons)
        except (DomainError, UndecidedError) as reason:
            reasons.append(f"doubles have no value: {reason.message}")
    return _result("differences", entries, DIFFERENCES, reasons)


def _affordable(program: Program, times: int, seed: int) -> list[str]:
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
            at = _doubles(worked)
            if kink := at_a_kink(program, at):
                reasons.append(kink)
                continue
            values = complex_values(program, at)
            for output, derivation in worked.adjoints.items():
                gradient, sizes = _gradient(derivation, values), path_sizes(derivation, values)
                chosen = _affordable(program, len(points) * len(worked.adjoints), seed)
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
                entries += _once_more(worked, derivation, compared, COMPLEX_STEP, reasons)
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
                plain, sizes = _gradient(derivation, values), path_sizes(derivation, values)
                compared: dict[str, Entry] = {}
                strange: list[Entry] = []
                for name in program.input_names:
                    finite = isfinite(ours[name]) or isfinite(theirs[name])
                    error = relative(ours[name], theirs[name], sizes[name]) if finite else None
                    told = "" if finite else "the derivative is beyond the largest double"
                    entry = Entry(program.label(output), program.label(name), ours[name], theirs[name], error, told)
                    # more digits know nothing of the emitted code: it must give what its trace gives in doubles, or
                    # be about as far from the true value
                    true = worked.number(worked.adjoint(name, output)) or 0.0
                    near = abs(ours[name] - true) <= ROUNDED_OTHERWISE * abs(plain[name] - true)
                    if near or relative(ours[name], plain[name], sizes[name]) <= TORCH:
                        compared[name] = entry
                    else:
                        strange.append(entry)
                entries += [*strange, *_once_more(worked, derivation, compared, TORCH, reasons)]
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
    return Result("certified", True, reason, digits=min(found))


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
