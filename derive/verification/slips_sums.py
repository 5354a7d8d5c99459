"""Slips of sums: their range, their index, a sum that is missing or too many, terms that are lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import SPECIFIC, Edit, NamedSlip, Site
from derive.verification.slips_editing import both

#: Letters for a sum that a row lacks; the first that the row does not use is taken.
_LETTERS = ("i", "j", "k", "r", "q")


def _unlimited(site: Site) -> Iterator[Tree]:
    """A sum, and those inside it, over all that its arrays have."""
    if isinstance(site.node, t.Reduction) and any(pair is not None for pair in site.node.limits):
        yield replace(site.node, limits=())
        new = t.transformed(site.node, lambda node: replace(node, limits=()) if isinstance(node, t.Reduction) else node)
        if new != replace(site.node, limits=()):
            yield new


def _limited(site: Site) -> Iterator[Tree]:
    """A sum over the extent of something else."""
    node = site.node
    if isinstance(node, t.Reduction):
        for size in site.context.sizes:
            stop: Tree = t.Name(size)
            lower: Tree = t.Number(str(site.context.model.index_from))
            if site.context.model.index_from:
                stop = t.Sum((("+", stop), ("+", t.Number("1"))))
            yield replace(node, limits=tuple((lower, stop) for _ in node.bound))


def _ends(amount: int) -> Edit:
    """The last value of a sum one larger or smaller, or the first."""

    def edit(site: Site) -> Iterator[Tree]:
        node = site.node
        if not isinstance(node, t.Reduction) or not node.limits:
            return
        for which in (0, 1):
            pairs: list[tuple[Tree, Tree] | None] = []
            for pair in node.limits:
                if pair is None:
                    pairs.append(None)
                    continue
                sides = list(pair)
                sides[which] = t.one_less(sides[which]) if amount < 0 else t.add(sides[which], 1)
                pairs.append((sides[0], sides[1]))
            yield replace(node, limits=tuple(pairs))

    return edit


def _fresh(site: Site) -> str:
    used = set(t.names_in(site.context.right)) | set(site.letters) | set(site.context.model.sizes)
    return next((letter for letter in _LETTERS if letter not in used), "q")


def _summed(site: Site) -> Iterator[Tree]:
    """A term summed over a letter that is free in it, or over the members that a number or last index picks."""
    if isinstance(site.node, (t.Negative, t.Number, t.Name)):
        return
    head_letters = site.context.letters
    found: dict[str, None] = {}
    fixed: dict[Tree, None] = {}
    for node in t.walk(site.node):
        if isinstance(node, t.Subscript):
            for index in node.indices:
                if isinstance(index, t.Name) and index.text not in site.bound:
                    if index.text in site.context.model.sizes:
                        fixed.setdefault(index)
                    elif index.text not in head_letters:
                        found.setdefault(index.text)
                elif isinstance(index, t.Number):
                    fixed.setdefault(index)
    for letter in found:
        yield t.Reduction("sum", (letter,), site.node)
    if 1 < len(found) <= 3:
        yield t.Reduction("sum", tuple(found), site.node)
    letter = _fresh(site)
    for index in fixed:
        if isinstance(index, t.Name) and site.context.family_places:
            letter = next((each for each in site.context.problem.quantities if site.context.is_family_letter(each)), "")
            if not letter or letter in site.letters:
                continue

        def change(node: Tree, index: Tree = index, letter: str = letter) -> Tree:
            if isinstance(node, t.Subscript) and index in node.indices:
                return replace(node, indices=tuple(t.Name(letter) if each == index else each for each in node.indices))
            return node

        yield t.Reduction("sum", (letter,), t.transformed(site.node, change))


def _summed_by_letter(site: Site) -> Iterator[Tree]:
    """A term summed over one of the letters of the left side, under another name."""
    if not isinstance(site.node, (t.Negative, t.Number, t.Name)):
        letter = _fresh(site)
        for old in site.letters:
            if not site.context.is_family_letter(old) and old not in site.bound:
                body = t.substituted(site.node, {old: t.Name(letter)})
                if body != site.node:
                    yield t.Reduction("sum", (letter,), body)


def _unsummed(site: Site) -> Iterator[Tree]:
    """The body of a sum, its index left free or made one of the left side's."""
    node = site.node
    if not isinstance(node, t.Reduction) or node.operator not in ("sum", "mean"):
        return
    outer = [letter for letter in site.letters if not site.context.is_family_letter(letter)]
    if len(outer) >= len(node.bound):
        for chosen in permutations(outer, len(node.bound)):
            yield t.substituted(node.body, dict(zip(node.bound, map(t.Name, chosen), strict=True)))
    if len(node.bound) > 1:
        for place in range(len(node.bound)):
            rest = tuple(name for k, name in enumerate(node.bound) if k != place)
            for letter in outer:
                body = t.substituted(node.body, {node.bound[place]: t.Name(letter)})
                yield t.Reduction(node.operator, rest, body)


