"""
A step of an LSTM, and many
===========================

Time is an index like any other: a state reads the state before it, so its adjoint gathers from the step behind it.
That is backpropagation through time, and no rule of its own.
"""

import derive

answer = derive.grad_layer("lstm")
print(answer)

# %%
# The page with the steps:

from derive.subjects.catalogue import document

document("lstm")

# %%
# How close? The steps are run, and the gradients are held against scattering.

report = answer.check()
print(report)
assert report.passed
