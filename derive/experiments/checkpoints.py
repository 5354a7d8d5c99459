"""Where a run is kept: one folder, one writer, and checkpoints that are whole or not there (npz, never a pickle)."""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile
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
    most = 8 * sum(int(numpy.prod(shape)) for shape in shapes.values()) + (1 << 27)
    try:
        with zipfile.ZipFile(path) as members:
            found = [each.filename for each in members.infolist()]
            if sum(each.file_size for each in members.infolist()) > most:
                raise DataError("it is larger than this network and its state", name)
        if sorted(found) != sorted(f"{each}.npy" for each in (*shapes, "state")):
            raise DataError("it holds the arrays of another network or optimiser", name)
        with numpy.load(path, allow_pickle=False) as file:
            arrays = {each: file[each] for each in shapes}
            state = json.loads(file["state"].tobytes())
    except FileNotFoundError:
        raise DataError("it is not there", name) from None
    except OSError as reason:
        raise OutputError(f"{name}: {reason.strerror or reason}") from reason
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as reason:
        raise DataError(f"the checkpoint is damaged ({reason})", name) from reason
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise DataError(f"it has format {state.get('format') if isinstance(state, dict) else None}, not {FORMAT}", name)
    for each, shape in shapes.items():
        if arrays[each].shape != shape or arrays[each].dtype.name not in ("float32", "float64"):
            raise DataError(f"{each} is {arrays[each].shape} {arrays[each].dtype}, the network's is {shape}", name)
    return arrays, state


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
