"""Recurrent networks through time: the time step t is an index, and step t reads the results of step t - 1.

X is S x N x D (steps, batch, entries) and the states N x K, as torch has them by default; gates are an axis of their
own, in torch's order, where torch writes them one below the other. There is one bias where torch adds two.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from derive.subjects.layers.dense import BIAS
from derive.subjects.layers.layer import Equations, Layer, Operand, Setting, Size
from derive.subjects.layers.options import Option


def _operands(gates: int, states: tuple[str, ...], options: Mapping[str, Any], _: int | None) -> tuple[Operand, ...]:
    gate: tuple[Size, ...] = (gates,) if gates > 1 else ()
    biases = (Operand("b", (*gate, "K")), *((Operand("a", ("K",)),) if gates == 3 else ())) if options["bias"] else ()
    return (
        Operand("X", ("S", "N", "D")),
        Operand("W", (*gate, "K", "D")),
        Operand("U", (*gate, "K", "K")),
        *biases,
        *(Operand(state, ("N", "K")) for state in states),
    )


def _before(state: str, start: str, index: str) -> str:
    """The state of the step before, which the first step is given."""
    return f"[t >= 1]*{state}[t - 1, n, {index}] + [t = 0]*{start}[n, {index}]"


def _rnn(setting: Setting) -> Equations:
    bias = " + b[i]" if setting["bias"] else ""
    total = f"(sum(j) W[i, j]*X[t, n, j]) + (sum(j) U[i, j]*({_before('Y', 'h0', 'j')})){bias}"
    return Equations((f"Y[t, n, i] = {setting['nonlinearity']}({total})",))


def _lstm(setting: Setting) -> Equations:
    bias = " + b[g, i]" if setting["bias"] else ""
    total = f"(sum(j) W[g, i, j]*X[t, n, j]) + (sum(j) U[g, i, j]*({_before('Y', 'h0', 'j')})){bias}"
    kept = f"sigmoid(Z[t, n, 1, i])*({_before('C', 'c0', 'i')})"
    return Equations(
        (
            "# gates, in the order of g: input, forget, cell, output",
            f"Z[t, n, g, i] = {total}",
            f"C[t, n, i] = {kept} + sigmoid(Z[t, n, 0, i])*tanh(Z[t, n, 2, i])",
            "Y[t, n, i] = sigmoid(Z[t, n, 3, i])*tanh(C[t, n, i])",
        )
    )


def _gru(setting: Setting) -> Equations:
    shift, inner = (" + b[g, i]", " + a[i]") if setting["bias"] else ("", "")
    return Equations(
        (
            "# gates, in the order of g: reset, update, new",
            f"H[t, n, i] = {_before('Y', 'h0', 'i')}",
            f"A[t, n, g, i] = sum(j) W[g, i, j]*X[t, n, j]{shift}",
            "R[t, n, i] = sigmoid(A[t, n, 0, i] + (sum(j) U[0, i, j]*H[t, n, j]))",
            "Z[t, n, i] = sigmoid(A[t, n, 1, i] + (sum(j) U[1, i, j]*H[t, n, j]))",
            f"V[t, n, i] = tanh(A[t, n, 2, i] + R[t, n, i]*((sum(j) U[2, i, j]*H[t, n, j]){inner}))",
            "Y[t, n, i] = (1 - Z[t, n, i])*V[t, n, i] + Z[t, n, i]*H[t, n, i]",
        )
    )


LAYERS = (
    Layer(
        "rnn",
        "recurrent network through time",
        "each state is a nonlinear function of the input and of the state before it",
        partial(_operands, 1, ("h0",)),
        _rnn,
        (BIAS, Option("nonlinearity", "choice", "tanh", "of each step", choices=("tanh", "relu"))),
        torch="torch.nn.RNN",
        source="J. Elman, Finding structure in time, Cognitive Science 14 (1990)",
    ),
    Layer(
        "lstm",
        "long short-term memory through time",
        "gates decide what the cell keeps, takes in and shows at each step",
        partial(_operands, 4, ("h0", "c0")),
        _lstm,
        (BIAS,),
        outputs=("Y", "C"),
        torch="torch.nn.LSTM",
        source="S. Hochreiter, J. Schmidhuber, Neural Computation 9 (1997); forget gate: F. Gers et al. (2000)",
    ),
    Layer(
        "gru",
        "gated recurrent unit through time",
        "one gate decides how much of the state the new one sees, another how much of it stays",
        partial(_operands, 3, ("h0",)),
        _gru,
        (BIAS,),
        torch="torch.nn.GRU",
        source="K. Cho et al. (2014), arXiv:1406.1078",
    ),
)
