"""Worked solutions of scalar functions that are only a formula and a point."""

from __future__ import annotations

from derive.checks.report import check
from derive.document import Document
from derive.reading.points import read_point
from derive.solutions.trace import trace_document
from derive.subjects.catalogue import Entry
from derive.tracing import trace
from derive.worked import work_out

#: Up to this many lines the steps are shown and run, and the many evaluations of central differences are affordable.
SHORT = 30
FORMULAS = {
    "logarithm": ("ln(x1*x2) + x1/x2", "x1=3,x2=2"),
    "neuron": ("tanh(w1*x1 + w2*x2 + b)", "w1=0.5,x1=1,w2=-0.25,x2=2,b=0.1"),
}


def solution(entry: Entry, *, inputs: int = 5) -> Document:
    """Trace, gradient, steps and checks of one formula.

    inputs : how many factors the product has.
    """
    if entry.name == "speelpenning":
        formula, point = product(inputs)
    else:
        formula, point = FORMULAS[entry.name]
    worked = work_out(trace(formula), read_point(point))
    short = len(worked.program) <= SHORT
    return trace_document(
        worked,
        title=entry.title,
        subtitle=entry.source,
        mode="reverse" if worked.tangent is None else "both",
        steps=short,
        checks=check(worked, against="all" if short else ("torch", "complex-step", "certified")),
    )


def product(inputs: int) -> tuple[str, str]:
    """x1*x2*...*xn at x_k = 2, 0.5, 1.5, 0.75 in turn, so that a thousand factors stay in range."""
    names = [f"x{k}" for k in range(1, inputs + 1)]
    values = ("2", "0.5", "1.5", "0.75")
    return "*".join(names), ",".join(f"{name}={values[k % 4]}" for k, name in enumerate(names))
