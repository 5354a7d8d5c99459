"""Windows: how far they run is stated by an indicator, and pooling beyond the boundary is declared, not assumed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import ReadingError
from derive.evaluation import values
from derive.reading.equations import read_equations
from derive.subjects.layers.catalogue import LAYERS
from derive.subjects.layers.window import affine
from tests.thorough import examples


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(1, 9), st.integers(1, 3), st.integers(1, 4), st.sampled_from(("sum", "max", "min", "mean", "prod")))
def test_an_indicator_in_front_says_how_far_an_index_runs(entries, window, stride, operator):
    """Also where a remainder is left over, and the shapes alone would allow a larger window."""
    text = f"X : {entries}\nY[i] = {operator}(k) [0 <= k < {window}]*X[{stride}*i + k]"
    if window > entries:
        with pytest.raises(ReadingError, match=r"would be empty"):
            read_equations(text)
        return
    image = np.random.default_rng(entries).normal(size=entries) - 3.0  # a 0 would win every maximum
    rows = [image[start : start + window] for start in range(0, entries - window + 1, stride)]
    expected = [getattr(np, operator)(row) for row in rows]
    np.testing.assert_allclose(values(read_equations(text), {"X": image}, {})["Y"], expected, rtol=1e-14)


def test_the_indicator_stays_a_factor_where_an_array_says_how_far_the_index_runs():
    program = read_equations("x : 5\nL = max(k) [0 <= k < 3]*x[k]")
    assert values(program, {"x": -np.arange(1.0, 6.0)}, {})["L"] == 0  # a product with a false indicator is 0
    program = read_equations("x : 5\nL = sum(k) [0 <= k < 3]*x[k]")
    assert values(program, {"x": np.arange(1.0, 6.0)}, {})["L"] == 6


def test_a_window_may_have_the_extent_of_a_named_size():
    program = read_equations("X : H\nK : P\nY[i] = (max(k) [0 <= k < P]*X[i + k]) + (sum(k) K[k])")
    found = values(program, {"X": np.array([-3.0, -1.0, -2.0]), "K": np.zeros(2)}, {"H": 3, "P": 2})
    assert found["Y"].tolist() == [-1.0, -1.0]


def test_padding_never_wins():
    text = LAYERS["max_pool1d"].text({"kernel-size": 3, "padding": 1}, {"X": (1, 1, 4)})
    image = np.array([[[-5.0, -1e300, -7.0, -1e307]]])
    assert values(read_equations(text), {"X": image}, {})["Y"].tolist() == [[[-5.0, -7.0]]]


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.sampled_from(["i", "k", "H", 1, 4])), max_size=5),
    st.fixed_dictionaries({name: st.integers(-5, 5) for name in "ikH"}),
)
def test_a_position_is_written_as_what_it_is(terms, numbers):
    written = affine(terms)
    total = 0
    for sign, piece in zip(*signed(written), strict=True):
        factor, _, name = piece.rpartition("*")
        total += sign * int(factor or 1) * (int(name) if name.isdigit() else numbers[name])
    assert total == sum(factor * (numbers[name] if isinstance(name, str) else name) for factor, name in terms)


def signed(written):
    """`-i + 2*k - 1` as its signs and its pieces."""
    pieces = written.replace(" - ", " + -").split(" + ")
    return [-1 if piece[0] == "-" else 1 for piece in pieces], [piece.lstrip("-") for piece in pieces]