def _letters_in(tree: Tree) -> list[str]:
    """Letters alone in subscripts."""
    found: dict[str, None] = {}
    for node in t.walk(tree):
        if isinstance(node, t.Subscript):
            found.update((index.text, None) for index in node.indices if isinstance(index, t.Name))
    return list(found)


def _other_index(site: Site) -> Iterator[Tree]:
    """A sum over one index where it should be over another: the bound letter and a free one exchanged in the body."""
    node = site.node
    if isinstance(node, t.Reduction):
        told = {*site.letters, *node.bound}
        loose = [name for name in _letters_in(node.body) if name not in told]
        for name in loose:  # the sum binds an index of the left side and leaves its own one free
            for place in range(len(node.bound)):
                yield replace(node, bound=(*node.bound[:place], name, *node.bound[place + 1 :]), limits=())
        for bound in node.bound:
            for free in site.letters:
                if not site.context.is_family_letter(free):
                    body = t.substituted(node.body, {bound: t.Name(free), free: t.Name(bound)})
                    yield replace(node, body=body, limits=())


def _axis(site: Site) -> Iterator[Tree]:
    """The entries of a matrix that a sum runs through, along the other axis or in another row: A_kj -> A_ik."""
    node = site.node
    if not isinstance(node, t.Reduction) or len(node.bound) != 1:
        return
    bound = t.Name(node.bound[0])

    def along(one: Tree, other: Tree) -> Tree:
        def change(each: Tree) -> Tree:
            if isinstance(each, t.Subscript) and len(each.indices) == 2 and bound in each.indices:
                return replace(each, indices=(one, other))
            return each

        return replace(node, body=t.transformed(node.body, change), limits=())

    for letter in site.letters:
        if not site.context.is_family_letter(letter):
            yield along(t.Name(letter), bound)
            yield along(bound, t.Name(letter))


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "range of a sum",
            "range",
            "The sum runs over the wrong range: {after} belongs here, not {before}; count what its arrays have.",
            _limited,
            _unlimited,
            ("sum(i, j) G[i, j]*V[i + m, j + n]", "sum(i = 0..P - 1) G[i]*V[i + m]"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "sum one term too short",
            "range",
            "The sum ends, or begins, one term off: {after} belongs here, not {before}.",
            _ends(-1),
            _ends(1),
            ("sum(i = 1..n) x[i]", "sum(i = 1..n - 1) x[i]"),
            SPECIFIC,
        ),
        NamedSlip(
            "sum one term too long",
            "range",
            "The sum ends, or begins, one term off: {after} belongs here, not {before}.",
            _ends(1),
            _ends(-1),
            ("sum(i = 1..n - 1) x[i]", "sum(i = 1..n) x[i]"),
            SPECIFIC,
        ),
        NamedSlip(
            "sum missing",
            "sum-mean",
            "What is used at many places collects the derivatives of all of them; the sum is missing: {after}, not "
            "{before}.",
            _unsummed,
            _summed,
            ("sum(i) g[i]", "g[i]"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "sum over all entries missing",
            "sum-mean",
            "The entries of the left side's own index are summed here: {after} belongs here, not {before}.",
            _unsummed,
            _summed_by_letter,
            ("p[j]*(sum(i) g[i]*p[i])", "p[j]*g[j]*p[j]"),
        ),
        NamedSlip(
            "sum too many",
            "sum-mean",
            "Each entry has its own value here, and nothing is summed: {after} belongs here, not {before}.",
            _summed_by_letter,
            _unsummed,
            ("g[i]*x_hat[i]", "sum(j) g[j]*x_hat[j]"),
            SPECIFIC,
        ),
        NamedSlip(
            "sum over the wrong index",
            "index",
            "The sum runs over the wrong index: {after} belongs here, not {before}.",
            both(_other_index, _axis),
            both(_other_index, _axis),
            ("sum(k) w[k, i]*d[k]", "sum(k) w[i, k]*d[i]"),
        ),
    )
