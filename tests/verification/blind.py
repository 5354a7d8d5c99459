"""The blind corpora: works with one mistake each, by people who did not know the library of slips.

    python tests/verification/blind.py [--misses] [--corpus FOLDER] [FILE ...]

FOLDER : verify_blind or verify_blind2 in tests/; both, one after the other, if it is not given.
FILE : names of files in the folder without ending; all of them if none is given. The labels.toml of each folder says
which slips are accepted for each mistake; it was written from the descriptions, before anything was run.
"""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from derive.verification.checking import Verifier
from derive.verification.problems import read_problem
from derive.verification.report import Report

TESTS = Path(__file__).parents[1]
CORPORA = ("verify_blind", "verify_blind2")
UNNAMED = "no known pattern"


@dataclass
class Figures:
    """works : looked at.  found : first wrong row as said.  first : its first name is accepted.

    listed : an accepted name is among those that are consistent with the row.  other : names, none of them accepted.
    unnamed : no name.  nameless : works for which the library has no name, of which `spared` got none.
    """

    works: int = 0
    found: int = 0
    first: int = 0
    listed: int = 0
    other: int = 0
    unnamed: int = 0
    nameless: int = 0
    spared: int = 0
    misses: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def text(self) -> str:
        def share(count: int, of: int) -> str:
            return f"{count} of {of} = {100 * count / max(of, 1):.1f} %"

        lines = [
            f"works {self.works}",
            f"first wrong row found: {share(self.found, self.works)}",
            f"an accepted slip named first: {share(self.first, self.works)}",
            f"an accepted slip among those named: {share(self.listed, self.works)}",
            f"only others named: {share(self.other, self.works)}",
            f"no name: {share(self.unnamed, self.works)}",
            f"works without an accepted name: {self.nameless}, of which no name was given to {self.spared}",
            f"seconds {self.seconds:.0f}",
        ]
        return "\n".join(lines)


def works(corpus: str, files: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """The works of a corpus, each with its accepted names under `labels`."""
    folder = TESTS / corpus
    labels = tomllib.loads((folder / "labels.toml").read_text(encoding="utf-8"))
    for path in sorted(folder.glob("*.toml")):
        if path.stem != "labels" and (not files or path.stem in files):
            for work in tomllib.loads(path.read_text(encoding="utf-8"))["work"]:
                yield {**work, "file": path.stem, "labels": labels[work["name"]]}


@lru_cache(maxsize=8)
def _verifier(problem: str) -> Verifier:
    return Verifier(read_problem(problem) if "\n" in problem else problem)


def _toml(given: dict[str, Any]) -> str:
    """A problem given as a table, as the text of a problem file."""
    lines: list[str] = []
    tables = {key: value for key, value in given.items() if isinstance(value, dict)}
    lines += [f"{key} = {_written(value)}" for key, value in given.items() if key not in tables]
    for name, table in tables.items():
        lines.append(f"[{name}]")
        lines += [f"{_quoted(key)} = {_written(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _quoted(key: str) -> str:
    return f"'{key}'"


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_quoted(key)} = {_written(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def problem_of(work: dict[str, Any]) -> str:
    """The name of a work's problem, or its text."""
    return work.get("problem") or _toml(work["given"])


def suffix_of(text: str) -> str:
    return ".tex" if "\\" in text or "$" in text else ".txt"


def report_of(work: dict[str, Any]) -> Report:
    return _verifier(problem_of(work)).verify(work["rows"], suffix_of(work["rows"]))


def measure(corpus: str, files: Sequence[str] = ()) -> Figures:
    """The figures over these files of a corpus."""
    figures = Figures()
    start = time.process_time()
    for work in works(corpus, files):
        figures.works += 1
        accepted = work["labels"]
        figures.nameless += not accepted
        try:
            report = report_of(work)
        except Exception as reason:  # a traceback is a mistake of the program: it is listed
            figures.misses.append(f"{work['file']} {work['name']}: {reason!r}")
            continue
        told = f"{work['file']} {work['name']} [{work['mistake']}]"
        if report.first_wrong != work["wrong_row"]:
            verdicts = [f"{line.number} {line.verdict.verdict} {line.verdict.reason}" for line in report.lines]
            figures.misses.append(f"{told} first wrong {report.first_wrong}, not {work['wrong_row']}: {verdicts}")
            continue
        figures.found += 1
        line = next(line for line in report.lines if line.number == work["wrong_row"])
        # two slips in one row are named together
        named = [slip.name for slip in line.slips if slip.name != UNNAMED]
        first = line.slips[0].name if line.slips else UNNAMED
        is_accepted = bool(set(named) & set(accepted)) or (first == UNNAMED and UNNAMED in accepted)
        figures.first += first in accepted
        figures.listed += is_accepted
        figures.other += bool(named) and not is_accepted
        figures.unnamed += not named
        figures.spared += not accepted and not named
        if first not in accepted:
            figures.misses.append(f"{told}\n    {line.judged.row.text}\n    named {named}, accepted {accepted}")
    figures.seconds = time.process_time() - start
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--corpus", choices=CORPORA, action="append", help="its folder; both if none is given")
    parser.add_argument("--misses", action="store_true", help="list what was not named as accepted")
    arguments = parser.parse_args()
    for each in arguments.corpus or CORPORA:
        found = measure(each, arguments.files)
        print(f"corpus {each}\n{found.text()}")
        if arguments.misses:
            print("\n".join(["---", *found.misses]))
