"""A report to hand back: as a Document, which LaTeX, PDF, HTML and notebooks write out, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from derive import tree as t
from derive.document import Block, Bullets, Cell, Display, Document, Heading, Inline, Prose, Row, Table
from derive.document import Line as Formula
from derive.errors import ReadingError
from derive.reading.latex.rows import read_equation
from derive.reading.latex.vocabulary import Vocabulary
from derive.verification.report import Line, Report
from derive.verification.showing import displayed
from derive.verification.terminal import evidence_text

_WORDS = {"correct": "correct", "wrong": "wrong", "undecided": "not decided", "unread": "not read"}


def report_document(report: Report, mode: str = "") -> Document:
    """Every row with its verdict; below, each wrong one with what it should be.

    mode : "hint" for the places alone, "reveal" with the right formulas.
    """
    rows = tuple(
        Row((Cell(str(line.number)), Cell(_shown(line)), Cell(verdict_text(line), emphasis=_is_wrong(line))))
        for line in report.lines
    )
    header = (Cell("row"), Cell("read as"), Cell("verdict"))
    blocks: list[Block] = [
        Prose((summary(report),)),
        Table("", "rll", rows, header),
    ]
    if mode != "hint":
        for line in report.lines:
            if _is_wrong(line):
                blocks += _wrong(line, mode, report.vocabulary)
    return Document(f"Verified: {report.title}", tuple(blocks), report.file or "")


def _is_wrong(line: Line) -> bool:
    return line.verdict.verdict == "wrong"


def _shown(line: Line) -> Inline:
    """The row as it was read, or its source where it was not."""
    formulas = list(_formulas(line))
    return formulas[0] if len(formulas) == 1 else line.read_as or " ".join(line.judged.row.text.split())


def _formulas(line: Line) -> Iterator[t.Tree]:
    for statement in line.judged.row.statements:
        sides = [*(() if statement.head is None else (statement.head,)), *(link.tree for link in statement.links)]
        sides = [displayed(side) for side in sides]
        yield t.Relation(tuple(sides)) if len(sides) > 1 else sides[0]


def verdict_text(line: Line) -> str:
    verdict = line.verdict
    if verdict.verdict == "correct" and verdict.carried_from is not None:
        return f"carried from row {verdict.carried_from}"
    if verdict.verdict == "correct":
        return f"correct: {evidence_text(verdict)}"
    return _WORDS[verdict.verdict]


def summary(report: Report) -> str:
    """One sentence on the whole."""
    right = sum(line.verdict.verdict == "correct" for line in report.lines)
    told = f"{right} of {len(report.lines)} rows hold."
    if report.first_wrong is not None:
        told += f" The first wrong row is {report.first_wrong}."
    return told


def _wrong(line: Line, mode: str, vocabulary: Vocabulary) -> list[Block]:
    blocks: list[Block] = [Heading(f"Row {line.number}", 2)]
    formulas = tuple(Formula(formula) for formula in _formulas(line))
    if formulas:
        blocks.append(Display(formulas))
    right = _right(line, vocabulary) if mode == "reveal" else None
    told = reasons(line, "" if right is not None else mode)
    blocks.append(Bullets(tuple(inlines(each, vocabulary) for each in told)))
    if right is not None:
        blocks += [Prose(("Right is",)), Display((Formula(right),))]
    return blocks


def inlines(text: str, vocabulary: Vocabulary) -> tuple[Inline, ...]:
    """A sentence with its formulas between dollars as formulas, where they can be read."""
    found: list[Inline] = []
    for place, piece in enumerate(text.split("$")):
        if place % 2 == 0:
            found += [piece] if piece else []
            continue
        try:
            statement = read_equation(f"${piece}$", vocabulary)
        except ReadingError:
            found.append(piece)
            continue
        found.append(piece if statement.head is None or statement.links else displayed(statement.head))
    return tuple(found)


def _right(line: Line, vocabulary: Vocabulary) -> t.Tree | None:
    """The right row as a formula."""
    if not line.expected:
        return None
    try:
        statement = read_equation(line.expected, vocabulary)
    except ReadingError:
        return None
    sides = [*(() if statement.head is None else (statement.head,)), *(link.tree for link in statement.links)]
    return t.Relation(tuple(displayed(side) for side in sides)) if len(sides) > 1 else None


def reasons(line: Line, mode: str = "") -> list[str]:
    """What is to be said of a wrong row, a sentence each."""
    found = [line.verdict.reason] if line.verdict.reason else []
    found += [f"{note.printed}: {note.label}; the value is {note.true}" for note in line.verdict.numbers]
    if line.left is not None and line.right is not None:
        found.append(f"At a counterexample the left side is {line.left} and the right side {line.right}.")
    found += [slip.sentence for slip in line.slips]
    if not line.slips:
        found.append("It fits no known pattern.")
    if mode == "reveal" and line.expected:
        found.append(f"Right is {line.expected}")
    return found


def markdown(report: Report, mode: str = "") -> str:
    """The report as Markdown, the student's source as code."""
    lines = [
        f"# Verified: {_escaped(report.title)}",
        "",
        summary(report),
        "",
        "| row | source | verdict |",
        "|---:|---|---|",
    ]
    for line in report.lines:
        source = " ".join(line.judged.row.text.split()).replace("`", "'").replace("|", "\\|")
        verdict = _escaped(
            verdict_text(line) if not line.verdict.reason else f"{verdict_text(line)}: {line.verdict.reason}"
        )
        lines.append(f"| {line.number} | `{source}` | {verdict} |")
    if mode != "hint":
        for line in report.lines:
            if _is_wrong(line):
                lines += ["", f"## Row {line.number}", ""]
                lines += [f"- {_sentence(told)}" for told in reasons(line, mode)]
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    """A sentence of Markdown, its formulas between dollars as they are."""
    pieces = text.split("$")
    return "$".join(piece if place % 2 else _escaped(piece) for place, piece in enumerate(pieces))


def _escaped(text: str) -> str:
    """Text with what Markdown or HTML would read as markup taken literally."""
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, "\\" + sign)
    return text
