"""Slips of indices: which letter, which way round, which layer, how far shifted, with which step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations

from derive import tree as t
from derive.tree import Tree
from derive.verify.slips import COMMON, SPECIFIC, Edit, NamedSlip, Site
from derive.verify.slips_editing import negated, signed_sum

_ONE = t.Number("1")
Change = Callable[[Tree], Iterator[Tree]]


def _own(site: Site, node: t.Subscript) -> tuple[tuple[Tree, ...], tuple[Tree, ...]]:
    """The index of the family, if there is one, and the others."""
    if site.context.has_family(node.array, len(node.indices)):
        return node.indices[:1], node.indices[1:]
    return (), node.indices


def _each(site: Site, change: Change) -> Iterator[Tree]:
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
            for by in _each(replace(site, node=node.by), change):
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
        case t.Derivative(by=t.Subscript()) as node:
            for by in _letter(replace(site, node=node.by)):
                yield replace(node, by=by)


def _shift(index: Tree) -> Iterator[Tree]:
    """index + 1 and index - 1."""
    for sign in ("+", "-"):
        yield _plus(index, sign)


def _plus(index: Tree, sign: str) -> Tree:
    match index:
        case t.Number() if index.value.denominator == 1:
            return t.tree_of(int(index.value) + (1 if sign == "+" else -1))
        case t.Sum(terms=(*head, (own, one))) if t.is_number(one, 1):
            return signed_sum(list(head)) if own != sign else t.Sum((*head, (own, t.Number("2"))))
        case t.Sum(terms=terms):
            return t.Sum((*terms, (sign, _ONE)))
    return t.Sum((("+", index), (sign, _ONE)))


def _off_by_one(site: Site) -> Iterator[Tree]:
    yield from _each(site, _shift)


def _layer(site: Site) -> Iterator[Tree]:
    """The layer or step of one array, or of a function and its argument together, one off."""

    def shifted(node: Tree, sign: str) -> Tree:
        if isinstance(node, t.Subscript) and site.context.has_family(node.array, len(node.indices)):
            return replace(node, indices=(_plus(node.indices[0], sign), *node.indices[1:]))
        if isinstance(node, t.Call) and node.parameters:
            return replace(node, parameters=(_plus(node.parameters[0], sign), *node.parameters[1:]))
        return node

    if isinstance(site.node, (t.Subscript, t.Call, t.Derivative)):
        for sign in ("+", "-"):
            yield t.transformed(site.node, lambda node: shifted(node, sign))  # noqa: B023  # used at once


def _sign(site: Site) -> Iterator[Tree]:
    """m + k and m - k."""

    def change(index: Tree) -> Iterator[Tree]:
        if isinstance(index, t.Sum):
            for place in range(1, len(index.terms)):
                terms = list(index.terms)
                sign, term = terms[place]
                terms[place] = ("-" if sign == "+" else "+", term)
                yield t.Sum(tuple(terms))

    yield from _each(site, change)


def _turned(site: Site) -> Iterator[Tree]:
    """i - m and m - i."""

    def change(index: Tree) -> Iterator[Tree]:
        match index:
            case t.Sum(terms=(("+", left), ("-", right))):
                yield t.Sum((("+", right), ("-", left)))

    yield from _each(site, change)


def _steps(kind: str) -> Edit:
    """A part of an index times a step, without it, or the whole shifted by it."""

    def edit(site: Site) -> Iterator[Tree]:
        for step in site.context.steps:

            def change(index: Tree, step: Tree = step) -> Iterator[Tree]:
                terms = index.terms if isinstance(index, t.Sum) else (("+", index),)
                for place, (sign, term) in enumerate(terms):
                    rest = list(terms)
                    if kind == "times" and not isinstance(term, (t.Product, t.Number)):
                        rest[place] = (sign, t.Product((("*", step), ("*", term))))
                        yield signed_sum(rest)
                    if kind == "without" and isinstance(term, t.Product) and term.factors[0][1] == step:
                        rest[place] = (
                            sign,
                            t.Product(term.factors[1:]) if len(term.factors) > 2 else term.factors[1][1],
                        )
                        yield signed_sum(rest)
                if kind == "moved":
                    for place in range(len(terms)):
                        for other in range(len(terms)):
                            moved = _moved(terms, place, other, step)
                            if moved is not None:
                                yield moved
                if kind == "shift":
                    for sign in ("+", "-"):
                        yield t.Sum((*terms, (sign, step)))
                if kind == "unshift":
                    for place, (_, term) in enumerate(terms):
                        if term == step and len(terms) > 1:
                            yield signed_sum([each for k, each in enumerate(terms) if k != place])

            yield from _each(site, change)

    return edit


def _moved(terms: tuple[tuple[str, Tree], ...], place: int, other: int, step: Tree) -> Tree | None:
    """The step taken from one part of an index to another."""
    sign, term = terms[place]
    if place == other or not isinstance(term, t.Product) or term.factors[0][1] != step:
        return None
    if isinstance(terms[other][1], t.Number):
        return None
    rest = list(terms)
    rest[place] = (sign, term.factors[1][1])
    rest[other] = (terms[other][0], t.Product((("*", step), ("*", terms[other][1]))))
    return signed_sum(rest)


def _delta(site: Site) -> Iterator[Tree]:
    """1 -> the Kronecker delta of two letters at hand."""
    if t.is_number(site.node, 1):
        yield from deltas(site)


def deltas(site: Site) -> Iterator[Tree]:
    """The Kronecker deltas of the letters at hand."""
    letters = [each for each in site.letters if not site.context.is_family_letter(each)]
    for one, other in combinations(letters, 2):
        yield t.Indicator((t.Name(one), t.Name(other)), ("=",), kronecker=True)


def is_delta(tree: Tree, site: Site) -> bool:
    """Whether a factor is a Kronecker delta of two indices."""
    match tree:
        case t.Subscript(array="delta", indices=(_, _)):
            return site.context.model.is_kronecker("delta")
        case t.Indicator(sides=(t.Name(), t.Name()), operators=("=",)):
            return True
    return False


def _undelta(site: Site) -> Iterator[Tree]:
    if is_delta(site.node, site):
        yield _ONE


def _diagonal(site: Site) -> Iterator[Tree]:
    """A term times the Kronecker delta."""
    if isinstance(site.node, (t.Product, t.Subscript, t.Call)):
        for delta in deltas(site):
            yield t.Product((("*", delta), ("*", site.node)))


def _off_diagonal(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Product(factors=factors):
            for place, (_, factor) in enumerate(factors):
                if is_delta(factor, site):
                    rest = [each for k, each in enumerate(factors) if k != place]
                    yield rest[0][1] if len(rest) == 1 else t.Product((("*", rest[0][1]), *rest[1:]))


def _flipped(site: Site) -> Iterator[Tree]:
    """i + m -> -(i + m): kept apart from the sign of one part."""

    def change(index: Tree) -> Iterator[Tree]:
        if isinstance(index, (t.Sum, t.Negative)):
            yield negated(index)

    yield from _each(site, change)


def slips() -> tuple[NamedSlip, ...]:
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
            "The layer or step is one off: {after} belongs here, not {before}.",
            _layer,
            _layer,
            ("d[l]*a[l - 1]", "d[l]*a[l]"),
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
        ),
        NamedSlip(
            "difference of indices turned round",
            "kernel-flip",
            "The difference of the indices is turned round: {after} belongs here, not {before}.",
            _turned,
            _turned,
            ("K[m - i]", "K[i - m]"),
            SPECIFIC,
        ),
        NamedSlip(
            "stride or dilation forgotten",
            "step",
            "The step of the window is lost in the index: {after} belongs here, not {before}.",
            _steps("without"),
            _steps("times"),
            ("V[s*i + m]", "V[i + m]"),
            SPECIFIC,
        ),
        NamedSlip(
            "stride or dilation too many",
            "step",
            "This index has no step: {after} belongs here, not {before}.",
            _steps("times"),
            _steps("without"),
            ("V[i + m]", "V[s*i + m]"),
            SPECIFIC,
        ),
        NamedSlip(
            "stride or dilation on the wrong index",
            "step",
            "The step belongs to the other part of the index: {after} belongs here, not {before}.",
            _steps("moved"),
            _steps("moved"),
            ("V[s*i + m]", "V[i + s*m]"),
            SPECIFIC,
        ),
        NamedSlip(
            "padding forgotten",
            "step",
            "The padding shifts the index: {after} belongs here, not {before}.",
            _steps("unshift"),
            _steps("shift"),
            ("V[i + m - p]", "V[i + m]"),
            SPECIFIC,
        ),
        NamedSlip(
            "padding too many",
            "step",
            "This index is not shifted by the padding: {after} belongs here, not {before}.",
            _steps("shift"),
            _steps("unshift"),
            ("V[i + m]", "V[i + m - p]"),
            SPECIFIC,
        ),
        NamedSlip(
            "index off by one",
            "index",
            "An index is one off: {after} belongs here, not {before}.",
            _off_by_one,
            _off_by_one,
            ("V[i + m, j + n]", "V[i + m + 1, j + n + 1]"),
            SPECIFIC,
        ),
        NamedSlip(
            "diagonal formula for all entries",
            "index",
            "The 1 holds on the diagonal only; for all entries it is the Kronecker delta: {after}, not {before}.",
            _undelta,
            _delta,
            ("p[i]*([i = j] - p[j])", "p[i]*(1 - p[j])"),
            SPECIFIC,
        ),
        NamedSlip(
            "delta for 1",
            "index",
            "This holds for all entries, not on the diagonal only: {after} belongs here, not {before}.",
            _delta,
            _undelta,
            ("1 - p[j]", "[i = j] - p[j]"),
        ),
        NamedSlip(
            "Kronecker delta missing",
            "index",
            "The term is there on the diagonal only, and its Kronecker delta is missing: {after}, not {before}.",
            _off_diagonal,
            _diagonal,
            ("[i = j]*p[i] - p[i]*p[j]", "p[i] - p[i]*p[j]"),
        ),
        NamedSlip(
            "diagonal only",
            "term-missing",
            "Only the diagonal is kept, and the other entries count as well: {after} belongs here, not {before}.",
            _diagonal,
            _off_diagonal,
            ("-p[i]*p[j]", "-[i = j]*p[i]*p[j]"),
        ),
        NamedSlip(
            "another index",
            "index",
            "The wrong index stands here: {after} belongs here, not {before}.",
            _letter,
            _letter,
            ("g[i]*x[j]", "g[i]*x[i]"),
            COMMON,
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
