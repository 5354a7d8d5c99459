"""How far integer expressions reach, by brute force; and what a program must not read."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import ProgramError
from derive.index import ends, is_nonnegative, text_of
from derive.integers import Index, IntegerEntry, Size, extreme, floor, integer
from derive.program import Equation, Program
from derive.reading.equations import read_equations
from derive.terms import Chain, Entry, Guard, entry, guard, multiply, total, walk, within
from tests.thorough import examples

small = st.integers(-3, 3)
H, P = integer(Size("H")), integer(Size("P"))


def number(expression, values):
    """The meaning of an integer expression, spelled out."""
    count = 0
    for monomial, factor in expression.terms.items():
        count += factor * math.prod(atom_number(atom, values) for atom in monomial)
    return count


def atom_number(atom, values):
    if hasattr(atom, "numerator"):
        return number(atom.numerator, values) // number(atom.denominator, values)
    if hasattr(atom, "operator"):
        return (max if atom.operator == "max" else min)(number(part, values) for part in atom.arguments)
    return values[atom.name]


@settings(max_examples=examples(150), deadline=None)
@given(small, small, small, st.integers(1, 4), st.integers(1, 4))
def test_ends_are_the_least_and_the_greatest_value(a, b, c, first, second):
    i, j = Index("i", first), Index("j", second)
    values = [a * u + b * w + c for u, w in itertools.product(range(first), range(second))]
    assert ends(a * integer(i) + b * integer(j) + c) == (min(values), max(values))


@settings(max_examples=examples(150), deadline=None)
@given(small, small, st.integers(1, 4), st.integers(1, 3), st.integers(-4, 4), st.integers(1, 5))
def test_ends_of_what_is_rounded_down_or_largest_are_reached(a, b, extent, divisor, bound, second):
    i, j = Index("i", extent), Index("j", second)
    for expression in (
        b * floor(a * integer(i) + bound, divisor) + integer(j),
        b * extreme("max", [a * integer(i), integer(bound)]) - integer(j),
        extreme("min", [a * integer(i), integer(bound), integer(j)]),
    ):
        values = [number(expression, {"i": u, "j": w}) for u in range(extent) for w in range(second)]
        least, greatest = ends(expression)
        if least is not None:
            assert least == min(values)
        if greatest is not None:
            assert greatest == max(values)


def test_ends_follow_a_domain_that_depends_on_another_index():
    i = Index("i", H)
    j = Index("j", integer(i) + 1)
    assert ends(integer(i) + 2 * integer(j)) == (0, 3 * H - 3)
    assert j.extent == integer(i) + 1


def test_ends_are_not_known_where_a_sign_or_an_array_is_not():
    i, k = Index("i", H), Index("k", P, -1)
    assert ends(integer(i) * integer(k)) == (None, None)
    assert ends(P * integer(i)) == (0, P * (H - 1))
    assert ends(integer(IntegerEntry("y", (integer(i),)))) == (None, None)
    assert ends(integer(i) - 2 * floor(integer(i), 2)) == (None, None)  # its ends are not reached together


@settings(max_examples=examples(150), deadline=None)
@given(small, small, small, small)
def test_what_is_never_negative_is_so_for_every_size(a, b, c, d):
    expression = a * H * P + b * H + c * P + d
    if is_nonnegative(expression):
        values = itertools.product(range(1, 7), repeat=2)
        assert all(a * h * p + b * h + c * p + d >= 0 for h, p in values)


def test_what_is_never_negative_uses_the_least_value_of_a_size():
    assert is_nonnegative(H + P - 2)
    assert not is_nonnegative(H - P)
    assert not is_nonnegative(H - 2)
    assert is_nonnegative(integer(Size("n", 5)) - 5)
    assert is_nonnegative(floor(H, 2))


@settings(max_examples=examples(100), deadline=None)
@given(small, small, small, st.integers(1, 3), st.booleans())
def test_the_text_of_an_integer_expression_reads_back(a, b, c, divisor, rounded):
    i, j = Index("i", 3), Index("j", 4)
    expression = a * integer(i) * integer(j) + b * integer(j) + c
    if rounded:
        expression = floor(expression, divisor) - 2 * integer(i)
    program = read_equations(f"z : 3 x 4\nz[i,j] = [{text_of(expression)} >= i]")
    (condition,) = next(node for node in walk(program.equations[0].term) if isinstance(node, Guard)).conditions
    for u, w in itertools.product(range(3), range(4)):
        values = {"i": u, "j": w}
        assert number(condition.sides[0], values) == number(expression, values)


# --- checking a program -----------------------------------------------------------------------------------------------


def array(name, *shape):
    return Entry(name, tuple(integer(Index(letter, stop)) for letter, stop in zip("ijkl", shape, strict=False)))


def program(left, term, *inputs, **more):
    return Program(inputs, (Equation(left, term),), (left.array,), **more)


def refused(candidate):
    with pytest.raises(ProgramError) as caught:
        candidate.check()
    assert caught.value.name == candidate.equations[0].name
    return caught.value.message


def test_a_read_outside_is_refused_with_the_numbers():
    k, l = Index("k", 3), Index("l", 3)  # noqa: E741

    def correlation(rows):
        i, j = Index("i", rows), Index("j", 6)
        body = multiply(entry("V", 2 * integer(i) + k, integer(j) + l), entry("K", k, l))
        return program(entry("Z", i, j), total((k, l), body), array("V", 8, 8), array("K", 3, 3))

    assert refused(correlation(4)) == (
        "Z[i, j] reads V[2*i + k, ...] outside V: 2*i + k reaches 8, V has rows 0..7 (i in 0..3, k in 0..2); "
        "where 0 is meant there, write [2*i + k < 8]*V[2*i + k, ...]"
    )
    correlation(3).check()


@settings(max_examples=examples(150), deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(-2, 2), st.integers(-3, 3))
def test_a_read_is_refused_exactly_when_one_entry_is_outside(rows, extent, step, offset):
    i = Index("i", rows)
    candidate = program(entry("z", i), entry("x", step * integer(i) + offset), array("x", extent))
    if all(0 <= step * place + offset < extent for place in range(rows)):
        candidate.check()
    else:
        assert "outside x" in refused(candidate)


def test_symbolic_sizes_are_refused_only_where_no_size_is_right():
    x, i, j = array("x", H), Index("i", H), Index("i", P)
    program(entry("z", j), entry("x", j), x).check()  # right whenever P <= H
    assert "i + 1 reaches H, x has entries 0..H - 1" in refused(program(entry("z", i), entry("x", integer(i) + 1), x))
    assert "[i - 1 >= 0]*x[i - 1]" in refused(program(entry("z", i), entry("x", integer(i) - 1), x))


def test_a_guarded_read_may_reach_outside():
    x, i, m = array("x", H), Index("i", H), Index("m", H)
    read = entry("x", integer(i) - 1)
    program(entry("z", i), multiply(guard(within(integer(i) - 1, H)), read), x).check()
    other = multiply(guard(Chain((integer(0), integer(m) - 1), ("<=",))), read)
    assert "outside" in refused(program(entry("z", i, m), other, x))


def test_an_index_stands_once_on_the_left_and_alone():
    i = Index("i", H)
    assert refused(program(entry("Z", i, i), entry("x"), "x")) == "index i stands twice on the left of Z[i, i]"
    assert "Z[i + 1] has i + 1 on the left" in refused(program(entry("Z", integer(i) + 1), entry("x"), "x"))


def test_an_index_is_bound_once():
    x, i, k = array("x", H), Index("i", H), Index("k", H)
    message = refused(program(entry("z", i), entry("x", k), x))
    assert message == "index k on the right of z[i] is neither on the left nor bound by a sum"
    assert "binds i a second time" in refused(program(entry("z", i), total((i,), entry("x", i)), x))
    ragged = Index("j", integer(k) + 1)
    assert "depends on k" in refused(program(entry("z", i), total((ragged,), entry("x", i)), x))
    program(entry("z", i), total((k, ragged), entry("x", ragged)), x).check()


def test_a_read_has_an_index_for_each_axis():
    i = Index("i", H)
    assert "x has 1 axis" in refused(program(entry("z", i), entry("x", i, i), array("x", H)))


def test_a_whole_number_is_declared_as_one():
    i = Index("i", H)
    term = entry("T", integer(IntegerEntry("y", (integer(i),))))
    inputs = (array("T", P), array("y", H))
    assert "y as a whole number" in refused(program(entry("z", i), term, *inputs))
    program(entry("z", i), term, *inputs, integers=frozenset({"y"})).check()
