"""Gradient descent: equations (1) to (3), the manual update, L2, momentum, and a model that was selected by them."""

from __future__ import annotations

from itertools import pairwise

from derive import tree as t
from derive.aligned import aligned
from derive.answers import grad
from derive.arithmetic import FLOATS
from derive.codegen.updates import UpdateSource
from derive.document import Block, Bullets, Display, Document, Heading, Inline, Line, Listing, Prose, Table
from derive.evaluate import evaluate
from derive.experiments import manual
from derive.experiments.optimisers import update_program
from derive.program import Equation
from derive.public import hessian, jacobian, numbers
from derive.reading.reader import read
from derive.rules import cases
from derive.solutions import optimisers
from derive.solutions.blocks import (
    adjoints,
    code_of,
    equations,
    examined,
    held,
    stored,
    stored_photo,
    table,
    torch_listing,
)
from derive.solutions.tables import number_tree
from derive.subjects import networks
from derive.subjects.catalogue import Entry
from derive.subjects.review import parameter_counts
from derive.terms import Entry as At
from derive.tracing import trace
from derive.writing import shapes_of, tree_of_equation

LOSS = "y : n\nyhat : n\nL = sum(i) (y[i] - yhat[i])^2\nloss L\n"
#: One step against g, of any length: what does the loss change with the length?
STEP = "w : q\ng : q\nw_next[i] = w[i] - alpha*g[i]\nupstream w_next = G\n"
PENALTY = "w : q\nP = decay/2*sum(i) w[i]^2\nloss P\n"
#: A loss of two parameters whose steps can be followed by hand.
EXAMPLE, START = "(3 - w1)^2 + (1 - 2*w2)^2", {"w1": 0.0, "w2": 0.0}
RATES = ("0.05", "0.1", "0.2", "0.25", "0.3")


def solution(entry: Entry) -> Document:
    """The worked solution."""
    blocks = [*_loss(), *_descent(), *_example(), *_training(), *_manual(), *_penalty(), *_momentum(), *_torch()]
    blocks += _selection()
    return Document("Gradient descent", tuple(blocks), entry.source)


def _loss() -> list[Block]:
    answer = grad(LOSS, ["yhat"])
    return [
        Heading("The loss of one sample"),
        Prose(("The squared error adds up one term for each output; ", t.Name("n"), " is the number of outputs:")),
        equations(answer.program, answer.notation, {"L": "1"}),
        Prose(("Equation (2) names the terms: ", read("e = (y - yhat)^2"), " for each output. What the loss changes "
               "with a prediction is the derivative of that term alone, since no other term reads it:")),
        adjoints(answer, numbers={"yhat": "2"}),
        examined(answer),
    ]  # fmt: skip


def _descent() -> list[Block]:
    answer = grad(STEP, ["alpha"])
    made = answer.derivation
    around = made.around
    index = made.given["G"].indices[0]
    put = cases.inserted(Equation(At("G", (index,)), At("g", (index,))), made["alpha"].equation, around)
    assert put is not None
    return [
        Heading("Why a step against the gradient lowers the loss"),
        Display((Line(tree_of_equation(answer.program.equations[0], answer.notation, shapes=answer.shapes), "", "3"),)),
        Prose(("Take the length ", t.Name("alpha"), " of the step as an input, and ask the rule for the derivative of "
               "any loss by it. ", t.Name("G"), " is the gradient where the step ends:")),
        adjoints(answer),
        Prose(("At ", read("alpha = 0"), " the step ends where it began. There ", t.Name("G"), " is the gradient ",
               t.Name("g"), " itself:")),
        aligned([put], answer.notation, shapes=answer.shapes),
        Prose(("That is minus a sum of squares. It is negative unless the gradient is zero, so a step that is short "
               "enough lowers the loss. How short is enough, the first derivative does not say.",)),
        Bullets((held("The derivative by the length is minus the product of both gradients, entry by entry.",
                      answer["alpha"].text == "alpha_bar = -sum(i) G[i]*g[i]"),)),
    ]  # fmt: skip


