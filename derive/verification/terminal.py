"""A report for a terminal: a line for each row, a caret under the part that is wrong, and what to say about it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from derive.verification.report import Line, Report
from derive.verification.verdicts import Verdict

_MARKS = {
    "correct": ("ok", "green"),
    "wrong": ("WRONG", "red"),
    "undecided": ("?", "yellow"),
    "unread": ("unread", "yellow"),
}
_EVIDENCE = {
    "definition": "defines a new name",
    "proved": "proved",
    "randomised": "proved up to chance",
    "numerical": "agrees to 60 digits at 8 points",
    "values": "holds at the given values",
    "partial sum": "part of a sum that is right",
    "carried": "follows from what an earlier row says",
    "run": "equal at the inputs tried",
}
#: Lines of source are cut to this many characters.
WIDTH = 100


def evidence_text(verdict: Verdict) -> str:
    """The evidence of a right row, in words."""
    words = _EVIDENCE.get(verdict.evidence, verdict.evidence)
    if verdict.errors is not None and verdict.errors < 0:
        words = f"{words}, error below 1e{int(verdict.errors)}"
    return words


def written(report: Report, mode: str = "", color: bool = False) -> str:
    """mode : "" for all, "hint" for the places alone, "reveal" with the right formulas."""
    lines: list[str] = []
    for line in report.lines:
        lines += _row(line, mode, color)
    lines.append(_summary(report, color))
    return "\n".join(lines) + "\n"


def _row(line: Line, mode: str, color: bool) -> Iterator[str]:
    verdict = line.verdict
    mark, tone = _MARKS[verdict.verdict]
    if verdict.carried_from is not None and verdict.verdict == "correct":
        mark, tone = "carried", "cyan"
    head = f"{line.number:>4}  {mark:<7} "
    text = " ".join(line.judged.row.text.split())
    shown = text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."
    yield (click.style(head, fg=tone, bold=verdict.verdict == "wrong") if color else head) + shown
    indent = " " * len(head)
    if verdict.verdict == "wrong":
        caret = _caret(line, text, shown)
        if caret:
            yield indent + (click.style(caret, fg=tone) if color else caret)
    if mode == "hint":
        return
    for told in _told(line, mode):
        yield indent + told


def _caret(line: Line, text: str, shown: str) -> str:
    """Under the link that is wrong, where its source can be found in the row."""
    link, row = line.verdict.link, line.judged.row
    if link is None or link.at is None or row.at is None or link.at.line != row.at.line:
        return ""
    raw = row.text
    start = link.at.column - row.at.column
    width = max(1, link.at.end - link.at.column)
    if start < 0 or start >= len(raw) or "\n" in raw:
        return ""
    before = len(" ".join((raw[:start] + "|").split())) - 1
    size = min(max(1, len(" ".join(raw[start : start + width].split()))), len(shown) - before)
    return " " * before + "^" * size if 0 <= before < len(shown) and size > 0 else ""


def _told(line: Line, mode: str) -> Iterator[str]:
    verdict = line.verdict
    if verdict.verdict == "correct":
        if verdict.carried_from is not None:
            yield f"follows from row {verdict.carried_from}; the mistake is charged there"
        elif verdict.note and verdict.evidence != "values":
            yield verdict.note
        for note in verdict.numbers:
            if note.label not in ("rounded", "exact", "holds with the printed digits"):
                yield f"{note.printed}: {note.label} (the value is {note.true})"
        return
    if verdict.verdict in ("undecided", "unread"):
        yield f"{'not decided' if verdict.verdict == 'undecided' else 'not read'}: {verdict.reason}"
        return
    if verdict.reason:
        yield verdict.reason
    for note in verdict.numbers:
        yield f"{note.printed}: {note.label} (the value is {note.true})"
    if line.left is not None and line.right is not None:
        yield f"the left side is {line.left}, the right side {line.right}" + _where(line)
    for slip in line.slips:
        yield f"{slip.sentence}"
    if not line.slips:
        yield "it fits no known pattern"
    if mode == "reveal" and line.expected:
        yield f"right: {line.expected}"


def _where(line: Line) -> str:
    if not line.counterexample:
        return ""
    numbers = [f"{name} = {value}" for name, value in line.counterexample.items() if name not in ("shapes", "entry")]
    shapes = line.counterexample.get("shapes")
    told = ", ".join(numbers[:4]) + (", ..." if len(numbers) > 4 else "")
    sizes = ", ".join(f"{name} = {size}" for name, size in shapes.items()) if shapes else ""
    return f", at {told}" + (f" (sizes {sizes})" if sizes else "")


def _summary(report: Report, color: bool) -> str:
    counts = {kind: sum(line.verdict.verdict == kind for line in report.lines) for kind in _MARKS}
    carried = sum(line.verdict.verdict == "correct" and line.verdict.carried_from is not None for line in report.lines)
    told = [f"{counts['correct']} of {len(report.lines)} rows hold"]
    if carried:
        told.append(f"{carried} of them carry an earlier mistake")
    if report.first_wrong is not None:
        told.append(f"the first wrong row is {report.first_wrong}")
    for kind in ("undecided", "unread"):
        if counts[kind]:
            told.append(f"{counts[kind]} {kind}")
    text = "; ".join(told)
    tone = _MARKS[report.verdict][1]
    return click.style(text, fg=tone, bold=True) if color else text
