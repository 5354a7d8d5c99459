"""A perceptron 784-512-256-10 on MNIST with Adam: the network derived, what one step is, and what ten epochs give."""

from __future__ import annotations

from itertools import pairwise

from derive import tree as t
from derive.answers import grad
from derive.document import Block, Bullets, Document, Heading, Prose
from derive.reading.equations import read_equations
from derive.solutions.blocks import adjoints, equations, examined, held, stored, table, torch_listing
from derive.solutions.curves import learning_curves
from derive.subjects import networks, review
from derive.subjects.catalogue import Entry
from derive.subjects.layers.catalogue import find_layer

LAYERS = (784, 512, 256, 10)


def solution(entry: Entry) -> Document:
    """The worked solution."""
    return Document("A perceptron 512-256 on MNIST", (*_network(), *_torch(), *_adam(), *_results()), entry.source)


def _network() -> list[Block]:
    network = networks.mlp(LAYERS)
    counts = review.parameter_counts(network)
    small = networks.mlp((6, 5, 4, 3))
    answer = grad(small.program, list(small.parameters))
    rows = [
        [str(layer), f"{outputs} × {inputs}", f"{counts[f'W{layer}']:,}", str(counts[f"b{layer}"])]
        for layer, (inputs, outputs) in enumerate(pairwise(LAYERS), 1)
    ]
    return [
        Heading("The network"),
        equations(network.program),
        table(f"Its parameters: {sum(counts.values()):,} in all.", "rrrr", ("layer", "weights", "numbers", "biases"),
              rows),
        Prose(("The probabilities ", t.Name("p"), " are for reports only; the loss is computed by ", t.Name("q"),
               ", their logarithms, which do not overflow. The gradients, by the one rule:")),
        adjoints(answer),
        Prose(("They are the same for any sizes. Run on a small network, 6-5-4-3:",)),
        examined(answer),
    ]  # fmt: skip


_TORCH = """\
import torch
from torch import nn

model = nn.Sequential(
    nn.Flatten(),
    nn.Linear(784, 512),
    nn.ReLU(),
    nn.Linear(512, 256),
    nn.ReLU(),
    nn.Linear(256, 10),  # no softmax: the loss has it
)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def train_epoch(loader):
    \"\"\"One pass over the training images, in batches of 100.\"\"\"
    for images, labels in loader:
        optimizer.zero_grad()
        loss_fn(model(images), labels).backward()
        optimizer.step()
"""


def _torch() -> list[Block]:
    return [
        Heading("In torch"),
        Prose(("The exercise asks for torch, where it is short. Below the line of backward() stands all of the section "
               "above.",)),
        torch_listing("The model, the loss, the optimiser and an epoch.", _TORCH),
    ]  # fmt: skip


def _adam() -> list[Block]:
    layer = find_layer("adam")
    return [
        Heading("Adam"),
        Prose(("Adam keeps two running means for each weight: of the gradient and of its square. The step is their "
               "quotient, so its size hardly depends on the scale of the gradient. Both means start at zero and are "
               "too small at first; the divisions by ", "one minus a power",
               " undo that. In the step number ", t.Name("t"), ":")),
        equations(read_equations(layer.text())),
    ]  # fmt: skip


def _results() -> list[Block]:
    found, other = stored("mnist-again"), stored("mnist")
    facts, first = found.facts, other.facts
    split = stored("variants").facts
    best = max(found.rows, key=lambda row: float(row[4].split()[0]))
    return [
        Heading("Ten epochs"),
        found.table(f"Batches of 100, Adam at 0.001, {split['training_images']} training images, "
                    f"{split['validation_images']} held back for validation; gradients derived, held against "
                    "autograd's every 50th batch."),
        *learning_curves("mnist-again", "784-512-256-10"),
        Prose((f"The weights of the epoch with the best validation accuracy are kept: training {facts['training']}, "
               f"validation {facts['validation']}, test {facts['test']}. In {facts['checks']} no entry of a gradient "
               f"was further from autograd's than {facts['deviation']} of the sum of its absolute terms.",)),
        *found.note(),
        Prose((f"An earlier run of the same command had {first['validation']} and {first['test']} on the test images, "
               f"one in double precision {first['validation64']} and {first['test64']}. The seeds are the same; the "
               "last bits of sums are not, since another machine or library adds in another order, and training "
               "magnifies them. What can be said is 98 % within two tenths.",)),
        Bullets((
            held("The kept epoch is the first one with the best validation accuracy of the table.",
                 best[0] == facts["epoch"].split()[-1] and best[4] == facts["validation"]),
            held("From the second epoch on the training cost is below the validation cost: it learns the images by "
                 "heart more than it learns digits.",
                 all(float(row[1]) < float(row[3]) for row in found.rows[1:])),
        )),
    ]  # fmt: skip
