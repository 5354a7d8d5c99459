"""The folder of a batch: one JSON object a work, which a batch that was stopped goes on from, and a table of marks."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from derive.errors import OutputError, UsageError

#: What a batch writes; OVERVIEW is made from the other two when all works are judged.
ORDER, RESULTS, MARKS, OVERVIEW = "batch.json", "results.jsonl", "marks.csv", "overview.html"
LOCK = ".lock"
COLUMNS = (
    "file", "verdict", "rows", "correct", "wrong", "carried", "undecided", "unread", "first_wrong", "slip", "error",
)  # fmt: skip


class Results:
    """A folder that holds one batch.

    order : what was asked for; a folder of another order is refused unless `force`, which begins anew.
    Raises UsageError for a folder of other files, of another batch, or in use; OutputError where the system refuses.
    """

    def __init__(self, folder: Path, order: Mapping[str, Any], *, force: bool = False) -> None:
        self.folder = folder
        self.order = dict(order)
        self.known: dict[str, str] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._refuse_others(force)
            self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._lock)
                raise UsageError(f"{folder} is in use by another batch") from None
            try:
                self._clear()
                self._take_up(force)
                self._file = (folder / RESULTS).open("ab")
            except BaseException:
                os.close(self._lock)
                raise
        except OSError as reason:
            raise OutputError(f"{folder}: {reason.strerror or reason}") from reason

    def _refuse_others(self, force: bool) -> None:
        from derive.cli.output import TEMPORARY

        for name in sorted(os.listdir(self.folder)):
            if name not in (ORDER, RESULTS, MARKS, OVERVIEW, LOCK) and not name.startswith(TEMPORARY):
                raise UsageError(f"{self.folder} holds other files, such as {name}; name an empty folder")
        if (self.folder / RESULTS).exists() and not (self.folder / ORDER).exists() and not force:
            raise UsageError(f"{self.folder} holds results without {ORDER}; name an empty folder, or --force")

    def _clear(self) -> None:
        """Remove what a killed batch left half written; with the lock, for a running one writes such files too."""
        from derive.cli.output import TEMPORARY

        for stray in self.folder.glob(f"{TEMPORARY}*"):
            stray.unlink()

    def _take_up(self, force: bool) -> None:
        """Go on from what is there: every whole line of the results; a line cut off by a crash is dropped."""
        before = self._order_before()
        if before is not None and before != self.order and not force:
            changed = sorted(key for key in self.order if before.get(key) != self.order[key])
            raise UsageError(
                f"{self.folder} holds another batch ({', '.join(changed)} differ); name another folder, or --force"
            )
        if before != self.order:
            self._write(RESULTS, b"")
            self._write(ORDER, (json.dumps(self.order, indent=2) + "\n").encode())
            return
        path = self.folder / RESULTS
        whole = 0
        with path.open("a+b") as file:
            file.seek(0)
            for line in file:
                try:
                    row = json.loads(line)
                    self.known[row["file"]] = row["sha256"]
                except (ValueError, KeyError, TypeError):
                    break
                if not line.endswith(b"\n"):
                    del self.known[row["file"]]
                    break
                whole += len(line)
            file.truncate(whole)

    def _order_before(self) -> dict[str, Any] | None:
        try:
            found = json.loads((self.folder / ORDER).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    # --- while it runs ------------------------------------------------------------------------------------------------

    def has(self, file: str, digest: str) -> bool:
        """Whether this work, with these bytes, is judged already."""
        return self.known.get(file) == digest

    def add(self, digest: str, data: Mapping[str, Any]) -> None:
        """Keep the verdict on a work; a later one on the same file counts."""
        try:
            self._file.write(json.dumps({**data, "sha256": digest}, allow_nan=False).encode() + b"\n")
            self._file.flush()
        except OSError as reason:
            raise OutputError(f"{self.folder / RESULTS}: {reason.strerror or reason}") from reason
        self.known[str(data["file"])] = digest

    def rows(self) -> Iterator[dict[str, Any]]:
        """The last verdict on each work, in the order of the file."""
        with (self.folder / RESULTS).open("rb") as file:
            for line in file:
                row = json.loads(line)
                if self.known.get(row["file"]) == row["sha256"]:
                    yield row

    def finish(self, files: set[str]) -> None:
        """Sort the results by name, drop works that are gone, and write the table of marks."""
        self.known = {file: digest for file, digest in self.known.items() if file in files}
        self._file.close()
        places: dict[str, tuple[int, int]] = {}
        with (self.folder / RESULTS).open("rb") as file:
            start = 0
            for line in file:
                row = json.loads(line)
                if self.known.get(row["file"]) == row["sha256"]:
                    places[row["file"]] = (start, len(line))
                start += len(line)
            marks = io.StringIO()
            table = csv.writer(marks, lineterminator="\n")
            table.writerow(COLUMNS)
            with self._replaced(RESULTS) as out:
                for name in sorted(places):
                    file.seek(places[name][0])
                    line = file.read(places[name][1])
                    out.write(line)
                    table.writerow([_cell(each) for each in marks_of(json.loads(line))])
        self._write(MARKS, marks.getvalue().encode("utf-8"))

    def write_overview(self, page: bytes) -> None:
        self._write(OVERVIEW, page)

    def close(self) -> None:
        """Let others have the folder."""
        self._file.close()
        os.close(self._lock)

    def _write(self, name: str, data: bytes) -> None:
        from derive.cli.output import write_file

        write_file(self.folder / name, data, force=True)

    @contextlib.contextmanager
    def _replaced(self, name: str) -> Iterator[Any]:
        """A file that takes the place of another as a whole."""
        from derive.cli.output import temporary

        with temporary(self.folder) as (handle, made):
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(made, 0o644)
            os.replace(made, self.folder / name)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def marks_of(row: Mapping[str, Any]) -> list[Any]:
    """The columns of COLUMNS for a work."""
    if "error" in row:
        return [row["file"], "not judged", *[""] * 8, row["error"]["message"]]
    lines = row["lines"]
    counts = {
        verdict: sum(line["verdict"] == verdict for line in lines)
        for verdict in ("correct", "wrong", "undecided", "unread")
    }
    carried = sum(line["carried_from"] is not None for line in lines)
    slips = next((line["slips"][0]["name"] for line in lines if line["slips"]), "")
    return [
        row["file"], row["verdict"], len(lines), counts["correct"], counts["wrong"], carried, counts["undecided"],
        counts["unread"], "" if row["first_wrong"] is None else row["first_wrong"], slips, "",
    ]  # fmt: skip


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
