"""A row at some members of its families: its left side in double precision, beside which right sides are held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from derive import tree as t
from derive.tree import Tree
from derive.verification.arrays import Array
from derive.verification.model import Model
from derive.verification.ranges import bound_names
from derive.verification.shaped import OutsideFamily, UnclearSize
from derive.verification.slip_values import VALUELESS, Looks
from derive.verification.statements import blocks
from derive.verification.tables import Unfit, Values

#: What a double may be off, relative to the entry and to the largest entry of the left side.
OWN, LARGEST = 1e-8, 1e-10
#: Letters that slips give to the indices of new sums.
FRESH = ("i", "j", "k", "r", "q")
#: Most members of families at which a row is looked at, and axes of an array.
MEMBERS, AXES = 8, 24

#: What is left to the graph.
UNTOLD = (Unfit, OutsideFamily, UnclearSize)


@dataclass(slots=True)
class View:
    """looks : what works trees out there.  left : the left side.  data : the same for all values of the free indices.

    wanted : where it has a value and the conditions hold.  scale : its largest entry there.
    """

    looks: Looks
    left: Array
    data: Values
    wanted: Values
    scale: float

    def right(self, tree: Tree) -> Array | None:
        """A right side, or None where it has no value, or none that can be told."""
        try:
            with np.errstate(all="ignore"):
                return self.looks.look(tree)
        except (*UNTOLD, *VALUELESS):
            return None

    def is_comparable(self, right: Array) -> bool:
        return right.shape == self.left.shape and right.row == self.left.row

    def differs(self, tree: Tree) -> bool:
        """Whether a right side clearly has another value, or none. Raises what is in UNTOLD where that is not told."""
        try:
            with np.errstate(all="ignore"):
                return self.is_apart(self.looks.look(tree))
        except UNTOLD:  # of which some are others of those below
            raise
        except VALUELESS:
            return True

    def is_apart(self, found: Array) -> bool:
        """Whether a value is not that of the left side; one that fits in no shape is another."""
        if found.shape != self.left.shape:
            lone = found if not found.shape else self.left
            return bool(lone.shape) or bool((lone.data != 0).all())  # the number 0 stands for an array of zeros
        if found.row != self.left.row and found.shape != (1,):
            return True
        with np.errstate(all="ignore"):
            near = (
                np.abs(self.data - found.data) <= OWN * (np.abs(self.data) + np.abs(found.data)) + LARGEST * self.scale
            )
        return bool((self.wanted & ~near).any())


def views(model: Model, head: Tree, right: Tree, anchor: Tree, conditions: Sequence[Tree]) -> Iterator[View]:
    """A row at one choice of members after the other; none where it does not fit into arrays.

    anchor : the left side, spelled so that the ranges of its indices are known.
    """
    for told_by in ((anchor,), (head, right)):
        try:
            for env, spans in islice(blocks(told_by, conditions, model), MEMBERS):
                with np.errstate(all="ignore"):
                    found = _view(model, head, right, conditions, env, spans)
                if found is not None:
                    yield found
            return
        except (*UNTOLD, *VALUELESS):
            continue


def _view(
    model: Model,
    head: Tree,
    right: Tree,
    conditions: Sequence[Tree],
    env: Mapping[str, int],
    spans: Mapping[str, range],
) -> View | None:
    own = (*spans, *bound_names(head), *bound_names(right))
    if any(name in model.sizes for name in own):
        raise Unfit
    families = {each.family for each in model.problem.quantities.values() if each.family}
    names = dict.fromkeys((*own, *t.names_in(right), *FRESH, *families))
    letters = [name for name in names if name not in env and (name in families or name in own or _is_free(name, model))]
    if len(letters) > AXES:
        raise Unfit
    looks = Looks(model, letters, {})
    looks.at = dict(env) | {letter: looks.along(letter, span) for letter, span in spans.items()}
    left = _left(looks, head)
    if left is None:
        return None
    data = np.broadcast_to(left.data, (1, *(len(spans.get(name, ".")) for name in letters), *left.shape))
    wanted = np.isfinite(data)
    for condition in conditions:
        held = looks.look(condition)
        wanted = wanted & (held.data != 0).reshape(held.data.shape + (1,) * len(left.shape))
    if not wanted.any():
        return None
    return View(looks, left, data, wanted, float(np.abs(data[wanted]).max()))


def _is_free(name: str, model: Model) -> bool:
    """Whether a letter may be an index."""
    taken = name in model.sizes or name in model.problem.quantities or model.is_family(name)
    return len(name) == 1 and not taken and model.lookup(name) is None


def _left(looks: Looks, head: Tree) -> Array | None:
    try:
        return looks.look(head)
    except UNTOLD:
        try:
            return looks.by_graph(head)
        except UNTOLD:
            return None
