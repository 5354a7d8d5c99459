"""Numbers on a grid: plain arrays, values with the size of what they were made of, and dual numbers.

An array has one axis per place of the grid, of length 1 where the number does not depend on that axis.

`Scaled` carries beside a value the sum of the absolute values of all that was added up to it, each error of an operand
magnified by the local partials: a few eps of it bound the rounding error. `Dual` carries the derivative by one entry;
levels tell nested derivatives apart. Partials are the rows of derive.functions, run on these numbers.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from derive.functions import OPERATIONS

Array = npt.NDArray[Any]
#: An array, a Scaled or a Dual; a Python float is an exact number, such as the 2 of a square.
Number = Any
Change = Callable[[Array], Array]


class _Arithmetic:
    """Python operators, so that a row of the table runs on these numbers."""

    __slots__ = ()
    __array_ufunc__ = None  # an array on the left leaves the operation to us

    def __add__(self, other: Any) -> Any:
        return added(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return added(self, -other)

    def __rsub__(self, other: Any) -> Any:
        return added(-self, other)

    def __mul__(self, other: Any) -> Any:
        return multiplied(self, other)

    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return multiplied(self, -1.0)

    def __truediv__(self, other: Any) -> Any:
        return multiplied(self, applied("pow", other, -1.0))

    def __rtruediv__(self, other: Any) -> Any:
        return multiplied(other, applied("pow", self, -1.0))


class Scaled(_Arithmetic):
    """A value, and what its rounding error is relative to."""

    __slots__ = ("scale", "value")

    def __init__(self, value: Any, scale: Any) -> None:
        self.value, self.scale = value, scale


class Running(Scaled):
    """A value, and how many eps of what its rounding error may be: a first-order error analysis that runs along.

    Each operation adds the rounding of its own result to the errors of its operands, magnified by the partials. Through
    many equations this grows as the error does; the product of two scales would grow with every factor.
    Source: N. Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.3.
    """

    __slots__ = ()


class Dual(_Arithmetic):
    """value + tangent*epsilon of one level, with epsilon^2 = 0."""

    __slots__ = ("level", "tangent", "value")

    def __init__(self, level: int, value: Number, tangent: Number) -> None:
        self.level, self.value, self.tangent = level, value, tangent


def plain(number: Number) -> Any:
    """The value alone."""
    while isinstance(number, (Dual, Scaled)):
        number = number.value
    return number


def tangent_of(number: Number, level: int) -> Number:
    return number.tangent if isinstance(number, Dual) and number.level == level else 0.0


def scale_of(number: Number) -> Any:
    return number.scale if isinstance(number, Scaled) else np.abs(number)


def mapped(number: Number, base: Change, linear: Change | None = None) -> Any:
    """Every array in a number changed: a value and its scale by `base`, a tangent by `linear` (else the same)."""
    rest = linear or base
    if isinstance(number, Dual):
        return Dual(number.level, mapped(number.value, base, rest), mapped(number.tangent, rest))
    if isinstance(number, Scaled):
        return type(number)(base(np.asarray(number.value)), base(np.asarray(number.scale)))
    return base(np.asarray(number))


def _runs(*numbers: Number) -> bool:
    return any(isinstance(number, Running) for number in numbers)


def _level(*numbers: Number) -> int:
    return max((number.level for number in numbers if isinstance(number, Dual)), default=0)


def _parts(number: Number, level: int) -> tuple[Number, Number | None]:
    if isinstance(number, Dual) and number.level == level:
        return number.value, number.tangent
    return number, None


def added(one: Number, two: Number) -> Any:
    level = _level(one, two)
    if level:
        (a, da), (b, db) = _parts(one, level), _parts(two, level)
        tangent = da + db if da is not None and db is not None else da if db is None else db
        return Dual(level, a + b, tangent)
    if isinstance(one, Scaled) or isinstance(two, Scaled):
        value, scale = plain(one) + plain(two), scale_of(one) + scale_of(two)
        return Running(value, scale + np.abs(value)) if _runs(one, two) else Scaled(value, scale)
    return one + two


def multiplied(one: Number, two: Number) -> Any:
    level = _level(one, two)
    if level:
        (a, da), (b, db) = _parts(one, level), _parts(two, level)
        parts = [x * y for x, y in ((da, b), (a, db)) if x is not None and y is not None]
        return Dual(level, a * b, parts[0] if len(parts) == 1 else parts[0] + parts[1])
    if isinstance(one, Scaled) or isinstance(two, Scaled):
        a, b = plain(one), plain(two)
        value = a * b
        if _runs(one, two):
            return Running(value, np.abs(value) + np.abs(a) * scale_of(two) + np.abs(b) * scale_of(one))
        return Scaled(value, scale_of(one) * scale_of(two))
    return one * two


# --- functions --------------------------------------------------------------------------------------------------------


def _relu(u: Any) -> Any:
    return np.maximum(u, 0.0)


_erf = np.vectorize(math.erf, otypes=[np.float64])

#: Rows of the table on plain arrays, by formulas that neither overflow nor cancel.
NUMPY: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "neg": operator.neg, "copy": operator.pos,
    "pow": lambda u, w: u**w,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
    "sigmoid": lambda u: np.exp(-np.logaddexp(0.0, -u)),
    "softplus": lambda u: np.logaddexp(0.0, u),
    "erf": _erf, "abs": np.abs, "sign": np.sign, "relu": _relu, "max": np.maximum, "min": np.minimum,
}  # fmt: skip

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "=": operator.eq, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


class _Functions:
    """F for numbers on a grid."""

    def __getattr__(self, name: str) -> Callable[..., Number]:
        if name not in OPERATIONS:
            raise AttributeError(name)
        return lambda *operands: applied(name, *operands)

    def pi(self) -> float:
        return math.pi

    def power(self, base: Number, exponent: Number) -> Any:
        return applied("pow", base, exponent)

    def power_rule(self, base: Number, exponent: Number) -> Any:
        if isinstance(exponent, (int, float)) and exponent == 0:
            return 0.0
        return exponent * applied("pow", base, exponent - 1.0)

    def holds(self, comparison: str, left: Number, right: Number) -> Any:
        return np.asarray(COMPARISONS[comparison](plain(left), plain(right)), dtype=np.float64)


F = _Functions()


def applied(name: str, *operands: Any) -> Any:
    """A row of the table on numbers.

    Raises FloatingPointError (under np.errstate(divide="raise", invalid="raise")) where it has no value or, for duals
    whose tangent is not 0, no derivative.
    """
    level = _level(*operands)
    if not level and not any(isinstance(each, Scaled) for each in operands):
        function = NUMPY.get(name)
        if function is None:
            return OPERATIONS[name].value(F, *operands)
        if name == "pow" and isinstance(operands[0], float):
            operands = (np.float64(operands[0]), operands[1])  # a Python float raises errors of its own
        return function(*operands)
    partials = OPERATIONS[name].partials
    return lifted(
        lambda *values: applied(name, *values),
        lambda slot, value, *values: partials[slot](F, *values, value),
        *operands,
    )


def lifted(function: Callable[..., Any], partial: Callable[..., Any], *operands: Number) -> Any:
    """A function on duals or scaled numbers, from what it and its partials are on simpler ones.

    partial : (slot, value, *operands) -> the partial derivative.
    """
    level = _level(*operands)
    if level:
        parts = [_parts(each, level) for each in operands]
        values = [value for value, _ in parts]
        result = function(*values)
        tangent: Any = None
        for slot, (_, each) in enumerate(parts):
            if each is not None:
                with np.errstate(all="ignore"):
                    share = unless_zero(partial(slot, result, *values), each)
                tangent = share if tangent is None else tangent + share
        return Dual(level, result, tangent)
    values = [plain(each) for each in operands]
    result = function(*values)
    scale = np.abs(result)
    with np.errstate(all="ignore"):
        for slot, each in enumerate(operands):
            if isinstance(each, Scaled):
                share = np.abs(partial(slot, result, *values)) * each.scale
                scale = scale + np.where(np.isnan(share) | (each.scale == 0), 0.0, share)
    return Running(result, scale) if _runs(*operands) else Scaled(result, scale)


def unless_zero(factor: Number, tangent: Number) -> Any:
    """factor * tangent, and 0 where the tangent is 0 whatever the factor: sqrt' at 0 of what does not change.

    Raises FloatingPointError where the product is no number.
    """
    product = multiplied(factor, tangent)
    if _finite(product):
        return product
    still = _vanishes(tangent)
    product = mapped(product, lambda array: np.where(still, 0.0, array))
    if not _finite(product):
        raise FloatingPointError("a derivative that is not finite")
    return product


def _finite(number: Number) -> bool:
    if isinstance(number, Dual):
        return _finite(number.value) and _finite(number.tangent)
    return bool(np.isfinite(plain(number)).all())


def _vanishes(number: Number) -> Any:
    if isinstance(number, Dual):
        return _vanishes(number.value) & _vanishes(number.tangent)
    return np.equal(plain(number), 0.0)
