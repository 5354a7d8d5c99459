"""Index expressions: what they reach, by brute force; and what a program must not read."""

import itertools

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import ProgramError
from derive.index import Index, affine, bounds, fresh, index_symbol, names_read, provably_positive, size_symbol
from derive.plain import formula
from derive.program import Equation, Program
from derive.reading.from_sympy import tree_from_sympy
from derive.symbolic import Guard

i, j, k, m = map(index_symbol, "ijkm")
H, P = size_symbol("H"), size_symbol("P")
small = st.integers(-3, 3)


def indexed(name, shape, *indices):
    return sympy.IndexedBase(sympy.Symbol(name, real=True), shape=shape)[indices]


@settings(max_examples=150, deadline=None)
@given(small, small, small, st.integers(1, 4), st.integers(1, 4))
def test_bounds_are_the_least_and_the_largest_value(a, b, c, first, second):
    domains = [
        Index(i, sympy.Integer(0), sympy.Integer(first - 1)),
        Index(j, sympy.Integer(0), sympy.Integer(second - 1)),
    ]
    values = [a * u + b * w + c for u, w in itertools.product(range(first), range(second))]
    assert bounds(a * i + b * j + c, domains) == (min(values), max(values))


def test_bounds_follow_an_extent_that_depends_on_another_index():
    domains = [Index(i, sympy.Integer(0), H - 1), Index(j, sympy.Integer(0), i)]
    assert bounds(i + 2 * j, domains) == (0, 3 * H - 3)
    assert domains[1].extent == i + 1


@settings(max_examples=100, deadline=None)
@given(small, small, small)
def test_affine_gives_back_coefficients_and_constant(a, b, c):
    parts = affine(a * (i + j) + b * j + c, [i, j])
    assert parts is not None
    coefficients, constant = parts
    assert (coefficients.get(i, 0), coefficients.get(j, 0), constant) == (a, a + b, c)


def test_what_is_not_affine_has_no_coefficients_and_no_bounds():
    y = indexed("y", (H,), i)
    for expr in (i * j, i**2, sympy.floor(i / 2), y):
        assert affine(expr, [i, j]) is None
    assert bounds(P * i, [Index(i, sympy.Integer(0), H - 1)]) == (0, sympy.expand(P * (H - 1)))
    assert bounds(k * i, [Index(i, sympy.Integer(0), H - 1)]) is None  # the sign of k is not known


def test_provably_positive_holds_for_every_size():
    assert provably_positive(H + P - 1)
    assert not provably_positive(H - P + 1)
    assert not provably_positive(H - 1)
    assert provably_positive(sympy.Integer(1))


def test_fresh_indices_are_equal_to_no_other():
    assert fresh(i) != i
    assert fresh(i) != fresh(i)
    assert fresh(i).name == "i"
    assert fresh(i).is_integer


def test_names_read_are_values_and_arrays_in_a_fixed_order():
    x, y = sympy.symbols("x y", real=True)
    inner = indexed("T", (H,), indexed("s", (H,), i))
    expr = sympy.Sum(indexed("W", (H, P), i, k) * inner * x, (k, 0, P - 1)) + y * i
    assert set(names_read(expr)) == {"W", "T", "s", "x", "y"}
    assert names_read(expr) == names_read(expr.copy())


def program(lhs, rhs, *inputs):
    return Program(inputs, (Equation(lhs, rhs),), (str(getattr(lhs, "base", lhs).label),))


def test_a_read_outside_is_refused_with_the_numbers():
    V, K = indexed("V", (8, 8), i, j), indexed("K", (3, 3), i, j)
    kk, ll = fresh(index_symbol("k")), fresh(index_symbol("l"))
    total = sympy.Sum(V.base[2 * i + kk, j + ll] * K.base[kk, ll], (ll, 0, 2), (kk, 0, 2))
    with pytest.raises(ProgramError) as caught:
        program(indexed("Z", (4, 6), i, j), total, V, K).check()
    assert caught.value.message == (
        "Z[i, j] reads V[2*i + k, ...] outside V: 2*i + k reaches 8, V has rows 0..7 (i in 0..3, k in 0..2)"
    )
    program(indexed("Z", (3, 6), i, j), total, V, K).check()


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(-2, 2), st.integers(-3, 3))
def test_a_read_is_refused_exactly_when_one_entry_is_outside(rows, extent, step, offset):
    x = indexed("x", (extent,), i)
    inside = all(0 <= step * place + offset < extent for place in range(rows))
    candidate = program(indexed("z", (rows,), i), x.base[step * i + offset], x)
    if inside:
        candidate.check()
    else:
        with pytest.raises(ProgramError, match="outside x"):
            candidate.check()


def test_symbolic_sizes_are_refused_only_where_no_size_is_right():
    x = indexed("x", (H,), i)
    program(indexed("z", (P,), i), x.base[i], x).check()  # right whenever P <= H
    with pytest.raises(ProgramError, match=r"i \+ 1 reaches H, x has entries 0\.\.H - 1"):
        program(indexed("z", (H,), i), x.base[i + 1], x).check()
    with pytest.raises(ProgramError, match="reaches -1"):
        program(indexed("z", (H,), i), x.base[i - 1], x).check()


def test_a_guarded_read_may_reach_outside():
    x = indexed("x", (H,), i)
    guard = Guard(sympy.LessThan(0, i - 1))
    program(indexed("z", (H,), i), guard * x.base[i - 1], x).check()
    other = Guard(sympy.LessThan(0, m - 1))
    with pytest.raises(ProgramError, match="outside"):
        program(indexed("z", (H, H), i, m), other * x.base[i - 1], x).check()


def test_an_index_stands_once_on_the_left():
    x = indexed("x", (H,), i)
    with pytest.raises(ProgramError) as caught:
        program(indexed("Z", (H, H), i, i), x, x).check()
    assert caught.value.message == "index i stands twice on the left of Z[i, i]"


def test_an_unbound_index_is_named():
    x = indexed("x", (H,), i)
    with pytest.raises(ProgramError, match=r"index k on the right of z\[i\] is neither on the left nor bound"):
        program(indexed("z", (H,), i), x.base[k], x).check()


def test_a_sum_may_not_bind_an_index_of_the_left():
    x = indexed("x", (H,), i)
    with pytest.raises(ProgramError, match="binds i a second time"):
        program(indexed("z", (H,), i), sympy.Sum(x.base[i], (i, 0, H - 1)), x).check()


def test_fresh_indices_are_printed_under_names_of_their_own():
    x = indexed("x", (H,), i)
    other = fresh(i)
    assert formula(tree_from_sympy(sympy.Sum(x.base[other] * x.base[i], (other, 0, H - 1)))) == "sum(i_1) x[i]*x[i_1]"


def test_a_guard_is_printed_as_a_chain():
    x = indexed("x", (H,), i)
    guard = Guard(sympy.LessThan(0, m - i), sympy.StrictLessThan(m - i, P))
    assert formula(tree_from_sympy(guard * x)) == "[0 <= m - i < P]*x[i]"
