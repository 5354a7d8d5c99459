"""Every Step run: both sides evaluated in certified balls, derivatives taken from differences, never from the table.

A partial derivative that stands in a step, and the derivative of the output by a node, are central differences at 1024
bits with a step of 2^-256: their error is about h^2 = 2^-512, far below the tolerance, and they know nothing of the
table of partials that the steps claim to have used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from derive import tree as t
from derive.balls import Balls, ends
from derive.checks.kinks import at_kink, branch
from derive.checks.sampling import random_points
from derive.errors import DomainError, UndecidedError, WorkLimitError
from derive.evaluate import OutsideDomain, derivative_key, evaluate, tree_value
from derive.program import Equation
from derive.rounding import nearest_float
from derive.step import Derivation, Step
from derive.tree import Tree

BITS = 1024
#: The step of a difference is 2^-256, of a small operand 2^-256 of its size; truncation is about the square of it,
#: times the curvature, and rounding about 2^-1024 / 2^-256.
STEP_BITS = 256
#: Two sides agree to this, relative to the largest of their terms: some 390 bits are left for the curvature.
TOLERANCE = Fraction(1, 2**120)
#: The smallest size that an error is measured against, for values that are 0.
FLOOR = Fraction(1, 2**40)
#: Programs with more lines are not run step by step: differences cost the square of their length.
MOST_LINES = 1000


@dataclass(frozen=True)
class CheckedStep:
    """holds : whether both sides agreed at every point where they could be compared.

    points : how many those were; at 0 nothing was run, and `reason` says why.
    reason : also told where only some of the points could not be used.
    largest_error : relative to the largest term.
    """

    step: Step
    holds: bool
    points: int
    largest_error: float
    reason: str = ""


class _Skipped(Exception):
    """A point at which a side has no value that differences could give: a kink, or an undecided sign."""


def check_steps(
    derivation: Derivation, at: Mapping[str, Tree] | None = None, *, points: int = 2, seed: int = 0
) -> dict[Step, CheckedStep]:
    """Run every step of a derivation, and those of its trace, with all their sub-steps.

    at : input node -> exact constant: a point to begin with.  points, seed : further random points.
    Raises WorkLimitError for a program of more than 1,000 lines, MissingPartError without python-flint.
    """
    program = derivation.primal
    if len(program) > MOST_LINES:
        raise WorkLimitError(f"steps are run for at most {MOST_LINES} lines, and these are {len(program)}")
    given = [dict(at)] if at else []
    given += random_points(program, [derivation], points, seed)
    balls = Balls(BITS)
    with balls.precision():
        numbers = [_Numbers(derivation, point, balls) for point in given]
        return {
            inner: _checked(inner, numbers) for step in (*program.steps, *derivation.steps) for inner in step.flat()
        }


def _checked(step: Step, numbers: Iterable[_Numbers]) -> CheckedStep:
    largest, compared, reason = 0.0, 0, ""
    holds = True
    for at in numbers:
        try:
            error = at.error(step.before.tree, step.after.tree)
        except _Skipped as skipped:
            reason = str(skipped)
            continue
        compared += 1
        largest = max(largest, error)
        holds = holds and error <= TOLERANCE
    return CheckedStep(step, holds, compared, largest, reason)


class _Numbers:
    """Values and differences at one point, each worked out when a step asks for it."""

    def __init__(self, derivation: Derivation, point: Mapping[str, Tree], balls: Balls) -> None:
        self.derivation, self.program, self.F = derivation, derivation.primal, balls
        self.problem = ""
        self.values: dict[str, Any] = {}
        try:
            inputs = {name: balls.exact(tree_value(balls, tree, {})) for name, tree in point.items()}
            self.values = evaluate(self.program, inputs, balls)
        except (DomainError, UndecidedError, OutsideDomain) as reason:
            self.problem = str(reason)
        self.place = {line.name: k for k, line in enumerate(self.program)}
        self.node_for = {name: node for node, name in derivation.names.items()}
        # any direction will do for tangents: 1, 1/2, 1/3, ... in the order of the inputs
        self.direction = {name: Fraction(1, k + 1) for k, name in enumerate(self.program.input_names)}
        self.known: dict[object, Any] = {}

    def error(self, before: Tree, after: Tree) -> float:
        """The difference of both sides, relative to the largest size in them."""
        if self.problem:
            raise _Skipped(self.problem)
        try:
            left, right = self.side(before), self.side(after)
            sizes = [abs(part) for side in (before, after) for part in self.terms(side)]
            low, high = ends(self.F.exact(left) - self.F.exact(right))
            bounds = [ends(self.F.exact(size))[1] for size in (abs(left), abs(right), *sizes)]
        except (DomainError, UndecidedError, OutsideDomain, ZeroDivisionError) as reason:
            raise _Skipped(str(reason)) from reason
        if low is None or high is None or None in bounds:
            raise _Skipped("a value is not finite")
        scale = max([FLOOR, *(bound for bound in bounds if bound is not None)])
        if low <= 0 <= high and high - low > TOLERANCE * scale:
            raise _Skipped(f"the terms cancel beyond {BITS} bits")
        return nearest_float(max(abs(low), abs(high)) / scale)

    def side(self, tree: Tree) -> Any:
        """The value of one side; a side that is one derivative alone is that of the output by a node."""
        match tree:
            case t.Derivative(of=t.Name(text=of), by=t.Name(text=by)):
                return self.F.exact(1) if of == by else self.total(by)
        scope: dict[str, Any] = {}
        for node in t.walk(tree):
            if isinstance(node, t.Derivative):
                scope[derivative_key(node)] = self.pending(node)
            elif isinstance(node, t.Name) and (value := self.named(node.text)) is not None:
                scope[node.text] = value
        return tree_value(self.F, tree, scope)

    def terms(self, tree: Tree) -> list[Any]:
        return [self.side(term) for _, term in tree.terms] if isinstance(tree, t.Sum) else []

    def named(self, name: str) -> Any:
        """A primal value, or an adjoint or tangent taken from differences; None for a constant."""
        if name in self.values:
            return self.values[name]
        node = self.node_for.get(name)
        if node is None:
            return None
        return self.total(node) if self.derivation.mode == "reverse" else self.tangent(node)

    def pending(self, derivative: t.Derivative) -> Any:
        """The partial of one line by one name that it reads: that operation alone, at u + h and u - h."""
        match derivative:
            case t.Derivative(of=t.Name(text=of), by=t.Name(text=by)):
                line = self.program.by_name[of]
                return self.once(("partial", of, by), lambda: self.quotient(by, [line], of))
        raise DomainError("only derivatives of names by names have a value")

    def total(self, node: str) -> Any:
        """d(output)/d(node): the rest of the trace with the node as a free variable."""
        output = self.derivation.output
        if output is None:
            raise DomainError("a derivation of several outputs has no one derivative")
        if node == output:
            return self.F.exact(1)
        rest = self.program.equations[self.place.get(node, -1) + 1 :]
        return self.once(("total", node), lambda: self.quotient(node, rest, output))

    def quotient(self, node: str, lines: Iterable[Equation], result: str) -> Any:
        """The central difference of `result` by `node` through the lines."""
        h = self.F.exact(_step(self.values[node]))
        shifted = [{node: self.values[node] + h}, {node: self.values[node] - h}]
        self.run(lines, shifted)
        return (shifted[0].get(result, self.values[result]) - shifted[1].get(result, self.values[result])) / (2 * h)

    def tangent(self, node: str) -> Any:
        """The derivative of a node along the direction: the whole trace at x + hs and x - hs."""

        def both() -> list[dict[str, Any]]:
            h = Fraction(1, 2**STEP_BITS)
            sides = []
            for sign in (1, -1):
                sides.append(
                    {name: self.values[name] + self.F.exact(sign * h * s) for name, s in self.direction.items()}
                )
            self.run(self.program, sides)
            return sides

        plus, minus = self.once("direction", both)
        value = self.values[node]
        return (plus.get(node, value) - minus.get(node, value)) / self.F.exact(Fraction(2, 2**STEP_BITS))

    def run(self, lines: Iterable[Equation], shifted: list[dict[str, Any]]) -> None:
        """Work out again what the shifted values change. Raises _Skipped where a line changes its branch."""
        for line in lines:
            operation, operands = line.source
            if not any(operand in shifted[0] for operand in operands if isinstance(operand, str)):
                continue
            side = branch(self.F, line, self._value_in({}))
            for values in shifted:
                value_of = self._value_in(values)
                if side is not None and branch(self.F, line, value_of) != side:
                    raise _Skipped(at_kink(line))
                values[line.name] = operation.value(self.F, *map(value_of, operands))

    def _value_in(self, shifted: Mapping[str, Any]) -> Any:
        def value_of(operand: Any) -> Any:
            if isinstance(operand, str):
                return shifted[operand] if operand in shifted else self.values[operand]
            return self.F.constant(operand)

        return value_of

    def once(self, key: object, make: Any) -> Any:
        """A difference, or the reason why there is none, worked out the first time it is asked for."""
        if key not in self.known:
            try:
                self.known[key] = make()
            except _Skipped as skipped:
                self.known[key] = skipped
        found = self.known[key]
        if isinstance(found, _Skipped):
            raise found
        return found


def _step(value: Any) -> Fraction:
    """2^-256; of that a part where the value is small."""
    low, high = ends(value)
    if low is None or high is None:
        raise _Skipped("a value is not finite")
    size = abs(low + high) / 2
    magnitude = size.numerator.bit_length() - size.denominator.bit_length() if size else 0
    return Fraction(2) ** (min(magnitude, 0) - STEP_BITS)
