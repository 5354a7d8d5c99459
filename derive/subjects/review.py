"""What the review questions of a first course on backpropagation are answered by: counts and reads of derived programs.

Source: course sheet 001, exercise 5; course sheet 000, exercise 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from derive.adjoints import reverse
from derive.answers import Answer, grad
from derive.codegen.lowering import operation_counts
from derive.elementary import tanh
from derive.gradients import gradients
from derive.integers import integer
from derive.program import Equation
from derive.recording import record
from derive.rules import cases, collecting, deltas, guards, sums
from derive.rules.rewriting import exhausted
from derive.step import Step
from derive.subjects.networks import Network
from derive.terms import Entry, delta

#: Two dense layers; {f} is what stands between them.
TWO_LAYERS = """\
x : n
W1 : h x n
b1 : h
W2 : m x h
b2 : m
z1[i] = sum(j) W1[i,j]*x[j] + b1[i]
a1[i] = {f}(z1[i])
z2[k] = sum(i) W2[k,i]*a1[i] + b2[k]
"""
#: The same without a function between, and the one layer that it is.
LINEAR_LAYERS = TWO_LAYERS.replace("a1[i] = {f}(z1[i])\n", "").replace("a1", "z1")
ONE_LAYER = """\
x : n
W1 : h x n
b1 : h
W2 : m x h
b2 : m
W[k,j] = sum(i) W2[k,i]*W1[i,j]
b[k] = sum(i) W2[k,i]*b1[i] + b2[k]
z2[k] = sum(j) W[k,j]*x[j] + b[k]
"""


def parameter_counts(network: Network) -> dict[str, int]:
    """Name of a weight or bias -> how many numbers it holds."""
    return {name: prod(shape) for name, shape in network.parameters.items()}


def jacobian(text: str) -> tuple[Answer, Equation, tuple[Step, ...]]:
    """The derivative of every output z2[c] by every input x[j]: the answer for an open seed, S, and the steps to S.

    The seed is a unit vector for each output, Kronecker's delta.
    """
    answer = grad(text, ["x"], upstream={"z2": "G"})
    made = answer.derivation
    equation, steps = made["x"].equation, []
    while (inner := next((line for line in made.lines if line.name in equation.reads), None)) is not None:
        put = cases.inserted(inner.equation, equation, made.around)
        assert put is not None
        steps.append(put)
        equation = put.after
    own = made.given["G"].indices[0].index
    assert own is not None
    wanted = own.fresh("c")
    put = cases.inserted(Equation(Entry("G", (integer(own),)), delta(own, wanted)), equation, made.around)
    assert put is not None
    left = Entry("S", (integer(wanted), *(integer(index) for index in equation.indices)))
    tidy = (*sums.NORMALISE, *deltas.ALL, guards.DISCHARGE, sums.PULL_OUT, collecting.COLLECT)
    seeded, more = exhausted(tidy, Equation(left, put.after.term), made.around)
    return answer, seeded, (*steps, *more)


@dataclass(frozen=True)
class Kept:
    """What one adjoint reads of the forward pass: `values` are computed there, `given` are inputs and parameters."""

    adjoint: str
    values: tuple[str, ...]
    given: tuple[str, ...]


def kept(network: Network) -> tuple[Kept, ...]:
    """For every adjoint line of a network's derivation the arrays of the forward pass that it reads."""
    made = gradients(network.program, list(network.parameters))
    computed = set(network.program.by_name)
    known = set(network.program.heads)
    found = []
    for line in made.lines:
        reads = [name for name in line.equation.reads if name in known]
        found.append(Kept(line.of, tuple(name for name in reads if name in computed),
                          tuple(name for name in reads if name not in computed)))  # fmt: skip
    return tuple(found)


@dataclass(frozen=True)
class Cost:
    """Operations of a function of `parameters` numbers: of its value, and of one reverse sweep beyond it."""

    parameters: int
    function: int
    sweep: int

    @property
    def differences(self) -> int:
        """Operations of the value at the point and once more for every parameter."""
        return (self.parameters + 1) * self.function

    @property
    def backpropagation(self) -> int:
        return self.function + self.sweep


def squared_error_of(inputs: int, hidden: int) -> tuple[Callable[..., object], int]:
    """The squared error of a perceptron inputs-hidden-1 with tanh on one sample, as a function of its parameters.

    Returns the function and the number of its parameters. The sample is fixed: x_k = (k + 1)/inputs, y = 1.
    """
    count = hidden * (inputs + 1) + hidden + 1

    def loss(*parameters: object) -> object:
        p: Sequence[object] = parameters
        prediction = p[-1]
        for unit in range(hidden):
            first = unit * (inputs + 1)
            z = p[first + inputs]
            for k in range(inputs):
                z = z + p[first + k] * Fraction(k + 1, inputs)  # type: ignore[operator]
            prediction = prediction + p[hidden * (inputs + 1) + unit] * tanh(z)
        error = prediction - 1  # type: ignore[operator]
        return error * error

    return loss, count


def cost(inputs: int, hidden: int = 4) -> Cost:
    """Counted by the engine: of the recorded function and of its reverse sweep."""
    loss, count = squared_error_of(inputs, hidden)
    found = operation_counts(reverse(record(loss, inputs=count)))
    return Cost(count, found.function, found.gradient)
