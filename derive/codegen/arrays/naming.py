"""Identifiers of emitted code: the author's names where Python allows them, and names for what the code adds."""

from __future__ import annotations

import builtins
import re
from collections.abc import Hashable

from derive.errors import UsageError
from derive.names import INNER_NAME, python_names

#: What emitted code speaks of itself; no array, size or index may take its place.
RESERVED = frozenset({"np", "torch", "F", "math", "sliding_window_view", "NDArray", "Array", "Tensor", *dir(builtins)})
_LONGEST = 40


class Names:
    """One identifier for each thing, distinct; a thing is an array ("array", "W"), a size, an index, a temporary."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.known: dict[Hashable, str] = {}

    def of(self, thing: Hashable, wanted: str) -> str:
        """The identifier of a thing, made when it is first asked for. Raises UsageError: `wanted` is no name."""
        if thing not in self.known:
            if not re.fullmatch(INNER_NAME, wanted):
                raise UsageError(f"{wanted!r} is no name of the plain notation, so no code can be written for it")
            self.known[thing] = self.fresh(wanted)
        return self.known[thing]

    def fresh(self, hint: str) -> str:
        """An identifier that nothing has yet."""
        (plain,) = python_names([hint[:_LONGEST]]).values()
        while plain in self.used or plain in RESERVED:
            plain += "_"
        self.used.add(plain)
        return plain

    def temporary(self, hint: str) -> str:
        """A name for an intermediate result: the hint itself, later hint_2, hint_3."""
        number = 1
        while (wanted := hint if number == 1 else f"{hint}_{number}") in self.used:
            number += 1
        return self.fresh(wanted)


def function_name(name: str) -> str:
    """The name itself, if a function may be called that. Raises UsageError."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or python_names([name])[name] != name or name in RESERVED:
        raise UsageError(f"{name!r} cannot be the name of a function")
    return name
