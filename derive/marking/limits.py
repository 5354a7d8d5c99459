"""Limits of a process that judges works: what one hostile file may take, and how it shows that it took more."""

from __future__ import annotations

import os
import resource
import signal

#: Bytes that judging one work may need beside what was there before.
MEMORY = 1 << 30
#: Open files.
FILES = 64


def confine() -> None:
    """Limits that hold for the rest of this process: memory, no files written, few open, no core."""
    _lower(resource.RLIMIT_AS, _size() + MEMORY)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, FILES)
    _lower(resource.RLIMIT_CORE, 0)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write fails with an error


def allow_processor(seconds: float) -> None:
    """So many seconds of the processor from now on; then the process is ended by SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = used.ru_utime + used.ru_stime
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(spent + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def why(status: int) -> str:
    """What ended a process, of its status as `os.waitpid` gives it."""
    if not os.WIFSIGNALED(status):
        return f"its process ended with {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return "it took too much time of the processor"
    if number == signal.SIGKILL:
        return "its process was killed, perhaps for want of memory"
    return f"its process was ended by {signal.Signals(number).name}"


def _lower(number: int, most: int) -> None:
    _, hard = resource.getrlimit(number)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(number, (most, hard))


def _size() -> int:
    """Bytes of address space in use, where the system tells."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 1 << 32
