"""The function `backpropagation(model, y_true, y_pred)`: from the four equations to code that was checked."""

from __future__ import annotations

import inspect

import numpy as np

from derive.answers import grad
from derive.document import Block, Bullets, Display, Document, Heading, Inline, Line, Listing, Prose
from derive.experiments import manual
from derive.solutions.blocks import adjoints, code_of, equations, examined, held
from derive.solutions.mlp import NOTATION
from derive.subjects import mlp, perceptron, perceptron_peers
from derive.subjects.catalogue import Entry
from derive.subjects.perceptron import Perceptron
from derive.writing import shapes_of, tree_of_equation

#: One layer of a batch; rows are samples, as torch has them.
LAYER = """\
a : N x n
W : m x n
b : m
z[s,i] = sum(j) a[s,j]*W[i,j] + b[i]
upstream z = delta
"""


def solution(entry: Entry) -> Document:
    """The worked solution."""
    made = mlp.backpropagation()
    shapes = shapes_of(made.gradients.around)
    four = ((made.weights, "4"), (made.last, "5"), (made.hidden, "6"), (made.biases, "7"))
    layer = grad(LAYER, ["W", "b", "a"])
    blocks: list[Block] = [
        Heading("What is asked"),
        Prose(("Given a perceptron after its forward pass, fill two tables: the gradient of the loss by every weight "
               "and by every bias. The four equations are derived, not assumed; the solution called mlp has every "
               "step of it.",)),
        Display(tuple(Line(tree_of_equation(each, NOTATION, shapes=shapes), "", number) for each, number in four)),
        Prose(("Read from right to left, they are a program. Equation (5) starts it at the last layer. Equation (6) "
               "takes the error signal one layer down. Equations (4) and (7) turn an error signal into gradients. "
               "No layer is visited twice.",)),
        Heading("From entries to matrices"),
        Prose(("A loop over entries is slow, so whole layers are computed at once. Rows are samples, as in torch. Let "
               "the rule work on one layer of a batch, with the error signal coming down to its pre-activations:",)),
        equations(layer.program, layer.notation),
        adjoints(layer),
        Prose(("The sum over the samples is new: a weight serves all samples of the batch, so all of them send "
               "something back to it. The mean of the loss puts one division by the number of samples into (5), and "
               "with one sample everything is as on the sheet.",)),
        examined(layer),
        Heading("The function in NumPy"),
        Prose(("Each line cites its equation. The derivative of an activation is the engine's own, emitted as code.",)),
        Listing("derive/subjects/perceptron.py: the network, the function, and a training with it.",
                inspect.getsource(perceptron)),
        Heading("The function in torch"),
        Prose(("For the sheet's class the same lines on tensors. No gradient of torch's is used, and none is "
               "recorded: that is what no_grad is for. A remark on the hint of the sheet: it gives weights at a layer "
               "the shape (n(l+1), n(l)). It counts a layer by what it reads; equation (4) counts it by what it "
               "makes, and so does the function.",)),
        Listing("derive/experiments/manual.py.", code_of(manual.backpropagation), "text"),
        Heading("Checks"),
        Prose(("A gradient is easy to get almost right, so it is held against two things that share no line with it: "
               "the engine's gradients of the same network, and central differences of the loss. The function for "
               "torch is held against torch's autograd as well, by the tests.",)),
        Bullets(tuple(_checks())),
    ]  # fmt: skip
    return Document("The function backpropagation", tuple(blocks), entry.source)


def deviations(sizes: tuple[int, ...], activation: str, output: str, samples: int) -> tuple[float, float]:
    """The largest difference from the engine's gradients, and from central differences, in a random network."""
    draw = np.random.default_rng(len(sizes) + samples)
    model = Perceptron(sizes, activation, output, seed=1)
    for layer in model.b:
        model.b[layer] += draw.normal(size=model.b[layer].shape)
    x, y = draw.normal(size=(samples, sizes[0])), draw.normal(size=(samples, sizes[-1]))
    perceptron.backpropagation(model, y, model(x))
    own = {f"w{k}": value for k, value in model.dL_dw.items()} | {f"b{k}": value for k, value in model.dL_db.items()}
    arrays = {f"W{k}": value for k, value in model.w.items()} | {f"b{k}": value for k, value in model.b.items()}
    derived = grad(perceptron_peers.text_of(model), list(arrays), values={**arrays, "x": x, "y": y})
    far = max(float(np.abs(own[name.lower()] - derived[name].value).max()) for name in arrays)
    slopes = perceptron_peers.differences(model, x, y)
    return far, max(float(np.abs(own[name] - slopes[name]).max()) for name in own)


def _checks() -> list[tuple[Inline, ...]]:
    cases = (((3, 4, 2), "tanh(z)", "z", 1), ((4, 5, 3, 2), "sigmoid(z)", "sigmoid(z)", 6),
             ((2, 3, 3, 3, 1), "relu(z)", "tanh(z)", 5))  # fmt: skip
    found: list[tuple[Inline, ...]] = []
    for sizes, activation, output, samples in cases:
        engine, slopes = deviations(sizes, activation, output, samples)
        named = f"{'-'.join(map(str, sizes))}, {activation}, last {output}, {samples} sample{'s' * (samples > 1)}"
        found.append(held(f"{named}: equal to the engine's gradients to 1e-12, to central differences to 1e-7.",
                          engine < 1e-12 and slopes < 1e-7))  # fmt: skip
    return found
