"""Variants of a perceptron on MNIST: how the exercise is done, the summary table, and what it says."""

from __future__ import annotations

from itertools import pairwise

from derive.document import Block, Bullets, Document, Heading, Listing, Prose
from derive.solutions.blocks import equations, held, stored, table
from derive.solutions.curves import learning_curves
from derive.subjects import networks, review
from derive.subjects.catalogue import Entry

#: The hidden layers of the variants, as the summary table names them.
SHAPES = {"32": (32,), "128": (128,), "256": (256,), "128-64": (128, 64), "256-128": (256, 128)}
FAVOURITE = "256"


def solution(entry: Entry) -> Document:
    """The worked solution."""
    return Document("Exploring perceptrons on MNIST", (*_task(), *_summary(), *_comments()), entry.source)


def _task() -> list[Block]:
    facts = stored("variants").facts
    network = networks.mlp((784, 128, 64, 10))
    rows = [[name, f"784-{name}-10", f"{_parameters(name):,}"] for name in SHAPES]
    return [
        Heading("How it is done"),
        Bullets((
            (f"The 60,000 images that MNIST calls training images are split: {facts['training_images']} to fit the "
             f"weights, {facts['validation_images']} to compare models. The 10,000 test images are not touched until "
             "one model is chosen.",),
            ("Five shapes, relu between the layers, cross-entropy, plain gradient descent with batches of 64.",),
            ("Each shape with three learning rates, 0.3, 0.1 and 0.03, for ten epochs; the best epoch by validation "
             "accuracy counts. A rate is tuned well when the next larger and the next smaller one are worse.",),
        )),
        Prose(("One of them as equations, with the loss; rows are samples:",)),
        equations(network.program),
        table("The number of parameters, counted from the shapes of the program.", "llr",
              ("hidden layers", "network", "parameters"), rows),
    ]  # fmt: skip


def _parameters(name: str) -> int:
    return sum(review.parameter_counts(networks.mlp((784, *SHAPES[name], 10))).values())


def _summary() -> list[Block]:
    found = stored("variants")
    return [
        Heading("Summary"),
        _chosen("All variants, each at its best epoch; gradients by autograd.", "autograd", (0, 1, 4, 5, 6, 7, 8)),
        _chosen("The best rate of each shape again by derived gradients, from the same weights and batches; how far "
                "a gradient was from autograd's at most.", "derived", (0, 1, 4, 6, 8, 10)),
        _favourite(),
        Prose((f"The favourite, by validation accuracy: {found.facts['chosen']}, one hidden layer of 256 units with "
               f"relu, {found.facts['validation']} on the validation images. Its test accuracy is "
               f"{found.facts['test']}.",)),
        *learning_curves(f"variant-{FAVOURITE}", "784-256-10 at 0.3, the favourite"),
        *found.note(),
        *_by_epochs(),
    ]  # fmt: skip


