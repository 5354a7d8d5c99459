"""Worked solutions built in several processes, and the book and the page of contents that hold them all."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

from derive.document import Document
from derive.errors import MissingPartError
from derive.subjects.catalogue import document, find

#: Seconds for the pages of the book, which are some 150.
BOOK_TIMEOUT = 300.0


@dataclass(frozen=True)
class Built:
    """One solution: its document, its files by format, and why others are missing."""

    name: str
    document: Document
    files: Mapping[str, bytes]
    missing: Mapping[str, str]
    seconds: float


def build(
    names: Sequence[str], forms: Sequence[str], values: Mapping[str, int], *, jobs: int = 0, optional: bool = True
) -> Iterator[Built]:
    """The solutions of these names in order, as they are done.

    values : the parameters of all entries.  jobs : processes, or 0 for as many as there are processors.
    optional : a format whose program is not installed is left out, else MissingPartError is raised.
    """
    jobs = min(jobs or os.cpu_count() or 1, len(names))
    if jobs == 1:
        for name in names:
            yield _built(name, forms, values, optional)
        return
    context = multiprocessing.get_context("spawn")  # a thread may be showing progress
    with ProcessPoolExecutor(jobs, context, initializer=_quiet) as pool:
        waiting: deque[Future[Built]] = deque(pool.submit(_built, name, forms, values, optional) for name in names)
        try:
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _quiet() -> None:
    """Ctrl-C is for the parent, which ends its children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _built(name: str, forms: Sequence[str], values: Mapping[str, int], optional: bool) -> Built:
    from derive.cli.render import rendered

    started = time.monotonic()
    made = document(name, **{each.name: values[each.name] for each in find(name).parameters})
    files, missing = {}, {}
    for form in forms:
        try:
            files[form] = rendered(made, form)
        except MissingPartError as reason:
            if not optional:
                raise
            missing[form] = reason.message
    return Built(name, made, files, missing, time.monotonic() - started)


def together(documents: Mapping[str, Document], forms: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """What holds all solutions: the page that leads to them, the book's source, and the book.

    forms : those in which each solution was written. Names of files and what is in them, as they are done.
    """
    from derive.solutions.collection import volume

    whole = volume(documents, forms)
    if "html" in forms:
        from derive.html.contents import to_index

        yield "index.html", to_index(whole).encode()
    if "tex" in forms or "pdf" in forms:
        from derive.latex.book import to_book
        from derive.pdf import compile_pdf

        source = to_book(whole)
        if "tex" in forms:
            yield f"{whole.name}.tex", source.encode()
        if "pdf" in forms:
            yield f"{whole.name}.pdf", compile_pdf(source, timeout=BOOK_TIMEOUT)
