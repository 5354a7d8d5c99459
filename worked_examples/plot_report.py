"""
A report, and its seven questions
=================================

INF265, project 1, section 4. What belongs into a report: how the implementation works and why it was made so, what was
measured and by which command, and what the numbers do not say.
"""

from derive.subjects.catalogue import document

document("report")

# %%
# Question (b) asks how one checks a gradient. Differences are the answer, and their step matters: too long, and the
# curve is not straight; too short, and rounding is all that is left.

import math

import matplotlib.pyplot as plt

steps = [10.0**-k for k in range(1, 15)]
slope = math.cos(1.0)
errors = [abs((math.sin(1 + h) - math.sin(1 - h)) / (2 * h) - slope) for h in steps]
figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
axes.loglog(steps, errors, "o-")
axes.set_xlabel("step")
axes.set_ylabel("error of the slope of sin at 1")

# %%
# How close can one get? The best step is near the third root of the rounding unit.

best = steps[errors.index(min(errors))]
print(f"best step {best:.0e}, error {min(errors):.1e}; at 1e-14 the error is {errors[-1]:.1e}")
assert 1e-7 <= best <= 1e-4 and min(errors) < 1e-9 < errors[-1]
