"""Fixtures that are damaged, forged or hostile are refused, each with what is wrong; rows H083 to H097."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import derive
from derive.errors import DeriveError, UsageError
from derive.fixtures.folder import Task, write_fixtures
from derive.fixtures.manifests import FixtureError, canonical
from derive.fixtures.operations import find_operation


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fixtures") / "relu"
    write_fixtures(folder, [Task(find_operation("relu"), {}, 4, 0, ("float64", "float32"))])
    return folder


@pytest.fixture
def folder(pristine, tmp_path):
    """A copy that a test may damage."""
    target = tmp_path / "relu"
    for path in sorted(pristine.rglob("*")):
        copy = target / path.relative_to(pristine)
        copy.mkdir(parents=True) if path.is_dir() else (
            copy.parent.mkdir(parents=True, exist_ok=True), copy.write_bytes(path.read_bytes()))  # fmt: skip
    return target


def case_of(folder):
    return next(iter(derive.load_fixtures(folder)))


def forged(folder, data, name="float64.npz"):
    """Put other bytes into a case, and their hash into a manifest that is whole again."""
    (folder / "relu" / "000" / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["cases"][0]["files"][name] = hashlib.sha256(data).hexdigest()
    (folder / "manifest.json").write_bytes(canonical(manifest))
    return case_of(folder)


def npz(members, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=compression)
    return file.getvalue()


def npy(header, data=b"", version=(1, 0)):
    text = header.encode().ljust(118) + b"\n"
    length = struct.pack("<H", len(text)) if version == (1, 0) else struct.pack("<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


def test_h091_truncated_or_changed_bytes_are_refused(folder):
    path = folder / "relu" / "000" / "float64.npz"
    data = path.read_bytes()
    path.write_bytes(data[:-10])
    with pytest.raises(FixtureError, match="sha256"):
        case_of(folder).vector()
    digit = bytearray(data)
    digit[len(digit) // 2] ^= 1
    path.write_bytes(bytes(digit))
    with pytest.raises(FixtureError, match="sha256"):
        case_of(folder).vector()
    path.unlink()
    with pytest.raises(FixtureError, match="not there"):
        case_of(folder).vector()


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.replace('"kink"', '"cusp"', 1),
        lambda manifest: json.dumps(dict(reversed(json.loads(manifest).items()))),
        lambda manifest: manifest[: len(manifest) // 2],
        lambda manifest: json.dumps({key: value for key, value in json.loads(manifest).items() if key != "sha256"}),
        lambda manifest: manifest.replace('"sha256": "', '"sha256": "0', 1),
        lambda manifest: manifest.replace('"format": 1', '"format": 2', 1),
        lambda manifest: "[]",
        lambda manifest: "[" * 100_000,
        lambda manifest: "\x00" * 50,
    ],
    ids=["digit", "reordered", "truncated", "no hash", "wrong hash", "newer", "list", "nested", "zeros"],
)
def test_h091_a_changed_manifest_is_refused(folder, change):
    path = folder / "manifest.json"
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    with pytest.raises(FixtureError):
        derive.load_fixtures(folder)


def test_h091_an_unknown_precision_is_named(folder):
    with pytest.raises(FixtureError, match=r"float16.*float64, float32"):
        case_of(folder).vector("float16")


def test_h083_an_npz_that_claims_more_than_it_holds_is_refused(folder):
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }"
    for shape, message in (("1 << 40", "damaged"), (str(1 << 40), "claims the shape"), ("-1", "claims the shape")):
        fixture = forged(folder, npz([("input.X.npy", npy(header % shape))]))
        with pytest.raises(FixtureError, match=message):
            fixture.vector()


def test_h083_members_that_are_no_plain_arrays_are_refused(folder):
    good = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", bytes(8))
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = npz([("input.X.npy", good), ("input.X.npy", good)])
    rows = {
        "stands in it twice": twice,
        "not a stored": npz([("input.X.npy", bytes(10**6))], zipfile.ZIP_DEFLATED),
        "the manifest says": npz([("../../x.npy", good)]),
        "not a stored .npy": npz([("input.X.txt", b"1")]),
        "damaged": b"PK\x03\x04 nothing",
    }
    for message, data in rows.items():
        fixture = forged(folder, data)
        with pytest.raises(FixtureError, match=message):
            fixture.vector()
    many = npz([(f"x{k}.npy", good) for k in range(2000)])
    with pytest.raises(FixtureError):
        forged(folder, many).vector()
    assert not list(folder.parent.rglob("x.npy"))


@pytest.mark.parametrize(
    ("descr", "fortran", "shape", "version"),
    [("|O", False, "(1,)", (1, 0)), ("<f8", True, "(2, 2)", (1, 0)), (">f8", False, "(1,)", (1, 0)),
     ("<f8", False, "(1,)", (9, 9)), ("<c16", False, "(1,)", (1, 0))],
    ids=["object", "fortran", "big-endian", "version", "complex"],
)  # fmt: skip
def test_h084_headers_that_are_not_ours_are_refused(folder, descr, fortran, shape, version):
    data = npy(f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}", bytes(64), version)
    with pytest.raises(FixtureError):
        forged(folder, npz([("input.X.npy", data)])).vector()


def test_h085_nothing_is_unpickled(folder):
    """An object array runs code when it is loaded; here it is refused before."""
    file = io.BytesIO()
    np.save(file, np.array([Path("x")], dtype=object), allow_pickle=True)
    with pytest.raises(FixtureError):
        forged(folder, npz([("input.X.npy", file.getvalue())])).vector()


def test_h086_json_is_read_exactly_or_refused(folder):
    fixture = case_of(folder)
    for dtype in fixture.dtypes:
        one, two = fixture.vector(dtype), fixture.vector(dtype, form="json")
        assert all(np.array_equal(array, two.expected[key]) for key, array in one.expected.items())
        assert all(np.array_equal(array, two.inputs[key]) for key, array in one.inputs.items())
    text = (folder / "relu" / "000" / "float64.json").read_text()
    row = json.loads(text)["input.X"]
    first = json.dumps(row["values"][0])
    for other in ("NaN", "Infinity", '"1,5"', '"2026-01-02"', "1" * 400, "null", "true", repr(row["values"][0] + 1e-9)):
        fixture = forged(folder, text.replace(first, other, 1).encode(), "float64.json")
        with pytest.raises(FixtureError):
            fixture.vector(form="json")


@pytest.mark.parametrize(("name", "value", "message"), [
    ("path", "../../etc", "its folder is '../../etc', not relu/000"),
    ("path", "/etc", "its folder is '/etc', not relu/000"),
    ("number", "0", "number is no whole number"),
    ("number", True, "number is no whole number"),
    ("operation", "../x", "not among the operations"),
    ("parameters", [1], "parameters is no object"),
    ("derivation", "nosuch", "derivation nosuch has no equations"),
    ("terms", "many", "terms is no whole number"),
    ("errors", {}, "errors of float64"),
    ("errors", {"float64": {"output.Y": "0", "gradient.X": 0}}, "errors of float64"),
    ("labels", [5], "labels, covers and files are words"),
    ("labels_by_dtype", {"float64": "kink"}, "labels of float64"),
    ("dtypes", ["float16"], "dtype 'float16' is none of float64, float32"),
    ("files", None, "files is no object"),
])  # fmt: skip
def test_h091_a_manifest_with_an_impossible_entry_is_refused(folder, name, value, message):
    """Its own hash is right: somebody wrote it."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["cases"][0][name] = value
    file.write_bytes(canonical(manifest))
    with pytest.raises(FixtureError) as refused:
        derive.load_fixtures(folder)
    assert message in str(refused.value) and "manifest.json: case 0: " in str(refused.value)


