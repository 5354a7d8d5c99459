"""Slips of indices: which letter, which way round, which layer, how far shifted, with which step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, permutations

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import COMMON, SPECIFIC, NamedSlip, Site
from derive.verification.slips_editing import negated, signed_sum

_ONE = t.Number("1")
Change = Callable[[Tree], Iterator[Tree]]


def _own(site: Site, node: t.Subscript) -> tuple[tuple[Tree, ...], tuple[Tree, ...]]:
    """The index of the family, if there is one, and the others."""
    if site.context.has_family(node.array, len(node.indices)):
        return node.indices[:1], node.indices[1:]
    return (), node.indices


def each_index(site: Site, change: Change) -> Iterator[Tree]:
    """One index of a subscript changed, or all of them in the same way."""
    match site.node:
        case t.Subscript() as node:
            lead, rest = _own(site, node)
            choices = [list(change(index)) for index in rest]
            for place, found in enumerate(choices):
                for new in found:
                    yield replace(node, indices=(*lead, *rest[:place], new, *rest[place + 1 :]))
            if len(rest) > 1 and all(choices):
                for k in range(min(map(len, choices))):
                    yield replace(node, indices=(*lead, *(found[k] for found in choices)))
        case t.Derivative(by=t.Subscript()) as node:
            for by in each_index(replace(site, node=node.by), change):
                yield replace(node, by=by)


def _swapped(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Subscript() as node:
            lead, rest = _own(site, node)
            for one, other in combinations(range(len(rest)), 2):
                new = list(rest)
                new[one], new[other] = new[other], new[one]
                yield replace(node, indices=(*lead, *new))
        case t.Call(function="entry", arguments=(array, i, j)):
            yield t.Call("entry", (array, j, i))
        case t.Derivative(by=t.Subscript()) as node:
            for by in _swapped(replace(site, node=node.by)):
                yield replace(node, by=by)


def _roles(site: Site) -> Iterator[Tree]:
    """Two letters exchanged in a product or the whole."""
    if site.is_root or isinstance(site.node, t.Product):
        letters = [each for each in site.letters if not site.context.is_family_letter(each)]
        for one, other in combinations(letters, 2):
            pair: dict[str, Tree] = {one: t.Name(other), other: t.Name(one)}
            new = t.substituted(site.node, pair)
            if new != site.node:
                yield new


def _between(site: Site) -> Iterator[Tree]:
    """The indices of two factors exchanged: G[i] K[m - i] and G[m - i] K[i]."""
    if not isinstance(site.node, t.Product):
        return
    entries = [(k, factor) for k, (_, factor) in enumerate(site.node.factors) if isinstance(factor, t.Subscript)]
    for (k, one), (m, other) in combinations(entries, 2):
        (lead, rest), (ahead, behind) = _own(site, one), _own(site, other)
        if len(rest) == len(behind) and rest != behind:
            factors = list(site.node.factors)
            factors[k] = (factors[k][0], replace(one, indices=(*lead, *behind)))
            factors[m] = (factors[m][0], replace(other, indices=(*ahead, *rest)))
            yield t.Product(tuple(factors))


def _letter(site: Site) -> Iterator[Tree]:
    """Another letter in one place."""

    def change(index: Tree) -> Iterator[Tree]:
        if isinstance(index, t.Name):
            for letter in site.letters:
                if letter != index.text and not site.context.is_family_letter(letter):
                    yield t.Name(letter)

    match site.node:
        case t.Subscript() as node:
            lead, rest = _own(site, node)
            for place, index in enumerate(rest):
                for new in change(index):
                    yield replace(node, indices=(*lead, *rest[:place], new, *rest[place + 1 :]))
            yield from _offsets(site, node, rest)
        case t.Power(base=t.Subscript() as base, exponent=two) if t.is_number(two, 2):
            for other in _letter(replace(site, node=base)):  # one of two factors has another index
                yield t.Product((("*", base), ("*", other)))
        case t.Derivative(by=t.Subscript()) as node:
            for by in _letter(replace(site, node=node.by)):
                yield replace(node, by=by)


def _offsets(site: Site, node: t.Subscript, rest: Sequence[Tree]) -> Iterator[Tree]:
    """V[k, l] -> V[i + k, j + l]: the place of a window, which is forgotten."""
    unused = [each for each in site.letters if t.Name(each) not in rest and not site.context.is_family_letter(each)]
    if rest == node.indices and all(isinstance(index, t.Name) for index in rest):
        for chosen in permutations(unused, len(rest)):
            pairs = zip(chosen, rest, strict=True)
            yield replace(node, indices=tuple(t.Sum((("+", t.Name(one)), ("+", index))) for one, index in pairs))


def plus_one(index: Tree, sign: str) -> Tree:
    match index:
        case t.Number() if index.value.denominator == 1:
            return t.tree_of(int(index.value) + (1 if sign == "+" else -1))
        case t.Sum(terms=(*head, (own, one))) if t.is_number(one, 1):
            return signed_sum(list(head)) if own != sign else t.Sum((*head, (own, t.Number("2"))))
        case t.Sum(terms=terms):
            return t.Sum((*terms, (sign, _ONE)))
    return t.Sum((("+", index), (sign, _ONE)))


def _layer(site: Site) -> Iterator[Tree]:
    """The layer or step of one array, or of a function and its argument together, one off."""

    def shifted(node: Tree, sign: str) -> Tree:
        if isinstance(node, t.Subscript) and site.context.has_family(node.array, len(node.indices)):
            return replace(node, indices=(plus_one(node.indices[0], sign), *node.indices[1:]))
        if isinstance(node, t.Call) and node.parameters:
            return replace(node, parameters=(plus_one(node.parameters[0], sign), *node.parameters[1:]))
        return node

    if isinstance(site.node, (t.Subscript, t.Call, t.Derivative)):
        for sign in ("+", "-"):
            once = t.transformed(site.node, lambda node: shifted(node, sign))  # noqa: B023  # used at once
            yield once
            yield t.transformed(once, lambda node: shifted(node, sign))  # noqa: B023  # t - 1 for t + 1


def _sign(site: Site) -> Iterator[Tree]:
    """m + k and m - k."""

    def change(index: Tree) -> Iterator[Tree]:
        if isinstance(index, t.Sum):
            for place in range(1, len(index.terms)):
                terms = list(index.terms)
                sign, term = terms[place]
                terms[place] = ("-" if sign == "+" else "+", term)
                yield t.Sum(tuple(terms))

    yield from each_index(site, change)
    if site.is_root and any(isinstance(node, t.Indicator) for node in t.walk(site.node)):
        yield from _in_conditions(site.node)


def _in_conditions(tree: Tree) -> Iterator[Tree]:
    """The sign of one name turned in all conditions: [a = i + p] and [a = i - p]."""
    conditions = [node for node in t.walk(tree) if isinstance(node, t.Indicator)]
    terms = (term for node in conditions for side in node.sides if isinstance(side, t.Sum) for _, term in side.terms)
    for name in dict.fromkeys(term for term in terms if isinstance(term, t.Name)):

        def side(node: Tree, name: t.Name = name) -> Tree:
            if not isinstance(node, t.Sum):
                return node
            turned = [
                ("-" if sign == "+" else "+", each) if each == name else (sign, each) for sign, each in node.terms
            ]
            return signed_sum(turned)

        def change(node: Tree, name: t.Name = name) -> Tree:
            if isinstance(node, t.Indicator) and any(each == name for part in node.sides for each in t.walk(part)):
                return replace(node, sides=tuple(map(side, node.sides)))
            return node

        yield t.transformed(tree, change)


def _turned(site: Site) -> Iterator[Tree]:
    """i - m and m - i."""

    def change(index: Tree) -> Iterator[Tree]:
        match index:
            case t.Sum(terms=(("+", left), ("-", right))):
                yield t.Sum((("+", right), ("-", left)))

    yield from each_index(site, change)


def _flipped(site: Site) -> Iterator[Tree]:
    """i + m -> -(i + m): kept apart from the sign of one part."""

    def change(index: Tree) -> Iterator[Tree]:
        if isinstance(index, (t.Sum, t.Negative)):
            yield negated(index)

    yield from each_index(site, change)


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "indices of an entry exchanged",
            "transpose",
            "The two indices of an entry are exchanged, as if the matrix were transposed: {after}, not {before}.",
            _swapped,
            _swapped,
            ("sum(k) w[k, i]*d[k]", "sum(k) w[i, k]*d[k]"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "sign in an index",
            "kernel-flip",
            "The index runs the wrong way, so the kernel is (or is not) turned round: {after}, not {before}.",
            _sign,
            _sign,
            ("G[m - k]*K[k]", "G[m + k]*K[k]"),
            SPECIFIC,
            True,
            naming=(
                "The index runs the wrong way, {part} and not {instead}, so the kernel is (or is not) turned "
                "round: {after}, not {before}."
            ),
        ),
        NamedSlip(
            "roles of two indices exchanged",
            "index",
            "Two indices have exchanged their roles: {after} belongs here, not {before}.",
            _roles,
            _roles,
            ("d[i]*a[j]", "d[j]*a[i]"),
            SPECIFIC,
        ),
        NamedSlip(
            "indices of two factors exchanged",
            "index",
            "Two factors have exchanged their indices: {after} belongs here, not {before}.",
            _between,
            _between,
            ("sum(k) G[k]*K[m - k]", "sum(k) G[m - k]*K[k]"),
            SPECIFIC,
        ),
        NamedSlip(
            "wrong layer or step",
            "index",
            "The layer or step is off: {after} belongs here, not {before}.",
            _layer,
            _layer,
            ("d[l]*a[l - 1]", "d[l]*a[l]"),
            SPECIFIC,
            True,
            naming="The layer or step is off, {part} and not {instead}: {after} belongs here, not {before}.",
        ),
        NamedSlip(
            "difference of indices turned round",
            "kernel-flip",
            "The difference of the indices is turned round: {after} belongs here, not {before}.",
            _turned,
            _turned,
            ("K[m - i]", "K[i - m]"),
            SPECIFIC,
            naming=(
                "The difference of the indices is turned round, {part} and not {instead}: {after} belongs here, "
                "not {before}."
            ),
        ),
        NamedSlip(
            "another index",
            "index",
            "The wrong index stands here: {after} belongs here, not {before}.",
            _letter,
            _letter,
            ("g[i]*x[j]", "g[i]*x[i]"),
            COMMON,
            naming="The index {instead} should be {part}: {after} belongs here, not {before}.",
        ),
        NamedSlip(
            "index with the wrong sign as a whole",
            "kernel-flip",
            "The index is turned round as a whole: {after} belongs here, not {before}.",
            _flipped,
            _flipped,
            ("K[m - i]", "K[-(m - i)]"),
            SPECIFIC,
        ),
    )
