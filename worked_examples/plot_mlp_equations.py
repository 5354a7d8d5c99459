"""
The four equations of backpropagation
=====================================

INF265, project 1, equations (4) to (7). They are usually written down and then believed. Here they come out of the
forward equations by one rule, for a layer that is only called l.
"""

from derive.answers import plain
from derive.subjects import mlp

made = mlp.backpropagation()
for equation in (made.weights, made.last, made.hidden, made.biases):
    print(plain(equation))

# %%
# ``w_bar`` is the derivative of the loss by ``w``, and ``z_bar`` the error signal, which the sheet calls delta. The
# number of the layer is an index like any other. An activation ``a[l, i]`` is read by the layer above, and asking which
# equations read it is what gives ``l + 1`` in equation (6).
#
# All steps, in the sheet's notation:

from derive.subjects.catalogue import document

document("mlp")

# %%
# How close? Every step claims that two formulas have the same value. So each of them is run, on networks whose layers
# all have different sizes; what counts as the same is rounding.

from derive.checks.index_steps import run_gradients, run_steps, with_adjoints

samples = with_adjoints(made.gradients)
cases = (*made.delta_steps, *made.last_steps, *made.hidden_steps)
checked = {**run_gradients(made.gradients), **run_steps(cases, made.gradients.primal, samples=samples)}
held = sum(each.holds for each in checked.values())
print(f"{held} of {len(checked)} steps hold")
assert held == len(checked) > 10
