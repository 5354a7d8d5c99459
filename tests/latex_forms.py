"""Normal forms for comparing a tree with what was read from its LaTeX: what print cannot tell apart is made equal.

On paper `a*b`, `a @ b` and a b are one product, `-a b` is one value, `\\frac{a b}{c}` is a*b/c, and 10^{-3} is 1e-3.
"""

from __future__ import annotations

from dataclasses import replace

from derive import tree as t
from derive.conventions import LOSS
from derive.reading.latex.spelling import plain_name
from derive.tree import Tree


def normal(tree: Tree) -> Tree:
    return t.transformed(tree, _normal)


def word(text: str, symbol: str = "") -> str:
    shown = symbol or text
    return "L_cal" if shown == LOSS else plain_name(shown)


def _normal(node: Tree) -> Tree:
    match node:
        case t.Number(text=text):
            return t.Number(str(node.value)) if text != "inf" else t.Name("infinity")
        case t.Name(text=text, symbol=symbol):
            return t.Name(word(text, symbol))
        case t.Subscript(array=array, indices=indices, symbol=symbol):
            return t.Subscript(word(array, symbol), indices)
        case t.Indicator(kronecker=True, sides=sides):
            return t.Subscript("delta", sides)
        case t.Negative(body=body):
            return body.body if isinstance(body, t.Negative) else node
        case t.Power(base=t.Number(text="10"), exponent=exponent) if not node.elementwise:
            sign, size = (-1, exponent.body) if isinstance(exponent, t.Negative) else (1, exponent)
            if isinstance(size, t.Number) and size.value.denominator == 1:
                return t.Number(str(t.Number(f"1e{sign * int(size.value)}").value))
            return node
        case t.Product(factors=factors):
            return _product(factors)
        case t.Sum(terms=terms):
            return t.Sum(
                tuple(
                    ("-" if sign == "+" else "+", term.body) if isinstance(term, t.Negative) else (sign, term)
                    for sign, term in terms
                )
            )
        case t.Call(function="", arguments=(only,)):
            return only
        case t.Call(function=function, orders=orders):
            return replace(node, function=word(function), layer="", orders=orders if any(orders) else ())
        case t.Reduction(operator=operator, bound=bound, limits=limits, body=body):
            limits = limits or (None,) * len(bound)
            if isinstance(body, t.Reduction) and body.operator == operator:  # a sign for each index with limits
                inner = body.limits or (None,) * len(body.bound)
                bound, limits, body = bound + body.bound, limits + inner, body.body
            return t.Reduction(operator, tuple(map(word, bound)), body, limits=limits if any(limits) else ())
    return node


def _product(factors: tuple[tuple[str, Tree], ...]) -> Tree:
    """Signs in front, the first factor's own factors spliced in, one sign for all products."""
    negative = False
    found: list[tuple[str, Tree]] = []
    for sign, factor in factors:
        if isinstance(factor, t.Negative):
            negative, factor = not negative, factor.body
        sign = "*" if sign in ("", "@") else sign
        inner = factor.factors if isinstance(factor, t.Product) else ()
        if inner and (not found or (sign == "*" and all(each == "*" for each, _ in inner))):
            found += inner
        else:
            found.append((sign, factor))
    tree: Tree = t.Product(tuple(_literals(found)))
    if len(tree.factors) == 1:
        tree = tree.factors[0][1]
    return t.Negative(tree) if negative else tree


def _literals(factors: list[tuple[str, Tree]]) -> list[tuple[str, Tree]]:
    """A number times a power of ten, as 2 \\cdot 10^{5} is printed, is one literal."""
    found: list[tuple[str, Tree]] = []
    for sign, factor in factors:
        last = found[-1] if found else None
        if sign == "*" and last and last[0] == "*" and isinstance(factor, t.Number) and isinstance(last[1], t.Number):
            found[-1] = ("*", t.Number(str(last[1].value * factor.value)))
        else:
            found.append((sign, factor))
    return found
