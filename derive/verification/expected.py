"""The right formula of a wrong row, and the rules that lead to it.

Three sources, each held against the left side before it is shown: the row with its slip undone; the gradient that the
engine derives from the problem's equations; the chain rule over all that reads the variable. A row about a quantity of
the problem has its equation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import DeriveError
from derive.plain import formula
from derive.tree import Tree
from derive.verification.problem_checks import defined
from derive.verification.slip_paths import whole_derivative
from derive.verification.slip_search import FAILURES
from derive.verification.slips_editing import product_of

if TYPE_CHECKING:
    from derive.gradients import Gradients
    from derive.program import Equation
    from derive.step import Step
    from derive.verification.problems import Problem
    from derive.verification.slip_search import Search

#: Names that the plain notation reads as they are.
_SAFE = re.compile(r"[A-Za-z]+(_[0-9A-Za-z]+)*")
#: Letters for a sum whose own letter the row uses otherwise.
_FRESH = ("r", "q", "u", "v", "k", "j", "i")


@dataclass(frozen=True)
class Expected:
    """head = right, proved for the problem.  rules : what leads there, by name."""

    head: Tree
    right: Tree
    rules: tuple[str, ...] = ()


def expected(search: Search) -> Expected | None:
    """The right formula for the left side of a row, or None where none was found."""
    for source in (_derived, _chained, _defined):
        try:
            found = source(search)
        except (*FAILURES, DeriveError, KeyError, ValueError):
            continue
        if found is not None:
            return found
    return None


def _proved(search: Search, head: Tree, right: Tree) -> bool:
    return search.judging.comparing.decided(head, right, search.conditions, search.models).verdict == "correct"


# --- from the engine --------------------------------------------------------------------------------------------------


class Engine:
    """The problem's equations as a Program, where the plain notation can say them, and its gradients."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.safe: dict[str, str] = {}
        names = [*problem.quantities, *(defined(each) or "" for each in problem.equations)]
        for name in dict.fromkeys(names):
            plain = _SAFE.fullmatch(name) and not name.endswith("_bar")
            self.safe[name] = name if plain else f"Q_{900 + len(self.safe)}"
        self.gradients = self._gradients()

    def _gradients(self) -> Gradients | None:
        from derive.gradients import gradients  # the engine, asked for when a formula is wrong
        from derive.reading.equations import read_equations

        text = "\n".join(
            f"{formula(self._renamed(each.head))} = {formula(self._renamed(each.links[0].tree))}"
            for each in self.problem.equations
            if each.head is not None
        )
        shapes = {
            self.safe[name]: tuple(quantity.shape)
            for name, quantity in self.problem.quantities.items()
            if quantity.shape is not None
            and quantity.kind in ("scalar", "tensor")
            and not quantity.family
            and all(isinstance(extent, int) or _SAFE.fullmatch(extent) for extent in quantity.shape)
        }
        for declared in (shapes, None):
            try:
                return gradients(read_equations(text, shapes=declared))
            except (DeriveError, KeyError, ValueError, RecursionError):
                continue
        return None

    def _renamed(self, tree: Tree) -> Tree:
        def change(node: Tree) -> Tree:
            match node:
                case t.Name(text=name):
                    quantity = self.problem.quantities.get(name)
                    if quantity is not None and quantity.kind == "integer" and isinstance(quantity.value, int):
                        return t.tree_of(quantity.value)
                    return t.Name(self.safe.get(name, name))
                case t.Subscript(array=name, indices=indices):
                    return t.Subscript(self.safe.get(name, name), indices)
            return node

        return t.transformed(tree, change)


#: Of the problems that were used last, a class's and more: to derive one again takes longer than to name a slip.
KNOWN = 64
_ENGINES: list[Engine] = []


def _engine(problem: Problem) -> Engine:
    for known in _ENGINES:
        if known.problem is problem:
            return known
    del _ENGINES[: 1 - KNOWN]
    _ENGINES.append(Engine(problem))
    return _ENGINES[-1]


def _derived(search: Search) -> Expected | None:
    from derive.writing import tree_of_equation

    engine = _engine(search.judging.problem)
    variable = search.context.variable
    if engine.gradients is None or variable is None:
        return None
    name = (
        variable.text if isinstance(variable, t.Name) else variable.array if isinstance(variable, t.Subscript) else ""
    )
    adjoint = engine.gradients.by_name.get(engine.safe.get(name, name))
    if adjoint is None:
        return None
    head = search.head
    equation: Equation = adjoint.equation
    steps: tuple[Step, ...] = adjoint.steps
    if isinstance(head, t.Derivative) and head.of != t.Name(search.judging.problem.loss or ""):
        of = _name(head.of)
        partial = next((each for each in adjoint.partials if each.of == engine.safe.get(of, of)), None)
        if partial is None:
            return None
        equation, steps = partial.equation, partial.steps
    relation = tree_of_equation(equation)
    left, right = relation.sides[0], relation.sides[1]
    values = _indices(left, head, variable)
    letters = _letters(left)
    whole = values is None
    if values is None:
        values = {letter: t.Name(letter) for letter in letters}
    right = _back(_substituted(right, values), engine, search)
    names = tuple(dict.fromkeys(step.rule.name for step in steps))
    if not whole and _proved(search, head, right):
        return Expected(head, right, names)
    if isinstance(left, t.Subscript):
        entry = search.context.adjoint(t.Subscript(name, left.indices))
        if entry is not None and _proved(search, entry, right):
            return Expected(entry, right, names)
    return None


