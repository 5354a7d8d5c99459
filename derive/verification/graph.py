"""Every entry of every array as a node of one graph of scalars: equal formulas are one node.

At concrete sizes a derivation is a set of scalars. A node is a number, an input, a named intermediate, a linear
combination, a monomial, or a function of nodes; sums and products are flat, sorted and collected, so that the order of
terms, signs and repeated factors do not matter. Brackets are not multiplied out: that is left to the test modulo a
prime (`derive.verification.residues`).

The real functions are few. sigmoid, tanh and the like are spelled through exp; |u|, max, min and relu through
step(u) = [u > 0]; so a formula and its spelled-out twin meet in the same nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import isqrt
from typing import Any, Union

from derive.errors import LimitError

Node = int
Rational = Union[int, Fraction]

#: Kinds of nodes, and what `Graph.data` holds for each.
NUMBER, INPUT, NAMED, LINEAR, MONOMIAL, FUNCTION = range(6)

_ATOMS = frozenset({INPUT, NAMED, FUNCTION})

#: Most nodes that one problem and the work at hand may have.
NODES = 400_000
#: Largest exponent that is worked out.
EXPONENT = 10_000


class UndefinedNode(ArithmeticError):
    """A formula that has no value anywhere, such as 1/0."""


class Graph:
    """Nodes are numbers, in an order in which operands come first.

    kinds, data : of each node.  NUMBER: (value,).  INPUT: (key, sign) with sign 1 where it is known to be positive, 0
    where it is known not to be negative, else None.  NAMED: (key, node).
    LINEAR: (constant, ((node, coefficient), ...)).
    MONOMIAL: (((node, exponent), ...),).  FUNCTION: (name, operands).
    """

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.data: list[tuple[Any, ...]] = []
        self._known: dict[tuple[Any, ...], Node] = {}
        self._signs: dict[Node, int | None] = {}
        # whether a sum is 0 everywhere: set by who can tell, asked of divisors that are cancelled
        self.vanishes: Callable[[Node], bool] = lambda node: False
        self._smooth: dict[Node, bool] = {}
        self.zero, self.one = self.number(0), self.number(1)

    def __len__(self) -> int:
        return len(self.kinds)

    def _node(self, kind: int, *data: Any) -> Node:
        key = (kind, *data)
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = len(self.kinds)
            if node >= NODES:
                raise LimitError(f"the formulas have more than {NODES} scalar operations at the sizes tried, the limit")
            self.kinds.append(kind)
            self.data.append(data)
        return node

    def release(self, mark: int) -> None:
        """Forget all nodes from `mark` (a former length) on."""
        for node in range(mark, len(self.kinds)):
            del self._known[(self.kinds[node], *self.data[node])]
            self._signs.pop(node, None)
            self._smooth.pop(node, None)
        del self.kinds[mark:], self.data[mark:]

    # --- leaves -------------------------------------------------------------------------------------------------------

    def number(self, value: Rational) -> Node:
        return self._node(NUMBER, _short(value))

    def input(self, key: tuple[Any, ...], sign: int | None = None) -> Node:
        """A free scalar. key : what it is, such as ("W", 0, 2); the name comes first."""
        return self._node(INPUT, key, sign)

    def named(self, key: tuple[Any, ...], node: Node) -> Node:
        """A node of its own for a named intermediate, by which may be differentiated."""
        return self._node(NAMED, key, node)

    def value(self, node: Node) -> Rational | None:
        """The rational number that a node is, or None."""
        return self.data[node][0] if self.kinds[node] == NUMBER else None

    # --- sums and products --------------------------------------------------------------------------------------------

    def linear(self, parts: Iterable[tuple[Rational, Node]]) -> Node:
        """The sum of coefficient * node."""
        constant: Rational = 0
        kept: dict[Node, Rational] = {}
        kinds, data = self.kinds, self.data
        for coefficient, node in parts:
            kind = kinds[node]
            if kind == NUMBER:
                constant += coefficient * data[node][0]
            elif kind == LINEAR:
                inner, terms = data[node]
                constant += coefficient * inner
                for term, factor in terms:
                    kept[term] = kept.get(term, 0) + coefficient * factor
            else:
                kept[node] = kept.get(node, 0) + coefficient
        terms = sorted(
            [(node, factor if factor.__class__ is int else _short(factor)) for node, factor in kept.items() if factor]
        )
        if not terms:
            return self.number(constant)
        if not constant and len(terms) == 1 and terms[0][1] == 1:
            lone: Node = terms[0][0]
            return lone
        return self._node(LINEAR, _short(constant), tuple(terms))

    def add(self, *nodes: Node) -> Node:
        return self.linear([(1, node) for node in nodes])

    def subtract(self, left: Node, right: Node) -> Node:
        return self.linear(((1, left), (-1, right)))

    def negate(self, node: Node) -> Node:
        return self.linear(((-1, node),))

    def monomial(self, parts: Iterable[tuple[Node, Rational]]) -> Node:
        """The product of node^exponent; a factor 0 makes it 0. Raises UndefinedNode for 0 to a negative power."""
        number: Rational = 1
        kept: dict[Node, Rational] = {}
        kinds, data = self.kinds, self.data
        undefined = False
        divisors: list[Node] = []
        for node, exponent in parts:
            kind = kinds[node]
            if kind in _ATOMS:
                kept[node] = kept.get(node, 0) + exponent
            elif kind == NUMBER:
                if exponent == 1:
                    number *= data[node][0]
                    continue
                power = self._power_of_number(data[node][0], exponent)
                if power is None:
                    undefined = undefined or not data[node][0]
                    kept[node] = kept.get(node, 0) + exponent
                else:
                    number *= power
            elif kind == MONOMIAL and (_is_whole(exponent) or self._signed(node)):
                for factor, inner in data[node][0]:
                    kept[factor] = kept.get(factor, 0) + inner * exponent
                    if inner * exponent < 0 and kinds[factor] == LINEAR:
                        divisors.append(factor)
            elif kind == LINEAR and not data[node][0] and len(data[node][1]) == 1 and _is_whole(exponent):
                ((factor, coefficient),) = data[node][1]  # (c u)^n = c^n u^n
                number *= Fraction(coefficient) ** int(exponent)
                if kinds[factor] == MONOMIAL:
                    for each, inner in data[factor][0]:
                        kept[each] = kept.get(each, 0) + inner * exponent
                        if inner * exponent < 0 and kinds[each] == LINEAR:
                            divisors.append(each)
                else:
                    kept[factor] = kept.get(factor, 0) + exponent
            else:
                kept[node] = kept.get(node, 0) + exponent
                if exponent < 0:
                    divisors.append(node)
        if undefined or any(self.vanishes(each) for each in divisors if not number or not kept[each]):
            raise UndefinedNode("a division by zero")
        if not number:
            return self.zero
        number *= self._joined_steps(kept)
        if not number:
            return self.zero
        factors = sorted(
            [(node, exponent if exponent == 1 else _short(exponent)) for node, exponent in kept.items() if exponent]
        )
        if not factors:
            return self.number(number)
        lone = len(factors) == 1 and factors[0][1] == 1
        product = factors[0][0] if lone else self._node(MONOMIAL, tuple(factors))
        return product if number == 1 else self.linear(((number, product),))

    def _signed(self, node: Node) -> bool:
        """Whether no factor of a monomial is negative, so that a root of the product is the product of the roots."""
        return all(self.sign(factor) is not None for factor, _ in self.data[node][0])

    def multiply(self, *nodes: Node) -> Node:
        return self.monomial([(node, 1) for node in nodes])

    def divide(self, left: Node, right: Node) -> Node:
        return self.monomial(((left, 1), (right, -1)))

    def _power_of_number(self, base: Rational, exponent: Rational) -> Rational | None:
        """base^exponent where that is rational, else None."""
        if _is_whole(exponent):
            if not base:
                return 1 if exponent == 0 else 0 if exponent > 0 else None
            if abs(Fraction(exponent)) > EXPONENT or _bits(base) * abs(int(exponent)) > 64 * EXPONENT:
                raise LimitError(f"a power with the exponent {exponent} is above the limit")
            return Fraction(base) ** int(exponent)
        if not base:
            return 0 if exponent > 0 else None
        if base > 0 and Fraction(exponent).denominator == 2:
            fraction = Fraction(base)
            upper, lower = isqrt(fraction.numerator), isqrt(fraction.denominator)
            if upper * upper == fraction.numerator and lower * lower == fraction.denominator:
                return Fraction(upper, lower) ** Fraction(exponent).numerator
        return None

    def power(self, base: Node, exponent: Node) -> Node:
        """base^exponent; with an exponent that varies it is exp(exponent * log(base))."""
        literal = self.value(exponent)
        if literal is not None:
            if abs(Fraction(literal)) > EXPONENT:
                raise LimitError(f"the exponent {literal} is above {EXPONENT}, the limit")
            return self.monomial(((base, literal),))
        return self.exp(self.multiply(exponent, self.log(base)))

    # --- functions ----------------------------------------------------------------------------------------------------

    def function(self, name: str, *operands: Node) -> Node:
        return self._node(FUNCTION, name, operands)

    def exp(self, u: Node) -> Node:
        if u == self.zero:
            return self.one
        if self.kinds[u] == FUNCTION and self.data[u][0] == "log":
            inner: Node = self.data[u][1][0]
            return inner
        return self.function("exp", u)

    def log(self, u: Node) -> Node:
        """The natural logarithm; of a product of factors that are known to be positive the sum of theirs."""
        kind = self.kinds[u]
        if u == self.one:
            return self.zero
        if self.value(u) == 0:
            raise UndefinedNode("the logarithm of zero")
        if kind == FUNCTION and self.data[u][0] == "exp":
            return self.data[u][1][0]  # type: ignore[no-any-return]
        if kind == MONOMIAL and all(self.sign(factor) == 1 for factor, _ in self.data[u][0]):
            return self.linear([(exponent, self.log(factor)) for factor, exponent in self.data[u][0]])
        if kind == LINEAR and not self.data[u][0] and len(self.data[u][1]) == 1:
            ((factor, coefficient),) = self.data[u][1]
            if coefficient > 0:
                return self.linear(((1, self.log(self.number(coefficient))), (1, self.log(factor))))
        return self.function("log", u)

    def sqrt(self, u: Node) -> Node:
        return self.monomial(((u, Fraction(1, 2)),))

    def step(self, u: Node) -> Node:
        """[u > 0].

        [u < 0] is 1 - [u > 0] almost everywhere, if u has no kinks of its own; so one is written by the other.
        """
        u = self.plain(u)
        value = self.value(u)
        if value is not None:
            return self.number(int(value > 0))
        if self.sign(u) == 1:
            return self.one
        if self.kinds[u] == LINEAR and len(self.data[u][1]) == 1 and not self.data[u][0]:
            ((factor, coefficient),) = self.data[u][1]
            if coefficient > 0:
                u = factor
            elif self.sign(factor) in (0, 1):
                return self.zero
        if self.kinds[u] == MONOMIAL:
            for factor, exponent in self.data[u][0]:
                cut = self.data[factor][1][0] if self._is_step(factor) else None
                rest = [pair for pair in self.data[u][0] if pair[0] != factor]
                if cut is not None and exponent == 1 and [(self.plain(n), e) for n, e in rest] == [(cut, 1)]:
                    step: Node = factor
                    return step  # [v [v > 0] > 0] is [v > 0]
        if self.kinds[u] == LINEAR and self.data[u][1][0][1] < 0 and self.is_smooth(u):
            return self.subtract(self.one, self.function("step", self.negate(u)))
        return self.function("step", u)

    def is_smooth(self, node: Node) -> bool:
        """Whether there is no kink in a node: then it is 0 on no open set, unless it is 0 everywhere."""
        if node not in self._smooth:
            for each in self.cone((node,)):
                if each not in self._smooth:
                    kinked = self.kinds[each] == FUNCTION and self.data[each][0] in ("step", "max", "zero")
                    self._smooth[each] = not kinked and all(self._smooth[below] for below in self.operands(each))
        return self._smooth[node]

    def _is_step(self, node: Node) -> bool:
        return self.kinds[node] == FUNCTION and self.data[node][0] == "step"

    def _by_step(self, node: Node) -> tuple[Node, Rational, Rational] | None:
        """(h, its value for h = 0, its value for h = 1) of a node that is made of one step h and numbers."""
        if self._is_step(node):
            return node, 0, 1
        if self.kinds[node] != LINEAR or len(self.data[node][1]) != 1:
            return None
        ((step, factor),) = self.data[node][1]
        constant = self.data[node][0]
        return (step, constant, constant + factor) if self._is_step(step) else None

    def _joined_steps(self, kept: dict[Node, Rational]) -> Rational:
        """Join the factors of one step: (a + b h)^n (c + d h) has two values, as h = [u > 0] has. Answers a factor."""
        found: dict[Node, list[tuple[Node, Rational, Rational]]] = {}
        for node in kept:
            by = self._by_step(node) if self.kinds[node] in (LINEAR, FUNCTION) else None
            if by is not None and _is_whole(kept[node]) and (kept[node] > 0 or (by[1] and by[2])):
                found.setdefault(by[0], []).append((node, by[1], by[2]))
        number: Rational = 1
        for step, factors in found.items():
            if len(factors) == 1 and kept[factors[0][0]] == 1:
                continue
            low: Rational = 1
            high: Rational = 1
            for node, zero, one in factors:
                exponent = int(kept.pop(node))
                low, high = low * Fraction(zero) ** exponent, high * Fraction(one) ** exponent
            joined = self.linear(((low, self.one), (high - low, step)))
            if self.kinds[joined] == NUMBER:
                number *= self.data[joined][0]
            elif self.kinds[joined] == LINEAR and not self.data[joined][0]:
                number *= self.data[joined][1][0][1]
                kept[step] = 1
            else:
                kept[joined] = 1
        return number

    def compare(self, operator: str, left: Node, right: Node) -> Node:
        """1 where the comparison of two real numbers holds, else 0."""
        if operator in ("=", ">=", "<=") and (won := self._won(operator, left, right)) is not None:
            return won
        difference = self.subtract(left, right)
        if operator in ("=", "!="):
            number = self.value(difference)
            equal = self.function("zero", difference) if number is None else self.number(int(number == 0))
            return equal if operator == "=" else self.subtract(self.one, equal)
        above, below = self.step(difference), self.step(self.negate(difference))
        match operator:
            case ">":
                return above
            case "<":
                return below
            case ">=":
                return self.subtract(self.one, below)
        return self.subtract(self.one, above)

    def _won(self, operator: str, left: Node, right: Node) -> Node | None:
        """[x = max(.., x, ..)] and [x >= max(.., x, ..)]: no other operand is larger."""
        for one, other, sign in ((left, right, ">="), (right, left, "<=")):
            inner = self.plain(other)
            if operator not in ("=", sign) or self.kinds[inner] != FUNCTION or self.data[inner][0] != "max":
                continue
            operands = self.data[inner][1]
            own = self.plain(one)
            if own in operands or one in operands:
                return self.multiply(*(self.not_below(one, each) for each in operands if each not in (one, own)))
        return None

    def not_below(self, u: Node, other: Node) -> Node:
        """[u >= other]."""
        return self.subtract(self.one, self.step(self.subtract(other, u)))

    def plain(self, node: Node) -> Node:
        """What stands behind a named intermediate."""
        while self.kinds[node] == NAMED:
            node = self.data[node][1]
        return node

    def call(self, name: str, *operands: Node) -> Node:
        """A function of the table by its name. Raises KeyError for one that is not known."""
        function: Callable[..., Node] = _FUNCTIONS[name]
        return function(self, *operands)

    # --- signs --------------------------------------------------------------------------------------------------------

    def sign(self, node: Node) -> int | None:
        """1 where the node is positive wherever it is defined, 0 where it is not negative, None where not known."""
        if node not in self._signs:
            self._signs[node] = self._find_sign(node)
        return self._signs[node]

    def _find_sign(self, node: Node) -> int | None:
        data = self.data[node]
        match self.kinds[node]:
            case 0:  # NUMBER
                return 1 if data[0] > 0 else 0 if data[0] == 0 else None
            case 1:  # INPUT
                known: int | None = data[1]
                return known
            case 2:  # NAMED
                return self.sign(data[1])
            case 3:  # LINEAR
                constant, terms = data
                if constant < 0 or any(factor < 0 for _, factor in terms):
                    return None
                signs = [self.sign(term) for term, _ in terms]
                if None in signs:
                    return None
                return 1 if constant > 0 or 1 in signs else 0
            case 4:  # MONOMIAL
                found = 1
                steps = {self.data[factor][1][0] for factor, _ in data[0] if self._is_step(factor)}
                for factor, exponent in data[0]:
                    if self.plain(factor) in steps:  # v [v > 0]
                        found = 0
                        continue
                    sign = self.sign(factor)
                    if sign == 1:
                        continue
                    if sign == 0 or (_is_whole(exponent) and exponent % 2 == 0) or not _is_whole(exponent):
                        found = 0 if exponent > 0 else found  # u^-2 is positive where it is defined
                        continue
                    return None
                return found
        if data[0] == "exp":
            return 1
        return 0 if data[0] == "step" else None

    # --- walking ------------------------------------------------------------------------------------------------------

    def operands(self, node: Node) -> Sequence[Node]:
        data = self.data[node]
        match self.kinds[node]:
            case 2:
                return (data[1],)
            case 3:
                return [term for term, _ in data[1]]
            case 4:
                return [factor for factor, _ in data[0]]
            case 5:
                return data[1]  # type: ignore[no-any-return]
        return ()

    def cone(self, nodes: Iterable[Node]) -> list[Node]:
        """All nodes that these depend on, themselves included, operands first."""
        seen: set[Node] = set()
        stack = list(nodes)
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                stack.extend(self.operands(node))
        return sorted(seen)


def _short(value: Rational) -> Rational:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _is_whole(value: Rational) -> bool:
    return value.denominator == 1


def _bits(value: Rational) -> int:
    fraction = Fraction(value)
    return max(fraction.numerator.bit_length(), fraction.denominator.bit_length())


# --- the other functions, through exp, log, step, sin, cos ------------------------------------------------------------


def _sigmoid(g: Graph, u: Node) -> Node:
    return g.divide(g.one, g.add(g.one, g.exp(g.negate(u))))


def _tanh(g: Graph, u: Node) -> Node:
    square = g.exp(g.linear(((2, u),)))
    return g.divide(g.subtract(square, g.one), g.add(square, g.one))


def _halves(g: Graph, u: Node, sign: int) -> Node:
    half = Fraction(1, 2)
    return g.linear(((half, g.exp(u)), (sign * half, g.exp(g.negate(u)))))


def _sign(g: Graph, u: Node) -> Node:
    return g.subtract(g.step(u), g.step(g.negate(u)))


def _abs(g: Graph, u: Node) -> Node:
    return u if g.sign(u) in (0, 1) else g.multiply(u, _sign(g, u))


def _max(g: Graph, *operands: Node) -> Node:
    """The largest operand; max(u, 0) is u [u > 0]."""
    found: dict[Node, None] = {}
    for operand in operands:
        nested = g.kinds[operand] == FUNCTION and g.data[operand][0] == "max"
        found.update(dict.fromkeys(g.data[operand][1] if nested else (operand,)))
    numbers = [each for each in found if g.value(each) is not None]
    if numbers:
        best = max(numbers, key=lambda each: Fraction(g.value(each) or 0))
        for each in numbers:
            if each != best:
                del found[each]
    left = sorted(found)
    if len(left) == 1:
        return left[0]
    if len(left) == 2 and g.zero in left:
        (other,) = (each for each in left if each != g.zero)
        return g.multiply(other, g.step(other))
    return g.function("max", *left)


def _min(g: Graph, *operands: Node) -> Node:
    return g.negate(_max(g, *map(g.negate, operands)))


_FUNCTIONS: dict[str, Any] = {
    "exp": Graph.exp,
    "log": Graph.log,
    "ln": Graph.log,
    "sqrt": Graph.sqrt,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "sinh": lambda g, u: _halves(g, u, -1),
    "cosh": lambda g, u: _halves(g, u, 1),
    "sech": lambda g, u: g.divide(g.one, _halves(g, u, 1)),
    "csch": lambda g, u: g.divide(g.one, _halves(g, u, -1)),
    "coth": lambda g, u: g.divide(g.one, _tanh(g, u)),
    "softplus": lambda g, u: g.log(g.add(g.one, g.exp(u))),
    "sin": lambda g, u: g.zero if u == g.zero else g.function("sin", u),
    "cos": lambda g, u: g.one if u == g.zero else g.function("cos", u),
    "tan": lambda g, u: g.divide(g.call("sin", u), g.call("cos", u)),
    "cot": lambda g, u: g.divide(g.call("cos", u), g.call("sin", u)),
    "sec": lambda g, u: g.divide(g.one, g.call("cos", u)),
    "csc": lambda g, u: g.divide(g.one, g.call("sin", u)),
    "asin": lambda g, u: g.function("asin", u),
    "acos": lambda g, u: g.function("acos", u),
    "atan": lambda g, u: g.function("atan", u),
    "erf": lambda g, u: g.function("erf", u),
    "abs": _abs,
    "sign": _sign,
    "sgn": _sign,
    "relu": lambda g, u: g.multiply(u, g.step(u)),
    "heaviside": lambda g, u: g.step(u),
    "max": _max,
    "min": _min,
    "silu": lambda g, u: g.multiply(u, _sigmoid(g, u)),
}

#: Functions of real numbers that a work may use, elementwise on arrays.
ELEMENTWISE = frozenset(_FUNCTIONS) - {"max", "min"}
