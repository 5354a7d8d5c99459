"""`derive sheet` as a teacher uses it: what is written, that nothing foreign is touched, and its refusals."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from derive.cli.folder import MANIFEST
from derive.cli.main import run
from derive.latex.document import to_latex
from derive.pdf import compile_latex, overfull_boxes
from derive.sheets.catalogue import EXERCISES
from derive.sheets.drawing import variants
from derive.sheets.exercise import key, sheet

Captured = pytest.CaptureFixture[str]


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def write(folder: Path, *arguments: str, name: str = "softmax", code: int = 0) -> None:
    assert run(["sheet", name, "-o", str(folder), "-f", "tex", "--no-check", *arguments]) == code


def refused(capfd: Captured, *arguments: str, code: int = 2) -> str:
    assert run(["sheet", *arguments]) == code
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 1
    return told[0]


def test_a_folder_holds_a_folder_for_each_variant_and_an_index(tmp_path: Path, capfd: Captured) -> None:
    folder = tmp_path / "week"
    arguments = ["sheet", "softmax", "--variants", "3", "--seed", "4", "-o", str(folder), "-f", "tex,ipynb", "--json"]
    assert run(arguments) == 0
    told = json.loads(capfd.readouterr().out)
    found = files_in(folder)
    each = ["key.ipynb", "key.tex", "problem.toml", "sheet.ipynb", "sheet.tex"]
    names = [f"variant-0{k}/{name}" for k in (1, 2, 3) for name in each] + ["index.csv", "index.json"]
    assert sorted(found) == sorted([*names, MANIFEST])
    assert sorted(told["written"]) == sorted(str(folder / name) for name in names)
    assert sorted(json.loads(found[MANIFEST])["files"]) == sorted(names)
    index: dict[str, Any] = json.loads(found["index.json"])
    assert (index["exercise"], index["seed"], len(index["variants"])) == ("softmax", 4, 3)
    rows = list(csv.DictReader(found["index.csv"].decode().splitlines()))
    for row, entry in zip(rows, index["variants"], strict=True):
        assert entry["checked"] and entry["asked"] == 11
        assert row["folder"] == entry["folder"] and row["z_1"] == entry["parameters"]["z_1"]
        assert row["answer 8"] == f"L = {entry['answers']['L']}"
        assert f"= {entry['answers']['L']}" in found[f"{entry['folder']}/key.tex"].decode()


def test_a_filled_sheet_goes_straight_into_verify(tmp_path: Path, capfd: Captured) -> None:
    write(tmp_path / "out")
    one = tmp_path / "out" / "variant-01"
    answers = json.loads((tmp_path / "out" / "index.json").read_text())["variants"][0]["answers"]
    text = (one / "sheet.tex").read_text()
    for number, answer in enumerate(answers.values(), 1):
        text = re.sub(rf"(% answer {number}\n\\\[\n.*=)\n", rf"\1 {'7' if number == 4 else answer}\n", text)
    (tmp_path / "filled.tex").write_text(text)
    capfd.readouterr()
    problem = str(one / "problem.toml")
    assert run(["verify", str(tmp_path / "filled.tex"), "--problem", problem, "--json"]) == 1
    report = json.loads(capfd.readouterr().out)
    assert [line["line"] for line in report["lines"] if line["verdict"] == "wrong"] == [4]
    assert len(report["lines"]) == len(answers)


def test_the_same_order_is_the_same_files_however_many_work_at_it(tmp_path: Path, capfd: Captured) -> None:
    write(tmp_path / "one", "--variants", "3")
    write(tmp_path / "two", "--variants", "3", "--jobs", "2")
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")
    before = files_in(tmp_path / "one")
    write(tmp_path / "one", "--variants", "3")
    assert files_in(tmp_path / "one") == before


def test_another_format_may_be_added_and_other_sheets_need_force(tmp_path: Path, capfd: Captured) -> None:
    folder = tmp_path / "out"
    write(folder, "--variants", "3")
    assert run(["sheet", "softmax", "-o", str(folder), "-f", "html", "--no-check", "--variants", "3"]) == 0
    assert {"sheet.tex", "sheet.html"} <= {path.name for path in (folder / "variant-03").iterdir()}
    capfd.readouterr()
    told = refused(capfd, "softmax", "-o", str(folder), "--no-check", "-f", "tex", "--seed", "9")
    assert "holds other sheets" in told and "--force" in told
    (folder / "variant-02" / "notes.txt").write_text("mine")
    write(folder, "--seed", "9", "--force")
    left = files_in(folder)
    assert set(left) == {MANIFEST, "index.csv", "index.json", "variant-02/notes.txt"} | {
        f"variant-01/{name}" for name in ("sheet.tex", "key.tex", "problem.toml")
    }


def test_what_is_not_ours_is_never_touched(tmp_path: Path, capfd: Captured) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("mine")
    assert "holds files that derive did not write" in refused(capfd, "softmax", "-o", str(foreign))
    folder = tmp_path / "out"
    write(folder)
    capfd.readouterr()
    (folder / "variant-01" / "key.tex").write_text("improved by hand")
    told = refused(capfd, "softmax", "-o", str(folder), "-f", "tex", "--no-check")
    assert "key.tex was changed since derive wrote it" in told
    assert (folder / "variant-01" / "key.tex").read_text() == "improved by hand"
    (tmp_path / "elsewhere").mkdir()
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "variant-01").symlink_to(tmp_path / "elsewhere")
    told = refused(capfd, "softmax", "-o", str(linked), "-f", "tex", "--no-check", "--force", code=5)
    assert "variant-01 is not a folder" in told
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "`derive sheet --list` shows them"),
        (["griewnak"], "did you mean griewank?"),
        (["softmax", "-f", "tx"], "did you mean tex?"),
        (["softmax", "--variants", "0"], "0 is not in the range"),
        (["softmax", "--variants", "many"], "'many' is not a valid integer"),
        (["softmax", "--seed", "abc"], "'abc' is not a valid integer"),
        (["softmax", "--list"], "either it or a name"),
        (["softmax", "--varients", "3"], "--variants"),
    ],
)
def test_bad_usage_is_told_in_a_line(arguments: list[str], says: str, capfd: Captured) -> None:
    assert says in refused(capfd, *arguments)


@pytest.mark.parametrize("seed", ["99999999999999999999", "-1"])
def test_any_whole_number_is_a_seed(seed: str, tmp_path: Path) -> None:
    write(tmp_path / "out", "--seed", seed)
    assert json.loads((tmp_path / "out" / "index.json").read_text())["seed"] == int(seed)


def test_a_number_of_processes_that_makes_no_sense_is_brought_into_range(tmp_path: Path, capfd: Captured) -> None:
    write(tmp_path / "out", "--jobs", "0")
    assert "--jobs 0 is taken as 1" in capfd.readouterr().err


def test_without_tex_there_are_no_pdfs(tmp_path: Path, capfd: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "pdflatex is not installed" in refused(capfd, "softmax", "-o", str(tmp_path / "a"), "-f", "pdf", code=6)
    assert run(["sheet", "softmax", "-o", str(tmp_path / "b"), "--no-check"]) == 0
    assert "without PDF" in capfd.readouterr().err
    assert not [name for name in files_in(tmp_path / "b") if name.endswith(".pdf")]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_run_knows_what_it_has_written(jobs: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    command = [sys.executable, "-m", "derive", "sheet", "griewank", "--variants", "5000", "-f", "tex"]
    command += ["--jobs", jobs, "-o", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 120
        while not (folder / "variant-0003").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, told.strip()) == (130, b"")
    found = files_in(folder)
    assert set(json.loads(found.pop(MANIFEST))["files"]) == set(found)
    assert "index.json" not in found


def test_the_exercises_are_listed(capfd: Captured) -> None:
    assert run(["sheet", "--list"]) == 0
    assert [line.split()[0] for line in capfd.readouterr().out.splitlines()] == list(EXERCISES)
    assert run(["sheet", "--list", "--json"]) == 0
    assert [row["name"] for row in json.loads(capfd.readouterr().out)] == list(EXERCISES)


@pytest.mark.tex
@pytest.mark.parametrize("name", sorted(EXERCISES))
def test_sheet_and_key_fit_their_page(name: str) -> None:
    exercise = EXERCISES[name]
    variant = exercise.work(next(variants(name, exercise.draw, 1, 11)))
    for document in (sheet(exercise, variant, 1, 11), key(exercise, variant, 1, 11)):
        compiled = compile_latex(to_latex(document), timeout=120)
        assert overfull_boxes(compiled.log) == []
