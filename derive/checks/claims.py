"""Claims about a whole result, run: that it is a convolution with these numbers, that it has this matrix form.

The claim of a convolution is carried out as it is said - zeros put between the entries, zeros added around or rows cut
off, the kernel flipped, windows of the padded image against the kernel - and held against the equation's own values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derive import terms
from derive.evaluation import Environment, value_of
from derive.integers import Index, Integer, integer
from derive.rules.patterns import Convolution
from derive.terms import Entry, Guard, multiply, total

Array = np.ndarray[Any, Any]


def number_of(expression: Integer, environment: Environment) -> int:
    """An integer expression in sizes, as a number."""
    return int(value_of(terms.whole(expression), (), environment))


def prepared_image(found: Convolution, environment: Environment) -> Array:
    """The image with zeros between its entries and around it, as the claim says."""
    image: Array = environment.read(found.image.array).array
    for axis in found.axes:
        stuffing = number_of(axis.input_dilation, environment)
        before, after = number_of(axis.before, environment), number_of(axis.after, environment)
        image = np.moveaxis(image, axis.image_axis, 0)
        stuffed = np.zeros((stuffing * (len(image) - 1) + 1, *image.shape[1:]))
        stuffed[::stuffing] = image
        padded = np.pad(stuffed, [(max(before, 0), max(after, 0)), *[(0, 0)] * (stuffed.ndim - 1)])
        padded = padded[max(-before, 0) : len(padded) - max(-after, 0)]
        image = np.moveaxis(padded, 0, axis.image_axis)
    return image


def claimed_values(found: Convolution, environment: Environment) -> Array:
    """What the claim says the equation is worth, on the arrays of an environment."""
    image, kernel = prepared_image(found, environment), environment.read(found.kernel.array).array
    for axis in found.axes:
        if axis.flipped:
            kernel = np.flip(kernel, axis.kernel_axis)
    own = found.equation.indices
    at_image, at_kernel = list(found.image.indices), list(found.kernel.indices)
    sliding: list[Index] = []
    for axis in found.axes:
        k = Index("k", axis.window)
        sliding.append(k)
        at_image[axis.image_axis] = axis.stride * integer(axis.result) + axis.kernel_dilation * integer(k)
        at_kernel[axis.kernel_axis] = integer(k)
    inner = Environment(environment.sizes, dict(environment.stored), environment.equations, environment.scaled)
    inner.put(_head("image", image.shape), image)
    inner.put(_head("kernel", kernel.shape), kernel)
    read = frozenset(index for part in (*at_image, *at_kernel) for index in part.indices)
    channels = [index for index in _bound(found) if index in read and index not in sliding and index not in own]
    guards = [guard for guard in _guards(found) if terms.free_indices(guard) <= {*own, *channels}]
    body = multiply(*guards, Entry("image", tuple(at_image)), Entry("kernel", tuple(at_kernel)))
    return np.asarray(value_of(total([*channels, *sliding], body), own, inner))


def _head(name: str, shape: tuple[int, ...]) -> Entry:
    return Entry(name, tuple(integer(Index("i", extent)) for extent in shape))


def _bound(found: Convolution) -> list[Index]:
    return [index for node in terms.walk(found.equation.term) for index in terms.bound_in(node)]


def _guards(found: Convolution) -> list[Guard]:
    """Guards on channels, such as that of a group; those on the windows are what the padding says instead."""
    spatial = {axis.result for axis in found.axes}
    return [
        node
        for node in terms.walk(found.equation.term)
        if isinstance(node, Guard) and terms.free_indices(node).isdisjoint(spatial)
    ]
