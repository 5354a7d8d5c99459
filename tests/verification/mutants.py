"""How many mistakes are caught, and at the right row: `python tests/verification/mutants.py [--small]`.

Mutants are made of every right work in tests/verify/ by generic changes of trees and of LaTeX text. An oracle in NumPy
(`oracle.py`, its own sizes and draws) says which of them are no mistakes; these are left out and counted.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from derive import tree as t
from derive.reading.latex.rows import Row
from derive.verification.verdicts import whole
from tests.verification import text_mutations, tree_mutations
from tests.verification.corpus import Place, Work, changed_rows, confirmed, defines, right_works, verifier


@dataclass
class Figures:
    """caught : charged at the mutated row.  elsewhere : charged, but first at another row.  accepted : survivors."""

    works: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    survivors: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    read_same: list[str] = field(default_factory=list)
    charged_equivalents: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return sum(self.counts[key] for key in ("caught", "elsewhere", "open", "accepted"))

    def text(self) -> str:
        total = max(self.total, 1)
        wrong = self.counts["caught"] + self.counts["elsewhere"]
        doubles = self.counts["double"] or 1
        lines = [
            f"right works {len(self.works)}, problems {len(self.subjects)}",
            f"mutants that are mistakes {self.total} (trees {self.counts['tree']}, LaTeX {self.counts['text']})",
            f"caught {wrong} = {100 * wrong / total:.2f} %",
            f"undecided or unread {self.counts['open']}, accepted {self.counts['accepted']}",
            f"first wrong row, one mistake: {self.counts['within right']} of {self.counts['within']} = "
            f"{100 * self.counts['within right'] / max(self.counts['within'], 1):.2f} %",
            f"first wrong row, two mistakes: {self.counts['double right']} of {self.counts['double']} = "
            f"{100 * self.counts['double right'] / doubles:.2f} %",
            f"left out: no mistakes {self.counts['same']} (charged all the same: {len(self.charged_equivalents)}), "
            f"the oracle does not know {self.counts['unknown']}",
            f"ill-formed: {self.counts['ill-formed']}, of these wrong {self.counts['ill-formed wrong']}, "
            f"undecided or unread {self.counts['ill-formed open']}, accepted {self.counts['ill-formed accepted']}",
            f"LaTeX that reads as before: {len(self.read_same)}, that is not read: {self.counts['not read']}",
            f"seconds {self.seconds:.0f}",
        ]
        for title, listed in (
            ("crashes", self.crashes),
            ("survivors", self.survivors),
            ("undecided or unread", self.open),
            ("first wrong elsewhere", self.elsewhere),
            ("equivalents that were charged", self.charged_equivalents),
            ("reads as before", self.read_same),
        ):
            lines += [f"--- {title}", *listed] if listed else []
        return "\n".join(lines)


def measure(each: int = 10, text: int = 5, doubles: int = 200, stride: int = 1) -> Figures:
    """each, text : most mutants of trees and of text for one link; a work of many links gets fewer for each."""
    figures = Figures()
    start = time.perf_counter()
    pairs: list[tuple[Work, list[tuple[Place, t.Tree]]]] = []
    for number, plain in enumerate(right_works()):
        if number % stride != stride // 2:
            continue
        work = confirmed(plain)
        print(f"{figures.total} {work.name}", file=sys.stderr)
        if not work.places or whole(found.verdict for found in work.judged()) != "correct":
            continue
        figures.works.add(work.name)
        figures.subjects.add(work.problem.title if work.problem.title else work.key)
        caught: list[tuple[Place, t.Tree]] = []
        share = max(1, min(each, 30 // len(work.places)))
        for place in work.places:
            caught += _trees(work, place, share, figures)
            _texts(work, place, max(1, share * text // each), figures)
        if len({place.row for place, _ in caught}) > 1:
            pairs.append((work, caught))
    _doubles(pairs, doubles, figures)
    figures.seconds = time.perf_counter() - start
    return figures


def _ranks(work: Work) -> dict[str, int]:
    found = {
        name: rank
        for name, rank in work.problem.vocabulary.names.items()
        if rank is not None and name != work.problem.loss
    }
    return found | dict.fromkeys(work.problem.vocabulary.functions, -1)


def _letters(place: Place) -> list[str]:
    found: dict[str, None] = {}
    for tree in (place.head, place.tree):
        for node in t.walk(tree):
            if isinstance(node, t.Subscript):
                found.update(dict.fromkeys(name for i in node.indices for name in t.names_in(i) if len(name) == 1))
            if isinstance(node, t.Reduction):
                found.update(dict.fromkeys(node.bound))
    return list(found)


def _trees(work: Work, place: Place, most: int, figures: Figures) -> list[tuple[Place, t.Tree]]:
    caught = []
    seed = f"{work.name}/{place.row}/{place.link}"
    for kind, tree in tree_mutations.sampled(place.tree, _ranks(work), _letters(place), most, seed):
        truth = work.true(place.head, tree, place.conditions)
        rows = work.with_tree(place, tree)
        if _noted(work, rows, place.row, truth, f"{kind}: {_said(place.head)} = {_said(tree)}", figures, "tree"):
            caught.append((place, tree))
    return caught


def _texts(work: Work, place: Place, most: int, figures: Figures) -> None:
    row = work.rows[place.row]
    if (
        work.suffix == ".txt"
        or place.statement
        or place.link
        or len(row.statements) > 1
        or work.text.count(row.text) != 1
    ):
        return
    for kind, text in text_mutations.sampled(row.text, most, f"{work.name}/{place.row}"):
        rows = changed_rows(work, work.text.replace(row.text, text))
        others = [k for k in range(len(work.rows)) if k != place.row]
        if len(rows) != len(work.rows) or any(rows[k].statements != work.rows[k].statements for k in others):
            continue
        changed = rows[place.row]
        if changed.error is not None or len(changed.statements) != 1:
            figures.counts["not read"] += 1
            continue
        said = changed.statements[0]
        if said == row.statements[0]:
            figures.read_same.append(f"{kind}: {row.text}  ->  {text}")
            continue
        if (said.head is not None and said.head != place.head) or len(said.links) != len(row.statements[0].links):
            continue
        truths = {work.true(place.head, link.tree, said.conditions or place.conditions) for link in said.links}
        order = ("unknown", "ill-formed", "different", "same")
        truth = next(each for each in order if each in truths)
        _noted(work, rows, place.row, truth, f"{kind}: {text}", figures, "text")


def _noted(work: Work, rows: tuple[Row, ...], number: int, truth: str, told: str, figures: Figures, form: str) -> bool:
    """Judge a mutant and count it; whether it was caught at its row."""
    if truth == "unknown":
        figures.counts["unknown"] += 1
        return False
    # every fourth within its whole work, the others with the rows that they need
    figures.counts["judged"] += 1
    within = figures.counts["judged"] % 4 == 0
    try:
        judged = work.judged(rows if within else [rows[k] for k in _needed(work, number)])
    except Exception as reason:  # a traceback is a mistake of the program: it is listed
        figures.crashes.append(f"{work.name} row {rows[number].number}: {told} [{reason!r}]")
        verifier.cache_clear()
        return False
    wrong = [found.row.number for found in judged if found.verdict.verdict == "wrong"]
    own = next(found.verdict for found in judged if found.row.number == rows[number].number)
    told = f"{work.name} row {rows[number].number}: {told} [{own.verdict} {own.reason}]"
    if truth == "same":
        figures.counts["same"] += 1
        if wrong:
            figures.charged_equivalents.append(told)
        return False
    said = "wrong" if wrong else "accepted" if own.verdict == "correct" else "open"
    if truth == "ill-formed":
        figures.counts["ill-formed"] += 1
        figures.counts[f"ill-formed {said}"] += 1
        if said == "accepted":
            figures.survivors.append(f"ill-formed: {told}")
        return False
    figures.counts[form] += 1
    figures.kinds[told.split(": ")[1]] += 1
    if said == "wrong":
        at = min(wrong) == rows[number].number
        figures.counts["within"] += within
        figures.counts["within right"] += within and at
        figures.counts["caught" if at else "elsewhere"] += 1
        if not at:
            figures.elsewhere.append(f"{told} first wrong {min(wrong)}")
        return at
    figures.counts[said] += 1
    (figures.survivors if said == "accepted" else figures.open).append(told)
    return False


def _needed(work: Work, number: int) -> list[int]:
    """The rows without which a row says nothing: those that define names, and the head of its chain."""
    found = {number}
    for k, row in enumerate(work.rows):
        if any(each.head is not None and defines(each.head, work) for each in row.statements):
            found.add(k)
    for start in list(found):
        k = start
        while k > 0 and work.rows[k].statements and work.rows[k].statements[0].head is None:
            k -= 1
            found.add(k)
    return sorted(found)


def _doubles(pairs: list[tuple[Work, list[tuple[Place, t.Tree]]]], count: int, figures: Figures) -> None:
    rng = random.Random(2)
    if not pairs:
        return
    for _ in range(count):
        work, caught = rng.choice(pairs)
        one, other = rng.sample(caught, 2)
        if one[0].row == other[0].row:
            continue
        both = _with(_with(work, *one), *other)
        try:
            judged = work.judged(both.rows)
        except Exception as reason:  # as above
            figures.crashes.append(
                f"{work.name}: two mistakes in rows {one[0].row + 1} and {other[0].row + 1} {reason!r}"
            )
            verifier.cache_clear()
            continue
        wrong = [found.row.number for found in judged if found.verdict.verdict == "wrong"]
        figures.counts["double"] += 1
        first = min(work.rows[one[0].row].number, work.rows[other[0].row].number)
        if wrong and min(wrong) == first:
            figures.counts["double right"] += 1
        else:
            figures.elsewhere.append(
                f"{work.name}: two mistakes in rows {one[0].row + 1} and {other[0].row + 1}: {wrong}"
            )


def _with(work: Work, place: Place, tree: t.Tree) -> Work:
    return Work(work.name, work.problem, work.key, work.text, work.suffix, work.with_tree(place, tree))


def _said(tree: t.Tree) -> str:
    from derive.reading.latex.rows import echo

    try:
        return echo(tree)
    except Exception:  # a mutant need not have a normal form
        return repr(tree)[:200]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    print((measure(4, 2, doubles=40, stride=6) if small else measure()).text())
