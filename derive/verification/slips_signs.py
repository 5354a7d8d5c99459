"""Slips of sign."""

from __future__ import annotations

from collections.abc import Iterator

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import COMMON, SPECIFIC, Edit, NamedSlip, Site
from derive.verification.slips_editing import DIVIDING, contains, is_square, negated, signed_sum, with_factor, with_term


def _whole(site: Site) -> Iterator[Tree]:
    if site.is_root:
        yield negated(site.node)


def _term(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Sum):
        for place, (sign, term) in enumerate(site.node.terms):
            yield with_term(site.node, place, "-" if sign == "+" else "+", term)


def _difference(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Sum(terms=(("+", left), ("-", right))) if not isinstance(left, t.Number):
            yield t.Sum((("+", right), ("-", left)))


def _terms_where(site: Site, *functions: str) -> Iterator[Tree]:
    """Terms of the right side that hold one of the functions, with the other sign."""
    node = site.node
    if not site.is_term:
        return
    if isinstance(node, t.Sum):
        for place, (sign, term) in enumerate(node.terms):
            if contains(term, *functions):
                yield with_term(node, place, "-" if sign == "+" else "+", term)
    elif site.is_root and contains(node, *functions):
        yield negated(node)


def _circular(site: Site) -> Iterator[Tree]:
    yield from _terms_where(site, "sin", "cos")


def _divides(tree: Tree) -> bool:
    """Whether a square stands below a fraction line."""
    return any(
        isinstance(node, t.Product)
        and any(operator in DIVIDING and _has_square(factor) for operator, factor in node.factors)
        for node in t.walk(tree)
    )


def _has_square(tree: Tree) -> bool:
    if is_square(tree):
        return True
    return isinstance(tree, t.Product) and any(is_square(factor) for _, factor in tree.factors)


def _quotient(site: Site) -> Iterator[Tree]:
    node = site.node
    if not site.is_term:
        return
    if isinstance(node, t.Sum):
        for place, (sign, term) in enumerate(node.terms):
            if _divides(term):
                yield with_term(node, place, "-" if sign == "+" else "+", term)
    elif site.is_root and _divides(node):
        yield negated(node)


def _below_one_minus(site: Site) -> Iterator[Tree]:
    """A term over 1 - u with the other sign."""
    if not isinstance(site.node, t.Sum):
        return
    for place, (sign, term) in enumerate(site.node.terms):
        if isinstance(term, t.Product) and any(
            operator in DIVIDING and _is_one_minus(factor, "-") for operator, factor in term.factors
        ):
            yield with_term(site.node, place, "-" if sign == "+" else "+", term)


def _is_one_minus(tree: Tree, sign: str) -> bool:
    match tree:
        case t.Sum(terms=(("+", one), (found, _))):
            return found == sign and t.is_number(one, 1)
    return False


def _logistic(sign: str, other: str) -> Edit:
    """u (1 -+ u) with the other sign."""

    def edit(site: Site) -> Iterator[Tree]:
        if not isinstance(site.node, t.Product):
            return
        for place, (_, factor) in enumerate(site.node.factors):
            match factor:
                case t.Sum(terms=(("+", one), (found, body))) if found == sign and t.is_number(one, 1):
                    if any(each == body for _, each in site.node.factors):
                        yield with_factor(site.node, place, t.Sum((("+", one), (other, body))))

    return edit


def _one_and_square(sign: str, other: str) -> Edit:
    def edit(site: Site) -> Iterator[Tree]:
        match site.node:
            case t.Sum(terms=(("+", one), (found, body))) if found == sign and t.is_number(one, 1) and is_square(body):
                yield t.Sum((("+", one), (other, body)))

    return edit


def _exponent(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(function="exp", arguments=(body,)):
            yield t.Call("exp", (negated(body),))
        case t.Power(base=base, exponent=exponent):
            yield t.Power(base, negated(exponent), site.node.elementwise)


def _all_terms(site: Site) -> Iterator[Tree]:
    """All signs but the first turned: a minus that belongs to a whole bracket."""
    if isinstance(site.node, t.Sum) and len(site.node.terms) > 2:
        first, *rest = site.node.terms
        yield signed_sum([first, *(("-" if sign == "+" else "+", term) for sign, term in rest)])


def _subtracted(site: Site) -> Iterator[Tree]:
    """The sign of a variable that an equation subtracts."""
    if site.is_root and _is_subtracted(site):
        yield negated(site.node)


def _is_subtracted(site: Site) -> bool:
    name = site.context.primal(site.context.head)
    if name is None:
        return False
    return any(
        isinstance(node, t.Sum) and any(sign == "-" and term == name for sign, term in node.terms)
        for statement in site.context.problem.equations
        for node in t.walk(statement.links[0].tree)
    )


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    minus, plus = _logistic("-", "+"), _logistic("+", "-")
    square_minus, square_plus = _one_and_square("-", "+"), _one_and_square("+", "-")
    return (
        NamedSlip(
            "sign of a subtracted variable",
            "sign",
            "The variable is subtracted where it is used, so its derivative has a minus sign: {after}, not {before}.",
            _subtracted,
            _subtracted,
            ("-v_4_bar", "v_4_bar"),
            SPECIFIC,
        ),
        NamedSlip(
            "sign of the derivative of sine or cosine",
            "sign",
            "sin' is cos and cos' is -sin: check the sign of the term, which should read {after}.",
            _circular,
            _circular,
            ("-vbar*sin(x)", "vbar*sin(x)"),
            SPECIFIC,
        ),
        NamedSlip(
            "sign of the derivative of a quotient",
            "sign",
            "The derivative of u/v by v is -u/v^2, with a minus: {after} belongs here, not {before}.",
            _quotient,
            _quotient,
            ("-w*u/v^2", "w*u/v^2"),
            SPECIFIC,
        ),
        NamedSlip(
            "inner sign of 1 - u",
            "sign",
            "The inner derivative of 1 - u is -1 and turns the sign of its term: {after} belongs here, not {before}.",
            _below_one_minus,
            _below_one_minus,
            ("y/p - (1 - y)/(1 - p)", "y/p + (1 - y)/(1 - p)"),
            SPECIFIC,
        ),
        NamedSlip(
            "plus in the derivative of the logistic function",
            "sign",
            "The derivative of the logistic function is s(1 - s), with a minus: {after}, not {before}.",
            minus,
            plus,
            ("s*(1 - s)", "s*(1 + s)"),
            SPECIFIC,
        ),
        NamedSlip(
            "plus in the derivative of tanh",
            "sign",
            "The derivative of tanh is 1 - tanh^2, with a minus: {after}, not {before}.",
            square_minus,
            square_plus,
            ("1 - h^2", "1 + h^2"),
            SPECIFIC,
        ),
        NamedSlip(
            "difference the wrong way round",
            "sign",
            "The difference is taken the wrong way round: {after}, not {before}; look at which one is subtracted.",
            _difference,
            _difference,
            ("2*(a - y)", "2*(y - a)"),
            pairs=True,
        ),
        NamedSlip(
            "sign of the whole side",
            "sign",
            "The right side has the wrong sign as a whole: it should be {after}; follow the minus through the step.",
            _whole,
            _whole,
            ("-y/p", "y/p"),
            pairs=True,
        ),
        NamedSlip(
            "sign of a term",
            "sign",
            "One term has the wrong sign: {after} belongs here, not {before}.",
            _term,
            _term,
            ("a + b*c", "a - b*c"),
            COMMON,
            True,
        ),
        NamedSlip(
            "minus sign for the first term of a bracket only",
            "sign",
            "A minus in front of a bracket turns the sign of every term in it: {after}, not {before}.",
            _all_terms,
            _all_terms,
            ("a - b - c", "a + b + c"),
        ),
        NamedSlip(
            "sign of an exponent",
            "sign",
            "The exponent has the wrong sign: {after} belongs here, not {before}.",
            _exponent,
            _exponent,
            ("exp(-z)", "exp(z)"),
        ),
    )
