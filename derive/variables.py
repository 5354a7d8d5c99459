"""Recording variables: an operation on one adds a line to the tape, a comparison asks for the point.

Python's operators, the functions of `derive.elementary` and NumPy's ufuncs all come here.
"""

from __future__ import annotations

import contextlib
import math
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from numbers import Complex, Real
from typing import Any

from derive import functions
from derive import tree as t
from derive.arithmetic import FLOATS
from derive.errors import UsageError
from derive.functions import OPERATIONS, Operation
from derive.tape import Slot, Tape
from derive.tree import Tree

_ADD, _SUB, _MUL, _DIV = (OPERATIONS[name] for name in ("add", "sub", "mul", "div"))
_NEG, _POW = OPERATIONS["neg"], OPERATIONS["pow"]

#: NumPy ufuncs that are one row of the table.
_UFUNCS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "negative": "neg",
    "power": "pow", "float_power": "pow", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "exp": "exp", "log": "log",
    "sqrt": "sqrt", "absolute": "abs", "fabs": "abs", "sign": "sign", "maximum": "max", "minimum": "min",
}  # fmt: skip
#: Those that are several rows, as NumPy defines them.
_COMPOSED: dict[str, Callable[[Any], Any]] = {
    "square": lambda u: u**2,
    "reciprocal": lambda u: 1 / u,
    "positive": lambda u: u,
    "log1p": lambda u: recorded(OPERATIONS["log"], 1 + u),
    "expm1": lambda u: recorded(OPERATIONS["exp"], u) - 1,
    "exp2": lambda u: 2**u,
}
_COMPARED = {"greater": ">", "less": "<", "greater_equal": ">=", "less_equal": "<=", "equal": "==", "not_equal": "!="}


class Recording:
    """One run: the tape, the floating-point values where a point is given, and the branches taken.

    Values are worked out only when a branch asks for them, so that recording without branches costs nothing more.
    """

    __slots__ = ("branches", "inputs", "tape", "values")

    def __init__(self, inputs: Sequence[str], at: Mapping[str, float]) -> None:
        self.tape = Tape()
        self.inputs = tuple(inputs)
        self.branches: list[tuple[int | Tree, str, int | Tree, bool, str]] = []
        self.values: list[float] | None = [float(at[name]) for name in inputs] if at else None

    def value(self, slot: Slot) -> float:
        """The value of a slot at the point; lines recorded since the last question are evaluated now."""
        if not isinstance(slot, int):
            return FLOATS.constant(slot)
        values = self.values
        if values is None:
            raise UsageError(
                "the function branches on a value (max, min, np.maximum and np.sign of an array do, derive.max, "
                "derive.min and derive.sign do not); give a point to record the branch taken, as in "
                "record(f, at={'x': 1.5})"
            )
        for operation, operands in self.tape.rows[len(values) :]:
            if operation is not None:
                given = [values[k] if isinstance(k, int) else FLOATS.constant(k) for k in operands]
                values.append(float(operation.value(FLOATS, *given)))
        return values[slot]


