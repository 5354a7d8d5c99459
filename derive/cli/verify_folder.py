"""All works of a folder, each against its problem: a line for each file and totals, or one JSON object a file."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from derive.cli.options import read_text
from derive.cli.progress import Progress
from derive.errors import DeriveError, UsageError
from derive.reading.characters import shown

if TYPE_CHECKING:
    from derive.marking.judge import Request
    from derive.marking.results import Results
    from derive.reading.latex.vocabulary import Vocabulary

SUFFIXES = (".tex", ".md", ".txt", ".ipynb", ".py")
#: Works for which another process is worth its start, where --jobs is not given.
FEW = 30
#: Sentences are cut to this many characters.
WIDTH = 90
_WORDS = {"correct": "correct", "wrong": "wrong", "undecided": "not decided", "unread": "not read"}


@dataclass(frozen=True)
class Batch:
    """All works of a folder.

    problem_of : the problem of a work, by its file: a name of the catalogue or a path.  title : what it is called.
    vocabulary : of the problem, where all works have one.
    hint : say which rows are wrong, not why.  seconds : for one work.  jobs, scheduler : as `judged_all` takes them.
    out : a folder for results, marks and the overview of the class.
    """

    folder: Path
    problem_of: Callable[[Path], str]
    title: str
    vocabulary: Vocabulary | None
    seed: int
    hint: bool
    seconds: float
    run_code: bool
    jobs: int | None = None
    scheduler: str | None = None
    out: Path | None = None
    force: bool = False

    def works(self) -> list[Path]:
        """Sorted by name. Raises UsageError where there is none."""
        files = sorted(file for file in self.folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
        if not files:
            raise UsageError(f"{self.folder} holds no work: no file ends in {', '.join(SUFFIXES)}")
        return files


def judge_folder(batch: Batch, as_json: bool) -> int:
    """Print the verdict on every work, sorted by name. Returns the exit code: 1 where one is wrong, else the worst."""
    files = batch.works()
    if batch.out is None:
        return _told(batch, files, None, as_json)
    from derive import __version__
    from derive.marking.results import Results

    order = {
        "derive": __version__, "problem": batch.title, "seed": batch.seed, "hint": batch.hint, "timeout": batch.seconds,
        "run_code": batch.run_code,
    }  # fmt: skip
    with closing(Results(batch.out, order, force=batch.force)) as results:
        code = _told(batch, files, results, as_json)
        results.finish({file.name for file in files})
        from derive.cli.render import rendered
        from derive.marking.overview import overview

        results.write_overview(rendered(overview(batch.title, results.rows(), batch.vocabulary), "html"))
    click.echo(f"wrote {', '.join(_made(batch.out))}", err=True)
    return code


def _made(out: Path) -> list[str]:
    from derive.marking.results import MARKS, OVERVIEW, RESULTS

    return [str(out / name) for name in (RESULTS, MARKS, OVERVIEW)]


def _told(batch: Batch, files: list[Path], results: Results | None, as_json: bool) -> int:
    """Print each verdict as it comes; what `results` has already is counted and not printed again."""
    from derive.marking.judge import exit_code
    from derive.marking.spreading import judged_all

    width = min(max(len(shown(file.name)) for file in files), 40)
    names = {file.name for file in files}
    codes: Counter[int] = Counter()
    found: Counter[str] = Counter()
    digests: dict[str, str] = {}

    def count(data: Mapping[str, Any]) -> None:
        codes[exit_code(data)] += 1
        found["not judged" if "error" in data else _WORDS[data["verdict"]]] += 1

    jobs = batch.jobs or min(os.cpu_count() or 1, max(len(files) // FEW, 1))
    answers = judged_all(_requests(batch, files, results, digests), jobs, batch.scheduler)
    started, done = time.monotonic(), 0
    with Progress() as progress, closing(answers):
        for answer in answers:
            done += 1
            name = answer.data["file"]
            if results is None:
                count(answer.data)
            else:
                results.add(digests.pop(name), answer.data)
            told = json.dumps(answer.data, allow_nan=False) if as_json else _line(answer.data, width, batch.hint)
            progress.echo(told)
            progress.doing(_pace(done, len(files), time.monotonic() - started))
    if results is not None:
        for row in results.rows():
            if row["file"] in names:
                count(row)
    if not as_json:
        counts = ", ".join(f"{number} {word}" for word, number in sorted(found.items()))
        earlier = f" ({len(files) - done} judged before)" if done < len(files) else ""
        click.echo(f"{len(files)} work{'s' if len(files) > 1 else ''}: {counts}{earlier}")
    return 1 if codes[1] else max(codes)


def _requests(
    batch: Batch, files: Iterable[Path], results: Results | None, digests: dict[str, str]
) -> Iterator[Request]:
    """One for each work that is not judged yet; a work that cannot be read is one as well, refused."""
    from derive.marking.judge import Request
    from derive.marking.results import digest_of

    texts = cache(_problem)
    for file in files:
        text, refused = "", None
        problem, path = "", None
        try:
            text = read_text(str(file))
            problem, path = texts(batch.problem_of(file))
        except DeriveError as error:
            refused = (error.code, error.message)
        digest = digest_of(f"{problem}\n{refused}\n{text}")
        if results is not None and results.has(file.name, digest):
            continue
        digests[file.name] = digest
        yield Request(
            file=file.name, text=text, suffix=file.suffix.lower(), problem=problem, path=path, seed=batch.seed,
            seconds=batch.seconds, hint=batch.hint, run_code=batch.run_code, refused=refused,
        )  # fmt: skip


def _problem(given: str) -> tuple[str, str | None]:
    """The name of a problem, or the text of its file and where that is, so that a worker elsewhere needs no file."""
    from derive.verification.library import catalogue_titles
    from derive.verification.toml_text import text_of

    return (given, None) if given in catalogue_titles() else (text_of(given), given)


def _pace(done: int, of: int, seconds: float) -> str:
    rate = done / max(seconds, 1e-3)
    left = (of - done) / rate
    return f"{done} of {of} works, {rate:.0f} a second, {left:.0f} s left"


def _line(data: Mapping[str, Any], width: int, hint: bool) -> str:
    """Name, verdict, and of a work that is not right the row to look at first, with what is wrong there."""
    name = shown(data["file"])
    if "error" in data:
        return f"{name:{width}}  not judged   {data['error']['message']}"
    verdict = f"{name:{width}}  {_WORDS[data['verdict']]:11}"
    first = next((line for line in data["lines"] if line["verdict"] == data["verdict"]), None)
    if data["verdict"] == "correct" or first is None:
        return verdict.rstrip()
    reason = first["slips"][0]["sentence"] if first["slips"] else first["reason"]
    told = f"{verdict}  row {first['line']}" + (f": {reason}" if reason and not hint else "")
    return told if len(told) <= width + WIDTH else told[: width + WIDTH - 3] + "..."
