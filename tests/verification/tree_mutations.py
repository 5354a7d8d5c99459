"""Small changes of a tree such as slips of the pen make, by kind; written without looking at the library of slips.

They know no mathematics: many are no mistakes at all, which the oracle finds out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from derive import tree as t
from derive.tree import Tree

#: Functions that are mistaken for each other.
MISTAKEN = {
    "exp": ("log",), "log": ("exp",), "sin": ("cos",), "cos": ("sin",), "tanh": ("sigmoid", "sech"), "sech": ("tanh",),
    "sigmoid": ("tanh",), "sqrt": ("abs",), "relu": ("abs",), "softmax": ("exp",), "sinh": ("cosh",), "cosh": ("sinh",),
}  # fmt: skip
ONE, TWO = t.Number("1"), t.Number("2")


def mutations(tree: Tree, ranks: dict[str, int], letters: Sequence[str]) -> Iterator[tuple[str, Tree]]:
    """(kind, changed tree) for every place and kind. ranks : of the names that may be swapped. letters : indices."""
    for path, node, indexed in _places(tree):
        for kind, changed in _at(node, ranks, letters, indexed):
            if changed != node:
                yield kind, _replaced(tree, path, changed)


def _places(tree: Tree) -> Iterator[tuple[tuple[int, ...], Tree, bool]]:
    """Path, node, and whether it stands in an index place; what is below a derivative's variable is an index place."""
    stack: list[tuple[tuple[int, ...], Tree, bool]] = [((), tree, False)]
    while stack:
        path, node, indexed = stack.pop()
        yield path, node, indexed
        inside = isinstance(node, t.Subscript)
        for k, child in enumerate(t.children(node)):
            below = indexed or inside or (isinstance(node, t.Reduction) and k > 0)
            below = below or (isinstance(node, t.Call) and k >= len(node.arguments))
            stack.append(((*path, k), child, below))


def _replaced(tree: Tree, path: tuple[int, ...], changed: Tree) -> Tree:
    if not path:
        return changed
    parts = list(t.children(tree))
    parts[path[0]] = _replaced(parts[path[0]], path[1:], changed)
    return t.rebuilt(tree, tuple(parts))


def _at(node: Tree, ranks: dict[str, int], letters: Sequence[str], indexed: bool) -> Iterator[tuple[str, Tree]]:
    match node:
        case t.Name(text=name) if indexed:
            yield from (("other index letter", t.Name(other)) for other in letters if other != name)
            if name in letters:
                yield "index off by one", t.add(node, ONE)
                yield "index off by one", t.subtract(node, ONE)
        case t.Name(text=name) if name in ranks:
            yield from (("other name", t.Name(o)) for o, rank in ranks.items() if o != name and rank == ranks[name])
            yield "squared", t.Power(node, TWO)
            if ranks[name] == 2:
                yield "transpose", t.Transpose(node)
        case t.Number(text=text) if text.isdecimal():
            yield "constant", t.Number(str(int(text) + 1))
            if int(text) > 1:
                yield "constant", t.Number(str(int(text) - 1))
            if not indexed:
                yield "constant", t.Product((("*", node), ("*", TWO)))
        case t.Negative(body=body):
            yield "sign", body
        case t.Sum(terms=terms):
            yield from _of_sum(terms, indexed)
        case t.Product(factors=factors):
            yield from _of_product(factors, indexed)
        case t.Power(base=base, exponent=exponent):
            yield "power dropped", base
            yield "power", replace(node, exponent=t.add(exponent, ONE))
            yield "power", replace(node, exponent=t.negate(exponent))
        case t.Transpose(body=body):
            yield "transpose", body
        case t.Subscript(array=name, indices=indices):
            rank = len(indices)
            if name in ranks:
                for other, size in ranks.items():
                    if other != name and size == ranks[name]:
                        yield "other name", replace(node, array=other)
            for k in range(1 if node.layer else 0, rank - 1):  # a declared layer is one, above or below
                swapped = (*indices[:k], indices[k + 1], indices[k], *indices[k + 2 :])
                yield "indices swapped", replace(node, indices=swapped)
            if not indexed:
                yield "squared", t.Power(node, TWO)
        case t.Call(function=name, arguments=arguments, orders=orders):
            if any(orders):
                yield "function for derivative", replace(node, orders=())
                yield "derivative once more", replace(node, orders=tuple(order + 1 for order in orders))
            elif name in MISTAKEN:
                yield from (("other function", replace(node, function=other)) for other in MISTAKEN[name])
            elif not name.startswith("entry") and len(arguments) == 1 and name in ranks:
                yield "derivative for function", replace(node, orders=(1,))
            if len(arguments) == 1 and name not in ("overline", "entry"):
                yield "function dropped", arguments[0]
        case t.Reduction(bound=bound, body=body, limits=limits):
            if len(bound) == 1:
                yield "sum dropped", body
            yield from _of_limits(node, limits)
        case t.Indicator(sides=sides, operators=operators):
            yield "condition", replace(node, sides=(*sides[:-1], t.add(sides[-1], ONE)))
            if operators == ("=",):
                yield "condition", replace(node, operators=("!=",))
        case t.Derivative(by=by):
            yield "value for gradient", by
            if isinstance(by, t.Name) and by.text in ranks:
                others = [o for o, rank in ranks.items() if o != by.text and rank == ranks[by.text]]
                yield from (("other variable", replace(node, by=t.Name(other))) for other in others)
            yield "squared", t.Power(node, TWO)


