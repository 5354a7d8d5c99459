"""How often right work is charged or not decided: `python tests/verification/rewrites.py [--small]`.

Every right work of tests/verify/ is rewritten by up to six rules that keep its value; the works themselves, written by
hand, are counted apart.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from derive import tree as t
from derive.reading.latex.rows import echo
from derive.tree import Tree
from derive.verification.values import is_literal
from tests.verification.corpus import Work, right_works
from tests.verification.rewriting import Context, index_form, rewritten


@dataclass
class Figures:
    rewrites: int = 0
    by_hand: int = 0
    works: int = 0
    depths: Counter[int] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    evidence: Counter[str] = field(default_factory=Counter)
    charged: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    hand_charged: list[str] = field(default_factory=list)
    hand_open: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def text(self) -> str:
        lines = [
            f"rewrites {self.rewrites} of rows in {self.works} works, depths {dict(sorted(self.depths.items()))}",
            f"charged {len(self.charged)}, undecided or unread {len(self.open)} = "
            f"{100 * len(self.open) / max(self.rewrites, 1):.2f} %",
            f"rows written by hand {self.by_hand}: charged {len(self.hand_charged)}, "
            f"undecided or unread {len(self.hand_open)}",
            f"evidence {dict(self.evidence)}",
            f"rules {dict(self.rules.most_common())}",
            f"seconds {self.seconds:.0f}",
        ]
        for title, listed in (("charged", self.charged + self.hand_charged), ("open", self.open + self.hand_open)):
            lines += [f"--- {title}", *listed] if listed else []
        return "\n".join(lines)


def rows_of(work: Work) -> Iterator[tuple[int, int, int, Tree, tuple[Tree, ...]]]:
    """(row, statement, link, left side, conditions) of what may be rewritten."""
    head: Tree | None = None
    conditions: tuple[Tree, ...] = ()
    for number, row in enumerate(work.rows):
        for k, statement in enumerate(row.statements):
            if statement.head is not None:
                head, conditions = statement.head, tuple(statement.conditions)
            if head is None:
                continue
            for j, link in enumerate(statement.links):
                if link.relation == "=" and not is_literal(link.tree):
                    yield number, k, j, head, conditions


def context_of(work: Work, seed: str) -> Context:
    problem = work.problem
    letters: set[str] = set()
    for row in work.rows:
        for statement in row.statements:
            for tree in (statement.head, *(link.tree for link in statement.links)):
                for node in () if tree is None else t.walk(tree):
                    if isinstance(node, t.Reduction):
                        letters.update(node.bound)
                    if isinstance(node, t.Subscript):
                        letters.update(n for i in node.indices for n in t.names_in(i) if len(n) == 1)
    ranks: dict[str, int | None] = dict(problem.vocabulary.names)
    letters -= {name for name in letters if name in ranks}
    kronecker = problem.conventions["delta"] == "Kronecker" and "delta" not in ranks
    known = set(ranks) | problem.vocabulary.functions | set(problem.vocabulary.families)
    ranks |= {name: ranks.get(name) for name in known}
    families = set(problem.vocabulary.families)
    equations = [
        e
        for e in problem.equations
        if not isinstance(e.head, t.Call) and not families & set(t.names_in(e.links[0].tree))
    ]
    return Context(ranks, equations, letters, frozenset(families), kronecker, random.Random(seed))


def measure(each: int = 4, stride: int = 1, depth: int = 6) -> Figures:
    """each : rewrites of one link."""
    figures = Figures()
    start = time.perf_counter()
    for number, work in enumerate(right_works()):
        if number % stride:
            continue
        judged = work.judged()
        figures.by_hand += len(judged)
        for found in judged:
            told = f"{work.name} row {found.row.number}: {found.row.text[:200]} [{found.verdict.reason}]"
            if found.verdict.verdict == "wrong":
                figures.hand_charged.append(told)
            elif found.verdict.verdict != "correct":
                figures.hand_open.append(told)
        if any(found.verdict.verdict != "correct" for found in judged):
            continue
        figures.works += 1
        for trial in range(each):
            _one(work, trial, depth, figures)
    figures.seconds = time.perf_counter() - start
    return figures


def _one(work: Work, trial: int, depth: int, figures: Figures) -> None:
    """All rows of a work rewritten, and judged together."""
    rows = list(work.rows)
    told: dict[int, list[str]] = {}
    for number, k, j, head, _ in list(rows_of(work)):
        context = context_of(work, f"{work.name}/{number}/{k}/{j}/{trial}")
        statement = rows[number].statements[k]
        link = statement.links[j]
        steps = 1 + (trial + number + j) % depth
        tree, left = link.tree, statement.head
        used: list[str] = []
        if trial % 2 and j == 0 and len(statement.links) == 1 and left is not None:
            changed = index_form(head, tree, context)
            if changed is not None:
                left, tree = changed
                used.append("index form")
        tree, more = rewritten(tree, context, steps, figures.rules)
        used += more
        if not used:
            continue
        links = list(statement.links)
        links[j] = replace(link, tree=tree)
        statements = list(rows[number].statements)
        statements[k] = replace(statement, head=left, links=tuple(links))
        rows[number] = replace(rows[number], statements=tuple(statements))
        figures.rewrites += 1
        figures.depths[len(used)] += 1
        figures.rules.update(used)
        told.setdefault(number, []).append(f"{_said(head)} = {_said(tree)} by {', '.join(used)}")
    for found, row in zip(work.judged(rows), rows, strict=True):
        number = rows.index(row)
        if number not in told:
            continue
        figures.evidence[f"{found.verdict.verdict} {found.verdict.evidence}"] += 1
        text = f"{work.name} row {row.number}: {'; '.join(told[number])} [{found.verdict.reason}]"
        if found.verdict.verdict == "wrong":
            figures.charged.append(text)
        elif found.verdict.verdict != "correct":
            figures.open.append(text)


def _said(tree: Tree) -> str:
    try:
        return echo(tree)
    except Exception:  # not every rewrite has a normal form
        return repr(tree)[:300]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    print((measure(2, 5) if small else measure()).text())
