"""`derive verify WORK.py --run-code`: the flag, the JSON, the exit codes, and notebooks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AFFINE = str(Path(__file__).parent / "verify" / "affine.toml")
RIGHT = "dA = X.T @ H\ndB = H.sum(axis=0)\n"
WRONG = "dA = X.T @ H\ndB = H.mean(axis=0)\ndX = H @ A.T\n"


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line as a user starts it."""
    command = [sys.executable, "-m", "derive", "verify", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work.py"


def test_code_is_not_run_without_the_flag(work: Path) -> None:
    trace = work.with_name("trace")
    work.write_text(f"open({str(trace)!r}, 'w')")
    done = ran(str(work), "--problem", AFFINE)
    assert done.returncode == 2
    assert "--run-code" in done.stderr
    assert not trace.exists()


def test_right_and_wrong_have_their_exit_codes(work: Path) -> None:
    work.write_text(RIGHT)
    assert ran(str(work), "--problem", AFFINE, "--run-code").returncode == 0
    work.write_text(WRONG)
    done = ran(str(work), "--problem", AFFINE, "--run-code")
    assert done.returncode == 1
    assert "1/s of dC/dB" in done.stdout


def test_json_has_the_keys_of_every_report(work: Path) -> None:
    work.write_text(WRONG)
    data: dict[str, Any] = json.loads(ran(str(work), "--problem", AFFINE, "--run-code", "--json").stdout)
    assert data["verdict"] == "wrong"
    assert data["first_wrong"] == 2
    assert [line["line"] for line in data["lines"]] == [1, 2, 3]
    assert data["lines"][0]["read_as"] == "dA = dC/dA"
    line = data["lines"][1]
    assert line["at"] == {"line": 2, "column": 1}
    assert line["slips"][0]["class"] == "sum-mean"
    assert set(line["counterexample"]) >= {"shapes", "entry", "X[0,0]"}


def test_hints_keep_back_the_reason(work: Path) -> None:
    work.write_text(WRONG)
    done = ran(str(work), "--problem", AFFINE, "--run-code", "--hint")
    assert done.returncode == 1
    assert "1/s" not in done.stdout


@pytest.mark.parametrize("form", ["md", "html", "tex", "ipynb"])
def test_every_format_is_written(work: Path, form: str) -> None:
    work.write_text(WRONG)
    done = ran(str(work), "--problem", AFFINE, "--run-code", "--format", form)
    assert done.returncode == 1
    assert "mean" in done.stdout


def test_a_loop_ends_within_the_time(work: Path) -> None:
    work.write_text("while True:\n    pass\n")
    done = ran(str(work), "--problem", AFFINE, "--run-code", "--timeout", "2")
    assert done.returncode == 3
    assert "still running here" in done.stdout


def test_a_syntax_error_is_told_with_its_place(work: Path) -> None:
    work.write_text("dA = X.T @ H\ndB = H.sum(\n")
    done = ran(str(work), "--problem", AFFINE, "--run-code")
    assert done.returncode == 2
    assert f"{work}:2:" in done.stderr


def test_a_folder_gives_one_object_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(RIGHT)
    (tmp_path / "b.py").write_text(WRONG)
    (tmp_path / "c.tex").write_text(r"$\frac{\partial C}{\partial A} = X^T H$")
    done = ran(str(tmp_path), "--problem", AFFINE, "--run-code", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["file"], each["verdict"]) for each in found] == [
        ("a.py", "correct"), ("b.py", "wrong"), ("c.tex", "correct"),
    ]  # fmt: skip
    assert done.returncode == 1
    refused = [json.loads(line) for line in ran(str(tmp_path), "--problem", AFFINE, "--json").stdout.splitlines()]
    assert [each.get("error", {}).get("code") for each in refused] == ["usage", "usage", None]


def test_a_folder_gives_one_line_for_each_file_and_totals(tmp_path: Path) -> None:
    (tmp_path / "a.tex").write_text(r"$\frac{\partial C}{\partial A} = X^T H$")
    (tmp_path / "b.tex").write_text("dA = X^T H\\n\ndA = 2 X^T H\n")
    (tmp_path / "c.txt").write_text("dA = (X^T H\n")
    (tmp_path / "d.py").write_text(RIGHT)
    done = ran(str(tmp_path), "--problem", AFFINE)
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0].strip() for line in lines[:-1]] == ["a.tex", "b.tex", "c.txt", "d.py"]
    assert lines[0].split() == ["a.tex", "correct"]
    assert "row 2: " in lines[1] and "factor" in lines[1]
    assert "not read" in lines[2] and "--run-code" in lines[3]
    assert lines[-1] == "4 works: 1 correct, 1 not judged, 1 not read, 1 wrong"
    assert done.returncode == 1
    hinted = ran(str(tmp_path), "--problem", AFFINE, "--hint").stdout
    assert "row 2" in hinted and "factor" not in hinted
    refused = ran(str(tmp_path), "--problem", AFFINE, "--format", "html")
    assert refused.returncode == 2 and "folder" in refused.stderr


def notebook(*cells: tuple[str, str]) -> str:
    return json.dumps(
        {
            "cells": [
                {"cell_type": kind, "source": source.splitlines(keepends=True), "metadata": {}, "outputs": []}
                for kind, source in cells
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def test_a_notebook_has_its_formulas_first_and_then_its_code(tmp_path: Path) -> None:
    work = tmp_path / "work.ipynb"
    work.write_text(
        notebook(
            ("markdown", r"$$\frac{\partial C}{\partial A} = X^T H$$"),
            ("code", "%matplotlib inline\nimport numpy as np"),
            ("code", "dA = np.dot(X.T, H)"),
            ("code", "!ls\ndB = -H.sum(0)"),
        )
    )
    data = json.loads(ran(str(work), "--problem", AFFINE, "--run-code", "--json").stdout)
    assert [line["verdict"] for line in data["lines"]] == ["correct", "correct", "wrong"]
    assert [line["line"] for line in data["lines"]] == [1, 2, 3]
    assert data["first_wrong"] == 3
    alone = json.loads(ran(str(work), "--problem", AFFINE, "--json").stdout)
    assert [line["verdict"] for line in alone["lines"]] == ["correct"]


def test_the_cells_of_a_course_notebook_that_only_use_the_function_are_left_out(tmp_path: Path) -> None:
    work = tmp_path / "work.ipynb"
    work.write_text(
        notebook(
            ("code", "import torch\nimport a_plotting_library as plt\nfrom tests_backpropagation import main_test"),
            (
                "code",
                "def backpropagation(model, y_true, y_pred):\n"
                "    delta = -2 * (y_true - y_pred) * model.df[model.L](model.z[model.L])\n"
                "    for l in range(model.L, 0, -1):\n"
                "        model.dL_dw[l] = torch.outer(delta[0], model.a[l - 1][0])\n"
                "        model.dL_db[l] = delta[0]\n"
                "        if l > 1:\n"
                "            delta = delta @ model.fc[str(l)].weight * model.df[l - 1](model.z[l - 1])\n",
            ),
            ("code", "model = MyNet([2, 3, 2])\nmain_test(backpropagation, model)\nwhile True: pass"),
        )
    )
    done = ran(str(work), "--problem", "mlp", "--run-code", "--json")
    data = json.loads(done.stdout)
    assert data["verdict"] == "correct", data
    assert any("not for a batch" in (line["note"] or "") for line in data["lines"])
