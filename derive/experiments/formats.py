"""The files of image data sets, read by their published layouts: IDX and CIFAR's records, gzip or xz around them.

What a header claims is held against the bytes that are there before an array is made of them, and nothing is inflated
beyond what the header claims. Layouts: yann.lecun.com/exdb/mnist, www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import math
import os
import struct
import zlib
from pathlib import Path

import numpy
from numpy.typing import NDArray

from derive.errors import DeriveError, OutputError

Bytes = NDArray[numpy.uint8]

IMAGES, LABELS = 2051, 2049
#: One record of CIFAR-10: a label and three planes of 32 x 32 pixels.
CIFAR_RECORD = 1 + 3 * 32 * 32
#: A batch of CIFAR-10 is this many bytes.
CIFAR_BATCH = 10_000 * CIFAR_RECORD
#: No file of these data sets is longer, compressed or not; xz may ask for this much memory too.
LARGEST = 1 << 28


class DataError(DeriveError):
    """A data file that is not what its layout says. file : its name."""

    code = "data"

    def __init__(self, message: str, file: str = "") -> None:
        super().__init__(f"{file}: {message}" if file else message)
        self.file = file


def read_images(path: str | Path, *, sha256: str | None = None) -> Bytes:
    """(images, rows, columns) of an IDX file of images. See `read_idx`."""
    return read_idx(path, IMAGES, sha256=sha256)


def read_labels(path: str | Path, *, classes: int = 10, sha256: str | None = None) -> Bytes:
    """The labels of an IDX file of labels, each below `classes`. See `read_idx`."""
    labels = read_idx(path, LABELS, sha256=sha256)
    _check_labels(labels, classes, str(path))
    return labels


def read_idx(path: str | Path, magic: int, *, sha256: str | None = None) -> Bytes:
    """The entries of an IDX file of unsigned bytes, in the shape that its header gives.

    magic : 2051 for images (three axes), 2049 for labels (one).  sha256 : of the contents without compression.
    Raises DataError: wrong magic, a size that is not the header's, damaged compression, a wrong checksum.
    """
    name, packed = str(path), read_file(path)
    axes = magic & 0xFF
    length = 4 + 4 * axes
    header = inflated(packed, length, name, whole=False)
    if len(header) >= 4 and header[:4] != struct.pack(">I", magic):
        found = int.from_bytes(header[:4], "big")
        raise DataError(f"the magic number is {found}, an IDX file of this kind begins with {magic}", name)
    if len(header) < length:
        raise DataError(f"the header ends after {len(header)} of {length} bytes", name)
    shape = struct.unpack(f">{axes}I", header[4:])
    size = length + math.prod(shape)  # of Python's integers, so it cannot overflow
    if 0 in shape:
        raise DataError(f"the header claims {_by(shape)} entries, so there is nothing to read", name)
    if size > LARGEST:
        raise DataError(f"the header claims {_by(shape)} entries, {size} bytes; at most {LARGEST} are read", name)
    data = inflated(packed, size, name)
    if len(data) != size:
        raise DataError(f"the header claims {_by(shape)} entries, {size} bytes, and there are {len(data)}", name)
    _check_digest(data, sha256, name)
    return numpy.frombuffer(data, numpy.uint8, offset=length).reshape(shape)


def read_cifar(path: str | Path, *, classes: int = 10, sha256: str | None = None) -> tuple[Bytes, Bytes]:
    """(images (N, 3, 32, 32), labels (N,)) of one batch in CIFAR-10's binary layout. Raises DataError as `read_idx`."""
    return cifar_records(inflated(read_file(path), CIFAR_BATCH, str(path)), str(path), classes=classes, sha256=sha256)


def cifar_records(data: bytes, name: str, *, classes: int = 10, sha256: str | None = None) -> tuple[Bytes, Bytes]:
    """The records in the bytes of one batch. See `read_cifar`."""
    if not data or len(data) % CIFAR_RECORD:
        raise DataError(f"{len(data)} bytes are no whole number of records of {CIFAR_RECORD} bytes", name)
    _check_digest(data, sha256, name)
    records = numpy.frombuffer(data, numpy.uint8).reshape(-1, CIFAR_RECORD)
    labels = records[:, 0]
    _check_labels(labels, classes, name)
    return records[:, 1:].reshape(-1, 3, 32, 32), labels


def inflated(packed: bytes, size: int, name: str, *, whole: bool = True) -> bytes:
    """The contents of a file, whichever of gzip, xz or nothing is around them; what it is shows in its first bytes.

    size : how many bytes there should be; of more than that, one more is read, so that a bomb never goes off.
    whole : False for the first `size` bytes alone.
    Raises DataError for compression that is damaged or cut off, and for more than `size` bytes.
    """
    limit = size + 1 if whole else size
    try:
        if packed[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
                data = file.read(limit)
        elif packed[:6] == b"\xfd7zXZ\x00":
            stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LARGEST)
            data = stream.decompress(packed, max_length=limit)
            while len(data) < limit and not stream.eof and not stream.needs_input:
                data += stream.decompress(b"", max_length=limit - len(data))
            if len(data) < limit and not stream.eof:
                raise DataError(f"the xz stream ends after {len(data)} bytes, before it is complete", name)
        else:
            data = packed[:limit]
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as reason:
        raise DataError(f"the compression is damaged: {str(reason).lower()}", name) from reason
    if len(data) > size:
        raise DataError(f"it holds more than the {size} bytes that its layout allows", name)
    return data


def read_file(path: str | Path) -> bytes:
    """The file as it lies there, read once; OutputError where the system refuses, DataError if it changes meanwhile."""
    name = str(path)
    try:
        with open(path, "rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size > LARGEST:
                raise DataError(f"{before.st_size} bytes; at most {LARGEST} are read", name)
            data = file.read(LARGEST + 1)
            after = os.fstat(file.fileno())
    except OSError as reason:
        raise OutputError(f"{name}: {reason.strerror or reason}") from reason
    if len(data) != before.st_size or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise DataError("it changed while it was read; read it again once it is complete", name)
    return data


def _check_digest(data: bytes, sha256: str | None, name: str) -> None:
    if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise DataError(f"the SHA-256 of its contents is {found}, the published data's {sha256}", name)


def _check_labels(labels: Bytes, classes: int, name: str) -> None:
    if labels.size and (largest := int(labels.max())) >= classes:
        place = int(labels.argmax())
        raise DataError(f"label {place} is {largest}; the classes are 0 to {classes - 1}", name)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
