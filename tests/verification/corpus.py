"""The right works from which mutants and rewrites are made: all of tests/verify/ that the oracle confirms too."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from derive import tree as t
from derive.reading.latex.rows import Row, read_work
from derive.tree import Tree
from derive.verification.checking import Verifier
from derive.verification.problems import Problem, load_problem, read_problem
from derive.verification.values import is_literal
from derive.verification.verdicts import Judged
from tests.verification.oracle import IllTyped, Oracle, Outside, Unsupported, defined_by
from tests.verification.sizes import oracles

FOLDER = Path(__file__).parents[1] / "verify"
#: Draws of sizes and inputs at which the oracle compares.
DRAWS = 2


@dataclass(frozen=True)
class Place:
    """A link of a work: row and statement by position, the link in it, and its left side with the conditions."""

    row: int
    statement: int
    link: int
    head: Tree
    tree: Tree
    conditions: tuple[Tree, ...]


@dataclass
class Work:
    """A right work: its rows, the links that the oracle confirms, and the oracles themselves."""

    name: str
    problem: Problem
    key: str
    text: str
    suffix: str
    rows: tuple[Row, ...]
    oracles: list[Oracle] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def judged(self, rows: Sequence[Row] | None = None) -> list[Judged]:
        return verifier(self.key).judging.judge(self.rows if rows is None else rows)

    def with_tree(self, place: Place, tree: Tree) -> tuple[Row, ...]:
        """The rows with another right side at one place."""
        row = self.rows[place.row]
        statement = row.statements[place.statement]
        links = list(statement.links)
        links[place.link] = replace(links[place.link], tree=tree)
        changed = replace(statement, links=tuple(links))
        statements = tuple(changed if k == place.statement else each for k, each in enumerate(row.statements))
        return tuple(replace(row, statements=statements) if k == place.row else r for k, r in enumerate(self.rows))

    def true(self, head: Tree, tree: Tree, conditions: Sequence[Tree]) -> str:
        """What the oracle says: "same", "different", "ill-formed", or "unknown"."""
        for oracle in self.oracles:
            try:
                with np.errstate(all="ignore"):
                    same = oracle.compare(head, tree, conditions)
            except IllTyped:
                return "ill-formed"
            except (Unsupported, Outside, ArithmeticError, ValueError, RecursionError):
                return "unknown"
            if same is None:
                return "unknown"
            if not same:
                return "different"
        return "same"


@lru_cache(maxsize=64)
def verifier(key: str) -> Verifier:
    return Verifier(read_problem(key) if "\n" in key else key)


def right_works(files: Sequence[str] = ("sheet002", "sheet004", "correct", "points")) -> Iterator[Work]:
    """Works of tests/verify/ all of whose rows are right."""
    for file in files:
        data = tomllib.loads((FOLDER / f"{file}.toml").read_text())
        for number, each in enumerate(data.get("work", ())):
            if each.get("verdict", "correct") == "correct" and not each.get("first_wrong"):
                yield _work(f"{file} {number}", each["problem"], each["work"], each.get("suffix", ".tex"))
        for each in data.get("problem", ()):
            for number, (verdict, _, text) in enumerate(each["works"]):
                if verdict == "correct":
                    yield _work(f"{file} {each['name']} {number}", each["toml"], text, ".tex")


def _work(name: str, key: str, text: str, suffix: str) -> Work:
    problem = read_problem(key) if "\n" in key else load_problem(key)
    return Work(name, problem, key, text, suffix, read_work(text, suffix, problem.vocabulary))


def confirmed(work: Work, draws: int = DRAWS) -> Work:
    """The work with its oracles and the links that they confirm; rows that define a name are no such links."""
    try:
        work.oracles = list(oracles(work.problem, draws))
    except (Unsupported, Outside, RuntimeError, KeyError):
        return work
    head: Tree | None = None
    conditions: tuple[Tree, ...] = ()
    for number, row in enumerate(work.rows):
        for k, statement in enumerate(row.statements):
            if statement.head is not None:
                head, conditions = statement.head, tuple(statement.conditions)
            if head is None or not {link.relation for link in statement.links} <= {"=", "approx"}:
                continue
            own = (*conditions, *statement.conditions) if statement.head is None else conditions
            if defines(head, work):
                first = replace(statement, links=statement.links[:1])
                work.oracles = [oracle.with_definition(first) for oracle in work.oracles]
                head = None
                continue
            for j, link in enumerate(statement.links):
                if is_literal(link.tree) or work.true(head, link.tree, own) != "same":
                    continue
                work.places.append(Place(number, k, j, head, link.tree, own))
    return work


def defines(head: Tree, work: Work) -> bool:
    name = head.text if isinstance(head, t.Name) else head.array if isinstance(head, t.Subscript) else None
    if name is None or not work.oracles:
        return False
    oracle = work.oracles[0]
    known = (
        name in {defined_by(each) for each in oracle.given}
        or name in work.problem.quantities
        or name in oracle.aliases
        or name in oracle.sizes
    )
    indexed = isinstance(head, t.Subscript) and (name, len(head.indices)) in oracle.indexed
    return not (known or indexed or name == work.problem.loss or name == "delta")


def changed_rows(work: Work, text: str) -> tuple[Row, ...]:
    return read_work(text, work.suffix, work.problem.vocabulary)
