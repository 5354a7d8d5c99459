"""Training by derived gradients: held against autograd on the way, resumed to the bit, stopped at what is no number."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy
import pytest
import torch

from derive.cli.main import run
from derive.errors import DomainError, UsageError
from derive.experiments import checkpoints
from derive.experiments.checkpoints import load_checkpoint, run_folder, save_checkpoint
from derive.experiments.comparing import Peer, largest_deviation
from derive.experiments.configuration import Config
from derive.experiments.data import load
from derive.experiments.formats import DataError
from derive.experiments.training import Training, train_run

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
torch.set_num_threads(1)
SMALL = {"limit": 200, "batch": 32, "layers": (16,), "dtype": "float64"}
MLP = Config(**SMALL, epochs=2, check_every=3)


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_derived_gradients_are_those_of_autograd(kind: str, activation: str) -> None:
    layers = (16, 12) if kind == "mlp" else (3, 5)
    config = Config(**SMALL | {"layers": layers}, kind=kind, activation=activation, epochs=2, check_every=1)
    result = train_run(config)
    assert result["checks"] == 2 * 7
    assert result["largest_deviation"]["relative_error"] < 1e-10  # of the sum of absolute terms


VGG = Config(**SMALL | {"layers": (3, 4)}, kind="vgg16", epochs=2, check_every=3, batchnorm=True, dropout=True)


@pytest.mark.parametrize(
    "extras",
    [(), *(pytest.param((one,), marks=pytest.mark.slow) for one in ("dropout", "batchnorm")), ("dropout", "batchnorm")],
)
def test_vgg_trains_by_the_gradients_of_autograd(extras: tuple[str, ...]) -> None:
    """The masks are the same on both sides; the statistics are those of the batch."""
    settings = dict.fromkeys(extras, True)
    result = train_run(Config(**SMALL | {"layers": (3, 4)}, kind="vgg16", epochs=2, check_every=1, **settings))
    assert result["checks"] == 2 * 7
    assert result["largest_deviation"]["relative_error"] < 1e-10


def test_running_statistics_are_those_of_torch_and_dropout_is_not_in_use() -> None:
    training = Training(VGG, load("digits", dtype="float64", limit=64))
    x = training.train[0]
    mean, variance = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    for batch in range(2):
        order = numpy.random.default_rng([0, 1, 0]).permutation(64)[batch * 32 : batch * 32 + 32]
        w, b = training.parameters["W1"], training.parameters["b1"]
        z = torch.nn.functional.conv2d(x[torch.as_tensor(order)], w, b, padding=1)
        torch.nn.functional.batch_norm(z, mean, variance, training=True)  # moves both by a tenth
        training.run_batch()
    torch.testing.assert_close(training.running["mu1"], mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(training.running["var1"], variance, rtol=1e-12, atol=1e-12)
    masks = training._masks(1000)
    assert {0.0, 2.0} == set(masks["mask5"].unique().tolist()) and 0.4 < masks["mask5"].mean() / 2 < 0.6
    both = [training.evaluate(training.validation, training.parameters).probabilities for _ in range(2)]
    assert (both[0] == both[1]).all()


def test_what_float32_decides_otherwise_is_compared_in_float64() -> None:
    """A gradient of float32 that is off by more than rounding: told, and settled by the same step in float64."""
    training = Training(Config(**SMALL | {"dtype": "float32"}, epochs=1), load("digits", limit=64))
    x, y = training.train
    _, saved = training.code.forward(training.parameters, x)
    ours = dict(training.code.backward(training.parameters, saved, y)[1])
    training._check(training.parameters, x, y, ours)
    assert not training.doubled
    ours["W1"] = ours["W1"] + 0.01 * ours["W1"].abs().max()
    training._check(training.parameters, x, y, ours)
    assert training.checks[1]["relative_error"] > 1e-4 and training.checks[1]["tensor"] == "W1"
    assert len(training.doubled) == 1 and training.doubled[0]["relative_error"] < 1e-12


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_by_derived_gradients_is_training_by_autograd(optimizer: str) -> None:
    """Rounding aside, the same losses after two epochs; and it learns."""
    runs = []
    for gradients in ("derived", "autograd"):
        config = Config(epochs=3, dtype="float64", gradients=gradients, optimizer=optimizer, lr=0.01, batch=16)
        training = Training(config, load("digits", dtype="float64", limit=400))
        for _ in range(config.epochs):
            while training.batch < training.batches:
                training.run_batch()
            training.close_epoch()
        runs.append([row["val_loss"] for row in training.history])
    numpy.testing.assert_allclose(runs[0], runs[1], rtol=1e-9)
    assert runs[0][-1] < runs[0][0]


def test_a_planted_slip_is_found_with_its_tensor_and_index() -> None:
    training = Training(MLP, load("digits", dtype="float64", limit=64))
    x, y = training.train
    theirs, sums = training.peer.scales(training.parameters, x, y)
    ours = {name: value.clone() for name, value in theirs.items()}
    ours["W2"][3, 5] += 1e-8 * sums["W2"][3, 5]
    found = largest_deviation(7, ours, theirs, sums)
    assert (found.step, found.tensor, found.index) == (7, "W2", (3, 5))
    assert found.relative_error == pytest.approx(1e-8, rel=1e-5)
    assert found.derived == float(ours["W2"][3, 5]) and found.autograd == float(theirs["W2"][3, 5])


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_sums_of_absolute_terms_are_those_of_single_samples(kind: str) -> None:
    """No entry's sum is below the sum over samples of the absolute derivatives."""
    training = Training(
        Config(**SMALL | {"layers": (4,)}, kind=kind), load("digits", dtype="float64", limit=6, size=None)
    )
    x, y = training.train
    _, sums = training.peer.scales(training.parameters, x, y)
    peer = Peer(training.network)
    singly = [peer.gradients(training.parameters, x[n : n + 1], y[n : n + 1])[1] for n in range(len(y))]
    for name, total in sums.items():
        single = sum(found[name].abs() for found in singly) / len(y)
        assert bool((total >= single * (1 - 1e-12)).all())