def walk(rate: float, steps: int) -> list[dict[str, float]]:
    """The example's parameters w1, w2, its loss L and the gradient g1, g2, before each step and after the last."""
    program = trace(EXAMPLE)
    at, found = dict(START), []
    for _ in range(steps + 1):
        slopes = next(iter(jacobian(program, at).values()))
        loss = values_at(at)
        g = {name: slopes[node] for name, node in zip(("g1", "g2"), slopes, strict=True)}
        found.append({**at, "L": loss, **g})
        at = {"w1": at["w1"] - rate * g["g1"], "w2": at["w2"] - rate * g["g2"]}
    return found


def values_at(at: dict[str, float]) -> float:
    """The loss of the example."""
    program = trace(EXAMPLE)
    return float(evaluate(program, numbers(program, at), FLOATS)[program.outputs[0]])


def _example() -> list[Block]:
    steps = walk(0.1, 6)
    rows: list[list[Inline | None]] = [
        [str(k), *(number_tree(f"{row[name]:.4f}") for name in ("w1", "w2", "L", "g1", "g2"))]
        for k, row in enumerate(steps)
    ]
    ends = {rate: walk(float(rate), 30)[-1]["L"] for rate in RATES}
    header: list[Inline] = ["step", t.Name("w1"), t.Name("w2"), t.Name("L"), t.Derivative(t.Name("L"), t.Name("w1")),
                            t.Derivative(t.Name("L"), t.Name("w2"))]  # fmt: skip
    return [
        Heading("Six steps by hand"),
        Display((Line(read(f"L = {EXAMPLE}")),)),
        table("Learning rate 0.1; the gradient is that of the reverse sweep at the point.", "rrrrrr", header, rows),
        Prose(("The two parameters do not go at one pace. The loss is four times as curved along ", t.Name("w2"),
               ", and one rate has to serve both: what is right for the one is slow for the other, or too long.")),
        table("The loss after 30 steps, by learning rate.", "rr", ("learning rate", "loss"),
              [[rate, number_tree(_short(ends[rate]))] for rate in RATES]),
        Bullets((
            held("The second derivatives by w1 and w2 are 2 and 8.", _curvatures() == [2.0, 8.0]),
            held("At rate 0.1 every step lowers the loss.", all(b["L"] < a["L"] for a, b in pairwise(steps))),
            held("At rate 0.25 the loss no longer falls to zero, and at 0.3 it grows beyond where it began.",
                 ends["0.25"] > 0.5 and ends["0.3"] > steps[0]["L"]),
        )),
    ]  # fmt: skip


def _curvatures() -> list[float]:
    """The diagonal of the example's Hessian."""
    table = hessian(EXAMPLE, START)
    return [row[name] for name, row in table.items()]


def _short(value: float) -> str:
    return f"{value:.6f}" if 1e-6 < value < 1e4 else f"{value:.2e}"


#: The network of question 2, with the sheet's name.
MY_MLP = """\
import torch
from torch import nn


class MyMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(768, 128),
            nn.ReLU(),
            nn.Linear(128, 32),
            nn.ReLU(),
            nn.Linear(32, 2),  # no softmax: the cross-entropy loss has it
        )

    def forward(self, images):
        return self.layers(images)
"""


def _training() -> list[Block]:
    count = sum(parameter_counts(networks.mlp((768, 128, 32, 2))).values())
    return [
        Heading("The network and its training (questions 2, 3)"),
        Prose((f"Images of 16 by 16 pixels and three colours are 768 numbers. With {count:,} parameters:",)),
        torch_listing("The network.", MY_MLP),
        Listing("The training by an optimiser. What is kept of the losses is compared below.",
                code_of(manual.train), "text"),
    ]  # fmt: skip


def _manual() -> list[Block]:
    return [
        Heading("The manual update (question 4)"),
        Prose(("Equation (3), entry by entry, with torch's names: ", t.Name("lr"), " is the learning rate, ",
               t.Name("g"), " the gradient that backward() has left in p.grad. Afterwards the gradients are set to "
               "None (or to zero): torch adds to what is there, and old gradients must not be used again.")),
        equations(update_program("sgd", False)),
        Listing("The training loop; Optimiser.step holds the update above, emitted from its equations.",
                code_of(manual.train_manual_update), "text"),
    ]  # fmt: skip


