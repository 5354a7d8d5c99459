"""The order in which rows are judged: a name is defined before it is used, wherever its row stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from derive import tree as t
from derive.reading.latex.rows import Row, Statement

#: The name that a statement defines, if the problem does not know it.
NewName = Callable[[Statement], str | None]


@dataclass(frozen=True)
class Order:
    """rows : as they are judged.  cycles : number of a row -> two rows that need each other, itself among them."""

    rows: Sequence[Row]
    cycles: dict[int, tuple[int, int]]


def ordered(rows: Sequence[Row], new_name: NewName) -> Order:
    """Rows such that a new name is defined before it is used; otherwise as they stand. A chain stays together."""
    groups: list[list[Row]] = []
    for row in rows:
        if groups and row.statements and row.statements[0].head is None:
            groups[-1].append(row)
        else:
            groups.append([row])
    makes: dict[str, int] = {}
    for place, group in enumerate(groups):
        for statement in (each for row in group for each in row.statements if each.links):
            if (name := new_name(statement)) is not None:
                makes.setdefault(name, place)
    if not makes:
        return Order(rows, {})
    needs = [_needs(group, makes) - {place} for place, group in enumerate(groups)]
    cycles = {
        row.number: (groups[place][0].number, groups[other][0].number)
        for place, other in _cycles(needs)
        for row in groups[place]
    }
    return Order([row for place in _sorted(needs) for row in groups[place]], cycles)


def ordered_places(statements: Sequence[Statement], new_name: NewName) -> Sequence[int]:
    """The places of the statements of one row as they are judged: a = b c where c = 2 says first what c is."""
    groups: list[list[int]] = []
    for place, statement in enumerate(statements):
        if groups and statement.head is None:
            groups[-1].append(place)
        else:
            groups.append([place])
    makes: dict[str, int] = {}
    for number, group in enumerate(groups):
        if statements[group[0]].links and (name := new_name(statements[group[0]])) is not None:
            makes.setdefault(name, number)
    if not makes:
        return range(len(statements))
    needs = [_used([statements[k] for k in group], makes) - {number} for number, group in enumerate(groups)]
    return [k for number in _sorted(needs) for k in groups[number]]


def _needs(group: Sequence[Row], makes: dict[str, int]) -> set[int]:
    """The places of the groups that define what a group uses."""
    return _used([statement for row in group for statement in row.statements], makes)


def _used(statements: Sequence[Statement], makes: dict[str, int]) -> set[int]:
    return {
        makes[name]
        for statement in statements
        for link in statement.links
        for name in t.names_in(link.tree)
        if name in makes
    }


def _sorted(needs: Sequence[set[int]]) -> list[int]:
    """All places in order; one that needs a later one comes behind it. What needs itself stays where it is."""
    done: dict[int, None] = {}
    for root in range(len(needs)):
        stack = [root]
        waiting: dict[int, None] = {}
        while stack:
            place = stack[-1]
            waiting[place] = None
            later = [each for each in sorted(needs[place]) if each > place and each not in done and each not in waiting]
            if later:
                stack.append(later[0])
            else:
                done.setdefault(stack.pop())
    return list(done)


def _cycles(needs: Sequence[set[int]]) -> list[tuple[int, int]]:
    """Pairs of places that need each other, directly or through others."""

    def reached(start: int) -> set[int]:
        found: set[int] = set()
        stack = list(needs[start])
        while stack:
            place = stack.pop()
            if place not in found:
                found.add(place)
                stack.extend(needs[place])
        return found

    below = {place: reached(place) for place, own in enumerate(needs) if own}
    mutual = {
        place: [other for other in found if other != place and place in below.get(other, ())]
        for place, found in below.items()
        if place in found
    }
    return [(place, min(others)) for place, others in mutual.items() if others]
