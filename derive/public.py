"""The public functions on whatever a caller has at hand: text, a tree, a SymPy expression, a Program, a Derivation.

Each of them is the function of the same name one layer below, which takes a Program and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

from derive import tree as t
from derive.arithmetic import FLOATS
from derive.evaluate import tree_value
from derive.program import Program
from derive.step import Derivation
from derive.worked import point, require_branches

if TYPE_CHECKING:
    from derive.codegen.compiled import CompiledFunction

#: A point: text "x1=1.5,x2=1/3", or a mapping from names to numbers, text or trees.
At = Union[Mapping[str, Any], str]


def reverse(target: Any, output: str | None = None) -> Derivation:
    """One reverse sweep: an adjoint line for every node that the output depends on.

    target : text, a tree, a SymPy expression, or a rank-0 Program as `derive.trace` and `derive.record` give it.
    output : the node or its label; the only output where there is one. With several outputs and none named, every
        output has an open seed NAME_bar, an input of the adjoint Program.
    Returns a Derivation whose adjoint Program has the adjoints of the inputs as outputs.
    """
    from derive.adjoints import reverse as sweep

    return sweep(program_of(target), output)


def forward(target: Any) -> Derivation:
    """One forward sweep: a tangent line for every node, the tangents of the inputs open.

    target : as for `reverse`.
    Returns a Derivation whose adjoint Program has the tangents of the outputs as outputs.
    """
    from derive.tangents import forward as sweep

    return sweep(program_of(target))


def jacobian(target: Any, at: At, *, mode: str = "reverse", F: Any = FLOATS) -> dict[str, dict[str, Any]]:
    """Output -> input -> derivative, as numbers of the arithmetic F (floats by default).

    target : as for `reverse`.  at : a value for each input, by node or by the author's name.
    mode : "reverse" takes one sweep an output, "forward" one sweep an input.
    Raises UsageError for an input without a value, DomainError where a recorded function takes another branch.
    """
    from derive.jacobians import jacobian as table

    program = program_of(target)
    return table(program, numbers(program, at, F), mode=mode, F=F)


def hessian(target: Any, at: At, *, output: str | None = None, F: Any = FLOATS) -> dict[str, dict[str, Any]]:
    """Input -> input -> second derivative of one output; the arguments are those of `jacobian`.

    output : the node or label to differentiate, where there are several.
    """
    from derive.jacobians import hessian as table

    program = program_of(target)
    return table(program, numbers(program, at, F), output=output, F=F)


def hessian_vector_product(
    target: Any, at: At, vector: At | Sequence[float], *, output: str | None = None, F: Any = FLOATS
) -> dict[str, Any]:
    """Input -> entry of H v, without H; the arguments are those of `hessian`.

    vector : an entry for each input, in their order, by name, or as text "x=1,y=0".
    """
    from derive.jacobians import hessian_vector_product as product

    program = program_of(target)
    direction = numbers(program, vector, F) if isinstance(vector, (str, Mapping)) else vector
    return product(program, numbers(program, at, F), direction, output=output, F=F)


def to_numpy(target: Any, *, name: str = "function", gradient: bool = True) -> CompiledFunction:
    """A NumPy function of a program: `f(x1, x2) -> (value, (dy/dx1, dy/dx2))`, in float64; its text is `f.source`.

    target : as for `reverse`, every output of which is differentiated; or a Derivation by `reverse`.
    name : the function's name in the source.  gradient : False for the value alone.
    Raises UsageError for a name that is no identifier, and for lines that are not elementary.
    """
    from derive.codegen.to_numpy import to_numpy as write

    return write(target if isinstance(target, Derivation) else program_of(target), name=name, gradient=gradient)


def to_torch(target: Any, *, name: str = "function", gradient: bool = True) -> CompiledFunction:
    """A torch function of a program: as `to_numpy`, on tensors, which stay on their device.

    Raises MissingPartError where torch does not import, UsageError for a name that is no identifier.
    """
    from derive.codegen.to_torch import to_torch as write

    return write(target if isinstance(target, Derivation) else program_of(target), name=name, gradient=gradient)


def program_of(target: Any) -> Program:
    """The Program of text, a tree or a SymPy expression; a Program is answered as it is."""
    if isinstance(target, Derivation):
        return target.primal
    from derive.tracing import trace

    return trace(target)


def numbers(program: Program, at: At, F: Any = FLOATS) -> dict[str, Any]:
    """A point by node, as numbers of the arithmetic F; what is a number already is taken as it is."""
    if isinstance(at, str):
        from derive.reading.points import read_point

        at = read_point(at, dict.fromkeys(map(program.label, program.input_names)))
    values = {}
    for name, value in at.items():
        if isinstance(value, str):
            from derive.reading.reader import read

            value = read(value)
        values[name] = tree_value(F, value, {}) if isinstance(value, t.Operators) else value  # type: ignore[arg-type]
    given: dict[str, Any] = point(program, values)
    require_branches(program, given, F)
    return given


def layers() -> dict[str, str]:
    """The layers that `derive.grad_layer` knows by name, each with a line that says what it is."""
    from derive.subjects.layers.catalogue import LAYERS

    return {name: layer.title for name, layer in LAYERS.items()}
