"""Every slip of the library, planted in right rows: the row is wrong, and the slip named, by a repair that is right."""

from __future__ import annotations

import string
from collections import Counter
from pathlib import Path

import pytest

from derive.verification.checking import Verifier
from derive.verification.report import Line
from derive.verification.slip_library import library, named
from derive.verification.slip_table import table
from derive.verification.slips import CLASSES, NamedSlip
from tests.slip_cases import cases, in_turn, verifier

#: Found from the difference of the sides, not by changing a place: planted by hand below.
PATHS = ("path missing", "diagonal path only", "path taken twice", "sign of a path", "a lone term of several")
UNNAMED = "no known pattern"


def line_of(problem: str, work: str, number: int = 1) -> Line:
    return next(line for line in verifier(problem).verify(work, ".tex").lines if line.number == number)


def names(line: Line) -> list[str]:
    return [slip.name for slip in line.slips]


def test_the_library_is_a_table() -> None:
    rows = library()
    assert len(rows) >= 45
    assert [name for name, count in Counter(slip.name for slip in rows).items() if count > 1] == []
    assert {slip.kind for slip in rows} == set(CLASSES)
    for slip in rows:
        fields = {field for _, field, _, _ in string.Formatter().parse(slip.sentence) if field is not None}
        assert fields <= {"before", "after"} and fields, slip.name
        named_by_part = {field for _, field, _, _ in string.Formatter().parse(slip.naming) if field is not None}
        assert named_by_part <= {"before", "after", "part", "instead"}, slip.name
        assert not slip.naming or "part" in named_by_part, slip.name
        assert slip.example[0] != slip.example[1]
        assert named(slip.name) is slip


@pytest.mark.parametrize(
    "slip", in_turn([slip for slip in library() if slip.name not in PATHS], lambda slip: slip.name)
)
def test_a_planted_slip_is_found(slip: NamedSlip) -> None:
    """It is called wrong; it, or a slip of the same or a more specific rank, is named; what should stand is right."""
    found = []
    for case in cases(slip, most=8):
        line = case.line()
        assert line.verdict.verdict == "wrong"
        known = [each for each in library() if each.name in names(line)]
        found.append(slip.name in names(line) or bool(known and known[0].rank <= slip.rank))
        if line.expected is not None:
            work = "\n".join([*case.definitions(), line.expected])
            assert verifier(case.problem).verify(work, ".tex").verdict == "correct", line.expected
        if any(found) and len(found) > 1:
            break
    assert found, f"there is no row for {slip.name}"
    assert any(found)


@pytest.mark.parametrize(
    ("problem", "work", "name"),
    [
        ("griewank", r"\bar v_1 = \bar v_2 \cos v_1", "path missing"),
        ("griewank", r"\bar v_4 = \bar v_6 v_5", "path missing"),
        ("griewank", r"\bar v_1 = \bar v_2 \cos v_1 + 2 \bar v_4", "path taken twice"),
        (
            "batchnorm",
            r"\frac{\partial L}{\partial x_i} = (\sigma^2 + \epsilon)^{-1/2} \frac{\partial L}{\partial \hat x_i}",
            "a lone term of several",
        ),
        (
            "softmax-cross-entropy",
            r"\frac{\partial L}{\partial z_j} = \frac{\partial L}{\partial p_j} \frac{\partial p_j}{\partial z_j}",
            "diagonal path only",
        ),
    ],
)
def test_a_lost_path_is_named(problem: str, work: str, name: str) -> None:
    assert name in names(line_of(problem, work))


@pytest.mark.parametrize(
    ("work", "name", "number"),
    [
        (r"\bar v_4 = -2.8437", "sign of a number", "2.8437"),
        (r"\bar v_4 = 28.437", "decimal point", "2.844"),
        (r"v_2 = \sin(v_1) = 0.0523", "degrees for radians", "0.1411"),
        (r"\bar v_5 = 2.8437", "number of another line", "1.3513"),
        (r"v_2 = 0.0706", "factor 2 in a number", "0.1411"),
    ],
)
def test_a_wrong_number_is_explained(work: str, name: str, number: str) -> None:
    line = line_of("griewank", work)
    assert names(line) == [name]
    assert line.slips[0].repair == number
    assert verifier("griewank").verify(line.expected or "", ".tex").verdict == "correct"


def test_of_formula_and_number_the_wrong_one_is_named() -> None:
    wrong_number = line_of("griewank", r"\bar v_4 = \bar v_5 + \bar v_6 v_5 = 2.9437")
    assert "formula beside it is right" in wrong_number.slips[0].sentence
    wrong_formula = line_of("griewank", r"\bar v_4 = \bar v_5 - \bar v_6 v_5 = 2.8437")
    assert "number beside it is right" in wrong_formula.slips[0].sentence
    both = line_of("griewank", r"\bar v_4 = \bar v_5 - \bar v_6 v_5 = -0.1411")
    assert "follows from the wrong formula" in both.slips[0].sentence


def test_what_no_slip_explains_has_no_name_and_the_right_formula() -> None:
    line = line_of("griewank", r"\bar v_1 = \bar v_2 \cos(v_1) + \sqrt{2 + v_3^7}")
    assert names(line) == [UNNAMED]
    assert r"in the place of $\sqrt{2 + v_3^7}$" in line.slips[0].sentence
    assert verifier("griewank").verify(line.expected or "", ".tex").verdict == "correct"
    assert verifier("griewank").verify(rf"\bar v_1 = {line.slips[0].repair_latex}", ".tex").verdict == "correct"


def test_two_slips_in_one_row_are_named_together() -> None:
    line = line_of("griewank", r"\bar v_0 = -\bar v_3 v_3 - \bar v_1 \frac{v_{-1}}{v_0}")
    assert "denominator not squared" in names(line)[0] and "sign" in names(line)[0]


def test_a_repair_never_says_a_thing_by_itself() -> None:
    line = line_of("mlp-vector", r"\frac{\partial L}{\partial b^{[l]}} = a^{[l]}")
    for slip in line.slips:
        assert "dL/d(b[l])" not in slip.repair and "db[l]" not in slip.repair


def test_names_do_not_depend_on_seed_letters_or_order() -> None:
    rows = (
        r"\frac{\partial L}{\partial z_i} = y_i - p_i",
        r"\frac{\partial L}{\partial z_i} = p_i",
        r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_j)",
        r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} + p_j)",
    )
    other_letters = [row.replace("_i", "_a").replace("_j", "_b").replace("{ij}", "{ab}") for row in rows]
    turned = (
        r"\frac{\partial L}{\partial z_i} = -p_i + y_i",
        rows[1],
        r"\frac{\partial p_i}{\partial z_j} = (-p_j + 1) p_i",
        r"\frac{\partial p_i}{\partial z_j} = (p_j + \delta_{ij}) p_i",
    )
    plain = [_kinds("softmax-cross-entropy", row) for row in rows]
    for seed in range(3):
        other = Verifier("softmax-cross-entropy", seed)
        assert [[s.name for s in other.verify(row, ".tex").lines[0].slips] for row in rows] == [
            names(line_of("softmax-cross-entropy", row)) for row in rows
        ]
    assert [_kinds("softmax-cross-entropy", row) for row in other_letters] == plain
    assert [_kinds("softmax-cross-entropy", row) for row in turned] == plain


def _kinds(problem: str, row: str) -> str:
    return line_of(problem, row).slips[0].kind


def test_the_page_of_slips_is_the_table() -> None:
    page = Path(__file__).parent.parent / "docs" / "slips.md"
    assert page.read_text(encoding="utf-8") == table()
