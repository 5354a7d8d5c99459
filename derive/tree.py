"""One tree for what an author wrote: order, grouping and position survive; nothing is evaluated.

Every printer (text, LaTeX, MathML) reads this tree and every reader makes it. SymPy sees equations only after
`derive.reading.expressions.to_sympy` has built them from a tree, object by object.

The grammar is small and closed: number, name, negative, sum, product, power, transpose, call, subscript,
reduction, indicator, relation, derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from operator import is_not
from typing import Any, Union


@dataclass(frozen=True, slots=True)
class Span:
    """Where a piece stands in its source: line and column from 1, and the column behind its end."""

    line: int
    column: int
    end: int


class Operators:
    """Python operators build trees, so that a rule of the derivative table can be read as the formula it is."""

    __slots__ = ()

    def __add__(self, other: Any) -> Tree:
        return add(self, other)

    def __radd__(self, other: Any) -> Tree:
        return add(other, self)

    def __sub__(self, other: Any) -> Tree:
        return subtract(self, other)

    def __rsub__(self, other: Any) -> Tree:
        return subtract(other, self)

    def __mul__(self, other: Any) -> Tree:
        return multiply(self, other)

    def __rmul__(self, other: Any) -> Tree:
        return multiply(other, self)

    def __truediv__(self, other: Any) -> Tree:
        return divide(self, other)

    def __rtruediv__(self, other: Any) -> Tree:
        return divide(other, self)

    def __neg__(self) -> Tree:
        return negate(self)

    def _repr_latex_(self) -> str:
        from derive.display import to_latex  # views import the language, so the language asks for them by name

        return f"$\\displaystyle {to_latex(self)}$"


@lru_cache(maxsize=4096)
def _fraction(text: str) -> Fraction:
    return Fraction(text)


@dataclass(frozen=True, slots=True)
class Number(Operators):
    """A literal as written, `1.50` or `3`. Never negative: a sign is a Negative around it."""

    text: str
    at: Span | None = field(default=None, compare=False)

    @property
    def value(self) -> Fraction:
        return _fraction(self.text)


@dataclass(frozen=True, slots=True)
class Name(Operators):
    """A name; also the constants pi and e where nobody declared them.

    symbol : a name that formulas other than plain text show in its place: `delta`, or LOSS for a script L.
    """

    text: str
    at: Span | None = field(default=None, compare=False)
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Negative(Operators):
    body: Tree
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Sum(Operators):
    """Terms in the author's order, each with its sign: (("+", a), ("-", b)). The first sign is "+"."""

    terms: tuple[tuple[str, Tree], ...]
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Product(Operators):
    """Factors in order, each with the operator before it: "*", "/", "" (side by side), "@", ".*", "./".

    The first operator is "*". Read from left to right: (("*", a), ("/", b), ("*", c)) is (a/b)*c.
    """

    factors: tuple[tuple[str, Tree], ...]
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Power(Operators):
    """base ^ exponent; `elementwise` for `.^`."""

    base: Tree
    exponent: Tree
    elementwise: bool = False
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Transpose(Operators):
    body: Tree
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Call(Operators):
    """A function of arguments; without a name the tuple `(p, q)`.

    A function that is only named, such as the second derivative of f^[l], has more: the indices it depends on in
    `parameters`, how often it is differentiated by each argument in `orders`, and `layer` as a Subscript has it.
    """

    function: str
    arguments: tuple[Tree, ...]
    at: Span | None = field(default=None, compare=False)
    parameters: tuple[Tree, ...] = ()
    orders: tuple[int, ...] = ()
    layer: str = ""


