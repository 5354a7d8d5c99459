"""Slips of means and of products of sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import SPECIFIC, Edit, NamedSlip, Site


def _operator(old: str, new: str) -> Edit:
    def edit(site: Site) -> Iterator[Tree]:
        match site.node:
            case t.Reduction(operator=found) if found == old:
                yield replace(site.node, operator=new)
            case t.Call(function=found, arguments=arguments) if found == old and len(arguments) == 1:
                yield t.Call(new, arguments)

    return edit


def _split(site: Site) -> Iterator[Tree]:
    """sum (a b) -> (sum a) (sum b)."""
    match site.node:
        case t.Reduction(operator="sum", body=t.Product(factors=factors)) as node if len(factors) > 1:
            for place in range(1, len(factors)):
                left, right = factors[:place], (("*", factors[place][1]), *factors[place + 1 :])
                yield t.Product(
                    (
                        ("*", replace(node, body=t.Product(left) if len(left) > 1 else left[0][1])),
                        (factors[place][0], replace(node, body=t.Product(right) if len(right) > 1 else right[0][1])),
                    )
                )


def _joined(site: Site) -> Iterator[Tree]:
    """(sum a) (sum b) -> sum (a b)."""
    if not isinstance(site.node, t.Product):
        return
    sums = [(k, factor) for k, (_, factor) in enumerate(site.node.factors) if isinstance(factor, t.Reduction)]
    for (k, one), (m, other) in pairwise(sums):
        if len(one.bound) != len(other.bound):
            continue
        renamed = t.substituted(other.body, dict(zip(other.bound, map(t.Name, one.bound), strict=True)))
        joined = replace(one, body=t.Product((("*", one.body), ("*", renamed))))
        rest = [each for place, each in enumerate(site.node.factors) if place not in (k, m)]
        yield t.Product((("*", joined), *rest)) if rest else joined


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "mean for the sum",
            "sum-mean",
            "A mean is taken, and the derivatives are added up: {after} belongs here, not {before}.",
            _operator("sum", "mean"),
            _operator("mean", "sum"),
            ("sum(i) g[i]", "mean(i) g[i]"),
            SPECIFIC,
        ),
        NamedSlip(
            "sum for the mean",
            "sum-mean",
            "A sum is taken where the mean belongs: {after}, not {before}.",
            _operator("mean", "sum"),
            _operator("sum", "mean"),
            ("mean(i) x[i]", "sum(i) x[i]"),
            SPECIFIC,
        ),
        NamedSlip(
            "product of sums for the sum of products",
            "order",
            "The sum of products is not the product of the sums: {after} belongs here, not {before}.",
            _split,
            _joined,
            ("sum(i) a[i]*b[i]", "(sum(i) a[i])*(sum(j) b[j])"),
            SPECIFIC,
        ),
        NamedSlip(
            "sum of products for the product of sums",
            "order",
            "Two sums are multiplied here, each with its own index: {after} belongs here, not {before}.",
            _joined,
            _split,
            ("(sum(i) a[i])*(sum(j) b[j])", "sum(i) a[i]*b[i]"),
            SPECIFIC,
        ),
    )
