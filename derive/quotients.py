"""Products as a textbook prints them: the number first, one fraction, indicators before what they keep inside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction

from derive import terms
from derive import tree as t
from derive.integers import Floor
from derive.terms import Term
from derive.tree import Tree


def quotient(number: Fraction, upper: Sequence[Tree], lower: Sequence[Tree]) -> Tree:
    """number * upper / lower, of a positive number; a reduction at the end stands behind the fraction.

    Nothing is cancelled. 1/2 stands before factors that are divided by nothing else: 1/2*x, but 3*x/(2*y).
    """
    above, below, behind = list(upper), list(lower), list[Tree]()
    if below and above and isinstance(above[-1], t.Reduction):
        behind = [above.pop()]
    written = number_tree(number)
    if isinstance(written, t.Number):  # a whole or decimal number
        if not t.is_number(written, 1) or not above:
            above.insert(0, written)
    else:
        if not below:
            above, behind = [], above
        below.insert(0, t.tree_of(number.denominator))
        if number.numerator != 1 or not above:
            above.insert(0, t.tree_of(number.numerator))
    parts = [("*", tree) for tree in above]
    if below:
        parts.append(("/", product_of(below)))
    parts += [("*", tree) for tree in behind]
    return parts[0][1] if len(parts) == 1 else t.Product(tuple(parts))


#: From here on a whole number that ends in many zeros is written with a power of ten.
LARGE = 10**12


def number_tree(value: Fraction) -> Tree:
    """A fraction, or a decimal number where that is how one writes it: 1/2, 3/4, 1/10, but 0.9, 1e-5 and 1e308."""
    if value.denominator == 1 and value >= LARGE:
        digits = str(value.numerator)
        figures = digits.rstrip("0")
        if len(digits) - len(figures) > 6:
            mantissa = f"{figures[0]}.{figures[1:]}" if len(figures) > 1 else figures
            return t.Number(f"{mantissa}e{len(digits) - 1}")
    rest = value.denominator
    while rest % 10 == 0 or rest % 5 == 0:
        rest //= 5
    is_decimal = rest != value.denominator and rest & (rest - 1) == 0
    if not is_decimal or (value.numerator == 1 and value.denominator <= 1000):
        return t.tree_of(value)
    shifted, exponent = value.numerator, 0
    while shifted % value.denominator:
        shifted, exponent = 10 * shifted, exponent + 1
    text = str(shifted // value.denominator)
    if exponent - len(text) >= 4:
        mantissa = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
        return t.Number(f"{mantissa}e-{exponent - len(text) + 1}")
    text = text.rjust(exponent + 1, "0")
    return t.Number(f"{text[:-exponent]}.{text[-exponent:]}")


def plain_factors(tree: Tree) -> list[Tree]:
    """The factors of a plain product, so that brackets around it are not needed."""
    if isinstance(tree, t.Product) and all(operator == "*" for operator, _ in tree.factors):
        return [factor for _, factor in tree.factors]
    return [tree]


def product_of(factors: Sequence[Tree]) -> Tree:
    """The product of trees, flattened."""
    flat = [part for factor in factors for part in plain_factors(factor)]
    return flat[0] if len(flat) == 1 else t.Product(tuple(("*", part) for part in flat))


def in_order(factors: Sequence[Term], first: Collection[str]) -> list[Term]:
    """Entries of the arrays `first`, then the factors in order, each guard before the first that it keeps inside."""
    leading = {each for each in factors if isinstance(each, terms.Entry) and each.array in first}
    ordered: list[Term] = [each for each in factors if each in leading]
    for factor in factors:
        place = len(ordered)
        if isinstance(factor, terms.Guard):
            place = next((k for k, other in enumerate(ordered) if _guards(factor, other)), place)
        if factor not in leading:
            ordered.insert(place, factor)
    return ordered


def _guards(guard: terms.Guard, factor: Term) -> bool:
    wanted = {side for each in guard.conditions if isinstance(each, terms.Chain) for side in each.sides}
    divided = {(each.value, each.divisor) for each in guard.conditions if isinstance(each, terms.Divides)}
    for node in terms.walk(factor):
        if isinstance(node, terms.Entry):
            for subscript in node.indices:
                floors = ((a.numerator, a.denominator) for a in subscript.atoms() if isinstance(a, Floor))
                if (subscript in wanted and subscript.value is None) or any(pair in divided for pair in floors):
                    return True
    return False
