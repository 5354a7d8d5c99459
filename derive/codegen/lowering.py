"""A program and its sweeps as an ordered list of named code lines in which nothing is computed twice.

Every line of the trace and every adjoint line becomes one line of code under its own name. All right-hand sides are
pushed on one tape, which numbers equal values alike; what is used once is written into the line that uses it, what is
used more often stands on a line of its own before (t1, t2, ...). Lines that no result needs are left out.

Two things are computed otherwise than they are printed: the derivative of u/w by w goes through the quotient itself
(the rule QUOTIENT), and products with an indicator are guarded (`derive.codegen.guards`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Union

from derive import tree as t
from derive.adjoints import require_elementary, reverse
from derive.codegen.guards import guarded_adjoint, guarded_value
from derive.codegen.paths import Paths
from derive.errors import UsageError
from derive.functions import Operation
from derive.indicators import has_indicators
from derive.program import Accumulation, Elementary, Equation, Program
from derive.rules.partials import QUOTIENT
from derive.step import Derivation
from derive.tape import Slot, Tape
from derive.tree import Tree


class Applied(NamedTuple):
    """An operation on expressions, inlined into a line."""

    operation: Operation
    operands: tuple[Expression, ...]


#: The name of an earlier line or input, a constant, or an operation on such.
Expression = Union[str, Tree, Applied]

#: Expressions are cut in two where they would be longer than this many characters, so that lines stay readable.
WIDEST = 64


@dataclass(frozen=True, slots=True)
class CodeLine:
    """`name = value`.

    cites : the line of the trace or of the sweep it computes; None for a shared subexpression.
    used_in : for a shared subexpression, the lines that use it.
    like : for a constant that stands for an adjoint, the node whose shape it takes.
    """

    name: str
    value: Expression
    cites: Equation | None
    used_in: tuple[str, ...] = ()
    like: str = ""


@dataclass(frozen=True)
class Lowered:
    """What a code printer prints.

    primal, sweeps : the lines of the trace, and those of the reverse sweep of each output.
    outputs : names of the values.  gradients : for each output the names of its derivatives; empty for values only.
    constant : outputs that depend on no input, and so need to be given the shape of one.
    """

    program: Program
    primal: tuple[CodeLine, ...]
    sweeps: tuple[tuple[CodeLine, ...], ...]
    outputs: tuple[str, ...]
    gradients: tuple[tuple[str, ...], ...]
    constant: frozenset[str]

    @property
    def lines(self) -> Iterator[CodeLine]:
        yield from self.primal
        for sweep in self.sweeps:
            yield from sweep


class OperationCounts(NamedTuple):
    """Elementary operations of the function, and of the reverse sweep alone."""

    function: int
    gradient: int


@dataclass(slots=True)
class _Line:
    """A line on its way to code: `names` are what the equation's own names are called in the code."""

    key: str
    equation: Equation
    tree: Tree
    names: Mapping[str, str]
    sweep: int
    like: str = ""
    slot: Slot = 0

    def reads(self) -> list[str]:
        return [self.names.get(name, name) for name in t.names_in(self.tree)]


def lower(target: Program | Derivation, *, gradient: bool = True) -> Lowered:
    """The code lines of a program and one reverse sweep an output, or of a derivation's own sweep.

    gradient : False for the values alone.
    Raises UsageError for a program that is not made of elementary lines, and for a forward sweep.
    """
    program, sweeps = _sweeps_of(target)
    outputs = tuple(sweep.output or "" for sweep in sweeps)
    sweeps = sweeps if gradient else []
    lines, gradients = _all_lines(program, sweeps)
    wanted = [*outputs, *(name for names in gradients for name in names)]
    lines = _needed(lines, wanted)
    paths = Paths(program, outputs, outputs if gradient else ()) if has_indicators(program) else None
    if paths is not None:
        place = {name: place for place, name in enumerate(paths.order)}
        lines.sort(key=lambda line: (line.sweep, 0 if line.sweep else place[line.key]))
    tape, slots = _numbered(program, lines, paths)
    built = _built(program, lines, tape, slots, paths)
    built = _used(built, wanted)
    known = set(program.input_names)
    for _, line in built:
        if any(name in known for name in names_in(line.value)):
            known.add(line.name)
    return Lowered(
        program,
        tuple(line for sweep, line in built if sweep == 0),
        tuple(tuple(line for sweep, line in built if sweep == number) for number in range(1, len(sweeps) + 1)),
        outputs,
        tuple(gradients),
        frozenset(outputs).difference(known),
    )


