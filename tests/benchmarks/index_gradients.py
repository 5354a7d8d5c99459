"""All gradients of networks and layers with their steps: derive against SymPy's `diff` on the same formulas.

Prints a Markdown table; the ratio decides, the absolute times are only reported. SymPy differentiates the loss of the
same MLP, written with IndexedBase and Sum of the same numbers of units, by each weight matrix at symbolic indices, as
its users do, and `doit` contracts its Kronecker deltas; it names no step.

    python tests/benchmarks/index_gradients.py
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

from derive.gradients import gradients
from derive.reading.equations import read_equations
from derive.subjects.layers.catalogue import find_layer


def mlp(depth: int) -> str:
    """An MLP with tanh and squared error, in whole arrays."""
    lines = ["x : n0", f"y : n{depth}"]
    before = "x"
    for layer in range(1, depth + 1):
        lines += [f"W{layer} : n{layer} x n{layer - 1}", f"b{layer} : n{layer}"]
        lines += [f"z{layer} = W{layer} {before} + b{layer}", f"a{layer} = tanh(z{layer})"]
        before = f"a{layer}"
    return "\n".join([*lines, f"L = norm({before} - y)^2"])


def cnn(blocks: int) -> str:
    """Blocks of conv 3x3, bias, relu; then a mean over positions and a dense layer."""
    size = 2 * blocks + 6
    lines = [f"X0 : N x 3 x {size} x {size}"]
    channels = 3
    for block in range(1, blocks + 1):
        size -= 2
        lines += [f"K{block} : {block + 3} x {channels} x 3 x 3", f"c{block} : {block + 3}"]
        lines += [f"Z{block} : N x {block + 3} x {size} x {size}", f"X{block} : N x {block + 3} x {size} x {size}"]
        lines.append(f"Z{block}[n,o,i,j] = sum(c,k,l) X{block - 1}[n,c,i+k,j+l]*K{block}[o,c,k,l] + c{block}[o]")
        lines.append(f"X{block}[n,o,i,j] = relu(Z{block}[n,o,i,j])")
        channels = block + 3
    lines += [f"P[n,c] = mean(i,j) X{blocks}[n,c,i,j]", f"W : 10 x {channels}", "y : N x 10"]
    lines += ["S[n,o] = sum(c) P[n,c]*W[o,c]", "L = sum(n,o) (S[n,o] - y[n,o])^2"]
    return "\n".join(lines)


def seconds(work: Callable[[], object], runs: int) -> float:
    """The median over runs; the first one warms up."""
    taken = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def with_derive(text: str) -> Callable[[], object]:
    """Read once; the gradients are new each time, since a program's indices are objects."""
    return lambda: gradients(read_equations(text)).steps


def with_sympy(depth: int) -> Callable[[], object]:
    import sympy

    def work() -> object:
        sizes = [sympy.Symbol(f"n{k}", integer=True, positive=True) for k in range(depth + 1)]
        i = sympy.Symbol("i", integer=True)
        p, q = sympy.symbols("p q", integer=True)
        weights = [sympy.IndexedBase(f"W{k}") for k in range(depth + 1)]
        biases = [sympy.IndexedBase(f"b{k}") for k in range(depth + 1)]
        x, y = sympy.IndexedBase("x"), sympy.IndexedBase("y")

        def activation(layer: int, unit: object) -> object:
            if layer == 0:
                return x[unit]
            inner = sympy.Symbol(f"j{layer}", integer=True)
            product = weights[layer][unit, inner] * activation(layer - 1, inner)
            total = sympy.Sum(product, (inner, 0, sizes[layer - 1] - 1))
            return sympy.tanh(total + biases[layer][unit])

        loss = sympy.Sum((activation(depth, i) - y[i]) ** 2, (i, 0, sizes[depth] - 1))
        return [loss.diff(weights[k][p, q]).doit() for k in range(1, depth + 1)]

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    read_equations("q = x*y")  # the grammar is built at first use
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, Python {platform.python_version()}\n")
    print("| problem | derive: all gradients with steps, s | steps | SymPy diff and doit, s | ratio |")
    print("|---|---:|---:|---:|---:|")
    for depth in (1, 2, 3, 4, 6, 8):
        own = seconds(with_derive(mlp(depth)), runs)
        peer = seconds(with_sympy(depth), 1) if depth <= 4 else None
        steps = len(gradients(read_equations(mlp(depth))).steps)
        told = "-" if peer is None else f"{peer:.2f}"
        ratio = "-" if peer is None else f"{own / peer:.3f}"
        print(f"| MLP of depth {depth} | {own:.3f} | {steps} | {told} | {ratio} |", flush=True)
    layer = find_layer("conv2d").text({"stride": "2", "padding": "1", "dilation": "2", "bias": True})
    for name, text in (("conv2d, stride 2, padding 1, dilation 2, bias", layer), ("CNN of 12 convolutions", cnn(12))):
        own = seconds(with_derive(text), runs)
        print(f"| {name} | {own:.3f} | {len(gradients(read_equations(text)).steps)} | - | - |", flush=True)


if __name__ == "__main__":
    main()
