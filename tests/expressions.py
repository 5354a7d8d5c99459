"""Random scalar expressions for laws: trees over three names, with every function of the table, at points inside."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from derive import tree as t
from derive.tree import Tree

NAMES = ("x", "y", "z")

#: Functions that are smooth on all real numbers, so that any point is inside the domain.
ENTIRE = ("sin", "cos", "tanh", "atan", "sigmoid", "softplus", "erf")


def points() -> st.SearchStrategy[dict[str, Fraction]]:
    """Distinct exact numbers of moderate size, away from 0."""
    value = st.builds(Fraction, st.integers(3, 40), st.just(16))
    signed = st.builds(lambda size, negative: -size if negative else size, value, st.booleans())
    return st.lists(signed, min_size=3, max_size=3, unique_by=abs).map(lambda v: dict(zip(NAMES, v, strict=True)))


def leaves() -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.sampled_from([t.Name(name) for name in NAMES]), st.integers(1, 5).map(lambda k: t.Number(str(k)))
    )


def _wider(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    signed = st.lists(st.tuples(st.sampled_from("+-"), inner), min_size=2, max_size=4)
    factors = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        signed.map(lambda terms: t.Sum((("+", terms[0][1]), *terms[1:]))),
        factors.map(lambda parts: t.Product(tuple(("*", part) for part in parts))),
        st.builds(lambda f, u: t.Call(f, (u,)), st.sampled_from(ENTIRE), inner),
        # a quotient whose denominator is at least 1, and a power with a small exponent
        st.builds(
            lambda u, w: t.Product((("*", u), ("/", t.Sum((("+", t.Number("2")), ("+", t.Call("sin", (w,)))))))),
            inner,
            inner,
        ),
        st.builds(lambda u, k: t.Power(u, t.Number(str(k))), inner, st.integers(2, 3)),
        inner.map(t.Negative),
    )


def expressions(max_leaves: int = 12) -> st.SearchStrategy[Tree]:
    """Trees that read at least one name, defined and smooth everywhere."""
    return st.recursive(leaves(), _wider, max_leaves=max_leaves).filter(
        lambda tree: any(isinstance(node, t.Name) for node in t.walk(tree))
    )


def rational_expressions(max_leaves: int = 16) -> st.SearchStrategy[Tree]:
    """Sums, products and powers only: their values at rational points are exact."""

    def wider(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        signed = st.lists(st.tuples(st.sampled_from("+-"), inner), min_size=2, max_size=5)
        factors = st.lists(inner, min_size=2, max_size=4)
        return st.one_of(
            signed.map(lambda terms: t.Sum((("+", terms[0][1]), *terms[1:]))),
            factors.map(lambda parts: t.Product(tuple(("*", part) for part in parts))),
        )

    return st.recursive(leaves(), wider, max_leaves=max_leaves).filter(
        lambda tree: any(isinstance(node, t.Name) for node in t.walk(tree))
    )
