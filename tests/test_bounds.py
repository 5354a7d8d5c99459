"""A proof about integers holds on every number that is put in."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from derive.bounds import fails, holds, is_nonnegative
from derive.integers import Index, Integer, Size, extreme, floor, integer
from derive.terms import Chain, Divides, within
from tests.thorough import examples

H, P, S = (integer(Size(name)) for name in "HPS")


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> tuple[Integer, dict[str, Index]]:
    """A linear expression in two sizes, two indices whose domains depend on them, quotients and extremes."""
    i = Index("i", H)
    k = Index("k", P + draw(st.integers(0, 2)))
    atoms = [H, P, integer(i), integer(k), floor(H + integer(k), 2), extreme("max", [H, P + 1]), extreme("min", [H, P])]
    total = integer(draw(st.integers(-4, 4)))
    for atom in atoms:
        total = total + draw(st.integers(-2, 2)) * atom
    return total, {"i": i, "k": k}


def value(expression: Integer, numbers: dict[object, int]) -> int:
    from derive.integers import Extreme, Floor

    total = 0
    for monomial, factor in expression.terms.items():
        for atom in monomial:
            if isinstance(atom, Floor):
                factor *= value(atom.numerator, numbers) // value(atom.denominator, numbers)
            elif isinstance(atom, Extreme):
                factor *= (max if atom.operator == "max" else min)(value(each, numbers) for each in atom.arguments)
            else:
                factor *= numbers[atom]
        total += factor
    return total


@settings(max_examples=examples(300), deadline=None)
@given(case=expressions())
def test_what_is_proved_is_true(case: tuple[Integer, dict[str, Index]]) -> None:
    expression, indices = case
    if not is_nonnegative(expression):
        return
    for h, p in itertools.product(range(1, 5), repeat=2):
        sizes: dict[object, int] = {Size("H"): h, Size("P"): p}
        for i, k in itertools.product(range(h), range(value(indices["k"].stop, sizes))):
            assert value(expression, {**sizes, indices["i"]: i, indices["k"]: k}) >= 0, expression


def test_reads_of_a_convolution_are_inside() -> None:
    for stride in (integer(1), integer(3), S):
        out = Index("i", floor(H - P, stride) + 1)
        k = Index("k", P)
        assert holds(within(stride * integer(out) + integer(k), H))
        assert not holds(within(stride * integer(out) + integer(k), H - 1))


def test_a_fact_may_be_needed() -> None:
    m = Index("m", P)
    assert is_nonnegative(H - 1 - integer(m), [H - P])
    assert not is_nonnegative(H - 1 - integer(m))


def test_an_equality_under_a_delta() -> None:
    from derive.integers import IntegerEntry

    layer = Index("l", 9)
    unit = Index("p", IntegerEntry("n", (integer(layer),), 1))
    inside = Chain((integer(unit), integer(IntegerEntry("n", (H,), 1))), ("<",))
    assert not holds(inside)
    assert holds(inside, (), {layer: H})


def test_divisibility() -> None:
    i = Index("i", 9)
    assert holds(Divides(integer(2), 4 * integer(i) + 6))
    assert fails(Divides(integer(2), 4 * integer(i) + 1))
    assert not holds(Divides(integer(2), 3 * integer(i))) and not fails(Divides(integer(2), 3 * integer(i)))


def test_what_never_holds() -> None:
    i = Index("i", 4)
    assert fails(within(integer(i) + 4, 4)) and not fails(within(integer(i) + 3, 4))
