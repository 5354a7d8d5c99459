"""Whole numbers in a work: subscripts, limits, sides of conditions, compiled once and worked out thousands of times."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from derive import tree as t
from derive.tree import Tree
from derive.verification.shaped import Env, Unjudged

if TYPE_CHECKING:
    from derive.verification.meaning import Meaning


class Wholes:
    """Integer expressions over the indices and sizes of one meaning."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self._functions: dict[int, Callable[[Env], int]] = {}
        self._names: dict[int, frozenset[str] | None] = {}
        self._alive: list[Tree] = []

    def forget(self) -> None:
        self._functions.clear()
        self._names.clear()
        self._alive.clear()

    def integer(self, tree: Tree, env: Env) -> int:
        """A subscript, limit or side of a condition as a whole number."""
        if type(tree) is t.Name and tree.text in env:
            return env[tree.text]
        found = self._functions.get(id(tree))
        if found is None:
            found = self._functions[id(tree)] = self._compiled(tree)
            self._alive.append(tree)
        return found(env)

    def _compiled(self, tree: Tree) -> Callable[[Env], int]:
        """An integer expression as a function of the indices: it is worked out thousands of times."""
        match tree:
            case t.Number() if tree.value.denominator == 1:
                number = int(tree.value)
                return lambda env: number
            case t.Name(text=name):
                size = self.meaning.model.sizes.get(name)
                return lambda env: env[name] if name in env else self._by_value(tree, env) if size is None else size
            case t.Negative(body=body):
                inner = self._compiled(body)
                return lambda env: -inner(env)
            case t.Sum(terms=terms):
                parts = [(1 if sign == "+" else -1, self._compiled(part)) for sign, part in terms]
                return lambda env: sum([sign * part(env) for sign, part in parts])
            case t.Product(factors=factors) if all(operator in ("*", "") for operator, _ in factors):
                each = [self._compiled(part) for _, part in factors]
                return lambda env: prod([part(env) for part in each])
        return lambda env: self._by_value(tree, env)

    def _by_value(self, tree: Tree, env: Env) -> int:
        value = self.meaning.graph.value(self.meaning.graph.plain(self.meaning.node(tree, env)))
        if value is None or Fraction(value).denominator != 1:
            raise Unjudged("a subscript is no whole number")
        return int(value)

    def whole(self, tree: Tree, env: Env) -> int | None:
        """A side of a condition made of indices, sizes and whole numbers alone: there L is the last layer, no loss."""
        if id(tree) not in self._names:
            self._names[id(tree)] = _names_of_whole(tree)
            self._alive.append(tree)
        names = self._names[id(tree)]
        if names is None or any(name not in env and name not in self.meaning.model.sizes for name in names):
            return None
        return self.integer(tree, env)


def _names_of_whole(tree: Tree) -> frozenset[str] | None:
    """The names of an expression of whole numbers; None where something else stands in it."""
    names: set[str] = set()
    for node in t.walk(tree):
        match node:
            case t.Name(text=name):
                names.add(name)
            case t.Number() if node.value.denominator != 1:
                return None
            case t.Number() | t.Sum() | t.Negative() | t.Product():
                continue
            case _:
                return None
    return frozenset(names)
