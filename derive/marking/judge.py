"""One work judged, as data: what a child of the warden does."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from derive.errors import DeriveError, WorkLimitError

if TYPE_CHECKING:
    from derive.verification.checking import Verifier

#: Problems that are kept ready.
KEPT = 8
#: Seconds that a process may take to load numpy and torch, beside those of the work.
LOADING = 30.0
#: What ends in these is Python, or may hold some.
CODE = (".py", ".ipynb")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A work, its problem, and how it is to be judged.

    file : its name.  problem : a name of the catalogue, or the text of a problem file with its `path`.
    seconds : of the processor.  refused : (code, message) of a work that could not even be read.
    """

    file: str
    text: str
    suffix: str
    problem: str
    path: str | None = None
    seed: int = 0
    seconds: float = 10.0
    hint: bool = False
    run_code: bool = False
    refused: tuple[str, str] | None = None

    @property
    def is_code(self) -> bool:
        return self.run_code and self.suffix in CODE

    @property
    def patience(self) -> float:
        """Seconds on the wall after which the work is given up from outside, also on a busy machine."""
        return 5.0 + 5.0 * self.seconds + LOADING * self.is_code


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """data : the report as `--json` prints it, or {"file", "error"}.

    fatal : whether the process that found it can be trusted no more.
    """

    data: dict[str, Any]
    fatal: bool = False


@lru_cache(KEPT)
def ready(problem: str, path: str | None, seed: int) -> Verifier:
    """A problem made ready. Raises what reading it raises."""
    from derive.verification.checking import Verifier
    from derive.verification.problems import read_problem

    return Verifier(read_problem(problem, path) if path is not None else problem, seed)


def judged(request: Request) -> Answer:
    """The answer to a request, whatever happens on the way to it."""
    from derive.cli.options import time_limit

    # code is run in a process of its own, which has its own limits
    limit = contextlib.nullcontext() if request.is_code else time_limit(request.seconds, of_processor=True)
    try:
        with limit:
            report = _report(request)
    except DeriveError as error:
        return failed(request.file, error)
    except MemoryError:
        return failed(request.file, WorkLimitError("limit hit: judging it needs too much memory"), fatal=True)
    except Exception as error:  # one work must never cost those behind it
        return failed(
            request.file, DeriveError(f"{type(error).__name__} while judging it; please report this"), fatal=True
        )
    return Answer(data=report.data(request.hint))


def exit_code(data: Mapping[str, Any]) -> int:
    """What the command line makes of an answer: 0 right, 1 wrong, 2 nothing could be read, 3 the rest."""
    if "error" in data:
        return 3
    if data["lines"] and all(line["verdict"] == "unread" for line in data["lines"]):
        return 2
    return {"correct": 0, "wrong": 1}.get(str(data["verdict"]), 3)


def failed(file: str, error: DeriveError, *, fatal: bool = False) -> Answer:
    """The answer on a work that could not be judged."""
    return Answer(data={"file": file, "error": {"code": error.code, "message": error.message}}, fatal=fatal)


def _report(request: Request) -> Any:
    from derive.errors import UsageError

    def verifier() -> Verifier:
        return ready(request.problem, request.path, request.seed)

    if request.suffix == ".py" and not request.run_code:
        raise UsageError("Python work is run to be verified; allow that with --run-code")
    if request.is_code:
        from derive.verification.code_checking import verify_python

        return verify_python(verifier, request.text, request.suffix, seconds=request.seconds, file=request.file)
    return verifier().verify(request.text, request.suffix, request.file)