def operation_counts(derivation: Derivation) -> OperationCounts:
    """How many elementary operations the function takes, and how many the reverse sweep takes beyond them.

    Counted as the code computes them, equal operations once: copies, constants, seeds and the signs of literals are no
    operations, nor are the conditions under which a product with an indicator counts.
    """
    program, sweeps = _sweeps_of(derivation)
    outputs = tuple(sweep.output or "" for sweep in sweeps)
    lines, gradients = _all_lines(program, sweeps)
    lines = _needed(lines, [*outputs, *(name for names in gradients for name in names)])
    tape, slots = _numbered(program, lines, None)
    function = set(_operations(tape, [slots[name] for name in outputs]))
    everything = _operations(tape, [*(line.slot for line in lines), *(slots[name] for name in outputs)])
    return OperationCounts(len(function), len(set(everything).difference(function)))


def _operations(tape: Tape, ends: Iterable[Slot]) -> list[int]:
    return [number for number in tape.reached(ends) if tape.rows[number][0] is not None]


def names_in(value: Expression) -> Iterator[str]:
    """The names an expression reads."""
    stack: list[Expression] = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, Applied):
            stack.extend(reversed(part.operands))


def _sweeps_of(target: Program | Derivation) -> tuple[Program, list[Derivation]]:
    """The primal program and one reverse sweep for each output that is differentiated."""
    if isinstance(target, Derivation):
        if target.mode != "reverse":
            raise UsageError("code is made of reverse sweeps; give derive.reverse(program), or the program itself")
        if target.output is not None:
            return target.primal, [target]
        target = target.primal  # open seeds: one sweep an output
    require_elementary(target)
    return target, [reverse(target, output) for output in target.outputs]


def _all_lines(program: Program, sweeps: list[Derivation]) -> tuple[list[_Line], list[tuple[str, ...]]]:
    """Primal lines, then those of each sweep; and the names of the derivatives by the inputs."""
    lines = [_Line(line.name, line, line.tree, {}, 0) for line in program]
    taken = {*program.input_names, *program.by_name}
    gradients: list[tuple[str, ...]] = []
    for number, derivation in enumerate(sweeps, 1):
        names: dict[str, str] = {}
        if len(sweeps) > 1:  # the sweeps use the same names; in the code each has its own
            for name in derivation.names.values():
                names[name] = fresh = _fresh(f"{name}_{program.label(derivation.output or '')}", taken)
                taken.add(fresh)
        node_for = {bar: node for node, bar in derivation.names.items()}
        for line in derivation.adjoint:
            node = node_for[line.name]
            lines.append(_Line(names.get(line.name, line.name), line, line.tree, names, number, node))
        gradients.append(tuple(names.get(bar, bar) for bar in map(derivation.names.__getitem__, program.input_names)))
    return lines, gradients


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _needed(lines: list[_Line], wanted: Iterable[str]) -> list[_Line]:
    """The lines that the wanted names need."""
    needed = set(wanted)
    kept = []
    for line in reversed(lines):
        if line.key in needed:
            kept.append(line)
            needed.update(line.reads())
    return kept[::-1]


def _pushed(tape: Tape, line: _Line, scope: dict[str, Any], paths: Paths | None) -> Any:
    """The value of a line on the tape, whose numbers (or pieces of code) the scope holds."""
    equation = line.equation
    source = equation.source
    if isinstance(source, Elementary):
        if paths is not None:
            return guarded_value(paths, tape, equation, scope)
        operands = [scope[operand] if isinstance(operand, str) else operand for operand in source.operands]
        return operands[0] if source.operation.name == "copy" else tape.push(source.operation, *operands)
    tree, readers = line.tree, [term.line for term in source.terms] if isinstance(source, Accumulation) else []
    if paths is not None and readers:
        tree, readers = guarded_adjoint(paths, tape, line.like, source, line.sweep, scope)
    if any(reader.source.operation.name == "div" for reader in readers):
        lines = Program((), tuple(readers), ())
        shorter = QUOTIENT.rewrite(Equation(equation.name, tree), lines)
        tree = tree if shorter is None else shorter.tree
    return tape.add_tree(tree, scope)


def _numbered(program: Program, lines: list[_Line], paths: Paths | None) -> tuple[Tape, dict[str, Slot]]:
    """All lines on one tape. A line that is a constant has a number of its own, so that it is called by its name."""
    tape = Tape()
    slots: dict[str, Slot] = {name: tape.input() for name in program.input_names}
    scope: dict[str, Slot] = slots
    sweep = 0
    for line in lines:
        if line.sweep != sweep and line.names:
            sweep, scope = line.sweep, dict(slots)
        slot = _pushed(tape, line, scope, paths)
        line.slot = slot if isinstance(slot, int) else tape.input()
        slots[line.key] = line.slot
        scope[line.equation.name] = line.slot
    return tape, slots


