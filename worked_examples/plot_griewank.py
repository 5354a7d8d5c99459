"""
Reverse mode by hand
====================

Course sheet 003, exercise 1. A function is taken apart into elementary steps, which are computed forward, one after
the other. Then the derivative of the result by every step is found backward, from the result to the inputs.

.. math:: y = \\left(\\sin\\frac{x_1}{x_2} + \\frac{x_1}{x_2} - e^{x_2}\\right)
          \\left(\\frac{x_1}{x_2} - e^{x_2}\\right), \\qquad x = (1.5, 0.5)
"""

import derive
from derive.subjects import griewank

program = derive.trace(griewank.FUNCTION)
print(derive.to_text(program))

# %%
# The quotient occurs twice and is computed once: ``v_1`` is read by two lines. On the way back this is where one has
# to take care, since a value that is read twice gets two contributions.
#
# The reverse sweep starts with 1 at the result. Every line then sends its own adjoint, times its local derivative, to
# what it read.

derivation = derive.reverse(program)
print(derive.to_text(derivation, griewank.POINT))

# %%
# The whole solution, with the graph, the published answer key and what it gets wrong. The key's formula for the
# adjoint of ``v_0`` has its fraction upside down, although its number is right.

from derive.subjects.catalogue import document

document("griewank")

# %%
# How close is it? Certified digits, the complex step and central differences are computed by other means than the
# sweep. Here are central differences, in the plainest way.

from math import exp, sin


def y(x1, x2):
    q = x1 / x2
    return (sin(q) + q - exp(x2)) * (q - exp(x2))


h = 1e-5
slopes = ((y(1.5 + h, 0.5) - y(1.5 - h, 0.5)) / (2 * h), (y(1.5, 0.5 + h) - y(1.5, 0.5 - h)) / (2 * h))
(gradient,) = derive.jacobian(griewank.FUNCTION, griewank.POINT).values()
far = max(abs(a - b) for a, b in zip(slopes, gradient.values(), strict=True))
print("gradient", *gradient.values())
print(f"differences agree to {far:.1e}")
assert far < 1e-7
