"""Slips of factors: a number, a size, a named constant, or a local derivative that is missing or once too often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import COMMON, GENERIC, SPECIFIC, Edit, NamedSlip, Site
from derive.verification.slips_editing import DIVIDING, TWO, cancelled, is_leaf, is_local, over, scaled, times, without

_THREE, _FOUR = t.Number("3"), t.Number("4")


def _scaled(*numbers: Tree, divide: bool = False) -> Edit:
    """A term, or the whole, times or over a number."""

    def edit(site: Site) -> Iterator[Tree]:
        if site.is_part and not isinstance(site.node, (t.Negative, t.Reduction if not site.is_root else t.Negative)):
            for number in numbers:
                if not divide or not _stands_for(site, number):
                    yield scaled(site.node, number, divide)

    return edit


def _stands_for(site: Site, number: Tree) -> bool:
    """Whether a name among the factors of the row has this value: it is that name which is too many."""
    names = (
        factor.text
        for node in t.walk(site.context.right)
        if isinstance(node, t.Product)
        for _, factor in node.factors
        if isinstance(factor, t.Name)
    )
    given = (site.context.problem.quantities.get(name) for name in names)
    return isinstance(number, t.Number) and any(each is not None and each.value == number.value for each in given)


def _sizes(site: Site) -> Sequence[Tree]:
    """Sizes and products of two of them, such as H W."""
    names = [t.Name(name) for name in site.context.sizes]
    products: list[Tree] = [t.Product((("*", one), ("*", other))) for k, one in enumerate(names) for other in names[:k]]
    return [*names, *products] if len(names) < 7 else names


def _by_size(divide: bool) -> Edit:
    def edit(site: Site) -> Iterator[Tree]:
        if site.is_part and not isinstance(site.node, t.Negative):
            for size in _sizes(site):
                yield scaled(site.node, size, divide)

    return edit


def _by_root(divide: bool) -> Edit:
    def edit(site: Site) -> Iterator[Tree]:
        if site.is_term and not isinstance(site.node, t.Negative):
            for name in site.context.sizes:
                root = t.Call("sqrt", (t.Name(name),))
                yield scaled(site.node, root, divide)

    return edit


def _another_size(site: Site) -> Iterator[Tree]:
    """A size where another one stands, or a number for it."""
    own = site.node
    is_size = isinstance(own, t.Name) and own.text in site.context.sizes
    if is_size or (isinstance(own, t.Number) and own.value > 1):
        yield from (t.Name(name) for name in site.context.sizes if t.Name(name) != own)


def _size_for_another(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Name):
        yield from _another_size(site)


def _with_constant(site: Site) -> Iterator[Tree]:
    """A term times a named number, or over it."""
    if site.is_part and not isinstance(site.node, t.Negative):
        for name in site.context.scalars:
            if site.node not in (name, t.Number("0")):
                yield times(site.node, name)
            if cancelled(site.node, name, True) is None:
                yield over(site.node, name)


def _without_constant(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Product):
        for left, _, factor in without(site.node):
            if isinstance(factor, (t.Number, t.Name)) and not _is_array(site, factor):
                yield left


def _is_array(site: Site, factor: Tree) -> bool:
    return isinstance(factor, t.Name) and site.context.ranks.get(factor.text, 0) > 0


def _with_entry(site: Site) -> Iterator[Tree]:
    """A term times an entry of an array of the problem."""
    context = site.context
    if site.is_part and (site.is_root or not isinstance(site.node, (t.Negative, t.Sum))):
        for name, rank in context.ranks.items():
            if rank:
                for entry in context.entries(name, site.letters):
                    yield times(site.node, entry, context.is_array(entry))


def _without_entry(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Product):
        for left, operator, factor in without(site.node):
            body = factor.body if isinstance(factor, t.Transpose) else factor
            if operator not in DIVIDING and (is_leaf(body) or isinstance(body, t.Power)):
                yield left


def _with_local(site: Site) -> Iterator[Tree]:
    """A term times f'(z) for a function of the equations."""
    context = site.context
    if site.is_term or _inside_chain(site):
        for local in context.locals(site.letters):
            yield times(site.node, local, context.is_array(local))
    if site.is_root and isinstance(context.variable, t.Name) and context.is_number(context.variable):
        for statement in context.problem.equations:  # du/dx of what is worked out from x
            if isinstance(statement.head, t.Name) and statement.head != t.Name(context.problem.loss or ""):
                yield times(site.node, t.Derivative(statement.head, context.variable))


