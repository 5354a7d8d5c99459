"""An answer: the gradients of a program with everything one wants to know of them, worked out when it is asked for.

answer = derive.grad("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]", wrt=["K"])
answer["K"].text, answer["K"].matrix, answer["K"].kind, answer.as_data()
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from derive import terms
from derive import tree as t
from derive.answer_numbers import AnswerNumbers
from derive.conventions import Conventions, Notation, read_conventions
from derive.errors import ProgramError, UsageError
from derive.gradients import Adjoint, Gradients, gradients
from derive.integers import Integer
from derive.names import anatomy
from derive.plain import formula
from derive.program import Equation, Program
from derive.recurrence import recurrences
from derive.rules import patterns
from derive.rules.matrices import matrix_form
from derive.seconds import Second, second_derivative
from derive.terms import Entry
from derive.tree import Tree
from derive.writing import tree_of_equation, tree_of_term

if TYPE_CHECKING:
    from derive.checks.findings import AnswerReport
    from derive.codegen.arrays import ArraySource


def grad(
    equations: str | Program,
    wrt: Sequence[str] | str = (),
    *,
    upstream: Mapping[str, str] | None = None,
    shapes: Mapping[str, Sequence[int | str]] | None = None,
    values: Mapping[str, Any] | None = None,
    second: Iterable[str | tuple[str, str]] = (),
    conventions: Conventions | Iterable[str] = (),
    file: str | None = None,
    title: str = "",
) -> Answer:
    """The gradients of equations in the plain notation, by the rules, with their steps.

    wrt : names to differentiate by; all real inputs by default.
    upstream : output -> name of the gradient that comes down to it, such as {"Z": "G"}; a loss needs none.
    shapes : array -> its extents, numbers or names.
    values : array -> numbers, upstream gradients too; then the answer holds the gradients' values.
    second : "w" for the second derivatives by w, ("w", "x") for those by w and x.
    conventions : a value, or settings such as "index=1".  file : named in errors.  title : of the worked solution.
    Raises ReadingError with the place of what cannot be read, ProgramError for what does not fit or has no gradient,
        UsageError for values that the equations do not have.
    """
    given = _arrays(values)
    if isinstance(equations, Program):
        program = with_upstream(equations, upstream or {})
    else:
        from derive.reading.equations import read_equations

        known = None if given is None else {name: array.shape for name, array in given.items()}
        program = read_equations(equations, shapes=shapes, given=known, upstream=upstream, file=file)
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    pairs = tuple((each, each) if isinstance(each, str) else (each[0], each[1]) for each in second)
    chosen = conventions if isinstance(conventions, Conventions) else read_conventions(_settings(conventions))
    made = gradients(program, _with_seconds(program, names, pairs))
    if not made.wrt:
        raise UsageError("there is nothing to differentiate by: the equations read no array of real numbers")
    return Answer(made, given, chosen, pairs, title)


def _arrays(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    from derive.arraydata import as_arrays  # NumPy costs a tenth of a second: only for those who have numbers

    return as_arrays(values)


def _settings(given: Iterable[str]) -> Iterable[str]:
    return [given] if isinstance(given, str) else given


def _with_seconds(program: Program, names: tuple[str, ...], pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What is differentiated by: also what a second derivative begins with, where names are given."""
    for name in (each for pair in pairs for each in pair):
        if name not in program.heads:
            raise ProgramError(f"{name} is not in the equations, which have {', '.join(program.heads)}", name)
    return tuple(dict.fromkeys((*names, *(of for of, _ in pairs)))) if names else ()


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
        return plain(self.equation, self.answer.shapes)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Gradient: {self.text}>"

    def _repr_latex_(self) -> str:
        from derive.display import latex_of

        return latex_of(self)

    def _repr_html_(self) -> str:
        from derive.display import html_of

        return html_of(self)

    @cached_property
    def matrix(self) -> Tree | None:
        """The right-hand side in whole-array notation, where it has one."""
        return matrix_form(self.equation, self.answer.heads)

    @property
    def matrix_text(self) -> str | None:
        """The matrix form in the plain notation, `W_bar = G X^T`."""
        return None if self.matrix is None else f"{self.adjoint.name} = {formula(self.matrix)}"

    @cached_property
    def convolution(self) -> patterns.Convolution | None:
        """The convolution that it is, where it is one."""
        return patterns.convolution(self.equation, self.answer.heads, self.adjoint.united)

    @property
    def kind(self) -> dict[str, Any] | None:
        """What it is again: {"name": "cross-correlation", "image": ...} or {"name": "matrix product"}, or None."""
        if self.convolution is not None:
            return {"name": self.convolution.name, **patterns.details(self.convolution)}
        factors = _matrix_factors(self.matrix)
        return {"name": "matrix product", "factors": [formula(each) for each in factors]} if factors else None

    @property
    def sentence(self) -> str:
        """The claim in words, or ""."""
        return "" if self.convolution is None else patterns.sentence(self.convolution)

    @property
    def value(self) -> Any:
        """The numbers, where values were given; an array, or a float of rank 0."""
        return self.answer.values[self.adjoint.name]

    def code(self, target: str) -> ArraySource | None:
        """A function that computes it from the inputs, for "numpy", "torch" or "loops"; None where there is no code."""
        return self.answer.code(target, [self.name], f"gradient_{_word(self.name)}")

    def source(self, target: str) -> str | None:
        """The text of that function."""
        code = self.code(target)
        return None if code is None else code.text


