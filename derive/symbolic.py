"""SymPy objects for what SymPy lacks: Guard (Iverson bracket), and the activations, with our conventions at a kink.

Built by constructor only; no string ever reaches SymPy.
"""

from __future__ import annotations

from typing import Any

import sympy


class Guard(sympy.Expr):  # type: ignore[misc]
    """[condition, ...]: 1 where all conditions hold, 0 elsewhere; constant under differentiation.

    A product with a false guard is 0 whatever its other factors: `derive.evaluate` reads it before them.
    """

    is_commutative = True
    is_real = True
    is_integer = True
    is_nonnegative = True

    def __new__(cls, *conditions: Any) -> Any:
        kept: list[Any] = []
        for condition in conditions:
            if condition in (False, sympy.false):
                return sympy.Integer(0)
            if condition not in (True, sympy.true, *kept):
                kept.append(condition)
        if not kept:
            return sympy.Integer(1)
        return sympy.Expr.__new__(cls, *kept)

    def _eval_derivative(self, symbol: Any) -> Any:
        return sympy.Integer(0)

    def _latex(self, printer: Any) -> str:
        return r"\left[" + ",\\ ".join(printer._print(argument) for argument in self.args) + r"\right]"

    def _sympystr(self, printer: Any) -> str:
        return "[" + ", ".join(printer._print(argument) for argument in self.args) + "]"


class Partial(sympy.Function):  # type: ignore[misc]
    """The partial derivative of one line by one of its operands, not yet worked out: an opaque pair of names."""

    nargs = 2


class sigmoid(sympy.Function):  # type: ignore[misc]
    """1/(1 + exp(-u))."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return self * (1 - self)


class softplus(sympy.Function):  # type: ignore[misc]
    """log(1 + exp(u))."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return sigmoid(self.args[0])


class relu(sympy.Function):  # type: ignore[misc]
    """max(u, 0), with relu'(0) = 0."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return Guard(sympy.StrictGreaterThan(self.args[0], 0))


class absolute(sympy.Function):  # type: ignore[misc]
    """|u|, with abs'(0) = 0."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return signum(self.args[0])


class signum(sympy.Function):  # type: ignore[misc]
    """-1, 0 or 1; derivative 0."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.Integer(0)


class maximum(sympy.Function):  # type: ignore[misc]
    """The larger of two; a tie goes to the first operand. Unlike sympy.Max it keeps the order of its operands."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> Any:
        relation = sympy.GreaterThan if argindex == 1 else sympy.StrictLessThan
        return Guard(relation(*self.args))


class minimum(sympy.Function):  # type: ignore[misc]
    """The smaller of two; a tie goes to the first operand."""

    nargs = 2

    def fdiff(self, argindex: int = 1) -> Any:
        relation = sympy.LessThan if argindex == 1 else sympy.StrictGreaterThan
        return Guard(relation(*self.args))


RELATIONS: dict[str, Any] = {
    "=": sympy.Equality, "!=": sympy.Unequality, "<": sympy.StrictLessThan,
    "<=": sympy.LessThan, ">": sympy.StrictGreaterThan, ">=": sympy.GreaterThan,
}  # fmt: skip

#: Name in the plain notation -> SymPy constructor.
FUNCTIONS: dict[str, Any] = {
    **{name: getattr(sympy, name) for name in
       "sin cos tan asin acos atan sinh cosh tanh exp log sqrt erf".split()},
    "abs": absolute, "sign": signum, "max": maximum, "min": minimum,
    "relu": relu, "sigmoid": sigmoid, "softplus": softplus,
}  # fmt: skip


def size_symbol(name: str) -> Any:
    """A size as SymPy symbol: a positive integer."""
    return sympy.Symbol(name, integer=True, positive=True)


def fresh(symbol: Any) -> Any:
    """Another index of the same name, equal to no symbol there is: for bound indices, so that nothing is captured."""
    return sympy.Dummy(symbol.name, integer=True)


def names_read(expr: Any) -> tuple[str, ...]:
    """Names of the values an expression reads, in order of first appearance: symbols and arrays.

    Indices and sizes are integers and no values. The order is that of SymPy's arguments, the same in every run.
    """
    seen: dict[str, None] = {}
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, sympy.Indexed):
            seen.setdefault(str(node.base.label))
            stack.extend(reversed(node.indices))
        elif isinstance(node, sympy.Symbol):
            if not node.is_integer:
                seen.setdefault(node.name)
        else:
            stack.extend(reversed(node.args))
    return tuple(seen)
