"""A folder of products with a manifest: what is ours is replaced, what is somebody else's is never touched."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from derive import __version__
from derive.cli.output import TEMPORARY, write_file
from derive.errors import OutputError, UsageError

MANIFEST = ".derive-manifest.json"


class ProductFolder:
    """An output folder: empty, new, or with our manifest.

    Raises UsageError for a folder that holds files and no manifest of ours, OutputError where the system refuses.
    """

    def __init__(self, path: str | Path, *, force: bool = False) -> None:
        if "\0" in str(path):
            raise UsageError("a folder name cannot hold a NUL character")
        self.path = Path(path)
        self.force = force
        try:
            if self.path.is_symlink() or (self.path.exists() and not self.path.is_dir()):
                raise OutputError(f"{self.path} is not a folder")
            self.path.mkdir(parents=True, exist_ok=True)
            found = [entry.name for entry in os.scandir(self.path) if not entry.name.startswith(TEMPORARY)]
        except OSError as reason:
            raise OutputError(f"{self.path}: {reason.strerror or reason}") from reason
        self.files = self._manifest()
        if found and MANIFEST not in found and not force:
            raise UsageError(f"{self.path} holds files that derive did not write; name an empty folder or add --force")

    def _manifest(self) -> dict[str, str]:
        try:
            data = json.loads((self.path / MANIFEST).read_text("utf-8"))
            return {str(name): str(digest) for name, digest in data["files"].items()}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, AttributeError, TypeError) as reason:
            raise UsageError(f"{self.path / MANIFEST} is damaged; delete it or name another folder") from reason

    def check(self, name: str) -> None:
        """Raise UsageError where a product may not be written: over a file that is not as we wrote it."""
        target = self.path / name
        if target.exists() and not self.force:
            if name not in self.files:
                raise UsageError(f"{target} was not written by derive; add --force to replace it")
            if target.is_file() and not self._is_ours(name):
                raise UsageError(f"{target} was changed since derive wrote it; add --force to replace it")

    def _is_ours(self, name: str) -> bool:
        """Whether a file is as we wrote it."""
        return hashlib.sha256((self.path / name).read_bytes()).hexdigest() == self.files.get(name)

    def write(self, name: str, data: bytes, *, note: bool = True) -> Path:
        """Write one product and note it in the manifest. A file that was changed since we wrote it needs --force.

        name : within the folder, or in a folder of its own in it, `variant-01/sheet.tex`.
        note : else the manifest is written when `note` is called, once for many files.
        """
        target = self.path / name
        if target.parent != self.path:
            if target.parent.is_symlink() or (target.parent.exists() and not target.parent.is_dir()):
                raise OutputError(f"{target.parent} is not a folder")
            target.parent.mkdir(exist_ok=True)
        self.check(name)
        before = self.files.get(name)
        self.files[name] = hashlib.sha256(data).hexdigest()
        try:
            write_file(target, data, force=True)
        except BaseException:  # stopped: the manifest tells what is there
            if not (target.is_file() and self._is_ours(name)):
                self.files.pop(name)
                self.files |= {} if before is None else {name: before}
            raise
        if note:
            self.note()
        return target

    def remove(self, name: str) -> None:
        """Take away a product that is as we wrote it, and a folder that this leaves empty; another stays."""
        target = self.path / name
        is_inside = ".." not in target.parts and target.parent in (self.path, *self.path.iterdir())
        if (
            is_inside
            and not target.is_symlink()
            and not target.parent.is_symlink()
            and target.is_file()
            and self._is_ours(name)
        ):
            target.unlink()
            if target.parent != self.path and not any(target.parent.iterdir()):
                target.parent.rmdir()
        self.files.pop(name, None)

    def note(self) -> None:
        """Write the manifest."""
        manifest = {"written_by": f"derive {__version__}", "files": dict(sorted(self.files.items()))}
        write_file(self.path / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode(), force=True)
