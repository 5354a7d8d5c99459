"""The rows of a report on code: a line of the source for each, and everything that two runs say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from derive.reading.latex.rows import Row
from derive.tree import Span
from derive.verification import code_diagnosis as diagnosis
from derive.verification.code_confinement import Site
from derive.verification.code_diagnosis import Charged
from derive.verification.code_fits import Fit, Matching
from derive.verification.code_judging import Outcome
from derive.verification.code_messages import NOTES, STOPS, event_line, message
from derive.verification.code_names import Meaning, Names
from derive.verification.code_reading import Code
from derive.verification.code_reference import Reference, squeezed, worst
from derive.verification.graph import INPUT
from derive.verification.report import COORDINATES, Line
from derive.verification.verdicts import Judged, Verdict


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
    charges: list[Charged] = field(default_factory=list)


#: Errors that tell of something that the work expects and does not have, not of a mistake.
UNREAD = frozenset({"NameError", "AttributeError", "KeyError", "TypeError", "UnboundLocalError"})
_STRENGTH = {"correct": 0, "undecided": 1, "unread": 2, "wrong": 3}


def lines_of(
    code: Code, sites: Sequence[Site], outcomes: Sequence[tuple[Reference, Outcome]], first: int, seconds: float
) -> list[Line]:
    """The rows, in the order in which lines are first met.

    first : number of the first.  seconds : that a run was given.
    """
    said: dict[int, Said] = {}
    known = False
    for reference, outcome in outcomes:
        for order, fit in enumerate(outcome.fits):
            site = sites[fit.record.site]
            entry = said.setdefault(site.line, Said(site.line, order, site))
            known = _fit(entry, fit, reference) or known
        _verdicts(said, sites, outcome, reference)
        known = _ends(said, sites, outcome, reference) or known
    for _, outcome in outcomes:
        for event in outcome.run.events:
            _event(said, sites, event, code, outcome, seconds, known)
    if not known:
        _unmatched(said, sites, outcomes)
    ordered = sorted(said.values(), key=lambda each: (each.order, each.line))
    numbers = {each.line: number for number, each in enumerate(ordered, first)}
    source = code.text.splitlines()
    return [_line(each, numbers, source) for each in ordered]


def _fit(entry: Said, fit: Fit, reference: Reference) -> bool:
    """Note what a record is; whether it is a gradient that the problem knows."""
    loss = reference.model.problem.loss or ""
    meaning = next((each.meaning for each in fit.wanted if Matching.agrees(fit.record, each)), None)
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
                event.get("at", 1e6) - 0.5,
            )
            continue
        text = diagnosis.reason(charge.record, charge.expected, reference)
        entry = said.get(sites[charge.site].line)
        if _say(said, sites[charge.site], "wrong", text) or (entry is not None and entry.charges):
            said[sites[charge.site].line].charges.append((charge.record, charge.expected, reference))


def _say(said: dict[int, Said], site: Site, verdict: str, reason: str, order: float = 1e6) -> bool:
    """Say something of a line unless something stronger is said already."""
    entry = said.setdefault(site.line, Said(site.line, order, site))
    if _STRENGTH[verdict] <= _STRENGTH[entry.verdict]:
        return False
    entry.verdict, entry.reason, entry.carried = verdict, reason, None
    return True


def _event(
    said: dict[int, Said],
    sites: Sequence[Site],
    event: dict[str, Any],
    code: Code,
    outcome: Outcome,
    seconds: float,
    known: bool,
) -> None:
    """Say of a line what happened at it.  known : whether some value is a gradient."""
    kind = event["event"]
    line = event_line(event, code.text)
    site = next((each for each in sites if each.line == line), None)
    if site is None:
        source = code.text.splitlines()
        text = source[line - 1].strip() if 0 < line <= len(source) else ""
        column = 1 + len(source[line - 1]) - len(source[line - 1].lstrip()) if text else 1
        site = Site(max(1, line), column, column + max(1, len(text)), text or "(the whole)", "", False, "assign")
    if kind in STOPS:
        verdict = "unread" if kind == "import" or event.get("kind") in UNREAD else "undecided"
        text = message(event, seconds)
        if kind == "failed" and outcome.charges and not outcome.is_charged(event):
            text = f"not reached in working order after an earlier mistake ({event['kind']}: {event['message']})"
            verdict = "undecided"
        if kind == "none" and known:
            return
        _say(said, site, verdict, text, event["at"] - 0.5)
    elif kind in NOTES:
        entry = said.setdefault(site.line, Said(site.line, event["at"] - 0.5, site))
        entry.note = message(event, seconds)


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
            table = path.partition("[")[0].rpartition(".")[2]
            at = [each for each in sites if table in each.path] or list(sites)
            site = at[-1] if at else Site(1, 1, 2, path, path, False, "assign")
            if not charged and record.type == "None":
                _say(
                    said,
                    site,
                    "wrong",
                    f"{path} is never filled; it should be {diagnosis.told(wanted[0].meaning, loss)}",
                )
            continue
        fit = last[path]
        if fit.right and not Matching.agrees(record, wanted[0]):
            _say(said, sites[fit.record.site], "wrong", f"{path} is right when it is stored, and changed afterwards")
        elif fit.right and record.shape != wanted[0].shape:
            entry = said[sites[fit.record.site].line]
            shapes = " x ".join(map(str, record.shape)), " x ".join(map(str, wanted[0].shape))
            entry.note = entry.note or f"{path} has the shape {shapes[0]}, its parameter {shapes[1]}"
    return bool(outcome.run.ends)


def _unmatched(said: dict[int, Said], sites: Sequence[Site], outcomes: Sequence[tuple[Reference, Outcome]]) -> None:
    """Nothing was recognised: what the variables stand for must be asked for."""
    for reference, outcome in outcomes[:1]:
        arrays = {
            sites[fit.record.site].line
            for fit in outcome.fits
            if len(fit.record.entries) > 1 and fit.record.type.startswith("float") and fit.found is None
        }
        known = list(dict.fromkeys(
            diagnosis.told(Meaning(each.meaning.kind, each.meaning.name), reference.model.problem.loss or "")
            for each in reference.candidates if each.meaning.kind == "gradient"
        ))[:6]  # fmt: skip
        for entry in said.values():
            if entry.line in arrays and entry.verdict == "correct" and not entry.note:
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
        if said.charges:
            _charged(line, said.charges)
    return line


def _charged(line: CodeLine, charges: Sequence[Charged]) -> None:
    record, expected, reference = charges[0]
    line.slips = diagnosis.slips(charges)
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
    """What the run was given, as far as it is shown, and the sizes."""
    graph, first = reference.model.graph, reference.model.index_from
    given = [node for _, _, value in reference.arrays() for node in value.nodes if graph.kinds[node] == INPUT]
    for node in list(dict.fromkeys(given))[:COORDINATES]:
        name, *at = graph.data[node][0]
        indices = ",".join(str(part + first) for part in at)
        yield (f"{name}[{indices}]" if indices else str(name)), reference.doubles[node]
    if reference.model.sizes:
        yield "shapes", dict(reference.model.sizes)
