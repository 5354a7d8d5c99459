"""Convolution: the outputs of a kernel with numbers, and its gradients with a stride, a dilation or a padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive import tree as t
from derive.document import Block, Cell, Display, Inline, Line, Prose, Row, Table
from derive.evaluation import values
from derive.reading.equations import read_equations
from derive.reading.reader import read
from derive.sheets.drawing import Drawn, Draws
from derive.sheets.exercise import Exercise, Part, Question, Variant
from derive.sheets.problem_text import problem_text
from derive.sheets.scalars import gradients
from derive.solutions.tables import number_tree
from derive.tree import Tree

Matrix = tuple[tuple[int, ...], ...]

# --- with numbers -----------------------------------------------------------------------------------------------------

WINDOW, OUT = 3, 3
#: Entries of a kernel that are not 0: so many products an output.
TAPS = 5
#: (stride, rows of the image): both make three rows of outputs.
SHAPES = ((1, 5), (2, 7))
LARGEST_OUTPUT = 60


def draw_outputs(draws: Draws) -> Drawn | None:
    stride, size = draws.choice(SHAPES)
    image = [[draws.between(0, 9) for _ in range(size)] for _ in range(size)]
    if padded := draws.below(2) == 1:
        for k in range(size):
            image[0][k] = image[-1][k] = image[k][0] = image[k][-1] = 0
    entries = draws.shuffled([draws.choice((-2, -1, 1, 2, 3)) for _ in range(TAPS)] + [0] * (WINDOW**2 - TAPS))
    kernel = _rows(entries, WINDOW)
    outputs = outputs_of(tuple(map(tuple, image)), kernel, stride)
    flat = [value for row in outputs for value in row]
    if len(set(flat)) < len(flat) or max(map(abs, flat)) > LARGEST_OUTPUT or 0 in flat:
        return None
    return Drawn((stride, padded, tuple(map(tuple, image)), kernel), tuple(flat))


def outputs_of(image: Matrix, kernel: Matrix, stride: int) -> Matrix:
    """All outputs in whole numbers, by the sheet's sum."""
    places = range(OUT)
    return tuple(tuple(sum(p * q for p, q in _products(image, kernel, stride, i, j)) for j in places) for i in places)


def _products(image: Matrix, kernel: Matrix, stride: int, row: int, column: int) -> list[tuple[int, int]]:
    """Pixels and taps of a window, those of taps 0 left out."""
    return [
        (image[stride * row + k][stride * column + m], tap)
        for k, taps in enumerate(kernel)
        for m, tap in enumerate(taps)
        if tap
    ]


def work_outputs(drawn: Drawn) -> Variant:
    stride, padded, image, kernel = drawn.values
    size = len(image)
    read_at = _window("i", "k", stride, 1, 0), _window("j", "l", stride, 1, 0)
    equation = f"Z[i,j] = sum(k,l) V[{read_at[0]},{read_at[1]}]*K[k,l]"
    text = f"V : {size} x {size}\nK : {WINDOW} x {WINDOW}\nZ : {OUT} x {OUT}\n{equation}"
    found = values(read_equations(text), {"V": _array(image), "K": _array(kernel)}, {})["Z"].tolist()
    # what was drawn is worked out once more from the equation itself
    assert _rows([round(value) for row in found for value in row], OUT) == outputs_of(image, kernel, stride)
    questions = []
    for i in range(OUT):
        for j in range(OUT):
            products = tuple(
                ("+", t.Product((("*", t.Number(str(pixel))), ("*", number_tree(str(tap))))))
                for pixel, tap in _products(image, kernel, stride, i, j)
            )
            left = t.Subscript("Z", (t.Number(str(i)), t.Number(str(j))))
            questions.append(Question(left, (t.Sum(products), number_tree(str(round(found[i][j]))))))
    latex = (
        rf"Z_{{ij}} = \sum_{{k=0}}^{{{WINDOW - 1}}} \sum_{{l=0}}^{{{WINDOW - 1}}} "
        rf"V_{{{_window_latex('i', 'k', stride)},{_window_latex('j', 'l', stride)}}} K_{{kl}}"
    )
    return Variant(
        given=(
            _table("The image V" + (", padded already." if padded else "."), image),
            _table("The kernel K.", kernel),
            Prose((f"The kernel is laid over the image as it stands, and moved by {stride}; rows and columns are "
                   "counted from 0:",)),
            Display((Line(_relation(equation)),)),
        ),
        parts=(
            Part("Outputs", ("Every output, with its products.",), tuple(questions)),
        ),
        problem=problem_text(
            "Convolution by hand", [latex],
            {"V": f"{{ shape = [{size}, {size}], value = {_toml(image)} }}",
             "K": f"{{ shape = [{WINDOW}, {WINDOW}], value = {_toml(kernel)} }}",
             "Z": f"{{ shape = [{OUT}, {OUT}] }}"},
        ),
        parameters={"stride": stride, "padded": padded, "image": [*map(list, image)], "kernel": [*map(list, kernel)]},
        operations={"product": TAPS * OUT**2, "sum": (TAPS - 1) * OUT**2},
    )  # fmt: skip


def _rows(entries: list[int], width: int) -> Matrix:
    return tuple(tuple(entries[k : k + width]) for k in range(0, len(entries), width))


def _array(matrix: Matrix) -> Any:
    return np.array(matrix, float)


def _toml(matrix: Matrix) -> str:
    return "[" + ", ".join(str(list(row)) for row in matrix) + "]"


def _table(caption: str, matrix: Matrix) -> Block:
    rows = tuple(Row(tuple(Cell(number_tree(str(value))) for value in row)) for row in matrix)
    return Table(caption, "r" * len(matrix[0]), rows)


