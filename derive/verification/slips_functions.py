"""Slips of functions and their derivatives, and of where a derivative is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive import tree as t
from derive.tree import Tree
from derive.verification.slip_locals import WRITTEN
from derive.verification.slips import GENERIC, SPECIFIC, NamedSlip, Site
from derive.verification.slips_editing import both, is_leaf, is_local, is_square


def _undifferentiated(site: Site) -> Iterator[Tree]:
    """f'(u) -> f(u)."""
    match site.node:
        case t.Call(orders=orders) if sum(orders) == 1:
            yield replace(site.node, orders=())
        case t.Call(function="cos", arguments=arguments):
            yield t.Call("sin", arguments)
        case t.Indicator(sides=(u, zero), operators=(">",)) if t.is_number(zero, 0):
            yield t.Call("relu", (u,))
        case t.Negative(body=t.Call(function="sin", arguments=arguments)):
            yield t.Call("cos", arguments)
        case t.Product(factors=((_, y), (_, t.Sum(terms=(("+", one), ("-", other)))))) if t.is_number(one, 1):
            if y == other:
                yield y
        case t.Sum(terms=(("+", one), ("-", t.Power(base=y) as square))) if t.is_number(one, 1) and is_square(square):
            yield y
        case t.Product(factors=((_, one), ("/", u))) if t.is_number(one, 1) and is_leaf(u):
            yield t.Call("log", (u,))


def _differentiated(site: Site) -> Iterator[Tree]:
    """f(u) -> f'(u), and the name of f(u) likewise."""
    context = site.context
    match site.node:
        case t.Call(function=name, arguments=arguments, orders=orders) if len(arguments) == 1 and not any(orders):
            if name in WRITTEN and not context.model.is_function(name):
                yield WRITTEN[name](arguments[0])
            elif context.is_elementwise(name):
                yield replace(site.node, orders=(1,))
        case t.Name() | t.Subscript():
            name = site.node.text if isinstance(site.node, t.Name) else site.node.array
            for head, call in context.activations:
                own = head.text if isinstance(head, t.Name) else head.array if isinstance(head, t.Subscript) else ""
                if own == name and context.problem.equations and _is_applied(site, own):
                    yield from context.renamed(context.derivative(call), site.letters)


def _is_applied(site: Site, name: str) -> bool:
    """Whether a name is nothing but a function of another one."""
    for statement in site.context.problem.equations:
        head = statement.head
        own = head.text if isinstance(head, t.Name) else head.array if isinstance(head, t.Subscript) else ""
        if own == name:
            return isinstance(statement.links[0].tree, t.Call)
    return False


