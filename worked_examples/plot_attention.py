"""
Scaled dot-product attention
============================

Queries are compared with keys, the scores go through softmax, and the result weighs the values. The gradient goes
back by the same three stations.
"""

import derive

answer = derive.grad_layer("attention")
print(answer)

# %%
# Every gradient with its steps, and the code that the engine writes:

from derive.subjects.catalogue import document

document("attention")

# %%
# How close? Every step is run on random arrays of several sizes; the formulas are held against scattering, where every
# output sends its share back to what it read, and the code against the formulas.

report = answer.check()
print(report)
assert report.passed
