"""Works judged a minute: `python tests/benchmarks/marking.py [--count 1000]`, by processes here and a Dask cluster.

A class is drawn from the rows of `tests/verify`: works of 15 rows, a third of them with a wrong one, each hundredth
hostile. The ratio of two processes to one decides; times are only told.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from derive.marking.judge import Answer, Request
from derive.marking.spreading import judged_all
from tests.test_verification_works import works

PROBLEM = "mlp"
ROWS, HOSTILE = 15, 100
#: What one may find in a folder: brackets and fractions without end, towers, sums of a thousand sums.
BAD = (
    "$x = " + "(" * 5000 + "y" + ")" * 5000 + "$",
    "x = 9^{9^{9^{9}}}",
    "$" + r"\frac{1}{" * 400 + "}" * 400 + "$",
    "a_{i} = " + "+".join(rf"\sum_{{i{k}}} w_{{i{k}}}" for k in range(900)),
    r"\delta_i^{[L]} = " + r"\tanh(" * 300 + "z" + ")" * 300,
    r"\delta_i^{[l]} = " + " ".join(rf"\sum_{{k_{n}}}" for n in range(12)) + r" w_{k_1k_2}^{[l]} w_{k_3k_4}^{[l]}",
)


def rows_of(name: str) -> list[str]:
    """The rows of all works of a file that stand alone."""
    chosen = [work for work in works(name) if work.get("problem") == PROBLEM and work.get("suffix", ".tex") == ".tex"]
    lines = [line.replace("$", "").strip() for work in chosen for line in work["work"].splitlines()]
    return [line for line in lines if "=" in line and not line.startswith(("=", "&", "\\begin", "\\end"))]


def a_class(count: int) -> list[Request]:
    rng = random.Random(1)
    right, wrong = rows_of("sheet002") + rows_of("correct"), rows_of("wrong")
    found = []
    for number in range(count):
        if number % HOSTILE == HOSTILE - 1:
            text = BAD[number // HOSTILE % len(BAD)]
        else:
            rows = [rng.choice(right) for _ in range(ROWS)]
            if number % 3 == 0:
                rows[rng.randrange(ROWS)] = rng.choice(wrong)
            text = "\\begin{align}\n" + " \\\\\n".join(rows) + "\n\\end{align}\n"
        found.append(Request(file=f"s{number:05}.tex", text=text, suffix=".tex", problem=PROBLEM, seconds=2.0))
    return found


def measured(name: str, asked: list[Request], answers: Callable[[list[Request]], Iterator[Answer]]) -> float:
    started = time.monotonic()
    found = Counter("not judged" if "error" in each.data else each.data["verdict"] for each in answers(asked))
    seconds = time.monotonic() - started
    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(found.items()))
    assert sum(found.values()) == len(asked)
    print(f"| {name} | {seconds:.1f} s | {60 * len(asked) / seconds:.0f} | {told} |", flush=True)
    return seconds


def main(count: int) -> None:
    asked = a_class(count)
    print(f"{count} works of {ROWS} rows, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    print("| by | time | works a minute | verdicts |\n|---|---:|---:|---|")
    alone = measured("one process", asked, judged_all)
    both = measured("two processes", asked, lambda works: judged_all(works, 2))
    print(f"\ntwo processes take {both / alone:.2f} of the time of one\n", flush=True)
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        measured("a Dask cluster of two", asked, lambda works: judged_all(works, scheduler=cluster.scheduler_address))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    main(parser.parse_args().count)
