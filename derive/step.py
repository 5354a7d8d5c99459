"""Rule, Step, Derivation: what was rewritten, by which rule, and why.

Both sides of a Step have the same value on every input. A Step is therefore a claim that can be run; whether it *was*
run, and held, is the answer of `derive.checks.steps`, not a field that a rule may set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from derive.program import Equation, Program
from derive.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Rule:
    """A named way to turn one equation into an equal one.

    name : how the step is called beside its line, e.g. "local partial".
    statement : the rule as a sentence that a student can look up.
    rewrite : (equation, program) -> equation, or None where the rule does not apply.
    """

    name: str
    statement: str
    rewrite: Callable[..., Any] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """`before` became `after` by `rule`; `conditions` is what it took, as sentences; `substeps` may be folded away."""

    rule: Rule
    reason: str
    conditions: tuple[str, ...]
    before: Equation
    after: Equation
    substeps: tuple[Step, ...] = ()

    def flat(self) -> Iterator[Step]:
        """This step and all below it, in order of reading."""
        yield self
        for step in self.substeps:
            yield from step.flat()


@dataclass(frozen=True)
class Derivation:
    """A primal Program, the Program of its derivatives, and the steps that lead from one to the other.

    mode : "reverse" (adjoint holds one adjoint per line, from the outputs back) or "forward" (one tangent per line).
    output : the output that is differentiated, or None where the seeds are open.
    names : for each primal name the name of its adjoint or tangent.
    seeds : the derivative names that are given, with their values (a number, or None for an open seed).
    """

    primal: Program
    adjoint: Program
    mode: str
    names: dict[str, str]
    seeds: dict[str, Tree | None]
    output: str | None = None
    make_steps: Callable[[Derivation], tuple[Step, ...]] = field(default=lambda _: (), compare=False, repr=False)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Made when somebody looks: a sweep over 10^5 lines does not pay for them."""
        return self.make_steps(self)

    def _repr_latex_(self) -> str:
        from derive.display import latex_of  # views import the language, so the language asks for them by name

        return latex_of(self)

    def _repr_html_(self) -> str:
        from derive.display import html_of

        return html_of(self)
