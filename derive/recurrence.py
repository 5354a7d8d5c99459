"""Recurrences: equations that read themselves, or each other, at earlier (or later) entries of one index."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from derive.bounds import is_nonnegative, pairs
from derive.errors import ProgramError
from derive.integers import ZERO, Integer
from derive.program import Equation
from derive.terms import Chain, Comparison, Condition, Entry, Guard, Mul, Term, children

#: How many choices of one axis for each array of a recurrence are tried.
_CHOICES = 4096


@dataclass(frozen=True, slots=True)
class Recurrence:
    """names : in the order in which they are worked out at one value of the index along which they run.

    axes : name -> the place of that index among the array's own.  step : 1 where earlier entries are read, so that it
    runs upwards; -1 where later ones are.
    """

    names: tuple[str, ...]
    axes: Mapping[str, int]
    step: int


def recurrences(equations: Sequence[Equation]) -> tuple[Recurrence, ...]:
    """The recurrences among index equations, in order of their first equation; () where each reads only earlier ones.

    Raises ProgramError, with the name of its first equation, for a cycle that runs along no index.
    """
    place = {equation.name: number for number, equation in enumerate(equations)}
    reads = [[place[name] for name in equation.reads if name in place] for equation in equations]
    if all(other < number for number, others in enumerate(reads) for other in others):
        return ()
    groups = [sorted(group) for group in _components(reads)]
    cyclic = [group for group in groups if len(group) > 1 or group[0] in reads[group[0]]]
    return tuple(_recurrence([equations[number] for number in group]) for group in sorted(cyclic))


def in_order(equations: Sequence[Equation]) -> tuple[Equation, ...]:
    """The equations with those of each recurrence side by side, in the order in which they are worked out.

    Equations outside of recurrences must stand in order already.
    """
    by_name = {equation.name: equation for equation in equations}
    group_of = {name: each.names for each in recurrences(equations) if len(each.names) > 1 for name in each.names}
    if not group_of:
        return tuple(equations)
    answer: dict[str, None] = {}
    stack = [equation.name for equation in reversed(equations)]
    while stack:
        name = stack[-1]
        group = group_of.get(name, (name,))
        waiting = [
            read for member in group for read in by_name[member].reads
            if read in by_name and read not in answer and read not in group
        ]  # fmt: skip
        if name not in answer and waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        answer.update(dict.fromkeys(group))
    return tuple(by_name[name] for name in answer)


def _components(reads: Sequence[Sequence[int]]) -> list[list[int]]:
    """The strongly connected components of a graph (Tarjan 1972), without recursion."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    answer: list[list[int]] = []
    for start in range(len(reads)):
        if start in order:
            continue
        work: list[tuple[int, Iterator[int]]] = [(start, iter(reads[start]))]
        order[start] = low[start] = len(order)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in order:
                    order[other] = low[other] = len(order)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(reads[other])))
                    break
                if other in on_stack:
                    low[node] = min(low[node], order[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    cut = stack.index(node)
                    answer.append(stack[cut:])
                    on_stack.difference_update(stack[cut:])
                    del stack[cut:]
    return answer


@dataclass(frozen=True, slots=True)
class _Read:
    reader: Equation
    entry: Entry
    facts: tuple[Integer, ...]

    def offset(self, axes: Mapping[str, int]) -> int | None:
        """-1, 0 or 1: whether an earlier entry, the same or a later one is read; None where it is not known."""
        at = self.entry.indices[axes[self.entry.array]]
        difference = at - self.reader.indices[axes[self.reader.name]]
        number = difference.value
        if number is not None:
            return (number > 0) - (number < 0)
        if self._holds(-difference - 1):
            return -1
        return 1 if self._holds(difference - 1) else None

    def _holds(self, expression: Integer) -> bool:
        """Whether it is at least 0, by the domains or by one of the guards."""
        return any(is_nonnegative(expression - fact) for fact in (ZERO, *self.facts))


def _recurrence(group: Sequence[Equation]) -> Recurrence:
    names = [equation.name for equation in group]
    reads = [read for equation in group for read in _reads(equation, names)]
    ranks = [range(len(equation.indices)) for equation in group]
    for choice in itertools.islice(itertools.product(*ranks), _CHOICES):
        axes = dict(zip(names, choice, strict=True))
        offsets = [read.offset(axes) for read in reads]
        signs = {offset for offset in offsets if offset}
        if None in offsets or len(signs) != 1:
            continue
        same = {name: {r.entry.array for r, o in zip(reads, offsets, strict=True) if not o and r.reader.name == name}
                for name in names}  # fmt: skip
        order: list[str] = []
        while ready := [name for name in names if name not in order and same[name] <= set(order)]:
            order.append(ready[0])
        if len(order) == len(names):
            return Recurrence(tuple(order), axes, -signs.pop())
    told = f"{names[0]} is read in its own equation" if len(names) == 1 else f"{', '.join(names)} read each other"
    raise ProgramError(
        f"{told}, and not at earlier entries of one index alone (or later ones alone), as in s[t - 1]", names[0]
    )


def _reads(equation: Equation, names: Sequence[str]) -> Iterator[_Read]:
    """Where an equation reads the arrays of its group, and what its guards say there, as expressions of at least 0."""
    stack: list[tuple[Term, tuple[Condition, ...]]] = [(equation.term, ())]
    while stack:
        node, conditions = stack.pop()
        if isinstance(node, Entry) and node.array in names:
            yield _Read(equation, node, tuple(_facts(conditions)))
        elif isinstance(node, Mul):
            held = (each for factor in node.factors if isinstance(factor, Guard) for each in factor.conditions)
            conditions += tuple(each for each in held if not isinstance(each, Comparison))
        stack.extend((child, conditions) for child in children(node))


def _facts(conditions: Sequence[Condition]) -> Iterator[Integer]:
    for condition in conditions:
        if isinstance(condition, Chain):
            for left, sign, right in pairs(condition):
                if sign in ("<", "<="):
                    yield right - left - (sign == "<")
                elif sign in (">", ">="):
                    yield left - right - (sign == ">")
                elif sign == "=":
                    yield left - right
                    yield right - left
