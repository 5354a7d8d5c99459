"""The one rule on index equations: gathered adjoints are what autograd finds, and what differences find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from derive import terms
from derive.errors import ProgramError
from derive.evaluation import values
from derive.gradients import Gradients, gradients
from derive.plain import formula
from derive.program import Program
from derive.reading.equations import read_equations
from derive.writing import tree_of_term
from tests.thorough import examples

torch = pytest.importorskip("torch")


def adjoint_values(made: Gradients, arrays: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """The values of all adjoints: the forward pass, then the gathered equations."""
    forward = values(made.primal, arrays, sizes)
    return dict(values(made.adjoint, {**arrays, **forward}, sizes))


def written(made: Gradients, name: str) -> str:
    return formula(tree_of_term(made[name].equation.term))


def random(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


# --- the convolution --------------------------------------------------------------------------------------------------


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[int, ...]:
    """(N, k, s, p, d): sizes, kernel, stride, padding, dilation, with at least one output."""
    k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    p = draw(st.integers(0, 3))
    n = draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), d * (k - 1) + 9))
    assume(n + 2 * p >= d * (k - 1) + 1)
    return n, k, s, p, d


@settings(max_examples=examples(60), deadline=None)
@given(case=convolutions(), seed=st.integers(0, 100))
def test_convolution_gradients_are_those_of_autograd(case: tuple[int, ...], seed: int) -> None:
    n, k, s, p, d = case
    out = (n + 2 * p - d * (k - 1) - 1) // s + 1
    guard = f"[0 <= {s}*i + {d}*k - {p} < {n}]*" if p else ""
    text = f"V : {n}\nK : {k}\nZ : {out}\nZ[i] = sum(k) {guard}V[{s}*i + {d}*k - {p}]*K[k]"
    made = gradients(read_equations(text))
    v, kernel, g = random((n,), seed), random((k,), seed + 1), random((out,), seed + 2)
    found = adjoint_values(made, {"V": v, "K": kernel, "Z_bar": g}, {})
    tv, tk = torch.tensor(v, requires_grad=True), torch.tensor(kernel, requires_grad=True)
    z = torch.nn.functional.conv1d(tv[None, None], tk[None, None], stride=s, padding=p, dilation=d)[0, 0]
    z.backward(torch.tensor(g))
    np.testing.assert_allclose(found["V_bar"], tv.grad.numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["K_bar"], tk.grad.numpy(), rtol=0, atol=1e-12)


# --- whatever a course writes: one text, one function of torch --------------------------------------------------------

CASES: dict[str, tuple[str, dict[str, tuple[int, ...]], Any]] = {
    "affine": ("W : m x n\nx : n\nb : m\nY = W x + b", {"W": (3, 4), "x": (4,), "b": (3,)},
               lambda W, x, b: W @ x + b),
    "quadratic form": ("A : n x n\nx : n\nq = x^T A x", {"A": (4, 4), "x": (4,)}, lambda A, x: x @ A @ x),
    "trace": ("A : m x n\nX : n x p\nB : p x m\nq = tr(A X B)", {"A": (2, 3), "X": (3, 4), "B": (4, 2)},
              lambda A, X, B: torch.trace(A @ X @ B)),
    "least squares": ("X : m x n\nw : n\ny : m\nL = norm(X w - y)^2", {"X": (5, 3), "w": (3,), "y": (5,)},
                      lambda X, w, y: ((X @ w - y) ** 2).sum()),
    "sandwich": ("X : n x m\nA : n x n\nY = X^T A X", {"X": (4, 3), "A": (4, 4)}, lambda X, A: X.T @ A @ X),
    "softmax": ("x : n\np = softmax(x)", {"x": (5,)}, lambda x: torch.softmax(x, 0)),
    "tanh of a product": ("A : m x n\nB : n x p\nY = tanh(A B)", {"A": (2, 3), "B": (3, 4)},
                          lambda A, B: torch.tanh(A @ B)),
    "product": ("x : n\nq = prod(i) x[i]", {"x": (4,)}, lambda x: torch.prod(x)),
    "maximum": ("X : m x n\nY[i] = max(j) X[i,j]", {"X": (4, 5)}, lambda X: X.max(1).values),
    "diagonal": ("A : n x n\nY[i] = A[i,i]^2", {"A": (4, 4)}, lambda A: torch.diagonal(A) ** 2),
    "reversed": ("x : 5\nY : 5\nY[i] = x[4 - i]*x[i]", {"x": (5,)}, lambda x: torch.flip(x, (0,)) * x),
    "strided read": ("x : 9\nY : 4\nY[i] = exp(x[2*i + 1])", {"x": (9,)}, lambda x: torch.exp(x[1:8:2])),
    "two strides": ("x : 12\nY : 3 x 2\nY[i,j] = x[2*i + 6*j]^3", {"x": (12,)},
                    lambda x: torch.stack([x[0:5:2], x[6:11:2]], 1) ** 3),
    "batchnorm": ("X : N x D\ng : D\nb : D\nmu[j] = mean(i) X[i,j]\nv[j] = mean(i) (X[i,j]-mu[j])^2\n"
                  "Y[i,j] = g[j]*(X[i,j]-mu[j])/sqrt(v[j]+1e-5) + b[j]", {"X": (5, 3), "g": (3,), "b": (3,)},
                  lambda X, g, b: g * (X - X.mean(0)) / torch.sqrt(X.var(0, unbiased=False) + 1e-5) + b),
    "attention": ("Q : m x d\nK : n x d\nV : n x p\nS = Q K^T / sqrt(d)\nP = softmax(S)\nO = P V",
                  {"Q": (2, 3), "K": (4, 3), "V": (4, 5)},
                  lambda Q, K, V: torch.softmax(Q @ K.T / Q.shape[1] ** 0.5, 1) @ V),
    "recurrence": ("u : T\ns : T\ns[t] = [t >= 1]*tanh(c*s[t-1]) + u[t]", {"u": (5,), "c": ()}, None),
    "general power": ("x : n\ny : n\nL = sum(i) (2 + x[i]^2)^y[i]", {"x": (4,), "y": (4,)},
                      lambda x, y: ((2 + x**2) ** y).sum()),
    "kinks": ("x : n\ny : n\nL = sum(i) (max(x[i], y[i])*relu(x[i]) + abs(y[i]))", {"x": (6,), "y": (6,)},
              lambda x, y: (torch.maximum(x, y) * torch.relu(x) + abs(y)).sum()),
}  # fmt: skip


def _recurrence(u: Any, c: Any) -> Any:
    s = [u[0]]
    for t in range(1, len(u)):
        s.append(torch.tanh(c * s[-1]) + u[t])
    return torch.stack(s)


def sizes_of(program: Program, shapes: dict[str, tuple[int, ...]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, shape in shapes.items():
        for part, extent in zip(program.heads[name].indices, shape, strict=True):
            assert part.index is not None
            for size in part.index.stop.names:
                found[size] = extent
    return found


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_a_course_are_those_of_autograd(name: str) -> None:
    text, shapes, function = CASES[name]
    function = function or _recurrence
    program = read_equations(text)
    made = gradients(program, list(shapes))
    arrays: dict[str, Any] = {key: random(shape, k) for k, (key, shape) in enumerate(shapes.items())}
    leaves = {key: torch.tensor(array, requires_grad=True) for key, array in arrays.items()}
    result = function(**leaves)
    upstream = random(tuple(result.shape), 99)
    output = program.outputs[0]
    given = program.upstream.get(output)
    result.backward(torch.tensor(upstream) if given else None)
    if given:
        arrays[given] = upstream
    found = adjoint_values(made, arrays, sizes_of(program, shapes))
    for key in shapes:
        expected = leaves[key].grad.numpy()
        np.testing.assert_allclose(found[made.names[key]], expected, rtol=1e-11, atol=1e-12, err_msg=key)


# --- the steps --------------------------------------------------------------------------------------------------------


def test_the_sheet_s_gradients_come_out_as_the_sheet_asks() -> None:
    made = gradients(read_equations("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]\nupstream Z = G"))
    assert written(made, "K") == "sum(i, j) G[i, j]*V[i + k, j + l]"
    ranged = made["V"].ranged
    assert ranged is not None
    bounds = {index.name: index for node in terms.walk(ranged.term) for index in terms.bound_in(node)}
    assert set(bounds) == {"i", "j"}
    rules = [step.rule.name for step in made.steps]
    for name in ("partial of an entry", "contract the delta", "range", "linearity of the sum"):
        assert name in rules
    assert "differentiate" not in rules


def test_softmax_is_written_with_its_own_value() -> None:
    made = gradients(read_equations("x : n\np = softmax(x)\nupstream p = G"))
    assert written(made, "x") == "p[m]*(G[m] - sum(i) G[i]*p[i])"


def test_a_strided_read_keeps_its_divisibility() -> None:
    made = gradients(read_equations("x : 9\nY : 4\nY[i] = x[2*i + 1]"))
    guards = [each for node in terms.walk(made["x"].equation.term) if isinstance(node, terms.Guard)
              for each in node.conditions]  # fmt: skip
    assert any(isinstance(each, terms.Divides) for each in guards)


@pytest.mark.parametrize(
    ("text", "wrt", "message"),
    [
        ("Y[i] = T[y[i]]", ["y"], "y holds whole numbers, which have no gradient"),
        ("q = x*y", ["z"], "z is not in the equations, which have x, y, q"),
    ],
)
def test_what_has_no_gradient_is_refused_by_name(text: str, wrt: list[str], message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        gradients(read_equations(text), wrt)


@pytest.mark.parametrize(
    "text",
    [
        "x : 5\ny : 5\nD : 5\nD[i] = sum(j) [j < i]*x[i-1]*y[j]",
        "x : 5\ny : 5\nD : 5\nD[i] = [i >= 1]*x[i-1]*y[i] + [i >= 3]*x[i-1]*y[i]",
        "x : 5\ny : 5\nD : 5\nD[i] = sum(j) [j < i]*log(y[i]^2 - 1)*x[j]",
    ],
)
def test_a_factor_that_needs_its_guard_stays_beside_it(text: str) -> None:
    """x[i-1] may not leave the sum whose guard keeps it inside, nor log(..) one that keeps it defined."""
    made = gradients(read_equations(text))
    x, g = random((5,), 1), random((5,), 2)
    y = np.array([0.1, 2.0, 3.0, -2.0, 1.5])
    found = adjoint_values(made, {"x": x, "y": y, "D_bar": g}, {})

    def forward(x: np.ndarray, y: np.ndarray) -> float:
        return float(g @ values(made.primal, {"x": x, "y": y}, {})["D"])

    for name in ("x", "y"):
        for place in range(5):
            step = np.zeros(5)
            step[place] = 1e-6
            ends = [forward(x + sign * step, y) if name == "x" else forward(x, y + sign * step) for sign in (1, -1)]
            assert found[f"{name}_bar"][place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)
