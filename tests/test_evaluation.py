"""The evaluator of index equations: equal to nested loops, exact derivatives, errors that name the read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from derive import terms
from derive.errors import DomainError, ProgramError, UsageError
from derive.evaluation import Environment, at_points, environment_of, value_of, values
from derive.evaluation import reductions as reductions_module
from derive.evaluation.compiling import made
from derive.evaluation.duals import NUMPY, F
from derive.evaluation.grids import Grid
from derive.functions import OPERATIONS
from derive.integers import Floor, Index, IntegerEntry, Size, integer
from derive.program import Equation, Program
from derive.scatter import scatter
from derive.terms import Chain, Entry, Guard, Opaque, Partial, Term, add, delta, entry, multiply, power, total, within
from tests.index_terms import M, N, Setting, free, heads, index_terms, settings_of

EPS = float(np.finfo(float).eps)
THOROUGH = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


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


@settings(THOROUGH, max_examples=100)
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
