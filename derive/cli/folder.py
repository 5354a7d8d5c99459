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

    def write(self, name: str, data: bytes) -> Path:
        """Write one product and note it in the manifest. A file that was changed since we wrote it needs --force."""
        target = self.path / name
        if target.exists() and not self.force:
            known = self.files.get(name)
            if known is None:
                raise UsageError(f"{target} was not written by derive; add --force to replace it")
            if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() != known:
                raise UsageError(f"{target} was changed since derive wrote it; add --force to replace it")
        self.files[name] = hashlib.sha256(data).hexdigest()
        write_file(target, data, force=True)
        manifest = {"written_by": f"derive {__version__}", "files": dict(sorted(self.files.items()))}
        write_file(self.path / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode(), force=True)
        return target
