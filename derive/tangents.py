"""Forward mode: the tangent Program of a rank-0 Program.

    v_dot_j = sum over the operands i of v_j of  v_dot_i * (partial of v_j by v_i)

One formula a line; each input is a column of numbers, seeded with 1 for itself and 0 for the others.
Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.1.
"""

from __future__ import annotations

from derive import tree as t
from derive.adjoints import Move, chained_step, depending_on_inputs, require_elementary
from derive.names import adjoint_names
from derive.program import Accumulation, Equation, Program, Term
from derive.rules.algebra import REORDER, UNIT
from derive.rules.partials import CONSTANT, LOCAL_PARTIAL, REUSE, SUM_OVER_OPERANDS
from derive.step import Derivation, Step


def forward(program: Program) -> Derivation:
    """The tangent of every line, for open seeds x_dot.

    program : a rank-0 Program of elementary lines.
    Returns a Derivation; the tangents of the inputs are inputs of its Program, those of the outputs its outputs.
    """
    require_elementary(program)
    dots = adjoint_names([*program.input_names, *program.by_name], "dot")
    active = depending_on_inputs(program)
    lines = []
    for line in program.equations:
        if line.name in active:
            terms = tuple(
                Term(dots[operand], line, slot)
                for slot, operand in enumerate(line.source.operands)
                if operand.__class__ is str and operand in active
            )
            lines.append(Equation(dots[line.name], Accumulation(terms)))
        else:
            lines.append(Equation(dots[line.name], Accumulation(())))
    inputs = (
        *program.inputs,
        *(line.name for line in program.equations),
        *(dots[name] for name in program.input_names),
    )
    tangent = Program(
        inputs,
        tuple(lines),
        tuple(dots[name] for name in program.outputs),
        {dots[name]: program.label(name) for name in program.outputs},
    )
    seeds: dict[str, t.Tree | None] = {dots[name]: None for name in program.input_names}
    return Derivation(program, tangent, "forward", dots, seeds, None, _steps)


def _steps(derivation: Derivation) -> tuple[Step, ...]:
    primal = derivation.primal
    active = depending_on_inputs(primal)
    constant = {derivation.names[line.name] for line in primal if line.name not in active}
    steps = []
    for line in primal:
        end = derivation.adjoint.by_name[derivation.names[line.name]]
        start = Equation(end.name, t.Name(end.name))
        lines = Program(primal.inputs, (line,), ())
        reads = " and ".join(line.reads) or "no name"
        moves: list[Move] = [
            (SUM_OVER_OPERANDS, f"{line.name} reads {reads}", derivation.names),
            (LOCAL_PARTIAL, "each partial is read off the table of elementary derivatives"),
            (REUSE, "the trace holds this value already"),
            (CONSTANT, "no input reaches it", constant),
            (UNIT, "units, quotients and signs are tidied"),
            (REORDER, "a term without a minus sign leads"),
        ]
        steps.append(chained_step(start, end, lines, moves))
    return tuple(steps)
