"""What the perceptron written by hand is held against: the same network as equations, and central differences."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from derive.subjects.perceptron import Array, Perceptron


def text_of(model: Perceptron, loss: str = "squared-error") -> str:
    """The model with a loss, as equations for the engine: "squared-error", or "cross-entropy" of labels y[s]."""
    sizes, lines = model.sizes, [f"x : N x {model.sizes[0]}"]
    for layer, (inputs, outputs) in enumerate(pairwise(sizes), 1):
        lines += [f"W{layer} : {outputs} x {inputs}", f"b{layer} : {outputs}"]
    before = "x"
    for layer, text in model.texts.items():
        lines.append(f"z{layer}[s, i] = sum(j) {before}[s, j]*W{layer}[i, j] + b{layer}[i]")
        lines.append(f"a{layer}[s, i] = {text.replace('z', f'z{layer}[s, i]')}")
        before = f"a{layer}"
    if loss == "squared-error":
        lines += [f"y : N x {sizes[-1]}", f"L = (sum(s, i) (y[s, i] - {before}[s, i])^2)/N"]
    else:
        lines += ["y : N", f"q[s, i] = {before}[s, i] - log(sum(j) exp({before}[s, j]))", "L = -(sum(s) q[s, y[s]])/N"]
    return "\n".join([*lines, "loss L"]) + "\n"


def differences(model: Perceptron, x: Array, y: Array, step: float = 1e-5) -> dict[str, Array]:
    """dL/dw and dL/db of the squared error by central differences, two forward passes an entry: "w1" -> array."""
    found = {}
    for letter, arrays in (("w", model.w), ("b", model.b)):
        for layer, array in arrays.items():
            slopes = np.zeros_like(array)
            for place in np.ndindex(array.shape):
                kept, sides = array[place], []
                for moved in (kept + step, kept - step):
                    array[place] = moved
                    sides.append(float(((y - model(x)) ** 2).sum() / len(x)))
                array[place] = kept
                slopes[place] = (sides[0] - sides[1]) / (2 * step)
            found[f"{letter}{layer}"] = slopes
    return found