def _word(name: str) -> str:
    """A part of a Python name."""
    return re.sub(r"\W", "_", name)


def _matrix_factors(tree: Tree | None) -> list[Tree]:
    """The factors of A B, where the tree is such a product."""
    if isinstance(tree, t.Product) and len(tree.factors) > 1 and all(sign == "" for sign, _ in tree.factors[1:]):
        return [factor for _, factor in tree.factors]
    return []


def plain(equation: Equation, shapes: Mapping[str, tuple[Integer, ...]] | None = None) -> str:
    """An equation of terms in the plain notation.

    shapes : of the arrays, so that sums over a whole axis need no limits.
    """
    return formula(tree_of_equation(equation, shapes=shapes))


@dataclass(frozen=True)
class Answer:
    """The gradients of one program; `answer["K"]` is one of them.

    given : values by name, or None.  asked : the second derivatives that were asked for, as pairs of names.
    """

    derivation: Gradients
    given: Mapping[str, Any] | None = None
    conventions: Conventions = field(default_factory=Conventions)
    asked: tuple[tuple[str, str], ...] = ()
    title: str = ""

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
    def seconds(self) -> tuple[Second, ...]:
        """The second derivatives that were asked for."""
        return tuple(second_derivative(self.derivation, of, by) for of, by in self.asked)

    @cached_property
    def heads(self) -> dict[str, Entry]:
        """Every array at its own indices, adjoints and upstream gradients included."""
        found = {**self.program.heads, **self.derivation.given}
        lefts = ((line.name, line.equation.left) for line in self.derivation.lines)
        return found | {name: left for name, left in lefts if isinstance(left, Entry)}

    @cached_property
    def shapes(self) -> dict[str, tuple[Integer, ...]]:
        """The extents of all these arrays."""
        return {
            name: tuple(index.extent for part in head.indices if (index := part.index) is not None)
            for name, head in self.heads.items()
        }

    @cached_property
    def notation(self) -> Notation:
        """How formulas are printed on paper, by the conventions."""
        names = self.derivation.names
        layered = self._layered()
        return self.conventions.notation(
            names=[*self.program.heads, *self.derivation.given],
            layered=layered.union(names[each] for each in layered if each in names),
            loss=self.derivation.loss or "",
            adjoints={each: bar for each, bar in names.items() if bar not in self.derivation.given},
            signals=self._signals(),
        )

    def _layered(self) -> set[str]:
        """What has a layer: arrays that a recurrence along l defines, and those that it reads at l or l - 1."""
        found: set[str] = set()
        for recurrence in recurrences(self.program.equations):
            for line in map(self.program.by_name.__getitem__, recurrence.names):
                layer = line.indices[0]
                if layer.name != "l" or recurrence.axes[line.name] != 0:
                    continue
                found.add(line.name)
                for node in terms.walk(line.term):
                    if isinstance(node, Entry) and node.indices and node.indices[0].indices == (layer,):
                        found.add(node.array)
        return found

    def _signals(self) -> list[str]:
        """What a course calls z, whose adjoint is the error signal; else every quantity on the way to the outputs."""
        inner = [name for name in self.program.by_name if name not in self.program.outputs]
        called = [name for name in inner if anatomy(name).base in ("z", "Z")]
        return called or inner

    def entry(self, name: str) -> Tree:
        """An array at its own indices, as a formula."""
        return tree_of_term(self.heads[name], self.notation)

    # --- numbers ------------------------------------------------------------------------------------------------------

    @cached_property
    def numbers(self) -> AnswerNumbers:
        """Everything that is worked out from values."""
        return AnswerNumbers(self.derivation, self.given, self.heads, self.shapes)

    @property
    def arrays(self) -> dict[str, Any]:
        """What was given, as arrays of numbers; whole numbers where the program needs them."""
        return self.numbers.arrays

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes, read off the shapes of the values."""
        return self.numbers.sizes

    @property
    def forward(self) -> dict[str, Any]:
        """The values of all equations of the program."""
        return self.numbers.forward

    @property
    def values(self) -> dict[str, Any]:
        """The values of all adjoints, and of the upstream gradients."""
        return self.numbers.values

    def second_value(self, second: Second) -> Any:
        """The numbers of a second derivative: the axes of the gradient first, then those of what it is taken by."""
        return self.numbers.second(second)

    # --- views --------------------------------------------------------------------------------------------------------

    def code(self, target: str, names: Sequence[str] = (), called: str = "gradients") -> ArraySource | None:
        """A function from inputs and upstream gradients to the gradients by `names`, or by all that were asked for.

        target : "numpy", "torch" or "loops".  None where there is no code: opaque functions, extents that vary.
        """
        wanted = tuple(names) or self.wrt
        key = (target, called, wanted)
        if key not in self._codes:
            self._codes[key] = self._code(target, wanted, called)
        return self._codes[key]

    @cached_property
    def _codes(self) -> dict[tuple[str, str, tuple[str, ...]], ArraySource | None]:
        """What was emitted: pages show it and checks run it."""
        return {}

    def _code(self, target: str, names: tuple[str, ...], called: str) -> ArraySource | None:
        from derive.codegen.arrays import array_source

        lines = [line.equation for line in self.derivation.lines]
        results = [self.derivation.by_name[name].name for name in names]
        try:
            found = array_source(target, lines, self.program, name=called, results=results)
            return found if found.text else None
        except UsageError:
            return None

    def check(self, *, seed: int = 0) -> AnswerReport:
        """Run every step, and hold the forms of every gradient against each other."""
        from derive.checks.answers import check_answer  # checks read answers, so an answer asks for them by name

        return check_answer(self, seed=seed)

    def as_data(self) -> dict[str, Any]:
        """Everything in JSON's types: the object of `derive grad --json`; steps are not run here."""
        from derive.gradientdata import as_data  # views read answers, so an answer asks for them by name

        return as_data(self)

    def _repr_latex_(self) -> str:
        from derive.display import latex_of

        return latex_of(self)

    def _repr_html_(self) -> str:
        from derive.display import html_of

        return html_of(self)

    def __str__(self) -> str:
        return "\n".join(self[name].text for name in self.wrt)

    def __repr__(self) -> str:
        return f"<Answer: {'; '.join(self[name].text for name in self.wrt)}>"
