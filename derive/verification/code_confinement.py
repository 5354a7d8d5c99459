"""The confined process seen from outside: it is started, given runs one by one, listened to, and ended.

What it is kept from: the environment, the folder of the work, standard input and output, files outside a temporary
folder, other processes, the network, more memory and time than stated. That contains accidents and not an attacker:
the limits are those of a process, no virtual machine, and the work shares the process with what records it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from derive.errors import MissingPartError, ReadingError, UsageError, WorkLimitError

#: Memory of the process, without and with torch; most bytes it may answer.
MEMORY, MEMORY_TORCH, ANSWER = 1 << 30, 2 << 30, 128 << 20
#: Seconds that importing libraries may take.
START = 30.0


@dataclass(frozen=True)
class Site:
    """A place at which the work assigns something; `derive.verification.code_recording` says what the fields are."""

    line: int
    column: int
    end: int
    text: str
    path: str
    again: bool
    kind: str


@dataclass(frozen=True)
class Record:
    """A value that was stored: the count-th at its site.  path : of what, `dW[2]`.  type : "float64", "None", ..."""

    site: int
    count: int
    path: str
    type: str
    shape: tuple[int, ...]
    entries: tuple[float, ...]


@dataclass
class Run:
    """One run of the work.  ends : the gradients that a network was left with, by path.  events : what else there was:
    "refused", "time", "memory", "exit", "import", "failed", "none", "patched", "random", "written", "mutated", "died".
    """

    records: list[Record] = field(default_factory=list)
    ends: dict[str, Record] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def stopped(self) -> dict[str, Any] | None:
        """The event by which the run ended early."""
        last = ("refused", "time", "memory", "exit", "died", "failed", "import")
        return next((event for event in self.events if event["event"] in last and not event.get("on")), None)

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The exceptions that left a statement of the work."""
        return [event for event in self.events if event["event"] == "failed"]


class Child:
    """A process that holds one work. Use as a context, `ready` once, then `run` as often as is wanted.

    definitions : of the statements at the top only those that define something are run.  cpu : seconds, in all.
    """

    def __init__(self, text: str, *, torch: bool, definitions: bool = False, cpu: float = 30.0) -> None:
        self.start = {
            "text": text,
            "torch": torch,
            "numpy": True,
            "definitions": definitions,
            "memory": MEMORY_TORCH if torch else MEMORY,
            "cpu": int(cpu) + 5,
            "paths": library_paths(),
        }
        self.torch = torch
        self.sites: list[Site] = []
        self._rest = b""
        self._read = 0

    def __enter__(self) -> Child:
        if os.name != "posix":
            raise UsageError("--run-code needs a system with process limits (Linux or macOS)")
        self.folder = tempfile.TemporaryDirectory(prefix="derive-run-", ignore_cleanup_errors=True)
        jobs, self.jobs = os.pipe()
        self.results, results = os.pipe()
        script = Path(__file__).with_name("code_child.py")
        environment = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment |= {"HOME": self.folder.name, "MPLCONFIGDIR": self.folder.name, "MPLBACKEND": "Agg"}
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-W", "ignore", str(script), str(jobs), str(results)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                cwd=self.folder.name, env=environment, pass_fds=(jobs, results), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(jobs)
            os.close(results)
        try:
            self._send(self.start)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *reason: object) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)  # its own session: what it started goes with it
        self.process.wait()
        os.close(self.jobs)
        os.close(self.results)
        self.folder.cleanup()

    def run(self, job: Mapping[str, Any], seconds: float) -> Run:
        """Run the work once.

        job : "names", "calls", "patches", "columns", "tensors" as `code_child` takes them.
        seconds : after which the run is ended; what was recorded until then is kept.
        """
        found = Run()
        self._send({**job, "limit": seconds})
        for event in self._events(seconds + 3.0):
            kind = event["event"]
            if kind == "done":
                return found
            if kind in ("stored", "end"):
                record = Record(
                    event.get("site", -1), event.get("count", 0), event["path"], event["type"],
                    tuple(event["shape"]), tuple(event["entries"]),
                )  # fmt: skip
                if kind == "stored":
                    found.records.append(record)
                else:
                    found.ends[record.path] = record
            else:
                found.events.append({**event, "at": len(found.records)})
        found.events.append({"event": "died", "line": 0, "status": self._status(), "at": len(found.records)})
        return found

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ready(self) -> None:
        """Wait until libraries are loaded and the work is read.

        Raises MissingPartError for a library that is missing, ReadingError for code that does not compile.
        """
        for event in self._events(START):
            if event["event"] == "ready":
                self.sites = [Site(**site) for site in event["sites"]]
                return
            if event["event"] == "library":
                name = "torch" if self.torch else "numpy"
                if event["name"] == name:
                    how = "which is not installed"
                else:
                    how = f"which does not load ({event['message']})"
                version = "torch==2.13.0" if name == "torch" else "numpy"
                raise MissingPartError(f"this work needs {name}, {how}; run: pip install {version}")
            raise ReadingError(f"the code cannot be read: {event['message']}", line=event["line"])
        raise WorkLimitError(f"the process that runs the code did not start ({self._status()})")

    def _status(self) -> str:
        try:
            code = self.process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            return "still running"
        if code >= 0:
            return f"exit status {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"

    def _send(self, data: Mapping[str, Any]) -> None:
        line = json.dumps(data).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError):
            while line:
                line = line[os.write(self.jobs, line) :]

    def _events(self, seconds: float) -> Iterator[dict[str, Any]]:
        """What the process tells, until the time is over, it ends, or it tells too much or nonsense."""
        end = time.monotonic() + seconds
        while True:
            head, found, rest = self._rest.partition(b"\n")
            if found:
                self._rest = rest
                try:
                    event = json.loads(head)
                except ValueError:
                    return
                if not isinstance(event, dict) or "event" not in event:
                    return
                yield event
                continue
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.results], [], [], left)[0]:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                return
            more = os.read(self.results, 1 << 20)
            self._read += len(more)
            if not more or self._read > ANSWER:
                return
            self._rest += more


def library_paths() -> Sequence[str]:
    """Folders of the libraries that the work may import: where this Python has them, and no folder of the user's."""
    import sysconfig

    return [folder for key in ("purelib", "platlib") if (folder := sysconfig.get_paths()[key])]
