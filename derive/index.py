"""How far an integer expression reaches over the domains of its indices, and what an index program must not read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from derive.errors import ProgramError
from derive.integers import (
    ZERO,
    Atom,
    Extreme,
    Floor,
    Index,
    Integer,
    IntegerEntry,
    Size,
    extreme,
    floor,
    integer,
    parts,
)
from derive.program import Equation, Program
from derive.terms import (
    Chain,
    Comparison,
    Condition,
    Divides,
    Entry,
    Guard,
    Mul,
    Partial,
    Reduce,
    Term,
    Winner,
    children,
    integers_in,
)

#: The domain of an index: its least value, and one above its largest.
Domain = Callable[[Index], tuple[Integer, Integer]]


def own_domain(index: Index) -> tuple[Integer, Integer]:
    return index.lower, index.stop


# --- ends and signs ---------------------------------------------------------------------------------------------------


def ends(expression: Integer, domain: Domain = own_domain) -> tuple[Integer | None, Integer | None]:
    """The least and the greatest value over the domains of the indices, as expressions of sizes; both are reached.

    None for an end that is not known: the sign of a coefficient is not, or an array of integers is read.
    """
    return _end(expression, False, domain), _end(expression, True, domain)


def _end(expression: Integer, upper: bool, domain: Domain) -> Integer | None:
    while (atom := _innermost(expression, domain)) is not None:
        split = expression.linear(atom)
        if split is None:
            return None
        coefficient, rest = split
        if not isinstance(atom, Index) and set(integer(atom).indices) & {*rest.indices, *coefficient.indices}:
            return None  # the ends of the two parts need not be reached together
        least = _end(coefficient, False, domain)
        if least is not None and is_nonnegative(least):
            towards_upper = upper
        else:
            greatest = _end(coefficient, True, domain)
            if greatest is None or not is_nonnegative(-greatest):
                return None
            towards_upper = not upper
        value = _end_of_atom(atom, towards_upper, domain)
        if value is None:
            return None
        expression = coefficient * value + rest
    return expression


def _innermost(expression: Integer, domain: Domain) -> Atom | None:
    """What is to be replaced by its end next: an index on which no other's domain depends; None where all are sizes."""
    atoms = dict.fromkeys(atom for monomial in expression.terms for atom in monomial if not isinstance(atom, Size))
    for atom in atoms:
        if not integer(atom).indices:
            continue  # a number that is only named: a quotient of sizes, a rank-0 integer
        if not isinstance(atom, Index):
            return atom
    indices = [atom for atom in atoms if isinstance(atom, Index)]
    for index in indices:
        if not any(index in end.indices for other in indices if other is not index for end in domain(other)):
            return index
    return indices[0] if indices else None


def _end_of_atom(atom: Atom, upper: bool, domain: Domain) -> Integer | None:
    match atom:
        case Index():
            lower, stop = domain(atom)
            return stop - 1 if upper else lower
        case Floor(numerator=numerator, denominator=denominator) if not denominator.indices:
            end = _end(numerator, upper, domain)
            return None if end is None else floor(end, denominator)
        case Extreme(operator=operator, arguments=arguments):
            found = [_end(argument, upper, domain) for argument in arguments]
            known = [end for end in found if end is not None]
            return extreme(operator, known) if len(known) == len(found) else None
    return None


@lru_cache(maxsize=65536)
def is_nonnegative(expression: Integer) -> bool:
    """Whether the expression of sizes is at least 0 for all sizes (sufficient, not necessary)."""
    shifted = expression
    for size in {atom for monomial in expression.terms for atom in monomial if isinstance(atom, Size)}:
        shifted = shifted.replaced(size, integer(size) + size.least)
    return all(
        factor >= 0 and all(isinstance(atom, Size) or _is_nonnegative_atom(atom) for atom in monomial)
        for monomial, factor in shifted.terms.items()
    )


def _is_nonnegative_atom(atom: Atom) -> bool:
    match atom:
        case Floor(numerator=numerator):
            return is_nonnegative(numerator)
        case Extreme(operator=operator, arguments=arguments):
            return (any if operator == "max" else all)(map(is_nonnegative, arguments))
        case IntegerEntry(least=least):
            return least is not None and least >= 0
    return False


