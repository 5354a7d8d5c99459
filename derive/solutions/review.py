"""Review questions: how many parameters, why linear layers collapse, what is remembered, what backpropagation saves."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import numpy as np

from derive import tree as t
from derive.aligned import aligned
from derive.answers import grad
from derive.checks.index_steps import run_gradients, run_steps, with_adjoints
from derive.document import Block, Bullets, Display, Document, Heading, Line, Prose
from derive.evaluation import values
from derive.reading.equations import read_equations
from derive.solutions.blocks import adjoints, equations, held, one, table
from derive.subjects import networks, review
from derive.subjects.catalogue import Entry
from derive.tree import Tree

LAYERS = (784, 100, 200, 50, 10)
#: Inputs of the perceptrons whose operations are counted; each has four hidden units.
INPUTS = (1, 4, 16, 64)


def solution(entry: Entry) -> Document:
    """The worked answers, each from a derived program."""
    blocks = [*_difference(), *_parameters(), *_linear(), *_kept(), *_cost()]
    return Document("Review questions", tuple(blocks), entry.source)


def _difference() -> list[Block]:
    return [
        Heading("Gradient descent and backpropagation"),
        Prose(("The two answer different questions. Backpropagation says what the gradient of the loss is: it is the "
               "chain rule, worked from the loss back to the parameters. Gradient descent says what to do with a "
               "gradient: take a small step against it. Either works without the other. A gradient may come from "
               "differences and be used for a descent; a gradient from backpropagation may be given to Adam, or be "
               "looked at as a picture, as in Grad-CAM.",)),
    ]  # fmt: skip


# --- a. the number of parameters --------------------------------------------------------------------------------------


def _parameters() -> list[Block]:
    network = networks.mlp(LAYERS)
    counts = review.parameter_counts(network)
    made = grad(network.program, list(network.parameters))
    shapes = {name: tuple(extent.value for extent in made.shapes[made.derivation.names[name]]) for name in counts}
    rows: list[list[t.Tree | str]] = []
    total: list[Tree] = []
    sums: list[tuple[str, Tree]] = []
    for layer, (inputs, outputs) in enumerate(pairwise(LAYERS), 1):
        both = counts[f"W{layer}"] + counts[f"b{layer}"]
        rows.append([str(layer), f"{outputs} × {inputs}", f"{counts[f'W{layer}']:,}", str(counts[f"b{layer}"]),
                     f"{both:,}"])  # fmt: skip
        sums.append(("+", _layer(inputs, outputs)))
        total.append(_number(both))
    whole = sum(counts.values())
    return [
        Heading("The number of parameters"),
        Prose(("MNIST's images have 28 × 28 = 784 pixels, and there are ten classes; between them stand hidden layers "
               "of 100, 200 and 50 units. A dense layer that goes from ", t.Name("n"), " to ", t.Name("m"),
               " units has a matrix of ", t.Name("m"), " × ", t.Name("n"), " weights and ", t.Name("m"),
               " biases. Activations have no parameters, and neither has the loss.")),
        table("The shapes in the derived program, and how many numbers each holds.", "rrrrr",
              ("layer", "weights", "numbers", "biases", "together"), rows),
        Display((Line(t.Relation((t.Sum(tuple(sums)), t.Sum(tuple(("+", each) for each in total)), _number(whole)))),)),
        Prose(("The first layer alone holds more than two thirds of them: it is the width of the input that costs.",)),
        Bullets((
            held(f"There are {whole:,} parameters, and the derived gradients have the shapes of the parameters, so "
                 f"they hold {sum(_product(shape) for shape in shapes.values()):,} numbers as well.",
                 shapes == dict(network.parameters) and 3 * (counts["W1"] + counts["b1"]) > 2 * whole),
        )),
    ]  # fmt: skip


def _product(shape: tuple[int | None, ...]) -> int:
    """Of extents that are numbers."""
    return prod(extent or 0 for extent in shape)


def _number(value: int) -> Tree:
    return t.Number(f"{value}")


def _layer(inputs: int, outputs: int) -> Tree:
    """n (m + 1): a row of weights and a bias for each unit."""
    inner = t.Sum((("+", _number(inputs)), ("+", _number(1))))
    return t.Product((("*", _number(outputs)), ("*", inner)))


# --- b. linear layers -------------------------------------------------------------------------------------------------


def _linear() -> list[Block]:
    program = read_equations(review.LINEAR_LAYERS)
    answer, seeded, steps = review.jacobian(review.LINEAR_LAYERS)
    bent, curved, _ = review.jacobian(review.TWO_LAYERS.format(f="tanh"))
    merged = read_equations(review.ONE_LAYER)
    notation = answer.notation
    samples = with_adjoints(answer.derivation)
    checked = {**run_gradients(answer.derivation), **run_steps(steps, program, samples=samples)}
    right = sum(each.holds for each in checked.values())
    return [
        Heading("Linear layers without an activation"),
        Prose(("It is of no benefit. Look at two layers with nothing between them:",)),
        equations(program),
        Prose(("What an output changes with an input is the Jacobian. Let the rule send a gradient ", t.Name("G"),
               " back to the input:")),
        adjoints(answer),
        Prose(("Then let ", t.Name("G"), " be a unit vector for one output ", t.Name("c"), ", which gives a row of the "
               "Jacobian at a time:")),
        aligned(steps, notation, shapes=answer.shapes),
        Prose(("No ", t.Name("x"), " is left in it. The Jacobian is the same everywhere, it is the product of the two "
               "matrices, and a function whose Jacobian is constant is one linear layer:")),
        equations(merged),
        Prose(("Every further linear layer multiplies one more matrix into ", t.Name("W"), ". So 784-100-200-50-10 "
               "without activations computes what one layer 784-10 computes, and ", _plain_count(), ". The rank of a "
               "product is at most the smallest width on the way. Here that is 10, the outputs themselves; a hidden "
               "layer narrower than the output would even take something away.")),
        Prose(("With a function between the layers the Jacobian reads what the function was given, so it changes from "
               "place to place, and the network can bend:",)),
        one(curved, bent.derivation.around, notation),
        Prose(("One thing differs, though: the path of gradient descent. The gradients are taken by ", t.Name("W1"),
               " and ", t.Name("W2"), ", not by their product, so the training takes another way to functions that "
               "one layer has too.")),
        Bullets((
            held("The Jacobian of the linear layers reads no value of the forward pass; with tanh between, it does.",
                 set(seeded.reads) == {"W1", "W2"} and {"a1", "z1"} & set(curved.reads)),
            held("On random weights, two layers and the merged one give the same outputs.", _same_outputs()),
            held(f"A product of matrices of the sizes {'-'.join(map(str, LAYERS))} has rank {_rank(LAYERS)}; with a "
                 f"middle layer of 5 units it has rank {_rank((784, 5, 10))}.",
                 _rank(LAYERS) == 10 and _rank((784, 5, 10)) == 5),
            held(f"{right} of {len(checked)} steps hold, run on layers of several sizes.", right == len(checked)),
        )),
    ]  # fmt: skip


def _plain_count() -> str:
    """How many parameters the deep one and the flat one have."""
    deep, flat = (sum(review.parameter_counts(networks.mlp(sizes)).values()) for sizes in (LAYERS, (784, 10)))
    return f"its {deep:,} parameters do the work of {flat:,}"


def _same_outputs() -> bool:
    sizes = {"n": 5, "h": 4, "m": 3}
    shapes = {"x": (5,), "W1": (4, 5), "b1": (4,), "W2": (3, 4), "b2": (3,)}
    draw = np.random.default_rng(0)
    arrays = {name: draw.normal(size=shape) for name, shape in shapes.items()}
    two, flat = (values(read_equations(text), arrays, sizes)["z2"] for text in (review.LINEAR_LAYERS, review.ONE_LAYER))
    return bool(np.allclose(two, flat, rtol=0, atol=1e-12))


def _rank(sizes: tuple[int, ...]) -> int:
    """The rank of a product of random matrices of small whole numbers, which are exact."""
    draw = np.random.default_rng(0)
    product = np.eye(sizes[0])
    for inputs, outputs in pairwise(sizes):
        product = draw.integers(-2, 3, size=(outputs, inputs)).astype(float) @ product
    return int(np.linalg.matrix_rank(product))


# --- d. what is remembered --------------------------------------------------------------------------------------------


def _kept() -> list[Block]:
    found = {function: review.kept(networks.mlp(LAYERS, function)) for function in ("sigmoid", "relu")}
    rows: list[list[t.Tree | str | None]] = []
    for smooth, bent in zip(found["sigmoid"], found["relu"], strict=True):
        rows.append([t.Name(f"{smooth.adjoint}_bar"), *(_names(each.values) for each in (smooth, bent)),
                     _names(smooth.given)])  # fmt: skip
    read = {name: {each for line in lines for each in line.values} for name, lines in found.items()}
    network = networks.mlp(LAYERS)
    numbers = {name: sum(network.shapes[each][0] for each in kept) for name, kept in read.items()}
    return [
        Heading("What the forward pass must remember"),
        Prose(("The derivation answers this by itself: whatever an adjoint equation reads, and the forward pass has "
               "computed, must still be there. For 784-100-200-50-10 with cross-entropy, line by line, with two "
               "activations:",)),
        table("What each adjoint reads of the forward pass, and of what was given; nothing stands where it reads "
              "other adjoints only.", "llll", ("adjoint", "with sigmoid", "with relu", "given"), rows),
        Bullets((
            ("The weights of a layer need the input of that layer: the activations of the layer before it, or the "
             "image.",),
            ("The activation needs its own derivative. For sigmoid and tanh that is a formula in the activation "
             "itself, which is kept anyway; for relu it is the sign of the pre-activation, which the activation "
             "shows as well: it is positive where the pre-activation is.",),
            ("Biases need nothing but the error signal. The pass from layer to layer needs the weights, which are "
             "there in any case.",),
            ("The loss needs the last pre-activations (or the probabilities made of them) and the target.",),
        )),
        Prose(("So per layer one array is enough, its activation. As derived, a sample costs ",
               f"{numbers['sigmoid']} numbers with sigmoid and {numbers['relu']} with relu, where both the activation "
               f"and the pre-activation are read, besides the {LAYERS[0]} pixels of the image. They grow with the "
               "batch; the parameters do not. Much of the memory of a training is this.")),
        Bullets((
            held("With sigmoid, no pre-activation but the last is read; with relu, all are.",
                 {each for each in read["sigmoid"] if each.startswith("z")} == {"z4"}
                 and {each for each in read["relu"] if each.startswith("z")} == {"z1", "z2", "z3", "z4"}),
            held("No bias gradient reads anything of the forward pass.",
                 all(not line.values for lines in found.values() for line in lines if line.adjoint.startswith("b"))),
        )),
    ]  # fmt: skip


def _names(names: tuple[str, ...]) -> Tree | str | None:
    if not names:
        return None
    return t.Name(names[0]) if len(names) == 1 else ", ".join(names)


# --- c. what backpropagation saves ------------------------------------------------------------------------------------


def _cost() -> list[Block]:
    costs = [review.cost(inputs) for inputs in INPUTS]
    rows = [
        [f"{inputs}-4-1", str(each.parameters), str(each.function), str(each.sweep),
         f"{each.sweep / each.function:.2f}", f"{each.differences:,}", f"{each.differences / each.backpropagation:.1f}"]
        for inputs, each in zip(INPUTS, costs, strict=True)
    ]  # fmt: skip
    last, whole = costs[-1], sum(review.parameter_counts(networks.mlp(LAYERS)).values())
    return [
        Heading("What backpropagation saves"),
        Prose(("A gradient can be had without any rule: change one parameter a little, compute the loss again, and "
               "divide. That is one forward pass for every parameter, and one for the point itself. So is the chain "
               "rule when it is worked forward, a sweep for each parameter. Backpropagation takes one forward pass and "
               "one sweep back, however many parameters there are. The operations of a perceptron's squared error "
               "with tanh, counted in the programs that the engine recorded and derived:",)),
        table("Elementary operations of the loss of one sample.", "lrrrrrr",
              ("network", "parameters", "loss", "sweep", "sweep / loss", "by differences", "saving"), rows,
              "sweep: the reverse sweep beyond the loss; saving: differences against loss and sweep."),
        Prose(("The sweep costs about as much as the loss; it is never more than four times as much for sums, "
               "products, quotients and these functions. By differences the cost grows with the square of the size: "
               f"at {last.parameters} parameters backpropagation is {last.differences / last.backpropagation:.0f} "
               f"times cheaper, and at {whole:,} parameters differences take {whole + 1:,} forward passes. And they "
               "are only nearly right: a step must be small for the slope and large against rounding, which costs "
               "half of the digits or more.",)),
        Bullets((
            held("In each row the sweep takes at most four operations for each one of the loss.",
                 all(each.sweep <= 4 * each.function for each in costs)),
            held("The share of the sweep does not grow with the number of parameters.",
                 all(b.sweep / b.function <= a.sweep / a.function for a, b in pairwise(costs))),
        )),
    ]  # fmt: skip
