"""An author's own lines as a trace: `q = x + y`, `f = q*z` keep their names, and nothing is regrouped or merged.

The top operation of a line has the line's name; the inner nodes of a compound line are NAME.1, NAME.2, from the leaves
up and from left to right. A number that the author uses, as in a line `f.1 = x`, is skipped.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count

from derive import tree as t
from derive.errors import UsageError
from derive.functions import OPERATIONS
from derive.program import Elementary, Equation, Operand, Program
from derive.reading.programs import ProgramLine, ProgramText
from derive.tape import Slot, Tape, describe, is_scalar
from derive.tree import Tree
from derive.words import CONSTANTS, nearest

_COPY = OPERATIONS["copy"]


def is_program(text: str) -> bool:
    """Whether a text is lines `q = x + y` rather than one expression: an equals sign outside brackets, or two lines.

    As for the reader, an open bracket continues a line over several physical ones.
    """
    joined = "\n".join(line.split("#")[0] for line in text.splitlines())
    depth = 0
    before = ""
    ended = False  # whether a logical line stands before this place
    begun = False
    for place, character in enumerate(joined):
        if ended and not character.isspace():
            return True
        depth = max(depth + (character in "([") - (character in ")]"), 0)
        if character == "=" and not depth and before not in "<>!=:" and joined[place + 1 : place + 2] != "=":
            return True
        begun = begun or not character.isspace()
        ended = ended or (begun and character == "\n" and not depth)
        before = character
    return False


def trace_lines(text: ProgramText, *, order: Sequence[str] = (), listed: bool = False) -> Program:
    """The trace of an author's lines.

    order : inputs that come first; with `listed` they must all be inputs.
    Outputs are the `loss`, where the text names one, else the lines that no other line reads.
    Raises ReadingError at a line that is no scalar equation, UsageError for an unknown name in the order.
    """
    for line in text.lines:
        _require_scalar(line, text)
    if text.upstream:
        raise UsageError(
            "an upstream gradient belongs to index equations; a trace begins with the adjoint 1 of its output"
        )
    scalars = [
        name for name, shape in text.shapes.items() if not shape and name not in {line.name for line in text.lines}
    ]
    # pi and e are inputs where the point or the order gives them as such
    read = {name for line in text.lines for name in t.names_in(line.right)}
    named = [name for name in order if name in CONSTANTS and name in read]
    inputs = list(dict.fromkeys([*text.inputs, *scalars, *named]))
    if listed and (unknown := [name for name in order if name not in inputs]):
        close = nearest(unknown[0], inputs)
        raise UsageError(f"{unknown[0]} is no input" + (f"; did you mean {close}?" if close else ""))
    inputs = list(dict.fromkeys([*(name for name in order if name in inputs), *inputs]))
    equations: list[Equation] = []
    known = {*inputs, *(line.name for line in text.lines)}
    for line in text.lines:
        equations += line_equations(line.name, line.right, known)
    if "pi" in known and any(equation.source.operation.name == "erf" for equation in equations):
        raise UsageError("the derivative of erf needs the constant pi; rename the variable pi")
    needed = {name for line in text.lines for name in line.needs}
    outputs = (text.loss,) if text.loss else tuple(line.name for line in text.lines if line.name not in needed)
    return Program(
        tuple(inputs),
        tuple(equations),
        outputs,
        remarks=text.remarks,
        written=tuple(line.written for line in text.lines),
    ).check()


def line_equations(name: str, tree: Tree, known: Collection[str]) -> list[Equation]:
    """One line as elementary equations, the last of which has the line's name.

    known : the names that have a value, which no inner node takes; pi and e are constants where they are not in it.
    """
    tape = Tape(merge=False)
    names: dict[str, Slot] = {}
    node: dict[int, str] = {}
    for read in t.names_in(tree):
        if read in known or read not in CONSTANTS:
            names[read] = tape.input()
            node[len(tape.rows) - 1] = read
    first = len(tape.rows)
    value = tape.add_tree(tree, names)
    if not isinstance(value, int) or value < first:
        return [Equation(name, Elementary(_COPY, (node[value] if isinstance(value, int) else value,)))]
    equations = []
    free = (inner for k in count(1) if (inner := f"{name}.{k}") not in known)
    for number in range(first, len(tape.rows)):
        operation, operands = tape.rows[number]
        node[number] = name if number == value else next(free)
        given: tuple[Operand, ...] = tuple(node[k] if isinstance(k, int) else k for k in operands)
        if operation is not None:
            equations.append(Equation(node[number], Elementary(operation, given)))
    return equations


def _require_scalar(line: ProgramLine, text: ProgramText) -> None:
    if isinstance(line.left, t.Subscript):
        raise text.error("a trace takes scalar lines, and this is an index equation", line.left)
    for piece in t.walk(line.right):
        if not is_scalar(piece):
            raise text.error(f"a trace takes scalar lines, and {describe(piece)} is no scalar", piece)
    if line.claims:
        raise text.error("a second equals sign: a line of a trace gives one name one value", line.claims[0])
    for name, shape in text.shapes.items():
        if shape and name in (line.name, *line.needs):
            raise text.error(f"a trace takes scalars, and {name} is declared with the shape {shape}", line.left)
