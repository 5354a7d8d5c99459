"""Local derivatives as students write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from derive import tree as t
from derive.tree import Tree

#: What is written for the derivative of a function, besides f'(u).
WRITTEN: Mapping[str, Callable[[Tree], Tree]] = {
    "sin": lambda u: t.Call("cos", (u,)),
    "cos": lambda u: t.Negative(t.Call("sin", (u,))),
    "log": lambda u: t.Product((("*", t.Number("1")), ("/", u))),
    "ln": lambda u: t.Product((("*", t.Number("1")), ("/", u))),
    "sigmoid": lambda u: t.Product(
        (("*", t.Call("sigmoid", (u,))), (".*", t.Sum((("+", t.Number("1")), ("-", t.Call("sigmoid", (u,)))))))
    ),
    "relu": lambda u: t.Indicator((u, t.Number("0")), (">",)),
    "tanh": lambda u: t.Sum((("+", t.Number("1")), ("-", t.Power(t.Call("tanh", (u,)), t.Number("2"))))),
}

#: The derivative of a function in terms of its value.
BY_VALUE: Mapping[str, Callable[[Tree], Tree]] = {
    "sigmoid": lambda y: t.Product((("*", y), (".*", t.Sum((("+", t.Number("1")), ("-", y)))))),
    "tanh": lambda y: t.Sum((("+", t.Number("1")), ("-", t.Power(y, t.Number("2"))))),
    "exp": lambda y: y,
}


def of_equation(head: Tree, right: Tree) -> Tree | None:
    """1/(2r) of r = sqrt(u), and [u = m] of m = max u."""
    match right:
        case (
            t.Call(function="sqrt" | "norm")
            | t.Power(exponent=t.Product(factors=((_, t.Number("1")), (_, t.Number("2")))))
        ):
            return t.Product((("*", t.Number("1")), ("/", t.Product((("*", t.Number("2")), ("*", head))))))
        case t.Reduction(operator="max" | "min", body=body):
            return t.Indicator((body, head), ("=",))
    return None