def _twice(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(orders=orders) if sum(orders) == 1:
            yield replace(site.node, orders=tuple(2 * order for order in orders))


def _once(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Call(orders=orders) if sum(orders) == 2:
            yield replace(site.node, orders=tuple((order + 1) // 2 for order in orders))


def _is_derivative(tree: Tree) -> bool:
    return isinstance(tree, t.Call) and (any(tree.orders) or tree.function in ("cos", "sin", "exp", "tanh"))


def _elsewhere(site: Site) -> Iterator[Tree]:
    """f'(u) -> f'(v) for other names v."""
    if not isinstance(site.node, t.Call) or not _is_derivative(site.node) or len(site.node.arguments) != 1:
        return
    argument = site.node.arguments[0]
    if is_leaf(argument):
        for other in site.context.alike(argument):
            yield replace(site.node, arguments=(other,))


def _another_local(site: Site) -> Iterator[Tree]:
    """A factor that is a local derivative -> one of the equations."""
    if isinstance(site.above, t.Product) and is_local(site.node):
        for local in site.context.locals(site.letters):
            if type(local) is type(site.node):
                yield local


def _without_function(site: Site) -> Iterator[Tree]:
    if isinstance(site.node, t.Call) and len(site.node.arguments) == 1 and not any(site.node.orders):
        yield from site.node.arguments if site.context.is_elementwise(site.node.function) else ()


def _with_function(site: Site) -> Iterator[Tree]:
    """u -> f(u) for the functions of the equations."""
    if is_leaf(site.node) and not isinstance(site.above, t.Call):
        functions = {call.function: call for _, call in site.context.activations}
        for call in functions.values():
            if call.function not in ("exp", "log") or not site.context.model.is_function(call.function):
                yield replace(call, arguments=(site.node,))


def _complement(site: Site) -> Iterator[Tree]:
    """u -> 1 - u."""
    if is_leaf(site.node) and not site.is_root and not isinstance(site.above, (t.Call, t.Sum, t.Power)):
        yield t.Sum((("+", t.Number("1")), ("-", site.node)))


def _uncomplement(site: Site) -> Iterator[Tree]:
    match site.node:
        case t.Sum(terms=(("+", one), ("-", body))) if t.is_number(one, 1):
            yield body


def _output(site: Site) -> Iterator[Tree]:
    """f'(z) -> f'(f(z)) by the name of f(z), or the other way round."""
    node, context = site.node, site.context
    if not isinstance(node, t.Call) or not _is_derivative(node) or len(node.arguments) != 1:
        return
    argument = node.arguments[0]
    name = (
        argument.text if isinstance(argument, t.Name) else argument.array if isinstance(argument, t.Subscript) else ""
    )
    for head, call in context.activations:
        if call.function != node.function and not any(node.orders) and node.function != "cos":
            continue
        for one, other in ((head, call.arguments[0]), (call.arguments[0], head)):
            own = one.text if isinstance(one, t.Name) else one.array if isinstance(one, t.Subscript) else ""
            if own == name and is_leaf(other):
                new = other.text if isinstance(other, t.Name) else other.array if isinstance(other, t.Subscript) else ""
                if isinstance(argument, t.Subscript):
                    yield replace(node, arguments=(replace(argument, array=new),))
                else:
                    yield replace(node, arguments=(t.Name(new),))


def _forward(site: Site) -> Iterator[Tree]:
    """The value itself in the place of its derivative, as the whole right side."""
    if not site.is_root:
        return
    match site.context.head:
        case t.Derivative(of=of, by=by):
            yield of
            yield by


def _to_derivative(site: Site) -> Iterator[Tree]:
    if site.is_root:
        match site.context.head:
            case t.Derivative(of=of, by=by) if site.node in (of, by) and is_leaf(site.node):
                yield site.context.head


def _inverse_chain(site: Site) -> Iterator[Tree]:
    """dy/dx and dx/dy exchanged."""
    if isinstance(site.node, t.Derivative):
        yield t.Derivative(site.node.by, site.node.of)


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "function for its derivative",
            "function-for-derivative",
            "The function itself stands where its derivative belongs: {after}, not {before}.",
            _undifferentiated,
            _differentiated,
            ("g*f'(z)", "g*f(z)"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "derivative for the function",
            "function-for-derivative",
            "A derivative stands where the function itself belongs: {after}, not {before}.",
            _differentiated,
            _undifferentiated,
            ("h*f(z)", "h*f'(z)"),
            SPECIFIC,
        ),
        NamedSlip(
            "differentiated twice",
            "function-for-derivative",
            "The function is differentiated once too often: {after} belongs here, not {before}.",
            _twice,
            _once,
            ("g*f'(z)", "g*f''(z)"),
            SPECIFIC,
        ),
        NamedSlip(
            "derivative at the output instead of the input",
            "derivative-at-wrong-point",
            "The derivative of f is taken at its argument, not at its own value: {after}, not {before}.",
            _output,
            _output,
            ("g*f'(z)", "g*f'(a)"),
            SPECIFIC,
            True,
        ),
        NamedSlip(
            "derivative at another point",
            "derivative-at-wrong-point",
            "The derivative is taken at the wrong place: {after} belongs here, not {before}.",
            both(_elsewhere, _another_local),
            both(_elsewhere, _another_local),
            ("g*cos(v_1)", "g*cos(v_3)"),
        ),
        NamedSlip(
            "function left out",
            "operand",
            "The function around a value is left out: {after} belongs here, not {before}.",
            _without_function,
            _with_function,
            ("g.*tanh(c)", "g.*c"),
        ),
        NamedSlip(
            "function too many",
            "operand",
            "The value itself belongs here, without a function: {after}, not {before}.",
            _with_function,
            _without_function,
            ("g.*c", "g.*tanh(c)"),
        ),
        NamedSlip(
            "u for 1 - u",
            "operand",
            "The complement 1 - u belongs here, not u: {after}, not {before}.",
            _uncomplement,
            _complement,
            ("g.*(1 - z)", "g.*z"),
        ),
        NamedSlip(
            "1 - u for u",
            "operand",
            "The value u itself belongs here, not 1 - u: {after}, not {before}.",
            _complement,
            _uncomplement,
            ("g.*z", "g.*(1 - z)"),
        ),
        NamedSlip(
            "value for its derivative",
            "function-for-derivative",
            "The right side is the value itself, and its derivative is asked for: {after}, not {before}.",
            _forward,
            _to_derivative,
            ("dy/dx", "y"),
            GENERIC,
        ),
        NamedSlip(
            "derivative upside down",
            "other-variable",
            "Numerator and denominator of a derivative are exchanged: {after} belongs here, not {before}.",
            _inverse_chain,
            _inverse_chain,
            ("dL/dy*dy/dx", "dL/dy*dx/dy"),
            GENERIC,
        ),
    )