def is_positive(expression: Integer) -> bool:
    """Whether the expression of sizes is above 0 for all sizes (sufficient, not necessary)."""
    return is_nonnegative(expression - 1)


# --- guards -----------------------------------------------------------------------------------------------------------


def governed(expression: Integer) -> frozenset[Atom]:
    """What a guard can restrict in an expression: its indices, and entries of integer arrays without their inside."""
    found: set[Atom] = set()
    for monomial in expression.terms:
        for atom in monomial:
            if isinstance(atom, (Index, IntegerEntry)):
                found.add(atom)
            else:
                found.update(*(governed(part) for part in parts(atom)))
    return frozenset(found)


def guarding(conditions: Iterable[Condition]) -> frozenset[Atom]:
    """What conditions between integers restrict."""
    found: set[Atom] = set()
    for condition in conditions:
        if isinstance(condition, Chain):
            found.update(*map(governed, condition.sides))
        elif isinstance(condition, Divides):
            found |= governed(condition.value)
    return frozenset(found)


# --- words ------------------------------------------------------------------------------------------------------------


def text_of(expression: Integer) -> str:
    """An integer expression in the plain notation: `2*i + k - 1`."""
    pieces: list[str] = []
    for monomial, factor in sorted(expression.terms.items(), key=lambda item: (not item[0], item[1] < 0)):
        atoms = "*".join(map(_text_of_atom, monomial))
        size = abs(factor)
        body = f"{size}*{atoms}" if atoms and size != 1 else atoms or str(size)
        sign = "-" if factor < 0 else "+"
        pieces.append(f" {sign} {body}" if pieces else f"-{body}" if factor < 0 else body)
    return "".join(pieces) or "0"


def _text_of_atom(atom: Atom) -> str:
    match atom:
        case IntegerEntry(array=array, indices=indices):
            return f"{array}[{', '.join(map(text_of, indices))}]" if indices else array
        case Floor(numerator=upper, denominator=lower):
            above, below = (f"({text_of(e)})" if len(e.terms) > 1 else text_of(e) for e in (upper, lower))
            return f"floor({above}/{below})"
        case Extreme(operator=operator, arguments=arguments):
            return f"{operator}({', '.join(map(text_of, arguments))})"
    return atom.name


def axis_words(axis: int, rank: int) -> str:
    return (
        "entries" if rank == 1 else "rows" if axis == 0 else "columns" if axis == 1 else f"entries on axis {axis + 1}"
    )


def entry_text(entry: Entry | Partial) -> str:
    if isinstance(entry, Partial):
        return f"d{entry.of.array if isinstance(entry.of, Entry) else '(...)'}/d{entry_text(entry.by)}"
    return f"{entry.array}[{', '.join(map(text_of, entry.indices))}]" if entry.indices else entry.array


# --- checking a program -----------------------------------------------------------------------------------------------


def outside(index: Integer, extent: Integer, domain: Domain = own_domain) -> Integer | None:
    """The value that the index of a read reaches outside 0..extent - 1, for all sizes; None where none is known."""
    if index.index is not None and domain(index.index) == (ZERO, extent):
        return None  # most reads
    least, greatest = ends(index, domain)
    if least is not None and is_positive(-least):
        return least
    if greatest is not None and is_nonnegative(greatest - extent):
        return greatest
    return None


def outside_text(left: str, read: Entry, axis: int, extent: Integer, reached: Integer) -> str:
    """`Z[i, j] reads V[2*i + k, ...] outside V: 2*i + k reaches 8, V has rows 0..7 (i in 0..3, k in 0..2); ...`."""
    rank = len(read.indices)
    index = read.indices[axis]
    shown = ["..."] * (axis > 0) + [text_of(index)] + ["..."] * (axis < rank - 1)
    ranges = ", ".join(f"{each.name} in {text_of(each.lower)}..{text_of(each.stop - 1)}" for each in index.indices)
    where = f"{text_of(index)} reaches {text_of(reached)}, "
    where += f"{read.array} has {axis_words(axis, rank)} 0..{text_of(extent - 1)}" + (f" ({ranges})" if ranges else "")
    inside = f"[{text_of(index)} < {text_of(extent)}]"
    if is_positive(-reached):
        inside = f"[{text_of(index)} >= 0]"
    read_there = f"{read.array}[{', '.join(shown)}]"
    return (
        f"{left} reads {read_there} outside {read.array}: {where}; where 0 is meant there, write {inside}*{read_there}"
    )