@pytest.mark.parametrize("name", ["operations", "derivations", "cases"])
def test_h091_a_manifest_without_a_part_is_refused(folder, name):
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest[name]
    file.write_bytes(canonical(manifest))
    with pytest.raises(FixtureError, match=f"{name} is no"):
        derive.load_fixtures(folder)


def test_what_is_no_file_is_not_waited_for(folder):
    """A pipe that nobody writes to, and a device without an end."""
    path = folder / "relu" / "000" / "float64.npz"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(FixtureError, match="it is no file"):
        case_of(folder).vector()
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").symlink_to("/dev/zero")
    with pytest.raises(FixtureError, match="it is no file"):
        derive.load_fixtures(folder)


def test_h086_minus_zero_and_subnormal_numbers_survive(tmp_path):
    from derive.fixtures.formats import json_pieces
    from derive.fixtures.loading import read_json

    arrays = {"x": np.array([-0.0, 5e-324, -2.5e-310, 1.7976931348623157e308, np.inf, -np.inf]),
              "y": np.array([1e-45, -0.0, 3.4028235e38], dtype=np.float32)}  # fmt: skip
    data = "".join(json_pieces(arrays)).encode()
    (tmp_path / "x.json").write_bytes(data)
    found = read_json(tmp_path / "x.json", hashlib.sha256(data).hexdigest())
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
        assert np.array_equal(np.signbit(found[name]), np.signbit(array))


