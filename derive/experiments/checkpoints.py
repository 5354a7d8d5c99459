"""Where a run is kept: one folder, one writer, and checkpoints that are whole or not there (npz, never a pickle)."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from derive.cli.output import TEMPORARY, write_file
from derive.errors import OutputError, UsageError
from derive.experiments.formats import DataError

FORMAT = 1
LOCK = ".lock"
#: The member of a checkpoint that holds everything but arrays, as JSON; at most so many bytes.
STATE, LONGEST_STATE = "state", 1 << 27
_KINDS = ("<f4", "<f8")
#: What zipfile, zlib, NumPy and json raise at bytes that are not theirs; RuntimeError at a member with a password.
_DAMAGED = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
Arrays = Mapping[str, NDArray[Any]]


def save_checkpoint(path: Path, arrays: Arrays, state: Mapping[str, Any]) -> None:
    """Write arrays and a state that JSON can hold, whole or not at all. Raises OutputError where the system refuses."""
    text = json.dumps({"format": FORMAT, **state}).encode()
    data = io.BytesIO()
    numpy.savez(data, allow_pickle=False, state=numpy.frombuffer(text, numpy.uint8), **dict(arrays))
    write_file(path, data.getvalue(), force=True)


def load_checkpoint(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> tuple[dict[str, NDArray[Any]], Any]:
    """(arrays, state) of a checkpoint with arrays of these shapes, in float32 or float64.

    Raises DataError for one that is damaged, of a newer version, or of another network.
    """
    name = str(path)
    try:
        with zipfile.ZipFile(path) as members:
            found = [each.filename for each in members.infolist()]
            if sorted(found) != sorted(f"{each}.npy" for each in (*shapes, STATE)):
                raise DataError("it holds the arrays of another network or optimiser", name)
            arrays = {each: _member(members, each, shape, name) for each, shape in shapes.items()}
            state = json.loads(_member(members, STATE, None, name).tobytes())
    except FileNotFoundError:
        raise DataError("it is not there", name) from None
    except OSError as reason:
        raise OutputError(f"{name}: {reason.strerror or reason}") from reason
    except _DAMAGED as reason:
        raise DataError(f"the checkpoint is damaged ({reason})", name) from reason
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise DataError(f"it has format {state.get('format') if isinstance(state, dict) else None}, not {FORMAT}", name)
    return arrays, state


def _member(members: zipfile.ZipFile, each: str, shape: tuple[int, ...] | None, name: str) -> NDArray[Any]:
    """An array of a checkpoint; its header is held against what it has to be before there is room made for it.

    shape : None for the state, which is a text of any length.
    """
    with members.open(f"{each}.npy") as stream:
        version = numpy.lib.format.read_magic(stream)
        if version != (1, 0):
            raise DataError(f"{each} has version {version} of the npy format, not (1, 0)", name)
        claimed, column_major, dtype = numpy.lib.format.read_array_header_1_0(stream)
        kinds = _KINDS if shape is not None else ("|u1",)
        fits = claimed == shape if shape is not None else len(claimed) == 1 and 0 <= claimed[0] <= LONGEST_STATE
        if not fits or dtype.str not in kinds or (column_major and len(claimed) > 1):
            wanted = f"{shape}, float32 or float64" if shape is not None else "a text"
            raise DataError(f"{each} is {claimed} {dtype.str}, the network's is {wanted}", name)
        size = math.prod(claimed) * dtype.itemsize
        data = stream.read(size + 1)
        if len(data) != size:
            raise DataError(f"{each} has {len(data)} bytes or more, and its header claims {size}", name)
    return numpy.frombuffer(data, dtype).reshape(claimed).copy()


def rotate(folder: Path) -> None:
    """Keep last.npz as previous.npz while a new one is written."""
    with contextlib.suppress(FileNotFoundError):
        os.replace(folder / "last.npz", folder / "previous.npz")


@contextlib.contextmanager
def run_folder(path: Path, *, resume: bool, force: bool) -> Iterator[Path]:
    """The folder of a run, for this process alone; what an interrupted run left half written is removed.

    Raises UsageError: a run is there already and is neither resumed nor replaced, files of somebody else, nothing to
    resume, another process at work; OutputError where the system refuses.
    """
    if "\0" in str(path):
        raise UsageError("a folder name cannot hold a NUL character")
    there = (path / "config.json").is_file()
    if resume and not there:
        raise UsageError(f"{path} holds no run to resume; leave --resume out to begin one")
    try:
        path.mkdir(parents=True, exist_ok=True)
        others = [each.name for each in os.scandir(path) if each.name != LOCK and not each.name.startswith(TEMPORARY)]
    except OSError as reason:
        raise OutputError(f"{path}: {reason.strerror or reason}") from reason
    if others and not resume and not force:
        held = "a run; --resume continues it, --force begins anew" if there else "other files; name an empty folder"
        raise UsageError(f"{path} holds {held}")
    _lock(path / LOCK)
    try:
        for each in os.scandir(path):
            stale = each.name in ("last.npz", "previous.npz", "best.npz") and not resume
            if each.name.startswith(TEMPORARY) or stale:
                os.unlink(each.path)
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path / LOCK)


def _lock(path: Path) -> None:
    """A file with our process number; one whose process is gone is taken over."""
    for _ in range(2):
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            owner = _owner(path)
            if owner is not None:
                raise UsageError(f"{path.parent} is in use by process {owner}; name another folder") from None
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        except OSError as reason:
            raise OutputError(f"{path}: {reason.strerror or reason}") from reason
        else:
            with os.fdopen(handle, "w") as file:
                file.write(str(os.getpid()))
            return
    raise UsageError(f"{path.parent} is in use by another process; name another folder")


def _owner(path: Path) -> int | None:
    """The running process that a lock names."""
    try:
        number = int(path.read_text()[:20])
        os.kill(number, 0)
    except PermissionError:
        return number
    except (OSError, ValueError, OverflowError):
        return None
    return number
