"""Slips of shape: sums along an axis, diagonal matrices, lost matrix factors, softmax entry by entry."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import GENERIC, SPECIFIC, NamedSlip, Site
from derive.verification.slips_editing import (
    is_leaf,
    times,
)
from derive.verification.slips_matrices import matrix_like, turned

_ONES = t.Name("ones")


def _collected(site: Site) -> Iterator[Tree]:
    """A matrix with the vector of ones on one of its sides: sums of its rows or columns."""
    if not site.is_root or site.context.is_indexed:
        return
    bodies: list[Tree] = [site.node]
    match site.node:
        case t.Product(factors=((_, one), (_, other))) if _ONES in (one, other) or t.Transpose(_ONES) in (one, other):
            bodies = [other if one in (_ONES, t.Transpose(_ONES)) else one]
    for body in bodies:
        for matrix in (body, turned(body)):
            yield t.Product((("*", matrix), ("", _ONES)))
            yield t.Product((("*", t.Transpose(_ONES)), ("", matrix)))


def _uncollected(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Product(factors=((_, one), (_, other))):
            if other == _ONES:
                yield one
            if one in (t.Transpose(_ONES), _ONES):
                yield other
        case t.Reduction(operator="sum", body=body) if site.is_root:
            yield body


def _other_side(site: Site) -> Iterator[Tree]:
    """M 1 -> M^T 1."""
    match site.node:
        case t.Product(factors=((sign, one), (operator, other))) if other == _ONES:
            yield t.Product(((sign, turned(one)), (operator, other)))
        case t.Product(factors=((sign, one), (operator, other))) if one == t.Transpose(_ONES):
            yield t.Product(((sign, turned(other)), (operator, _ONES)))


def _diag(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, (t.Name, t.Subscript, t.Call)) and matrix_like(site, site.node):
        yield t.Call("diag", (site.node,))


def _undiag(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(function="diag", arguments=(body,)):
            yield body


def _with_matrix(site: Site) -> Iterator[Tree]:
    """A matrix of the problem, or its transpose, multiplied in at one side."""
    context = site.context
    if site.is_term and not context.is_indexed and not isinstance(site.node, (t.Negative, t.Sum)):
        for name, rank in context.ranks.items():
            if rank:
                for entry in context.entries(name, site.letters):
                    for matrix in (entry, t.Transpose(entry)):
                        yield t.Product((("*", matrix), ("", site.node)))
                        yield t.Product((("*", site.node), ("", matrix)))


def _without_matrix(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Product) and not site.context.is_indexed and len(site.node.factors) > 1:
        for place, (operator, factor) in enumerate(site.node.factors):
            if operator in ("*", "", "@") and matrix_like(site, factor):
                rest = [each for k, each in enumerate(site.node.factors) if k != place]
                yield rest[0][1] if len(rest) == 1 else t.Product((("*", rest[0][1]), *rest[1:]))


def _centred(site: Site) -> Iterator[Tree]:
    """a .* g -> a .* (g - (a .* g) 1 1^T): the sums of rows that softmax couples."""
    if not site.is_root or site.context.is_indexed or not isinstance(site.node, t.Product):
        return
    leaves = [factor for _, factor in site.node.factors if is_leaf(factor)]
    for a, g in permutations(leaves, 2):
        rows = t.Product((("*", times(a, g, True)), ("", _ONES), ("", t.Transpose(_ONES))))
        yield t.Product((("*", a), (".*", t.Sum((("+", g), ("-", rows))))))


def _uncentred(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Product(factors=((_, a), (".*", t.Sum(terms=(("+", g), ("-", rows)))))) if (
            site.is_root and _ONES in t.walk(rows)
        ):
            yield t.Product((("*", g), (".*", a), (".*", t.Sum((("+", t.Number("1")), ("-", a))))))
            yield t.Product((("*", a), (".*", g)))


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "collected along the wrong axis",
            "shape",
            "The sum goes along the wrong axis: {after} belongs here, not {before}.",
            _other_side,
            _other_side,
            ("D*ones", "D^T*ones"),
            SPECIFIC,
        ),
        NamedSlip(
            "sum over the samples missing",
            "shape",
            "What is added to every sample collects the derivatives of all samples: {after}, not {before}.",
            _uncollected,
            _collected,
            ("D^T*ones", "D"),
        ),
        NamedSlip(
            "diag missing",
            "shape",
            "The vector stands for a diagonal matrix: {after} belongs here, not {before}.",
            _undiag,
            _diag,
            ("diag(d)*W", "d*W"),
        ),
        NamedSlip(
            "matrix factor missing",
            "factor",
            "A matrix of the product is lost: {after} belongs here, not {before}.",
            _without_matrix,
            _with_matrix,
            ("X^T*D", "D"),
            GENERIC,
            naming="The matrix {part} of the product is lost: {after} belongs here, not {before}.",
        ),
        NamedSlip(
            "softmax treated entry by entry",
            "term-missing",
            "Every entry of a softmax depends on all scores of its row; the sum over the row is missing: {after}, not "
            "{before}.",
            _uncentred,
            _centred,
            ("A.*(D - (A.*D)*ones*ones^T)", "A.*D.*(1 - A)"),
            SPECIFIC,
        ),
    )
