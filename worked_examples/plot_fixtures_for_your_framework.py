"""
Fixtures for your framework
===========================

You have written operations with gradients. Are they right, also at the edges? Test vectors are inputs, outputs and
gradients whose digits are proven, each entry with a bound on what rounding may do to it.
"""

import numpy as np

# %%
# An adapter is a function that says what your framework makes of an operation. Here is one for two functions, with a
# bug that tests with ordinary numbers do not see: in ``1/(1 + exp(-x))`` the exponential overflows, in single precision
# from x = -89 on, and the gradient by the quotient rule is then infinity divided by infinity.


def adapter(operation, parameters, inputs, upstream):
    """What this framework computes; NotImplemented for what it does not know."""
    x = inputs.get("X")
    if operation == "tanh":
        y = np.tanh(x)
        return {"Y": y}, {"X": upstream["Y"] * (1 - y * y)}
    if operation == "sigmoid":
        with np.errstate(all="ignore"):
            e = np.exp(-x)
            return {"Y": 1 / (1 + e)}, {"X": upstream["Y"] * e / (1 + e) ** 2}
    return NotImplemented


# %%
# The vectors. On the command line they are written to a folder and run from there::
#
#     derive fixtures sigmoid -o vectors
#     derive fixtures --run vectors --adapter mymodule:adapter

from derive.fixtures.making import Maker
from derive.fixtures.operations import find_operation
from derive.fixtures.running import run_vectors


def vectors(name, count=20):
    """The first cases of an operation, in both precisions."""
    maker = Maker(find_operation(name), {})
    return [vector for _, made in maker.vectors(count, ("float64", "float32")) for vector in made]


reports = {name: run_vectors(vectors(name), adapter) for name in ("tanh", "sigmoid")}
for name, report in reports.items():
    print(name, report.counts)
    for finding in report.failures[:2]:
        print("  ", finding.sentence)

# %%
# The remedy: exponentials of negative numbers only, and the gradient from the result.


def mended(operation, parameters, inputs, upstream):
    """The same without overflow."""
    if operation != "sigmoid":
        return adapter(operation, parameters, inputs, upstream)
    x = inputs["X"]
    e = np.exp(-abs(x))
    y = np.where(x >= 0, np.ones_like(x), e) / (1 + e)
    return {"Y": y}, {"X": upstream["Y"] * e / (1 + e) ** 2}


# %%
# How close? Within every bound now.

report = run_vectors(vectors("sigmoid"), mended)
print("sigmoid, mended:", report.counts)
for finding in report.failures[:2]:
    print("  ", finding.sentence)
assert not report.failures
assert reports["sigmoid"].failures
