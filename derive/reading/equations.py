"""Index equations of any rank as a Program: `Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]`, mixed with scalar lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import sympy

from derive import tree as t
from derive.errors import ProgramError
from derive.index import index_symbol, size_symbol
from derive.plain import formula
from derive.program import Equation, Program
from derive.reading.expressions import to_sympy
from derive.reading.extents import Axis, Bound, Extents, Read, infer
from derive.reading.programs import ProgramLine, ProgramText, read_program
from derive.tree import Tree

#: What a subscript is built of.
_WHOLE = (t.Name, t.Number, t.Negative, t.Sum, t.Product, t.Subscript)


def read_equations(text: str, *, file: str | None = None) -> Program:
    """The Program of a file of index equations; shapes are its declarations, or what the subscripts settle.

    Each equation has an Indexed on the left over a base with a shape, a SymPy expression on the right, and what the
    author typed in `written`. Sizes without a declaration are symbols, as n_V1 for the first axis of V. Outputs are
    the loss, else the names with an upstream gradient, else the lines that no other line reads.
    Raises ReadingError with the place of an index that is unbound, bound twice, or has two extents; ProgramError for
    a read outside its array.
    """
    return program_of(read_program(text, file=file))


def program_of(text: ProgramText) -> Program:
    """See `read_equations`."""
    reads = [read for line in text.lines for read in _reads(line, text)]
    ranks = _ranks(text, reads)
    extents = infer(text, reads, ranks)
    shapes = {name: tuple(extents.of(Axis(name, axis)) for axis in range(rank)) for name, rank in ranks.items() if rank}
    whole = {name for read in reads for name in _values_in(read)}
    integers = {name: index_symbol(name) for name in text.inputs if name in whole and not ranks.get(name)}
    sizes = {size: size_symbol(size) for size in text.sizes} | integers
    inputs = tuple(integers.get(name) or _entry(name, shapes.get(name, ())) for name in text.inputs)
    equations = tuple(_equation(line, text, shapes, sizes, extents) for line in text.lines)
    return Program(inputs, equations, _outputs(text), remarks=text.remarks).check()


def _values_in(read: Read) -> Iterator[str]:
    """Names in a subscript that are no index: whole numbers."""
    for index in read.node.indices:
        for node in t.walk(index):
            if isinstance(node, t.Name) and node.text not in read.indices:
                yield node.text


def _entry(name: str, shape: tuple[Any, ...]) -> Any:
    """An input: its name (rank 0), or an Indexed over a base with a shape."""
    if not shape:
        return name
    letters = "ijklmn"
    indices = [index_symbol(letters[axis] if axis < len(letters) else f"i_{axis}") for axis in range(len(shape))]
    return sympy.IndexedBase(sympy.Symbol(name, real=True), shape=shape)[tuple(indices)]


def _equation(
    line: ProgramLine,
    text: ProgramText,
    shapes: Mapping[str, tuple[Any, ...]],
    sizes: Mapping[str, Any],
    extents: Extents,
) -> Equation:
    symbols = dict(sizes) | {name: index_symbol(name) for name in line.indices}
    declared = {*text.shapes, *text.inputs, *(other.name for other in text.lines)}
    try:
        right = to_sympy(
            line.right,
            shapes=shapes,
            declared=declared,
            symbols=symbols,
            extents=lambda reduction, name: extents.settled(Bound(line.name, id(reduction), name), line, reduction),
        )
    except ProgramError as error:  # whole-array notation: say where
        raise text.error(error.message, line.right) from None
    left: Any = sympy.Symbol(line.name, real=True)
    if line.indices:
        left = sympy.IndexedBase(left, shape=shapes[line.name])[tuple(symbols[name] for name in line.indices)]
    return Equation(left, right, line.written)


def _outputs(text: ProgramText) -> tuple[str, ...]:
    if text.loss:
        return (text.loss,)
    if text.upstream:
        return tuple(text.upstream)
    read = {name for line in text.lines for name in line.needs if name != line.name}
    return tuple(line.name for line in text.lines if line.name not in read)


# --- what is read where -----------------------------------------------------------------------------------------------


def _reads(line: ProgramLine, text: ProgramText) -> list[Read]:
    """Every subscript on the right, with the indices bound and guarded where it stands. No recursion."""
    values = {*text.shapes, *text.sizes, *(other.name for other in text.lines)}
    if isinstance(line.left, t.Subscript):
        _check_bound(line.indices, (), values, text, line.left, f"on the left of {formula(line.left)}")
    reads: list[Read] = []
    left = {name: Bound(line.name, 0, name) for name in line.indices}
    stack: list[tuple[Tree, Mapping[str, Bound], frozenset[Bound]]] = [(line.right, left, frozenset())]
    while stack:
        node, indices, guarded = stack.pop()
        if isinstance(node, t.Reduction):
            _check_bound(node.bound, indices, values, text, node, "here")
            indices = {**indices, **{name: Bound(line.name, id(node), name) for name in node.bound}}
        elif isinstance(node, t.Product):
            guarded = guarded.union(indices[name] for name in _compared(node) if name in indices)
        elif isinstance(node, t.Subscript):
            _check_subscript(line, node, indices, values, text)
            reads.append(Read(line, node, indices, guarded))
        stack.extend((child, indices, guarded) for child in reversed(t.children(node)))
    return reads


def _check_bound(
    bound: Iterable[str], around: Collection[str], values: set[str], text: ProgramText, node: Tree, where: str
) -> None:
    seen: set[str] = set()
    for name in bound:
        if name in values:
            raise text.error(f"{name} is a value or a size, and an index {where}; rename the index", node)
        if name in around:
            raise text.error(f"index {name} is bound already, further out; rename one of them", node)
        if name in seen:
            raise text.error(f"index {name} stands twice {where}; rename one of them", node)
        seen.add(name)


def _compared(product: t.Product) -> set[str]:
    """The names that the indicators among the factors compare; such a product is 0 where one of them is false."""
    names: set[str] = set()
    factors = [factor for operator, factor in product.factors if operator not in ("/", "./")]
    while factors:
        factor = factors.pop()
        if isinstance(factor, t.Indicator):
            names.update(node.text for node in t.walk(factor) if isinstance(node, t.Name))
        elif isinstance(factor, t.Product):
            factors.extend(part for operator, part in factor.factors if operator not in ("/", "./"))
    return names


def _check_subscript(
    line: ProgramLine, node: t.Subscript, indices: Mapping[str, Bound], values: set[str], text: ProgramText
) -> None:
    """A plain name in a subscript is an index, a size, or a declared or defined whole number."""
    for index in node.indices:
        for piece in t.walk(index):
            if isinstance(piece, t.Name) and piece.text not in indices and piece.text not in values:
                left = f"{line.name}[{', '.join(line.indices)}]" if line.indices else line.name
                message = f"index {piece.text} on the right of {left} is neither on the left nor bound"
                raise text.error(f"{message}; write sum({piece.text}) ...", piece)
            quotient = isinstance(piece, t.Product) and any(sign not in ("*", "") for sign, _ in piece.factors)
            if quotient or not isinstance(piece, _WHOLE):
                message = "an index is a whole number, built with + - * of indices, sizes and integer arrays"
                raise text.error(message, piece)
            if isinstance(piece, t.Number) and piece.value.denominator != 1:
                raise text.error(f"an index is a whole number, and {piece.text} is none", piece)


def _ranks(text: ProgramText, reads: Iterable[Read]) -> dict[str, int]:
    """How many axes each name has; every use must agree."""
    ranks = {name: len(shape) for name, shape in text.shapes.items()}
    for line in text.lines:
        _agree(ranks, line.name, len(line.indices), text, line.left)
    for read in reads:
        _agree(ranks, read.node.array, len(read.node.indices), text, read.node)
    for line in text.lines:
        for node in t.walk(line.right):
            if isinstance(node, t.Name) and ranks.get(node.text):
                entry = f"{node.text}[{', '.join('ijklmn'[: ranks[node.text]])}]"
                raise text.error(f"{node.text} is an array; write its entries, as in {entry}", node)
    return ranks


def _agree(ranks: dict[str, int], name: str, rank: int, text: ProgramText, node: Tree) -> None:
    if ranks.setdefault(name, rank) != rank:
        raise text.error(f"{name} has {_axes(ranks[name])} elsewhere, and {_axes(rank)} here", node)


def _axes(count: int) -> str:
    return "no axis" if not count else "1 axis" if count == 1 else f"{count} axes"
