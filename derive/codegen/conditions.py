"""Conditions in code: that indicators hold, one and another, one or another.

A condition is the set of what must hold: lines of indicators by their names, and alternatives by their numbers. It is
remembered how each came about, so that a long one is printed as the shorter one it was made from, and the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union

from derive.functions import Operation
from derive.tape import Tape

Mask = frozenset[Union[str, int]]
ALWAYS: Mask = frozenset()

HOLDS = Operation("holds", 1, lambda F, u: F.holds("!=", u, 0), (), "{0} != 0.0", "{0} != 0.0")
BOTH = Operation("both", 2, lambda F, u, w: u * w, (), "{0} & {1}", "{0} & {1}", infix="&")
EITHER = Operation("either", 2, lambda F, u, w: F.max(u, w), (), "{0} | {1}", "{0} | {1}", infix="|")


class Conditions:
    """alternatives : pairs of conditions of which one at least holds; each speaks of earlier pairs only.

    made : of a condition the shorter one it was made from, and the rest.
    """

    def __init__(self) -> None:
        self.alternatives: list[tuple[Mask, Mask]] = []
        self.numbers: dict[frozenset[Mask], int] = {}
        self.made: dict[Mask, tuple[Mask, Mask]] = {}
        self.pushed: dict[tuple[int, Mask], Any] = {}

    def both(self, one: Mask, other: Mask) -> Mask:
        rest = other - one
        if not one or not rest:
            return one or rest
        together = one | rest
        self.made.setdefault(together, (one, rest))
        return together

    def either(self, one: Mask | None, other: Mask) -> Mask:
        """One or the other; None is a condition that nothing has named yet."""
        if one is None or other <= one:
            return other
        if one <= other:
            return one
        common = one & other
        pair = (one - common, other - common)
        number = self.numbers.setdefault(frozenset(pair), len(self.alternatives))
        if number == len(self.alternatives):
            self.alternatives.append(pair)
        return self.both(common, frozenset({number}))

    def indicators(self, mask: Mask) -> set[str]:
        """The indicators that a condition speaks of."""
        masks = [mask, *(each for number in self._numbers_in(mask) for each in self.alternatives[number])]
        return {part for each in masks for part in each if isinstance(part, str)}

    def without(self, mask: Mask, barred: Callable[[str], bool], factors: Callable[[str], Iterable[str]]) -> Mask:
        """The condition as far as it does not speak of barred indicators.

        factors : of a product of indicators these; those that are not barred stay.
        """
        if not any(map(barred, self.indicators(mask))):
            return mask
        known: dict[int, Mask] = {}

        def rest(mask: Mask) -> Mask:
            left = ALWAYS
            for part in sorted(mask, key=str):
                if isinstance(part, int):
                    left = self.both(left, known[part])
            stack = sorted(part for part in mask if isinstance(part, str))
            while stack:
                part = stack.pop()
                if barred(part):
                    stack += factors(part)
                else:
                    left = self.both(left, frozenset({part}))
            return left

        for number in self._numbers_in(mask):
            one, other = map(rest, self.alternatives[number])
            known[number] = self.either(one, other)
        return rest(mask)

    def _numbers_in(self, mask: Mask) -> list[int]:
        found: set[int] = set()
        stack = [mask]
        while stack:
            numbers = {part for part in stack.pop() if isinstance(part, int)} - found
            found |= numbers
            stack += (each for number in numbers for each in self.alternatives[number])
        return sorted(found)

    def on(self, tape: Tape, mask: Mask, scope: Mapping[str, Any]) -> Any:
        """A condition on a tape."""
        stack = [mask]
        while stack:
            top = stack[-1]
            missing = [each for each in self._parts(top) if (id(tape), each) not in self.pushed]
            if not missing:
                stack.pop()
                self.pushed[id(tape), top] = self._joined(tape, top, scope)
            stack += missing
        return self.pushed[id(tape), mask]

    def _parts(self, mask: Mask) -> tuple[Mask, ...]:
        """The conditions that a condition is joined from."""
        if len(mask) > 1:
            if mask not in self.made:
                last = max(
                    mask, key=lambda part: (isinstance(part, int), part if isinstance(part, int) else 0, str(part))
                )
                self.made[mask] = (mask - {last}, frozenset({last}))
            return self.made[mask]
        (part,) = mask
        return self.alternatives[part] if isinstance(part, int) else ()

    def _joined(self, tape: Tape, mask: Mask, scope: Mapping[str, Any]) -> Any:
        parts = [self.pushed[id(tape), each] for each in self._parts(mask)]
        if len(mask) > 1:
            return tape.push(BOTH, *parts)
        (part,) = mask
        return tape.push(EITHER, *parts) if isinstance(part, int) else tape.push(HOLDS, scope[part])