def _name(tree: Tree) -> str:
    return tree.text if isinstance(tree, t.Name) else tree.array if isinstance(tree, t.Subscript) else ""


def rules(search: Search) -> tuple[str, ...]:
    """The rules by which the engine derives the left side, by name; none where it does not."""
    try:
        engine = _engine(search.judging.problem)
        variable = search.context.variable
        if engine.gradients is None or variable is None:
            return ()
        adjoint = engine.gradients.by_name[engine.safe.get(_name(variable), _name(variable))]
    except (DeriveError, KeyError, ValueError, RecursionError):
        return ()
    return tuple(dict.fromkeys(step.rule.name for step in adjoint.steps))


def _letters(left: Tree) -> list[str]:
    found = []
    for side in (left.of, left.by) if isinstance(left, t.Derivative) else (left,):
        if isinstance(side, t.Subscript):
            found += [index.text for index in side.indices if isinstance(index, t.Name)]
    return found


def _indices(left: Tree, head: Tree, variable: Tree) -> dict[str, Tree] | None:
    """The engine's letters -> the indices of the row; None where the row is about whole arrays."""
    pairs = [(left, variable)]
    if isinstance(left, t.Derivative) and isinstance(head, t.Derivative):
        pairs = [(left.of, head.of), (left.by, head.by)]
    found: dict[str, Tree] = {}
    for one, other in pairs:
        own = one.indices if isinstance(one, t.Subscript) else ()
        given = other.indices if isinstance(other, t.Subscript) else ()
        if len(own) != len(given):
            return None
        found |= {index.text: new for index, new in zip(own, given, strict=True) if isinstance(index, t.Name)}
    return found


def _substituted(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    """Free letters replaced; a sum whose own letter is among the new ones gets another."""
    taken = {name for value in values.values() for name in t.names_in(value)} | set(t.names_in(tree))
    clash = {name for value in values.values() for name in t.names_in(value)}

    def free(node: Tree) -> Tree:
        if not isinstance(node, t.Reduction):
            return node
        new = {}
        for name in node.bound:
            if name in clash:
                letter = next((each for each in _FRESH if each not in taken), name)
                taken.add(letter)
                new[name] = letter
        if not new:
            return node
        body = t.substituted(node.body, {old: t.Name(letter) for old, letter in new.items()})
        return replace(node, bound=tuple(new.get(name, name) for name in node.bound), body=body)

    return t.substituted(t.transformed(tree, free), values)


def _back(tree: Tree, engine: Engine, search: Search) -> Tree:
    """The names of the problem, and derivatives of the loss as the row writes them."""
    assert engine.gradients is not None
    own = {safe: name for name, safe in engine.safe.items()}
    arrays = {adjoint: own.get(array, array) for array, adjoint in engine.gradients.names.items()}

    def change(node: Tree) -> Tree:
        match node:
            case t.Name(text=name) if name in arrays:
                return search.context.adjoint(t.Name(arrays[name])) or node
            case t.Name(text=name):
                return t.Name(own.get(name, name))
            case t.Subscript(array=name, indices=indices) if name in arrays:
                return search.context.adjoint(t.Subscript(arrays[name], indices)) or node
            case t.Subscript(array=name, indices=indices):
                return t.Subscript(own.get(name, name), indices)
            case t.Product(factors=factors):  # a Kronecker delta of one index with itself is 1
                kept = [each for each in factors if not _is_one(each[1])]
                return (
                    node if len(kept) == len(factors) or not kept or kept[0] != factors[0] else product_of(kept) or node
                )
        return node

    return t.transformed(tree, change)


def _is_one(tree: Tree) -> bool:
    return isinstance(tree, t.Indicator) and tree.operators == ("=",) and tree.sides[0] == tree.sides[1]


# --- the chain rule, and equations ------------------------------------------------------------------------------------


def _chained(search: Search) -> Expected | None:
    right, head = whole_derivative(search), search.context.anchor
    if right is None or any(node == head for node in t.walk(right)) or not _proved(search, head, right):
        return None
    return Expected(head, right, ("chain rule",))


def _defined(search: Search) -> Expected | None:
    """The problem's equation of what stands on the left."""
    head = search.head
    name = _name(head)
    for statement in search.judging.problem.equations:
        if defined(statement) != name or statement.head is None:
            continue
        values: dict[str, Tree] = {}
        if isinstance(statement.head, t.Subscript) and isinstance(head, t.Subscript):
            if len(statement.head.indices) != len(head.indices):
                continue
            pairs = zip(statement.head.indices, head.indices, strict=True)
            values = {index.text: new for index, new in pairs if isinstance(index, t.Name)}
        right = _substituted(statement.links[0].tree, values)
        if _proved(search, head, right):
            return Expected(head, right, ("equation of the problem",))
    return None
