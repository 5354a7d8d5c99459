"""Slips of powers, roots and fractions."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import COMMON, SPECIFIC, Edit, NamedSlip, Site
from derive.verification.slips_editing import DIVIDING, is_leaf, is_square, squared, with_term

_ONE = t.Number("1")


def _is_base(tree: Tree) -> bool:
    return is_leaf(tree) or isinstance(tree, (t.Call, t.Sum))


def _square(site: Site) -> Iterator[Tree]:
    if _is_base(site.node) and not site.is_root:
        yield squared(site.node)


def _unsquare(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Power) and is_square(site.node):
        yield site.node.base


def _shifted(step: int) -> Edit:
    """An exponent one larger or smaller."""

    def edit(site: Site) -> Iterator[Tree]:
        if not isinstance(site.node, t.Power) or site.context.is_size(site.node.base):
            return
        value = _fraction(site.node.exponent)
        if value is not None:
            yield t.power(site.node.base, t.tree_of(value + step))
        else:
            sign = "+" if step > 0 else "-"
            yield t.Power(site.node.base, t.Sum((("+", site.node.exponent), (sign, _ONE))))

    return edit


def _fraction(tree: Tree) -> Fraction | None:
    match tree:
        case t.Number():
            return tree.value
        case t.Negative(body=body):
            inner = _fraction(body)
            return None if inner is None else -inner
        case t.Product(factors=((_, one), (("/"), other))):
            left, right = _fraction(one), _fraction(other)
            return None if left is None or not right else left / right
    return None


def _root(site: Site) -> Iterator[Tree]:
    if (_is_base(site.node) or isinstance(site.node, t.Number)) and not _is_root(site.node):
        yield t.Call("sqrt", (site.node,))


def _is_root(tree: Tree) -> bool:
    return isinstance(tree, t.Call) and tree.function == "sqrt"


def _unroot(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Call) and _is_root(site.node):
        yield site.node.arguments[0]


def _one_minus(square: bool) -> Edit:
    """1 - u and 1 - u^2."""

    def edit(site: Site) -> Iterator[Tree]:
        match site.node:
            case t.Sum(terms=(("+", one), ("-", body))) if t.is_number(one, 1):
                if square and not is_square(body):
                    yield with_term(site.node, 1, "-", squared(body))
                if not square and isinstance(body, t.Power) and is_square(body):
                    yield with_term(site.node, 1, "-", body.base)

    return edit


def _square_inside(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Power(base=t.Call(function=name, arguments=(u,))) if is_square(site.node):
            yield t.Call(name, (squared(u),))


def _square_outside(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(function=name, arguments=(t.Power(base=base) as inner,)) if is_square(inner):
            yield squared(t.Call(name, (base,)))


def _as_power(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(function="exp", arguments=(u,)) | t.Power(base=t.Name(text="e"), exponent=u):
            yield t.Product((("*", u), ("*", t.Call("exp", (t.Sum((("+", u), ("-", _ONE))),)))))


def _general_exponential(tree: t.Product) -> Iterator[Tree]:
    """u a^(u - 1) -> a^u ln a."""
    match tree:
        case t.Product(factors=((_, u), (_, t.Power(base=a, exponent=t.Sum(terms=(("+", v), ("-", one))))))) if (
            u == v and t.is_number(one, 1)
        ):
            yield t.Product((("*", t.Power(a, u)), ("*", t.Call("log", (a,)))))


def _as_exponential(site: Site) -> Iterator[Tree]:
    if not isinstance(site.node, t.Product):
        return
    yield from _general_exponential(site.node)
    for _, factor in site.node.factors:
        match factor:
            case (
                t.Call(function="exp", arguments=(t.Sum(terms=(("+", u), ("-", one))),))
                | t.Power(base=t.Name(text="e"), exponent=t.Sum(terms=(("+", u), ("-", one))))
            ) if t.is_number(one, 1):
                for place, (operator, other) in enumerate(site.node.factors):
                    if operator not in DIVIDING and other == u:
                        rest = [each for k, each in enumerate(site.node.factors) if k != place]
                        yield t.Product(
                            tuple((sign, t.Call("exp", (u,)) if each == factor else each) for sign, each in rest)
                        )


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "exponent not lowered",
            "power",
            "Differentiating a power lowers its exponent by one: {after} belongs here, not {before}.",
            _shifted(1),
            _shifted(-1),
            ("v^(-3/2)", "v^(-1/2)"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "exponent lowered once too often",
            "power",
            "The exponent is one too small: {after} belongs here, not {before}.",
            _shifted(-1),
            _shifted(1),
            ("x^2", "x^1"),
            SPECIFIC,
        ),
        NamedSlip(
            "tanh' taken as 1 - tanh",
            "power",
            "The derivative of tanh is 1 - tanh^2; the square is missing: {after} belongs here, not {before}.",
            _one_minus(False),
            _one_minus(True),
            ("1 - h^2", "1 - h"),
            SPECIFIC,
        ),
        NamedSlip(
            "square for s in 1 - s",
            "power",
            "The derivative of the logistic function holds 1 - s, without a square: {after}, not {before}.",
            _one_minus(True),
            _one_minus(False),
            ("s*(1 - s)", "s*(1 - s^2)"),
            SPECIFIC,
        ),
        NamedSlip(
            "function of the square for the square of the function",
            "power",
            "f^2(x) is the square of f(x), not f of x^2: {after} belongs here, not {before}.",
            _square_inside,
            _square_outside,
            ("1 - tanh(x)^2", "1 - tanh(x^2)"),
            SPECIFIC,
        ),
        NamedSlip(
            "square of the function for the function of the square",
            "power",
            "Here the argument is squared, not the function: {after} belongs here, not {before}.",
            _square_outside,
            _square_inside,
            ("sin(x^2)", "sin(x)^2"),
            SPECIFIC,
        ),
        NamedSlip(
            "exponential differentiated like a power",
            "power",
            "The derivative of e^u by u is e^u again; the rule for x^n is not for exponentials: {after}, not {before}.",
            _as_power,
            _as_exponential,
            ("exp(x)", "x*exp(x - 1)"),
            SPECIFIC,
        ),
        NamedSlip(
            "square missing",
            "power",
            "A square is missing: {after} belongs here, not {before}.",
            _unsquare,
            _square,
            ("x^2*y", "x*y"),
            COMMON,
            True,
        ),
        NamedSlip(
            "square too many",
            "power",
            "A square is too many: {after} belongs here, not {before}.",
            _square,
            _unsquare,
            ("x*y", "x^2*y"),
            COMMON,
            True,
        ),
        NamedSlip(
            "root missing",
            "power",
            "A square root is missing: {after} belongs here, not {before}.",
            _unroot,
            _root,
            ("1/sqrt(d)*K", "1/d*K"),
        ),
        NamedSlip(
            "root too many",
            "power",
            "There is no square root here: {after} belongs here, not {before}.",
            _root,
            _unroot,
            ("x/v", "x/sqrt(v)"),
        ),
    )
