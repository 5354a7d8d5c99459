"""Derivatives that doubles do not decide, compared once more with hundreds of digits.

Where two numbers in doubles disagree, they may have lost their digits; only what disagrees in more digits is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf, isfinite

from derive.checks.comparing import relative
from derive.checks.results import Entry
from derive.errors import MissingPartError
from derive.step import Derivation
from derive.worked import Worked

#: Lines evaluated by the comparison in hundreds of digits, and inputs that are compared so in any case.
PRECISE_WORK = 100_000
FEWEST_PRECISE = 8
AGREES = "doubles lose digits here; agrees in {}-digit arithmetic"
UNSETTLED = "the difference quotients do not settle to 1e-5"


def once_more(
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
