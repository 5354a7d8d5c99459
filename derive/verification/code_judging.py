"""Which assignment of a run is the first wrong one, and what follows from it: told by runs with one value put right.

A variable is held against what its name stands for, else against every quantity and gradient of its shape. What is
overwritten, scaled or added to before it is used is a partial result, and judged when it is complete. A wrong value is
replaced by the right one, just after the statement that stored it, and the work runs again: what then becomes right
was carried. A value whose correction makes others wrong was meant as something else, and is not charged.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from derive.verification.code_confinement import Record, Run, Site
from derive.verification.code_fits import Fit, Matching, Place
from derive.verification.code_names import Names
from derive.verification.code_reference import Candidate, Reference, squeezed, worst

#: Most runs with corrections for one work at one point.
RUNS = 400
#: Most layers that are tried for a variable that does not say which it belongs to.
LAYERS = 6
#: Errors that stop a run and are the work's own mistake.
MISTAKES = frozenset({"ValueError", "RuntimeError", "IndexError", "ZeroDivisionError", "FloatingPointError"})


@dataclass
class Charge:
    """A mistake.  place : the first at which it was met.  expected : None where the run stopped there."""

    site: int
    record: Record | None
    expected: Candidate | None
    event: dict[str, Any] | None = None


@dataclass
class Outcome:
    """What was found at one point.

    fits : of the run as it is.  charges : in order of execution.  carried : site -> the charged site it follows from.
    excused : sites that mean something else by a name.  failed : lines that raised an error and were charged for it.
    """

    run: Run
    fits: list[Fit]
    charges: list[Charge] = field(default_factory=list)
    carried: dict[int, int] = field(default_factory=dict)
    excused: dict[int, Candidate] = field(default_factory=dict)
    undecided: dict[int, str] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)

    def is_charged(self, event: dict[str, Any]) -> bool:
        """Whether an error that was raised is itself the mistake."""
        return any(charge.event is not None and charge.event["line"] == event["line"] for charge in self.charges)


class Assessing:
    """One work at one point.  execute : runs it with corrections, place -> value."""

    def __init__(
        self,
        sites: Sequence[Site],
        names: Names,
        reference: Reference,
        execute: Callable[[Mapping[Place, Any]], Run],
        deadline: float,
    ) -> None:
        self.sites = sites
        self.matching = Matching(sites, names, reference)
        self.execute = execute
        self.deadline = deadline
        self.runs = 0

    def outcome(self) -> Outcome:
        """The mistakes at this point, and what follows from them."""
        run = self._run({})
        outcome = Outcome(run, self.matching.fits(run))
        patches: dict[Place, Any] = {}
        fits = outcome.fits
        before = self._wrong(fits, outcome)
        for _ in range(40):
            first = self._first(run, fits, outcome)
            if first is None:
                break
            charge, found = self._blame(fits, first, patches, outcome)
            if charge is None:
                continue  # excused
            known = next((each for each in outcome.charges if each.site == charge.site), None)
            if known is None:
                outcome.charges.append(charge)
            if charge.expected is None or charge.record is None:
                outcome.failed.add((charge.event or {"line": 0})["line"])
                continue
            patches |= found
            if self.runs >= RUNS or time.monotonic() > self.deadline:
                break
            run = self._run(patches)
            fits = self.matching.fits(run)
            now = self._wrong(fits, outcome)
            for site, count in before.items():
                if site != charge.site and now[site] < count:
                    outcome.carried.setdefault(site, charge.site)
            before = now
        for fit in outcome.fits:
            if fit.final and fit.rough:
                outcome.undecided[fit.record.site] = (
                    f"{fit.record.path} is right to the digits that float32 or less leaves; leave out the cast"
                )
        right = {fit.record.site for fit in outcome.fits if fit.right or fit.found is not None}
        for fit in outcome.fits:
            if fit.moved and fit.final and fit.wanted and not fit.right and fit.record.site not in right:
                outcome.undecided[fit.record.site] = f"{fit.moved} was changed before: other values are right here"
        charged = {charge.site for charge in outcome.charges}
        rest = set(self._wrong(fits, outcome)) - charged
        for site in (*rest, *charged):
            outcome.carried.pop(site, None)
        for site in rest:
            outcome.undecided[site] = "it comes after a mistake that could not be put right"
        return outcome

    def _run(self, patches: Mapping[Place, Any]) -> Run:
        self.runs += 1
        return self.execute(patches)

    def _wrong(self, fits: Sequence[Fit], outcome: Outcome) -> Counter[int]:
        """Site -> how many wrong values it stored."""
        return Counter(fit.record.site for fit in fits if fit.wrong and fit.record.site not in outcome.excused)

    def _first(self, run: Run, fits: Sequence[Fit], outcome: Outcome) -> Fit | dict[str, Any] | None:
        for fit in fits:
            if fit.wrong and fit.record.site not in outcome.excused:
                return fit
        failure = next(iter(run.failures), None)
        if failure is not None and failure["kind"] in MISTAKES and failure["line"] not in outcome.failed:
            return failure
        return None

    def _blame(
        self, fits: Sequence[Fit], first: Fit | dict[str, Any], patches: Mapping[Place, Any], outcome: Outcome
    ) -> tuple[Charge | None, dict[Place, Any]]:
        """Which value before the first wrong one, or which of its own, is to be charged; and what puts it right.

        Tried are values that are nothing known, and those that are a multiple of what they may have been meant to be,
        or another gradient than their name says; the latter only count if more becomes right than the first wrong one.
        """
        charged = {charge.site for charge in outcome.charges}
        left, at = len(fits) + 1, len(fits)
        if isinstance(first, Fit):
            expected, alone = self._likeliest(first, patches, outcome)
            left, at = self._count(alone, outcome), fits.index(first)
            if first.record.site not in charged and self._is_other(fits, alone):
                outcome.excused[first.record.site] = expected
                return None, {}
        again = isinstance(first, Fit) and first.record.site in charged
        for fit in () if again else self._suspects(fits[:at], charged):
            doubtful = fit.partial or fit.found is not None
            for candidate in self._repairs(fit):
                for patch in self._patches(fit, candidate, fits):
                    if self.runs >= RUNS or time.monotonic() > self.deadline:
                        break
                    tried = self._run({**patches, **patch})
                    now = self.matching.fits(tried)
                    still = self._first(tried, now, outcome)
                    mended = still is None or (isinstance(first, Fit) and _after(still, first, now))
                    if mended and self._count(tried, outcome) <= left - doubtful:
                        return Charge(fit.record.site, fit.record, candidate), patch
        if isinstance(first, dict):
            return Charge(self._site_at(first["line"]), None, None, first), {}
        start = self._start_of(first, fits[:at])
        chosen = expected if start is first else self._likeliest(start, patches, outcome)[0]
        return Charge(start.record.site, start.record, chosen), {start.place: _patch(chosen, start.record)}

    def _patches(self, fit: Fit, candidate: Candidate, fits: Sequence[Fit]) -> Iterator[dict[Place, Any]]:
        """A value put right; or, in a loop, all that its statement stored as the same multiple of something."""
        one = {fit.place: _patch(candidate, fit.record)}
        yield one
        if candidate == fit.multiple:
            others = [each for each in fits if each.record.site == fit.record.site and each is not fit]
            more = {
                each.place: _patch(meant, each.record)
                for each in others
                if (meant := each.multiple or each.found) is not None
            }
            if more:
                yield more | one

    def _likeliest(self, fit: Fit, patches: Mapping[Place, Any], outcome: Outcome) -> tuple[Candidate, Run]:
        """What should have been stored, and the run with it: of several layers what has the shape and mends most."""
        shape = squeezed(fit.record.shape)
        exact = [each for each in fit.wanted if squeezed(each.shape) == shape]
        turned = [each for each in fit.wanted if squeezed(each.shape)[::-1] == shape]
        tried = [
            (candidate, self._run({**patches, fit.place: _patch(candidate, fit.record)}))
            for candidate in (exact or turned or list(fit.wanted))[:LAYERS]
        ]
        return min(tried, key=lambda pair: self._count(pair[1], outcome))

    def _is_other(self, fits: Sequence[Fit], alone: Run) -> bool:
        """Whether putting a value right makes right ones wrong: then its name was meant otherwise."""
        right = {fit.place for fit in fits if fit.final and fit.right and fit.place > (-1, 0)}
        spoiled = [fit for fit in self.matching.fits(alone) if fit.place in right and fit.wrong]
        return bool(spoiled)

    def _suspects(self, fits: Sequence[Fit], charged: set[int]) -> list[Fit]:
        """Values before a wrong one that are nothing known, the earliest first; those of a charged line first.

        Simple multiples of what a name stands for are among them: they may be meant, and then nothing is gained.
        """
        unknown = [
            fit for fit in fits
            if (fit.found is None or fit.wanted) and not fit.right and any(fit.record.entries)
            and fit.record.type.startswith("float")
        ]  # fmt: skip
        return sorted(unknown, key=lambda fit: fit.record.site not in charged)

    def _repairs(self, fit: Fit) -> Iterator[Candidate]:
        """Values that may have been meant instead."""
        shape = squeezed(fit.record.shape)
        wanted = [each for each in fit.wanted if squeezed(each.shape) == shape]
        yield from wanted
        if fit.found is not None:
            return
        if fit.partial:
            yield from () if fit.multiple is None or fit.multiple in wanted else (fit.multiple,)
            return
        others = [each for each in self.matching.forms(fit.record.shape) if each not in wanted]
        yield from others
        if not fit.final and not fit.wanted:  # it is scaled later
            for candidate in (*wanted, *others):
                for factor in self.matching.scales:
                    yield replace(candidate, entries=tuple(factor * value for value in candidate.entries))

    def _start_of(self, first: Fit, before: Sequence[Fit]) -> Fit:
        """Where a variable that is reassigned from itself, layer by layer, first held nothing known."""
        for fit in before:
            site = self.sites[fit.record.site]
            shapes = {squeezed(each.shape) for each in fit.wanted}
            unknown = fit.found is None and not fit.partial and squeezed(fit.record.shape) in shapes
            if fit.record.path == first.record.path and unknown and site.kind == "assign" and site.again:
                return fit
        return first

    def _count(self, run: Run, outcome: Outcome) -> int:
        """How many values of a run are wrong."""
        return self._wrong(self.matching.fits(run), outcome).total() + 1000 * len(run.failures)

    def _site_at(self, line: int) -> int:
        found = [k for k, site in enumerate(self.sites) if site.line <= line]
        return next((k for k, site in enumerate(self.sites) if site.line == line), found[-1] if found else -1)


def _after(still: Fit | dict[str, Any], first: Fit, fits: Sequence[Fit]) -> bool:
    """Whether what is wrong now comes after what was wrong first."""
    if isinstance(still, dict):
        return False
    places = [fit.place for fit in fits]
    return first.place in places and places.index(still.place) > places.index(first.place)


def _patch(candidate: Candidate, record: Record) -> dict[str, Any]:
    """The right entries, in the shape that was stored where they fit it."""
    fits = prod(record.shape) == len(candidate.entries) and squeezed(record.shape) == squeezed(candidate.shape)
    return {"entries": candidate.entries, "shape": record.shape if fits else candidate.shape}


def difference(record: Record, candidate: Candidate) -> int | None:
    """The entry at which a value of the right shape is furthest off."""
    if squeezed(record.shape) != squeezed(candidate.shape):
        return None
    return worst(record.entries, candidate.entries)
