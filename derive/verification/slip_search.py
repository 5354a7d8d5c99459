"""Which slips explain a wrong row: repairs of its places that equal the left side, the most specific first."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from derive import tree as t
from derive.errors import LimitError
from derive.tree import Tree
from derive.verification.arrays import Arrays
from derive.verification.graph import Node, UndefinedNode
from derive.verification.shaped import OutsideFamily, ShapeClash, Shaped, UnclearSize, Unjudged
from derive.verification.slip_context import Context
from derive.verification.slip_library import library
from derive.verification.slip_paths import path_changes
from derive.verification.slips import COMMON, GENERIC, SPECIFIC, Change, NamedSlip, changed
from derive.verification.statements import Instance, instances, matched, pairs
from derive.verification.tables import Unfit

if TYPE_CHECKING:
    from derive.verification.judging import Judging
    from derive.verification.model import Model

#: Most repairs that are tried one by one, and in pairs; most that are decided for certain.
SINGLE, PAIRED, DECIDED = 6000, 2500, 16
#: Seconds after which a row is left without a name; far above what the numbers above take.
SECONDS = 1.0
#: Tries between two looks at the clock, which is a call of the system.
GLANCES = 8
#: Nodes of a graph above which the traces of earlier tries are wiped off.
FULL = 150_000
#: What a double may be off, relative to the entry and to the largest entry of the left side.
OWN, LARGEST = 1e-8, 1e-10

FAILURES = (Unjudged, ShapeClash, UndefinedNode, OutsideFamily, LimitError, RecursionError)


class Snapshot:
    """What a model holds, so that everything that is made for a try can be forgotten again."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.mark = len(model.graph)
        self.arrays = dict(model.arrays)
        self.families = {name: dict(found) for name, found in model.families.items()}

    def restore(self) -> None:
        """The model as it was; what the work has defined stays."""
        model, mark = self.model, self.mark
        model.arrays = dict(self.arrays)
        model.families = {name: dict(found) for name, found in self.families.items()}
        model._adjoints = {
            node: found for node, found in model._adjoints.items() if node < mark and max(found.values()) < mark
        }
        model.meaning.forget()
        model.judge.release(mark)


class OutOfTime(Exception):
    """The budget of a row is used up."""


