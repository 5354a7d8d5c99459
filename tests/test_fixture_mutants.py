"""Mutants: one slip each in the derived gradients; right ones stay right, and equivalent ones are discarded."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.fixtures import wrong_arrays, wrong_terms
from derive.fixtures.making import Maker
from derive.fixtures.mutants import _samples, compared, find_mutant, mutants, right, slips_at, wrong_seconds
from derive.fixtures.mutants_running import Running
from derive.fixtures.operations import find_operation
from derive.fixtures.wrong_places import places, replaced
from derive.verification.slip_library import library
from derive.verification.slips import CLASSES

SMALL = ("linear", "softmax", "max_pool1d", "tanh", "squared_error", "griewank")


def running(name: str, **given) -> Running:
    return Running(find_operation(name), given)


def normal(*shape: int, seed: int = 0):
    return np.random.default_rng(seed).standard_normal(shape)


# --- the right one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*SMALL, "conv2d", "congruence", "rnn"])
def test_the_right_backward_pass_is_within_the_bounds_of_the_certified_vectors(name: str) -> None:
    operation = find_operation(name)
    backward = right(Running(operation))
    for case, (vector,) in Maker(operation, {}).vectors(3):
        for options in (case.given, vector.parameters):  # as they were given, and as they are read
            found = backward(vector.inputs, vector.upstream, options)
            for array, expected in vector.gradients.items():
                assert (np.abs(found[array] - expected) <= vector.bound(f"gradient.{array}")).all()


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_of_a_linear_layer_right_and_wrong_are_what_numpy_says(batch: int, inner: int, outer: int, seed: int) -> None:
    X, W, G = normal(batch, inner, seed=seed), normal(outer, inner, seed=seed + 1), normal(batch, outer, seed=seed + 2)
    arrays, upstream = {"X": X, "W": W}, {"Y": G}
    found = right(LINEAR)(arrays, upstream, {})
    np.testing.assert_allclose(found["X"], G @ W, atol=1e-12)
    np.testing.assert_allclose(found["W"], G.T @ X, atol=1e-12)
    wrong = {slip: mutant.backward(arrays, upstream) for slip, mutant in WRONG.items()}
    np.testing.assert_allclose(wrong["scaled by 1.0009"]["W"], 1.0009 * (G.T @ X), atol=1e-12)
    np.testing.assert_allclose(wrong["mean taken twice"]["W"], G.T @ X / batch, atol=1e-12)
    np.testing.assert_allclose(wrong["mean taken twice"]["X"], G @ W, atol=1e-12)
    np.testing.assert_allclose(wrong["accumulation overwritten"]["W"], np.outer(G[-1], X[-1]), atol=1e-12)
    np.testing.assert_allclose(wrong["first term for the sum"]["W"], np.outer(G[0], X[0]), atol=1e-12)
    np.testing.assert_allclose(wrong["transpose missing"]["X"], G @ W.T.reshape(W.shape), atol=1e-12)
    np.testing.assert_allclose(wrong["transpose missing"]["W"], G.T @ X, atol=1e-12)


LINEAR = running("linear")
WRONG = {
    slip: find_mutant(LINEAR, slip, where)
    for slip, where in {
        "scaled by 1.0009": "all",
        "mean taken twice": "all",
        "accumulation overwritten": "W",
        "first term for the sum": "W",
        "transpose missing": "X",
    }.items()
}


# --- slips against formulas by hand -----------------------------------------------------------------------------------


def test_a_diagonal_only_jacobian_of_softmax() -> None:
    mutant = find_mutant(running("softmax"), "diagonal-only Jacobian", "X")
    X, G = normal(2, 4), normal(2, 4, seed=1)
    p = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mutant.backward({"X": X}, {"Y": G})["X"], G * p * (1 - p), atol=1e-12)


def test_a_kernel_that_is_not_turned() -> None:
    mutant = find_mutant(running("conv2d"), "kernel not turned", "X")
    X, W, G = normal(1, 1, 4, 4), normal(1, 1, 2, 2), normal(1, 1, 3, 3, seed=2)
    wrong = np.zeros((4, 4))
    for i, j, k, m in np.ndindex(3, 3, 2, 2):
        wrong[i + k, j + m] += G[0, 0, i, j] * W[0, 0, 1 - k, 1 - m]
    np.testing.assert_allclose(mutant.backward({"X": X, "W": W}, {"Y": G})["X"][0, 0], wrong, atol=1e-12)


def test_a_stride_that_is_forgotten_does_no_harm_at_stride_1() -> None:
    operation = running("conv1d")
    mutant = find_mutant(operation, "stride or dilation forgotten", "X", {"stride": 2})
    arrays, upstream = {"X": normal(2, 1, 6), "W": normal(1, 1, 2)}, {"Y": normal(2, 1, 5, seed=3)}
    for name, array in right(operation)(arrays, upstream, {}).items():
        np.testing.assert_array_equal(mutant.backward(arrays, upstream, {})[name], array)
    fewer = {"Y": normal(2, 1, 3, seed=3)}
    assert not np.allclose(mutant.backward(arrays, fewer)["X"], right(operation)(arrays, fewer, {"stride": 2})["X"])


def test_ties_of_a_maximum() -> None:
    X, G = np.array([[[1.0, 3.0, 3.0, 3.0]]]), np.array([[[5.0, 7.0]]])
    one = running("max_pool1d")
    expected = {"right": [0, 5, 7, 0], "all of a tie": [0, 5, 7, 7], "last of a tie": [0, 5, 0, 7]}
    np.testing.assert_array_equal(right(one)({"X": X}, {"Y": G}, {})["X"][0, 0], expected.pop("right"))
    for slip, numbers in expected.items():
        mutant = find_mutant(one, slip, "X")
        np.testing.assert_array_equal(mutant.backward({"X": X}, {"Y": G})["X"][0, 0], numbers)


def test_a_remainder_at_the_wrong_end() -> None:
    mutant = find_mutant(running("max_pool1d"), "remainder at the wrong end", "all")
    X, G = np.array([[[1.0, 3.0, 4.0, 2.0, 9.0]]]), np.array([[[5.0, 7.0]]])
    np.testing.assert_array_equal(mutant.backward({"X": X}, {"Y": G})["X"][0, 0], [0, 0, 5, 7, 0])


def test_a_wrong_second_derivative_comes_with_right_gradients() -> None:
    one = Running(find_operation("tanh"), second=True)
    mutant = wrong_seconds(one)
    X, G = normal(3), np.ones(3)
    h = np.tanh(X)
    np.testing.assert_allclose(mutant.backward({"X": X}, {"Y": G})["X"], 1 - h**2)
    assert mutant.seconds is not None
    np.testing.assert_allclose(mutant.seconds({"X": X}, {"Y": G}, {})["X,X"], np.diag(-h * (1 - h**2)), atol=1e-15)


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [
    name if name in ("max_pool1d", "tanh") else pytest.param(name, marks=pytest.mark.slow) for name in SMALL
])  # fmt: skip
def test_every_mutant_is_wrong_at_its_options_and_no_two_are_alike(name: str) -> None:
    found = mutants(find_operation(name))
    assert found.mutants
    samples = list(_samples(found.running, {}, 0))
    large = {slip.name for slip in wrong_arrays.slips() if slip.large}
    said = set()
    for mutant in found.mutants:
        if mutant.name in large:
            continue
        own = [each for each in samples if each.case.given == mutant.options]
        assert compared(mutant.wrong, own).reason == ""
        said.add(compared(mutant.wrong, samples).said)
        assert "{" not in mutant.sentence.replace("{0, 1}", "") and mutant.kind in CLASSES
        assert mutant.operation == name and mutant.where in (*found.running.derived(
            own[0].inputs, mutant.options).answer.derivation.names, "all")  # fmt: skip
    assert len(said) == len([each for each in found.mutants if each.name not in large])


def test_what_always_agrees_is_equivalent() -> None:
    for name in SMALL:
        one = running(name)
        assert compared(right(one), list(_samples(one, {}, 0))).reason == "equivalent"


def test_a_planted_equivalent_mutant_is_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A factor 1 is none; and that relu(z) > 0 where z > 0 makes relu's derivative at its output a right one."""
    rows = wrong_arrays.slips()
    harmless = wrong_arrays.ArraySlip("scaled by 1", "factor", "Nothing is wrong.", wrong_arrays.scaled(1.0))
    monkeypatch.setattr(wrong_arrays, "slips", lambda: (*rows, harmless))
    found = mutants(find_operation("relu"))
    reasons = {each.name: each.reason for each in found.discarded}
    assert reasons["scaled by 1"] == "equivalent"
    assert reasons["derivative at the output instead of the input"] == "equivalent"
    assert "scaled by 1" not in [each.name for each in found.mutants]


