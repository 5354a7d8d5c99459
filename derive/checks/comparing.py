"""How far two derivatives in doubles are apart, and what a check makes of all its entries.

An error is taken relative to the sum of the absolute contributions of all paths from the output to the input (the
reverse sweep with every local partial replaced by its size): what rounding can spoil is a part of that sum, also where
the derivative itself nearly cancels. Where that sum is 0, and so is our derivative, the error of the method itself is
what a reference may differ by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf, isfinite

from derive.checks.results import Entry, Result
from derive.evaluate import sweep
from derive.step import Derivation
from derive.worked import Worked


def doubles(worked: Worked) -> dict[str, float]:
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


def gradient_in_doubles(derivation: Derivation, values: Mapping[str, float]) -> dict[str, float]:
    """Our gradient in doubles, from given values of the trace."""
    found = sweep(derivation, values)
    return {name: float(found.get(derivation.names[name], 0.0)) for name in derivation.primal.input_names}


def result_of(name: str, entries: Iterable[Entry], tolerance: float, reasons: Iterable[str]) -> Result:
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
