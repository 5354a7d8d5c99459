"""Course sheet 003, exercise 1: what its published key prints, judged line by line."""

from __future__ import annotations

import derive
from derive.checks.printed import judge
from derive.reading.points import read_point
from derive.reading.reader import read
from derive.subjects import griewank
from derive.worked import work_out


def verdicts() -> dict[str, object]:
    worked = work_out(derive.trace(griewank.FUNCTION), read_point(griewank.POINT))
    printed = {line.name: line.number for line in griewank.KEY}
    return {
        line.name: judge(
            worked, line.name, read(line.formula), line.number, {k: v for k, v in printed.items() if k != line.name}
        )
        for line in griewank.KEY
    }


def test_the_key_is_wrong_in_one_formula_and_its_other_digits_are_explained() -> None:
    found = verdicts()
    wrong = [name for name, verdict in found.items() if not verdict.right_formula]  # type: ignore[attr-defined]
    assert wrong == ["vbar_0"]
    labels = {name: verdict.label for name, verdict in found.items()}  # type: ignore[attr-defined]
    assert labels.pop("v_6") == "chained rounding"
    assert labels.pop("vbar_0") == "truncated"
    assert set(labels.values()) == {"correctly rounded"}


def test_the_inverted_fraction_gives_another_number_than_the_key_prints() -> None:
    verdict = verdicts()["vbar_0"]
    assert verdict.as_printed == "-5.0231" and verdict.correct == "-13.7240"  # type: ignore[attr-defined]


def test_a_planted_error_in_the_key_is_found() -> None:
    worked = work_out(derive.trace(griewank.FUNCTION), read_point(griewank.POINT))
    verdict = judge(worked, "vbar_3", read("vbar_4"), "-2.8437", {})
    assert not verdict.right_formula and verdict.label == "correctly rounded"
    verdict = judge(worked, "v_2", read("sin(v_1)"), "0.1511", {})
    assert verdict.right_formula and verdict.label == "wrong"
