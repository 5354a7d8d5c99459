"""What is being done, on one line of standard error that goes away again: for people who wait, not for files."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import TextIO

import click

#: Seconds before anything is shown, and between two signs of life.
PATIENCE, BEAT = 2.0, 0.5


class Progress:
    """Shows what `doing` was last told, and for how long it has been going on.

    Nothing is shown before `patience` seconds, and never where the stream is no terminal.
    """

    def __init__(self, stream: TextIO | None = None, *, patience: float | None = None, beat: float = BEAT) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.patience = PATIENCE if patience is None else patience
        self.beat = beat
        self.what = "working"
        self.shown = 0
        self.started = time.monotonic()
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if self.stream.isatty():
            self.thread = threading.Thread(target=self._run, daemon=True)
            self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done.set()
        if self.thread is not None:
            self.thread.join()
            with self.lock:
                self._erase()

    def doing(self, what: str) -> None:
        """Name what begins now."""
        self.what = what

    def echo(self, text: str, *, err: bool = False) -> None:
        """Print a line that stays."""
        with self.lock:
            self._erase()
            click.echo(text, err=err)

    def _run(self) -> None:
        if self.done.wait(self.patience):
            return
        while True:
            with self.lock:
                self._erase()
                seconds = time.monotonic() - self.started
                text = f"{self.what} ... {seconds:.0f} s"
                text = text[: max(shutil.get_terminal_size((80, 24)).columns - 1, 1)]
                self._write(text)
                self.shown = len(text)
            if self.done.wait(self.beat):
                return

    def _erase(self) -> None:
        if self.shown:
            self._write("\r" + " " * self.shown + "\r")
            self.shown = 0

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):  # the terminal has gone; the work goes on
            self.shown = 0
