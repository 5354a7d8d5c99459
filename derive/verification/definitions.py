"""A row that defines a new name: whole, entry by entry, or member by member of a family, also by recursion."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from derive import tree as t
from derive.errors import DeriveError
from derive.reading.latex.rows import Statement
from derive.tree import Tree
from derive.verification.graph import Node, UndefinedNode
from derive.verification.model import Model
from derive.verification.points import Undecided, balls
from derive.verification.shaped import OutsideFamily, ShapeClash, Shaped, Unjudged
from derive.verification.statements import Instance, instances

#: Functions that have no value somewhere.
PARTIAL = frozenset(("sqrt", "log", "asin", "acos"))
#: At how many points and with how many bits a new name is looked at.
POINTS, BITS = 4, 192


def define(head: t.Name | t.Subscript, right: Tree, conditions: Sequence[Tree], model: Model) -> None:
    """Let a model know what a row says a new name is. Members that are known already stay as they are.

    Raises Unjudged or ShapeClash where the right side has no value.
    """
    if isinstance(head, t.Name):
        model.define(head.text, model.meaning.sized((right,), lambda: model.meaning.value(right, {})))
    elif is_member(head, right, model):
        _members(head, right, conditions, model)
    else:
        model.define(head.array, _array(head, right, conditions, model))


def new_name(statement: Statement, model: Model) -> str | None:
    """The name that a statement defines, if the problem does not know it."""
    head = statement.head
    if not isinstance(head, (t.Name, t.Subscript)):
        return None
    name = head.text if isinstance(head, t.Name) else head.array
    if name == "pi":
        return None
    if isinstance(head, t.Subscript) and model.indexed_alias(name, len(head.indices)) is not None:
        return None
    if name in ("delta", "I", "e", "ones") and isinstance(head, t.Subscript) and model.is_kronecker(name):
        return None
    if isinstance(head, t.Subscript) and name in model.defined_members and statement.links:
        lacks = lacks_members(head, statement.links[0].tree, tuple(statement.conditions), model)
        return name if lacks else None
    if isinstance(head, t.Subscript) and name in model.sizes and name not in model.problem.quantities:
        return name  # a size has no entries: the work means something else by this letter
    if isinstance(head, t.Name) and statement.links and _is_another(name, statement.links[0].tree, model):
        return name
    try:
        known = model.lookup(name) is not None or model.is_family(name)
    except Unjudged:
        known = True
    return None if known or name in model.sizes else name


def _is_another(name: str, right: Tree, model: Model) -> bool:
    """Whether a second spelling of the loss, J, gets an array for its value: the work means something else by it."""
    if model.spelling_of(name) != t.Name(model.problem.loss or ""):
        return False
    try:
        return model.meaning.value(right, {}).rank > 0
    except (Unjudged, ShapeClash, OutsideFamily, UndefinedNode, DeriveError):
        return False


def lacks_value(right: Tree, nodes: Sequence[Node], model: Model) -> bool:
    """Whether a formula that may be undefined, such as sqrt(-1), has no value at any point tried."""
    if not any(
        isinstance(node, t.Power) or (isinstance(node, t.Call) and node.function in PARTIAL) for node in t.walk(right)
    ):
        return False
    try:
        return all(None in balls(model.judge.point(k), nodes, BITS).values() for k in range(POINTS))
    except Undecided:
        return False


def is_member(head: t.Subscript, right: Tree, model: Model) -> bool:
    """Whether the first index of a new name counts members: a number, the last one, or the letter of a family."""
    first = head.indices[0]
    if not isinstance(first, t.Name) or first.text in model.sizes or head.array in model.defined_members:
        return True
    return model.domain_range(first.text) is not None or any(
        isinstance(node, t.Subscript)
        and node.indices
        and model.is_family(node.array)
        and any(part == first for part in t.walk(node.indices[0]))
        for node in t.walk(right)
    )


def lacks_members(head: t.Subscript, right: Tree, conditions: Sequence[Tree], model: Model) -> bool:
    """Whether a row says something of members that its name does not have yet."""
    known = model.defined_members.get(head.array, {})
    trees = (t.Subscript("", head.indices), right)
    try:
        return any(
            model.meaning.integer(head.indices[0], instance.env) not in known
            for instance in instances(trees, conditions, model)
        )
    except Unjudged:
        return False


def _members(head: t.Subscript, right: Tree, conditions: Sequence[Tree], model: Model) -> None:
    name = head.array
    known = model.defined_members.setdefault(name, {})
    rest = head.indices[1:]
    # only the indices of the left side matter here: its own members are being made
    trees = (t.Subscript("", head.indices), right)
    before = -1
    while len(known) != before:  # each pass finds what the members of the last one make possible
        before = len(known)
        found: dict[int, dict[tuple[int, ...], Shaped]] = {}
        for instance in instances(trees, conditions, model):
            member = model.meaning.integer(head.indices[0], instance.env)
            if member in known:
                continue
            _check_bound(instance, head)
            try:
                value = model.meaning.value(right, instance.env)
            except OutsideFamily:
                continue
            found.setdefault(member, {})[tuple(model.meaning.integer(each, instance.env) for each in rest)] = value
        for member, entries in found.items():
            known[member] = _stacked(entries, len(rest))
        _like_the_others(known, model)
        model.meaning.forget()
    if not known:
        del model.defined_members[name]
        raise Unjudged("nothing is defined: no values of the indices fit")


def _like_the_others(known: dict[int, Shaped], model: Model) -> None:
    """A member that is said to be 0 has the shape of its neighbours."""
    array = next((value for value in known.values() if value.rank), None)
    if array is not None:
        for member, value in known.items():
            if not value.rank and value.scalar == model.graph.zero:
                known[member] = Shaped(array.shape, [model.graph.zero] * len(array.nodes), array.row)


def _array(head: t.Subscript, right: Tree, conditions: Sequence[Tree], model: Model) -> Shaped:
    letters = [index.text for index in head.indices if isinstance(index, t.Name)]
    if len(letters) != len(head.indices) or len(set(letters)) != len(letters):
        raise Unjudged(f"a new name is defined with letters as indices, and {head.array} is not", "unread")
    entries: dict[tuple[int, ...], Shaped] = {}
    for instance in instances((head, right), conditions, model):
        _check_bound(instance, head)
        try:
            value = model.meaning.value(right, instance.env)
        except OutsideFamily:
            continue
        entries[tuple(instance.env[letter] for letter in letters)] = value
    if not entries:
        raise Unjudged("nothing is defined: no values of the indices fit")
    return _stacked(entries, len(letters))


def _check_bound(instance: Instance, head: t.Subscript) -> None:
    """Every free index of the right side stands on the left side."""
    on_left = {node.text for node in t.walk(head) if isinstance(node, t.Name)}
    for name in instance.names:
        if name not in on_left:
            raise Unjudged(f"the index {name} is not on the left side", "unread")


def _stacked(entries: dict[tuple[int, ...], Shaped], letters: int) -> Shaped:
    """Values at all places of a box as one array."""
    axes = [sorted({at[k] for at in entries}) for k in range(letters)]
    inner = {value.shape for value in entries.values()}
    if len(entries) != prod(map(len, axes)) or len(inner) > 1:
        raise Unjudged("a name whose shape depends on its index is not defined by rows")
    nodes: list[Node] = [node for at in sorted(entries) for node in entries[at].nodes]
    first = next(iter(entries.values()))
    return Shaped((*map(len, axes), *first.shape), nodes, first.row and not letters)
