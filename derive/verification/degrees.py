"""The degree of formulas over their atoms, which bounds the probability that residues agree by chance.

Source: Schwartz (1980), Zippel (1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf, isfinite, log10
from typing import SupportsFloat

from derive.verification.graph import FUNCTION, LINEAR, MONOMIAL, NAMED, NUMBER, Graph, Node

#: exp(c m) is the power c STEPS of an atom (`derive.verification.residues`).
STEPS = 720_720
#: A bound for each node that is known.
Known = Mapping[Node, float] | Sequence[float]
#: Primes are above 2 to this power.
BITS = 60


def chance(graph: Graph, pairs: Sequence[tuple[Node, Node]], trials: int) -> float:
    """log10 of a bound of the probability that all trials agree by chance though a pair differs."""
    degree = degree_of(graph, [node for pair in pairs for node in pair])
    if not isfinite(degree):
        return 0.0
    return trials * min(0.0, log10(len(pairs) * max(degree, 1.0)) - log10(2.0) * BITS + 1)


def degree_of(graph: Graph, nodes: Sequence[Node]) -> float:
    """The bound of the largest of the nodes."""
    degrees: dict[Node, float] = {}
    sizes: dict[Node, float] = {}
    for node in graph.cone(nodes):
        degrees[node], sizes[node] = bounds(graph, node, degrees, sizes)
    return max((degrees[node] for node in nodes), default=1.0)


def bounds(graph: Graph, node: Node, degrees: Known, sizes: Known) -> tuple[float, float]:
    """Bounds of the degree of a node, numerator and denominator together, and of the sum of its coefficients' sizes.

    degrees, sizes : those of its operands. The size counts where the node stands in an exp: the degree of exp(c m) is
    that of m times |c| STEPS.
    """
    data = graph.data[node]
    match graph.kinds[node]:
        case k if k == NUMBER:
            return 1.0, _float(data[0])
        case k if k == NAMED:
            return degrees[data[1]], sizes[data[1]]
        case k if k == LINEAR:
            size = sum([_float(coefficient) * sizes[term] for term, coefficient in data[1]])
            return sum([degrees[term] for term, _ in data[1]]) + 1.0, _float(data[0]) + size
        case k if k == MONOMIAL:
            size = 1.0
            for factor, exponent in data[0]:  # another power than a whole positive one is an atom in an exp
                size *= _power(sizes[factor], exponent) if isinstance(exponent, int) and exponent > 0 else 1.0
            return sum([degrees[factor] * _weight(exponent) for factor, exponent in data[0]]), size
        case k if k == FUNCTION and data[0] in ("exp", "sin", "cos"):
            (inner,) = data[1]
            return 2.0 * STEPS * (sizes[inner] + 1.0) * (degrees[inner] + 1.0), 1.0
        case k if k == FUNCTION:
            return 1.0 + sum([degrees[each] for each in data[1]]), 1.0
    return 1.0, 1.0


def _weight(exponent: int | Fraction) -> float:
    """How often a factor counts; a third root is a power of an atom as exp is."""
    return _float(exponent) * (1 if exponent.denominator <= 2 else STEPS)


def _float(value: SupportsFloat) -> float:
    try:
        return abs(float(value))
    except OverflowError:
        return inf


def _power(base: float, exponent: int) -> float:
    try:
        return base**exponent
    except OverflowError:
        return inf
