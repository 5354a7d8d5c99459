"""`derive fixtures` on the command line: what it writes, runs and refuses, with the exit code of each."""

from __future__ import annotations

import json

import numpy as np
import pytest

from derive.cli.main import run

WRONG = """
import numpy as np

def right(operation, parameters, inputs, upstream):
    if operation != "relu":
        return NotImplemented
    x, g = inputs["X"], upstream["Y"]
    return {"Y": np.maximum(x, 0)}, {"X": g * (x > 0)}

def wrong(operation, parameters, inputs, upstream):
    outputs, gradients = right(operation, parameters, inputs, upstream)
    return outputs, {"X": 1.0009 * gradients["X"].astype(gradients["X"].dtype)}

def at_kinks(operation, parameters, inputs, upstream):
    x, g = inputs["X"], upstream["Y"]
    return {"Y": np.maximum(x, 0)}, {"X": g * (x >= 0)}

def check(candidate):
    inputs = candidate.inputs
    assert np.isfinite(candidate.backward(inputs, candidate.upstream)["X"]).all()

def raising(operation, parameters, inputs, upstream):
    raise ZeroDivisionError("by zero")

def leaving(operation, parameters, inputs, upstream):
    raise SystemExit(0)

def answering_none(operation, parameters, inputs, upstream):
    return None

text = "no function"
"""


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "vectors"
    assert run(["fixtures", "relu", "--count", "6", "-o", str(folder)]) == 0
    return str(folder)


