"""Gradients with no index algebra: every output sends its adjoint to the entries that it read.

The equations are run backward. Over the grid of an equation, the adjoint of its left side goes down the right side,
multiplied on its way by the local partials, and arrives at each textual read X[e], where it is added to X_bar at e:
`np.add.at`. No delta is contracted, no index is solved for, no sum is exchanged. This is the witness of the gathered
formulas; compare the maps of Tullio.jl, which are written in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from derive.errors import ProgramError
from derive.evaluation.duals import Array, F, plain, unless_zero
from derive.evaluation.grids import Grid
from derive.evaluation.groups import Group, padded, restricted
from derive.evaluation.meaning import environment_of, strictly
from derive.evaluation.nodes import Call, Derivative, Node, Product, Read, Sum, Unknown
from derive.evaluation.opaque import sample
from derive.evaluation.recurrences import Stage, executed
from derive.evaluation.reductions import Reduction, first_extreme, ranked
from derive.evaluation.storage import Environment
from derive.functions import OPERATIONS
from derive.program import Program


def scatter(
    program: Program, seeds: Mapping[str, Any], arrays: Mapping[str, Any], sizes: Mapping[str, int]
) -> dict[str, Array]:
    """The adjoints of all arrays of real numbers, inputs and lines alike.

    seeds : array -> its upstream gradient, of its shape; the others begin with 0.
    Raises what derive.evaluation.values raises, ProgramError for a pending derivative in an equation.
    """
    environment = environment_of(program, arrays, sizes)
    stages = executed(program, environment)
    adjoints = {
        name: np.zeros(stored.array.shape)
        for name, stored in environment.stored.items()
        if name not in program.integers
    }
    for name, seed in seeds.items():
        if np.shape(seed) != adjoints[name].shape:
            raise ProgramError(f"{name} has the shape {adjoints[name].shape}, its adjoint {np.shape(seed)}", name)
        adjoints[name] += seed
    sweep = _Sweep(environment, adjoints)
    for stage in reversed(stages):
        sweep.back(stage)
    return adjoints


class _Sweep:
    """Adjoints on their way down; each array of them has one axis per place of the grid."""

    def __init__(self, environment: Environment, adjoints: dict[str, Array]) -> None:
        self.environment, self.adjoints = environment, adjoints

    def back(self, stage: Stage) -> None:
        if stage.line.name not in self.adjoints:
            return
        whole = stage.compiled
        with strictly(stage.line.term):
            wide, masks = whole.binding(Grid.empty(self.environment, whole.rank), stage.only)
            found = None if 0 in wide.extents else restricted(wide, masks)
            if found is None:
                return
            box = tuple(
                slice(int(values.reshape(-1)[0]), int(values.reshape(-1)[-1]) + 1)
                for _, values in (wide.places[index] for index in whole.indices)
            )
            own = self.adjoints[stage.line.name][box].reshape(wide.extents)
            self.down(whole.node, carried(own, found[1]), found[0])

    def down(self, node: Node, adjoint: Array, grid: Grid) -> None:
        """Send the adjoint of a node to what it reads."""
        match node:
            case Read():
                self.arrive(node, adjoint, grid)
            case Sum(parts=parts):
                for part in parts:
                    self.down(part, adjoint, grid)
            case Product():
                self.product(node, adjoint, grid)
            case Call():
                self.call(node, adjoint, grid)
            case Unknown(term=term):
                parameters = [each(grid) for each in node.parameters]
                operands = [each(grid) for each in node.arguments]
                for slot, argument in enumerate(node.arguments):
                    raised = [order + (place == slot) for place, order in enumerate(term.orders)]
                    self.down(argument, adjoint * sample(term.name, parameters, raised, *operands), grid)
            case Reduction():
                self.reduction(node, adjoint, grid)
            case Derivative():
                raise ProgramError("a derivative that is not worked out has no adjoint")

    def arrive(self, node: Read, adjoint: Array, grid: Grid) -> None:
        """Add the adjoint to the entries read, once for every point of the grid."""
        target = self.adjoints.get(node.term.array)
        if target is None:
            return
        strides = self.environment.read(node.term.array).strides
        place = ranked(
            np.asarray(sum(each(grid) * stride for each, stride in zip(node.indices, strides, strict=True))), grid
        )
        share = ranked(np.asarray(adjoint, dtype=np.float64), grid)
        for axis, extent in enumerate(grid.extents):
            if place.shape[axis] == 1 and extent > 1:
                share = share * extent if share.shape[axis] == 1 else share.sum(axis=axis, keepdims=True)
        np.add.at(target.reshape(-1), place, np.broadcast_to(share, place.shape))

    def product(self, node: Product, adjoint: Array, grid: Grid) -> None:
        for stage in node.stages:
            found = restricted(grid, [condition(grid) for condition in stage])
            if found is None:
                return
            grid, groups = found
            adjoint = carried(adjoint, groups)
        values = [factor(grid) for factor in node.factors]
        for place, factor in enumerate(node.factors):
            others: Any = adjoint
            for other, value in enumerate(values):
                if other != place:
                    others = others * value
            self.down(factor, others, grid)

    def call(self, node: Call, adjoint: Array, grid: Grid) -> None:
        operands = node.operands(grid)
        value = node(grid)
        partials = OPERATIONS[node.name].partials
        for slot, argument in enumerate(node.arguments):
            if node.exact is None or slot == 0:
                with np.errstate(all="ignore"):
                    share = unless_zero(partials[slot](F, *operands, value), adjoint)
                self.down(argument, share, grid)

    def reduction(self, node: Reduction, adjoint: Array, grid: Grid) -> None:
        found = node.opened(grid)
        if found is None:
            return
        _, inner, groups = found
        adjoint = carried(adjoint, groups)
        operator = node.term.operator
        if operator != "sum" and groups:
            factor = others if operator == "prod" else chosen
            adjoint = adjoint * factor(node, groups[0], inner)
        self.down(node.body, adjoint, inner)


def carried(adjoint: Array, groups: list[Group]) -> Array:
    for group in groups:
        if np.ndim(adjoint):
            adjoint = group.carried(adjoint)
    return adjoint


def chosen(node: Reduction, group: Group, inner: Grid) -> Array:
    """1 at the points that win, else 0."""
    winners, _ = first_extreme(node.term.operator, group, node.body(inner), inner)
    won = np.zeros((*winners.shape[:-1], group.points))
    np.put_along_axis(won, winners, 1.0, axis=-1)
    return np.moveaxis(won, -1, group.home)


def others(node: Reduction, group: Group, inner: Grid) -> Array:
    """The product of all other factors, at each point: never by a quotient, which would fail at 0."""
    starts, lengths = group.segments()
    value = group.along_home(ranked(np.asarray(plain(node.body(inner))), inner))
    rows = padded(value, group.home, starts, lengths, 1.0)
    one = np.ones((*rows.shape[:-1], 1))
    before = np.cumprod(np.concatenate([one, rows[..., :-1]], axis=-1), axis=-1)
    behind = np.cumprod(np.concatenate([one, rows[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    inside = np.arange(rows.shape[-1]) < lengths[:, None]
    return np.moveaxis((before * behind)[..., inside], -1, group.home)
