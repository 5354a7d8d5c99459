"""Second derivatives: the adjoint of one array differentiated again, by the same rules.

    d x_bar[m] / d y[n]

The adjoint's equation reads values of the forward pass and other adjoints, which depend on y as well. Their equations
are put in first, until only inputs are read; then the partial derivative is the total one, and its steps are those of
any other. Recurrences cannot be put in, and are refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from derive import terms
from derive.errors import ProgramError
from derive.gradients import Gradients, copies, names_of_sizes
from derive.integers import integer
from derive.program import Equation, Program
from derive.rules import cases, collecting, deltas, derivatives, guards, primal, sums
from derive.rules.rewriting import exhausted, step
from derive.step import Rule, Step
from derive.terms import Entry, Partial


@dataclass(frozen=True)
class Second:
    """d x_bar[m]/d y[n] as an equation, and the steps to it."""

    of: str
    by: str
    equation: Equation
    steps: tuple[Step, ...]


def second_derivative(made: Gradients, of: str, by: str) -> Second:
    """The block of the Hessian that belongs to two arrays of a program whose gradients are known.

    Raises ProgramError where a value depends on `by` through a recurrence.
    """
    program = made.primal
    whole = _joined(made)
    steps: list[Step] = []
    equation = _inlined(made[of].equation, by, whole, steps)
    assert isinstance(equation.left, Entry)
    own = copies([part.index for part in program.heads[by].indices if part.index], _letters(equation, program))
    left = Partial(equation.left, Entry(by, tuple(map(integer, own))))
    start = Equation(left, Partial(equation.term, left.by))

    def run(rules: tuple[Rule, ...], equation: Equation) -> Equation:
        equation, found = exhausted(rules, equation, whole)
        steps.extend(found)
        return equation

    equation = run(derivatives.RULES, start)
    open_ones = derivatives.pending(equation.term)
    if open_ones:
        raise derivatives.unsupported(open_ones[0].of)
    equation = run((*sums.NORMALISE, *deltas.ALL), equation)
    equation = run((guards.DISCHARGE,), equation)
    for line in reversed(program.equations):
        found = step(primal.reuse_rule(line), equation, whole)
        if found is not None:
            steps.append(found)
            equation = found.after
    equation = run((sums.PULL_OUT, collecting.COLLECT, collecting.COLLECT_POWERS, collecting.CANCEL), equation)
    shorter, more = _expanded(equation, whole)
    if _length(shorter) < _length(equation):
        steps.extend(more)
        equation = shorter
    return Second(of, by, equation, tuple(steps))


#: Tried together; kept where the formula gets shorter.
_SHORTEN: tuple[Rule, ...] = (collecting.EXPAND, collecting.CANCEL, collecting.COLLECT)


#: An equation that grows beyond this many times its length while it is expanded is left as it was: n sums of two terms
#: in a product are 2^n products.
_ROOM = 3


def _expanded(equation: Equation, program: Program) -> tuple[Equation, list[Step]]:
    """The equation after the rules that may shorten it, and their steps."""
    steps: list[Step] = []
    after, most = equation, _ROOM * _length(equation)
    while made := next((found for each in _SHORTEN if (found := step(each, after, program))), None):
        steps.append(made)
        after = made.after
        if _length(after) > most:
            return equation, []
    return after, steps


def _length(equation: Equation) -> int:
    return sum(1 for _ in terms.walk(equation.term))


def _joined(made: Gradients) -> Program:
    """The forward equations and the adjoints as one program."""
    adjoint = made.adjoint
    inputs = (*(made.primal.heads[name] for name in made.primal.input_names), *made.given.values())
    return Program(inputs, (*made.primal.equations, *adjoint.equations), adjoint.outputs,
                   integers=made.primal.integers)  # fmt: skip


def _inlined(equation: Equation, by: str, program: Program, steps: list[Step]) -> Equation:
    """The equation in which nothing but `by` itself depends on `by`."""
    reads = {line.name: terms.reads(line.term) for line in program.equations}
    depends = {by}
    changed = True
    while changed:
        more = {name for name, read in reads.items() if name not in depends and not read.isdisjoint(depends)}
        depends |= more
        changed = bool(more)
    met: set[str] = set()
    while True:
        inner = next((name for name in terms.reads_in_order(equation.term) if name in depends and name in reads), None)
        if inner is None:
            return equation
        line = program.by_name[inner]
        if (inner in met and inner in terms.reads(line.term)) or _is_recurrent(inner, reads):
            raise ProgramError(f"{inner} is a recurrence; second derivatives through it are not worked out", inner)
        met.add(inner)
        put = cases.inserted(line, equation, program)
        assert put is not None
        steps.append(put)
        equation = put.after


def _is_recurrent(name: str, reads: dict[str, frozenset[str]]) -> bool:
    """Whether a line depends on itself."""
    stack, seen = list(reads[name]), set[str]()
    while stack:
        other = stack.pop()
        if other == name:
            return True
        if other not in seen:
            seen.add(other)
            stack.extend(reads.get(other, ()))
    return False


def _letters(equation: Equation, program: Program) -> list[str]:
    used = {index.name for index in equation.indices} | set(program.heads) | names_of_sizes(program)
    free = [letter for letter in "nqrsuvw" if letter not in used]
    return [*free, *(f"n_{k}" for k in range(1, 9))]
