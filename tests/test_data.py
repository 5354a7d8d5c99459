"""Data files are read by their layouts, and one that is not what it claims is refused in one line."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import socket
import struct
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

from derive.errors import MissingPartError, UsageError
from derive.experiments import sources
from derive.experiments.data import CLASSES, halved, load
from derive.experiments.formats import CIFAR_RECORD, DataError, inflated, read_cifar, read_images, read_labels
from tests.thorough import examples

REAL = pytest.mark.skipif(not os.environ.get("DERIVE_DATA"), reason="DERIVE_DATA names no folder of real data")


def idx(entries: numpy.ndarray) -> bytes:
    return struct.pack(f">I{entries.ndim}I", 2048 + entries.ndim, *entries.shape) + entries.tobytes()


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(data: bytes, name: str = "file") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@settings(max_examples=25)
@given(
    arrays.arrays(numpy.uint8, arrays.array_shapes(min_dims=3, max_dims=3, max_side=6)),
    st.sampled_from([bytes, gzip.compress, lzma.compress]),
)
def test_what_is_written_is_read_whatever_is_around_it(
    tmp_path_factory: Any, images: numpy.ndarray, packing: Any
) -> None:
    path = tmp_path_factory.mktemp("idx") / "images"
    path.write_bytes(packing(idx(images)))
    assert numpy.array_equal(read_images(path), images)


IMAGES = numpy.arange(2 * 3 * 4, dtype=numpy.uint8).reshape(2, 3, 4)
WHOLE = idx(IMAGES)


@settings(max_examples=examples(40))
@given(st.integers(0, len(WHOLE) - 1), st.sampled_from([bytes, gzip.compress, lzma.compress]))
def test_a_file_that_is_cut_off_is_refused(tmp_path_factory: Any, length: int, packing: Any) -> None:
    path = tmp_path_factory.mktemp("idx") / "images"
    path.write_bytes(packing(WHOLE[:length]))
    with pytest.raises(DataError):
        read_images(path)


@settings(max_examples=examples(40))
@given(st.data(), st.sampled_from([gzip.compress, lzma.compress]))
def test_compression_that_is_cut_off_is_refused(tmp_path_factory: Any, data: Any, packing: Any) -> None:
    packed = packing(WHOLE)
    path = tmp_path_factory.mktemp("idx") / "images"
    path.write_bytes(packed[: data.draw(st.integers(0, len(packed) - 1))])
    with pytest.raises(DataError):
        read_images(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (WHOLE + b"\0", "more than the 40 bytes"),
        (b"\0\0\x08\x01" + WHOLE[4:], "magic number is 2049, an IDX file of this kind begins with 2051"),
        (struct.pack(">4I", 2051, 4_000_000_000, 10, 10) + bytes(100), "claims 4000000000 x 10 x 10"),
        (struct.pack(">4I", 2051, *3 * [2**32 - 1]) + bytes(100), f"{(2**32 - 1) ** 3 + 16} bytes"),
        (struct.pack(">4I", 2051, 0, 28, 28), "nothing to read"),
        (struct.pack(">4I", 2051, 100, 28, 28), "claims 100 x 28 x 28 entries, 78416 bytes, and there are 16"),
        (gzip.compress(WHOLE)[:-8] + bytes(8), "compression is damaged"),
        (gzip.compress(WHOLE) + gzip.compress(b"more"), "more than the 40 bytes"),
        (b"", "header ends after 0 of 16"),
    ],
    ids=["longer", "magic", "large claim", "overflow", "no images", "short", "damaged", "two members", "empty"],
)
def test_images_that_do_not_fit_their_header_are_refused(file: Any, data: bytes, message: str) -> None:
    path = file(data)
    with pytest.raises(DataError, match=message) as found:
        read_images(path)
    assert found.value.message.startswith(f"{path}: ") and "\n" not in found.value.message


def test_a_bomb_does_not_go_off() -> None:
    packed = gzip.compress(bytes(1 << 26))
    with pytest.raises(DataError, match="more than the 40 bytes"):
        inflated(packed, 40, "bomb")
    with pytest.raises(DataError, match="more than the 40 bytes"):
        inflated(lzma.compress(bytes(1 << 23), preset=0), 40, "bomb")


def test_labels_are_classes(file: Any) -> None:
    labels = numpy.array([0, 9, 10, 255], dtype=numpy.uint8)
    assert read_labels(file(idx(labels[:2]))).tolist() == [0, 9]
    with pytest.raises(DataError, match="label 3 is 255; the classes are 0 to 9"):
        read_labels(file(idx(labels)))


def test_cifar_is_planes_of_rows(file: Any) -> None:
    record = bytes([3]) + bytes(range(256)) * 12
    images, labels = read_cifar(file(record * 2))
    assert images.shape == (2, 3, 32, 32) and labels.tolist() == [3, 3]
    channel, row, column = 1, 5, 7
    assert images[1, channel, row, column] == (1024 * channel + 32 * row + column) % 256
    with pytest.raises(DataError, match=f"{CIFAR_RECORD - 1} bytes are no whole number of records"):
        read_cifar(file(record[:-1]))
    with pytest.raises(DataError, match="label 0 is 11"):
        read_cifar(file(bytes([11]) + record[1:]))


def test_a_wrong_checksum_is_refused(file: Any) -> None:
    known = hashlib.sha256(WHOLE).hexdigest()
    assert read_images(file(gzip.compress(WHOLE)), sha256=known).shape == (2, 3, 4)
    changed = WHOLE[:-1] + b"\xff"
    with pytest.raises(DataError, match=known):
        read_images(file(changed), sha256=known)


@given(arrays.arrays(numpy.float64, (2, 3, 4, 6), elements=st.integers(0, 255).map(float)))
@settings(max_examples=20)
def test_a_halved_pixel_is_the_mean_of_four(images: numpy.ndarray) -> None:
    small = halved(images)
    assert small.shape == (2, 3, 2, 3)
    expected = (images[..., ::2, ::2] + images[..., 1::2, ::2] + images[..., ::2, 1::2] + images[..., 1::2, 1::2]) / 4
    assert numpy.array_equal(small, expected)


def test_splits_share_no_image_and_follow_the_seed() -> None:
    first, again, other = load("digits", seed=1), load("digits", seed=1), load("digits", seed=2)
    assert first.digest == again.digest != other.digest
    assert numpy.array_equal(first.test.labels, other.test.labels)  # the test images never become training images
    assert len(first.train) + len(first.validation) + len(first.test) == 1797
    pixels = [numpy.rint((s.images * first.deviation[0] + first.mean[0]) * 16) for s in (first.train, first.validation)]
    train = {image.tobytes() for image in pixels[0]}
    assert not any(image.tobytes() in train for image in pixels[1])


def test_the_training_split_is_normalised() -> None:
    data = load("digits", dtype="float64")
    assert abs(data.train.images.mean()) < 1e-12 and abs(data.train.images.std() - 1) < 1e-12
    assert data.train.rows.shape == (len(data.train), 64)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digit", "did you mean digits"),
        ("cifar10:cat,car", "no class 'car'"),
        ("cifar10:cat,cat", "named twice"),
        ("cifar10:cat", "needs two"),
        ("digits:1,1", "named twice"),
        ("", "there is no data set ''"),
    ],
)
def test_names_that_are_not_known_are_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load(name)


def test_classes_are_numbered_as_they_are_named() -> None:
    data = load("digits:7,2")
    assert data.classes == ("7", "2") and set(data.train.labels) == {0, 1}
    whole = load("digits")
    assert len(data.test) == int(numpy.isin(whole.test.labels, [2, 7]).sum())
    assert int((data.test.labels == 0).sum()) == int((whole.test.labels == 7).sum())


def test_data_that_is_nowhere_is_never_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network: the message holds the place to put the file and its checksum, and the exit code is 6."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("no network")

    pytest.importorskip("pooch")
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "DERIVE_DATA"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name, digest in (
        ("mnist", sources.IDX_FILES["mnist"]["train-images-idx3-ubyte"][1]),
        ("cifar10", sources.CIFAR_FILES["data_batch_1.bin"]),
    ):
        with pytest.raises(MissingPartError, match=digest) as found:
            load(name)
        assert found.value.exit_code == 6 and str(tmp_path) in found.value.message


def test_a_folder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DERIVE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(MissingPartError, match="nowhere"):
        load("mnist")


def test_a_changed_file_of_a_data_set_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").write_bytes(idx(numpy.zeros((60, 28, 28), numpy.uint8)))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(numpy.zeros(60, numpy.uint8)))
    monkeypatch.setenv("DERIVE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"the SHA-256 of its contents is .*, the published data's ba891046"):
        load("mnist")


@REAL
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_real_data_is_what_was_published(name: str) -> None:
    data = load(name, limit=1000)
    assert data.shape == (1, 28, 28) and len(data.train) == len(data.test) == 1000
    assert set(data.test.labels) == set(range(10)) and data.classes == CLASSES[name]