@dataclass(frozen=True, slots=True)
class Subscript(Operators):
    """An entry of an array: `V[i+k, j]`.

    For formulas other than plain text: layer : "[]" or "()" where the first index stands above, as in w_ij^[l].
    tight : single letters stand without commas, Z_ij.  symbol : as a Name has it.
    """

    array: str
    indices: tuple[Tree, ...]
    at: Span | None = field(default=None, compare=False)
    layer: str = ""
    tight: bool = False
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Reduction(Operators):
    """`sum(k,l) body`; operator is one of sum, mean, max, min, prod, or argmax, argmin in a winner's indicator.

    limits : for each bound index (lower, stop), lower <= index < stop, or None where the arrays it reads imply them;
    may be empty where all are implied.
    """

    operator: str
    bound: tuple[str, ...]
    body: Tree
    at: Span | None = field(default=None, compare=False)
    limits: tuple[tuple[Tree, Tree] | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Indicator(Operators):
    """`[0 <= m-i < P]`: 1 where all comparisons hold, else 0. Operators: = != < <= > >=.

    kronecker : it is a Kronecker delta, [m = k], which other formulas than plain text show as one.
    """

    sides: tuple[Tree, ...]
    operators: tuple[str, ...]
    at: Span | None = field(default=None, compare=False)
    kronecker: bool = False


@dataclass(frozen=True, slots=True)
class Relation(Operators):
    """A chain of equalities `a = b = 3`."""

    sides: tuple[Tree, ...]
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Derivative(Operators):
    """The partial derivative of one name by another, not yet worked out.

    nabla : written as a gradient, which has the shape of `by` whatever the layout of derivatives.
    """

    of: Tree
    by: Tree
    at: Span | None = field(default=None, compare=False)
    nabla: bool = False


Tree = Union[
    Number, Name, Negative, Sum, Product, Power, Transpose, Call, Subscript, Reduction, Indicator, Relation, Derivative
]


# --- building ---------------------------------------------------------------------------------------------------------


def tree_of(value: Tree | int | str | Fraction) -> Tree:
    """A tree from a Python value: an integer or fraction becomes a literal, a string a name."""
    if isinstance(value, str):
        return Name(value)
    if isinstance(value, int):
        return Negative(Number(str(-value))) if value < 0 else Number(str(value))
    if isinstance(value, Fraction):
        fraction = Fraction(value)
        size = abs(fraction)
        body: Tree = Number(str(size.numerator))
        if size.denominator != 1:
            body = Product((("*", body), ("/", Number(str(size.denominator)))))
        return Negative(body) if fraction < 0 else body
    return value


def is_number(tree: Tree, value: int) -> bool:
    if not isinstance(tree, Number):
        return False
    return int(tree.text) == value if tree.text.isdecimal() else tree.value == value


def add(left: Any, right: Any) -> Tree:
    first, second = tree_of(left), tree_of(right)
    if is_number(first, 0):
        return second
    if is_number(second, 0):
        return first
    head = first.terms if isinstance(first, Sum) else (("+", first),)
    if isinstance(second, Negative):
        return Sum((*head, ("-", second.body)))
    return Sum((*head, ("+", second)))


def subtract(left: Any, right: Any) -> Tree:
    first, second = tree_of(left), tree_of(right)
    if is_number(second, 0):
        return first
    if is_number(first, 0):
        return negate(second)
    head = first.terms if isinstance(first, Sum) else (("+", first),)
    if isinstance(second, Negative):
        return Sum((*head, ("+", second.body)))
    return Sum((*head, ("-", second)))


def negate(body: Any) -> Tree:
    inner = tree_of(body)
    if is_number(inner, 0):
        return inner
    return inner.body if isinstance(inner, Negative) else Negative(inner)


def multiply(left: Any, right: Any) -> Tree:
    """left * right, with unit and zero factors dropped and a sign pulled to the front."""
    first, second = tree_of(left), tree_of(right)
    if isinstance(first, Negative):
        return negate(multiply(first.body, second))
    if isinstance(second, Negative):
        return negate(multiply(first, second.body))
    if is_number(first, 0) or is_number(second, 0):
        return Number("0")
    if is_number(first, 1):
        return second
    if is_number(second, 1):
        return first
    if isinstance(second, Product) and is_number(second.factors[0][1], 1) and len(second.factors) == 2:
        return divide(first, second.factors[1][1])  # a * (1/b) is a/b
    head = first.factors if isinstance(first, Product) else (("*", first),)
    if isinstance(second, Product) and all(operator == "*" for operator, _ in second.factors):
        return Product((*head, *second.factors))
    return Product((*head, ("*", second)))


def divide(left: Any, right: Any) -> Tree:
    first, second = tree_of(left), tree_of(right)
    if isinstance(first, Negative):
        return negate(divide(first.body, second))
    if isinstance(second, Negative):
        return negate(divide(first, second.body))
    if is_number(second, 1):
        return first
    head = first.factors if isinstance(first, Product) else (("*", first),)
    return Product((*head, ("/", second)))


def power(base: Any, exponent: Any) -> Tree:
    below, above = tree_of(base), tree_of(exponent)
    return below if is_number(above, 1) else Power(below, above)


def tidy_sum(terms: list[Tree], seed: Any = None) -> Tree:
    """The sum of terms (after the seed, where there is one), zeros dropped, not led by a minus sign where avoidable."""
    terms = [term for term in terms if not is_number(term, 0)]
    if seed is None and terms and isinstance(terms[0], Negative):
        positive = next((k for k, term in enumerate(terms) if not isinstance(term, Negative)), 0)
        terms.insert(0, terms.pop(positive))
    if seed is not None and not is_number(start := tree_of(seed), 0):
        terms.insert(0, start)
    if len(terms) < 2:
        return terms[0] if terms else Number("0")
    # all at once: adding term by term would copy the terms before it each time
    parts = list(terms[0].terms) if isinstance(terms[0], Sum) else [("+", terms[0])]
    parts += [("-", term.body) if isinstance(term, Negative) else ("+", term) for term in terms[1:]]
    return Sum(tuple(parts))


def one_less(tree: Tree) -> Tree:
    """tree - 1, its number worked out: the last value of an index that ends before `tree`."""
    match tree:
        case Call(function="max" | "min", arguments=arguments):
            return replace(tree, arguments=tuple(map(one_less, arguments)))
        case Sum(terms=parts):
            terms = [negate(part) if sign == "-" else part for sign, part in parts]
        case _:
            terms = [tree]
    for place, term in enumerate(terms):
        body = term.body if isinstance(term, Negative) else term
        if isinstance(body, Number) and body.value.denominator == 1:
            terms[place] = tree_of((-1 if body is not term else 1) * body.value - 1)
            break
    else:
        terms.append(Negative(Number("1")))
    return tidy_sum(terms)


# --- walking ----------------------------------------------------------------------------------------------------------


def children(tree: Tree) -> tuple[Tree, ...]:
    """The trees directly below, in order of writing."""
    return _BELOW[type(tree)](tree)


def _below_reduction(tree: Reduction) -> tuple[Tree, ...]:
    if not tree.limits:
        return (tree.body,)
    return (tree.body, *(side for pair in tree.limits if pair is not None for side in pair))


#: The trees directly below, by kind: looked up, since trees are walked more than anything else is done with them.
_BELOW: Mapping[type, Callable[[Any], tuple[Tree, ...]]] = {
    Number: lambda tree: (),
    Name: lambda tree: (),
    Negative: lambda tree: (tree.body,),
    Transpose: lambda tree: (tree.body,),
    Reduction: _below_reduction,
    Sum: lambda tree: tuple([part for _, part in tree.terms]),
    Product: lambda tree: tuple([part for _, part in tree.factors]),
    Power: lambda tree: (tree.base, tree.exponent),
    Call: lambda tree: tree.arguments + tree.parameters,
    Subscript: lambda tree: tree.indices,
    Indicator: lambda tree: tree.sides,
    Relation: lambda tree: tree.sides,
    Derivative: lambda tree: (tree.of, tree.by),
}


def rebuilt(tree: Tree, parts: tuple[Tree, ...]) -> Tree:
    """The same node over other children (as many, in the same order)."""
    match tree:  # without `replace`, which costs several times what a constructor does
        case Number() | Name():
            return tree
        case Negative(at=at):
            return Negative(parts[0], at)
        case Transpose(at=at):
            return Transpose(parts[0], at)
        case Reduction(operator=operator, bound=bound, at=at, limits=limits):
            rest = iter(parts[1:])
            pairs = tuple(None if pair is None else (next(rest), next(rest)) for pair in limits)
            return Reduction(operator, bound, parts[0], at, pairs)
        case Sum(terms=terms, at=at):
            return Sum(tuple([(sign, part) for (sign, _), part in zip(terms, parts, strict=True)]), at)
        case Product(factors=factors, at=at):
            return Product(tuple([(sign, part) for (sign, _), part in zip(factors, parts, strict=True)]), at)
        case Power(elementwise=elementwise, at=at):
            return Power(parts[0], parts[1], elementwise, at)
        case Call(arguments=arguments):
            count = len(arguments)
            return Call(tree.function, parts[:count], tree.at, parts[count:], orders=tree.orders, layer=tree.layer)
        case Subscript(array=array, at=at):
            return Subscript(array, parts, at, tree.layer, tree.tight, tree.symbol)
        case Indicator(operators=operators, at=at):
            return Indicator(parts, operators, at, tree.kronecker)
        case Relation(at=at):
            return Relation(parts, at)
        case Derivative(at=at):
            return Derivative(parts[0], parts[1], at, tree.nabla)


def walk(tree: Tree) -> Iterator[Tree]:
    """Every node, parents before children, in order of writing; no recursion."""
    stack: list[Tree] = [tree]
    while stack:
        node = stack.pop()
        yield node
        below = _BELOW[type(node)](node)
        if below:
            stack.extend(below[::-1])


def transformed(tree: Tree, change: Callable[[Tree], Tree]) -> Tree:
    """Rebuild from the leaves up, passing each node through `change`; no recursion."""
    done: list[Tree] = []
    stack: list[tuple[Tree, bool]] = [(tree, False)]
    while stack:
        node, ready = stack.pop()
        below = children(node)
        if not ready and below:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(below))
            continue
        if below:
            parts = tuple(done[-len(below) :])
            del done[-len(below) :]
            if any(map(is_not, parts, below)):  # a tree in which nothing changes is kept as it is
                node = rebuilt(node, parts)
        done.append(change(node))
    return done[0]


