"""A step of an optimiser as torch code, from its equations: entry by entry, on tensors of any shape.

Terms are added in the order in which the equation writes them, and a multiple of an array, of a product or of a
quotient by the kernel that adds it with one rounding less (`torch.add(.., alpha=)`, `addcmul`, `addcdiv`). These are
the kernels of torch.optim, so equations that stand in its order give its bits.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from derive.codegen.arrays.text import comment
from derive.codegen.spelling import raised
from derive.errors import UsageError
from derive.plain import formula
from derive.program import Equation, Program
from derive.terms import Add, Apply, Entry, Mul, Number, Power, Term
from derive.writing import tree_of_equation


@dataclass(frozen=True)
class UpdateSource:
    """program : equations `w_next[i] = ...` between arrays of one shape and numbers.  results : what is returned.

    `text` is a function of the program's inputs, numbers as floats, that returns the results in a row.
    Raises UsageError for anything that is not entry by entry.
    """

    program: Program
    results: tuple[str, ...]
    name: str = "update"

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The names of what the function takes, in this order."""
        return tuple(each.array for each in map(_entry, self.program.inputs))

    def _check_names(self) -> None:
        """A name of an array becomes a name of the code."""
        given = [_entry(each).array for each in self.program.inputs]
        for name in [*given, *(_entry(equation.left).array for equation in self.program.equations)]:
            if not name.isidentifier() or keyword.iskeyword(name) or name in ("torch", "Tensor", "float", "tuple"):
                raise UsageError(f"{name} cannot be a name in Python code; rename it")

    @cached_property
    def text(self) -> str:
        self._check_names()
        ranks = {each.array: len(each.indices) for each in map(_entry, self.program.inputs)}
        kinds = [f"{name}: {'Tensor' if rank else 'float'}" for name, rank in ranks.items()]
        returned = ", ".join("Tensor" for _ in self.results)
        shaped = ", ".join(name for name, rank in ranks.items() if rank)
        lines = [
            "import torch",
            "from torch import Tensor",
            "",
            "",
            f"def {self.name}(",
            *(f"    {kind}," for kind in kinds),
            f") -> tuple[{returned}]:",
            f'    """{", ".join(self.results)}, by the equations below; {shaped} have one shape."""',
        ]
        for equation in self.program.equations:
            left = _entry(equation.left)
            printed = _Lines({name for name, rank in ranks.items() if rank}, equation).sum_of(equation.term)[0]
            ranks[left.array] = len(left.indices)
            lines += [
                f"    {line}" for line in (*comment(formula(tree_of_equation(equation))), f"{left.array} = {printed}")
            ]
        for name in self.results:
            if name not in ranks:
                raise UsageError(f"the equations of {self.name} do not give {name}")
        lines.append(f"    return {', '.join(self.results)}{',' if len(self.results) == 1 else ''}")
        return "\n".join(lines) + "\n"


def update_function(program: Program, results: tuple[str, ...]) -> Callable[..., tuple[Any, ...]]:
    """The compiled step; see UpdateSource. Its source is the attribute `source`."""
    from derive.codegen.load import compiled

    source = UpdateSource(program, results)
    function = compiled(source)
    function.source = source.text  # type: ignore[attr-defined]
    return function


def _entry(term: Any) -> Entry:
    if not isinstance(term, Entry):
        raise UsageError(f"{term} is no entry of an array, and an update goes entry by entry")
    return term


@dataclass
class _Lines:
    """Prints the right side of one equation; every text comes with whether it is an array."""

    arrays: set[str]
    equation: Equation

    def sum_of(self, term: Term) -> tuple[str, bool]:
        """A term as it stands on the right of `=` or within brackets."""
        if not isinstance(term, Add):
            return self.product(term)
        text, array = self.product(term.terms[0])
        for each in term.terms[1:]:
            text, array = self.added(text, array, each)
        return text, array

    def added(self, text: str, array: bool, term: Term) -> tuple[str, bool]:
        """`text` plus a term; the kernels that do it in one go where the term is a multiple of arrays."""
        sign, above, below = self.parts(term)
        arrays = [part for part, is_array in above if is_array]
        divisors = [part for part, is_array in below if is_array]
        numbers = [part for part, is_array in above if not is_array]
        scale = _quotient(sign, numbers, [part for part, is_array in below if not is_array])
        if array and len(arrays) == 1 and not divisors and scale not in ("1", "-1"):
            return f"torch.add({text}, {_bare(arrays[0])}, alpha={_bare(scale)})", True
        if array and len(arrays) == 2 and not divisors:
            return f"torch.addcmul({text}, {_bare(arrays[0])}, {_bare(arrays[1])}, value={_bare(scale)})", True
        if array and len(arrays) == len(divisors) == 1:
            return f"torch.addcdiv({text}, {_bare(arrays[0])}, {_bare(divisors[0])}, value={_bare(scale)})", True
        product = _quotient(1, [part for part, _ in above], [part for part, _ in below])
        return f"{text} {'-' if sign < 0 else '+'} {product}", array or bool(arrays or divisors)

    def product(self, term: Term) -> tuple[str, bool]:
        sign, above, below = self.parts(term)
        array = any(is_array for _, is_array in above + below)
        return _quotient(sign, [part for part, _ in above], [part for part, _ in below]), array

    def parts(self, term: Term) -> tuple[int, list[tuple[str, bool]], list[tuple[str, bool]]]:
        """The sign, the factors and the divisors of a term."""
        sign, above, below = 1, [], []
        for factor in term.factors if isinstance(term, Mul) else (term,):
            if isinstance(factor, Number) and factor.value in (1, -1):
                sign *= int(factor.value)
            elif isinstance(factor, Power) and factor.exponent == Number(Fraction(-1)):
                below.append(self.factor(factor.base))
            else:
                above.append(self.factor(factor))
        return sign, above, below

    def factor(self, term: Term) -> tuple[str, bool]:
        """A term that binds as tightly as a factor."""
        match term:
            case Number(value=value):
                return (str(value) if value.denominator == 1 else repr(float(value))), False
            case Entry(array=name, indices=indices):
                if indices and indices != _entry(self.equation.left).indices:
                    raise UsageError(
                        f"{name} is read at another entry than {self.equation.name}; an update is entry by entry"
                    )
                return name, name in self.arrays or bool(indices)
            case Add() | Mul():
                text, array = self.sum_of(term)
                return f"({text})", array
            case Power(base=base, exponent=exponent):
                under, array = self.factor(base)
                return raised(under, self.factor(exponent)[0]), array
            case Apply(function="sqrt", arguments=(argument,)):
                text, array = self.sum_of(argument)
                return (f"torch.sqrt({text})", True) if array else (f"({text}) ** 0.5", False)
        raise UsageError(f"the equation of {self.equation.name} holds what an update has no code for")


def _quotient(sign: int, above: list[str], below: list[str]) -> str:
    """A product with its divisors, from left to right."""
    text = " * ".join(above) or "1"
    for part in below:
        text += f" / {part if part.isidentifier() or part.startswith('(') or part.endswith(')') else f'({part})'}"
    return f"-{text}" if sign < 0 else text


def _bare(text: str) -> str:
    """Without the brackets around all of it: it stands between commas."""
    if not text.startswith("("):
        return text
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return text[1:-1] if place == len(text) - 1 else text
    return text
