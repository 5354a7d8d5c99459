"""Softmax and cross-entropy: the Jacobian p_i (δ_im - p_m), the collapse to p - y, and the Hessian.

That the targets of a sample add up to 1 is used in one named step; the formula before that step holds without it.
"""

from __future__ import annotations

from collections.abc import Iterable

from derive import tree as t
from derive.aligned import aligned
from derive.checks.index_steps import environments, run_gradients, run_steps, with_adjoints
from derive.conventions import LOSS, Notation
from derive.document import Block, Bullets, Display, Document, Heading, Line, Prose
from derive.gradients import gradients
from derive.program import Equation
from derive.reading.equations import read_equations
from derive.rules import cases, collecting, sums
from derive.rules.rewriting import step
from derive.seconds import second_derivative
from derive.step import Step
from derive.subjects.catalogue import Entry
from derive.writing import shapes_of, tree_of_equation

TEXT = """\
z : n
y : n
p = softmax(z)
L = -sum(i) y[i]*log(p[i])
"""
TARGETS = collecting.known_sum("y", 1, "the targets of a sample are a distribution over the classes")


def collapse() -> tuple[Equation, Equation, tuple[Step, ...]]:
    """dL/dz before the targets are known to add up to 1, after it, and the steps that lead there."""
    made = gradients(read_equations(TEXT), ["z"])
    around = made.around
    put = cases.inserted(made["p"].equation, made["z"].equation, around)
    assert put is not None
    steps = [put]
    for rule in (collecting.EXPAND, sums.PULL_OUT, collecting.CANCEL):
        found = step(rule, steps[-1].after, around)
        assert found is not None
        steps.append(found)
    general = steps[-1].after
    last = step(TARGETS, general, around)
    assert last is not None
    return general, last.after, (*steps, last)


def solution(entry: Entry) -> Document:
    """The worked solution."""
    program = read_equations(TEXT)
    made = gradients(program, ["z"])
    general, after, steps = collapse()
    second = second_derivative(made, "z", "z")
    shapes = shapes_of(made.around)
    notation = Notation(symbols={"L": LOSS}, adjoints={"z_bar": ("L", "z"), "p_bar": ("L", "p")}, tight=True)

    def chain(found: Iterable[Step]) -> Display:
        return aligned(found, notation, shapes=shapes)

    def shown(equation: Equation, number: str = "") -> Display:
        return Display((Line(tree_of_equation(equation, notation, shapes=shapes), number=number),))

    known = run_gradients(made) | run_steps([*steps[:-1], *second.steps], program, samples=with_adjoints(made))
    held = sum(each.holds for each in known.values())
    blocks: list[Block] = [
        Heading("The layer and the loss"),
        Display(tuple(Line(tree_of_equation(line, notation, shapes=shapes)) for line in program.equations)),
        Heading("The Jacobian of the softmax"),
        Prose(("Every output depends on every input, through the sum below.",)),
        *(chain(partial.steps) for partial in made["z"].partials),
        Heading("The loss by the probabilities"),
        *(chain(partial.steps) for partial in made["p"].partials),
        chain(made["p"].own_steps),
        Heading("The loss by the inputs"),
        chain(made["z"].own_steps),
        Prose(("The derivative by the probabilities is put in.",)),
        chain(steps[:-1]),
        shown(general, "1"),
        Prose(("So far ", t.Name("y"), " may be any vector. Where its entries add up to 1:")),
        chain(steps[-1:]),
        shown(after, "2"),
        Heading("The second derivative"),
        Prose(("The derivative is differentiated again; where ", t.Name("y"), " adds up to 1, this is diag(",
               t.Name("p"), ") less the outer product of ", t.Name("p"), " with itself.")),
        shown(second.equation, "3"),
        Heading("Checks"),
        Bullets(((f"{held} of {len(known)} steps hold on random vectors of several lengths; the last one was run "
                  "on targets that add up to 1." if _last_holds(steps[-1]) else "the last step failed",),)),
    ]  # fmt: skip
    return Document("Softmax and cross-entropy", tuple(blocks), entry.source)


def _last_holds(last: Step) -> bool:
    """The step that uses the sum of the targets, run where they do add up to 1, and seen to fail where they do not."""
    import numpy as np

    from derive.checks.index_steps import run_step

    made = gradients(read_equations(TEXT), ["z"])
    outcomes = []
    for total in (1.0, 2.0):
        samples = environments(made.around)
        for sample in samples:
            targets = sample.read("y").array
            probabilities = np.abs(targets) / np.abs(targets).sum() * total
            sample.put(made.around.heads["y"], probabilities)
        outcomes.append(run_step(last, made.around, samples=samples).holds)
    return outcomes == [True, False]
