"""
The function backpropagation
============================

INF265, project 1, section 2: a function that fills ``dL_dw`` and ``dL_db`` of a perceptron, by equations (4) to (7).
Four lines do the work, one for each equation.
"""

import inspect

from derive.subjects import perceptron

print(inspect.getsource(perceptron.backpropagation))
print(inspect.getsource(perceptron.sent_down))

# %%
# Read it from the bottom of the network's point of view: ``delta`` says how much the loss changes with what a layer
# computed. Multiplied by what the layer read it is the gradient of the weights; sent through the weights it is what the
# layer below wants to know.

import numpy as np

model = perceptron.Perceptron((3, 4, 2), "tanh(z)", seed=1)
draw = np.random.default_rng(0)
x, y = draw.normal(size=(1, 3)), draw.normal(size=(1, 2))
perceptron.backpropagation(model, y, model(x))
print(model.dL_dw[1])

# %%
# The whole solution, with the derivation of the matrix form and the version for torch:

from derive.subjects.catalogue import document

document("backpropagation")

# %%
# How close is it? Against the engine's own gradients of the same network, and against central differences, which know
# nothing of backpropagation.

import derive
from derive.subjects.perceptron_peers import differences, text_of

arrays = {f"W{k}": value for k, value in model.w.items()} | {f"b{k}": value for k, value in model.b.items()}
derived = derive.grad(text_of(model), list(arrays), values={**arrays, "x": x, "y": y})
own = {f"W{k}": value for k, value in model.dL_dw.items()} | {f"b{k}": value for k, value in model.dL_db.items()}
engine = max(abs(own[name] - derived[name].value).max() for name in arrays)
slopes = max(abs(own[name] - differences(model, x, y)[name.lower()]).max() for name in arrays)
print(f"engine: {engine:.1e}, central differences: {slopes:.1e}")
assert engine < 1e-12 and slopes < 1e-7
