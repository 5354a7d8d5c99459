"""Options of a layer: what each may be, and how it is read from a value or from the text of a command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from derive.errors import UsageError
from derive.words import nearest

#: A stride, a dilation or a padding beyond this is a slip of the pen.
LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Option:
    """name as on the command line, without the dashes in front.

    kind : "extents" (a whole number for each of `axes` axes, or one for all), "padding" (as extents, or before:after),
        "count" (a whole number), "number" (a decimal, kept as it was written), "flag" or "choice".
    least : the smallest whole number.  default : as it would be read; None is said in `help`.
    """

    name: str
    kind: str
    default: Any
    help: str
    axes: int = 0
    least: int = 1
    choices: tuple[str, ...] = ()


def read_options(layer: str, options: Sequence[Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option by name, read or its default.

    extents are tuples of int, padding is a tuple of pairs, a number stays text. Raises UsageError.
    """
    known = {option.name: option for option in options}
    values: dict[str, Any] = {name: _read(layer, option, option.default) for name, option in known.items()}
    for key, value in given.items():
        name = key.replace("_", "-")
        if name not in known:
            close = nearest(name, known)
            told = ", ".join(f"--{each}" for each in known) or "no options"
            hint = f"did you mean --{close}?" if close else f"it has {told}"
            raise UsageError(f"{layer} has no option --{name}; {hint}")
        values[name] = _read(layer, known[name], value)
    return values


def _read(layer: str, option: Option, value: Any) -> Any:
    """The value of one option. None stands for a default that depends on other options."""
    if value is None:
        return None
    where = f"{layer}: --{option.name}"
    match option.kind:
        case "extents":
            return tuple(_whole(where, option, part) for part in _per_axis(where, option, value))
        case "padding":
            return tuple(_pair(where, option, part) for part in _per_axis(where, option, value))
        case "count":
            return _whole(where, option, value)
        case "flag":
            if value in (True, False):
                return bool(value)
            if value in ("true", "false"):
                return value == "true"
            raise UsageError(f"{where} is {value!r}; it is true or false")
        case "choice":
            if value not in option.choices:
                raise UsageError(f"{where} is {value!r}; it is {' or '.join(option.choices)}")
            return value
    return _decimal(where, value)


def _per_axis(where: str, option: Option, value: Any) -> tuple[Any, ...]:
    """One part for each axis; a single one holds for all."""
    if isinstance(value, str):
        parts: tuple[Any, ...] = tuple(part.strip() for part in value.split(","))
    else:
        parts = tuple(value) if isinstance(value, Sequence) else (value,)
    if len(parts) == 1:
        return parts * option.axes
    if len(parts) != option.axes:
        raise UsageError(f"{where} has {len(parts)} values; give one, or one for each of the {option.axes} axes")
    return parts


def _whole(where: str, option: Option, value: Any) -> int:
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,9}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"{where} is {value!r}; it is a whole number")
    if not option.least <= value <= LARGEST:
        raise UsageError(f"{where} is {value}; it is a whole number from {option.least} to {LARGEST}")
    return value


def _pair(where: str, option: Option, value: Any) -> tuple[int, int]:
    """Padding before and after: 1, "1:2" or (1, 2)."""
    parts = value.split(":") if isinstance(value, str) else value
    pair = tuple(parts) if isinstance(parts, Sequence) else (value,)
    if len(pair) not in (1, 2):
        raise UsageError(f"{where} is {value}; write 1, or 1:2 for one cell before and two after")
    return _whole(where, option, pair[0]), _whole(where, option, pair[-1])


def _decimal(where: str, value: Any) -> str:
    """A number as it is written in a formula, without a sign."""
    text = repr(value) if isinstance(value, float) else str(value)
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", text):
        raise UsageError(f"{where} is {text}; it is a number such as 0.5 or 1e-5")
    return text
