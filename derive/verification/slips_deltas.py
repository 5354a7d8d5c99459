"""Slips of Kronecker deltas: the diagonal for all entries, all entries for the diagonal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import SPECIFIC, NamedSlip, Site

_ONE = t.Number("1")


def _delta(site: Site) -> Iterator[Tree]:
    """1 -> the Kronecker delta of two letters at hand."""
    if t.is_number(site.node, 1):
        yield from deltas(site)


def deltas(site: Site) -> Iterator[Tree]:
    """The Kronecker deltas of the letters at hand."""
    letters = [each for each in site.letters if not site.context.is_family_letter(each)]
    for one, other in combinations(letters, 2):
        yield t.Indicator((t.Name(one), t.Name(other)), ("=",), kronecker=True)


def is_delta(tree: Tree, site: Site) -> bool:
    """Whether a factor is a Kronecker delta of two indices."""
    match tree:
        case t.Subscript(array="delta", indices=(_, _)):
            return site.context.model.is_kronecker("delta")
        case t.Indicator(sides=(t.Name(), t.Name()), operators=("=",)):
            return True
    return False


def _undelta(site: Site) -> Iterator[Tree]:
    if is_delta(site.node, site):
        yield _ONE


def _diagonal(site: Site) -> Iterator[Tree]:
    """A term times the Kronecker delta."""
    if isinstance(site.node, (t.Product, t.Subscript, t.Call)):
        for delta in deltas(site):
            yield t.Product((("*", delta), ("*", site.node)))


def _off_diagonal(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Product(factors=factors):
            for place, (_, factor) in enumerate(factors):
                if is_delta(factor, site):
                    rest = [each for k, each in enumerate(factors) if k != place]
                    yield rest[0][1] if len(rest) == 1 else t.Product((("*", rest[0][1]), *rest[1:]))


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "diagonal formula for all entries",
            "index",
            "The 1 holds on the diagonal only; for all entries it is the Kronecker delta: {after}, not {before}.",
            _undelta,
            _delta,
            ("p[i]*([i = j] - p[j])", "p[i]*(1 - p[j])"),
            SPECIFIC,
        ),
        NamedSlip(
            "delta for 1",
            "index",
            "This holds for all entries, not on the diagonal only: {after} belongs here, not {before}.",
            _delta,
            _undelta,
            ("1 - p[j]", "[i = j] - p[j]"),
        ),
        NamedSlip(
            "Kronecker delta missing",
            "index",
            "The term is there on the diagonal only, and its Kronecker delta is missing: {after}, not {before}.",
            _off_diagonal,
            _diagonal,
            ("[i = j]*p[i] - p[i]*p[j]", "p[i] - p[i]*p[j]"),
        ),
        NamedSlip(
            "diagonal only",
            "term-missing",
            "Only the diagonal is kept, and the other entries count as well: {after} belongs here, not {before}.",
            _diagonal,
            _off_diagonal,
            ("-p[i]*p[j]", "-[i = j]*p[i]*p[j]"),
        ),
    )