# --- gradients --------------------------------------------------------------------------------------------------------

#: Letters of image, kernel, output and its gradient.
LETTERS = (("V", "K", "Z", "G"), ("X", "W", "Y", "H"), ("A", "F", "B", "D"), ("U", "M", "S", "T"), ("X", "K", "Y", "G"),
           ("V", "F", "U", "D"), ("A", "W", "Z", "H"), ("P", "Q", "R", "S"))  # fmt: skip
KINDS = ("stride", "dilation", "padding")


def draw_gradients(draws: Draws) -> Drawn | None:
    kind = draws.choice(KINDS)
    amount = draws.between(2, 3) if kind != "padding" else draws.between(1, 2)
    stride, dilation, padding = (amount if kind == each else int(each != "padding") for each in KINDS)
    kernel = (draws.between(2, 4), draws.between(2, 4))
    outputs = (draws.between(3, 6), draws.between(3, 6))
    image = tuple(
        stride * (out - 1) + dilation * (size - 1) + 1 - 2 * padding for out, size in zip(outputs, kernel, strict=True)
    )
    # sizes that differ tell a student, and the verifier, which axis is which
    if (
        len(set(kernel)) < 2
        or len(set(outputs)) < 2
        or len({*outputs, *image}) < 4
        or min(image) < 3
        or (kind == "padding" and padding >= min(kernel))
    ):
        return None
    letters = draws.choice(LETTERS)
    # the formula for the image has the sizes of kernel or outputs in its conditions
    return Drawn((kind, amount, kernel, outputs, image, letters), (kind, amount, kernel, outputs, letters))


def work_gradients(drawn: Drawn) -> Variant:
    kind, amount, kernel, outputs, image, (v, k, z, g) = drawn.values
    stride, dilation, padding = (amount if kind == each else int(each != "padding") for each in KINDS)
    rows, columns = (_window(i, m, stride, dilation, padding) for i, m in (("i", "k"), ("j", "l")))
    guards = f"[0 <= {rows} < {image[0]}]*[0 <= {columns} < {image[1]}]*" if padding else ""
    equation = f"{z}[i,j] = sum(k,l) {v}[{rows},{columns}]*{k}[k,l]"
    shapes = {v: image, k: kernel, z: outputs}
    text = "\n".join(
        [f"{name} : {shape[0]} x {shape[1]}" for name, shape in shapes.items()]
        + [equation.replace(f"{v}[", f"{guards}{v}["), f"upstream {z} = {g}"]
    )
    found = gradients(text)
    words: dict[str, tuple[Inline, ...]] = {
        "stride": (f"The kernel moves by a stride of {amount}.",),
        "dilation": (f"The kernel is dilated: its taps are {amount} apart.",),
        "padding": (f"The image is padded with {amount} {'row' if amount == 1 else 'rows'} of zeros on each side: "
                    "outside it the formula reads 0.",),
    }  # fmt: skip

    def sizes(name: str) -> list[Inline]:
        return [t.Name(name), f" has {shapes[name][0]} × {shapes[name][1]} entries"]

    whole = t.Derivative(t.Name("L"), t.Name(z))
    return Variant(
        given=(
            Prose((*sizes(v), ", ", *sizes(k), ", ", *sizes(z), ", all counted from 0. ", *words[kind])),
            Display((Line(_relation(equation)),)),
            Prose(("The derivative of a loss by the output is given, ", t.Relation((t.Name(g), whole)), ".")),
        ),
        parts=(
            Part("Gradients",
                 ("The derivative of the loss by every entry of kernel and image. Say in brackets which terms are "
                  "read, as in ", read("[0 <= m < 3]"), ", which is 1 where it holds, else 0."),
                 tuple(Question(found[name][0], (found[name][1],), 4) for name in (k, v))),
        ),
        problem=problem_text(
            "The gradients of a convolution",
            [rf"{z}_{{ij}} = \sum_{{k,l}} {v}_{{{_latex(rows)},{_latex(columns)}}} {k}_{{kl}}"],
            {name: f"{{ shape = {list(shape)} }}" for name, shape in shapes.items()},
            loss="L",
            conventions={"overline": "adjoint", "delta": "Kronecker", "boundary": "zero outside"},
            aliases={g: rf"\frac{{\partial L}}{{\partial {z}}}"},
        ),
        parameters={"kind": kind, "amount": amount, "kernel": list(kernel), "outputs": list(outputs),
                    "image": list(image), "letters": f"{v}{k}{z}{g}"},
        operations={"product": 2, "summation": 4},
    )  # fmt: skip


def _window(place: str, tap: str, stride: int, dilation: int, padding: int) -> str:
    """`2*i + k - 1`, in the plain notation."""
    text = f"{stride}*{place}" if stride > 1 else place
    text += f" + {dilation}*{tap}" if dilation > 1 else f" + {tap}"
    return text + (f" - {padding}" if padding else "")


def _window_latex(place: str, tap: str, stride: int) -> str:
    return _latex(_window(place, tap, stride, 1, 0))


def _latex(text: str) -> str:
    return text.replace("*", "")


def _relation(equation: str) -> Tree:
    left, _, right = equation.partition(" = ")
    return t.Relation((read(left), read(right)))


OUTPUTS = Exercise(
    "convolution-by-hand",
    "Convolution by hand",
    "course sheet 004, question 3",
    "nine outputs of a 3 × 3 kernel, with numbers",
    draw_outputs,
    work_outputs,
)
GRADIENTS = Exercise(
    "convolution",
    "The gradients of a convolution",
    "course sheet 004, question 2",
    "the gradients in kernel and image, with a stride, a dilation or a padding",
    draw_gradients,
    work_gradients,
)
