"""
Gradient descent
================

INF265, project 1, equations (1) to (3). The gradient says in which direction a loss rises fastest. A short step the
other way lowers it. How short is short?
"""

import derive

print(derive.grad("y : n\nyhat : n\nL = sum(i) (y[i] - yhat[i])^2", ["yhat"]))

# %%
# That is equation (2)'s derivative, ``-2 (y - yhat)``, entry by entry. And this is why a step against the gradient goes
# down: the derivative of the loss by the length ``alpha`` of the step.

print(derive.grad("w : q\ng : q\nt[i] = w[i] - alpha*g[i]\nupstream t = G", ["alpha"]))

# %%
# At ``alpha = 0`` the gradient ``G`` at the end of the step is the gradient ``g`` at its start, so the derivative is
# minus a sum of squares.
#
# Six learning rates on a loss with two parameters, one of which is curved four times as strongly as the other:

import matplotlib.pyplot as plt

from derive.solutions.descent import RATES, walk

figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
for rate in RATES:
    axes.semilogy([max(row["L"], 1e-16) for row in walk(float(rate), 25)], label=rate)
axes.set_xlabel("step")
axes.set_ylabel("loss")
axes.legend(title="learning rate")

# %%
# The whole solution; its second half is about the manual update, which has an example of its own.

from derive.subjects.catalogue import document

document("gradient-descent")

# %%
# How close does it come? The smallest loss of the example is 0, at (3, 0.5).

last = walk(0.2, 60)[-1]
print(f"after 60 steps at 0.2: w1 = {last['w1']:.12f}, w2 = {last['w2']:.12f}, loss {last['L']:.1e}")
assert abs(last["w1"] - 3) < 1e-9 and abs(last["w2"] - 0.5) < 1e-9
far = walk(0.3, 60)[-1]
print(f"at 0.3 the loss is {far['L']:.1e}: too long a step goes up")
assert far["L"] > 1e6
