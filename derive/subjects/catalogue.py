"""One registry of names for all commands: what can be solved, with which parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from derive.errors import UsageError


@dataclass(frozen=True, slots=True)
class Parameter:
    """name as on the command line, without dashes; `least` and `most` bound a whole number."""

    name: str
    default: int
    least: int
    most: int
    help: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A worked solution: its name, what it is, where it comes from, and the module whose `solution` builds it."""

    name: str
    title: str
    source: str
    module: str
    parameters: tuple[Parameter, ...] = ()
    commands: tuple[str, ...] = ("solve",)

    def as_data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "commands": list(self.commands),
            "parameters": [
                {"name": p.name, "default": p.default, "least": p.least, "most": p.most, "help": p.help}
                for p in self.parameters
            ],
        }


ENTRIES = (
    Entry(
        "griewank",
        "Reverse mode automatic differentiation by hand",
        "A. Griewank, A. Walther, Evaluating Derivatives (2008); course sheet 003, exercise 1",
        "derive.solutions.griewank",
    ),
    Entry(
        "logarithm",
        "A logarithm and a quotient",
        "ln(x1 x2) + x1/x2 at (3, 2)",
        "derive.solutions.scalars",
    ),
    Entry(
        "neuron",
        "A neuron with tanh",
        "tanh(w1 x1 + w2 x2 + b), differentiated by its weights and its inputs",
        "derive.solutions.scalars",
    ),
    Entry(
        "speelpenning",
        "A product of many inputs",
        "B. Speelpenning, Compiling Fast Partial Derivatives of Functions Given by Algorithms (1980)",
        "derive.solutions.scalars",
        (Parameter("inputs", 5, 2, 1000, "how many factors"),),
    ),
)

BY_NAME: Mapping[str, Entry] = {entry.name: entry for entry in ENTRIES}


def find(name: str) -> Entry:
    """The entry of that name; - and _ are the same. Raises UsageError with the nearest name."""
    from derive.words import nearest

    entry = BY_NAME.get(name.replace("_", "-").lower())
    if entry is None:
        close = nearest(name, BY_NAME)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(BY_NAME)}"
        raise UsageError(f"the catalogue has no {name}; {hint}")
    return entry
