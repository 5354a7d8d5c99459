"""Optimisers whose update is emitted from their equations, in the order in which torch.optim works them out.

gradient descent    w - lr*d                 Adam    D. Kingma, J. Ba (2015), arXiv:1412.6980, algorithm 1
momentum            v_next = mu*v + d, w - lr*v_next
L2 penalty          d = g + decay*w, the gradient of decay/2*sum w^2

They are the rows of derive.subjects.layers.optimisers, written so that no rounding differs from torch's: Adam's
means as m + (1 - beta1)*(g - m), and its root over the root of 1 - beta2^t. tests/test_manual.py holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from derive.codegen.to_torch import torch_module
from derive.codegen.updates import update_function
from derive.errors import UsageError
from derive.program import Program
from derive.reading.equations import read_equations

#: Adam's other constants, torch's defaults.
BETA1, BETA2 = 0.9, 0.999

_PENALTY = "d[i] = g[i] + decay*w[i]"
_ADAM = """
eps = 1e-8
m_next[i] = m[i] + (1 - beta1)*({d}[i] - m[i])
s_next[i] = beta2*s[i] + (1 - beta2)*{d}[i]*{d}[i]
rate = lr/(1 - beta1^t)
root = sqrt(1 - beta2^t)
size[i] = sqrt(s_next[i])/root + eps
w_next[i] = w[i] - rate*m_next[i]/size[i]
"""
#: Kind -> its state, an array as large as the parameter for each name.
STATES = {"sgd": (), "momentum": ("v",), "adam": ("m", "s")}


def update_program(kind: str, decay: bool) -> Program:
    """The equations of one step of "sgd", "momentum" or "adam", with an L2 penalty or without one."""
    d = "d" if decay else "g"
    if kind == "adam":
        lines = _ADAM.format(d=d)
    elif kind == "momentum":
        lines = f"v_next[i] = mu*v[i] + {d}[i]\nw_next[i] = w[i] - lr*v_next[i]"
    else:
        lines = f"w_next[i] = w[i] - lr*{d}[i]"
    shapes = "\n".join(f"{name} : n" for name in ("w", "g", *STATES[kind]))
    return read_equations("\n".join((shapes, _PENALTY if decay else "", lines)))


@cache
def _update(kind: str, decay: bool) -> Any:
    return update_function(update_program(kind, decay), ("w_next", *(f"{name}_next" for name in STATES[kind])))


class Optimiser:
    """Gradient descent ("sgd", with momentum where it is not 0) or "adam", by the emitted update.

    lr, momentum, weight_decay : as torch.optim has them.  state : name of a state -> name of a parameter -> tensor.
    steps : how many have been made.
    Raises UsageError for a constant out of its range.
    """

    def __init__(self, kind: str, *, lr: float, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        if kind not in ("sgd", "adam"):
            raise UsageError(f"there is no optimiser {kind!r}; choose sgd or adam")
        for name, value, most in (("learning rate", lr, 1e6), ("weight decay", weight_decay, 1e6)):
            if not 0 <= value <= most:
                raise UsageError(f"the {name} is {value:g}; it is between 0 and {most:g}")
        if not 0 <= momentum < 1:
            raise UsageError(f"the momentum is {momentum:g}; it is at least 0 and below 1")
        if kind == "adam" and momentum:
            raise UsageError("adam has its own means of the gradients; a momentum belongs to sgd")
        self.kind = "momentum" if momentum else kind
        self.decay = weight_decay != 0
        self.constants = {"lr": lr, "mu": momentum, "decay": weight_decay, "beta1": BETA1, "beta2": BETA2}
        self.state: dict[str, dict[str, Any]] = {name: {} for name in STATES[self.kind]}
        self.steps = 0

    @property
    def source(self) -> str:
        """The code of the update."""
        return str(_update(self.kind, self.decay).source)

    def step(self, parameters: Mapping[str, Any], gradients: Mapping[str, Any]) -> None:
        """Change the parameters in place; tensors of one shape under each name."""
        torch = torch_module()
        update = _update(self.kind, self.decay)
        self.steps += 1
        with torch.no_grad():
            for name, w in parameters.items():
                given = {**self.constants, "w": w, "g": gradients[name], "t": self.steps}
                for state, tensors in self.state.items():
                    given[state] = tensors[name] if name in tensors else torch.zeros_like(w)
                found = update(**{each: given[each] for each in _arguments(self.kind, self.decay)})
                w.copy_(found[0])
                for state, tensor in zip(self.state, found[1:], strict=True):
                    self.state[state][name] = tensor


@cache
def _arguments(kind: str, decay: bool) -> tuple[str, ...]:
    return tuple(each.array for each in update_program(kind, decay).inputs)
