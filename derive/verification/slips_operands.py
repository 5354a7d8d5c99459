"""Slips of operands: another name, a value for an adjoint, the derivative by another variable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import COMMON, GENERIC, SPECIFIC, NamedSlip, Site
from derive.verification.slips_editing import both, is_leaf


def _name(tree: Tree) -> str:
    return tree.text if isinstance(tree, t.Name) else tree.array if isinstance(tree, t.Subscript) else ""


def _renamed(tree: Tree, name: str) -> Tree:
    if isinstance(tree, t.Subscript):
        return replace(tree, array=name)
    return t.Name(name)


def _siblings(site: Site) -> Iterator[Tree]:
    """The other operand of an equation that holds the one in this place as a factor."""
    if not is_leaf(site.node):
        return
    own = _name(site.node)
    for statement in site.context.problem.equations:
        for node in t.walk(statement.links[0].tree):
            if isinstance(node, t.Product):
                names = [_name(factor) for _, factor in node.factors if is_leaf(factor)]
                if own in names:
                    for other in names:
                        if other != own and site.context.ranks.get(other) == site.context.ranks.get(own):
                            yield _renamed(site.node, other)


def _partner(site: Site) -> Iterator[Tree]:
    """What the variable of the left side is multiplied by in an equation, with its own indices."""
    if not is_leaf(site.node) or site.is_root:
        return
    context = site.context
    variable = context.variable
    if variable is None:
        return
    for statement in context.problem.equations:
        for node in t.walk(statement.links[0].tree):
            if isinstance(node, t.Product):
                bodies = [each.body if isinstance(each, t.Transpose) else each for _, each in node.factors]
                leaves = [body for body in bodies if is_leaf(body)]
                if _name(variable) in map(_name, leaves):
                    for other in leaves:
                        # the same array with other indices is a slip of an index
                        if _name(other) not in (_name(variable), _name(site.node)):
                            yield from context.renamed(other, site.letters)


def _before(site: Site) -> Iterator[Tree]:
    """Names of what an array is worked out from, or of what is worked out from it."""
    if not is_leaf(site.node):
        return
    own = _name(site.node)
    ranks = site.context.ranks
    for statement in site.context.problem.equations:
        head = _name(statement.head) if statement.head is not None else ""
        read = t.names_in(statement.links[0].tree)
        others = [head] if own in read else list(read) if own == head else []
        for other in others:
            if other != own and other in ranks and ranks[other] == ranks.get(own):
                yield _renamed(site.node, other)


def _alike(site: Site) -> Iterator[Tree]:
    if is_leaf(site.node):
        yield from site.context.alike(site.node)


def _adjoint(site: Site) -> Iterator[Tree]:
    """x -> the derivative of the loss by x."""
    if is_leaf(site.node) and site.context.ranks.get(_name(site.node)) is not None:
        found = site.context.adjoint(site.node)
        if found is not None:
            yield found


def _value(site: Site) -> Iterator[Tree]:
    found = site.context.primal(site.node)
    if found is not None:
        yield found


def _other_adjoint(site: Site) -> Iterator[Tree]:
    """dL/du -> dL/dv, and du/dx -> du/dv."""
    context = site.context
    body = context.primal(site.node)
    if body is not None:
        for other in context.alike(body):
            found = context.adjoint(other)
            if found is not None:
                yield found
    elif isinstance(site.node, t.Derivative):
        for other in context.alike(site.node.by):
            yield replace(site.node, by=other)
        for other in context.alike(site.node.of):
            yield replace(site.node, of=other)


def _exchanged(site: Site) -> Iterator[Tree]:
    """Two names exchanged everywhere."""
    if not site.is_root:
        return
    names = [name for name in t.names_in(site.node) if name in site.context.ranks][:8]
    for one, other in combinations(names, 2):
        if site.context.ranks[one] == site.context.ranks[other]:
            pair = {one: other, other: one}

            def change(node: Tree, pair: dict[str, str] = pair) -> Tree:
                if is_leaf(node) and _name(node) in pair:
                    return _renamed(node, pair[_name(node)])
                return node

            yield t.transformed(site.node, change)


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "the other factor of a product",
            "operand",
            "The derivative of u v by u is v, the other factor: {after} belongs here, not {before}.",
            _siblings,
            both(_partner, _siblings),
            ("v_6_bar*v_4", "v_6_bar*v_5"),
            SPECIFIC,
        ),
        NamedSlip(
            "value before or after a step",
            "operand",
            "A value of the step before or after is used, such as x for its normalised form: {after} belongs here, "
            "not {before}.",
            _before,
            _before,
            ("g[i]*x_hat[i]", "g[i]*x[i]"),
        ),
        NamedSlip(
            "value for its derivative in a factor",
            "operand",
            "A value stands where the derivative of the loss by it belongs: {after}, not {before}.",
            _value,
            _adjoint,
            ("v_5_bar*v_4", "v_5*v_4"),
        ),
        NamedSlip(
            "derivative for a value in a factor",
            "operand",
            "The derivative of the loss by a value stands where the value itself belongs: {after}, not {before}.",
            _adjoint,
            _value,
            ("v_6_bar*v_4", "v_6_bar*v_4_bar"),
        ),
        NamedSlip(
            "derivative by another variable",
            "other-variable",
            "This is the derivative by another variable: {after} belongs here, not {before}.",
            _other_adjoint,
            _other_adjoint,
            ("v_4_bar", "v_5_bar"),
        ),
        NamedSlip(
            "names exchanged",
            "operand",
            "Two names have exchanged their roles: the right side should read {after}.",
            _exchanged,
            _exchanged,
            ("o[t]*g[t]", "g[t]*o[t - 1]"),
            GENERIC,
        ),
        NamedSlip(
            "another name",
            "operand",
            "The wrong quantity stands here: {after} belongs here, not {before}.",
            _alike,
            _alike,
            ("c*a", "c*b"),
            COMMON,
        ),
    )
