"""What calls of a library's convolutions are made of: the roles of axes, operands laid out by role, options, answers.

    image  (batch, group and channel, positions)     kernel  (group and out, channel, window)

A channel is summed, a group is kept by both. What is missing becomes an axis of length 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive.codegen.arrays.text import ATOM, bracketed, listed
from derive.codegen.arrays.values import REAL, AxisView, Value
from derive.integers import Index, Integer, integer

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


@dataclass(frozen=True, slots=True)
class Roles:
    """Axes by role, None where there is none; `window` and `positions` pair by pair."""

    batch: Index | None
    group: Index | None
    channel: Index | None
    out: Index | None


def roles_of(
    image: Sequence[Index], kernel: Sequence[Index], over: Sequence[Index], spatial: set[Index]
) -> Roles | None:
    """The roles of the axes that are not spatial; None where a role would be taken twice."""
    batch = [index for index in image if index not in kernel and index not in spatial]
    channel = [index for index in image if index in over and index not in spatial]
    group = [index for index in image if index in kernel and index not in over and index not in spatial]
    out = [index for index in kernel if index not in image and index not in spatial]
    if any(len(each) > 1 for each in (batch, channel, group, out)):
        return None
    return Roles(*(each[0] if each else None for each in (batch, group, channel, out)))


def undivided(place: AxisView) -> AxisView:
    """An axis of groups and channels as the one axis that it is stored as."""
    if not place.tiles:
        return place
    return replace(place, steps=((place.steps[0][0], integer(1)),))


def laid_out(
    low: Lowering, value: Value, first: Sequence[Index | None], second: Sequence[Index | None], rest: Sequence[Index]
) -> str:
    """The value with axes (first, second, rest), several of one merged, none of one an axis of length 1."""
    wanted = [[index for index in part if index is not None] for part in (first, second)]
    order = [*wanted[0], *wanted[1], *rest]
    value = low.solid(low.real(low.aligned(value, order, whole=False)))
    text = bracketed(value.text, value.level, ATOM)
    axis = 0
    for part in wanted:
        if len(part) == 2:
            text += f".flatten({axis}, {axis + 1})"
        axis += bool(part)
    lacking = [not part for part in wanted]
    if any(lacking):
        text += "[None, None]" if all(lacking) else "[None]" if lacking[0] else "[:, None]"
    return text


def options_text(
    low: Lowering, strides: Sequence[Integer], padding: Sequence[Integer], dilations: Sequence[Integer], roles: Roles
) -> list[str]:
    options = [("stride", strides, 1), ("padding", padding, 0), ("dilation", dilations, 1)]
    found = [f"{name}={per_axis(low, values)}" for name, values, usual in options if any(v != usual for v in values)]
    if roles.group is not None:
        found.append(f"groups={low.number(roles.group.extent)}")
    return found


def per_axis(low: Lowering, values: Sequence[Integer]) -> str:
    texts = [low.number(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else listed(texts)


def answered(low: Lowering, call: str, lead: Sequence[Index | None], positions: Sequence[Index], depth: int) -> Value:
    """What a kernel answers, over the axes that are there; axes of length 1 are dropped."""
    batch, group, out = lead
    if group is None:
        places = [str(0) if index is None else ":" for index in (batch, out)]
        while places and places[-1] == ":":
            places.pop()
        text = call + (f"[{', '.join(places)}]" if places else "")
        return Value(text, tuple(index for index in (batch, out, *positions) if index is not None), ATOM, REAL, depth)
    text = call if batch is not None else f"{call}[0]"
    axis = 0 if batch is None else 1
    axes = tuple(index for index in (batch, group, out, *positions) if index is not None)
    if out is None:
        return Value(text, axes, ATOM, REAL, depth)
    lead_axes = ((batch,),) if batch is not None else ()
    whole = (text, (*lead_axes, (group, out), *((index,) for index in positions)))
    split = f"{text}.unflatten({axis}, ({low.number(group.extent)}, {low.number(out.extent)}))"
    return Value(split, axes, ATOM, REAL, depth, merged=whole)
