"""The gradients of a convolution in its kernel and in its image, and what kind of operation each is again.

Sheet 004, question 2: the partial derivatives of one output first, then the sums over the outputs, their ranges, and
the claim that the result is again a convolution, in words and carried out on numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from derive import tree as t
from derive.aligned import aligned
from derive.answers import Answer, grad
from derive.checks.claims import claimed_values
from derive.checks.index_steps import gathered_is_scattered, run_gradients, with_adjoints
from derive.conventions import Notation
from derive.document import Block, Bullets, Display, Document, Heading, Line, Prose
from derive.evaluation import value_of
from derive.program import Equation
from derive.sizes import free_sizes
from derive.step import Step
from derive.subjects.catalogue import Entry
from derive.writing import shapes_of, tree_of_equation

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

    def shown(equation: Equation, number: str = "", reason: str = "") -> Line:
        return Line(tree_of_equation(equation, NOTATION, shapes=shapes), reason, number)

    def chain(steps: Iterable[Step]) -> Display:
        return aligned(steps, NOTATION, shapes=shapes)

    blocks: list[Block] = [
        Heading("The layer"),
        Prose(("The image ", t.Name("V"), " is read at shifted places, the kernel ", t.Name("K"),
               " is not flipped: a cross-correlation. ", t.Name("G"),
               " is the gradient of the loss by the outputs, which comes down from the layers above.")),
        Display(tuple(shown(line) for line in answer.program.equations)),
        Heading("One output"),
        Prose(("First one output by one entry of the kernel, then by one entry of the image. An entry of an array "
               "depends on no other entry of it: that is Kronecker's delta, and the sum over it leaves one term.",)),
    ]  # fmt: skip
    for name in ("K", "V"):
        blocks += [chain(partial.steps) for partial in made[name].partials]
    numbers = iter(("1", "2"))
    for name, title in (("K", "The gradient in the kernel"), ("V", "The gradient in the image")):
        line = made[name]
        blocks += [Heading(title), Display((shown(line.rule, reason="the one rule"),)), chain(line.own_steps),
                   Display((shown(line.equation, next(numbers)),)), *_claim(answer, name)]  # fmt: skip
    blocks += [Heading("Checks"), Bullets(_checked(answer))]
    return Document("The gradients of a convolution", tuple(blocks), entry.source)


def _claim(answer: Answer, name: str) -> list[Block]:
    sentence = answer[name].sentence
    return [Prose((f"So {sentence}.",))] if sentence else []


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
