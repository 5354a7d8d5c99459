"""Variants are trained once each, chosen by validation accuracy, and stand beside their twins by derived gradients."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from derive.cli.main import run
from derive.errors import UsageError
from derive.experiments.configuration import Config
from derive.experiments.explore import RESULT, Exploration, Row, best_rates, combinations, explore, run_name
from derive.experiments.explore_report import COLUMNS, summary, table
from derive.experiments.formats import DataError

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
torch.set_num_threads(1)
BASE = Config(limit=150, batch=32, epochs=1, dtype="float64", check_every=3)
VARIANTS = combinations(BASE, [(8,), (6, 5)], ["relu"], [0.1, 0.01])


def row(config: Config, accuracy: float | None, parameters: int = 10) -> Row:
    """A finished run with this validation accuracy, or one that stopped."""
    result = None if accuracy is None else {"val_accuracy": accuracy, "parameters": parameters, "best_epoch": 1}
    return Row(config, result, [], "" if result else "step 3: the loss is nan")


accuracies = st.lists(st.none() | st.floats(0, 1), min_size=4, max_size=4)


@given(accuracies)
def test_the_favourite_has_the_best_validation_accuracy_and_every_variant_its_best_rate(
    values: list[float | None],
) -> None:
    rows = [row(config, value) for config, value in zip(VARIANTS, values, strict=True)]
    found = Exploration(rows, [])
    trained = [value for value in values if value is not None]
    if not trained:
        assert found.favourite is None and best_rates(rows) == []
        return
    assert found.favourite is not None and found.favourite.validation == max(trained)
    for each in best_rates(rows):
        same = [other.validation for other in rows if other.config.layers == each.config.layers]
        assert each.validation == max(same)
    assert len(best_rates(rows)) == len({r.config.layers for r in rows if r.result})


def test_of_two_that_are_equal_the_smaller_network_is_chosen() -> None:
    rows = [row(VARIANTS[0], 0.9, parameters=500), row(VARIANTS[2], 0.9, parameters=400)]
    assert Exploration(rows, []).favourite is rows[1]


def test_every_combination_is_named_once_and_has_a_folder_of_its_own() -> None:
    found = combinations(BASE, [(8,), (8, 8), (8,)], ["relu", "tanh"], [0.1, 0.25, 0.1])
    assert len(found) == 8 == len({run_name(each) for each in found})
    assert all(each.gradients == "autograd" for each in found)
    with pytest.raises(UsageError, match="between 1 and 200"):
        combinations(BASE, [(n,) for n in range(1, 300)], ["relu"], [0.1])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Exploration]:
    out = tmp_path_factory.mktemp("explored")
    return out, explore(VARIANTS, out, check_every=3)


def test_derived_gradients_stand_beside_those_of_autograd(kept: tuple[Path, Exploration]) -> None:
    """The same weights and batches at the start: rounding aside, the same losses at the end."""
    _, found = kept
    assert [each.config for each in found.rows] == VARIANTS
    assert [each.config.layers for each in found.derived] == [(8,), (6, 5)]
    for each in found.derived:
        assert each.result is not None and each.config.gradients == "both"
        assert each.result["largest_deviation"]["relative_error"] < 1e-10 and each.result["checks"] == 2
        twins = [other for other in found.rows if found.beside(other) is each]
        assert len(twins) == 1
        for ours, theirs in zip(each.history, twins[0].history, strict=True):
            assert ours["val_loss"] == pytest.approx(theirs["val_loss"], rel=1e-9)


def test_what_is_finished_is_not_trained_again(kept: tuple[Path, Exploration]) -> None:
    out, found = kept
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*.npz")}
    assert len(stamps) >= 12
    assert explore(VARIANTS, out, check_every=3) == found
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.npz")} == stamps


@pytest.mark.slow
def test_an_interrupted_exploration_goes_on_to_the_same_numbers(kept: tuple[Path, Exploration], tmp_path: Path) -> None:
    """Stopped in the middle of the third run."""
    steps = iter(range(10**6))
    with pytest.raises(KeyboardInterrupt):
        explore(VARIANTS, tmp_path, check_every=3, stop=lambda: next(steps) == 12)
    assert len(list(tmp_path.glob(f"*/{RESULT}"))) == 2
    found = explore(VARIANTS, tmp_path, check_every=3)

    def losses(each: Exploration) -> list[list[float]]:
        return [[epoch["val_loss"] for epoch in one.history] for one in (*each.rows, *each.derived)]

    assert losses(found) == losses(kept[1])  # to the bit


def test_a_folder_of_other_settings_or_damaged_results_is_refused(tmp_path: Path) -> None:
    one = VARIANTS[:1]
    explore(one, tmp_path, derived=False)
    with pytest.raises(UsageError, match="epochs was 1, is 2"):
        explore([dataclasses.replace(one[0], epochs=2)], tmp_path, derived=False)
    with pytest.raises(UsageError, match="limit was 150, is 140"):
        explore([dataclasses.replace(one[0], limit=140)], tmp_path, derived=False)
    result = tmp_path / run_name(one[0]) / RESULT
    whole = result.read_text()
    for damaged in ("", whole[:200], "[]", '{"config": 3}', "[" * 10**5):
        result.write_text(damaged)
        with pytest.raises(DataError, match="delete it"):
            explore(one, tmp_path, derived=False)
    explore(one, tmp_path, derived=False, force=True)
    again, first = json.loads(result.read_text()), json.loads(whole)
    assert again["result"]["test_loss"] == first["result"]["test_loss"]


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not touch")
    with pytest.raises(UsageError, match="holds other files"):
        explore(VARIANTS[:1], tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_rate_that_is_too_large_is_a_finding_and_the_others_go_on(tmp_path: Path) -> None:
    configs = combinations(
        dataclasses.replace(BASE, optimizer="sgd", weight_decay=1e6, dtype="float32"), [(8,)], ["relu"], [1e6, 1e-7]
    )
    found = explore(configs, tmp_path)
    assert found.rows[0].result is None and "lower the learning rate" in found.rows[0].stopped
    assert found.favourite is found.rows[1] and len(found.derived) == 1
    assert "lower the learning rate" in summary(found)
    assert explore(configs, tmp_path) == found


def test_the_test_split_is_shown_for_the_favourite_alone(kept: tuple[Path, Exploration]) -> None:
    """And for its twin by derived gradients."""
    rows = table(kept[1])
    assert [set(each) for each in rows] == [set(COLUMNS)] * 6
    tested = [each for each in rows if each["test_accuracy"] != ""]
    assert [each["gradients"] for each in tested] == ["autograd", "derived"]
    assert {each["layers"] for each in tested} == {"-".join(map(str, kept[1].favourite.config.layers))}  # type: ignore[union-attr]
    assert [each["note"] for each in rows].count("favourite") == 1


ARGUMENTS = ["explore", "--layers", "8", "--layers", "6,5", "--lr", "0.1,0.01", "--limit", "150", "--batch", "32",
             "--epochs", "1", "--dtype", "float64", "--check-every", "3"]  # fmt: skip


def test_the_command_keeps_a_table_and_curves(
    kept: tuple[Path, Exploration], capsys: pytest.CaptureFixture[str]
) -> None:
    out, found = kept
    assert run([*ARGUMENTS, "--json", "-o", str(out)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["rows"] == table(found) and data["passed"]
    with (out / "summary.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [float(line["val_accuracy"]) for line in lines] == [each["val_accuracy"] for each in table(found)]
    assert ElementTree.parse(out / "curves.svg").getroot().tag.endswith("svg")
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    text = (out / "summary.md").read_text()
    assert text.count("\n| 8 | relu |") == 3 and text.count("\n| 6-5 | relu |") == 3
    assert run([*ARGUMENTS, "-o", str(out)]) == 0 and text in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--layers", "3,x", "--lr", "0.1"], 2, "--layers"),
        (["--layers", "8", "--lr", "0.1;0.2"], 2, "no list of numbers"),
        (["--layers", "8", "--lr", "nan"], 2, "learning rate is nan"),
        (["--layers", "8", "--lr", "0.1,-1"], 2, "learning rate is -1"),
        (["--layers", "8", "--lr", "0.1", "--activation", "rule"], 2, "activation is 'rule'"),
        (["--layers", "8", "--lr", "0.1", "--data", "mnits"], 2, "did you mean mnist?"),
        (["--layers", "1000000,1000000", "--lr", "0.1"], 2, "parameters take"),
        (["--layers", "8", "--lr", "0.1", "--device", "cuda:99"], 6, "no device cuda:99"),
        (["--layers", "8"], 2, "--lr"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_line(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explore", *arguments, "-o", str(tmp_path / "out")]) == code
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("DERIVE_DATA"), reason="DERIVE_DATA names no folder of real data")
def test_variants_on_a_slice_of_mnist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--data",
        "mnist",
        "--layers",
        "16",
        "--layers",
        "12,8",
        "--lr",
        "0.1",
        "--limit",
        "640",
        "--epochs",
        "2",
    ]
    assert run(["explore", *arguments, "--dtype", "float64", "--json", "-o", str(tmp_path)]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert len(rows) == 4 and all(each["val_accuracy"] > 0.3 for each in rows)
