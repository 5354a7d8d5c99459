"""A process that lends each work a child with limits: `python -m derive.marking.warden`, JSON lines in and out.

The warden makes a problem ready and forks; the child judges one work after the other and remembers what it found
right. A child that hangs, grows or dies costs the work it was at: the next one is forked from the warden, warm.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import select
import signal
import sys
import time
from typing import BinaryIO

import msgspec

from derive.errors import DeriveError, WorkLimitError
from derive.marking import limits
from derive.marking.judge import Answer, Request, failed, judged, ready

#: Works that one child judges before the next is forked, so that what it remembers stays bounded.
TURNS = 500
_encode = msgspec.json.encode


class Child:
    """A forked process that answers requests.  confined : whether it has limits; Python works have their own."""

    def __init__(self, confined: bool) -> None:
        self.confined = confined
        self.turns = 0
        (inward, self.requests), (self.answers, outward) = os.pipe(), os.pipe()
        self.pid = os.fork()
        if not self.pid:
            code = 1
            try:
                for each in (self.requests, self.answers):
                    os.close(each)
                _serve(inward, outward, confined)
                code = 0
            finally:
                os._exit(code)
        os.close(inward)
        os.close(outward)

    def ask(self, request: Request) -> bytes | None:
        """The answer as a line of JSON, or None if there is none in time.  Raises EOFError where the child ended."""
        self.turns += 1
        with contextlib.suppress(BrokenPipeError):
            _write(self.requests, _encode(request) + b"\n")
        found = bytearray()
        until = time.monotonic() + request.patience
        while not found.endswith(b"\n"):
            if not select.select([self.answers], [], [], max(until - time.monotonic(), 0.0))[0]:
                return None
            part = os.read(self.answers, 1 << 16)
            if not part:
                raise EOFError
            found += part
        return bytes(found)

    def end(self) -> int:
        """Kill it. Returns its status, as os.waitpid has it."""
        for each in (self.requests, self.answers):
            os.close(each)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return os.waitpid(self.pid, 0)[1]


class Warden:
    def __init__(self) -> None:
        self.children: dict[bool, Child] = {}

    def answer(self, request: Request) -> bytes:
        """The answer to a request as a line of JSON; one is given in any case."""
        confined = not request.is_code
        child = self.children.get(confined)
        if child is None:
            with contextlib.suppress(DeriveError):  # the child says what is wrong with the problem
                ready(request.problem, request.path, request.seed)
            gc.collect()
            gc.freeze()  # pages of what is ready stay shared with the child
            child = self.children[confined] = Child(confined)
        try:
            found = child.ask(request)
        except EOFError:
            return self._lost(request, limits.why(self._dropped(confined)))
        if found is None:
            self._dropped(confined)
            return self._lost(request, f"not judged after {request.seconds:g} s")
        if child.turns >= TURNS or msgspec.json.decode(found, type=Answer).fatal:
            self._dropped(confined)
        return found

    def _dropped(self, confined: bool) -> int:
        return self.children.pop(confined).end()

    @staticmethod
    def _lost(request: Request, reason: str) -> bytes:
        return _encode(failed(request.file, WorkLimitError(f"limit hit: {reason}"))) + b"\n"

    def close(self) -> None:
        for confined in list(self.children):
            self._dropped(confined)


def _serve(requests: int, answers: int, confined: bool) -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is interrupted ends the warden, and that ends this
    quiet = os.open(os.devnull, os.O_RDWR)
    for each in (0, 1, 2):
        os.dup2(quiet, each)
    faulthandler.disable()  # a crash is told in one line by who watches
    if confined:
        limits.confine()
    with os.fdopen(requests, "rb") as lines:
        for line in lines:
            request = msgspec.json.decode(line, type=Request)
            if confined:
                limits.allow_processor(2.0 * request.seconds)
            _write(answers, _encode(judged(request)) + b"\n")


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer every line of `requests` by one of `answers`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warden = Warden()
    try:
        for line in requests:
            answers.write(warden.answer(msgspec.json.decode(line, type=Request)))
            answers.flush()
    except BrokenPipeError:
        pass
    finally:
        warden.close()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
