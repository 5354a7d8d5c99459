"""What is likely wrong with a wrong row: a named slip that explains it exactly, or the smallest part to replace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from derive.verify.judging import Judging
    from derive.verify.report import Line


def diagnosed(line: Line, judging: Judging) -> None:
    """Add slips and the right formula to a wrong row."""
