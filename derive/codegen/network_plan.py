"""What a network's step computes, in order: the forward lines, the loss, the adjoints, and what is kept between them.

All mathematics comes from `derive.gradients` and named rules: the adjoint of the last layer is collapsed to
(p - y)/N, and where a = relu(z), z > 0 exactly where a > 0, so that z itself need not be kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from derive import terms
from derive.codegen.network_patterns import log_softmax, softmax
from derive.gradients import Gradients, gradients
from derive.integers import IntegerEntry
from derive.program import Equation, Program
from derive.rules import cases, collecting, deltas, guards, primal, sums
from derive.rules.rewriting import Rewrite, exhausted, first_changed, rule
from derive.step import Rule, Step
from derive.terms import Term


class Described(Protocol):
    """What is asked of a network: see derive.subjects.networks.Network."""

    @property
    def name(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, tuple[int, ...]]: ...
    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]: ...
    @property
    def output(self) -> str: ...
    @property
    def program(self) -> Program: ...
    @property
    def labels(self) -> bool: ...
    @property
    def given(self) -> Mapping[str, tuple[int, ...]]: ...
    @property
    def statistics(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Plan:
    """forward, loss, adjoints : equations in the order of computing.  names : array -> its adjoint.

    steps : the rules that were applied after `gradients`.
    """

    program: Program
    forward: tuple[Equation, ...]
    loss: tuple[Equation, ...]
    adjoints: tuple[Equation, ...]
    names: Mapping[str, str]
    steps: tuple[Step, ...]


def plan(network: Described) -> Plan:
    """The equations of the step of a network."""
    program = network.program
    made = gradients(program, list(network.parameters))
    lines = list(program.equations)
    cut = next(place for place, line in enumerate(lines) if line.name == network.output) + 1
    steps: list[Step] = []
    adjoints = []
    skipped: set[str] = set()
    for each in made.lines:
        equation = each.equation
        if each.of == network.output and "q" in made.by_name:
            equation = _collapsed(made, network.output, steps)
            skipped.add(made.names["q"])
        equation, signs = exhausted([sign_rule(line) for line in lines if _relu(line)], equation, made.around)
        steps += signs
        adjoints.append(equation)
    kept = [line for line in adjoints if line.name not in skipped]
    parameters = {made.names[name] for name in network.parameters}
    loss = _by_logarithm(lines[cut:], made.around, steps)
    return Plan(program, tuple(lines[:cut]), loss, _ordered(kept, parameters), made.names, tuple(steps))


def _collapsed(made: Gradients, output: str, steps: list[Step]) -> Equation:
    """The adjoint of the logits with that of the log-probabilities put in: (p - y)/N."""
    program, around = made.primal, made.around
    put = cases.inserted(made["q"].equation, made[output].equation, around)
    assert put is not None
    steps.append(put)
    equation = put.after
    stages: tuple[tuple[Rule, ...], ...] = (
        (*sums.NORMALISE, *deltas.ALL),
        (guards.DISCHARGE, *(labels_rule(name) for name in program.integers)),
        (primal.reuse_rule(program.by_name["p"]),),
        (collecting.COMMON_FACTOR,),
    )
    for rules in stages:
        equation, more = exhausted(rules, equation, around)
        steps += more
    return equation


def labels_rule(array: str) -> Rule:
    """[0 <= y[n] < K] = 1: the forward pass has read the entry of the label, so the label is a class."""

    def is_label(condition: terms.Condition) -> bool:
        return (
            isinstance(condition, terms.Chain)
            and len(condition.sides) == 3
            and isinstance(condition.sides[1].alone, IntegerEntry)
            and condition.sides[1].alone.array == array
            and condition.operators == ("<=", "<")
        )

    def change(node: Term) -> Term | None:
        if isinstance(node, terms.Guard) and any(map(is_label, node.conditions)):
            return terms.guard(*(each for each in node.conditions if not is_label(each)))
        return None

    def rewrite(equation: Equation, program: Program) -> Rewrite | None:
        made = first_changed(equation.term, change)
        return None if made is None else Rewrite(made, "", (f"every entry of {array} is the number of a class",))

    return rule("labels are classes", "a label is the number of one of the classes")(rewrite)


def _relu(line: Equation) -> bool:
    return isinstance(line.term, terms.Apply) and line.term.function == "relu"


def sign_rule(line: Equation) -> Rule:
    """[z > 0] = [relu(z) > 0]."""

    def rewrite(equation: Equation, program: Program) -> Rewrite | None:
        assert isinstance(line.term, terms.Apply) and isinstance(line.left, terms.Entry)
        (inner,) = line.term.arguments
        if not isinstance(inner, terms.Entry):
            return None
        before, after = inner.array, line.left.array

        def change(node: Term) -> Term | None:
            match node:
                case terms.Guard(conditions=(terms.Comparison(sides=(terms.Entry() as one, zero), operators=(">",)),)):
                    if one.array == before and zero == terms.NIL:
                        return terms.guard(terms.Comparison((terms.Entry(after, one.indices), zero), (">",)))
            return None

        made = first_changed(equation.term, change)
        return None if made is None else Rewrite(made)

    return rule("sign of relu", "relu(z) > 0 exactly where z > 0")(rewrite)


def _by_logarithm(lines: Sequence[Equation], around: Program, steps: list[Step]) -> tuple[Equation, ...]:
    """The loss first; then the softmax, from its logarithm, which nothing else needs any more."""
    rules = [softmax_rule(line) for line in lines if log_softmax(line)]
    first: list[Equation] = []
    last: list[Equation] = []
    for line in lines:
        changed, made = exhausted(rules, line, around) if softmax(line) else (line, [])
        (last if made else first).append(changed)
        steps += made
    return (*first, *last)


def softmax_rule(line: Equation) -> Rule:
    """exp(z)/s = exp(q) where q = z - log(s)."""

    def rewrite(equation: Equation, program: Program) -> Rewrite | None:
        assert isinstance(line.left, terms.Entry)
        if softmax(equation) != log_softmax(line):
            return None
        return Rewrite(terms.Apply("exp", (terms.entry(line.left.array, *equation.indices),)))

    return rule("softmax by its logarithm", "exp(z)/s = exp(z - log(s))")(rewrite)


def _ordered(adjoints: Sequence[Equation], parameters: set[str]) -> tuple[Equation, ...]:
    """Gradients of parameters as soon as what they read is there: then that is dead soonest."""
    own = {line.name for line in adjoints}
    chain = [line for line in adjoints if line.name not in parameters]
    waiting = [line for line in adjoints if line.name in parameters]
    done: set[str] = set()
    result: list[Equation] = []
    for line in chain:
        result.append(line)
        done.add(line.name)
        ready = [each for each in waiting if (terms.reads(each.term) & own) <= done]
        result += ready
        waiting = [each for each in waiting if each not in ready]
    return (*result, *waiting)
