"""Convolution by hand: every window laid over the image, its products written out, by the sheet's formula and flipped.

Sheet 004, question 3: two kernels over a padded image of 8 x 8, strides 1 and 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derive import tree as t
from derive.document import Block, Cell, Display, Document, Heading, Line, Prose, Row, Table
from derive.evaluation import values
from derive.reading.equations import read_equations
from derive.subjects.catalogue import Entry
from derive.tree import Tree

IMAGE = (
    (0, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 4, 2, 3, 5, 6, 0),
    (0, 0, 1, 5, 4, 2, 0, 0),
    (0, 3, 4, 8, 0, 1, 2, 0),
    (0, 3, 2, 3, 0, 1, 3, 0),
    (0, 0, 4, 6, 3, 1, 5, 0),
    (0, 1, 2, 5, 0, 0, 1, 0),
    (0, 0, 0, 0, 0, 0, 0, 0),
)
#: name, entries, stride: as the sheet gives them.
KERNELS = (
    ("k_1", ((0, 1, 1), (0, 1, 0), (-2, 0, -1)), 1),
    ("k_2", ((1, 0), (2, 1)), 2),
)
#: The first outputs of a kernel are written out in full; the table has them all.
WRITTEN_OUT = 4

Matrix = tuple[tuple[int, ...], ...]


def result(kernel: Matrix, stride: int, *, flipped: bool = False) -> Matrix:
    """All outputs, by the equation itself: V[s*i+k, ...] K[k, ...], or with the kernel read from its other end."""
    size, window = len(IMAGE), len(kernel)
    out = (size - window) // stride + 1
    taps = f"{window - 1} - k, {window - 1} - l" if flipped else "k, l"
    text = (
        f"V : {size} x {size}\nK : {window} x {window}\nZ : {out} x {out}\n"
        f"Z[i,j] = sum(k,l) V[{stride}*i+k, {stride}*j+l]*K[{taps}]"
    )
    found = values(read_equations(text), {"V": np.array(IMAGE, float), "K": np.array(kernel, float)}, {})["Z"]
    return tuple(tuple(round(value) for value in row) for row in found.tolist())


def solution(entry: Entry) -> Document:
    """Both kernels: the windows written out, all results, and the true convolution beside them."""
    blocks: list[Block] = [
        Heading("The image"),
        _matrix_table("The image, padded already.", IMAGE),
        Prose(("The sheet's formula lays the kernel over the image as it stands and moves it: ", _formula("V"),
               ", with ", t.Name("s"), " the stride. A true convolution reads the kernel from its other end; its "
               "results stand beside, since courses call both by one name.")),
    ]  # fmt: skip
    for name, kernel, stride in KERNELS:
        blocks += _kernel_blocks(name, kernel, stride)
    return Document("Convolution by hand", tuple(blocks), entry.source)


def _formula(image: str) -> Tree:
    indices = (
        t.Sum((("+", _times("s", "i")), ("+", t.Name("k")))),
        t.Sum((("+", _times("s", "j")), ("+", t.Name("l")))),
    )
    body = t.Product((("*", t.Subscript(image, indices)), ("*", t.Subscript("K", (t.Name("k"), t.Name("l"))))))
    return t.Relation((t.Subscript("Z", (t.Name("i"), t.Name("j"))), t.Reduction("sum", ("k", "l"), body)))


def _times(one: str, two: str) -> Tree:
    return t.Product((("*", t.Name(one)), ("*", t.Name(two))))


def _kernel_blocks(name: str, kernel: Matrix, stride: int) -> list[Block]:
    plain, true = result(kernel, stride), result(kernel, stride, flipped=True)
    flipped = tuple(tuple(reversed(row)) for row in reversed(kernel))
    out = len(plain)
    return [
        Heading(f"Kernel {name[-1]}, stride {stride}"),
        _matrix_table("The kernel.", kernel),
        Prose((f"The window moves by {stride} over {len(IMAGE)} rows and columns, and there are {out} x {out} places "
               f"for it. The first {min(WRITTEN_OUT, out)} of the first row, with all products:",)),
        Display(tuple(_window(name, kernel, stride, 0, column) for column in range(min(WRITTEN_OUT, out)))),
        _matrix_table("All outputs by the sheet's formula.", plain),
        Prose(("As a true convolution the kernel is flipped in both directions first:",)),
        _matrix_table("The flipped kernel.", flipped),
        Display(tuple(_window(name, flipped, stride, 0, column) for column in range(min(2, out)))),
        _matrix_table("All outputs of the true convolution.", true),
    ]  # fmt: skip


def _window(name: str, kernel: Matrix, stride: int, row: int, column: int) -> Line:
    """Z[row, column] = 0*0 + 4*1 + ... = 4, the products in the order of the kernel's entries."""
    products: list[tuple[str, Tree]] = []
    total = 0
    for k, taps in enumerate(kernel):
        for column_of_tap, tap in enumerate(taps):
            pixel = IMAGE[stride * row + k][stride * column + column_of_tap]
            total += pixel * tap
            factor: Tree = t.Number(str(abs(tap)))
            shown = t.Negative(factor) if tap < 0 else factor
            products.append(("+", t.Product((("*", t.Number(str(pixel))), ("*", shown)))))
    left = t.Subscript("Z", (t.Number(str(row)), t.Number(str(column))))
    return Line(t.Relation((left, t.Sum(tuple(products)), _number(total))))


def _number(value: int) -> Tree:
    return t.Negative(t.Number(str(-value))) if value < 0 else t.Number(str(value))


def _matrix_table(caption: str, rows: Any) -> Table:
    return Table(caption, "r" * len(rows[0]), tuple(Row(tuple(Cell(_number(v)) for v in row)) for row in rows))
