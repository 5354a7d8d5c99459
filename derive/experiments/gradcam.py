"""Grad-CAM of a trained convolutional network: its head differentiated by the one rule, and run as emitted torch code.

The network is cut behind the feature maps A. What stands between A and the class scores is a program of its own; its
adjoint for the unit seed of a class is the derivative of that score by A, and derive.subjects.gradcam's equations
follow for a batch:

    alpha[n,k] = mean_{i,j} A_bar[n,k,i,j]            M[n,i,j] = relu(sum_k alpha[n,k] A[n,k,i,j])

Beside it, as a control, the map without the mean, U[n,i,j] = relu(sum_k A_bar[n,k,i,j] A[n,k,i,j]): where the two
differ, the mean over the positions has lost what the network looks at.
Source: R. Selvaraju et al., Grad-CAM (2017), equations (1) and (2); for U R. Draelos, L. Carin, HiResCAM (2020).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from derive import terms
from derive.codegen.arrays import ArraySource, array_source, compiled
from derive.codegen.to_torch import torch_module
from derive.errors import UsageError
from derive.gradients import Gradients, copies, gradients
from derive.integers import Index, integer
from derive.program import Equation, Program
from derive.reading.equations import read_equations
from derive.subjects.networks import Network
from derive.terms import Entry
from derive.words import nearest


def feature_maps(network: Network) -> tuple[str, ...]:
    """The values of a network that are feature maps, channels x rows x columns, from the input to the output."""
    return tuple(name for name, shape in network.shapes.items() if len(shape) == 3 and name != "x")


def last_convolution(network: Network) -> str:
    """The feature maps that the last convolution gives, before pooling and activation."""
    return [name for name in feature_maps(network) if name.startswith("z")][-1]


def check_layer(network: Network, layer: str) -> None:
    """Raises UsageError where the network has no feature maps of that name."""
    known = feature_maps(network)
    if layer not in known:
        close = nearest(layer, known)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(known)}" if known else "it has none"
        raise UsageError(f"{network.name} has no feature maps {layer}; {hint}")


def head_program(network: Network, layer: str) -> Program:
    """The lines from the feature maps `layer` to the class scores, the maps as an input, the scores' adjoint given.

    Raises UsageError for a value that is no feature map of the network.
    """
    check_layer(network, layer)
    text = [line for line in network.text.splitlines() if not line.startswith("#")]
    lines = [line for line in text if "=" in line]
    names = [line.split("[")[0] for line in lines]
    kept = lines[names.index(layer) + 1 : names.index(network.output) + 1]
    read = {word for line in kept for word in re.findall(r"\w+", line)}
    declared = [line for line in text if " : " in line and line.split(" : ")[0] in read]
    return read_equations("\n".join((*declared, *kept, f"upstream {network.output} = {network.output}_bar")))


@dataclass(frozen=True)
class GradCamCode:
    """The derived maps of one network at one layer. Raises UsageError for a layer that is no feature map."""

    network: Network
    layer: str

    def __post_init__(self) -> None:
        check_layer(self.network, self.layer)

    @cached_property
    def gradients(self) -> Gradients:
        """The adjoint of the feature maps for any gradient of the scores, with its steps."""
        return gradients(head_program(self.network, self.layer), [self.layer])

    @cached_property
    def source(self) -> ArraySource:
        """(A, parameters of the head, seed) -> (alpha, M, U)."""
        made = self.gradients
        axes = [part.index for part in made.primal.heads[self.layer].indices]
        n, k, i, j = copies([axis for axis in axes if axis is not None], ("n", "k", "i", "j"))
        adjoint = Entry(made.names[self.layer], tuple(map(integer, (n, k, i, j))))
        count = terms.whole(i.extent * j.extent)
        mean = terms.multiply(terms.power(count, -1), terms.total((i, j), adjoint))
        weights = Equation(terms.entry("alpha", n, k), mean)
        heatmap = self._heatmap("M", terms.entry("alpha", n, k), (n, k, i, j))
        unaveraged = self._heatmap("U", adjoint, (n, k, i, j))
        lines = (*made.primal.equations, *(line.equation for line in made.lines), weights, heatmap, unaveraged)
        return array_source("torch", lines, made.around, name="gradcam", results=["alpha", "M", "U"])

    def _heatmap(self, name: str, weight: terms.Term, axes: tuple[Index, ...]) -> Equation:
        """The feature maps, weighed, added up, and rectified."""
        new = copies(axes)
        weight = terms.substitute(weight, dict(zip(axes, map(integer, new), strict=True)))
        n, k, i, j = new
        weighed = terms.multiply(weight, terms.entry(self.layer, n, k, i, j))
        return Equation(terms.entry(name, n, i, j), terms.Apply("relu", (terms.total((k,), weighed),)))

    @cached_property
    def forward(self) -> ArraySource:
        """(x, parameters) -> (A, scores)."""
        program = self.network.program
        names = [line.name for line in program.equations]
        lines = program.equations[: names.index(self.network.output) + 1]
        return array_source("torch", lines, program, name="features", results=[self.layer, self.network.output])

    @cached_property
    def _functions(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        return compiled(self.forward), compiled(self.source)

    def features(self, parameters: Mapping[str, Any], x: Any) -> tuple[Any, Any]:
        """The feature maps (N, K, h, w) and the class scores (N, classes) of images (N, channels, H, W)."""
        given = {**parameters, "x": x}
        with torch_module().no_grad():
            maps, scores = self._functions[0](*(given[name] for name in self.forward.parameters))
        return maps, scores

    def maps(self, parameters: Mapping[str, Any], features: Any, classes: Any) -> tuple[Any, Any, Any]:
        """alpha (N, K), M and U (N, h, w), of each sample for the score of its class, numbers in `classes` (N,)."""
        torch = torch_module()
        output = self.network.output
        count = self.network.shapes[output][0]
        seed = torch.nn.functional.one_hot(classes, count).to(features.dtype)
        given = {**parameters, self.layer: features, f"{output}_bar": seed}
        with torch.no_grad():
            weights, heat, unaveraged = self._functions[1](*(given[name] for name in self.source.parameters))
        return weights, heat, unaveraged


def enlarged(heat: Any, rows: int, columns: int) -> Any:
    """Maps (N, h, w) at the size of the images, bilinear between the centres of the cells: (N, rows, columns)."""
    interpolate = torch_module().nn.functional.interpolate
    return interpolate(heat[:, None], size=(rows, columns), mode="bilinear", align_corners=False)[:, 0]
