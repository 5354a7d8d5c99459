"""
Backpropagation without autograd
================================

Course sheet 000, exercise 1, and course sheet 001, exercise 3. An arbitrary perceptron is trained without a call of
``backward()``: a page of NumPy, of which four lines are the mathematics.
"""

import inspect

from derive.subjects import perceptron

print(inspect.getsource(perceptron.sent_down))
print(inspect.getsource(perceptron.cross_entropy))

# %%
# The loss sends ``p - y`` to the last layer; the loop takes it down. Sizes, depth and activations are whatever the
# model has. Two spirals that no straight line separates:

import numpy as np

draw = np.random.default_rng(5)
angle = np.sqrt(draw.uniform(0.02, 1, size=400)) * 3 * np.pi
labels = draw.integers(0, 2, size=400)
turned = angle + np.pi * labels
x = np.stack([angle * np.cos(turned), angle * np.sin(turned)], axis=1) / 6 + 0.03 * draw.normal(size=(400, 2))

model = perceptron.Perceptron((2, 32, 32, 2), "tanh(z)", seed=3)
losses = perceptron.trained(model, x, labels, lr=0.2, epochs=600, batch=50)
accuracy = (model(x).argmax(axis=1) == labels).mean()
print(f"loss from {losses[0]:.3f} to {losses[-1]:.4f}, accuracy {accuracy:.1%}")

# %%
# What the network has learned, as the class it gives to every point of the plane:

import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
left.semilogy(losses)
left.set_xlabel("epoch")
left.set_ylabel("cross-entropy")
across = np.linspace(-2, 2, 120)
grid = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
right.contourf(across, across, model(grid).argmax(axis=1).reshape(120, 120), levels=1, alpha=0.3)
right.scatter(*x.T, c=labels, s=6)
right.set_aspect("equal")

# %%
# MNIST takes minutes, so its results are stored: test accuracies of 98 % with derived gradients, as with autograd. They
# are in the solution, with the commands that made them.

from derive.subjects.catalogue import document

document("mlp-without-autograd")

# %%
# How close are the gradients? Against the engine, and against torch's autograd where it is installed.

from importlib.util import find_spec

import derive
from derive.subjects.perceptron_peers import text_of

few = slice(0, 20)
loss, delta = perceptron.cross_entropy(model(x[few]), labels[few])
perceptron.sent_down(model, delta)
own = {f"W{k}": g for k, g in model.dL_dw.items()} | {f"b{k}": g for k, g in model.dL_db.items()}
arrays = {f"W{k}": w for k, w in model.w.items()} | {f"b{k}": b for k, b in model.b.items()}
answer = derive.grad(text_of(model, "cross-entropy"), list(arrays), values={**arrays, "x": x[few], "y": labels[few]})
far = max(abs(own[name] - answer[name].value).max() for name in arrays)
print(f"engine: {far:.1e}")
assert far < 1e-12 and accuracy > 0.95

if find_spec("torch") is None:
    print("torch is not installed: the comparison with autograd is left out")
else:
    import torch

    weights = {name: torch.tensor(value, requires_grad=True) for name, value in arrays.items()}
    a = torch.tensor(x[few])
    for layer in model.w:
        a = a @ weights[f"W{layer}"].T + weights[f"b{layer}"]
        a = torch.tanh(a) if layer < model.L else a
    torch.nn.functional.cross_entropy(a, torch.tensor(labels[few])).backward()
    far = max(abs(own[name] - weights[name].grad.numpy()).max() for name in arrays)
    print(f"autograd: {far:.1e}")
    assert far < 1e-12
