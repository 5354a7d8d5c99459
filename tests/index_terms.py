"""Terms over indices for the laws: arrays with boxes, ragged and from 1 on, guarded reads, deltas, every reduction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from derive import terms
from derive.evaluation import Environment
from derive.integers import Extreme, Index, Integer, IntegerEntry, Size, extreme, floor, integer
from derive.terms import Chain, Comparison, Divides, Entry, Guard, Reduce, Term, Winner, delta, entry, multiply, power
from tests.literal import World

N, M = Size("n"), Size("m")


def label(index: Any) -> Integer:
    """y[i], a whole number in 0..m-1 for i in 0..n-1."""
    return integer(IntegerEntry("y", (integer(index),), 0))


def heads() -> dict[str, Entry]:
    """A: n x m, B: m, c a scalar, D[i, j] from 1 to m-1 on, R[i, j] with j <= y[i]."""
    ragged = Index("i", N)
    return {
        "y": entry("y", Index("i", N)),
        "A": entry("A", Index("i", N), Index("j", M)),
        "B": entry("B", Index("j", M)),
        "c": entry("c"),
        "D": entry("D", Index("i", N), Index("j", integer(M) + 1, 1)),
        "R": entry("R", ragged, Index("j", label(ragged) + 1)),
    }


@dataclass
class Setting:
    """The same numbers twice: for the evaluator, and as dictionaries for the oracle."""

    environment: Environment
    world: World


def setting(seed: int, n: int, m: int) -> Setting:
    rng = np.random.default_rng(seed)
    sizes = {"n": n, "m": m}
    environment = Environment(sizes)
    arrays: dict[str, dict[tuple[int, ...], Any]] = {}
    world = World(sizes, arrays)
    for name, head in heads().items():
        indices = tuple(part.index for part in head.indices if part.index is not None)
        if name == "y":
            numbers: Any = rng.integers(0, m, size=n)
            arrays[name] = {(k,): int(value) for k, value in enumerate(numbers)}
        else:
            places = [tuple(at[index] for index in indices) for at in world.domain(indices, {})]
            # few different values, so that there are ties
            arrays[name] = {place: float(rng.integers(-4, 5)) / 2 for place in places}
            shape = (n, *([m + 1] if name == "D" else [max(arrays["y"].values()) + 1] if name == "R" else [m]))
            numbers = np.zeros({"B": (m,), "c": ()}.get(name, shape))
            for place, value in arrays[name].items():
                numbers[place] = value
        environment.put(head, numbers, integer=name == "y")
    return Setting(environment, world)


def settings_of() -> st.SearchStrategy[Setting]:
    return st.builds(setting, st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 4))


@st.composite
def whole_numbers(draw: Any, scope: Sequence[Index]) -> Integer:
    """a*i + b*j + c, now and then with a quotient or an extreme."""
    parts = [draw(st.sampled_from([1, 1, 1, 2, -1])) * integer(index) for index in draw(st.permutations(scope))[:2]]
    total: Integer = sum(parts[: draw(st.integers(1, 2))], integer(draw(st.integers(-1, 2))))
    match draw(st.integers(0, 7)):
        case 0:
            return floor(total, 2)
        case 1:
            return extreme(draw(st.sampled_from(["max", "min"])), [total, integer(draw(st.integers(-1, 2)))])
    return total


@st.composite
def reads(draw: Any, scope: Sequence[Index]) -> Term:
    """A read of an array anywhere, behind the guard that it needs."""
    name = draw(st.sampled_from(["A", "A", "B", "c", "D", "R"]))
    bounds: list[tuple[Any, Any]] = {
        "A": [(0, N), (0, M)], "B": [(0, M)], "c": [], "D": [(0, N), (1, integer(M) + 1)], "R": [(0, N), (0, 0)],
    }[name]  # fmt: skip
    subscripts: list[Integer] = [draw(whole_numbers(scope)) for _ in bounds]
    conditions = []
    for (lower, stop), subscript in zip(bounds, subscripts, strict=True):
        end = label(subscripts[0]) + 1 if (lower, stop) == (0, 0) else stop
        conditions.append(Chain((integer(lower), subscript, integer(end)), ("<=", "<")))
    guards = [Guard((each,)) for each in conditions] if draw(st.booleans()) else [terms.guard(*conditions)]
    factors = [*guards, Entry(name, tuple(subscripts))]
    return multiply(*(draw(st.permutations(factors))))


@st.composite
def conditions(draw: Any, scope: Sequence[Index]) -> Term:
    one, two = draw(whole_numbers(scope)), draw(whole_numbers(scope))
    match draw(st.integers(0, 3)):
        case 0:
            return delta(one, two)
        case 1:
            return Guard((Divides(integer(draw(st.integers(1, 3))), one),))
        case 2:
            return Guard((Comparison((draw(reads(scope)), terms.Number(Fraction(1, 4))), (draw(_signs()),)),))
    return Guard((Chain((one, two), (draw(_signs()),)),))


def _signs() -> st.SearchStrategy[str]:
    return st.sampled_from(["<", "<=", ">", ">=", "=", "!="])


@st.composite
def new_indices(draw: Any, scope: Sequence[Index]) -> tuple[Index, ...]:
    """One or two bound indices, over a box or a domain that depends on others; never empty."""
    found: list[Index] = []
    for _ in range(draw(st.integers(1, 2))):
        around = [*scope, *found]
        outer = integer(draw(st.sampled_from(around)))
        at_least_one = integer(Extreme("max", (outer, integer(0)))) + 1
        kind = draw(st.integers(0, 3))
        stop = {0: integer(N), 1: integer(M), 2: integer(draw(st.integers(1, 3))), 3: at_least_one}[kind]
        lower = integer(draw(st.sampled_from([0, 0, -1]))) if kind < 3 else integer(0)
        found.append(Index("k", stop, lower))
    return tuple(found)


@st.composite
def index_terms(draw: Any, scope: Sequence[Index], depth: int = 3, *, smooth: bool = False) -> Term:
    """A term over the indices in scope.  smooth : without kinks, winners and comparisons of real numbers."""

    def below(around: Sequence[Index] = scope) -> Term:
        return draw(index_terms(around, depth - 1, smooth=smooth))

    if depth == 0:
        leaf = draw(st.integers(0, 5))
        if leaf == 0:
            return terms.Number(Fraction(draw(st.integers(-3, 3)), draw(st.integers(1, 2))))
        return terms.whole(draw(whole_numbers(scope))) if leaf == 1 else draw(reads(scope))
    match draw(st.integers(0, 9)):
        case 0 | 1:
            return terms.add(below(), below())
        case 2:
            return multiply(below(), below())
        case 3:
            held = draw(conditions(scope))
            if smooth and isinstance(held, Guard) and isinstance(held.conditions[0], Comparison):
                held = terms.UNIT
            return multiply(below(), held)
        case 4:
            names = ["tanh", "sin", "sigmoid"] if smooth else ["tanh", "relu", "abs", "sign", "sigmoid"]
            return terms.Apply(draw(st.sampled_from(names)), (below(),))
        case 5:
            return power(terms.add(1, power(terms.Apply("tanh", (below(),)), 2)), draw(st.sampled_from([-1, 2, -2])))
        case 6 | 7 | 8:
            bound = draw(new_indices(scope))
            kinds = ["sum", "sum", "prod"] if smooth else ["sum", "sum", "sum", "prod", "max", "min"]
            body = below([*scope, *bound])
            kind = draw(st.sampled_from(kinds))
            return Reduce(kind, bound, terms.Apply("tanh", (body,)) if kind == "prod" else body)
    if smooth:
        return draw(reads(scope))
    bound = draw(new_indices(scope))
    at = tuple(draw(whole_numbers(scope)) for _ in bound)
    return Winner(draw(st.sampled_from(["max", "min"])), bound, below([*scope, *bound]), at)


def free() -> list[Index]:
    return [Index("i", N), Index("j", M)]
