"""A statement of a row: its sides and relations, conditions and remarks; a draft of one before names are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from derive import tree as t
from derive.plain import formula
from derive.reading.latex.syntax import Chain, Token, Total
from derive.reading.latex.tables import conditions as conditions_of
from derive.tree import Span, Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter

CLAIMS = frozenset(("=", "approx", "<-", "+=", "-=", "propto"))
_COMPARES = frozenset(("<", "<=", ">", ">=", "!="))


@dataclass(frozen=True, slots=True)
class Link:
    """relation : "=", "approx", "<-" (replaced by), "+=", "-=", "propto", or a comparison.  tree : what is behind."""

    relation: str
    tree: Tree
    at: Span


@dataclass(frozen=True, slots=True)
class Statement:
    """head : the first side; None where the row begins with a relation and continues the chain before it.

    conditions : where it holds.  remark : words beside it.
    """

    head: Tree | None
    links: tuple[Link, ...]
    conditions: tuple[Tree, ...] = ()
    remark: str = ""
    at: Span | None = None


@dataclass(slots=True)
class Draft:
    """A statement before names are known. sides : the first is None where the row begins with a relation.

    plain : of a row in the plain notation, which is read when names are known.
    """

    start: int
    end: int
    head: Total | None = None
    relations: list[Token] = field(default_factory=list)
    sides: list[Total] = field(default_factory=list)
    conditions: list[Chain] = field(default_factory=list)
    ranges: list[tuple[Total, Total, Total]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    in_remark: bool = False  # a list of indices goes on: \\forall i, j
    plain: PlainDraft | None = None

    @property
    def continues(self) -> bool:
        return self.head is None and (self.plain is None or self.plain.head is None)

    @property
    def claims(self) -> bool:
        if self.plain is not None:
            return any(relation for relation, _, _ in self.plain.sides)
        return any(relation.kind in CLAIMS for relation in self.relations)


@dataclass(slots=True)
class PlainDraft:
    """sides : each with the relation in front and its place, start and end.  conditions : places of conditions."""

    head: Tree | None
    sides: list[tuple[str, int, int]]
    conditions: list[tuple[int, int]]


def statement_of(reading: Interpreter, draft: Draft) -> tuple[Statement, list[str]]:
    """The statement with trees, and the free indices of its left side."""
    from derive.reading.latex import plain

    if draft.plain is not None:
        return plain.statement_of(reading, draft)
    at = reading.at(draft.start, draft.end)
    head = None
    if draft.head is not None:
        head = reading.evaluation(draft.head) or reading.total(draft.head)
        reading.free = free_indices(reading, head)
    links = []
    for relation, side in zip(draft.relations, draft.sides, strict=True):
        if relation.kind not in CLAIMS and relation.kind not in _COMPARES:
            shown = reading.written(relation.start, relation.end)
            raise reading.source.error(f"{shown} is not read between the sides of a row", relation.start, relation.end)
        links.append(Link(relation.kind, reading.total(side), reading.at(side.start, side.end)))
    conditions = conditions_of(reading, draft.conditions)
    for index, lower, upper in draft.ranges:
        sides = (reading.total(lower), reading.total(index), reading.total(upper))
        conditions.append(t.Indicator(sides, ("<=", "<="), at))
    remark = "; ".join(draft.remarks)
    return Statement(head, tuple(links), tuple(conditions), remark, at), reading.free


def free_indices(reading: Interpreter, head: Tree) -> list[str]:
    """The letters in subscripts of a left side that are no names of the problem."""
    found: dict[str, None] = {}
    bound = {name for node in t.walk(head) if isinstance(node, t.Reduction) for name in node.bound}
    for node in t.walk(head):
        indices: tuple[Tree, ...] = ()
        if isinstance(node, t.Subscript):
            indices = node.indices
        elif isinstance(node, t.Call) and node.function == "entry":
            indices = node.arguments[1:]
        for inner in (inner for index in indices for inner in t.walk(index)):
            if isinstance(inner, t.Name) and inner.text not in reading.vocabulary.names and inner.text not in bound:
                found.setdefault(inner.text)
    return list(found)


def echo_of(statement: Statement) -> str:
    signs = {"approx": "~="}
    head = [formula(statement.head)] if statement.head is not None else []
    text = " ".join(
        [*head, *(f"{signs.get(link.relation, link.relation)} {formula(link.tree)}" for link in statement.links)]
    )
    if statement.conditions:
        text += " for " + ", ".join(map(formula, statement.conditions))
    return text
