"""Where the lines of a program, and their adjoints, matter: not behind a factor that vanishes.

What vanishes is said in `derive.indicators`: a false indicator, a product with what vanishes, and a quotient of it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from derive.codegen.conditions import ALWAYS, Conditions, Mask
from derive.functions import rational
from derive.indicators import is_indicator
from derive.program import Equation, Operand, Program


class Paths:
    """The conditions of one program.

    pure : lines that are 0 or 1: indicators and their products.
    present : where a line does not vanish.
    order : the lines, each after the conditions under which it is worked out.
    counts : these conditions: where the value of a line matters to an output.
    carries : for each sweep where the adjoint of a line may be other than 0.
    reaches : where the adjoint of a node has a part in that of an input.
    """

    def __init__(self, program: Program, outputs: Sequence[str], sweeps: Sequence[str]) -> None:
        self.lines = program.by_name
        self.conditions = Conditions()
        self.pure: dict[Operand, int] = {}  # each with a bit of its own
        self.present: dict[Operand, Mask] = {}
        for line in program:
            self.present[line.name] = self._present(line)
        self.counts: dict[str, Mask] = {}
        self.order = self._scheduled(self._from_ends(outputs, values=True))
        self.carries = [self._from_ends((output,), values=False) for output in sweeps]
        self.reaches = self._from_inputs(program.input_names)

    def _present(self, line: Equation) -> Mask:
        operation, operands = line.source
        if is_indicator(line) or (operation.name == "mul" and all(operand in self.pure for operand in operands)):
            self.pure[line.name] = 1 << len(self.pure)
            return frozenset({line.name})
        there = [self.present.get(operand, ALWAYS) for operand in operands]
        match operation.name:
            case "mul":
                return self.conditions.both(*there)
            case "div" | "neg" | "copy":
                return there[0]
        return ALWAYS

    def needs(self, line: Equation, slot: int) -> Mask:
        """Where an operand matters to its line: where the other factor, or the numerator, does not vanish."""
        operation, operands = line.source
        if operation.name == "mul" or (operation.name == "div" and slot == 1):
            return self.present.get(operands[1 - slot], ALWAYS)
        return ALWAYS

    def _from_ends(self, ends: Iterable[str], *, values: bool) -> dict[str, Mask]:
        """For each node where some path to an end meets nothing that vanishes; through indicators go only values."""
        found = dict.fromkeys(ends, ALWAYS)
        for line in reversed(self.lines.values()):
            mask = found.get(line.name)
            if mask is not None and (values or not is_indicator(line)):
                for slot, operand in enumerate(line.source.operands):
                    if isinstance(operand, str):
                        path = self.conditions.both(mask, self.needs(line, slot))
                        found[operand] = self.conditions.either(found.get(operand), path)
        return found

    def _from_inputs(self, inputs: Iterable[str]) -> dict[str, Mask]:
        """For each node where some path to an input meets nothing that vanishes."""
        found = dict.fromkeys(inputs, ALWAYS)
        for line in self.lines.values():
            for slot, operand in enumerate(line.source.operands):
                if isinstance(operand, str) and operand in found and not is_indicator(line):
                    path = self.conditions.both(found[operand], self.needs(line, slot))
                    found[line.name] = self.conditions.either(found.get(line.name), path)
        return found

    def _scheduled(self, matters: Mapping[str, Mask]) -> list[str]:
        """The lines in an order in which conditions come first; `counts` is what of the conditions is left.

        log(x)*[x > 0] is worked out from the right. What a condition itself is made of cannot wait for it: in
        [log(x) > 0]*[log(y) > 0] only one logarithm can depend on the other. A function that is defined everywhere
        waits for nothing, and takes what conditions there are.
        """
        made = self._made_of()
        place = {name: place for place, name in enumerate(self.lines)}
        order: list[str] = []
        done: set[str] = set()
        waiting: dict[str, int] = {}  # for each line the bits of what is made of it, or of what waits for it
        stack = [(name, 0) for name in reversed(self.lines)]
        while stack:
            name, above = stack.pop()
            if name not in waiting:
                waiting[name] = now = above | made[name]
                mask = ALWAYS if name in self.pure else matters.get(name, ALWAYS)  # a comparison needs no condition
                patient = _delicate(self.lines[name])
                self.counts[name] = mask = self._without(mask, now, None if patient else done)
                stack.append((name, -1))
                stack += [(part, now) for part in sorted(self.conditions.indicators(mask), key=place.__getitem__)]
                stack += [(read, now) for read in reversed(self.lines[name].reads) if read in self.lines]
            elif above < 0:
                order.append(name)
                done.add(name)
        return order

    def _made_of(self) -> dict[str, int]:
        """For each line the bits of the pure lines that come from its value, itself included."""
        made = dict.fromkeys(self.lines, 0)
        for line in reversed(self.lines.values()):
            made[line.name] |= self.pure.get(line.name, 0)
            for operand in line.reads:
                if operand in made:
                    made[operand] |= made[line.name]
        return made

    def _without(self, mask: Mask, bits: int, done: Container[str] | None) -> Mask:
        """The condition without indicators that have these bits, or are not done yet."""

        def barred(name: str) -> bool:
            return bool(self.pure[name] & bits) or (done is not None and name not in done)

        def factors(name: str) -> list[str]:
            return [factor for factor in self.lines[name].reads if factor in self.pure]

        return self.conditions.without(mask, barred, factors)


#: Functions that are defined everywhere, and beyond the largest double soon.
_STEEP = ("exp", "sinh", "cosh", "pow")


def _delicate(line: Equation) -> bool:
    slots = range(len(line.source.operands))
    return line.source.operation.name in _STEEP or any(partly_defined(line, slot) for slot in slots)


def partly_defined(line: Equation, slot: int) -> bool:
    """Whether the function, or its derivative, is not defined at all values of the operand."""
    operation, operands = line.source
    if operation.name == "pow" and (exponent := rational(operands[1])) is not None:
        return slot == 0 and not (exponent >= 0 and exponent.denominator == 1)
    return any(needed.slot == slot for needed in (*operation.value_domain, *operation.derivative_domain))
