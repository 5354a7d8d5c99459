"""Hypothesis strategies for trees that the reader makes, shared by the tests of reading and of printing."""

from __future__ import annotations

from hypothesis import strategies as st

from derive import tree as t
from derive.tree import Tree
from derive.words import REDUCERS

NAMES = ("x", "y", "v_-1", "v_0", "vbar_3", "x1", "theta", "lambda", "E", "pi", "f.1", "sum", "T2")
numbers = st.sampled_from(("0", "1", "2", "3", "10", "0.5", "1.50", ".25", "1e-3", "2E5")).map(t.Number)
names = st.sampled_from(NAMES).map(t.Name)
indices = st.sampled_from(("i", "j", "k"))


def _sums(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    rest = st.lists(st.tuples(st.sampled_from("+-"), parts), min_size=1, max_size=3)
    return st.builds(lambda first, more: t.Sum((("+", first), *more)), parts, rest)


def _products(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    signs = st.sampled_from(("*", "*", "/", "", "", "@", ".*", "./"))

    def product(first: Tree, more: list[tuple[str, Tree]]) -> Tree:
        factors = [("*", first)]
        for sign, part in more:  # a / b c has two readings and is never read
            factors.append(("*" if sign == "" and factors[-1][0] in ("/", "./") else sign, part))
        return t.Product(tuple(factors))

    return st.builds(product, parts, st.lists(st.tuples(signs, parts), min_size=1, max_size=3))


def _indicators(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    more = st.lists(st.tuples(st.sampled_from(("=", "!=", "<", "<=", ">", ">=")), parts), min_size=1, max_size=2)
    return st.builds(
        lambda first, rest: t.Indicator((first, *(side for _, side in rest)), tuple(sign for sign, _ in rest)),
        parts,
        more,
    )


def _compound(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    exponents = parts.filter(lambda tree: any(isinstance(node, t.Name) for node in t.walk(tree)))
    small = st.sampled_from(("2", "0.5", "3")).map(t.Number)
    return st.one_of(
        st.builds(t.Negative, parts),
        _sums(parts),
        _products(parts),
        st.builds(t.Power, parts, st.one_of(small, st.builds(t.Negative, small), exponents), st.booleans()),
        st.builds(t.Transpose, parts),
        st.builds(lambda f, u: t.Call(f, (u,)), st.sampled_from(("sin", "log", "abs", "sum", "max", "norm")), parts),
        st.builds(lambda f, u, w: t.Call(f, (u, w)), st.sampled_from(("max", "min")), parts, parts),
        st.builds(
            lambda a, at: t.Subscript(a, tuple(at)), st.sampled_from(NAMES), st.lists(parts, min_size=1, max_size=2)
        ),
        st.builds(
            lambda f, bound, body: t.Reduction(f, tuple(bound), body),
            st.sampled_from(REDUCERS),
            st.lists(indices, min_size=1, max_size=2),
            parts,
        ),
        _indicators(parts),
    )


expressions: st.SearchStrategy[Tree] = st.recursive(numbers | names, _compound, max_leaves=12)
relations = st.lists(expressions, min_size=2, max_size=3).map(lambda sides: t.Relation(tuple(sides)))
