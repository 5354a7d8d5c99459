"""Real arithmetic in mpmath to so many digits: powers, comparisons, and every function of a work by its own formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

#: Operands above these, of a function and of one made of exponentials, would take more digits than there are.
LARGEST, LARGEST_POWER = 10**300, 10**9
_POWERS = frozenset("exp power sigmoid silu softplus tanh sinh cosh sech csch coth".split())


class NoValue(ArithmeticError):
    """A formula that has no real value at a point."""


class Reals:
    """mp : a context of mpmath of its own. None stands for "no value" among operands and answers."""

    def __init__(self, digits: int, rounding: int) -> None:
        """digits : of every value.  rounding : so many of them may differ between two spellings of one number."""
        from mpmath import MPContext  # half a hundred milliseconds that only wrong rows need

        self.mp = MPContext()
        self.mp.dps = digits
        self.tie = self.mp.mpf(10) ** (rounding - digits)

    def number(self, value: int | Fraction) -> Any:
        if isinstance(value, int):
            return self.mp.mpf(value)
        return self.mp.mpf(value.numerator) / value.denominator

    def product(self, factors: Sequence[tuple[Any, int | Fraction]]) -> Any:
        """The product of value^exponent; None where it has none."""
        if any(value is not None and not value and exponent > 0 for value, exponent in factors):
            return self.mp.mpf(0)  # a product with a false indicator is 0, whatever else stands in it
        product = self.mp.mpf(1)
        for value, exponent in factors:
            if value is None or (exponent < 0 and not value):
                return None
            if exponent.denominator == 1:
                product *= value ** int(exponent)
            elif value < 0:
                return None
            else:
                product *= self.mp.power(value, self.number(exponent))
        return product

    def called(self, name: str, values: Sequence[Any]) -> Any:
        """A function by its name. Raises NoValue where it has no real value."""
        largest = max(map(abs, values), default=0)
        if largest > LARGEST or (name in _POWERS and largest > LARGEST_POWER):
            raise NoValue
        return _FUNCTIONS[name](self, *values)

    def above(self, u: Any, v: Any) -> int:
        """The sign of u - v; 0 also where they are not told apart: one number in two spellings is off by rounding."""
        return 0 if abs(u - v) <= self.tie * (abs(u) + abs(v)) else 1 if u > v else -1


def _logarithm(reals: Reals, u: Any) -> Any:
    if u <= 0:
        raise NoValue
    return reals.mp.log(u)


def _power(reals: Reals, base: Any, exponent: Any) -> Any:
    if base <= 0:
        raise NoValue
    return _FUNCTIONS["exp"](reals, exponent * reals.mp.log(base))


def _inside(inverse: str) -> Callable[[Reals, Any], Any]:
    def value(reals: Reals, u: Any) -> Any:
        if abs(u) > 1:
            raise NoValue
        return getattr(reals.mp, inverse)(u)

    return value


def _reciprocal(below: Callable[[Reals, Any], Any]) -> Callable[[Reals, Any], Any]:
    def value(reals: Reals, u: Any) -> Any:
        found = below(reals, u)
        if not found:
            raise NoValue
        return 1 / found

    return value


def _sigmoid(reals: Reals, u: Any) -> Any:
    return 1 / (1 + reals.mp.exp(-u))


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "pi": lambda reals: +reals.mp.pi,
    "exp": lambda reals, u: reals.mp.exp(u),
    "log": _logarithm,
    "ln": _logarithm,
    "sqrt": lambda reals, u: reals.product([(u, Fraction(1, 2))]),
    "power": _power,
    "sigmoid": _sigmoid,
    "silu": lambda reals, u: u * _sigmoid(reals, u),
    "softplus": lambda reals, u: reals.mp.log(1 + reals.mp.exp(u)),
    "tanh": lambda reals, u: reals.mp.tanh(u),
    "sinh": lambda reals, u: reals.mp.sinh(u),
    "cosh": lambda reals, u: reals.mp.cosh(u),
    "sech": _reciprocal(lambda reals, u: reals.mp.cosh(u)),
    "csch": _reciprocal(lambda reals, u: reals.mp.sinh(u)),
    "coth": _reciprocal(lambda reals, u: reals.mp.tanh(u)),
    "sin": lambda reals, u: reals.mp.sin(u),
    "cos": lambda reals, u: reals.mp.cos(u),
    "tan": lambda reals, u: reals.mp.tan(u),
    "cot": _reciprocal(lambda reals, u: reals.mp.tan(u)),
    "sec": _reciprocal(lambda reals, u: reals.mp.cos(u)),
    "csc": _reciprocal(lambda reals, u: reals.mp.sin(u)),
    "asin": _inside("asin"),
    "acos": _inside("acos"),
    "atan": lambda reals, u: reals.mp.atan(u),
    "erf": lambda reals, u: reals.mp.erf(u),
    "abs": lambda reals, u: abs(u),
    "sign": lambda reals, u: reals.mp.sign(u),
    "sgn": lambda reals, u: reals.mp.sign(u),
    "step": lambda reals, u: reals.mp.mpf(int(u > 0)),
    "heaviside": lambda reals, u: reals.mp.mpf(int(u > 0)),
    "relu": lambda reals, u: max(u, reals.mp.mpf(0)),
    "max": lambda reals, *values: max(values),
    "min": lambda reals, *values: min(values),
    "[=]": lambda reals, u, v: reals.mp.mpf(int(reals.above(u, v) == 0)),
    "[!=]": lambda reals, u, v: reals.mp.mpf(int(reals.above(u, v) != 0)),
    "[>]": lambda reals, u, v: reals.mp.mpf(int(reals.above(u, v) > 0)),
    "[<]": lambda reals, u, v: reals.mp.mpf(int(reals.above(u, v) < 0)),
    "[>=]": lambda reals, u, v: reals.mp.mpf(int(reals.above(u, v) >= 0)),
    "[<=]": lambda reals, u, v: reals.mp.mpf(int(reals.above(u, v) <= 0)),
}
