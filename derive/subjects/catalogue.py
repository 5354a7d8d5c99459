"""One registry of names for all commands: what can be solved, with which parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from derive.errors import UsageError

if TYPE_CHECKING:
    from derive.document import Document


@dataclass(frozen=True, slots=True)
class Parameter:
    """name as on the command line, without dashes; `least` and `most` bound a whole number."""

    name: str
    default: int
    least: int
    most: int
    help: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A worked solution: its name, what it is, where it comes from, and the module whose `solution` builds it."""

    name: str
    title: str
    source: str
    module: str
    parameters: tuple[Parameter, ...] = ()
    commands: tuple[str, ...] = ("solve",)

    def as_data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "commands": list(self.commands),
            "parameters": [
                {"name": p.name, "default": p.default, "least": p.least, "most": p.most, "help": p.help}
                for p in self.parameters
            ],
        }


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "griewank",
        "Reverse mode automatic differentiation by hand",
        "A. Griewank, A. Walther, Evaluating Derivatives (2008); course sheet 003, exercise 1",
        "derive.solutions.griewank",
    ),
    Entry(
        "logarithm",
        "A logarithm and a quotient",
        "ln(x1 x2) + x1/x2 at (3, 2)",
        "derive.solutions.scalars",
    ),
    Entry(
        "neuron",
        "A neuron with tanh",
        "tanh(w1 x1 + w2 x2 + b), differentiated by its weights and its inputs",
        "derive.solutions.scalars",
    ),
    Entry(
        "speelpenning",
        "A product of many inputs",
        "B. Speelpenning, Compiling Fast Partial Derivatives of Functions Given by Algorithms (1980)",
        "derive.solutions.scalars",
        (Parameter("inputs", 5, 2, 1000, "how many factors"),),
    ),
)

#: Worked out on index equations.
ENTRIES += (
    Entry(
        "mlp",
        "Backpropagation in a multilayer perceptron, equations (4) to (7)",
        "INF265, Project 1, section 2",
        "derive.solutions.mlp",
    ),
    Entry(
        "softmax-cross-entropy",
        "Softmax and cross-entropy: the collapse to p - y",
        "J. Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs (1990)",
        "derive.solutions.softmax",
    ),
    Entry(
        "convolution",
        "The gradients of a convolution in its kernel and in its image",
        "course sheet 004, question 2; V. Dumoulin, F. Visin, A guide to convolution arithmetic (2016)",
        "derive.solutions.convolution",
        (
            Parameter("stride", 1, 1, 100, "how far the window moves"),
            Parameter("padding", 0, 0, 100, "zeros added on every side"),
            Parameter("dilation", 1, 1, 100, "distance of the kernel's taps"),
            Parameter("image", 0, 0, 1000, "rows of the image; 0 for a symbol, or 9"),
            Parameter("kernel", 0, 0, 100, "rows of the kernel; 0 for a symbol, or 3"),
        ),
    ),
    Entry(
        "convolution-by-hand",
        "Two kernels over an image, by hand",
        "course sheet 004, question 3",
        "derive.solutions.by_hand",
    ),
    Entry(
        "gradcam",
        "Grad-CAM derived for three heads",
        "course sheet 000, exercise 3; R. Selvaraju et al., Grad-CAM (2017)",
        "derive.solutions.gradcam",
    ),
    Entry(
        "optimisers",
        "Gradient descent, weight decay, momentum, Nesterov, Adam",
        "course sheet 002, section 3; D. Kingma, J. Ba, Adam (2015)",
        "derive.solutions.optimisers",
    ),
)

