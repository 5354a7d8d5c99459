"""
Softmax and cross-entropy: why p - y
====================================

The derivative of softmax is a full matrix, that of the logarithm a quotient; together they collapse to a difference.
"""

from derive.answers import plain
from derive.solutions import softmax

general, after, steps = softmax.collapse()
for step in steps:
    print(f"{step.rule.name:28}", plain(step.after))

# %%
# The last step is the only one that needs the targets to add up to 1. For targets that do not, the line before it is
# right.

from derive.subjects.catalogue import document

document("softmax-cross-entropy")

# %%
# How close? Against central differences, with targets that add up to 1 and with others.

import numpy as np

draw = np.random.default_rng(0)
z = draw.normal(size=5)


def loss(z, y):
    return -(y * (z - np.log(np.exp(z).sum()))).sum()


p = np.exp(z) / np.exp(z).sum()
for y in (np.eye(5)[2], draw.uniform(size=5)):
    slopes = np.array([(loss(z + h, y) - loss(z - h, y)) / 2e-5 for h in 1e-5 * np.eye(5)])
    print(f"targets add up to {y.sum():.2f}: p sum(y) - y is right to {abs(p * y.sum() - y - slopes).max():.1e}, "
          f"p - y to {abs(p - y - slopes).max():.1e}")  # fmt: skip
    assert abs(p * y.sum() - y - slopes).max() < 1e-9
