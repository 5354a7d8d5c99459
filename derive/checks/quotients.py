"""Derivatives at one point from difference quotients in certified balls, which know nothing of the table of partials.

A node is moved by a step to both sides as a free variable, and what reads it is worked out again; of a partial that is
one line, of the derivative of the output the rest of the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from derive import tree as t
from derive.arithmetic import OutsideDomain
from derive.balls import Balls
from derive.checks.kinks import at_kink, branch
from derive.enclosures import exponent
from derive.errors import DomainError, UndecidedError
from derive.evaluate import derivative_key, evaluate, sweep, tree_value
from derive.indicators import Undefined, has_indicators, vanishing
from derive.program import Equation, Program
from derive.step import Derivation
from derive.tree import Tree

#: An operand of so many bits that fewer than these are left of its step is not moved: a step that it still shows may
#: be larger than what the function changes in.
LEFT = 128


class NoQuotientError(Exception):
    """A point at which a side has no value that differences could give: a kink, or an undecided sign."""


class Quotients:
    """Values and differences at one point, each worked out when a step asks for it."""

    def __init__(self, derivation: Derivation, point: Mapping[str, Tree], bits: int, step_bits: int) -> None:
        self.derivation, self.program, self.F, self.step_bits = derivation, derivation.primal, Balls(bits), step_bits
        self.problem = ""
        self.values: dict[str, Any] = {}
        self.vanished: set[str] | None = None
        with self.F.precision():
            try:
                inputs = {name: self.F.exact(tree_value(self.F, tree, {})) for name, tree in point.items()}
                self.values = evaluate(self.program, inputs, self.F)
            except (DomainError, UndecidedError, OutsideDomain) as reason:
                self.problem = str(reason)
        if self.values and has_indicators(self.program):
            self.vanished = vanishing(self.program, self.values)
        self.place = {line.name: k for k, line in enumerate(self.program)}
        self.node_for = {name: node for node, name in derivation.names.items()}
        # any direction will do for tangents: 1, 1/2, 1/3, ... in the order of the inputs
        self.direction = {name: Fraction(1, k + 1) for k, name in enumerate(self.program.input_names)}
        self.known: dict[object, Any] = {}

    def apart(self, before: Tree, after: Tree) -> tuple[Any, Any]:
        """The difference of both sides as a ball, and the largest size in them and in their terms.

        Raises NoQuotientError where there is none.
        """
        return self._apart(
            lambda: [
                self.side(before),
                self.side(after),
                *(part for side in (before, after) for part in self.terms(side)),
            ]
        )

    def gradient_apart(self, node: str) -> tuple[Any, Any]:
        """The same of the derivation's own derivative by an input, and the quotient of the output."""

        def sides() -> list[Any]:
            found = self.once("gradient", lambda: sweep(self.derivation, self.values, self.F))
            return [found.get(self.derivation.names[node], 0), self.total(node)]

        return self._apart(sides)

    def _apart(self, sides: Callable[[], list[Any]]) -> tuple[Any, Any]:
        if self.problem:
            raise NoQuotientError(self.problem)
        with self.F.precision():
            try:
                parts = [self.F.ball(part) for part in sides()]
            except (DomainError, UndecidedError, OutsideDomain, ZeroDivisionError) as reason:
                raise NoQuotientError(str(reason)) from reason
            difference = parts[0] - parts[1]
            if not all(value.is_finite() for value in (difference, *parts)):
                raise NoQuotientError("a value is not finite")
            return difference, max(part.abs_upper() for part in parts)

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
            return self.value(name)
        node = self.node_for.get(name)
        if node is None:
            return None
        return self.total(node) if self.derivation.mode == "reverse" else self.tangent(node)

    def value(self, node: str) -> Any:
        value = self.values[node]
        if isinstance(value, Undefined):
            raise NoQuotientError(f"{node} is undefined, and a false indicator hides it")
        return value

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
        h = self.F.exact(self.step(node))
        plus, minus = (self.moved(lines, {node: self.value(node) + move}, (result,)) for move in (h, -h))
        return (plus[result] - minus[result]) / (2 * h)

    def tangent(self, node: str) -> Any:
        """The derivative of a node along the direction: the whole trace at x + hs and x - hs."""

        def both() -> tuple[Any, list[dict[str, Any]]]:
            h = min(map(self.step, self.direction))
            sides = []
            for sign in (1, -1):
                moves = {name: self.F.exact(sign * h * s) for name, s in self.direction.items()}
                change = {name: self.values[name] + move for name, move in moves.items()}
                sides.append(self.moved(self.program, change, ()))
            return self.F.exact(h), sides

        h, (plus, minus) = self.once("direction", both)
        if isinstance(plus[node], Undefined) or isinstance(minus[node], Undefined):
            raise NoQuotientError(f"{node} is undefined, and a false indicator hides it")
        return (plus[node] - minus[node]) / (2 * h)

    def moved(self, lines: Iterable[Equation], change: Mapping[str, Any], results: tuple[str, ...]) -> dict[str, Any]:
        """All values, those worked out again that read what was changed.

        Raises NoQuotientError where a line changes its branch, DomainError where a result is lost.
        """
        touched = set(change)
        read = []
        for line in lines:
            if not touched.isdisjoint(line.source.operands):
                touched.add(line.name)
                read.append(line)
        inputs = {**self.values, **change}
        vanished = None if self.vanished is None else self.vanished - touched
        found = evaluate(Program(tuple(inputs), tuple(read), results), inputs, self.F, vanished=vanished)
        for line in read:
            side = branch(self.F, line, self._value_in(self.values))
            if side is not None and branch(self.F, line, self._value_in(found)) != side:
                raise NoQuotientError(at_kink(line))
        return found

    def _value_in(self, values: Mapping[str, Any]) -> Any:
        return lambda operand: values[operand] if isinstance(operand, str) else self.F.constant(operand)

    def step(self, node: str) -> Fraction:
        """2^-step_bits; of an operand below 1 that part of it."""
        value = self.F.ball(self.value(node))
        size = 0 if value.contains(0) else exponent(value)
        if size > self.F.bits - self.step_bits - LEFT:
            raise NoQuotientError(f"{node} is too large to be moved")
        return Fraction(2) ** (min(size, 0) - self.step_bits)

    def once(self, key: object, make: Any) -> Any:
        """A difference, or the reason why there is none, worked out the first time it is asked for."""
        if key not in self.known:
            try:
                self.known[key] = make()
            except NoQuotientError as reason:
                self.known[key] = reason
        found = self.known[key]
        if isinstance(found, NoQuotientError):
            raise found
        return found
