"""What must hold of the equations of a problem: each name is defined once, and every name is declared or defined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from derive import tree as t
from derive.reading.latex.rows import Statement
from derive.tree import Tree
from derive.verification.places import Source
from derive.verification.problems import Quantity
from derive.words import nearest

#: Names that a reader emits for standard things where the problem does not declare them.
STANDARD = frozenset({"pi", "e", "ones", "I", "infinity"})


def defined(statement: Statement) -> str | None:
    """The name that an equation defines."""
    match statement.head:
        case t.Name(text=name) | t.Subscript(array=name):
            return name
        case t.Call(function=name) if name and name not in ("entry", "overline", "prime"):
            return name
    return None


def check_single(
    equations: Sequence[Statement],
    quantities: Mapping[str, Quantity],
    lines: Sequence[int | None],
    source: Source,
) -> None:
    """Raises ReadingError for a name with two equations, or with a value and an equation.

    Start values of a recurrence, h_0 = 0 beside h_t = ..., are other entries; equations with conditions are cases.
    """
    seen: dict[tuple[str, tuple[Tree, ...] | None, bool], int] = {}
    for place, statement in enumerate(equations):
        name, head = defined(statement), statement.head
        assert name is not None
        fixed = isinstance(head, t.Subscript) and not all(isinstance(index, t.Name) for index in head.indices)
        indices = head.indices if fixed and isinstance(head, t.Subscript) else None
        what = (name, indices, isinstance(head, t.Call))  # a function may share its letter with a quantity
        if what in seen and not statement.conditions:
            told = f"{name} is defined twice, by equations {where(seen[what], lines)} and {where(place, lines)}"
            raise source.error(told, ("equations", str(place)))
        seen[what] = place
        quantity = quantities.get(name)
        if quantity is not None and quantity.value is not None:
            told = f"{name} has a value under [names] and an equation; give one"
            raise source.error(told, ("equations", str(place)))


def check_declared(statement: Statement, known: frozenset[str], place: int, text: str, line: int | None,
                   source: Source, shift: int = 0) -> None:  # fmt: skip
    """Raises ReadingError for a name on the right that nothing declares; names in scripts are indices.

    shift : of the columns of the statement against those of its text.
    """
    head, right = statement.head, statement.links[0].tree
    free = set(_indices(right))
    if head is not None:
        free |= set(_indices(head))
    if isinstance(head, t.Call):
        free |= {argument.text for argument in head.arguments if isinstance(argument, t.Name)}
    free |= {name for node in t.walk(right) if isinstance(node, t.Reduction) for name in node.bound}
    for node in t.walk(right):
        name = node.text if isinstance(node, t.Name) else node.array if isinstance(node, t.Subscript) else ""
        if not name or name in known or (isinstance(node, t.Name) and name in free):
            continue
        error = source.error(unknown(name, known - STANDARD), ("equations", str(place)))
        if line is not None:
            error.line, error.text = line, source.lines[line - 1]
            error.column = error.text.find(text.strip()) + (node.at.column + shift if node.at is not None else 1)
            error.width = max(1, node.at.end - node.at.column) if node.at is not None else 1
        raise error


def where(place: int, lines: Sequence[int | None]) -> str:
    """`2 (line 7)`: an equation counted from 1, and its line in the file."""
    line = lines[place]
    return f"{place + 1}" + (f" (line {line})" if line is not None else "")


def unknown(name: str, known: Iterable[str]) -> str:
    close = nearest(name, sorted(known))
    hint = f"did you mean {close}?" if close else f"declare it under [names], such as {name} = {{ shape = [] }}"
    return f"there is no {name}; {hint}"


def _indices(tree: Tree) -> Iterable[str]:
    """Names inside subscripts and indicators."""
    for node in t.walk(tree):
        if isinstance(node, (t.Subscript, t.Indicator)) or (isinstance(node, t.Call) and node.function == "entry"):
            for below in t.children(node):
                for inner in t.walk(below):
                    if isinstance(inner, t.Name):
                        yield inner.text
