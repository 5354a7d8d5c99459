"""The graph of scalars at points: doubles to look, certified balls (python-flint) to be sure.

A point gives every input an exact dyadic number in its range, and every function that is only named a smooth function
of its own, sin(b s + c) + d s^2 of s = a . u, whose derivatives of all orders are known.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from derive.enclosures import flint
from derive.verification.graph import INPUT, LINEAR, MONOMIAL, NAMED, NUMBER, Graph, Node

#: Denominators of coordinates: 2^-GRID.
GRID = 40
#: Numbers of bits with which a point is tried, until a sign is certain.
BITS = (192, 512, 1024)

_NAN = math.nan


@dataclass(frozen=True)
class Range:
    """Where an input lies: low < x < high, each None where there is no bound; `whole` for integers."""

    low: Fraction | None = None
    high: Fraction | None = None
    whole: bool = False
    nonzero: bool = False


@dataclass
class Point:
    """Coordinates of the inputs of a graph, drawn by (seed, number) when asked for.

    scale : about how large they are.  moved : coordinates that were set since, by input node.
    """

    graph: Graph
    ranges: Mapping[str, Range]
    seed: int
    number: int
    scale: Fraction = Fraction(1)
    moved: dict[Node, Fraction] = field(default_factory=dict)

    def random(self, *key: object) -> int:
        digest = hashlib.blake2b(repr((self.seed, self.number, key)).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big")

    def unit(self, *key: object) -> Fraction:
        """A number in (0, 1), a multiple of 2^-GRID, the same for the same key."""
        return Fraction(2 * (self.random(*key) >> (64 - GRID + 1)) + 1, 1 << GRID)

    def coordinate(self, node: Node) -> Fraction:
        if node in self.moved:
            return self.moved[node]
        key, sign = self.graph.data[node]
        span = self.ranges.get(key[0], Range())
        unit = self.unit("input", node)
        low, high = span.low, span.high
        if low is None and sign in (0, 1):
            low = Fraction(0)
        if low is not None and high is not None:
            value = low + (high - low) * unit
        elif low is not None:
            value = low + unit * 2 * self.scale
        elif high is not None:
            value = high - unit * 2 * self.scale
        else:  # of both signs, and not near 0
            value = (Fraction(1, 4) + unit * Fraction(3, 2)) * self.scale
            if self.random("sign", node) & 1:
                value = -value
        return Fraction(math.floor(value)) if span.whole else value

    def waves(self, name: str, arity: int) -> list[tuple[Fraction, ...]]:
        """The parameters (b, c, d, a_1, ..., a_n) of the functions whose sum stands for a function only named."""
        half = Fraction(1, 2)
        return [
            tuple(half + self.unit("function", name, wave, k) * (1 if k != 2 else half) for k in range(3 + arity))
            for wave in range(1 if arity == 1 else 2)
        ]


class Doubles:
    """The nodes of a graph at one point in double precision; nan where there is no value."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.graph = point.graph
        self.values: list[float] = []

    def release(self, mark: int) -> None:
        del self.values[mark:]

    def __getitem__(self, node: Node) -> float:
        values = self.values
        while len(values) <= node:
            try:
                values.append(self._value(len(values)))
            except (ValueError, OverflowError, ZeroDivisionError):
                values.append(_NAN)
        return values[node]

    def _value(self, node: Node) -> float:
        kind, data = self.graph.kinds[node], self.graph.data[node]
        values = self.values
        if kind == LINEAR:
            total = float(data[0])
            for term, coefficient in data[1]:
                total += float(coefficient) * values[term]
            return total
        if kind == MONOMIAL:
            product = 1.0
            for factor, exponent in data[0]:
                product *= values[factor] if exponent == 1 else math.pow(values[factor], float(exponent))
            return product
        if kind == NUMBER:
            return float(data[0])
        if kind == INPUT:
            return float(self.point.coordinate(node))
        if kind == NAMED:
            below: float = values[data[1]]
            return below
        name, operands = data
        if name == "step":
            u = values[operands[0]]
            return _NAN if u != u else 1.0 if u > 0 else 0.0
        if "|" in name:
            wave: float = _wave(self.point, name, [values[operand] for operand in operands], math.sin, math.pi, float)
            return wave
        function: Callable[..., float] = _DOUBLES[name]
        return function(*(values[operand] for operand in operands))


_DOUBLES: dict[str, Callable[..., float]] = {
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "erf": math.erf,
    "pi": lambda: math.pi,
    "max": max,
    "zero": lambda u: float(u == 0),
}


def _wave(
    point: Point, name: str, operands: Sequence[Any], sin: Callable[[Any], Any], pi: Any, number: Callable[[Any], Any]
) -> Any:
    """sum of b^k a^orders sin(b s + c + k pi/2) + (d s^2)^(k) a^orders over two waves, s = a . u, k the total order."""
    base, _, text = name.partition("|")
    orders = tuple(map(int, text.split(",")))
    k = sum(orders)
    total = number(Fraction(0))
    for b, c, d, *slopes in point.waves(base, len(orders)):
        inside = number(Fraction(0))
        factor = Fraction(1)
        for slope, order, operand in zip(slopes, orders, operands, strict=True):
            inside = inside + number(slope) * operand
            factor *= slope**order
        wave = number(b**k) * sin(number(b) * inside + number(c) + pi * number(Fraction(k, 2)))
        tail = (
            number(d) * inside * inside
            if k == 0
            else number(2 * d) * inside
            if k == 1
            else number(2 * d if k == 2 else Fraction(0))
        )
        total = total + number(factor) * (wave + tail)
    return total


