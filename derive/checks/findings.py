"""What was found when an answer was checked: one finding a check, and the report of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from derive.answers import Answer, Gradient
from derive.checks.index_numbers import Comparison
from derive.errors import DomainError, ProgramError, UsageError


@dataclass(frozen=True, slots=True)
class Finding:
    """what was held against what; passed : None where nothing could be compared, and `text` says why."""

    what: str
    passed: bool | None
    text: str

    @property
    def verdict(self) -> str:
        return "not run" if self.passed is None else "holds" if self.passed else "FAILS"


@dataclass(frozen=True)
class AnswerReport:
    """findings : one a check.  checked : id of a step -> whether it held; a step that could not be run is not in it."""

    findings: tuple[Finding, ...]
    checked: dict[int, bool]

    @property
    def passed(self) -> bool:
        """Whether nothing that was run has failed."""
        return all(finding.passed is not False for finding in self.findings)

    def rows(self) -> list[tuple[str, str, str]]:
        """Check, finding, verdict."""
        return [(finding.what, finding.text, finding.verdict) for finding in self.findings]

    def as_data(self) -> list[dict[str, Any]]:
        return [{"check": each.what, "passed": each.passed, "result": each.text} for each in self.findings]

    def __str__(self) -> str:
        return "\n".join(f"{what}: {text} ({verdict})" for what, text, verdict in self.rows())

    def _repr_html_(self) -> str:
        from derive.display import html_of

        return html_of(self)


def agreement(error: float) -> str:
    """`agree to 2e-16`, `agree exactly`."""
    return f"to {error:.0e}" if math.isfinite(error) and error else "exactly" if not error else "in nothing"


def compared(what: str, answer: Answer, compare: Callable[[Gradient], Comparison | None]) -> Finding:
    """One comparison for every adjoint that has one."""
    found: dict[str, Comparison] = {}
    for line in answer.derivation.lines:
        try:
            one = compare(answer[line.of])
        except (DomainError, ProgramError, UsageError) as reason:
            one = Comparison(False, 0, math.inf, reason.message)
        if one is not None:
            found[line.name] = one
    return finding(what, found)


def finding(what: str, found: dict[str, Comparison]) -> Finding:
    wrong = [f"{name} ({each.reason or f'apart by {each.largest_error:.0e}'})" for name, each in found.items()
             if not each.holds]  # fmt: skip
    if wrong:
        return Finding(what, False, f"wrong for {', '.join(wrong[:3])}")
    run = {name: each for name, each in found.items() if each.points}
    if not run:
        return Finding(what, None, next((each.reason for each in found.values() if each.reason), "nothing to compare"))
    worst = max(each.largest_error for each in run.values())
    names = ", ".join(run) if len(run) <= 4 else f"{len(run)} adjoints"
    return Finding(what, True, f"{names}: agree {agreement(worst)}")
