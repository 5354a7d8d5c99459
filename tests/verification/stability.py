"""Whether verdicts depend on the seed, on names or on the order of terms: `python tests/verification/stability.py`.

A set of lines, right, wrong and near misses, is judged at many seeds, with other names for everything, and with the
terms and factors of both sides turned around. No verdict may change; a line that is not decided may not become so.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from derive import tree as t
from derive.reading.latex.rows import Row, read_work
from derive.tree import Tree
from derive.verification.checking import Verifier
from derive.verification.judging import Judging
from derive.verification.problems import read_problem
from tests.test_verification_works import works
from tests.verification.near_misses import PROBLEM, near_misses

#: Works of these problems are judged at every seed; they are made ready fast.
SUBJECTS = (
    "griewank",
    "softmax-cross-entropy",
    "logistic-regression",
    "convolution",
    "batchnorm",
    "attention",
    "l2-norm",
)
#: Other names, of the same kind, for those of PROBLEM.
NAMES = {"x": "t", "y": "g", "z": "b", "u": "p", "v": "a", "A": "M", "n": "k"}


@dataclass
class Figures:
    lines: int = 0
    judged: int = 0
    flips: list[str] = field(default_factory=list)

    def text(self) -> str:
        return "\n".join([f"lines {self.lines}, judged {self.judged} times: flips {len(self.flips)}", *self.flips])


def lines() -> list[str]:
    """Near misses and true lines, one row each."""
    return [line for _, line in near_misses()] + [line for _, line in near_misses("true")]


def verdicts(judging: Judging, rows: Sequence[Row]) -> list[str]:
    """Each row judged alone."""
    return [judging.judge([row])[0].verdict.verdict for row in rows]


def by_seeds(seeds: Sequence[int], figures: Figures, stride: int = 1) -> None:
    problem = read_problem(PROBLEM)
    rows = [read_work(line, ".tex", problem.vocabulary)[0] for line in lines()[::stride]]
    figures.lines += len(rows)
    first: list[str] = []
    for seed in seeds:
        found = verdicts(Judging(problem, seed), rows)
        first = first or found
        figures.judged += len(rows)
        _compare(first, found, rows, f"seed {seed}", figures)


def by_works(seeds: Sequence[int], figures: Figures, stride: int = 1) -> None:
    """Whole works, right and wrong, at many seeds."""
    chosen = [w for w in works("correct") + works("wrong") if w.get("problem") in SUBJECTS][::stride]
    first: dict[int, tuple[list[str], int | None]] = {}
    for seed in seeds:
        made: dict[str, Verifier] = {}
        for number, work in enumerate(chosen):
            verifier = made.setdefault(work["problem"], Verifier(work["problem"], seed))
            rows = read_work(work["work"], work.get("suffix", ".tex"), verifier.problem.vocabulary)
            judged = verifier.judging.judge(rows)
            said = [each.verdict.verdict for each in judged]
            wrong = [each.row.number for each in judged if each.verdict.verdict == "wrong"]
            found = (said, min(wrong, default=None))
            figures.judged += len(rows)
            if number not in first:
                first[number] = found
                figures.lines += len(rows)
            elif first[number] != found:
                figures.flips.append(f"seed {seed}: {work['problem']} {number}: {first[number]} -> {found}")


def by_names(figures: Figures, stride: int = 1) -> None:
    """The same lines with other names."""
    before, after = read_problem(PROBLEM), read_problem(_renamed_problem())
    pairs = [(line, _renamed(line)) for line in lines()[::stride]]
    plain = [read_work(line, ".tex", before.vocabulary)[0] for line, _ in pairs]
    other = [read_work(line, ".tex", after.vocabulary)[0] for _, line in pairs]
    figures.judged += len(pairs)
    _compare(verdicts(Judging(before), plain), verdicts(Judging(after), other), other, "renamed", figures)


def _renamed_problem() -> str:
    text = PROBLEM
    for old, new in NAMES.items():
        text = re.sub(rf"(?m)^{old} =", f"{new} =", text)
    return text.replace('"n"', '"k"')


def _renamed(line: str) -> str:
    r"""Single letters that are no part of a command."""
    return re.sub(r"\\[A-Za-z]+|\{[a-z]{2,}\}|[A-Za-z]", lambda m: NAMES.get(m[0], m[0]), line)


def by_order(figures: Figures, stride: int = 1) -> None:
    """The same lines with all terms and commuting factors in another order."""
    problem = read_problem(PROBLEM)
    judging = Judging(problem)
    rows = [read_work(line, ".tex", problem.vocabulary)[0] for line in lines()[::stride]]
    first = verdicts(judging, rows)
    for seed in range(3):
        turned = [_turned(row, random.Random(seed)) for row in rows]
        figures.judged += len(rows)
        _compare(first, verdicts(judging, turned), rows, f"order {seed}", figures)


def _turned(row: Row, rng: random.Random) -> Row:
    def change(node: Tree) -> Tree:
        if isinstance(node, t.Sum):
            terms = list(node.terms)
            rng.shuffle(terms)
            lead = t.Negative(terms[0][1]) if terms[0][0] == "-" else terms[0][1]
            return replace(node, terms=(("+", lead), *terms[1:]))
        numbers = isinstance(node, t.Product) and all(operator in ("*", "") for operator, _ in node.factors)
        if isinstance(node, t.Product) and numbers and not set("uvA") & set(t.names_in(node)):
            parts = [part for _, part in node.factors]
            rng.shuffle(parts)
            return t.Product(tuple(("*", part) for part in parts))
        return node

    statements = tuple(
        replace(
            statement,
            head=None if statement.head is None else t.transformed(statement.head, change),
            links=tuple(replace(link, tree=t.transformed(link.tree, change)) for link in statement.links),
        )
        for statement in row.statements
    )
    return replace(row, statements=statements)


def _compare(first: Sequence[str], found: Sequence[str], rows: Sequence[Row], what: str, figures: Figures) -> None:
    for one, other, row in zip(first, found, rows, strict=True):
        if one != other:
            figures.flips.append(f"{what}: {row.text}: {one} -> {other}")


def measure(seeds: int = 200, stride: int = 1) -> Figures:
    figures = Figures()
    by_seeds(range(seeds), figures, stride)
    by_works(range(0, seeds, 4 if seeds > 20 else 5), figures, stride)
    by_names(figures, stride)
    by_order(figures, stride)
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    print((measure(10, 4) if small else measure()).text())
