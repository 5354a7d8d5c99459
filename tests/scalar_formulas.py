"""Random formulas of scalars: written to a graph or a tape, and worked out as they stand, in mpmath."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath
from hypothesis import strategies as st

from derive.verification.graph import Graph, Node

#: ("x", k) an input, ("n", number), (operation or function, operand, ...), ("^", operand, whole exponent).
Formula = tuple[Any, ...]

#: Inputs by number: of any sign, or positive.
POSITIVE = (False, False, True)
FUNCTIONS = (
    "exp", "sin", "cos", "tanh", "sigmoid", "softplus", "atan", "sinh", "cosh", "erf",
    "sqrt", "log", "abs", "relu", "sign", "heaviside", "silu", "tan", "sech", "coth", "asin", "acos",
)  # fmt: skip
SMOOTH = frozenset(FUNCTIONS) - {"abs", "relu", "sign", "heaviside"}

LEAVES = st.one_of(
    st.sampled_from([("x", 0), ("x", 1), ("x", 2)]),
    st.fractions(-3, 3, max_denominator=4).map(lambda number: ("n", number)),
)


def formulas(functions: Sequence[str] = FUNCTIONS, kinks: bool = True, leaves: int = 8) -> st.SearchStrategy[Formula]:
    """Formulas of three inputs; without kinks they have a derivative almost everywhere."""
    pairs = ["+", "-", "*", "/"] + (["max", "min"] if kinks else [])

    def grown(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        called = [st.tuples(st.sampled_from(list(functions)), inner)] if functions else []
        return st.one_of(
            st.tuples(st.sampled_from(pairs), inner, inner),
            st.tuples(st.just("^"), inner, st.integers(-2, 3)),
            *called,
        )

    return st.recursive(LEAVES, grown, max_leaves=leaves)


def inputs(graph: Graph) -> list[Node]:
    return [graph.input((f"x{k}",), 1 if positive else None) for k, positive in enumerate(POSITIVE)]


def written(formula: Formula, graph: Graph, at: Sequence[Node]) -> Node:
    """The formula on a graph or a tape."""
    match formula:
        case ("x", number):
            return at[number]
        case ("n", number):
            return graph.number(number)
        case ("^", base, exponent):
            return graph.power(written(base, graph, at), graph.number(exponent))
    nodes = [written(operand, graph, at) for operand in formula[1:]]
    match formula[0]:
        case "+":
            return graph.add(*nodes)
        case "-":
            return graph.subtract(*nodes)
        case "*":
            return graph.multiply(*nodes)
        case "/":
            return graph.divide(*nodes)
    return graph.call(formula[0], *nodes)


def value(formula: Formula, at: Sequence[Fraction], mp: Any) -> Any:
    """The value of a formula as it stands; None where it has none. Raises Close where rounding could decide."""
    match formula:
        case ("x", number):
            return _number(at[number], mp)
        case ("n", number):
            return _number(number, mp)
        case ("^", base, exponent):
            inner = value(base, at, mp)
            if inner is None or (exponent < 0 and _is_zero(inner, mp)):
                return None
            return inner**exponent
    operands = [value(operand, at, mp) for operand in formula[1:]]
    if None in operands:
        return None
    if any(abs(operand) > 10**6 for operand in operands):
        raise Close
    return _called(formula[0], operands, mp)


class Close(ArithmeticError):
    """A sign that rounding could turn, or a value out of hand: the formula is of no use as an example."""


def _number(number: Fraction | int, mp: Any) -> Any:
    return mp.mpf(Fraction(number).numerator) / Fraction(number).denominator


def _is_zero(u: Any, mp: Any) -> bool:
    if u and abs(u) < mp.mpf(10) ** -20:
        raise Close
    return not u


def _called(name: str, operands: Sequence[Any], mp: Any) -> Any:
    u, v = operands[0], operands[-1]
    match name:
        case "+":
            return u + v
        case "-":
            return u - v
        case "*":
            return u * v
        case "/":
            return None if _is_zero(v, mp) else u / v
        case "max" | "min":
            _is_zero(u - v, mp)
            return max(u, v) if name == "max" else min(u, v)
        case "abs" | "relu" | "sign" | "heaviside":
            zero = _is_zero(u, mp)
            if zero:
                return mp.mpf(0)
            return {"abs": abs(u), "relu": max(u, mp.mpf(0)), "sign": mp.sign(u), "heaviside": mp.mpf(int(u > 0))}[name]
        case "sqrt":
            return mp.sqrt(u) if _is_zero(u, mp) or u > 0 else None
        case "log":
            return mp.log(u) if not _is_zero(u, mp) and u > 0 else None
        case "asin" | "acos":
            if _is_zero(abs(u) - 1, mp):
                raise Close
            return getattr(mp, name)(u) if abs(u) <= 1 else None
        case "coth":
            return None if _is_zero(u, mp) else mp.coth(u)
        case "sigmoid":
            return 1 / (1 + mp.exp(-u))
        case "silu":
            return u / (1 + mp.exp(-u))
        case "softplus":
            return mp.log(1 + mp.exp(u))
    return getattr(mp, name)(u)


def context(digits: int) -> Any:
    mp = mpmath.MPContext()
    mp.dps = digits
    return mp
