"""The derived gradients of a network against autograd's, entry by entry, on a batch of a running training.

The peer is written with torch.nn.functional and shares no code with the derivation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from derive.codegen.to_torch import torch_module
from derive.subjects.networks import Network

Tensors = Mapping[str, Any]


@dataclass(frozen=True)
class Deviation:
    """The entry of all gradients that deviates most in one step.

    relative_error : |derived - autograd|, divided by the sum of the absolute terms that the entry adds up when all
        products are written out, p and y of the loss's p - y apart: what rounding is measured by.
    """

    step: int
    tensor: str
    index: tuple[int, ...]
    derived: float
    autograd: float
    relative_error: float


class Peer:
    """The network as torch writes it, differentiated by autograd. activation : "relu", "tanh" or "sigmoid"."""

    def __init__(self, network: Network, activation: str) -> None:
        self.layers = [name[1:] for name in network.parameters if name.startswith("W")]
        self.ranks = {name: len(shape) for name, shape in network.parameters.items()}
        self.activation = activation

    def gradients(self, parameters: Tensors, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        """The loss and its derivatives by the parameters."""
        loss, leaves, _ = self._run(parameters, x, y)
        loss.backward()
        return loss.detach(), {name: leaf.grad for name, leaf in leaves.items()}

    def scales(self, parameters: Tensors, x: Any, y: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """autograd's derivatives by the parameters, and the sums of absolute terms of every entry."""
        torch = torch_module()
        _, gradients = self.gradients(parameters, x, y)
        total, _, inner = self._run(parameters, x, y, absolute=True)
        total.backward()
        sums = {}
        for layer in self.layers:
            read, z = inner[layer]
            adjoint, read = z.grad.abs(), read.detach().abs()
            weight = parameters[f"W{layer}"]
            if self.ranks[f"W{layer}"] == 2:
                sums[f"W{layer}"], sums[f"b{layer}"] = adjoint.T @ read, adjoint.sum(0)
            else:
                padding = (z.shape[-1] - read.shape[-1] + weight.shape[-1] - 1) // 2
                sums[f"W{layer}"] = torch.nn.grad.conv2d_weight(read, weight.shape, adjoint, padding=padding)
                sums[f"b{layer}"] = adjoint.sum((0, 2, 3))
        return gradients, sums

    def _run(
        self, parameters: Tensors, x: Any, y: Any, absolute: bool = False
    ) -> tuple[Any, dict[str, Any], dict[str, tuple[Any, Any]]]:
        """The loss, its leaves, and per layer what it reads and gives.

        absolute : values as ever, but adjoints without signs: |W| carries them back, from p + y instead of p - y.
        """
        torch = torch_module()
        functional = torch.nn.functional
        leaves = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
        inner: dict[str, tuple[Any, Any]] = {}
        with torch.enable_grad():
            for place, layer in enumerate(self.layers, 1):
                weight, bias = leaves[f"W{layer}"], leaves[f"b{layer}"]
                convolves = weight.dim() == 4
                if not convolves:
                    x = x.flatten(1)
                read = x
                z = functional.conv2d(x, weight, bias, padding=weight.shape[-1] // 2) if convolves else (
                    functional.linear(x, weight, bias))  # fmt: skip
                if absolute:
                    size = weight.detach().abs()
                    plain = functional.conv2d(read, size, padding=weight.shape[-1] // 2) if convolves else (
                        functional.linear(read, size))  # fmt: skip
                    if not plain.requires_grad:
                        plain.requires_grad_()
                    z = plain + (z - plain).detach()
                z.retain_grad()
                inner[layer] = (read, z)
                x = functional.max_pool2d(z, 2) if convolves else z
                x = getattr(torch, self.activation)(x) if place < len(self.layers) else x
            if absolute:
                seed = (x.detach().softmax(1) + functional.one_hot(y, x.shape[1])) / len(y)
                return (x * seed).sum(), leaves, inner
            return functional.cross_entropy(x, y), leaves, inner


def largest_deviation(step: int, derived: Tensors, autograd: Tensors, sums: Tensors) -> Deviation:
    """The worst entry of all tensors; an entry without terms has to agree exactly."""
    torch = torch_module()
    worst: Deviation | None = None
    for name, ours in derived.items():
        theirs, scale = autograd[name], sums[name]
        difference = (ours - theirs).abs()
        ratio = torch.where(difference == 0, 0.0, difference / scale)
        ratio = torch.where(torch.isnan(ratio), math.inf, ratio)
        place = int(ratio.argmax())
        index = tuple(int(each) for each in torch.unravel_index(torch.tensor(place), ratio.shape))
        found = float(ratio[index])
        if worst is None or found > worst.relative_error:
            worst = Deviation(step, name, index, float(ours[index]), float(theirs[index]), found)
    assert worst is not None  # a network has parameters
    return worst
