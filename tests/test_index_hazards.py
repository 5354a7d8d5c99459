"""Lines that hold where an axis has few entries: sizes must reach as far as indices run over it in one term."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

import pytest

from derive.reading.latex.rows import read_work
from derive.verification.checking import Verifier
from derive.verification.index_hazards import crowded
from derive.verification.problems import read_problem
from derive.verification.report import Line

PROBLEM = """
title = "Vectors and matrices"
equations = []
[names]
u = { shape = ["n"] }
w = { shape = ["m"] }
c = { shape = [3] }
A = { shape = ["n", "n"] }
[conventions]
index_from = 1
delta = "Kronecker"
"""

LETTERS = "ijklpq"


@lru_cache(maxsize=1)
def verifier() -> Verifier:
    return Verifier(read_problem(PROBLEM))


def judged(text: str) -> Line:
    return verifier().verify(text).lines[0]


def elementary(vector: str, letters: str) -> str:
    """The sum over indices that all differ, which is 0 where there are fewer entries than indices."""
    differ = "".join(rf"(1 - \delta_{{{a}{b}}})" for a, b in combinations(letters, 2))
    sums = "".join(rf"\sum_{each} " for each in letters)
    return sums + differ + " ".join(f"{vector}_{each}" for each in letters) + " = 0"


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("vector", ["u", "w"])
def test_a_sum_over_indices_that_all_differ_is_not_zero(vector: str, count: int) -> None:
    """Of five indices the sizes tried may fall short; such a line is then open."""
    verdict = judged(elementary(vector, LETTERS[:count])).verdict
    assert verdict.verdict == "wrong" or (count > 4 and verdict.reason.startswith("hazard: "))


def test_newtons_fourth_identity_holds_for_three_entries_only() -> None:
    line = judged(
        r"(\sum_i u_i)^4 - 6 (\sum_i u_i^2)(\sum_i u_i)^2 + 3 (\sum_i u_i^2)^2 + 8 (\sum_i u_i^3)(\sum_i u_i)"
        r" - 6 \sum_i u_i^4 = 0"
    )
    assert line.verdict.verdict == "wrong"
    assert line.counterexample is not None
    assert line.counterexample["shapes"]["n"] >= 4


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_true_lines_of_many_indices_stay_right(count: int) -> None:
    sums = "".join(rf"\sum_{each} " for each in LETTERS[:count])
    product = " ".join(f"u_{each}" for each in LETTERS[:count])
    verdict = judged(rf"{sums} {product} = (\sum_i u_i)^{count}").verdict
    assert verdict.verdict == "correct" or (count > 4 and verdict.reason.startswith("hazard: "))


def test_what_sizes_cannot_show_is_not_right() -> None:
    line = judged(r"(\sum_i u_i)^{15} = (\sum_i u_i)^{7} (\sum_i u_i)^{8}")
    assert (line.verdict.verdict, line.verdict.reason.partition(":")[0]) == ("undecided", "hazard")


@pytest.mark.parametrize(
    "text, name",
    [
        (r"\sum_i u_i = \sum_j u_j", None),
        (r"\sum_i\sum_j\sum_k A_{ij} A_{jk} u_i = 0", None),
        (r"\sum_i\sum_j\sum_k A_{ij} A_{jk} A_{kl} u_i = 0", "l"),
        (r"\sum_i u_i \sum_j w_j \sum_k u_k \sum_l w_l = 0", None),
        (r"\sum_i c_i \sum_j c_j \sum_k c_k \sum_l c_l = 0", None),
        (r"\sum_i\sum_j u_i u_j + \sum_k\sum_l u_k u_l = 0", None),
    ],
    ids=["two", "three", "four", "of two axes", "of a fixed extent", "in two terms"],
)
def test_indices_over_one_axis_in_one_term_are_counted(text: str, name: str | None) -> None:
    judging = verifier().judging
    (row,) = read_work(text, ".tex", judging.problem.vocabulary)
    (statement,) = row.statements
    assert statement.head is not None
    found = crowded((statement.head, statement.links[0].tree), judging.models)
    assert (found is None) == (name is None)