def _penalty() -> list[Block]:
    answer = grad(PENALTY, ["w"])
    return [
        Heading("L2 regularisation (question 6)"),
        Prose(("A penalty on large weights is added to the loss. Its gradient is a multiple of the weights:",)),
        equations(answer.program, answer.notation),
        adjoints(answer),
        Prose(("The gradient of a sum is the sum of the gradients. So the update uses ", t.Name("d"),
               " in place of the gradient, and every step also pulls each weight towards zero:")),
        equations(update_program("sgd", True)),
        examined(answer),
    ]  # fmt: skip


def _momentum() -> list[Block]:
    program, equation = optimisers.unrolled("torch")
    return [
        Heading("Momentum (question 7)"),
        Prose(("A velocity remembers the gradients of earlier steps, each step a little less of them. Where successive "
               "gradients agree they add up, and the descent is faster; where they alternate they cancel:",)),
        equations(update_program("momentum", True)),
        Prose(("Two steps from rest, put into each other, with a rate of its own for each. The first gradient counts "
               "again in the second step, weighed by ", t.Name("mu"), ":")),
        Display((Line(tree_of_equation(equation, shapes=shapes_of(program))),)),
        torch_listing("The update with both, as code: the kernels and the order of torch.optim.SGD, so that both give "
                      "the same bits.", UpdateSource(update_program("momentum", True), ("w_next", "v_next")).text),
    ]  # fmt: skip


def _torch() -> list[Block]:
    rows: list[list[Inline | None]] = [
        ["equation (3)", t.Name("lr"), "torch.optim.SGD(lr=)"],
        ["the L2 term", t.Name("decay"), "torch.optim.SGD(weight_decay=)"],
        ["momentum", t.Name("mu"), "torch.optim.SGD(momentum=)"],
        ["the update", t.Name("w_next"), "optimizer.step()"],
        ["the gradients", t.Name("g"), "loss.backward(), p.grad"],
        ["forgetting them", None, "optimizer.zero_grad()"],
    ]
    return [
        Heading("The same in torch"),
        table("What stands for what.", "lll", ("here", "symbol", "torch"), rows),
        Prose(("torch's momentum keeps the learning rate out of the velocity. A textbook often puts it in; as long as "
               "the rate does not change, both are the same, and the solution called optimisers shows where they "
               "part.",)),
    ]  # fmt: skip


def _selection() -> list[Block]:
    cats, momentum = stored("cats"), stored("momentum")
    best = max(momentum.rows, key=lambda row: float(row[-1].removesuffix(" %")))
    return [
        Heading("Cat or car: the data, the comparison, the selection (questions 1, 5, 8, 9, 10)"),
        cats.table("Images of CIFAR-10 with these two labels, resized to 16 × 16."),
        Prose((f"The training images' red, green and blue have means {cats.facts['means']} and standard deviations "
               f"{cats.facts['deviations']} (of a full pixel); all images are normalised by these. Both classes are "
               "equally frequent, so accuracy is a fair measure, and 50 % is what guessing gets.",)),
        stored_photo("cifar-cat-automobile", "Training images as the network gets them, 16 by 16 pixels.",
                     "small images of cats and of automobiles"),
        _momentum_table(),
        Prose(("In every row the manual update and torch.optim.SGD give the same losses in all "
               f"{momentum.facts['steps']} and the same final weights, to the last bit. Chosen by validation accuracy: "
               f"{momentum.facts['lr']}, {momentum.facts['weight_decay']}, {momentum.facts['momentum']}. Only then "
               f"were the test images looked at: {momentum.facts['test']} of them are right. Of 1,000 cats "
               f"{momentum.facts['cats_wrong']}, of 1,000 automobiles {momentum.facts['automobiles_wrong']}.",)),
        *momentum.note(),
        Bullets((held("The chosen row has the best validation accuracy of the table.",
                      best[:3] == ("0.01", "0.001", "0.8") and best[-1] == momentum.facts["validation"]),)),
    ]  # fmt: skip


def _momentum_table() -> Table:
    return stored("momentum").table("Five models 768-128-32-2 with relu, trained both ways for 10 epochs: batch 64, no "
                                    "shuffling, float64, seed 42.")  # fmt: skip
