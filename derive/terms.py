"""The language of index equations: a small closed grammar of real-valued terms over indices.

    number, constant (pi, e), entry V[2*i+k, j], whole number as a real one, function f(u), opaque function f^[l](u),
    sum, product, power, Kronecker delta, guard [0 <= m-i < P], reduction over indices, partial derivative, winner

A term is built by the constructors below (`add`, `multiply`, `power`, `total`), which fold the trivial cases and
nothing else; every other rewrite is a rule with a name. Trees (derive.tree) are what an author wrote or what is
printed; terms are what is calculated with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, Union

from derive.integers import Extreme, Floor, Index, Integer, IntegerEntry, IntegerLike, integer


class Arithmetic:
    """Python operators build terms, so that a row of the table of derivatives reads as the formula it is."""

    __slots__ = ()

    def __add__(self, other: Any) -> Term:
        return add(self, other)

    def __radd__(self, other: Any) -> Term:
        return add(other, self)

    def __sub__(self, other: Any) -> Term:
        return add(self, negate(other))

    def __rsub__(self, other: Any) -> Term:
        return add(other, negate(self))

    def __mul__(self, other: Any) -> Term:
        return multiply(self, other)

    def __rmul__(self, other: Any) -> Term:
        return multiply(other, self)

    def __truediv__(self, other: Any) -> Term:
        return multiply(self, power(other, -1))

    def __rtruediv__(self, other: Any) -> Term:
        return multiply(other, power(self, -1))

    def __neg__(self) -> Term:
        return negate(self)


@dataclass(frozen=True, slots=True)
class Number(Arithmetic):
    """An exact rational number."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Constant(Arithmetic):
    """pi or e."""

    name: str


@dataclass(frozen=True, slots=True)
class Entry(Arithmetic):
    """An entry of an array, or a scalar (no indices)."""

    array: str
    indices: tuple[Integer, ...] = ()


@dataclass(frozen=True, slots=True)
class Whole(Arithmetic):
    """An integer expression used as a real number: the 1/n of a mean."""

    value: Integer


@dataclass(frozen=True, slots=True)
class Apply(Arithmetic):
    """A function of the table of derive.functions."""

    function: str
    arguments: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Opaque(Arithmetic):
    """A function that is only named, such as f^[l] or the loss e_i; `orders` counts its derivative by each argument.

    parameters : the indices it depends on without being differentiated by them, the layer first.
    """

    name: str
    parameters: tuple[Integer, ...]
    arguments: tuple[Term, ...]
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Add(Arithmetic):
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Mul(Arithmetic):
    """A product. A number, if there is one, stands first; a quotient is a factor with a negative exponent."""

    factors: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Power(Arithmetic):
    base: Term
    exponent: Term


@dataclass(frozen=True, slots=True)
class Delta(Arithmetic):
    """The Kronecker delta: 1 where left = right, else 0."""

    left: Integer
    right: Integer


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of comparisons between integer expressions, `0 <= m - i < P`."""

    sides: tuple[Integer, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Divides:
    """`divisor | value`: the remainder is 0."""

    divisor: Integer
    value: Integer


@dataclass(frozen=True, slots=True)
class Comparison:
    """A chain of comparisons between real terms; constant under differentiation."""

    sides: tuple[Term, ...]
    operators: tuple[str, ...]


Condition = Union[Chain, Divides, Comparison]


@dataclass(frozen=True, slots=True)
class Guard(Arithmetic):
    """1 where all conditions hold, else 0; a product with a false guard is 0 whatever its other factors."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Reduce(Arithmetic):
    """operator ("sum", "prod", "max", "min") over indices of a body."""

    operator: str
    indices: tuple[Index, ...]
    body: Term


@dataclass(frozen=True, slots=True)
class Winner(Arithmetic):
    """1 where the indices `at` are the first, in row-major order, to reach the max or min of `body`, else 0.

    It is data from the forward pass, never differentiated.
    """

    operator: str
    indices: tuple[Index, ...]
    body: Term
    at: tuple[Integer, ...]


@dataclass(frozen=True, slots=True)
class Partial(Arithmetic):
    """The partial derivative of a term by an entry, all other entries held fixed; not yet worked out.

    `of` an Entry of another array Y is the derivative of Y's equation; of an input it is a Kronecker delta or 0.
    """

    of: Term
    by: Entry


Term = Union[Number, Constant, Entry, Whole, Apply, Opaque, Add, Mul, Power, Delta, Guard, Reduce, Winner, Partial]

NIL = Number(Fraction(0))
UNIT = Number(Fraction(1))


# --- building ---------------------------------------------------------------------------------------------------------