def test_h093_a_tolerance_below_the_certified_error_is_refused(tmp_path, folder, capsys):
    """Numbers that are rounded are known to half a unit in the last place; those of relu are exact."""
    from derive.cli.main import run

    write_fixtures(tmp_path / "tanh", [Task(find_operation("tanh"), {}, 1, 0, ("float64",))])
    assert run(["fixtures", "--run", str(tmp_path / "tanh"), "--adapter", "numpy", "--rtol", "1e-30"]) == 2
    assert "known to" in capsys.readouterr().err
    assert run(["fixtures", "--run", str(folder), "--adapter", "numpy", "--rtol", "1e-30"]) == 0


def test_h095_decimals_print_and_read_back(folder):
    for path in folder.rglob("float*.json"):
        for row in json.loads(path.read_text()).values():
            if row["dtype"].startswith("float"):
                kind = np.dtype(row["dtype"]).type
                for value, word in zip(row["values"], row["hex"], strict=True):
                    assert kind(value) == kind(float.fromhex(word))
                    if row["dtype"] == "float64":
                        assert repr(float(repr(value))) == repr(value)


def test_h097_two_processes_write_the_same_bytes(tmp_path, folder):
    """Another process, another hash seed, another locale and time zone."""
    command = [sys.executable, "-m", "derive", "fixtures", "relu", "--count", "4", "-o", str(tmp_path / "again")]
    environment = {"PYTHONHASHSEED": "77", "LANG": "C", "TZ": "Asia/Tokyo", "PATH": "/usr/bin:/bin"}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(folder)).read_bytes(), path


def test_a_folder_that_is_not_ours_is_not_touched(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("mine")
    task = Task(find_operation("relu"), {}, 1, 0, ("float64",))
    for force in (False, True):
        with pytest.raises(UsageError, match="no fixtures"):
            write_fixtures(tmp_path / "notes", [task], force=force)
    assert (tmp_path / "notes" / "thesis.txt").read_text() == "mine"
    write_fixtures(tmp_path / "ours", [task])
    with pytest.raises(UsageError, match="add --force"):
        write_fixtures(tmp_path / "ours", [task])
    write_fixtures(tmp_path / "ours", [task], force=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["notes", "ours"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    task = Task(find_operation("linear"), {"weights": "Wx"}, 2, 0, ("float64",), shapes={"Q": (2,)})
    with pytest.raises(DeriveError):
        write_fixtures(tmp_path / "x", [task])
    assert not list(tmp_path.iterdir())
