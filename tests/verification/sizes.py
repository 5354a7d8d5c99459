"""Sizes for the oracle, drawn apart from those that the verifier chooses."""

from __future__ import annotations

import random
from collections.abc import Iterator

from derive import tree as t
from derive.verification.choosing import size_names
from derive.verification.problems import Problem
from tests.verification.oracle import IllTyped, Oracle, defined_by


def oracles(problem: Problem, count: int = 3, seed: int = 5) -> Iterator[Oracle]:
    """The problem at `count` draws of sizes (all different, 2 to 7) and inputs."""
    found = number = 0
    while found < count:
        number += 1
        if number > 60:
            raise RuntimeError(f"no sizes fit {problem.title}")
        oracle = Oracle(problem, _sizes(problem, random.Random(f"{seed}/{number}")), seed + 100 * number)
        try:
            for statement in problem.equations:
                name = defined_by(statement)
                if isinstance(statement.head, t.Call) or name is None:
                    continue
                for member in oracle.family(name) or (None,):
                    oracle.array(name, member)
        except (IllTyped, ValueError):
            continue
        found += 1
        yield oracle


def _sizes(problem: Problem, rng: random.Random) -> dict[str, int]:
    names = size_names(problem)
    plain = [name for name in names if not name.endswith("[]") and "last" not in names[name]]
    pool = list(range(2, 4 + len(plain)))
    rng.shuffle(pool)
    sizes: dict[str, int] = {}
    for name, size in zip(plain, pool, strict=False):
        quantity = problem.quantities.get(name)
        sizes[name] = rng.choice((1, 2, 3)) if quantity is not None and quantity.kind == "integer" else size
    for name, where in names.items():
        if "last" in where and not name.endswith("[]"):
            sizes[name] = 3
        if name.endswith("[]"):
            spread = rng.sample(range(2, 6), 4)
            sizes.update({f"{name[:-2]}[{k}]": spread[k % 4] for k in range(6)})
    return sizes
