"""Integer index symbols: their domains, fresh names, and how far an affine index expression reaches.

An index is a SymPy Symbol that is an integer; a size is one that is positive besides. Extents may depend on other
indices, as n(l) units in layer l.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from derive.errors import ProgramError
from derive.program import Equation, Program, is_lazy, name_of
from derive.symbolic import Guard


@dataclass(frozen=True, slots=True)
class Index:
    """symbol in lower..upper, both ends included; the ends are integer expressions, also of other indices."""

    symbol: Any
    lower: Any
    upper: Any

    @property
    def extent(self) -> Any:
        """How many values the index takes."""
        return self.upper - self.lower + 1


def index_symbol(name: str) -> Any:
    return sympy.Symbol(name, integer=True)


def size_symbol(name: str) -> Any:
    return sympy.Symbol(name, integer=True, positive=True)


def fresh(symbol: Any) -> Any:
    """Another index of the same name, equal to no symbol there is: for bound indices, so that nothing is captured."""
    return sympy.Dummy(symbol.name, integer=True)


def affine(expr: Any, symbols: Collection[Any]) -> tuple[dict[Any, Any], Any] | None:
    """Coefficients and constant of an expression affine in `symbols`: 2*i + k - 1 -> ({i: 2, k: 1}, -1).

    Coefficients and constant are free of the symbols (they may hold others, such as a stride). None where the
    expression is not affine.
    """
    expr = sympy.Integer(expr) if isinstance(expr, int) else expr
    wanted = set(symbols)
    coefficients: dict[Any, Any] = {}
    constant: Any = sympy.Integer(0)
    terms = [(sympy.Integer(1), expr)]
    while terms:
        factor, term = terms.pop()
        if not wanted & term.free_symbols:
            constant += factor * term
        elif term in wanted:
            coefficients[term] = coefficients.get(term, sympy.Integer(0)) + factor
        elif isinstance(term, sympy.Add):
            terms.extend((factor, part) for part in reversed(term.args))
        elif isinstance(term, sympy.Mul):
            with_symbols = [part for part in term.args if wanted & part.free_symbols]
            if len(with_symbols) != 1:
                return None
            rest = sympy.Mul(*[part for part in term.args if part is not with_symbols[0]])
            terms.append((factor * rest, with_symbols[0]))
        else:
            return None
    return {symbol: value for symbol, value in coefficients.items() if value != 0}, sympy.expand(constant)


def bounds(expr: Any, domains: Sequence[Index]) -> tuple[Any, Any] | None:
    """The least and the largest value of an expression affine in the indices, as integers or expressions of sizes.

    domains : each after those that its ends depend on; the last is eliminated first.
    None where the expression is not affine, or the sign of a coefficient is not known.
    """
    low = high = sympy.Integer(expr) if isinstance(expr, int) else expr
    for index in reversed(domains):
        parts_low, parts_high = affine(low, [index.symbol]), affine(high, [index.symbol])
        if parts_low is None or parts_high is None:
            return None
        ends: list[Any] = []
        for (coefficients, constant), towards_upper in ((parts_low, False), (parts_high, True)):
            coefficient = coefficients.get(index.symbol, sympy.Integer(0))
            if not (coefficient.is_nonnegative or coefficient.is_negative):
                return None
            upper = bool(coefficient.is_nonnegative) is towards_upper
            ends.append(sympy.expand(constant + coefficient * (index.upper if upper else index.lower)))
        low, high = ends
    return low, high


def provably_positive(expr: Any) -> bool:
    """Whether the expression is above 0 for all sizes of at least 1 (sufficient, not necessary)."""
    sizes = sorted(expr.free_symbols, key=lambda symbol: symbol.name)
    if any(not symbol.is_positive for symbol in sizes):
        return False
    parts = affine(expr, sizes)
    if parts is None:
        return False
    coefficients, constant = parts
    if any(not value.is_number for value in (*coefficients.values(), constant)):
        return False
    return all(value >= 0 for value in coefficients.values()) and bool(constant + sum(coefficients.values()) > 0)


def names_read(expr: Any) -> tuple[str, ...]:
    """Names of the values an expression reads, in order of first appearance: symbols and arrays.

    Indices and sizes are integers and no values. The order is that of SymPy's arguments, the same in every run.
    """
    seen: dict[str, None] = {}
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, sympy.Indexed):
            seen.setdefault(str(node.base.label))
            stack.extend(reversed(node.indices))
        elif isinstance(node, sympy.Symbol):
            if not node.is_integer:
                seen.setdefault(node.name)
        else:
            stack.extend(reversed(node.args))
    return tuple(seen)


# --- checking a program -----------------------------------------------------------------------------------------------


def check_indices(program: Program) -> None:
    """Raise ProgramError where an index is unbound, stands twice on the left, or provably leaves what it reads.

    A read under a guard that shares one of its indices may reach outside: the guard says what is meant there.
    """
    shapes = {name_of(target): shape_of(target) for target in program.inputs}
    shapes |= {equation.name: shape_of(equation.lhs) for equation in program.equations if equation.is_indexed}
    sizes = {symbol for shape in shapes.values() if shape for extent in shape for symbol in extent.free_symbols}
    sizes |= {target for target in program.inputs if isinstance(target, sympy.Symbol)}  # a rank-0 integer may be used
    for equation in program.equations:
        if is_lazy(equation.source):  # a rank-0 operation: it has no indices
            continue
        domains = _left_domains(equation)
        _check_right(equation, domains, shapes, sizes)


def shape_of(target: Any) -> tuple[Any, ...] | None:
    """The extents of an Indexed, () for a Symbol or name, None for an Indexed whose base has no shape."""
    if not isinstance(target, sympy.Indexed):
        return ()
    return None if target.base.shape is None else tuple(target.base.shape)


def _left_domains(equation: Equation) -> list[Index]:
    if not equation.is_indexed:
        return []
    lhs = equation.lhs
    shape = shape_of(lhs)
    for place, symbol in enumerate(lhs.indices):
        if not isinstance(symbol, sympy.Symbol) or not symbol.is_integer:
            message = f"{_show(lhs)} has {_show(symbol)} on the left; each axis there has one index"
            raise ProgramError(message, equation.name)
        if symbol in lhs.indices[:place]:
            raise ProgramError(f"index {symbol.name} stands twice on the left of {_show(lhs)}", equation.name)
    if shape is None:
        raise ProgramError(f"{_show(lhs)} has no shape; declare it", equation.name)
    domains = [Index(symbol, sympy.Integer(0), extent - 1) for symbol, extent in zip(lhs.indices, shape, strict=True)]
    names = {index.symbol for index in domains}
    # an extent n(l) depends on another index of the same left side, which then comes first
    return sorted(domains, key=lambda index: bool(index.upper.free_symbols & names))


def _check_right(
    equation: Equation, left: list[Index], shapes: Mapping[str, tuple[Any, ...] | None], sizes: Collection[Any]
) -> None:
    """Walk the right side with the indices bound and the guards that hold where each piece stands."""
    stack: list[tuple[Any, tuple[Index, ...], frozenset[Any]]] = [(equation.rhs, tuple(left), frozenset())]
    while stack:
        node, domains, guarded = stack.pop()
        bound = {index.symbol for index in domains}
        if isinstance(node, (sympy.Sum, sympy.Product)):
            inner = list(domains)
            for symbol, lower, upper in reversed(node.limits):
                if symbol in bound:
                    message = f"the sum over {symbol.name} in {_show(equation.lhs)} binds {symbol.name} a second time"
                    raise ProgramError(f"{message}; rename one of them", equation.name)
                inner.append(Index(symbol, lower, upper))
                bound.add(symbol)
            stack.append((node.function, tuple(inner), guarded))
            continue
        if isinstance(node, sympy.Symbol) and node.is_integer and node not in bound and node not in sizes:
            message = (
                f"index {node.name} on the right of {_show(equation.lhs)} is neither on the left nor bound by a sum"
            )
            raise ProgramError(message, equation.name)
        if isinstance(node, sympy.Indexed):
            _check_read(equation, node, domains, guarded, shapes)
            stack.extend((index, domains, guarded) for index in reversed(node.indices))
            continue
        if isinstance(node, sympy.Mul):
            guarded = guarded.union(*(part.free_symbols for part in node.args if isinstance(part, Guard)))
        stack.extend((part, domains, guarded) for part in reversed(node.args))


def _check_read(
    equation: Equation,
    read: Any,
    domains: tuple[Index, ...],
    guarded: frozenset[Any],
    shapes: Mapping[str, tuple[Any, ...] | None],
) -> None:
    name = str(read.base.label)
    shape = shapes.get(name) or shape_of(read)
    if shape is None:
        return
    if len(shape) != len(read.indices):
        message = f"{_show(equation.lhs)} reads {_show(read)}, but {name} has {len(shape)} axes"
        raise ProgramError(message, equation.name)
    for axis, (index, extent) in enumerate(zip(read.indices, shape, strict=True)):
        if index.free_symbols & guarded:
            continue
        ends = bounds(index, domains)
        if ends is None:
            continue
        low, high = ends
        reached = low if provably_positive(-low) else high if provably_positive(high - extent + 1) else None
        if reached is not None:
            raise ProgramError(_outside(equation, read, axis, extent, reached, domains), equation.name)


def _outside(equation: Equation, read: Any, axis: int, extent: Any, reached: Any, domains: tuple[Index, ...]) -> str:
    """`Z[i, j] reads V[2*i + k, ...] outside V: 2*i + k reaches 8, V has rows 0..7 (i in 0..3, k in 0..2)`."""
    rank = len(read.indices)
    index = _show(read.indices[axis])
    shown = ["..."] * (axis > 0) + [index] + ["..."] * (axis < rank - 1)
    kind = "entries" if rank == 1 else "rows" if axis == 0 else "columns" if axis == 1 else f"axis {axis + 1}"
    ranges = ", ".join(
        f"{domain.symbol.name} in {_show(domain.lower)}..{_show(domain.upper)}"
        for domain in domains
        if domain.symbol in read.indices[axis].free_symbols
    )
    name = read.base.label
    where = f"{index} reaches {_show(reached)}, {name} has {kind} 0..{_show(extent - 1)}"
    return f"{_show(equation.lhs)} reads {name}[{', '.join(shown)}] outside {name}: {where}" + (
        f" ({ranges})" if ranges else ""
    )


def _show(expr: Any) -> str:
    """An expression in the plain notation; bound indices under their plain names."""
    from derive.plain import formula
    from derive.reading.from_sympy import tree_from_sympy  # reading builds on this module

    return formula(tree_from_sympy(expr))
