"""
A small framework, completed
============================

Course sheet 004, question 1. A Tensor remembers what it was made of; ``backward`` walks the graph once; every operation
says what it sends to its inputs.
"""

import inspect

from derive.subjects import tiny

print(inspect.getsource(tiny.Tensor.backward))
print(inspect.getsource(tiny.MatMul))

# %%
# Where do the two products of ``MatMul`` come from? From the rule, applied to the equation of a matrix product:

import derive

answer = derive.grad("a : n x p\nb : p x m\ny[i,j] = sum(k) a[i,k]*b[k,j]\nupstream y = G", ["a", "b"])
print(answer["a"].matrix_text, "and", answer["b"].matrix_text)

# %%
# The linear regression:

import matplotlib.pyplot as plt

from derive.solutions.tiny import data, fixtures, least_squares, regression

x, y = data()
slope, intercept, losses = regression()
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
left.scatter(x, y, s=10)
left.plot(x, slope * x + intercept, color="tab:orange")
left.set_title(f"{slope:.3f} x + {intercept:.3f}")
right.semilogy(losses)
right.set_xlabel("step")
right.set_ylabel("mean squared error")

# %%
# The loss comes to rest well above zero. That is as it should be: the points have noise, and no line goes through all
# of them. The line is the one of least squares.
#
# The whole solution, with all operations:

from derive.subjects.catalogue import document

document("tiny-framework")

# %%
# How close? To least squares in exact fractions, and to test vectors whose digits are certified.

best = least_squares()
report = fixtures(3)
print(f"least squares: slope off by {abs(slope - best[0]):.1e}, intercept by {abs(intercept - best[1]):.1e}")
print(f"test vectors: {report.counts}")
assert abs(slope - best[0]) < 1e-6 and abs(intercept - best[1]) < 1e-6
assert not report.failures and report.counts["pass"] > 30
