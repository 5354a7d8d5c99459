"""The tables of a worked trace, as on a sheet: forward, tangent and reverse trace, Jacobian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive import tree as t
from derive.document import Cell, Row, Table
from derive.program import Equation, Program
from derive.tree import Tree
from derive.worked import Worked

EQUALS = Cell("=", relation=True)
EMPTY = Cell()


def number(worked: Worked, value: Any) -> Tree:
    """A value as a printed number."""
    return number_tree(worked.text(value))


def number_tree(text: str) -> Tree:
    negative = text.startswith("-")
    text = text.removeprefix("-")
    body: Tree = t.Number(text) if text[0].isdigit() else t.Name(text)
    return t.Negative(body) if negative else body


def numbers_of(worked: Worked, *tables: Mapping[str, Any]) -> dict[str, Tree]:
    return {name: number(worked, value) for table in tables for name, value in table.items()}


def letter_of(program: Program) -> str:
    """The letter of the nodes: v in most traces, and for an author's own lines."""
    first = next(iter(program.input_names), "")
    return first.partition("_")[0] if program.label(first) != first else "v"


def equation_row(left: Tree, formula: Tree, numbers: Mapping[str, Tree] | None, value: Tree | None, **keys: str) -> Row:
    """left = formula = the formula with numbers = value; what would only repeat is left out."""
    cells = [Cell(left), EQUALS, Cell(formula)]
    if value is None:
        return Row((*cells, EMPTY, EMPTY, EMPTY, EMPTY), **keys)
    filled = t.substituted(formula, numbers or {})
    if filled in (formula, value):
        cells += [EMPTY, EMPTY]
    else:
        cells += [EQUALS, Cell(filled)]
    return Row((*cells, EMPTY, EMPTY) if formula == value else (*cells, EQUALS, Cell(value)), **keys)


def forward_table(worked: Worked) -> Table:
    """The evaluation trace as on a sheet: v_1 = v_-1/v_0 = 1.5/0.5 = 3."""
    program = worked.program
    numbers = numbers_of(worked, worked.values)
    rows = []
    for node in program.input_names:
        label = program.label(node)
        value = numbers.get(node)
        if label == node:
            rows.append(_short_row(t.Name(node), value, node) if value is not None else
                        Row((Cell(t.Name(node)), *[EMPTY] * 5, Cell("input")), node, "forward"))  # fmt: skip
        else:
            rows.append(equation_row(t.Name(node), t.Name(label), None, value, key=node, sweep="forward"))
    for line in program:
        rows.append(
            equation_row(t.Name(line.name), line.tree, numbers, numbers.get(line.name), key=line.name, sweep="forward")
        )
    for output in program.outputs:
        if program.label(output) != output and program.label(output) not in program.input_names:
            rows.append(equation_row(t.Name(program.label(output)), t.Name(output), numbers, numbers.get(output)))
    return Table("The forward (evaluation) trace.", "rclclcl", tuple(rows))


def _short_row(left: Tree, value: Tree, key: str) -> Row:
    return Row((Cell(left), EMPTY, EMPTY, EMPTY, EMPTY, EQUALS, Cell(value)), key, "forward")


def tangent_table(worked: Worked) -> Table:
    """One line a node, one column an input."""
    program, tangent = worked.program, worked.tangent
    if tangent is None:
        raise ValueError("the tangents were not asked for")
    columns = tuple(worked.tangent_values)
    rows = []
    for node in (*(program.input_names if columns else ()), *program.by_name):
        name = tangent.names[node]
        formula = tangent.adjoint.by_name[name].tree if node in program.by_name else None
        cells = [Cell(t.Name(name)), EQUALS if formula is not None else EMPTY, Cell(formula) if formula else EMPTY]
        cells += [Cell(number(worked, worked.tangent_values[column][name])) for column in columns]
        rows.append(Row(tuple(cells), node, "tangent"))
    header = [EMPTY, EMPTY, Cell("tangent")] + [
        Cell(t.Derivative(t.Name(f"{letter_of(program)}_j"), t.Name(program.label(column)))) for column in columns
    ]
    return Table(
        "The tangent trace, one column an input." if columns else "The tangent trace.",
        "rcl" + "r" * len(columns),
        tuple(rows),
        tuple(header),
    )


def reverse_table(worked: Worked, output: str | None = None) -> Table:
    """The adjoints from the output back to the inputs, and the gradient below them."""
    output = output or worked.output
    program, derivation = worked.program, worked.adjoints[output]
    values = worked.adjoint_values.get(output, {})
    numbers = numbers_of(worked, worked.values, values)
    node_for = {bar: node for node, bar in derivation.names.items()}
    rows = []
    for line in derivation.adjoint:
        node = node_for[line.name]
        rows.append(_adjoint_row(worked, line, output, node, numbers))
    label = t.Name(program.label(output))
    for node in program.input_names:
        bar = derivation.names[node]
        rows.append(
            equation_row(t.Derivative(label, t.Name(program.label(node))), t.Name(bar), numbers, numbers.get(bar))
        )
    return Table("The reverse (adjoint) trace.", "rclclcl", tuple(rows))


def _adjoint_row(worked: Worked, line: Equation, output: str, node: str, numbers: Mapping[str, Tree]) -> Row:
    if node == output and not line.source.terms:  # the seed: vbar_6 = ybar = 1
        label = worked.program.label(output)
        seed = t.Name(label + "_bar") if label != node else None
        given = (EQUALS, Cell(seed)) if seed else (EMPTY, EMPTY)
        return Row((Cell(t.Name(line.name)), *given, EMPTY, EMPTY, EQUALS, Cell(t.Number("1"))), node, "reverse")
    return equation_row(t.Name(line.name), line.tree, numbers, numbers.get(line.name), key=node, sweep="reverse")


def jacobian_table(worked: Worked) -> Table:
    """One row an output, one column an input."""
    program = worked.program
    header = [EMPTY] + [Cell(t.Name(program.label(node))) for node in program.input_names]
    rows = []
    for output, derivation in worked.adjoints.items():
        cells = [Cell(t.Name(program.label(output)))]
        for node in program.input_names:
            value = worked.adjoint(node, output)
            cells.append(Cell(t.Name(derivation.names[node]) if value is None else number(worked, value)))
        rows.append(Row(tuple(cells)))
    return Table(
        "The Jacobian, one row an output, one column an input.",
        "l" + "r" * len(program.inputs),
        tuple(rows),
        tuple(header),
    )
