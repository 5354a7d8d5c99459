"""`derive gradcam` on a trained network: figures and report, and what it refuses."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from derive.cli.main import run
from derive.experiments.configuration import Config
from derive.experiments.gradcam_runs import DEFAULTS
from derive.experiments.training import train_run

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
torch.set_num_threads(1)
SMALL = Config(
    kind="cnn", layers=(4, 8), optimizer="adam", lr=0.01, epochs=5, batch=32, limit=600, check_every=20, dtype="float64"
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of `train cnn` on digits."""
    folder = tmp_path_factory.mktemp("runs") / "cnn"
    assert train_run(SMALL, folder)["test_accuracy"] > 0.8
    return folder


def test_figures_and_report_stand_beside_each_other(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "digits.svg"
    assert run(["gradcam", "--run", str(kept), "--images", "90", "-o", str(out)]) == 0
    assert "rounding" in capsys.readouterr().out
    names = {"digits.svg", "digits-deletion.svg", "digits-regions.svg", "digits.md"}
    assert {each.name for each in tmp_path.iterdir()} == names
    for name in names - {"digits.md"}:
        assert ElementTree.parse(tmp_path / name).getroot().tag.endswith("svg")
    report = (tmp_path / "digits.md").read_text()
    assert all(f"]({name})" in report for name in names - {"digits.md"})
    for number in "0123456789":
        assert f"\n| {number} | " in report and f"\n- {number}: " in report
    assert run(["gradcam", "--run", str(kept), "--images", "90", "-o", str(out)]) == 2
    assert "digits.svg exists; add --force" in capsys.readouterr().err
    before = out.read_bytes()
    assert run(["gradcam", "--run", str(kept), "--images", "90", "-o", str(out), "--force"]) == 0
    assert out.read_bytes() == before  # the same numbers give the same bytes


def test_png_figures_have_the_signature_and_size(kept: Path, tmp_path: Path) -> None:
    assert run(["gradcam", "--run", str(kept), "--images", "50", "-o", str(tmp_path / "a.png")]) == 0
    data = (tmp_path / "a.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert width > 1000 and height > 800


def test_a_layer_that_is_none_is_refused_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert run(["gradcam", "--data", "digits", "--layer", "conv2"]) == 2
    assert "has no feature maps conv2; there are z1, m1, a1" in capsys.readouterr().err
    assert not (tmp_path / "derive").exists()


@pytest.mark.parametrize("layer", ["z1", "a2"])
def test_json_holds_the_figures(kept: Path, layer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gradcam", "--data", "digits", "--run", str(kept), "--layer", layer, "--images", "100", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] and found["layer"] == layer and found["images_measured"] == 100
    assert found["largest_deviation_from_autograd"] < 1e-12
    assert sum(each["images"] for each in found["whole"]) <= 100
    assert all(0 <= area <= 1 for each in found["classes"] for area in each["areas"].values())


def test_a_network_is_trained_once_where_no_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(DEFAULTS, "digits", ((4, 8), 2))
    assert run(["gradcam", "--data", "digits", "--json"]) == 0
    first = capsys.readouterr()
    assert "training cnn 4,8 on digits" in first.err
    found = json.loads(first.out)
    assert Path(found["run"]).parent == tmp_path / "derive" / "runs"
    checkpoint = Path(found["run"]) / "last.npz"
    changed = checkpoint.stat().st_mtime_ns
    assert run(["gradcam", "--data", "digits", "--json"]) == 0
    again = capsys.readouterr()
    assert again.err == "" and json.loads(again.out) == found
    assert checkpoint.stat().st_mtime_ns == changed


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--data", "mnist"], 2, "was trained on digits, not on mnist; say --data digits"),
        (["--layer", "a9"], 2, "has no feature maps a9; there are z1, m1, a1"),
        (["--layer", "z3"], 2, "has no feature maps z3"),
        (["--images", "0"], 2, "0 images cannot be measured"),
        (["--device", "cuda:99"], 6, "no device cuda:99"),
        (["-o", "figure.pdf"], 2, "neither a .png nor an .svg"),
        (["-o", "no/folder/here.png"], 5, "no folder; make it first"),
        (["--force"], 2, "name them with -o"),
    ],
)
def test_what_does_not_fit_is_refused(
    kept: Path, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gradcam", "--run", str(kept), *arguments]) == code
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_file_beside_the_figure_is_not_replaced(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.md").write_text("my notes")
    assert run(["gradcam", "--run", str(kept), "-o", str(tmp_path / "a.png")]) == 2
    assert "a.md exists" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["a.md"]


def test_folders_that_are_no_fitting_run_are_refused(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"limit": 60, "epochs": 1, "dtype": "float64"}
    train_run(Config(kind="mlp", layers=(4,), **small), tmp_path / "mlp")  # type: ignore[arg-type]
    train_run(Config(kind="cnn", layers=(4,), **small), tmp_path / "one")  # type: ignore[arg-type]
    (tmp_path / "empty").mkdir()

    def copy(name: str, change: dict[str, object], drop: str = "") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for each in ("config.json", "best.npz"):
            (folder / each).write_bytes((kept / each).read_bytes())
        config = json.loads((folder / "config.json").read_text()) | change
        (folder / "config.json").write_text(json.dumps(config))
        if drop:
            (folder / drop).unlink()
        return folder

    (copy("garbage", {}) / "config.json").write_bytes(b"\xff{{")
    (copy("list", {}) / "config.json").write_text("[1]")
    cut = copy("cut", {}) / "best.npz"
    cut.write_bytes(cut.read_bytes()[:500])
    cases = {
        "nowhere": "is no folder of a run",
        "empty": "holds no run: it has no config.json",
        "mlp": "holds an mlp, and Grad-CAM needs feature maps",
        "one": "has 1 convolution",
        "garbage": "is no configuration of a run",
        "list": "is no configuration of a run",
        "cut": "damaged",
        copy("wide", {"layers": [4, 9]}).name: "W2 is",
        copy("typed", {"layers": "3"}).name: "layers is '3'",
        copy("rate", {"lr": "1e-3"}).name: "lr is '1e-3'",
        copy("newer", {"dropped": 1}).name: "no setting dropped",
        copy("other", {"limit": 500}).name: "trained on other images",
        copy("unfinished", {}, "best.npz").name: "it is not there",
    }
    for name, message in cases.items():
        assert run(["gradcam", "--run", str(tmp_path / name)]) == 2, name
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1, (name, error)


def test_data_that_is_not_to_be_had_is_named_with_its_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pooch", reason="pooch downloads the data")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("DERIVE_DATA", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens: there is no network
    assert run(["gradcam", "--data", "fashion-mnist"]) == 6
    error = capsys.readouterr().err
    assert "fashion-mnist/train-images-idx3-ubyte" in error and str(tmp_path) in error
    assert "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84" in error
    assert not (tmp_path / "derive" / "runs").exists()


def test_without_torch_the_way_to_install_it_is_told(kept: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; from derive.cli.main import run; sys.exit(run(sys.argv[1:]))"
    for arguments in (["gradcam", "--run", str(kept)], ["gradcam", "--data", "digits"]):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120)
        assert done.returncode == 6 and "pip install torch" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.skipif(not os.environ.get("DERIVE_DATA"), reason="DERIVE_DATA names no folder of real data")
@pytest.mark.parametrize("data", ["mnist", "fashion-mnist"])
def test_real_images_are_explained(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Config(
        kind="cnn", data=data, layers=(4, 8), optimizer="adam", lr=0.005, limit=1280, epochs=2, check_every=9
    )
    train_run(config, tmp_path / "run")
    assert run(["gradcam", "--run", str(tmp_path / "run"), "--images", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] and found["images_measured"] == 200 and found["test_accuracy"] > 0.5
