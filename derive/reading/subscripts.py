"""Integer expressions of the plain notation: what stands in a subscript, between the signs of an indicator, in ones(n).

Built of indices, sizes, integer literals, rank-0 integers and entries of integer arrays with + - *, and floor(e/c),
mod(e, c), max and min of such expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from derive import tree as t
from derive.errors import ReadingError
from derive.integers import Index, Integer, IntegerEntry, Size, extreme, floor, integer
from derive.reading.programs import ProgramText
from derive.terms import Condition
from derive.tree import Tree

#: The largest power of an index that is read.
_LARGEST_POWER = 8


@dataclass(frozen=True, slots=True)
class Scope:
    """The indices that are bound where a piece stands, and the integer conditions that hold there."""

    indices: Mapping[str, Index]
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscripts:
    """numbers : sizes and named constants -> what they are.  integers : names whose values are whole numbers.

    read : takes note of an entry of an integer array that is read.
    """

    text: ProgramText
    numbers: Mapping[str, Integer]
    integers: frozenset[str]
    read: Callable[[t.Subscript, tuple[Integer, ...], Scope], None]

    def is_integral(self, tree: Tree, scope: Scope) -> bool:
        """Whether a piece is an integer expression, by its form."""
        match tree:
            case t.Number():
                return tree.value.denominator == 1
            case t.Name(text=name):
                return name in scope.indices or name in self.numbers or name in self.integers
            case t.Negative(body=body):
                return self.is_integral(body, scope)
            case t.Sum(terms=parts):
                return all(self.is_integral(part, scope) for _, part in parts)
            case t.Product(factors=parts):
                return all(sign in ("*", "") and self.is_integral(part, scope) for sign, part in parts)
            case t.Power(base=base):
                return self._exponent(tree) is not None and self.is_integral(base, scope)
            case t.Subscript(array=array):
                return array in self.integers
            case t.Call(function="floor", arguments=(t.Product(factors=parts),)):
                return parts[-1][0] == "/" and all(self.is_integral(part, scope) for _, part in parts)
            case t.Call(function="mod" | "max" | "min", arguments=parts) if len(parts) == 2:
                return all(self.is_integral(part, scope) for part in parts)
        return False

    @staticmethod
    def _exponent(tree: t.Power) -> int | None:
        exponent = tree.exponent
        if isinstance(exponent, t.Number) and exponent.value.denominator == 1 and exponent.value <= _LARGEST_POWER:
            return int(exponent.value)
        return None

    def integer(self, tree: Tree, scope: Scope) -> Integer:
        """The integer expression of a piece. Raises ReadingError at the first part that is none."""
        match tree:
            case t.Number(text=text):
                if tree.value.denominator != 1:
                    raise self._error(f"an index is a whole number, and {text} is none", tree)
                return integer(int(tree.value))
            case t.Name():
                return self._name(tree, scope)
            case t.Negative(body=body):
                return -self.integer(body, scope)
            case t.Sum(terms=terms):
                total = integer(0)
                for sign, part in terms:
                    value = self.integer(part, scope)
                    total = total + value if sign == "+" else total - value
                return total
            case t.Product(factors=factors) if all(sign in ("*", "") for sign, _ in factors):
                total = integer(1)
                for _, part in factors:
                    total = total * self.integer(part, scope)
                return total
            case t.Power(base=base) if (exponent := self._exponent(tree)) is not None:
                total, value = integer(1), self.integer(base, scope)
                for _ in range(exponent):
                    total = total * value
                return total
            case t.Subscript(array=array, indices=indices):
                if array not in self.integers:
                    raise self._error(f"{array} is given its values by a line, and is no array of whole numbers", tree)
                parts = tuple(self.integer(index, scope) for index in indices)
                self.read(tree, parts, scope)
                return integer(IntegerEntry(array, parts))
            case t.Call(function="floor", arguments=(t.Product(factors=factors),)) if factors[-1][0] == "/":
                *upper, (_, lower) = factors
                numerator = self.integer(t.Product(tuple(upper), tree.at) if len(upper) > 1 else upper[0][1], scope)
                return floor(numerator, self._divisor(lower, scope))
            case t.Call(function="mod", arguments=(value_tree, lower)):
                value, divisor = self.integer(value_tree, scope), self._divisor(lower, scope)
                return value - divisor * floor(value, divisor)
            case t.Call(function="max" | "min", arguments=arguments) if len(arguments) == 2:
                return extreme(tree.function, [self.integer(part, scope) for part in arguments])
        if isinstance(tree, t.Product):
            message = "an index is a whole number, and a quotient may be none; write floor(a/b) to round down"
            raise self._error(message, tree)
        raise self._error("an index is a whole number, built with + - * of indices, sizes and integer arrays", tree)

    def _name(self, tree: t.Name, scope: Scope) -> Integer:
        name = tree.text
        if name in scope.indices:
            return integer(scope.indices[name])
        if name in self.numbers:
            return self.numbers[name]
        if name in self.integers:
            return integer(IntegerEntry(name, ()))
        if any(line.name == name for line in self.text.lines):
            raise self._error(f"{name} is given its value by a line, and is no whole number", tree)
        if self.text.shapes.get(name):
            raise self._error(f"{name} is an array; a subscript may hold one of its entries, as in {name}[i]", tree)
        line = next((line for line in self.text.lines if tree.at and line.number == tree.at.line), self.text.lines[-1])
        left = f"{line.name}[{', '.join(line.indices)}]" if line.indices else line.name
        message = f"index {name} on the right of {left} is neither on the left nor bound"
        raise self._error(f"{message}; write sum({name}) ..., or declare {name} : scalar for a whole number", tree)

    def _divisor(self, tree: Tree, scope: Scope) -> Integer:
        divisor = self.integer(tree, scope)
        if divisor.indices or (divisor.value is not None and divisor.value < 1) or not divisor.terms:
            raise self._error("a divisor is a size or a number of at least 1", tree)
        return divisor

    def _error(self, message: str, tree: Tree) -> ReadingError:
        return self.text.error(message, tree)


def declared_size(size: int | str, numbers: Mapping[str, int]) -> Integer:
    """An extent as declared: a number, or a named size, which may be known."""
    if isinstance(size, str):
        return integer(numbers[size]) if size in numbers else integer(Size(size))
    return integer(size)
