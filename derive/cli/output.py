"""Writing what a command made: atomically, only regular files, never over what is not ours without being asked."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from derive.errors import OutputError, UsageError

TEMPORARY = ".derive-tmp-"


def show(data: bytes) -> None:
    """To standard output, byte for byte; a stream that takes text alone, as a notebook's does, gets the text."""
    sys.stdout.flush()
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        sys.stdout.write(data.decode("utf-8", errors="replace"))
        return
    binary.write(data)
    binary.flush()


def write_file(path: str | Path, data: bytes, *, force: bool = False, sources: tuple[str, ...] = ()) -> None:
    """Write a whole file or nothing.

    force : replace an existing file.  sources : input files, which an output must not replace.
    Raises UsageError for a folder, a device, a symbolic link, an existing file without force, or an input file;
        OutputError where the system refuses.
    """
    path = Path(path)
    if "\0" in str(path):
        raise UsageError("a file name cannot hold a NUL character")
    try:
        check_target(path, force, sources)
        with temporary(path.parent) as (handle, name):
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(name, 0o666 & ~mask)
            os.replace(name, path)
    except OSError as reason:
        raise OutputError(f"{path}: {reason.strerror or reason}") from reason


def check_target(path: Path, force: bool, sources: tuple[str, ...] = ()) -> None:
    """Refuse a target before the work that makes it. Raises what write_file raises."""
    if path.is_symlink():
        raise OutputError(f"{path} is a symbolic link; name the file itself")
    try:
        found = path.stat()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise OutputError(f"{path.parent} is no folder; make it first") from None
        return
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{path} is a folder; name a file")
    if not stat.S_ISREG(found.st_mode):
        raise OutputError(f"{path} is not a regular file")
    if any(os.path.exists(source) and os.path.samefile(source, path) for source in sources):
        raise UsageError(f"{path} is the input; an output never replaces it")
    if not force:
        raise UsageError(f"{path} exists; add --force to replace it")


@contextlib.contextmanager
def temporary(folder: Path) -> Iterator[tuple[int, str]]:
    """A temporary file beside its target, gone if anything stops us before it takes its place."""
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=folder)
    try:
        yield handle, name
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
