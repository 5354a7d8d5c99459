"""The identities of a first course, in whole-array notation, and similarities of rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from derive.subjects.layers.elementwise import entry_by_entry, indices_of
from derive.subjects.layers.layer import Equations, Layer, Operand, Setting
from derive.subjects.layers.options import Option


def _given(*operands: Operand) -> Any:
    """The same operands whatever the options."""

    def of(_: Mapping[str, Any], __: int | None) -> tuple[Operand, ...]:
        return operands

    return of


def _lines(*lines: str) -> Any:
    def of(_: Setting) -> Equations:
        return Equations(lines)

    return of


def _penalty(setting: Setting) -> Equations:
    at = indices_of(setting, "W")
    half = "/2" if setting["half"] else ""
    return Equations((f"L = lam{half}*sum({at[1:-1]}) W{at}^2" if at else f"L = lam{half}*W^2",))


def _distances(setting: Setting) -> Equations:
    total = "sum(d) (U[i, d] - V[j, d])^2"
    return Equations((f"Y[i, j] = {total}" if setting["squared"] else f"Y[i, j] = sqrt({total})",))


_VECTOR = Operand("x", ("n",))
_loss = partial(Layer, outputs=("L",), loss=True)

LAYERS = (
    Layer("matmul", "product of two matrices", "rows of A times columns of B",
          _given(Operand("A", ("m", "k")), Operand("B", ("k", "n"))), _lines("Y = A B"), torch="torch.matmul"),
    Layer("outer", "outer product", "every entry of u times every entry of v",
          _given(Operand("u", ("m",)), Operand("v", ("n",))), _lines("Y = u v^T"), torch="torch.outer"),
    Layer("congruence", "X^T A X", "the form of A on the columns of X",
          _given(Operand("X", ("m", "n")), Operand("A", ("m", "m"))), _lines("Y = X^T A X")),
    _loss("quadratic_form", "x^T A x", "the quadratic form of a matrix, which need not be symmetric",
          _given(_VECTOR, Operand("A", ("n", "n"))), _lines("L = x^T A x")),
    _loss("trace_product", "tr(A X B)", "the trace of a product",
          _given(Operand("X", ("m", "n")), Operand("A", ("k", "m")), Operand("B", ("n", "k"))),
          _lines("L = tr(A X B)")),
    _loss("least_squares", "||X w - y||^2", "the sum of the squared residuals of a linear model",
          _given(Operand("X", ("m", "n")), Operand("w", ("n",)), Operand("y", ("m",), wrt=False)),
          _lines("L = norm(X w - y)^2")),
    _loss("norm", "Euclidean norm", "the root of the sum of all squares; not differentiable at 0",
          entry_by_entry(Operand("x", ("...",))), _lines("L = norm(x)"), torch="torch.linalg.vector_norm"),
    _loss("squared_norm", "squared Euclidean norm", "the sum of all squares",
          entry_by_entry(Operand("x", ("...",))), _lines("L = norm(x)^2")),
    _loss("one_norm", "1-norm", "the sum of all absolute values; abs'(0) = 0",
          entry_by_entry(Operand("x", ("...",))), _lines("L = sum(abs(x))"), torch="torch.linalg.vector_norm"),
    _loss("l2_penalty", "L2 penalty", "lam times the sum of all squared weights, or half of it",
          entry_by_entry(Operand("W", ("...",)), Operand("lam", (), "positive", wrt=False)), _penalty,
          (Option("half", "flag", True, "with the factor 1/2"),)),
    Layer("cosine_similarity", "cosine similarity", "the cosine of the angle between two rows",
          _given(Operand("U", ("N", "D")), Operand("V", ("N", "D"))),
          _lines("Y[n] = (sum(d) U[n, d]*V[n, d])/(sqrt(sum(d) U[n, d]^2)*sqrt(sum(d) V[n, d]^2))"),
          torch="torch.nn.functional.cosine_similarity"),
    Layer("pairwise_distances", "distances between all pairs of rows",
          "the Euclidean distance of every row of U from every row of V, or its square",
          _given(Operand("U", ("m", "D")), Operand("V", ("n", "D"))), _distances,
          (Option("squared", "flag", False, "without the root"),), torch="torch.cdist"),
)  # fmt: skip
