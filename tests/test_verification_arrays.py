"""Rows decided by arrays of residues: the arithmetic is that of whole numbers, and yes is never said of a wrong row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.reading.latex.rows import read_work
from derive.verification.agreement import agreed
from derive.verification.shaped import OutsideFamily, ShapeClash, Unjudged
from derive.verification.statements import pairs
from derive.verification.tables import Residual
from derive.verification.verdicts import Judged
from tests.test_verification_works import named, verifier, works


def residual() -> Residual:
    return verifier("convolution").judging.models[0].residual


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**51), st.integers(0, 2**51)), min_size=1, max_size=20), st.booleans())
def test_products_of_residues_are_those_of_whole_numbers(numbers: list[tuple[int, int]], at_the_end: bool) -> None:
    arithmetic = residual()
    primes = [int(each) for each in arithmetic.primes(1)[0]]
    rows = [[(prime - 1 - one % 3, prime - 1 - other % 3) if at_the_end else (one % prime, other % prime)
             for one, other in numbers] for prime in primes]  # fmt: skip
    left, right = (np.array([[pair[k] for pair in row] for row in rows], dtype=np.int64) for k in (0, 1))
    found = arithmetic.multiply(left, right).tolist()
    assert found == [
        [one * other % prime for one, other in row] for prime, row in zip(primes, rows, strict=True)
    ]  # exactly, in whole numbers of any length


@settings(deadline=None)
@given(st.lists(st.integers(1, 2**48), min_size=1, max_size=6))
def test_an_inverse_times_its_number_is_one(numbers: list[int]) -> None:
    arithmetic = residual()
    values = np.array([numbers] * arithmetic.draws, dtype=np.int64)
    inverses = arithmetic.inverse(values, np.ones(1, dtype=bool))
    assert (arithmetic.multiply(values, inverses) == 1).all()


def compared(work: dict[str, Any]) -> list[tuple[str, bool, bool]]:
    """(row, whether arrays say yes, whether the graph says correct) for all links and models of a work."""
    found = []
    made = verifier(work.get("toml") or work["problem"])

    def look(judged: Judged) -> None:
        verdict = judged.verdict
        if verdict.head is None or verdict.link is None or verdict.statement is None:
            return
        conditions = tuple(verdict.statement.conditions)
        for model in made.judging.models:
            quick = agreed(verdict.head, verdict.link.tree, conditions, model) is not None
            try:
                decision = model.judge.decide(pairs(verdict.head, verdict.link.tree, conditions, model))
            except (Unjudged, ShapeClash, OutsideFamily, ArithmeticError):
                found.append((judged.row.text, quick, False))
            else:
                found.append((judged.row.text, quick, decision.verdict == "correct"))

    made.judging.judge(read_work(work["work"], work.get("suffix", ".tex"), made.problem.vocabulary), look)
    return found


@pytest.mark.parametrize("work", works("points")[::3] + works("wrong")[::4] + works("correct")[::4], ids=named)
def test_yes_is_said_only_of_what_the_graph_finds_right(work: dict[str, Any]) -> None:
    assert [row for row, quick, right in compared(work) if quick and not right] == []


def test_most_right_rows_are_decided_by_arrays() -> None:
    found = [each for work in works("correct")[::6] for each in compared(work)]
    assert sum(quick for _, quick, _ in found) >= 0.8 * sum(right for _, _, right in found) > 0
