"""Option types that several commands share."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from derive.errors import OutputError, ReadingError, UsageError, WorkLimitError

#: A text to be read is at most this long.
LARGEST_TEXT = 1 << 20
#: A file of numbers may be longer.
LARGEST_VALUES = 1 << 28


class Digits(click.ParamType):  # type: ignore[type-arg]
    """Decimals to print, 1 to 1000."""

    name = "number"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        try:
            digits = int(str(value))
        except ValueError:
            self.fail(f"{value!r} is no whole number", parameter, context)
        if not 1 <= digits <= 1000:
            self.fail(f"{digits} is not between 1 and 1000", parameter, context)
        return digits


def formats_of(text: str | None, known: Sequence[str]) -> list[str]:
    """`tex,html` as a list, all if nothing is given. Raises UsageError with the nearest format."""
    if text is None:
        return list(known)
    chosen = list(dict.fromkeys(part.strip() for part in text.split(",")))
    for form in chosen:
        if form not in known:
            from derive.words import nearest

            close = nearest(form, known)
            hint = f"did you mean {close}?" if close else f"choose from {','.join(known)}"
            raise UsageError(f"there is no format {form!r}; {hint}")
    return chosen


def read_text(path: str, largest: int = LARGEST_TEXT) -> str:
    """The text of a file, or of standard input for `-`; at most `largest` bytes."""
    try:
        if path == "-":
            if sys.stdin.isatty():
                click.echo("reading from the terminal; end with Ctrl-D", err=True)
            data = sys.stdin.buffer.read(largest + 1)
        else:
            if os.path.isdir(path):
                raise UsageError(f"{path} is a folder; name a file")
            with open(path, "rb") as file:
                data = file.read(largest + 1)
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist") from None
    except PermissionError:
        raise OutputError(f"{path} cannot be read: permission denied") from None
    if len(data) > largest:
        raise UsageError(f"{path} is longer than {largest} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        raise ReadingError(f"byte {reason.start + 1} is not UTF-8; save the file as UTF-8", file=path) from reason
    if not text.strip():
        raise UsageError(f"{'standard input' if path == '-' else path} is empty")
    return text


def processes(jobs: int) -> int:
    """As many as there is a processor for."""
    fitting = min(max(jobs, 1), os.cpu_count() or 1)
    if fitting != jobs:
        click.echo(f"--jobs {jobs} is taken as {fitting}", err=True)
    return fitting


@contextlib.contextmanager
def time_limit(seconds: float, *, of_processor: bool = False) -> Iterator[None]:
    """Raise WorkLimitError in the block after this much wall time; also wakes a read that waits for a silent pipe.

    of_processor : count the time of the processor instead, which other processes do not lengthen.
    """

    def ring(number: int, frame: Any) -> None:
        raise WorkLimitError(f"not finished after {seconds:g} s; give more time with --timeout")

    if not hasattr(signal, "setitimer"):
        yield
        return
    timer, number = signal.ITIMER_REAL, signal.SIGALRM
    if of_processor:
        timer, number = signal.ITIMER_PROF, signal.SIGPROF
    before = signal.signal(number, ring)
    signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, before)
