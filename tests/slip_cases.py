"""Right rows of tests/verify/correct.toml with a slip of the library planted in them.

python -m tests.slip_cases [--all]    prints how often the planted slip is named, for each slip
"""

from __future__ import annotations

import os
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from _pytest.mark.structures import ParameterSet

from derive.reading.latex.rows import Link, Row, read_work
from derive.tree import Tree
from derive.verification.checking import Verifier
from derive.verification.definitions import new_name
from derive.verification.problems import read_problem
from derive.verification.report import Line
from derive.verification.slip_context import Context
from derive.verification.slip_library import library
from derive.verification.slips import Change, NamedSlip, changed
from derive.verification.values import is_literal

WORKS = Path(__file__).parent / "verify" / "correct.toml"


#: A problem for what the catalogue has no occasion for.
SUMS = r"""
title = "Sums, means and squares"
equations = [
    'q = (\sum_i x_i) (\sum_i y_i)',
    'c = \sin(z^2)',
    'a = \mathrm{mean}_i(x_i)',
    'p = \log(z)',
]

[names]
x = { shape = ["n"] }
y = { shape = ["n"] }
z = { shape = [], domain = "positive" }
"""
EXTRA = (
    {"problem": SUMS, "work": r"q = \left(\sum_i x_i\right) \left(\sum_j y_j\right)"},
    {"problem": SUMS, "work": r"c = \sin(z^2)"},
    {"problem": SUMS, "work": r"a = \mathrm{mean}_i(x_i)"},
    {"problem": SUMS, "work": r"\frac{\partial p}{\partial z} = \frac{1}{z}"},
    {"problem": "convolution", "work": r"dV = dZ \star_{\mathrm{full}} \mathrm{rot180}(K)"},
)


#: One case in so many is tried in `make test`, other ones every day; all of them in `make test-all`.
TURNS = 4

T = TypeVar("T")


def in_turn(found: Sequence[T], name: Callable[[T], str]) -> list[ParameterSet]:
    """Parameters of which those whose turn it is not are slow. On CI it is always the same ones' turn."""
    today = 0 if os.environ.get("CI") else date.today().toordinal()
    return [
        pytest.param(each, id=name(each), marks=() if (place - today) % TURNS == 0 else (pytest.mark.slow,))
        for place, each in enumerate(found)
    ]


@lru_cache
def verifier(problem: str) -> Verifier:
    return Verifier(read_problem(problem) if "\n" in problem else problem)


@lru_cache
def works() -> tuple[dict[str, Any], ...]:
    return (*tomllib.loads(WORKS.read_text(encoding="utf-8"))["work"], *EXTRA)


@dataclass(frozen=True)
class Case:
    """A row with a slip, and the rows around it."""

    problem: str
    rows: tuple[Row, ...]
    row: int
    slip: NamedSlip
    change: Change

    def definitions(self) -> list[str]:
        """The rows around it that define names, as they were written."""
        judging = verifier(self.problem).judging
        return [
            row.text
            for row in self.rows
            if row.number != self.row and any(new_name(each, judging.models[0]) is not None for each in row.statements)
        ]

    def line(self) -> Line:
        """What is said of the row."""
        return next(line for line in verifier(self.problem).lines(list(self.rows)) if line.number == self.row)


def cases(slip: NamedSlip, most: int = 10**9, a_row: int = 1) -> Iterator[Case]:
    """The slip planted in rows of different problems first; at most `a_row` times in one row."""
    queues = [_planted(work, slip, a_row) for work in _spread()]
    count = 0
    while queues and count < most:
        for queue in list(queues):
            case = next(queue, None)
            if case is None:
                queues.remove(queue)
                continue
            yield case
            count += 1
            if count >= most:
                return


@lru_cache
def _spread() -> tuple[dict[str, Any], ...]:
    """The works, one of each problem before the second of any."""
    seen: Counter[str] = Counter()
    order = []
    for place, work in enumerate(works()):
        order.append((seen[work["problem"]], place, work))
        seen[work["problem"]] += 1
    return tuple(work for _, _, work in sorted(order, key=lambda each: each[:2]))


@lru_cache
def rows_of(problem: str, text: str, suffix: str) -> tuple[Row, ...]:
    return tuple(read_work(text, suffix, verifier(problem).problem.vocabulary))


def _planted(work: dict[str, Any], slip: NamedSlip, a_row: int) -> Iterator[Case]:
    judging = verifier(work["problem"]).judging
    rows = rows_of(work["problem"], work["work"], work.get("suffix", ".tex"))
    for place, row in enumerate(rows):
        if len(row.statements) != 1 or row.statements[0].head is None or len(row.statements[0].links) != 1:
            continue
        statement = row.statements[0]
        head, link = statement.head, statement.links[0]
        if head is None or is_literal(link.tree) or new_name(statement, judging.models[0]) is not None:
            continue
        context = Context(judging.models[0], head, link.tree, statement.conditions)
        count = 0
        for change in changed(link.tree, context, [slip], planted=True):
            wrong = replace(statement, links=(replace(link, tree=change.tree),))
            planted = (*rows[:place], replace(row, statements=(wrong,)), *rows[place + 1 :])
            case = Case(work["problem"], planted, row.number, slip, change)
            if not _is_wrong(case, head, change.tree):
                continue
            yield case
            count += 1
            if count >= a_row:
                break


def _is_wrong(case: Case, head: Tree, tree: Tree) -> bool:
    """Whether the planted slip changes the value: sin 0 for tan 0 is no mistake."""
    judged = verifier(case.problem).judging.judge(list(case.rows))
    verdict = next(each.verdict for each in judged if each.row.number == case.row)
    return verdict.verdict == "wrong"


def named(line: Line) -> list[str]:
    return [slip.name for slip in line.slips]


def _report(most: int, a_row: int) -> None:
    total: Counter[str] = Counter()
    for slip in library():
        found: Counter[str] = Counter()
        others: dict[str, int] = defaultdict(int)
        slowest = 0.0
        for case in cases(slip, most, a_row):
            started = time.perf_counter()
            line = case.line()
            slowest = max(slowest, time.perf_counter() - started)
            names = named(line)
            found["planted"] += 1
            found["first"] += names[:1] == [slip.name]
            found["listed"] += slip.name in names
            found["class"] += bool(line.slips) and line.slips[0].kind == slip.kind
            found["none"] += names == ["no known pattern"] or not names
            for name in names[:1]:
                if name != slip.name:
                    others[name] += 1
        total.update(found)
        print(
            f"{slip.name:55s} planted {found['planted']:3d}  first {found['first']:3d}  listed {found['listed']:3d}"
            f"  class {found['class']:3d}  none {found['none']:3d}  {slowest:.2f} s  {dict(others) or ''}",
            flush=True,
        )
    print(dict(total))


__all__ = ["Case", "Link", "cases", "in_turn", "named", "verifier"]

if __name__ == "__main__":
    _report(*((10**9, 2) if "--all" in sys.argv else (3, 1)))
