"""Optimisers as equations, and the two conventions of momentum unrolled over two steps to show where they part."""

from __future__ import annotations

import re

from derive import tree as t
from derive.document import Block, Display, Document, Heading, Inline, Line, Prose
from derive.program import Equation, Program
from derive.reading.equations import read_equations
from derive.reading.reader import read
from derive.rules import cases, collecting
from derive.rules.rewriting import exhausted
from derive.subjects.catalogue import Entry
from derive.subjects.layers.catalogue import find_layer
from derive.writing import shapes_of, tree_of_equation

#: What stands in the lines of the catalogue -> the formula in the plain notation.
FORMULAS = {
    "decay/2*sum w^2": "decay/2*sum(i) w[i]^2",
    "decay*w": "decay*w",
    "1 - lr*decay": "1 - lr*decay",
    "w - lr*(g + mu*v)": "w - lr*(g + mu*v)",
}

NAMES = ("gradient_descent", "weight_decay", "momentum", "nesterov", "adam", "adamw")

#: Two steps of each convention with rates of their own: g1, g2 are the gradients, r1, r2 the learning rates.
TWO_STEPS = {
    "torch": """\
w : n
g1 : n
g2 : n
v1[i] = g1[i]
w1[i] = w[i] - r1*v1[i]
v2[i] = mu*v1[i] + g2[i]
w2[i] = w1[i] - r2*v2[i]
""",
    "textbook": """\
w : n
g1 : n
g2 : n
v1[i] = -r1*g1[i]
w1[i] = w[i] + v1[i]
v2[i] = mu*v1[i] - r2*g2[i]
w2[i] = w1[i] + v2[i]
""",
}


def unrolled(convention: str) -> tuple[Program, Equation]:
    """The weights after two steps, in the gradients and rates alone."""
    program = read_equations(TWO_STEPS[convention])
    equation = program.by_name["w2"]
    while True:
        inner = next((name for name in equation.reads if name in program.by_name), None)
        if inner is None:
            break
        put = cases.inserted(program.by_name[inner], equation, program)
        assert put is not None
        equation = put.after
    equation, _ = exhausted((collecting.EXPAND, collecting.COLLECT), equation, program)
    return program, equation


def solution(entry: Entry) -> Document:
    """Every optimiser with its equations, and the difference between the two conventions of momentum."""
    blocks: list[Block] = [
        Prose((t.Name("w"), " are the weights, ", t.Name("g"), " the gradient of the loss by them, ", t.Name("lr"),
               " the learning rate; a name with \"next\" is the value after the step.")),
    ]  # fmt: skip
    for name in NAMES:
        layer = find_layer(name)
        blocks += [Heading(layer.title[0].upper() + layer.title[1:]), Prose(_sentence(layer.sentence)),
                   _equations(read_equations(layer.text()))]  # fmt: skip
        if name == "momentum":
            blocks += [Prose(("The textbook's convention:",)),
                       _equations(read_equations(layer.text({"form": "textbook"})))]  # fmt: skip
    blocks += [
        Heading("Where the two conventions of momentum part"),
        Prose(("Two steps from rest, with the rates ", t.Name("r1"), " and ", t.Name("r2"), ". In torch's form:")),
        _after_two("torch"),
        Prose(("In the textbook's:",)),
        _after_two("textbook"),
        Prose(("The first gradient's second share carries the second rate in the one and the first rate in "
               "the other: with one rate throughout both are the same, and after the rate was lowered torch's "
               "velocity is lowered with it.",)),
    ]  # fmt: skip
    return Document("Optimisers", tuple(blocks), entry.source)


def _sentence(text: str) -> tuple[Inline, ...]:
    """The layer's line as a sentence, its formulas set as such."""
    pieces = re.split("(" + "|".join(map(re.escape, FORMULAS)) + ")", f"{text[0].upper()}{text[1:]}.")
    return tuple(read(FORMULAS[piece]) if piece in FORMULAS else piece for piece in pieces if piece)


def _equations(program: Program) -> Display:
    shapes = shapes_of(program)
    return Display(tuple(Line(tree_of_equation(line, shapes=shapes)) for line in program.equations))


def _after_two(convention: str) -> Display:
    program, equation = unrolled(convention)
    return Display((Line(tree_of_equation(equation, shapes=shapes_of(program))),))
