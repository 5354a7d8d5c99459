"""The evaluator of index equations: equal to nested loops, exact derivatives, errors that name the read."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from derive import terms
from derive.errors import DomainError, ProgramError, UsageError
from derive.evaluate import FLOATS
from derive.evaluation import Environment, at_points, value_of
from derive.evaluation import reductions as reductions_module
from derive.evaluation.duals import applied
from derive.evaluation.opaque import sample
from derive.evaluation.storage import Storage
from derive.functions import OPERATIONS
from derive.integers import Index, IntegerEntry, Size, integer
from derive.program import Equation, Program
from derive.scatter import scatter
from derive.terms import Chain, Comparison, Entry, Guard, Partial, Term, delta, entry, multiply, power, total, within
from tests.index_terms import Setting, free, heads, index_terms, setting, settings_of
from tests.thorough import examples

EPS = float(np.finfo(float).eps)
THOROUGH = settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck))


def at_fresh_indices(name: str) -> tuple[Entry, list[Index]]:
    head = terms.freshened(terms.Reduce("sum", tuple(p.index for p in heads()[name].indices if p.index), terms.UNIT))
    bound = list(head.indices) if isinstance(head, terms.Reduce) else []
    return entry(name, *bound), bound


def shifted(at: Setting, name: str, place: tuple[int, ...], by: float) -> Environment:
    """The same numbers but for one entry."""
    environment = Environment(at.environment.sizes, dict(at.environment.stored))
    array = at.environment.stored[name].array.copy()
    array[place] += by
    environment.put(heads()[name], array)
    return environment


# --- laws -------------------------------------------------------------------------------------------------------------


@THOROUGH
@given(st.data(), settings_of())
def test_values_are_those_of_nested_loops(data: st.DataObject, at: Setting) -> None:
    """And the scale bounds the rounding error."""
    indices = free()
    term: Term = data.draw(index_terms(indices))
    found = value_of(term, indices, at.environment)
    scaled = value_of(term, indices, at.environment.with_scale())
    expected = np.zeros_like(found)
    for place in at.world.domain(tuple(indices), {}):
        expected[tuple(place[index] for index in indices)] = at.world.value(term, place)
    scale = getattr(scaled, "scale", np.abs(found))
    assert np.all(np.abs(found - expected) <= 100 * EPS * scale)
    assert np.array_equal(found, getattr(scaled, "value", scaled))


@THOROUGH
@given(st.data(), settings_of())
def test_values_at_points_are_those_of_the_grid(data: st.DataObject, at: Setting) -> None:
    indices = free()
    term: Term = data.draw(index_terms(indices))
    grid = value_of(term, indices, at.environment)
    places = np.indices(grid.shape).reshape(2, -1)[:, ::2]
    found = at_points(term, dict(zip(indices, places, strict=True)), at.environment)
    np.testing.assert_allclose(found, grid[tuple(places)], rtol=1e-12, atol=1e-12)


@THOROUGH
@given(st.data(), settings_of())
def test_sums_block_by_block_are_the_same(data: st.DataObject, at: Setting) -> None:
    indices = free()
    term: Term = data.draw(index_terms(indices))
    whole = value_of(term, indices, at.environment)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reductions_module, "BLOCK", 3)
        np.testing.assert_allclose(value_of(term, indices, at.environment), whole, rtol=1e-12, atol=1e-12)


@THOROUGH
@given(st.data(), settings_of(), st.sampled_from("ABcDR"))
def test_partials_are_central_differences(data: st.DataObject, at: Setting, name: str) -> None:
    indices = free()
    term: Term = data.draw(index_terms(indices, smooth=True))
    by, bound = at_fresh_indices(name)
    found = value_of(Partial(term, by), [*indices, *bound], at.environment)
    for place in at.world.arrays[name]:
        h = 1e-5
        plus, minus = (value_of(term, indices, shifted(at, name, place, sign * h)) for sign in (1, -1))
        scale = 1 + np.abs(found[(..., *place)]).max() + np.abs(plus).max()
        np.testing.assert_allclose(found[(..., *place)], (plus - minus) / (2 * h), rtol=0, atol=1e-7 * scale)


@settings(THOROUGH, max_examples=examples(100))
@given(st.data(), settings_of(), st.sampled_from("ABcD"), st.sampled_from("ABcR"))
def test_second_partials_are_differences_of_first_ones(data: st.DataObject, at: Setting, one: str, two: str) -> None:
    indices = free()
    term: Term = data.draw(index_terms(indices, depth=2, smooth=True))
    by, bound = at_fresh_indices(one)
    again, more = at_fresh_indices(two)
    first = Partial(term, by)
    found = value_of(Partial(first, again), [*indices, *bound, *more], at.environment)
    for place in at.world.arrays[two]:
        h = 1e-5
        plus, minus = (value_of(first, [*indices, *bound], shifted(at, two, place, sign * h)) for sign in (1, -1))
        scale = 1 + np.abs(found[(..., *place)]).max() + np.abs(plus).max()
        np.testing.assert_allclose(found[(..., *place)], (plus - minus) / (2 * h), rtol=0, atol=1e-7 * scale)


def line_of(term: Term, indices: list[Index]) -> Program:
    names = heads()
    return Program(tuple(names.values()), (Equation(entry("Z", *indices), term),), ("Z",), integers=frozenset({"y"}))


@THOROUGH
@given(st.data(), settings_of(), st.sampled_from("ABcDR"))
def test_scattering_transposes_the_partial_derivatives(data: st.DataObject, at: Setting, name: str) -> None:
    """X_bar[m] = sum of Z_bar[i] * dZ[i]/dX[m]; at ties and kinks both follow the convention."""
    indices = free()
    term: Term = data.draw(index_terms(indices))
    arrays = {key: stored.array for key, stored in at.environment.stored.items()}
    seed = np.random.default_rng(0).normal(size=(at.environment.sizes["n"], at.environment.sizes["m"]))
    found = scatter(line_of(term, indices), {"Z": seed}, arrays, at.environment.sizes)[name]
    by, bound = at_fresh_indices(name)
    derivative = value_of(Partial(term, by), [*indices, *bound], at.environment)
    expected = np.tensordot(seed, derivative, axes=2)
    sizes = np.tensordot(np.abs(seed), np.abs(derivative), axes=2)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * (1 + sizes.max(initial=0)))


# --- the table, and what is only named --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_functions_are_those_of_the_table(name: str, data: st.DataObject) -> None:
    """On arrays as in Python's math, also for operands that a naive formula overflows at."""
    row = OPERATIONS[name]
    low, high = {"asin": (-1, 1), "acos": (-1, 1)}.get(name, (-600, 600))
    if name in ("log", "sqrt", "pow", "div"):
        low, high = 0.01, 30
    operands = [data.draw(st.floats(low, high)) for _ in range(row.arity)]
    if name in ("greater", "less", "at_least", "at_most", "equal", "unequal", "max", "min") and data.draw(
        st.booleans()
    ):
        operands[1] = operands[0]
    with np.errstate(over="ignore"):
        found = applied(name, *(np.array([value]) for value in operands))
    expected = row.value(FLOATS, *operands)
    assert np.asarray(found).reshape(-1)[0] == pytest.approx(expected, rel=1e-13, abs=1e-300)


