"""Lowered lines as SymPy expressions on Dummy symbols, for `sympy.lambdify`; built by constructor, never from text."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from derive import tree as t
from derive.arithmetic import constant_in
from derive.codegen.lowering import Applied, Expression, Lowered
from derive.functions import COMPARISONS
from derive.symbolic import FUNCTIONS
from derive.tree import Tree


class Symbols:
    """F for SymPy: a row of the table run on it gives its SymPy expression.

    Comparisons are opaque functions named as their rows (greater, at_most, ...): the library spells them out.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in FUNCTIONS:
            raise AttributeError(name)
        return FUNCTIONS[name]

    def pi(self) -> Any:
        return sympy.pi

    def power(self, base: Any, exponent: Any) -> Any:
        return sympy.Pow(base, exponent)

    def power_rule(self, base: Any, exponent: Any) -> Any:
        return exponent * sympy.Pow(base, exponent - 1)

    def holds(self, comparison: str, left: Any, right: Any) -> Any:
        return sympy.Function(COMPARISONS[comparison].name)(left, right)

    def where(self, mask: Any, value: Any, other: Fraction) -> Any:
        return sympy.Function("where")(mask, value, self.exact(other))

    def constant(self, tree: Tree) -> Any:
        return self.exact(constant_in(self, tree))

    def exact(self, value: Any) -> Any:
        """A Fraction or int as a Rational; SymPy objects as they are."""
        return value if isinstance(value, sympy.Basic) else sympy.Rational(value.numerator, value.denominator)


SYMBOLS = Symbols()
#: A constant that stands where a library's function takes no plain number.
NUMBER = sympy.Function("number")


def symbol_lines(lowered: Lowered) -> tuple[list[Any], list[tuple[Any, Any]], list[Any]]:
    """Dummy inputs, (Dummy, expression) for each line in order, and the results: values, then derivatives."""
    symbols: dict[str, Any] = {}
    for name in lowered.program.input_names:
        symbols[name] = sympy.Dummy()
    inputs = list(symbols.values())
    lines = []
    for line in lowered.lines:
        expression = symbol_expression(line.value, symbols)
        if expression.is_Number:  # SymPy finds x - x to be 0; as a plain integer it would go its own ways
            expression = NUMBER(expression)
        symbols[line.name] = symbol = sympy.Dummy()
        lines.append((symbol, expression))
    names = [*lowered.outputs, *(name for gradient in lowered.gradients for name in gradient)]
    return inputs, lines, [symbols[name] for name in names]


def symbol_expression(value: Expression, symbols: dict[str, Any]) -> Any:
    """A lowered expression over symbols. Lowering bounds the depth."""
    if isinstance(value, str):
        return symbols[value]
    if not isinstance(value, Applied):
        return NUMBER(SYMBOLS.constant(value))
    operation, operands = value
    alone = not operation.infix or all(isinstance(operand, t.Operators) for operand in operands)
    parts = []
    for operand in operands:
        if isinstance(operand, (str, Applied)) or alone:
            parts.append(symbol_expression(operand, symbols))
        else:  # beside another operand of an operator a plain number will do, but for 0: SymPy makes x/0 a symbol
            number = SYMBOLS.constant(operand)
            parts.append(number if number else NUMBER(number))
    return operation.value(SYMBOLS, *parts)
