"""Index equations in an arithmetic other than doubles: balls that contain the true value, or many decimals.

Arrays then hold Python objects, one number each, and NumPy's own + and * work on them. What else the evaluator needs of
an arithmetic stands here: literals, the functions of the table, and decided comparisons.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np

from derive.enclosures import flint, shown
from derive.errors import MissingPartError, UndecidedError
from derive.functions import OPERATIONS

#: What a comparison asks of the sign of left - right.
_ASKED: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "=": operator.eq, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


class Exact(ABC):
    """An arithmetic for arrays of objects.

    kind : the class of its numbers.  A subclass says how a rational is made into one, what functions it has as methods
    of `functions`, and the sign of a number.
    """

    kind: Any
    functions: dict[str, Callable[..., Any]]

    @abstractmethod
    def number(self, value: Any) -> Any:
        """A whole number, a rational or a double as a number of this arithmetic."""

    @abstractmethod
    def constant(self, name: str) -> Any:
        """pi or e."""

    @abstractmethod
    def sign(self, value: Any) -> int:
        """-1, 0 or 1. Raises UndecidedError where the number is not known well enough."""

    def array(self, values: Any) -> Any:
        """Every entry as a number of this arithmetic."""
        kind, number = self.kind, self.number
        made = np.frompyfunc(lambda each: each if each.__class__ is kind else number(each), 1, 1)(np.asarray(values))
        return np.asarray(made, dtype=object)

    def applied(self, name: str, *operands: Any) -> Any:
        """A function of the table, entry by entry."""
        function = self.functions.get(name)
        if function is None:
            row = OPERATIONS[name].value
            function = self.functions[name] = lambda *values: row(self, *values)
        exact = [isinstance(each, (int, float, Fraction)) for each in operands]
        lifted = [each if plain else self.array(each) for each, plain in zip(operands, exact, strict=True)]
        if name == "pow" and exact[1]:
            exponent = Fraction(lifted[1])
            return np.frompyfunc(lambda base: self.power(base, exponent), 1, 1)(lifted[0])
        return np.frompyfunc(function, len(operands), 1)(*lifted)

    @abstractmethod
    def power(self, base: Any, exponent: Any) -> Any:
        """A power, the exponent a rational or a number of this arithmetic."""

    def compared(self, comparison: str, left: Any, right: Any) -> Any:
        """Whether a comparison holds, entry by entry, as truth values."""
        asked, sign = _ASKED[comparison], self.sign
        found = np.frompyfunc(lambda one, two: asked(sign(one - two), 0), 2, 1)(self.array(left), self.array(right))
        return np.asarray(found, dtype=bool)

    def first_largest(self, rows: Any) -> Any:
        """The place of the first largest entry along the last axis; -inf stands for no entry."""

        def first(row: Any) -> int:
            best, winner = None, 0
            for place, each in enumerate(row):
                if isinstance(each, float) and each == -np.inf:
                    continue
                if best is None or self.sign(each - best) > 0:
                    best, winner = each, place
            return winner

        flat = rows.reshape(-1, rows.shape[-1])
        return np.array([first(row) for row in flat], dtype=np.intp).reshape(rows.shape[:-1])

    def __getattr__(self, name: str) -> Any:
        """The functions by name, as rows of the table call them."""
        if name in ("functions", "kind") or name not in self.functions:
            raise AttributeError(name)
        return self.functions[name]


class Certified(Exact):
    """Balls (python-flint's arb) at a working precision of `bits`: what comes out contains the true value."""

    def __init__(self, bits: int = 128) -> None:
        self.flint, self.bits = flint(), bits
        self.kind = self.flint.arb
        zero, one = self.kind(0), self.kind(1)
        named = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "log", "sqrt", "erf")
        self.functions = {name: operator.methodcaller(name) for name in named} | {
            "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
            "neg": operator.neg, "copy": lambda u: u, "pow": self.power, "power": self.power, "abs": abs,
            "sigmoid": lambda u: one / (one + (-u).exp()), "softplus": lambda u: u.exp().log1p(),
            "relu": lambda u: u.max(zero), "max": lambda u, w: u.max(w), "min": lambda u, w: u.min(w),
            "sign": lambda u: self.kind(self.sign(u)),
        }  # fmt: skip

    @contextmanager
    def precision(self) -> Iterator[None]:
        """FLINT's precision is global: set it around an evaluation, and put back what was there."""
        before, self.flint.ctx.prec = self.flint.ctx.prec, self.bits
        try:
            yield
        finally:
            self.flint.ctx.prec = before

    def number(self, value: Any) -> Any:
        if isinstance(value, Fraction):
            return self.kind(self.flint.fmpq(value.numerator, value.denominator))
        return self.kind(int(value) if isinstance(value, np.integer) else value)

    def constant(self, name: str) -> Any:
        return self.kind.pi() if name == "pi" else self.kind(1).exp()

    def sign(self, value: Any) -> int:
        if value > 0:
            return 1
        if value < 0:
            return -1
        if value == 0:
            return 0
        raise UndecidedError(f"the sign of {shown(value)} cannot be decided with {self.bits} bits")

    def power(self, base: Any, exponent: Any) -> Any:
        if exponent.__class__ is Fraction:
            if exponent.denominator == 1:
                return base ** int(exponent)
            if exponent.denominator == 2:
                return base.sqrt() ** int(exponent.numerator)
            exponent = self.number(exponent)
        if base == 0 and exponent > 0:
            return self.kind(0)
        return (exponent * base.log()).exp()


class Decimals(Exact):
    """mpmath's floating point with so many decimals: no bound, but other code than FLINT's, so a witness of it."""

    def __init__(self, decimals: int = 50) -> None:
        try:
            import mpmath
        except ImportError as reason:
            raise MissingPartError("the second evaluation needs mpmath; run: pip install mpmath") from reason
        m = self.context = mpmath.MPContext()
        m.dps = decimals
        self.kind = m.mpf
        named = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "log", "sqrt", "erf")
        self.functions = {name: getattr(m, name) for name in named} | {
            "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
            "neg": operator.neg, "copy": lambda u: u, "pow": self.power, "power": self.power, "abs": abs,
            "sigmoid": lambda u: 1 / (1 + m.exp(-u)), "softplus": lambda u: m.log1p(m.exp(u)),
            "relu": lambda u: max(u, m.mpf(0)), "max": max, "min": min, "sign": lambda u: m.mpf(self.sign(u)),
        }  # fmt: skip

    def number(self, value: Any) -> Any:
        if isinstance(value, Fraction):
            return self.context.mpf(value.numerator) / value.denominator
        return self.context.mpf(int(value) if isinstance(value, np.integer) else value)

    def constant(self, name: str) -> Any:
        return +(self.context.pi if name == "pi" else self.context.e)

    def sign(self, value: Any) -> int:
        return int(value > 0) - int(value < 0)

    def power(self, base: Any, exponent: Any) -> Any:
        if exponent.__class__ is Fraction:
            if exponent.denominator == 1:
                return base ** int(exponent)
            exponent = self.number(exponent)
        return self.context.power(base, exponent)
