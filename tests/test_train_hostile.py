"""Bad and hostile input of `derive train` and `derive code`, named by the rows of the table of hostile input."""

from __future__ import annotations

import io
import json
import os
import pickle  # noqa: TID251 - what is never to be loaded has to be made
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from derive.cli.main import run
from derive.errors import DeriveError, DomainError, OutputError, UsageError
from derive.experiments.checkpoints import FORMAT, load_checkpoint, save_checkpoint
from derive.experiments.configuration import Config, memory_bytes
from derive.experiments.data import load
from derive.experiments.formats import DataError, inflated, read_file, read_images, read_labels
from derive.experiments.report import CHECKS, csv_text
from derive.experiments.training import Training, train_run

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
torch.set_num_threads(1)
TINY = Config(layers=(6,), limit=64, batch=16, epochs=2, check_every=5, dtype="float64")
ARGUMENTS = ["train", "mlp", "--limit", "64", "--epochs", "1", "--layers", "6", "--batch", "16"]


def arrays_of(folder: Path, config: Config = TINY) -> dict[str, numpy.ndarray]:
    shapes = Training(config, load("digits", dtype=config.dtype, limit=config.limit)).shapes()
    return load_checkpoint(folder / "last.npz", shapes)[0]


def same(one: Path, two: Path) -> bool:
    first, second = arrays_of(one), arrays_of(two)
    return all(first[name].tobytes() == second[name].tobytes() for name in first)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    train_run(TINY, folder)
    return folder


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


