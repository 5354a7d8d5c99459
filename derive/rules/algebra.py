"""Rules of elementary algebra, each of which changes only what it names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

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
    """Add up (multiply) the terms as the line of that name does: read from left to right, other lines by their names.

    None where the line does just that already, or has other terms.
    """
    written = _signed(equation.tree)
    lead: SignedTree = (written[0][0] if written else "", t.Name(equation.name))
    rest: list[SignedTree] = []  # from right to left
    known = set(written)
    while lead not in known and (opened := _named_terms(lead, program)):
        lead = opened[0]
        rest.append(opened[1])
    terms = [lead, *reversed(rest)]
    if terms == written or not _same_terms(terms, written, program):
        return None
    return Equation(equation.name, (t.Sum if lead[0] == "+" else t.Product)(tuple(terms)))


SignedTree = tuple[str, Tree]
_OPPOSITE = {"+": "-", "-": "+", "*": "/", "/": "*"}


def _signed(tree: Tree) -> list[SignedTree]:
    match tree:
        case t.Sum(terms=parts) | t.Product(factors=parts):
            return list(parts)
    return []


def _named_terms(term: SignedTree, program: Program) -> list[SignedTree]:
    """The two terms of the sum that a term of a sum names, with the term's sign, or the factors of a product."""
    sign, tree = term
    line = program.by_name.get(tree.text) if isinstance(tree, t.Name) else None
    if line is None or line.source.operation.infix not in (sign, _OPPOSITE.get(sign)) or len(line.source.operands) < 2:
        return []
    left, right = map(t.tree_of, line.source.operands)
    # the first term of a sum has a plus, of a product a *
    second = line.source.operation.infix if sign in "+*" else _OPPOSITE[line.source.operation.infix]
    return [(sign, left), (second, right)]


def _same_terms(terms: Sequence[SignedTree], written: Sequence[SignedTree], program: Program) -> bool:
    """Whether the terms are those written, in any order, once lines that were not written are opened."""
    missing = Counter(written)
    stack = list(terms)
    while stack:
        term = stack.pop()
        if missing[term]:
            missing[term] -= 1
        elif opened := _named_terms(term, program):
            stack += opened
        else:
            return False
    return not any(missing.values())


REGROUP = Rule(
    "regroup",
    "the terms of a sum (the factors of a product) may be grouped and ordered in any way; signs stay with their terms",
    _regroup,
)
UNIT = Rule(
    "tidy factors and signs",
    "1 times u is u, u times 1/w is u/w, 0 plus u is u, and a minus sign may stand before its product",
    _unit,
)
REORDER = Rule("reorder terms", "a sum has the same value in every order of its terms", _reorder)
