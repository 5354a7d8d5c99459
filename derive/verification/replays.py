"""A tape played at a point, in mpmath: values of its entries, and derivatives as central differences of two replays.

    d u/d p  =  (u at p + h  -  u at p - h) / 2h,    h = 10^-reach

`p` is an input or a named value; all that is written after it and depends on it is played again. The error is of the
order of h^2; the digits are so many that rounding stays below that for derivatives of derivatives too.
Source: Griewank & Walther, Evaluating Derivatives (2008), section 1.1, on what differences can show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from derive.verification.graph import FUNCTION, INPUT, LINEAR, MONOMIAL, NAMED, NUMBER, Node
from derive.verification.reals import NoValue, Reals
from derive.verification.tapes import DIFFERENCE, Tape

#: Digits of an answer without differences, of a step, and of what is one number in two spellings beside rounding.
DIGITS, REACH, ROUNDING = 60, 16, 20

#: The value of an input by its key, and the parameters of a function that is only named, by name and arity.
Coordinate = Callable[[tuple[Any, ...]], Fraction]
Waves = Callable[[str, int], Sequence[tuple[Fraction, ...]]]


def depth(tape: Tape, nodes: Sequence[Node]) -> int:
    """How many derivatives lie inside each other in entries."""
    found: dict[Node, int] = {}
    for node in tape.cone(nodes):
        own = 0
        if tape.kinds[node] == FUNCTION:
            name = tape.data[node][0]
            own = 1 if name == DIFFERENCE else sum(map(int, name.partition("|")[2].split(","))) if "|" in name else 0
        found[node] = own + max((found[each] for each in tape.operands(node)), default=0)
    return max(found.values())


class _Run:
    """Values of entries after some were moved; what does not depend on these is that of the run before."""

    def __init__(self, before: _Run | None = None) -> None:
        self.before = before
        self.values: dict[Node, Any] = {}

    def get(self, node: Node) -> Any:
        run: _Run | None = self
        while run is not None:
            if node in run.values:
                return run.values[node]
            run = run.before
        return _UNKNOWN


_UNKNOWN = object()


class Replay:
    """One tape at one point.

    deep : how many derivatives may lie inside each other.
    fine : further digits, where what is to be told apart differs by so little.
    """

    def __init__(self, tape: Tape, coordinate: Coordinate, waves: Waves, deep: int = 2, fine: int = 0) -> None:
        self.tape = tape
        self.coordinate = coordinate
        self.waves = waves
        reach = REACH + fine // 2
        self.digits = DIGITS + fine + deep * reach
        self.reals = Reals(self.digits, ROUNDING)
        self.mp = self.reals.mp
        self.h = self.mp.mpf(10) ** -reach
        self._base = _Run()
        self._users: dict[Node, dict[Node, list[Node]]] = {}
        self._waves: dict[tuple[str, int], list[list[Any]]] = {}

    @property
    def name(self) -> str:
        return f"mpmath, {self.digits} digits"

    def value(self, node: Node) -> Any:
        """The value of an entry; None where it has none."""
        return self._played(node, self._base)

    # --- replaying ----------------------------------------------------------------------------------------------------

    def _played(self, node: Node, run: _Run) -> Any:
        """The value of an entry in a run; first all that is not known yet of what it depends on, in order."""
        found = run.get(node)
        if found is not _UNKNOWN:
            return found
        stack, wanted = [node], set[Node]()
        while stack:
            each = stack.pop()
            if each not in wanted and run.get(each) is _UNKNOWN:
                wanted.add(each)
                stack.extend(self._needed(each))
        for each in sorted(wanted):
            run.values[each] = self._entry(each, run)
        return run.values[node]

    def _needed(self, node: Node) -> Sequence[Node]:
        """What must be known before an entry; a difference plays for itself what it is of."""
        if self._is_difference(node):
            return ()
        return self.tape.operands(node)

    def _is_difference(self, node: Node) -> bool:
        return self.tape.kinds[node] == FUNCTION and self.tape.data[node][0] == DIFFERENCE

    def _difference(self, of: Node, by: Node, run: _Run) -> Any:
        ends = []
        self._played(of, run)
        for step in (self.h, -self.h):
            moved = _Run(run)
            start = self._played(by, run)
            if start is None:
                return None
            moved.values[by] = start + step
            for each in self._behind(by, of):
                moved.values[each] = self._entry(each, moved)
            ends.append(moved.get(of))
        if None in ends:
            return None
        return (ends[0] - ends[1]) / (2 * self.h)

    def _behind(self, by: Node, of: Node) -> list[Node]:
        """The entries between two that depend on the first, in order, the first itself left out."""
        if of not in self._users:
            users: dict[Node, list[Node]] = {}
            for each in self.tape.cone((of,)):
                for operand in self.tape.operands(each):
                    users.setdefault(operand, []).append(each)
            self._users[of] = users
        found: set[Node] = set()
        stack = [by]
        while stack:
            for user in self._users[of].get(stack.pop(), ()):
                if user not in found:
                    found.add(user)
                    stack.append(user)
        return sorted(found)

    # --- one entry ----------------------------------------------------------------------------------------------------

    def _entry(self, node: Node, run: _Run) -> Any:
        data = self.tape.data[node]
        match self.tape.kinds[node]:
            case k if k == NUMBER:
                return self.reals.number(data[0])
            case k if k == INPUT:
                return self.reals.number(self.coordinate(data))
            case k if k == NAMED:
                return run.get(data[1])
            case k if k == LINEAR:
                total = self.reals.number(data[0])
                for term, coefficient in data[1]:
                    below = run.get(term)
                    if below is None:
                        return None
                    total += below if coefficient == 1 else self.reals.number(coefficient) * below
                return total
            case k if k == MONOMIAL:
                return self.reals.product([(run.get(factor), exponent) for factor, exponent in data[0]])
        name, operands = data
        if name == DIFFERENCE:
            of, by = operands
            return self._difference(of, by, run)
        values = [run.get(each) for each in operands]
        if None in values:
            return None
        try:
            return self._opaque(name, values) if "|" in name else self.reals.called(name, values)
        except NoValue:
            return None

    def _opaque(self, name: str, values: Sequence[Any]) -> Any:
        """A function that is only named, f|1,0: a sum of waves, differentiated by differences as often as it says."""
        base, _, text = name.partition("|")
        orders = [int(order) for order in text.split(",")]
        place = next((k for k, order in enumerate(orders) if order), None)
        if place is None:
            if (base, len(orders)) not in self._waves:
                waves = self.waves(base, len(orders))
                self._waves[base, len(orders)] = [[self.reals.number(each) for each in wave] for wave in waves]
            total = self.mp.mpf(0)
            for b, c, d, *slopes in self._waves[base, len(orders)]:
                inside = sum((a * u for a, u in zip(slopes, values, strict=True)), self.mp.mpf(0))
                total += self.mp.sin(b * inside + c) + d * inside * inside
            return total
        lower = f"{base}|{','.join(str(order - (k == place)) for k, order in enumerate(orders))}"
        up, down = ([v + h * (k == place) for k, v in enumerate(values)] for h in (self.h, -self.h))
        return (self._opaque(lower, up) - self._opaque(lower, down)) / (2 * self.h)
