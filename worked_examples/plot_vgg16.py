"""
VGG-16 for images of 32 x 32
============================

Course sheet 003, exercise 3. Thirteen convolutions, five poolings, three dense layers; with dropout and batch
normalisation for the last part. Training it takes a GPU or patience, so the figures are stored.
"""

from derive.solutions.vgg_network import layers
from derive.subjects import review, vgg

network = vgg.vgg()
for what, shape, count in layers(network):
    print(f"{what:14} {' x '.join(map(str, shape)):>14} {count:>10,}")
total = sum(review.parameter_counts(network).values())
print(f"{total:,} parameters")

# %%
# With dropout and batch normalisation the program has two more lines a layer, and the masks as inputs:

regular = vgg.vgg((3, 4, 4), (2,), classes=3, batchnorm=True, dropout=True)
print(regular.text)

# %%
# The page, with what was trained, how far, and six images with their probabilities:

from derive.subjects.catalogue import document

document("vgg16")

# %%
# The six images, with the probabilities of the small network:

from pathlib import Path

import matplotlib.pyplot as plt

picture = Path(__file__).parent.parent / "docs" / "images" / "vgg16-examples.png"
figure, axes = plt.subplots(figsize=(8, 6), layout="constrained")
axes.imshow(plt.imread(picture))
axes.set_axis_off()

# %%
# How close are the gradients? A network of one block, every step of whose derivation is run, and whose code is held
# against the formulas:

import derive

small = vgg.vgg((1, 4, 4), (2,), classes=2)
report = derive.grad(small.program, list(small.parameters)).check()
print(report)
assert report.passed
assert total == 15_245_130
