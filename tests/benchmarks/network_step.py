"""Loss and all gradients of a network: the emitted torch code, torch.autograd.grad, and a backward written by hand.

    python tests/benchmarks/network_step.py --rounds 200

All are interleaved in one process, in a new order each round, at one number of threads; float32, CPU. A ratio is of
the medians. Autograd runs a CNN in both memory layouts, and the better one counts. The emitted code and the code by
hand both write into the gradients of the step before. Peak memory is what torch's profiler counts of one step without
such gradients, from the input to all gradients.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import random
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


def by_hand(parameters: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor, out: dict[str, torch.Tensor]) -> Any:
    """As well as we can: in place, fused kernels, for the CNN channels last and relu behind the pool."""
    aten = torch.ops.aten
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
            pooled.append((z.shape[2:], place, x))
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
            size, place, a = pooled[layer - 1]
            delta = aten.threshold_backward.default(delta.reshape(a.shape), a, 0)
            delta = aten.max_unpool2d.default(delta, place, size)
            gradients[f"b{layer}"] = torch.sum(delta, (0, 2, 3), out=out.get(f"b{layer}"))
            delta, gradients[f"W{layer}"], _ = aten.convolution_backward.default(
                delta, before, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [layer > 1, True, False]
            )
            continue
        gradients[f"W{layer}"] = torch.mm(delta.t(), before, out=out.get(f"W{layer}"))
        gradients[f"b{layer}"] = torch.sum(delta, 0, out=out.get(f"b{layer}"))
        if layer > 1:
            delta = torch.mm(delta, weight)
            if parameters[f"W{layer - 1}"].ndim == 2:
                delta = aten.threshold_backward.default(delta, before, 0)
    out.update(gradients)
    return loss, tuple(gradients[name] for name in parameters)


def measured(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of each, interleaved."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    order, draw = list(calls), random.Random(0)
    for number in range(rounds + 10):
        draw.shuffle(order)
        for name in order:
            start = time.perf_counter()
            calls[name]()
            if number >= 10:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def peak(call: Callable[[], Any]) -> int:
    """The most bytes alive at a time of what the call allocates, its result included."""
    call()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        result = call()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    alive = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        alive += event.nbytes()
        most = max(most, alive)
    del result
    return most


def row(name: str, network: Network, batch: int, rounds: int) -> str:
    generator = torch.Generator().manual_seed(0)
    parameters = {key: torch.randn(*shape, generator=generator) / 20 for key, shape in network.parameters.items()}
    x = torch.randn(batch, *network.shapes["x"], generator=generator)
    y = torch.randint(0, network.shapes[network.output][0], (batch,), generator=generator)
    leaves = {key: value.clone().requires_grad_() for key, value in parameters.items()}
    functions = load_network(network, "torch")
    held: dict[str, dict[str, torch.Tensor]] = {"emitted": {}, "hand": {}}

    def emitted(out: dict[str, torch.Tensor]) -> Any:
        loss, found = functions.backward(parameters, functions.forward(parameters, x)[1], y, out)
        out.update(found)
        return loss, tuple(found[key] for key in parameters)

    calls: dict[str, Callable[[], Any]] = {
        "emitted": lambda: emitted(held["emitted"]),
        "autograd": lambda: by_autograd(leaves, x, y),
        "hand": lambda: by_hand(parameters, x, y, held["hand"]),
    }
    if x.ndim == 4:
        like = {"memory_format": torch.channels_last}
        last = {key: each.clone(**(like if each.ndim == 4 else {})) for key, each in parameters.items()}
        last = {key: value.requires_grad_() for key, value in last.items()}
        calls["channels last"] = lambda: by_autograd(last, x.to(**like), y)
    _, expected = calls["autograd"]()
    for which in calls:
        for one, two in zip(calls[which]()[1], expected, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
    seconds = measured(calls, rounds)
    if (faster := seconds.pop("channels last", seconds["autograd"])) < seconds["autograd"]:
        seconds["autograd"], calls["autograd"] = faster, calls["channels last"]
    ratios = seconds["emitted"] / seconds["autograd"], seconds["emitted"] / seconds["hand"]
    times = " | ".join(f"{1e3 * seconds[key]:.2f}" for key in ("emitted", "autograd", "hand"))
    memory = peak(lambda: emitted({})), peak(calls["autograd"])
    bytes_ = " | ".join(f"{each / 1e6:.2f}" for each in memory)
    return f"| {name} | {times} | {ratios[0]:.2f} | {ratios[1]:.2f} | {bytes_} | {memory[0] / memory[1]:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{datetime.date.today()}, {platform.machine()}, {options.threads} threads, torch {torch.__version__}\n")
    print("| step | emitted, ms | autograd, ms | by hand, ms | emitted / autograd | emitted / by hand "
          "| peak, emitted, MB | peak, autograd, MB | ratio |")  # fmt: skip
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, (network, batch) in CASES.items():
        print(row(name, network, batch, options.rounds), flush=True)


if __name__ == "__main__":
    main()
