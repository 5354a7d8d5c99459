"""What is said of a row, and of several at once: the worst of its links, the weakest of its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from derive.errors import DeriveError, LimitError
from derive.reading.latex.rows import Link, Row, Statement
from derive.tree import Tree
from derive.verification.decisions import Decision
from derive.verification.graph import UndefinedNode
from derive.verification.model import Model
from derive.verification.points import Undecided
from derive.verification.shaped import Capture, OutsideFamily, ShapeClash, Unjudged
from derive.verification.values import NumberNote

#: Verdicts, the worst last, and evidence in order of strength, the weakest last.
ORDER = ("correct", "undecided", "unread", "wrong")
STRENGTH = ("definition", "proved", "randomised", "numerical", "values")

#: What may come of giving a formula a value: it then has a verdict that says so.
NO_VALUE = (Unjudged, ShapeClash, UndefinedNode, OutsideFamily, DeriveError, Undecided)


@dataclass
class Verdict:
    """What is said of one link of a row, and then of the row.

    verdict : "correct", "wrong", "undecided" or "unread".  carried_from : number of the row whose mistake it carries.
    confirmed : of a wrong link, by what a second evaluator found the same.
    link : which link of the row's statements it was decided by.  decision, model : of a wrong link, with its witness.
    sides : what was compared, where that is not what the row says word by word.
    """

    verdict: str
    evidence: str = ""
    reason: str = ""
    note: str = ""
    carried_from: int | None = None
    numbers: list[NumberNote] = field(default_factory=list)
    confirmed: str = ""
    head: Tree | None = None
    link: Link | None = None
    statement: Statement | None = None
    decision: Decision | None = None
    model: Model | None = None
    sides: tuple[Tree, Tree] | None = None
    errors: float | None = None


@dataclass
class Judged:
    row: Row
    verdict: Verdict


def of_decision(decision: Decision, model: Model) -> Verdict:
    """The verdict that a decision at one model stands for."""
    verdict = Verdict(decision.verdict, decision.evidence, decision.reason, decision.note, errors=decision.error)
    if decision.verdict == "wrong":
        verdict.decision, verdict.model = decision, model
    return verdict


def of_failure(failed: Exception, model: Model | None = None) -> Verdict:
    """The verdict on a row that could not be given a value, at the model where shapes clashed."""
    match failed:
        case Capture():
            return Verdict("wrong", "capture", reason=str(failed), model=model)
        case ShapeClash():
            return Verdict("wrong", "shape", reason=str(failed), model=model)
        case Unjudged(code="unread"):
            return Verdict("unread", reason=str(failed))
        case Unjudged(code=code):
            return Verdict("undecided", reason=f"{code}: {failed}")
        case UndefinedNode():
            return Verdict("undecided", reason=f"undefined: {failed}")
        case Undecided():
            return Verdict("undecided", reason=f"hazard: {failed}")
        case LimitError():
            return Verdict("undecided", reason=f"resource limit: {failed}")
        case RecursionError():
            return Verdict("undecided", reason="resource limit: the formula is nested too deep")
        case DeriveError():
            return Verdict("unread", reason=str(failed))
    return Verdict("undecided", reason="outside fragment: a member of the family that does not exist is read")


def worse(one: Verdict, other: Verdict) -> Verdict:
    """The verdict on one link at two assignments of sizes."""
    if one.verdict != other.verdict:
        return max((one, other), key=lambda each: ORDER.index(each.verdict))
    if one.verdict == "correct" and one.evidence in STRENGTH and other.evidence in STRENGTH:
        weaker = max((one, other), key=lambda each: STRENGTH.index(each.evidence))
        errors = [each.errors for each in (one, other) if each.errors is not None]
        return replace(weaker, note=one.note or other.note, errors=max(errors) if errors else None)
    return one


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a row of several links: the first wrong one, else the first that was not decided."""
    numbers = [note for verdict in verdicts for note in verdict.numbers]
    kind = max((verdict.verdict for verdict in verdicts), key=ORDER.index)
    chosen = [verdict for verdict in verdicts if verdict.verdict == kind]
    first = chosen[0]
    if kind == "correct":
        carried = next((each for each in chosen if each.carried_from), None)
        first = carried or max(chosen, key=_weakness)
    return replace(first, numbers=numbers)


def _weakness(verdict: Verdict) -> int:
    return STRENGTH.index(verdict.evidence) if verdict.evidence in STRENGTH else len(STRENGTH)


def whole(verdicts: Iterable[Verdict]) -> str:
    """The verdict on the work: wrong before unread before undecided before correct."""
    return max((verdict.verdict for verdict in verdicts), key=ORDER.index, default="correct")
