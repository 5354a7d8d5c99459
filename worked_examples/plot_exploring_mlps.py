"""
Which perceptron? Variants, curves and a table
==============================================

Course sheet 001, exercise 2: split, train several variants, tune the learning rate of each, compare by validation
accuracy, and look at the test images once. Here the same is done in seconds on points in the plane; the run on MNIST is
stored, and comes below.
"""

import numpy as np

from derive.subjects.perceptron import Perceptron, cross_entropy, trained

draw = np.random.default_rng(1)


def rings(count):
    """Points in three rings, and the ring of each."""
    label = draw.integers(0, 3, size=count)
    radius, angle = label + 1 + 0.25 * draw.normal(size=count), draw.uniform(0, 2 * np.pi, size=count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), label


training, validation, test = rings(600), rings(300), rings(300)


def accuracy(model, data):
    return (model(data[0]).argmax(axis=1) == data[1]).mean()


# %%
# Five shapes, two learning rates each, everything else equal:

found = []
for shape in ((2,), (4,), (8,), (16,), (8, 8)):
    for lr in (0.3, 0.03):
        model = Perceptron((2, *shape, 3), "relu(z)", seed=0)
        costs = [(trained(model, *training, lr=lr, epochs=1)[0], cross_entropy(model(validation[0]), validation[1])[0])
                 for _ in range(40)]  # fmt: skip
        found.append((shape, lr, accuracy(model, training), accuracy(model, validation), costs, model))
        print(f"{'-'.join(map(str, shape)):>5} at {lr:<4}  training {found[-1][2]:.1%}  validation {found[-1][3]:.1%}")

# %%
# The curves show whether a rate is too small (still falling at the end) or too large (jumping):

import matplotlib.pyplot as plt

figure, panels = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for axes, rate in zip(panels, (0.3, 0.03), strict=True):
    for shape, lr, _, _, costs, _ in found:
        if lr == rate:
            axes.plot([cost for _, cost in costs], label="-".join(map(str, shape)))
    axes.set_title(f"learning rate {rate}")
    axes.set_xlabel("epoch")
panels[0].set_ylabel("validation cost")
panels[1].legend()

# %%
# Chosen by validation accuracy, and only now tested:

shape, lr, _, chosen, _, model = max(found, key=lambda row: row[3])
tested = accuracy(model, test)
print(f"{'-'.join(map(str, shape))} at {lr}: validation {chosen:.1%}, test {tested:.1%}")

# %%
# MNIST: the curves of five shapes, each at its best rate. The runs take minutes, so they are stored; the commands are
# printed.

from derive.solutions.blocks import stored

figure, panels = plt.subplots(2, 5, figsize=(10, 4), sharex=True, sharey="row", layout="constrained")
for axes, name in zip(panels.T, ("32", "128", "256", "128-64", "256-128"), strict=True):
    run = stored(f"variant-{name}")
    print(*run.commands, sep="\n")
    rows = [[float(cell.removesuffix(" %")) for cell in row] for row in run.rows]
    for column, label in ((1, "training"), (3, "validation")):
        axes[0].plot([row[0] for row in rows], [row[column] for row in rows], label=label)
        axes[1].plot([row[0] for row in rows], [row[column + 1] for row in rows], label=label)
    axes[0].set_title(f"{name} at {run.facts['rate']}")
    axes[1].set_xlabel("epoch")
panels[0, 0].set_ylabel("cost")
panels[1, 0].set_ylabel("accuracy in percent")
panels[1, 0].legend()

# %%
# The summary table, and what it says:

from derive.subjects.catalogue import document

document("exploring-mlps")

# %%
# How close are validation and test? The validation accuracy of the chosen one is a little too good, for it was chosen
# by it; beyond that both are samples.

deviation = (chosen * (1 - chosen) * 2 / 300) ** 0.5
print(f"they differ by {abs(chosen - tested):.1%}; one standard deviation of the difference is {deviation:.1%}")
assert chosen > 0.85 and abs(chosen - tested) < 4 * deviation
