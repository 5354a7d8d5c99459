"""The smallest part in which two formulas differ, and what one has more than the other: what a sentence names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips_editing import product_of, signed_sum

Pair = tuple[str, Tree]


def narrowed(before: Tree, after: Tree) -> tuple[Tree, Tree]:
    """(part, what belongs there): two formulas that differ in one place are told by that place alone."""
    while True:
        found = _below(before, after)
        if found is None:
            return before, after
        before, after = found


def _below(before: Tree, after: Tree) -> tuple[Tree, Tree] | None:
    match before, after:
        case t.Negative(body=one), t.Negative(body=other):
            return one, other
        case t.Transpose(body=one), t.Transpose(body=other):
            return one, other
        case t.Sum(terms=ones), t.Sum(terms=others):
            return _one_apart(ones, others)
        case t.Product(factors=ones), t.Product(factors=others):
            found = _one_apart(ones, others)
            # in u (1 - u) the bracket says little without the u beside it
            return found if found is None or _stands_alone(*found) else None
        case t.Reduction(body=one), t.Reduction(body=other) if replace(after, body=one) == before:
            return one, other
        case t.Power(base=one), t.Power(base=other) if replace(after, base=one) == before:
            return one, other
        case t.Call(arguments=ones), t.Call(arguments=others) if (
            len(ones) == 1 and len(others) == 1 and replace(after, arguments=ones) == before
        ):
            return ones[0], others[0]
    return None


def _one_apart(ones: Sequence[Pair], others: Sequence[Pair]) -> tuple[Tree, Tree] | None:
    """The one term or factor that is another in two lists of them; one with the other sign gets its minus."""
    if len(ones) != len(others):
        return None
    apart = [k for k, (one, other) in enumerate(zip(ones, others, strict=True)) if one != other]
    if len(apart) != 1:
        return None
    (sign, one), (other_sign, other) = ones[apart[0]], others[apart[0]]
    if sign == other_sign:
        return one, other
    if {sign, other_sign} == {"+", "-"} and one == other:
        return (t.Negative(one), other) if sign == "-" else (one, t.Negative(other))
    return None


def _stands_alone(one: Tree, other: Tree) -> bool:
    return not isinstance(one, t.Sum) or not isinstance(other, t.Number)


def more(before: Tree, after: Tree) -> Tree | None:
    """The factor or the term that `after` has more than `before`, with its sign or as 1/u; else None."""
    while isinstance(before, t.Negative) and isinstance(after, t.Negative):
        before, after = before.body, after.body
    return _more_factors(before, after) or _more_terms(before, after)


def inverse(tree: Tree) -> Tree:
    """u of 1/u, and 1/u of u."""
    match tree:
        case t.Product(factors=((_, one), ("/", body))) if t.is_number(one, 1):
            return body
    return t.Product((("*", t.Number("1")), ("/", tree)))


def _more_factors(before: Tree, after: Tree) -> Tree | None:
    if not isinstance(after, t.Product):
        return None
    left = [each for each in after.factors if each[1] != before]
    if len(left) == len(after.factors):
        left = list(after.factors)
        for pair in before.factors if isinstance(before, t.Product) else ():
            same = [each for each in left if each[1] == pair[1] and _side(each) == _side(pair)]
            if not same:
                return None
            left.remove(same[0])
        if len(left) == len(after.factors):
            return None
    return product_of(left)


def _side(pair: Pair) -> bool:
    """Whether a factor divides."""
    return pair[0] in ("/", "./")


def _more_terms(before: Tree, after: Tree) -> Tree | None:
    if not isinstance(after, t.Sum):
        return None
    own = before.terms if isinstance(before, t.Sum) else (("+", before),)
    left = list(after.terms)
    for pair in own:
        if pair not in left:
            return None
        left.remove(pair)
    return signed_sum(left) if left and len(left) < len(after.terms) else None


def other_index(before: Tree, after: Tree) -> tuple[Tree, Tree] | None:
    """(index, what belongs there) of two entries of one array that differ in one index."""
    if not isinstance(before, t.Subscript) or not isinstance(after, t.Subscript) or before.array != after.array:
        return None
    if len(before.indices) != len(after.indices):
        return None
    apart = [pair for pair in zip(before.indices, after.indices, strict=True) if pair[0] != pair[1]]
    return apart[0] if len(apart) == 1 else None
