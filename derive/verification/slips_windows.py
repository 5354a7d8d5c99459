"""Slips of sliding products: turned kernels, correlation and convolution, borders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import COMMON, SPECIFIC, Edit, NamedSlip, Site
from derive.verification.slips_editing import (
    is_leaf,
)
from derive.verification.slips_matrices import matrix_like

_SLIDING = tuple(f"{word}{mode}" for word in ("star", "asterisk") for mode in ("", "_valid", "_full", "_same"))


def _rotated(site: Site) -> Iterator[Tree]:
    if isinstance(site.above, t.Call) and site.above.function == "rot180":
        return
    if is_leaf(site.node) and site.context.ranks.get(_name(site.node), 0) >= 2 and matrix_like(site, site.node):
        yield t.Call("rot180", (site.node,))


def _unrotated(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(function="rot180", arguments=(body,)):
            yield body


def _name(tree: Tree) -> str:
    return tree.text if isinstance(tree, t.Name) else tree.array if isinstance(tree, t.Subscript) else ""


def _sliding(change: Sequence[tuple[str, str]]) -> Edit:
    """One kind of sliding product for another."""

    def edit(site: Site) -> Iterator[Tree]:
        match site.node:
            case t.Call(function=name, arguments=(one, other)) if name in _SLIDING:
                word, _, mode = name.partition("_")
                for old, new in change:
                    if old == word:
                        yield t.Call(f"{new}_{mode}" if mode else new, (one, other))
                        yield t.Call(f"{new}_{mode}" if mode else new, (other, one))
                    if old == mode or (old == "valid" and not mode):
                        yield t.Call(f"{word}_{new}", (one, other))

    return edit


def _arguments(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(function=name, arguments=(one, other)) if name in _SLIDING:
            yield t.Call(name, (other, one))


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "kernel not turned",
            "kernel-flip",
            "Going backwards the kernel is turned by half a turn: {after} belongs here, not {before}.",
            _unrotated,
            _rotated,
            ("rot180(K)", "K"),
            SPECIFIC,
        ),
        NamedSlip(
            "kernel turned",
            "kernel-flip",
            "The kernel is not turned here: {after} belongs here, not {before}.",
            _rotated,
            _unrotated,
            ("K", "rot180(K)"),
            SPECIFIC,
        ),
        NamedSlip(
            "correlation for convolution",
            "kernel-flip",
            "Correlation and convolution differ by a turned kernel: {after} belongs here, not {before}.",
            _sliding((("asterisk", "star"), ("star", "asterisk"))),
            _sliding((("star", "asterisk"), ("asterisk", "star"))),
            ("asterisk_full(D, K)", "star_full(D, K)"),
            SPECIFIC,
        ),
        NamedSlip(
            "border of a sliding product",
            "range",
            "Valid, full and same differ in how far the kernel slides: {after} belongs here, not {before}.",
            _sliding((("full", "valid"), ("full", "same"), ("valid", "full"))),
            _sliding((("valid", "full"), ("same", "full"), ("full", "valid"))),
            ("asterisk_full(D, K)", "asterisk_valid(D, K)"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "operands of a correlation exchanged",
            "order",
            "A correlation is not symmetric in its operands: {after} belongs here, not {before}.",
            _arguments,
            _arguments,
            ("star(V, G)", "star(G, V)"),
            COMMON,
        ),
    )