# --- configurations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "mlp", "--lr", "fast"], "'fast' is not a valid float"),
        (["train", "mlp", "--lr", "-0.1"], "learning rate is -0.1; it is between 0 and"),
        (["train", "mlp", "--lr", "nan"], "learning rate is nan"),
        (["train", "mlp", "--epochs", "0"], "epochs is 0; it is between 1 and"),
        (["train", "mlp", "--epochs", "2.5"], "'2.5' is not a valid integer"),
        (["train", "mlp", "--batch", "-64"], "batch is -64"),
        (["train", "mlp", "--layers", "1000000000"], "a layer has 1000000000 units; it has between 1 and 1000000"),
        (["train", "mlp", "--layers", "9" * 5000], "between 1 and 1000000"),
        (["train", "mlp", "--layers", "0"], "between 1 and 1000000"),
        (["train", "mlp", "--layers", "-3"], "'-3' is no size"),
        (["train", "mlp", "--layers", "1," * 10**6 + "1"], "1000001 sizes are given; at most 100"),
        (["train", "mlp", "--layers", "1000000,1000000"], "parameters take 8000.6 GB; at most"),
        (["train", "mlp", "--dropout"], "belong to vgg16"),
        (["train", "mlp", "--full"], "--full belongs to vgg16"),
        (["train", "vgg16", "--data", "digits"], "5 blocks halve an image 5 times, and 8x8 is too small"),
        (["train", "vgg16", "--data", "digits", "--layers", "4,5,6,7,8,9"], "1 to 5 blocks"),
        (["code", "mlp", "--layers", "784,1000000000,10"], "whole numbers from 1 to 1000000"),
        (["code", "mlp", "--layers", "784," + "5," * 10**5 + "10"], "100002 sizes; at most 100"),
        (["code", "mlp", "--layers", "3"], "input and output"),
        (["code", "mlp", "--layers", "784,,10"], "'' is none"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_H077_what_is_out_of_range_is_refused_at_once(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and len(said) < 400
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("field", "value"),
    [("layers", "3"), ("layers", (3.0,)), ("layers", ("3",)), ("lr", "1e-3"), ("epochs", True), ("epochs", 2.0),
     ("batch", "64"), ("seed", None), ("kind", 5), ("limit", "all"), ("data", None), ("dropout", 1)],
)  # fmt: skip
def test_H077_wrong_types_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(UsageError, match=field if field != "kind" else "network"):
        Config(**{field: value})


def test_H077_memory_is_estimated_before_anything_is_made() -> None:
    """Few parameters, but the values of a batch fill a terabyte."""
    config = Config(layers=(1, 10**6) * 25, batch=1293, dtype="float64")
    data = load("digits", dtype="float64")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UsageError, match=r"a step takes about \d{3,}\.\d GB .* and there are .* take smaller layers"):
        Training(config, data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes
    assert 10**8 < memory_bytes() < 10**12


# --- data files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (struct.pack(">I", 1234) + bytes(96), "the magic number is 1234"),
        (b"\x1f\x8b" + bytes(50), "compression is damaged"),
        (struct.pack(">II", 2051, 3), "header ends after 8 of 16 bytes"),
        (struct.pack(">4I", 2051, 4_000_000_000, 28, 28) + bytes(100), "4000000000 x 28 x 28"),
        (struct.pack(">4I", 2051, 65536, 65536, 4), r"17179869200 bytes; at most"),
        (struct.pack(">4I", 2051, 1, 2, 2) + bytes(5), "more than the 20 bytes"),
    ],
    ids=["magic", "gzip bytes", "header cut off", "4e9 images in 116 bytes", "product beyond 32 bits", "trailing"],
)
def test_H081_an_idx_file_that_lies_is_refused_before_there_is_room_for_it(
    data: bytes, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "images.idx"
    file.write_bytes(data)
    with pytest.raises(DataError, match=says):
        read_images(file)


def test_H081_labels_are_classes_and_as_many_as_images(tmp_path: Path) -> None:
    file = tmp_path / "labels"
    for label in (10, 255):
        file.write_bytes(struct.pack(">2I", 2049, 2) + bytes([3, label]))
        with pytest.raises(DataError, match=f"label 1 is {label}; the classes are 0 to 9"):
            read_labels(file)


def test_H082_what_is_inflated_stops_at_the_size_that_was_declared() -> None:
    import gzip

    bomb = gzip.compress(bytes(1 << 28), compresslevel=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="more than the 1000 bytes"):
        inflated(bomb, 1000, "bomb")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes
    whole = gzip.compress(bytes(1000))
    for damaged, says in (
        (whole + gzip.compress(b"x"), "more than the 1000 bytes"),
        (whole[:-8] + bytes(8), "compression is damaged"),
        (whole[:-12], "compression is damaged"),
    ):
        with pytest.raises(DataError, match=says):
            inflated(damaged, 1000, "file")


# --- checkpoints ------------------------------------------------------------------------------------------------------


def npz(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return data.getvalue()


def npy(array: numpy.ndarray, **header: Any) -> bytes:
    data = io.BytesIO()
    numpy.lib.format.write_array(data, array, allow_pickle=True)
    if not header:
        return data.getvalue()
    text = repr({"descr": "<f8", "fortran_order": False, "shape": array.shape} | header).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + array.tobytes()


STATE = npy(numpy.frombuffer(json.dumps({"format": FORMAT}).encode(), numpy.uint8))
WEIGHT = npy(numpy.zeros(2))


def encrypted(data: bytes) -> bytes:
    """The flag of a password in both headers of each member."""
    changed = bytearray(data)
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = changed.find(magic)
        while start >= 0:
            changed[start + place] |= 1
            start = changed.find(magic, start + 4)
    return bytes(changed)


def twice() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file, pytest.warns(UserWarning, match="Duplicate"):
        for name, content in (("W.npy", WEIGHT), ("W.npy", WEIGHT), ("state.npy", STATE)):
            file.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: npz({"W.npy": npy(numpy.zeros(1 << 24)), "state.npy": STATE}, zipfile.ZIP_DEFLATED),
         r"W is \(16777216,"),
        (lambda: npz({"../../W.npy": WEIGHT, "state.npy": STATE}), "another network"),
        (lambda: npz({"/etc/W.npy": WEIGHT, "state.npy": STATE}), "another network"),
        (twice, "another network"),
        (lambda: encrypted(npz({"W.npy": WEIGHT, "state.npy": STATE})), "damaged .*encrypted"),
        (lambda: npz({"W.npy": WEIGHT, "state.npy": STATE}).replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00",
                     b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x63\x00"), "damaged"),
        (lambda: npz({f"m{n}.npy": b"" for n in range(100_000)}), "another network"),
    ],
    ids=["bomb", "above", "absolute", "twice", "encrypted", "method", "many members"],
)  # fmt: skip
def test_H083_an_npz_that_is_not_ours_is_refused(make: Any, says: str, tmp_path: Path) -> None:
    file = tmp_path / "last.npz"
    file.write_bytes(make())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=says):
        load_checkpoint(file, {"W": (2,)})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (npy(numpy.array([{}, {}], dtype=object)), r"W is \(2,\) \|O"),
        (npy(numpy.zeros(2), shape=(-1,)), r"W is \(-1,\)"),
        (npy(numpy.zeros(2), shape=(2**40,)), r"W is \(1099511627776,\)"),
        (npy(numpy.zeros(2, ">f8"), descr=">f8"), "W is .*>f8"),
        (npy(numpy.zeros((1, 2)), fortran_order=True), r"W is \(1, 2\)"),
        (b"\x93NUMPY\x63\x00" + WEIGHT[8:], r"version \(99, 0\)"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + WEIGHT[10:], r"version \(2, 0\)"),
        (WEIGHT[:-1], "15 bytes or more, and its header claims 16"),
        (WEIGHT + b"0", "17 bytes or more, and its header claims 16"),
        (b"", "damaged"),
    ],
    ids=["object", "negative", "2^40", "big-endian", "columns first", "version 99", "header of 4 GiB", "short", "long",
         "empty"],
)  # fmt: skip
def test_H084_an_npy_header_is_held_against_the_network_and_the_bytes(member: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "last.npz"
    file.write_bytes(npz({"W.npy": member, "state.npy": STATE}))
    with pytest.raises(DataError, match=says):
        load_checkpoint(file, {"W": (2,)})
    file.write_bytes(npz({"W.npy": WEIGHT, "state.npy": STATE}))
    assert load_checkpoint(file, {"W": (2,)})[0]["W"].tolist() == [0, 0]


class Bite:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.trace),))


