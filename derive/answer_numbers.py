"""The numbers of an answer: values as given, the forward pass, the adjoints, second derivatives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from derive import terms
from derive.errors import UsageError
from derive.gradients import Gradients
from derive.integers import Index, Integer
from derive.plain import formula
from derive.program import Equation, Program
from derive.seconds import Second
from derive.terms import Entry, Term
from derive.writing import tree_of_term

#: Sums of more terms are worked out by the emitted code, which has no term for each of them in memory.
LARGEST_SUM = 20_000_000


@dataclass(frozen=True)
class AnswerNumbers:
    """given : values by name, or None.  heads, shapes : of every array, adjoints and upstream gradients included."""

    derivation: Gradients
    given: Mapping[str, Any] | None
    heads: Mapping[str, Entry]
    shapes: Mapping[str, tuple[Integer, ...]]

    @property
    def program(self) -> Program:
        return self.derivation.primal

    @cached_property
    def arrays(self) -> dict[str, Any]:
        """What was given, as arrays of numbers; whole numbers where the program needs them."""
        from derive.arraydata import checked_arrays

        if self.given is None:
            raise UsageError("no values were given, so there are no numbers")
        return checked_arrays(self.given, self.program, self.derivation.given)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The sizes, read off the shapes of the values."""
        from derive.arraydata import sizes_of

        return sizes_of(self.arrays, {**self.program.heads, **self.derivation.given})

    @cached_property
    def forward(self) -> dict[str, Any]:
        """The values of all equations of the program."""
        if self._by_code is not None:
            return {name: self._by_code[name] for name in self.program.by_name}
        from derive.evaluation import values

        inputs = {name: array for name, array in self.arrays.items() if name in self.program.input_names}
        found = values(self.program, inputs, self.sizes)
        return {name: found[name] for name in self.program.by_name}

    @cached_property
    def values(self) -> dict[str, Any]:
        """The values of all adjoints, and of the upstream gradients."""
        missing = [name for name in self.derivation.given if name not in self.arrays]
        if missing:
            shape = " x ".join(formula(tree_of_term(extent)) for extent in self.shapes[missing[0]])
            needed = f"an array of {shape}" if shape else "a number"
            raise UsageError(f"{missing[0]}, the upstream gradient, has no value; give it {needed}")
        if self._by_code is not None:
            given = {name: self.arrays[name] for name in self.derivation.given}
            return given | {line.name: self._by_code[line.name] for line in self.derivation.lines}
        from derive.evaluation import values

        found = values(self.derivation.adjoint, {**self.arrays, **self.forward}, self.sizes)
        return {name: found[name] for name in found if name not in self.program.heads}

    @cached_property
    def is_large(self) -> bool:
        """Whether sums are too large to be added up term by term."""
        lines = (*self.program.equations, *(line.equation for line in self.derivation.lines))
        return max(map(_terms, lines)) > LARGEST_SUM

    @cached_property
    def _by_code(self) -> dict[str, Any] | None:
        """The same by the emitted NumPy code, where sums are too large to be added up term by term; else None."""
        if not self.is_large or any(name not in self.arrays for name in self.derivation.given):
            return None
        from derive.codegen.arrays import array_source, compiled

        lines = [*self.program.equations, *(line.equation for line in self.derivation.lines)]
        names = [line.name for line in lines]
        code = array_source("numpy", lines[len(self.program.equations) :], self.program, results=names)
        known = {**self.sizes, **self.arrays}
        found = compiled(code)(*(known[name] for name in code.parameters))
        return dict(zip(names, found if len(names) > 1 else [found], strict=True))

    def second(self, second: Second) -> Any:
        """The numbers of a second derivative: the axes of the gradient first, then those of what it is taken by."""
        from derive.evaluation import environment_of, value_of

        known = {**self.arrays, **self.forward, **self.values}
        environment = environment_of(self.program, known, self.sizes, extra=self.heads)
        return value_of(second.equation.term, second.equation.indices, environment)


def _terms(equation: Equation) -> int:
    """How many terms the sums of an equation have in all, conditions not counted; open sizes count as 1."""

    def below(term: Term) -> int:
        inner = max(map(below, terms.children(term)), default=1)
        return inner * _places(terms.bound_in(term))

    return below(equation.term) * _places(equation.indices)


def _places(indices: Iterable[Index]) -> int:
    return math.prod(max(index.extent.value or 1, 1) for index in indices)
