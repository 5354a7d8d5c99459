"""The worked solution of course sheet 003, exercise 1, with the published answer key held against it."""

from __future__ import annotations

from derive import tree as t
from derive.checks.printed import PrintedVerdict, judge
from derive.checks.report import check
from derive.document import Block, Cell, Document, Heading, Inline, Prose, Row, Table
from derive.reading.points import read_point
from derive.reading.reader import read
from derive.solutions.tables import EMPTY, number_tree
from derive.solutions.trace import trace_document
from derive.subjects import griewank
from derive.subjects.catalogue import Entry
from derive.tracing import trace
from derive.worked import Worked, work_out


def solution(entry: Entry) -> Document:
    """Graph, forward trace, reverse trace, gradient, and the answer key compared line by line."""
    worked = work_out(trace(griewank.FUNCTION), read_point(griewank.POINT))
    return trace_document(
        worked,
        title=entry.title,
        subtitle=entry.source,
        steps=True,
        checks=check(worked, against="all"),
        remarks=key_remarks(worked),
    )


def key_remarks(worked: Worked) -> tuple[Block, ...]:
    """What the published key gets wrong, and how its other last digits come about."""
    printed = {line.name: line.number for line in griewank.KEY}
    verdicts = {}
    for line in griewank.KEY:
        others = {name: number for name, number in printed.items() if name != line.name}
        verdicts[line.name] = judge(worked, line.name, read(line.formula), line.number, others)
    rows = [_row(line, verdicts[line.name]) for line in griewank.KEY]
    table = Table(
        "The published key against the derivation.",
        "llrrl",
        tuple(rows),
        tuple(map(Cell, ("line", "formula", "number", "correct", "verdict"))),
    )
    blocks: list[Block] = [Heading("The published answer key"), table]
    for line in griewank.KEY:
        verdict = verdicts[line.name]
        if not verdict.right_formula:
            blocks.append(_wrong_formula(worked, line, verdict))
        elif verdict.label != "correctly rounded":
            blocks.append(_other_digit(line, verdict))
    return tuple(blocks)


def _row(line: griewank.PrintedLine, verdict: PrintedVerdict) -> Row:
    what = verdict.label if verdict.right_formula else f"formula wrong; number {verdict.label}"
    flaw = not verdict.right_formula or verdict.label != "correctly rounded"
    return Row(
        (
            Cell(t.Name(line.name)),
            Cell(read(line.formula)),
            Cell(number_tree(line.number)),
            Cell(number_tree(verdict.correct)) if flaw else EMPTY,
            Cell(what, emphasis=flaw),
        )
    )


def _wrong_formula(worked: Worked, line: griewank.PrintedLine, verdict: PrintedVerdict) -> Prose:
    right = worked.derivation.adjoint.by_name[line.name].tree
    return Prose(
        (
            "The key's formula ",
            t.Relation((t.Name(line.name), read(line.formula))),
            " is wrong: its fraction is inverted. As printed it gives ",
            number_tree(verdict.as_printed),
            "; the derivation gives ",
            t.Relation((t.Name(line.name), right, number_tree(verdict.correct))),
            ". The number in the key, ",
            number_tree(line.number),
            f", belongs to the right formula and is {verdict.label}.",
        )
    )


def _other_digit(line: griewank.PrintedLine, verdict: PrintedVerdict) -> Prose:
    reason: tuple[Inline, ...] = ("no rounding explains it",)
    if verdict.label == "truncated":
        reason = ("its digits were cut off instead of rounded",)
    elif verdict.label == "chained rounding":
        shown = {other.name: number_tree(other.number) for other in griewank.KEY if other.name != line.name}
        product = t.substituted(read(line.formula), shown)
        reason = ("it comes from rounded intermediates, ", t.Relation((product, number_tree(line.number))))
    return Prose(
        (
            "The last digit of ",
            t.Relation((t.Name(line.name), number_tree(line.number))),
            " in the key differs from the correct rounding ",
            number_tree(verdict.correct),
            f" ({verdict.label}): ",
            *reason,
            ".",
        )
    )
