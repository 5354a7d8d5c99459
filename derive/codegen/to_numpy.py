"""A program or derivation as a NumPy function that returns the value and the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derive.codegen.compiled import CompiledFunction, regrouped
from derive.codegen.lowering import Lowered, lower
from derive.codegen.source import Dialect, Source
from derive.program import Program
from derive.step import Derivation

NUMPY = Dialect(
    column="numpy",
    prefix="np.",
    imports=("import numpy as np", "from numpy.typing import ArrayLike, NDArray"),
    bare_imports=("import numpy as np", "from numpy.typing import NDArray"),
    erf=("_erf = np.vectorize(math.erf, otypes=[np.float64])",),
    argument="ArrayLike",
    result="NDArray[np.float64]",
    broadcast=("{0} = np.broadcast_arrays(*{1})",),
    entry="np.asarray({0}, dtype=np.float64)",
    lone="np.asarray({0}, dtype=np.float64)",
    like="np.full_like({1}, {0})",
    number="np.float64({0})",
    kind="array",
    tensors=False,
)

#: With more lines than this the readable source is compiled instead: `sympy.lambdify` takes seconds then.
LAMBDIFY_LINES = 2000


def to_numpy(target: Program | Derivation, *, name: str = "function", gradient: bool = True) -> CompiledFunction:
    """A NumPy function of a program: `f(x1, x2) -> (value, (dy/dx1, dy/dx2))`, in float64.

    target : a rank-0 Program, of which every output is differentiated, or a Derivation by `derive.reverse`.
    name : the function's name in the source.  gradient : False for the value alone.
    The callable comes from `sympy.lambdify`; above 2,000 lines, where that takes seconds, from the readable source.
    Raises UsageError for a name that is no identifier, and for lines that are not elementary.
    """
    lowered = lower(target, gradient=gradient)
    source = Source(lowered, NUMPY, name)
    labels = tuple(map(lowered.program.label, lowered.program.input_names))
    from derive.codegen.load import compiled

    if sum(1 for _ in lowered.lines) > LAMBDIFY_LINES:
        return CompiledFunction(labels, source, compiled(source))
    source.text  # noqa: B018 - a name that cannot be printed is refused now, not when somebody looks
    return CompiledFunction(labels, source, _callable(lowered))


def _callable(lowered: Lowered) -> Callable[..., Any]:
    """The lambdified lines, between arrays of one shape and results of that shape."""
    import numpy as np  # only when a callable is made

    from derive.codegen.load import lambdified

    function = lambdified(lowered, numpy_functions(), "numpy")
    outputs, inputs, gradient = len(lowered.outputs), len(lowered.program.inputs), bool(lowered.gradients)

    def call(*arguments: Any) -> Any:
        arrays = np.broadcast_arrays(*(np.asarray(argument, dtype=np.float64) for argument in arguments))
        shape = arrays[0].shape if arrays else ()
        results = [
            result if getattr(result, "shape", None) == shape else np.full(shape, result, dtype=np.float64)
            for result in function(*arrays)
        ]
        return regrouped(results, outputs, inputs, gradient=gradient)

    return call


def numpy_functions() -> dict[str, Any]:
    """NumPy's spelling of what SymPy's printer does not know, written apart from the table of operations."""
    import math

    import numpy as np

    def sigmoid(u: Any) -> Any:
        z = np.exp(-np.abs(u))
        return np.where(np.asarray(u) >= 0, 1 / (1 + z), z / (1 + z))

    return {
        "sigmoid": sigmoid,
        "softplus": lambda u: np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u))),
        "relu": lambda u: np.where(np.asarray(u) > 0, u, 0.0),
        "absolute": np.abs,
        "signum": np.sign,
        "maximum": np.maximum,
        "minimum": np.minimum,
        "erf": np.vectorize(math.erf, otypes=[np.float64]),
        "number": np.float64,
        "where": lambda mask, u, other: np.where(mask != 0, u, other),
        "greater": lambda u, w: np.float64(1) * (u > w),
        "less": lambda u, w: np.float64(1) * (u < w),
        "at_least": lambda u, w: np.float64(1) * (u >= w),
        "at_most": lambda u, w: np.float64(1) * (u <= w),
        "equal": lambda u, w: np.float64(1) * (u == w),
        "unequal": lambda u, w: np.float64(1) * (u != w),
    }
