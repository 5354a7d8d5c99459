"""`derive verify` on Python work: right code in many styles, one mistake at a time, and everything a file can do."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from derive.errors import DeriveError, LimitError, MissingPartError, ReadingError, UsageError
from derive.verification import code_confinement
from derive.verification.code_checking import verify_code
from derive.verification.code_confinement import Child
from derive.verification.code_reading import read_code
from derive.verification.judging import Judging
from derive.verification.problems import load_problem
from derive.verification.report import Line, Report

FOLDER = Path(__file__).parent / "verify"
WORKS: list[dict[str, Any]] = tomllib.loads((FOLDER / "code.toml").read_text())["work"]
AFFINE = str(FOLDER / "affine.toml")

BACKPROPAGATION = """
import torch

def backpropagation(model, y_true, y_pred):
    with torch.no_grad():
        delta = -2 * (y_true - y_pred) * model.df[model.L](model.z[model.L])
        for l in range(model.L, 0, -1):
            model.dL_dw[l] = delta.T @ model.a[l - 1]
            model.dL_db[l] = delta.sum(dim=0)
            if l > 1:
                delta = (delta @ model.fc[str(l)].weight) * model.df[l - 1](model.z[l - 1])
"""


@functools.cache
def judging(problem: str) -> Judging:
    return Judging(load_problem(AFFINE if problem == "affine" else problem))


def judged(code: str, problem: str = "affine", seconds: float = 30.0) -> Report:
    return verify_code(judging(problem), textwrap.dedent(code).lstrip("\n"), seconds=seconds)


def wrong(report: Report) -> list[int]:
    """The lines of the source that are charged."""
    return [line.judged.row.at.line for line in report.lines if line.verdict.verdict == "wrong"]


def row(report: Report, text: str) -> Line:
    return next(line for line in report.lines if text in line.judged.row.text)


def line_of(code: str, text: str) -> int:
    code = code.lstrip("\n")
    return code[: code.index(text)].count("\n") + 1


# --- right and wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work["name"])
def test_right_code_is_right_in_every_style(work: dict[str, Any]) -> None:
    report = judged(work["code"], work["problem"])
    told = [(line.judged.row.text, line.verdict.verdict, line.verdict.reason) for line in report.lines]
    assert report.verdict == "correct", told
    assert report.exit_code == 0


MUTANTS = [(work, mutant) for work in WORKS for mutant in work["mutants"]]


@pytest.mark.parametrize(
    ("work", "mutant"),
    [
        # each starts a process; every third is enough day by day
        pytest.param(
            work, mutant, marks=() if place % 3 == 0 else (pytest.mark.slow,), id=f"{work['name']}: {mutant[1]!r}"
        )
        for place, (work, mutant) in enumerate(MUTANTS)
    ],
)
def test_one_mistake_is_charged_once_and_at_its_line(work: dict[str, Any], mutant: list[str]) -> None:
    code, (old, new) = work["code"], mutant[:2]
    assert old in code
    report = judged(code.replace(old, new, 1), work["problem"])
    place = line_of(code, mutant[2] if len(mutant) > 2 else old)
    told = [(line.judged.row.text, line.verdict.verdict, line.verdict.reason) for line in report.lines]
    assert wrong(report) == [place], told
    assert report.exit_code == 1


def test_the_corpus_is_as_large_as_is_claimed() -> None:
    assert len(WORKS) >= 12
    assert len(MUTANTS) >= 30


@pytest.mark.parametrize(
    ("old", "new", "place", "kind"),
    [
        ("", "", "", ""),
        ("-2 * (y_true", "2 * (y_true", "-2 * (y_true", "sign"),
        ("model.df[l - 1](model", "model.f[l - 1](model", "model.fc", "function-for-derivative"),
        ("model.a[l - 1]", "model.a[l]", "model.dL_dw", "shape"),
    ],
    ids=["right", "sign", "f for f'", "layer"],
)
def test_backpropagation_of_the_course(old: str, new: str, place: str, kind: str) -> None:
    report = judged(BACKPROPAGATION.replace(old, new, 1) if old else BACKPROPAGATION, "mlp")
    if not old:
        assert report.verdict == "correct"
        return
    assert wrong(report) == [line_of(BACKPROPAGATION, place)]
    (line,) = [line for line in report.lines if line.verdict.verdict == "wrong"]
    assert line.slips[0].kind == kind


def test_a_loss_that_is_a_mean_over_samples() -> None:
    """The same code is m times too large where the problem's loss is a mean, and that is said once."""
    report = judged(BACKPROPAGATION, "mlp-matrix-rows")
    assert wrong(report) == [line_of(BACKPROPAGATION, "delta = -2")]
    (line,) = [line for line in report.lines if line.verdict.verdict == "wrong"]
    assert line.slips[0].kind == "sum-mean"
    carried = [line for line in report.lines if line.verdict.carried_from is not None]
    assert len(carried) == 3
    right = judged(BACKPROPAGATION.replace("-2 * (", "-2 / len(y_true) * ("), "mlp-matrix-rows")
    assert right.verdict == "correct"


