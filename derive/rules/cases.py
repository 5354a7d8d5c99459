"""Cases and substitution: an equation at one value of an index, and another equation put into it."""

from __future__ import annotations

from collections.abc import Mapping

from derive import terms
from derive.integers import Index, Integer, IntegerLike, integer
from derive.program import Equation, Program
from derive.rules.rewriting import Rewrite, rule, step
from derive.step import Rule, Step
from derive.terms import Entry, Term


def at(equation: Equation, place: int, value: IntegerLike) -> Equation:
    """The equation where its free index number `place` has a value: `delta[l, i] = ...` at l = L."""
    return substituted(equation, {equation.indices[place]: integer(value)})


def below(equation: Equation, place: int, stop: IntegerLike) -> Equation:
    """The equation for those values of its free index number `place` that are smaller than `stop`."""
    index = equation.indices[place]
    return substituted(equation, {index: integer(Index(index.name, stop, index.lower))})


def substituted(equation: Equation, values: dict[Index, Integer]) -> Equation:
    """Both sides with free indices replaced; indices whose domains change by that are made anew."""
    assert isinstance(equation.left, Entry)
    inner = dict(values)
    for index in equation.indices:
        if index not in inner:
            domain = (index.lower.substitute(inner), index.stop.substitute(inner))
            if domain != (index.lower, index.stop):
                inner[index] = integer(Index(index.name, domain[1], domain[0]))
    left = Entry(equation.left.array, tuple(part.substitute(inner) for part in equation.left.indices))
    return Equation(left, terms.substitute(equation.term, inner))


def insertion(line: Equation) -> Rule:
    """The rule that puts the right-hand side of a line where its left-hand side is read."""
    assert isinstance(line.left, Entry)
    array, indices = line.left.array, line.indices

    def rewrite(equation: Equation, program: Program) -> Rewrite | None:
        def change(node: Entry) -> Term:
            if node.array != array:
                return node
            values = dict(zip(indices, node.indices, strict=True))
            return terms.substitute(terms.freshened(line.term), values)

        made = terms.replace_entries(equation.term, change)
        return None if made == equation.term else Rewrite(made)

    return rule("insert", "a quantity is what its equation says")(rewrite)


def inserted(line: Equation, equation: Equation, program: Program) -> Step | None:
    """The step that puts a line into an equation, or None where the equation does not read it."""
    return step(insertion(line), equation, program)


def relettered(equation: Equation, letters: Mapping[str, str]) -> Equation:
    """The equation with bound indices under other letters, to read like a book's."""

    def change(node: Term) -> Term:
        if not isinstance(node, terms.Reduce):
            return node
        new = tuple(index.fresh(letters.get(index.name)) for index in node.indices)
        values = {index: integer(other) for index, other in zip(node.indices, new, strict=True)}
        return terms.total(new, terms.substitute(node.body, values), node.operator)

    return Equation(equation.left, terms.transformed(equation.term, change))
