"""A result that is said to be a convolution is that convolution: the claim is carried out and compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from derive import terms
from derive.answers import Answer, grad
from derive.checks.claims import claimed_values
from derive.evaluation import environment_of, value_of
from derive.rules.patterns import Convolution
from tests.thorough import examples


def claim_and_truth(answer: Answer, name: str, seed: int) -> tuple[Convolution, np.ndarray, np.ndarray]:
    """What the claim says of a gradient, and what its equation is worth, on random arrays of the declared shapes."""
    rng = np.random.default_rng(seed)
    found = answer[name].convolution
    assert found is not None, f"{answer[name].text} is not recognised"
    heads = {key: head for key, head in answer.heads.items() if key in answer.program.input_names}
    heads |= answer.derivation.given
    arrays = {key: rng.normal(size=[part.index.extent.value for part in head.indices]) for key, head in heads.items()}
    environment = environment_of(answer.derivation.adjoint, arrays, {})
    line = found.equation
    return found, claimed_values(found, environment), np.asarray(value_of(line.term, line.indices, environment))


@st.composite
def layers(draw: st.DrawFn) -> str:
    """One- or two-dimensional layers with batch, channels and groups, any stride, padding and dilation."""
    rank = draw(st.integers(1, 2))
    groups = draw(st.integers(1, 2))
    letters = [("i", "k"), ("j", "l")][:rank]
    flip = draw(st.booleans())
    image, kernel, out, reads, guards = [], [], [], [], []
    for i, k in letters:
        window, s, d, p = (draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 3)),
                           draw(st.integers(0, 2)))  # fmt: skip
        n = draw(st.integers(1, 8))
        assume(n + 2 * p >= d * (window - 1) + 1)
        image.append(n)
        kernel.append(window)
        out.append((n + 2 * p - d * (window - 1) - 1) // s + 1)
        tap = f"{d * (window - 1)} - {d}*{k}" if flip else f"{d}*{k}"
        reads.append(f"{s}*{i} + {tap} - {p}")
        guards.append(f"[0 <= {reads[-1]} < {n}]*")
    channel = "c + 2*floor(o/3)" if groups == 2 else "c"
    shape = {
        "X": [2, 2 * groups, *image],
        "W": [3 * groups, 2, *kernel],
        "Y": [2, 3 * groups, *out],
    }
    lines = [f"{name} : {' x '.join(map(str, extents))}" for name, extents in shape.items()]
    left = ", ".join(["n", "o", *(i for i, _ in letters)])
    bound = ", ".join(["c", *(k for _, k in letters)])
    weight = ", ".join(["o", "c", *(k for _, k in letters)])
    lines.append(f"Y[{left}] = sum({bound}) {''.join(guards)}X[n, {channel}, {', '.join(reads)}]*W[{weight}]")
    return "\n".join(lines)


@settings(max_examples=examples(60), deadline=None)
@given(text=layers(), seed=st.integers(0, 99))
def test_a_claim_holds(text: str, seed: int) -> None:
    answer = grad(text, ["X", "W"])
    for name in ("X", "W"):
        if answer[name].equation.term == terms.NIL:
            continue  # every window lies in the padding
        _, claimed, true = claim_and_truth(answer, name, seed)
        np.testing.assert_allclose(claimed, true, rtol=0, atol=1e-12, err_msg=text)


#: N, k, s, p, d -> for dK: stride, kernel dilation, padding; for dV: input dilation, kernel dilation, padding.
#: Worked out by hand from rem = (N + 2p - d(k-1) - 1) mod s, and equal to JAX's vector-Jacobian product.
TABLE = {
    (9, 3, 2, 0, 1): ((1, 2, [0, 0]), (2, 1, [2, 2])),
    (8, 3, 2, 0, 1): ((1, 2, [0, -1]), (2, 1, [2, 3])),
    (10, 3, 3, 0, 1): ((1, 3, [0, -1]), (3, 1, [2, 3])),
    (8, 3, 2, 1, 1): ((1, 2, [1, 0]), (2, 1, [1, 2])),
    (11, 3, 2, 0, 2): ((2, 2, [0, 0]), (2, 2, [4, 4])),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_closed_forms_of_strided_gradients(case: tuple[int, ...]) -> None:
    n, k, s, p, d = case
    out = (n + 2 * p - d * (k - 1) - 1) // s + 1
    read = f"{s}*i + {d}*k - {p}"
    text = f"V : {n}\nK : {k}\nZ : {out}\nZ[i] = sum(k) [0 <= {read} < {n}]*V[{read}]*K[k]"
    answer = grad(text)
    weights, image = answer["K"].kind, answer["V"].kind
    assert weights is not None and image is not None
    assert (weights["image"], weights["kernel"], weights["flipped"]) == ("V", "Z_bar", False)
    assert (image["image"], image["kernel"], image["flipped"]) == ("Z_bar", "K", True)
    assert (weights["stride"], weights["kernel_dilation"], weights["padding"][0]) == TABLE[case][0]
    assert (image["input_dilation"], image["kernel_dilation"], image["padding"][0]) == TABLE[case][1]
    assert weights["input_dilation"] == image["stride"] == 1


def test_the_names_of_the_kinds() -> None:
    correlation = grad("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]")
    assert correlation["K"].kind["name"] == "cross-correlation"
    assert (correlation["V"].kind["name"], correlation["V"].kind["mode"]) == ("convolution", "full")
    strided = grad("Z[i] = sum(k) V[3*i+k]*K[k]")
    assert strided["V"].kind["name"] == "transposed convolution"
    true = grad("K : 3\nV : 8\nZ : 6\nZ[i] = sum(k) V[i+2-k]*K[k]")
    assert true["V"].kind["name"] == "cross-correlation" and not true["V"].kind["flipped"]


def test_what_is_no_convolution_is_not_called_one() -> None:
    for text, name in (("Y[i] = sum(j) A[i,j]*x[j]", "x"), ("y[i] = x[i]*w[i]", "w"), ("y[i] = x[2*i]", "x")):
        assert grad(text)[name].convolution is None
