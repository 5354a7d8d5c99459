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

    relative_error : |derived - autograd|, divided by the sum of the absolute terms that the entry adds up: adjoints
        with all their products written out, p and y of the loss's p - y apart, times what the weight is multiplied by,
        as the sum of absolute terms of its own layer. Rounding is measured by that.
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
        torch = torch_module()
        given = self.network.given
        leaves = {n: v.detach().clone().requires_grad_(n not in given) for n, v in parameters.items()}
        x = _ordered(x)
        with torch.enable_grad():
            for kind, layer in self.network.layers:
                x = _layer(kind, layer, leaves, x)
            loss = torch.nn.functional.cross_entropy(x, y)
        loss.backward()
        return loss.detach(), {name: leaves[name].grad for name in self.network.parameters}

    def scales(self, parameters: Tensors, x: Any, y: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """autograd's derivatives by the parameters, and the sums of absolute terms of every entry."""
        _, gradients = self.gradients(parameters, x, y)
        sums = {}
        for (kind, layer), (read, adjoint) in self._without_signs(parameters, x, y).items():
            weight, bias = ("g", "h") if kind == "batchnorm" else ("W", "b")
            sums[f"{bias}{layer}"] = adjoint.sum((0, 2, 3) if adjoint.dim() == 4 else 0)
            sums[f"{weight}{layer}"] = _weighed(kind, read, adjoint, parameters[f"{weight}{layer}"].shape)
        return gradients, sums

    def _without_signs(self, parameters: Tensors, x: Any, y: Any) -> dict[tuple[str, int], tuple[Any, Any]]:
        """Of each layer with parameters: what they are multiplied by, and the adjoint of what it gives, all positive.

        Values are as ever, but |W| carries adjoints back, from p + y instead of p - y. `size` goes along with x: the
        absolute terms that each entry was added up from in its own layer, since a value near 0 has their rounding.
        """
        torch = torch_module()
        values = {name: value.detach() for name, value in parameters.items()}
        inner: dict[tuple[str, int], tuple[Any, Any]] = {}
        x = _ordered(x)
        size = x.abs()
        with torch.enable_grad():
            for kind, layer in self.network.layers:
                value = _layer(kind, layer, values, x)
                if kind in WEIGHTED:
                    plain, read, size = _positive(kind, layer, values, x, size)
                    value = (plain if plain.requires_grad else plain.requires_grad_()) + (value - plain).detach()
                    value.retain_grad()
                    inner[kind, layer] = (read, value)
                elif kind in SLOPES:
                    size = value.detach().abs() + SLOPES[kind](value.detach()) * size
                elif kind == "pooling":
                    places = torch.nn.functional.max_pool2d(x, layer, return_indices=True)[1]
                    size = size.flatten(2).gather(2, places.flatten(2)).reshape(value.shape)
                else:
                    size = _layer(kind, layer, values, size)
                x = value
            seed = (x.detach().softmax(1) + torch.nn.functional.one_hot(y, x.shape[1])) / len(y)
            (x * seed).sum().backward()
        return {place: (read, value.grad.abs()) for place, (read, value) in inner.items()}


def _ordered(x: Any) -> Any:
    """Images in the memory order of the emitted code: in another one torch adds up in another order."""
    return x.to(memory_format=torch_module().channels_last) if x.dim() == 4 else x


#: Layers with parameters.
WEIGHTED = ("dense", "convolution", "batchnorm")
#: The derivative of an activation, by its own value.
SLOPES = {"relu": lambda a: (a > 0).to(a), "tanh": lambda a: 1 - a * a, "sigmoid": lambda a: a * (1 - a)}


def _layer(kind: str, layer: int, values: Tensors, x: Any) -> Any:
    """A layer of a network as torch has it; `layer` is its number, of a pooling its size."""
    torch = torch_module()
    functional = torch.nn.functional
    match kind:
        case "dense":
            return functional.linear(x, values[f"W{layer}"], values[f"b{layer}"])
        case "convolution":
            weight = values[f"W{layer}"]
            return functional.conv2d(x, weight, values[f"b{layer}"], padding=weight.shape[-1] // 2)
        case "batchnorm":
            return functional.batch_norm(x, None, None, values[f"g{layer}"], values[f"h{layer}"], training=True)
        case "pooling":
            return functional.max_pool2d(x, layer)
        case "flatten":
            return x.flatten(1)
        case "dropout":
            return x * values[f"mask{layer}"]
        case _:
            return getattr(torch, kind)(x)


def _positive(kind: str, layer: int, values: Tensors, x: Any, size: Any) -> tuple[Any, Any, Any]:
    r"""A linear map of x that carries adjoints back by absolute values; what the parameters are multiplied by; sizes.

    Batch normalisation, with :math:`\hat x = (x - \mu)r`: the adjoint of x is g r (u_bar - mean u_bar -
    x_hat mean(u_bar x_hat)). With all signs + that map is its own transpose.
    """
    names = [f"{name}{layer}" for name in ("gh" if kind == "batchnorm" else "Wb")]
    weight, bias = (values[name].abs() for name in names)
    if kind != "batchnorm":
        positive = dict(zip(names, (weight, bias), strict=True))
        return _layer(kind, layer, positive, x), size, _layer(kind, layer, positive, x.detach().abs())
    over = (0, 2, 3)
    value = x.detach()
    mean = value.mean(over, keepdim=True)
    root = (value.var(over, correction=0, keepdim=True) + float(EPSILON)).rsqrt()
    read = (size + mean.abs()) * root
    factor, shift = weight[:, None, None], bias[:, None, None]
    every = x + x.mean(over, keepdim=True) + read * (read * x).mean(over, keepdim=True)
    return factor * root * every, read, factor * read + shift


def _weighed(kind: str, read: Any, adjoint: Any, shape: tuple[int, ...]) -> Any:
    """The derivative by a weight of a layer that multiplies it by `read`."""
    if kind == "dense":
        return adjoint.T @ read
    if kind == "batchnorm":
        return (adjoint * read).sum((0, 2, 3))
    return torch_module().nn.grad.conv2d_weight(read, shape, adjoint, padding=shape[-1] // 2)


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
