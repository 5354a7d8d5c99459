"""A derivation as a walk: forward through its lines, then back, each derivative with the rules that lead to it."""

from __future__ import annotations

from derive.answers import Answer
from derive.document import Document, Figure, Frame, Walk
from derive.errors import UsageError
from derive.solutions.gradients import gradient_document
from derive.solutions.page import Page
from derive.solutions.trace import chain, trace_document
from derive.worked import Worked


def trace_walk(worked: Worked) -> Walk:
    """Through an evaluation trace and its adjoints. Raises UsageError for several outputs and for very long traces."""
    document = trace_document(worked, mode="reverse", code=False)
    if not document.walk:
        told = "a walk needs one output and a program that is not very long"
        raise UsageError(f"{told}; name an output: derive.watch(derive.reverse(program, output))")
    names = worked.derivation.names
    chains = {step.before.name: chain(step) for step in worked.derivation.steps}
    frames = [
        Frame(sweep, key, said, (chains[names[key]],) if sweep == "reverse" and names[key] in chains else ())
        for sweep, key, said in document.walk
    ]
    return Walk("The reverse sweep, step by step", _figure(document), tuple(frames))


def answer_walk(answer: Answer) -> Walk:
    """Through equations, and back: for every adjoint the partial derivatives of its readers, then the sum of them."""
    page = Page(answer, "medium", {})
    frames = [Frame("forward", line.name, (page.equation(line),)) for line in answer.program.equations]
    for line in answer.derivation.lines:
        for partial in line.partials:
            said = (page.name(partial.of), " reads ", page.name(partial.by), ":")
            frames.append(Frame("reverse", line.of, said, tuple(page.chain(partial.steps))))
        steps = tuple(page.chain(line.own_steps, "the one rule"))
        opening = "Into the rule: " if line.partials and steps else ""
        result = page.equation(line.equation)
        frames.append(Frame("reverse", line.of, (opening, result) if opening else (result,), steps))
    document = gradient_document(answer, detail="low", code=False)
    return Walk("The gradients, step by step", _figure(document), tuple(frames))


def _figure(document: Document) -> Figure:
    return next(block for block in document.blocks if isinstance(block, Figure))
