"""The small framework completed: every backward rule derived, the code beside it, a regression learned with it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from derive.answers import Answer, grad
from derive.checks.answers import check_answer
from derive.document import Block, Bullets, Document, Figure, Heading, Inline, Listing, Prose
from derive.fixtures.adapters.tiny_adapter import FUNCTIONS, adapter
from derive.fixtures.making import Maker
from derive.fixtures.operations import find_operation
from derive.fixtures.running import Report, run_vectors
from derive.solutions.blocks import adjoints, code_of, equations, held, table
from derive.solutions.charts import Series, chart
from derive.subjects import tiny
from derive.subjects.catalogue import Entry
from derive.subjects.tiny import Tensor

#: Operation -> its equations, what it is differentiated by, and a remark.
RULES: Mapping[str, tuple[type[Tensor], str, tuple[str, ...], str]] = {
    "ReduceMean": (tiny.ReduceMean, "x : n x m\ny = mean(i,j) x[i,j]\nupstream y = G\n", ("x",),
                   "Every entry has the same share in a mean, so every entry gets the same part of the gradient."),
    "Add": (tiny.Add, "x : n x m\nb : m\ny[i,j] = x[i,j] + b[j]\nupstream y = G\n", ("x", "b"),
            "Here the second operand is a row that serves all rows of the first. What was repeated on the way forward "
            "is added up on the way back; operands of one shape get the gradient as it is."),
    "Mul": (tiny.Mul, "a : n x m\nb : n x m\ny[i,j] = a[i,j]*b[i,j]\nupstream y = G\n", ("a", "b"),
            "Each factor gets the gradient times the other one."),
    "MatMul": (tiny.MatMul, "a : n x p\nb : p x m\ny[i,j] = sum(k) a[i,k]*b[k,j]\nupstream y = G\n", ("a", "b"),
               "Two matrix products again. Shapes alone nearly tell them: there is one way to make them fit."),
    "ReLU": (tiny.ReLU, "x : n x m\ny[i,j] = relu(x[i,j])\nupstream y = G\n", ("x",),
             "What was cut off gets nothing. At 0 there is a kink; the convention is 0."),
    "Sigmoid": (tiny.Sigmoid, "x : n x m\ny[i,j] = sigmoid(x[i,j])\nupstream y = G\n", ("x",),
                "The derivative is a formula in the result, so nothing is computed twice."),
    "Neg": (tiny.Neg, "x : n x m\ny[i,j] = -x[i,j]\nupstream y = G\n", ("x",), "Given on the sheet as an example."),
    "Sqrt": (tiny.Sqrt, "x : n x m\ny[i,j] = sqrt(x[i,j])\nupstream y = G\n", ("x",),
             "The other example; again the result is used."),
}  # fmt: skip
MSE = "p : n x m\nt : n x m\nL = mean(i,j) (p[i,j] - t[i,j])^2\nloss L\n"


def solution(entry: Entry) -> Document:
    """The worked solution."""
    return Document("A small framework, completed", (*_backward(), *_rules(), *_mse(), *_fixtures(), *_regression()),
                    entry.source)  # fmt: skip


def _backward() -> list[Block]:
    x = Tensor(3.0)
    y = x * x + x
    y.backward()
    return [
        Heading("(a) The method backward"),
        Prose(("A forward pass leaves a graph behind: every result remembers the Tensors it was made of. backward goes "
               "through it once, from the result to the leaves. Two things can go wrong, and both are about a Tensor "
               "that is read twice. Its gradient is the sum of what its readers send, so contributions are added and "
               "never assigned. And it may pass its gradient on only when all its readers have sent: so the Tensors "
               "are put in order first, each behind all that read it. A recursion that sends at once would send "
               "unfinished sums, again and again.",)),
        Listing("derive/subjects/tiny.py: the base class, and the order.",
                code_of(tiny.Tensor, tiny._readers_first), "text"),
        Bullets((held("For y = x x + x at x = 3, where x is read three times, the gradient is 2 x + 1 = 7.",
                      float(np.asarray(x.grad)) == 7.0),)),
    ]  # fmt: skip


def _rules() -> list[Block]:
    blocks: list[Block] = [
        Heading("(b) What each operation sends"),
        Prose(
            (
                "For each operation: its equation, what the one rule makes of it, and the code. What arrives from "
                "above is called G in the formulas and upstream in the code.",
            )
        ),
    ]
    for name, (operation, text, wrt, remark) in RULES.items():
        answer = grad(text, list(wrt))
        blocks += [Heading(name, 2), equations(answer.program, answer.notation), adjoints(answer), Prose((remark,)),
                   Listing(f"{name}.", code_of(operation), "text")]  # fmt: skip
    return [*blocks, Listing("Add and Mul share the sum over what was repeated.", code_of(tiny._summed_to),
                             "text"), _held()]  # fmt: skip


def deviation(name: str) -> tuple[Answer, float]:
    """The derived rule of an operation, and how far the framework's gradients are from it on a random example."""
    operation, text, wrt, _ = RULES[name]
    draw = np.random.default_rng(0)
    sizes = {"n": 3, "m": 4, "p": 2}
    answer = grad(text, list(wrt))
    arrays: dict[str, Any] = {}
    for array in wrt:
        shape = tuple(sizes[extent.names[0]] for extent in answer.shapes[array])
        arrays[array] = draw.uniform(0.5, 2, size=shape) if name == "Sqrt" else draw.normal(size=shape)
    tensors = [Tensor(value) for value in arrays.values()]
    result = operation(*tensors)
    upstream = draw.normal(size=result.value.shape)
    result.backward(upstream)
    derived = grad(text, list(wrt), values={**arrays, "G": upstream})
    far = max(float(np.abs(np.asarray(each.grad) - derived[array].value).max())
              for array, each in zip(wrt, tensors, strict=True))  # fmt: skip
    return answer, far


