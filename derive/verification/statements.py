"""One statement at one assignment of sizes: for all values of its free indices, the two sides as nodes to compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product as combinations

from derive import tree as t
from derive.tree import Tree
from derive.verification.graph import Node
from derive.verification.model import Model
from derive.verification.ranges import found_ranges
from derive.verification.remembered import by_tree
from derive.verification.shaped import Env, OutsideFamily, ShapeClash, Shaped, Unjudged

#: Why nothing is compared where conditions hold nowhere.
NOTHING_FITS = "no values of the indices fit the conditions"

Pairs = list[tuple[tuple[int, ...], Node, Node]]


@dataclass(frozen=True, slots=True)
class Instance:
    """Values of the free indices, in the order of `names`."""

    names: tuple[str, ...]
    at: tuple[int, ...]

    @property
    def env(self) -> Env:
        return dict(zip(self.names, self.at, strict=True))


def free_letters(trees: Sequence[Tree], model: Model) -> tuple[str, ...]:
    """The free indices of a statement: names in subscripts, parameters, limits or conditions that have no value."""
    found: dict[str, None] = {}
    for tree in trees:
        for name, beside in _in_index_places(tree):
            if name in found or any(each not in model.sizes and model.lookup(each) is not None for each in beside):
                continue
            quantity = model.problem.quantities.get(name)
            declared = quantity is not None and quantity.kind == "index"
            if declared or (name not in model.sizes and not model.is_function(name) and not _is_whole(name, model)):
                found.setdefault(name)
    return tuple(found)


def _is_whole(name: str, model: Model) -> bool:
    """Whether a name may stand for a whole number: an array of real numbers cannot, and its letter is an index."""
    value = model.lookup(name)
    return value is not None and not value.rank


def _is_index_expression(tree: Tree) -> bool:
    """Whether a side of a condition is spelled as one between indices, sizes and numbers alone."""
    return all(isinstance(node, (t.Name, t.Number, t.Sum, t.Negative, t.Product)) for node in t.walk(tree))


@by_tree
def _in_index_places(tree: Tree) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Names where indices stand, each with those that may have no value, or it is none: of its side of a condition."""
    found: dict[tuple[str, tuple[str, ...]], None] = {}
    stack: list[tuple[Tree, bool, frozenset[str], tuple[str, ...]]] = [(tree, False, frozenset(), ())]
    while stack:
        node, inside, bound, beside = stack.pop()
        match node:
            case t.Name(text=name):
                if inside and name not in bound:
                    found.setdefault((name, beside))
            case t.Subscript(indices=indices):
                stack.extend((index, True, bound, ()) for index in reversed(indices))
            case t.Indicator(sides=sides):
                for side in reversed(sides):  # [i < j] compares indices, [z > 0] values
                    is_index = _is_index_expression(side)
                    stack.append((side, is_index, bound, t.names_in(side) if is_index else ()))
            case t.Call(function="entry", arguments=arguments):
                stack.extend((each, True, bound, ()) for each in reversed(arguments[1:]))
                stack.append((arguments[0], inside, bound, beside))
            case t.Call(arguments=arguments, parameters=parameters):
                stack.extend((each, True, bound, ()) for each in reversed(parameters))
                stack.extend((each, inside, bound, beside) for each in reversed(arguments))
            case t.Reduction(body=body, limits=limits):
                inner = bound | set(node.bound)
                stack.extend((side, True, bound, ()) for pair in limits if pair is not None for side in pair)
                stack.append((body, False, inner, ()))
            case _:
                stack.extend((child, inside, bound, beside) for child in reversed(t.children(node)))
    return tuple(found)


def blocks(
    trees: Sequence[Tree], conditions: Sequence[Tree], model: Model
) -> Iterator[tuple[dict[str, int], dict[str, range]]]:
    """The free indices: for all values of those that count members, the ranges of the others."""
    letters = free_letters((*trees, *conditions), model)
    if not letters:
        yield {}, {}
        return
    leading = [letter for letter in letters if _family_range(letter, trees, model) is not None]
    spans = [_family_range(letter, trees, model) or range(0) for letter in leading]
    restricted = {node.text for condition in conditions for node in t.walk(condition) if isinstance(node, t.Name)}
    for place in combinations(*spans):
        env = dict(zip(leading, place, strict=True))
        try:
            ranges = found_ranges(trees, model, env, {}, restricted)
        except OutsideFamily:
            continue
        rest = [letter for letter in letters if letter not in env]
        inner = {}
        for letter in rest:
            span = ranges.get(letter) or model.domain_range(letter)
            if span is None:
                raise Unjudged(f"the index {letter} is not bound, and no array says how far it runs", "unread")
            inner[letter] = span
        yield env, inner


def instances(trees: Sequence[Tree], conditions: Sequence[Tree], model: Model) -> list[Instance]:
    """All values of the free indices at which the conditions hold."""
    found: list[Instance] = []
    for env, inner in blocks(trees, conditions, model):
        names = (*env, *inner)
        for at in combinations(*inner.values()):
            instance = Instance(names, (*env.values(), *at))
            try:
                if all(model.meaning.may_hold(condition, instance.env) for condition in conditions):
                    found.append(instance)
            except OutsideFamily:
                continue
    return found


