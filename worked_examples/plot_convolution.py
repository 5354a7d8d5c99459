"""
The gradients of a convolution are convolutions
===============================================

Course sheet 004, question 2. Given what comes down to the outputs, find the gradients by the kernel and by the image,
and show that both are convolutions again.
"""

import derive

answer = derive.grad("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]\nupstream Z = G", ["K", "V"])
print(answer["K"].text)
print(answer["V"].text)

# %%
# The brackets are the edges: an entry near the border was read by fewer outputs. What they are again:

for name in ("K", "V"):
    print(f"{name}: {answer[name].sentence}")

# %%
# Why is the kernel flipped in the second one? Look at one entry of the image: the output to its left met it with a tap
# further right. The page has the picture, and every step:

from derive.subjects.catalogue import document

document("convolution")

# %%
# With stride 2 the gradient by the image is a transposed convolution; the derivation is the same.

document("convolution", stride=2)

# %%
# How close? Against two loops that send every output's share back to what it read.

import numpy as np

draw = np.random.default_rng(0)
V, K, G = draw.normal(size=(6, 7)), draw.normal(size=(3, 2)), draw.normal(size=(4, 6))
found = derive.grad(answer.program, ["K", "V"], values={"V": V, "K": K, "G": G})
K_bar, V_bar = np.zeros_like(K), np.zeros_like(V)
for i, j in np.ndindex(*G.shape):
    K_bar += G[i, j] * V[i : i + 3, j : j + 2]
    V_bar[i : i + 3, j : j + 2] += G[i, j] * K
far = max(abs(found["K"].value - K_bar).max(), abs(found["V"].value - V_bar).max())
print(f"loops agree to {far:.1e}")
assert far < 1e-13