def _built(
    program: Program, lines: list[_Line], tape: Tape, slots: Mapping[str, Slot], paths: Paths | None
) -> list[tuple[int, CodeLine]]:
    """Code lines with the number of their sweep, shared subexpressions before the first line that uses them."""
    uses: dict[int, int] = {}
    for number in tape.reached(line.slot for line in lines):
        for operand in tape.rows[number][1]:
            if isinstance(operand, int):
                uses[operand] = uses.get(operand, 0) + 1
    for line in lines:
        if isinstance(line.slot, int):
            uses[line.slot] = uses.get(line.slot, 0) + 1
    writer = _Writer(tape, uses, {*slots, *(line.equation.name for line in lines)}, paths)
    pieces: dict[str, Any] = {}
    for name in program.input_names:
        pieces[name] = writer.named(slots[name], name)
    scope, sweep = pieces, 0
    for line in lines:
        if line.sweep != sweep and line.names:
            sweep, scope = line.sweep, dict(pieces)
        value = writer.written(line, scope)
        pieces[line.key] = scope[line.equation.name] = writer.named(line.slot, line.key)
        writer.done.append((line.sweep, CodeLine(line.key, value, line.equation, like=line.like)))
    return writer.done


class _Piece(NamedTuple):
    """A value on the tape, and how it is written."""

    slot: int
    value: Expression
    length: int


class _Writer(Tape):
    """Walks the lines once more as the tape did, and makes expressions: a name where the value has one already.

    What a line reads by name keeps that name, also where another name has the same value.
    """

    __slots__ = ("called", "count", "done", "paths", "root", "sweep", "taken", "tape", "uses")

    def __init__(self, tape: Tape, uses: Mapping[int, int], taken: set[str], paths: Paths | None) -> None:
        super().__init__()
        self.tape, self.uses, self.taken, self.paths = tape, uses, taken, paths
        self.called: dict[int, str] = {}
        self.done: list[tuple[int, CodeLine]] = []
        self.count = 0
        self.root: Slot = 0
        self.sweep = 0

    def named(self, slot: Slot, name: str) -> _Piece:
        """A piece that is a name; the first name of a value is the one that shared subexpressions are called by."""
        assert isinstance(slot, int)  # _numbered gives every line a number
        self.called.setdefault(slot, name)
        return _Piece(slot, name, len(name))

    def written(self, line: _Line, scope: dict[str, Any]) -> Expression:
        """The right-hand side of a line; what must stand on a line of its own is appended to `done`."""
        self.root, self.sweep = line.slot, line.sweep
        piece = _pushed(self, line, scope, self.paths)
        return piece.value if isinstance(piece, _Piece) else piece

    def push(self, operation: Operation, *operands: Any) -> Any:
        """As `Tape.push`, on pieces."""
        number = self.tape.push(operation, *(part.slot if isinstance(part, _Piece) else part for part in operands))
        if number in self.called:
            name = self.called[number]
            return _Piece(number, name, len(name))
        parts = [part if isinstance(part, _Piece) else _Piece(-1, part, _length(part)) for part in operands]
        while sum(part.length for part in parts) > WIDEST:
            place = max(range(len(parts)), key=lambda k: parts[k].length * isinstance(parts[k].value, Applied))
            if not isinstance(parts[place].value, Applied):
                break
            parts[place] = self._hoisted(parts[place])
        length = sum(part.length for part in parts) + len(operation.numpy.format("", "")) + 2 * bool(operation.infix)
        piece = _Piece(number, Applied(operation, tuple(part.value for part in parts)), length)
        if number != self.root and self.uses.get(number, 0) > 1:
            return self._hoisted(piece)
        return piece

    def _hoisted(self, piece: _Piece) -> _Piece:
        """The piece on a line of its own: t1, t2, ..., names that nobody else uses."""
        self.count += 1
        while f"t{self.count}" in self.taken:
            self.count += 1
        name = f"t{self.count}"
        self.done.append((self.sweep, CodeLine(name, piece.value, None)))
        return self.named(piece.slot, name)


def _length(constant: Tree) -> int:
    return sum(len(node.text) if isinstance(node, (t.Number, t.Name)) else 2 for node in t.walk(constant))


def _used(lines: list[tuple[int, CodeLine]], wanted: Iterable[str]) -> list[tuple[int, CodeLine]]:
    """Without lines nobody reads (their value is called by another name); shared lines told where they are used."""
    readers: dict[str, list[str]] = {}
    needed = set(wanted)
    kept: list[tuple[int, CodeLine]] = []
    for sweep, line in reversed(lines):
        if line.name not in needed:
            continue
        for name in names_in(line.value):
            needed.add(name)
            users = readers.setdefault(name, [])
            if line.name not in users[-1:]:
                users.append(line.name)
        if line.like and isinstance(line.value, t.Operators):
            needed.add(line.like)
        if line.cites is None:
            line = CodeLine(line.name, line.value, None, tuple(reversed(readers[line.name])))
        kept.append((sweep, line))
    return kept[::-1]