class Search:
    """One wrong link: its left side, its right side as it stands, and the models in which they are compared."""

    def __init__(
        self,
        judging: Judging,
        head: Tree,
        right: Tree,
        conditions: Sequence[Tree],
        among: Sequence[Model] | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self.judging = judging
        self.head, self.right, self.conditions = head, right, tuple(conditions)
        # the judging's own list, not a copy: for it alone further sizes and labels are tried
        self.models = among if among is not None else judging.models
        self.model = self.models[0]
        self.context = Context(self.model, head, right, conditions)
        self.ends = time.process_time() + seconds
        self.decided = self.tried = 0
        self.seen: dict[Tree, bool] = {}
        self._own_oddities = self.context.ill_formed(right)
        self._left: list[tuple[Instance, Shaped]] = []
        self._scale = 0.0
        self._look = 0
        for sides in ((self.context.anchor,), (head, right)):
            try:
                self._prepare(instances(sides, conditions, self.model))
                break
            except FAILURES:
                self._left = []  # each repair finds the ranges of the indices itself
        self._arrays = self._quickly()
        if self._arrays is not None:
            self._first = self.model.doubled.read(self.model.node_array(self._left[0][1])).ravel()
        self._kept = [Snapshot(model) for model in self.models]

    def _clear(self) -> None:
        """Forget what repairs that do not hold have left in the graphs: deciding would work through it."""
        for kept in self._kept:
            kept.restore()

    def _prepare(self, found: Sequence[Instance]) -> None:
        for instance in found:
            try:
                value = self.model.meaning.value(self.head, instance.env)
            except OutsideFamily:
                continue
            self._left.append((instance, value))
        nodes = [node for _, value in self._left for node in value.nodes]
        counts = [sum(math.isfinite(self.model.judge.doubles(k)[node]) for node in nodes) for k in range(4)]
        self._look = counts.index(max(counts))
        self._scale = max((abs(each) for node in nodes if math.isfinite(each := self._double(node))), default=0.0)

    # --- one repair ---------------------------------------------------------------------------------------------------

    def _double(self, node: Node) -> float:
        return self.model.judge.doubles(self._look)[node]

    def fits(self, tree: Tree) -> bool:
        """Whether a right side agrees with the left side in double precision at one point of the first model."""
        if len(self.model.graph) > FULL:
            self._clear()
        self.tried += 1
        if self.tried % GLANCES == 0 and time.process_time() > self.ends:
            raise OutOfTime
        if self._differs(tree):
            return False
        try:
            if not self._left:
                return self._all_close(pairs(self.head, tree, self.conditions, self.model))
            compared = 0
            for instance, left in self._left:
                try:
                    right = self.model.meaning.value(tree, instance.env)
                except OutsideFamily:
                    continue
                if not self._all_close(matched(left, right, instance.at, self.model)):
                    return False
                compared += 1
            return compared > 0
        except FAILURES:
            return False

    def _quickly(self) -> Arrays | None:
        """Arrays of doubles at the left side's first entries, which keep the parts that repairs share."""
        trees = (self.head, self.right)
        sums = (node for tree in trees for node in t.walk(tree) if isinstance(node, t.Reduction))
        bound = {name for each in sums for name in each.bound}
        unclear = any(name in self.model.sizes or self.model.lookup(name) is not None for name in bound)
        if not self._left or self._look or unclear:
            return None
        arrays = Arrays(self.model, self.model.doubled, sorted(bound))
        arrays.kept = {}
        return arrays

    def _differs(self, tree: Tree) -> bool:
        """Whether a right side clearly has another value than the left side has at its first entries.

        It is worked out in double precision without the graph; where that cannot be done nothing is said.
        """
        if self._arrays is None:
            return False
        instance, left = self._left[0]
        try:
            with np.errstate(all="ignore"):
                found = self._arrays.value(tree, instance.env, self._arrays.all)
        except (Unfit, OutsideFamily, UnclearSize):
            return False
        except FAILURES:
            return True  # a part of it has no value, or one that fits nowhere
        if found.shape != left.shape or found.row != left.row:
            return bool(found.shape and left.shape and found.shape != left.shape and None not in left.shape)
        one, other = self._first, found.data.ravel()
        with np.errstate(all="ignore"):
            close = np.abs(one - other) <= OWN * (np.abs(one) + np.abs(other)) + LARGEST * self._scale
        return bool((~close & np.isfinite(one)).any())

    def close(self, model: Model, found: Sequence[tuple[tuple[int, ...], Node, Node]]) -> bool:
        """Whether all pairs agree in double precision; of another model than the first this is left open."""
        return model is not self.model or self._all_close(found)

    def _all_close(self, found: Sequence[tuple[tuple[int, ...], Node, Node]]) -> bool:
        for _, left, right in found:
            if left == right:
                continue
            one, other = self._double(left), self._double(right)
            if math.isnan(one):
                continue
            if not abs(one - other) <= OWN * (abs(one) + abs(other)) + LARGEST * self._scale:
                return False
        return bool(found)

    def holds(self, tree: Tree, part: Tree | None = None) -> bool:
        """Whether a right side equals the left side at all sizes, as a row would be judged.

        part : what is new in it, which may not be the left side again.
        """
        known = self.seen.get(tree)
        if known is None:
            known = not self.context.begs(tree if part is None else part) and self.fits(tree)
            known = known and not self._odd(tree) and self._certain(tree)
            self.seen[tree] = known
        return known

    def _odd(self, tree: Tree) -> bool:
        """Whether a repair brings in what nobody would write, such as the transpose of a number."""
        return not self.context.ill_formed(tree) <= self._own_oddities

    def _certain(self, tree: Tree) -> bool:
        if self.decided >= DECIDED:
            return False
        self.decided += 1
        self._clear()
        verdict = self.judging.comparing.decided(self.head, tree, self.conditions, self.models)
        return verdict.verdict == "correct"

    # --- the search ---------------------------------------------------------------------------------------------------

    def single(self) -> list[Change]:
        """The slips of the first rank at which one repair holds, one place for each."""
        tried = 0
        for rank in (SPECIFIC, COMMON, GENERIC):
            found: dict[str, Change] = {}
            if rank != COMMON:
                found = {change.slip.name: change for change in self._along_paths(rank == GENERIC)}
            for change in changed(self.right, self.context, [slip for slip in library() if slip.rank == rank]):
                if change.slip.name in found:
                    continue
                tried += 1
                if tried > SINGLE:
                    raise OutOfTime
                begs = change.slip.name == "value for its derivative" and self.fits(change.tree)
                if begs or self.holds(change.tree, change.after):
                    found[change.slip.name] = change
            if found:
                return list(found.values())
        return []

    def _along_paths(self, late: bool) -> list[Change]:
        try:
            return list(path_changes(self, late))
        except FAILURES:
            return []

    def paired(self) -> list[Change]:
        """Two slips of those that often come together, at two places; the first pair that holds."""
        chosen = [slip for slip in library() if slip.pairs]
        tried = 0
        firsts = list(self._firsts(chosen))
        for first in firsts:
            context = Context(self.model, self.head, first.tree, self.conditions)
            for second in changed(first.tree, context, chosen, first=first):
                if second.slip.name == first.slip.name and second.before == first.after:
                    continue
                tried += 1
                if tried > PAIRED:
                    raise OutOfTime
                if self.holds(second.tree, second.after):
                    return [second]
        return []

    def _firsts(self, chosen: Sequence[NamedSlip]) -> Iterator[Change]:
        seen: set[Tree] = {self.right}
        for change in changed(self.right, self.context, chosen):
            if change.tree not in seen:
                seen.add(change.tree)
                yield change