def term_of(value: Any) -> Term:
    """A term from a Python number or an integer expression; a term itself stays."""
    if isinstance(value, (int, Fraction)):
        return Number(Fraction(value))
    if isinstance(value, (Integer, Index)):
        return whole(value)
    return value  # type: ignore[no-any-return]


def whole(value: IntegerLike) -> Term:
    """An integer expression as a real number."""
    expression = integer(value)
    number = expression.value
    return Whole(expression) if number is None else Number(Fraction(number))


def entry(array: str, *indices: IntegerLike) -> Entry:
    return Entry(array, tuple(map(integer, indices)))


def add(*terms: Any) -> Term:
    """The sum in order, flattened; zeros dropped, numbers added up where the first of them stands."""
    kept: list[Term] = []
    number = Fraction(0)
    place: int | None = None
    for term in map(term_of, terms):
        for part in term.terms if isinstance(term, Add) else (term,):
            if not isinstance(part, Number):
                kept.append(part)
            elif part.value:
                if place is None:
                    place = len(kept)
                number += part.value
    if place is not None and number:
        kept.insert(place, Number(number))
    return Add(tuple(kept)) if len(kept) > 1 else kept[0] if kept else NIL


def multiply(*factors: Any) -> Term:
    """The product in order, flattened; numbers multiplied and put first, a factor 0 makes it 0."""
    number = Fraction(1)
    kept: list[Term] = []
    for factor in map(term_of, factors):
        for part in factor.factors if isinstance(factor, Mul) else (factor,):
            if isinstance(part, Number):
                number *= part.value
            else:
                kept.append(part)
    if not number:
        return NIL
    if number != 1 or not kept:
        kept.insert(0, Number(number))
    return Mul(tuple(kept)) if len(kept) > 1 else kept[0]


def negate(term: Any) -> Term:
    return multiply(-1, term)


def power(base: Any, exponent: Any) -> Term:
    """base^exponent; exponents 0 and 1 and powers of numbers by whole numbers are worked out."""
    below, above = term_of(base), term_of(exponent)
    if isinstance(above, Number):
        if above.value == 1:
            return below
        if above.value == 0:
            return UNIT
        if isinstance(below, Number) and above.value.denominator == 1 and below.value and abs(above.value) <= 64:
            return Number(below.value ** int(above.value))
        if isinstance(below, Power) and isinstance(below.exponent, Number) and above.value.denominator == 1:
            return power(below.base, below.exponent.value * above.value)
        small = above.value.denominator == 1 and abs(above.value) <= 64
        if small and isinstance(below, Mul) and isinstance(below.factors[0], Number):  # (2 u)^-1 = 1/2 u^-1
            return multiply(power(below.factors[0], above), Power(multiply(*below.factors[1:]), above))
    return Power(below, above)


def total(indices: Iterable[Index], body: Any, operator: str = "sum") -> Term:
    """The reduction over indices; over none it is the body, and a sum of zeros is 0."""
    bound, inner = tuple(indices), term_of(body)
    if not bound or (operator == "sum" and inner == NIL):
        return inner
    if isinstance(inner, Reduce) and inner.operator == operator and operator in ("sum", "prod"):
        return Reduce(operator, (*bound, *inner.indices), inner.body)
    return Reduce(operator, bound, inner)


def delta(left: IntegerLike, right: IntegerLike) -> Term:
    """The Kronecker delta, 1 or 0 where the difference is a number."""
    one, two = integer(left), integer(right)
    difference = (one - two).value
    if difference is None:
        return Delta(one, two)
    return UNIT if difference == 0 else NIL


def guard(*conditions: Condition) -> Term:
    """The guard of all conditions, each once; 1 where there is none."""
    kept = tuple(dict.fromkeys(conditions))
    return Guard(kept) if kept else UNIT


def within(value: IntegerLike, stop: IntegerLike, lower: IntegerLike = 0) -> Chain:
    """lower <= value < stop."""
    return Chain((integer(lower), integer(value), integer(stop)), ("<=", "<"))


# --- walking ----------------------------------------------------------------------------------------------------------


def children(term: Term) -> tuple[Term, ...]:
    """The terms directly below, in order of writing; conditions of a guard count by their real sides."""
    match term:
        case Apply(arguments=parts) | Opaque(arguments=parts) | Add(terms=parts) | Mul(factors=parts):
            return parts
        case Power(base=base, exponent=exponent):
            return (base, exponent)
        case Reduce(body=body) | Winner(body=body):
            return (body,)
        case Partial(of=of, by=by):
            return (of, by)
        case Guard(conditions=conditions):
            return tuple(side for each in conditions if isinstance(each, Comparison) for side in each.sides)
    return ()


