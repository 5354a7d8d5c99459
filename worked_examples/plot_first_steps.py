"""
Autograd, classes and torch in one example
==========================================

The sheets' reading exercises: lectures on autograd (sheet 000, exercise 2; sheet 001, exercise 4), object-oriented
Python (sheet 001, exercise 1), getting to know torch (sheet 003, exercise 2). One small example, worked three times.
"""

import derive

print(derive.to_text("x1*x2 + sin(x1)", "x1=2,x2=3"))

# %%
# Now a class that does the same while a function runs. It is what ``derive.record`` and torch do: every operation makes
# a new object, which remembers its operands.

import math


class Number:
    """A number that remembers how it was made."""

    def __init__(self, value, inputs=()):
        self.value, self.inputs, self.grad = value, inputs, 0.0

    def __add__(self, other):
        return Number(self.value + other.value, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Number(self.value * other.value, ((self, other.value), (other, self.value)))

    def backward(self):
        """Add up the gradients, each number behind all that read it."""
        order, seen = [], set()

        def visit(number):
            if id(number) not in seen:
                seen.add(id(number))
                for source, _ in number.inputs:
                    visit(source)
                order.append(number)

        visit(self)
        self.grad = 1.0
        for number in reversed(order):
            for source, partial in number.inputs:
                source.grad += number.grad * partial


def sin(x):
    return Number(math.sin(x.value), ((x, math.cos(x.value)),))


x1, x2 = Number(2.0), Number(3.0)
y = x1 * x2 + sin(x1)
y.backward()
print(y.value, x1.grad, x2.grad)

# %%
# The page says more about classes, and about torch:

from derive.subjects.catalogue import document

document("first-steps")

# %%
# How close? The class, the engine, and torch where it is installed.

from importlib.util import find_spec

(exact,) = derive.jacobian("x1*x2 + sin(x1)", "x1=2,x2=3").values()
far = max(abs(a - b) for a, b in zip((x1.grad, x2.grad), exact.values(), strict=True))
print(f"class and engine: {far:.1e}")
assert far < 1e-15
if find_spec("torch") is None:
    print("torch is not installed: its answer is left out")
else:
    import torch

    t1, t2 = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (2.0, 3.0))
    (t1 * t2 + torch.sin(t1)).backward()
    far = max(abs(x1.grad - t1.grad.item()), abs(x2.grad - t2.grad.item()))
    print(f"class and torch: {far:.1e}")
    assert far < 1e-15
