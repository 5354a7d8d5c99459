"""Slips of terms: lost and superfluous ones, lost paths."""

from __future__ import annotations

from collections.abc import Iterator

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import COMMON, GENERIC, SPECIFIC, NamedSlip, Site, nothing
from derive.verification.slips_deltas import deltas
from derive.verification.slips_editing import (
    signed_sum,
)


def _without_term(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Sum):
        for place in range(len(site.node.terms)):
            yield signed_sum([each for k, each in enumerate(site.node.terms) if k != place])


def _with_term(site: Site) -> Iterator[Tree]:
    """Plus or minus a quantity of the problem, with a Kronecker delta or without, or 1."""
    if t.is_number(site.node, 0):
        return  # 0 is what was left of a term, not one of several
    bracket = isinstance(site.node, t.Sum) or (isinstance(site.node, t.Product) and isinstance(site.above, t.Product))
    bracket = bracket or (isinstance(site.node, t.Negative) and isinstance(site.above, t.Product))
    if not bracket and (not site.is_term or (isinstance(site.node, t.Negative) and not site.is_root)):
        return
    context = site.context
    extra: list[Tree] = [t.Number("1")]
    for name in context.ranks:
        extra += context.entries(name, site.letters)
    for _, call in context.activations:
        extra += context.renamed(call, site.letters)
    if site.is_root:
        extra += [t.Product((("*", delta), ("*", one))) for delta in deltas(site) for one in extra]
    for one in extra:
        for sign in ("+", "-"):
            yield t.Sum((*_terms(site.node), (sign, one)))


def _terms(tree: Tree) -> tuple[tuple[str, Tree], ...]:
    return tree.terms if isinstance(tree, t.Sum) else (("+", tree),)


def _with_adjoint_term(site: Site) -> Iterator[Tree]:
    """Plus or minus a derivative of the loss, or a derivative times a value."""
    if not site.is_root or t.is_number(site.node, 0):
        return
    context = site.context
    for name in context.ranks:
        for entry in context.entries(name, site.letters):
            found = context.adjoint(entry)
            if found is not None:
                for sign in ("+", "-"):
                    yield t.Sum((*_terms(site.node), (sign, found)))


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "path missing",
            "term-missing",
            "What is used in several places collects a term from each of them; the one through {before} is missing, "
            "{after}.",
            nothing,
            nothing,
            ("v_2_bar*cos(v_1) + v_4_bar", "v_2_bar*cos(v_1)"),
            SPECIFIC,
        ),
        NamedSlip(
            "diagonal path only",
            "term-missing",
            "Every entry of {before} depends on this one, not the entry with the same index alone: sum over all of "
            "them.",
            nothing,
            nothing,
            ("sum(i) g[i]*J[i, j]", "g[j]*J[j, j]"),
            SPECIFIC,
        ),
        NamedSlip(
            "path taken twice",
            "term-missing",
            "The term through {before} is counted twice; it is there once, {after}.",
            nothing,
            nothing,
            ("v_2_bar*cos(v_1) + v_4_bar", "v_2_bar*cos(v_1) + 2*v_4_bar"),
            SPECIFIC,
        ),
        NamedSlip(
            "sign of a path",
            "sign",
            "The term through {before} has the wrong sign; it is {after}.",
            nothing,
            nothing,
            ("v_5_bar + v_6_bar*v_5", "v_5_bar - v_6_bar*v_5"),
        ),
        NamedSlip(
            "term too many",
            "other",
            "A term stands here that does not belong to the sum: {after}, not {before}.",
            _with_term,
            _without_term,
            ("p[i]", "p[i] - y[i]"),
            COMMON,
            naming="The term {part} does not belong to the sum: {after}, not {before}.",
        ),
        NamedSlip(
            "term missing",
            "term-missing",
            "A term is missing: {after} belongs here, not {before}.",
            _without_term,
            _with_term,
            ("p[i] - y[i]", "p[i]"),
            naming="The term {part} is missing: {after} belongs here, not {before}.",
        ),
        NamedSlip(
            "term of a derivative missing",
            "term-missing",
            "A term that goes through another value is missing: {after} belongs here, not {before}.",
            _without_term,
            _with_adjoint_term,
            ("v_5_bar + v_4_bar", "v_5_bar"),
            naming="A term that goes through another value is missing: {part} has to be added.",
        ),
        NamedSlip(
            "a lone term of several",
            "term-missing",
            "Only one of the contributions is written: the right side should be {after}.",
            nothing,
            nothing,
            ("a + b + c", "a"),
            GENERIC,
        ),
    )
