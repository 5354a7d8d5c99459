"""Array code for index equations: NumPy, torch, or loops over entries, from the same equations.

numpy_source(equations, program)      einsum, matrix products, views
torch_source(equations, program)      the same, with the library's convolutions
loops_source(equations, program)      the reference, entry by entry
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from derive.codegen.arrays.dialect import Dialect
from derive.codegen.arrays.loops import LOOPS
from derive.codegen.arrays.numpy_dialect import NUMPY
from derive.codegen.arrays.source import ArraySource
from derive.codegen.arrays.torch_dialect import TORCH
from derive.program import Equation, Program

DIALECTS: dict[str, Dialect] = {"numpy": NUMPY, "torch": TORCH, "loops": LOOPS}


def array_source(
    target: str,
    equations: Sequence[Equation],
    program: Program,
    *,
    name: str = "gradients",
    arguments: Sequence[str] | None = None,
    results: Sequence[str] | None = None,
) -> ArraySource:
    """A function that computes the equations, for "numpy", "torch" or "loops".

    equations : adjoints, or any equations over the arrays of the program; forward values that they read are computed
        first, unless they are among the arguments.
    arguments, results : names of arrays; by default what is read and not computed, and what the equations give.
    Raises UsageError for names that are not there, opaque functions, and arrays whose extents vary.
    """
    return ArraySource(
        tuple(equations),
        program,
        DIALECTS[target],
        name,
        None if arguments is None else tuple(arguments),
        None if results is None else tuple(results),
    )


def numpy_source(equations: Sequence[Equation], program: Program, **options: Any) -> str:
    """NumPy code. See array_source."""
    return array_source("numpy", equations, program, **options).text


def torch_source(equations: Sequence[Equation], program: Program, **options: Any) -> str:
    """torch code without autograd. See array_source."""
    return array_source("torch", equations, program, **options).text


def loops_source(equations: Sequence[Equation], program: Program, **options: Any) -> str:
    """Plain loops over NumPy arrays. See array_source."""
    return array_source("loops", equations, program, **options).text


def compiled(source: ArraySource) -> Callable[..., Any]:
    """The function that the source is."""
    from derive.codegen.load import compiled as load

    return load(source)


__all__ = ["ArraySource", "array_source", "compiled", "loops_source", "numpy_source", "torch_source"]
