"""What checks found: one entry a derivative, one result a check, and the report of them as a table and as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

#: Check -> its title, in the order of the table.
TITLES = {
    "torch": "torch autograd",
    "differences": "central differences",
    "complex-step": "complex step",
    "certified": "certified digits",
    "steps": "steps run",
}

#: With fewer right digits in doubles than this, it is said that they lose digits.
FEW_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Entry:
    """One derivative of one output by one input at one point.

    value : ours.  reference : the check's.  error : relative to the contributions; None where not compared: `reason`.
    agrees : where doubles disagree, whether numbers of hundreds of digits agree; None where that was not asked.
    precise : their relative error.
    """

    output: str
    input: str
    value: float
    reference: float | None
    error: float | None
    reason: str = ""
    agrees: bool | None = None
    precise: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """passed : None where nothing was compared, and `reason` says why, or where doubles have no right digit.

    reason : may also say what was left out.  entry : the derivative with the fewest right digits, as "dy/dx".
    error : the largest of the entries, in doubles.  digits : right digits.  run, held : numbers of steps.
    precise : the largest error in numbers of hundreds of digits, which decide where doubles disagree.
    """

    name: str
    passed: bool | None
    reason: str = ""
    error: float | None = None
    entries: tuple[Entry, ...] = ()
    digits: int | None = None
    entry: str = ""
    run: int = 0
    held: int = 0
    precise: float | None = None

    @property
    def text(self) -> str:
        """The finding in a few words."""
        if self.digits is not None:
            if not self.digits:
                found = f"doubles lose all digits of {self.entry}"
            elif self.digits < FEW_DIGITS:
                found = f"doubles lose digits here: {self.digits} of 17 right in {self.entry}"
            else:
                found = f"{self.digits} of 17 digits of the gradient in doubles are right"
        elif self.run:
            found = f"{self.held} of {self.run} steps hold"
        elif self.error is not None:
            found = f"largest relative error {self.error:.1e}" if self.error else "largest relative error 0"
        else:
            return self.reason
        return found + (f"; {self.reason}" if self.reason else "")

    @property
    def verdict(self) -> str:
        if self.passed is None:
            return "not run" if self.digits is None else "lost"
        return "holds" if self.passed else "FAILS"


@dataclass(frozen=True)
class CheckReport:
    """What the gradient was held against.

    results : one for each check asked for.  points : input label -> value, as text, for each point.
    remarks : branches of kinked lines that no point reaches.
    """

    results: tuple[Result, ...]
    points: tuple[Mapping[str, str], ...] = field(default=())
    remarks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no check that was run has failed."""
        return all(result.passed is not False for result in self.results)

    @cached_property
    def by_name(self) -> dict[str, Result]:
        return {result.name: result for result in self.results}

    def rows(self) -> list[tuple[str, str, str]]:
        """Check, finding, verdict."""
        return [(TITLES[result.name], result.text, result.verdict) for result in self.results]

    def as_data(self) -> dict[str, Any]:
        """For JSON; null for a check that was not asked for or could not be run.

        high_precision_error : null where doubles agreed, and nothing else was asked.
        """
        data: dict[str, Any] = {}
        for key, name in (("torch", "torch"), ("central_difference", "differences"), ("complex_step", "complex-step")):
            result = self.by_name.get(name)
            data[key] = None
            if result is not None and result.error is not None:
                data[key] = {
                    "max_relative_error": result.error if isfinite(result.error) else "inf",
                    "high_precision_error": result.precise,
                    "passed": result.passed,
                }
        certified = self.by_name.get("certified")
        data["certified_digits"] = certified.digits if certified else None
        steps = self.by_name.get("steps")
        data["steps"] = {"run": steps.run, "held": steps.held} if steps is not None and steps.run else None
        return data

    def __str__(self) -> str:
        rows = [("check", "result", "verdict"), *self.rows()]
        widths = [max(len(row[k]) for row in rows) for k in range(2)]
        lines = [f"{row[0].ljust(widths[0])}  {row[1].ljust(widths[1])}  {row[2]}" for row in rows]
        for at in self.points:
            lines.append("at " + ", ".join(f"{name} = {value}" for name, value in list(at.items())[:10]))
        return "\n".join(line.rstrip() for line in (*lines, *self.remarks))

    def _repr_html_(self) -> str:
        import html  # for notebooks only

        head = "".join(f"<th>{title}</th>" for title in ("check", "result", "verdict"))
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows()
        )
        remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in self.remarks)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{remarks}"
