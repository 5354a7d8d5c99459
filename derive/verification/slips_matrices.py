"""Slips of matrices, sliding products and shapes: transposes, order of factors, inner and outer, flipped kernels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import SPECIFIC, Edit, NamedSlip, Site

_ONES = t.Name("ones")


def turned(tree: Tree) -> Tree:
    """The transpose, and u for u^T."""
    return tree.body if isinstance(tree, t.Transpose) else t.Transpose(tree)


def matrix_like(site: Site, tree: Tree) -> bool:
    """Whether a transpose could matter: a whole array, in a row that is not written entry by entry."""
    match tree:
        case t.Name() | t.Subscript() | t.Transpose() | t.Product() | t.Sum() | t.Derivative():
            return not site.context.is_number(tree)
        case t.Call(function=name):
            return name not in ("sqrt", "exp", "log") and not site.context.is_number(tree)
    return False


def _transposed(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Transpose) or isinstance(site.above, t.Transpose):
        return
    if isinstance(site.node, (t.Name, t.Subscript, t.Derivative, t.Call)) and matrix_like(site, site.node):
        yield t.Transpose(site.node)


def _untransposed(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Transpose):
        yield site.node.body


def _whole(site: Site) -> Iterator[Tree]:
    if site.is_root and not isinstance(site.node, (t.Name, t.Subscript, t.Transpose)) and matrix_like(site, site.node):
        yield t.Transpose(site.node)


def _outer(site: Site) -> Iterator[Tree]:
    """a b^T -> b a^T."""
    for left, right, put in _neighbours(site.node):
        if isinstance(right, t.Transpose) or isinstance(left, t.Transpose):
            yield put(turned(right), turned(left))


def _order(site: Site) -> Iterator[Tree]:
    """a b -> b a."""
    for left, right, put in _neighbours(site.node):
        if matrix_like(site, left) and matrix_like(site, right):
            yield put(right, left)


class _Put:
    """Two neighbouring factors of a product replaced."""

    def __init__(self, tree: t.Product, place: int) -> None:
        self.tree, self.place = tree, place

    def __call__(self, left: Tree, right: Tree) -> Tree:
        factors = list(self.tree.factors)
        operator = factors[self.place][0]
        factors[self.place] = (operator, left)
        factors[self.place + 1] = (factors[self.place + 1][0], right)
        return t.Product(tuple(factors))


def _neighbours(tree: Tree) -> Iterator[tuple[Tree, Tree, _Put]]:
    if isinstance(tree, t.Product):
        for place in range(len(tree.factors) - 1):
            if tree.factors[place + 1][0] in ("*", "", "@") and tree.factors[place][0] != "/":
                yield tree.factors[place][1], tree.factors[place + 1][1], _Put(tree, place)


def _inner_outer(site: Site) -> Iterator[Tree]:
    """u^T v and u v^T."""
    for left, right, put in _neighbours(site.node):
        if isinstance(left, t.Transpose) != isinstance(right, t.Transpose):
            yield put(turned(left), turned(right))
    match site.node:
        case t.Call(function="inner", arguments=(u, v)):
            yield t.Product((("*", u), ("", t.Transpose(v))))


def _arranged(site: Site) -> Iterator[Tree]:
    """The matrices of a product in any order, each transposed or not."""
    node = site.node
    if not isinstance(node, t.Product) or any(operator == ".*" for operator, _ in node.factors):
        return
    places = [
        k
        for k, (operator, factor) in enumerate(node.factors)
        if operator not in ("/", "./") and matrix_like(site, factor) and not isinstance(factor, t.Number)
    ]
    if not 2 <= len(places) <= 3:
        return
    matrices = [node.factors[k][1] for k in places]
    for order in permutations(matrices):
        for turns in product((False, True), repeat=len(order)):
            factors = list(node.factors)
            for k, matrix, turn in zip(places, order, turns, strict=True):
                factors[k] = (factors[k][0], turned(matrix) if turn else matrix)
            yield t.Product(tuple(factors))


def _plain(tree: Tree) -> Tree:
    return tree.body if isinstance(tree, t.Transpose) else tree


def _matrix_product(entrywise: bool) -> Edit:
    """Products entry by entry and of matrices exchanged."""

    def edit(site: Site) -> Iterator[Tree]:
        if isinstance(site.node, t.Product):
            for place, (operator, factor) in enumerate(site.node.factors):
                if place and (operator == ".*") != entrywise and operator not in ("/", "./"):
                    factors = list(site.node.factors)
                    factors[place] = (".*" if entrywise else "", factor)
                    yield t.Product(tuple(factors))
                    if entrywise:  # u^T v and u v^T, where a transpose made the shapes fit
                        before = factors[place - 1]
                        for one, other in ((_plain(before[1]), factor), (before[1], _plain(factor))):
                            if (one, other) != (before[1], factor):
                                factors[place - 1 : place + 1] = [(before[0], one), (".*", other)]
                                yield t.Product(tuple(factors))

    return edit


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "transpose missing",
            "transpose",
            "A transpose is missing; going backwards through W is multiplying by its transpose: {after}, not {before}.",
            _untransposed,
            _transposed,
            ("W^T*d", "W*d"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "transpose too many",
            "transpose",
            "A transpose stands here that does not belong: {after}, not {before}.",
            _transposed,
            _untransposed,
            ("X*W", "X*W^T"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "outer product the wrong way round",
            "transpose",
            "The outer product is transposed: {after} belongs here, not {before}; the rows come from the first factor.",
            _outer,
            _outer,
            ("d*a^T", "a*d^T"),
            SPECIFIC,
        ),
        NamedSlip(
            "inner for the outer product",
            "order",
            "u^T v is a number and u v^T a matrix: {after} belongs here, not {before}.",
            _inner_outer,
            _inner_outer,
            ("u*u^T", "u^T*u"),
            SPECIFIC,
        ),
        NamedSlip(
            "order of a matrix product",
            "order",
            "Matrices do not commute: {after} belongs here, not {before}.",
            _order,
            _order,
            ("A*B", "B*A"),
            SPECIFIC,
        ),
        NamedSlip(
            "order and transposes of a matrix product",
            "order",
            "Order and transposes do not fit together; let the shapes decide: {after}, not {before}.",
            _arranged,
            _arranged,
            ("D*W^T", "W^T*D"),
        ),
        NamedSlip(
            "whole side transposed",
            "transpose",
            "The right side is the transpose of what is asked for: {after} belongs here.",
            _untransposed,
            _whole,
            ("(A*B)^T", "A*B"),
        ),
        NamedSlip(
            "product entry by entry for the matrix product",
            "order",
            "This is a product of matrices, not entry by entry: {after} belongs here, not {before}.",
            _matrix_product(True),
            _matrix_product(False),
            ("A*B", "A.*B"),
        ),
        NamedSlip(
            "matrix product for the product entry by entry",
            "order",
            "This is a product entry by entry, not of matrices: {after} belongs here, not {before}.",
            _matrix_product(False),
            _matrix_product(True),
            ("A.*B", "A*B"),
        ),
    )
