"""Scattered adjoints are what torch's autograd finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import ProgramError
from derive.evaluation import values
from derive.integers import Index, integer
from derive.program import Equation, Program
from derive.reading.equations import read_equations
from derive.scatter import scatter
from derive.subjects import mlp
from derive.terms import Chain, Guard, Partial, entry, multiply, total
from tests.test_recurrences import below
from tests.thorough import examples

torch = pytest.importorskip("torch")

LAW = settings(max_examples=examples(40), deadline=None)


def held(text: str, forward: Callable[..., Any], arrays: dict[str, Any], seed: int = 0, output: str = "Z") -> None:
    """The adjoints of a text's inputs against autograd through `forward` of the same arrays."""
    tensors = {name: torch.tensor(np.asarray(array, dtype=float), requires_grad=True) for name, array in arrays.items()}
    result = forward(**tensors)
    upstream = np.random.default_rng(seed).normal(size=tuple(result.shape))
    result.backward(torch.tensor(upstream))
    found = scatter(read_equations(text), {output: upstream}, arrays, {})
    for name, tensor in tensors.items():
        theirs = tensor.grad.numpy() if tensor.grad is not None else np.zeros(tuple(tensor.shape))
        np.testing.assert_allclose(found[name], theirs, rtol=1e-11, atol=1e-11, err_msg=name)


def random(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


@LAW
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3), st.integers(0, 4), st.integers(0, 100)
)
def test_strided_padded_dilated_convolution(k: int, s: int, p: int, d: int, more: int, seed: int) -> None:
    n = max(1, d * (k - 1) + 1 - 2 * p) + more
    out = (n + 2 * p - d * (k - 1) - 1) // s + 1
    row, column = f"{s}*i + {d}*k - {p}", f"{s}*j + {d}*l - {p}"
    text = f"""V : 2 x 3 x {n} x {n + 1}
K : 4 x 3 x {k} x {k}
Z : 2 x 4 x {out} x {(n + 1 + 2 * p - d * (k - 1) - 1) // s + 1}
Z[b,o,i,j] = sum(c,k,l) [0 <= {row} < {n}]*[0 <= {column} < {n + 1}]*V[b,c,{row},{column}]*K[o,c,k,l]
"""
    arrays = {"V": random(seed, 2, 3, n, n + 1), "K": random(seed + 1, 4, 3, k, k)}
    held(text, lambda V, K: torch.nn.functional.conv2d(V, K, stride=s, padding=p, dilation=d), arrays, seed)


@LAW
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 100))
def test_softmax_and_its_logarithm(n: int, m: int, seed: int) -> None:
    arrays = {"X": 3 * random(seed, n, m)}
    declared = f"X : {n} x {m}\n"
    held(declared + "Z[i,j] = exp(X[i,j]) / sum(k) exp(X[i,k])", lambda X: torch.softmax(X, 1), arrays, seed)
    text = declared + "Z[i,j] = X[i,j] - max(k) X[i,k] - log(sum(k) exp(X[i,k] - max(l) X[i,l]))"
    held(text, lambda X: torch.log_softmax(X, 1), arrays, seed)


@LAW
@given(st.integers(0, 10_000))
def test_max_pooling_with_ties(seed: int) -> None:
    """Few different values: nearly every window has a tie, which goes to its first entry as in torch."""
    arrays = {"V": np.random.default_rng(seed).integers(0, 3, size=(1, 2, 6, 5)).astype(float)}
    text = "V : 1 x 2 x 6 x 5\nZ : 1 x 2 x 3 x 2\nZ[b,c,i,j] = max(k,l) V[b,c,2*i+k,2*j+l]"
    made = read_equations(text)
    assert [part.index.stop.value for part in _bound(made)] == [2, 3]
    held(text, lambda V: torch.nn.functional.max_pool2d(V, (2, 3), stride=2), arrays, seed)


def _bound(made: Program) -> list[Any]:
    term: Any = made.equations[0].term
    return [integer(index) for index in term.indices]


@LAW
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_products_with_zeros(seed: int, n: int) -> None:
    arrays = {"x": np.random.default_rng(seed).integers(-2, 3, size=(3, n)).astype(float)}
    held(f"x : 3 x {n}\nZ[i] = prod(j) x[i,j]", lambda x: torch.prod(x, 1), arrays, seed)
    held(f"x : 3 x {n}\nZ = prod(i,j) x[i,j]", lambda x: torch.prod(x), arrays, seed)