def rebuilt(term: Term, parts: tuple[Term, ...]) -> Term:
    """The same node over other children, by its constructor: trivial cases fold."""
    match term:
        case Apply():
            return Apply(term.function, parts)
        case Opaque():
            return replace(term, arguments=parts)
        case Add():
            return add(*parts)
        case Mul():
            return multiply(*parts)
        case Power():
            return power(*parts)
        case Reduce():
            return total(term.indices, parts[0], term.operator)
        case Winner():
            return replace(term, body=parts[0])
        case Partial():
            return Partial(parts[0], parts[1])  # type: ignore[arg-type]
        case Guard():
            rest = iter(parts)
            return guard(
                *(
                    Comparison(tuple(next(rest) for _ in each.sides), each.operators)
                    if isinstance(each, Comparison)
                    else each
                    for each in term.conditions
                )
            )
    return term


def walk(term: Term) -> Iterator[Term]:
    """Every term, parents before children, in order of writing."""
    stack = [term]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def transformed(term: Term, change: Callable[[Term], Term]) -> Term:
    """Rebuilt from the leaves up, each node passed through `change`."""
    below = children(term)
    if below:
        parts = tuple(transformed(part, change) for part in below)
        if any(new is not old for new, old in zip(parts, below, strict=True)):
            term = rebuilt(term, parts)
    return change(term)


def integers_in(term: Term) -> Iterator[Integer]:
    """The integer expressions of this node itself (not of its children)."""
    match term:
        case Entry(indices=indices) | Opaque(parameters=indices) | Winner(at=indices):
            yield from indices
        case Whole(value=value):
            yield value
        case Delta(left=left, right=right):
            yield left
            yield right
        case Guard(conditions=conditions):
            for condition in conditions:
                if isinstance(condition, Chain):
                    yield from condition.sides
                elif isinstance(condition, Divides):
                    yield condition.divisor
                    yield condition.value


def bound_in(term: Term) -> tuple[Index, ...]:
    """The indices that this node binds."""
    return term.indices if isinstance(term, (Reduce, Winner)) else ()


@lru_cache(maxsize=65536)
def free_indices(term: Term) -> frozenset[Index]:
    """The indices that occur and are not bound inside, the domains of bound ones included."""
    found: set[Index] = set()
    if isinstance(term, Winner):
        ends = (end for index in term.indices for end in (index.lower, index.stop))
        inner = free_indices(term.body).union(*(end.indices for end in ends)) - set(term.indices)
        return inner.union(*(part.indices for part in term.at))
    for part in integers_in(term):
        found.update(part.indices)
    for child in children(term):
        found |= free_indices(child)
    bound = bound_in(term)
    for index in bound:
        found.update(index.lower.indices)
        found.update(index.stop.indices)
    return frozenset(found.difference(bound))


@lru_cache(maxsize=65536)
def reads(term: Term) -> frozenset[str]:
    """The arrays and scalars whose values the term reads; a partial derivative reads what stands in it."""
    found = {term.array} if isinstance(term, Entry) else set()
    return frozenset(found.union(*map(reads, children(term)))) if children(term) else frozenset(found)


def reads_in_order(term: Term) -> tuple[str, ...]:
    """The same, by first appearance; arrays of integers in subscripts too."""
    seen: dict[str, None] = {}
    for node in walk(term):
        for part in integers_in(node):
            for atom in part.atoms():
                if isinstance(atom, IntegerEntry):
                    seen.setdefault(atom.array)
        if isinstance(node, Entry):
            seen.setdefault(node.array)
    return tuple(seen)


def substitute(term: Term, values: Mapping[Index, Integer]) -> Term:
    """Indices replaced by integer expressions. An index bound inside, whose domain changes by that, is made anew."""
    if not values or free_indices(term).isdisjoint(values):
        return term
    match term:
        case Entry():
            return Entry(term.array, tuple(part.substitute(values) for part in term.indices))
        case Whole():
            return whole(term.value.substitute(values))
        case Delta():
            return delta(term.left.substitute(values), term.right.substitute(values))
        case Opaque():
            return Opaque(
                term.name,
                tuple(part.substitute(values) for part in term.parameters),
                tuple(substitute(part, values) for part in term.arguments),
                term.orders,
            )
        case Guard():
            return guard(*(substituted_condition(each, values) for each in term.conditions))
        case Reduce():
            bound, inner = rebound(term.indices, values)
            return total(bound, substitute(term.body, inner), term.operator)
        case Winner():
            at = tuple(part.substitute(values) for part in term.at)
            bound, inner = rebound(term.indices, values)
            return Winner(term.operator, bound, substitute(term.body, inner), at)
    return rebuilt(term, tuple(substitute(part, values) for part in children(term)))


