"""A second evaluator: operations written down one after the other, as a formula spells them, to be replayed in mpmath.

A Tape stands in for the Graph of a model and shares no rule with it. Nothing is sorted, collected, cancelled or looked
up again: two operations are two entries even where they are alike. Only whole and rational numbers are worked out at
once, since subscripts and limits are made of them, and 0 + x, 1 x and 0 x are x, x and 0. Derivatives are central
differences: an entry says by what, and the replay moves that (`derive.verification.replays`), never the sweep of
`derive.verification.differentiating`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from derive.errors import LimitError
from derive.verification.graph import (
    EXPONENT,
    FUNCTION,
    INPUT,
    LINEAR,
    MONOMIAL,
    NAMED,
    NODES,
    NUMBER,
    Graph,
    Node,
    Rational,
    UndefinedNode,
)

#: Name of the entry for a derivative: its operands are what is differentiated, and by what.
DIFFERENCE = "difference"
#: Powers of numbers of more bits are left to the replay.
_BITS = 4096

#: Functions of rational numbers that are rational, for limits such as max(0, i - 1).
_EXACT: dict[str, Callable[..., Fraction]] = {
    "max": max,
    "min": min,
    "abs": abs,
    "relu": lambda u: max(u, Fraction(0)),
    "step": lambda u: Fraction(int(u > 0)),
    "heaviside": lambda u: Fraction(int(u > 0)),
    "sign": lambda u: Fraction((u > 0) - (u < 0)),
}


class Tape(Graph):
    """Entries in the kinds and the layout of a Graph, so that the same formulas can be written to it.

    FUNCTION also holds what a Graph spells out: "sigmoid", "power", comparisons such as "[<]", and DIFFERENCE.
    """

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.data: list[tuple[Any, ...]] = []
        self.vanishes: Callable[[Node], bool] = lambda node: False
        self._inputs: dict[tuple[Any, ...], Node] = {}
        self.zero, self.one = self._entry(NUMBER, 0), self._entry(NUMBER, 1)

    def _entry(self, kind: int, *data: Any) -> Node:
        if len(self.kinds) >= NODES:
            raise LimitError(f"the formulas have more than {NODES} operations as they are written, the limit")
        self.kinds.append(kind)
        self.data.append(data)
        return len(self.kinds) - 1

    def release(self, mark: int) -> None:
        del self.kinds[mark:], self.data[mark:]
        self._inputs = {key: node for key, node in self._inputs.items() if node < mark}

    # --- leaves -------------------------------------------------------------------------------------------------------

    def number(self, value: Rational) -> Node:
        return self.zero if value == 0 else self.one if value == 1 else self._entry(NUMBER, value)

    def input(self, key: tuple[Any, ...], sign: int | None = None) -> Node:
        """A free scalar: one entry for one key, since a quantity is the same wherever it is read."""
        if (key, sign) not in self._inputs:
            self._inputs[key, sign] = self._entry(INPUT, key, sign)
        return self._inputs[key, sign]

    def named(self, key: tuple[Any, ...], node: Node) -> Node:
        return self._entry(NAMED, key, node)

    # --- sums and products --------------------------------------------------------------------------------------------

    def linear(self, parts: Iterable[tuple[Rational, Node]]) -> Node:
        constant = Fraction(0)
        terms: list[tuple[Node, Rational]] = []
        for coefficient, node in parts:
            if self.kinds[node] == NUMBER:
                constant += coefficient * self.data[node][0]
            else:
                terms.append((node, coefficient))
        if not terms:
            return self.number(constant)
        if len(terms) == 1 and terms[0][1] == 1 and not constant:
            return terms[0][0]
        return self._entry(LINEAR, constant, tuple(terms))

    def add(self, *nodes: Node) -> Node:
        return self.linear([(1, node) for node in nodes])

    def subtract(self, left: Node, right: Node) -> Node:
        return self.linear(((1, left), (-1, right)))

    def negate(self, node: Node) -> Node:
        return self.linear(((-1, node),))

    def monomial(self, parts: Iterable[tuple[Node, Rational]]) -> Node:
        number = Fraction(1)
        factors: list[tuple[Node, Rational]] = []
        for node, exponent in parts:
            literal = self.data[node][0] if self.kinds[node] == NUMBER else None
            if literal == 0 and exponent < 0:
                raise UndefinedNode("a division by zero")
            if literal is not None and self._is_short(literal, exponent):
                number *= Fraction(literal) ** int(exponent)
            elif exponent:
                factors.append((node, exponent))
        if not number or not factors:
            return self.number(number)
        if len(factors) == 1 and factors[0][1] == 1 and number == 1:
            return factors[0][0]
        return self._entry(MONOMIAL, ((self.number(number), 1), *factors) if number != 1 else tuple(factors))

    @staticmethod
    def _is_short(base: Rational, exponent: Rational) -> bool:
        """Whether a power of a number is rational, and short enough to be worked out."""
        bits = Fraction(base).numerator.bit_length() + Fraction(base).denominator.bit_length()
        return exponent.denominator == 1 and bits * abs(int(exponent)) <= _BITS

    def multiply(self, *nodes: Node) -> Node:
        return self.monomial([(node, 1) for node in nodes])

    def divide(self, left: Node, right: Node) -> Node:
        return self.monomial(((left, 1), (right, -1)))

    def power(self, base: Node, exponent: Node) -> Node:
        literal = self.value(exponent)
        if literal is None:
            return self.function("power", base, exponent)
        if abs(Fraction(literal)) > EXPONENT:
            raise LimitError(f"the exponent {literal} is above {EXPONENT}, the limit")
        return self.monomial(((base, literal),))

    # --- functions ----------------------------------------------------------------------------------------------------

    def function(self, name: str, *operands: Node) -> Node:
        return self._entry(FUNCTION, name, operands)

    def call(self, name: str, *operands: Node) -> Node:
        if name in _EXACT and all(self.kinds[each] == NUMBER for each in operands):
            return self.number(_EXACT[name](*(Fraction(self.data[each][0]) for each in operands)))
        return self.function(name, *operands)

    def exp(self, u: Node) -> Node:
        return self.one if u == self.zero else self.function("exp", u)

    def log(self, u: Node) -> Node:
        if u == self.zero:
            raise UndefinedNode("the logarithm of zero")
        return self.zero if u == self.one else self.function("log", u)

    def sqrt(self, u: Node) -> Node:
        return self.monomial(((u, Fraction(1, 2)),))

    def step(self, u: Node) -> Node:
        return self.call("step", u)

    def compare(self, operator: str, left: Node, right: Node) -> Node:
        return self.function(f"[{operator}]", left, right)

    def not_below(self, u: Node, other: Node) -> Node:
        return self.compare(">=", u, other)

    def sign(self, node: Node) -> int | None:
        """Never known: no rule may depend on it."""
        return None

    def is_smooth(self, node: Node) -> bool:
        return False

    # --- derivatives --------------------------------------------------------------------------------------------------

    def slopes(self, value: Node) -> Slopes:
        """The derivatives of an entry by all that it depends on."""
        return Slopes(self, value)


class Slopes(dict[Node, Node]):
    """Derivatives of one entry by others, each written down when it is asked for."""

    def __init__(self, tape: Tape, value: Node) -> None:
        super().__init__({value: tape.one})
        self.tape = tape
        self.value = value
        self._below: frozenset[Node] | None = None

    def __contains__(self, by: object) -> bool:
        if self._below is None:
            self._below = frozenset(self.tape.cone((self.value,)))
        return by in self._below

    def __missing__(self, by: Node) -> Node:
        if by not in self:
            raise KeyError(by)
        self[by] = self.tape.function(DIFFERENCE, self.value, by)
        return self[by]

    def get(self, by: Node, default: Any = None) -> Any:
        try:
            return self[by]
        except KeyError:
            return default
