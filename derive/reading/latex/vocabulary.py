"""What a reader must know of a problem: which names there are. No shapes, no mathematics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

#: The letters and words in front of scripts and accents: `v` of v_3_bar, `Delta v` of Delta v_i.
_BASE = re.compile(r"[^_^']*")


@dataclass(frozen=True)
class Vocabulary:
    """The names of a problem, all canonical (`derive.reading.latex.spelling`).

    names : name -> number of axes without those of a family, or None where it is not known. Everything that may stand
        in a formula as a value: quantities, left sides of equations, sizes (0), the loss, constants.
    indices : names of kind index; any single letter that is not declared may be an index in a script as well.
    functions : names that are called when a parenthesis follows; one of them may also be a name.
    families : names whose first index is a layer or a time step, W^{[l]} or u_t.
    letters : name -> index letters that are part of the name and also its indices: V_j where the j tells the tensor.
    conventions : convention -> choice; what is absent has its default.
    sizes : those of the names that are only extents of arrays.
    """

    names: Mapping[str, int | None] = field(default_factory=dict)
    indices: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()
    conventions: Mapping[str, str] = field(default_factory=dict)
    letters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: frozenset[str] = frozenset()

    @property
    def has_differentials(self) -> bool:
        """Whether d is the sign of a derivative: nobody declared it, though an extent may be called d."""
        return not self.knows("d") or "d" in self.sizes

    def extended(
        self, names: Mapping[str, int | None], functions: Iterable[str] = (), families: Iterable[str] = ()
    ) -> Vocabulary:
        """With further names, functions and families; what is known already stays as it is."""
        if not names and not functions:
            return self
        return replace(
            self,
            names={**names, **self.names},
            functions=self.functions.union(functions),
            families=self.families.union(families),
        )

    def knows(self, name: str) -> bool:
        return name in self.names or name in self.functions

    @cached_property
    def decorated(self) -> frozenset[str]:
        """The bases of names that have accents, scripts or primes: only these need a search for the longest name."""
        found = set()
        for name in (*self.names, *self.functions):
            base = _BASE.match(name)
            if base is not None and base[0] != name:
                found.add(base[0])
        return frozenset(found)

    @cached_property
    def runs(self) -> Mapping[str, tuple[str, ...]]:
        """First piece -> the bases of names that are written with several letters in a row, longest first: dP."""
        found: dict[str, set[str]] = {}
        for name in (*self.names, *self.functions):
            base = _BASE.match(name)
            if base is not None and len(base[0]) > 1:
                for size in range(1, len(base[0])):
                    found.setdefault(base[0][:size], set()).add(base[0])
        return {first: tuple(sorted(bases, key=lambda base: (-len(base), base))) for first, bases in found.items()}
