"""Numbers that a program can be evaluated in: doubles and complex numbers, and what any arithmetic has to supply.

`derive.balls` adds certified numbers, `derive.functions` the formulas that run on all of them.
"""

from __future__ import annotations

import cmath
import math
from typing import Any, Protocol

from derive import tree as t
from derive.errors import UsageError
from derive.functions import Requirement, rational
from derive.tree import Tree


class OutsideDomain(ArithmeticError):
    """An operand outside the domain of a function, before it is known which node it belongs to."""


class Arithmetic(Protocol):
    """What evaluation needs of a number system, besides + - * / and the functions of the table by name."""

    def constant(self, tree: Tree) -> Any: ...
    def order(self, left: Any, right: Any) -> int: ...
    def is_integer(self, value: Any) -> bool: ...
    def show(self, value: Any) -> str: ...


class Comparisons:
    """Powers, kinks and indicators, from `order` (-1, 0 or 1) alone; shared by the real arithmetics."""

    def order(self, left: Any, right: Any) -> int:
        raise NotImplementedError

    def holds(self, comparison: str, left: Any, right: Any) -> int:
        sign = self.order(left, right)
        return int(
            {"<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0, "=": sign == 0, "!=": sign != 0}[
                comparison
            ]
        )

    def sign(self, u: Any) -> int:
        return self.order(u, 0)

    def max(self, u: Any, w: Any) -> Any:
        return u if self.order(u, w) >= 0 else w

    def min(self, u: Any, w: Any) -> Any:
        return u if self.order(u, w) <= 0 else w

    def abs(self, u: Any) -> Any:
        return -u if self.order(u, 0) < 0 else u

    def relu(self, u: Any) -> Any:
        return u if self.order(u, 0) > 0 else 0 * u


class Floats(Comparisons):
    """Double precision, by Python's math module."""

    sin, cos, tan = staticmethod(math.sin), staticmethod(math.cos), staticmethod(math.tan)
    asin, acos, atan = staticmethod(math.asin), staticmethod(math.acos), staticmethod(math.atan)
    sinh, cosh, tanh = staticmethod(math.sinh), staticmethod(math.cosh), staticmethod(math.tanh)
    sqrt, erf = staticmethod(math.sqrt), staticmethod(math.erf)

    def exp(self, u: float) -> float:
        return math.exp(u) if u < 709.78 else math.inf if u > 709.79 else math.exp(min(u, 709.782712893384))

    def log(self, u: float) -> float:
        if u <= 0:
            raise OutsideDomain(Requirement.SENTENCES["positive"])
        return math.log(u)

    def pi(self) -> float:
        return math.pi

    def sigmoid(self, u: float) -> float:
        return 1 / (1 + self.exp(-u)) if u >= 0 else self.exp(u) / (1 + self.exp(u))

    def softplus(self, u: float) -> float:
        return max(u, 0.0) + math.log1p(math.exp(-abs(u)))

    def power(self, base: float, exponent: float) -> float:
        require_base(self, base, exponent)
        try:
            return float(base**exponent)
        except OverflowError:
            return -math.inf if base < 0 and exponent % 2 else math.inf

    def power_rule(self, base: float, exponent: float) -> float:
        return exponent * self.power(base, exponent - 1) if exponent else 0.0

    def constant(self, tree: Tree) -> float:
        return float(constant_in(self, tree))

    def exact(self, value: float) -> float:
        return float(value)

    def order(self, left: float, right: float) -> int:
        return (left > right) - (left < right)

    def is_integer(self, value: float) -> bool:
        return float(value).is_integer()

    def show(self, value: float) -> str:
        return f"{value:.6g}"


