"""The gradients of a convolution in its kernel and in its image, and what kind of operation each is again.

Sheet 004, question 2: the partial derivatives of one output first, then the sums over the outputs, their ranges, and
the claim that the result is again a convolution, in words and carried out on numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from derive import terms
from derive import tree as t
from derive.aligned import aligned
from derive.answers import Answer, grad
from derive.checks.claims import claimed_values
from derive.checks.index_steps import gathered_is_scattered, run_gradients, with_adjoints
from derive.conventions import Notation
from derive.document import Block, Bullets, Display, Document, Edge, Figure, Heading, Inline, Line, Node, Picture, Prose
from derive.evaluation import value_of
from derive.program import Equation
from derive.rules import patterns
from derive.sizes import free_sizes
from derive.step import Step
from derive.subjects.catalogue import Entry
from derive.writing import shapes_of, tree_of_equation, tree_of_term

NOTATION = Notation(first=frozenset({"G"}))


def layer(stride: int = 1, padding: int = 0, dilation: int = 1, image: int = 0, kernel: int = 0) -> str:
    """The equations of a one-channel layer; sizes are symbols where stride, padding and dilation are the simple ones.

    image, kernel : rows of the two; a column more or less, so that no two sizes agree by accident.
    """
    if stride == 1 and padding == 0 and dilation == 1 and not image and not kernel:
        return "V : H x M\nK : P x Q\nZ[i,j] = sum(k,l) V[i+k, j+l]*K[k,l]\nupstream Z = G"
    rows, taps = image or 9, kernel or 3
    sizes = ((rows, taps), (rows - 1, max(1, taps - 1)))
    reads, guards, out = [], [], []
    for (size, window), (i, k) in zip(sizes, (("i", "k"), ("j", "l")), strict=True):
        read = f"{stride}*{i} + {dilation}*{k} - {padding}"
        reads.append(read)
        guards.append(f"[0 <= {read} < {size}]*" if padding else "")
        out.append((size + 2 * padding - dilation * (window - 1) - 1) // stride + 1)
    shapes = "\n".join(
        f"{name} : {a} x {b}"
        for name, (a, b) in (("V", (sizes[0][0], sizes[1][0])), ("K", (sizes[0][1], sizes[1][1])), ("Z", tuple(out)))
    )
    return f"{shapes}\nZ[i,j] = sum(k,l) {''.join(guards)}V[{', '.join(reads)}]*K[k,l]\nupstream Z = G"  # fmt: skip


def solution(
    entry: Entry, *, stride: int = 1, padding: int = 0, dilation: int = 1, image: int = 0, kernel: int = 0
) -> Document:
    """The worked solution for one channel."""
    answer = grad(layer(stride, padding, dilation, image, kernel), ["K", "V"])
    made = answer.derivation
    shapes = shapes_of(made.around)

    def shown(equation: Equation, number: str = "") -> Line:
        return Line(tree_of_equation(equation, NOTATION, shapes=shapes), number=number)

    def chain(steps: Iterable[Step]) -> Display:
        return aligned(steps, NOTATION, shapes=shapes)

    blocks: list[Block] = [
        Heading("The layer"),
        Prose(("The image ", t.Name("V"), " is read at shifted places, the kernel ", t.Name("K"),
               " is not flipped: a cross-correlation. ", t.Name("G"),
               " is the gradient of the loss by the outputs, which comes down from the layers above.")),
        Display(tuple(shown(line) for line in answer.program.equations)),
        *_figures(stride, padding, dilation, image, kernel),
        Heading("One output"),
        Prose(("First one output by one entry of the kernel, then by one entry of the image. An entry of an array "
               "depends on no other entry of it: that is Kronecker's delta, and the sum over it leaves one term.",)),
    ]  # fmt: skip
    for name in ("K", "V"):
        blocks += [chain(partial.steps) for partial in made[name].partials]
    numbers = iter(("1", "2"))
    for name, title in (("K", "The gradient in the kernel"), ("V", "The gradient in the image")):
        line = made[name]
        steps = chain(line.own_steps).lines
        blocks += [Heading(title), Display((replace(steps[0], reason="the one rule"), *steps[1:])),
                   Display((shown(line.equation, next(numbers)),)), *_claim(answer, name)]  # fmt: skip
    blocks += [Heading("Checks"), Bullets(_checked(answer))]
    return Document("The gradients of a convolution", tuple(blocks), entry.source)


def _figures(stride: int, padding: int, dilation: int, image: int, kernel: int) -> list[Block]:
    """One row of the layer: what an output reads, and which outputs the gradient of an entry gathers."""
    size, window = min(image or 9, 12), min(kernel or 3, 5)
    outputs = (size + 2 * padding - dilation * (window - 1) - 1) // stride + 1
    if outputs < 1:
        return []
    reads = [
        (i, stride * i + dilation * k - padding, k)
        for i in range(outputs)
        for k in range(window)
        if 0 <= stride * i + dilation * k - padding < size
    ]
    one = min(1, outputs - 1)
    entry = max(range(size), key=lambda place: (sum(v == place for _, v, _ in reads), -abs(place - size // 2)))
    seen = [(i, v, k) for i, v, k in reads if i == one]
    gathered = [(i, v, k) for i, v, k in reads if v == entry]
    padded = f", beyond the edge {padding} zero{'s' * (padding > 1)} on either side" if padding else ""
    return [
        Figure(
            f"Along one axis, {size} entries and {window} taps at stride {stride} and dilation {dilation}{padded}: "
            f"the entries that output {one} reads, each with its tap.",
            _picture(size, outputs, seen, "Z"),
            "; ".join(f"Z {i} reads V {v} with K {k}" for i, v, k in seen),
        ),
        Figure(
            f"The same layer from the other side: the gradient of entry {entry} gathers the outputs that read it, "
            "each with the tap that met it, which are the taps in the opposite order.",
            _picture(size, outputs, gathered, "G"),
            "; ".join(f"V {v} gathers G {i} with K {k}" for i, v, k in gathered),
        ),
    ]


def _picture(size: int, outputs: int, reads: list[tuple[int, int, int]], lower: str) -> Picture:
    """The image's row above, the outputs' row below, an edge labelled with its tap for each read."""
    cell, gap, top, bottom, height = 34.0, 10.0, 18.0, 112.0, 24.0

    def middle(place: int, count: int) -> float:
        return (max(size, outputs) - count) * (cell + gap) / 2 + place * (cell + gap) + cell / 2 + 2

    used = {v for _, v, _ in reads}, {i for i, _, _ in reads}
    nodes = [
        Node(f"V{v}", middle(v, size), top, cell, height, (t.Subscript("V", (t.Number(str(v)),)),),
             "output" if v in used[0] else "input")
        for v in range(size)
    ] + [
        Node(f"Z{i}", middle(i, outputs), bottom, cell, height, (t.Subscript(lower, (t.Number(str(i)),)),),
             "output" if i in used[1] else "operation")
        for i in range(outputs)
    ]  # fmt: skip
    edges = []
    for i, v, k in reads:
        ends = ((middle(v, size), top + height / 2), (middle(i, outputs), bottom - height / 2))
        source, target = (f"V{v}", f"Z{i}") if lower == "Z" else (f"Z{i}", f"V{v}")
        points = ends if lower == "Z" else ends[::-1]
        # labels stand nearer to the end at which the edges are apart
        share = 0.3 if lower == "Z" else 0.7
        at = tuple(a + share * (b - a) for a, b in zip(*ends, strict=True))
        edges.append(Edge(source, target, points, t.Subscript("K", (t.Number(str(k)),)), (at[0] + 11, at[1])))
    width = max(size, outputs) * (cell + gap) + 4
    return Picture(width, bottom + height / 2 + 4, tuple(nodes), tuple(edges))


def _claim(answer: Answer, name: str) -> list[Block]:
    found = answer[name].convolution
    if found is None:
        return []

    def named(part: Inline) -> Inline:
        return tree_of_term(terms.Entry(part.text), NOTATION) if isinstance(part, t.Name) else part

    return [Prose(("So ", *map(named, patterns.described(found)), "."))]


def _checked(answer: Answer) -> tuple[tuple[str, ...], ...]:
    """What was run: every step, gathered against scattered, and the claims carried out."""
    made = answer.derivation
    checked = run_gradients(made)
    held = sum(each.holds for each in checked.values())
    scattered = gathered_is_scattered(made)
    agree = [name for name, each in scattered.items() if each.holds]
    claims = [name for name in answer.wrt if _claim_holds(answer, name)]
    open_sizes = free_sizes(answer.program)
    where = (
        "on images and kernels of several sizes that all differ" if open_sizes else "on random arrays of these sizes"
    )
    return (
        (f"{held} of {len(checked)} steps hold, run {where}.",),
        (f"The formulas for {' and '.join(agree)} have the values that every output sends back to what it read.",),
        (f"The claims for {' and '.join(claims)} were carried out, zeros put in and cut off as they say.",),
    )


def _claim_holds(answer: Answer, name: str) -> bool:
    found = answer[name].convolution
    if found is None:
        return False
    for environment in with_adjoints(answer.derivation):
        true = value_of(found.equation.term, found.equation.indices, environment)
        if not np.allclose(claimed_values(found, environment), true, rtol=0, atol=1e-10):
            return False
    return True
