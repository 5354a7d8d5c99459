r"""What is no function and looks like one: norms `\|u\|_2`, vectors of ones, indicators `\mathbb 1[i = j]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive import tree as t
from derive.reading.latex.above import above_of, raised, with_scripts
from derive.reading.latex.indices import indices_of, parts_of, units_of
from derive.reading.latex.spelling import label
from derive.reading.latex.syntax import Chain, Group, Scripted, Unit
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter, Run


def norm(reading: Interpreter, unit: Unit) -> Tree:
    r"""`\|u\|_2^2`: the kind of norm stands below, a power above; without one, and as Frobenius, all squares count."""
    core = unit.core if type(unit) is Scripted else unit
    tree = reading.core(core)
    if type(unit) is not Scripted:
        return tree
    if unit.subs:
        parts = parts_of(unit.subs)
        text = label(parts[0]) if len(parts) == 1 else None
        assert isinstance(tree, t.Call)
        if text not in ("F", "{F}"):
            kinds = indices_of(reading, parts, None)
            tree = t.Call("norm", (*tree.arguments, *kinds), tree.at)
    above = above_of(reading, unit.sups)
    above.primes += unit.primes
    return raised(reading, tree, above, unit)


def ones(reading: Interpreter, run: Run) -> Tree:
    r"""A bold 1: the indicator of the condition beside or below it, else the vector of ones."""
    unit = run.units[run.place]
    run.place += 1
    if (tree := condition_beside(reading, run, unit)) is not None:
        return tree
    at = reading.at(unit.start, unit.end)
    if type(unit) is not Scripted:
        return t.Name("ones", at)
    if unit.subs and (tree := condition_below(reading, unit)) is not None:
        return tree
    above = above_of(reading, unit.sups)
    if above.layers:
        raise reading.error("a vector of ones has no layer", unit)
    sizes = indices_of(reading, parts_of(unit.subs), None)
    if len(sizes) == 1 and isinstance(sizes[0], t.Product) and all(sign == "*" for sign, _ in sizes[0].factors):
        sizes = tuple(factor for _, factor in sizes[0].factors)  # n \times m
    return raised(reading, t.Call("ones", sizes, at) if sizes else t.Name("ones", at), above, unit)


def condition_beside(reading: Interpreter, run: Run, unit: Unit) -> Tree | None:
    """The indicator of the comparison in the bracket at the right, which is read then."""
    following = run.beside()
    group = following.core if type(following) is Scripted else following
    if type(group) is not Group or group.kind not in ("(", "[", "{") or type(unit) is Scripted:
        return None
    if not group.items or not all(chain.relations for chain in group.items):
        return None
    run.place += 1
    tree = _all_of(reading, group.items, unit.start, group.end)
    return with_scripts(reading, tree, following) if following is not None else tree


def condition_below(reading: Interpreter, unit: Scripted) -> Tree | None:
    r"""`\mathbf 1_{i = j}`, `\mathbf 1_{\{x > 0\}}`."""
    items = [item for argument in unit.subs if type(argument) is Group for item in argument.items]
    while len(items) == 1 and not items[0].relations:
        inner = units_of(items[0])
        if len(inner) != 1 or type(inner[0]) is not Group:
            return None
        items = inner[0].items
    if not items or not all(chain.relations for chain in items):
        return None
    tree = _all_of(reading, items, unit.start, unit.end)
    above = above_of(reading, unit.sups)
    return raised(reading, tree, above, unit)


def _all_of(reading: Interpreter, items: list[Chain], start: int, end: int) -> Tree:
    conditions = [reading.indicator(chain) for chain in items]
    if len(conditions) == 1:
        return conditions[0]
    return t.Product(tuple(("*", each) for each in conditions), reading.at(start, end))
