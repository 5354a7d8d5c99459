"""Loss and all gradients of a network: the emitted torch code, torch.autograd.grad, and a backward written by hand.

    python tests/benchmarks/network_step.py --rounds 200

The three are interleaved in one process at one number of threads; float32, CPU. A ratio is of the medians.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from derive.codegen.networks import load_network
from derive.subjects.networks import Network, cnn, mlp

CASES: dict[str, tuple[Network, int]] = {
    "MLP 784-512-256-10, batch 100": (mlp((784, 512, 256, 10)), 100),
    "MLP 768-128-32-2, batch 64": (mlp((768, 128, 32, 2)), 64),
    "MLP 784-100-200-50-10, batch 64": (mlp((784, 100, 200, 50, 10)), 64),
    "CNN conv 8 - pool - conv 16 - pool - dense, 28x28, batch 64": (cnn(), 64),
}


def by_autograd(parameters: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> Any:
    loss = F.cross_entropy(logits(parameters, x), y)
    return loss, torch.autograd.grad(loss, list(parameters.values()))


def logits(parameters: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    last = len(parameters) // 2
    for layer in range(1, last + 1):
        weight, bias = parameters[f"W{layer}"], parameters[f"b{layer}"]
        if weight.ndim == 4:
            x = F.max_pool2d(F.relu(F.conv2d(x, weight, bias, padding=1)), 2)
            continue
        x = F.linear(x.flatten(1), weight, bias)
        if layer < last:
            x = F.relu(x)
    return x


def by_hand(parameters: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> Any:
    """As well as we can: in place, fused kernels, for the CNN channels last and relu behind the pool."""
    last = len(parameters) // 2
    inputs, pooled, gradients = [], [], {}
    if x.ndim == 4:
        x = x.to(memory_format=torch.channels_last)
    for layer in range(1, last + 1):
        weight, bias = parameters[f"W{layer}"], parameters[f"b{layer}"]
        if weight.ndim == 4:
            inputs.append(x)
            z = F.conv2d(x, weight, bias, padding=1)
            x, place = F.max_pool2d(z, 2, return_indices=True)
            x.relu_()
            pooled.append((z, place, x))
            continue
        inputs.append(x.flatten(1))
        x = torch.addmm(bias, inputs[-1], weight.t())
        if layer < last:
            x.relu_()
    chances = torch.log_softmax(x, 1)
    loss = F.nll_loss(chances, y)
    delta = chances.exp_()
    delta.scatter_add_(1, y[:, None], delta.new_full((len(y), 1), -1.0)).div_(len(y))
    for layer in range(last, 0, -1):
        weight, before = parameters[f"W{layer}"], inputs[layer - 1]
        if weight.ndim == 4:
            z, place, a = pooled[layer - 1]
            delta = torch.ops.aten.threshold_backward(delta.reshape(a.shape), a, 0)
            delta = torch.ops.aten.max_pool2d_with_indices_backward(
                delta, z, [2, 2], [2, 2], [0, 0], [1, 1], False, place
            )
            delta, gradients[f"W{layer}"], gradients[f"b{layer}"] = torch.ops.aten.convolution_backward(
                delta, before, weight, [len(weight)], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [layer > 1, True, True]
            )
            continue
        gradients[f"W{layer}"] = torch.mm(delta.t(), before)
        gradients[f"b{layer}"] = delta.sum(0)
        if layer > 1:
            delta = torch.mm(delta, weight)
            if parameters[f"W{layer - 1}"].ndim == 2:
                delta = torch.ops.aten.threshold_backward(delta, before, 0)
    return loss, tuple(gradients[name] for name in parameters)


def measured(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of each, interleaved."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 10):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if number >= 10:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def row(name: str, network: Network, batch: int, rounds: int) -> str:
    generator = torch.Generator().manual_seed(0)
    parameters = {key: torch.randn(*shape, generator=generator) / 20 for key, shape in network.parameters.items()}
    x = torch.randn(batch, *network.shapes["x"], generator=generator)
    y = torch.randint(0, network.shapes[network.output][0], (batch,), generator=generator)
    leaves = {key: value.clone().requires_grad_() for key, value in parameters.items()}
    functions = load_network(network, "torch")
    held: dict[str, torch.Tensor] = {}

    def emitted() -> Any:
        _, saved = functions.forward(parameters, x)
        loss, found = functions.backward(parameters, saved, y, held)
        held.update(found)
        return loss, tuple(found[key] for key in parameters)

    calls: dict[str, Callable[[], Any]] = {
        "emitted": emitted,
        "autograd": lambda: by_autograd(leaves, x, y),
        "hand": lambda: by_hand(parameters, x, y),
    }
    _, expected = calls["autograd"]()
    for which in ("emitted", "hand"):
        for one, two in zip(calls[which]()[1], expected, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
    seconds = measured(calls, rounds)
    ratios = seconds["emitted"] / seconds["autograd"], seconds["emitted"] / seconds["hand"]
    times = " | ".join(f"{1e3 * seconds[key]:.2f}" for key in calls)
    return f"| {name} | {times} | {ratios[0]:.2f} | {ratios[1]:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{datetime.date.today()}, {platform.machine()}, {options.threads} threads, torch {torch.__version__}\n")
    print("| step | emitted, ms | autograd, ms | by hand, ms | emitted / autograd | emitted / by hand |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, (network, batch) in CASES.items():
        print(row(name, network, batch, options.rounds), flush=True)


if __name__ == "__main__":
    main()
