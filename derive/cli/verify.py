"""`derive verify`: every row of a hand derivation, right, wrong or not decided, with proof."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from derive.cli.options import processes, read_text, time_limit
from derive.cli.output import show, write_file
from derive.cli.progress import Progress
from derive.cli.verify_folder import SUFFIXES, Batch, judge_folder
from derive.cli.verify_problems import problem_of, problems_of
from derive.errors import UsageError

if TYPE_CHECKING:
    from derive.verification.report import Report

#: Seconds that a process may take to load numpy and torch, beside --timeout.
LOADING = 30.0
FORMATS = ("text", "json", "md", "tex", "pdf", "html", "ipynb")

EPILOG = """\b
Examples:
  derive verify work.tex --problem griewank
  derive verify homework.md --problem layer.toml --hint
  derive verify work.tex --problem mlp --reveal --format html -o marked.html
  derive verify submissions/ --problem mlp
  derive verify submissions/ --problem mlp --jobs 4 -o build/marks     # marks.csv, overview.html; goes on if stopped
  derive verify handed-in/ --problem week3         # variant-07.tex against week3/variant-07/problem.toml
  derive verify backpropagation.py --problem mlp --run-code
  echo '\\bar v_5 = v_4' | derive verify - --problem griewank --json
\b
A row is what \\\\ or the end of a line separates; a chain a = b = c is one row. In Python, a line that assigns.
`derive list` names the problems that are there, `derive problem NAME` prints one as a file to start from.
Exit codes: 0 every row is right; 1 a row is wrong; 2 nothing could be read;
  3 nothing wrong, but a row was not read or not decided; 4 a limit was hit.
"""


@click.command("verify", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("work", metavar="WORK")
@click.option(
    "--problem", "problem", required=True,
    help="A name of the catalogue, a TOML file, or a folder of such files, where a work's is found by its name.",
)  # fmt: skip
@click.option("--hint", is_flag=True, help="Say only which rows are wrong, not why.")
@click.option("--reveal", is_flag=True, help="Show the right formula of a wrong row too.")
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), help="[by the ending of -o, else text]")
@click.option(
    "-o",
    "--out",
    "out",
    help="Write to this file; for a folder of works, keep verdicts, marks and an overview in this folder.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--run-code", "run_code", is_flag=True, help="Run Python work, in a confined process of its own.")
@click.option(
    "--timeout", type=click.FloatRange(0.01, 86400),
    help="Give up after this many seconds a work.  [10; 2 for each work of a folder without --run-code]",
)  # fmt: skip
@click.option("--jobs", type=int, help="Processes that judge the works of a folder.  [as many as there are processors]")
@click.option("--scheduler", metavar="ADDRESS", help="Judge the works of a folder on this Dask cluster.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the points; verdicts do not depend on it.")
def command(
    work: str,
    problem: str,
    hint: bool,
    reveal: bool,
    form: str | None,
    out: str | None,
    force: bool,
    as_json: bool,
    run_code: bool,
    timeout: float | None,
    jobs: int | None,
    scheduler: str | None,
    seed: int,
) -> int:
    """Say of every row of WORK whether it is right, which is the first wrong one, and what is wrong with it.

    WORK is a file of LaTeX, Markdown or plain text, a notebook, Python with --run-code, a folder of such files, of
    which each gets a line, or - for standard input.
    """
    if hint and reveal:
        raise UsageError("--hint keeps back what --reveal shows; give one of them")
    form = "json" if as_json else form or _form_of(out)
    mode = "hint" if hint else "reveal" if reveal else ""
    suffix = Path(work).suffix.lower()
    if work != "-" and suffix not in SUFFIXES and not Path(work).is_dir():
        raise UsageError(f"{work}: work is read from {', '.join(SUFFIXES)}; rename it, or pipe it in as -")
    if suffix == ".py" and not run_code:
        raise UsageError("Python work is run to be verified, in a confined process; allow that with --run-code")
    if Path(work).is_dir():
        return _folder(
            work,
            problem,
            form,
            out,
            Limits(timeout or (10.0 if run_code else 2.0), jobs, scheduler),
            seed,
            hint,
            run_code,
            force,
        )
    if jobs is not None or scheduler is not None:
        raise UsageError("--jobs and --scheduler are for a folder of works")
    code = run_code and suffix in (".py", ".ipynb")
    timeout = timeout or 10.0
    with Progress() as progress, time_limit(timeout + LOADING * code):
        progress.doing("reading")
        from derive.verification.checking import Verifier

        several = problems_of(Path(problem)) if _is_folder(problem) else None
        if several is not None and work == "-":
            raise UsageError("standard input has no name that tells its problem; name the problem's file")
        verifier = functools.cache(
            lambda: Verifier(problem if several is None else str(problem_of(Path(work), several)), seed)
        )
        text = read_text(work)
        if work == "-":
            suffix = ".tex" if "\\" in text or "$" in text else ".txt"
        progress.doing("judging")
        if code:
            from derive.verification.code_checking import verify_python

            report = verify_python(verifier, text, suffix, seconds=timeout, file=work)
        else:
            report = verifier().verify(text, suffix, None if work == "-" else work)
        data = _written(report, form, mode, sys.stdout.isatty() and out is None)
    if out is not None:
        write_file(out, data, force=force, sources=tuple(name for name in (work, problem) if name != "-"))
        click.echo(f"wrote {out}", err=True)
    else:
        show(data)
    return report.exit_code


class Limits(NamedTuple):
    """seconds : for one work.  jobs : processes, None where nothing was asked.  scheduler : of a cluster."""

    seconds: float
    jobs: int | None
    scheduler: str | None


def _folder(
    work: str,
    problem: str,
    form: str,
    out: str | None,
    limits: Limits,
    seed: int,
    hint: bool,
    run_code: bool,
    force: bool,
) -> int:
    if form not in ("text", "json"):
        raise UsageError("a folder is told of on standard output, as text or --json; name a file for the rest")
    several = problems_of(Path(problem)) if _is_folder(problem) else None
    vocabulary = None
    if several is None:
        from derive.verification.problems import load_problem

        vocabulary = load_problem(problem).vocabulary  # what is wrong with it is said once, not for every work
    return judge_folder(
        Batch(
            folder=Path(work), problem_of=lambda file: problem if several is None else str(problem_of(file, several)),
            title=problem, vocabulary=vocabulary, seed=seed, hint=hint, seconds=limits.seconds, run_code=run_code,
            jobs=None if limits.jobs is None else processes(limits.jobs), scheduler=limits.scheduler,
            out=None if out is None else Path(out), force=force,
        ),
        form == "json",
    )  # fmt: skip


def _is_folder(problem: str) -> bool:
    """A name of the catalogue is one also where a folder is called so."""
    from derive.verification.library import catalogue_titles

    return Path(problem).is_dir() and problem not in catalogue_titles()


def _form_of(out: str | None) -> str:
    ending = (out or "").rpartition(".")[2].lower()
    return ending if ending in FORMATS else "text"


def _written(report: Report, form: str, mode: str, color: bool) -> bytes:
    if form == "json":
        return (json.dumps(report.data(mode == "hint"), indent=2, allow_nan=False) + "\n").encode()
    if form == "text":
        from derive.verification.terminal import written

        return written(report, mode, color).encode(sys.stdout.encoding or "utf-8", "backslashreplace")
    from derive.verification.pages import markdown, report_document

    if form == "md":
        return markdown(report, mode).encode()
    from derive.cli.render import rendered

    return rendered(report_document(report, mode), form)
