"""Which slips explain a wrong row: repairs of its places that equal the left side, the most specific first."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import LimitError
from derive.tree import Tree
from derive.verification.graph import Node, UndefinedNode
from derive.verification.shaped import OutsideFamily, ShapeClash, Shaped, Unjudged
from derive.verification.slip_context import Context
from derive.verification.slip_library import library
from derive.verification.slip_paths import path_changes
from derive.verification.slip_screen import Screen, Views, row_views, told_apart
from derive.verification.slip_views import LARGEST, OWN
from derive.verification.slips import (
    COMMON,
    GENERIC,
    SPECIFIC,
    Change,
    NamedSlip,
    Site,
    changed,
    edits,
    replaced,
    sites,
    tidied,
)
from derive.verification.statements import Instance, instances, matched, pairs

if TYPE_CHECKING:
    from derive.verification.judging import Judging
    from derive.verification.model import Model

#: Most work for a row, one by one and in pairs: never seconds, so that a name does not depend on the machine's load.
SINGLE, PAIRED = 4000, 300
#: The work of a repair that is looked at, of one that is worked out on the graph, and nodes that are as much as one.
LOOK, WHOLE, NODES = 1, 10, 20
#: Parts of a right side that cost no more, and further ones that make a repair as dear as two, three and so on.
SHORT, HEAVIER = 80, 8
#: Most repairs that are decided for certain.
DECIDED = 16
#: Nodes of a graph above which the traces of earlier tries are wiped off.
FULL = 150_000

#: What a sum of two shifts may be off.
CLOSE = 1e-7

#: A slip, the place where it is repaired, and what stands there then.
Repair = tuple[NamedSlip, Site, Tree]

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


class OutOfWork(Exception):
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
        work: int = SINGLE,
    ) -> None:
        self.judging = judging
        self.head, self.right, self.conditions = head, right, tuple(conditions)
        # the judging's own list, not a copy: for it alone further sizes and labels are tried
        self.models = among if among is not None else judging.models
        self.model = self.models[0]
        self.context = Context(self.model, head, right, conditions)
        self.left = work
        # each look goes through the whole side
        self._weight = 1 + max(0, sum(1 for _ in t.walk(right)) - SHORT) // HEAVIER
        self.decided = 0
        self.seen: dict[Tree, bool] = {}
        self.places = sites(right, self.context)
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
        self._shifts: list[tuple[float, Repair]] = []
        self.screen = Screen(row_views(self.model, head, right, self.context.anchor, conditions), right)
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
        """Whether a right side may equal the left side."""
        differs = self.screen.differs(tree)
        return self._fits(tree) if differs is None else not differs

    def _fits(self, tree: Tree) -> bool:
        """Whether a right side agrees with the left side in double precision at one point of the first model."""
        if len(self.model.graph) > FULL:
            self._clear()
        before = len(self.model.graph)
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
        finally:
            self.spend(WHOLE + max(0, len(self.model.graph) - before) // NODES)

    def spend(self, work: int) -> None:
        """Raises OutOfWork where the budget is used up."""
        self.left -= work * self._weight
        if self.left < 0:
            raise OutOfWork

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
        if any(told_apart(row, tree) for row in self._elsewhere):
            return False
        self.decided += 1
        self._clear()
        verdict = self.judging.comparing.decided(self.head, tree, self.conditions, self.models)
        return verdict.verdict == "correct"

    @cached_property
    def _elsewhere(self) -> list[Views]:
        """The row at the other sizes."""
        sides = self.head, self.right, self.context.anchor, self.conditions
        return [row_views(model, *sides) for model in self.models[1:]]

    # --- the search ---------------------------------------------------------------------------------------------------

    def single(self) -> list[Change]:
        """The slips of the first rank at which one repair holds, one place for each."""
        for rank in (SPECIFIC, COMMON, GENERIC):
            found: dict[str, Change] = {}
            if rank != COMMON:
                found = {change.slip.name: change for change in self._along_paths(rank == GENERIC)}
            for slip, site, new in edits(self.places, [slip for slip in library() if slip.rank == rank]):
                if slip.name in found:
                    continue
                self.spend(LOOK)
                if self.screen.excludes(site.path, new):
                    if slip.pairs and self.screen.shifted:
                        self._shifts.append((self.screen.shifted, (slip, site, new)))
                    continue
                tree = tidied(self.right, site.path, new)
                begs = slip.name == "value for its derivative" and self.fits(tree)
                if begs or self.holds(tree, new):
                    found[slip.name] = Change(slip, tree, site.node, new)
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
        self.left = PAIRED
        for first, second in (*self._in_two_terms(), *self._scaled()):
            begin = Change(first[0], tidied(self.right, first[1].path, first[2]), first[1].node, first[2])
            tree = replaced(begin.tree, second[1].path, second[2])
            if self.holds(tree, second[2]):
                return [Change(second[0], tree, second[1].node, second[2], begin)]
        return self._one_after_the_other()

    def _in_two_terms(self) -> Iterator[tuple[Repair, Repair]]:
        """Repairs in two terms of a sum that make up for the difference together."""
        shifts = sorted(self._shifts, key=lambda each: each[0])
        values = [shift for shift, _ in shifts]
        aim = math.nan if self.screen.sweep is None else self.screen.sweep.aim
        for shift, first in shifts:
            near = (abs(aim - shift) + abs(aim)) * CLOSE
            place = bisect_left(values, aim - shift - near)
            while place < len(values) and values[place] <= aim - shift + near:
                second = shifts[place][1]
                # one slip twice would explain too much, but for signs
                is_same = first[0] is second[0] and first[0].kind != "sign"
                if (
                    not is_same
                    and first[1].path < second[1].path
                    and self.screen.is_apart(first[1].path, second[1].path)
                ):
                    yield first, second
                place += 1

    def _scaled(self) -> Iterator[tuple[Repair, Repair]]:
        """Repairs that are right but for a factor of the whole side, and the repair that brings it."""
        sweep = self.screen.sweep
        if sweep is None or not sweep.own:
            return
        own, wanted = sweep.own, sweep.own + sweep.aim
        wholes = [each for each in self._shifts if each[1][1].is_root and each[1][0].kind in ("sign", "factor")]
        for shift, first in self._shifts:
            for scale, second in wholes:
                if not first[1].is_root and abs((own + shift) * (own + scale) / own - wanted) <= CLOSE * abs(wanted):
                    site = second[1]
                    tree = tidied(self.right, first[1].path, first[2])
                    for new in second[0].repair(replace(site, node=tree)):
                        yield first, (second[0], replace(site, node=tree), new)

    def _one_after_the_other(self) -> list[Change]:
        chosen = [slip for slip in library() if slip.pairs]
        for first in list(self._firsts(chosen)):
            context = Context(self.model, self.head, first.tree, self.conditions)
            screen = Screen(self.screen.row, first.tree)
            self.spend(WHOLE)
            for slip, site, new in edits(sites(first.tree, context), chosen):
                if slip.name == first.slip.name and site.node == first.after:
                    continue
                self.spend(LOOK)
                if screen.excludes(site.path, new):
                    continue
                tree = tidied(first.tree, site.path, new)
                if self.holds(tree, new):
                    return [Change(slip, tree, site.node, new, first)]
        return []

    def _firsts(self, chosen: Sequence[NamedSlip]) -> Iterator[Change]:
        seen: set[Tree] = {self.right}
        for change in changed(self.right, self.context, chosen):
            if change.tree not in seen:
                seen.add(change.tree)
                yield change
