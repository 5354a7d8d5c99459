"""The confined process in which a student's code runs: limits, inputs, the run, and what it tells.

Started as `python -I code_child.py JOBS RESULTS`, two numbers of open files: lines of JSON come in by the first and go
out by the second; nothing is ever pickled. It imports the standard library and its neighbour `code_recorder`; numpy
and torch where the work uses them. This contains accidents, not an attacker (README).
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.util
import json
import os
import random
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

#: Most bytes that may be told, and that may be printed.
TOLD, PRINTED = 64 << 20, 1 << 20
WORK = "<work>"


class Refused(BaseException):
    """Something that code to be verified may not do; not an Exception, so that `except Exception` lets it through."""


class TooLong(BaseException):
    """The time of a run is over."""


def sibling(name: str) -> Any:
    """A module beside this file: the folder itself is never on the path."""
    found = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


class Channel:
    """Lines of JSON to the parent."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.left = TOLD
        self.write = os.write  # kept: the work may replace it

    def tell(self, **event: Any) -> None:
        line = json.dumps(event).encode() + b"\n"
        self.left -= len(line)
        if self.left < 0:
            raise Refused("keeps more values than can be looked at")
        while line:
            line = line[self.write(self.number, line) :]


class Silence:
    """Standard output: counted, and thrown away."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.left = PRINTED

    def write(self, text: str) -> int:
        self.left -= len(text)
        if self.left < 0:
            raise Refused(f"prints more than {PRINTED >> 20} MB")
        return len(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False


class NoInput:
    """Standard input: there is none."""

    encoding = "utf-8"

    def __getattr__(self, name: str) -> Any:
        raise Refused("reads standard input")

    def __iter__(self) -> Any:
        raise Refused("reads standard input")


def limit(memory: int, cpu: int) -> None:
    """Resource limits: memory and time in bytes and seconds, small files only, no core file."""
    for name, most in (
        ("RLIMIT_AS", memory), ("RLIMIT_CPU", cpu), ("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 16 << 20),
        ("RLIMIT_NOFILE", 64),
    ):  # fmt: skip
        with contextlib.suppress(ValueError, OSError, AttributeError):
            number = getattr(resource, name)
            _, hard = resource.getrlimit(number)
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(number, (most, most))


def leave_network() -> None:
    """A network of its own without any interface, where the system lets a process have one."""
    with contextlib.suppress(Exception):
        import ctypes

        new_user, new_network = 0x10000000, 0x40000000
        ctypes.CDLL(None).unshare(new_user | new_network)


class Guard:
    """An audit hook: refuses processes, sockets, signals and files outside the temporary folder while work runs."""

    PROCESSES = ("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.spawn", "os.system", "subprocess.Popen")
    FILES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.link", "os.symlink",
             "os.truncate", "os.utime", "shutil.rmtree", "shutil.move")  # fmt: skip

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder) + os.sep
        self.active = False
        self.refused: dict[str, int] = {}
        self.written: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active:
            return
        if event in self.PROCESSES:
            self.refuse(f"starts another process ({event})")
        if event.startswith("socket."):
            self.refuse("opens a network connection")
        if event in ("os.kill", "os.killpg", "signal.pthread_kill"):
            self.refuse("sends a signal to a process")
        if event in self.FILES and arguments:
            self.outside(arguments[0], f"changes files ({event})")
        if event == "open" and len(arguments) == 3 and isinstance(arguments[2], int):
            flags = arguments[2]
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
                self.outside(arguments[0], "writes to a file")

    def outside(self, path: Any, what: str) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        whole = os.path.realpath(os.fsdecode(path))
        if not whole.startswith(self.folder):
            self.refuse(f"{what} outside its folder: {whole}")
        self.written.append(os.path.basename(whole))

    def refuse(self, what: str) -> None:
        frame: Any = sys._getframe()
        while frame is not None and frame.f_code.co_filename != WORK:
            frame = frame.f_back
        self.refused.setdefault(what, frame.f_lineno if frame is not None else 0)
        raise Refused(what)


def guarded(guard: Guard) -> None:
    sys.addaudithook(guard)
    sys.stdin, sys.stdout, sys.stderr = NoInput(), Silence(), Silence()

    def asked(*arguments: object) -> str:
        guard.refuse("reads standard input")
        return ""

    def left(*arguments: object) -> None:
        guard.refuse("ends the process (os._exit)")

    builtins.input = asked
    os._exit, os.abort = left, left  # type: ignore[assignment]  # what never returns is replaced by what refuses
    with contextlib.suppress(ImportError, AttributeError):
        import _posixsubprocess

        setattr(_posixsubprocess, "fork_exec", lambda *arguments: guard.refuse("starts another process"))  # noqa: B010


class Server:
    """One work, run as often as the parent asks."""

    def __init__(self, channel: Channel, start: dict[str, Any]) -> None:
        self.channel = channel
        self.text: str = start["text"]
        self.recorder_module = sibling("code_recorder")
        self.libraries = [importlib.import_module("numpy")] if start["numpy"] else []
        if start["torch"]:
            torch = importlib.import_module("torch")
            torch.set_num_threads(1)
            torch.set_default_dtype(torch.float64)
            self.libraries.append(torch)
        import ast

        recording = sibling("code_recording")
        self.module, sites = recording.rewritten(self.text, ast.parse(self.text, WORK), start["definitions"])
        self.kinds = [site.kind for site in sites]
        compile(self.module, WORK, "exec", dont_inherit=True)  # what only the compiler refuses, such as a lone return
        channel.tell(event="ready", sites=[vars(site) for site in sites])

    def run(self, job: dict[str, Any], guard: Guard) -> None:
        channel = self.channel
        recorder = self.recorder_module.Recorder(channel, self.kinds, job, self.libraries)
        space: dict[str, Any] = {"__name__": "__main__", "__derive__": recorder, "__builtins__": builtins}
        space.update(recorder.names)
        kept = [(library, dict(vars(library))) for library in self._patchable()]
        states = self._seeded()
        guard.refused.clear()
        guard.written.clear()

        def ring(number: int, frame: Any) -> None:
            raise TooLong

        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, job["limit"], 0.5)
        guard.active = True
        try:
            self._execute(job, space, recorder)
        finally:
            guard.active = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        with contextlib.suppress(TooLong):
            recorder.finish()
            changed = [
                f"{library.__name__}.{name}"
                for library, names in kept
                for name, value in names.items()
                if vars(library).get(name) is not value
            ]
            for library, names in kept:
                vars(library).update(names)
            if changed:
                channel.tell(event="patched", names=changed[:5])
            if states != self._states():
                channel.tell(event="random")
            for what, line in guard.refused.items():
                channel.tell(event="refused", line=line, what=what)
            if guard.written:
                channel.tell(event="written", names=sorted(set(guard.written))[:5])

    def _execute(self, job: dict[str, Any], space: dict[str, Any], recorder: Any) -> None:
        import ast

        for statement in self.module.body:
            code = compile(ast.Module([statement], []), WORK, "exec", dont_inherit=True)
            # the purpose of this process, which nothing else in the project does with text of others
            if not self._tried(True, exec, code, space):
                return
        for call in job["calls"]:
            function = space.get(call["function"])
            if not callable(function):
                self.channel.tell(event="failed", line=0, kind="NameError", message=f"{call['function']} is missing")
                return
            arguments = [recorder.made(argument) for argument in call["arguments"]]
            if not self._tried(False, self._called, call["function"], function, arguments):
                return
            recorder.models()

    def _called(self, name: str, function: Any, arguments: list[Any]) -> None:
        if function(*arguments) is None:
            code = getattr(function, "__code__", None)
            self.channel.tell(event="none", name=name, line=getattr(code, "co_firstlineno", 0))

    def _tried(self, go_on: bool, action: Any, *arguments: Any) -> bool:
        """Run a piece; tell how it failed. Answers whether to go on."""
        tell = self.channel.tell
        try:
            action(*arguments)
        except Refused as refused:
            tell(event="refused", line=line_of(refused), what=str(refused))
        except TooLong as late:
            tell(event="time", line=line_of(late))
        except MemoryError as failed:
            tell(event="memory", line=line_of(failed))
        except SystemExit as left:
            tell(event="exit", line=line_of(left))
        except ImportError as failed:
            tell(event="import", line=line_of(failed), name=failed.name or "", message=str(failed)[:300], on=go_on)
            return go_on
        except BaseException as failed:
            tell(event="failed", line=line_of(failed), kind=type(failed).__name__, message=str(failed)[:300], on=go_on)
            return go_on and isinstance(failed, Exception)
        else:
            return True
        return False

    def _patchable(self) -> list[Any]:
        found = list(self.libraries)
        for library in self.libraries:
            found += [part for name in ("linalg", "nn") if (part := getattr(library, name, None)) is not None]
        return found

    def _seeded(self) -> Any:
        random.seed(0)
        for library in self.libraries:
            if library.__name__ == "numpy":
                library.random.seed(0)
            else:
                library.manual_seed(0)
        return self._states()

    def _states(self) -> Any:
        found: list[Any] = [random.getstate()]
        for library in self.libraries:
            if library.__name__ == "numpy":
                state = library.random.get_state()
                found.append((state[0], state[1].tobytes(), *state[2:]))
            else:
                found.append(bytes(library.get_rng_state().numpy().tobytes()) if self._has_numpy() else None)
        return found

    def _has_numpy(self) -> bool:
        return any(library.__name__ == "numpy" for library in self.libraries)


def line_of(failed: BaseException) -> int:
    """The line of the work at which something was raised, or 0."""
    frames = traceback.extract_tb(failed.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == WORK), 0)


def lines_of(number: int) -> Any:
    with os.fdopen(number, "rb", buffering=0) as file:
        rest = b""
        while True:
            head, found, rest = rest.partition(b"\n")
            if found:
                yield head
                continue
            more = file.read(1 << 16)
            if not more:
                return
            rest = head + more


def main() -> None:
    jobs, results = int(sys.argv[1]), int(sys.argv[2])
    channel = Channel(results)
    lines = lines_of(jobs)
    start = json.loads(next(lines))
    sys.path += start["paths"]
    limit(start["memory"], start["cpu"])
    leave_network()
    sys.setrecursionlimit(2000)
    try:
        server = Server(channel, start)
    except ImportError as failed:
        channel.tell(event="library", name=failed.name or "", message=str(failed)[:300])
        return
    except (SyntaxError, ValueError, RecursionError, MemoryError) as failed:
        channel.tell(event="unreadable", line=getattr(failed, "lineno", 1) or 1, message=str(failed)[:300])
        return
    guard = Guard(os.getcwd())
    guarded(guard)
    for line in lines:
        server.run(json.loads(line), guard)
        channel.tell(event="done")


if __name__ == "__main__":
    main()
