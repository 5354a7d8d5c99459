"""`derive.verify`: a work against a problem, from text to a report."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from derive.errors import ReadingError, UsageError
from derive.reading.latex.rows import Row, read_work
from derive.verification.judging import Judging
from derive.verification.problems import Problem, load_problem
from derive.verification.report import Line, Report, Slip, counterexample, read_as, shown
from derive.verification.spellings import Spellings, of_work
from derive.verification.verdicts import Judged

SUFFIXES = (".tex", ".md", ".txt", ".ipynb")
#: Wrong rows whose diagnosis is kept before all are forgotten again.
KEPT = 1024


class Verifier:
    """A problem made ready once, for any number of works. `seed` decides the draws and never a verdict."""

    def __init__(self, problem: Problem | str, seed: int = 0) -> None:
        self.problem = load_problem(problem) if isinstance(problem, str) else problem
        self.seed = seed
        self.judging = Judging(self.problem, seed)
        self._told: dict[Hashable, tuple[Sequence[Slip], str | None, Sequence[str], int]] = {}

    def verify(self, text: str, suffix: str = ".tex", file: str | None = None) -> Report:
        """The verdict on every row of a work.

        text : LaTeX, Markdown, plain text or a notebook, as `suffix` says.
        Raises ReadingError where there is no formula in it at all, LimitError where it is too long to be looked at.
        """
        rows = read_work(text, suffix, self.problem.vocabulary)
        if not rows:
            raise ReadingError("there is no formula in this work", text[:80])
        return Report(self.problem.title, self.lines(rows), self.seed, file, self.problem.vocabulary)

    def lines(self, rows: Sequence[Row]) -> list[Line]:
        found: list[Line] = []
        spellings = of_work(self.problem, rows)

        def look(judged: Judged) -> None:
            line = Line(judged, read_as(judged.row))
            decision = judged.verdict.decision
            if decision is not None and decision.witness is not None and judged.verdict.model is not None:
                differs = self._at_values(judged) or counterexample(decision.witness, judged.verdict.model)
                line.counterexample, line.left, line.right = differs
            elif judged.verdict.evidence == "shape":
                line.counterexample = {"shapes": dict(self.judging.models[0].sizes)}
            if judged.verdict.verdict == "wrong":
                self._diagnose(line, spellings)
            found.append(line)

        self.judging.judge(rows, look)
        return sorted(found, key=lambda line: line.number)

    def _diagnose(self, line: Line, spellings: Spellings) -> None:
        """Say what is wrong with a row; what was said of the same row in another work is said again."""
        from derive.verification.diagnosis import diagnosed

        key, first = self._same(line, spellings), line.judged.row.at.line
        if key is not None and key in self._told:
            slips, line.expected, line.steps, before = self._told[key]
            line.slips = [slip.moved(first - before) for slip in slips]
            return
        diagnosed(line, self.judging, spellings)
        if key is not None:
            if len(self._told) >= KEPT:
                self._told.clear()
            self._told[key] = (line.slips, line.expected, line.steps, first)

    def _same(self, line: Line, spellings: Spellings) -> Hashable:
        """All that a diagnosis depends on; None where it is more: names that the work defines, numbers."""
        verdict, row = line.verdict, line.judged.row
        head, link, comparing = verdict.head, verdict.link, self.judging.comparing
        if head is None or link is None or verdict.statement is None or verdict.numbers:
            return None
        conditions = (*verdict.statement.conditions, *(self.judging.head[1] if self.judging.head is not None else ()))
        if comparing.reads_definitions(head, link.tree, conditions):
            return None
        mistakes = [each for each in self.judging.following.mistakes if each.row != row.number]
        if any(comparing.reads_definitions(each.head, each.right, each.conditions) for each in mistakes):
            return None
        return (head, link.tree, link.relation, conditions, row.text, row.at.column, tuple(mistakes), spellings.key())

    def _at_values(self, judged: Judged) -> tuple[dict[str, Any], str, str] | None:
        """Both sides of a wrong row at the problem's own values, where they differ there."""
        verdict = judged.verdict
        if verdict.head is None or verdict.link is None or verdict.carried_from is not None:
            return None
        sides = self.judging.links.apart_at_values(verdict.head, verdict.link.tree)
        if sides is None:
            return None
        given = {name: _number(value) for name, value in self.problem.values.items() if isinstance(value, Fraction)}
        return given, shown(sides[0]), shown(sides[1])


def _number(value: Fraction) -> Any:
    return int(value) if value.denominator == 1 else float(value)


def verify(
    work: str,
    problem: Problem | str,
    *,
    suffix: str = "",
    seed: int = 0,
    run_code: bool = False,
    seconds: float = 10.0,
) -> Report:
    """Whether a derivation is right, row by row.

    work : the text of a derivation, or the path of a file.  problem : a catalogue name, the path of a TOML file, or a
    Problem.  suffix : ".tex", ".md", ".txt", ".ipynb" or ".py"; read off a path, else LaTeX where there is a backslash.
    run_code : run Python work, in a confined process, for at most `seconds`; without it Python is refused.
    Raises ReadingError where nothing can be read, UsageError for an unknown problem or for Python that may not be run.
    """
    suffixes = (*SUFFIXES, ".py")
    path = Path(work) if "\n" not in work and len(work) < 1000 and work.endswith(suffixes) else None
    text = work
    if path is not None and path.is_file():
        text = path.read_text(encoding="utf-8")
        suffix = suffix or path.suffix
    suffix = suffix or (".tex" if "\\" in text or "$" in text else ".txt")
    file = None if path is None else str(path)
    if suffix == ".py" and not run_code:
        raise UsageError("Python work is run to be verified; allow that with run_code=True")
    if run_code and suffix in (".py", ".ipynb"):
        from derive.verification.code_checking import verify_python

        return verify_python(lambda: Verifier(problem, seed), text, suffix, seconds=seconds, file=file)
    return Verifier(problem, seed).verify(text, suffix, file)
