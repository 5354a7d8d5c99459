"""The derived gradients of a network against autograd's, entry by entry, on a batch of a running training.

The peer is written with torch.nn.functional and shares no code with the derivation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from derive.codegen.to_torch import torch_module
from derive.subjects.networks import EPSILON, Network

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
    """The network as torch writes it, layer by layer, differentiated by autograd."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def gradients(self, parameters: Tensors, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        """The loss and its derivatives by the parameters. parameters : masks of dropout among them."""
        loss, leaves, _ = self._run(parameters, x, y)
        loss.backward()
        return loss.detach(), {name: leaves[name].grad for name in self.network.parameters}

    def scales(self, parameters: Tensors, x: Any, y: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """autograd's derivatives by the parameters, and the sums of absolute terms of every entry."""
        torch = torch_module()
        _, gradients = self.gradients(parameters, x, y)
        total, _, inner = self._run(parameters, x, y, absolute=True)
        total.backward()
        sums = {}
        for (kind, layer), (read, value) in inner.items():
            adjoint, read = value.grad.abs(), read.detach().abs()
            if kind == "dense":
                sums[f"W{layer}"], sums[f"b{layer}"] = adjoint.T @ read, adjoint.sum(0)
            elif kind == "convolution":
                weight = parameters[f"W{layer}"]
                sums[f"W{layer}"] = torch.nn.grad.conv2d_weight(
                    read, weight.shape, adjoint, padding=weight.shape[-1] // 2
                )
                sums[f"b{layer}"] = adjoint.sum((0, 2, 3))
            else:
                sums[f"g{layer}"], sums[f"h{layer}"] = (adjoint * read).sum((0, 2, 3)), adjoint.sum((0, 2, 3))
        return gradients, sums

    def _run(
        self, parameters: Tensors, x: Any, y: Any, absolute: bool = False
    ) -> tuple[Any, dict[str, Any], dict[tuple[str, int], tuple[Any, Any]]]:
        """The loss, its leaves, and for each layer with parameters what they are multiplied by, and what it gives.

        absolute : values as ever, but adjoints without signs: |W| carries them back, from p + y instead of p - y.
        """
        torch = torch_module()
        functional = torch.nn.functional
        given = self.network.given
        leaves = {n: v.detach().clone().requires_grad_(n not in given) for n, v in parameters.items()}
        inner: dict[tuple[str, int], tuple[Any, Any]] = {}
        if x.dim() == 4:  # the memory order of the emitted code: in another one torch adds up in another order
            x = x.to(memory_format=torch.channels_last)
        with torch.enable_grad():
            for kind, layer in self.network.layers:
                if kind == "flatten":
                    x = x.flatten(1)
                elif kind == "pooling":
                    x = functional.max_pool2d(x, layer)
                elif kind == "dropout":
                    x = x * leaves[f"mask{layer}"]
                elif kind in _WITH_PARAMETERS:
                    affine = _WITH_PARAMETERS[kind]
                    read, value = affine(leaves, layer, x, False)
                    if absolute:
                        read, plain = affine({name: v.detach() for name, v in leaves.items()}, layer, x, True)
                        value = (plain if plain.requires_grad else plain.requires_grad_()) + (value - plain).detach()
                    value.retain_grad()
                    inner[kind, layer] = (read, value)
                    x = value
                else:
                    x = getattr(torch, kind)(x)
            if absolute:
                seed = (x.detach().softmax(1) + functional.one_hot(y, x.shape[1])) / len(y)
                return (x * seed).sum(), leaves, inner
            return functional.cross_entropy(x, y), leaves, inner


def _dense(leaves: Tensors, layer: int, x: Any, absolute: bool) -> tuple[Any, Any]:
    """What the weights are multiplied by, and the result; a linear map by |W|, where `absolute`."""
    weight, bias = leaves[f"W{layer}"], leaves[f"b{layer}"]
    functional = torch_module().nn.functional
    return x, functional.linear(x, weight.abs()) if absolute else functional.linear(x, weight, bias)


def _convolution(leaves: Tensors, layer: int, x: Any, absolute: bool) -> tuple[Any, Any]:
    weight, bias = leaves[f"W{layer}"], leaves[f"b{layer}"]
    weight, bias = (weight.abs(), None) if absolute else (weight, bias)
    return x, torch_module().nn.functional.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def _batchnorm(leaves: Tensors, layer: int, x: Any, absolute: bool) -> tuple[Any, Any]:
    r"""With :math:`\hat x = (x - \mu)r`, the adjoint of x is g r (u_bar - mean u_bar - x_hat mean(u_bar x_hat)).

    absolute : the linear map with |g|, |x| + |mu| for |x - mu|, and all signs +; it is its own transpose.
    """
    factor, shift = leaves[f"g{layer}"], leaves[f"h{layer}"]
    if not absolute:
        return x, torch_module().nn.functional.batch_norm(x, None, None, factor, shift, training=True)
    over = (0, 2, 3)
    fixed = x.detach()
    mean = fixed.mean(over, keepdim=True)
    root = (fixed.var(over, correction=0, keepdim=True) + float(EPSILON)).rsqrt()
    size = (fixed.abs() + mean.abs()) * root
    every = x + x.mean(over, keepdim=True) + size * (size * x).mean(over, keepdim=True)
    return size, factor.abs()[:, None, None] * root * every


_WITH_PARAMETERS = {"dense": _dense, "convolution": _convolution, "batchnorm": _batchnorm}


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
