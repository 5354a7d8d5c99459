"""Derivatives on the graph of scalars, in one sweep from the value back to what it depends on.

    adjoint of an operand = sum over the nodes that use it of adjoint * local partial

Source: Griewank & Walther, Evaluating Derivatives (2008), chapter 3. Every problem of the catalogue is held against
differences of its forward equations (`derive.verification.replays`) in tests/test_second_evaluator.py; they also stand
behind each row that is called wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from derive.verification.graph import FUNCTION, INPUT, LINEAR, MONOMIAL, NAMED, NUMBER, Graph, Node
from derive.verification.tapes import Tape

#: The derivative of a function by its only operand; step' = 0, so kinks follow the convention relu'(0) = abs'(0) = 0.
_PARTIALS: dict[str, Callable[[Graph, Node, Node], Node]] = {
    "exp": lambda g, u, v: v,
    "log": lambda g, u, v: g.divide(g.one, u),
    "sin": lambda g, u, v: g.call("cos", u),
    "cos": lambda g, u, v: g.negate(g.call("sin", u)),
    "asin": lambda g, u, v: g.monomial(((_one_minus_square(g, u), Fraction(-1, 2)),)),
    "acos": lambda g, u, v: g.negate(g.monomial(((_one_minus_square(g, u), Fraction(-1, 2)),))),
    "atan": lambda g, u, v: g.divide(g.one, g.add(g.one, g.multiply(u, u))),
    "erf": lambda g, u, v: g.multiply(
        g.number(2), g.monomial(((g.function("pi"), Fraction(-1, 2)),)), g.exp(g.negate(g.multiply(u, u)))
    ),
    "step": lambda g, u, v: g.zero,
    "zero": lambda g, u, v: g.zero,
}


def _one_minus_square(g: Graph, u: Node) -> Node:
    return g.subtract(g.one, g.multiply(u, u))


def opaque_name(name: str, orders: tuple[int, ...]) -> str:
    """How the graph calls a function that is only named, differentiated so often by each operand."""
    return f"{name}|{','.join(map(str, orders))}"


def adjoints(
    graph: Graph,
    value: Node,
    given: Mapping[Node, Node] | None = None,
    *,
    stop: frozenset[Node] = frozenset(),
    local: Mapping[Node, Mapping[Node, Node]] | None = None,
) -> dict[Node, Node]:
    """The derivative of `value` by every node below it; nodes that are missing have derivative 0.

    given : adjoints that are to be taken instead of those found, as a derivation goes on from a line that says so.
    stop : nodes held fixed: nothing is carried through them.
    local : for a named node, local partials by other named nodes or inputs that are to be taken instead of its own.
    On a tape they are differences of replays, in which `stop` saves nothing: only what lies below it may not be asked
    for. Raises ValueError where a tape is given adjoints or partials.
    """
    if isinstance(graph, Tape):
        if given or local:
            raise ValueError("a tape has no derivatives but its own differences")
        return graph.slopes(value)
    found: dict[Node, list[tuple[int | Fraction, Node]]] = {value: [(1, graph.one)]}
    answer: dict[Node, Node] = {}
    for node in reversed(graph.cone((value,))):
        parts = found.pop(node, None)
        if given is not None and node in given:
            adjoint = given[node]
        elif parts is None:
            continue
        else:
            adjoint = graph.linear(parts)
        answer[node] = adjoint
        if adjoint == graph.zero or node in stop:
            continue
        if local is not None and node in local:
            for operand, slope in _around(graph, node, local[node]).items():
                found.setdefault(operand, []).append((1, graph.multiply(adjoint, slope)))
            continue
        for operand, partial in partials(graph, node):
            if isinstance(partial, tuple):
                found.setdefault(operand, []).append((partial[0], adjoint))
            elif partial != graph.zero:
                found.setdefault(operand, []).append((1, graph.multiply(adjoint, partial)))
    return answer


def _around(graph: Graph, node: Node, stated: Mapping[Node, Node]) -> dict[Node, Node]:
    """The partials of a named node by what its formula reads, with some of them as they were stated."""
    inner = graph.data[node][1]
    cut = frozenset(each for each in graph.cone((inner,)) if graph.kinds[each] in (NAMED, INPUT))
    own = adjoints(graph, inner, stop=cut)
    return {each: stated.get(each, own[each]) for each in cut if each in own} | dict(stated)


def partials(graph: Graph, node: Node) -> list[tuple[Node, Node | tuple[int | Fraction]]]:
    """The local partial by each operand; one that is a plain number stands in a tuple."""
    data = graph.data[node]
    match graph.kinds[node]:
        case k if k in (NUMBER, INPUT):
            return []
        case k if k == NAMED:
            return [(data[1], (1,))]
        case k if k == LINEAR:
            return [(term, (coefficient,)) for term, coefficient in data[1]]
        case k if k == MONOMIAL:
            found: list[tuple[Node, Node | tuple[int | Fraction]]] = []
            for place, (factor, exponent) in enumerate(data[0]):
                rest = [pair for k, pair in enumerate(data[0]) if k != place]
                if exponent != 1:
                    rest.append((factor, exponent - 1))
                product = graph.monomial(rest)
                found.append((factor, product if exponent == 1 else graph.linear(((exponent, product),))))
            return found
    assert graph.kinds[node] == FUNCTION
    name, operands = data
    if name == "max":  # a tie goes to no operand or to several, and has measure 0
        return [
            (each, graph.multiply(*(graph.not_below(each, other) for other in operands if other != each)))
            for each in operands
        ]
    if "|" not in name:
        return [(operands[0], _PARTIALS[name](graph, operands[0], node))] if operands else []
    base, _, text = name.partition("|")
    orders = tuple(map(int, text.split(",")))
    return [
        (operand, graph.function(opaque_name(base, (*orders[:k], orders[k] + 1, *orders[k + 1 :])), *operands))
        for k, operand in enumerate(operands)
    ]
