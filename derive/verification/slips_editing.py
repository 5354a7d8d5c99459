"""Small changes of trees that the families of slips share; each yields what could stand in a place."""

from __future__ import annotations

from collections.abc import Iterator

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import Edit, Site

DIVIDING = ("/", "./")
TWO = t.Number("2")


def negated(tree: Tree) -> Tree:
    """-u, and u for -u."""
    return tree.body if isinstance(tree, t.Negative) else t.Negative(tree)


def factors_of(tree: Tree) -> tuple[tuple[str, Tree], ...]:
    return tree.factors if isinstance(tree, t.Product) else (("*", tree),)


def times(tree: Tree, factor: Tree, entrywise: bool = False) -> Tree:
    """tree * factor, the sign left in front."""
    if isinstance(tree, t.Negative):
        return t.Negative(times(tree.body, factor, entrywise))
    if entrywise:
        return t.Product((*factors_of(tree), (".*", factor)))
    return t.Product((("*", factor), ("*", tree)))


def over(tree: Tree, factor: Tree) -> Tree:
    if isinstance(tree, t.Negative):
        return t.Negative(over(tree.body, factor))
    return t.Product((("*", tree), ("/", factor)))


def scaled(tree: Tree, factor: Tree, divide: bool) -> Tree:
    """tree * factor or tree / factor; what stands there against it is taken away instead."""
    left = cancelled(tree, factor, divide)
    if left is not None:
        return left
    return over(tree, factor) if divide else times(tree, factor)


def cancelled(tree: Tree, factor: Tree, divide: bool) -> Tree | None:
    """The tree without one factor (divide) or one divisor, in it or in a product inside."""
    match tree:
        case t.Negative(body=body):
            inner = cancelled(body, factor, divide)
            return None if inner is None else t.Negative(inner)
        case t.Product(factors=factors):
            for place, (operator, each) in enumerate(factors):
                if each == factor and (operator in DIVIDING) != divide:
                    return product_of([other for k, other in enumerate(factors) if k != place])
            for place, (operator, each) in enumerate(factors):
                inner = cancelled(each, factor, divide != (operator in DIVIDING))
                if inner is not None and isinstance(each, t.Product):
                    if t.is_number(inner, 1):
                        return product_of([other for k, other in enumerate(factors) if k != place])
                    return with_factor(tree, place, inner)
    return None


def product_of(factors: list[tuple[str, Tree]]) -> Tree | None:
    """The product of what is left of the factors of another one; its first operator is made "*"."""
    if not factors:
        return None
    operator, first = factors[0]
    if operator in DIVIDING:
        return t.Product((("*", t.Number("1")), *factors))
    return first if len(factors) == 1 else t.Product((("*", first), *factors[1:]))


def without(tree: t.Product) -> Iterator[tuple[Tree, str, Tree]]:
    """(the product without one factor, its operator, the factor) for each of its factors."""
    for place, (operator, factor) in enumerate(tree.factors):
        rest = [each for k, each in enumerate(tree.factors) if k != place]
        left = product_of(rest)
        if left is not None:
            yield left, operator, factor


def with_factor(tree: t.Product, place: int, factor: Tree, operator: str | None = None) -> Tree:
    factors = list(tree.factors)
    factors[place] = (factors[place][0] if operator is None else operator, factor)
    return t.Product(tuple(factors))


def with_term(tree: t.Sum, place: int, sign: str, term: Tree) -> Tree:
    terms = list(tree.terms)
    terms[place] = (sign, term)
    return signed_sum(terms)


def signed_sum(terms: list[tuple[str, Tree]]) -> Tree:
    """A sum of signed terms; one that begins with a minus begins with a Negative."""
    if len(terms) == 1:
        return terms[0][1] if terms[0][0] == "+" else negated(terms[0][1])
    first = terms[0] if terms[0][0] == "+" else ("+", negated(terms[0][1]))
    return t.Sum((first, *terms[1:]))


def squared(tree: Tree) -> Tree:
    return t.Power(tree, TWO)


def is_square(tree: Tree) -> bool:
    return isinstance(tree, t.Power) and t.is_number(tree.exponent, 2)


def is_leaf(tree: Tree) -> bool:
    return isinstance(tree, (t.Name, t.Subscript))


def both(*edits: Edit) -> Edit:
    """All changes of several kinds."""

    def edit(site: Site) -> Iterator[Tree]:
        for each in edits:
            yield from each(site)

    return edit


def contains(tree: Tree, *functions: str) -> bool:
    return any(isinstance(node, t.Call) and node.function in functions for node in t.walk(tree))


def is_local(tree: Tree) -> bool:
    """Whether a factor looks like a local derivative."""
    match tree:
        case t.Call(orders=orders) if any(orders):
            return True
        case t.Call(function=name):
            return name in ("sin", "cos", "exp", "diag")
        case t.Indicator():
            return True
        case t.Sum(terms=(("+", one), ("-", _))):
            return t.is_number(one, 1)
        case t.Derivative(of=of):
            return is_leaf(of)
    return False
