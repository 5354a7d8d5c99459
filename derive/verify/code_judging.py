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

from derive.verify.code_confinement import Record, Run, Site
from derive.verify.code_names import Names
from derive.verify.code_reference import Candidate, Reference, same, squeezed, worst

#: A place in a run: (site, how often it was met).
Place = tuple[int, int]
#: Most runs with corrections for one work at one point.
RUNS = 400
#: Errors that stop a run and are the work's own mistake.
MISTAKES = frozenset({"ValueError", "RuntimeError", "IndexError", "ZeroDivisionError", "FloatingPointError"})


@dataclass(frozen=True)
class Fit:
    """What a record holds.  wanted : what its name stands for, the likeliest first.  found : what its value is.

    final : nothing changes it afterwards.  partial : a simple multiple of something known, or nothing yet.
    """

    record: Record
    wanted: tuple[Candidate, ...]
    found: Candidate | None
    final: bool
    partial: bool
    right: bool

    @property
    def place(self) -> Place:
        return self.record.site, self.record.count

    @property
    def wrong(self) -> bool:
        return self.final and bool(self.wanted) and not self.right


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
    excused : sites that mean something else by a name.
    """

    run: Run
    fits: list[Fit]
    charges: list[Charge] = field(default_factory=list)
    carried: dict[int, int] = field(default_factory=dict)
    excused: dict[int, Candidate] = field(default_factory=dict)
    undecided: dict[int, str] = field(default_factory=dict)


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
        self.names = names
        self.reference = reference
        self.execute = execute
        self.deadline = deadline
        self.runs = 0
        self._wanted: dict[str, tuple[Candidate, ...]] = {}
        self._known: dict[tuple[tuple[int, ...], tuple[float, ...]], tuple[Candidate | None, bool]] = {}
        sizes = {float(size) for size in reference.model.sizes.values()} | {2.0}
        self._factors = sorted(
            {a * b for a in (1.0, *sizes) for b in (1.0, *sizes)}
            | {a / b for a in (1.0, *sizes) for b in (1.0, *sizes)}
        )

    # --- a run held against the reference -----------------------------------------------------------------------------

    def fits(self, run: Run) -> list[Fit]:
        """What every record holds."""
        following = _following(run.records)
        return [self._fit(record, run.records, following[k]) for k, record in enumerate(run.records)]

    def _fit(self, record: Record, records: Sequence[Record], after: int | None) -> Fit:
        wanted = self.wanted(record.path)
        known, multiple = self._identified(record)
        if wanted and wanted[0].meaning.kind == "value":  # a name that is also the problem's: only for what fits it
            fitting = tuple(each for each in wanted if squeezed(each.shape) == squeezed(record.shape))
            wanted = fitting if record.type.startswith("float") and record.entries else ()
        right = any(self.agrees(record, each) for each in wanted)
        empty = record.type == "None" or not any(record.entries)
        final = after is None or not (self._continues(records[after]) or (empty and not right))
        return Fit(record, wanted, known, final, multiple or empty, right)

    def _continues(self, record: Record) -> bool:
        site = self.sites[record.site]
        changed = site.kind in ("change", "look") or (site.path.startswith(record.path) and site.path != record.path)
        return changed or site.again

    def wanted(self, path: str) -> tuple[Candidate, ...]:
        """What a name stands for, where it is declared or spelled as a gradient."""
        if path not in self._wanted:
            self._wanted[path] = tuple(
                candidate
                for meaning in self.names.meanings(path)
                if meaning.sure and meaning.kind != "slope"
                for candidate in self.reference.find(meaning)
            )
        return self._wanted[path]

    @staticmethod
    def agrees(record: Record, candidate: Candidate) -> bool:
        return squeezed(record.shape) == squeezed(candidate.shape) and same(record.entries, candidate.entries)

    def _identified(self, record: Record) -> tuple[Candidate | None, bool]:
        """The quantity whose value this is, and whether it is one times a simple factor."""
        key = (record.shape, record.entries)
        if key not in self._known:
            found: Candidate | None = None
            multiple = False
            for candidate in self.forms(record.shape) if record.entries else ():
                if same(record.entries, candidate.entries):
                    found = candidate
                    break
                multiple = multiple or self._multiple(record.entries, candidate.entries)
            self._known[key] = found, multiple
        return self._known[key]

    def forms(self, shape: tuple[int, ...]) -> Iterator[Candidate]:
        """Every quantity, gradient and slope that has a shape, or has it when transposed."""
        plain = squeezed(shape)
        for candidate in self.reference.candidates:
            if squeezed(candidate.shape) == plain:
                yield candidate
        for candidate in self.reference.candidates:
            if len(plain) == 2 and candidate.shape[::-1] == plain and candidate.shape != plain:
                yield candidate.transposed

    def _multiple(self, entries: Sequence[float], right: Sequence[float]) -> bool:
        factor = next((a / b for a, b in zip(entries, right, strict=True) if b), 0.0)
        simple = any(abs(abs(factor) - each) < 1e-9 * each for each in self._factors)
        return simple and same(entries, [factor * value for value in right])

    # --- blame --------------------------------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """The mistakes at this point, and what follows from them."""
        run = self._run({})
        outcome = Outcome(run, self.fits(run))
        patches: dict[Place, Any] = {}
        fits = outcome.fits
        before = self._wrong(fits, outcome)
        for _ in range(40):
            first = self._first(run, fits, outcome)
            if first is None:
                break
            charge, place = self._blame(run, fits, first, patches, outcome)
            if charge is None:
                continue  # excused
            known = next((each for each in outcome.charges if each.site == charge.site), None)
            if known is None:
                outcome.charges.append(charge)
            if charge.expected is None or charge.record is None:
                break
            patches[place] = _patch(charge.expected, charge.record)
            if self.runs >= RUNS or time.monotonic() > self.deadline:
                break
            run = self._run(patches)
            fits = self.fits(run)
            now = self._wrong(fits, outcome)
            for site, count in before.items():
                if site != charge.site and now[site] < count:
                    outcome.carried.setdefault(site, charge.site)
            before = now
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
        stopped = run.stopped
        if stopped is not None and stopped["event"] == "failed" and stopped["kind"] in MISTAKES:
            return stopped
        return None

    def _blame(
        self, run: Run, fits: Sequence[Fit], first: Fit | dict[str, Any], patches: Mapping[Place, Any], outcome: Outcome
    ) -> tuple[Charge | None, Place]:
        charged = {charge.site for charge in outcome.charges}
        if isinstance(first, Fit):
            expected = self._expected(first.record, first.wanted)
            alone = self._run({**patches, first.place: _patch(expected, first.record)})
            left = self._count(alone, outcome)
            if first.record.site not in charged and self._is_other(first, fits, alone, outcome):
                outcome.excused[first.record.site] = expected
                return None, first.place
            at = fits.index(first)
        else:
            expected, left, at = None, len(fits) + 1, len(fits)
        for fit in self._suspects(fits[:at], charged):
            for candidate in self._repairs(fit, first):
                if self.runs >= RUNS or time.monotonic() > self.deadline:
                    break
                tried = self._run({**patches, fit.place: _patch(candidate, fit.record)})
                now = self.fits(tried)
                still = self._first(tried, now, outcome)
                mended = still is None or (isinstance(first, Fit) and _after(still, first, now))
                if mended and self._count(tried, outcome) <= left - fit.partial:
                    return Charge(fit.record.site, fit.record, candidate), fit.place
        if isinstance(first, dict):
            return Charge(self._site_at(first["line"]), None, None, first), (-1, 0)
        start = self._start_of(first, fits[:at])
        chosen = self._expected(start.record, start.wanted) if start is not first else expected
        return Charge(start.record.site, start.record, chosen), start.place

    def _expected(self, record: Record, wanted: Sequence[Candidate]) -> Candidate:
        """What should have been stored: of several what has the shape."""
        exact = [each for each in wanted if squeezed(each.shape) == squeezed(record.shape)]
        turned = [each for each in wanted if squeezed(each.shape)[::-1] == squeezed(record.shape)]
        return (exact or turned or list(wanted))[0]

    def _is_other(self, first: Fit, fits: Sequence[Fit], alone: Run, outcome: Outcome) -> bool:
        """Whether putting a value right makes right ones wrong: then its name was meant otherwise."""
        right = {fit.place for fit in fits if fit.final and fit.right and fit.place > (-1, 0)}
        spoiled = [fit for fit in self.fits(alone) if fit.place in right and fit.wrong]
        return bool(spoiled)

    def _suspects(self, fits: Sequence[Fit], charged: set[int]) -> list[Fit]:
        """Values before a wrong one that are nothing known, the earliest first; those of a charged line first.

        Simple multiples of what a name stands for are among them: they may be meant, and then nothing is gained.
        """
        unknown = [
            fit for fit in fits
            if fit.found is None and not fit.right and fit.record.entries and any(fit.record.entries)
            and (not fit.partial or fit.wanted) and fit.record.type.startswith("float")
        ]  # fmt: skip
        return sorted(unknown, key=lambda fit: fit.record.site not in charged)

    def _repairs(self, fit: Fit, first: Fit | dict[str, Any]) -> Iterator[Candidate]:
        """Values that may have been meant instead."""
        shape = squeezed(fit.record.shape)
        wanted = [each for each in fit.wanted if squeezed(each.shape) == shape]
        yield from wanted
        if fit.partial:
            return
        yield from (each for each in self.forms(fit.record.shape) if each not in wanted)
        if isinstance(first, Fit) and first.record.path == fit.record.path:
            for candidate in first.wanted:
                if squeezed(candidate.shape) != squeezed(fit.record.shape):
                    continue
                for factor in self._factors:
                    for signed in (factor, -factor):
                        if signed != 1.0:
                            entries = tuple(signed * value for value in candidate.entries)
                            yield replace(candidate, entries=entries)

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
        stopped = run.stopped is not None and run.stopped["event"] == "failed"
        return self._wrong(self.fits(run), outcome).total() + 1000 * stopped

    def _site_at(self, line: int) -> int:
        found = [k for k, site in enumerate(self.sites) if site.line <= line]
        return next((k for k, site in enumerate(self.sites) if site.line == line), found[-1] if found else -1)


def _after(still: Fit | dict[str, Any], first: Fit, fits: Sequence[Fit]) -> bool:
    """Whether what is wrong now comes after what was wrong first."""
    if isinstance(still, dict):
        return False
    places = [fit.place for fit in fits]
    return first.place in places and places.index(still.place) > places.index(first.place)


def _following(records: Sequence[Record]) -> list[int | None]:
    """For every record the next one of the same variable."""
    found: list[int | None] = [None] * len(records)
    last: dict[str, int] = {}
    for k in range(len(records) - 1, -1, -1):
        found[k] = last.get(records[k].path)
        last[records[k].path] = k
    return found


def _patch(candidate: Candidate, record: Record) -> dict[str, Any]:
    """The right entries, in the shape that was stored where they fit it."""
    fits = prod(record.shape) == len(candidate.entries) and squeezed(record.shape) == squeezed(candidate.shape)
    return {"entries": candidate.entries, "shape": record.shape if fits else candidate.shape}


def difference(record: Record, candidate: Candidate) -> int | None:
    """The entry at which a value of the right shape is furthest off."""
    if squeezed(record.shape) != squeezed(candidate.shape):
        return None
    return worst(record.entries, candidate.entries)
