"""What is said of a wrong row holds: every formula that is shown is read back and judged, at all sizes."""

from __future__ import annotations

import pytest

from derive import tree as t
from derive.reading.latex.rows import read_equation
from derive.verification.report import Line
from derive.verification.slip_context import Context
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


#: y is a vector, n a number.
MEAN = r"""
loss = "L"
equations = ['y = A x', 'L = \frac{1}{n} y^T y']
[names]
A = { shape = ["n", "m"] }
x = { shape = ["m"] }
"""


@pytest.mark.parametrize("work", [r"\frac{\partial L}{\partial y} = n y", r"L = n y^T y", r"L = \frac{2}{n} y^T y"])
def test_no_repair_transposes_a_number(work: str) -> None:
    for slip in only(MEAN, work).slips:
        assert "n^T" not in slip.repair and "2^T" not in slip.repair and "L^T" not in slip.repair


def test_numbers_are_told_from_arrays_by_name() -> None:
    model = verifier(MEAN).judging.models[0]
    context = Context(model, t.Name("L"), t.Name("y"))
    read = {text: read_equation(text, verifier(MEAN).problem.vocabulary).head for text in ("n", "n L", "y", "A x")}
    assert [name for name, tree in read.items() if tree is not None and context.is_number(tree)] == ["n", "n L"]
    for tree in read.values():
        assert tree is not None
        assert bool(context.ill_formed(t.Transpose(tree))) is context.is_number(tree)
