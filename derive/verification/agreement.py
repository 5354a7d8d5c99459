"""Whether a statement holds at one model, by residues of whole arrays: a quick yes, or nothing said.

Yes means what it means in `derive.verification.deciding`: both sides have equal residues at all draws, and the left
side has a value. Whatever is not so, or does not fit into arrays, is left to the graph of scalars.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.errors import DeriveError
from derive.tree import Tree
from derive.verification.arrays import Array, Arrays
from derive.verification.graph import UndefinedNode
from derive.verification.model import Model
from derive.verification.ranges import bound_names
from derive.verification.shaped import OutsideFamily, ShapeClash, Unjudged
from derive.verification.statements import blocks
from derive.verification.tables import Unfit, Values, chance

_UNFIT = (Unfit, Unjudged, ShapeClash, UndefinedNode, DeriveError, RecursionError)


def agreed(left: Tree, right: Tree, conditions: Sequence[Tree], model: Model) -> float | None:
    """log10 of the probability that a statement which was found to hold is false; None where nothing is said."""
    if model.is_brief or (not model.families and not any(array.rank for array in model.arrays.values())):
        return None  # that, and scalars, are quicker on the graph
    count, degree = 0, 1.0
    try:
        outcomes: dict[Tree, set[bool]] = {}
        for one, other, mask in _sides(left, right, conditions, model, outcomes):
            differs = one.data != other.data
            if differs.any() and (differs & mask).any():
                return None
            count += differs.size
            degree = max(degree, one.degree, other.degree)
    except _UNFIT:
        return None
    if not count or any(len(each) < 2 for each in outcomes.values()):
        return None  # a condition that is the same everywhere is a hazard
    for condition, each in outcomes.items():
        model.meaning.outcomes.setdefault(condition, set()).update(each)
    return chance(count, degree)


def _sides(
    left: Tree, right: Tree, conditions: Sequence[Tree], model: Model, outcomes: dict[Tree, set[bool]]
) -> Iterator[tuple[Array, Array, Values]]:
    """Both sides for each member of a family, and where the conditions hold; the left side must have a value."""
    bound = (*bound_names(left), *bound_names(right))
    for env, spans in blocks((left, right), conditions, model):
        letters = list(dict.fromkeys((*spans, *bound)))
        if any(letter in model.sizes or model.lookup(letter) is not None for letter in letters):
            raise Unfit
        arrays = Arrays(model, model.residual, letters)
        at = env | {letter: arrays.along(letter, span) for letter, span in spans.items()}
        arrays.outcomes = outcomes
        mask = arrays.all
        truths = [held for condition in conditions if (held := arrays.held(condition, at)) is not None]
        if len(truths) < len(conditions):
            raise Unfit
        arrays.note(conditions, truths, mask)
        for held in truths:
            mask = mask & held
        if not mask.any():
            continue
        model.meaning.sums.free = frozenset(at)
        try:
            arrays.checked = True
            one = arrays.value(left, at, mask)
            arrays.checked = False
            other = arrays.value(right, at, mask)
        except OutsideFamily:
            continue  # nothing is said of a member that does not exist
        finally:
            model.meaning.sums.free = frozenset()
        if one.shape != other.shape or (one.row != other.row and one.shape != (1,)):
            raise Unfit
        yield one, other, mask.reshape((1, *mask.shape) + (1,) * len(one.shape))
