"""The multilayer perceptron for a symbolic layer l: the layer number is an index, and the delta recursion falls out.

    z[l,i] = sum_j w[l,i,j] a[l-1,j] + b[l,i]        a[l,i] = f[l](z[l,i])        a[0,i] = x[i]        C = sum_i e_i

f, the activation of each layer, and e, the loss of each output, are only named; n[l] is the size of layer l.
Source: INF265, Project 1, section 2, equations (4) to (7).
"""

from __future__ import annotations

from dataclasses import dataclass

from derive.gradients import Gradients, gradients
from derive.integers import Index, Integer, IntegerEntry, IntegerLike, Size, integer
from derive.program import Equation, Program
from derive.rules import cases, guards, sums
from derive.rules.rewriting import exhausted
from derive.step import Step
from derive.terms import Chain, Entry, Opaque, add, entry, guard, multiply, total

#: The last layer, and the index of a layer that is only named.
LAST = integer(Size("L"))


def size(layer: IntegerLike, one: bool = False) -> Integer:
    """n[l], the number of units in a layer; n where all layers have one size."""
    return integer(Size("n") if one else IntegerEntry("n", (integer(layer),), 1))


def _layer(lower: int) -> Index:
    return Index("l", LAST + 1, lower)


def symbolic(*, weights_first: bool = True, skip: int = 0) -> Program:
    """The equations for a symbolic layer; layers 1 to L, and layer 0 is the input.

    weights_first : w[l,i,j] a[l-1,j] (the column convention, W x), else a[l-1,j] w[l,j,i] (x W, rows are samples).
    skip : a further input a[l-skip, i] to the activation of layer l, where there is such a layer; 0 for none. All
        layers then have one size.
    """

    def unit(layer: IntegerLike, name: str = "i") -> Index:
        return Index(name, size(layer, one=bool(skip)))

    layer = _layer(1)
    i, j = unit(layer), unit(integer(layer) - 1, "j")
    weight = entry("w", layer, i, j) if weights_first else entry("w", layer, j, i)
    before = entry("a", integer(layer) - 1, j)
    body = add(total([j], multiply(weight, before)), entry("b", layer, i))
    if skip:
        body = add(body, multiply(guard(Chain((integer(layer), integer(skip)), (">=",))),
                                  entry("a", integer(layer) - skip, i)))  # fmt: skip
    z = Equation(entry("z", layer, i), body)
    layer = _layer(0)
    i = unit(layer)
    first = guard(Chain((integer(layer), integer(0)), ("=",)))
    later = guard(Chain((integer(layer), integer(1)), (">=",)))
    f = Opaque("f", (integer(layer),), (entry("z", layer, i),), (0,))
    a = Equation(entry("a", layer, i), add(multiply(first, entry("x", i)), multiply(later, f)))
    i = unit(LAST)
    loss = Equation(Entry("C"), total([i], Opaque("e", (integer(i),), (entry("y", i), entry("a", LAST, i)), (0, 0))))
    layer = _layer(1)
    i, j = unit(layer), unit(integer(layer) - 1, "j")
    weight = entry("w", layer, i, j) if weights_first else entry("w", layer, j, i)
    layer = _layer(1)
    inputs = (entry("x", unit(0)), weight, entry("b", layer, unit(layer)), entry("y", unit(LAST)))
    return Program(inputs, (z, a, loss), ("C",), integers=frozenset() if skip else frozenset({"n"}))


@dataclass(frozen=True)
class Backpropagation:
    """The equations of the sheet: (4) weights, (5) last layer, (6) hidden layers, (7) biases, and their steps.

    delta : the error signal before the cases are told apart.
    """

    gradients: Gradients
    delta: Equation
    weights: Equation
    last: Equation
    hidden: Equation
    biases: Equation
    delta_steps: tuple[Step, ...]
    last_steps: tuple[Step, ...]
    hidden_steps: tuple[Step, ...]


def backpropagation(program: Program | None = None) -> Backpropagation:
    """Equations (4) to (7) as the engine's result, for the program of `symbolic` or one of that form."""
    primal = symbolic() if program is None else program
    made = gradients(primal, ["w", "b"])
    z_bar, a_bar = made["z"].equation, cases.relettered(made["a"].equation, {"i": "k"})
    into = cases.inserted(a_bar, z_bar, primal)
    assert into is not None
    last, last_steps = _tidied(cases.at(into.after, 0, LAST), made.around)
    hidden, hidden_steps = _tidied(cases.below(into.after, 0, LAST), made.around)
    return Backpropagation(
        made, into.after, made["w"].equation, last, hidden, made["b"].equation, (into,), last_steps, hidden_steps
    )


def _tidied(equation: Equation, program: Program) -> tuple[Equation, tuple[Step, ...]]:
    equation, steps = exhausted((guards.DISCHARGE, sums.PULL_OUT), equation, program)
    return equation, tuple(steps)