def check_indices(program: Program) -> None:
    """Raise ProgramError where an index is unbound, stands twice on the left, or provably leaves what it reads.

    A read under a guard that compares what stands in its subscript may reach outside: the guard says what is meant.
    """
    shapes = {
        name: tuple(index.stop for part in head.indices for index in part.indices)
        for name, head in program.heads.items()
        if isinstance(head, Entry)
    }
    for equation in program.equations:
        if equation.is_indexed:
            _check_left(equation)
            _check_right(equation, shapes, program.integers)


def _check_left(equation: Equation) -> None:
    left = equation.left
    sides = (left.of, left.by) if isinstance(left, Partial) else (left,)
    seen: list[Index] = []
    for side in sides:
        for part in side.indices if isinstance(side, Entry) else ():
            index = part.index
            if index is None:
                message = f"{entry_text(left)} has {text_of(part)} on the left; each axis there has one index"
                raise ProgramError(message, equation.name)
            if index in seen:
                message = f"index {index.name} stands twice on the left of {entry_text(left)}"
                raise ProgramError(message, equation.name)
            seen.append(index)


def _check_right(equation: Equation, shapes: dict[str, tuple[Integer, ...]], integers: frozenset[str]) -> None:
    """Walk the right side with the indices bound and the conditions that hold where each piece stands."""
    left = entry_text(equation.left)
    bound = frozenset(equation.indices)
    for index in bound:
        _check_bound(equation, left, index, bound)
    stack: list[tuple[Term, frozenset[Index], tuple[Condition, ...]]] = [(equation.term, bound, ())]
    while stack:
        node, bound, conditions = stack.pop()
        for part in integers_in(node):
            for index in part.indices:
                if index not in bound:
                    message = f"index {index.name} on the right of {left} is neither on the left nor bound by a sum"
                    raise ProgramError(message, equation.name)
            for atom in part.atoms():
                if isinstance(atom, IntegerEntry):
                    if atom.array not in integers:
                        message = f"{left} reads {atom.array} as a whole number; say so among the program's integers"
                        raise ProgramError(message, equation.name)
                    _check_read(equation, left, Entry(atom.array, atom.indices), conditions, shapes)
        if isinstance(node, Entry):
            _check_read(equation, left, node, conditions, shapes)
        elif isinstance(node, (Reduce, Winner)):
            for index in node.indices:
                if index in bound:
                    message = f"the reduction over {index.name} in {left} binds {index.name} a second time"
                    raise ProgramError(f"{message}; rename one of them", equation.name)
            bound = bound.union(node.indices)
            for index in node.indices:
                _check_bound(equation, left, index, bound)
        elif isinstance(node, Mul):
            held = tuple(each for factor in node.factors if isinstance(factor, Guard) for each in factor.conditions)
            conditions += tuple(each for each in held if not isinstance(each, Comparison))
        stack.extend((child, bound, conditions) for child in reversed(children(node)))


def _check_bound(equation: Equation, left: str, index: Index, bound: frozenset[Index]) -> None:
    for other in (*index.lower.indices, *index.stop.indices):
        if other not in bound:
            message = f"the domain of {index.name} in {left} depends on {other.name}, which is not bound there"
            raise ProgramError(message, equation.name)


def _check_read(
    equation: Equation,
    left: str,
    read: Entry,
    conditions: tuple[Condition, ...],
    shapes: dict[str, tuple[Integer, ...]],
) -> None:
    shape = shapes.get(read.array)
    if shape is None:
        return
    if len(shape) != len(read.indices):
        axes = "1 axis" if len(shape) == 1 else f"{len(shape) or 'no'} axes"
        raise ProgramError(f"{left} reads {entry_text(read)}, but {read.array} has {axes}", equation.name)
    held = guarding(conditions)
    for axis, (index, extent) in enumerate(zip(read.indices, shape, strict=True)):
        if governed(index).isdisjoint(held) and (reached := outside(index, extent)) is not None:
            raise ProgramError(outside_text(left, read, axis, extent, reached), equation.name)