def test_H085_nothing_is_ever_unpickled(copied: Path, tmp_path: Path) -> None:
    trace = tmp_path / "bitten"
    packed = io.BytesIO()
    torch.save({"W1": Bite(trace)}, packed)
    members = {"W.npy": npy(numpy.array([Bite(trace)], dtype=object)), "state.npy": STATE}
    for content in (pickle.dumps(Bite(trace)), packed.getvalue(), npz(members)):
        for name in ("last.npz", "previous.npz"):
            (copied / name).write_bytes(content)
        with pytest.raises(DataError):
            train_run(TINY, copied, resume=True)
        assert not trace.exists()
    pickle.loads(pickle.dumps(Bite(trace)))  # noqa: S301 - the trap works
    assert trace.exists()


def test_H086_tables_hold_every_float_to_the_bit() -> None:
    floats = [float("nan"), float("inf"), -float("inf"), -0.0, 5e-324, 1e308, 0.1, 2 / 3, 1e22]
    rows = [dict.fromkeys(CHECKS, value) | {"tensor": "W1", "index": (3, 4), "step": 7} for value in floats]
    lines = csv_text(CHECKS, rows).splitlines()
    assert lines[0] == ",".join(CHECKS)
    for line, value in zip(lines[1:], floats, strict=True):
        cells = line.split(",")
        assert len(cells) == len(CHECKS) and cells[:3] == ["7", "W1", "3 4"]
        assert struct.pack("d", float(cells[3])) == struct.pack("d", value)


def test_H087_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """A reader in a child that is stopped inside its read would be a race; a file of /proc changes every time."""
    file = Path("/proc/self/stat")
    if not file.exists():
        pytest.skip("no /proc here")
    with pytest.raises(DataError, match="changed while it was read"):  # its size is said to be 0
        read_file(file)


def test_H088_H089_absent_data_are_named_with_their_checksum_and_never_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("no network")

    pytest.importorskip("pooch")
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("DERIVE_DATA", str(folder))
    assert run(["train", "mlp", "--data", "mnist"]) == 6
    said = capsys.readouterr().err
    assert "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609" in said
    assert "mnist/train-images-idx3-ubyte.gz" in said and "DERIVE_DATA" in said and said.count("\n") == 1
    assert run(["train", "vgg16"]) == 6 and "cifar-10/data_batch_1.bin" in capsys.readouterr().err
    (folder / "mnist").mkdir()  # H089: of the right size, with the wrong contents
    with (folder / "mnist" / "train-images-idx3-ubyte").open("wb") as file:
        file.write(struct.pack(">4I", 2051, 60_000, 28, 28))
        file.truncate(16 + 60_000 * 784)
    (folder / "mnist" / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 60_000) + bytes(60_000))
    assert run(["train", "mlp", "--data", "mnist"]) == 2 and "the SHA-256 of its contents is" in capsys.readouterr().err


# --- interruptions ----------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from tests.test_train_hostile import TINY, same, train_run
place, folder, name = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
calls, real = 0, getattr(os, name)
def lethal(*arguments):
    global calls
    calls += 1
    if calls == place:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