def _by_epochs() -> list[Block]:
    """Cost and accuracy of every shape at its best rate, epoch by epoch: training / validation."""
    runs = {name: stored(f"variant-{name}") for name in SHAPES}
    blocks: list[Block] = [
        Heading("Learning curves of all shapes"),
        Prose(
            (
                "Each shape at its best rate, trained by itself, 256 with derived gradients and the others with "
                "autograd's; 256 is drawn above, the others below. The training cost falls in every epoch. The "
                "validation cost falls at first, "
                "and then goes up and down around a level: from there on a network learns its images by heart.",
            )
        ),
    ]
    for what, columns, unit in (("Cost", (1, 3), ""), ("Accuracy in percent", (2, 4), " %")):
        rows = [
            [epoch[0][0], *(" / ".join(row[k].removesuffix(unit) for k in columns) for row in epoch)]
            for epoch in zip(*(run.rows for run in runs.values()), strict=True)
        ]
        header = ("epoch", *(f"{name} at {runs[name].facts['rate']}" for name in SHAPES))
        blocks.append(table(f"{what}: training / validation.", "r" * 6, header, rows))
    for name in SHAPES:
        if name != FAVOURITE:
            blocks += learning_curves(f"variant-{name}", f"{name} at {runs[name].facts['rate']}")
    summary = {(row[0], row[1]): row for row in stored("variants").rows if row[2] == "autograd"}
    ends = []
    for name, run in runs.items():
        best = max(run.rows, key=lambda row: float(row[4].removesuffix(" %")))
        ends.append(best == tuple(summary[name, run.facts["rate"]][k] for k in (4, 5, 6, 7, 8)))
    costs = [[(float(row[1]), float(row[3])) for row in run.rows] for run in runs.values()]
    falls = [b[0] < a[0] for cost in costs for a, b in pairwise(cost)]
    later = [(cost[-1][0] / cost[4][0], cost[-1][1] / cost[4][1]) for cost in costs]
    blocks.append(Listing("The runs.", "\n".join(line for run in runs.values() for line in run.commands), "text"))
    blocks.append(Bullets((
        held("The best epoch of each is the row of the summary, to its digits.", all(ends)),
        held("Every training cost falls in every epoch.", all(falls)),
        held("From the fifth epoch to the tenth every training cost falls by more than a third, and no validation cost "
             "by as much as a seventh.", all(own < 2 / 3 and other > 6 / 7 for own, other in later)),
    )))  # fmt: skip
    return blocks


def _chosen(caption: str, gradients: str, columns: tuple[int, ...]) -> Block:
    """Some columns of the rows whose gradients came that way."""
    found = stored("variants")
    rows = [[row[k] for k in columns] for row in found.rows if row[2] == gradients]
    return table(caption, "".join(found.align[k] for k in columns), [found.header[k] for k in columns], rows)


def _favourite() -> Block:
    """The chosen model with everything the exercise asks to have in the table."""
    found = stored("variants")
    row = next(row for row in found.rows if row[9] == found.facts["test"] and row[2] == "autograd")
    return table("The favourite.", "rrlrrrrr",
                 ("hidden layers", "units", "activation", "lr", "epochs", "training", "validation", "test"),
                 [[str(len(SHAPES[row[0]])), row[0], "relu", row[1], row[4], row[6], row[8], row[9]]])  # fmt: skip


def _comments() -> list[Block]:
    found = stored("variants")
    runs = {(row[0], row[1]): row for row in found.rows if row[2] == "autograd"}
    accuracy = {key: float(row[8].split()[0]) for key, row in runs.items()}
    training = {key: float(row[6].split()[0]) for key, row in runs.items()}
    best = max(accuracy, key=lambda key: accuracy[key])
    counts = {name: _parameters(name) for name in SHAPES}
    rates = {name: max(("0.3", "0.1", "0.03"), key=lambda rate: accuracy[name, rate]) for name in SHAPES}
    return [
        Heading("Comments"),
        Bullets((
            held("The counted parameters are those of the stored table.",
                 all(row[3].replace(",", "") == str(counts[row[0]]) for row in found.rows)),
            held("The best validation accuracy is that of 256 at 0.3.", best == (FAVOURITE, "0.3")),
            held("Width helps: of the networks with one hidden layer, the wider is better at each learning rate.",
                 all(accuracy["32", r] < accuracy["128", r] < accuracy["256", r] for r in ("0.3", "0.1", "0.03"))),
            held("A second layer does not help here: at each rate 128-64 is no better than 256 alone.",
                 all(accuracy["128-64", r] < accuracy["256", r] for r in ("0.3", "0.1", "0.03"))),
            held("The smallest rate is best for no shape: ten epochs are too few for it.",
                 "0.03" not in rates.values()),
            held("All but the smallest network reach 99 % of the training images at some rate; the gap to the "
                 "validation accuracy, one to two percent, is what a regularisation could work on.",
                 all(any(training[name, r] > 99 for r in ("0.3", "0.1", "0.03")) == (name != "32") for name in SHAPES)),
            ("One standard deviation of an accuracy of 98 % on 6,000 images is 0.2 percent, so the first four or five "
             "rows by accuracy are not told apart by this experiment.",),
        )),
    ]  # fmt: skip
