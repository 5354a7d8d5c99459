r"""Matrices and cases: environments that are one value, and the conditions that stand beside values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive import tree as t
from derive.reading.latex.syntax import Chain, Table, Term, Token, Total
from derive.tree import Span, Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter


def table_of(reading: Interpreter, table: Table, at: Span) -> Tree:
    if table.environment.endswith("cases"):
        return cases(reading, table, at)
    if table.environment not in ("matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array"):
        raise reading.error(f"the environment {table.environment} is not read as a value", table)
    rows = []
    for row in table.rows:
        cells = [cell for cell in row if cell]
        if cells:
            values = tuple(_cell(reading, cell) for cell in cells)
            rows.append(t.Call("", values, at))
    if not rows:
        raise reading.error("this matrix is empty", table)
    return t.Call("matrix", tuple(rows), at)


def _cell(reading: Interpreter, cell: list[Chain]) -> Tree:
    if len(cell) != 1:
        raise reading.source.error("one value is expected in each cell", cell[0].start, cell[-1].end)
    return reading.expression(cell[0])


def cases(reading: Interpreter, table: Table, at: Span) -> Tree:
    r"""`value & condition`, or `value \text{if} condition`; the value without one comes last."""
    found: list[Tree] = []
    rows = [[cell for cell in row if cell] for row in table.rows]
    rows = [row for row in rows if row]
    for place, row in enumerate(rows):
        value, conditions = _case(reading, row)
        found.append(value)
        if conditions:
            found.append(
                conditions[0] if len(conditions) == 1 else t.Product(tuple(("*", each) for each in conditions), at)
            )
        elif place < len(rows) - 1:
            raise reading.source.error(
                "only the last case may be without a condition", row[0][0].start, row[-1][-1].end
            )
    if not found:
        raise reading.error("there are no cases here", table)
    return t.Call("cases", tuple(found), at)


def _case(reading: Interpreter, row: list[list[Chain]]) -> tuple[Tree, list[Tree]]:
    head, rest = row[0][0], [chain for cell in (row[0][1:], *row[1:]) for chain in cell]
    units = head.sides[0].terms[-1].units
    split = next((k for k, unit in enumerate(units) if type(unit) is Token and unit.kind == "text" and k), None)
    if split is not None:  # value \text{if} condition, in one cell
        value_side = head.sides[0]
        last = value_side.terms[-1]
        condition = _without_first(head, split)
        last.units, last.operators, last.signs = last.units[:split], last.operators[:split], last.signs[:split]
        value = reading.total(value_side)
        rest = [*([condition] if condition else []), *rest]
    elif head.relations:
        raise reading.error("a case is a value & its condition", head)
    else:
        value = reading.total(head.sides[0])
    return value, conditions(reading, rest)


def conditions(reading: Interpreter, chains: Sequence[Chain]) -> list[Tree]:
    r"""Comparisons, each perhaps behind a `\text{if}`; words such as otherwise say nothing."""
    found = []
    for chain in chains:
        rest: Chain | None = chain
        while rest is not None:
            unit = rest.sides[0].terms[0].units[0]
            if type(unit) is not Token or unit.kind != "text":
                break
            rest = _without_first(rest, 0)
        if rest is None:
            continue
        if not rest.relations:
            raise reading.error("a condition compares, as in x > 0", rest)
        found.append(reading.indicator(rest))
    return found


def _without_first(chain: Chain, place: int) -> Chain | None:
    """A chain behind one of the units of its first side's last term."""
    side = chain.sides[0]
    term = side.terms[-1] if place else side.terms[0]
    units = term.units[place + 1 :]
    if not units:
        return None
    rest = Term(units[0])
    rest.units, rest.operators, rest.signs = units, ["*", *term.operators[place + 2 :]], [0, *term.signs[place + 2 :]]
    rest.end = term.end
    total = Total(rest, "+")
    if not place:
        total.terms += side.terms[1:]
        total.signs += side.signs[1:]
    total.end = side.end
    answer = Chain(total)
    answer.sides += chain.sides[1:]
    answer.relations = chain.relations
    answer.end = chain.end
    return answer
