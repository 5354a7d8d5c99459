"""The report that INF265's first project asks for: how the implementation works, and its seven questions."""

from __future__ import annotations

from fractions import Fraction

from derive.answers import grad
from derive.document import Block, Bullets, Display, Document, Heading, Line, Prose
from derive.experiments.optimisers import update_program
from derive.reading.reader import read
from derive.solutions.backpropagation import deviations
from derive.solutions.blocks import equations, held, stored, table
from derive.subjects.catalogue import Entry

#: The pieces of the project, and what holds them together.
_PIECES = (
    ("gradients", "backpropagation(model, y_true, y_pred)", "equations (4) to (7), whole layers at once"),
    ("update", "train_manual_update", "equation (3), its L2 term and its momentum, emitted as code"),
    ("peer", "train, torch.optim.SGD", "the same batches, start and precision"),
    ("selection", "derive.experiments.selection", "by validation accuracy; the test images are used once"),
)


def solution(entry: Entry) -> Document:
    """The worked report."""
    return Document("Report: backpropagation and gradient descent", (*_approach(), *_questions()), entry.source)


def _approach() -> list[Block]:
    return [
        Heading("Approach and design choices"),
        Prose(("The project has two halves that need nothing of each other: one computes a gradient, the other uses "
               "one. Each half was written so that it can be compared with torch on its own.",)),
        table("The pieces.", "lll", ("what", "where", "how"), _PIECES),
        Bullets((
            ("No gradient formula was typed. The equations are derived for a layer that is only called l, and the "
             "hand-written function is held against them.",),
            ("Whole layers, not entries: each of the equations is one matrix product or one sum. The batch size is "
             "open, and with one sample the function is the sheet's.",),
            ("Double precision, one seed for all models, no shuffling: then two trainings that do the same must give "
             "the same numbers, and any difference is a mistake and not chance.",),
            ("The update adds its terms in the order in which torch adds them. So the comparison needs no tolerance: "
             "it is of bits.",),
            ("Three sets of images. Weights are fitted to the training images, learning rate, momentum and weight "
             "decay are chosen on the validation images, and the test images are looked at once, at the end.",),
        )),
    ]  # fmt: skip


def _questions() -> list[Block]:
    return [*_gradients(), *_momentum(), *_results()]


def _gradients() -> list[Block]:
    engine, slopes = deviations((3, 4, 2), "tanh(z)", "z", 1)
    quotient = read("(L_2 - L_1)/(2*h)")
    return [
        Heading("(a) Which methods of torch do what section 2 does?"),
        Prose(("loss.backward(). It walks the recorded graph from the loss back to the leaves and adds what arrives to "
               "p.grad of every parameter; torch.autograd.grad returns the same without storing it.",)),
        Heading("(b) How is a gradient checked?"),
        Prose(("By differences. Change one parameter a little to either side, compute the loss both times, and compare "
               "the slope with the gradient. With the losses ", read("L_1"), " at ", read("w - h"), " and ",
               read("L_2"), " at ", read("w + h"), ":")),
        Display((Line(quotient),)),
        Prose(("Its error is of the order of the square of the step, plus the rounding of the loss divided by the "
               "step, so a step of about 1e-5 is right in double precision and none is right in single precision. For "
               "section 2: after a forward pass and a call of the function, loop over all entries of all weights and "
               "biases, and take the largest difference. Kinks must be avoided: across the kink of a relu the quotient "
               "is no slope.",)),
        Bullets((
            held("For a network 3-4-2 with tanh the function agrees with central differences to 1e-7, and with the "
                 "engine's gradients to 1e-12.", slopes < 1e-7 and engine < 1e-12),
        )),
        Heading("(c) Which methods of torch do what section 3, question 4, does?"),
        Prose(("optimizer.step() of torch.optim.SGD, and optimizer.zero_grad() for the gradients. With all terms, the "
               "manual update is",)),
        equations(update_program("momentum", True)),
    ]  # fmt: skip


def _momentum() -> list[Block]:
    answer = grad("w : q\nP = decay/2*sum(i) w[i]^2\nloss P\n", ["w"])
    return [
        Heading("(d) What is momentum for?"),
        Prose(("The loss is often curved strongly in one direction and weakly in another. Plain descent then swings "
               "across the narrow valley and creeps along it. The velocity averages the gradients: what alternates "
               "cancels, what persists adds up. If the gradient stays ", read("g"), ", the velocity goes to ",
               read("g/(1 - mu)"), ", so with momentum 0.9 steps become up to ten times as long, but only in "
               "directions that last. It also carries the descent through flat places and evens out the noise of "
               "small batches.")),
        Bullets((held("A velocity v = g/(1 - mu) is a fixed point of the update.", _fixed_point()),
                 )),
        Heading("(e) What is regularisation for?"),
        Prose(("A network that is large enough can learn its training images by heart. Large weights make it change "
               "its mind between images that are nearly equal. A penalty on the squares of the weights prefers the "
               "small ones among those that fit: it costs a little training loss and often gains on images that were "
               "not seen. Its gradient is ", read("decay*w"), ", a pull towards zero that is stronger for larger "
               "weights; weight by weight the unregularised step is followed by a shrinking.")),
        Bullets((held("The derivative of the penalty by a weight is decay times the weight.",
                      answer["w"].text == "w_bar[i] = decay*w[i]"),)),
    ]  # fmt: skip


def _fixed_point() -> bool:
    """In exact numbers: mu v + g = v for v = g/(1 - mu)."""
    mu, g = Fraction(9, 10), Fraction(3)
    v = g / (1 - mu)
    return mu * v + g == v and v == 10 * g


def _results() -> list[Block]:
    found = stored("momentum")
    facts = found.facts
    accuracy = {tuple(row[:3]): float(row[-1].split()[0]) for row in found.rows}
    loss = {tuple(row[:3]): float(row[4]) for row in found.rows}
    spread = max(accuracy.values()) - min(accuracy.values())
    plain, fast = ("0.01", "0", "0"), ("0.01", "0", "0.9")
    wrong = sum(int(facts[name].split()[0]) for name in ("cats_wrong", "automobiles_wrong"))
    return [
        Heading("(f) Parameters, selection, evaluation"),
        found.table("Question 8: five models. Question 9 chose the one with the best validation accuracy."),
        Prose((f"Selected: {facts['lr']}, {facts['weight_decay']}, {facts['momentum']}, with {facts['validation']} on "
               f"the validation images and {facts['test']} on the test images. Of 1,000 cats {facts['cats_wrong']}, of "
               f"1,000 automobiles {facts['automobiles_wrong']}.",)),
        *found.note(),
        Heading("(g) Comments"),
        Bullets((
            held("Momentum fits the training images far better: at lr 0.01 it more than halves the training loss.",
                 loss[fast] < loss[plain] / 2),
            held(f"The five validation accuracies are within {spread:.1f} percent of each other. On 1,000 images one "
                 "standard deviation of an accuracy of 89 % is one percent, so the choice says little.",
                 spread < 1.2 and abs((0.89 * 0.11 / 1000) ** 0.5 - 0.01) < 0.001),
            held("The accuracy on the test images is that of the two rows of mistakes.",
                 f"{(2000 - wrong) / 20:.2f} %" == facts["test"]),
            ("train and train_manual_update give the same bits in all five cases. An update that adds up in another "
             "order is right as well, but its last digits differ, and a long training magnifies that.",),
            ("What limits the result is the network, not its training: at 16 × 16 pixels a perceptron has no idea of "
             "which pixels are neighbours. The colours help it: cats are redder than automobiles.",),
        )),
    ]  # fmt: skip