def test_a_network_whose_gradients_are_not_all_there() -> None:
    code = BACKPROPAGATION.replace("range(model.L, 0, -1)", "range(model.L, 1, -1)")
    report = judged(code, "mlp")
    assert report.verdict == "wrong"
    assert any("model.dL_dw[1] is never filled" in line.verdict.reason for line in report.lines)


def test_two_mistakes_are_two_and_what_follows_is_carried() -> None:
    code = next(work["code"] for work in WORKS if work["name"].startswith("two layers, everything"))
    broken = code.replace("(P - Y) / N", "(P - Y)").replace("dW1 = X.T @ dZ1", "dW1 = 3 * X.T @ dZ1")
    report = judged(broken, "two-layer-softmax")
    assert wrong(report) == [line_of(code, "dZ2 = "), line_of(code, "dW1 = ")]
    first = row(report, "dZ2 = (P - Y)")
    for text in ("dW2 =", "db2 =", "dH =", "dZ1 =", "db1 ="):
        assert row(report, text).verdict.carried_from == first.number
        assert row(report, text).verdict.verdict == "correct"


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("dA = -(X.T @ H)", "sign", "wrong sign"),
        ("dA = X.T @ H / X.shape[0]", "sum-mean", "1/s"),
        ("dA = 3.5 * X.T @ H", "factor", "3.5 times"),
        ("dA = H.T @ X", "transpose", "transpose"),
        ("dB = H", "sum-mean", "not summed"),
        ("dA = A", "other-variable", "dA is A"),
        ("dX = (H @ A.T)[::-1, ::-1]", "kernel-flip", "reversed"),
        ("dA = X.T @ H\ndA[0] = 0", "range", "are 0"),
    ],
)
def test_the_slip_is_named(code: str, kind: str, words: str) -> None:
    (line,) = [line for line in judged(code).lines if line.verdict.verdict == "wrong"]
    assert line.slips[0].kind == kind
    assert words in line.slips[0].sentence


def test_the_worst_entry_is_told_with_both_values() -> None:
    report = judged("import numpy as np\ndA = X.T @ H\ndA[1, 2] += 0.5")
    (line,) = [line for line in report.lines if line.verdict.verdict == "wrong"]
    data = line.data()
    assert data["counterexample"]["entry"] == [1, 2]
    assert float(data["lhs_value"]) - float(data["rhs_value"]) == pytest.approx(0.5)
    assert data["expected"] == r"\frac{\partial C}{\partial A}"
    assert data["at"] == {"line": 3, "column": 1}
    assert "dA[1, 2]" in data["reason"]


@pytest.mark.parametrize("error", [1e-6, -1e-6])
def test_an_entry_that_is_off_by_a_millionth_is_wrong(error: float) -> None:
    assert judged(f"dA = X.T @ H\ndA[0, 0] *= 1 + {error}").verdict == "wrong"


def test_an_entry_that_is_off_by_rounding_is_right() -> None:
    assert judged("dA = X.T @ H\ndA[0, 0] *= 1 + 1e-12").verdict == "correct"


def test_short_numbers_are_not_called_wrong_and_not_called_right() -> None:
    report = judged("import numpy as np\ndA = (X.T @ H).astype(np.float16)")
    assert report.verdict == "undecided"
    assert "leave out the cast" in report.lines[0].verdict.reason
    assert judged("import numpy as np\ndA = (-X.T @ H).astype(np.float16)").verdict == "wrong"


def test_what_a_name_means_is_asked_for_where_nothing_fits() -> None:
    report = judged("import numpy as np\nfoo = np.tanh(X)")
    assert report.verdict == "undecided"
    assert "which is meant" in report.lines[0].verdict.reason


def test_a_variable_that_is_meant_otherwise_is_not_charged() -> None:
    """dZ without 1/m is no mistake where the products are divided by m."""
    code = next(work["code"] for work in WORKS if work["name"].endswith("the mean taken late"))
    line = row(judged(code, "two-layer-softmax"), "dZ2 = A2 - Y")
    assert line.verdict.verdict == "correct"
    assert "what is made of it is right" in line.verdict.note