#: The exercises of the sheets that are answered in words, in counts and by stored runs.
ENTRIES += (
    Entry(
        "review-questions",
        "Parameters, linear layers, what is remembered, what backpropagation saves",
        "course sheet 001, exercise 5; course sheet 000, exercise 4",
        "derive.solutions.review",
    ),
    Entry(
        "backpropagation",
        "The function backpropagation(model, y_true, y_pred)",
        "INF265, Project 1, section 2",
        "derive.solutions.backpropagation",
    ),
    Entry(
        "gradient-descent",
        "Gradient descent: the manual update, L2, momentum, model selection",
        "INF265, Project 1, equations (1) to (3) and section 3",
        "derive.solutions.descent",
    ),
    Entry(
        "report",
        "Report on backpropagation and gradient descent, with its questions (a) to (g)",
        "INF265, Project 1, section 4",
        "derive.solutions.report",
    ),
    Entry(
        "mlp-without-autograd",
        "Backpropagation without autograd for any perceptron",
        "course sheet 000, exercise 1; course sheet 001, exercise 3",
        "derive.solutions.mlp_training",
    ),
    Entry(
        "exploring-mlps",
        "Variants of a perceptron on MNIST",
        "course sheet 001, exercise 2",
        "derive.solutions.exploring",
    ),
    Entry(
        "mnist-512-256",
        "A perceptron 512-256 on MNIST with Adam",
        "course sheet 003, exercise 2",
        "derive.solutions.mnist_network",
    ),
    Entry(
        "vgg16",
        "VGG-16 on CIFAR-10",
        "course sheet 003, exercise 3; K. Simonyan, A. Zisserman (2015)",
        "derive.solutions.vgg_network",
    ),
    Entry(
        "gradcam-analysis",
        "Grad-CAM on Fashion-MNIST, measured",
        "course sheet 000, exercise 3",
        "derive.solutions.gradcam_analysis",
    ),
    Entry(
        "tiny-framework",
        "A small deep learning framework, completed",
        "course sheet 004, question 1",
        "derive.solutions.tiny",
    ),
    Entry(
        "first-steps",
        "Autograd, classes and torch in one example",
        "course sheet 000, exercise 2; course sheet 001, exercises 1 and 4; course sheet 003, exercise 2 i",
        "derive.solutions.first_steps",
    ),
)

#: Layers whose solution is that of `derive grad --layer`.
ENTRIES += tuple(
    Entry(name, title, source, "derive.solutions.layers")
    for name, title, source in (
        ("batchnorm", "Batch normalisation", "S. Ioffe, C. Szegedy, Batch Normalization (2015)"),
        ("layernorm", "Layer normalisation", "J. Ba, J. Kiros, G. Hinton, Layer Normalization (2016)"),
        ("max-pool2d", "Max pooling", "a first course"),
        ("avg-pool2d", "Average pooling", "a first course"),
        ("attention", "Scaled dot-product attention", "A. Vaswani et al., Attention Is All You Need (2017)"),
        ("rnn", "A recurrent layer through time", "P. Werbos, Backpropagation Through Time (1990)"),
        ("lstm", "An LSTM through time", "S. Hochreiter, J. Schmidhuber, Long Short-Term Memory (1997)"),
    )
)

BY_NAME: Mapping[str, Entry] = {entry.name: entry for entry in ENTRIES}


def find(name: str) -> Entry:
    """The entry of that name; - and _ are the same. Raises UsageError with the nearest name."""
    from derive.words import nearest

    entry = BY_NAME.get(name.replace("_", "-").lower())
    if entry is None:
        close = nearest(name, BY_NAME)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(BY_NAME)}"
        raise UsageError(f"the catalogue has no {name}; {hint}")
    return entry


def document(name: str, **parameters: int) -> Document:
    """The worked solution of that name, its parameters at their defaults where they are not given.

    Raises UsageError for a name that is not there, and for a parameter that the entry does not have.
    """
    import importlib

    entry = find(name)
    known = {parameter.name: parameter.default for parameter in entry.parameters}
    for each in parameters:
        if each not in known:
            raise UsageError(f"{each} is no parameter of {entry.name}")
    made: Document = importlib.import_module(entry.module).solution(entry, **{**known, **parameters})
    return made
