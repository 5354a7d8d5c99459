"""The files of many variants: sheets, keys and problem files, worked out in several processes, and an index of them."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from derive.document import Document
from derive.errors import DeriveError
from derive.latex.document import to_latex
from derive.sheets.catalogue import find_exercise
from derive.sheets.drawing import Drawn, variants
from derive.sheets.exercise import Exercise, key, sheet

#: Formats that a student may fill and a reader reads are tex and ipynb; pdf and html are for paper.
FORMATS = ("tex", "pdf", "html", "ipynb")
PROBLEM = "problem.toml"
#: Variants that wait for a process, for each of them: the next are drawn while these are worked out.
_WAITING = 8


class WrongKey(DeriveError):
    """A key that `derive verify` does not find right: nothing is written of it."""

    exit_code = 1


@dataclass(frozen=True)
class Order:
    """What is wanted. check : hold every key against its problem before it is handed out."""

    exercise: str
    count: int
    seed: int
    formats: tuple[str, ...]
    check: bool = True

    @property
    def folders(self) -> list[str]:
        """variant-01, ...: of equal length, so that they sort."""
        digits = max(2, len(str(self.count)))
        return [f"variant-{number:0{digits}}" for number in range(1, self.count + 1)]

    @property
    def names(self) -> list[str]:
        """The files of a variant."""
        return [f"{what}.{form}" for what in ("sheet", "key") for form in self.formats] + [PROBLEM]


@dataclass(frozen=True)
class Made:
    """The files of one variant by name, and its line in the index."""

    files: dict[str, bytes]
    entry: dict[str, Any]


def make(order: Order, jobs: int = 1) -> Iterator[Made]:
    """All variants in order, as they are done.

    jobs : processes. Raises WrongKey, UsageError where there are not so many variants, and what TeX raises.
    """
    exercise = find_exercise(order.exercise)
    drawn = variants(exercise.name, exercise.draw, order.count, order.seed)
    numbers = range(1, order.count + 1)
    if jobs == 1 or order.count == 1:
        for number, each in zip(numbers, drawn, strict=True):
            yield _made(order, number, each)
        return
    context = multiprocessing.get_context("spawn")  # a thread may be showing progress
    with ProcessPoolExecutor(jobs, context, initializer=_quiet) as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for number, each in zip(numbers, drawn, strict=True):
                waiting.append(pool.submit(_made, order, number, each))
                if len(waiting) >= _WAITING * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _quiet() -> None:
    """Ctrl-C is for the parent, which ends its children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _made(order: Order, number: int, drawn: Drawn) -> Made:
    exercise = find_exercise(order.exercise)
    variant = exercise.work(drawn)
    documents = {
        "sheet": sheet(exercise, variant, number, order.seed),
        "key": key(exercise, variant, number, order.seed),
    }
    tex = {what: to_latex(document) for what, document in documents.items()}
    if order.check:
        check_key(exercise, documents["key"], variant.problem, number, tex["key"])
    files = {
        f"{what}.{form}": _written(document, tex[what], form)
        for what, document in documents.items()
        for form in order.formats
    }
    files[PROBLEM] = variant.problem.encode()
    entry = {
        "variant": number,
        "folder": order.folders[number - 1],
        "parameters": dict(variant.parameters),
        "answers": variant.answers,
        "asked": len(variant.questions),
        "operations": dict(variant.operations),
        "checked": order.check,
    }
    return Made(files, entry)


def check_key(exercise: Exercise, document: Document, problem: str, number: int, tex: str | None = None) -> None:
    """Raise WrongKey unless every row of the key is proved from the problem, as a student's would have to be.

    tex : the key in LaTeX, where that is written already.
    """
    from derive.verification.checking import Verifier
    from derive.verification.problems import read_problem

    report = Verifier(read_problem(problem)).verify(to_latex(document) if tex is None else tex, ".tex")
    if report.verdict != "correct":
        row = next(line for line in report.lines if line.verdict.verdict != "correct")
        told = f"variant {number} of {exercise.name}: row {row.number} of its key is {row.verdict.verdict}"
        raise WrongKey(f"{told}, {row.verdict.reason or row.read_as}; please report this")


def _written(document: Document, tex: str, form: str) -> bytes:
    match form:
        case "tex":
            return tex.encode()
        case "html":
            from derive.html.page import to_html

            return to_html(document).encode()
        case "ipynb":
            from derive.notebook import to_notebook

            return to_notebook(document).encode()
    from derive.pdf import compile_pdf

    return compile_pdf(tex)


# --- the index --------------------------------------------------------------------------------------------------------


def index_json(order: Order, entries: Sequence[dict[str, Any]]) -> bytes:
    """What the variants are, as data; the teacher's, for it holds the answers."""
    data = {"exercise": order.exercise, "seed": order.seed, "variants": list(entries)}
    return (json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def index_csv(entries: Sequence[dict[str, Any]]) -> bytes:
    """A row a variant: its folder, what was drawn, and its answers in order."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    parameters = list(dict.fromkeys(name for entry in entries for name in entry["parameters"]))
    asked = max((entry["asked"] for entry in entries), default=0)
    writer.writerow(["variant", "folder", *parameters, *(f"answer {k}" for k in range(1, asked + 1))])
    for entry in entries:
        answers = [f"{left} = {right}" for left, right in entry["answers"].items()]
        drawn = [_cell(entry["parameters"].get(name, "")) for name in parameters]
        writer.writerow([entry["variant"], entry["folder"], *drawn, *answers])
    return file.getvalue().encode()


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
