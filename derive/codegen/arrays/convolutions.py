"""Contractions that a library has a kernel for: cross-correlation, its weight gradient, transposed correlation.

The roles of the axes are read off the operands, whatever they are called (see roles.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.roles import Roles, answered, laid_out, options_text, roles_of, undivided
from derive.codegen.arrays.text import ATOM, listed
from derive.codegen.arrays.values import REAL, AxisView, Operand, Value, View
from derive.codegen.arrays.views import materialised
from derive.integers import ZERO, Index, Integer, floor, integer

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


def correlation(low: Lowering, image: View, kernel: Operand, over: Sequence[Index]) -> Value | None:
    """sum over channel and window of image[stride*o + dilation*k - p] * kernel[k], or None where it is none."""
    slid = [place for place in image.places if len(place.steps) == 2 and not place.tiles]
    pairs = [_pair(low, place, kernel, over) for place in slid]
    if not 1 <= len(slid) <= 3 or any(pair is None for pair in pairs):
        return None
    found = [pair for pair in pairs if pair is not None]
    positions, window = [pair[0][0] for pair in found], [pair[1][0] for pair in found]
    roles = roles_of(image.axes, kernel.axes, over, {*positions, *window})
    if roles is None:
        return None
    strides, dilations = [pair[0][1] for pair in found], [pair[1][1] for pair in found]
    weight = _weight_gradient(low, image, kernel, slid, roles, positions, window, strides, dilations)
    if weight is not None or not _is_stored_well(image, roles):
        return weight
    text, axes, padding = _trimmed(low, image, slid, positions, window, strides, dilations)
    shown = _image(low, Value(text, axes, ATOM, REAL, image.depth), image, roles, positions)
    weights = _kernel(low, kernel, roles, (roles.group, roles.out), roles.channel, window)
    options = options_text(low, strides, padding, dilations, roles)
    call = f"F.conv{len(slid)}d({', '.join([shown, weights, *options])})"
    return answered(low, call, (roles.batch, roles.group, roles.out), positions, max(image.depth, _depth(kernel)))


def _pair(
    low: Lowering, place: AxisView, kernel: Operand, over: Sequence[Index]
) -> tuple[tuple[Index, Integer], tuple[Index, Integer]] | None:
    """(position, stride), (window, dilation): the window is summed with the kernel, the position is kept."""
    for position, window in (place.steps, place.steps[::-1]):
        slides = window[0] in over and position[0] not in over and position[0] not in kernel.axes
        if slides and all(c.is_nonnegative(step - 1, low.facts) for _, step in place.steps):
            return position, window
    return None


def _trimmed(
    low: Lowering,
    image: View,
    slid: Sequence[AxisView],
    positions: Sequence[Index],
    window: Sequence[Index],
    strides: Sequence[Integer],
    dilations: Sequence[Integer],
) -> tuple[str, tuple[Index, ...], list[Integer]]:
    """The image as it is given to the library, along positions; and the padding that the library adds itself."""
    padding = []
    for place, position, inner, stride, dilation in zip(slid, positions, window, strides, dilations, strict=True):
        spare = place.extent + 2 * place.low - dilation * (inner.extent - 1) - 1
        whole = place.start == 0 and place.stop == place.extent
        fits = floor(spare, stride) + 1 == position.extent
        padding.append(place.low if whole and fits and place.first == -place.low else None)
    simple = all(each is not None for each in padding)
    plain = []
    for place in image.places:
        if len(place.steps) == 2 and not place.tiles:
            position = next(index for index, _ in place.steps if index in positions)
            place = replace(place, steps=((position, integer(1)),))
            if simple:  # the whole axis: the kernel pads it
                place = replace(place, first=ZERO, last=place.extent - 1, origin=ZERO, low=ZERO, high=ZERO)
        plain.append(place)
    value = materialised(low, replace(image, places=tuple(map(undivided, plain))))
    return value.text, value.axes, [each or ZERO for each in padding] if simple else [ZERO] * len(slid)


def _is_stored_well(image: View, roles: Roles) -> bool:
    """Whether axes that several indices share are positions and window, or the channels of all groups."""
    shared = [place for place in image.places if len(place.steps) > 2 or place.tiles]
    return all([index for index, _ in place.steps] == [roles.group, roles.channel] for place in shared)


def _image(low: Lowering, value: Value, view: View, roles: Roles, positions: Sequence[Index]) -> str:
    """(batch, group*channel, positions)."""
    joined = any(place.tiles for place in view.places)
    channels = (roles.group,) if joined else (roles.group, roles.channel)
    return laid_out(low, value, (roles.batch,), channels, positions)


def _kernel(
    low: Lowering,
    kernel: Operand,
    roles: Roles,
    first: Sequence[Index | None],
    second: Index | None,
    window: Sequence[Index],
) -> str:
    """(group*out, channel, window) from the other operand, as it is stored where it is stored so."""
    if isinstance(kernel, View):
        tiled = [place for place in kernel.places if place.tiles]
        if len(tiled) == 1 and [index for index, _ in tiled[0].steps] == list(first):
            whole = replace(kernel, places=tuple(undivided(place) for place in kernel.places))
            return laid_out(low, low.settled(whole), (roles.group,), (second,), window)
    return laid_out(low, low.short(low.settled(kernel)), first, (second,), window)


def _depth(operand: Operand) -> int:
    return operand.depth


# --- weight gradient --------------------------------------------------------------------------------------------------


def _weight_gradient(
    low: Lowering,
    image: View,
    kernel: Operand,
    slid: Sequence[AxisView],
    roles: Roles,
    positions: Sequence[Index],
    window: Sequence[Index],
    strides: Sequence[Integer],
    dilations: Sequence[Integer],
) -> Value | None:
    """sum over batch and outputs of X[n, c, s*i + d*k - p] * G[n, o, i]: stored as they are, X and G need no turning.

    Here the sum over n is the kernel's channel, c its batch, the outputs i are its window.
    """
    if roles.channel is None or roles.batch is None or roles.out is None or not isinstance(kernel, View):
        return None
    order = [roles.channel, *((roles.group,) if roles.group else ()), roles.batch, *positions]
    stored = [index for place in image.places for index, _ in place.steps if index not in window]
    others = [roles.channel, *((roles.group,) if roles.group else ()), roles.out, *window]
    if stored != order or list(kernel.axes) != others or not all(p.is_plain or p.tiles for p in kernel.places):
        return None
    grouped = [place for place in (*image.places, *kernel.places) if len(place.steps) == 2 and place not in slid]
    if len(grouped) != (2 if roles.group else 0) or not all(place.tiles for place in grouped):
        return None
    for place, position, inner, stride, dilation in zip(slid, positions, window, dilations, strides, strict=True):
        # the forward pass has as many outputs as the window here has entries
        spare = place.extent + 2 * place.low - dilation * (position.extent - 1) - 1
        if floor(spare, stride) + 1 != inner.extent or place.first != -place.low:
            return None
        if place.start != 0 or place.stop != place.extent:
            return None
    if not all(place.is_plain or place.tiles or place in slid for place in image.places):
        return None
    outs = roles.out.extent * (roles.group.extent if roles.group else 1)
    shape = [low.number(extent) for extent in (outs, roles.batch.extent, *(i.extent for i in positions))]
    options = options_text(low, dilations, [place.low for place in slid], strides, roles)
    call = ", ".join([image.name, listed(shape), kernel.name, *options])
    text = f"torch.nn.grad.conv{len(slid)}d_weight({call})"
    depth = max(image.depth, kernel.depth)
    axes = (*((roles.group,) if roles.group else ()), roles.out, roles.batch, *positions)
    if roles.group is None:
        return Value(text, axes, ATOM, REAL, depth)
    merged = (text, ((roles.group, roles.out), (roles.batch,), *((index,) for index in positions)))
    split = f"{text}.unflatten(0, ({low.number(roles.group.extent)}, {low.number(roles.out.extent)}))"
    return Value(split, axes, ATOM, REAL, depth, merged=merged)
