"""What excludes repairs of a wrong row before they are decided: it may never exclude one that is right."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import pytest

from derive.tree import Tree
from derive.verification.checking import Verifier
from derive.verification.slip_context import Context
from derive.verification.slip_library import library
from derive.verification.slip_screen import Screen, row_views
from derive.verification.slip_views import UNTOLD
from derive.verification.slips import Path, edits, replaced, sites
from tests.slip_cases import in_turn, rows_of, verifier, works

#: Changes of a row that are tried.
CHANGES = 150

WORKS = [{"suffix": ".tex", **work} for work in works()]


@dataclass(frozen=True)
class Planted:
    """The screen of a row with a slip in it, the place, what stood there, and the right sides, wrong and right."""

    screen: Screen
    path: Path
    node: Tree
    wrong: Tree
    right: Tree
    head: Tree

    def repairs(self, problem: str) -> Iterator[tuple[Path, Tree]]:
        context = Context(verifier(problem).judging.models[0], self.head, self.wrong)
        return ((site.path, new) for _, site, new in edits(sites(self.wrong, context), library()))


def named(work: dict[str, str]) -> str:
    return f"{work['problem'].strip().splitlines()[0]} {work['work'][:40]}"


def planted(work: dict[str, str]) -> Iterator[Planted]:
    judging = verifier(work["problem"]).judging
    model = judging.models[0]
    for row in rows_of(work["problem"], work["work"], work["suffix"]):
        (judged,) = judging.judge([row])
        if judged.verdict.verdict != "correct" or judged.verdict.evidence == "definition":
            continue  # it reads what an earlier row defines
        for statement in row.statements:
            if statement.head is None or len(statement.links) != 1:
                continue
            head, right, conditions = statement.head, statement.links[0].tree, statement.conditions
            context = Context(model, head, right, conditions)
            found = list(edits(sites(right, context), library(), planted=True))
            for _, site, new in found[:: max(1, len(found) // CHANGES)]:
                wrong = replaced(right, site.path, new)
                views = row_views(model, head, wrong, context.anchor, conditions)
                yield Planted(Screen(views, wrong), site.path, site.node, wrong, right, head)


@pytest.mark.parametrize("work", in_turn(WORKS, named))
def test_the_right_formula_is_never_excluded(work: dict[str, str]) -> None:
    for row in planted(work):
        assert row.screen.excludes(row.path, row.node) is not True, (row.wrong, row.right)
        assert row.screen.differs(row.right) is not True, (row.wrong, row.right)


@pytest.mark.parametrize("work", in_turn(WORKS, named))
def test_a_place_excludes_what_the_whole_excludes(work: dict[str, str]) -> None:
    """One inner product with the weights of a place, against the right side worked out as a whole in the same view."""
    for row in islice(planted(work), 12):
        screen = row.screen
        for path, new in islice(row.repairs(work["problem"]), 0, None, 7):
            excluded = screen.excludes(path, new)
            if excluded is None or screen.view is None or screen.sweep is None:
                continue
            try:
                differs = screen.view.differs(replaced(row.wrong, path, new))
            except UNTOLD:
                continue
            assert differs or not excluded, (row.wrong, path, new)


def test_most_repairs_are_told_from_their_place_alone() -> None:
    told: Counter[bool | None] = Counter()
    work = next(each for each in WORKS if each["problem"] == "softmax-cross-entropy")
    for row in islice(planted(work), 40):
        told.update(row.screen.excludes(path, new) for path, new in row.repairs(work["problem"]))
    assert told[True] > 0.8 * sum(told.values())


ROWS = (
    r"\frac{\partial L}{\partial z_i} = p_i",
    r"\frac{\partial L}{\partial z_i} = (y_i - p_i) p_i",
    r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_j) + p_j^7",
)


def test_what_is_said_depends_on_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """With clocks that run a day at every look the same is said of a row."""

    def said() -> list[list[tuple[str, str]]]:
        lines = Verifier("softmax-cross-entropy").verify("\n\n".join(ROWS), ".tex").lines
        return [[(slip.name, slip.sentence) for slip in line.slips] for line in lines]

    before = said()
    now = iter(range(10**9))
    for clock in ("process_time", "perf_counter", "monotonic", "time", "thread_time"):
        monkeypatch.setattr(time, clock, lambda: 86400.0 * next(now))
    assert said() == before and any(before)


@pytest.mark.parametrize(
    ("problem", "work", "parts"),
    [
        (  # in two terms of a sum
            "griewank",
            r"\bar v_0 = -\bar v_3 v_3 - \bar v_1 \frac{v_{-1}}{v_0}",
            ("sign", "denominator not squared"),
        ),
        (  # one of them a factor of the whole
            "linear-regression",
            r"\frac{\partial L}{\partial w} = -\frac{1}{m} X^T (\hat y - y)",
            ("sign", "factor 2 of a square missing"),
        ),
    ],
)
def test_two_slips_that_make_up_for_the_difference_together(problem: str, work: str, parts: tuple[str, ...]) -> None:
    (line,) = verifier(problem).verify(work, ".tex").lines
    assert all(part in line.slips[0].name for part in parts), line.slips[0].name
    assert verifier(problem).verify(line.expected or "", ".tex").verdict == "correct"