setattr(os, name, lethal)
train_run(TINY, folder)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "place"), [("replace", 1), ("replace", 2), ("replace", 3), ("replace", 9), ("replace", 10), ("fsync", 8)]
)
def test_H099_a_run_that_is_killed_while_it_writes_goes_on_to_the_same_bits(
    name: str, place: int, finished: Path, tmp_path: Path
) -> None:
    """Between writing and renaming, while checkpoints are rotated, and before data are on the disk."""
    folder = tmp_path / "run"
    command = [sys.executable, "-c", KILLED, str(place), str(folder), name]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    if (folder / "config.json").exists():
        train_run(TINY, folder, resume=True)
    else:
        train_run(TINY, folder)
    assert same(folder, finished)
    assert not [each for each in folder.iterdir() if each.name.startswith(".")]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state | {"format": FORMAT + 1}, f"has format {FORMAT + 1}, not {FORMAT}"),
        (lambda state: state | {"data": "0" * 64}, "of another run: its data is not the same"),
        (lambda state: state | {"config": state["config"] | {"batch": 99}}, "batch was 99, is 16"),
        (lambda state: state | {"config": state["config"] | {"seed": 9}}, "seed was 9, is 0"),
        (lambda state: state | {"drift": state["drift"] | {"torch": "1.0"}}, "torch was 1.0, is .*--allow-drift"),
        (lambda state: state | {"drift": state["drift"] | {"threads": 64}}, "threads was 64, is .*--allow-drift"),
    ],
    ids=["newer", "other data", "other batch", "other seed", "other torch", "other threads"],
)
def test_H100_H101_a_checkpoint_of_another_run_is_refused(change: Any, says: str, copied: Path) -> None:
    shapes = {name: array.shape for name, array in arrays_of(copied).items()}
    arrays, state = load_checkpoint(copied / "last.npz", shapes)
    (copied / "previous.npz").unlink()
    save_checkpoint(copied / "last.npz", arrays, change(state))
    with pytest.raises(DeriveError, match=says):
        train_run(TINY, copied, resume=True)
    if "drift" in says:
        assert train_run(TINY, copied, resume=True, allow_drift=True)["epochs"] == 2


def test_H100_a_fallback_is_said(copied: Path) -> None:
    said: list[str] = []
    (copied / "last.npz").write_bytes(b"")
    train_run(TINY, copied, resume=True, notice=said.append)
    assert len(said) == 1 and "damaged" in said[0] and "went on from previous.npz" in said[0]


def test_H102_durations_do_not_follow_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes back an hour at each look."""
    clock = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    training = Training(TINY, load("digits", dtype="float64", limit=64))
    training.run_batch()
    assert 0 < training.seconds < 60


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A long run that is past its first checkpoint."""
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "derive", *ARGUMENTS, "--epochs", "100000", "--gradients", "derived"]
    said = tmp_path / "said"
    with said.open("wb") as file:
        process = subprocess.Popen([*command, "-o", str(folder)], stderr=file, cwd=Path(__file__).parent.parent)
    try:
        wait_for(lambda: (folder / "last.npz").exists() or process.poll() is not None)
        assert process.poll() is None, said.read_text()
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(what: Any) -> None:
    until = time.monotonic() + 90
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def epochs(folder: Path) -> int:
    return len((folder / "history.csv").read_text().splitlines()) - 1


