"""Loss and all gradients of an MLP: the emitted NumPy code against torch.autograd.grad, each in processes of its own.

    python tests/benchmarks/numpy_step.py --rounds 200

One thread each, float32, CPU. In one process NumPy's BLAS threads slow torch down, so each figure is the median over
processes, run in turns, of the median of their rounds. `torch.compile` and `jax.jit(jax.grad)` are told where they are
installed and run.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SIZES = {
    "MLP 784-512-256-10, batch 100": ((784, 512, 256, 10), 100),
    "MLP 768-128-32-2, batch 64": ((768, 128, 32, 2), 64),
    "MLP 784-100-200-50-10, batch 64": ((784, 100, 200, 50, 10), 64),
}
WHICH = ("numpy", "autograd", "compile", "jax")


def data(sizes: tuple[int, ...], batch: int) -> tuple[dict[str, Any], Any, Any]:
    generator = np.random.default_rng(0)
    parameters = {}
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes), 1):
        parameters[f"W{layer}"] = (generator.normal(size=(outputs, inputs)) / 20).astype(np.float32)
        parameters[f"b{layer}"] = (generator.normal(size=outputs) / 20).astype(np.float32)
    x = generator.normal(size=(batch, sizes[0])).astype(np.float32)
    return parameters, x, generator.integers(0, sizes[-1], batch)


def with_numpy(parameters: dict[str, Any], x: Any, y: Any, sizes: tuple[int, ...]) -> Callable[[], Any]:
    from derive.codegen.networks import load_network
    from derive.subjects.networks import mlp

    functions = load_network(mlp(sizes), "numpy")
    return lambda: functions.backward(parameters, functions.forward(parameters, x)[1], y)[0]


def with_torch(parameters: dict[str, Any], x: Any, y: Any, sizes: tuple[int, ...], *, fused: bool) -> Callable[[], Any]:
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(1)
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in parameters.items()}
    rows, labels = torch.tensor(x), torch.tensor(y)

    def loss(rows: Any) -> Any:
        for layer in range(1, len(sizes)):
            rows = F.linear(rows, leaves[f"W{layer}"], leaves[f"b{layer}"])
            rows = F.relu(rows) if layer < len(sizes) - 1 else rows
        return F.cross_entropy(rows, labels)

    forward = torch.compile(loss) if fused else loss

    def step() -> Any:
        value = forward(rows)
        torch.autograd.grad(value, list(leaves.values()))
        return value

    return step


def with_jax(parameters: dict[str, Any], x: Any, y: Any, sizes: tuple[int, ...]) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    def loss(leaves: Any) -> Any:
        rows = x
        for layer in range(1, len(sizes)):
            rows = rows @ leaves[f"W{layer}"].T + leaves[f"b{layer}"]
            rows = jnp.maximum(rows, 0) if layer < len(sizes) - 1 else rows
        return -jax.nn.log_softmax(rows)[jnp.arange(len(y)), y].mean()

    both = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(both(parameters))[0]


def one(which: str, name: str, rounds: int) -> dict[str, float]:
    """Median seconds of a step, and its loss."""
    sizes, batch = SIZES[name]
    given = (*data(sizes, batch), sizes)
    if which == "numpy":
        step = with_numpy(*given)
    elif which == "jax":
        step = with_jax(*given)
    else:
        step = with_torch(*given, fused=which == "compile")
    times = []
    for number in range(rounds + 10):
        start = time.perf_counter()
        value = step()
        if number >= 10:
            times.append(time.perf_counter() - start)
    return {"seconds": statistics.median(times), "loss": float(getattr(value, "detach", lambda: value)())}


def in_a_process(which: str, name: str, rounds: int) -> dict[str, float] | None:
    """None where the library does not run here."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    flags = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
    command = [sys.executable, __file__, "--one", which, name, "--rounds", str(rounds)]
    answer = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **threads, **flags})
    if answer.returncode:
        if which in ("numpy", "autograd"):
            raise SystemExit(answer.stderr)
        return None
    figures: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=2, metavar=("WHICH", "NAME"), help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5, help="processes of each, in turns [5]")
    parser.add_argument("--compile", action="store_true", help="torch.compile too, which needs minutes and a compiler")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(*options.one, options.rounds)))
        return
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, NumPy {np.__version__}\n")
    print("| step | NumPy, ms | autograd, ms | NumPy / autograd | torch.compile, ms | jax.jit(jax.grad), ms |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in SIZES:
        found: dict[str, list[dict[str, float]]] = {which: [] for which in WHICH}
        absent = {"jax": "not installed"} if importlib.util.find_spec("jax") is None else {}
        absent |= {} if options.compile else {"compile": "not asked for"}
        for _ in range(options.runs):
            for which in WHICH:
                figures = None if which in absent else in_a_process(which, name, options.rounds)
                if figures is None:
                    absent.setdefault(which, "does not run here")
                else:
                    found[which].append(figures)
        losses = [figures["loss"] for each in found.values() for figures in each]
        assert max(losses) - min(losses) < 1e-4 * max(losses), losses
        medians = {which: statistics.median(f["seconds"] for f in each) for which, each in found.items() if each}
        shown = {which: f"{1e3 * medians[which]:.2f}" if which in medians else absent[which] for which in WHICH}
        ratio = medians["numpy"] / medians["autograd"]
        told = [shown["numpy"], shown["autograd"], f"{ratio:.2f}", shown["compile"], shown["jax"]]
        print(f"| {name} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main()
