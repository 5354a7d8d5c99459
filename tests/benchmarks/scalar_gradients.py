"""Record n random elementary operations from Python and differentiate them in reverse: derive against CasADi's SX.

Prints a Markdown table; the ratio decides, the absolute times are only reported. Each figure is the median of
interleaved runs in processes of their own, so that neither sees the other's memory.

    python tests/benchmarks/scalar_gradients.py            # the table
    python tests/benchmarks/scalar_gradients.py --cold     # also the cold start of `derive trace`
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

SEED = 20
INPUTS = 5
WINDOW = 50
SIZES = (1_000, 10_000, 100_000)


def program(n: int) -> list[tuple[int, int, int]]:
    """n operations (+ - * / sin cos) on operands among the last WINDOW values, drawn before any clock runs."""
    draw = random.Random(SEED)
    operations = []
    for k in range(n):
        have = INPUTS + k
        low = max(0, have - WINDOW)
        operations.append((draw.randrange(6), draw.randrange(low, have), draw.randrange(low, have)))
    return operations


def run(
    operations: list[tuple[int, int, int]], values: list[Any], sin: Callable[..., Any], cos: Callable[..., Any]
) -> Any:
    for operation, i, j in operations:
        a = values[i]
        if operation == 0:
            values.append(a + values[j])
        elif operation == 1:
            values.append(a - values[j])
        elif operation == 2:
            values.append(a * values[j])
        elif operation == 3:
            values.append(a / values[j])
        elif operation == 4:
            values.append(sin(a))
        else:
            values.append(cos(a))
    total = values[-1]
    for value in values[-WINDOW:-1]:  # the output reads the whole last window, so that little is dead
        total = total + value
    return total


def with_derive(n: int) -> dict[str, float]:
    import tracemalloc

    import derive

    operations = program(n)
    sin, cos = derive.sin, derive.cos
    start = time.perf_counter()
    traced = derive.record(lambda *x: run(operations, list(x), sin, cos), inputs=INPUTS)
    built = time.perf_counter()
    derivation = derive.reverse(traced)
    done = time.perf_counter()
    lines = len(traced)
    del traced, derivation
    tracemalloc.start()
    traced = derive.record(lambda *x: run(operations, list(x), sin, cos), inputs=INPUTS)
    derivation = derive.reverse(traced)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    from derive.codegen.lowering import operation_counts

    counts = operation_counts(derivation)
    return {
        "build": built - start,
        "gradient": done - built,
        "total": done - start,
        "bytes_a_node": size / lines,
        "lines": lines,
        "operations": counts.gradient / counts.function,
    }


def with_casadi(n: int) -> dict[str, float]:
    import casadi

    operations = program(n)
    start = time.perf_counter()
    x = [casadi.SX.sym(f"x{k}") for k in range(INPUTS)]
    y = run(operations, list(x), casadi.sin, casadi.cos)
    built = time.perf_counter()
    casadi.gradient(y, casadi.vertcat(*x))
    done = time.perf_counter()
    return {"build": built - start, "gradient": done - built, "total": done - start}


def in_a_process(which: str, n: int) -> dict[str, float]:
    answer = subprocess.run(
        [sys.executable, __file__, "--one", which, str(n)], check=True, capture_output=True, text=True
    )
    figures: dict[str, float] = json.loads(answer.stdout)
    return figures


def cold_start(runs: int = 5) -> dict[str, float]:
    """Wall seconds of a fresh process, median."""
    commands = {
        "derive --help": ["--help"],
        "derive trace (the sheet's function, text)": [
            "trace", "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))", "--at", "x1=1.5,x2=0.5",
        ],
    }  # fmt: skip
    figures = {}
    for name, arguments in commands.items():
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "derive", *arguments], check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        figures[name] = statistics.median(times)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=2, metavar=("WHICH", "N"), help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=5, help="interleaved runs of each [5]")
    parser.add_argument("--cold", action="store_true", help="also time cold starts of the command line")
    arguments = parser.parse_args()
    if arguments.one:
        which, n = arguments.one
        print(json.dumps((with_derive if which == "derive" else with_casadi)(int(n))))
        return
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    print(f"{time.strftime('%Y-%m-%d')}, {machine}\n")
    print("| operations | derive: record + reverse, s | CasADi SX: build + gradient, s | ratio | bytes a node | "
          "reverse / function operations |")  # fmt: skip
    print("|---:|---:|---:|---:|---:|---:|")
    for n in SIZES:
        pairs = [(in_a_process("derive", n), in_a_process("casadi", n)) for _ in range(arguments.runs)]
        ours = statistics.median(pair[0]["total"] for pair in pairs)
        theirs = statistics.median(pair[1]["total"] for pair in pairs)
        ratio = statistics.median(pair[0]["total"] / pair[1]["total"] for pair in pairs)
        last = pairs[-1][0]
        size, operations = last["bytes_a_node"], last["operations"]
        print(f"| {n:,} | {ours:.3f} | {theirs:.3f} | {ratio:.2f} | {size:.0f} | {operations:.2f} |", flush=True)
    if arguments.cold:
        print()
        for name, seconds in cold_start().items():
            print(f"- `{name}`: {seconds:.2f} s from a cold start")


if __name__ == "__main__":
    main()
