"""Equations of any rank as a Program: `Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]`, `Y = W X + b`, mixed with scalar lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from derive import tree as t
from derive.errors import LimitError, ProgramError
from derive.index import governed, guarding, outside, outside_text
from derive.integers import Index, integer
from derive.plain import formula
from derive.program import Equation, Program
from derive.reading.arrays import LETTERS, Arrays, Value
from derive.reading.extents import Extent, Extents
from derive.reading.kinds import integers_of, numbers_of, ranks_of
from derive.reading.lowering import Lowering, unsettled
from derive.reading.outputs import outputs_of
from derive.reading.programs import ProgramLine, ProgramText, Size, read_program
from derive.reading.subscripts import declared_size
from derive.recurrence import in_order
from derive.terms import Chain, Entry, Guard, Mul, Reduce, Term, children
from derive.tree import Tree

#: How deep a formula may be: terms are walked by recursion.
DEPTH = 120
#: Terms of one sum, and sums inside sums of symbolic sizes, beyond which nobody waits for the numbers.
SUM_TERMS = 10**9
NESTED_SUMS = 6

Shapes = Mapping[str, Sequence[Size]]


def read_equations(
    text: str,
    *,
    shapes: Shapes | None = None,
    given: Mapping[str, Sequence[int]] | None = None,
    upstream: Mapping[str, str] | None = None,
    file: str | None = None,
) -> Program:
    """The Program of a file of equations; shapes are its declarations, or what the subscripts settle.

    shapes : further declarations, {"V": (8, 9), "K": ("H", 2)}; () for a scalar.  file : named in errors.
    given : the shapes of arrays whose values are known.  upstream : further upstream gradients, {"Z": "G"}.
    Every equation has an Entry at free indices on the left, a term on the right, and what the author typed in
    `written`. Sizes that nobody declared have names, n_V1 for the first axis of V. Outputs are the loss; else the names
    with an upstream gradient; else a rank-0 last line, which is the loss, or all lines that no other reads.
    Raises ReadingError with the place of what cannot be read: an index that is unbound, bound twice or has two
    extents, a read outside its array, arrays whose shapes do not fit, an empty output, a sum that nobody can work out.
    """
    return program_of(read_program(text, shapes=shapes, given=given, upstream=upstream, file=file))


def program_of(text: ProgramText) -> Program:
    """See `read_equations`."""
    numbers = numbers_of(text)
    ranks = ranks_of(text)
    extents = Extents(text)
    for name, shape in text.shapes.items():
        extents.axes[name] = tuple(
            Extent(f"axis {axis + 1} of {name}", declared_size(size, text.numbers), name, axis)
            for axis, size in enumerate(shape)
        )
    for name, rank in ranks.items():
        if name not in extents.axes:
            extents.axes[name] = _new_axes(name, rank)
    values = frozenset({*text.shapes, *text.sizes, *text.inputs, *(line.name for line in text.lines)})
    arrays = Arrays(text, extents, values)
    lowering = Lowering(text, extents, arrays, ranks, numbers, integers_of(text, numbers), values)
    lefts: list[tuple[ProgramLine, str, tuple[Index, ...], Value]] = []
    for line in text.lines:
        indices, value = _lowered(line, lowering)
        lefts += [(own, name, (), part) for own, name, part in lowering.inner if own is line]
        lefts.append((line, line.name, indices, value))
    extents.settle()
    _join_upstream(text, extents)
    extents.solve()
    _check_settled(text, extents, lowering)
    _check_reads(text, extents)
    equations = tuple(_equation(arrays, *each) for each in lefts)
    outputs, upstream = outputs_of(text, equations, extents)
    inputs = tuple(_head(name, extents.axes.get(name, ()), values) for name in text.inputs)
    integers = lowering.integers.intersection(text.inputs)
    try:
        ordered = in_order(equations)
        return Program(inputs, ordered, outputs, remarks=text.remarks, integers=integers, upstream=upstream).check()
    except ProgramError as error:
        line = next((line for line in text.lines if line.name == error.name), text.lines[0])
        raise text.error(error.message, line.left) from None


def _join_upstream(text: ProgramText, extents: Extents) -> None:
    """An output that nothing else settles has the shape of its upstream gradient."""
    for output, gradient in text.upstream.items():
        own, known = extents.axes.get(output, ()), extents.axes.get(gradient, ())
        if gradient in text.shapes and len(own) == len(known):
            for one, other in zip(own, known, strict=True):
                if one.known is None:
                    one.root.value = other.known


def _new_axes(name: str, rank: int) -> tuple[Extent, ...]:
    return tuple(Extent(f"axis {axis + 1} of {name}", None, name, axis) for axis in range(rank))


def _head(name: str, axes: Sequence[Extent], taken: frozenset[str]) -> Entry:
    """An array at its own indices, under letters that nobody uses for a value."""
    letters = [letter for letter in LETTERS if letter not in taken] + [f"i_{axis}" for axis in range(len(axes))]
    stops = [axis.known for axis in axes]
    return Entry(
        name,
        tuple(integer(Index(letter, stop)) for letter, stop in zip(letters, stops, strict=False) if stop is not None),
    )


# --- lines ------------------------------------------------------------------------------------------------------------


def _lowered(line: ProgramLine, lowering: Lowering) -> tuple[tuple[Index, ...], Value]:
    """The indices of the left side (none where it is a whole array), and the value of the right."""
    text, extents = lowering.text, lowering.extents
    if _depth(line.right) > DEPTH:
        at = line.right.at or t.Span(line.number, 1, 2)
        message = f"the formula is nested more than {DEPTH} deep, the limit for index equations"
        raise LimitError(message, text.sources[at.line - 1][:400], at.line, at.column, file=text.file)
    where = f"on the left of {formula(line.left)}"
    lowering.check_bound(line.indices, {}, line.left, where)
    indices = tuple(lowering.new_index(name) for name in line.indices)
    for index, axis in zip(indices, extents.axes.get(line.name, ()), strict=False):
        extents.join(extents.indices[index], axis, lambda one, other: text.error("", line.left))
        lowering.places[index] = (line, line.left)
    value = lowering.lowered(line, dict(zip(line.indices, indices, strict=True)))
    if isinstance(line.left, t.Subscript):
        if value.rank:
            shape = lowering.arrays.shape(value)
            message = f"the right side of {formula(line.left)} is an array of shape {shape}"
            raise text.error(f"{message}; {_entries(line.right, lowering)}", line.right)
        return indices, value
    return (), _whole(line, value, lowering)


def _entries(tree: Tree, lowering: Lowering) -> str:
    """What to write instead: the entries of the first array that stands there without a subscript."""
    for node in t.walk(tree):
        if isinstance(node, t.Name) and (rank := lowering.ranks.get(node.text)):
            return f"write its entries, as in {node.text}[{', '.join(LETTERS[:rank])}]"
    return "write its entries"


def _whole(line: ProgramLine, value: Value, lowering: Lowering) -> Value:
    """`NAME = expr`: the name has the shape of the right side."""
    text, extents = lowering.text, lowering.extents
    if value.row:
        message = f"{line.name} would be a row, 1 x n, and a rank-1 array is a column; transpose the right side"
        raise text.error(message, line.right)
    declared = extents.axes.get(line.name)
    if line.name in text.shapes and declared is not None:
        left = Value(line.left, declared, lambda indices: Entry(line.name, indices))
        told = f"{line.name} is {lowering.arrays.shape(left)} and the right side is {lowering.arrays.shape(value)}"
        if left.rank != value.rank:
            raise text.error(f"shapes do not fit: {told}", line.left)
        for one, other in zip(declared, value.axes, strict=True):
            lowering.arrays.join(line.left, one, other, f"do not fit: {told}")
    axes = _new_axes(line.name, value.rank) if declared is None or len(declared) != value.rank else declared
    for one, other in zip(axes, value.axes, strict=True):
        lowering.arrays.join(line.left, one, other, "do not fit")
    extents.axes[line.name] = axes
    lowering.ranks[line.name] = value.rank
    return value


def _depth(tree: Tree) -> int:
    deepest = 0
    stack = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in t.children(node))
    return deepest


def _equation(arrays: Arrays, line: ProgramLine, name: str, indices: tuple[Index, ...], value: Value) -> Equation:
    if indices or not value.rank:
        arrays.used[:] = line.indices
        term = value.term()
    else:
        indices, term = arrays.over(arrays.extents.axes[name], lambda own: value.at(tuple(map(integer, own))))
    arrays.used.clear()
    _check_cost(arrays.text, line, term)
    return Equation(Entry(name, tuple(map(integer, indices))), term, line.written if name == line.name else None)


def _check_cost(text: ProgramText, line: ProgramLine, term: Term) -> None:
    """H063: refuse what nobody can work out, by the number of terms of the largest sum."""
    for path in _nested(term):
        sizes = [index.extent for index in path]
        concrete = [size.value for size in sizes if size.value is not None]
        count = 1
        for size in concrete:
            count *= max(size, 1)
        names = ", ".join(index.name for index in path)
        message = ""
        if count > SUM_TERMS:
            message = f"the sums over {names} have {count} terms for one entry of {line.name}; the limit is {SUM_TERMS}"
        elif len(path) - len(concrete) > NESTED_SUMS:
            many = len(path) - len(concrete)
            message = f"{many} sums of symbolic sizes stand inside each other ({names}): already at 100 entries each"
            message += f" {line.name} has 10^{2 * many} terms for one entry; the limit is {NESTED_SUMS} such sums"
        if message:
            at = line.right.at or t.Span(line.number, 1, 2)
            way_out = "; give an inner sum a line of its own"
            raise LimitError(message + way_out, text.sources[at.line - 1][:400], at.line, at.column, file=text.file)


def _nested(term: Term) -> Iterator[tuple[Index, ...]]:
    """The indices of the reductions around each innermost one, less those that an indicator [i = 2*p + k] settles."""
    stack: list[tuple[Term, tuple[Index, ...]]] = [(term, ())]
    while stack:
        node, path = stack.pop()
        if isinstance(node, Reduce):
            path += _free(node)
        below = children(node)
        if not below and path:
            yield path
        stack.extend((child, path) for child in below)


def _free(node: Reduce) -> tuple[Index, ...]:
    free = list(node.indices)
    for factor in node.body.factors if isinstance(node.body, Mul) else (node.body,):
        for condition in factor.conditions if isinstance(factor, Guard) else ():
            if isinstance(condition, Chain) and condition.operators == ("=",):
                difference = condition.sides[0] - condition.sides[1]
                parts = ((index, difference.linear(index)) for index in free)
                settled = (index for index, part in parts if part is not None and part[0].value)
                if (one := next(settled, None)) is not None:
                    free.remove(one)
    return tuple(free)


# --- what must hold ---------------------------------------------------------------------------------------------------


def _check_settled(text: ProgramText, extents: Extents, lowering: Lowering) -> None:
    for index, extent in extents.indices.items():
        if extent.known is None:
            line, node = lowering.places[index]
            raise unsettled(text, line, index.name, node)
    for line in text.lines:
        for axis in extents.axes[line.name]:
            if axis.known is None:
                raise text.error(f"the shape of {line.name} is not settled; declare it, as in W : m x n", line.left)


def _check_reads(text: ProgramText, extents: Extents) -> None:
    for read in extents.reads:
        extent = read.axis.known
        if extent is None or not governed(read.index).isdisjoint(guarding(read.conditions)):
            continue
        reached = outside(read.index, extent)
        if reached is not None:
            left = formula(read.line.left)
            entry = Entry(read.array, read.indices)
            raise text.error(outside_text(left, entry, read.axis.axis, extent, reached), read.node)
