"""What is said of a wrong row holds: every formula that is shown is read back and judged, at all sizes."""

from __future__ import annotations

import pytest

from derive.verification.report import Line
from tests.test_verification_works import verifier


def only(problem: str, work: str) -> Line:
    """The one wrong row of a work."""
    return next(line for line in verifier(problem).verify(work, ".tex").lines if line.verdict.verdict == "wrong")


@pytest.mark.parametrize("work", [r"dZ_2 = P - Y + [N = 3]", r"dZ_2 = (P - Y) (1 + [N = 3])"])
def test_a_slip_holds_at_sizes_where_a_condition_was_never_met(work: str) -> None:
    """1/N undone leaves [N = 3], which is 0 at the first sizes."""
    line = only("two-layer-softmax", work)
    for slip in line.slips:
        if slip.name != "no known pattern":
            assert "N = 3" not in slip.repair
    judged = verifier("two-layer-softmax").verify(line.expected or "", ".tex")
    assert judged.verdict == "correct"
