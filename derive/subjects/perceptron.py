"""Backpropagation in a multilayer perceptron, by hand in NumPy.

Any sizes, no autograd: equations (4) to (7) of INF265's first project,
for a batch whose rows are samples. `derive solve mlp` derives them, and
`derive solve backpropagation` holds this code against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import derive

Array = NDArray[Any]
Layers = dict[int, Array]


class Perceptron:
    """Dense layers with an activation behind each.

    sizes : units from the input n[0] to the output n[L].
    activation, output : of hidden layers and of the last, in the plain
        notation as functions of z; "z" is none.
    w[l] is (n[l], n[l-1]) and b[l] is (n[l],), l from 1.
    a[l] and z[l], after a call, are (samples, n[l]); a[0] is the input.
    dL_dw and dL_db have the shapes of w and b.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "tanh(z)",
        output: str = "z",
        *,
        seed: int = 0,
    ) -> None:
        self.sizes, self.L = tuple(sizes), len(sizes) - 1
        draw = np.random.default_rng(seed)
        self.w: Layers = {}
        self.b: Layers = {}
        self.texts: dict[int, str] = {}
        for layer in range(1, self.L + 1):
            shape = (sizes[layer], sizes[layer - 1])
            scale = np.sqrt(2 / sizes[layer - 1])
            self.w[layer] = draw.normal(scale=scale, size=shape)
            self.b[layer] = np.zeros(sizes[layer])
            self.texts[layer] = activation if layer < self.L else output
        # value and slope of an activation, as the engine derives them
        texts = {activation, output}
        emitted = {text: derive.to_numpy(text) for text in texts}
        self.f = {layer: emitted[text] for layer, text in self.texts.items()}
        self.a: Layers = {}
        self.z: Layers = {}
        self.dL_dw: Layers = {}
        self.dL_db: Layers = {}

    def __call__(self, x: Array) -> Array:
        """The forward pass; it keeps what the sweep needs."""
        self.a[0] = x
        for layer in range(1, self.L + 1):
            self.z[layer] = self.a[layer - 1] @ self.w[layer].T + self.b[layer]
            self.a[layer] = np.asarray(self.f[layer](self.z[layer])[0])
        return self.a[self.L]

    def slope(self, layer: int) -> Array:
        """f'(z) of a layer."""
        return np.asarray(self.f[layer](self.z[layer])[1][0])


def backpropagation(model: Perceptron, y_true: Array, y_pred: Array) -> None:
    """Fill model.dL_dw and model.dL_db, after a forward pass.

    The loss: squared errors, added over outputs, averaged over samples.
    """
    error = -2 * (y_true - y_pred) / len(y_true)
    sent_down(model, error * model.slope(model.L))  # (5)


def sent_down(model: Perceptron, delta: Array) -> None:
    """The sweep from the last layer down, given its error signal."""
    for layer in range(model.L, 0, -1):
        model.dL_dw[layer] = delta.T @ model.a[layer - 1]  # (4)
        model.dL_db[layer] = delta.sum(axis=0)  # (7)
        if layer > 1:
            delta = (delta @ model.w[layer]) * model.slope(layer - 1)  # (6)


def cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """Mean cross-entropy of softmax, and its gradient (p - y)/samples."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = np.exp(shifted).sum(axis=1, keepdims=True)
    logs = shifted - np.log(total)
    rows = np.arange(len(labels))
    delta = np.exp(logs)
    delta[rows, labels] -= 1
    return float(-logs[rows, labels].mean()), delta / len(labels)


def trained(
    model: Perceptron,
    x: Array,
    labels: Array,
    *,
    lr: float,
    epochs: int,
    batch: int = 64,
) -> list[float]:
    """Gradient descent on the cross-entropy; each epoch's mean loss."""
    losses = []
    for _ in range(epochs):
        found = []
        for first in range(0, len(x), batch):
            some = slice(first, first + batch)
            loss, delta = cross_entropy(model(x[some]), labels[some])
            sent_down(model, delta)
            for layer in model.w:
                model.w[layer] -= lr * model.dL_dw[layer]
                model.b[layer] -= lr * model.dL_db[layer]
            found.append(loss)
        losses.append(float(np.mean(found)))
    return losses
