"""Python work against a problem: run in a confined process, every assignment judged, as a Report.

A row is a line of the source that assigns something, in the order in which lines are first met.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from derive.errors import UsageError
from derive.reading.latex.rows import Row
from derive.tree import Span
from derive.verify import code_diagnosis as diagnosis
from derive.verify.code_confinement import Child, Run, Site
from derive.verify.code_inputs import Inputs, is_network, turned
from derive.verify.code_judging import Assessing, Fit, Outcome, Place
from derive.verify.code_messages import NOTES, STOPS, event_line, message
from derive.verify.code_names import Meaning, Names
from derive.verify.code_reading import Code, read_code
from derive.verify.code_reference import Candidate, Reference, squeezed, worst
from derive.verify.judging import Judged, Judging, Verdict
from derive.verify.report import Line, Report

#: Share of the time that one run may take, and all runs together.
RUN, ALL = 0.35, 0.8


@dataclass
class CodeLine(Line):
    """A row of code.  got, should : the entry that is furthest off, as it is and as it should be."""

    got: str | None = None
    should: str | None = None

    def data(self, hint: bool = False) -> dict[str, Any]:
        shown = super().data(hint)
        if not hint:
            shown["lhs_value"], shown["rhs_value"] = self.got, self.should
        return shown


@dataclass
class Said:
    """What is said of a line of source so far; the strongest verdict wins."""

    line: int
    order: float
    site: Site | None = None
    verdict: str = "correct"
    evidence: str = "definition"
    reason: str = ""
    note: str = ""
    read_as: list[str] = field(default_factory=list)
    carried: int | None = None
    charge: tuple[Any, Candidate | None, Reference] | None = None


_STRENGTH = {"correct": 0, "undecided": 1, "unread": 2, "wrong": 3}


def verify_code(
    judging: Judging, text: str, *, seconds: float = 10.0, file: str | None = None, seed: int = 0, first: int = 1
) -> Report:
    """Run Python work and say of every line that assigns something whether it stores what it should.

    judging : of the problem.  seconds : for everything; a run has a third of it.  first : number of the first row.
    Raises ReadingError or LimitError for text that is no Python or too large, UsageError where it is not clear what a
    parameter stands for, MissingPartError where torch is needed and missing.
    """
    start = time.monotonic()
    code = read_code(text)
    with Child(text, torch=code.torch, cpu=seconds) as child:
        outcomes = _outcomes(judging, code, child, start, seconds)
    lines = _lines(code, child.sites, outcomes, first, seconds)
    return Report(judging.problem.title, lines, seed, file)


def _outcomes(
    judging: Judging, code: Code, child: Child, start: float, seconds: float
) -> list[tuple[Reference, Outcome]]:
    """What was found at each of two sizes and points; with vectors as columns where that is right and flat is not."""
    best: list[tuple[Reference, Outcome]] = []
    for columns in (False, True):
        found: list[tuple[Reference, Outcome]] = []
        for number in range(2):
            model = judging.models[number % len(judging.models)]
            reference = Reference(model, number, turned(model) if is_network(code) else frozenset())
            outcome = _outcome(code, child, reference, columns, start + ALL * seconds, RUN * seconds)
            if outcome is None:
                break
            found.append((reference, outcome))
            if outcome.run.stopped is not None and outcome.run.stopped["event"] in ("time", "died", "memory"):
                return best or found
        if not found:
            break
        if not best or _cost(found) < _cost(best):
            best = found
        if (
            _cost(best) == 0
            or not _has_vectors(judging)
            or is_network(code)
            or time.monotonic() > start + ALL * seconds
        ):
            break
    return best


def _outcome(
    code: Code, child: Child, reference: Reference, columns: bool, deadline: float, seconds: float
) -> Outcome | None:
    names = Names(reference.model)
    job = {**Inputs(code, names, reference).job(), "columns": columns, "tensors": code.torch}
    if not child.alive:
        return None

    def execute(patches: Mapping[Place, Any]) -> Run:
        return child.run({**job, "patches": [[*place, patch] for place, patch in patches.items()]}, seconds)

    assessing = Assessing(child.sites, names, reference, execute, deadline)
    return assessing.outcome()


def _cost(found: Sequence[tuple[Reference, Outcome]]) -> int:
    return sum(
        10 * len(outcome.charges)
        + len(outcome.carried)
        + len(outcome.undecided)
        + 100 * (outcome.run.stopped is not None)
        for _, outcome in found
    )


def _has_vectors(judging: Judging) -> bool:
    return any(value.rank == 1 for value in judging.models[0].arrays.values())


# --- rows -------------------------------------------------------------------------------------------------------------


def _lines(
    code: Code, sites: Sequence[Site], outcomes: Sequence[tuple[Reference, Outcome]], first: int, seconds: float
) -> list[Line]:
    said: dict[int, Said] = {}
    known = False
    for reference, outcome in outcomes:
        for order, fit in enumerate(outcome.fits):
            site = sites[fit.record.site]
            entry = said.setdefault(site.line, Said(site.line, order, site))
            known = _fit(entry, fit, reference) or known
        _verdicts(said, sites, outcome, reference)
        for event in outcome.run.events:
            _event(said, sites, event, code, seconds)
        known = _ends(said, sites, outcome, reference) or known
    if not known:
        _unmatched(said, outcomes)
    ordered = sorted(said.values(), key=lambda each: (each.order, each.line))
    numbers = {each.line: number for number, each in enumerate(ordered, first)}
    source = code.text.splitlines()
    return [_line(each, numbers, source) for each in ordered]


def _fit(entry: Said, fit: Fit, reference: Reference) -> bool:
    """Note what a record is; whether it is a gradient that the problem knows."""
    loss = reference.model.problem.loss or ""
    meaning = next((each.meaning for each in fit.wanted if Assessing.agrees(fit.record, each)), None)
    if meaning is None and fit.found is not None and fit.record.shape:
        meaning = fit.found.meaning
    if meaning is None:
        return bool(fit.wanted) and fit.wanted[0].meaning.kind == "gradient"
    entry.evidence = "run"
    text = f"{fit.record.path} = {diagnosis.told(meaning, loss)}"
    if text not in entry.read_as and len(entry.read_as) < 6:
        entry.read_as.append(text)
    return meaning.kind == "gradient"


def _verdicts(said: dict[int, Said], sites: Sequence[Site], outcome: Outcome, reference: Reference) -> None:
    for site, text in outcome.undecided.items():
        _say(said, sites[site], "undecided", text)
    for site, source in outcome.carried.items():
        entry = said.get(sites[site].line)
        if entry is not None and entry.verdict == "correct" and sites[site].line != sites[source].line:
            entry.carried = sites[source].line
            entry.evidence = "run"
    for site, candidate in outcome.excused.items():
        entry = said.get(sites[site].line)
        if entry is not None and not entry.note:
            name = diagnosis.told(candidate.meaning, reference.model.problem.loss or "")
            entry.note = f"{sites[site].path} is not {name} here; what is made of it is right"
    for charge in outcome.charges:
        if charge.site < 0:
            continue
        if charge.record is None or charge.expected is None:
            event = charge.event or {}
            _say(
                said,
                sites[charge.site],
                "wrong",
                f"line {event.get('line')} raises {event.get('kind')}: {event.get('message')}",
            )
            continue
        text = diagnosis.reason(charge.record, charge.expected, reference)
        if _say(said, sites[charge.site], "wrong", text):
            said[sites[charge.site].line].charge = charge.record, charge.expected, reference


def _say(said: dict[int, Said], site: Site, verdict: str, reason: str) -> bool:
    """Say something of a line unless something stronger is said already."""
    entry = said.setdefault(site.line, Said(site.line, 1e6 + site.line, site))
    if _STRENGTH[verdict] <= _STRENGTH[entry.verdict]:
        return False
    entry.verdict, entry.reason, entry.carried = verdict, reason, None
    return True


def _event(said: dict[int, Said], sites: Sequence[Site], event: dict[str, Any], code: Code, seconds: float) -> None:
    kind = event["event"]
    line = event_line(event, code.text)
    site = next((each for each in sites if each.line == line), None)
    if site is None:
        source = code.text.splitlines()
        text = source[line - 1].strip() if 0 < line <= len(source) else ""
        column = 1 + len(source[line - 1]) - len(source[line - 1].lstrip()) if text else 1
        site = Site(max(1, line), column, column + max(1, len(text)), text or "(the whole)", "", False, "assign")
    if kind in STOPS:
        if kind == "failed" and any(entry.verdict == "wrong" and entry.line == site.line for entry in said.values()):
            return
        verdict = "unread" if kind in ("import", "failed") else "undecided"
        _say(said, site, verdict, message(event, RUN * seconds))
    elif kind in NOTES:
        entry = said.setdefault(site.line, Said(site.line, 1e6 + site.line, site))
        entry.note = entry.note or message(event, RUN * seconds)


def _ends(said: dict[int, Said], sites: Sequence[Site], outcome: Outcome, reference: Reference) -> bool:
    """The gradients that a network was left with: all of them filled, and in the shape of their parameters."""
    loss = reference.model.problem.loss or ""
    names = Names(reference.model)
    last = {fit.record.path: fit for fit in outcome.fits}
    charged = {sites[charge.site].line for charge in outcome.charges if charge.site >= 0}
    for path, record in outcome.run.ends.items():
        wanted = [each for meaning in names.meanings(path) for each in reference.find(meaning)][:1]
        if not wanted:
            continue
        if path not in last:
            line = max((each.line for each in sites), default=1)
            site = (
                next(each for each in sites if each.line == line)
                if sites
                else Site(1, 1, 2, path, path, False, "assign")
            )
            if not charged and record.type == "None":
                _say(
                    said,
                    site,
                    "wrong",
                    f"{path} is never filled; it should be {diagnosis.told(wanted[0].meaning, loss)}",
                )
            continue
        fit = last[path]
        if fit.right and not Assessing.agrees(record, wanted[0]):
            _say(said, sites[fit.record.site], "wrong", f"{path} is right when it is stored, and changed afterwards")
        elif fit.right and record.shape != wanted[0].shape:
            entry = said[sites[fit.record.site].line]
            shapes = " x ".join(map(str, record.shape)), " x ".join(map(str, wanted[0].shape))
            entry.note = entry.note or f"{path} has the shape {shapes[0]}, its parameter {shapes[1]}"
    return bool(outcome.run.ends)


def _unmatched(said: dict[int, Said], outcomes: Sequence[tuple[Reference, Outcome]]) -> None:
    """Nothing was recognised: what the variables stand for must be asked for."""
    for reference, _ in outcomes[:1]:
        known = list(dict.fromkeys(
            diagnosis.told(Meaning(each.meaning.kind, each.meaning.name), reference.model.problem.loss or "")
            for each in reference.candidates if each.meaning.kind == "gradient"
        ))[:6]  # fmt: skip
        for entry in said.values():
            if entry.verdict == "correct" and entry.evidence == "definition" and not entry.note:
                entry.verdict = "undecided"
                entry.reason = (
                    f"no value here is one of {', '.join(known)}; which is meant? "
                    "call it by its name, such as dW for dL/dW"
                )


def _line(said: Said, numbers: Mapping[int, int], source: Sequence[str]) -> Line:
    site = said.site
    assert site is not None
    span = Span(site.line, site.column, max(site.end, site.column + 1))
    text = source[site.line - 1].strip() if 0 < site.line <= len(source) else site.text
    row = Row(numbers[said.line], span, text, ())
    carried = numbers.get(said.carried) if said.carried is not None and said.verdict == "correct" else None
    verdict = Verdict(said.verdict, said.evidence if said.verdict == "correct" else "", said.reason, said.note, carried)
    line = CodeLine(Judged(row, verdict), "; ".join(said.read_as))
    if said.verdict == "wrong":
        verdict.evidence = "counterexample"
        if said.charge is not None:
            _charged(line, *said.charge)
    return line


def _charged(line: CodeLine, record: Any, expected: Candidate | None, reference: Reference) -> None:
    if expected is None:
        return
    line.slips = diagnosis.slips(record, expected, reference)
    line.expected = diagnosis.latex(expected.meaning, reference.model.problem.loss or "")
    line.counterexample = dict(_inputs(reference))
    if squeezed(record.shape) != squeezed(expected.shape):
        line.judged.verdict.evidence = "shape"
        return
    place = worst(record.entries, expected.entries)
    if place is not None:
        line.counterexample["entry"] = _indices(record.shape, place)
        line.got, line.should = f"{record.entries[place]:.10g}", f"{expected.entries[place]:.10g}"


def _indices(shape: Sequence[int], place: int) -> list[int]:
    found: list[int] = []
    for extent in reversed(shape):
        place, index = divmod(place, extent)
        found.insert(0, index)
    return found


def _inputs(reference: Reference) -> Iterator[tuple[str, Any]]:
    """What the run was given, to run it again: the first entries of the inputs, and the sizes."""
    shown = 0
    for candidate in reference.candidates:
        meaning = candidate.meaning
        if meaning.kind != "value" or shown >= 4:
            continue
        name = meaning.name if meaning.member is None else f"{meaning.name}[{meaning.member}]"
        yield name, [float(f"{entry:.17g}") for entry in candidate.entries][:12]
        shown += 1
    if reference.model.sizes:
        yield "shapes", dict(reference.model.sizes)


def refused() -> UsageError:
    return UsageError("Python work is run to be verified, in a confined process; allow that with --run-code")
