"""The degree of formulas over their atoms, which bounds the probability that residues agree by chance.

Source: Schwartz (1980), Zippel (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, log10

from derive.verification.graph import FUNCTION, LINEAR, MONOMIAL, NAMED, NUMBER, Graph, Node

#: exp(c m) is the power c STEPS of an atom (`derive.verification.residues`).
STEPS = 720_720
#: Primes are above 2 to this power.
BITS = 60


def chance(graph: Graph, pairs: Sequence[tuple[Node, Node]], trials: int) -> float:
    """log10 of a bound of the probability that all trials agree by chance though a pair differs."""
    degree = degree_of(graph, [node for pair in pairs for node in pair])
    if not isfinite(degree):
        return 0.0
    return trials * min(0.0, log10(len(pairs) * max(degree, 1.0)) - log10(2.0) * BITS + 1)


def degree_of(graph: Graph, nodes: Sequence[Node]) -> float:
    """A bound of the degrees of numerator and denominator together, over atoms; of the largest of the nodes.

    Where a node stands in an exp, sin or cos, the sum of the sizes of its coefficients counts: that of exp(c m) is |c|.
    """
    degrees: dict[Node, float] = {}
    sizes: dict[Node, float] = {}
    for node in graph.cone(nodes):
        data = graph.data[node]
        degree, size = 1.0, 1.0
        match graph.kinds[node]:
            case k if k == NUMBER:
                size = _float(data[0])
            case k if k == NAMED:
                degree, size = degrees[data[1]], sizes[data[1]]
            case k if k == LINEAR:
                degree = sum(degrees[term] for term, _ in data[1]) + 1.0
                size = _float(data[0]) + sum(_float(coefficient) * sizes[term] for term, coefficient in data[1])
            case k if k == MONOMIAL:
                degree = sum(degrees[factor] * _float(exponent) for factor, exponent in data[0])
                for factor, exponent in data[0]:  # another power than a whole positive one is an atom there
                    size *= _power(sizes[factor], exponent) if isinstance(exponent, int) and exponent > 0 else 1.0
            case k if k == FUNCTION and data[0] in ("exp", "sin", "cos"):
                inner = data[1][0]
                degree = 2.0 * STEPS * (sizes[inner] + 1.0) * (degrees[inner] + 1.0)
            case k if k == FUNCTION:
                degree = 1.0 + sum(degrees[each] for each in data[1])
        degrees[node], sizes[node] = degree, size
    return max((degrees[node] for node in nodes), default=1.0)


def _float(value: object) -> float:
    try:
        return abs(float(value))  # type: ignore[arg-type]
    except OverflowError:
        return inf


def _power(base: float, exponent: int) -> float:
    try:
        return base**exponent
    except OverflowError:
        return inf
