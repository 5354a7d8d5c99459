"""What a trained network says about images: class probabilities, the confusion matrix, and images right and wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from derive.codegen.networks import LoadedNetwork
from derive.codegen.to_torch import torch_module

Array = NDArray[Any]


@dataclass(frozen=True)
class Evaluation:
    """loss : the mean cross-entropy.  probabilities : (N, classes) float64.  labels : (N,)."""

    loss: float
    probabilities: Array
    labels: Array

    @property
    def predicted(self) -> Array:
        return numpy.asarray(self.probabilities.argmax(axis=1))

    @property
    def accuracy(self) -> float:
        return float((self.predicted == self.labels).mean())

    @property
    def confusion(self) -> list[list[int]]:
        """Entry [i][j]: images of class i that are taken for class j."""
        classes = self.probabilities.shape[1]
        counts = numpy.bincount(self.labels * classes + self.predicted, minlength=classes**2)
        return [[int(each) for each in row] for row in counts.reshape(classes, classes)]

    def some(self, *, right: bool, count: int = 3) -> list[int]:
        """The numbers of the first images that are right, or wrong, each of another class as far as there are."""
        places = numpy.flatnonzero((self.predicted == self.labels) == right)
        _, first = numpy.unique(self.labels[places], return_index=True)
        spread = [int(places[each]) for each in sorted(first)]
        rest = [int(place) for place in places[: count + len(spread)] if place not in spread]
        return (spread + rest)[:count]


def evaluated(
    code: LoadedNetwork, parameters: Mapping[str, Any], images: Any, labels: Any, *, batch: int = 1000
) -> Evaluation:
    """By the emitted forward pass, `batch` images at a time; images and labels are tensors."""
    torch = torch_module()
    total, probabilities = 0.0, []
    with torch.no_grad():
        for start in range(0, len(labels), batch):
            x, y = images[start : start + batch], labels[start : start + batch]
            output = code.forward(parameters, x)[0]
            total += float(torch.nn.functional.cross_entropy(output, y, reduction="sum"))
            probabilities.append(output.double().softmax(1).cpu().numpy())
    return Evaluation(total / len(labels), numpy.concatenate(probabilities), labels.cpu().numpy())
