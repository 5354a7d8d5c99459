"""Grad-CAM as torch users write it, with a module, a forward hook and autograd: what the derived maps are held against.

It shares no code with the derivation.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from derive.codegen.to_torch import torch_module
from derive.experiments.gradcam import GradCamCode
from derive.experiments.training import Training

#: Test images on which the maps are held against each other.
COMPARED = 200


def module_of(parameters: Mapping[str, Any], activation: str) -> Any:
    """The network as torch.nn.Sequential; the layers bear the names of their values: z1, m1, a1, ..., z3.

    parameters : W1, b1, ... as torch's layers have them: kernels (outputs, inputs, k, k), then dense weights.
    activation : "relu", "tanh" or "sigmoid".
    """
    torch = torch_module()
    nn = torch.nn
    act = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[activation]
    numbers = [int(name[1:]) for name in parameters if name.startswith("W")]
    layers: OrderedDict[str, Any] = OrderedDict()
    for n in numbers:
        weight, bias = parameters[f"W{n}"], parameters[f"b{n}"]
        if weight.dim() == 4:
            layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], padding=weight.shape[2] // 2)
        else:
            if "s" not in layers:
                layers["s"] = nn.Flatten()
            layer = nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight, layer.bias = nn.Parameter(weight.detach().clone()), nn.Parameter(bias.detach().clone())
        layers[f"z{n}"] = layer
        if weight.dim() == 4:
            layers[f"m{n}"] = nn.MaxPool2d(2)
        if n < numbers[-1]:
            layers[f"a{n}"] = act()
    return nn.Sequential(layers)


def hooked_maps(module: Any, layer: str, x: Any, classes: Any) -> tuple[Any, Any]:
    """The maps (N, h, w) for the scores of `classes`, by a hook on the layer and autograd, and their scale (N,).

    scale : the largest sum of |alpha_k A_k| over the positions, which is what the rounding of a map is measured by.
    """
    torch = torch_module()
    held: dict[str, Any] = {}

    def keep(_: Any, __: Any, output: Any) -> None:
        output.retain_grad()
        held["A"] = output

    handle = getattr(module, layer).register_forward_hook(keep)
    try:
        with torch.enable_grad():
            scores = module(x)
            scores[torch.arange(len(classes), device=x.device), classes].sum().backward()
    finally:
        handle.remove()
    features = held["A"]
    terms = features.grad.mean(dim=(2, 3), keepdim=True) * features.detach()
    return torch.relu(terms.sum(dim=1)), terms.abs().sum(dim=1).amax(dim=(1, 2))


def deviation(derived: Any, hooked: Any, scale: Any) -> float:
    """The largest |derived - hooked| in units of the sample's scale; a sample without terms has to agree exactly."""
    torch = torch_module()
    difference = (derived - hooked).abs().amax(dim=(1, 2))
    return float(torch.where(difference == 0, difference, difference / scale).max())


def worst_deviation(training: Training, code: GradCamCode) -> float:
    """The largest deviation of the derived maps of the first test images, each for the class that is predicted."""
    x = training.test[0][:COMPARED]
    features, scores = code.features(training.parameters, x)
    chosen = scores.argmax(1)
    ours = code.maps(training.parameters, features, chosen)[1]
    return deviation(
        ours, *hooked_maps(module_of(training.parameters, training.config.activation), code.layer, x, chosen)
    )
