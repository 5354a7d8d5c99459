"""The statements of one function of a network's module: kernels where they are known, the general lowering elsewhere.

A value that nothing behind a line reads is dead there: it is overwritten, or its memory is let go of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from derive import terms
from derive.codegen.arrays.recurrences import Group
from derive.codegen.arrays.signature import sizes_of
from derive.codegen.arrays.source import ArraySource, _Printer, cited
from derive.codegen.arrays.text import comment, wrapped
from derive.codegen.network_kernels import Kernel
from derive.program import Equation


class _Body(_Printer):
    """owned : values made here that are no result.  held : what the function was handed and nobody else needs."""

    def __init__(
        self, source: ArraySource, kernels: Mapping[str, Kernel], owned: set[str], held: Sequence[str], *, frees: bool
    ) -> None:
        super().__init__(source)
        order = [line.name for line in source.equations]  # a plan's: each reads only what stands before it
        lines = tuple(sorted(self.signature.lines, key=lambda line: order.index(line.name)))
        self.signature = replace(self.signature, lines=lines)
        self.names.used |= {"parameters", "saved", "gradients", "out", "lr", "name", "found"}
        self.names.used |= {name for kernel in kernels.values() for name in (*kernel.kept, *kernel.uses)}
        self.kernels, self.owned = kernels, owned
        self.covered: set[str] = set()
        self.places = dict.fromkeys(held, -1) | {line.name: k for k, line in enumerate(self.signature.lines)}
        self.droppable = [name for name in self.places if name in owned or name in held] if frees else []
        self.under: dict[str, list[str]] = {}

    def reads(self, line: Equation) -> frozenset[str]:
        return self.kernels[line.name].reads if line.name in self.kernels else terms.reads(line.term)

    def is_new(self, line: Equation) -> bool:
        """Whether its value surely has memory of its own: kernels and sums do, a reshaped array may not."""
        return line.name in self.kernels or isinstance(line.term, terms.Add)

    def is_read_behind(self, name: str, place: int) -> bool:
        """Whether a line behind reads the value, or one that may be a view of it."""
        for k, line in enumerate(self.signature.lines):
            if name in self.reads(line):
                if k > place:
                    return True
                if not self.is_new(line) and (line.name not in self.owned or self.is_read_behind(line.name, place)):
                    return True
        return False

    def may_overwrite(self, name: str, place: int) -> bool:
        """Whether the memory is the value's own, made here, and nothing behind this line reads it."""
        if name not in self.owned or not self.is_new(self.signature.lines[self.places[name]]):
            return False
        return not self.is_read_behind(name, place)

    def group(self, group: Group, ready: dict[str, terms.Term]) -> None:
        name = group.equations[0].name
        if name not in self.covered:
            self.written(group, ready)
        if len(group.equations) == 1:
            self.drop(self.places[name])

    def drop(self, place: int) -> None:
        """Let go of values that are dead behind this line: their memory is free for the next."""
        later = self.signature.lines[place + 1 :]
        if not later:
            return
        aliases = {name for names in self.under.values() for name in names}  # their memory is the overwriting value's
        gone = [
            name
            for name in self.droppable
            if self.places[name] <= place and not any(name in self.reads(line) for line in later)
            if name not in aliases
        ]
        for name in gone:
            self.droppable.remove(name)
            self.forget(name)
            gone += self.under.pop(name, [])
        kernel = self.kernels.get(self.signature.lines[place].name)
        names = [*map(self.array, gone), *(kernel.uses if kernel else ())]
        if names:
            self.low.emit(f"del {', '.join(names)}")

    def forget(self, name: str) -> None:
        """The lowering may not call anything by the name of a value that is gone."""
        for block in self.low.blocks:
            for key in [key for key, (value, _) in block.known.items() if value.text == self.array(name)]:
                del block.known[key]

    def written(self, group: Group, ready: dict[str, terms.Term]) -> None:
        name = group.equations[0].name
        kernel = self.kernels.get(name)
        if kernel is not None:
            for other in kernel.gives:
                self.low.emit_all(comment(cited(self.signature.lines[self.places[other]])))
            self.covered |= set(kernel.gives)
        super().group(group, ready)

    def assign(self, line: Equation, term: terms.Term) -> None:
        kernel = self.kernels.get(line.name)
        if kernel is None:
            super().assign(line, term)
            return
        place, own = self.places[line.name], self.array(line.name)
        target = kernel.targets(self.array) if kernel.targets else own
        overwritten: list[str] = []

        def is_dead(name: str) -> bool:
            dead = self.may_overwrite(name, place)
            overwritten.extend([name] if dead else [])
            return dead

        text = kernel.write(self.array, is_dead)
        for name in dict.fromkeys(overwritten):
            self.forget(name)
            self.under.setdefault(line.name, []).append(name)
        if kernel.targets and len(target) + len(text) > 90:  # a line that breaks inside its brackets has one target
            self.low.emit(f"found = {text}")
            text = "found"
        self.low.emit(f"{target} = {text}")
        self.low.emit_all(kernel.after(own, self.array) if kernel.after else ())
        self.low.remember(own, line.indices, term)


def statements(
    source: ArraySource, kernels: Mapping[str, Kernel], *, kept: Sequence[str] = (), held: Sequence[str] = (),
    frees: bool = False,
) -> list[str]:  # fmt: skip
    """Unpacking of sizes, and the statements. kept : values that are handed on.  held : values that end here.

    frees : whether values are let go of when they are dead.
    """
    owned = {line.name for line in source.equations} - {*(source.results or ()), *kept}
    printer = _Body(source, kernels, owned, held if frees else (), frees=frees)
    body = printer.body()
    spelt = frozenset(word for line in body if not line.lstrip().startswith("#") for word in words(line))
    used = [thing[1] for thing in printer.names.known if isinstance(thing, tuple) and thing[0] == "size"]
    sizes = sizes_of(
        [name for name in used if printer.names.of(("size", name), name) in spelt], printer.signature, source.program
    )
    return [line for opening in printer.unpacking(sizes) for line in wrapped(opening, 1)] + body


@lru_cache(maxsize=4096)
def words(line: str) -> frozenset[str]:
    """The identifiers of a line of code."""
    return frozenset(re.findall(r"[A-Za-z_]\w*", re.sub(r'"[^"]*"', "", line)))