def test_a_run_keeps_what_it_says(tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = train_run(MLP, out)
    assert json.loads((out / "config.json").read_text()) == json.loads(json.dumps(result["config"]))
    history = table(out / "history.csv")
    assert list(history[0]) == ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds"]
    assert [row["epoch"] for row in history] == ["1", "2"]
    checks = table(out / "checks.csv")
    assert list(checks[0]) == ["step", "tensor", "index", "derived", "autograd", "relative_error"]
    assert [int(row["step"]) for row in checks] == [0, 3, 6, 9, 12]
    assert max(float(row["relative_error"]) for row in checks) == result["largest_deviation"]["relative_error"]
    assert ElementTree.parse(out / "curves.svg").getroot().tag.endswith("svg")
    assert ElementTree.parse(out / "examples.svg").getroot().tag.endswith("svg")
    assert all((out / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in ("curves", "examples"))
    summary = (out / "summary.md").read_text()
    assert "| 2 |" in summary
    confusion = numpy.array(result["confusion"])
    assert confusion.sum() == 200 and confusion.trace() / 200 == result["test_accuracy"]
    for name, row in zip(result["classes"], result["confusion"], strict=True):
        assert f"| {name} | {' | '.join(map(str, row))} |" in summary
    assert not (out / ".lock").exists()


@pytest.mark.parametrize("config", [MLP, VGG], ids=["mlp", "vgg16"])
def test_a_resumed_run_has_the_bits_of_one_that_was_never_stopped(config: Config, tmp_path: Path) -> None:
    """Stopped in the middle of the second epoch, between two checks; masks and running statistics go on as well."""
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    train_run(config, whole)
    asked = iter([False] * 10 + [True])
    with pytest.raises(KeyboardInterrupt):
        train_run(config, halves, stop=lambda: next(asked))
    train_run(config, halves, resume=True)
    first, second = final_of(whole, config), final_of(halves, config)
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert (whole / "checks.csv").read_bytes() == (halves / "checks.csv").read_bytes()
    strip = [[{**row, "seconds": ""} for row in table(out / "history.csv")] for out in (whole, halves)]
    assert strip[0] == strip[1]


def test_the_optimisers_state_is_resumed(tmp_path: Path) -> None:
    config = Config(**SMALL, epochs=1, optimizer="adam", lr=0.01, weight_decay=0.01, gradients="derived")
    longer = Config(**SMALL, epochs=2, optimizer="adam", lr=0.01, weight_decay=0.01, gradients="derived")
    train_run(config, tmp_path / "run")
    found = train_run(longer, tmp_path / "run", resume=True)
    assert found["test_loss"] == train_run(longer, tmp_path / "whole")["test_loss"]
    assert found["epochs"] == 2


def test_a_loss_that_is_no_number_stops_and_names_the_tensor(tmp_path: Path) -> None:
    config = Config(**SMALL, epochs=40, lr=1e6, weight_decay=1e6, momentum=0.5)
    with pytest.raises(DomainError, match=r"step \d+: .*(W|b)[12] is (nan|-?inf) at \(\d+"):
        train_run(config, tmp_path / "run")
    for array in final_of(tmp_path / "run", config).values():
        assert numpy.isfinite(array).all()


def final_of(out: Path, config: Config) -> dict[str, numpy.ndarray]:
    training = Training(config, load("digits", dtype="float64", limit=200))
    return load_checkpoint(out / "last.npz", training.shapes())[0]


def test_a_damaged_checkpoint_is_refused_or_replaced_by_the_one_before(tmp_path: Path) -> None:
    out, notices = tmp_path / "run", []
    train_run(MLP, out)
    data = (out / "last.npz").read_bytes()
    for damaged in (b"", data[:-30]):
        (out / "last.npz").write_bytes(damaged)
        found = train_run(MLP, out, resume=True, notice=notices.append)
        assert found["epochs"] == 2 and "went on from previous.npz" in notices.pop()
        (out / "previous.npz").unlink()
        (out / "last.npz").write_bytes(damaged)
        with pytest.raises(DataError, match="damaged"):
            train_run(MLP, out, resume=True)
        (out / "previous.npz").write_bytes(data)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train_run(MLP, out)
    with pytest.raises(UsageError, match="seed was 0, is 1"):
        train_run(Config(**SMALL, epochs=2, check_every=3, seed=1), out, resume=True)
    with pytest.raises(DataError, match=r"W1 is \(16, 64\)|b1 is \(16,\)"):
        train_run(Config(**SMALL | {"layers": (17,)}, epochs=2, check_every=3), out, resume=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        with pytest.raises(UsageError, match=f"threads was {threads}, is {threads + 1}; --allow-drift"):
            train_run(MLP, out, resume=True)
        train_run(MLP, out, resume=True, allow_drift=True)
    finally:
        torch.set_num_threads(threads)


def test_a_checkpoint_holds_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "last.npz"
    save_checkpoint(path, {"W": numpy.arange(2.0)}, {"epoch": 1})
    arrays, state = load_checkpoint(path, {"W": (2,)})
    assert arrays["W"].tolist() == [0, 1] and state == {"format": checkpoints.FORMAT, "epoch": 1}
    with pytest.raises(DataError, match="another network"):
        load_checkpoint(path, {"V": (2,)})


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with run_folder(tmp_path, resume=False, force=False):
        with pytest.raises(UsageError, match=f"in use by process {os.getpid()}"):
            train_run(MLP, tmp_path)
        assert (tmp_path / ".lock").exists()
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (tmp_path / ".lock").write_bytes(done.stdout)  # its process is gone
    (tmp_path / ".derive-tmp-stray").write_bytes(b"half a checkpoint")
    with run_folder(tmp_path, resume=False, force=False):
        assert not (tmp_path / ".derive-tmp-stray").exists()


def test_folders_of_others_and_finished_runs_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not touch")
    with pytest.raises(UsageError, match="other files"):
        train_run(MLP, tmp_path)
    with pytest.raises(UsageError, match="no run to resume"):
        train_run(MLP, tmp_path / "new", resume=True)
    train_run(MLP, tmp_path / "run")
    with pytest.raises(UsageError, match="--resume continues it, --force begins anew"):
        train_run(MLP, tmp_path / "run")
    train_run(MLP, tmp_path / "run", force=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"batch": -1}, "batch is -1"),
        ({"layers": (10**9,)}, "sizes between 1 and 1000000"),
        ({"layers": (5,) * 1000}, "at most 100 sizes"),
        ({"lr": -1.0}, "learning rate is -1"),
        ({"lr": float("inf")}, "learning rate is inf"),
        ({"gradients": "numeric"}, "choose from derived, autograd, both"),
        ({"activation": "rule"}, "activation is 'rule'"),
        ({"seed": -1}, "seed is -1"),
        ({"layers": (10**6, 10**6)}, "parameters take .* GB"),
    ],
)
def test_configurations_out_of_range_are_refused(change: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        train_run(Config(**SMALL | change))


ARGUMENTS = ["train", "mlp", "--limit", "100", "--epochs", "1", "--layers", "8", "--dtype", "float64"]


def test_the_command_answers_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert run([*ARGUMENTS, "--json", "-o", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] and found["config"]["layers"] == [8] and found["run"] == str(out)
    assert 0 < found["test_accuracy"] < 1
    assert run([*ARGUMENTS, "-o", str(out)]) == 2 and "--resume" in capsys.readouterr().err
    assert run([*ARGUMENTS, "-o", str(out), "--resume"]) == 0
    assert "checks against autograd; largest deviation" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "mlpp"], 2, "choose mlp, cnn or vgg16"),
        (["train", "mlp", "--layers", "3,x"], 2, "no size; sizes are whole numbers"),
        (["train", "mlp", "--device", "cuda:99"], 6, "no device cuda:99"),
        (["train", "mlp", "--resume"], 2, "name it with -o"),
        ([*ARGUMENTS, "--epochs", "60", "--lr", "1e6", "--weight-decay", "1e6"], 3, "lower the learning rate"),
    ],
)
def test_exit_codes(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == code
    assert message in capsys.readouterr().err


@pytest.mark.skipif(not os.environ.get("DERIVE_DATA"), reason="DERIVE_DATA names no folder of real data")
@pytest.mark.parametrize(("kind", "data"), [("mlp", "mnist"), ("cnn", "fashion-mnist")])
def test_real_images_train_by_derived_gradients(kind: str, data: str) -> None:
    config = Config(kind=kind, data=data, layers=(8,), dtype="float64", limit=640, epochs=2, check_every=5)
    result = train_run(config)
    assert result["largest_deviation"]["relative_error"] < 1e-10 and result["test_accuracy"] > 0.3