def test_verdicts_do_not_depend_on_the_seed() -> None:
    work = next(work for work in WORKS if work["name"] == "attention")
    for seed in range(3):
        seeded = Judging(load_problem("attention"), seed)
        assert verify_code(seeded, work["code"].lstrip("\n"), seconds=30).verdict == "correct"
        broken = work["code"].lstrip("\n").replace("A.T @ dO", "A.T @ dO * 1.001")
        assert wrong(verify_code(seeded, broken, seconds=30)) == [line_of(work["code"], "A.T @ dO")]


# --- H090: everything a file can do -----------------------------------------------------------------------------------

H090 = [
    ("an infinite loop", "dA = X.T @ H\nwhile True:\n    pass", 2, "still running here"),
    (
        "an infinite loop that catches everything",
        "while True:\n    try:\n        x = 1\n    except BaseException:\n        continue",
        1,
        "still running here",
    ),
    ("a long sleep", "import time\ntime.sleep(1000)", 2, "still running here"),
    ("a fork bomb", "import os\nwhile True:\n    os.fork()", 3, "starts another process (os.fork)"),
    ("a fork that is caught", "import os\ntry:\n    os.fork()\nexcept:\n    x = 1", 3, "starts another process"),
    ("a process", "import subprocess\nsubprocess.run(['ls'])", 2, "starts another process"),
    ("a shell", "import os\nos.system('ls')", 2, "starts another process"),
    ("os._exit(0)", "import os\ndA = X.T @ H\nos._exit(0)", 3, "ends the process (os._exit)"),
    ("sys.exit", "import sys\ndA = X.T @ H\nsys.exit(3)", 3, "calls sys.exit"),
    ("prints 1 GB", "for i in range(10**6):\n    print('x' * 1000)", 2, "prints more than 1 MB"),
    ("writes elsewhere", "open('ELSEWHERE/trace', 'w')", 1, "writes to a file outside its folder"),
    ("removes a file", "import os\nos.remove('ELSEWHERE/not-there')", 2, "changes files (os.remove)"),
    ("monkeypatches numpy", "import numpy as np\nnp.dot = lambda a, b: 0", 2, "replaces numpy.dot"),
    ("reads stdin", "n = input()", 1, "reads standard input"),
    ("reads sys.stdin", "import sys\nn = sys.stdin.readline()", 2, "reads standard input"),
    ("a socket", "import socket\ns = socket.socket()", 2, "opens a network connection"),
    ("kills its parent", "import os\nos.kill(os.getppid(), 9)", 2, "sends a signal"),
    ("100 GB", "import numpy as np\nx = np.ones(10**10)", 2, "needs more memory"),
    ("a crash", "import ctypes\nctypes.string_at(0)", 2, "the process ended before the code did (signal SIGSEGV)"),
    ("endless recursion", "def f(n):\n    return f(n + 1)\nf(0)", 2, "RecursionError"),
    ("an exception", "raise KeyboardInterrupt", 1, "KeyboardInterrupt"),
]


@pytest.mark.parametrize(
    ("code", "place", "words"),
    [each[1:] for each in H090],
    ids=[f"H090-{number}: {each[0]}" for number, each in enumerate(H090, 1)],
)
def test_code_that_does_what_it_may_not(code: str, place: int, words: str, tmp_path: Path) -> None:
    before = time.monotonic()
    report = judged(code.replace("ELSEWHERE", str(tmp_path)), seconds=12.0)
    assert report.verdict == "undecided"
    assert report.exit_code == 3
    line = next(line for line in report.lines if words in line.verdict.reason)
    assert line.judged.row.at.line == place
    assert time.monotonic() - before < 30
    assert list(tmp_path.iterdir()) == []


def test_H090_messages_are_distinct() -> None:
    words = [each[3] for each in H090]
    assert len(set(words)) >= 14


def test_H090_what_was_stored_before_the_end_is_judged() -> None:
    report = judged("import os\ndA = X.T @ H\ndB = -H.sum(0)\nos._exit(0)")
    assert row(report, "dA").verdict.verdict == "correct"
    assert wrong(report) == [3]


def test_H090_writes_into_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = judged("dA = X.T @ H\nwith open('out.txt', 'w') as file:\n    file.write('x')")
    assert report.verdict == "correct"
    assert any("out.txt" in line.verdict.note for line in report.lines)
    assert list(tmp_path.iterdir()) == []


