"""Index form and matrix form are one: a matrix form, read back, has the values of the index form."""

from __future__ import annotations

import numpy as np
import pytest

from derive.answers import Answer, grad
from derive.evaluation import values
from derive.plain import formula
from derive.reading.equations import read_equations

TEXTS = {
    "affine": "W : m x n\nx : n\nb : m\nY = W x + b",
    "rows": "X : s x n\nW : n x m\nY = X W",
    "batch": "W : m x n\nX : n x s\nb : m\nY = tanh(W X + b)",
    "two layers": "W : m x n\nU : p x m\nx : n\nh = tanh(W x)\nY = U h",
    "quadratic": "A : n x n\nx : n\nq = x^T A x",
    "bilinear": "A : m x n\nx : m\ny : n\nq = x^T A y",
    "least squares": "X : m x n\nw : n\ny : m\nL = norm(X w - y)^2",
    "outer": "u : m\nv : n\nY = u v^T",
    "sandwich": "X : n x m\nA : n x n\nY = X^T A X",
    "trace": "A : m x n\nX : n x p\nB : p x m\nq = tr(A X B)",
    "softmax": "x : n\nY = softmax(x)",
    "norm": "x : n\nL = norm(x)",
    "entrywise": "A : m x n\nB : m x n\nY = A .* B + exp(A)",
    "relu": "A : m x n\nx : n\nb : m\nY = relu(A x + b)",
    "scaled": "A : m x n\nx : n\nc : scalar\nY = c*(A x)",
}
SIZES = {"m": 3, "n": 4, "p": 5, "s": 2}

#: Worked out by hand; every one is in a first course's table of matrix derivatives.
KNOWN = {
    ("affine", "W"): "Y_bar x^T",
    ("affine", "x"): "W^T Y_bar",
    ("affine", "b"): "Y_bar",
    ("rows", "W"): "X^T Y_bar",
    ("rows", "X"): "Y_bar W^T",
    ("quadratic", "x"): "A x + A^T x",
    ("quadratic", "A"): "x x^T",
    ("bilinear", "A"): "x y^T",
    ("least squares", "w"): "2*(X^T (X w - y))",
    ("outer", "u"): "Y_bar v",
    ("trace", "X"): "A^T B^T",
    ("softmax", "x"): "Y .* (Y_bar - Y_bar^T Y)",
}


def numbers(answer: Answer) -> dict[str, np.ndarray]:
    """Random values of everything a gradient may read."""
    rng = np.random.default_rng(0)
    program = answer.program
    heads = {**{name: program.heads[name] for name in program.input_names}, **answer.derivation.given}
    arrays = {}
    for name, head in heads.items():
        shape = [SIZES[part.index.stop.alone.name] for part in head.indices]
        arrays[name] = rng.normal(size=shape)
    forward = values(program, {k: v for k, v in arrays.items() if k in program.input_names}, SIZES)
    return {**arrays, **{name: forward[name] for name in program.by_name}}


@pytest.mark.parametrize("name", TEXTS)
def test_a_matrix_form_read_back_is_the_index_form(name: str) -> None:
    answer = grad(TEXTS[name])
    arrays = numbers(answer)
    found = values(answer.derivation.adjoint, arrays, SIZES)
    for wanted in answer.wrt:
        gradient = answer[wanted]
        assert gradient.matrix is not None, f"{gradient.text} has no matrix form"
        known = {**arrays, **{line.name: found[line.name] for line in answer.derivation.lines}}
        shapes = {key: [part.index.stop.alone.name for part in head.indices] for key, head in answer.heads.items()}
        declared = [f"{key} : {' x '.join(shape) or 'scalar'}" for key, shape in shapes.items() if key in known]
        text = "\n".join([*declared, f"read_back = {formula(gradient.matrix)}"])
        program = read_equations(text)
        again = values(program, {key: known[key] for key in program.input_names}, SIZES)["read_back"]
        np.testing.assert_allclose(again, found[gradient.adjoint.name], rtol=1e-12, atol=1e-12, err_msg=text)


@pytest.mark.parametrize(("name", "wanted"), KNOWN)
def test_the_table_of_a_first_course(name: str, wanted: str) -> None:
    matrix = grad(TEXTS[name])[wanted].matrix
    assert matrix is not None and formula(matrix) == KNOWN[name, wanted]


def test_what_has_no_matrix_form_is_given_none() -> None:
    for text, name in (("Z[i] = sum(k) V[i+k]*K[k]", "V"), ("Y[i,j,k] = A[i,j]*B[j,k]", "A"), ("Y[i] = x[2*i]", "x")):
        assert grad(text)[name].matrix is None
