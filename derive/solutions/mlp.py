"""The backpropagation equations of a multilayer perceptron, for a layer that is only called l.

Every formula comes from derive.subjects.mlp, which lets the one rule work on the forward equations.
"""

from __future__ import annotations

from collections.abc import Iterable

from derive import tree as t
from derive.aligned import aligned
from derive.checks.index_steps import run_gradients, run_steps, with_adjoints
from derive.conventions import LOSS, Notation
from derive.document import Block, Bullets, Display, Document, Heading, Line, Prose
from derive.gradients import Adjoint
from derive.program import Equation
from derive.step import Step
from derive.subjects import mlp
from derive.subjects.catalogue import Entry
from derive.writing import shapes_of, tree_of_equation

#: As on the sheet: the layer above in brackets, indices from 1, the error signal delta, the loss a script L.
NOTATION = Notation(
    layered=frozenset({"w", "b", "a", "z", "n", "f", "a_bar", "z_bar", "w_bar", "b_bar"}),
    base=1,
    limits=True,
    symbols={"z_bar": "delta", "C": LOSS},
    adjoints={"w_bar": ("C", "w"), "b_bar": ("C", "b"), "a_bar": ("C", "a")},
    first=frozenset({"z_bar", "a_bar"}),
    kronecker=False,
)


def solution(entry: Entry) -> Document:
    """The worked solution: forward equations, the steps, equations (4) to (7), and what was run."""
    made = mlp.backpropagation()
    program = made.gradients.primal
    shapes = shapes_of(made.gradients.around)

    def line(equation: Equation, reason: str = "", number: str = "") -> Line:
        return Line(tree_of_equation(equation, NOTATION, shapes=shapes), reason, number)

    def chain(steps: Iterable[Step]) -> Display:
        return aligned(steps, NOTATION, shapes=shapes)

    def partials(adjoint: Adjoint) -> list[Block]:
        return [chain(partial.steps) for partial in adjoint.partials]

    z, a, loss = program.equations
    blocks: list[Block] = [
        Heading("The network"),
        Prose(("A layer ", t.Name("l"), " weighs the activations of the layer before it and applies its activation "
               "function; layer 0 is the input, layer ", t.Name("L"), " the output. Activations ", t.Name("f"),
               " and the loss ", t.Name("e"), " of an output are only named.")),
        Display((line(z), line(a), line(loss))),
        Heading("The one rule"),
        Prose(("The layer is an index like any other. The derivative of the loss by an entry is the sum, over "
               "the equations that read it and over their indices, of what the loss changes with the equation's value "
               "times what the value changes with the entry. The error signal of a layer is the derivative of the loss "
               "by its pre-activations.",)),
        Display((line(made.gradients["z"].rule), line(made.gradients["a"].rule), line(made.gradients["w"].rule),
                 line(made.gradients["b"].rule))),
        Heading("Weights and biases"),
        Prose(("An entry of ", t.Name("w"), " is read by one pre-activation only: Kronecker's delta picks its layer, "
               "its unit and its input.")),
        *partials(made.gradients["w"]),
        chain(made.gradients["w"].own_steps),
        Display((line(made.weights, number="4"),)),
        *partials(made.gradients["b"]),
        chain(made.gradients["b"].own_steps),
        Display((line(made.biases, number="7"),)),
        Heading("The error signal"),
        Prose(("An activation is read by the layer above it, and those of the last layer by the loss.",)),
        *partials(made.gradients["a"]),
        chain(made.gradients["a"].own_steps),
        Prose(("A pre-activation is read by its own activation.",)),
        *partials(made.gradients["z"]),
        chain(made.gradients["z"].own_steps),
        Prose(("Put together:",)),
        chain(made.delta_steps),
        Heading("The last layer"),
        chain(made.last_steps),
        Display((line(made.last, number="5"),)),
        Heading("The hidden layers"),
        chain(made.hidden_steps),
        Display((line(made.hidden, number="6"),)),
        Heading("Checks"),
        _checked(made),
    ]  # fmt: skip
    return Document("Backpropagation in a multilayer perceptron", tuple(blocks), entry.source)


def _checked(made: mlp.Backpropagation) -> Block:
    """How many steps were run, on which networks, and held."""
    samples = with_adjoints(made.gradients)
    cases = (*made.delta_steps, *made.last_steps, *made.hidden_steps)
    checked = {**run_gradients(made.gradients), **run_steps(cases, made.gradients.primal, samples=samples)}
    held = sum(each.holds for each in checked.values())
    depths = ", ".join(str(sample.sizes["L"]) for sample in samples)
    return Bullets((
        (f"{held} of {len(checked)} steps hold: both sides were evaluated on networks of {depths} layers whose sizes "
         "all differ, with functions drawn for f and e.",),
    ))  # fmt: skip
