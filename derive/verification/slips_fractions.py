"""Slips of fractions: denominators, the wrong side of the fraction line."""

from __future__ import annotations

from collections.abc import Iterator

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import SPECIFIC, NamedSlip, Site
from derive.verification.slips_editing import (
    DIVIDING,
    over,
    product_of,
    squared,
    with_factor,
)


def _denominators(site: Site, lift: bool) -> Iterator[Tree]:
    if not isinstance(site.node, t.Product):
        return
    for place, (operator, factor) in enumerate(site.node.factors):
        if operator not in DIVIDING:
            continue
        if site.context.is_size(factor.base if isinstance(factor, t.Power) else factor):
            continue  # 1/m of a mean is no derivative of a quotient
        for new in _lifted(factor) if lift else _lowered(factor):
            yield with_factor(site.node, place, new)


def _lifted(tree: Tree) -> Iterator[Tree]:
    if isinstance(tree, t.Product):
        for place, (_, factor) in enumerate(tree.factors):
            for new in _lifted(factor):
                yield with_factor(tree, place, new)
    elif isinstance(tree, t.Power) and isinstance(tree.exponent, t.Number):
        yield t.Power(tree.base, t.tree_of(tree.exponent.value + 1), tree.elementwise)
    elif not isinstance(tree, t.Number):
        yield squared(tree)
        yield t.Power(tree, t.Number("3"))


def _lowered(tree: Tree) -> Iterator[Tree]:
    if isinstance(tree, t.Product):
        for place, (_, factor) in enumerate(tree.factors):
            for new in _lowered(factor):
                yield with_factor(tree, place, new)
    elif isinstance(tree, t.Power) and isinstance(tree.exponent, t.Number) and tree.exponent.value > 1:
        yield t.power(tree.base, t.tree_of(tree.exponent.value - 1))


def _inverted(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Product(factors=(("*", one), (("/" | "./") as operator, other))):
            yield t.Product((("*", other), (operator, one)))


def _multiplied(site: Site) -> Iterator[Tree]:
    """A division in the place of a multiplication, and the other way round."""
    if isinstance(site.node, t.Product):
        (_, first), *rest = site.node.factors
        left = product_of(rest)
        if left is not None and not isinstance(first, t.Number):
            yield over(left, first)
        for place, (operator, factor) in enumerate(site.node.factors):
            if place and not isinstance(factor, t.Number):
                yield with_factor(site.node, place, factor, "*" if operator in DIVIDING else "/")


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "denominator not squared",
            "power",
            "In the derivative of a quotient the denominator is squared, and a power goes up by one: {after}, not "
            "{before}.",
            lambda site: _denominators(site, False),
            lambda site: _denominators(site, True),
            ("u/v^2", "u/v"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "denominator squared",
            "power",
            "The denominator is raised once too often; the derivative of log u is 1/u: {after}, not {before}.",
            lambda site: _denominators(site, True),
            lambda site: _denominators(site, False),
            ("y/p", "y/p^2"),
            SPECIFIC,
        ),
        NamedSlip(
            "fraction upside down",
            "power",
            "Numerator and denominator are exchanged: {after} belongs here, not {before}.",
            _inverted,
            _inverted,
            ("g/v", "v/g"),
        ),
        NamedSlip(
            "multiplied where it is divided",
            "power",
            "A factor belongs on the other side of the fraction line: {after}, not {before}.",
            _multiplied,
            _multiplied,
            ("a/b", "a*b"),
            SPECIFIC,
        ),
    )
