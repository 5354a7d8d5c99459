"""Seeded random points at which a function and its derivatives are defined."""

from __future__ import annotations

import random
from collections.abc import Iterable
from math import isfinite

from derive import tree as t
from derive.errors import DeriveError, DomainError
from derive.evaluate import evaluate, sweep
from derive.indicators import Undefined
from derive.program import Program
from derive.step import Derivation
from derive.tree import Tree

#: Ranges that are tried in turn: some functions want small arguments, some positive ones, some large ones.
RANGES = ((0.1, 0.9), (-1.5, 1.5), (1.1, 2.5), (0.2, 6.0))
#: With more inputs than this, numbers near 1: the product of a thousand others is no double.
MANY_INPUTS = 50
NEAR_ONE = (0.7, 1.35)
TRIES = 400


def random_points(program: Program, derivations: Iterable[Derivation], count: int, seed: int) -> list[dict[str, Tree]]:
    """At most `count` points, input -> exact decimal of three places; fewer where few random points are inside.

    seed : any integer; the same seed gives the same points.
    """
    random_numbers = random.Random(seed)
    checked = [derivation for derivation in derivations if derivation.mode == "reverse" and derivation.output]
    points: list[dict[str, Tree]] = []
    for attempt in range(TRIES):
        if len(points) == count:
            break
        low, high = RANGES[attempt % len(RANGES)] if len(program.inputs) <= MANY_INPUTS else NEAR_ONE
        drawn = {name: round(random_numbers.uniform(low, high), 3) for name in program.input_names}
        if _defined(program, checked, drawn):
            points.append({name: decimal(value) for name, value in drawn.items()})
    return points


def decimal(value: float) -> Tree:
    """A double as the literal that it prints as."""
    literal = t.Number(repr(abs(value)))
    return t.Negative(literal) if value < 0 else literal


def _defined(program: Program, derivations: list[Derivation], point: dict[str, float]) -> bool:
    try:
        values = evaluate(program, point)
        found = [value for derivation in derivations for value in sweep(derivation, values).values()]
    except (DomainError, DeriveError, OverflowError):
        return False
    return all(isinstance(value, Undefined) or isfinite(value) for value in (*values.values(), *found))
