"""`derive trace`, `solve` and `list` as a student and a program use them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from derive.cli.main import run
from derive.sheets.catalogue import EXERCISES

SHEET = "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))"
POINT = "x1=1.5,x2=0.5"


def data_of(capfd: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict:  # type: ignore[type-arg]
    assert run([*arguments, "--json"]) == code
    data: dict = json.loads(capfd.readouterr().out)  # type: ignore[type-arg]
    return data


def test_the_json_has_the_promised_shape(capfd: pytest.CaptureFixture[str]) -> None:
    data = data_of(capfd, "trace", SHEET, "--at", POINT)
    assert data["inputs"] == [{"name": "x1", "node": "v_-1", "value": 1.5}, {"name": "x2", "node": "v_0", "value": 0.5}]
    assert [node["node"] for node in data["nodes"]] == ["v_-1", "v_0", "v_1", "v_2", "v_3", "v_4", "v_5", "v_6"]
    quotient = data["nodes"][2]
    assert quotient["local_partials"] == {"v_-1": "1/v_0", "v_0": "-(v_-1/v_0^2)"}
    assert quotient["adjoint"]["expression"] == "vbar_2*cos(v_1) + vbar_4"
    assert quotient["tangents"] == {"x1": 2.0, "x2": -6.0}
    assert round(data["gradient"]["x2"], 4) == -13.7240 and round(data["value"], 4) == 2.0166
    assert data["checks"]["torch"] is None and data["checks"]["certified_digits"] >= 14
    assert data["checks"]["central_difference"]["max_relative_error"] < 1e-8
    assert data["checks"]["complex_step"]["max_relative_error"] < 1e-12
    assert data["operations"]["function"] == 6 and data["operations"]["gradient"] <= 24


def test_without_a_point_values_are_null(capfd: pytest.CaptureFixture[str]) -> None:
    data = data_of(capfd, "trace", "x*y")
    assert data["value"] is None and data["gradient"] == {"x": None, "y": None}
    assert all(node["value"] is None for node in data["nodes"])
    assert data["checks"] == {"torch": None, "central_difference": None, "complex_step": None, "certified_digits": None}


def test_steps_come_with_their_rules_and_are_run(capfd: pytest.CaptureFixture[str]) -> None:
    data = data_of(capfd, "trace", SHEET, "--at", POINT, "--steps")
    rules = {part["rule"] for step in data["steps"] for part in (step, *step["substeps"])}
    assert {"regroup", "sum over readers", "local partial", "reuse the primal value"} <= rules
    for step in data["steps"]:
        for part in (step, *step["substeps"]):
            assert part["checked"] is True and part["statement"] and part["reason"], part


def test_inputs_stand_in_the_order_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    def order(*arguments: str) -> list[str]:
        return [entry["name"] for entry in data_of(capfd, "trace", "b*a + c", *arguments)["inputs"]]

    assert order() == ["b", "a", "c"]
    assert order("--at", "c=1,a=2,b=3") == ["c", "a", "b"]
    assert order("--at", "c=1", "--at", "a=2,b=3") == ["c", "a", "b"]
    assert order("--at", "c=1,a=2,b=3", "--order", "a,b") == ["a", "b", "c"]


def test_several_outputs_have_a_table_each_and_one_can_be_picked(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("q = x + y  # shared\nf = q*z\ng = sin(q)\n")
    data = data_of(capfd, "trace", "--file", str(file), "--at", "x=1,y=2,z=3")
    assert data["outputs"]["f"] == {"value": 9.0, "gradient": {"x": 3.0, "y": 3.0, "z": 3.0}}
    assert [node["node"] for node in data["nodes"]] == ["x", "y", "z", "q", "f", "g"]
    picked = data_of(capfd, "trace", "--file", str(file), "--at", "x=1,y=2,z=3", "--output", "f")
    assert picked["gradient"] == data["outputs"]["f"]["gradient"] and "outputs" not in picked


def test_the_ending_of_the_output_file_chooses_the_format(tmp_path: Path) -> None:
    for ending, begins in (
        ("html", b"<!"),
        ("svg", b"<?xml"),
        ("json", b"{"),
        ("ipynb", b"{"),
        ("tex", b"\\"),
        ("txt", b"E"),
    ):
        assert run(["trace", "x*y", "-o", str(tmp_path / f"out.{ending}")]) == 0
        assert (tmp_path / f"out.{ending}").read_bytes().lstrip(b"% \n").startswith(begins), ending


@pytest.mark.parametrize("mode", ["reverse", "forward", "both"])
def test_every_mode_gives_the_gradient(capfd: pytest.CaptureFixture[str], mode: str) -> None:
    assert run(["trace", SHEET, "--at", POINT, "--mode", mode]) == 0
    text = capfd.readouterr().out
    assert "-13.7240" in text and ("vdot" in text) == (mode != "reverse") and ("vbar" in text) == (mode != "forward")


def test_the_list_names_commands_and_parameters(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "--json"]) == 0
    entries = json.loads(capfd.readouterr().out)
    names = [entry["name"] for entry in entries]
    assert len(set(names)) == len(names)
    commands = {entry["name"]: entry["commands"] for entry in entries}
    assert commands["griewank"] == ["solve", "verify", "sheet"] and commands["momentum"] == ["sheet"]
    assert {name for name in commands if "sheet" in commands[name]} == set(EXERCISES)
    assert all({"name", "commands", "parameters"} <= set(entry) for entry in entries)
    assert run(["solve", "--list"]) == 0
    assert "griewank" in capfd.readouterr().out


def test_a_function_head_is_answered_with_what_to_write(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["trace", "f(x, y) = x^2*y"]) == 2
    assert "write f = ..." in capfd.readouterr().err


@pytest.mark.parametrize("text", ["max(x)", "sum(x)", "norm(x)", "softmax(x)", "mean(x) + 1"])
def test_array_functions_are_refused_with_their_place(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["trace", text]) == 2
    assert "expression:1:1:" in capfd.readouterr().err