def substituted_condition(condition: Condition, values: Mapping[Index, Integer]) -> Condition:
    match condition:
        case Chain():
            return Chain(tuple(side.substitute(values) for side in condition.sides), condition.operators)
        case Divides():
            return Divides(condition.divisor.substitute(values), condition.value.substitute(values))
    return Comparison(tuple(substitute(side, values) for side in condition.sides), condition.operators)


def rebound(
    indices: tuple[Index, ...], values: Mapping[Index, Integer]
) -> tuple[tuple[Index, ...], dict[Index, Integer]]:
    """Bound indices under a substitution: those whose domain changes, or that a value mentions, are made anew."""
    inner = {index: value for index, value in values.items() if index not in indices}
    captured = {index for value in inner.values() for index in value.indices}
    bound: list[Index] = []
    for index in indices:
        lower, stop = index.lower.substitute(inner), index.stop.substitute(inner)
        if lower != index.lower or stop != index.stop or index in captured:
            new = Index(index.name, stop, lower)
            inner[index] = integer(new)
            index = new
        bound.append(index)
    return tuple(bound), inner


def freshened(term: Term) -> Term:
    """The same term with all its bound indices made anew: for a copy that will stand inside another."""

    def change(node: Term) -> Term:
        if not isinstance(node, (Reduce, Winner)):
            return node
        values: dict[Index, Integer] = {}
        bound = []
        for index in node.indices:
            new = Index(index.name, index.stop.substitute(values), index.lower.substitute(values))
            values[index] = integer(new)
            bound.append(new)
        if isinstance(node, Reduce):
            return Reduce(node.operator, tuple(bound), substitute(node.body, values))
        return Winner(node.operator, tuple(bound), substitute(node.body, values), node.at)

    return transformed(term, change)


def replace_entries(term: Term, change: Callable[[Entry], Term]) -> Term:
    """Every entry passed through `change` (also the one by which a partial derivative is taken: not that)."""
    return transformed(term, lambda node: change(node) if isinstance(node, Entry) else node)


# --- sameness ---------------------------------------------------------------------------------------------------------


def same(one: Term, two: Term) -> bool:
    """Whether two terms are equal but for the names of bound indices; order counts."""
    return type(one) is type(two) and bool(
        one == two or (reads(one) == reads(two) and canonical(one) == canonical(two))
    )


@lru_cache(maxsize=65536)
def canonical(term: Term) -> Any:
    """A hashable key in which bound indices are numbered from the outside in."""
    return _canonical(term, {})


def _canonical(term: Term, numbers: Mapping[Index, int]) -> Any:
    bound = bound_in(term)
    if bound:
        numbers = {**numbers, **{index: len(numbers) + k for k, index in enumerate(bound)}}
    own = tuple(_numbered(part, numbers) for part in integers_in(term))
    domains = tuple((_numbered(index.lower, numbers), _numbered(index.stop, numbers)) for index in bound)
    head: tuple[Any, ...] = (type(term).__name__,)
    match term:
        case Number(value=value):
            head += (value,)
        case Constant(name=name) | Apply(function=name) | Entry(array=name):
            head += (name,)
        case Opaque(name=name, orders=orders):
            head += (name, orders)
        case Reduce(operator=operator) | Winner(operator=operator):
            head += (operator,)
        case Guard(conditions=conditions):
            head += tuple(getattr(each, "operators", "|") for each in conditions)
    return (head, own, domains, tuple(_canonical(child, numbers) for child in children(term)))


def _numbered(expression: Integer, numbers: Mapping[Index, int]) -> Any:
    return frozenset(
        (tuple(sorted(map(repr, (_atom_key(atom, numbers) for atom in monomial)))), factor)
        for monomial, factor in expression.terms.items()
    )


def _atom_key(atom: Any, numbers: Mapping[Index, int]) -> Any:
    match atom:
        case Index():
            return ("bound", numbers[atom]) if atom in numbers else ("index", atom.serial)
        case IntegerEntry(array=array, indices=indices):
            return ("entry", array, tuple(sorted(map(repr, _numbered(part, numbers))) for part in indices))
        case Floor(numerator=upper, denominator=lower):
            return ("floor", sorted(map(repr, _numbered(upper, numbers))), sorted(map(repr, _numbered(lower, numbers))))
        case Extreme(operator=operator, arguments=arguments):
            return (operator, [sorted(map(repr, _numbered(part, numbers))) for part in arguments])
    return ("size", atom.name)
