"""
Grad-CAM: where does a network look?
====================================

Course sheet 000, exercise 3. The score of one class is differentiated by the feature maps of the last convolution;
averaged over the positions, the derivatives are the weights of the maps.
"""

from derive.answers import plain
from derive.subjects import gradcam

for head in gradcam.HEADS:
    made = gradcam.gradcam(head)
    print(f"{head}:", plain(made.weights), "  ", plain(made.heatmap))

# %%
# For global average pooling the weights are those of the dense layer, divided by the number of positions: CAM. For a
# dense layer on all positions, the mean throws away that weights differ from place to place. An example where this
# matters: one feature map, a class that likes the feature on the left and dislikes it on the right.

import numpy as np

A = np.zeros((1, 6, 6))
A[0, 2:4, 0:2] = 1
A[0, 2:4, 4:6] = 1
w = np.ones((1, 1, 6, 6))
w[..., 3:] = -1.1
alpha = w.mean(axis=(2, 3))
averaged = np.maximum(np.einsum("ck,kij->cij", alpha, A), 0)
unaveraged = np.maximum(np.einsum("ckij,kij->cij", w, A), 0)

import matplotlib.pyplot as plt

figure, panels = plt.subplots(1, 3, figsize=(8, 2.6), layout="constrained")
for axes, image, title in zip(panels, (A[0], averaged[0], unaveraged[0]),
                              ("feature map", "Grad-CAM", "without the mean"), strict=True):  # fmt: skip
    axes.imshow(image, vmin=0, vmax=1)
    axes.set_title(title)
    axes.set_axis_off()

# %%
# Grad-CAM shows nothing at all: the mean weight is negative. Without the mean the left blot stays. On Fashion-MNIST
# this is what happens, too; the analysis with its figures is stored, with the commands that made them.

from derive.subjects.catalogue import document

document("gradcam-analysis")

# %%
# The samples of each class with their maps, as that run drew them:

from pathlib import Path

picture = Path(__file__).parent.parent / "docs" / "images" / "gradcam-fashion.png"
figure, axes = plt.subplots(figsize=(8, 8), layout="constrained")
axes.imshow(plt.imread(picture))
axes.set_axis_off()

# %%
# And the derivation, for three heads:

document("gradcam")

# %%
# How close? The weights by the derived formula, against central differences of a class score, with a hidden layer.

draw = np.random.default_rng(0)
K, H, W, D = 2, 3, 4, 5
A, u, d, v = (draw.normal(size=shape) for shape in ((K, H, W), (D, K, H, W), (D,), (D,)))


def score(A):
    return v @ np.maximum(np.einsum("pkij,kij->p", u, A) + d, 0)


active = np.einsum("pkij,kij->p", u, A) + d > 0
weights = np.einsum("p,p,pkij->k", v, active, u) / (H * W)
slopes = np.zeros(K)
for k in range(K):  # the mean over positions is the derivative by all of them moved together
    shift = np.zeros_like(A)
    shift[k] = 1e-6
    slopes[k] = (score(A + shift) - score(A - shift)) / 2e-6 / (H * W)
print(f"differences agree to {abs(weights - slopes).max():.1e}")
assert abs(weights - slopes).max() < 1e-8
assert averaged.max() == 0 and unaveraged[0, :, :2].max() == 1 and unaveraged[0, :, 3:].max() == 0
