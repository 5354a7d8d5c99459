"""All works of a folder, each against its problem: a line for each file and totals, or one JSON object a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from derive.cli.options import read_text
from derive.errors import DeriveError, UsageError
from derive.reading.characters import shown

if TYPE_CHECKING:
    from derive.verification.checking import Verifier
    from derive.verification.report import Report

SUFFIXES = (".tex", ".md", ".txt", ".ipynb", ".py")
#: Sentences are cut to this many characters.
WIDTH = 90
_WORDS = {"correct": "correct", "wrong": "wrong", "undecided": "not decided", "unread": "not read"}


def judge_folder(
    folder: Path, verifier: Callable[[Path], Verifier], as_json: bool, hint: bool, seconds: float, run_code: bool
) -> int:
    """Print the verdict on every work, sorted by name, and return the exit code: 1 where one is wrong, else the worst.

    verifier : of a work, by its file.  hint : say which rows are wrong, not why.  seconds : for one file of code.
    """
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise UsageError(f"{folder} holds no work: no file ends in {', '.join(SUFFIXES)}")
    width = min(max(len(shown(file.name)) for file in files), 40)
    codes: Counter[int] = Counter()
    found: Counter[str] = Counter()
    for file in files:
        try:
            report = _report(file, verifier, seconds, run_code)
        except DeriveError as error:
            codes[3] += 1
            found["not judged"] += 1
            told = json.dumps({"file": file.name, "error": {"code": error.code, "message": error.message}})
            click.echo(told if as_json else f"{shown(file.name):{width}}  not judged   {error.message}")
            continue
        codes[min(report.exit_code, 3)] += 1
        found[_WORDS[report.verdict]] += 1
        told = (
            json.dumps(report.data(hint), allow_nan=False) if as_json else _line(report, shown(file.name), width, hint)
        )
        click.echo(told)
    if not as_json:
        counts = ", ".join(f"{count} {word}" for word, count in sorted(found.items()))
        click.echo(f"{len(files)} work{'s' if len(files) > 1 else ''}: {counts}")
    return 1 if codes[1] else max(codes)


def _report(file: Path, verifier: Callable[[Path], Verifier], seconds: float, run_code: bool) -> Report:
    text, suffix = read_text(str(file)), file.suffix.lower()
    if suffix == ".py" and not run_code:
        raise UsageError("Python work is run to be verified; allow that with --run-code")
    if run_code and suffix in (".py", ".ipynb"):
        from derive.verification.code_checking import verify_python

        return verify_python(lambda: verifier(file), text, suffix, seconds=seconds, file=file.name)
    return verifier(file).verify(text, suffix, file.name)


def _line(report: Report, name: str, width: int, hint: bool) -> str:
    """Name, verdict, and of a work that is not right the row to look at first, with what is wrong there."""
    verdict = f"{name:{width}}  {_WORDS[report.verdict]:11}"
    first = next((line for line in report.lines if line.verdict.verdict == report.verdict), None)
    if report.verdict == "correct" or first is None:
        return verdict.rstrip()
    reason = first.slips[0].sentence if first.slips else first.verdict.reason
    told = f"{verdict}  row {first.number}" + (f": {reason}" if reason and not hint else "")
    return told if len(told) <= width + WIDTH else told[: width + WIDTH - 3] + "..."