def substituted(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    """Names replaced by trees. Grouping is kept; printers put the brackets that a negative number needs."""
    return transformed(tree, lambda node: values.get(node.text, node) if isinstance(node, Name) else node)


def names_in(tree: Tree) -> tuple[str, ...]:
    """Names and arrays in order of first appearance."""
    seen: dict[str, None] = {}
    for node in walk(tree):
        if isinstance(node, Name):
            seen.setdefault(node.text)
        elif isinstance(node, Subscript):
            seen.setdefault(node.array)
    return tuple(seen)


def is_entry(tree: Tree) -> bool:
    """A name or an entry of an array: what a partial derivative can be of without brackets."""
    return isinstance(tree, (Name, Subscript))


def division(tree: Indicator) -> tuple[Tree, Tree] | None:
    """(c, e) of an indicator [mod(e, c) = 0], the remainder is 0; None for any other."""
    match tree:
        case Indicator(sides=(Call(function="mod", arguments=(value, divisor)), zero), operators=("=",)):
            return (divisor, value) if is_number(zero, 0) else None
    return None


# --- how tightly a node binds: shared by all printers -----------------------------------------------------------------

RELATION, SUM, PRODUCT, UNARY, POWER, ATOM = range(6)


def binding(tree: Tree) -> int:
    """The level of a node in the order of precedence of the plain notation; a printer brackets looser children."""
    match tree:
        case Relation():
            return RELATION
        case Sum():
            return SUM
        case Product() | Reduction():
            return PRODUCT
        case Negative():
            return UNARY
        case Power() | Transpose():
            return POWER
        case _:
            return ATOM
