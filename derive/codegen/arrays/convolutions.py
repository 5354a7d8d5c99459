"""Contractions that a library has a kernel for: cross-correlation, its weight gradient, transposed correlation.

The roles of the axes are read off the operands, whatever they are called:

    image  (batch, group and channel, positions)     kernel  (group and out, channel, window)

A channel is summed, a group is kept by both. What is missing becomes an axis of length 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive import terms
from derive.bounds import is_nonnegative
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.products import Product, dense
from derive.codegen.arrays.relations import Relation
from derive.codegen.arrays.text import ATOM, bracketed, listed
from derive.codegen.arrays.values import REAL, AxisView, Operand, Value, View
from derive.integers import ZERO, Index, Integer, floor, integer

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


@dataclass(frozen=True, slots=True)
class Roles:
    """Axes by role, None where there is none; `window` and `positions` pair by pair."""

    batch: Index | None
    group: Index | None
    channel: Index | None
    out: Index | None


def correlation(low: Lowering, image: View, kernel: Operand, over: Sequence[Index]) -> Value | None:
    """sum over channel and window of image[stride*o + dilation*k - p] * kernel[k], or None where it is none."""
    slid = [place for place in image.places if len(place.steps) == 2 and not place.tiles]
    pairs = [_pair(low, place, kernel, over) for place in slid]
    if not 1 <= len(slid) <= 3 or any(pair is None for pair in pairs):
        return None
    found = [pair for pair in pairs if pair is not None]
    positions, window = [pair[0][0] for pair in found], [pair[1][0] for pair in found]
    roles = _roles(image.axes, kernel.axes, over, {*positions, *window})
    if roles is None:
        return None
    strides, dilations = [pair[0][1] for pair in found], [pair[1][1] for pair in found]
    weight = _weight_gradient(low, image, kernel, slid, roles, positions, window, strides, dilations)
    if weight is not None or not _is_stored_well(image, roles):
        return weight
    text, axes, padding = _trimmed(low, image, slid, positions, window, strides, dilations)
    shown = _image(low, Value(text, axes, ATOM, REAL, image.depth), image, roles, positions)
    weights = _kernel(low, kernel, roles, (roles.group, roles.out), roles.channel, window)
    options = _options(low, strides, padding, dilations, roles)
    call = f"F.conv{len(slid)}d({', '.join([shown, weights, *options])})"
    return _result(low, call, (roles.batch, roles.group, roles.out), positions, max(image.depth, _depth(kernel)))


def _pair(
    low: Lowering, place: AxisView, kernel: Operand, over: Sequence[Index]
) -> tuple[tuple[Index, Integer], tuple[Index, Integer]] | None:
    """(position, stride), (window, dilation): the window is summed with the kernel, the position is kept."""
    for position, window in (place.steps, place.steps[::-1]):
        slides = window[0] in over and position[0] not in over and position[0] not in kernel.axes
        if slides and all(c.is_nonnegative(step - 1, low.facts) for _, step in place.steps):
            return position, window
    return None


def _roles(image: Sequence[Index], kernel: Sequence[Index], over: Sequence[Index], spatial: set[Index]) -> Roles | None:
    """The roles of the axes that are not spatial; None where a role would be taken twice."""
    batch = [index for index in image if index not in kernel and index not in spatial]
    channel = [index for index in image if index in over and index not in spatial]
    group = [index for index in image if index in kernel and index not in over and index not in spatial]
    out = [index for index in kernel if index not in image and index not in spatial]
    if any(len(each) > 1 for each in (batch, channel, group, out)):
        return None
    return Roles(*(each[0] if each else None for each in (batch, group, channel, out)))


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
    from derive.codegen.arrays.views import materialised

    value = materialised(low, replace(image, places=tuple(map(_undivided, plain))))
    return value.text, value.axes, [each or ZERO for each in padding] if simple else [ZERO] * len(slid)


def _undivided(place: AxisView) -> AxisView:
    """An axis of groups and channels as the one axis that it is stored as."""
    if not place.tiles:
        return place
    return replace(place, steps=((place.steps[0][0], integer(1)),))


def _is_stored_well(image: View, roles: Roles) -> bool:
    """Whether axes that several indices share are positions and window, or the channels of all groups."""
    shared = [place for place in image.places if len(place.steps) > 2 or place.tiles]
    return all([index for index, _ in place.steps] == [roles.group, roles.channel] for place in shared)


def _image(low: Lowering, value: Value, view: View, roles: Roles, positions: Sequence[Index]) -> str:
    """(batch, group*channel, positions)."""
    joined = any(place.tiles for place in view.places)
    channels = (roles.group,) if joined else (roles.group, roles.channel)
    return _laid_out(low, value, (roles.batch,), channels, positions)


def _laid_out(
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
            whole = replace(kernel, places=tuple(_undivided(place) for place in kernel.places))
            return _laid_out(low, low.settled(whole), (roles.group,), (second,), window)
    return _laid_out(low, low.short(low.settled(kernel)), first, (second,), window)


def _options(
    low: Lowering, strides: Sequence[Integer], padding: Sequence[Integer], dilations: Sequence[Integer], roles: Roles
) -> list[str]:
    options = [("stride", strides, 1), ("padding", padding, 0), ("dilation", dilations, 1)]
    found = [f"{name}={_each(low, values)}" for name, values, usual in options if any(v != usual for v in values)]
    if roles.group is not None:
        found.append(f"groups={low.number(roles.group.extent)}")
    return found


def _each(low: Lowering, values: Sequence[Integer]) -> str:
    texts = [low.number(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else listed(texts)


def _result(low: Lowering, call: str, lead: Sequence[Index | None], positions: Sequence[Index], depth: int) -> Value:
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
    options = _options(low, dilations, [place.low for place in slid], strides, roles)
    call = ", ".join([image.name, listed(shape), kernel.name, *options])
    text = f"torch.nn.grad.conv{len(slid)}d_weight({call})"
    depth = max(image.depth, kernel.depth)
    axes = (*((roles.group,) if roles.group else ()), roles.out, roles.batch, *positions)
    if roles.group is None:
        return Value(text, axes, ATOM, REAL, depth)
    merged = (text, ((roles.group, roles.out), (roles.batch,), *((index,) for index in positions)))
    split = f"{text}.unflatten(0, ({low.number(roles.group.extent)}, {low.number(roles.out.extent)}))"
    return Value(split, axes, ATOM, REAL, depth, merged=merged)


# --- transposed -------------------------------------------------------------------------------------------------------


def transposed(
    low: Lowering, relations: Sequence[Relation], product: Product, known: tuple[c.Test, ...]
) -> tuple[Value, list[Relation]] | None:
    """sum over stride*x + dilation*k - p = m of image[x] * kernel[k], and the relations that it took care of."""
    if product.tests or not product.factors or any(index in low.scalars for index in product.indices):
        return None
    sorted_out = _sides(low, relations, product)
    if sorted_out is None:
        return None
    used, image_factors, kernel_factors = sorted_out
    images, kernels = [pair[0][0] for _, pair in used], [pair[1][0] for _, pair in used]
    sides = []
    for factors, other in ((image_factors, kernel_factors), (kernel_factors, image_factors)):
        outside = {index for factor in other for index in terms.free_indices(factor)}
        own = {index for factor in factors for index in terms.free_indices(factor)}
        bound = tuple(index for index in product.bound if index in own and index not in outside)
        side = Product(integer(1).value or 1, tuple(factors), bound, ())  # type: ignore[arg-type]
        if len(factors) == 1 and not bound and isinstance(factors[0], terms.Entry):
            sides.append(low.operand(factors[0], known))
        else:
            sides.append(low.real(dense(low, side, known)))
    image, kernel = sides
    over = [index for index in product.bound if index in image.axes and index in kernel.axes]
    roles = _roles(image.axes, kernel.axes, over, {*images, *kernels})
    unsummed = [index for index in product.bound if index not in over and index in (*image.axes, *kernel.axes)]
    if roles is None or unsummed or not set(images) <= set(image.axes) or not set(kernels) <= set(kernel.axes):
        return None
    shown = _stored(low, image, (roles.batch,), (roles.group, roles.channel), images)
    weights = _stored(low, kernel, (roles.group, roles.channel), (roles.out,), kernels)
    strides, dilations = [pair[0][1] for _, pair in used], [pair[1][1] for _, pair in used]
    paddings, extras, pads = [], [], []
    for relation, ((x, stride), (k, dilation)) in used:
        first = -(relation.constant + stride * x.lower + dilation * k.lower)
        full = stride * (x.extent - 1) + dilation * (k.extent - 1) + 1
        extra = relation.result.extent - full + 2 * first
        fine = all(is_nonnegative(each, low.facts) for each in (first, extra))
        room = [c.is_nonnegative(size - 1 - extra, low.facts) for size in (stride, dilation)]
        paddings.append(first if fine and any(room) else None)
        extras.append(extra)
        pads.append((low.number(-first), low.number(relation.result.extent - full + first)))
    simple = all(each is not None for each in paddings)
    options = _options(low, strides, [each or ZERO for each in paddings] if simple else [], dilations, roles)
    if simple and any(extra != 0 for extra in extras):
        place = next((k for k, each in enumerate(options) if each.startswith(("dilation", "groups"))), len(options))
        options.insert(place, f"output_padding={_each(low, extras)}")
    call = f"F.conv_transpose{len(used)}d({', '.join([shown, weights, *options])})"
    results = [relation.result for relation, _ in used]
    if not simple:
        call = low.dialect.padded(call, [("0", "0"), *pads])
    depth = max(image.depth, kernel.depth)
    value = _result(low, call, (roles.batch, roles.group, roles.out), results, depth)
    if product.number != 1:
        from derive.codegen.arrays.products import _quotient

        value = _quotient(low, product.number, [], value, [])
    return value, [relation for relation, _ in used]


Pair = tuple[tuple[Index, Integer], tuple[Index, Integer]]


def _sides(
    low: Lowering, relations: Sequence[Relation], product: Product
) -> tuple[list[tuple[Relation, Pair]], list[terms.Term], list[terms.Term]] | None:
    """The relations that slide a kernel over an image, and the factors of either; None where one belongs to both."""
    slid = [each for each in relations if len(each.members) == 2 and not _divides_channels(low, each, product)]
    if not 1 <= len(slid) <= 3 or any(not each.is_tiling and each not in slid for each in relations):
        return None
    free = [terms.free_indices(factor) for factor in product.factors]
    used: list[tuple[Relation, Pair]] = []
    for relation in sorted(slid, key=lambda each: low.rank(each.result)):
        image, kernel = sorted(relation.members, key=lambda each: _wideness(each[0], product))
        if not all(is_nonnegative(step - 1, low.facts) for _, step in (image, kernel)):
            return None
        used.append((relation, (image, kernel)))
    kernels = {kernel[0] for _, (_, kernel) in used}
    images = {image[0] for _, (image, _) in used}
    if any(found & kernels and found & images for found in free):
        return None
    kernel_factors = [factor for factor, found in zip(product.factors, free, strict=True) if found & kernels]
    image_factors = [factor for factor, found in zip(product.factors, free, strict=True) if not found & kernels]
    if not kernel_factors or not any(found & images for found in free):
        return None
    return used, image_factors, kernel_factors


def _wideness(index: Index, product: Product) -> tuple[int, bool]:
    """Images before kernels: those take more values; of equals, kernels are stored with a summed index first."""
    for factor in product.factors:
        if isinstance(factor, terms.Entry) and index in terms.free_indices(factor):
            return -c.estimate(index.extent), bool(set(factor.indices[0].indices) & set(product.bound))
    return -c.estimate(index.extent), False


def _divides_channels(low: Lowering, relation: Relation, product: Product) -> bool:
    """Whether a tiling is one of channels in groups: the outer digit stands in a factor with the inner one."""
    if not relation.is_tiling:
        return False
    members = {index for index, _ in relation.members}
    outer = max(relation.members, key=lambda each: c.estimate(each[1]))[0]
    having = [terms.free_indices(factor) & members for factor in product.factors]
    return any(found == members for found in having) or sum(outer in found for found in having) > 1


def _stored(
    low: Lowering,
    operand: Operand,
    first: Sequence[Index | None],
    second: Sequence[Index | None],
    rest: Sequence[Index],
) -> str:
    """The operand with axes (first, second, rest); groups are left as they are stored where they stand so."""
    if isinstance(operand, View):
        tiled = [place for place in operand.places if place.tiles]
        for part in (first, second):
            if len(tiled) == 1 and [index for index, _ in tiled[0].steps] == [i for i in part if i is not None]:
                whole = replace(operand, places=tuple(_undivided(place) for place in operand.places))
                short = [part[:1] if each is part else each for each in (first, second)]
                return _laid_out(low, low.settled(whole), short[0], short[1], rest)
    return _laid_out(low, low.short(low.settled(operand)), first, second, rest)
