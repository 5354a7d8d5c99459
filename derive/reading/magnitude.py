"""How large a constant exponent is, found on floating-point logarithms before anybody builds the number."""

from __future__ import annotations

import math

from derive import tree as t
from derive.tree import Tree

#: Relative error allowed for one rounding, generously.
_ROUNDING = 1e-15


def provably_beyond(tree: Tree, bound: float) -> bool:
    """Whether the tree is a constant (literals, signs, + - * / ^ only) whose size exceeds the bound for certain.

    No recursion. Each value is carried with a bound on its error, so that nothing is refused for a rounding.
    """
    done: list[tuple[float, float] | None] = []
    stack: list[tuple[Tree, bool]] = [(tree, False)]
    while stack:
        node, ready = stack.pop()
        if not ready and not isinstance(node, t.Number):
            if not isinstance(node, (t.Negative, t.Sum, t.Product, t.Power)):
                return False
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(t.children(node)))
            continue
        count = len(t.children(node))
        operands = done[len(done) - count :]
        del done[len(done) - count :]
        value = None if None in operands else _value(node, [pair for pair in operands if pair is not None])
        done.append(value)
    answer = done[0]
    return answer is not None and abs(answer[0]) - answer[1] > bound


def _value(node: Tree, operands: list[tuple[float, float]]) -> tuple[float, float] | None:
    """(value, bound on its error); the value may be infinite with error 0, which reads: larger than any float."""
    match node:
        case t.Number(text=text):
            value = float(text)
            pair = (value, abs(value) * _ROUNDING if math.isfinite(value) else 0.0)
        case t.Negative():
            pair = (-operands[0][0], operands[0][1])
        case t.Sum(terms=terms):
            signed = [-value if sign == "-" else value for (sign, _), (value, _) in zip(terms, operands, strict=True)]
            total = sum(signed)
            pair = (total, sum(error for _, error in operands) + _ROUNDING * len(signed) * sum(map(abs, signed)))
        case t.Product(factors=factors):
            pair = operands[0]
            for (operator, _), other in zip(factors[1:], operands[1:], strict=True):
                inverse = _inverse(other) if operator in ("/", "./") else other
                if inverse is None:
                    return None
                pair = _times(pair, inverse)
        case t.Power():
            return _power(*operands)
        case _:
            return None
    value, error = pair
    if math.isnan(value) or math.isnan(error) or math.isinf(error):
        return (value, 0.0) if math.isinf(value) and len(operands) < 2 else None
    return pair


def _times(left: tuple[float, float], right: tuple[float, float]) -> tuple[float, float]:
    (a, da), (b, db) = left, right
    return a * b, abs(a) * db + abs(b) * da + da * db + abs(a * b) * _ROUNDING


def _inverse(pair: tuple[float, float]) -> tuple[float, float] | None:
    value, error = pair
    if abs(value) <= 2 * error or math.isinf(value):
        return None
    return 1 / value, 2 * error / value**2 + abs(1 / value) * _ROUNDING if abs(value) > 1e-150 else math.inf


def _power(base: tuple[float, float], exponent: tuple[float, float]) -> tuple[float, float] | None:
    """base^exponent through exp(exponent * log |base|)."""
    size, spread = abs(base[0]), base[1]
    if size <= 2 * spread or math.isinf(size):
        return None
    logarithm = (math.log(size), 2 * spread / size + _ROUNDING * (1 + abs(math.log(size))))
    value, error = _times(logarithm, exponent)
    if math.isnan(value) or math.isnan(error) or error > 0.5:
        return (math.inf, 0.0) if value - error > 1000 else None
    if value > 700:
        return math.inf, 0.0
    result = math.exp(value)
    return result, 2 * result * (error + _ROUNDING)
