"""How many indices run over one axis in one term of a row, which sizes must reach for the row to be met in all cases.

Whether two indices coincide is all that a term without index arithmetic depends on. With as many entries as there are
indices, all patterns of coinciding indices are met; with fewer, what says that i, j, k and l all differ is never met,
and e_4 = 0 of Newton's identities holds. Indices that a matrix product hides are not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from derive import tree as t
from derive.tree import Tree
from derive.verification.model import Model
from derive.verification.ranges import found_ranges, inner_ranges
from derive.verification.shaped import OutsideFamily, ShapeClash, Unjudged

#: The extents of an axis at the models tried, which tell axes apart.
Axis = tuple[int, ...]

#: Powers above this are not written out.
_POWER = 16


def crowded(trees: Sequence[Tree], models: Sequence[Model]) -> str | None:
    """An index of the row over whose axis more indices run than it has entries at all models; None where all fit."""
    names: dict[Axis, str] = {}
    free = _own(_extents(lambda model: found_ranges(trees, model, {}, {}), models), names)
    bound: Counter[Axis] = Counter()
    for tree in trees:
        bound |= _counted(tree, models, names)
    for axis, count in (free + bound).items():
        if len(set(axis)) > 1 and count > max(axis):  # an extent that never varies is not claimed for others
            return names[axis]
    return None


def _counted(tree: Tree, models: Sequence[Model], names: dict[Axis, str]) -> Counter[Axis]:
    """For each axis, how many bound indices run over it in one term."""
    match tree:
        case t.Reduction(body=body):
            own = _own(_extents(lambda model: inner_ranges(tree, model, {}), models), names)
            return own + _counted(body, models, names)
        case t.Product(factors=factors):
            return sum((_counted(factor, models, names) for _, factor in factors), Counter())
        case t.Power(base=base, exponent=t.Number() as exponent) if exponent.value.denominator == 1:
            times = min(abs(int(exponent.value)), _POWER)
            return Counter({axis: times * count for axis, count in _counted(base, models, names).items()})
    found: Counter[Axis] = Counter()
    for child in t.children(tree):
        found |= _counted(child, models, names)
    return found


def _own(extents: dict[str, Axis], names: dict[Axis, str]) -> Counter[Axis]:
    """How many of these indices run over each axis; one of them is kept as its name."""
    names.update({axis: name for name, axis in extents.items()})
    return Counter(extents.values())


def _extents(ranges: Callable[[Model], dict[str, range]], models: Sequence[Model]) -> dict[str, Axis]:
    """The extents of indices at all models, of those that have one at each."""
    try:
        found = [ranges(model) for model in models]
    except (ShapeClash, OutsideFamily, Unjudged):
        return {}
    common = [name for name in found[0] if all(name in each for each in found)]
    return {name: tuple(len(each[name]) for each in found) for name in common}
