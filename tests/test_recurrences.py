"""Programs on arrays: equations in order, recurrences step by step in the direction in which they read."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import ProgramError
from derive.evaluation import environment_of, values
from derive.evaluation.opaque import sample
from derive.evaluation.recurrences import filled
from derive.integers import Index, IntegerEntry, Size, integer
from derive.program import Equation, Program
from derive.reading.equations import read_equations
from derive.recurrence import recurrences
from derive.sizes import shapes_of
from derive.subjects import mlp
from derive.terms import Chain, Guard, Term, add, entry, multiply, total
from tests.thorough import examples

T = Size("T")


def at_least(one: Any, two: Any) -> Term:
    return Guard((Chain((integer(one), integer(two)), (">=",)),))


def below(one: Any, two: Any) -> Term:
    return Guard((Chain((integer(one), integer(two)), ("<",)),))


def program(*lines: Equation, **inputs: Any) -> Program:
    heads = tuple(entry(name, *indices) for name, indices in inputs.items())
    return Program(heads, lines, (lines[-1].name,))


@given(st.integers(1, 6), st.integers(0, 1000))
@settings(max_examples=examples(30), deadline=None)
def test_a_recurrence_runs_forward_or_backward_as_it_reads(length: int, seed: int) -> None:
    u = np.random.default_rng(seed).normal(size=length)
    t = Index("t", T)
    for step in (1, -1):
        there = integer(t) - step
        inside = at_least(there, 0) if step > 0 else below(there, T)
        line = Equation(entry("s", t), add(multiply(inside, entry("c"), entry("s", there)), entry("u", t)))
        found = values(program(line, c=[], u=[Index("t", T)]), {"c": 0.5, "u": u}, {"T": length})["s"]
        expected = np.zeros(length)
        state = 0.0
        for k in range(length)[::step]:
            expected[k] = state = 0.5 * state + u[k]
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_a_step_may_read_all_that_came_before() -> None:
    """s[t] = u[t] + sum over k < t of s[k] doubles."""
    t, k = Index("t", 6), Index("k", 6)
    line = Equation(entry("s", t), add(entry("u", t), total((k,), multiply(below(k, t), entry("s", k)))))
    found = values(program(line, u=[Index("t", 6)]), {"u": np.ones(6)}, {})["s"]
    assert found.tolist() == [1, 2, 4, 8, 16, 32]


def test_equations_that_read_each_other_go_step_by_step_in_any_order() -> None:
    t, i = Index("t", 4), Index("i", 2)
    h = Equation(entry("h", i, t), multiply(entry("f", t, i), entry("x", t)))
    f = Equation(entry("f", t, i), add(multiply(at_least(t, 1), entry("h", i, integer(t) - 1)), i))
    for lines in ((h, f), (f, h)):
        found = values(program(*lines, x=[Index("t", 4)]), {"x": np.array([1.0, 2.0, 3.0, 4.0])}, {})
        assert found["h"].tolist() == [[0, 0, 0, 0], [1, 4, 15, 64]]
        assert found["f"].tolist() == [[0, 1], [0, 2], [0, 5], [0, 16]]


def test_the_recurrence_of_the_second_index_leaves_the_first_alone() -> None:
    made = read_equations("P[b,t] = [t >= 1]*P[b,t-1] + u[b,t]")
    u = np.arange(6.0).reshape(2, 3)
    found = values(made, {"u": u}, dict(zip(_names(made), (2, 3), strict=True)))
    assert np.array_equal(found["P"], np.cumsum(u, axis=1))


def _names(made: Program) -> list[str]:
    return [size for part in made.heads["u"].indices if part.index for size in part.index.stop.names]


def test_a_cycle_that_is_no_recurrence_is_refused() -> None:
    i, j = Index("i", 3), Index("j", 3)
    itself = Equation(entry("s", i), add(entry("s", i), 1))
    with pytest.raises(ProgramError, match="s is read in its own equation, and not at earlier entries of one index"):
        values(program(itself), {}, {})
    both = Equation(entry("s", i, j), add(multiply(at_least(i, 1), entry("s", integer(i) - 1, j)),
                                          multiply(at_least(j, 1), entry("s", i, integer(j) - 1)), 1))  # fmt: skip
    with pytest.raises(ProgramError, match="s is read in its own equation, and not at earlier entries of one index"):
        values(program(both), {}, {})
    swapped = Equation(entry("s", i), entry("s", integer(2) - i))
    with pytest.raises(ProgramError, match="s is read in its own equation"):
        values(program(swapped), {}, {})


def test_the_direction_of_a_recurrence_is_not_taken_on_trust() -> None:
    made = read_equations("s[t] = [t >= 1]*s[t-1] + u[t]\nu : 3")
    (right,) = recurrences(made.equations)
    environment = environment_of(made, {"u": np.ones(3)}, {})
    assert len(filled(right, made, environment)) == 3
    with pytest.raises(ProgramError, match=r"s\[t - 1\] is read outside s: there is no s\[1\] at t = 2"):
        filled(dataclasses.replace(right, step=-right.step), made, environment)


@given(st.integers(1, 4), st.lists(st.integers(1, 4), min_size=5, max_size=5), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_symbolic_layer_is_the_network_written_out(layers: int, units: list[int], seed: int) -> None:
    """Layers 1 to L over ragged arrays, against matrix products."""
    rng = np.random.default_rng(seed)
    n = np.array(units[: layers + 1])
    made = mlp.symbolic()
    sizes = {"L": layers}
    shapes = shapes_of(made, sizes, {"n": n})
    w, b = np.zeros(shapes["w"]), np.zeros(shapes["b"])
    parameters = []
    for layer in range(1, layers + 1):
        parameters.append((rng.normal(size=(n[layer], n[layer - 1])), rng.normal(size=n[layer])))
        w[layer, : n[layer], : n[layer - 1]], b[layer, : n[layer]] = parameters[-1]
    x = rng.normal(size=n[0])
    found = values(made, {"n": n, "w": w, "b": b, "x": x, "y": rng.normal(size=n[layers])}, sizes)
    a = x
    for layer, (matrix, bias) in enumerate(parameters, 1):
        z = matrix @ a + bias
        np.testing.assert_allclose(found["z"][layer, : n[layer]], z, rtol=1e-12, atol=1e-12)
        a = sample("f", [layer], [0], z)
        np.testing.assert_allclose(found["a"][layer, : n[layer]], a, rtol=1e-12, atol=1e-12)
        assert not found["a"][layer, n[layer] :].any()


def test_programs_may_compute_whole_numbers_and_read_by_them() -> None:
    i, k = Index("i", 3), Index("k", 3)
    label = IntegerEntry("y", (integer(i),))
    made = Program(
        (entry("V", Index("k", 3)),),
        (
            Equation(entry("y", i), 2 - add(i)),
            Equation(entry("Z", i), entry("V", label)),
            Equation(entry("S"), total((k,), entry("Z", k))),
        ),
        ("S",),
        integers=frozenset({"y"}),
    )
    found = values(made, {"V": np.array([1.0, 2.0, 4.0])}, {})
    assert found["Z"].tolist() == [4.0, 2.0, 1.0] and found["S"] == 7.0


def test_a_shape_that_does_not_fit_is_refused() -> None:
    made = read_equations("y[i] = sum(j) A[i,j]*x[j]\nA : 2 x 3")
    with pytest.raises(ProgramError, match="A has the shape 2x3, and its values have 3x2"):
        values(made, {"A": np.zeros((3, 2)), "x": np.zeros(3)}, {})


def test_a_ragged_recurrence_reads_no_unit_that_a_layer_lacks() -> None:
    """a[l, i] = sum over j < n[l] of a[l - 1, j], which has n[l - 1] of them."""
    layer = Index("l", T)
    i, j = (Index(name, IntegerEntry("n", (integer(layer),), 1)) for name in "ij")
    before = total((j,), multiply(at_least(layer, 1), entry("a", integer(layer) - 1, j)))
    made = Program((), (Equation(entry("a", layer, i), add(before, 1)),), ("a",), integers=frozenset({"n"}))
    assert values(made, {"n": np.array([3, 2, 2])}, {"T": 3})["a"].tolist() == [[1, 1, 1], [3, 3, 0], [7, 7, 0]]
    with pytest.raises(ProgramError, match=r"a\[l - 1, j\] is read outside a: there is no a\[0, 2\] at l = 1, j = 2"):
        values(made, {"n": np.array([2, 3, 3])}, {"T": 3})
