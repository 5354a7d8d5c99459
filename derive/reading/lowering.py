"""One equation's tree as a value over its indices: entries, reductions and indicators become terms.

Reads are noted while a tree is walked (`derive.reading.extents` then settles how far everything runs); the terms are
built afterwards, over indices whose domains are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from derive import tree as t
from derive.errors import ReadingError
from derive.integers import Index, Integer, IntegerEntry
from derive.integers import product as integer_product
from derive.reading.arrays import Arrays, Indices, Value
from derive.reading.extents import Extent, Extents, Read
from derive.reading.kinds import axes_text
from derive.reading.programs import ProgramLine, ProgramText
from derive.reading.subscripts import Scope, Subscripts
from derive.terms import (
    Apply,
    Chain,
    Comparison,
    Condition,
    Constant,
    Divides,
    Entry,
    Guard,
    Number,
    Term,
    add,
    multiply,
    negate,
    power,
    total,
    whole,
)
from derive.tree import Tree
from derive.words import CONSTANTS

#: Functions that read integer expressions only.
_OF_INTEGERS = ("floor", "mod")


@dataclass(slots=True)
class Lowering:
    """ranks : how many axes each array has, as far as it is known.  values : names that are no index.

    places : where the author wrote each index.  inner : values that got a line of their own, with the line they serve.
    """

    text: ProgramText
    extents: Extents
    arrays: Arrays
    ranks: dict[str, int]
    numbers: Mapping[str, Integer]
    integers: frozenset[str]
    values: frozenset[str]
    places: dict[Index, tuple[ProgramLine, Tree]] = field(default_factory=dict)
    inner: list[tuple[ProgramLine, str, Value]] = field(default_factory=list)
    line: ProgramLine = field(init=False)
    subscripts: Subscripts = field(init=False)

    def __post_init__(self) -> None:
        self.subscripts = Subscripts(self.text, self.numbers, self.integers, self._read)

    def lowered(self, line: ProgramLine, left: Mapping[str, Index]) -> Value:
        """The right side of a line, over the indices of its left side."""
        self.line = line
        return self.value(line.right, Scope(left))

    def value(self, tree: Tree, scope: Scope) -> Value:
        match tree:
            case t.Number():
                number = Number(tree.value)
                return Value(tree, (), lambda _: number)
            case t.Name():
                return self._name(tree, scope)
            case t.Negative(body=body):
                return self.arrays.entrywise(tree, (self.value(body, scope),), negate)
            case t.Sum(terms=parts):
                signs = [sign for sign, _ in parts]
                return self.arrays.entrywise(
                    tree,
                    [self.value(part, scope) for _, part in parts],
                    lambda *terms: add(*(negate(x) if s == "-" else x for s, x in zip(signs, terms, strict=True))),
                )
            case t.Product():
                return self._product(tree, scope)
            case t.Power():
                return self._power(tree, scope)
            case t.Transpose(body=body):
                return self.arrays.transposed(tree, self.value(body, scope))
            case t.Call():
                return self._call(tree, scope)
            case t.Subscript():
                return self._entry(tree, scope)
            case t.Reduction():
                return self._reduction(tree, scope)
            case t.Indicator():
                return self._indicator(tree, scope)
            case t.Derivative() | t.Relation():
                raise self.text.error("this is no expression", tree)

    # --- names and entries --------------------------------------------------------------------------------------------

    def _name(self, tree: t.Name, scope: Scope) -> Value:
        name = tree.text
        known: Term | None = None
        if name in scope.indices:
            index = scope.indices[name]
            return Value(tree, (), lambda _: whole(index))
        if name in self.numbers and name not in self.ranks:
            known = whole(self.numbers[name])
        elif name in CONSTANTS and name not in self.values:
            known = Constant(name)
        elif not self.ranks.get(name) and name in self.integers:
            known = whole(IntegerEntry(name, ()))
        if known is not None:
            return Value(tree, (), lambda _: known)
        if self.ranks.get(name) and name in self.integers:
            return Value(tree, self.extents.axes[name], lambda indices: whole(IntegerEntry(name, indices)))
        return Value(tree, self.extents.axes.get(name, ()), lambda indices: Entry(name, indices))

    def _entry(self, tree: t.Subscript, scope: Scope) -> Value:
        indices = tuple(self.subscripts.integer(index, scope) for index in tree.indices)
        self._read(tree, indices, scope)
        entry = whole(IntegerEntry(tree.array, indices)) if tree.array in self.integers else Entry(tree.array, indices)
        return Value(tree, (), lambda _: entry)

    def _read(self, tree: t.Subscript, indices: tuple[Integer, ...], scope: Scope) -> None:
        axes = self.extents.axes.get(tree.array, ())
        if len(axes) != len(indices):
            raise self.text.error(f"{tree.array} has {axes_text(len(axes))}, and {axes_text(len(indices))} here", tree)
        for axis, index in zip(axes, indices, strict=True):
            self.extents.read(Read(self.line, tree, tree.array, axis, index, indices, scope.conditions))

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    def _product(self, tree: t.Product, scope: Scope) -> Value:
        scope = replace(scope, conditions=(*scope.conditions, *self._conditions(tree, scope)))
        factors = [(operator, self.value(factor, scope)) for operator, factor in tree.factors]
        if not any(value.rank for _, value in factors):
            for operator, value in factors[1:]:
                if operator == "@":
                    raise self.text.error("@ is the product of two arrays, and these are numbers; write *", value.tree)
            return Value(
                tree,
                (),
                lambda _: multiply(
                    *(power(v.term(), -1) if operator in ("/", "./") else v.term() for operator, v in factors)
                ),
            )
        (_, answer), *rest = factors
        for place, (operator, value) in enumerate(rest, 2):
            part: Tree = t.Product(tree.factors[:place], tree.at)
            answer = self.arrays.times(part, answer, operator, value)
        return replace(answer, tree=tree)

    def _conditions(self, tree: t.Product, scope: Scope) -> list[Condition]:
        """The integer conditions among the factors; such a product is 0 where one of them is false."""
        found: list[Condition] = []
        for operator, factor in tree.factors:
            if operator in ("/", "./"):
                continue
            while isinstance(factor, t.Negative):
                factor = factor.body
            if isinstance(factor, t.Indicator) and (condition := self._integer_condition(factor, scope)):
                found.append(condition)
            elif isinstance(factor, t.Product):
                found += self._conditions(factor, scope)
        return found

    def _power(self, tree: t.Power, scope: Scope) -> Value:
        base, exponent = tree.base, tree.exponent
        if isinstance(base, t.Call) and base.function == "norm" and isinstance(exponent, t.Number):
            half = exponent.value / 2
            if half.denominator == 1:  # norm(u)^2 is differentiable where u is 0
                squared = self.arrays.squared_norm(tree, self.value(base.arguments[0], scope))
                return Value(tree, (), lambda _: power(squared.term(), half))
        above = self.value(exponent, scope)
        if base == t.Name("e") and "e" not in self.values and "e" not in scope.indices and not above.rank:
            return Value(tree, (), lambda _: Apply("exp", (above.term(),)))
        return self.arrays.powered(tree, self.value(base, scope), above)

    def _call(self, tree: t.Call, scope: Scope) -> Value:
        if tree.function == "ones":
            return self.arrays.ones(tree, [self.subscripts.integer(size, scope) for size in tree.arguments])
        if tree.function in _OF_INTEGERS:
            if not self.subscripts.is_integral(tree, scope):
                ways = "floor(e/c)" if tree.function == "floor" else "mod(e, c)"
                message = f"{ways} is read of whole numbers only: indices, sizes, integer arrays"
                raise self.text.error(message, tree)
            number = self.subscripts.integer(tree, scope)
            return Value(tree, (), lambda _: whole(number))
        values = [self.value(argument, scope) for argument in tree.arguments]
        if tree.function in ("softmax", "logsoftmax") and not scope.indices and not isinstance(values[0].tree, t.Name):
            values = [self._named(values[0])]
        return self.arrays.function(tree, values)

    def _named(self, value: Value) -> Value:
        """A value that is used twice, on a line of its own: `P.1 = Q K^T` for the argument of P = softmax(Q K^T)."""
        name = f"{self.line.name}.{sum(line is self.line for line, *_ in self.inner) + 1}"
        self.inner.append((self.line, name, value))
        self.extents.axes[name] = value.axes
        return replace(value, at=lambda indices: Entry(name, indices))

    # --- reductions and indicators ------------------------------------------------------------------------------------

    def _reduction(self, tree: t.Reduction, scope: Scope) -> Value:
        self.check_bound(tree.bound, scope.indices, tree, "here")
        indices = tuple(self.new_index(name) for name in tree.bound)
        inner = replace(scope, indices={**scope.indices, **dict(zip(tree.bound, indices, strict=True))})
        body = self.value(self._within_limits(tree, indices), inner)
        for index in indices:
            self.places[index] = (self.line, tree)
        used = self.arrays.used

        def at(outer: Indices) -> Term:
            used.extend(tree.bound)
            inside = body.at(outer)
            del used[len(used) - len(tree.bound) :]
            if tree.operator != "mean":
                return total(indices, inside, tree.operator)
            count = integer_product(index.extent for index in indices)
            return multiply(power(whole(count), -1), total(indices, inside))

        return Value(tree, body.axes, at, body.row)

    def _within_limits(self, tree: t.Reduction, indices: tuple[Index, ...]) -> Tree:
        """The body without the indicators [0 <= k < n] that say how far a bound index runs; they are noted.

        So limits are printed, and so the window of max(k) [0 <= k < 2]*X[2*i + k] is stated. Where k stands alone in a
        subscript, the array says how far it runs, and the indicator stays a factor.
        """
        settled = {
            index.text
            for node in t.walk(tree.body)
            if isinstance(node, t.Subscript)
            for index in node.indices
            if isinstance(index, t.Name)
        }
        waiting = {name: index for name, index in zip(tree.bound, indices, strict=True) if name not in settled}
        factors = list(tree.body.factors if isinstance(tree.body, t.Product) else (("*", tree.body),))
        kept: list[tuple[str, Tree]] = []
        for operator, factor in factors:
            match factor:
                case t.Indicator(sides=(t.Number(text="0"), t.Name(text=name), stop), operators=("<=", "<")) if (
                    operator == "*" and name in waiting and self.subscripts.is_integral(stop, Scope({}))
                ):
                    self.extents.indices[waiting.pop(name)].value = self.subscripts.integer(stop, Scope({}))
                case _:
                    kept.append((operator, factor))
        if len(kept) == len(factors):
            return tree.body
        if not kept or kept[0][0] in ("/", "./"):
            kept.insert(0, ("*", t.Number("1")))
        return kept[0][1] if len(kept) == 1 else t.Product(tuple(kept), tree.body.at)

    def new_index(self, name: str) -> Index:
        index = Index(name, 0)
        self.extents.indices[index] = Extent(f"index {name}")
        return index

    def check_bound(self, bound: tuple[str, ...], around: Mapping[str, object], node: Tree, where: str) -> None:
        seen: set[str] = set()
        for name in bound:
            if name in self.values and name not in self.text.inputs:
                raise self.text.error(f"{name} is a value or a size, and an index {where}; rename the index", node)
            if name in around:
                raise self.text.error(f"index {name} is bound already, further out; rename one of them", node)
            if name in seen:
                raise self.text.error(f"index {name} stands twice {where}; rename one of them", node)
            seen.add(name)

    def _integer_condition(self, tree: t.Indicator, scope: Scope) -> Condition | None:
        """A chain between integer expressions, or a remainder that is 0; None where a side is real."""
        match tree:
            case t.Indicator(sides=(t.Call(function="mod") as call, t.Number(text="0")), operators=("=",)):
                if self.subscripts.is_integral(call, scope):
                    value, divisor = (self.subscripts.integer(part, scope) for part in call.arguments)
                    self.subscripts.integer(call, scope)  # refuses a divisor below 1
                    return Divides(divisor, value)
        if not all(self.subscripts.is_integral(side, scope) for side in tree.sides):
            return None
        return Chain(tuple(self.subscripts.integer(side, scope) for side in tree.sides), tree.operators)

    def _indicator(self, tree: t.Indicator, scope: Scope) -> Value:
        condition = self._integer_condition(tree, scope)
        if condition is not None:
            return Value(tree, (), lambda _: Guard((condition,)))
        sides = [self.value(side, scope) for side in tree.sides]
        return self.arrays.entrywise(
            tree, sides, lambda *terms: Guard((Comparison(tuple(terms), tree.operators),)), "do not fit in [ ]"
        )


def unsettled(text: ProgramText, line: ProgramLine, name: str, node: Tree) -> ReadingError:
    if name in line.indices:
        example = f"{line.name} : {' x '.join('mnpqrs'[: len(line.indices)])}"
        return text.error(f"the extent of {name} is not settled; declare the shape, as in {example}", node)
    return text.error(f"the extent of {name} is not settled; declare the shapes of what is read at it", node)
