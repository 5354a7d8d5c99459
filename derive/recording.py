"""Run a Python function on recording variables: its operations become the same Program that its formula would.

Operators, the functions of `derive.elementary` and NumPy ufuncs are recorded. A branch on a value is recorded as taken,
and the Program says so in its remarks.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from derive.arithmetic import FLOATS
from derive.errors import UsageError
from derive.evaluate import tree_value
from derive.functions import OPERATIONS
from derive.plain import formula
from derive.program import Branch, Program
from derive.tape import Slot
from derive.tracing import numbered
from derive.variables import Recording, Variable, constant

_COPY = OPERATIONS["copy"]

#: What NumPy says where an entry of an array of objects has no method of the function's name.
_NO_METHOD = re.compile(r"loop of ufunc does not support argument \d+ of type (?P<entry>\S+) which has no callable "
                        r"(?P<function>\w+) method")  # fmt: skip


def record(
    function: Callable[..., Any],
    at: Mapping[str, float] | Sequence[float] | str | None = None,
    *,
    inputs: Sequence[str] | int | None = None,
) -> Program:
    """Run a Python function once on recording variables, and answer the Program of what it computed.

    function : takes one variable per parameter and returns a scalar, or a tuple, list or array of scalars.
    at : a point, by name, in order, or as text "x=1.5,y=1/3"; needed only where the function branches on a value.
    inputs : names of the inputs, or how many, for a function of *args.
    Returns the Program that `derive.trace` gives for the same formula; several results are several outputs.
    Raises UsageError for what cannot be recorded.
    """
    names, by_name = _input_names(function, inputs)
    recording = Recording(names, _point(names, at))
    tape = recording.tape
    variables = {name: Variable(recording, tape.input()) for name in names}
    given = [variable for name, variable in variables.items() if name not in by_name]
    try:
        results = _scalars(function(*given, **{name: variables[name] for name in by_name}))
    except TypeError as error:
        if explained := _explained(error):
            raise explained from error
        raise
    slots = [
        result.number if isinstance(result, Variable) else tape.push(_COPY, constant(result)) for result in results
    ]
    outputs: list[int] = []
    last: dict[int, int] = {}
    for slot in slots:
        # of several results each is an output of its own: an input is copied, a repetition copies the one before
        is_own = slot not in last and (slot >= len(names) or len(slots) == 1)
        last[slot] = slot if is_own else tape.push(_COPY, last.get(slot, slot))
        outputs.append(last[slot])
    program = numbered(tape, names, outputs, _remarks(recording))
    return replace(program, branches=_branches(recording)) if recording.branches else program


def _point(names: Sequence[str], at: Mapping[str, Any] | Sequence[Any] | str | None) -> dict[str, float]:
    """The point by name, as floats; empty where none is given."""
    if at is None:
        return {}
    if isinstance(at, str):
        from derive.reading.points import read_point

        at = {name: tree_value(FLOATS, tree, {}) for name, tree in read_point(at, names).items()}
    if not isinstance(at, Mapping):
        if len(at) != len(names):
            raise UsageError(f"the point has {len(at)} values, and the inputs are {', '.join(names) or 'none'}")
        at = dict(zip(names, at, strict=True))
    for name in at:
        if name not in names:
            raise UsageError(f"{name} is no input; the inputs are {', '.join(names) or 'none'}")
    for name in names:
        if name not in at:
            raise UsageError(f"{name} has no value in the point {dict(at)}")
    return {name: float(at[name]) for name in names}


def _input_names(
    function: Callable[..., Any], inputs: Sequence[str] | int | None
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The names of the inputs, and those of them that the function takes by name only."""
    if inputs is not None:
        given = tuple(f"x{k}" for k in range(1, inputs + 1)) if isinstance(inputs, int) else tuple(inputs)
        if len(set(given)) < len(given):
            raise UsageError(f"two inputs are called {next(name for name in given if given.count(name) > 1)}")
        _require_fitting(function, given)
        return given, frozenset()
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as reason:
        what = getattr(function, "__name__", type(function).__name__)
        hint = "say them, as in record(f, inputs=['x', 'y'])" if callable(function) else "record takes a function"
        raise UsageError(f"the inputs of {what} are not known; {hint}") from reason
    names = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise UsageError(f"{parameter} may be any number of inputs; say which, as in record(f, inputs=3)")
        if parameter.default is parameter.empty:
            names.append(parameter)
    by_name = frozenset(parameter.name for parameter in names if parameter.kind is parameter.KEYWORD_ONLY)
    return tuple(parameter.name for parameter in names), by_name


def _require_fitting(function: Callable[..., Any], names: Sequence[str]) -> None:
    """Raise UsageError where the function does not take so many inputs."""
    try:
        inspect.signature(function).bind(*names)
    except ValueError:
        return  # a builtin that does not say what it takes
    except TypeError as reason:
        raise UsageError(f"the function does not take the inputs {', '.join(names)}: {reason}") from reason


def _explained(error: TypeError) -> UsageError | None:
    """What NumPy means where it finds no method on an entry of an array; None for any other error."""
    found = _NO_METHOD.search(str(error))
    if found is None:
        return None
    name = found["function"]
    if found["entry"] == Variable.__name__:
        return UsageError(f"numpy.{name} is not among the functions that can be recorded")
    return UsageError(
        f"numpy.{name} of an array that holds both recorded values and a {found['entry']} cannot be recorded; apply "
        f"derive's own function to each entry, as in [derive.exp(u) for u in (x, 1.0)]"
    )


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
        if (left, comparison, right, taken) in found:
            continue
        # a copy of each side keeps the two apart, also where one is an input or both are the same
        ends = [tape.push(_COPY, left), tape.push(_COPY, tape.push(_COPY, right))]
        sides = numbered(tape, recording.inputs, ends)
        found[left, comparison, right, taken] = Branch(sides, {"==": "="}.get(comparison, comparison), taken, place)
    return tuple(found.values())


def _remarks(recording: Recording) -> tuple[str, ...]:
    """Each branch once, with what it compared."""
    if not recording.branches:
        return ()
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
