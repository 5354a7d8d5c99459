"""Backpropagation without autograd for any perceptron with cross-entropy: derived, emitted, checked, trained."""

from __future__ import annotations

import inspect

import numpy as np

from derive.answers import grad
from derive.document import Block, Bullets, Display, Document, Heading, Inline, Line, Listing, Prose
from derive.solutions import softmax
from derive.solutions.blocks import adjoints, equations, examined, held, stored, table
from derive.subjects import networks, perceptron, perceptron_peers
from derive.subjects.catalogue import Entry
from derive.subjects.perceptron import Perceptron
from derive.writing import tree_of_equation

#: The network whose code is shown; the sizes are numbers, the batch is open.
LAYERS = (784, 100, 200, 50, 10)
#: Networks that are checked: sizes, activation, samples.
CASES = (((2, 3), "tanh(z)", 4), ((4, 6, 3), "relu(z)", 5), ((3, 5, 4, 4, 2), "sigmoid(z)", 7))


def solution(entry: Entry) -> Document:
    """The worked solution."""
    blocks = [*_idea(), *_loss(), *_any(), *_emitted(), *_checks(), *_training()]
    return Document("Backpropagation without autograd", tuple(blocks), entry.source)


def _idea() -> list[Block]:
    return [
        Heading("The plan"),
        Prose(("An arbitrary perceptron is a chain of dense layers with activations between them, and a loss at the "
               "end. So three things are enough: what the loss sends to the last layer, how an error signal passes "
               "one layer down, and what it means for the parameters of a layer. A loop does the rest.",)),
    ]  # fmt: skip


def _loss() -> list[Block]:
    general, after, _ = softmax.collapse()
    return [
        Heading("What the loss sends"),
        Prose(("For softmax and cross-entropy the error signal of a sample is the difference of the probabilities and "
               "the target. The solution called softmax-cross-entropy has the steps; the first line below does not "
               "need the targets to add up to 1, the second does:",)),
        Display((Line(tree_of_equation(general)), Line(tree_of_equation(after), "y adds up to 1"))),
        Prose(("The loss of a batch is a mean, so the signal is divided by the number of samples.",)),
    ]  # fmt: skip


def _any() -> list[Block]:
    layer = grad(
        "a : N x n\nW : m x n\nb : m\nz[s,i] = sum(j) a[s,j]*W[i,j] + b[i]\nh[s,i] = tanh(z[s,i])\nupstream h = G\n",
        ["W", "b", "a"],
    )
    return [
        Heading("One layer, any size"),
        equations(layer.program, layer.notation),
        adjoints(layer),
        examined(layer),
        Listing("The whole algorithm, with a training loop. Nothing in it differentiates: the slopes of the "
                "activations are code that the engine emitted.", inspect.getsource(perceptron)),
    ]  # fmt: skip


def _emitted() -> list[Block]:
    network = networks.mlp(LAYERS)
    code = grad(network.program, list(network.parameters)).code("numpy")
    assert code is not None
    return [
        Heading("The same, written out by the engine"),
        Prose((f"For a given network the engine writes all lines out. This is {'-'.join(map(str, LAYERS))} with relu "
               "and cross-entropy, in NumPy; derive train runs its like in torch.",)),
        Listing("The gradients, each line below the equation that it computes.", code.text),
    ]  # fmt: skip


def deviation(sizes: tuple[int, ...], activation: str, samples: int) -> float:
    """The largest difference between the loop's gradients and the engine's, cross-entropy, random network."""
    draw = np.random.default_rng(samples)
    model = Perceptron(sizes, activation, seed=2)
    x, labels = draw.normal(size=(samples, sizes[0])), draw.integers(0, sizes[-1], size=samples)
    _, delta = perceptron.cross_entropy(model(x), labels)
    perceptron.sent_down(model, delta)
    arrays = {f"W{k}": value for k, value in model.w.items()} | {f"b{k}": value for k, value in model.b.items()}
    text = perceptron_peers.text_of(model, "cross-entropy")
    derived = grad(text, list(arrays), values={**arrays, "x": x, "y": labels})
    own = {f"W{k}": value for k, value in model.dL_dw.items()} | {f"b{k}": value for k, value in model.dL_db.items()}
    return max(float(np.abs(own[name] - derived[name].value).max()) for name in arrays)


def _checks() -> list[Block]:
    found: list[tuple[Inline, ...]] = []
    for sizes, activation, samples in CASES:
        named = f"{'-'.join(map(str, sizes))}, {activation}, {samples} samples"
        found.append(held(f"{named}: the loop and the engine give the same gradients to 1e-12.",
                          deviation(sizes, activation, samples) < 1e-12))  # fmt: skip
    return [
        Heading("Checks"),
        Bullets(tuple(found)),
        Prose(("Against torch's autograd the same gradients are held by derive train --gradients both, every 50th "
               "batch of a training:",)),
    ]  # fmt: skip


def _training() -> list[Block]:
    mnist, variants = stored("mnist"), stored("variants")
    facts = mnist.facts
    rows = [
        ["784-512-256-10, Adam, derived gradients, float32", facts["validation"], facts["test"], facts["deviation"]],
        ["the same in float64", facts["validation64"], facts["test64"], facts["deviation64"]],
        ["784-256-10, gradient descent at 0.3, derived, float64", variants.facts["validation"],
         variants.facts["test"], variants.facts["deviation"]],
    ]  # fmt: skip
    derived = next(row for row in variants.rows if row[2] == "derived" and row[0] == "256")
    autograd = next(row for row in variants.rows if row[2] == "autograd" and row[:2] == derived[:2])
    return [
        Heading("Trained on MNIST"),
        table("Networks trained by derived gradients, no backward() call. The deviation from autograd is that of the "
              "worst entry of all gradients in all checks, in parts of the sum of the absolute terms it adds up.",
              "lrrr", ("network", "validation", "test", "deviation"), rows),
        Prose(("With autograd, from the same weights and batches, 784-256-10 comes to the same training and validation "
               f"figures: {autograd[6]} and {autograd[8]}. The performance of the earlier exercise is reached, as it "
               "must be: the gradients are the same.",)),
        *mnist.note(),
        Bullets((held("The derived run and its twin by autograd have the same figures in the stored table.",
                      derived[4:9] == autograd[4:9] and derived[8] == variants.facts["validation"]),)),
    ]  # fmt: skip
