"""Contraction of deltas: the sum that is left has the value of the sum with the delta, everywhere."""

from __future__ import annotations

from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import terms
from derive.evaluation import Environment, value_of
from derive.integers import Index, Integer, integer
from derive.program import Equation, Program
from derive.rules import deltas, guards
from derive.rules.deltas import extended_gcd
from derive.rules.rewriting import exhausted, step
from derive.terms import Entry, delta, entry, multiply, total
from tests.thorough import examples

NOTHING = Program((), (), ())


def environment(**arrays: np.ndarray) -> Environment:
    made = Environment({})
    for name, array in arrays.items():
        made.put(Entry(name, tuple(integer(Index("i", extent)) for extent in array.shape)), array)
    return made


def summed(letters: list[Index], body: terms.Term, own: Index) -> Equation:
    return Equation(entry("y", own), total(letters, body))


def numbers(extent: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=extent)


coefficients = st.integers(-4, 4).filter(bool)


@settings(max_examples=examples(150), deadline=None)
@given(
    a=coefficients,
    b=coefficients,
    c=st.integers(-9, 9),
    d=st.integers(-3, 3),
    extents=st.tuples(*[st.integers(1, 6)] * 3),
)
def test_two_indices_under_a_delta(a: int, b: int, c: int, d: int, extents: tuple[int, int, int]) -> None:
    """sum_{i,k} δ(a i + b k + c, d m) u[i] v[k], whatever the coefficients: by 1, by a divisor or by Bezout."""
    i, k, m = (Index(name, extent) for name, extent in zip("ikm", extents, strict=True))
    left, right = a * integer(i) + b * integer(k) + c, d * integer(m)
    equation = summed([i, k], multiply(delta(left, right), entry("u", i), entry("v", k)), m)
    after, steps = exhausted(deltas.ALL, equation, NOTHING)
    assert not any(isinstance(node, terms.Delta) for node in terms.walk(after.term)), steps
    after, _ = exhausted(guards.RULES, after, NOTHING)
    around = environment(u=numbers(extents[0], 1), v=numbers(extents[1], 2))
    expected = np.zeros(extents[2])
    for place in range(extents[2]):
        for p in range(extents[0]):
            for q in range(extents[1]):
                if a * p + b * q + c == d * place:
                    expected[place] += around.read("u").array[p] * around.read("v").array[q]
    np.testing.assert_allclose(value_of(after.term, (m,), around), expected, atol=1e-12)


@settings(max_examples=examples(80), deadline=None)
@given(
    c=st.integers(-5, 5).filter(bool), shift=st.integers(-6, 6), extents=st.tuples(st.integers(1, 6), st.integers(1, 9))
)
def test_one_index_with_a_coefficient(c: int, shift: int, extents: tuple[int, int]) -> None:
    i, m = Index("i", extents[0]), Index("m", extents[1])
    equation = summed([i], multiply(delta(c * integer(i) + shift, m), entry("u", i)), m)
    after, _ = exhausted(deltas.ALL, equation, NOTHING)
    around = environment(u=numbers(extents[0], 3))
    expected = np.zeros(extents[1])
    for p in range(extents[0]):
        if 0 <= c * p + shift < extents[1]:
            expected[c * p + shift] += around.read("u").array[p]
    np.testing.assert_allclose(value_of(after.term, (m,), around), expected, atol=1e-12)


def test_an_odd_place_of_a_doubled_index_has_no_value() -> None:
    """What SymPy's deltasummation gets wrong: sum_i δ(2 i, m) is 0 for odd m."""
    i, m = Index("i", 5), Index("m", 9)
    after, _ = exhausted(deltas.ALL, summed([i], multiply(delta(2 * integer(i), m), entry("u", i)), m), NOTHING)
    values = value_of(after.term, (m,), environment(u=np.ones(5)))
    np.testing.assert_array_equal(values, [1, 0] * 4 + [1])


def test_a_coefficient_of_one_is_taken_first() -> None:
    """The kernel's index is solved for, not that which carries the stride."""
    i, k, m = Index("i", 4), Index("k", 3), Index("m", 9)
    equation = summed([i, k], multiply(entry("g", i), delta(2 * integer(i) + k, m), entry("v", k)), m)
    made = step(deltas.CONTRACT, equation, NOTHING)
    assert made is not None and made.conditions == ("0 <= m - 2*i < 3",)
    (bound,) = [index for node in terms.walk(made.after.term) for index in terms.bound_in(node)]
    assert bound is i


def test_the_domain_of_a_layer_follows() -> None:
    """sum_{l} sum_{i < n[l]} δ(l - 1, m) u[l, i]: the units are then those of layer m + 1."""
    n = lambda layer: integer(terms.IntegerEntry("n", (integer(layer),), 1))  # noqa: E731
    layer = Index("l", 4, 1)
    i, m = Index("i", n(layer)), Index("m", 3)
    body = multiply(delta(integer(layer) - 1, m), entry("u", layer, i))
    made = step(deltas.CONTRACT, summed([layer, i], body, m), NOTHING)
    assert made is not None
    (bound,) = [index for node in terms.walk(made.after.term) for index in terms.bound_in(node)]
    assert bound.stop == n(integer(m) + 1)


@given(a=st.integers(-50, 50), b=st.integers(-50, 50))
def test_bezout(a: int, b: int) -> None:
    g, x, y = extended_gcd(a, b)
    assert g == gcd(a, b) and x * a + y * b == g


def test_an_author_s_indicator_is_contracted_and_keeps_its_other_conditions() -> None:
    i, m = Index("i", 7), Index("m", 7)
    chain = terms.Chain((integer(i), integer(m) + 2), ("=",))
    even = terms.Divides(integer(2), integer(i))
    equation = summed([i], multiply(terms.guard(chain, even), entry("u", i)), m)
    after, _ = exhausted(deltas.ALL, equation, NOTHING)
    values = value_of(after.term, (m,), environment(u=np.arange(7.0)))
    np.testing.assert_array_equal(values, [2, 0, 4, 0, 6, 0, 0])


@pytest.mark.parametrize("square", [True, False])
def test_what_cannot_be_solved_stays(square: bool) -> None:
    i, m = Index("i", 3), Index("m", 9)
    left: Integer = integer(i) * integer(i) if square else integer(terms.IntegerEntry("y", (integer(i),)))
    equation = summed([i], multiply(delta(left, m), entry("u", i)), m)
    assert exhausted(deltas.ALL, equation, NOTHING)[1] == []
