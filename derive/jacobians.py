"""Jacobians by either mode, and second derivatives by applying the sweeps again.

The gradient is itself a Program: the primal lines followed by the adjoint lines, taken apart into elementary
operations. Sweeping over it once more gives rows of the Hessian (reverse over reverse) or the product of the Hessian
with a vector (forward over reverse).
Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.4 and chapter 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from derive import tree as t
from derive.adjoints import reverse
from derive.arithmetic import FLOATS
from derive.errors import UsageError
from derive.evaluate import evaluate, sweep
from derive.functions import OPERATIONS
from derive.lines import line_equations
from derive.program import Elementary, Equation, Program
from derive.step import Derivation
from derive.tangents import forward


def gradient_program(derivation: Derivation) -> Program:
    """The primal and the adjoint lines as one Program of elementary lines, its outputs the gradient.

    derivation : of one output, in reverse mode. The inner nodes of an adjoint line are NAME.1, NAME.2, ...
    """
    if derivation.mode != "reverse" or derivation.output is None:
        raise UsageError("the gradient as a program needs a reverse sweep of one output")
    primal = derivation.primal
    equations: list[Equation] = list(primal.equations)
    known = {*primal.input_names, *primal.by_name, *derivation.names.values()}
    for line in derivation.adjoint:
        equations += line_equations(line.name, line.tree, known)
    outputs = []
    for node in primal.input_names:
        name = derivation.names[node]
        if name not in derivation.adjoint.by_name:  # an input that the output does not depend on
            equations.append(Equation(name, Elementary(OPERATIONS["copy"], (t.Number("0"),))))
        outputs.append(name)
    labels = {name: label for name, label in primal.labels.items() if name in primal.input_names}
    return Program(primal.inputs, tuple(equations), tuple(outputs), labels).check()


def jacobian(
    program: Program, at: Mapping[str, float], *, mode: str = "reverse", F: Any = FLOATS
) -> dict[str, dict[str, Any]]:
    """Output -> input -> derivative, as numbers of the arithmetic F (floats by default).

    mode : "reverse" takes one sweep an output, "forward" one sweep an input.
    at : a number for each input, by node or by the author's name.
    """
    point = by_node(program, at)
    values = evaluate(program, point, F)
    table: dict[str, dict[str, Any]] = {program.label(output): {} for output in program.outputs}
    zero, one = F.exact(0), F.exact(1)
    if mode == "reverse":
        for output in program.outputs:
            derivation = reverse(program, output)
            found = sweep(derivation, values, F)
            for node in program.input_names:
                table[program.label(output)][program.label(node)] = found.get(derivation.names[node], zero)
        return table
    if mode != "forward":
        raise UsageError(f"the mode is reverse or forward, not {mode}")
    derivation = forward(program)
    dots = derivation.names
    for node in program.input_names:
        seeds = {dots[other]: one if other == node else zero for other in program.input_names}
        found = sweep(derivation, values, F, seeds)
        for output in program.outputs:
            table[program.label(output)][program.label(node)] = found[dots[output]]
    return table


def hessian(
    program: Program, at: Mapping[str, float], *, output: str | None = None, F: Any = FLOATS
) -> dict[str, dict[str, Any]]:
    """Input -> input -> second derivative of one output: the Jacobian, in reverse, of the gradient Program."""
    derivation = reverse(program, output)
    rows = jacobian(gradient_program(derivation), at, F=F)
    return {program.label(node): rows[derivation.names[node]] for node in program.input_names}


def hessian_vector_product(
    program: Program, at: Mapping[str, float], vector: Mapping[str, float] | Sequence[float],
    *, output: str | None = None, F: Any = FLOATS,
) -> dict[str, Any]:  # fmt: skip
    """Input -> entry of H v: one forward sweep, seeded with v, over the gradient Program."""
    derivation = reverse(program, output)
    gradient = gradient_program(derivation)
    if not isinstance(vector, Mapping):
        vector = dict(zip((program.label(node) for node in program.input_names), vector, strict=True))
    direction = by_node(program, vector)
    tangent = forward(gradient)
    values = evaluate(gradient, by_node(gradient, at), F)
    seeds = {tangent.names[node]: value for node, value in direction.items()}
    found = sweep(tangent, values, F, seeds)
    return {program.label(node): found[tangent.names[derivation.names[node]]] for node in program.input_names}


def by_node(program: Program, at: Mapping[str, Any]) -> dict[str, Any]:
    """The given numbers by node; every input must have one."""
    nodes = {program.label(node): node for node in program.input_names}
    point = {nodes.get(name, name): value for name, value in at.items()}
    for node in program.input_names:
        if node not in point:
            raise UsageError(f"{program.label(node)} has no value")
    return {node: point[node] for node in program.input_names}
