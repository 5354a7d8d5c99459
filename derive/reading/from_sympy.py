"""A SymPy expression as a tree, for what nobody typed: terms and factors in SymPy's own printing order.

Recursive: SymPy expressions are no deeper than SymPy itself can print.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy
from mpmath import libmp

from derive import tree as t
from derive.errors import UsageError
from derive.reading import limits
from derive.symbolic import FUNCTIONS, RELATIONS, Guard, Partial
from derive.tree import Tree

_NAMES = {constructor: name for name, constructor in FUNCTIONS.items() if isinstance(constructor, type)}
_NAMES |= {sympy.Abs: "abs", sympy.sign: "sign", sympy.floor: "floor", sympy.ceiling: "ceiling"}
_SIGNS = {constructor: sign for sign, constructor in RELATIONS.items()}


def tree_from_sympy(expr: Any) -> Tree:
    """The tree of an expression built of numbers, symbols, entries of arrays, our functions, sums and guards.

    Raises UsageError for anything else, by its SymPy name.
    """
    if isinstance(expr, int):
        return t.tree_of(expr)
    return _tree(_plain(expr, [symbol for symbol in expr.free_symbols if isinstance(symbol, sympy.Dummy)]))


def _plain(expr: Any, dummies: list[Any]) -> Any:
    """The expression with plain symbols in place of fresh ones, each under a name that nothing else in it has."""
    taken = {symbol.name for symbol in expr.free_symbols - set(dummies) if isinstance(symbol, sympy.Symbol)}
    names: dict[Any, Any] = {}
    for dummy in sorted(dummies, key=sympy.default_sort_key):
        name = dummy.name
        while name in taken:
            name += "_1"
        taken.add(name)
        names[dummy] = sympy.Symbol(name, integer=dummy.is_integer, real=dummy.is_real)
    return expr.xreplace(names)


def _tree(expr: Any) -> Tree:
    match expr:
        case sympy.Rational():
            return t.tree_of(Fraction(int(expr.p), int(expr.q)))
        case sympy.Float():
            return t.Negative(t.Number(_decimal(-expr))) if expr < 0 else t.Number(_decimal(expr))
        case sympy.Symbol():
            return t.Name(expr.name)
        case sympy.Indexed():
            return t.Subscript(str(expr.base.label), tuple(_tree(index) for index in expr.indices))
        case sympy.Add():
            return _sum(expr)
        case sympy.Mul():
            return _product(expr)
        case sympy.Pow(base=base, exp=exponent):
            if exponent == sympy.Rational(1, 2):
                return t.Call("sqrt", (_tree(base),))
            if exponent.could_extract_minus_sign() and exponent.is_number:
                return t.Product((("*", t.Number("1")), ("/", _tree(base**-exponent))))
            return t.Power(_tree(base), _tree(exponent))
        case sympy.Sum() | sympy.Product():
            return _reduction(expr)
        case Guard():
            return _guard(expr.args)
        case sympy.KroneckerDelta():
            return t.Indicator((_tree(expr.args[0]), _tree(expr.args[1])), ("=",))
        case Partial():
            return t.Derivative(_tree(expr.args[0]), _tree(expr.args[1]))
        case sympy.Max() | sympy.Min():
            name = "max" if isinstance(expr, sympy.Max) else "min"
            first, *rest = sorted(expr.args, key=sympy.default_sort_key)
            answer = _tree(first)
            for argument in rest:
                answer = t.Call(name, (answer, _tree(argument)))
            return answer
    if expr is sympy.pi:
        return t.Name("pi")
    if expr is sympy.E:
        return t.Name("e")
    if expr.func in _NAMES:
        return t.Call(_NAMES[expr.func], tuple(_tree(argument) for argument in expr.args))
    if isinstance(expr, sympy.core.function.AppliedUndef):  # an extent n(l) that depends on another index
        return t.Call(expr.func.__name__, tuple(_tree(argument) for argument in expr.args))
    raise UsageError(f"SymPy's {expr.func.__name__} is not part of the notation")


def _decimal(size: Any) -> str:
    """The shortest decimal that reads back as this number at its own precision: all digits that a Float of 30 has.

    Raises UsageError beyond what a literal may be.
    """
    number, bits = size._mpf_, size._prec
    digits = min(libmp.prec_to_dps(bits), limits.LITERAL_DIGITS)
    _, mantissa, shift, length = number
    if mantissa and abs(shift + length) > limits.EXPONENT * 3.33:  # bits of ten's powers
        raise UsageError(
            f"a Float of about 2^{shift + length} is beyond 10^{limits.EXPONENT}, the largest exponent here"
        )
    for places in range(digits, limits.LITERAL_DIGITS + 1):
        text = str(libmp.to_str(number, places, min_fixed=-5, max_fixed=16))
        if libmp.from_str(text, bits, "n") == number:
            return text
    raise UsageError(f"a Float of {bits} bits needs more than {limits.LITERAL_DIGITS} digits, the most of a literal")


def _sum(expr: Any) -> Tree:
    terms = [_tree(term) for term in expr.as_ordered_terms()]
    positive = next((place for place, term in enumerate(terms) if not isinstance(term, t.Negative)), 0)
    terms.insert(0, terms.pop(positive))
    first, *rest = terms
    signed = [("-", term.body) if isinstance(term, t.Negative) else ("+", term) for term in rest]
    return t.Sum((("+", first), *signed))


def _product(expr: Any) -> Tree:
    """Negative coefficients to the front, negative powers below the line."""
    number, rest = expr.as_coeff_Mul()
    above: list[Tree] = []
    below: list[Tree] = []
    if isinstance(number, sympy.Rational):
        if abs(number.p) != 1:
            above.append(t.Number(str(abs(int(number.p)))))
        if number.q != 1:
            below.append(t.Number(str(int(number.q))))
    else:
        above.append(_tree(abs(number)))
    for factor in rest.as_ordered_factors() if isinstance(rest, sympy.Mul) else [rest]:
        if isinstance(factor, sympy.Pow) and factor.exp.is_number and factor.exp.could_extract_minus_sign():
            below.append(_tree(factor.base**-factor.exp))
        else:
            above.append(_tree(factor))
    answer: Tree = _times(above) if above else t.Number("1")
    if below:
        head = answer.factors if isinstance(answer, t.Product) else (("*", answer),)
        answer = t.Product((*head, ("/", _times(below))))
    return t.Negative(answer) if number < 0 else answer


def _times(factors: list[Tree]) -> Tree:
    """Guards first; sums over indices last, since they take the rest of their term."""
    if len(factors) == 1:
        return factors[0]
    ordered = sorted(factors, key=lambda factor: isinstance(factor, t.Reduction) - isinstance(factor, t.Indicator))
    return t.Product(tuple(("*", factor) for factor in ordered))


def _reduction(expr: Any) -> Tree:
    """Limits other than 0 at the lower end become an indicator in front of the body."""
    marks = [sympy.Dummy(limits[0].name, integer=True) for limits in expr.limits]
    # the bound names are chosen against the free ones of the whole sum, so that none is captured
    opened = sympy.Tuple(expr.function, *(sympy.Tuple(*limits) for limits in expr.limits))
    opened = opened.xreplace({limits[0]: mark for limits, mark in zip(expr.limits, marks, strict=True)})
    function, *limits = _plain(opened, marks)
    body = _tree(function)
    for symbol, lower, upper in limits:
        if lower != 0:
            holds = t.Indicator((_tree(lower), t.Name(symbol.name), _tree(upper)), ("<=", "<="))
            body = t.Product((("*", holds), *(body.factors if isinstance(body, t.Product) else (("*", body),))))
    operator = "sum" if isinstance(expr, sympy.Sum) else "prod"
    return t.Reduction(operator, tuple(symbol.name for symbol, _, _ in limits), body)


def _guard(conditions: tuple[Any, ...]) -> Tree:
    """Conditions that continue each other become one chain, [0 <= m - i < P]; others a product."""
    sides: list[list[Any]] = []
    signs: list[list[str]] = []
    for condition in conditions:
        if sides and sides[-1][-1] == condition.lhs:
            sides[-1].append(condition.rhs)
            signs[-1].append(_SIGNS[condition.func])
        else:
            sides.append([condition.lhs, condition.rhs])
            signs.append([_SIGNS[condition.func]])
    indicators: list[Tree] = [
        t.Indicator(tuple(_tree(side) for side in chain), tuple(sign)) for chain, sign in zip(sides, signs, strict=True)
    ]
    return _times(indicators)