@given(
    st.floats(-3, 3),
    st.floats(-3, 3),
    st.lists(st.integers(0, 5), max_size=2),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
def test_samples_of_opaque_functions_have_their_own_derivatives(
    u: float, w: float, parameters: list[int], orders: tuple[int, int]
) -> None:
    h = 1e-5
    for slot in (0, 1):
        raised = [order + (place == slot) for place, order in enumerate(orders)]
        step = [h * (place == slot) for place in (0, 1)]
        plus = sample("e", parameters, orders, u + step[0], w + step[1])
        minus = sample("e", parameters, orders, u - step[0], w - step[1])
        assert sample("e", parameters, raised, u, w) == pytest.approx((plus - minus) / (2 * h), abs=1e-6)


def test_opaque_functions_differ_by_name_and_by_parameter_and_not_by_process() -> None:
    code = "from derive.evaluation.opaque import sample; print(repr(float(sample('f', [3], [1], 0.5))))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    values_found = {float(sample(name, [layer], [0], 0.5)) for name in ("f", "g") for layer in (1, 2, 3)}
    assert len(values_found) == 6
    grid = sample("f", [np.array([[1], [3]])], [1], np.array([[0.5, 0.5]]))
    assert grid[1, 0] == float(runs.pop())


# --- guards, ties, reads outside --------------------------------------------------------------------------------------


def on(indices: list[Index], term: Term, sizes: Mapping[str, int] | None = None, **arrays: Any) -> Any:
    """The value of a term on arrays from index 0 on."""
    environment = Environment(sizes or {})
    for name, array in arrays.items():
        environment.stored[name] = Storage(name, np.asarray(array))
    return value_of(term, indices, environment)


def test_what_a_guard_excludes_is_neither_read_nor_worked_out() -> None:
    i, j = Index("i", 4), Index("j", 4)
    v = [0.0, 1.0, 2.0, 4.0]
    inside = Guard((within(integer(i) - 1, 3),))
    positive = Guard((Comparison((entry("V", i), terms.NIL), (">",)),))
    assert list(on([i], multiply(inside, entry("V", integer(i) - 1)), V=v)) == [0.0, 0.0, 1.0, 2.0]
    assert list(on([i], multiply(power(entry("V", i), -1), positive), V=v)) == [0.0, 1.0, 0.5, 0.25]
    assert list(on([i], multiply(terms.Apply("log", (entry("V", integer(i) + 7),)), delta(i, 9)), V=v)) == [0.0] * 4
    inner = total((j,), multiply(Guard((Chain((integer(j), integer(i)), (">",)),)), power(entry("V", j), -1)))
    assert list(on([i], inner, V=v)) == [1.75, 0.75, 0.25, 0.0]


def test_a_label_is_in_its_range_before_it_is_a_subscript() -> None:
    i = Index("i", 3)
    label = integer(IntegerEntry("y", (integer(i),)))
    known = Guard((Chain((integer(0), label), ("<=",)),))
    large = Guard((Comparison((entry("V", label), terms.Number(Fraction(2))), (">",)),))
    assert list(on([i], multiply(large, known, entry("V", label)), V=[1.0, 5.0], y=np.array([-1, 1, 0]))) == [0, 5, 0]


def test_extents_behind_a_guard_are_not_read() -> None:
    """sum over i < n[m+1] of [m + 1 <= 2]*...: where the guard is false there is no n[m+1] to read."""
    m = Index("m", 3)
    i = Index("i", IntegerEntry("n", (integer(m) + 1,)))
    body = multiply(Guard((Chain((integer(m) + 1, integer(2)), ("<=",)),)), entry("V", i))
    assert list(on([m], total((i,), body), V=[1.0, 2.0, 4.0], n=np.array([0, 3, 2]))) == [7.0, 3.0, 0.0]
    k = Index("k", 3)
    i = Index("i", IntegerEntry("n", (integer(k) + 1,)))
    body = multiply(Guard((Chain((integer(k) + 1, integer(2)), ("<=",)),)), delta(k, m), entry("V", i))
    assert list(on([m], total((k, i), body), V=[1.0, 2.0, 4.0], n=np.array([0, 3, 2]))) == [7.0, 3.0, 0.0]


def test_a_tie_goes_to_the_first_entry_in_row_major_order() -> None:
    a, b, k, m = Index("a", 2), Index("b", 2), Index("k", 2), Index("m", 2)
    at = (integer(a), integer(b))
    v = np.array([[1.0, 3.0], [3.0, 3.0]])
    won = on([a, b], terms.Winner("max", (k, m), entry("V", k, m), at), V=v)
    assert won.tolist() == [[0.0, 1.0], [0.0, 0.0]]
    # the order of the indices is that of the reduction, not that of the axes
    won = on([a, b], terms.Winner("max", (m, k), entry("V", k, m), at[::-1]), V=v)
    assert won.tolist() == [[0.0, 0.0], [1.0, 0.0]]
    slope = on([a, b], Partial(terms.Reduce("max", (k, m), entry("V", k, m)), entry("V", a, b)), V=v)
    assert slope.tolist() == [[0.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize("name", ["relu", "abs", "sign"])
def test_at_a_kink_the_derivative_is_zero(name: str) -> None:
    assert on([], Partial(terms.Apply(name, (entry("x"),)), entry("x")), x=0.0) == 0.0


def test_a_sum_does_not_capture_the_index_by_which_is_differentiated() -> None:
    """d(sum over k of K[k]^2)/dK[k] with one and the same k is 2 K[k]."""
    k = Index("k", 3)
    squares = total((k,), power(entry("K", k), 2))
    assert on([k], Partial(squares, entry("K", k)), K=[1.0, 2.0, 5.0]).tolist() == [2.0, 4.0, 10.0]
    again = multiply(entry("K", k), total((k,), multiply(entry("K", k), total((k,), entry("K", k)))))
    assert on([k], again, K=[1.0, 2.0, 5.0]).tolist() == [64.0, 128.0, 320.0]


def test_the_derivative_of_what_does_not_change_is_zero_whatever_its_slope() -> None:
    """sqrt has none at 0, but sqrt(x[0]) does not change with x[1]."""
    root = terms.Apply("sqrt", (entry("x", 0),))
    assert on([], Partial(root, entry("x", 1)), x=[0.0, 4.0]) == 0.0
    with pytest.raises(DomainError):
        on([], Partial(root, entry("x", 0)), x=[0.0, 4.0])


MESSAGES = {
    "V[2*i + 1] is read outside V: 2*i + 1 = 5 at i = 2, and V has 0..3 on axis 1": lambda i: on(
        [i], entry("V", 2 * integer(i) + 1), V=[0.0] * 4
    ),
    "V[i - 1] is read outside V: i - 1 = -1 at i = 0, and V has 0..3 on axis 1": lambda i: on(
        [i], entry("V", integer(i) - 1), V=[0.0] * 4
    ),
    "V[4] is read outside V: 4, and V has 0..3 on axis 1": lambda i: on([i], entry("V", 4), V=[0.0] * 4),
    "1/V[i] has no value: V[i] = 0 at i = 1 (division by zero)": lambda i: on(
        [i], power(entry("V", i), -1), V=[1.0, 0.0, 2.0]
    ),
    "log(V[i]) has no value: V[i] = -2 at i = 2, and log needs a positive operand": lambda i: on(
        [i], terms.Apply("log", (entry("V", i),)), V=[1.0, 1.0, -2.0]
    ),
    "sqrt(x) has no derivative: x = 0, and sqrt needs a positive operand": lambda i: on(
        [], Partial(terms.Apply("sqrt", (entry("x"),)), entry("x")), x=0.0
    ),
    "W has no value": lambda i: on([i], entry("W", i)),
    "the size H has no value": lambda i: on([Index("k", Size("H"))], terms.UNIT),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_errors_name_the_read_and_the_numbers(message: str) -> None:
    with pytest.raises((ProgramError, DomainError, UsageError)) as caught:
        MESSAGES[message](Index("i", 3))
    assert caught.value.message == message


def test_the_largest_of_nothing_has_no_value_and_the_sum_is_zero() -> None:
    i = Index("i", 3)
    k = Index("k", integer(i))
    assert list(on([i], total((k,), entry("V", k)), V=[1.0, 2.0])) == [0.0, 1.0, 3.0]
    assert list(on([i], total((k,), entry("V", k), "prod"), V=[3.0, 2.0])) == [1.0, 3.0, 6.0]
    with pytest.raises(DomainError, match="there is nothing to choose from"):
        on([i], total((k,), entry("V", k), "max"), V=[1.0, 2.0])


def test_what_no_array_has_is_not_read() -> None:
    """Row 0 of an array whose index begins at 1, and the entries that a ragged one lacks."""
    at = next(found for seed in range(50) if 0 in (found := setting(seed, 3, 3)).environment.stored["y"].array)
    i, j = Index("i", 3), Index("j", 3)
    with pytest.raises(
        ProgramError, match=r"D\[i, j\] is read outside D: 0 at j = 0, and D has 1..3 on axis 2|D\[i, j\]"
    ):
        value_of(entry("D", i, j), [i, j], at.environment)
    with pytest.raises(ProgramError, match=r"R\[i, j\] is read outside R: there is no R\[\d, \d\]"):
        value_of(entry("R", i, j), [i, j], at.environment)


# --- large grids ------------------------------------------------------------------------------------------------------


def test_a_large_sum_keeps_its_memory_small() -> None:
    """10^8 products: 100 MB at most while they are added up."""
    i, j, k = Index("i", 100), Index("j", 1000), Index("k", 1000)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(100, 1000)), rng.normal(size=(1000, 1000))
    term = total((j, k), multiply(entry("A", i, j), entry("B", j, k)))
    tracemalloc.start()
    found = on([i], term, A=a, B=b)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(found, (a @ b).sum(axis=1), rtol=1e-9)
    assert peak < 100e6
