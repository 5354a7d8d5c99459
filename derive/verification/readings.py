"""Rows that leave something open, and are wrong whichever way that is settled.

The limits of a sum whose index stands alone nowhere, and what lies outside an array, are asked for. Not if the row is
wrong in any case: for each range that the index may have, or at values of its indices at which nothing outside is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, product

from derive import tree as t
from derive.tree import Tree
from derive.verification.decisions import Decision
from derive.verification.model import Model
from derive.verification.shaped import OutsideFamily, Unjudged
from derive.verification.statements import Pairs, instances, matched

#: By how much a range may begin and end off an axis, and most combinations of ranges that are tried.
SHIFTS, RANGES = (0, -1, 1), 64

#: A decision "wrong", and the sides for which it was made.
Found = tuple[Decision, tuple[Tree, Tree]]


def refuted(left: Tree, right: Tree, conditions: Sequence[Tree], model: Model, open_end: Unjudged) -> Found | None:
    """A decision "wrong" that stands however the row is completed, with the sides completed in one way; else None.

    open_end : why the row was not decided.
    """
    if open_end.code == "boundary":
        return _inside(left, right, conditions, model)
    if open_end.code == "ambiguous":
        return _for_all_ranges(left, right, conditions, model)
    return None


def _inside(left: Tree, right: Tree, conditions: Sequence[Tree], model: Model) -> Found | None:
    """Wrong at values of the free indices for which nothing outside of an array is read.

    A row with numbers as subscripts or limits may count from another number than the problem: it stays open.
    """
    if any(isinstance(part, t.Number) for side in (left, right) for part in _places(side)):
        return None
    found: Pairs = []
    for instance in instances((left, right), conditions, model):
        try:
            if any(model.meaning.node(each, instance.env) != model.graph.one for each in conditions):
                continue
            one, other = (model.meaning.value(side, instance.env) for side in (left, right))
        except (Unjudged, OutsideFamily):
            continue
        found += matched(one, other, instance.at, model)
    decision = model.judge.decide(found) if found else None
    return (decision, (left, right)) if decision is not None and decision.verdict == "wrong" else None


def _places(tree: Tree) -> Iterator[Tree]:
    """What stands in subscripts and limits."""
    for node in t.walk(tree):
        if isinstance(node, t.Subscript):
            yield from node.indices
        elif isinstance(node, t.Reduction):
            yield from (side for pair in node.limits if pair is not None for side in pair)


def _for_all_ranges(left: Tree, right: Tree, conditions: Sequence[Tree], model: Model) -> Found | None:
    """Wrong for all ranges that the sums of the row may have; the witness is that of the first."""
    unclear = list(dict.fromkeys(name for side in (left, right) for name in _unclear(side)))
    if not unclear or not all(_counts(side) for side in (left, right)):
        return None
    spans = _ranges(model, SHIFTS if len(unclear) == 1 else SHIFTS[:1])
    if not spans or len(spans) ** len(unclear) > RANGES:
        return None
    first: Found | None = None
    for chosen in islice(product(spans, repeat=len(unclear)), RANGES):
        limits = dict(zip(unclear, chosen, strict=True))
        found: Pairs = []
        sides = (_limited(left, limits), _limited(right, limits))
        for instance in instances(sides, conditions, model):
            try:
                if any(model.meaning.node(each, instance.env) != model.graph.one for each in conditions):
                    continue
                one, other = (model.meaning.value(side, instance.env) for side in sides)
            except OutsideFamily:
                continue
            found += matched(one, other, instance.at, model)
        decision = model.judge.decide(found) if found else None
        if decision is None or decision.verdict != "wrong":
            return None
        first = first or (decision, sides)
    return first


def _unclear(tree: Tree) -> Iterator[str]:
    """Indices of sums that have no limits and stand alone in no subscript."""
    for node in t.walk(tree):
        if isinstance(node, t.Reduction):
            alone = {each for inner in t.walk(node.body) if isinstance(inner, t.Subscript) for each in inner.indices}
            limits = node.limits or (None,) * len(node.bound)
            for name, pair in zip(node.bound, limits, strict=True):
                if pair is None and t.Name(name) not in alone:
                    yield name


def _counts(tree: Tree) -> bool:
    """Whether the body of every sum reads its indices: a sum of a constant is as many times that as nobody says."""
    return all(set(node.bound) <= set(t.names_in(node.body)) for node in t.walk(tree) if isinstance(node, t.Reduction))


def _limited(tree: Tree, spans: dict[str, range]) -> Tree:
    """The tree with these limits on the sums over these indices that have none."""

    def change(node: Tree) -> Tree:
        if not isinstance(node, t.Reduction):
            return node
        limits = node.limits or (None,) * len(node.bound)
        new = tuple(
            (t.tree_of(spans[name].start), t.tree_of(spans[name].stop)) if pair is None and name in spans else pair
            for name, pair in zip(node.bound, limits, strict=True)
        )
        return node if new == limits else replace(node, limits=new)

    return t.transformed(tree, change)


def _ranges(model: Model, shifts: Sequence[int]) -> list[range]:
    """All whole numbers that matter, and all sizes and axes of the problem, up to one off at either end."""
    arrays = [*model.arrays.values(), *model.defined.values()]
    extents = dict.fromkeys(each for array in arrays for each in array.shape if each is not None)
    extents |= dict.fromkeys(model.sizes.values())
    if not extents:
        return []
    first, reach = model.index_from, 2 * max(extents)
    found = [range(first, first + extent) for extent in extents]
    found += [range(first + a, first + extent + b) for extent in extents for a, b in product(shifts, repeat=2)]
    return [*dict.fromkeys(span for span in found if len(span)), range(first - reach, first + reach + 1)]
