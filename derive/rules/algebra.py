"""Rules of elementary algebra, each of which changes only what it names."""

from __future__ import annotations

from derive import tree as t
from derive.program import Equation, Program
from derive.step import Rule
from derive.tree import Tree


def _unit(equation: Equation, program: Program) -> Equation | None:
    """Drop factors 1 and terms 0, pull signs to the front; None where nothing changes."""
    tree = t.transformed(equation.tree, _tidy)
    return None if tree == equation.tree else Equation(equation.name, tree)


def _tidy(node: Tree) -> Tree:
    match node:
        case t.Product(factors=factors):
            total = factors[0][1]
            for operator, factor in factors[1:]:
                total = t.divide(total, factor) if operator == "/" else t.multiply(total, factor)
            return total
        case t.Sum(terms=terms):
            total = terms[0][1]
            for sign, term in terms[1:]:
                total = t.add(total, term) if sign == "+" else t.subtract(total, term)
            return total
        case t.Negative(body=body):
            return t.negate(body)
    return node


def _reorder(equation: Equation, program: Program) -> Equation | None:
    """Let a term without a minus sign lead a sum; None where one leads already or all have one."""
    tree = equation.tree
    if not isinstance(tree, t.Sum):
        return None
    terms = [t.negate(term) if sign == "-" else term for sign, term in tree.terms]
    better = t.tidy_sum(terms)
    return None if better == tree else Equation(equation.name, better)


def _regroup(equation: Equation, program: Program) -> Equation | None:
    """Call runs of terms by the names of the lines that compute them; None where no line does."""
    lines: dict[tuple[tuple[str, Tree], ...], str] = {}
    for line in program:
        if line.name == equation.name:
            continue
        match line.tree:
            case t.Sum(terms=parts) | t.Product(factors=parts):
                lines[parts] = line.name
    match equation.tree:
        case t.Sum(terms=parts):
            plus, minus, build = "+", "-", t.Sum
        case t.Product(factors=parts):
            plus, minus, build = "*", "/", t.Product  # type: ignore[assignment]
        case _:
            return None
    changed = True
    before = parts
    while changed and len(parts) > 2:
        changed = False
        for k in range(len(parts) - 1):
            for sign, pair in _readings(parts[k : k + 2], plus, minus):
                if pair in lines:
                    parts = (*parts[:k], (sign, t.Name(lines[pair])), *parts[k + 2 :])
                    changed = True
                    break
            if changed:
                break
    return None if parts == before else Equation(equation.name, build(parts))


def _readings(
    pair: tuple[tuple[str, Tree], ...], plus: str, minus: str
) -> list[tuple[str, tuple[tuple[str, Tree], ...]]]:
    """The ways in which two neighbouring signed terms can be one: a - b, b - a for -a + b, -(a + b) for -a - b."""
    (first, left), (second, right) = pair
    if first == plus:
        swapped = [(plus, ((plus, right), (plus, left)))] if second == plus else []
        return [(plus, ((plus, left), (second, right))), *swapped]
    if second == plus:
        return [(plus, ((plus, right), (minus, left)))]
    return [(minus, ((plus, left), (plus, right))), (minus, ((plus, right), (plus, left)))]


REGROUP = Rule(
    "regroup",
    "the terms of a sum (the factors of a product) may be grouped in any way; signs stay with their terms",
    _regroup,
)
UNIT = Rule(
    "tidy factors and signs",
    "1 times u is u, u times 1/w is u/w, 0 plus u is u, and a minus sign may stand before its product",
    _unit,
)
REORDER = Rule("reorder terms", "a sum has the same value in every order of its terms", _reorder)
