"""Reverse mode: the adjoint Program of a rank-0 Program, and the steps behind each of its lines.

    v_bar_i = sum over the lines j that read v_i of  v_bar_j * (partial of v_j by v_i)

Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.2 (incremental and nonincremental reverse mode).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Union

from derive import tree as t
from derive.collecting import uncollected
from derive.errors import UsageError
from derive.names import adjoint_names
from derive.program import Accumulation, Elementary, Equation, Program, Term
from derive.rules.algebra import REORDER, UNIT
from derive.rules.partials import LOCAL_PARTIAL, REUSE, SEED, SUM_OVER_READERS
from derive.step import Derivation, Rule, Step

#: A rule, the reason why it is used, and what it has to know beside the lines: names that the whole program settles.
Move = Union[tuple[Rule, str], tuple[Rule, str, Any]]


def reverse(program: Program, output: str | None = None) -> Derivation:
    """One reverse sweep: an adjoint line for every node that the output depends on.

    program : a rank-0 Program of elementary lines, as `derive.trace` and `derive.record` give it.
    output : the node or its label; the only output where there is one. With several outputs and none named, every
        output has an open seed NAME_bar, an input of the adjoint Program.
    Returns a Derivation whose adjoint Program has the adjoints of the inputs as outputs.
    """
    require_elementary(program)
    outputs = (node_of(program, output),) if output is not None else program.outputs
    with uncollected():
        return _swept(program, outputs)


def _swept(program: Program, outputs: tuple[str, ...]) -> Derivation:
    """The sweep itself: one look at each operand of each line."""
    bars = adjoint_names([*program.input_names, *program.by_name])
    needed = needed_for(program, outputs)
    active = depending_on_inputs(program)
    terms: dict[str, list[Term]] = {}
    for line in program.equations:
        name = line.name
        if name in needed and name in active:
            bar = bars[name]
            for slot, operand in enumerate(line.source.operands):
                if operand.__class__ is str and operand in active:
                    found = terms.get(operand)
                    if found is None:
                        terms[operand] = [Term(bar, line, slot)]
                    else:
                        found.append(Term(bar, line, slot))
    open_seeds = len(outputs) > 1
    seeds: dict[str, t.Tree | None] = {}
    seed_of: dict[str, str | t.Tree] = {}
    seed_names = adjoint_names(
        [program.label(name) for name in outputs], "bar", taken=[*program.input_names, *program.by_name, *bars.values()]
    )
    for name in outputs:
        if open_seeds:
            seed_of[name] = seed_names[program.label(name)]
            seeds[seed_names[program.label(name)]] = None
        else:
            seed_of[name] = t.Number("1")
            seeds[bars[name]] = t.Number("1")
    lines = [
        Equation(bars[name], Accumulation(tuple(terms.get(name, ())), seed_of.get(name)))
        for name in _in_reverse(program)
        if name in terms or name in seed_of or (name in active and name in program.input_names)
    ]
    inputs = (*program.inputs, *(line.name for line in program.equations), *(seeds if open_seeds else ()))
    adjoint = Program(
        inputs,
        tuple(lines),
        tuple(bars[name] for name in program.input_names),
        {bars[name]: program.label(name) for name in program.input_names},
    )
    one = outputs[0] if len(outputs) == 1 else None
    return Derivation(program, adjoint, "reverse", bars, seeds, one, _steps)


def _in_reverse(program: Program) -> list[str]:
    """The nodes from the last line back to the first input."""
    return [line.name for line in reversed(program.equations)] + list(reversed(program.input_names))


def require_elementary(program: Program) -> None:
    """Raise UsageError where a line is more than one elementary operation."""
    for line in program.equations:
        if line.source.__class__ is not Elementary:
            raise UsageError(
                f"{line.name} is not one elementary operation; derive.trace makes such lines of an expression"
            )


def node_of(program: Program, name: str) -> str:
    """The node that a node name or a label means."""
    if name in program.by_name or name in program.input_names:
        return name
    for node, label in program.labels.items():
        if label == name:
            return node
    from derive.reading.points import nearest

    close = nearest(name, [*program.by_name, *program.labels.values()])
    raise UsageError(f"there is no node {name}" + (f"; did you mean {close}?" if close else ""))


def needed_for(program: Program, outputs: tuple[str, ...]) -> set[str]:
    """The nodes that the outputs read, directly or through others."""
    needed = set(outputs)
    for line in reversed(program.equations):
        if line.name in needed:
            needed.update(operand for operand in line.source.operands if operand.__class__ is str)
    return needed


def depending_on_inputs(program: Program) -> set[str]:
    """The nodes that an input reaches; the others are constants and have no adjoint."""
    active = set(program.input_names)
    for line in program.equations:
        for operand in line.source.operands:
            if operand.__class__ is str and operand in active:
                active.add(line.name)
                break
    return active


def _steps(derivation: Derivation) -> tuple[Step, ...]:
    """For each adjoint line the steps that made it, as sub-steps of one."""
    primal = derivation.primal
    steps: list[Step] = []
    if derivation.output is None:
        return ()
    node_for = {bar: node for node, bar in derivation.names.items()}
    for line in derivation.adjoint:
        node = node_for[line.name]
        start = Equation(line.name, t.Derivative(t.Name(derivation.output), t.Name(node)))
        source = line.source
        if source.seed is not None:
            steps.append(_step(SEED, "the sweep begins here", start, line))
            continue
        readers = tuple(dict.fromkeys(term.line for term in source.terms))
        lines = Program(primal.inputs, readers, ())
        names = " and ".join(reader.name for reader in readers) or "no line"
        moves: list[Move] = [
            (SUM_OVER_READERS, f"{node} is read by {names}", derivation.names),
            (LOCAL_PARTIAL, "each partial is read off the table of elementary derivatives"),
            (REUSE, "the trace holds this value already"),
            (UNIT, "units, quotients and signs are tidied"),
            (REORDER, "a term without a minus sign leads"),
        ]
        steps.append(chained_step(start, line, lines, moves))
    return tuple(steps)


def _step(rule: Rule, reason: str, before: Equation, after: Equation, substeps: tuple[Step, ...] = ()) -> Step:
    return Step(rule, reason, (), before, after, substeps)


def chained_step(start: Equation, end: Equation, lines: Program, moves: Sequence[Move]) -> Step:
    """The step from `start` to `end` made of one sub-step for each rule that changes something.

    lines : the lines of the primal program that the rules speak of.
    """
    substeps: list[Step] = []
    equation = start
    for rule, reason, *known in moves:
        after = rule.rewrite(equation, lines, *known)
        if after is not None:
            substeps.append(_step(rule, reason, equation, after))
            equation = after
    return _step(moves[0][0], moves[0][1], start, end, tuple(substeps))
