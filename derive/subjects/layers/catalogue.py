"""All layers by name."""

from __future__ import annotations

from collections.abc import Mapping

from derive.errors import UsageError
from derive.subjects.layers import (
    activations,
    arithmetic,
    attention,
    convolutions,
    dense,
    losses,
    matrix,
    normalisation,
    optimisers,
    pooling,
    recurrent,
)
from derive.subjects.layers.layer import Layer
from derive.words import nearest

#: Families in the order in which a list shows them: heading -> its layers.
FAMILIES: Mapping[str, tuple[Layer, ...]] = {
    "convolutions": convolutions.LAYERS,
    "pooling": pooling.LAYERS,
    "dense layers": dense.LAYERS,
    "normalisation": normalisation.LAYERS,
    "attention": attention.LAYERS,
    "recurrent networks": recurrent.LAYERS,
    "activations": activations.LAYERS,
    "losses": losses.LAYERS,
    "matrix identities": matrix.LAYERS,
    "arithmetic": arithmetic.LAYERS,
    "optimisers": optimisers.LAYERS,
}

LAYERS: Mapping[str, Layer] = {layer.name: layer for family in FAMILIES.values() for layer in family}

#: Other names for the same rows.
ALIASES = {
    "conv": "conv2d",
    "conv_transpose": "conv_transpose2d",
    "max_pool": "max_pool2d",
    "avg_pool": "avg_pool2d",
    "cross_entropy": "softmax_cross_entropy",
    "mse": "squared_error",
    "sgd": "gradient_descent",
}


def find_layer(name: str) -> Layer:
    """The layer of that name; - and _ are the same. Raises UsageError with the nearest name."""
    key = name.replace("-", "_").lower()
    layer = LAYERS.get(ALIASES.get(key, key))
    if layer is None:
        close = nearest(key, (*LAYERS, *ALIASES))
        hint = f"did you mean {close}?" if close else f"there are {', '.join(LAYERS)}"
        raise UsageError(f"no layer is called {name}; {hint}")
    return layer
