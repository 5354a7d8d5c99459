"""Works judged one after the other, by processes of this machine, or by a Dask cluster: the same code for all three."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import msgspec

from derive.errors import MissingPartError, UsageError, WorkLimitError
from derive.marking.judge import Answer, Request, failed

#: Works that a worker is given at once.
CHUNK = 10
#: Seconds to wait for a scheduler.
REACH = 10

_own = threading.local()


class Judge:
    """A warden in a process of its own, asked over pipes."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "derive.marking.warden"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def __call__(self, request: Request) -> Answer:
        """The answer to a request. Raises EOFError where the warden itself has ended."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(msgspec.json.encode(request) + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise EOFError from None
        line = self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return msgspec.json.decode(line, type=Answer)

    def close(self) -> None:
        """End the warden, and with it its children: their pipes are closed."""
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def judged_here(requests: Iterable[Request]) -> list[Answer]:
    """The answers to some requests, by this thread's warden, which is kept for the next ones."""
    found = []
    for request in requests:
        if request.refused is not None:
            code, message = request.refused
            found.append(Answer(data={"file": request.file, "error": {"code": code, "message": message}}))
            continue
        for _ in range(2):
            judge = getattr(_own, "judge", None)
            if judge is None:
                judge = _own.judge = Judge()
                atexit.register(judge.close)
            try:
                found.append(judge(request))
                break
            except EOFError:  # ended from outside, perhaps by this work: it is tried once more
                judge.close()
                _own.judge = None
        else:
            found.append(failed(request.file, WorkLimitError("limit hit: the process that watches it ended twice")))
    return found


def judged_all(
    requests: Iterable[Request], jobs: int = 1, scheduler: str | None = None
) -> Generator[Answer, None, None]:
    """The answers in the order of the requests, each as soon as those before it are there.

    Requests are taken as they are needed, so that any number of them fits.
    jobs : processes of this machine.  scheduler : address of a Dask scheduler, whose workers then do the work.
    Raises MissingPartError where joblib or distributed is needed and not there, UsageError for an address that does
        not answer.
    """
    if jobs <= 1 and scheduler is None:
        return _alone(requests)
    return _spread(requests, jobs, scheduler)


def _alone(requests: Iterable[Request]) -> Generator[Answer, None, None]:
    try:
        for request in requests:
            yield from judged_here([request])
    finally:
        if (judge := getattr(_own, "judge", None)) is not None:
            judge.close()
            _own.judge = None


def _spread(requests: Iterable[Request], jobs: int, scheduler: str | None) -> Generator[Answer, None, None]:
    try:
        import joblib
    except ImportError:
        raise MissingPartError(
            "joblib is not installed, and several processes need it; pip install 'derive-toolkit[batch]', or --jobs 1"
        ) from None
    work = joblib.delayed(judged_here)
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            settings = {"n_jobs": jobs, "backend": "loky", "pre_dispatch": "3*n_jobs"}
        else:
            stack.enter_context(_cluster(scheduler))
            stack.enter_context(joblib.parallel_config(backend="dask"))
            settings = {"pre_dispatch": "4*n_jobs"}
        parallel = joblib.Parallel(return_as="generator", batch_size=1, **settings)
        for answers in parallel(work(chunk) for chunk in _chunks(requests)):
            yield from answers


def _chunks(requests: Iterable[Request]) -> Iterator[list[Request]]:
    left = iter(requests)
    while chunk := list(itertools.islice(left, CHUNK)):
        yield chunk


def _cluster(address: str) -> contextlib.AbstractContextManager[Any]:
    """A connection to a Dask scheduler."""
    try:
        from distributed import Client
    except ImportError:
        raise MissingPartError(
            "dask.distributed is not installed, and --scheduler needs it; pip install 'derive-toolkit[batch]'"
        ) from None
    connect: Any = Client
    try:
        client: contextlib.AbstractContextManager[Any] = connect(address, timeout=REACH)
    except (OSError, TimeoutError, ValueError) as reason:
        raise UsageError(f"no Dask scheduler answers at {address}: {reason}") from None
    return client
