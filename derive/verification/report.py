"""What was said of a work, as data: the object that `--json` prints and every other view reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from derive.plain import formula
from derive.reading.latex.rows import Row
from derive.reading.latex.vocabulary import Vocabulary
from derive.tree import Span, Tree
from derive.verification.decisions import Witness
from derive.verification.graph import INPUT
from derive.verification.model import Model
from derive.verification.verdicts import Judged, Verdict, whole

#: At most so many coordinates are shown of a counterexample.
COORDINATES = 40


@dataclass(frozen=True)
class Slip:
    """A named mistake that explains a wrong row.  repair : the row's right side with it undone, in normal form."""

    name: str
    kind: str
    sentence: str
    repair: str
    repair_latex: str = ""
    at: Span | None = None

    def moved(self, lines: int) -> Slip:
        """The same slip so many lines further down."""
        return self if self.at is None or not lines else replace(self, at=replace(self.at, line=self.at.line + lines))


@dataclass
class Line:
    """One row with all that is said of it; `data()` is its place in the JSON."""

    judged: Judged
    read_as: str
    slips: Sequence[Slip] = ()
    expected: str | None = None
    steps: Sequence[str] = ()
    counterexample: Mapping[str, Any] | None = None
    left: str | None = None
    right: str | None = None
    labels: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        return self.judged.verdict

    @property
    def number(self) -> int:
        return self.judged.row.number

    @property
    def at(self) -> Span | None:
        """The place in the source: of the wrong link where one is wrong."""
        link = self.verdict.link
        if self.verdict.verdict == "wrong" and link is not None and link.at is not None:
            return link.at
        return self.judged.row.at

    def data(self, hint: bool = False) -> dict[str, Any]:
        verdict = self.verdict
        shown: dict[str, Any] = {
            "line": self.number,
            "at": None if self.at is None else {"line": self.at.line, "column": self.at.column},
            "text": self.judged.row.text,
            "read_as": self.read_as,
            "verdict": verdict.verdict,
            "evidence": verdict.evidence or None,
            "confirmed": verdict.confirmed or None,
            "reason": verdict.reason or None,
            "note": verdict.note or None,
            "carried_from": verdict.carried_from,
            "slips": [],
            "expected": None,
            "steps": [],
            "counterexample": None,
            "lhs_value": None,
            "rhs_value": None,
            "number": None,
        }
        if hint:
            return shown
        shown["slips"] = [
            {"name": slip.name, "class": slip.kind, "sentence": slip.sentence, "repair": slip.repair}
            for slip in self.slips
        ]
        shown["expected"] = self.expected
        shown["steps"] = list(self.steps)
        shown["counterexample"] = self.counterexample
        shown["lhs_value"], shown["rhs_value"] = self.left, self.right
        if verdict.numbers:
            shown["number"] = [
                {"printed": note.printed, "verdict": note.verdict, "label": note.label, "true": note.true}
                for note in verdict.numbers
            ]
        return shown


@dataclass
class Report:
    """The verdict on a work."""

    title: str
    lines: Sequence[Line]
    seed: int = 0
    file: str | None = None
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    @property
    def verdict(self) -> str:
        return whole(line.verdict for line in self.lines)

    @property
    def first_wrong(self) -> int | None:
        wrong = [line.number for line in self.lines if line.verdict.verdict == "wrong"]
        return min(wrong) if wrong else None

    @property
    def exit_code(self) -> int:
        """0 correct, 1 wrong, 3 where something is not read or not decided; 2 where nothing could be read."""
        if self.lines and all(line.verdict.verdict == "unread" for line in self.lines):
            return 2
        return {"correct": 0, "wrong": 1}.get(self.verdict, 3)

    def _repr_html_(self) -> str:
        from derive.display import html_of  # a view, asked for by name
        from derive.verification.pages import report_document

        return html_of(report_document(self))

    def __str__(self) -> str:
        from derive.verification.terminal import written

        return written(self).rstrip("\n")

    def data(self, hint: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = {} if self.file is None else {"file": self.file}
        return found | {
            "verdict": self.verdict,
            "first_wrong": self.first_wrong,
            "problem": self.title,
            "seed": self.seed,
            "lines": [line.data(hint) for line in self.lines],
        }


def read_as(row: Row) -> str:
    """The row in normal form, as it was understood."""
    from derive.verification.showing import displayed

    def echo(tree: Tree) -> str:
        return formula(displayed(tree))

    statements = []
    for statement in row.statements:
        parts = [] if statement.head is None else [echo(statement.head)]
        for link in statement.links:
            parts += [link.relation, echo(link.tree)]
        told = " ".join(parts)
        if statement.conditions:
            told += " (" + ", ".join(echo(condition) for condition in statement.conditions) + ")"
        statements.append(told)
    return "; ".join(statements)


def counterexample(witness: Witness, model: Model) -> tuple[dict[str, Any], str, str]:
    """Coordinates by name, and both sides there; with the sizes, so that it can be replayed."""
    graph = model.graph
    cone = graph.cone(witness.nodes)
    found: dict[str, Any] = {}
    for node in cone:
        if graph.kinds[node] == INPUT:
            key = graph.data[node][0]
            indices = ",".join(str(part + model.index_from) for part in key[1:])
            name = f"{key[0]}[{indices}]" if indices else str(key[0])
            if len(found) >= COORDINATES:
                break
            found[name] = _decimal(witness.point.coordinate(node))
    if model.sizes:
        found["shapes"] = dict(model.sizes)
    if witness.label:
        found["entry"] = list(witness.label)
    return found, shown(witness.left), shown(witness.right)


def _decimal(value: Fraction) -> Any:
    return int(value) if value.denominator == 1 else float(value)


def shown(value: Any) -> str:
    """A certified value to about ten digits, or an exact fraction."""
    if isinstance(value, Fraction):
        return str(value) if value.denominator == 1 or value.denominator < 10**6 else f"{float(value):.10g}"
    return f"{float(value.mid()):.10g}"
