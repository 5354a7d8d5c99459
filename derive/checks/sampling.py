"""Seeded random points at which a function and its derivatives are defined."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import isfinite

from derive import tree as t
from derive.adjoints import depending_on_inputs
from derive.arithmetic import FLOATS
from derive.checks.kinks import branches, has_kink
from derive.errors import DeriveError, DomainError
from derive.evaluate import evaluate, sweep
from derive.indicators import Undefined
from derive.plain import formula
from derive.program import Equation, Program
from derive.step import Derivation
from derive.tree import Tree

#: Ranges that are tried in turn: some functions want small arguments, some positive ones, some large ones.
RANGES = ((0.1, 0.9), (-1.5, 1.5), (1.1, 2.5), (0.2, 6.0))
#: With more inputs than this, numbers near 1: the product of a thousand others is no double.
MANY_INPUTS = 50
NEAR_ONE = (0.7, 1.35)
TRIES = 400
#: Lines that the search for the other side of a kink evaluates, its fewest points, and how many it may find.
MOVES = 20_000
FEWEST_MOVES = 40
MOST_FOUND = 6


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


def across_kinks(
    program: Program, derivations: Iterable[Derivation], points: Sequence[Mapping[str, Tree]], seed: int
) -> tuple[list[dict[str, Tree]], list[str]]:
    """Further points, so that each kinked line is met on both of its sides; and a sentence on each side not found.

    points : where to begin; one input at a time is moved by powers of two, then points of any size are drawn.
    """
    checked = [derivation for derivation in derivations if derivation.mode == "reverse" and derivation.output]
    active = depending_on_inputs(program)
    starts = [{name: float(FLOATS.constant(tree)) for name, tree in point.items()} for point in points]
    met = {pair for start in starts for pair in _sides(program, start)}
    kinked = [line for line in program if line.name in active and has_kink(line)]
    missing = {(line.name, side) for line in kinked for side in (-1, 1)} - met
    found: list[dict[str, Tree]] = []
    candidates = _moved(starts, program.input_names, random.Random(seed)) if missing and starts else iter(())
    for drawn in islice(candidates, max(FEWEST_MOVES, MOVES // len(program))):
        new = missing.intersection(_sides(program, drawn))
        if new and _defined(program, checked, drawn):
            missing -= new
            found.append({name: decimal(value) for name, value in drawn.items()})
            if not missing or len(found) == MOST_FOUND:
                break
    return found, [_unmet(line, side) for line in kinked for side in (-1, 1) if (line.name, side) in missing]


def _moved(
    starts: Sequence[Mapping[str, float]], names: Sequence[str], random_numbers: random.Random
) -> Iterator[dict[str, float]]:
    for power in range(-2, 41):
        for start in starts:
            for name in names:
                for sign in (1, -1):
                    yield {**start, name: round(start[name] + sign * 2.0**power, 3)}
    while True:
        yield {name: round(random_numbers.choice((1, -1)) * 10 ** random_numbers.uniform(-2, 9), 3) for name in names}


def _sides(program: Program, point: Mapping[str, float]) -> set[tuple[str, int]]:
    """The sides of the kinked lines at a point; none where there are no values."""
    try:
        return set(branches(FLOATS, program, evaluate(program, point)).items())
    except (DeriveError, OverflowError):
        return set()


def _unmet(line: Equation, side: int) -> str:
    left, *others = (operand if isinstance(operand, str) else formula(operand) for operand in line.source.operands)
    right = others[0] if others else "0"
    return f"no point was found with {left} {'>' if side > 0 else '<'} {right} in {line.name} = {formula(line.tree)}"


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
