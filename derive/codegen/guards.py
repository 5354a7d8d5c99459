"""A product with a false indicator is 0 whatever its other factors, also in code, where batches hold all cases at once.

[x > 0]*log(x) is emitted as

    t1 = v_1 != 0.0
    t2 = np.where(t1, v_0, 0.5)
    v_2 = np.log(t2)
    v_3 = np.where(t1, v_2, 0.0)

and its sweep goes through the same t2, so that no entry of an array is nan, and none warns. Where a line does not
matter (`derive.codegen.paths`) it is worked out from 0.5, at which every row of the table has a value and a derivative.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from fractions import Fraction
from typing import Any

from derive import tree as t
from derive.arithmetic import FLOATS, violated
from derive.codegen.conditions import ALWAYS, Mask
from derive.codegen.paths import Paths, partly_defined
from derive.functions import Operation, Requirement
from derive.indicators import is_indicator
from derive.program import Accumulation, Elementary, Equation, Operand, merged, partial_tree
from derive.tape import Tape
from derive.tree import Tree


def _chosen(name: str, other: Fraction) -> Operation:
    """The operand where a condition holds, else a number."""
    spelled = f"where({{0}}, {{1}}, {float(other)})"
    return Operation(name, 2, lambda F, mask, u: F.where(mask, u, other), (), f"np.{spelled}", f"torch.{spelled}")


KEPT = _chosen("kept", Fraction(0))
SAFE = _chosen("safe", Fraction(1, 2))


def guarded_value(paths: Paths, tape: Tape, line: Equation, scope: Mapping[str, Any]) -> Any:
    """The value of a line of the trace on the tape."""
    operation, operands = line.source
    mask = paths.counts[line.name]
    placed = [
        _where(paths, tape, SAFE, _doubt(paths, line, slot, mask), operand, scope)
        for slot, operand in enumerate(operands)
    ]
    if operation.name == "copy":
        return placed[0]
    if operation.name == "mul" and line.name not in paths.pure:
        for slot, operand in enumerate(operands):
            if isinstance(operand, str):
                placed[slot] = _where(paths, tape, KEPT, paths.needs(line, slot), placed[slot], scope)
                if operands[1 - slot] in paths.pure:  # which is 1 there
                    return placed[slot]
    return tape.push(operation, *placed)


def guarded_adjoint(
    paths: Paths, tape: Tape, node: str, source: Accumulation, sweep: int, scope: MutableMapping[str, Any]
) -> tuple[Tree, list[Equation]]:
    """The right-hand side of the adjoint line of a node, and the lines it comes from, all of safe operands.

    Safe operands have names of their own, which are put into the scope.
    """
    carries = paths.carries[sweep - 1]
    chosen: dict[str, tuple[Operation, Mask, Operand]] = {}

    def named(row: Operation, mask: Mask, operand: Any) -> Any:
        if not mask:
            return operand
        safe = f"{operand} {row.name} {sorted(mask, key=str)}"
        chosen[safe] = row, mask, operand
        return safe

    parts: list[tuple[str, Equation, tuple[int, ...]]] = []
    for factor, line, slots in _separate(source):
        mask = carries.get(line.name)
        if mask is None or is_indicator(line):
            continue
        operation, operands = line.source
        if any(partly_defined(line, slot) for slot in slots):
            mask = paths.conditions.both(mask, paths.reaches.get(node, ALWAYS))
        safe = tuple(named(SAFE, _doubt(paths, line, slot, mask), operand) for slot, operand in enumerate(operands))
        known = mask <= paths.counts[line.name]
        name = line.name if known else named(SAFE, mask, line.name)
        factor = named(KEPT, paths.needs(line, slots[0]), factor)
        parts.append((factor, Equation(name, Elementary(operation, safe)), slots))
    lines = [line for _, line, _ in parts]
    trees = {line.tree: line.name for line in lines}

    def reused(node: Tree) -> Tree:
        name = trees.get(node)
        return node if name is None else t.Name(name)

    terms = []
    for factor, line, slots in parts:
        operation, operands = line.source
        one = operation.name == "mul" and len(slots) == 1 and operands[1 - slots[0]] in paths.pure
        partial = t.Number("1") if one else partial_tree(line, slots)
        partial = partial if isinstance(partial, (t.Name, t.Number)) else t.transformed(partial, reused)
        terms.append(t.multiply(t.Name(factor), partial))
    tree = t.tidy_sum(terms, source.seed)
    for name in (*t.names_in(tree), *(line.name for line in lines)):
        if name in chosen:
            row, mask, operand = chosen[name]
            scope[name] = _where(paths, tape, row, mask, operand, scope)
    return tree, lines


def _where(paths: Paths, tape: Tape, row: Operation, mask: Mask, operand: Any, scope: Mapping[str, Any]) -> Any:
    """An operand (a name of the scope, a constant, or a value on the tape), as it is where the mask holds."""
    value = scope[operand] if isinstance(operand, str) else operand
    return tape.push(row, paths.conditions.on(tape, mask, scope), value) if mask else value


def _doubt(paths: Paths, line: Equation, slot: int, mask: Mask) -> Mask:
    """The condition under which an operand may be used as it is by a line that matters under the mask.

    What is worked out under that condition is safe elsewhere already, but not for a function that is partly defined.
    """
    operation, operands = line.source
    operand = operands[slot]
    partly = partly_defined(line, slot)
    need = paths.conditions.both(mask, paths.needs(line, slot)) if operation.name == "div" else mask
    if is_indicator(line) or operation.name == "copy" or (operand in paths.pure and not partly):
        return ALWAYS
    if not isinstance(operand, str):
        return need if partly and _outside(line, slot) else ALWAYS
    inside = operand in paths.lines and need <= paths.counts[operand]
    return ALWAYS if inside and not partly else need


def _outside(line: Equation, slot: int) -> bool:
    """Whether a constant operand is one for which the function, or its derivative, may not be defined."""
    operation, operands = line.source
    value = FLOATS.constant(operands[slot])
    for needed in (*operation.value_domain, *operation.derivative_domain):
        if needed.slot == slot:
            whole = Requirement(slot, "positive") if needed.kind == "base" else needed
            if violated(FLOATS, whole, (value,) * len(operands)):
                return True
    return False


def _separate(source: Accumulation) -> Iterator[tuple[str, Equation, tuple[int, ...]]]:
    """The contributions, those of u/u one by one: its operands matter under different conditions."""
    for factor, line, slots in merged(source):
        if line.source.operation.name == "div":
            yield from ((factor, line, (slot,)) for slot in slots)
        else:
            yield factor, line, slots
