"""Hostile input that no other file of tests has by its number: seeds, processes, windows, notations, tags, numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from derive.cli.main import run
from derive.reading.latex.rows import echo, read_work
from derive.verification.problems import read_problem

Captured = pytest.CaptureFixture[str]
HUGE, NEGATIVE = "99999999999999999999", "-1"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    file = tmp_path / "work.txt"
    file.write_text("vbar_5 = v_4\n")
    return file


@pytest.mark.parametrize("seed", [HUGE, NEGATIVE])
def test_H008_any_whole_number_is_a_seed(seed: str, work: Path, tmp_path: Path) -> None:
    assert run(["verify", str(work), "--problem", "griewank", "--seed", seed]) == 0
    assert run(["fixtures", "relu", "--count", "1", "--seed", seed, "-o", str(tmp_path / "vectors")]) == 0
    assert run(["fixtures", "--run", str(tmp_path / "vectors"), "--adapter", "numpy"]) == 0
    sheet = ["sheet", "softmax", "--variants", "1", "--no-check", "-f", "tex", "--seed", seed]
    assert run([*sheet, "-o", str(tmp_path / "sheet")]) == 0


@pytest.mark.parametrize("command", ["verify", "fixtures", "sheet"])
def test_H008_a_word_is_no_seed(command: str, work: Path, capsys: Captured) -> None:
    rest = {"verify": [str(work), "--problem", "griewank"], "fixtures": ["relu"], "sheet": ["softmax"]}[command]
    assert run([command, *rest, "--seed", "abc"]) == 2
    error = capsys.readouterr().err
    assert "'abc' is not a valid integer" in error and error.count("\n") == 1


@pytest.mark.parametrize("jobs", ["0", "100000", "-3"])
def test_H010_a_number_of_processes_is_brought_into_range(jobs: str, work: Path, capsys: Captured) -> None:
    assert run(["verify", str(work.parent), "--problem", "griewank", "--jobs", jobs]) == 0
    assert f"--jobs {jobs} is taken as " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--stride", "0", "--stride is 0"),
        ("--dilation", "0", "--dilation is 0"),
        ("--padding", "-1", "--padding is -1"),
        ("--shape", "X=1,1,2,2", "the kernel of 5 reaches over 5 cells along axis 2 of X, which has 2"),
    ],
)
def test_H061_windows_that_fit_nowhere_are_refused(option: str, value: str, told: str, capsys: Captured) -> None:
    assert run(["grad", "--layer", "conv2d", option, value, "--shape", "W=1,1,5,5"]) == 2
    assert told in capsys.readouterr().err


NAMES = """
loss = "L"
equations = ['p_i = \\frac{e^{z_i}}{\\sum_j e^{z_j}}', 'L = \\sum_i (p_i - y_i)^2']
[names]
z = { shape = ["K"] }
y = { shape = ["K"] }
p = { shape = ["K"] }
"""


@pytest.mark.parametrize(
    ("latex", "read"),
    [
        (r"p_i = \mathrm{softmax}(z)_i", "entry(softmax(z), i)"),
        (r"L = \|p - y\|_2^2", "norm(p - y, 2)^2"),
        (r"L = 1{,}000 L", "1000 L"),
        (r"L = 3.14e-2", "3.14e-2"),
        (r"\frac{\partial L}{\partial p_i} = 2 (p_i - y_i)", "2 (p[i] - y[i])"),
    ],
)
def test_H069_notations_that_broke_others_are_read(latex: str, read: str) -> None:
    (row,) = read_work(latex, ".tex", read_problem(NAMES).vocabulary)
    assert row.error is None
    assert echo(row.statements[0].links[0].tree) == read


@pytest.mark.parametrize(
    "text",
    [
        '!!python/object/apply:os.system ["touch pwned"]',
        "a: &a [*a, *a]\nb: &b [*a, *a]",
        "? !!binary |\n R0lGODlhDAAMAIQAAP",
    ],
)
@pytest.mark.parametrize("name", ["p.toml", "p.yaml"])
def test_H075_a_problem_is_toml_and_tags_are_text(
    text: str, name: str, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    assert run(["verify", str(work), "--problem", name]) == 2
    assert "this is no TOML: " in capsys.readouterr().err
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "text", ['{"x": NaN}', '{"x": -Infinity}', '{"x": 1e400}', '{"x": %s}' % ("[" * 10**5 + "]" * 10**5)]
)
def test_H076_json_that_is_no_number_is_refused(text: str, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "values.json"
    file.write_text(text)
    assert run(["grad", "y = x^2", "--wrt", "x", "--values", str(file)]) in (2, 3, 4)
    error = capsys.readouterr().err
    assert error.startswith("derive: ") or str(file) in error
    assert "Traceback" not in error


def test_H079_a_manifest_of_a_newer_version_is_refused_by_its_version(tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "vectors"
    assert run(["fixtures", "relu", "--count", "1", "-o", str(folder)]) == 0
    manifest = folder / "manifest.json"
    data = json.loads(manifest.read_text())
    (key,) = [key for key in data if key in ("version", "format")]
    data[key] = 999 if isinstance(data[key], int) else "999"
    manifest.write_text(json.dumps(data))
    capsys.readouterr()
    assert run(["fixtures", "--run", str(folder), "--adapter", "numpy"]) != 0
    assert "999" in capsys.readouterr().err
