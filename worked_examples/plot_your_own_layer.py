"""
Your own layer in ten lines
===========================

A layer that nobody has derived for you: write its forward equations, and get gradients, a page, code and checks. As an
example a gated unit with a learned scale.
"""

import derive

layer = """
x : N x n
W : m x n
U : m x n
s : m
z[a,i] = sum(j) W[i,j]*x[a,j]
g[a,i] = sigmoid(sum(j) U[i,j]*x[a,j])
y[a,i] = s[i]*z[a,i]*g[a,i]
upstream y = G
"""
answer = derive.grad(layer, ["W", "U", "s", "x"])
print(answer)

# %%
# That was all. The same object is a page with every step, in a notebook or as LaTeX:

answer

# %%
# And a function, each line below the equation that it computes:

print(answer.code("numpy").text)

# %%
# How close? The steps are run, the formulas are held against scattering, the code against the formulas.

report = answer.check()
print(report)
assert report.passed

# %%
# And central differences of one entry, with numbers of our own:

import numpy as np

draw = np.random.default_rng(0)
values = {name: draw.normal(size=shape) for name, shape in
          {"x": (4, 3), "W": (2, 3), "U": (2, 3), "s": (2,), "G": (4, 2)}.items()}  # fmt: skip
found = derive.grad(layer, ["U"], values=values)


def loss(U):
    z, g = values["x"] @ values["W"].T, 1 / (1 + np.exp(-values["x"] @ U.T))
    return (values["G"] * values["s"] * z * g).sum()


step = np.zeros((2, 3))
step[1, 2] = 1e-5
slope = (loss(values["U"] + step) - loss(values["U"] - step)) / 2e-5
print(f"differences agree to {abs(slope - found['U'].value[1, 2]):.1e}")
assert abs(slope - found["U"].value[1, 2]) < 1e-8
