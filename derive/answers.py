"""An answer: the gradients of a program with everything one wants to know of them, worked out when it is asked for.

answer = derive.grad("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]", wrt=["K"])
answer["K"].equation, answer["K"].matrix, answer["K"].convolution, answer.as_data()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from derive.errors import UsageError
from derive.gradients import Adjoint, Gradients, gradients
from derive.integers import Integer
from derive.plain import formula
from derive.program import Equation, Program
from derive.rules import patterns
from derive.rules.matrices import matrix_form
from derive.tree import Tree
from derive.writing import tree_of_term


def grad(
    equations: str | Program,
    wrt: Sequence[str] | str = (),
    *,
    upstream: Mapping[str, str] | None = None,
    shapes: Mapping[str, Sequence[int | str]] | None = None,
    values: Mapping[str, Any] | None = None,
    file: str | None = None,
) -> Answer:
    """The gradients of equations in the plain notation, by the rules, with their steps.

    wrt : names to differentiate by; all real inputs by default.
    upstream : output -> name of the gradient that comes down to it, such as {"Z": "G"}; a loss needs none.
    shapes : array -> its extents, numbers or names.
    values : array -> numbers, upstream gradients too; then the answer holds the gradients' values.
    Raises ReadingError with the place of what cannot be read, ProgramError for what does not fit or has no gradient.
    """
    from derive.reading.equations import read_equations

    given = None if values is None else dict(values)
    if isinstance(equations, str):
        known = dict(shapes or {})
        program = read_equations(equations, shapes=known or None, file=file)
    else:
        program = equations
    program = with_upstream(program, upstream or {})
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    return Answer(gradients(program, names), given)


def with_upstream(program: Program, upstream: Mapping[str, str]) -> Program:
    """The program with these upstream gradients in place of its own."""
    for output in upstream:
        if output not in program.by_name:
            known = ", ".join(program.by_name)
            raise UsageError(f"{output} has an upstream gradient, but no equation gives it a value; there are {known}")
    taken = {*program.heads, *(size for head in program.heads.values() for size in _sizes(head.indices))}
    for output, name in upstream.items():
        if name in taken:
            raise UsageError(f"{name} is in use already; give the upstream gradient of {output} another name")
    return replace(program, upstream=dict(upstream), outputs=tuple(upstream)) if upstream else program


def _sizes(indices: tuple[Integer, ...]) -> list[str]:
    return [name for part in indices for index in part.indices for name in index.stop.names]


@dataclass(frozen=True)
class Gradient:
    """One gradient of an answer: its adjoint, in every spelling."""

    answer: Answer
    adjoint: Adjoint

    @property
    def name(self) -> str:
        return self.adjoint.of

    @property
    def equation(self) -> Equation:
        """The textbook formula, what its sums may not read guarded."""
        return self.adjoint.equation

    @property
    def text(self) -> str:
        """The equation in the plain notation."""
        return plain(self.equation)

    @cached_property
    def matrix(self) -> Tree | None:
        """The right-hand side in whole-array notation, where it has one."""
        return matrix_form(self.equation)

    @cached_property
    def convolution(self) -> patterns.Convolution | None:
        """The convolution that it is, where it is one."""
        return patterns.convolution(self.equation, self.answer.heads, self.adjoint.united)

    @property
    def kind(self) -> dict[str, Any] | None:
        """What it is again: {"name": "cross-correlation", "image": ...} or {"name": "matrix product"}, or None."""
        if self.convolution is not None:
            return {"name": self.convolution.name, **patterns.details(self.convolution)}
        if self.matrix is not None and _is_matrix_product(self.matrix):
            return {"name": "matrix product", "factors": [formula(factor) for _, factor in self.matrix.factors]}  # type: ignore[union-attr]
        return None

    @property
    def sentence(self) -> str:
        """The claim in words, or ""."""
        return "" if self.convolution is None else patterns.sentence(self.convolution)

    @property
    def value(self) -> Any:
        """The numbers, where values were given; an array, or a float of rank 0."""
        return self.answer.values[self.adjoint.name]


def _is_matrix_product(tree: Tree) -> bool:
    from derive.tree import Product

    return isinstance(tree, Product) and len(tree.factors) > 1 and all(sign == "" for sign, _ in tree.factors[1:])


def plain(equation: Equation) -> str:
    """An equation of terms in the plain notation."""
    return f"{formula(tree_of_term(equation.left))} = {formula(tree_of_term(equation.term))}"


@dataclass(frozen=True)
class Answer:
    """The gradients of one program; `answer["K"]` is one of them."""

    derivation: Gradients
    given: Mapping[str, Any] | None = None

    @property
    def program(self) -> Program:
        return self.derivation.primal

    @property
    def wrt(self) -> tuple[str, ...]:
        return self.derivation.wrt

    def __getitem__(self, name: str) -> Gradient:
        if name not in self.derivation.by_name:
            raise KeyError(f"{name} was not differentiated; there are {', '.join(self.derivation.by_name)}")
        return Gradient(self, self.derivation[name])

    @cached_property
    def heads(self) -> dict[str, Any]:
        """Every array at its own indices, adjoints and upstream gradients included."""
        found = {**self.program.heads, **self.derivation.given}
        return found | {line.name: line.equation.left for line in self.derivation.lines}

    # --- numbers ------------------------------------------------------------------------------------------------------

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
        from derive.evaluation import values

        found = values(
            self.program, {k: v for k, v in self.arrays.items() if k in self.program.input_names}, self.sizes
        )
        return {name: found[name] for name in self.program.by_name}

    @cached_property
    def values(self) -> dict[str, Any]:
        """The values of all adjoints, and of the upstream gradients."""
        from derive.evaluation import values

        missing = [name for name in self.derivation.given if name not in self.arrays]
        if missing:
            head = self.derivation.given[missing[0]]
            shape = " x ".join(formula(tree_of_term(_extent(part))) for part in head.indices) or "scalar"
            raise UsageError(f"{missing[0]}, the upstream gradient, has no value; give it an array of {shape}")
        found = values(self.derivation.adjoint, {**self.arrays, **self.forward}, self.sizes)
        return {name: found[name] for name in found if name not in self.program.heads}


def _extent(part: Integer) -> Any:
    from derive.terms import whole

    assert part.index is not None
    return whole(part.index.extent)


__all__ = ["Answer", "Gradient", "grad", "plain", "with_upstream"]
