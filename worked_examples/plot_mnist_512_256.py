"""
A perceptron 512-256 on MNIST
=============================

Course sheet 003, exercise 2: two hidden layers with relu, Adam at 0.001, batches of 100, ten epochs. The run takes two
minutes and needs the images, so its curves are stored; what runs here is the network itself, small.
"""

from derive.subjects import networks

network = networks.mlp((784, 512, 256, 10))
print(network.text)

# %%
# The stored curves. Training and validation part after the second epoch:

import matplotlib.pyplot as plt

from derive.solutions.blocks import stored

run = stored("mnist-again")
print(*run.commands, sep="\n")
rows = [[float(cell.removesuffix(" %")) for cell in row] for row in run.rows]
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for axes, columns, label in ((left, (1, 3), "cost"), (right, (2, 4), "accuracy in percent")):
    for column, name in zip(columns, ("training", "validation"), strict=True):
        axes.plot([row[0] for row in rows], [row[column] for row in rows], "o-", label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
right.legend()

# %%
# The whole page:

from derive.subjects.catalogue import document

document("mnist-512-256")

# %%
# How close are the gradients? A small network of the same kind, with numbers: the emitted code against the formulas.

import derive

small = networks.mlp((6, 5, 4, 3))
report = derive.grad(small.program, list(small.parameters)).check()
print(report)
assert report.passed
