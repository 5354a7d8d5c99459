"""Certified arithmetic: exact rationals while they last, then balls (python-flint's arb) that contain the true value.

A sign that a ball does not settle raises UndecidedError; `derive.worked` then tries again with more bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from derive.arithmetic import Comparisons, OutsideDomain, constant_in, require_base
from derive.enclosures import GIANT, exponent, flint, shown
from derive.errors import UndecidedError
from derive.functions import Requirement
from derive.rounding import exact_text
from derive.tree import Tree

#: Exact rationals longer than this become balls.
EXACT_BITS = 4000


class Balls(Comparisons):
    """Numbers are fmpq (exact) or arb (certified) at a working precision of `bits`."""

    def __init__(self, bits: int = 192) -> None:
        self.flint = flint()
        self.bits = bits
        self.arb = self.flint.arb
        self.fmpq = self.flint.fmpq

    @contextmanager
    def precision(self) -> Iterator[None]:
        """FLINT's precision is global: set it around an evaluation, and put back what was there."""
        before = self.flint.ctx.prec
        self.flint.ctx.prec = self.bits
        try:
            yield
        finally:
            self.flint.ctx.prec = before

    def constant(self, tree: Tree) -> Any:
        return self.exact(constant_in(self, tree))

    def exact(self, value: Any) -> Any:
        """An int, Fraction or float as the exact rational that it is."""
        if isinstance(value, float):
            value = Fraction(value)
        if isinstance(value, int):
            return self.fmpq(value)
        if isinstance(value, Fraction):
            return self.kept(self.fmpq(value.numerator, value.denominator))
        return value

    def kept(self, value: Any) -> Any:
        """An exact value that grew too long goes on as a ball."""
        if isinstance(value, self.fmpq) and value.q.bit_length() + value.p.bit_length() > EXACT_BITS:
            return self.arb(value)
        return value

    def ball(self, value: Any) -> Any:
        """A number as a ball, of radius 0 where it is exact and short enough."""
        return value if isinstance(value, self.arb) else self.arb(self.exact(value))

    def __getattr__(self, name: str) -> Any:
        if name not in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "erf"):
            raise AttributeError(name)

        def function(u: Any) -> Any:
            # sin(0), exp(0) ... are exact
            if not isinstance(u, self.arb) and self.exact(u) == 0 and name not in ("acos",):
                return self.fmpq(1 if name in ("cos", "cosh", "exp") else 0)
            return self._finite(getattr(self.ball(u), name)(), name)

        return function

    def _finite(self, value: Any, name: str) -> Any:
        if not value.is_finite():
            raise UndecidedError(
                f"{name} has a pole that cannot be told from the operand, or a value beyond all bounds"
            )
        return value

    def log(self, u: Any) -> Any:
        if self.order(u, 0) <= 0:
            raise OutsideDomain(Requirement.SENTENCES["positive"])
        return self.fmpq(0) if not isinstance(u, self.arb) and self.exact(u) == 1 else self.ball(u).log()

    def sqrt(self, u: Any) -> Any:
        if not isinstance(u, self.arb):
            u = self.exact(u)
            (upper, rest), (lower, remainder) = u.p.sqrtrem(), u.q.sqrtrem()
            if rest == 0 and remainder == 0:  # the square of a rational stays exact
                return self.fmpq(upper, lower)
        return self.ball(u).sqrt()

    def pi(self) -> Any:
        return self.arb.pi()

    def sigmoid(self, u: Any) -> Any:
        return self._finite(1 / (1 + self.ball(-u).exp()), "sigmoid")

    def softplus(self, u: Any) -> Any:
        return self._finite(self.ball(u).exp().log1p(), "softplus")

    # values at a kink need no decision: the ball of either branch will do; only derivatives ask for a sign

    def max(self, u: Any, w: Any) -> Any:
        return self.ball(u).max(self.ball(w)) if self._either_is_ball(u, w) else self.exact(super().max(u, w))

    def min(self, u: Any, w: Any) -> Any:
        return self.ball(u).min(self.ball(w)) if self._either_is_ball(u, w) else self.exact(super().min(u, w))

    def abs(self, u: Any) -> Any:
        return abs(self.exact(u))

    def sign(self, u: Any) -> Any:
        return self.fmpq(self.order(u, 0))  # exact: a quotient of plain integers would be a float

    def holds(self, comparison: str, left: Any, right: Any) -> Any:
        return self.fmpq(super().holds(comparison, left, right))

    def relu(self, u: Any) -> Any:
        return self.max(u, 0)

    def _either_is_ball(self, u: Any, w: Any) -> bool:
        return isinstance(u, self.arb) or isinstance(w, self.arb)

    def power(self, base: Any, exponent: Any) -> Any:
        base, exponent = self.exact(base), self.exact(exponent)
        require_base(self, base, exponent)
        if isinstance(exponent, self.fmpq) and exponent.q == 1:
            whole = int(exponent.p)
            if isinstance(base, self.fmpq):
                length = base.p.bit_length() + base.q.bit_length()
                if length * abs(whole) <= EXACT_BITS:
                    return base**whole
            return self._finite(self.ball(base) ** whole, "a power")
        if self.order(base, 0) == 0:  # an exact zero, also one that is a ball
            return self.fmpq(0)
        if isinstance(exponent, self.fmpq) and exponent == self.fmpq(1, 2):
            return self.sqrt(base)
        return self._finite((self.ball(exponent) * self.ball(base).log()).exp(), "a power")

    def power_rule(self, base: Any, exponent: Any) -> Any:
        exponent = self.exact(exponent)
        if isinstance(exponent, self.fmpq) and exponent == 0:
            return self.fmpq(0)
        return exponent * self.power(base, exponent - 1)

    def order(self, left: Any, right: Any) -> int:
        if left is right:  # one value of one node: a tie, whatever the ball
            return 0
        difference = self.exact(left) - self.exact(right)
        if difference > 0:
            return 1
        if difference < 0:
            return -1
        if not isinstance(difference, self.arb) or difference.is_zero():
            return 0
        decimals = max(0, -(exponent(difference) * 30103 // 100000))
        seen = f"{decimals} decimals" if decimals < GIANT else "all decimals that are affordable"
        raise UndecidedError(f"the sign of a value cannot be decided: it is 0 to {seen}")

    def is_integer(self, value: Any) -> bool:
        value = self.exact(value)
        return isinstance(value, self.fmpq) and value.q == 1

    def show(self, value: Any) -> str:
        """A value in a message: six digits, of giants as well."""
        value = self.exact(value)
        if isinstance(value, self.fmpq) and max(value.p.bit_length(), value.q.bit_length()) < 30:
            return exact_text(Fraction(int(value.p), int(value.q)))
        return shown(self.ball(value))
