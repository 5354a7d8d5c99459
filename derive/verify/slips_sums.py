"""Slips of sums: their range, their index, a sum that is missing or too many, terms that are lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, permutations

from derive import tree as t
from derive.tree import Tree
from derive.verify.slips import COMMON, GENERIC, SPECIFIC, Edit, NamedSlip, Site, nothing
from derive.verify.slips_editing import both, signed_sum
from derive.verify.slips_indices import deltas

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
            pairs = []
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
    elif len(node.bound) > 1:
        for place in range(len(node.bound)):
            rest = tuple(name for k, name in enumerate(node.bound) if k != place)
            for letter in outer:
                body = t.substituted(node.body, {node.bound[place]: t.Name(letter)})
                yield t.Reduction(node.operator, rest, body)


def _other_index(site: Site) -> Iterator[Tree]:
    """A sum over one index where it should be over another: the bound letter and a free one exchanged in the body."""
    node = site.node
    if isinstance(node, t.Reduction):
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


def _operator(old: str, new: str) -> Edit:
    def edit(site: Site) -> Iterator[Tree]:
        match site.node:
            case t.Reduction(operator=found) if found == old:
                yield replace(site.node, operator=new)
            case t.Call(function=found, arguments=arguments) if found == old and len(arguments) == 1:
                yield t.Call(new, arguments)

    return edit


def _split(site: Site) -> Iterator[Tree]:
    """sum (a b) -> (sum a) (sum b)."""
    match site.node:
        case t.Reduction(operator="sum", body=t.Product(factors=factors)) as node if len(factors) > 1:
            for place in range(1, len(factors)):
                left, right = factors[:place], (("*", factors[place][1]), *factors[place + 1 :])
                yield t.Product(
                    (
                        ("*", replace(node, body=t.Product(left) if len(left) > 1 else left[0][1])),
                        (factors[place][0], replace(node, body=t.Product(right) if len(right) > 1 else right[0][1])),
                    )
                )


def _joined(site: Site) -> Iterator[Tree]:
    """(sum a) (sum b) -> sum (a b)."""
    if not isinstance(site.node, t.Product):
        return
    sums = [(k, factor) for k, (_, factor) in enumerate(site.node.factors) if isinstance(factor, t.Reduction)]
    for (k, one), (m, other) in pairwise(sums):
        if len(one.bound) != len(other.bound):
            continue
        renamed = t.substituted(other.body, dict(zip(other.bound, map(t.Name, one.bound), strict=True)))
        joined = replace(one, body=t.Product((("*", one.body), ("*", renamed))))
        rest = [each for place, each in enumerate(site.node.factors) if place not in (k, m)]
        yield t.Product((("*", joined), *rest)) if rest else joined


def _without_term(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Sum):
        for place in range(len(site.node.terms)):
            yield signed_sum([each for k, each in enumerate(site.node.terms) if k != place])


def _with_term(site: Site) -> Iterator[Tree]:
    """Plus or minus a quantity of the problem, with a Kronecker delta or without, or 1."""
    bracket = isinstance(site.node, t.Sum) or (isinstance(site.node, t.Negative) and isinstance(site.above, t.Product))
    if not bracket and (not site.is_term or (isinstance(site.node, t.Negative) and not site.is_root)):
        return
    context = site.context
    extra: list[Tree] = [t.Number("1")]
    for name in context.ranks:
        extra += context.entries(name, site.letters)
    if site.is_root:
        extra += [t.Product((("*", delta), ("*", one))) for delta in deltas(site) for one in extra]
    for one in extra:
        for sign in ("+", "-"):
            yield t.Sum((*_terms(site.node), (sign, one)))


def _terms(tree: Tree) -> tuple[tuple[str, Tree], ...]:
    return tree.terms if isinstance(tree, t.Sum) else (("+", tree),)


def _with_adjoint_term(site: Site) -> Iterator[Tree]:
    """Plus or minus a derivative of the loss, or a derivative times a value."""
    if not site.is_root:
        return
    context = site.context
    for name in context.ranks:
        for entry in context.entries(name, site.letters):
            found = context.adjoint(entry)
            if found is not None:
                for sign in ("+", "-"):
                    yield t.Sum((*_terms(site.node), (sign, found)))


def slips() -> tuple[NamedSlip, ...]:
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
        NamedSlip(
            "mean for the sum",
            "sum-mean",
            "A mean is taken, and the derivatives are added up: {after} belongs here, not {before}.",
            _operator("sum", "mean"),
            _operator("mean", "sum"),
            ("sum(i) g[i]", "mean(i) g[i]"),
            SPECIFIC,
        ),
        NamedSlip(
            "sum for the mean",
            "sum-mean",
            "A sum is taken where the mean belongs: {after}, not {before}.",
            _operator("mean", "sum"),
            _operator("sum", "mean"),
            ("mean(i) x[i]", "sum(i) x[i]"),
            SPECIFIC,
        ),
        NamedSlip(
            "product of sums for the sum of products",
            "order",
            "The sum of products is not the product of the sums: {after} belongs here, not {before}.",
            _split,
            _joined,
            ("sum(i) a[i]*b[i]", "(sum(i) a[i])*(sum(j) b[j])"),
            SPECIFIC,
        ),
        NamedSlip(
            "sum of products for the product of sums",
            "order",
            "Two sums are multiplied here, each with its own index: {after} belongs here, not {before}.",
            _joined,
            _split,
            ("(sum(i) a[i])*(sum(j) b[j])", "sum(i) a[i]*b[i]"),
            SPECIFIC,
        ),
        NamedSlip(
            "path missing",
            "term-missing",
            "What is used in several places collects a term from each of them; the one through {before} is missing, "
            "{after}.",
            nothing,
            nothing,
            ("v_2_bar*cos(v_1) + v_4_bar", "v_2_bar*cos(v_1)"),
            SPECIFIC,
        ),
        NamedSlip(
            "diagonal path only",
            "term-missing",
            "Every entry of {before} depends on this one, not the entry with the same index alone: sum over all of "
            "them.",
            nothing,
            nothing,
            ("sum(i) g[i]*J[i, j]", "g[j]*J[j, j]"),
            SPECIFIC,
        ),
        NamedSlip(
            "path taken twice",
            "term-missing",
            "The term through {before} is counted twice; it is there once, {after}.",
            nothing,
            nothing,
            ("v_2_bar*cos(v_1) + v_4_bar", "v_2_bar*cos(v_1) + 2*v_4_bar"),
            SPECIFIC,
        ),
        NamedSlip(
            "sign of a path",
            "sign",
            "The term through {before} has the wrong sign; it is {after}.",
            nothing,
            nothing,
            ("v_5_bar + v_6_bar*v_5", "v_5_bar - v_6_bar*v_5"),
        ),
        NamedSlip(
            "term too many",
            "other",
            "A term stands here that does not belong to the sum: {after}, not {before}.",
            _with_term,
            _without_term,
            ("p[i]", "p[i] - y[i]"),
            COMMON,
        ),
        NamedSlip(
            "term missing",
            "term-missing",
            "A term is missing: {after} belongs here, not {before}.",
            _without_term,
            _with_term,
            ("p[i] - y[i]", "p[i]"),
        ),
        NamedSlip(
            "term of a derivative missing",
            "term-missing",
            "A term that goes through another value is missing: {after} belongs here, not {before}.",
            _without_term,
            _with_adjoint_term,
            ("v_5_bar + v_4_bar", "v_5_bar"),
        ),
        NamedSlip(
            "a lone term of several",
            "term-missing",
            "Only one of the contributions is written: the right side should be {after}.",
            nothing,
            nothing,
            ("a + b + c", "a"),
            GENERIC,
        ),
    )