@pytest.fixture
def adapters(tmp_path, monkeypatch):
    (tmp_path / "myadapter.py").write_text(WRONG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_the_line_of_the_manual_writes_a_folder(tmp_path, capsys):
    out = str(tmp_path / "DIR")
    line = ["fixtures", "conv2d", "--stride", "2", "--padding", "1", "--count", "2", "--seed", "0"]
    assert run([*line, "--dtype", "float64,float32", "-o", out]) == 0
    manifest = json.loads((tmp_path / "DIR" / "manifest.json").read_text())
    assert [case["path"] for case in manifest["cases"]] == ["conv2d/000", "conv2d/001"]
    for case in manifest["cases"]:
        assert case["parameters"]["stride"] == [2, 2] and case["parameters"]["padding"] == [[1, 1], [1, 1]]
        assert {"float64.npz", "float32.json"} <= set(case["files"])
        assert all(error >= 0 for error in case["errors"]["float64"].values())
    (derivation,) = manifest["derivations"].values()
    assert "\\bar{W}" in derivation["gradients"]["W"]["latex"] and manifest["licence"] and manifest["conventions"]
    assert "4 vectors" in capsys.readouterr().err


def test_json_and_list(capsys, tmp_path):
    assert run(["fixtures", "tanh", "--count", "2", "--json", "-o", str(tmp_path / "x")]) == 0
    assert json.loads(capsys.readouterr().out)["vectors"] == 4
    assert run(["fixtures", "--list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) >= 60 and {"name", "title", "family", "options"} <= set(rows[0])


@pytest.mark.parametrize(("adapter", "code"), [("right", 0), ("wrong", 1), ("at_kinks", 0)])
def test_a_run_fails_only_beyond_the_bound_and_without_a_label(adapters, vectors, capsys, adapter, code):
    assert run(["fixtures", "--run", vectors, "--adapter", f"myadapter:{adapter}", "--json"]) == code
    report = json.loads(capsys.readouterr().out)
    assert report["exit_code"] == code
    if adapter == "at_kinks":
        assert report["counts"]["labelled"] > 0


def test_a_failure_says_the_entry_and_the_factor(adapters, vectors, capsys):
    run(["fixtures", "--run", vectors, "--adapter", "myadapter:wrong"])
    said = capsys.readouterr().out
    assert "relu/000 float64 gradient.X[" in said and "1.0009" in said


def test_a_consumer_in_float32_of_doubles_has_its_own_bound(adapters, tmp_path, capsys):
    out = str(tmp_path / "doubles")
    assert run(["fixtures", "relu", "--count", "3", "--dtype", "float64", "-o", out]) == 0
    assert run(["fixtures", "--run", out, "--adapter", "myadapter:right", "--dtype", "float32"]) == 0
    assert run(["fixtures", "--run", out, "--adapter", "myadapter:wrong", "--dtype", "float32"]) == 1
    assert "float32" in capsys.readouterr().out


def test_a_test_that_asks_nothing_catches_nothing(adapters, capsys):
    assert run(["fixtures", "negative", "--power", "fixtures,myadapter:check", "--json"]) == 0
    totals = json.loads(capsys.readouterr().out)["totals"]
    assert totals["myadapter:check"]["caught"] == 0 < totals["fixtures"]["caught"] == totals["fixtures"]["of"]


def test_digits_are_counted_and_the_loss_is_the_framework_s(capsys):
    assert run(["fixtures", "tanh", "--digits", "numpy", "--count", "6", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["array"] if "array" in row else row["kind"] for row in rows} >= {"output", "gradient"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["fixtures"], "give one of"),
        (["fixtures", "conv2d"], "say where to"),
        (["fixtures", "conv2", "-o", "x"], "did you mean conv2d"),
        (["fixtures", "relu", "--stride", "2", "-o", "x"], "no option --stride"),
        (["fixtures", "--stride", "2", "--all", "-o", "x"], "option of an operation"),
        (["fixtures", "relu", "--dtype", "float16", "-o", "x"], "float64, float32"),
        (["fixtures", "relu", "--shape", "X=n", "-o", "x"], "numbers for its extents"),
        (["fixtures", "relu", "--shape", "Q=3", "-o", "x"], "no array Q"),
        (["fixtures", "relu", "--all", "-o", "x"], "give one of"),
        (["fixtures", "--run", "x"], "belong together"),
        (["fixtures", "--run", "x", "--adapter", "numpy"], "no manifest"),
        (["fixtures", "--run", "x", "--adapter", "nosuch"], "no adapter"),
        (["fixtures", "--run", "x", "--adapter", "nosuch:f"], "nosuch"),
        (["fixtures", "--run", "x", "--adapter", "myadapter:text"], "text"),
        (["fixtures", "--run", "x", "--adapter", "numpy", "--rtol", "nan"], "--rtol is no number"),
        (["fixtures", "--run", "x", "--adapter", "numpy", "-o", "y"], "--run writes no folder"),
        (["fixtures", "relu", "--only", "relu", "-o", "x"], "--only goes with --run"),
        (["fixtures", "relu", "--digits", "myadapter:raising"], "no answer to relu/000: ZeroDivisionError: by zero"),
        (["fixtures", "relu", "--digits", "myadapter:leaving"], "no answer to relu/000: SystemExit: 0"),
        (["fixtures", "relu", "--digits", "myadapter:answering_none"], "this one returned NoneType"),
        (["fixtures", "relu", "--shape", "X=100000x100000", "-o", "x"], "X 100000x100000 has 10000000000 entries"),
        (["fixtures", "relu", "-o", ""], "the folder has no name"),
        (["fixtures", "--power", "nosuch"], "nosuch"),
        (["fixtures", "relu", "-o", "a\0b"], "NUL"),
        (["fixtures", "--file", "nosuch.txt", "-o", "x"], "nosuch.txt"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(adapters, capsys, line, told):
    code = run(line)
    said = capsys.readouterr().err
    assert code in (2, 4, 5) and told in said and said.count("\n") == 1 and "Traceback" not in said


def test_vectors_of_a_file_of_equations(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("L = mean(n, i) (a[n, i] - b[n, i])^2\nloss L\n")
    out = tmp_path / "own"
    assert (
        run(["fixtures", "--file", str(tmp_path / "mine.txt"), "--name", "mine", "--count", "3", "-o", str(out)]) == 0
    )
    import derive

    for fixture in derive.load_fixtures(out):
        vector = fixture.vector()
        a, b = vector.inputs["a"], vector.inputs["b"]
        assert np.allclose(vector.gradients["a"], 2 * (a - b) / a.size, rtol=1e-14)
    capsys.readouterr()
    for adapter in ("numpy", "torch"):
        assert run(["fixtures", "--run", str(out), "--adapter", adapter]) == 0
        said = capsys.readouterr()
        assert "arrays: 18 pass" in said.out and said.err == ""
    assert run(["fixtures", "--run", str(out), "--adapter", "tiny"]) == 0
    assert "tiny was not tested on mine, which it does not know" in capsys.readouterr().err


def test_equations_of_ones_own_may_be_named_as_no_operation_is(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("L = sum(n) a[n]^2\nloss L\n")
    line = ["fixtures", "--file", str(tmp_path / "mine.txt"), "--name", "relu", "-o", str(tmp_path / "own")]
    assert run(line) == 2
    assert "relu is an operation that has fixtures already" in capsys.readouterr().err