class Complexes:
    """Complex numbers, for the complex step. Kinks are decided by the real part; |u| keeps u's imaginary part."""

    sin, cos, tan = staticmethod(cmath.sin), staticmethod(cmath.cos), staticmethod(cmath.tan)
    asin, acos, atan = staticmethod(cmath.asin), staticmethod(cmath.acos), staticmethod(cmath.atan)
    sinh, cosh, tanh = staticmethod(cmath.sinh), staticmethod(cmath.cosh), staticmethod(cmath.tanh)
    exp, log, sqrt = staticmethod(cmath.exp), staticmethod(cmath.log), staticmethod(cmath.sqrt)

    def erf(self, u: complex) -> complex:
        """First order in the imaginary part, which is all that a complex step of 1e-200 sees."""
        return complex(math.erf(u.real), 2 / math.sqrt(math.pi) * math.exp(-(u.real**2)) * u.imag)

    def pi(self) -> float:
        return math.pi

    def sigmoid(self, u: complex) -> complex:
        return 1 / (1 + cmath.exp(-u)) if u.real >= 0 else cmath.exp(u) / (1 + cmath.exp(u))

    def softplus(self, u: complex) -> complex:
        return u + cmath.log(1 + cmath.exp(-u)) if u.real >= 0 else cmath.log(1 + cmath.exp(u))

    def power(self, base: complex, exponent: complex) -> complex:
        if exponent.imag == 0 and float(exponent.real).is_integer() and abs(exponent.real) < 2**31:
            whole = int(exponent.real)
            if base.real < 0:  # Python's polar form would lose a tiny imaginary part beside an argument of pi
                mirrored = complex(-base) ** whole
                return -mirrored if whole % 2 else mirrored
            return complex(base) ** whole
        power: complex = complex(base) ** exponent
        return power

    def constant(self, tree: Tree) -> complex:
        return complex(constant_in(FLOATS, tree))

    def order(self, left: complex, right: complex) -> int:
        a, b = complex(left).real, complex(right).real
        return (a > b) - (a < b)

    holds = Comparisons.holds
    sign = Comparisons.sign
    max = Comparisons.max
    min = Comparisons.min
    abs = Comparisons.abs
    relu = Comparisons.relu

    def is_integer(self, value: complex) -> bool:
        return value.imag == 0 and float(value.real).is_integer()

    def show(self, value: complex) -> str:
        return f"{value:.6g}"


FLOATS = Floats()
COMPLEXES = Complexes()


def constant_in(F: Any, tree: Tree) -> Any:
    """A constant tree in an arithmetic: a literal exactly as a fraction, pi, e."""
    exact = rational(tree)
    if exact is not None:
        return exact
    match tree:
        case t.Name(text="pi"):
            return F.pi()
        case t.Name(text="e"):
            return F.exp(1)
        case t.Negative(body=body):
            return -constant_in(F, body)
    raise UsageError(f"{tree} is no constant")


def require_base(F: Any, base: Any, exponent: Any) -> None:
    """Raise OutsideDomain for 0 to a power that is not positive (except 0^0 = 1) and for roots of negative numbers."""
    whole = F.is_integer(exponent)
    if whole and F.order(exponent, 0) >= 0:
        return  # x^2 needs no sign of x, which a ball around 0 could not give
    sign = F.order(base, 0)
    if sign > 0:
        return
    if sign == 0 and F.order(exponent, 0) > 0:
        return
    if sign < 0 and whole:
        return
    raise OutsideDomain(Requirement.SENTENCES["base"])


def violated(F: Any, requirement: Requirement, operands: tuple[Any, ...]) -> bool:
    """Whether the operands are outside what the requirement asks for."""
    u = operands[requirement.slot]
    match requirement.kind:
        case "positive":
            return bool(F.order(u, 0) <= 0)
        case "nonnegative":
            return bool(F.order(u, 0) < 0)
        case "nonzero":
            return bool(F.order(u, 0) == 0)
        case "unit":
            return bool(F.order(u, 1) > 0 or F.order(u, -1) < 0)
        case "inner unit":
            return bool(F.order(u, 1) >= 0 or F.order(u, -1) <= 0)
        case _:
            try:
                require_base(F, operands[0], operands[1])
            except OutsideDomain:
                return True
            return False
