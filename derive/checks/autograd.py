"""The gradient by torch's autograd, from the emitted forward code alone; and by the emitted gradient code."""

from __future__ import annotations

from collections.abc import Mapping

from derive.codegen.load import compiled
from derive.codegen.lowering import lower
from derive.codegen.source import Source
from derive.codegen.to_torch import TORCH, torch_module
from derive.program import Program
from derive.step import Derivation


def autograd_gradient(derivation: Derivation, point: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Input -> derivative of the derivation's output: by torch's autograd, and by our own code, both run by torch.

    Only the forward code (values) is differentiated by torch, in float64.
    Our gradient is evaluated by torch as well, so that its sines and exponentials are the same numbers.
    Raises MissingPartError where torch does not import.
    """
    torch = torch_module()
    program = derivation.primal
    forward = compiled(Source(lower(derivation, gradient=False), TORCH))
    names = program.input_names
    tensors = [torch.tensor(point[name], dtype=torch.float64, requires_grad=True) for name in names]
    value = forward(*tensors)
    if tensors and value.requires_grad:
        found = torch.autograd.grad(value, tensors, allow_unused=True)
    else:
        found = [None] * len(names)
    theirs = {name: 0.0 if entry is None else float(entry) for name, entry in zip(names, found, strict=True)}
    with torch.no_grad():
        _, gradient = compiled(Source(lower(derivation), TORCH))(*(point[name] for name in names))
    ours = {name: float(entry) for name, entry in zip(names, gradient, strict=True)}
    return theirs, ours


def tie(program: Program, values: Mapping[str, float]) -> str:
    """A sentence on a max or min of equal operands, where torch splits the derivative and we do not; "" elsewhere."""
    for line in program:
        operation, operands = line.source
        if operation.name in ("max", "min") and operands[0] != operands[1]:
            given = [values.get(operand) if isinstance(operand, str) else None for operand in operands]
            if given[0] is not None and given[0] == given[1]:
                return f"{line.name} is a tie of {operation.name}, whose derivative torch shares between both operands"
    return ""
