"""Several forms of one gradient, each held against another: gathered and scattered, matrix, convolution, code."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from derive import tree as t
from derive.answers import Answer, Gradient
from derive.checks.claims import claimed_values
from derive.checks.findings import Finding, compared
from derive.checks.index_numbers import EPS, TOLERANCE, Comparison, Numbers, merged
from derive.codegen.arrays import compiled
from derive.evaluation import Environment, value_of, values
from derive.evaluation.duals import plain, scale_of
from derive.plain import formula
from derive.program import Equation
from derive.reading.equations import read_equations
from derive.tree import Tree


def scattered(gradient: Gradient, numbers: Sequence[Numbers]) -> Comparison:
    """The adjoints of the samples are scattered: the equation is held against the array of its own name."""
    equation = gradient.equation
    return merged([each.compared(equation, Equation(equation.left, equation.left)) for each in numbers])


def forms(answer: Answer, numbers: Sequence[Numbers]) -> Iterator[Finding]:
    gradients = [answer[line.of] for line in answer.derivation.lines]
    if any(gradient.matrix is not None for gradient in gradients):
        yield compared("matrix form = index form", answer, lambda gradient: _matrix(gradient, numbers))
    if any(gradient.convolution is not None for gradient in gradients):
        yield compared("convolution as claimed", answer, lambda gradient: _convolution(gradient, numbers))
    yield compared("NumPy code = formula", answer, lambda gradient: _code(gradient, numbers))


def _held(
    equation: Equation,
    numbers: Sequence[Numbers],
    other: Callable[[Environment], Any],
    chain: Sequence[Equation] = (),
) -> Comparison:
    """The values of an equation, held against those of another form of it on every sample.

    chain : equations that the other form works out as well, and whose rounding therefore is its own.
    """
    found = []
    for each in numbers:
        number = value_of(equation.term, equation.indices, each.environment)
        size = max((largest_sum(line, each.environment) for line in chain), default=0.0)
        found.append(apart(plain(number), scale_of(number) + size, other(each.environment)))
    return merged(found)


def largest_sum(equation: Equation, environment: Environment) -> float:
    """The largest sum of absolute values among the entries of an equation."""
    scale = np.asarray(scale_of(value_of(equation.term, equation.indices, environment)))
    return float(np.max(scale, initial=0.0, where=np.isfinite(scale)))


def apart(value: Any, scale: Any, other: Any) -> Comparison:
    """Two arrays that may differ by rounding, relative to the sum of absolute values."""
    one, two, size = np.asarray(value), np.asarray(other), np.asarray(scale)
    if one.shape != two.shape:
        return Comparison(False, 0, math.inf, f"the shapes are {one.shape} and {two.shape}")
    usable = np.isfinite(size) & np.isfinite(one)
    difference, size = np.abs(one - two)[usable], np.broadcast_to(size, one.shape)[usable]
    errors = np.divide(difference, size, out=np.where(difference > 0, math.inf, 0.0), where=size > 0)
    worst = float(errors.max(initial=0.0))
    return Comparison(worst <= 2 * TOLERANCE * EPS, int(usable.sum()), worst)


def _matrix(gradient: Gradient, numbers: Sequence[Numbers]) -> Comparison | None:
    tree = gradient.matrix
    if tree is None:
        return None
    return _held(gradient.equation, numbers, lambda environment: _read_back(tree, environment))


def _read_back(tree: Tree, environment: Environment) -> Any:
    """The text of a whole-array formula, read by the reader and evaluated: it shares nothing with how it was made."""
    names = [name for name in t.names_in(tree) if name in environment.stored]
    called = {name: f"A{number}" for number, name in enumerate(names, 1)}
    trees: dict[str, Tree] = {name: t.Name(new) for name, new in called.items()}
    trees |= {name: t.Number(str(size)) for name, size in environment.sizes.items() if name not in called}
    arrays = {called[name]: environment.stored[name].array for name in names}
    text = f"result = {formula(t.substituted(tree, trees))}"
    program = read_equations(text, shapes={name: array.shape for name, array in arrays.items()})
    inputs = {name: array for name, array in arrays.items() if name in program.input_names}
    return values(program, inputs, {})["result"]


def _convolution(gradient: Gradient, numbers: Sequence[Numbers]) -> Comparison | None:
    claim = gradient.convolution
    if claim is None:
        return None

    def carried_out(environment: Environment) -> Any:
        return claimed_values(claim, Environment(environment.sizes, environment.stored, environment.equations))

    return _held(gradient.equation, numbers, carried_out)


def _code(gradient: Gradient, numbers: Sequence[Numbers]) -> Comparison | None:
    """The emitted NumPy function, from the inputs to the gradient."""
    code = gradient.code("numpy") if gradient.name in gradient.answer.wrt else None
    if code is None:
        return None
    function = compiled(code)

    def called(environment: Environment) -> Any:
        stored, sizes = environment.stored, environment.sizes
        return function(*(stored[name].array if name in stored else sizes[name] for name in code.parameters))

    lines = [line.equation for line in gradient.answer.derivation.lines]
    return _held(gradient.equation, numbers, called, lines)