@LAW
@given(st.integers(1, 5), st.integers(0, 100))
def test_a_recurrent_network_through_time(steps: int, seed: int) -> None:
    arrays = {
        "W": random(seed, 3, 4), "U": random(seed + 1, 3, 3), "x": random(seed + 2, steps, 2, 4),
        "h0": random(seed + 3, 2, 3), "c": random(seed + 4),
    }  # fmt: skip
    text = f"""x : {steps} x 2 x 4
h0 : 2 x 3
Z[t,b,i] = tanh(sum(e) W[i,e]*x[t,b,e] + c*sum(j) U[i,j]*([t >= 1]*Z[t-1,b,j] + [t = 0]*h0[b,j]))
"""

    def forward(W: Any, U: Any, x: Any, h0: Any, c: Any) -> Any:
        state, states = h0, []
        for t in range(steps):
            state = torch.tanh(x[t] @ W.T + c * (state @ U.T))
            states.append(state)
        return torch.stack(states)

    held(text, forward, arrays, seed)


def test_labels_are_data() -> None:
    labels = np.array([2, 0, 2, 1])
    arrays = {"X": random(0, 4, 3)}
    text = "X : 4 x 3\ny : 4\nZ = sum(i) X[i,y[i]]^2"
    made = read_equations(text)
    found = scatter(made, {"Z": 1.0}, {**arrays, "y": labels}, {})
    expected = np.zeros((4, 3))
    expected[np.arange(4), labels] = 2 * arrays["X"][np.arange(4), labels]
    np.testing.assert_allclose(found["X"], expected)
    assert "y" not in found


def test_powers_and_functions_of_two_arguments() -> None:
    arrays = {"x": np.array([0.5, 2.0, 1.5]), "w": np.array([1.5, -1.0, 0.5])}
    held(
        "x : 3\nw : 3\nZ[i] = x[i]^w[i] + max(x[i], w[i])*w[i]/x[i]",
        lambda x, w: x**w + torch.maximum(x, w) * w / x,
        arrays,
    )


def test_a_symbolic_layer_against_differences() -> None:
    rng = np.random.default_rng(0)
    n = np.array([2, 3, 1, 2])
    arrays = {"n": n, "x": rng.normal(size=2), "y": rng.normal(size=2), "w": np.zeros((4, 3, 3)), "b": np.zeros((4, 3))}
    for layer in (1, 2, 3):
        arrays["w"][layer, : n[layer], : n[layer - 1]] = rng.normal(size=(n[layer], n[layer - 1])) / 2
        arrays["b"][layer, : n[layer]] = rng.normal(size=n[layer])
    made = mlp.symbolic()
    found = scatter(made, {"C": 1.0}, arrays, {"L": 3})
    for name, place in (("w", (1, 2, 1)), ("w", (3, 1, 0)), ("b", (2, 0)), ("x", (1,)), ("y", (0,))):
        costs = []
        for h in (1e-6, -1e-6):
            moved = arrays[name].copy()
            moved[place] += h
            costs.append(float(values(made, {**arrays, name: moved}, {"L": 3})["C"]))
        assert found[name][place] == pytest.approx((costs[0] - costs[1]) / 2e-6, rel=1e-6, abs=1e-8)
    assert not found["w"][2, 1:].any() and not found["w"][0].any()


def test_what_only_a_false_guard_reads_gets_nothing() -> None:
    i = Index("i", 3)
    outside = Guard((Chain((integer(i), integer(5)), (">",)),))
    made = Program(
        (entry("V", Index("i", 3)),),
        (Equation(entry("Z", i), multiply(outside, entry("V", integer(i) + 7))),),
        ("Z",),
    )
    assert not scatter(made, {"Z": np.ones(3)}, {"V": np.ones(3)}, {})["V"].any()


def test_a_repeated_read_gets_a_share_for_each_point() -> None:
    """Z = sum over i, k < i of x[0] reads x[0] three times."""
    i, k = Index("i", 3), Index("k", 3)
    made = Program(
        (entry("x", Index("i", 3)),),
        (Equation(entry("Z"), total((i, k), multiply(below(k, i), entry("x", 0)))),),
        ("Z",),
    )
    assert scatter(made, {"Z": 2.0}, {"x": np.ones(3)}, {})["x"].tolist() == [6.0, 0.0, 0.0]


def test_a_pending_derivative_and_a_seed_of_another_shape_are_refused() -> None:
    i, m = Index("i", 3), Index("m", 3)
    pending = Equation(entry("Z", i), total((m,), Partial(multiply(entry("x", i), entry("x", i)), entry("x", m))))
    made = Program((entry("x", Index("i", 3)),), (pending,), ("Z",))
    with pytest.raises(ProgramError, match="a derivative that is not worked out has no adjoint"):
        scatter(made, {"Z": np.ones(3)}, {"x": np.ones(3)}, {})
    with pytest.raises(ProgramError, match="Z has the shape"):
        scatter(made, {"Z": np.ones(2)}, {"x": np.ones(3)}, {})
