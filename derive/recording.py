"""Run a Python function on recording variables: its operations become the same Program that its formula would.

Operators, the functions of `derive.elementary` and NumPy ufuncs are recorded. A branch on a value is recorded as taken,
and the Program says so in its remarks.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from derive import functions
from derive import tree as t
from derive.errors import UsageError
from derive.evaluate import FLOATS
from derive.functions import OPERATIONS, Operation
from derive.program import Branch, Program
from derive.tape import Slot, Tape
from derive.tracing import numbered
from derive.tree import Tree

_ADD, _SUB, _MUL, _DIV = (OPERATIONS[name] for name in ("add", "sub", "mul", "div"))
_NEG, _POW, _COPY = OPERATIONS["neg"], OPERATIONS["pow"], OPERATIONS["copy"]

#: NumPy ufuncs that are one row of the table.
_UFUNCS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "negative": "neg",
    "power": "pow", "float_power": "pow", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "exp": "exp", "log": "log",
    "sqrt": "sqrt", "absolute": "abs", "fabs": "abs", "sign": "sign", "maximum": "max", "minimum": "min",
}  # fmt: skip
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
                "the function branches on a value; give a point to record the branch taken, "
                "as in record(f, at={'x': 1.5})"
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
        u = operands[0]
        match name:
            case "square":
                return u**2
            case "reciprocal":
                return 1 / u
            case "positive":
                return u
            case "log1p":
                return recorded(OPERATIONS["log"], 1 + u)
            case "expm1":
                return recorded(OPERATIONS["exp"], u) - 1
            case "exp2":
                return 2**u
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


def _binary(operation: Operation, left: Variable, other: Any) -> Variable:
    recording = left.recording
    if other.__class__ is Variable:
        if other.recording is not recording:
            raise UsageError("two recordings cannot be mixed")
        return Variable(recording, recording.tape.push(operation, left.number, other.number))
    if getattr(other, "ndim", 0):
        return NotImplemented  # type: ignore[no-any-return]
    return Variable(recording, recording.tape.push(operation, left.number, _constant(other)))


def _reflected(operation: Operation, other: Any, right: Variable) -> Variable:
    if getattr(other, "ndim", 0):
        return NotImplemented  # type: ignore[no-any-return]
    return Variable(right.recording, right.recording.tape.push(operation, _constant(other), right.number))


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
            slots.append(_constant(operand))
    return Variable(recording, recording.tape.push(operation, *slots))


def _constant(value: Any) -> Tree:
    """A Python number as a literal: an integer, a fraction, or the shortest decimal that means this double."""
    if isinstance(value, (int, Fraction)):
        return t.tree_of(value if isinstance(value, Fraction) else int(value))
    try:
        number = float(value)
    except (TypeError, ValueError) as reason:
        raise UsageError(f"{type(value).__name__} cannot be recorded: numbers and recorded values only") from reason
    if not math.isfinite(number):
        raise UsageError(f"{number} is no constant that can be recorded")
    literal = t.Number(repr(abs(number)))
    return t.Negative(literal) if number < 0 else literal


def _branch(left: Any, comparison: str, right: Any) -> bool:
    recording = next(side.recording for side in (left, right) if isinstance(side, Variable))
    slots = [side.number if isinstance(side, Variable) else _constant(side) for side in (left, right)]
    a, b = (recording.value(slot) for slot in slots)
    taken = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[comparison]
    frame = sys._getframe(2)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    place = f"line {frame.f_lineno} of {frame.f_code.co_name}"
    recording.branches.append((slots[0], comparison, slots[1], taken, place))
    return taken


def record(
    function: Callable[..., Any],
    at: Mapping[str, float] | Sequence[float] | None = None,
    *,
    inputs: Sequence[str] | int | None = None,
) -> Program:
    """Run a Python function once on recording variables, and answer the Program of what it computed.

    function : takes one variable per parameter and returns a scalar, or a tuple, list or array of scalars.
    at : a point, by name or in order; needed only where the function branches on a value.
    inputs : names of the inputs, or how many, for a function of *args.
    Returns the Program that `derive.trace` gives for the same formula; several results are several outputs.
    Raises UsageError for what cannot be recorded.
    """
    names = _input_names(function, inputs)
    point: Mapping[str, float] = at if isinstance(at, Mapping) else dict(zip(names, at or (), strict=False))
    if at is not None and (missing := [name for name in names if name not in point]):
        raise UsageError(f"{missing[0]} has no value in the point {dict(point)}")
    recording = Recording(names, point)
    tape = recording.tape
    variables = [Variable(recording, tape.input()) for _ in names]
    results = function(*variables)
    outputs: list[Slot] = []
    for result in _scalars(results):
        slot: Slot = result.number if isinstance(result, Variable) else tape.push(_COPY, _constant(result))
        while slot in outputs or (isinstance(slot, int) and slot < len(names)):
            slot = tape.push(_COPY, slot)  # every result is an output of its own, also an input or a repetition
        outputs.append(slot)
    program = numbered(tape, names, outputs, _remarks(recording))
    return replace(program, branches=_branches(recording)) if recording.branches else program


def _input_names(function: Callable[..., Any], inputs: Sequence[str] | int | None) -> tuple[str, ...]:
    if isinstance(inputs, int):
        return tuple(f"x{k}" for k in range(1, inputs + 1))
    if inputs is not None:
        return tuple(inputs)
    names = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise UsageError(f"{parameter} may be any number of inputs; say which, as in record(f, inputs=3)")
        if parameter.default is parameter.empty:
            names.append(parameter.name)
    return tuple(names)


def _scalars(results: Any) -> list[Any]:
    if hasattr(results, "ravel"):
        results = list(results.ravel())
    if isinstance(results, (tuple, list)):
        return list(results)
    return [results]


def _branches(recording: Recording) -> tuple[Branch, ...]:
    """Each comparison once, with the lines that its two sides take."""
    tape = recording.tape
    found: dict[tuple[Slot, str, Slot, bool], Branch] = {}
    for left, comparison, right, taken, place in recording.branches:
        # a copy of each side keeps the two apart, also where one is an input or both are the same
        ends = [tape.push(_COPY, left), tape.push(_COPY, tape.push(_COPY, right))]
        sides = numbered(tape, recording.inputs, ends)
        found[left, comparison, right, taken] = Branch(sides, {"==": "="}.get(comparison, comparison), taken, place)
    return tuple(found.values())


def _remarks(recording: Recording) -> tuple[str, ...]:
    """Each branch once, with what it compared."""
    if not recording.branches:
        return ()
    from derive.plain import formula  # only where a branch is to be told

    sentences = []
    for left, comparison, right, taken, place in recording.branches:
        sides = [_described(recording, side) if isinstance(side, int) else formula(side) for side in (left, right)]
        answer = "true" if taken else "false"
        sentences.append(
            f"{place}: {sides[0]} {comparison} {sides[1]} was {answer} at the point; only this branch is recorded"
        )
    return tuple(dict.fromkeys(sentences))


def _described(recording: Recording, number: int) -> str:
    if number < len(recording.inputs):
        return recording.inputs[number]
    return f"an intermediate value ({recording.value(number):.6g})"
