"""A folder of filled sheets is marked in one command, each against the problem of its variant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.cli.main import run
from derive.cli.verify_problems import problem_of, problems_of
from derive.errors import UsageError

Captured = pytest.CaptureFixture[str]


@given(st.integers(1, 300), st.data())
def test_the_name_or_the_number_of_a_variant_finds_its_problem(count: int, data: st.DataObject) -> None:
    digits = max(2, len(str(count)))
    problems = {f"variant-{k:0{digits}}": Path(f"{k}.toml") for k in range(1, count + 1)}
    k = data.draw(st.integers(1, count))
    form = data.draw(
        st.sampled_from(["variant-{0:04}", "variant_{0}", "{0}", "{0:03}", "anna-{0}", "Anna Variant {0} b"])
    )
    ending = data.draw(st.sampled_from([".tex", ".ipynb"]))
    assert problem_of(Path("/handed-in") / (form.format(k) + ending), problems) == Path(f"{k}.toml")


PROBLEMS = {name: Path(f"{name}.toml") for name in ("mlp", "mlp-by-hand", "variant-1", "variant-12")}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("mlp.tex", "mlp"),
        ("anna_mlp-by-hand.tex", "mlp-by-hand"),  # the longer name, which holds the shorter one
        ("variant-12.tex", "variant-12"),
        ("2026-1.tex", "variant-1"),  # the last number
        ("variant-12/sheet.tex", "variant-12"),
        ("MLP by hand, Anna.tex", "mlp-by-hand"),
    ],
)
def test_a_work_belongs_to_the_problem_in_its_name(file: str, name: str) -> None:
    assert problem_of(Path("/week") / file, PROBLEMS) == PROBLEMS[name]


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("anna.tex", "name it mlp.tex, for example"),
        ("121.tex", "no problem's name or number"),
        ("mlp variant-1.tex", "may mean the problems mlp, variant-1"),
        ("mlpx.tex", "no problem's name or number"),
        ("week-1/anna.tex", "no problem's name or number"),  # the number of a folder says nothing
    ],
)
def test_a_work_without_one_problem_is_not_guessed_at(file: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        problem_of(Path("/elsewhere") / file, PROBLEMS)


def test_a_folder_without_problems_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no problems"):
        problems_of(tmp_path)


def test_all_variants_are_marked_in_one_command(tmp_path: Path, capfd: Captured) -> None:
    week, works = tmp_path / "week3", tmp_path / "handed-in"
    assert run(["sheet", "convolution-by-hand", "--variants", "3", "-f", "tex", "--no-check", "-o", str(week)]) == 0
    works.mkdir()
    for number in (1, 2, 3):
        (works / f"anna-{number:02}.tex").write_bytes((week / f"variant-{number:02}" / "key.tex").read_bytes())
    assert run(["verify", str(works), "--problem", str(week)]) == 0
    second, third = (row["answers"] for row in json.loads((week / "index.json").read_text())["variants"][1:])
    left, right = next((name, value) for name, value in second.items() if third[name] != value)
    (works / "bert-03.txt").write_text(f"{left} = {right}\n")  # another variant's answer
    (works / "carl.tex").write_bytes((works / "anna-02.tex").read_bytes())
    capfd.readouterr()
    assert run(["verify", str(works), "--problem", str(week), "--json"]) == 1
    told = {row["file"]: row for row in map(json.loads, capfd.readouterr().out.splitlines())}
    assert {name: row.get("verdict", "not judged") for name, row in told.items()} == {
        "anna-01.tex": "correct", "anna-02.tex": "correct", "anna-03.tex": "correct", "bert-03.txt": "wrong",
        "carl.tex": "not judged",
    }  # fmt: skip
    assert "no problem's name or number" in told["carl.tex"]["error"]["message"]
    assert run(["verify", str(works / "anna-01.tex"), "--problem", str(week)]) == 0
    assert run(["verify", "-", "--problem", str(week)]) == 2
    assert "standard input has no name" in capfd.readouterr().err


def test_a_name_of_the_catalogue_is_one_also_beside_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Captured
) -> None:
    (tmp_path / "griewank").mkdir()
    (tmp_path / "work.txt").write_text("v_1 = v_-1/v_0\n")
    monkeypatch.chdir(tmp_path)
    assert run(["verify", "work.txt", "--problem", "griewank"]) == 0
