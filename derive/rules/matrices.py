"""Index form to matrix form: Σ_k A[m,k] B[k,n] is A B, u[m] v[n] is u v^T, one index in every factor is entry by entry.

The factors of a product are nodes of a graph whose edges are the indices that a sum binds. A connected piece is a chain
of matrix products, from one free index to the other; pieces over the same free indices are multiplied entry by entry,
a piece over the rows and one over the columns make an outer product. What fits none of this has no matrix form here.
The matrix form is read back to index form by derive.reading; tests and `derive.checks` hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from derive import terms
from derive import tree as t
from derive.integers import Index
from derive.program import Equation
from derive.rules.rewriting import factors_of
from derive.terms import Entry, Number, Power, Reduce, Term
from derive.tree import Tree
from derive.writing import tree_of_term


@dataclass(frozen=True, slots=True)
class Array:
    """A tree whose value has these free indices: () a scalar, (i,) a column, (i, j) a matrix with rows i."""

    tree: Tree
    indices: tuple[Index, ...]


def matrix_form(equation: Equation, heads: Mapping[str, Entry] = MappingProxyType({})) -> Tree | None:
    """The right-hand side in whole-array notation, or None where it has none.

    heads : arrays at their own indices: one that is read in part has no place in a product of whole arrays.
    There is none for three axes, shifted reads and guards.
    """
    indices = equation.indices
    if len(indices) > 2 or not _reads_whole(equation.term, heads):
        return None
    found = _array(equation.term)
    return None if found is None else _oriented(found, indices)


def _reads_whole(term: Term, heads: Mapping[str, Entry]) -> bool:
    """Whether every index that stands alone in an entry runs over the whole axis."""
    for node in terms.walk(term):
        if isinstance(node, Entry) and node.array in heads:
            for part, head in zip(node.indices, heads[node.array].indices, strict=True):
                one, own = part.index, head.index
                if one is not None and own is not None and (one.lower, one.stop) != (own.lower, own.stop):
                    return False
    return True


def _oriented(found: Array, indices: tuple[Index, ...]) -> Tree | None:
    """The tree with the free indices in this order."""
    if found.indices == indices:
        return found.tree
    if len(indices) == 2 and found.indices == indices[::-1]:
        return _transposed(found.tree)
    return None


def _transposed(tree: Tree) -> Tree:
    """A^T; (A B)^T is B^T A^T, and A^T^T is A."""
    if isinstance(tree, t.Transpose):
        return tree.body
    if isinstance(tree, t.Product) and all(sign == "" for sign, _ in tree.factors[1:]):
        return _side_by_side([_transposed(factor) for _, factor in reversed(tree.factors)])
    match tree:
        case t.Product(factors=((sign, t.Number() as number), ("*", body))):  # (2*(A B))^T
            return t.Product(((sign, number), ("*", _transposed(body))))
    return t.Transpose(tree)


def _side_by_side(factors: Sequence[Tree]) -> Tree:
    flat: list[Tree] = []
    for factor in factors:
        inner = isinstance(factor, t.Product) and all(sign == "" for sign, _ in factor.factors[1:])
        flat += [part for _, part in factor.factors] if inner and isinstance(factor, t.Product) else [factor]
    return flat[0] if len(flat) == 1 else t.Product((("*", flat[0]), *(("", factor) for factor in flat[1:])))


def _array(term: Term) -> Array | None:
    """A term in whole-array notation, its free indices in the order of writing."""
    match term:
        case Number() | terms.Constant() | terms.Whole():
            return None if terms.free_indices(term) else Array(tree_of_term(term), ())
        case Entry():
            indices = tuple(part.index for part in term.indices)
            if len(indices) > 2 or None in indices or len(set(indices)) < len(indices):
                return None
            return Array(t.Name(term.array), tuple(index for index in indices if index is not None))
        case terms.Apply(function=function, arguments=(argument,)):
            inner = _array(argument)
            return None if inner is None else Array(t.Call(function, (inner.tree,)), inner.indices)
        case Power(exponent=Number()):
            return _power(term)
        case terms.Guard(conditions=(terms.Comparison() as condition,)):
            return _indicator(condition)
        case terms.Add():
            return _sum(term)
        case terms.Mul() | Reduce(operator="sum"):
            return _product(term)
    return None


def _indicator(condition: terms.Comparison) -> Array | None:
    """[Z > 0], entry by entry; numbers may stand beside an array."""
    sides = [_array(side) for side in condition.sides]
    if any(side is None for side in sides):
        return None
    found = [side for side in sides if side is not None]
    widest = max(found, key=lambda side: len(side.indices)).indices
    if any(side.indices not in ((), widest) for side in found):
        return None
    return Array(t.Indicator(tuple(side.tree for side in found), condition.operators), widest)


def _power(term: Power) -> Array | None:
    inner = _array(term.base)
    if inner is None or not isinstance(term.exponent, Number):
        return None
    exponent = term.exponent.value
    below = abs(exponent)
    if below == Fraction(1, 2):
        body: Tree = t.Call("sqrt", (inner.tree,))
    elif below == 1:
        body = inner.tree
    else:
        body = t.Power(inner.tree, t.tree_of(below), elementwise=bool(inner.indices))
    if exponent < 0:
        body = t.Product((("*", t.Number("1")), ("./" if inner.indices else "/", body)))
    return Array(body, inner.indices)


def _sum(term: terms.Add) -> Array | None:
    """Terms over the same indices; a scalar may stand beside an array."""
    parts = [_array(part) for part in term.terms]
    if any(part is None for part in parts):
        return None
    found = [part for part in parts if part is not None]
    widest = max(found, key=lambda part: len(part.indices)).indices
    signed = []
    for part in found:
        if part.indices and set(part.indices) != set(widest):
            return None
        body = _oriented(part, widest) if part.indices else part.tree
        if body is None:
            return None
        signed.append(body)
    return Array(t.tidy_sum(signed), widest)


def _flat(term: Term) -> tuple[list[Term], list[Index]]:
    """Factors under all sums, and what these sums bind. A power of a sum is one factor."""
    factors: list[Term] = []
    bound: list[Index] = []
    if isinstance(term, Reduce):
        inner, more = _flat(term.body)
        return inner, [*term.indices, *more]
    for factor in factors_of(term):
        if isinstance(factor, Reduce) and factor.operator == "sum":
            inner, more = _flat(factor)
            factors += inner
            bound += more
        else:
            factors.append(factor)
    return factors, bound


def _product(term: Term) -> Array | None:
    factors, bound = _flat(term)
    arrays: list[Array] = []
    below: list[Tree] = []
    for factor in factors:
        inverse = isinstance(factor, Power) and isinstance(factor.exponent, Number) and factor.exponent.value < 0
        found = _array(terms.power(factor, -1)) if inverse else _array(factor)
        if found is None or (inverse and found.indices):
            found = _array(factor)
            inverse = False
        if found is None:
            return None
        if inverse:
            below.append(found.tree)
        else:
            arrays.append(found)
    pieces = _pieces(arrays, bound)
    if pieces is None:
        return None
    joined = _joined(pieces)
    if joined is None:
        return None
    body = joined.tree
    for divisor in below:
        body = t.divide(body, divisor)
    return Array(body, joined.indices)


def _pieces(arrays: list[Array], bound: list[Index]) -> list[Array] | None:
    """The connected pieces, each as a chain of products. An index bound and met once is a sum over it: ones."""
    groups: list[list[Array]] = []
    for array in arrays:
        linked = [
            group for group in groups if any(set(array.indices) & set(other.indices) & set(bound) for other in group)
        ]
        merged = [array]
        for group in linked:
            merged = group + merged
            groups.remove(group)
        groups.append(merged)
    made = [_chain(group, bound) for group in groups]
    return None if any(piece is None for piece in made) else [piece for piece in made if piece is not None]


def _chain(group: list[Array], bound: list[Index]) -> Array | None:
    """One connected piece as a product of matrices and vectors in a row; a closed one is a trace."""
    if len(group) == 1:
        (only,) = group
        summed = [index for index in only.indices if index in bound]
        if not summed:
            return only
        if len(summed) == len(only.indices):
            return Array(t.Call("sum", (only.tree,)), ())
        if len(only.indices) == 2:  # the sum of the columns or rows
            (own,) = set(only.indices) - set(summed)
            body = _oriented(only, (own, summed[0]))
            assert body is not None
            ones = t.Call("ones", (tree_of_term(terms.whole(summed[0].extent)),))
            return Array(_side_by_side([body, ones]), (own,))
        return None
    if all(index in bound for array in group for index in array.indices):
        closed = _closed(group)
        if closed is not None:
            return closed
    group = _entrywise(group, bound)
    if len(group) == 1:
        return _chain(group, bound)
    count = {index: sum(index in array.indices for array in group) for index in bound}
    if any(number not in (0, 2) for number in count.values()):
        return None
    free = [index for array in group for index in array.indices if index not in bound]
    if len(set(free)) != len(free) or len(free) > 2:
        return None
    ends = [array for array in group if len([index for index in array.indices if index in bound]) == 1]
    if not ends:
        return _trace(group)
    start = next((array for array in ends if any(index in free[:1] for index in array.indices)), ends[0])
    return _walked(start, [array for array in group if array is not start], bound)


def _closed(group: list[Array]) -> Array | None:
    """u^T v of two columns, tr(A B) of matrices in a ring; None where these are no plainer than a sum."""
    if len(group) == 2 and all(len(array.indices) == 1 for array in group):
        return Array(_side_by_side([_transposed(group[0].tree), group[1].tree]), ())
    if len({frozenset(array.indices) for array in group}) == 1 and len({array.indices for array in group}) == 1:
        return None
    return _trace(group)


def _entrywise(group: list[Array], bound: list[Index]) -> list[Array]:
    """Factors over the very same indices multiplied entry by entry."""
    merged: dict[frozenset[Index], Array] = {}
    for array in group:
        key = frozenset(array.indices)
        if key in merged and key:
            other = merged[key]
            body = _oriented(array, other.indices)
            assert body is not None
            merged[key] = Array(t.Product((("*", other.tree), (".*", body))), other.indices)
        else:
            merged[key] = array
    return list(merged.values())


def _walked(start: Array, rest: list[Array], bound: list[Index]) -> Array | None:
    """From the start along the shared indices to the other end."""
    first = [index for index in start.indices if index not in bound]
    link = next(index for index in start.indices if index in bound)
    if first:
        row: Tree | None = _oriented(start, (first[0], link))
    else:
        row = start.tree  # a column: transposed, it begins the row
    if row is None:
        return None
    factors = [row]
    transposed_start = not first
    while rest:
        following = next((array for array in rest if link in array.indices), None)
        if following is None:
            return None
        rest.remove(following)
        others = [index for index in following.indices if index is not link]
        if not others:
            factors.append(following.tree)
            break
        body = _oriented(following, (link, others[0]))
        if body is None:
            return None
        factors.append(body)
        link = others[0]
    if rest:
        return None
    last = (link,) if link not in bound else ()
    if transposed_start and last:  # u^T A is a row; as a column it is A^T u
        turned = [_transposed(factor) for factor in reversed(factors[1:])]
        return Array(_side_by_side([*turned, factors[0]]), last)
    if transposed_start:
        factors[0] = _transposed(factors[0])
    return Array(_side_by_side(factors), (*first, *last))


def _trace(group: list[Array]) -> Array | None:
    if any(len(array.indices) != 2 for array in group):
        return None
    start, *rest = group
    factors = [start.tree]
    link = start.indices[1]
    while rest:
        following = next((array for array in rest if link in array.indices), None)
        if following is None:
            return None
        rest.remove(following)
        other = following.indices[1] if following.indices[0] is link else following.indices[0]
        body = _oriented(following, (link, other))
        if body is None:
            return None
        factors.append(body)
        link = other
    return Array(t.Call("tr", (_side_by_side(factors),)), ()) if link is start.indices[0] else None


def _joined(pieces: list[Array]) -> Array | None:
    """Scalars in front, pieces over the same indices entry by entry, rows and columns as an outer product."""
    scalars = [piece for piece in pieces if not piece.indices]
    others = [piece for piece in pieces if piece.indices]
    if not others:
        body: Tree = t.Number("1")
        for scalar in scalars:
            body = t.multiply(body, scalar.tree)
        return Array(body, ())
    merged = _entrywise(others, [])
    vectors = [piece for piece in merged if len(piece.indices) == 1]
    matrices = [piece for piece in merged if len(piece.indices) == 2]
    if len(merged) == 1:
        body, indices = merged[0].tree, merged[0].indices
    elif len(vectors) == 2 and not matrices:
        body = _side_by_side([vectors[0].tree, t.Transpose(vectors[1].tree)])
        indices = (*vectors[0].indices, *vectors[1].indices)
    else:
        return None
    if scalars:
        front: Tree = t.Number("1")
        for scalar in scalars:
            front = t.multiply(front, scalar.tree)
        body = t.multiply(front, body) if not t.is_number(front, 1) else body
    return Array(body, indices)