def _of_sum(terms: tuple[tuple[str, Tree], ...], indexed: bool) -> Iterator[tuple[str, Tree]]:
    for k, (sign, term) in enumerate(terms):
        rest = (*terms[:k], *terms[k + 1 :])
        if rest:
            yield "term dropped", _sum(rest)
        yield "sign", _sum((*terms[:k], ("-" if sign == "+" else "+", term), *terms[k + 1 :]))
        if not indexed:
            yield "term twice", _sum((*terms, (sign, term)))


def _sum(terms: tuple[tuple[str, Tree], ...]) -> Tree:
    if len(terms) == 1:
        sign, term = terms[0]
        return t.Negative(term) if sign == "-" else term
    if terms[0][0] == "-":
        return t.Sum((("+", t.Negative(terms[0][1])), *terms[1:]))
    return t.Sum(terms)


def _of_product(factors: tuple[tuple[str, Tree], ...], indexed: bool) -> Iterator[tuple[str, Tree]]:
    flipped = {"/": "*", "*": "/", "": "/"}
    for k, (operator, factor) in enumerate(factors):
        rest = (*factors[:k], *factors[k + 1 :])
        if not rest:
            continue
        if rest[0][0] == "/":
            rest = (("*", ONE), *rest)
        yield "factor dropped", _product(rest)
        if indexed:
            continue
        yield "factor twice", _product((*factors[: k + 1], (operator if k else "*", factor), *factors[k + 1 :]))
        if operator in flipped and k:
            yield "quotient", _product((*factors[:k], (flipped[operator], factor), *factors[k + 1 :]))
    if not indexed and len(factors) == 2 and factors[1][0] == "/":
        yield "quotient inverted", t.Product((("*", factors[1][1]), ("/", factors[0][1])))
    for k in range(1, len(factors)):
        if factors[k][0] in ("", "*", "@") and not indexed:
            one, other = factors[k - 1], factors[k]
            yield (
                "order of factors",
                t.Product((*factors[: k - 1], (one[0], other[1]), (other[0], one[1]), *factors[k + 1 :])),
            )
            yield (
                "sum for product",
                t.Sum((("+", _product(factors[:k])), ("+", _product((("*", other[1]), *factors[k + 1 :]))))),
            )


def _product(factors: tuple[tuple[str, Tree], ...]) -> Tree:
    first = factors[0][1]
    return first if len(factors) == 1 else t.Product((("*", first), *factors[1:]))


def _of_limits(node: t.Reduction, limits: tuple[tuple[Tree, Tree] | None, ...]) -> Iterator[tuple[str, Tree]]:
    for k, pair in enumerate(limits):
        if pair is not None:
            lower, stop = pair
            for changed in ((t.add(lower, ONE), stop), (lower, t.subtract(stop, ONE)), (lower, t.add(stop, ONE))):
                yield "limits", replace(node, limits=(*limits[:k], changed, *limits[k + 1 :]))


def sampled(tree: Tree, ranks: dict[str, int], letters: Sequence[str], most: int, seed: str) -> list[tuple[str, Tree]]:
    """At most `most` different mutations of a tree, spread over the kinds."""
    by_kind: dict[str, list[Tree]] = {}
    seen: set[Tree] = {tree}
    for kind, changed in mutations(tree, ranks, letters):
        if changed not in seen:
            seen.add(changed)
            by_kind.setdefault(kind, []).append(changed)
    rng = random.Random(seed)
    for group in by_kind.values():
        rng.shuffle(group)
    found: list[tuple[str, Tree]] = []
    kinds = sorted(by_kind)
    while len(found) < most and kinds:
        rng.shuffle(kinds)
        for kind in list(kinds):
            if by_kind[kind]:
                found.append((kind, by_kind[kind].pop()))
            else:
                kinds.remove(kind)
    return found[:most]


Mutation = Callable[[Tree], Iterator[tuple[str, Tree]]]