class Undefined(ArithmeticError):
    """No value at a point."""


class Undecided(ArithmeticError):
    """A sign that the bits at hand do not settle."""


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """FLINT's precision is global: set it, and put back what was there."""
    context = flint().ctx
    before = context.prec
    context.prec = bits
    try:
        yield
    finally:
        context.prec = before


def balls(point: Point, nodes: Iterable[Node], bits: int, signs: dict[Node, int] | None = None) -> dict[Node, Any]:
    """Certified enclosures of nodes at a point, and of all they depend on.

    signs : takes the sign of the operand of each step met.
    A node without a value is None. Raises Undecided where a sign or a bound is not settled by so many bits.
    """
    library = flint()
    arb, fmpq = library.arb, library.fmpq

    def number(value: Any) -> Any:
        fraction = Fraction(value)
        return arb(fmpq(fraction.numerator, fraction.denominator))

    graph = point.graph
    values: dict[Node, Any] = {}

    def value(node: Node) -> Any:
        kind, data = graph.kinds[node], graph.data[node]
        if kind == LINEAR:
            total = number(data[0])
            for term, coefficient in data[1]:
                total += values[term] if coefficient == 1 else number(coefficient) * values[term]
            return total
        if kind == MONOMIAL:
            product = arb(1)
            for factor, exponent in data[0]:
                product *= values[factor] if exponent == 1 else _power(values[factor], exponent, number)
            return product
        if kind == NUMBER:
            return number(data[0])
        if kind == INPUT:
            return number(point.coordinate(node))
        if kind == NAMED:
            return values[data[1]]
        return _function(point, data[0], [values[each] for each in data[1]], arb, number, node, signs)

    with precision(bits):
        for node in graph.cone(nodes):
            operands = graph.operands(node)
            missing = any(values[each] is None for each in operands)
            try:
                if not missing:
                    values[node] = value(node)
                elif graph.kinds[node] == MONOMIAL and any(
                    values[each] is not None and values[each].is_zero() and exponent > 0
                    for each, exponent in graph.data[node][0]
                ):
                    values[node] = arb(0)  # a product with a false indicator is 0
                else:
                    values[node] = None
            except Undefined:
                values[node] = None
            if values[node] is not None and not values[node].is_finite():
                raise Undecided(f"node {node} is not bounded")
    return values


def _power(base: Any, exponent: int | Fraction, number: Callable[[Any], Any]) -> Any:
    if exponent < 0 or not isinstance(exponent, int):
        if base.contains(0):
            if base.is_zero():
                if exponent < 0:
                    raise Undefined("a division by zero")
                return base
            raise Undecided("a power of what may be 0")
        if not isinstance(exponent, int) and base < 0:
            raise Undefined("a root of a negative number")
    if isinstance(exponent, int):
        return base**exponent
    if exponent.denominator == 2:
        return base.sqrt() ** exponent.numerator
    return (number(exponent) * base.log()).exp()


def _function(
    point: Point,
    name: str,
    operands: Sequence[Any],
    arb: Any,
    number: Callable[[Any], Any],
    node: Node,
    signs: dict[Node, int] | None,
) -> Any:
    if name == "step":
        u = operands[0]
        if u > 0:
            sign = 1
        elif u < 0:
            sign = -1
        elif u.is_zero():
            sign = 0
        else:
            raise Undecided("a kink")
        if signs is not None:
            signs[node] = sign
        return arb(int(sign > 0))
    if "|" in name:
        return _wave(point, name, operands, lambda u: u.sin(), arb.pi(), number)
    if name == "zero":  # [u = 0], which no point shows to be 1 unless u is exactly 0
        if operands[0].is_zero():
            return arb(1)
        if operands[0].contains(0):
            raise Undecided("a value that may be 0")
        if signs is not None:
            signs[node] = -1
        return arb(0)
    if name == "max":
        for one in operands:
            if all(bool(one >= other) for other in operands if other is not one):
                return one
        raise Undecided("a tie")
    if name == "pi":
        return arb.pi()
    u = operands[0]
    if name == "log":
        if u < 0 or u.is_zero():
            raise Undefined("the logarithm of a number that is not positive")
        if u.contains(0):
            raise Undecided("the logarithm of what may be 0")
    if name in ("asin", "acos") and not (u >= -1 and u <= 1):
        raise Undefined(f"{name} outside -1..1")
    return getattr(u, name)()


def exact(point: Point, node: Node) -> Fraction | None:
    """The value of a rational function at a point, in fractions; None where there is none."""
    graph = point.graph
    values: dict[Node, Fraction | None] = {}
    for each in graph.cone((node,)):
        kind, data = graph.kinds[each], graph.data[each]
        value: Fraction | None
        if kind == NUMBER:
            value = Fraction(data[0])
        elif kind == INPUT:
            value = point.coordinate(each)
        elif kind == NAMED:
            value = values[data[1]]
        elif kind == LINEAR:
            value = Fraction(data[0])
            for term, coefficient in data[1]:
                below = values[term]
                value = None if value is None or below is None else value + coefficient * below
        else:
            value = Fraction(1)
            for factor, exponent in data[0]:
                below = values[factor]
                undefined = value is None or below is None or (not below and exponent < 0)
                value = None if undefined else value * below**exponent
        values[each] = value
    return values[node]
