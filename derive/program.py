"""Equation and Program: an ordered list of equations, each name given one value.

A scalar evaluation trace is the rank-0 case; an MLP layer and a convolution are the same thing with indices. A rank-0
equation holds its operation and operands and makes SymPy objects and trees only when somebody looks: that keeps a
trace of 10^5 lines cheap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from derive import functions, terms
from derive import tree as t
from derive.errors import ProgramError
from derive.functions import Operation
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.integers import Index
    from derive.step import Step

#: What an elementary operation reads: the name of a line, or a constant such as 2, 1/3, pi (a tree without names).
Operand = Union[str, Tree]


class Elementary(NamedTuple):
    """One operation on names and constants: `v_4 = v_1 - v_3`."""

    operation: Operation
    operands: tuple[Operand, ...]


class Term(NamedTuple):
    """factor * (partial derivative of `line` by its operand number `slot`): one contribution to a derivative.

    In a reverse sweep the factor is the adjoint of `line`, in a forward sweep the tangent of the operand.
    """

    factor: str
    line: Equation
    slot: int


class Accumulation(NamedTuple):
    """A sum of contributions, after a seed where there is one: the right-hand side of an adjoint or tangent line."""

    terms: tuple[Term, ...]
    seed: Operand | None = None


#: What stands to the right: an operation, contributions, a tree as the author wrote it, or a SymPy expression.
Source = Union[Elementary, Accumulation, Tree, Any]


class Equation:
    """`lhs = rhs`, immutable.

    lhs : a name, a SymPy Symbol, or an Indexed whose base has a shape (the extents of its indices, 0 to extent - 1).
    rhs : a SymPy expression; or an Elementary, Accumulation or tree, of which `rhs` makes the expression when read.
    written : what the author typed, with positions, or None.

    Equal when name and right-hand side are equal.
    """

    __slots__ = ("_lhs", "source", "written")

    def __init__(self, lhs: Any, rhs: Source, written: Tree | None = None) -> None:
        put = object.__setattr__
        put(self, "_lhs", lhs)
        put(self, "source", rhs)
        put(self, "written", written)

    if TYPE_CHECKING:
        source: Any  # a Source; which kind, the reader of a line knows
        written: Tree | None
        _lhs: Any

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Equation is immutable; make a new one instead of setting {name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Equation):
            return NotImplemented
        if self.is_indexed or other.is_indexed:  # indices are objects; SymPy has no part in it
            return bool(self._lhs == other._lhs and self.source == other.source)
        return self.name == other.name and bool(self.source == other.source or self.rhs == other.rhs)

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return Equation, (self._lhs, self.source, self.written)

    def __repr__(self) -> str:
        from derive.plain import formula

        if self.is_indexed:
            from derive.writing import tree_of_term

            return f"Equation({formula(tree_of_term(self._lhs))} = {formula(self.tree)})"
        return f"Equation({self.name} = {formula(self.tree)})"

    @property
    def is_indexed(self) -> bool:
        """Whether it is an equation between index terms (derive.terms); else it is a line of a scalar trace."""
        return isinstance(self.source, terms.Arithmetic)

    @property
    def term(self) -> terms.Term:
        """The right-hand side of an index equation."""
        return self.source  # type: ignore[no-any-return]

    @property
    def left(self) -> terms.Entry | terms.Partial:
        """The left-hand side of an index equation: an entry at free indices, or a partial derivative of one."""
        return self._lhs  # type: ignore[no-any-return]

    @property
    def indices(self) -> tuple[Index, ...]:
        """The free indices of an index equation, in order; their domains are the shape of the left side."""
        sides = (self.left.of, self.left.by) if isinstance(self.left, terms.Partial) else (self.left,)
        return tuple(
            index for side in sides if isinstance(side, terms.Entry) for part in side.indices for index in part.indices
        )

    @property
    def name(self) -> str:
        """The name that is given a value."""
        lhs = self._lhs
        return lhs if isinstance(lhs, str) else name_of(lhs)

    @property
    def lhs(self) -> Any:
        """The left-hand side as SymPy object: Symbol (rank 0) or Indexed."""
        if isinstance(self._lhs, str):
            import sympy  # half a second: only when somebody looks

            return sympy.Symbol(self._lhs, real=True)
        if self.is_indexed:
            from derive.reading.from_terms import sympy_of_term  # only when somebody looks

            return sympy_of_term(self._lhs)
        return self._lhs

    @property
    def rhs(self) -> Any:
        """The right-hand side as SymPy expression, made when read."""
        if self.is_indexed:
            from derive.reading.from_terms import sympy_of_term  # only when somebody looks

            return sympy_of_term(self.source)
        if is_lazy(self.source):
            from derive.reading.expressions import to_sympy  # only when somebody looks: SymPy costs half a second

            return to_sympy(self.tree)
        return self.source

    @property
    def tree(self) -> Tree:
        """The right-hand side as a tree, in the order in which it is to be printed."""
        source = self.source
        if self.is_indexed:
            from derive.writing import tree_of_term  # only when somebody looks

            return tree_of_term(source, free=self.indices)
        if isinstance(source, Elementary):
            return functions.operation_tree(source.operation, tuple(map(t.tree_of, source.operands)))
        if isinstance(source, Accumulation):
            return accumulated(source)
        if isinstance(source, t.Operators):
            return source  # type: ignore[return-value]
        if self.written is not None:
            side = self.written
            return side.sides[1] if isinstance(side, t.Relation) else side
        from derive.reading.from_sympy import tree_from_sympy  # views of an expression nobody typed

        return tree_from_sympy(source)

    @property
    def reads(self) -> tuple[str, ...]:
        """The names on the right, in order of first appearance."""
        source = self.source
        if self.is_indexed:
            return terms.reads_in_order(source)
        if isinstance(source, Elementary):
            return tuple(dict.fromkeys(operand for operand in source.operands if isinstance(operand, str)))
        if isinstance(source, Accumulation):
            seen: dict[str, None] = {source.seed: None} if isinstance(source.seed, str) else {}
            for factor, line, _ in source.terms:
                seen.setdefault(factor)
                for name in line.reads:
                    seen.setdefault(name)
                seen.setdefault(line.name)
            return tuple(seen)
        if isinstance(source, t.Operators):
            return t.names_in(source)  # type: ignore[arg-type]
        from derive.symbolic import names_read  # only for what is given as SymPy objects

        return names_read(source)


def is_lazy(source: Source) -> bool:
    return isinstance(source, (Elementary, Accumulation, t.Operators))


def partial_tree(line: Equation, slots: tuple[int, ...]) -> Tree:
    """The partial derivative of an elementary line by the operand that stands at `slots`, as a formula of names."""
    operation, operands = line.source
    trees = tuple(map(t.tree_of, operands))
    partials = [t.tree_of(operation.partials[slot](functions.TREES, *trees, t.Name(line.name))) for slot in slots]
    if len(partials) == 2 and partials[0] == partials[1]:
        return t.multiply(2, partials[0])  # x*x
    total: Tree = t.Number("0")
    for partial in partials:
        total = t.add(total, partial)
    return total


def merged(source: Accumulation) -> list[tuple[str, Equation, tuple[int, ...]]]:
    """The contributions, those of one line by the same name taken together: x*x has the partial x + x."""
    slots: dict[tuple[str, str], tuple[str, Equation, tuple[int, ...]]] = {}
    for factor, line, slot in source.terms:
        earlier = slots.get((factor, line.name))
        slots[factor, line.name] = (factor, line, (*earlier[2], slot) if earlier else (slot,))
    return list(slots.values())


def accumulated(source: Accumulation) -> Tree:
    """The sum of contributions as a formula; what one of the lines has computed already is called by its name.

    Terms stand in the order of the lines they come from; a first term with a minus sign changes places with the first
    that has none.
    """
    known = {line.tree: line.name for _, line, _ in source.terms}

    def named(node: Tree) -> Tree:
        name = known.get(node)
        return node if name is None else t.Name(name)

    terms = []
    for factor, line, slots in merged(source):
        partial = partial_tree(line, slots)
        if not isinstance(partial, (t.Name, t.Number)):
            partial = t.transformed(partial, named)
        terms.append(t.multiply(t.Name(factor), partial))
    return t.tidy_sum(terms, source.seed)


@dataclass(frozen=True)
class Program:
    """Inputs, equations in an order in which each reads only what stands before it, and outputs.

    inputs : names (rank 0), or SymPy Symbols and Indexed with a shape.
    labels : node -> what the author calls it: {"v_-1": "x1", "v_6": "y"}. Empty where nodes keep their names.
    steps : what was rewritten on the way from the author's text to these equations.
    remarks : what a reader must know, such as a branch that was recorded as taken.
    written : the author's own text as trees, one an output or line; empty where nobody typed it.
    branches : what must hold at a point for the program to be the function that was recorded.

    Of index equations only:
    integers : names whose values are whole numbers (labels, sizes of layers).
    upstream : output -> name of the gradient that comes down to it; a loss has none.
    """

    inputs: tuple[Any, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    remarks: tuple[str, ...] = ()
    written: tuple[Tree, ...] = ()
    branches: tuple[Branch, ...] = ()
    integers: frozenset[str] = frozenset()
    upstream: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def is_indexed(self) -> bool:
        return any(equation.is_indexed for equation in self.equations)

    @cached_property
    def heads(self) -> dict[str, terms.Entry]:
        """Of index equations: every array at its own indices, whose domains are its shape; scalars at none."""
        found = {name_of(each): each if isinstance(each, terms.Entry) else terms.Entry(each) for each in self.inputs}
        lefts = {equation.name: equation.left for equation in self.equations if equation.is_indexed}
        return found | {name: left for name, left in lefts.items() if isinstance(left, terms.Entry)}

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        return tuple(map(name_of, self.inputs))

    @cached_property
    def by_name(self) -> dict[str, Equation]:
        return {equation.name: equation for equation in self.equations}

    def label(self, name: str) -> str:
        """The author's name of a node, or the node's own."""
        return self.labels.get(name, name)

    def __iter__(self) -> Iterator[Equation]:
        return iter(self.equations)

    def __len__(self) -> int:
        return len(self.equations)

    def check(self) -> Program:
        """Answer the program itself if it is one; else raise ProgramError that names equation, index and numbers.

        Every name has one value and is read after it is given; indices are bound, appear once on the left, and stay
        inside the domains of what they read.
        """
        together = self._read_together()
        place: dict[str, int] = {}
        for name in self.input_names:
            if name in place:
                raise ProgramError(f"{name} is declared twice as an input; rename one of them", name)
            place[name] = 0
        for number, equation in enumerate(self.equations, 1):
            name = equation.name
            if name in place:
                both = f"by equations {place[name]} and {number}"
                earlier = both if place[name] else f"as an input and by equation {number}"
                raise ProgramError(f"{name} is given two values, {earlier}; rename one of them", name)
            for read in equation.reads:
                if read not in place and read not in together.get(name, ()):
                    self._unbound(read, name, number)
            place[name] = number
        for output in self.outputs:
            if output not in place:
                raise ProgramError(f"the output {output} is given no value by any equation", output)
        if any(equation.is_indexed for equation in self.equations):
            from derive.index import check_indices  # it reads programs, so the program asks for it by name

            check_indices(self)
        return self

    def _read_together(self) -> dict[str, tuple[str, ...]]:
        """Name -> the names of its recurrence, which it may read before they have a value."""
        if not self.is_indexed:
            return {}
        from derive.recurrence import recurrences  # it reads equations, so the program asks for it by name

        lines = [equation for equation in self.equations if equation.is_indexed]
        return {name: each.names for each in recurrences(lines) for name in each.names}

    def _unbound(self, read: str, name: str, number: int) -> None:
        later = next((k for k, other in enumerate(self.equations, 1) if other.name == read), None)
        if later is None:
            raise ProgramError(f"equation {number} ({name}) reads {read}, which has no value", read)
        if later == number:
            raise ProgramError(f"equation {number} gives {name} a value from {name} itself", read)
        raise ProgramError(f"equation {number} ({name}) reads {read} before equation {later} gives it a value", read)

    def _repr_latex_(self) -> str:
        from derive.display import latex_of  # views import the language, so the language asks for them by name

        return latex_of(self)

    def _repr_html_(self) -> str:
        from derive.display import html_of

        return html_of(self)


@dataclass(frozen=True, slots=True)
class Branch:
    """A comparison that was `taken` (true or false) while a function was recorded.

    sides : a Program of the same inputs with two outputs, left and right.  comparison : one of < <= > >= = !=.
    """

    sides: Program
    comparison: str
    taken: bool
    sentence: str


def name_of(target: Any) -> str:
    """The name of an input: a string itself, a Symbol's name, an Indexed's base."""
    if isinstance(target, str):
        return target
    if isinstance(target, terms.Entry):
        return target.array
    if isinstance(target, terms.Partial):
        return f"d{name_of(target.of)}_d{name_of(target.by)}"
    return str(target.base.label if hasattr(target, "base") else target.name)


def lines_of(program: Program) -> Iterable[tuple[str, Equation | None]]:
    """Every node in order: inputs (with None), then equations."""
    for name in program.input_names:
        yield name, None
    for equation in program.equations:
        yield equation.name, equation
