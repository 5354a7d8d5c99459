"""All worked solutions in the order of the sheets, as one volume: what stands before them, and their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive import tree as t
from derive.document import Cell, Document, Heading, Inline, Part, Prose, Row, Table, Volume

#: The entries of every part. An exercise that stands on two sheets has its chapter at the first.
PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Sheet 000: Backpropagation, Grad-CAM",
        ("mlp-without-autograd", "first-steps", "gradcam", "gradcam-analysis", "review-questions"),
    ),
    ("Sheet 001: Perceptrons on MNIST", ("exploring-mlps",)),
    (
        "Sheet 002: Gradients and gradient descent",
        ("gradient-descent", "mlp", "backpropagation", "optimisers", "report"),
    ),
    ("Sheet 003: Reverse mode, torch, VGG-16", ("griewank", "mnist-512-256", "vgg16")),
    ("Sheet 004: A framework, convolutions", ("tiny-framework", "convolution", "convolution-by-hand")),
    ("Beyond the sheets: functions", ("logarithm", "neuron", "speelpenning")),
    (
        "Beyond the sheets: layers",
        (
            "softmax-cross-entropy", "batchnorm", "layernorm", "max-pool2d", "avg-pool2d", "attention", "rnn", "lstm",
        ),
    ),
)  # fmt: skip

#: What a sign means in every chapter.
_SIGNS: tuple[tuple[str | t.Tree, str], ...] = (
    (t.Name("v_i"), "a line of an evaluation trace; inputs have the indices up to 0"),
    (t.Name("vdot_i"), "tangent: the derivative of the line by one input"),
    (t.Name("vbar_i"), "adjoint: the derivative of the output, or of the loss, by the line"),
    (t.Name("G"), "upstream gradient: the adjoint of a layer's output, given"),
    (t.Name("delta_i"), "error signal: the adjoint of a pre-activation, with a layer above"),
    (t.Subscript("delta", (t.Name("i"), t.Name("j"))), "Kronecker's delta: 1 where its indices are equal, else 0"),
    ("[ ... ]", "Iverson's bracket: 1 where the condition holds, else 0"),
    ("⊙, ⊘", "product and quotient entry by entry"),
    ("(3, 4)", "shape of an array; indices begin with 0 unless a page says otherwise"),
)


def volume(documents: Mapping[str, Document], forms: Sequence[str] = ()) -> Volume:
    """The documents as a volume. documents : by name of the entry.  forms : in which each of them is written."""
    parts = [
        Part(title, tuple((name, documents[name]) for name in names if name in documents)) for title, names in PARTS
    ]
    return Volume(
        "solutions",
        "Gradients by hand",
        "Worked solutions of five course sheets, and of layers beyond them, derived and checked by derive",
        _opening(),
        tuple(part for part in parts if part.chapters),
        tuple(forms),
    )


def _opening() -> Document:
    rule: tuple[Inline, ...] = (
        "Every chapter is written by one engine, from equations and one rule: the adjoint of a quantity is the sum, "
        "over all lines that read it, of the adjoint of the line times its partial derivative. Beside a line stands "
        "the rule that leads to it. A chapter says what was checked, against what, and how close it came; a printed "
        "number is correctly rounded, a tie to the even digit.",
    )
    rows = tuple(Row((Cell(sign), Cell(meaning))) for sign, meaning in _SIGNS)
    header = (Cell("sign"), Cell("meaning"))
    return Document(
        "Before the first chapter",
        (Heading("How to read"), Prose(rule), Heading("Notation"), Table("Signs of all chapters.", "ll", rows, header)),
    )
