"""Equations that read each other at earlier steps: which belong together, and the index that steps.

Forward s[t] reads s[t - 1] and t counts up; its adjoint reads s_bar[t + 1], and t counts down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from derive import terms
from derive.codegen.arrays import conditions as c
from derive.errors import UsageError
from derive.integers import Index, Integer
from derive.program import Equation


@dataclass(frozen=True, slots=True)
class Group:
    """Equations in the order in which they are computed.

    steps : of a recurrence, the index of each equation that counts its steps; else empty.  falls : counted down.
    """

    equations: tuple[Equation, ...]
    steps: tuple[Index, ...] = ()
    falls: bool = False


def groups(equations: Sequence[Equation]) -> list[Group]:
    """The equations in an order in which each reads only what stands before it, recurrences taken together.

    Raises UsageError for a cycle that no index steps through.
    """
    reads = {line.name: terms.reads(line.term) for line in equations}
    by_name = {line.name: line for line in equations}
    answer = []
    for component in _components(reads):
        lines = [line for line in equations if line.name in component]
        if len(lines) == 1 and lines[0].name not in reads[lines[0].name]:
            answer.append(Group((lines[0],)))
        else:
            answer.append(_recurrence(lines, by_name))
    return answer


def _components(reads: Mapping[str, frozenset[str]]) -> list[set[str]]:
    """Strongly connected components, those that are read first (Tarjan, without recursion)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []
    for start in reads:
        if start in number:
            continue
        work: list[tuple[str, Iterator[str]]] = []

        def enter(name: str, work: list[tuple[str, Iterator[str]]] = work) -> None:
            number[name] = lowest[name] = len(number)
            stack.append(name)
            work.append((name, iter(sorted(other for other in reads[name] if other in reads))))

        enter(start)
        while work:
            name, others = work[-1]
            for other in others:
                if other not in number:
                    enter(other)
                    break
                if other in stack:
                    lowest[name] = min(lowest[name], number[other])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[name])
                if lowest[name] == number[name]:
                    place = stack.index(name)
                    found.append(set(stack[place:]))
                    del stack[place:]
    return found


def _recurrence(lines: list[Equation], by_name: Mapping[str, Equation]) -> Group:
    names = {line.name for line in lines}
    for place in range(len(lines[0].indices)):
        places = _places(lines, lines[0].name, place)
        if places is None:
            continue
        steps = {line.name: line.indices[places[line.name]] for line in lines}
        reads = [
            (line, node.array, difference)
            for line in lines
            for node, difference in _differences(line, steps[line.name], places, names)
        ]
        signs = {difference for _, _, difference in reads}
        if None in signs or {-1, 1} <= signs:
            continue
        now = {line.name: frozenset(a for other, a, d in reads if other is line and d == 0) for line in lines}
        order = _components(now)
        if any(len(component) > 1 for component in order) or any(name in now[name] for name in names):
            continue
        ordered = [by_name[name] for component in order for name in component]
        return Group(tuple(ordered), tuple(steps[line.name] for line in ordered), 1 in signs)
    listed = ", ".join(sorted(names))
    raise UsageError(f"no index steps through the equations of {listed}, which read each other; no code can be written")


def _places(lines: list[Equation], first: str, place: int) -> dict[str, int] | None:
    """For each array the axis of its step, found from the axis of the first along the reads between them."""
    found = {first: place}
    names = {line.name for line in lines}
    for _ in lines:
        for line in lines:
            if line.name not in found or found[line.name] >= len(line.indices):
                continue
            step = line.indices[found[line.name]]
            for node in terms.walk(line.term):
                if isinstance(node, terms.Entry) and node.array in names and node.array not in found:
                    for axis, subscript in enumerate(node.indices):
                        if subscript.linear(step) is not None and step in subscript.indices:
                            found.setdefault(node.array, axis)
    return found if set(found) == names else None


def _differences(
    line: Equation, step: Index, places: Mapping[str, int], names: set[str]
) -> Iterator[tuple[terms.Entry, int | None]]:
    """Each read of the group in a line, and whether it is of an earlier step (-1), this one (0) or a later one (1)."""
    tests = [
        test
        for node in terms.walk(line.term)
        if isinstance(node, terms.Guard)
        for condition in node.conditions
        for test in c.tests_of(condition)
    ]
    for node in terms.walk(line.term):
        if isinstance(node, terms.Entry) and node.array in names:
            yield node, _sign(node.indices[places[node.array]] - step, tests)


def _sign(difference: Integer, tests: list[c.Test]) -> int | None:
    number = difference.value
    if number is not None:
        return (number > 0) - (number < 0)
    if c.is_certain(c.AtLeast(difference - 1), ()) or _told(difference, tests):
        return 1
    if c.is_certain(c.AtLeast(-difference - 1), ()) or _told(-difference, tests):
        return -1
    return None


def _told(difference: Integer, tests: list[c.Test]) -> bool:
    """Whether a guard says that the difference is at least 1."""
    for test in tests:
        if isinstance(test, c.AtLeast):
            slack = (difference - 1 - test.value).value
            if slack is not None and slack >= 0:
                return True
    return False


def domain_of(group: Group) -> tuple[Integer, Integer]:
    """The steps from the first to behind the last; the same for all equations of the group."""
    first = group.steps[0]
    if any(step.lower != first.lower or step.stop != first.stop for step in group.steps):
        names = ", ".join(line.name for line in group.equations)
        raise UsageError(f"{names} read each other, but not all have the same steps; no code can be written")
    return first.lower, first.stop
