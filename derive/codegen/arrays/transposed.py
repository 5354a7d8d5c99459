"""Transposed correlations: every entry of an image sends its multiple of the kernel, so many steps apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from derive import terms
from derive.bounds import is_nonnegative
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.products import Product, dense, quotient
from derive.codegen.arrays.relations import Relation
from derive.codegen.arrays.roles import answered, laid_out, options_text, per_axis, roles_of, undivided
from derive.codegen.arrays.values import Operand, Value, View
from derive.integers import ZERO, Index, Integer, integer

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering


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
    roles = roles_of(image.axes, kernel.axes, over, {*images, *kernels})
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
    options = options_text(low, strides, [each or ZERO for each in paddings] if simple else [], dilations, roles)
    if simple and any(extra != 0 for extra in extras):
        place = next((k for k, each in enumerate(options) if each.startswith(("dilation", "groups"))), len(options))
        options.insert(place, f"output_padding={per_axis(low, extras)}")
    call = f"F.conv_transpose{len(used)}d({', '.join([shown, weights, *options])})"
    results = [relation.result for relation, _ in used]
    if not simple:
        call = low.dialect.padded(call, [("0", "0"), *pads])
    depth = max(image.depth, kernel.depth)
    value = answered(low, call, (roles.batch, roles.group, roles.out), results, depth)
    if product.number != 1:
        value = quotient(low, product.number, [], value, [])
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
                whole = replace(operand, places=tuple(undivided(place) for place in operand.places))
                short = [part[:1] if each is part else each for each in (first, second)]
                return laid_out(low, low.settled(whole), short[0], short[1], rest)
    return laid_out(low, low.short(low.settled(operand)), first, second, rest)