def _family_range(letter: str, trees: Sequence[Tree], model: Model) -> range | None:
    """The values of a letter that counts the members of a family."""
    declared = model.domain_range(letter)
    if declared is not None:
        return declared
    for tree in trees:
        for name, members in _first_indices(tree):
            if letter in members and model.is_family(name):
                return model.family_range(name)
    return None


@by_tree
def _first_indices(tree: Tree) -> tuple[tuple[str, frozenset[str]], ...]:
    """Arrays that are read, each with the names in its first index."""
    entries = (node for node in t.walk(tree) if isinstance(node, t.Subscript) and node.indices)
    return tuple(
        (node.array, frozenset(each.text for each in t.walk(node.indices[0]) if isinstance(each, t.Name)))
        for node in entries
    )


def pairs(left: Tree, right: Tree, conditions: Sequence[Tree], model: Model) -> Pairs:
    """Both sides for every value of the free indices.

    X[i, :] is a row, as it stands in the matrix, or where that does not fit a column, as vectors are.
    Raises ShapeClash where the shapes differ, Unjudged where a side has no meaning or nothing is left to compare.
    """
    try:
        return _pairs(left, right, conditions, model)
    except ShapeClash as clash:
        if not any(node == t.Call(":", ()) for tree in (left, right) for node in t.walk(tree)):
            raise
        model.meaning.forget()
        model.meaning.rows_are_columns = True
        try:
            return _pairs(left, right, conditions, model)
        except ShapeClash:
            raise clash from None
    finally:
        if model.meaning.rows_are_columns:
            model.meaning.rows_are_columns = False
            model.meaning.forget()


def _pairs(left: Tree, right: Tree, conditions: Sequence[Tree], model: Model) -> Pairs:
    found: Pairs = []
    skipped = 0
    for instance in instances((left, right), conditions, model):
        try:
            found += instance_pairs(left, right, conditions, instance, model)
        except OutsideFamily:
            skipped += 1
    if not found:
        told = "every member it needs is missing at one end" if skipped else NOTHING_FITS
        raise Unjudged(f"nothing is left to compare: {told}")
    return found


def instance_pairs(left: Tree, right: Tree, conditions: Sequence[Tree], instance: Instance, model: Model) -> Pairs:
    """Both sides for one value of the free indices. Raises OutsideFamily where a member is missing."""
    model.meaning.sums.free = frozenset(instance.names)
    try:
        one = model.meaning.sized((left, right), lambda: model.meaning.value(left, instance.env))
        extent = one.shape[0] if one.rank == 2 and one.shape[0] == one.shape[1] else None
        both_sides = (left, right)
        other = model.meaning.sized(both_sides, lambda: model.meaning.value(right, instance.env), extent)
        masks = [model.meaning.node(condition, instance.env) for condition in conditions]
    finally:
        model.meaning.sums.free = frozenset()
    both = model.meaning.sized(both_sides, lambda: matched(one, other, instance.at, model))
    if any(mask != model.graph.one for mask in masks):  # the row speaks of values for which a condition holds
        times = model.graph.multiply
        both = [(at, times(first, *masks), times(second, *masks)) for at, first, second in both]
    return both


def unbound(left: Tree, right: Tree, conditions: Sequence[Tree], model: Model) -> str | None:
    """An index of the right side that no sum binds and that is not on the left; None where there is none."""
    told = {*free_letters((left,), model), *free_letters(conditions, model)}
    return next((letter for letter in free_letters((right,), model) if letter not in told), None)


def matched(one: Shaped, other: Shaped, at: tuple[int, ...], model: Model) -> Pairs:
    """The entries of two arrays of one shape, side by side."""
    shapes = model.meaning.shapes
    zero = model.graph.zero
    if other.unit or one.unit:
        one, other = shapes.aligned(one, other)
    if one.rank == 0 and other.rank == 0:
        return [(at, one.scalar, other.scalar)]
    if one.rank == 0 or other.rank == 0:
        lone = one if one.rank == 0 else other
        if lone.scalar != zero:
            raise ShapeClash(f"the left side is {shapes.text(one)}, and the right side {shapes.text(other)}")
    elif (
        one.rank != other.rank
        or any(a is not None and b is not None and a != b for a, b in zip(one.shape, other.shape, strict=True))
        or (one.rank == 1 and one.row != other.row and one.shape != (1,))
    ):
        raise ShapeClash(f"the left side is {shapes.text(one)}, and the right side {shapes.text(other)}")
    shape, _ = shapes._common(one if one.rank != 1 else _column(one), other if other.rank != 1 else _column(other), "")
    left, right = shapes._spread(one, shape), shapes._spread(other, shape)
    return [((*at, k), a, b) for k, (a, b) in enumerate(zip(left, right, strict=True))]


def _column(value: Shaped) -> Shaped:
    return Shaped(value.shape, value.nodes)