def _inside_chain(site: Site) -> bool:
    return isinstance(site.node, t.Derivative) or (isinstance(site.node, t.Call) and site.node.function == "overline")


def _without_local(site: Site) -> Iterator[Tree]:
    """A product without a factor that is a derivative: f'(z), s(1 - s), 1 - h^2, [z > 0], cos u."""
    if not isinstance(site.node, t.Product):
        return
    for left, _, factor in without(site.node):
        if is_local(factor):
            yield left
            if isinstance(left, t.Product):  # s and 1 - s, one after the other
                for inner, _, other in without(left):
                    if is_leaf(other):
                        yield inner


def _with_partial(site: Site) -> Iterator[Tree]:
    """A term times a Jacobian of the problem is left to the paths; here 1/u of a logarithm."""
    if site.is_term:
        for _, call in site.context.activations:
            if call.function == "log":
                for argument in site.context.renamed(call.arguments[0], site.letters):
                    yield over(site.node, argument)


def _without_division(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Product) and any(call.function == "log" for _, call in site.context.activations):
        for left, operator, factor in without(site.node):
            if operator in DIVIDING and is_leaf(factor):
                yield left


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "factor 2 of a square missing",
            "factor",
            "A factor 2 is missing; the derivative of u^2 is 2u: {after} belongs here, not {before}.",
            _scaled(TWO, divide=True),
            _scaled(TWO),
            ("2*(a - y)", "a - y"),
            SPECIFIC,
            True,
            naming="The derivative of u^2 is 2u: the factor {part} is missing in front of {before}.",
        ),
        NamedSlip(
            "factor 2 too many",
            "factor",
            "A factor 2 is too many; with 1/2 in front of a square it cancels: {after} belongs here, not {before}.",
            _scaled(TWO),
            _scaled(TWO, divide=True),
            ("a - y", "2*(a - y)"),
            SPECIFIC,
            True,
            naming=(
                "The factor {part} is too many; with 1/2 in front of a square it cancels: {after} belongs here, "
                "not {before}."
            ),
        ),
        NamedSlip(
            "factor of an exponent missing",
            "factor",
            "The derivative of u^n has the factor n: {after} belongs here, not {before}.",
            _scaled(_THREE, _FOUR, divide=True),
            _scaled(_THREE, _FOUR),
            ("3*x^2", "x^2"),
            naming="The derivative of u^n has the factor n: here {part} is missing in front of {before}.",
        ),
        NamedSlip(
            "number too many",
            "factor",
            "A number stands as a factor that does not belong here: {after}, not {before}.",
            _scaled(_THREE, _FOUR),
            _scaled(_THREE, _FOUR, divide=True),
            ("x^2", "3*x^2"),
            naming="The factor {part} does not belong here: {after}, not {before}.",
        ),
        NamedSlip(
            "mean forgotten",
            "sum-mean",
            "A mean is differentiated, and its 1/N is lost: {after} belongs here, not {before}.",
            _by_size(False),
            _by_size(True),
            ("1/N*(P - Y)", "P - Y"),
            SPECIFIC,
            True,
            naming="A mean is differentiated, and its factor {part} is lost: it belongs in front of {before}.",
        ),
        NamedSlip(
            "mean taken twice",
            "sum-mean",
            "The average is taken once too often; 1/N is in an earlier factor already: {after}, not {before}.",
            _by_size(True),
            _by_size(False),
            ("X^T*D", "1/N*X^T*D"),
            SPECIFIC,
            True,
            naming=(
                "The average is taken once too often: the factor {part} is in an earlier factor already, and "
                "does not belong here."
            ),
        ),
        NamedSlip(
            "another size",
            "sum-mean",
            "The wrong size stands here: {after} belongs here, not {before}; count what the sum or the mean runs over.",
            _size_for_another,
            _another_size,
            ("1/m*(P - Y)", "1/n*(P - Y)"),
            SPECIFIC,
        ),
        NamedSlip(
            "scaling by the root of a size forgotten",
            "factor",
            "The factor 1/sqrt(d) of the equation is lost: {after} belongs here, not {before}.",
            _by_root(False),
            _by_root(True),
            ("1/sqrt(d)*S*K", "S*K"),
            SPECIFIC,
            naming="The factor {part} of the equation is lost: it belongs in front of {before}.",
        ),
        NamedSlip(
            "scaling by the root of a size twice",
            "factor",
            "The factor 1/sqrt(d) stands once too often: {after} belongs here, not {before}.",
            _by_root(True),
            _by_root(False),
            ("1/sqrt(d)*S*K", "1/d*S*K"),
            naming="The factor {part} stands once too often here.",
        ),
        NamedSlip(
            "constant factor too many",
            "factor",
            "A factor stands here that does not belong to this term: {after}, not {before}.",
            _with_constant,
            _without_constant,
            ("rho*g_1 + g_2", "rho*g_1 + rho*g_2"),
            naming="The factor {part} does not belong to this term: {after}, not {before}.",
        ),
        NamedSlip(
            "constant factor missing",
            "factor",
            "A constant of the equations is lost: {after} belongs here, not {before}.",
            _without_constant,
            _with_constant,
            ("gamma*g", "g"),
            naming="The constant {part} of the equations is lost: it belongs in front of {before}.",
        ),
        NamedSlip(
            "factor missing",
            "factor",
            "A factor of the product is lost: {after} belongs here, not {before}.",
            _without_entry,
            _with_entry,
            ("d[i]*a[j]", "d[i]"),
            GENERIC,
            naming="The factor {part} is lost: {after} belongs here, not {before}.",
        ),
        NamedSlip(
            "factor too many",
            "factor",
            "A factor stands here that does not belong to this derivative, as that of a bias has no activation: "
            "{after}, not {before}.",
            _with_entry,
            _without_entry,
            ("d[i]", "d[i]*a[i]"),
            naming=(
                "The factor {part} does not belong to this derivative, as that of a bias has no activation: "
                "{after}, not {before}."
            ),
        ),
        NamedSlip(
            "chain factor missing",
            "chain-factor-missing",
            "The chain rule needs the derivative of the function in between: {after} belongs here, not {before}.",
            _without_local,
            _with_local,
            ("g*f'(z)", "g"),
            COMMON,
            True,
            naming=(
                "The chain rule multiplies by the derivative of the function in between: the factor {part} is "
                "missing beside {before}."
            ),
        ),
        NamedSlip(
            "derivative of a logarithm missing",
            "chain-factor-missing",
            "The derivative of log u is 1/u, and the division is missing: {after} belongs here, not {before}.",
            _without_division,
            _with_partial,
            ("y/p", "y"),
            naming="The derivative of log u is 1/u: the factor {part} is missing beside {before}.",
        ),
        NamedSlip(
            "chain factor once too often",
            "factor",
            "The derivative of the function is multiplied in once too often; it is in another factor, or has "
            "cancelled, already: {after} belongs here, not {before}.",
            _with_local,
            _without_local,
            ("a - y", "(a - y)*a*(1 - a)"),
            naming=(
                "The factor {part} is multiplied in once too often; it is in another factor, or has cancelled, "
                "already: {after} belongs here, not {before}."
            ),
        ),
    )