def _held() -> Block:
    rows: list[list[Inline | None]] = []
    for name in RULES:
        answer, far = deviation(name)
        report = check_answer(answer)
        held(f"the rule of {name} is right and its code agrees", report.passed and far < 1e-14)
        rows.append([name, report.findings[0].text, "to 1e-14"])
    return table("Each rule: its steps run on numbers, and the code held against the formula on random arrays.", "lll",
                 ("operation", "steps of the derivation", "code = formula"), rows)  # fmt: skip


def _mse() -> list[Block]:
    answer = grad(MSE, ["p"])
    return [
        Heading("(c) The mean squared error"),
        Prose(("The mean of the squared differences. It needs no backward rule: it is made of operations that have "
               "one.",)),
        equations(answer.program, answer.notation),
        adjoints(answer),
        Listing("mse.", code_of(tiny.mse), "text"),
    ]  # fmt: skip


def fixtures(count: int = 6) -> Report:
    """The framework against test vectors with certified digits, for all operations it has."""
    vectors = [
        vector for name in FUNCTIONS for _, made in Maker(find_operation(name), {}).vectors(count) for vector in made
    ]
    return run_vectors(vectors, adapter, "tiny")


def _fixtures() -> list[Block]:
    report = fixtures()
    rows = [[name, str(sum(counts.values())), str(counts.get("pass", 0))] for name, counts in
            report.of_operations().items()]  # fmt: skip
    skipped = report.counts.get("not implemented", 0)
    return [
        Heading("Certified test vectors"),
        Prose(("The framework was also run against this project's fixtures: inputs, outputs and gradients whose digits "
               "are proven, each with a bound for what rounding may do. They hold shapes, extreme numbers and kinks "
               "that one does not think of.",)),
        table("Arrays that were compared, and those within their bound.", "lrr", ("operation", "arrays", "pass"), rows),
        Bullets((held("No array is beyond its bound" + (f"; {skipped} vectors have options that it lacks." if skipped
                                                        else "."), not report.failures),)),
        Listing("The same from the command line.",
                "derive fixtures --all -o vectors\nderive fixtures --run vectors --adapter tiny", "text"),
    ]  # fmt: skip


# --- the regression ---------------------------------------------------------------------------------------------------


def data(count: int = 40) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Points around y = 2 x - 1: x from -2 to 2, with noise of standard deviation 0.5."""
    draw = np.random.default_rng(11)
    x = np.linspace(-2, 2, count)[:, None]
    return x, 2 * x - 1 + 0.5 * draw.normal(size=x.shape)


def regression(steps: int = 100, lr: float = 0.1) -> tuple[float, float, list[float]]:
    """Slope, intercept and the losses of a gradient descent in the framework."""
    x, y = map(Tensor, data())
    w, b = Tensor(np.zeros((1, 1))), Tensor(np.zeros(1))
    losses = []
    for _ in range(steps):
        loss = tiny.mse(x @ w + b, y)
        loss.backward()
        losses.append(float(loss.value))
        assert w.grad is not None and b.grad is not None
        w, b = Tensor(w.value - lr * w.grad), Tensor(b.value - lr * b.grad)
    return float(w.value.item()), float(b.value.item()), losses


def least_squares() -> tuple[float, float]:
    """Slope and intercept by the normal equations, in exact fractions of the same numbers."""
    x, y = (list(map(Fraction, each.ravel().tolist())) for each in data())
    n = len(x)
    xx, xy, sx, sy = (
        sum(a * b for a, b in zip(first, second, strict=True))
        for first, second in ((x, x), (x, y), (x, [Fraction(1)] * n), (y, [Fraction(1)] * n))
    )
    slope = (n * xy - sx * sy) / (n * xx - sx * sx)
    return float(slope), float((sy - slope * sx) / n)


def _regression() -> list[Block]:
    x, y = data()
    slope, intercept, losses = regression()
    best = least_squares()
    points = tuple(zip(x.ravel().tolist(), y.ravel().tolist(), strict=True))
    ends = tuple((end, slope * end + intercept) for end in (-2.0, 2.0))
    kept = [(float(k), losses[k]) for k in (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)]
    return [
        Heading("(d) The linear regression"),
        Prose(("Forty points around a line of slope 2 and intercept -1, with noise; the loss is mse, the learning rate "
               "0.1, a hundred steps.",)),
        Listing("The script: a forward pass, backward, an update.", code_of(regression), "text"),
        Figure("The points, and the line that was learned.",
               chart((Series("data", points),), across="x", up="y", line=(ends[0], ends[1])),
               f"40 points and the line {slope:.4f} x + {intercept:.4f}"),
        Figure("The loss by step.", chart((Series("loss", tuple(kept)),), across="step", up="loss"),
               "; ".join(f"step {k:g}: {loss:.3f}" for k, loss in kept)),
        Prose((f"Learned: slope {slope:.4f}, intercept {intercept:.4f}. The loss starts at {losses[0]:.3f} and comes "
               f"to rest at {losses[-1]:.3f}. It does not go to zero, and should not: the noise has variance 0.25, and "
               "no line goes through all points. Slope and intercept are not exactly 2 and -1 either, for the same "
               "reason: they are those of the best line through these points, which least squares gives directly: "
               f"{best[0]:.4f} and {best[1]:.4f}.",)),
        Bullets((
            held("Gradient descent and least squares agree to 1e-6.",
                 abs(slope - best[0]) < 1e-6 and abs(intercept - best[1]) < 1e-6),
            held("No step raised the loss by more than rounding.",
                 all(b <= a + 1e-15 for a, b in pairwise(losses))),
        )),
    ]  # fmt: skip