class Variable:
    """A value being recorded: it has a place on the tape and no number of its own."""

    __slots__ = ("number", "recording")
    __array_priority__ = 1000

    def __init__(self, recording: Recording, number: int) -> None:
        self.recording = recording
        self.number = number

    def __add__(self, other: Any) -> Variable:
        return _binary(_ADD, self, other)

    def __radd__(self, other: Any) -> Variable:
        return _reflected(_ADD, other, self)

    def __sub__(self, other: Any) -> Variable:
        return _binary(_SUB, self, other)

    def __rsub__(self, other: Any) -> Variable:
        return _reflected(_SUB, other, self)

    def __mul__(self, other: Any) -> Variable:
        return _binary(_MUL, self, other)

    def __rmul__(self, other: Any) -> Variable:
        return _reflected(_MUL, other, self)

    def __truediv__(self, other: Any) -> Variable:
        return _binary(_DIV, self, other)

    def __rtruediv__(self, other: Any) -> Variable:
        return _reflected(_DIV, other, self)

    def __pow__(self, other: Any) -> Variable:
        return _binary(_POW, self, other)

    def __rpow__(self, other: Any) -> Variable:
        return _reflected(_POW, other, self)

    def __neg__(self) -> Variable:
        return Variable(self.recording, self.recording.tape.push(_NEG, self.number))

    def __pos__(self) -> Variable:
        return self

    def __abs__(self) -> Variable:
        return recorded(OPERATIONS["abs"], self)

    def __lt__(self, other: Any) -> bool:
        return _branch(self, "<", other)

    def __le__(self, other: Any) -> bool:
        return _branch(self, "<=", other)

    def __gt__(self, other: Any) -> bool:
        return _branch(self, ">", other)

    def __ge__(self, other: Any) -> bool:
        return _branch(self, ">=", other)

    def __eq__(self, other: object) -> bool:
        return _branch(self, "==", other)

    def __ne__(self, other: object) -> bool:
        return _branch(self, "!=", other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return _branch(self, "!=", 0)

    def __float__(self) -> float:
        raise UsageError(
            "a recording variable has no number; use derive.sin, derive.exp, ... or NumPy's functions instead of math's"
        )

    def __repr__(self) -> str:
        return f"<recorded value {self.number}>"

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions on scalars; on an array of variables NumPy itself goes through the entries."""
        name = ufunc.__name__
        if method != "__call__" or options:
            raise UsageError(f"numpy.{name}.{method} cannot be recorded; write it entry by entry")
        if any(getattr(operand, "ndim", 0) for operand in inputs):
            import numpy as np  # somebody passed an array, so it is loaded

            pairs = np.broadcast_arrays(*[_boxed(operand) for operand in inputs])
            flat = [ufunc(*entries) for entries in zip(*(pair.ravel() for pair in pairs), strict=True)]
            answer = np.empty(pairs[0].shape, dtype=object)
            answer.ravel()[:] = flat
            return answer
        operands = [operand.item() if hasattr(operand, "item") else operand for operand in inputs]
        if name in _UFUNCS:
            return recorded(OPERATIONS[_UFUNCS[name]], *operands)
        if name in _COMPARED:
            left, right = operands
            return _branch(left, _COMPARED[name], right)
        if name in _COMPOSED:
            return _COMPOSED[name](*operands)
        raise UsageError(f"numpy.{name} is not among the functions that can be recorded")


def _boxed(operand: Any) -> Any:
    import numpy as np

    if isinstance(operand, np.ndarray):
        return operand
    box = np.empty((), dtype=object)
    box[()] = operand
    return box


def _method(name: str) -> Callable[[Variable], Variable]:
    row = functions.CALLABLE[name]
    return lambda self: recorded(row, self)


# NumPy calls the method of that name on every entry of an array of objects
for _name, _row in functions.CALLABLE.items():
    if _row.arity == 1 and _name not in ("abs", "sign"):
        setattr(Variable, _name, _method(_name))
for _name, _row_name in (("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan")):
    setattr(Variable, _name, _method(_row_name))
for _name in ("log1p", "expm1", "exp2"):
    setattr(Variable, _name, _COMPOSED[_name])


def _binary(operation: Operation, left: Variable, other: Any) -> Variable:
    recording = left.recording
    if other.__class__ is Variable:
        if other.recording is not recording:
            raise UsageError("two recordings cannot be mixed")
        return Variable(recording, recording.tape.push(operation, left.number, other.number))
    if getattr(other, "ndim", 0):
        return NotImplemented  # type: ignore[no-any-return]
    return Variable(recording, recording.tape.push(operation, left.number, constant(other)))


def _reflected(operation: Operation, other: Any, right: Variable) -> Variable:
    if getattr(other, "ndim", 0):
        return NotImplemented  # type: ignore[no-any-return]
    return Variable(right.recording, right.recording.tape.push(operation, constant(other), right.number))


def recorded(operation: Operation, *operands: Any) -> Variable:
    """One more line: the operation on variables and numbers."""
    recording = next(operand.recording for operand in operands if isinstance(operand, Variable))
    slots: list[Slot] = []
    for operand in operands:
        if isinstance(operand, Variable):
            if operand.recording is not recording:
                raise UsageError("two recordings cannot be mixed")
            slots.append(operand.number)
        else:
            slots.append(constant(operand))
    return Variable(recording, recording.tape.push(operation, *slots))


def constant(value: Any) -> Tree:
    """A number as a literal of its very value: an integer, a fraction, or the shortest decimal of this double."""
    if isinstance(value, Fraction):
        return t.tree_of(value)
    kind = type(value).__name__
    with contextlib.suppress(TypeError):  # arrays of no axes have the method, and only those of integers an answer
        if hasattr(value, "__index__"):
            return t.tree_of(operator.index(value))
    if not hasattr(value, "__float__") or (isinstance(value, Complex) and not isinstance(value, Real)):
        raise UsageError(f"{kind} cannot be recorded: numbers and recorded values only")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as reason:
        raise UsageError(f"{kind} cannot be recorded: numbers and recorded values only") from reason
    if not math.isfinite(number):
        raise UsageError(f"{number} is no constant that can be recorded")
    if number != value:
        if not hasattr(value, "as_integer_ratio"):
            raise UsageError(f"{kind} {value} is no double; write float(...) around it to have it rounded")
        return t.tree_of(Fraction(*map(int, value.as_integer_ratio())))
    literal = t.Number(repr(abs(number)))
    return t.Negative(literal) if number < 0 else literal


def _branch(left: Any, comparison: str, right: Any) -> bool:
    recording = next(side.recording for side in (left, right) if isinstance(side, Variable))
    slots = [side.number if isinstance(side, Variable) else constant(side) for side in (left, right)]
    a, b = (recording.value(slot) for slot in slots)
    taken = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[comparison]
    frame = sys._getframe(2)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    place = f"line {frame.f_lineno} of {frame.f_code.co_name}"
    recording.branches.append((slots[0], comparison, slots[1], taken, place))
    return taken
