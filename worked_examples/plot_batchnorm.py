"""
Batch normalisation
===================

Mean and variance are taken over the batch, so every output depends on every image of the batch. That is why the
gradient has three terms: one for the entry itself, one for its part in the mean, one for its part in the variance.
"""

import derive

answer = derive.grad_layer("batchnorm")
print(answer)

# %%
# Every gradient with its steps, and the code that the engine writes:

from derive.subjects.catalogue import document

document("batchnorm")

# %%
# How close? Every step is run on random arrays of several sizes; the formulas are held against scattering, where every
# output sends its share back to what it read, and the code against the formulas.

report = answer.check()
print(report)
assert report.passed
