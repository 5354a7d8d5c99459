"""A term as a SymPy expression, for whoever wants to go on with one: Sum, IndexedBase, KroneckerDelta and Guard.

Nothing here is used to derive: SymPy's Sum captures indices when it is differentiated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from derive import terms
from derive.errors import UsageError
from derive.integers import Atom, Extreme, Floor, Index, Integer, IntegerEntry, Size
from derive.symbolic import FUNCTIONS, RELATIONS, Guard, Partial, size_symbol

_CONSTANTS = {"pi": sympy.pi, "e": sympy.E}

#: Index -> its symbol: those bound by a sum are fresh, so that none is captured.
_Symbols = Mapping[Index, Any]


def sympy_of_term(term: terms.Term) -> Any:
    """The SymPy expression of a term. Free indices are integer symbols of their names, bound ones fresh (Dummy).

    Raises UsageError for what SymPy has no object for: max and min over indices, and the winner of one.
    """
    return _term(term, {})


def _term(term: terms.Term, symbols: _Symbols) -> Any:
    match term:
        case terms.Number(value=value):
            return sympy.Rational(value.numerator, value.denominator)
        case terms.Constant(name=name):
            return _CONSTANTS[name]
        case terms.Entry(array=array, indices=indices):
            return _entry(sympy.Symbol(array, real=True), indices, symbols)
        case terms.Whole(value=whole):
            return sympy_of_integer(whole, symbols)
        case terms.Apply(function=function, arguments=arguments):
            return FUNCTIONS[function](*(_term(part, symbols) for part in arguments))
        case terms.Opaque(name=name, parameters=parameters, arguments=arguments, orders=orders):
            primes = "".join(map(str, orders)) if any(orders) else ""
            given = [sympy_of_integer(part, symbols) for part in parameters]
            return sympy.Function(f"{name}_{primes}" if primes else name)(
                *given, *(_term(part, symbols) for part in arguments)
            )
        case terms.Add(terms=parts):
            return sympy.Add(*(_term(part, symbols) for part in parts))
        case terms.Mul(factors=parts):
            return sympy.Mul(*(_term(part, symbols) for part in parts))
        case terms.Power(base=base, exponent=exponent):
            return sympy.Pow(_term(base, symbols), _term(exponent, symbols))
        case terms.Delta(left=left, right=right):
            return sympy.KroneckerDelta(sympy_of_integer(left, symbols), sympy_of_integer(right, symbols))
        case terms.Guard(conditions=conditions):
            return Guard(*(relation for each in conditions for relation in _relations(each, symbols)))
        case terms.Reduce(operator="sum" | "prod"):
            return _reduction(term, symbols)
        case terms.Partial(of=of, by=by):
            return Partial(_term(of, symbols), _term(by, symbols))
    what = f"{term.operator} over an index" if isinstance(term, (terms.Reduce, terms.Winner)) else "this term"
    raise UsageError(f"SymPy has no object for {what}")


def _entry(symbol: Any, indices: tuple[Integer, ...], symbols: _Symbols) -> Any:
    if not indices:
        return symbol
    return sympy.IndexedBase(symbol)[tuple(sympy_of_integer(index, symbols) for index in indices)]


def _reduction(term: terms.Reduce, symbols: _Symbols) -> Any:
    inner = dict(symbols)
    limits: list[tuple[Any, Any, Any]] = []
    for index in term.indices:
        symbol = sympy.Dummy(index.name, integer=True)
        limits.append((symbol, sympy_of_integer(index.lower, inner), sympy_of_integer(index.stop - 1, inner)))
        inner[index] = symbol
    limits.reverse()  # SymPy's first limit is the innermost
    return (sympy.Sum if term.operator == "sum" else sympy.Product)(_term(term.body, inner), *limits)


def _relations(condition: terms.Condition, symbols: _Symbols) -> list[Any]:
    if isinstance(condition, terms.Divides):
        value, divisor = (sympy_of_integer(part, symbols) for part in (condition.value, condition.divisor))
        return [sympy.Equality(sympy.Mod(value, divisor), 0)]
    if isinstance(condition, terms.Chain):
        sides = [sympy_of_integer(side, symbols) for side in condition.sides]
    else:
        sides = [_term(side, symbols) for side in condition.sides]
    return [
        RELATIONS[sign](left, right) for sign, left, right in zip(condition.operators, sides, sides[1:], strict=False)
    ]


def sympy_of_integer(expression: Integer, symbols: _Symbols | None = None) -> Any:
    """The SymPy expression of an integer expression."""
    known = symbols or {}
    return sympy.Add(
        *(
            sympy.Mul(factor, *(_atom(atom, known) for atom in monomial))
            for monomial, factor in expression.terms.items()
        )
    )


def _atom(atom: Atom, symbols: _Symbols) -> Any:
    match atom:
        case Index():
            return symbols[atom] if atom in symbols else sympy.Symbol(atom.name, integer=True)
        case Size(name=name):
            return size_symbol(name)
        case IntegerEntry(array=array, indices=indices):
            return _entry(sympy.Symbol(array, integer=True), indices, symbols)
        case Floor(numerator=upper, denominator=lower):
            return sympy.floor(sympy_of_integer(upper, symbols) / sympy_of_integer(lower, symbols))
        case Extreme(operator=operator, arguments=arguments):
            extreme = sympy.Max if operator == "max" else sympy.Min
            return extreme(*(sympy_of_integer(part, symbols) for part in arguments))
