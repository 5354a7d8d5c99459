"""A program or derivation as a torch function that returns the value and the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derive.codegen.compiled import CompiledFunction, regrouped
from derive.codegen.lowering import Lowered, lower
from derive.codegen.source import Dialect, Source
from derive.codegen.to_numpy import LAMBDIFY_LINES
from derive.errors import MissingPartError
from derive.program import Program
from derive.step import Derivation

TORCH = Dialect(
    column="torch",
    prefix="torch.",
    imports=("import torch",),
    bare_imports=("import torch",),
    erf=(),
    argument="torch.Tensor | float",
    result="torch.Tensor",
    broadcast=(
        "{2} = [torch.as_tensor(entry, dtype=torch.float64) for entry in {1}]",
        "{0} = torch.broadcast_tensors(*{2})",
    ),
    entry="{0}",
    lone="torch.as_tensor({0}, dtype=torch.float64)",
    like="torch.full_like({1}, {0})",
    number="torch.tensor({0}, dtype=torch.float64)",
    kind="tensor",
    tensors=True,
)


def torch_module() -> Any:
    """torch, or MissingPartError with the line that installs it."""
    try:
        import torch  # a second: only when torch code is asked for
    except ModuleNotFoundError as reason:
        if reason.name == "torch":
            message = "this needs torch, which is not installed; run: pip install torch==2.13.0"
        else:
            message = f"torch is installed but does not load ({reason}); run: pip install torch==2.13.0"
        raise MissingPartError(message) from reason
    except (ImportError, OSError, RuntimeError) as reason:  # a library it needs is missing or does not fit
        raise MissingPartError(
            f"torch is installed but does not load ({reason}); run: pip install torch==2.13.0"
        ) from reason
    return torch


def to_torch(target: Program | Derivation, *, name: str = "function", gradient: bool = True) -> CompiledFunction:
    """A torch function of a program: `f(x1, x2) -> (value, (dy/dx1, dy/dx2))`, in float64.

    target : a rank-0 Program, of which every output is differentiated, or a Derivation by `derive.reverse`.
    name : the function's name in the source.  gradient : False for the value alone.
    Tensors stay on their device, and autograd may run through the function.
    The callable comes from `sympy.lambdify`; above 2,000 lines, where that takes seconds, from the readable source.
    Raises MissingPartError where torch does not import, UsageError for a name that is no identifier.
    """
    torch_module()
    lowered = lower(target, gradient=gradient)
    source = Source(lowered, TORCH, name)
    labels = tuple(map(lowered.program.label, lowered.program.input_names))
    from derive.codegen.load import compiled

    if sum(1 for _ in lowered.lines) > LAMBDIFY_LINES:
        return CompiledFunction(labels, source, compiled(source))
    source.text  # noqa: B018 - a name that cannot be printed is refused now, not when somebody looks
    return CompiledFunction(labels, source, _callable(lowered))


def _callable(lowered: Lowered) -> Callable[..., Any]:
    """The lambdified lines, between tensors of one shape and results of that shape."""
    torch = torch_module()
    from derive.codegen.load import lambdified

    # SymPy's printer for torch writes plain numbers into functions that take tensors only, so that all names are ours
    function = lambdified(lowered, torch_functions(torch), None)
    outputs, inputs, gradient = len(lowered.outputs), len(lowered.program.inputs), bool(lowered.gradients)

    def call(*arguments: Any) -> Any:
        given = [torch.as_tensor(argument, dtype=torch.float64) for argument in arguments]
        tensors = torch.broadcast_tensors(*given) if given else []
        shape = tensors[0].shape if tensors else ()
        results = [
            torch.broadcast_to(torch.as_tensor(result, dtype=torch.float64), shape) for result in function(*tensors)
        ]
        return regrouped(results, outputs, inputs, gradient=gradient)

    return call


def torch_functions(torch: Any) -> dict[str, Any]:
    """torch's spelling of SymPy's functions and of ours, written apart from the table of operations."""

    def number(value: Any) -> Any:
        return torch.as_tensor(value, dtype=torch.float64)

    def comparison(name: str) -> Callable[[Any, Any], Any]:
        compare = getattr(torch, name)
        return lambda u, w: compare(number(u), number(w)).to(torch.float64)

    def tensors_only(name: str) -> Callable[..., Any]:
        """SymPy may find a number where the trace has a line (x - x), and torch's functions take tensors only."""
        function = getattr(torch, name)
        return lambda *operands: function(*map(number, operands))

    alike = "sin cos tan asin acos atan sinh cosh tanh exp log sqrt erf sigmoid relu maximum minimum".split()
    return {
        **{name: tensors_only(name) for name in alike},
        "softplus": lambda u: torch.relu(number(u)) + torch.log1p(torch.exp(-torch.abs(number(u)))),
        "absolute": tensors_only("abs"),
        "signum": tensors_only("sign"),
        "number": number,
        "where": lambda mask, u, other: torch.where(number(mask) != 0, number(u), number(other)),
        "greater": comparison("gt"),
        "less": comparison("lt"),
        "at_least": comparison("ge"),
        "at_most": comparison("le"),
        "equal": comparison("eq"),
        "unequal": comparison("ne"),
    }