def test_H103_H105_H108_a_run_is_stopped_and_interrupted(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """SIGSTOP and SIGCONT change nothing; another run is kept out; Ctrl-C saves what was done; so does a second one."""
    folder = tmp_path / "run"
    wait_for(lambda: (folder / "history.csv").exists())
    os.kill(child.pid, signal.SIGSTOP)
    time.sleep(0.3)
    stopped = epochs(folder)
    os.kill(child.pid, signal.SIGCONT)
    wait_for(lambda: epochs(folder) > stopped)
    with pytest.raises(UsageError, match=f"in use by process {child.pid}"):
        train_run(TINY, folder, resume=True)
    child.send_signal(signal.SIGINT)
    assert child.wait(60) == 130
    assert not (folder / ".lock").exists() and not list(folder.glob(".derive-tmp-*"))
    done = epochs(folder)
    command = [*ARGUMENTS, "--gradients", "derived", "--epochs", str(done + 1), "-o", str(folder), "--resume"]
    assert run([*command, "--allow-drift"]) == 0 and epochs(folder) == done + 1


def test_H105_H108_a_killed_run_leaves_a_lock_that_is_taken_over(
    child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    child.kill()
    child.wait()
    assert (folder / ".lock").read_text() == str(child.pid)
    config = Config(layers=(6,), limit=64, batch=16, epochs=1, gradients="derived")
    assert train_run(config, folder, resume=True, allow_drift=True, notice=lambda _: None)["epochs"] >= 1
    assert not (folder / ".lock").exists()


def test_H104_a_loss_that_is_no_number_stops_with_its_step_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    config = Config(layers=(6,), limit=64, batch=16, epochs=60, lr=1e6, weight_decay=1e6, dtype="float64")
    with pytest.raises(
        DomainError, match=r"^step \d+: the (parameter|gradient of) [Wb][12] is (nan|-?inf) at \("
    ) as found:
        train_run(config, tmp_path / "run")
    assert found.value.exit_code == 3
    assert all(numpy.isfinite(array).all() for array in arrays_of(tmp_path / "run", config).values())


# --- disks and devices ------------------------------------------------------------------------------------------------


def test_H106_a_full_disk_ends_with_5_and_the_earlier_checkpoint_stays(copied: Path) -> None:
    """No file may grow beyond half a checkpoint."""
    before = (copied / "last.npz").read_bytes()
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) // 2}, {len(before) // 2}))
from derive.cli.main import main
main([*{ARGUMENTS!r}, "--dtype", "float64", "--check-every", "5", "--epochs", "4", "-o", {str(copied)!r},
      "--resume", "--allow-drift"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=120,
                          cwd=Path(__file__).parent.parent)  # fmt: skip
    assert done.returncode == 5 and b"File too large" in done.stderr and b"Traceback" not in done.stderr
    kept = [copied / name for name in ("last.npz", "previous.npz") if (copied / name).exists()]
    assert before in [path.read_bytes() for path in kept]
    assert not list(copied.glob(".derive-tmp-*"))
    assert train_run(TINY, copied, resume=True, notice=lambda _: None)["epochs"] == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_H106_an_answer_that_cannot_be_written_ends_with_5(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-m", "derive", *ARGUMENTS], stdout=full, stderr=subprocess.PIPE,
                              check=False, timeout=120, cwd=Path(__file__).parent.parent)  # fmt: skip
    assert done.returncode == 5 and b"No space left" in done.stderr and b"Traceback" not in done.stderr
    assert run([*ARGUMENTS, "-o", "/dev/full"]) == 5


def test_H107_a_folder_that_goes_away_or_cannot_be_written_ends_with_5(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    calls = iter(range(100))

    def remove() -> bool:
        if next(calls) == 1:
            shutil.rmtree(out)
        return False

    with pytest.raises(OutputError, match="run") as found:
        train_run(TINY, out, stop=remove)
    assert found.value.exit_code == 5
    assert run([*ARGUMENTS, "-o", "/proc/run"]) == 5
    assert "/proc/run" in capsys.readouterr().err


# --- parts that are missing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "torch, which is not installed; run: pip install torch=="),
        ("raise ImportError('libcudart.so.11: cannot open shared object file')", "does not load (libcudart.so.11"),
        ("raise OSError('GLIBC_2.99 not found')", "does not load (GLIBC_2.99 not found)"),
        ("raise RuntimeError('module compiled against ABI version 0x1')", "does not load (module compiled against"),
    ],
    ids=["not there", "CUDA", "glibc", "ABI"],
)
def test_H109_H110_without_torch_training_ends_with_6_and_code_is_written(
    content: str | None, says: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "torch.py").write_text(content)
    hidden = (
        "import sys; sys.modules['torch'] = None; "
        if content is None
        else f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    )
    code = hidden + "from derive.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code]
    options: dict[str, Any] = {
        "capture_output": True,
        "check": False,
        "timeout": 120,
        "cwd": Path(__file__).parent.parent,
    }
    done = subprocess.run([*command, *ARGUMENTS], **options)
    assert done.returncode == 6 and says in done.stderr.decode() and done.stderr.count(b"\n") == 1
    for target in ("torch", "numpy"):
        code_of = subprocess.run([*command, "code", "mlp", "--layers", "4,3,2", "--target", target], **options)
        assert code_of.returncode == 0 and b"def backward(" in code_of.stdout
    helped = subprocess.run([*command, "train", "--help"], **options)
    assert helped.returncode == 0 and b"--gradients" in helped.stdout


@pytest.mark.parametrize("device", ["cuda:99", "cuda:-1", "gpu", "cuda:x", "mps"])
def test_H112_a_device_that_is_not_here_ends_with_6(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ARGUMENTS, "--device", device]) == 6
    assert f"there is no device {device} here" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_H112_cuda_is_not_replaced_by_the_cpu_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ARGUMENTS, "--device", "cuda"]) == 6
    captured = capsys.readouterr()
    assert "there is no device cuda here (no CUDA); train with --device cpu" in captured.err and not captured.out
