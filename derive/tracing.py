"""The evaluation trace: an expression, or an author's lines, as a rank-0 Program with one elementary operation a line.

Source of the numbering: A. Griewank, A. Walther, Evaluating Derivatives (2008): inputs v_{1-n} .. v_0, then v_1, ...
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from derive import functions
from derive import tree as t
from derive.collecting import uncollected
from derive.errors import ReadingError, UsageError
from derive.names import node_letter
from derive.program import Elementary, Equation, Program
from derive.regrouping import Regrouping, regroup
from derive.rules.algebra import REGROUP
from derive.step import Step
from derive.tape import Slot, Tape, describe, is_scalar
from derive.tree import Tree


def trace(expression: Any, *, order: Sequence[str] = ()) -> Program:
    """The evaluation trace of a scalar expression, or of several lines `q = x + y`, as a Program.

    expression : text in the plain notation, a tree, a SymPy expression, or lines as `derive.read_program` gives them;
        text with an equals sign or several lines is a program whose lines keep their names.
    order : inputs that come first, in this order; the others follow in order of first appearance.
    Returns a Program in Griewank's numbering (for lines: with the author's names).
    Raises ReadingError for text that cannot be read, UsageError for an expression that is not scalar.
    """
    from derive.lines import is_program, trace_lines
    from derive.reading.programs import ProgramText, read_program
    from derive.reading.reader import read

    if isinstance(expression, Program):
        return expression
    if isinstance(expression, str):
        expression = read_program(expression) if is_program(expression) else read(expression, declared=special(order))
    if isinstance(expression, ProgramText):
        return trace_lines(expression, order=order)
    if not isinstance(expression, t.Operators):
        if not hasattr(expression, "free_symbols"):
            raise UsageError(f"{type(expression).__name__} cannot be traced; give text, a tree or a SymPy expression")
        from derive.reading.from_sympy import tree_from_sympy

        # a Symbol is a variable, also one called pi or e
        symbols = {str(symbol) for symbol in expression.free_symbols}
        constants = {"pi": "Pi", "e": "Exp1"}
        for name in symbols.intersection(constants):
            if any(type(atom).__name__ == constants[name] for atom in expression.atoms()):
                raise UsageError(f"{name} is a symbol and a constant in one expression; rename the symbol")
        order = [*order, *special(sorted(symbols - set(order)))]
        expression = tree_from_sympy(expression)
    return trace_tree(expression, order=order)


def special(names: Iterable[str]) -> list[str]:
    """Those of the names that would mean something else if nobody declared them: pi, e, a function's name."""
    from derive.words import CONSTANTS

    known = {*CONSTANTS, *functions.CALLABLE, *functions.ALIASES, "T"}
    return [name for name in names if name in known]


def trace_tree(tree: Tree, *, order: Sequence[str] = ()) -> Program:
    """The trace of one scalar tree: see `trace`."""
    for node in t.walk(tree):
        if not is_scalar(node):
            message = f"an evaluation trace takes scalar expressions, and {describe(node)} is none"
            if node.at is None:
                raise UsageError(message)
            raise ReadingError(message, line=node.at.line, column=node.at.column, width=node.at.end - node.at.column)
    declared = dict.fromkeys(order)
    for node in t.walk(tree):
        if isinstance(node, t.Name) and node.text not in ("pi", "e"):
            declared.setdefault(node.text)
    read = set(t.names_in(tree))
    remarks = tuple(f"{name} stands in the order and not in the function" for name in declared if name not in read)
    tape = Tape()
    names: dict[str, Slot] = {name: tape.input() for name in declared}
    output = tape.add_tree(tree, names)
    if not isinstance(output, int):  # a constant alone still is a line
        output = tape.push(functions.OPERATIONS["copy"], output)
    return replace(numbered(tape, tuple(names), [output], remarks), written=(tree,))


def numbered(tape: Tape, inputs: Sequence[str], outputs: Sequence[Slot], remarks: tuple[str, ...] = ()) -> Program:
    """The Program of a tape in Griewank's numbering, shared runs regrouped. The tape's first rows are the inputs."""
    with uncollected():
        return _numbered(*regroup(tape, outputs), inputs, remarks)


def _numbered(
    tape: Tape,
    outputs: Sequence[Slot],
    regroupings: Sequence[Regrouping],
    inputs: Sequence[str],
    remarks: tuple[str, ...],
) -> Program:
    count = len(inputs)
    letter = node_letter(inputs)
    if letter != "v":
        remarks = (*remarks, f"the nodes are {letter}_1, {letter}_2, ...: an input is called as the nodes v_1, v_2 are")
    node = {k: f"{letter}_{k + 1 - count}" for k in range(count)}
    equations: list[Equation] = []
    rows = tape.rows
    for number in tape.reached(outputs):
        operation, operands = rows[number]
        if operation is not None:
            node[number] = name = f"{letter}_{len(equations) + 1}"
            equations.append(
                Equation(name, Elementary(operation, tuple([node[k] if isinstance(k, int) else k for k in operands])))
            )
    labels = {node[k]: name for k, name in enumerate(inputs)}
    ends = tuple(dict.fromkeys(node[output] for output in outputs if isinstance(output, int)))
    for end, label in zip(ends, output_labels(len(ends), inputs), strict=True):
        labels.setdefault(end, label)
    program = Program(tuple(node[k] for k in range(count)), tuple(equations), ends, labels, (), remarks).check()
    steps = tuple(filter(None, (_step(regrouping, node, program) for regrouping in regroupings)))
    return replace(program, steps=steps) if steps else program


def output_labels(count: int, taken: Iterable[str]) -> list[str]:
    """y for one output (the first free of y, f, z, w, out), y1, y2, ... for several."""
    used = set(taken)
    if count == 1:
        choices = ["y", "f", "z", "w", "out"]
        return [next((name for name in choices if name not in used), "out_")]
    numbered_in = {name.rstrip("0123456789") for name in used}
    stem = next(stem for stem in ("y", "f", "z", "w", "out_") if stem not in numbered_in)
    return [f"{stem}{k}" for k in range(1, count + 1)]


def _step(regrouping: Regrouping, node: Mapping[int, str], program: Program) -> Step | None:
    """The regrouping of one line as a Step; None where the line reads from left to right as it was written."""
    parts = tuple((sign, t.tree_of(node[k] if isinstance(k, int) else k)) for sign, k in regrouping.written)
    tree = t.Sum(parts) if parts[1][0] in "+-" else t.Product(parts)
    before = Equation(node[regrouping.line], tree)
    after = REGROUP.rewrite(before, program)
    reason = "the same signed terms are needed elsewhere, so they are computed once"
    return None if after is None else Step(REGROUP, reason, (), before, after)