def test_H090_uses_the_global_random_numbers() -> None:
    report = judged("import numpy as np\nnoise = np.random.randn(3)\ndA = X.T @ H")
    assert report.verdict == "correct"
    assert "random numbers" in row(report, "noise").verdict.note


def test_H090_a_missing_module() -> None:
    report = judged("import a_module_that_is_not_there\ndA = X.T @ H")
    assert row(report, "import").verdict.verdict == "unread"
    assert "a_module_that_is_not_there, which is not there" in row(report, "import").verdict.reason
    assert row(report, "dA").verdict.verdict == "correct"
    assert report.exit_code == 3


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("dA = None", "dA is None"),
        ("dA = X.T @ H * float('nan')", "is nan"),
        ("dA = (X.T @ H)[0]", "has the shape"),
        ("dA = 'a text'", ""),
        ("dA = X @ H", "raises ValueError"),
    ],
)
def test_H090_wrong_shapes_None_and_nan(code: str, words: str) -> None:
    if not words:
        assert judged(code + "\ndB = H.sum(0)").exit_code in (0, 3)  # no number: nothing is said of it
        return
    report = judged(code)
    assert report.verdict == "wrong"
    assert words in report.lines[0].verdict.reason


def test_H090_a_function_that_returns_nothing() -> None:
    report = judged("def backward(X, A, H):\n    pass")
    assert report.verdict == "undecided"
    assert "returns nothing" in report.lines[0].verdict.reason


def test_H090_inputs_that_are_changed_in_place() -> None:
    report = judged("X *= 2\ndA = X.T @ H / 2")
    assert report.verdict == "correct"
    assert "changes its input X in place" in row(report, "X *= 2").verdict.note
    assert judged("dA = X.T @ H").verdict == "correct"  # a run has copies of its own


def test_H090_the_environment_is_empty_and_the_folder_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "secret")
    code = """
        import os
        dB = H.sum(0) + len([name for name in ("A_TOKEN", "PATH", "USER") if name in os.environ])
        dB += len(os.listdir("."))
    """
    assert judged(code).verdict == "correct"


def test_H116_modules_beside_the_work_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert judged("import numpy as np\ndA = np.dot(X.T, H)").verdict == "correct"


def test_H116_the_files_beside_the_child_are_not_importable() -> None:
    report = judged("import graph\ndA = X.T @ H")
    assert row(report, "import graph").verdict.verdict == "unread"


def test_H109_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    base = Path(sys.base_prefix, "bin", "python3")
    bare = base.exists() and subprocess.run([str(base), "-I", "-c", "import torch"], capture_output=True).returncode
    if not bare:
        pytest.skip("the interpreter beneath this environment has torch, or is not there")
    monkeypatch.setattr(sys, "executable", str(base))
    monkeypatch.setattr(code_confinement, "library_paths", list)
    with pytest.raises(MissingPartError, match="pip install") as caught:
        judged("import torch\nx = torch.ones(2)")
    assert caught.value.exit_code == 6


# --- what cannot be run -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("dA = X.T @@ H", ReadingError, "this is no Python"),
        ("(" * 100 + ")" * 100, LimitError, "nested deeper"),
        ("x = " + "-" * 5000 + "1", LimitError, "run of signs"),
        ("x = 1\n" * 100_000, LimitError, "limit is"),
        ("x = 1\0", ReadingError, "NUL"),
        ("def backward(foo, bar):\n    return foo", UsageError, "foo"),
        ("", ReadingError, "assigns nothing"),
        ("class Layer:\n    def backward(self, H):\n        self.dB = H.sum(0)", ReadingError, "nothing calls"),
        ("x = " + "+".join(["1"] * 4000), LimitError, "cannot be parsed"),
        ("return X", ReadingError, "outside function"),
    ],
    ids=["syntax", "brackets", "signs", "length", "NUL", "parameters", "empty", "never called", "a long sum", "return"],
)
def test_code_that_cannot_be_run_is_refused_with_its_reason(code: str, error: type[DeriveError], words: str) -> None:
    with pytest.raises(error, match=words):
        judged(code)


def test_reading_runs_nothing(tmp_path: Path) -> None:
    target = tmp_path / "run"
    read_code(f"open({str(target)!r}, 'w')")
    assert not target.exists()


def test_the_process_is_gone_after_the_run() -> None:
    with Child("x = 1", torch=False) as child:
        number = child.process.pid
        child.ready()
        assert child.alive
    assert not Path(f"/proc/{number}").exists()
    assert not Path(child.folder.name).exists()
