"""Slips of matrices, sliding products and shapes: transposes, order of factors, inner and outer, flipped kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations, product

from derive import tree as t
from derive.tree import Tree
from derive.verify.slips import COMMON, GENERIC, SPECIFIC, Edit, NamedSlip, Site
from derive.verify.slips_editing import is_leaf, times

_ONES = t.Name("ones")
_SLIDING = tuple(f"{word}{mode}" for word in ("star", "asterisk") for mode in ("", "_valid", "_full", "_same"))


def turned(tree: Tree) -> Tree:
    """The transpose, and u for u^T."""
    return tree.body if isinstance(tree, t.Transpose) else t.Transpose(tree)


def _matrix_like(site: Site, tree: Tree) -> bool:
    """Whether a transpose could matter: a whole array, in a row that is not written entry by entry."""
    match tree:
        case t.Name(text=name):
            return site.context.ranks.get(name, 1) > 0
        case t.Subscript(array=name, indices=indices):
            return site.context.ranks.get(name, 9) > len(indices)
        case t.Transpose() | t.Product() | t.Sum() | t.Derivative():
            return True
        case t.Call(function=name):
            return name not in ("sqrt", "exp", "log")
    return False


def _transposed(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Transpose) or isinstance(site.above, t.Transpose):
        return
    if isinstance(site.node, (t.Name, t.Subscript, t.Derivative, t.Call)) and _matrix_like(site, site.node):
        yield t.Transpose(site.node)


def _untransposed(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Transpose):
        yield site.node.body


def _whole(site: Site) -> Iterator[Tree]:
    if site.is_root and not isinstance(site.node, (t.Name, t.Subscript, t.Transpose)) and _matrix_like(site, site.node):
        yield t.Transpose(site.node)


def _outer(site: Site) -> Iterator[Tree]:
    """a b^T -> b a^T."""
    for left, right, put in _neighbours(site.node):
        if isinstance(right, t.Transpose) or isinstance(left, t.Transpose):
            yield put(turned(right), turned(left))


def _order(site: Site) -> Iterator[Tree]:
    """a b -> b a."""
    for left, right, put in _neighbours(site.node):
        if _matrix_like(site, left) and _matrix_like(site, right):
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
        if operator not in ("/", "./") and _matrix_like(site, factor) and not isinstance(factor, t.Number)
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


def _matrix_product(entrywise: bool) -> Edit:
    """Products entry by entry and of matrices exchanged."""

    def edit(site: Site) -> Iterator[Tree]:
        if isinstance(site.node, t.Product):
            for place, (operator, factor) in enumerate(site.node.factors):
                if place and (operator == ".*") != entrywise and operator not in ("/", "./"):
                    factors = list(site.node.factors)
                    factors[place] = (".*" if entrywise else "", factor)
                    yield t.Product(tuple(factors))

    return edit


def _collected(site: Site) -> Iterator[Tree]:
    """A matrix with the vector of ones on one of its sides: sums of its rows or columns."""
    if not site.is_root or site.context.is_indexed:
        return
    bodies: list[Tree] = [site.node]
    match site.node:
        case t.Product(factors=((_, one), (_, other))) if _ONES in (one, other) or t.Transpose(_ONES) in (one, other):
            bodies = [other if one in (_ONES, t.Transpose(_ONES)) else one]
    for body in bodies:
        for matrix in (body, turned(body)):
            yield t.Product((("*", matrix), ("", _ONES)))
            yield t.Product((("*", t.Transpose(_ONES)), ("", matrix)))


def _uncollected(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Product(factors=((_, one), (_, other))):
            if other == _ONES:
                yield one
            if one in (t.Transpose(_ONES), _ONES):
                yield other
        case t.Reduction(operator="sum", body=body) if site.is_root:
            yield body


def _other_side(site: Site) -> Iterator[Tree]:
    """M 1 -> M^T 1."""
    match site.node:
        case t.Product(factors=((sign, one), (operator, other))) if other == _ONES:
            yield t.Product(((sign, turned(one)), (operator, other)))
        case t.Product(factors=((sign, one), (operator, other))) if one == t.Transpose(_ONES):
            yield t.Product(((sign, turned(other)), (operator, _ONES)))


def _rotated(site: Site) -> Iterator[Tree]:
    if isinstance(site.above, t.Call) and site.above.function == "rot180":
        return
    if is_leaf(site.node) and site.context.ranks.get(_name(site.node), 0) >= 2 and _matrix_like(site, site.node):
        yield t.Call("rot180", (site.node,))


def _unrotated(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(function="rot180", arguments=(body,)):
            yield body


def _name(tree: Tree) -> str:
    return tree.text if isinstance(tree, t.Name) else tree.array if isinstance(tree, t.Subscript) else ""


def _sliding(change: Sequence[tuple[str, str]]) -> Edit:
    """One kind of sliding product for another."""

    def edit(site: Site) -> Iterator[Tree]:
        match site.node:
            case t.Call(function=name, arguments=(one, other)) if name in _SLIDING:
                word, _, mode = name.partition("_")
                for old, new in change:
                    if old == word:
                        yield t.Call(f"{new}_{mode}" if mode else new, (one, other))
                        yield t.Call(f"{new}_{mode}" if mode else new, (other, one))
                    if old == mode or (old == "valid" and not mode):
                        yield t.Call(f"{word}_{new}", (one, other))

    return edit


def _arguments(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(function=name, arguments=(one, other)) if name in _SLIDING:
            yield t.Call(name, (other, one))


def _diag(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, (t.Name, t.Subscript, t.Call)) and _matrix_like(site, site.node):
        yield t.Call("diag", (site.node,))


def _undiag(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(function="diag", arguments=(body,)):
            yield body


def _with_matrix(site: Site) -> Iterator[Tree]:
    """A matrix of the problem, or its transpose, multiplied in at one side."""
    context = site.context
    if site.is_term and not context.is_indexed and not isinstance(site.node, (t.Negative, t.Sum)):
        for name, rank in context.ranks.items():
            if rank:
                for entry in context.entries(name, site.letters):
                    for matrix in (entry, t.Transpose(entry)):
                        yield t.Product((("*", matrix), ("", site.node)))
                        yield t.Product((("*", site.node), ("", matrix)))


def _without_matrix(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Product) and not site.context.is_indexed and len(site.node.factors) > 1:
        for place, (operator, factor) in enumerate(site.node.factors):
            if operator in ("*", "", "@") and _matrix_like(site, factor):
                rest = [each for k, each in enumerate(site.node.factors) if k != place]
                yield rest[0][1] if len(rest) == 1 else t.Product((("*", rest[0][1]), *rest[1:]))


def _centred(site: Site) -> Iterator[Tree]:
    """a .* g -> a .* (g - (a .* g) 1 1^T): the sums of rows that softmax couples."""
    if not site.is_root or site.context.is_indexed or not isinstance(site.node, t.Product):
        return
    leaves = [factor for _, factor in site.node.factors if is_leaf(factor)]
    for a, g in permutations(leaves, 2):
        rows = t.Product((("*", times(a, g, True)), ("", _ONES), ("", t.Transpose(_ONES))))
        yield t.Product((("*", a), (".*", t.Sum((("+", g), ("-", rows))))))


def _uncentred(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Product(factors=((_, a), (".*", t.Sum(terms=(("+", g), ("-", rows)))))) if (
            site.is_root and _ONES in t.walk(rows)
        ):
            yield t.Product((("*", g), (".*", a), (".*", t.Sum((("+", t.Number("1")), ("-", a))))))
            yield t.Product((("*", a), (".*", g)))


def slips() -> tuple[NamedSlip, ...]:
    return (
        NamedSlip(
            "collected along the wrong axis",
            "shape",
            "The sum goes along the wrong axis: {after} belongs here, not {before}.",
            _other_side,
            _other_side,
            ("D*ones", "D^T*ones"),
            SPECIFIC,
        ),
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
        NamedSlip(
            "sum over the samples missing",
            "shape",
            "What is added to every sample collects the derivatives of all samples: {after}, not {before}.",
            _uncollected,
            _collected,
            ("D^T*ones", "D"),
        ),
        NamedSlip(
            "matrix factor missing",
            "factor",
            "A matrix of the product is lost: {after} belongs here, not {before}.",
            _without_matrix,
            _with_matrix,
            ("X^T*D", "D"),
            GENERIC,
        ),
        NamedSlip(
            "kernel not turned",
            "kernel-flip",
            "Going backwards the kernel is turned by half a turn: {after} belongs here, not {before}.",
            _unrotated,
            _rotated,
            ("rot180(K)", "K"),
            SPECIFIC,
        ),
        NamedSlip(
            "kernel turned",
            "kernel-flip",
            "The kernel is not turned here: {after} belongs here, not {before}.",
            _rotated,
            _unrotated,
            ("K", "rot180(K)"),
            SPECIFIC,
        ),
        NamedSlip(
            "correlation for convolution",
            "kernel-flip",
            "Correlation and convolution differ by a turned kernel: {after} belongs here, not {before}.",
            _sliding((("asterisk", "star"), ("star", "asterisk"))),
            _sliding((("star", "asterisk"), ("asterisk", "star"))),
            ("asterisk_full(D, K)", "star_full(D, K)"),
            SPECIFIC,
        ),
        NamedSlip(
            "border of a sliding product",
            "range",
            "Valid, full and same differ in how far the kernel slides: {after} belongs here, not {before}.",
            _sliding((("full", "valid"), ("full", "same"), ("valid", "full"))),
            _sliding((("valid", "full"), ("same", "full"), ("full", "valid"))),
            ("asterisk_full(D, K)", "asterisk_valid(D, K)"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "operands of a correlation exchanged",
            "order",
            "A correlation is not symmetric in its operands: {after} belongs here, not {before}.",
            _arguments,
            _arguments,
            ("star(V, G)", "star(G, V)"),
            COMMON,
        ),
        NamedSlip(
            "diag missing",
            "shape",
            "The vector stands for a diagonal matrix: {after} belongs here, not {before}.",
            _undiag,
            _diag,
            ("diag(d)*W", "d*W"),
        ),
        NamedSlip(
            "softmax treated entry by entry",
            "term-missing",
            "Every entry of a softmax depends on all scores of its row; the sum over the row is missing: {after}, not "
            "{before}.",
            _uncentred,
            _centred,
            ("A.*(D - (A.*D)*ones*ones^T)", "A.*D.*(1 - A)"),
            SPECIFIC,
        ),
    )
