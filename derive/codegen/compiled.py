"""A compiled function: callable on numbers and arrays, and readable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from derive.codegen.source import Source, parameters_by_name
from derive.errors import UsageError


@dataclass(frozen=True, repr=False)
class CompiledFunction:
    """`f(x1, x2) -> (value, (d1, d2))`; arrays are broadcast, and all results have the broadcast shape.

    inputs : the author's names, in the order of the arguments; they are the keywords too.
    source : readable source text of the same function.
    With several outputs the value is a tuple, and the gradient a tuple of tuples.
    """

    inputs: tuple[str, ...]
    written: Source
    call: Callable[..., Any] = field(compare=False)

    @property
    def source(self) -> str:
        return self.written.text

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.call(*self._in_order(arguments, named))

    def from_source(self) -> CompiledFunction:
        """The same function, compiled from the readable text instead of by `sympy.lambdify`."""
        from derive.codegen.load import compiled

        return replace(self, call=compiled(self.written))

    def _in_order(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> list[Any]:
        count = len(self.inputs)
        listed = ", ".join(self.inputs) or "nothing"
        if len(arguments) > count:
            raise UsageError(f"the function takes {count} inputs ({listed}), not {len(arguments)}")
        values: dict[int, Any] = dict(enumerate(arguments))
        places = parameters_by_name(self.written) if named else {}
        for name, value in named.items():
            place = places.get(name)
            if place is None:
                raise UsageError(f"{name} is no input; the inputs are {listed}")
            if place in values:
                raise UsageError(f"{name} is given two values")
            values[place] = value
        missing = [name for k, name in enumerate(self.inputs) if k not in values]
        if missing:
            raise UsageError(f"{missing[0]} has no value; the inputs are {listed}")
        return [values[k] for k in range(count)]

    def __repr__(self) -> str:
        return self.source

    def _repr_html_(self) -> str:
        import html  # for notebooks only

        return f"<pre><code>{html.escape(self.source)}</code></pre>"


def regrouped(results: list[Any], outputs: int, inputs: int, *, gradient: bool) -> Any:
    """Values and derivatives in a row -> (value, gradient), as the readable source returns them."""
    values = results[0] if outputs == 1 else tuple(results[:outputs])
    if not gradient:
        return values
    rows = [tuple(results[outputs + k * inputs : outputs + (k + 1) * inputs]) for k in range(outputs)]
    return values, rows[0] if outputs == 1 else tuple(rows)
