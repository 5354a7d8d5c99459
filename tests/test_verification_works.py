"""Works whose verdicts are known, written by hand: every one gets its verdict and its first wrong row."""

from __future__ import annotations

import itertools
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from derive.verification.checking import Verifier
from derive.verification.problems import read_problem

FOLDER = Path(__file__).parent / "verify"


def works(name: str) -> list[dict[str, Any]]:
    """The works of a file; those that stand below a problem with its text or its name."""
    data = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    if "work" in data:
        return [{"file": name, "place": place, **each} for place, each in enumerate(data["work"])]
    return [
        {"file": name, "place": f"{each['name']} {place}", "toml": each["toml"], "verdict": verdict,
         "first_wrong": row or None, "work": text, "suffix": rest[0] if rest else ".tex", "charged": rest[1:]}
        for each in data["problem"] for place, (verdict, row, text, *rest) in enumerate(each["works"])
    ]  # fmt: skip


@lru_cache(maxsize=8)
def verifier(problem: str) -> Verifier:
    return Verifier(read_problem(problem) if "\n" in problem else problem)


def judged(work: dict[str, Any]) -> Any:
    return verifier(work.get("toml") or work["problem"]).verify(work["work"], work.get("suffix", ".tex"))


def named(work: dict[str, Any]) -> str:
    return f"{work['file']} {work.get('problem', '')} {work['place']}"


@pytest.mark.parametrize("work", works("sheet002") + works("sheet004") + works("correct"), ids=named)
def test_right_works_are_accepted(work: dict[str, Any]) -> None:
    report = judged(work)
    assert {line.number: line.verdict.verdict for line in report.lines} == {
        line.number: "correct" for line in report.lines
    }


@pytest.mark.parametrize("work", works("wrong"), ids=named)
def test_wrong_works_are_charged_at_their_first_wrong_row(work: dict[str, Any]) -> None:
    report = judged(work)
    wrong = [line.number for line in report.lines if line.verdict.verdict == "wrong"]
    assert (report.verdict, report.first_wrong) == ("wrong", work["first_wrong"])
    # everything behind the mistakes is carried, not charged again
    assert set(work.get("also_wrong", ())) <= set(wrong)


@pytest.mark.parametrize("work", works("points") + works("readings") + works("students"), ids=named)
def test_every_point_of_the_rules_holds(work: dict[str, Any]) -> None:
    report = judged(work)
    assert (report.verdict, report.first_wrong) == (work["verdict"], work["first_wrong"])
    for rows in work["charged"]:
        assert [line.number for line in report.lines if line.verdict.verdict == "wrong"] == rows


@pytest.mark.parametrize("work", works("sheet003"), ids=named)
def test_the_answer_key_gets_the_verdicts_it_deserves(work: dict[str, Any]) -> None:
    report = judged(work)
    assert (report.verdict, report.first_wrong) == (work["verdict"], work.get("first_wrong"))
    found = {line.number: line for line in report.lines}
    for row in work.get("rows", ()):
        assert found[row["line"]].verdict.verdict == row["verdict"], row


def test_what_only_one_row_asks_for_is_forgotten_with_it() -> None:
    """The member z_0 that a wrong row reads is made for it alone; later works must not find its nodes."""
    right = r"\delta_j^{[l]} = f'^{[l]}(z_j^{[l]}) \sum_k w_{kj}^{[l+1]} \delta_k^{[l+1]} \quad (l < L)"
    wrong = right.replace("l+1]}", "l-1]}").replace("w_{kj}^{[l-1]}", "w_{kj}^{[l+1]}")
    first = verifier("mlp").verify(wrong).data()
    assert verifier("mlp").verify(right).verdict == "correct"
    assert verifier("mlp").verify(wrong).data() == first
    assert first["verdict"] != "correct"


def test_what_was_right_in_one_work_is_right_in_the_next_only_if_it_reads_no_definition() -> None:
    """The same row twice, about a name that each work defines for itself; and one about names of the problem alone."""
    made = Verifier("softmax-cross-entropy")
    right = "u_i = z_i + z_i\nv_i = 2 z_i\nu_i = v_i\ny_i = y_i"
    wrong = "u_i = z_i + z_i\nv_i = 3 z_i\nu_i = v_i\ny_i = y_i"
    for work, verdict in ((right, "correct"), (wrong, "wrong"), (right, "correct"), (wrong, "wrong")):
        found = made.verify(work).lines
        assert [line.verdict.verdict for line in found] == ["correct", "correct", verdict, "correct"]


@pytest.mark.parametrize("problem", ["mlp", "softmax-cross-entropy", "griewank"])
def test_what_others_wrote_before_changes_nothing_that_is_said(problem: str) -> None:
    """Each work twice, between the others and further down the page, against a verifier that has seen nothing."""
    rows = [work["work"] for work in works("wrong") + works("correct") if work.get("problem") == problem][:4]
    texts = [*rows, *("\n\n" + "\n".join(pair) for pair in itertools.pairwise(rows)), *rows]
    warm = Verifier(problem)
    for text in texts:
        found, alone = warm.verify(text), Verifier(problem).verify(text)
        assert found.data() == alone.data()
        assert [line.slips for line in found.lines] == [line.slips for line in alone.lines]


def test_rows_that_need_each_other_are_named_and_the_others_judged() -> None:
    report = verifier("griewank").verify("q = r x_1\nr = q + 1\nv_0 = x_2\n", ".txt")
    assert [line.verdict.verdict for line in report.lines] == ["unread", "unread", "correct"]
    assert all("rows 1 and 2 need each other" in line.verdict.reason for line in report.lines[:2])


SQUARES = """
loss = "L"
equations = ['y = A x', 'L = y^T y']
[names]
A = { shape = ["m", "n"] }
x = { shape = ["n"] }
"""


def test_H052_a_row_that_uses_what_a_later_one_defines_says_so() -> None:
    report = verifier(SQUARES).verify("\\frac{\\partial L}{\\partial x} = A^T g\ng = 2 y\n")
    assert report.verdict == "correct"
    assert [line.verdict.note for line in report.lines] == ["uses g, which row 2 defines", "g is taken as a new name"]


def test_H054_a_row_that_is_true_and_does_not_follow_says_so() -> None:
    wrong = "\\frac{\\partial L}{\\partial y} = y\n"
    copied = verifier(SQUARES).verify(wrong + "\\frac{\\partial L}{\\partial x} = 2 A^T y\n")
    assert [line.verdict.verdict for line in copied.lines] == ["wrong", "correct"]
    assert copied.lines[1].verdict.note == "true, but it does not follow from what row 1 says"
    beside = verifier(SQUARES).verify(wrong + "y_i = \\sum_j A_{ij} x_j\n")
    assert beside.lines[1].verdict.note == ""
