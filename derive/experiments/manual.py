"""What INF265's first project asks for: backpropagation by equations (4) to (7), and gradient descent by hand.

Source: INF265, Project 1, sections 2.1 and 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from derive.codegen.to_torch import torch_module
from derive.errors import DomainError
from derive.experiments.data import Split
from derive.experiments.optimisers import Optimiser


def backpropagation(model: Any, y_true: Any, y_pred: Any) -> None:
    r"""Fill `model.dL_dw[l]` and `model.dL_db[l]`, l = 1..L, for the squared error of the sheet's `MyNet`.

    .. math::
        \delta^{[L]} &= -\tfrac 2m (y - \hat y) \odot f'^{[L]}(z^{[L]})                             & (5) \\
        \delta^{[l]} &= \left(\delta^{[l+1]} W^{[l+1]}\right) \odot f'^{[l]}(z^{[l]})               & (6) \\
        \partial L/\partial W^{[l]} &= \delta^{[l]\top} a^{[l-1]}                                   & (4) \\
        \partial L/\partial b^{[l]} &= \textstyle\sum_s \delta^{[l]}_s                              & (7)

    model : L; a[l], l from 0, with a[0] = x; z[l], df[l] and fc[str(l)].weight, .bias, l from 1. a[l] and z[l] are
        (m, n[l]): rows are samples.
    y_true, y_pred : (m, n[L]). The loss is the sum of squares, averaged over the m samples; the sheet's own case is
        m = 1, and its equations are these. `derive.subjects.mlp.backpropagation` derives them, for one sample:
            w_bar[l, i, j] = z_bar[l, i]*a[l - 1, j]
            z_bar[L, i] = d_2 e[i](y[i], a[L, i])*f'[L](z[L, i])
            z_bar[l, i] = (sum(k) [0 <= k < n[l + 1]]*z_bar[l + 1, k]*w[l + 1, k, i])*f'[l](z[l, i])
            b_bar[l, i] = z_bar[l, i]
    dL_dw[l] is (n[l], n[l-1]) and dL_db[l] is (n[l],), as the parameters are.

    On the layer that is meant: the sheet's hint gives "weights at layer l" the shape (n(l+1), n(l)) and the biases
    (n(l+1)), so it counts a layer by what it reads. By equation (4), w[l]_ij joins unit i of layer l with unit j of
    layer l-1: (n(l), n(l-1)). `fc[str(l)]` reads a[l-1] and gives z[l], as equation (4) has it, and so do the shapes
    here; the hint's "layer l" is equation (4)'s layer l+1.
    """
    torch = torch_module()
    with torch.no_grad():
        samples = y_true.shape[0]
        error = -2 * (y_true - y_pred) / samples
        delta = error * model.df[model.L](model.z[model.L])  # (5)
        for layer in range(model.L, 0, -1):
            model.dL_dw[layer] = delta.T @ model.a[layer - 1]  # (4)
            model.dL_db[layer] = delta.sum(dim=0)  # (7)
            if layer > 1:
                slope = model.df[layer - 1](model.z[layer - 1])
                delta = (delta @ model.fc[str(layer)].weight) * slope  # (6)


def perceptron(sizes: Sequence[int], *, seed: int = 0, dtype: str = "float64") -> Any:
    """The sheet's `MyMLP`: dense layers of these sizes with relu between them, on flattened images; torch's start."""
    torch = torch_module()
    generator = torch.random.get_rng_state()
    torch.manual_seed(seed)
    layers = [
        part
        for first, second in pairwise(sizes)
        for part in (torch.nn.Linear(first, second, dtype=getattr(torch, dtype)), torch.nn.ReLU())
    ]
    torch.random.set_rng_state(generator)
    return torch.nn.Sequential(torch.nn.Flatten(), *layers[:-1])


def batches(split: Split, size: int = 64) -> Any:
    """A DataLoader over the images in their order, so that two trainings see the same batches."""
    torch = torch_module()
    tensors = torch.utils.data.TensorDataset(torch.from_numpy(split.images), torch.from_numpy(split.labels))
    return torch.utils.data.DataLoader(tensors, batch_size=size, shuffle=False)


@dataclass
class Losses:
    """steps : the loss of every batch, before its update.  epochs : their mean over each epoch."""

    steps: list[float] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)


def train(n_epochs: int, optimizer: Any, model: Any, loss_fn: Any, train_loader: Iterable[Any]) -> Losses:
    """Train a torch model by an optimiser of torch.optim.

    train_loader : gives (images, labels) anew in each epoch.
    Raises DomainError at a loss that is no number, with its step.
    """
    losses = Losses()
    for _ in range(n_epochs):
        done = len(losses.steps)
        for batch in train_loader:
            loss = _loss(model, loss_fn, batch, losses)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        _close_epoch(losses, done)
    return losses


def train_manual_update(
    n_epochs: int,
    lr: float,
    model: Any,
    loss_fn: Any,
    train_loader: Iterable[Any],
    weight_decay: float = 0.0,
    momentum: float = 0.0,
) -> Losses:
    """`train` with `torch.optim.SGD(lr=, weight_decay=, momentum=)`, the update written out instead, to the last bit.

    The update is the code that `derive.experiments.optimisers.Optimiser` emits from the equations (the sheet's
    equation (3), its L2 term and its momentum); the gradients are autograd's, as the sheet allows.
    """
    torch = torch_module()
    optimiser = Optimiser("sgd", lr=lr, momentum=momentum, weight_decay=weight_decay)
    losses = Losses()
    for _ in range(n_epochs):
        done = len(losses.steps)
        for batch in train_loader:
            loss = _loss(model, loss_fn, batch, losses)
            loss.backward()
            with torch.no_grad():
                parameters = {name: p for name, p in model.named_parameters() if p.grad is not None}
                optimiser.step(parameters, {name: p.grad for name, p in parameters.items()})
                for parameter in parameters.values():
                    parameter.grad = None
        _close_epoch(losses, done)
    return losses


def _loss(model: Any, loss_fn: Any, batch: Any, losses: Losses) -> Any:
    """The loss of a batch, in the device and precision of the model's parameters; noted."""
    images, labels = batch
    like = next(model.parameters())
    loss = loss_fn(model(images.to(device=like.device, dtype=like.dtype)), labels.to(device=like.device))
    value = float(loss.detach())
    if not math.isfinite(value):
        raise DomainError(f"the loss of step {len(losses.steps)} is {value}; lower the learning rate", "loss")
    losses.steps.append(value)
    return loss


def _close_epoch(losses: Losses, done: int) -> None:
    epoch = losses.steps[done:]
    losses.epochs.append(math.fsum(epoch) / len(epoch) if epoch else math.nan)
