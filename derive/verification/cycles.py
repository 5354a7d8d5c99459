"""Equations that need each other in a circle are refused; a recurrence along an index or a family is not one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from derive import tree as t
from derive.errors import ReadingError
from derive.reading.latex.rows import Statement
from derive.tree import Tree
from derive.verification.places import Source


def check_acyclic(
    equations: Sequence[Statement], texts: Sequence[str], lines: Sequence[int | None], source: Source
) -> None:
    """Raises ReadingError that names the equations of a circle with their lines.

    A read at a shifted index, h[t-1], or at a fixed one, h[0], leads to another entry and closes no circle.
    """
    places: dict[str, list[int]] = {}
    for place, statement in enumerate(equations):
        places.setdefault(_defined(statement), []).append(place)
    needs = [sorted({other for name in _reads(statement) for other in places.get(name, ())}) for statement in equations]
    circle = _circle(needs)
    if circle is None:
        return
    told = " and ".join(f"equation {place + 1}{_line(lines[place])}" for place in circle[:6])
    names = ", ".join(dict.fromkeys(_defined(equations[place]).removesuffix("()") for place in circle[:6]))
    reason = f"{names} needs itself, in {told}" if len(circle) == 1 else f"{names} need each other: {told}"
    error: ReadingError = source.error(reason, ("equations", str(circle[0])))
    if (line := lines[circle[0]]) is not None:
        error.line, error.text = line, source.lines[line - 1]
        error.column = max(1, error.text.find(texts[circle[0]].strip()) + 1)
    raise error


def _line(line: int | None) -> str:
    return "" if line is None else f" (line {line})"


def _defined(statement: Statement) -> str:
    match statement.head:
        case t.Name(text=name) | t.Subscript(array=name):
            return name
        case t.Call(function=name):
            return f"{name}()"  # a quantity may share its letter
    return ""


def _reads(statement: Statement) -> Iterable[str]:
    """Names on the right that are read whole or at the same indices as the left side has."""
    own = frozenset(
        node.text for node in t.walk(statement.head) if isinstance(node, t.Name)
    ) if statement.head is not None else frozenset()  # fmt: skip
    called = {argument.text for argument in statement.head.arguments if isinstance(argument, t.Name)} if isinstance(
        statement.head, t.Call) else set()  # fmt: skip
    stack: list[Tree] = [statement.links[0].tree]
    while stack:
        node = stack.pop()
        match node:
            case t.Name(text=name) if name not in called:
                yield name
            case t.Subscript(array=name, indices=indices):
                if not any(_elsewhere(index, own) for index in indices):
                    yield name
                continue
            case t.Call(function=name):
                yield f"{name}()"
        stack.extend(t.children(node))


def _elsewhere(index: Tree, own: frozenset[str]) -> bool:
    """Whether an index leads to another entry than the one that is defined: i-1, or 0."""
    if isinstance(index, t.Name):
        return False
    return not any(isinstance(node, t.Subscript) for node in t.walk(index))


def _circle(needs: Sequence[Sequence[int]]) -> list[int] | None:
    """Equations in a circle, in the order in which each needs the next; no recursion."""
    state = [0] * len(needs)
    for root in range(len(needs)):
        if state[root]:
            continue
        path: list[int] = []
        stack: list[tuple[int, int]] = [(root, 0)]
        while stack:
            place, step = stack.pop()
            if step == 0:
                state[place] = 1
                path.append(place)
            if step < len(needs[place]):
                stack.append((place, step + 1))
                following = needs[place][step]
                if state[following] == 1:
                    return path[path.index(following) :]
                if state[following] == 0:
                    stack.append((following, 0))
            else:
                state[place] = 2
                path.pop()
    return None
