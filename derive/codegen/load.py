"""The only place that compiles: text that our own printer wrote, and SymPy expressions through `sympy.lambdify`.

Nothing here takes a string from anybody: `compiled` takes a Source, which prints itself from lowered lines, or an
ArraySource or UpdateSource, which do so from equations, and `lambdified` takes the lowered lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from derive.codegen.arrays.source import ArraySource
from derive.codegen.lowering import Lowered
from derive.codegen.source import Source
from derive.codegen.updates import UpdateSource
from derive.errors import UsageError

if TYPE_CHECKING:
    from derive.codegen.networks import NetworkSource


def compiled(source: Source | ArraySource | UpdateSource) -> Callable[..., Any]:
    """The function whose text the Source, ArraySource or UpdateSource is.

    Raises UsageError for anything else, a text above all.
    """
    if type(source) not in (Source, ArraySource, UpdateSource):
        raise UsageError(f"only code printed by derive is compiled, and this is a {type(source).__name__}")
    namespace: dict[str, Any] = {"__name__": "derive.codegen.emitted"}
    code = compile(source.text, f"<derive: {source.name}>", "exec", dont_inherit=True)
    exec(code, namespace)  # noqa: S102 - our own printer's text: names are identifiers, other text is escaped
    function: Callable[..., Any] = namespace[source.name]
    return function


def compiled_module(source: NetworkSource) -> dict[str, Any]:
    """The names that the module defines. Raises UsageError for anything that is no NetworkSource."""
    from derive.codegen.networks import NetworkSource

    if type(source) is not NetworkSource:
        raise UsageError(f"only code printed by derive is compiled, and this is a {type(source).__name__}")
    namespace: dict[str, Any] = {"__name__": "derive.codegen.emitted"}
    code = compile(source.text, f"<derive: {source.name}>", "exec", dont_inherit=True)
    exec(code, namespace)  # noqa: S102 - our own printer's text, as above
    return namespace


def lambdified(lowered: Lowered, functions: Mapping[str, Any], library: str | None) -> Callable[..., list[Any]]:
    """`sympy.lambdify` of the lines on Dummy symbols, one assignment a line; answers values and derivatives in a row.

    functions : what SymPy's printer does not know, by name.  library : "numpy" for SymPy's own names of its functions;
        None where `functions` has all of them.
    """
    import sympy  # half a second: only when a callable is made

    from derive.codegen.symbols import symbol_lines

    inputs, lines, results = symbol_lines(lowered)
    modules: list[Any] = [dict(functions), *([library] if library else [])]
    # `cse` may be a function: ours answers the lines as they are, so that no expression is ever put into another
    function: Callable[..., list[Any]] = sympy.lambdify(
        inputs, results, modules=modules, cse=lambda expressions: (lines, results)
    )
    return function
