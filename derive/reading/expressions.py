"""A tree as a SymPy expression, object by object: no text ever reaches SymPy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import sympy

from derive import tree as t
from derive.errors import ProgramError, WorkLimitError
from derive.symbolic import FUNCTIONS, RELATIONS, Guard, Partial, fresh, size_symbol
from derive.tree import Tree

#: The most digits that a power of constants may have.
_DIGITS = 20_000

_CONSTANTS = {"pi": sympy.pi, "e": sympy.E}

#: How many values a bound index takes: (the reduction, the index name) -> an integer expression.
Extents = Callable[[t.Reduction, str], Any]


def to_sympy(
    tree: Tree,
    *,
    shapes: Mapping[str, tuple[Any, ...]] | None = None,
    declared: Collection[str] = (),
    symbols: Mapping[str, Any] | None = None,
    extents: Extents | None = None,
) -> Any:
    """The expression a tree stands for. No recursion.

    shapes : extents of arrays (integers, names of sizes, or SymPy integers); other arrays have no shape.
    declared : names that are variables, so that pi and e among them are no constants.
    symbols : name -> the object it stands for, such as an index or a size; other names are real symbols.
    extents : how many values a bound index takes; without it, the extent of the axis where the index stands alone.
    Raises ProgramError for whole-array notation (`@`, `^T`, norm) and for a bound index without an extent.
    """
    sized = {name: tuple(map(_extent, shape)) for name, shape in (shapes or {}).items()}
    extents = extents or (lambda reduction, name: extent_by_reads(reduction, name, sized))
    known = dict(symbols or {})
    for name, constant in _CONSTANTS.items():
        if name not in declared:
            known.setdefault(name, constant)
    done: list[Any] = []
    stack: list[tuple[Tree, Mapping[str, Any], bool]] = [(tree, known, False)]
    while stack:
        node, names, ready = stack.pop()
        below = t.children(node)
        if not ready and below:
            if isinstance(node, t.Reduction):
                names = {**names, **{name: fresh(sympy.Symbol(name)) for name in node.bound}}
            stack.append((node, names, True))
            stack.extend((child, names, False) for child in reversed(below))
            continue
        operands = done[len(done) - len(below) :]
        del done[len(done) - len(below) :]
        done.append(_built(node, operands, names, sized, extents))
    return done[0]


def _extent(size: Any) -> Any:
    if isinstance(size, str):
        return size_symbol(size)
    return sympy.Integer(size) if isinstance(size, int) else size


def _built(
    node: Tree, operands: list[Any], names: Mapping[str, Any], shapes: Mapping[str, tuple[Any, ...]], extents: Extents
) -> Any:
    """One node over the expressions of its children."""
    match node:
        case t.Number():
            value = node.value
            return sympy.Rational(value.numerator, value.denominator)
        case t.Name(text=text):
            return names[text] if text in names else sympy.Symbol(text, real=True)
        case t.Negative():
            return -operands[0]
        case t.Sum(terms=terms):
            return sympy.Add(*(-term if sign == "-" else term for (sign, _), term in zip(terms, operands, strict=True)))
        case t.Product(factors=factors):
            if any(operator == "@" for operator, _ in factors):
                raise ProgramError("@ is a product of whole arrays; write it with indices, as in sum(j) A[i,j]*B[j,k]")
            return sympy.Mul(
                *(
                    sympy.Pow(factor, -1) if operator in ("/", "./") else factor
                    for (operator, _), factor in zip(factors, operands, strict=True)
                )
            )
        case t.Power():
            return _power(*operands)
        case t.Call(function=function):
            if function not in FUNCTIONS or (function in ("max", "min") and len(operands) != 2):
                raise ProgramError(f"{function} of a whole array is not read here; write it with indices", function)
            return FUNCTIONS[function](*operands)
        case t.Subscript(array=array):
            base = sympy.IndexedBase(sympy.Symbol(array, real=True), shape=shapes.get(array))
            if array in shapes and len(shapes[array]) != len(operands):
                message = f"{array} has {_axes(len(shapes[array]))}, and is read with {len(operands)} indices"
                raise ProgramError(message, array)
            return base[tuple(operands)]
        case t.Reduction(operator=operator, bound=bound):
            return _reduction(node, operator, operands[0], [(name, names[name]) for name in bound], extents)
        case t.Indicator(operators=operators):
            relations = [
                RELATIONS[sign](left, right)
                for sign, left, right in zip(operators, operands, operands[1:], strict=False)
            ]
            return Guard(*relations)
        case t.Derivative():
            return Partial(*operands)
        case t.Transpose():
            raise ProgramError("^T is the transpose of a whole array; write the indices in the other order")
        case t.Relation():
            raise ProgramError("a chain of equalities is no expression; take one of its sides")


def _axes(count: int) -> str:
    return "no axes" if not count else "1 axis" if count == 1 else f"{count} axes"


def _power(base: Any, exponent: Any) -> Any:
    """base^exponent, worked out where both are rational and the result has a bearable number of digits."""
    if isinstance(base, sympy.Rational) and isinstance(exponent, sympy.Rational):
        size = max(abs(int(base.p)), int(base.q)).bit_length()
        if size > 1 and size * abs(int(exponent.p)) * 30103 > _DIGITS * int(exponent.q) * 100000:  # log10(2) = 0.30103
            raise WorkLimitError(f"a power of constants has more than {_DIGITS} digits, the limit")
    return sympy.Pow(base, exponent)


def _reduction(node: t.Reduction, operator: str, body: Any, bound: list[tuple[str, Any]], extents: Extents) -> Any:
    limits = [(symbol, sympy.Integer(0), _extent(extents(node, name)) - 1) for name, symbol in bound]
    limits.reverse()  # SymPy's first limit is the innermost
    if operator == "prod":
        return sympy.Product(body, *limits)
    if operator == "sum":
        return sympy.Sum(body, *limits)
    if operator == "mean":
        return sympy.Sum(body, *limits) / sympy.Mul(*(upper + 1 for _, _, upper in limits))
    raise ProgramError(f"{operator} over an index is not worked out yet; sum, mean and prod are", operator)


def extent_by_reads(reduction: t.Reduction, name: str, shapes: Mapping[str, tuple[Any, ...]]) -> Any:
    """The extent of the axes where a bound index stands alone, which must all agree."""
    found: dict[Any, str] = {}
    for node in t.walk(reduction.body):
        if isinstance(node, t.Subscript) and node.array in shapes:
            for axis, index in enumerate(node.indices[: len(shapes[node.array])]):
                if index == t.Name(name):
                    found.setdefault(shapes[node.array][axis], f"{node.array}, axis {axis + 1}")
    if not found:
        message = f"the extent of {name} is not known; declare the shape of an array that is read at {name} alone"
        raise ProgramError(message, name)
    if len(found) > 1:
        (one, here), (other, there), *_ = found.items()
        raise ProgramError(f"index {name} has two extents: {one} ({here}) and {other} ({there})", name)
    return next(iter(found))
