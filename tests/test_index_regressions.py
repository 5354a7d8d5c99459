"""Index equations that once got a wrong formula or a wrong claim; each is held against scattering or carried out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from derive import terms
from derive.answers import Answer, grad
from derive.checks.answers import check_answer
from derive.evaluation import Environment, value_of, values
from derive.integers import Index, integer
from derive.scatter import scatter
from derive.sizes import shapes_of


@pytest.mark.parametrize("guard", ["[k != 1]", "[k <= i]", "[K[k] > 0]", "[0 <= i + k < 7]", "[mod(k, 2) = 0]"])
def test_what_is_guarded_otherwise_than_by_the_window_is_no_convolution(guard: str) -> None:
    """Zeros around the image do not say what such a guard says."""
    answer = grad(f"V : 8\nK : 3\nZ : 6\nZ[i] = sum(k) {guard}*V[i + k]*K[k]", ["V", "K"])
    assert answer["V"].convolution is None
    assert answer["K"].convolution is None


def test_a_part_of_the_kernel_is_not_the_kernel() -> None:
    """Z has 5 rows and 4 of them slide, so nothing slides with Z_bar as it is."""
    answer = grad("V : 6\nK : 3\nZ : 5\nZ[i] = sum(k) [i < 4]*V[i + k]*K[k]", ["K"])
    assert answer["K"].convolution is None


def test_an_array_that_is_read_in_part_has_no_place_in_a_product_of_matrices() -> None:
    """The first 3 rows of A, which has 5: the guard holds everywhere, and is gone."""
    answer = grad("A : 5 x 4\nB : 3 x 4\nZ : 3 x 3\nZ[i,j] = sum(k) [i < 5]*A[i,k]*B[j,k]", ["A", "B"])
    assert answer["B"].matrix is None
    whole = grad("A : 3 x 4\nB : 3 x 4\nZ : 3 x 3\nZ[i,j] = sum(k) [i < 5]*A[i,k]*B[j,k]", ["A", "B"])
    assert whole["B"].matrix_text == "B_bar = Z_bar^T A"


def agrees_with_scattering(answer: Answer, arrays: dict[str, Any]) -> None:
    """All asked for, at these numbers; upstream gradients are drawn."""
    program = answer.program
    rng = np.random.default_rng(1)
    shapes = shapes_of(program, {})
    known = {given: rng.normal(size=shapes[output]) for output, given in program.upstream.items()}
    seeds = {output: known[given] for output, given in program.upstream.items()}
    if answer.derivation.loss is not None:
        seeds[answer.derivation.loss] = np.ones(())
    expected = scatter(program, seeds, arrays, {})
    forward = values(program, arrays, {})
    found = values(answer.derivation.adjoint, {**arrays, **forward, **known}, {})
    for name in answer.wrt:
        np.testing.assert_allclose(found[answer.derivation.names[name]], expected[name], rtol=1e-12, atol=1e-12)


REUSED = {
    "a read behind the guard": (
        "x : 3\nc : scalar\nz : 3\nq : 3\nL : scalar\nz[i] = [i >= 1]*exp(x[i]*c)\n"
        "L = sum(i) [i >= 1]*exp(x[i]*c)*x[i-1]*z[i]"
    ),
    "a root behind the guard": (
        "x : 3\nc : scalar\nz[i] = [x[i] > 0]*exp(x[i])\nq[i] = [x[i] > 0]*exp(x[i])*sqrt(x[i])*c"
    ),
}


@pytest.mark.parametrize("text", REUSED.values(), ids=REUSED)
def test_a_value_is_called_by_its_name_only_where_that_means_the_same(text: str) -> None:
    agrees_with_scattering(grad(text), {"c": np.array(0.5), "x": np.array([-1.0, 0.5, 2.0])})


def test_a_second_derivative_names_no_value_at_an_index_of_another_sum() -> None:
    answer = grad("w : 2\nX : 3\nX[i] = 1/(1.5 + w[0]^2)", ["w"], second=["w"])
    equation = answer.seconds[0].equation
    assert terms.free_indices(equation.term) <= set(equation.indices)
    assert check_answer(answer).passed


def test_nothing_slides_along_a_diagonal() -> None:
    answer = grad("A : 5 x 5\nE : 3\nY : 5\nY[i] = sum(j) [0 <= i + j - 1 < 5]*A[i, i + j - 1]*E[j]", ["E"])
    assert answer["E"].convolution is None


def test_a_root_of_a_product_is_not_split_into_roots() -> None:
    """Both factors may be negative."""
    answer = grad("x : 3\ny : 3\nY[i] = (x[i]*y[i])^0.5 / x[i]")
    agrees_with_scattering(answer, {"x": np.array([-1.0, 0.5, -2.0]), "y": np.array([-0.5, 2.0, -1.0])})


def test_equal_terms_are_counted_whatever_the_order_of_their_factors() -> None:
    answer = grad("T : 5\nU : 4\nk : 4\nL = sum(b) T[k[b]]*U[b]*T[k[b]]", ["T"])
    assert not any(isinstance(node, terms.Add) for node in terms.walk(answer["T"].equation.term))
    agrees_with_scattering(answer, {"T": np.arange(5.0), "U": np.arange(4.0) - 1.5, "k": np.array([4, 0, 4, 2])})


def test_a_second_derivative_of_many_sums_is_checked() -> None:
    """It binds more indices than an array has axes, few of them inside each other."""
    text = "x : 3\nL = sum(i) (x[i] / (1 + sum(j) (x[j]^2 / (1 + sum(k) x[k]^2))))"
    assert check_answer(grad(text, ["x"], second=["x"])).passed


@pytest.mark.parametrize(
    "text",
    [
        "x : 9\ny : 9\nL = " + "*".join(f"(x[{k}] + y[{k}])" for k in range(9)),
        "x : 5\ny : 5\ny[i] = " + "tanh(" * 7 + "x[i]" + ")" * 7,
    ],
)
def test_a_second_derivative_is_not_expanded_into_a_power_of_its_length(text: str) -> None:
    answer = grad(text, ["x"], second=["x"])
    assert len(list(terms.walk(answer.seconds[0].equation.term))) < 4000


def test_a_parameter_of_bezout_s_identity_stands_inside_the_sums_that_its_domain_speaks_of() -> None:
    answer = grad("x : 40\nY : 3 x 2 x 2\nY[i,j,k] = x[4*i + 6*j + 8*k]^2", ["x"])
    bound = [node.indices for node in terms.walk(answer["x"].equation.term) if isinstance(node, terms.Reduce)]
    assert bound
    for indices in bound:
        for place, index in enumerate(indices):
            assert set(indices[place:]).isdisjoint((*index.lower.indices, *index.stop.indices))
    assert check_answer(answer).passed


def test_an_index_whose_ends_speak_of_an_empty_one_has_no_values() -> None:
    outer = Index("i", 0)
    inner = Index("j", integer(outer) + 2, outer)
    found = value_of(terms.total([outer, inner], terms.UNIT), (), Environment({}))
    assert found == 0