def test_a_path_that_is_zero_may_be_left_out() -> None:
    """In batch normalisation the variance does not depend on the mean: the sum of x - mu is 0."""
    one = running("batchnorm")
    samples = list(islice(_samples(one, {}, 0), 3))
    planted = slips_at(one, samples[0].inputs, samples[0].case.given)
    mutant = next(each for each in planted if each.name == "path missing" and each.where == "mu")
    assert compared(mutant.wrong, samples).reason == "equivalent"


def test_a_slip_of_the_library_has_its_class() -> None:
    kinds = {slip.name: slip.kind for slip in library()}
    own = [slip for slip in (*wrong_terms.slips(), *wrong_arrays.slips()) if slip.name in kinds]
    assert len(own) >= 20
    assert all(slip.kind == kinds[slip.name] for slip in own)


def test_gradients_come_in_the_precision_of_the_inputs() -> None:
    arrays = {"X": normal(2, 3).astype(np.float32), "W": normal(4, 3)}
    found = find_mutant(LINEAR, "factor 2 too many", "X").backward(arrays, {"Y": normal(2, 4)})
    assert (found["X"].dtype, found["W"].dtype) == (np.float32, np.float64)


def test_inputs_are_left_as_they_were() -> None:
    arrays, upstream = {"X": normal(2, 1, 5)}, {"Y": normal(2, 1, 2)}
    before = arrays["X"].copy(), upstream["Y"].copy()
    for mutant in slips_at(running("max_pool1d"), arrays, {}):
        mutant.backward(arrays, upstream, {})
    np.testing.assert_array_equal(arrays["X"], before[0])
    np.testing.assert_array_equal(upstream["Y"], before[1])


@pytest.mark.parametrize("name", SMALL)
def test_a_place_filled_with_what_stands_there_changes_nothing(name: str) -> None:
    one = running(name)
    sample = next(_samples(one, {}, 0))
    for line in wrong_terms.lines_of(one.derived(sample.inputs, {})):
        for place in places(line.equation.term, line.equation.indices):
            assert replaced(line.equation.term, place.path, place.term) == line.equation.term
