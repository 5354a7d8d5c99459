"""The weights of the parts of a right side, found from the whole down to the parts, as a gradient is found.

A random combination of the entries of a right side is affine in the value x of most of its places: c + sum(w x).
Below what is not affine, such as a power, no place has weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from derive import tree as t
from derive.tree import Tree
from derive.verification.arrays import Array, Places
from derive.verification.slip_values import VALUELESS
from derive.verification.slip_views import UNTOLD, View
from derive.verification.slips import Path
from derive.verification.tables import Values

#: What an inner product may be off, relative to the sum of the sizes of its terms.
INNER = 1e-9


@dataclass(frozen=True, slots=True)
class Frame:
    """The sums around a place: what their indices are, and how many entries say how far each of them runs."""

    scope: tuple[Any, ...]
    at: Places
    told: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Place:
    """A part of the right side, and what its value x adds to the combination: sum(weights x), or of 1/x.

    total : what it adds as it stands, of which `gap` may be rounding.  letters : indices of sums around it of which it
    alone says how far they run, at the axes `told`.
    """

    node: Tree
    path: Path
    frame: Frame
    weights: Values
    value: Array
    inverse: bool = False
    total: float = math.nan
    gap: float = 0.0
    letters: tuple[str, ...] = ()
    told: tuple[tuple[str, int, str], ...] = ()


#: A part, where it stands, the sums around it, and its weights.
Part = tuple[Tree, Path, Frame, Values]


class Sweep:
    """The places of a right side in a view.

    own : the combination of its entries.  aim : what is missing to that of the left side.  places : those with
    weights, by where they stand; none where a side has no value somewhere.
    """

    def __init__(self, view: View, tree: Tree, right: Array) -> None:
        self.looks = view.looks
        self.places: dict[Path, Place] = {}
        self.own = self.aim = math.nan
        if (view.wanted & ~np.isfinite(right.data)).any():
            return
        random = np.random.default_rng(0)  # the same for every row: what agrees by chance is decided in any case
        weights = random.uniform(0.5, 1.5, view.data.shape) * random.choice((-1.0, 1.0), view.data.shape)
        weights = np.where(view.wanted, weights, 0.0)
        left, own = times(weights, view.data), times(weights, right.data)
        self.own, self.aim = float(own.sum()), float(left.sum() - own.sum())
        self._size = float(np.abs(left).sum() + np.abs(own).sum())
        stack: list[Part] = [(tree, (), Frame((), self.looks.at), weights)]
        while stack:
            node, path, frame, weights = stack.pop()
            try:
                place = Place(node, path, frame, weights, self.looks.within(node, frame.scope, frame.at))
                if self._enter(place):
                    stack += self._below(place)
            except (*UNTOLD, *VALUELESS):
                continue

    def _enter(self, place: Place) -> bool:
        """Keep a place, and what in it alone tells how far an index of a sum around it runs."""
        terms = times(place.weights, 1.0 / place.value.data if place.inverse else place.value.data)
        total = float(terms.sum())
        if not math.isfinite(total):
            return False
        place.total, place.gap = total, INNER * (self._size + float(np.abs(terms).sum()))
        alone = (letter for letter, count in place.frame.told if count <= len(tellers(place.node, (letter,))))
        place.letters = tuple(alone)
        place.told = tellers(place.node, place.letters)
        self.places[place.path] = place
        return True

    def _below(self, place: Place) -> list[Part]:
        """The parts of which a part is affine, with their weights."""
        node, path, frame, weights = place.node, place.path, place.frame, place.weights
        match node:
            case t.Negative(body=body):
                return [(body, (*path, 0), frame, -weights)]
            case t.Transpose(body=body):
                turned = np.swapaxes(weights, -1, -2) if len(place.value.shape) == 2 else weights
                return [(body, (*path, 0), frame, turned)]
            case t.Sum(terms=terms):
                found = []
                for k, (sign, part) in enumerate(terms):
                    value = self.looks.within(part, frame.scope, frame.at)
                    if value.shape != place.value.shape and value.shape:
                        continue
                    signed = weights if sign == "+" else -weights
                    found.append((part, (*path, k), frame, _gathered(signed, value, place.value)))
                return found
            case t.Product():
                return self._factors(place)
            case t.Reduction(operator="sum" | "mean", bound=bound):
                return self._summed(place, node, bound)
        return []

    def _summed(self, place: Place, node: t.Reduction, bound: Sequence[str]) -> list[Part]:
        looks, frame = self.looks, place.frame
        spans = dict(zip(bound, looks.spans(node, frame.at), strict=True))
        shape = list(place.weights.shape)
        for name, span in spans.items():
            shape[1 + looks.axes[name]] = len(span)
        count = prod(map(len, spans.values()))
        weights = np.broadcast_to(place.weights / count if node.operator == "mean" else place.weights, shape)
        limits = dict(zip(bound, node.limits, strict=False))
        told = tuple((name, len(tellers(node.body, (name,)))) for name in bound if limits.get(name) is None)
        inner = dict(frame.at) | {name: looks.along(name, span) for name, span in spans.items()}
        return [(node.body, (*place.path, 0), Frame((*frame.scope, *spans.items()), inner, frame.told + told), weights)]

    def _factors(self, place: Place) -> list[Part]:
        """The factors of a product, from the last to the first, as they are multiplied from left to right."""
        looks, node, frame, at = self.looks, place.node, place.frame, place.frame.at
        assert isinstance(node, t.Product)
        looks._scope = frame.scope
        try:
            kept, weights = [], place.weights
            for k, (operator, factor) in enumerate(node.factors):
                is_condition = isinstance(factor, t.Indicator) or (
                    isinstance(factor, t.Subscript) and len(factor.indices) == 2
                )
                held = looks.held(factor, at) if operator != "/" and is_condition else None
                if held is None:
                    kept.append((k, operator, factor))
                else:
                    weights = np.where(held.reshape((1, *held.shape) + (1,) * len(place.value.shape)), weights, 0.0)
            values = looks._values([(operator, factor) for _, operator, factor in kept], at, looks.all)
            partial = values[:1]
            for (_, operator, _), value in zip(kept[1:], values[1:], strict=True):
                if operator in ("/", "./"):
                    partial.append(looks._entrywise(partial[-1], looks._inverse(value, looks.all)))
                elif operator == ".*" or not partial[-1].shape or not value.shape:
                    partial.append(looks._entrywise(partial[-1], value))
                else:
                    partial.append(looks._times(partial[-1], value, operator == "*"))
        finally:
            looks._scope = ()
        if not partial or partial[-1].shape != place.value.shape:  # of conditions alone, or a chain of derivatives
            return []
        found: list[Part] = []
        for place_in in range(len(kept) - 1, 0, -1):
            k, operator, factor = kept[place_in]
            before, value, after = partial[place_in - 1], values[place_in], partial[place_in]
            path = (*place.path, k)
            if operator in ("/", "./") or operator == ".*" or not before.shape or not value.shape:
                if {before.shape, value.shape} - {(), after.shape}:
                    return found
                one, other = _padded(before, after), _padded(value, after)
                divides = operator in ("/", "./")
                own_weights = _gathered(times(weights, one), value, after)
                if divides:
                    part = Place(factor, path, frame, own_weights, value, True)
                    self._enter(part)
                    weights = _gathered(times(weights, 1.0 / other), before, after)
                else:
                    found.append((factor, path, frame, own_weights))
                    weights = _gathered(times(weights, other), before, after)
            else:
                left, right = _of_matrices(weights, before, value)
                found.append((factor, path, frame, right))
                weights = left
        k, operator, factor = kept[0]
        if operator not in ("/", "./"):
            found.append((factor, (*place.path, k), frame, weights))
        return found


def times(weights: Values, values: Values) -> Values:
    """Weights times values; what has no weight may have no value."""
    product = weights * values
    return product if np.isfinite(product).all() else np.where(weights == 0.0, 0.0, product)


def _padded(value: Array, after: Array) -> Values:
    return value.data if value.shape else value.data.reshape(value.data.shape + (1,) * len(after.shape))


def _gathered(weights: Values, value: Array, after: Array) -> Values:
    """The weights of a number that goes with every entry of an array."""
    if value.shape or not after.shape:
        return weights
    return weights.sum(axis=tuple(range(-len(after.shape), 0)))


def _of_matrices(weights: Values, one: Array, other: Array) -> tuple[Values, Values]:
    """The weights of the two sides of a product of matrices and vectors."""
    if len(one.shape) == 1 and len(other.shape) == 1 and not one.row and other.row:
        return (weights * other.data[..., None, :]).sum(-1), (weights * one.data[..., :, None]).sum(-2)
    a = one.data if len(one.shape) == 2 else one.data[..., None, :]
    b = other.data if len(other.shape) == 2 else other.data[..., :, None]
    w = weights if len(other.shape) == 2 else weights[..., None]
    w = w if len(one.shape) == 2 else w[..., None, :]
    left, right = np.matmul(w, np.swapaxes(b, -1, -2)), np.matmul(np.swapaxes(a, -1, -2), w)
    return (left if len(one.shape) == 2 else left[..., 0, :]), (right if len(other.shape) == 2 else right[..., 0])


def tellers(tree: Tree, letters: Sequence[str]) -> tuple[tuple[str, int, str], ...]:
    """The axes that say how far indices run, in order of writing: (array, axis, index)."""
    if not letters:
        return ()
    return tuple(
        (node.array, axis, index.text)
        for node in t.walk(tree)
        if isinstance(node, t.Subscript)
        for axis, index in enumerate(node.indices)
        if isinstance(index, t.Name) and index.text in letters
    )
