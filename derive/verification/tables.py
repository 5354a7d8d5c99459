"""Values of a graph's nodes as NumPy arrays, and arithmetic on them: modulo primes of 50 bits, or in double precision.

Arrays of residues have one draw along their first axis. A product of residues is worked out in 64 bits: the quotient
by the prime, found in double precision, is off by at most one, so the rest is in (-p, 2p); one more division ends it.
"""

from __future__ import annotations

from fractions import Fraction
from math import log10
from typing import TYPE_CHECKING, Any

import numpy as np

from derive.verification.degrees import bounds
from derive.verification.points import Doubles
from derive.verification.residues import NESTED, Branch, Residues

if TYPE_CHECKING:
    from derive.verification.deciding import Judge

Values = Any  # an array of residues (int64) or of doubles

#: Draws that must all agree, and the bits of their primes: together no less likely to be deceived than Judge.decide.
DRAWS, BITS = 4, 49
#: How many are tried, to find so many at which all of a problem has residues; most roots: each doubles the work.
TRIED, ROOTS = 24, 2
#: Readings that are kept before all are forgotten again.
KEPT = 2048
#: So many residues may be added without overflow.
TERMS = 8192


class Unfit(Exception):
    """A formula that is left to the graph of scalars."""


class Residual:
    """Nodes modulo DRAWS primes, with both signs of each of a problem's square roots.

    A node without a residue, or with a root that is not among the first `base` nodes, is unfit.
    """

    def __init__(self, judge: Judge, base: int) -> None:
        self.graph = judge.graph
        trials: list[Residues] = []
        self.trials: list[Residues] = []
        while len(trials) < TRIED and len(self.trials) < DRAWS:
            trials.append(Residues(judge.graph, judge.seed, len(trials), BITS))
            if None not in trials[-1].upto(base):
                self.trials.append(trials[-1])
        if len(self.trials) < DRAWS:  # such nodes are unfit
            self.trials = trials[:DRAWS]
        judge.draws.update({-1 - place: each for place, each in enumerate(self.trials)})  # released with the others
        self._squares = [sorted(frozenset().union(*trial.roots[:base]) - {NESTED}) for trial in self.trials]
        roots = max(map(len, self._squares))
        self._rows: list[tuple[int, Residues, Branch | None, set[int]]] = []
        for place, (trial, squares) in enumerate(zip(self.trials, self._squares, strict=True)):
            for flips in range(1 << roots if roots <= ROOTS else 1):
                turned = {square for k, square in enumerate(squares) if flips >> k & 1}
                self._rows.append((place, trial, Branch(trial) if turned else None, turned))
        if roots > ROOTS:
            self._squares = [[] for _ in self.trials]
        self.draws = len(self._rows)
        self._primes = np.array([trial.prime for _, trial, _, _ in self._rows], dtype=np.int64)
        self._shaped: dict[int, tuple[Values, Values]] = {}
        self._table: Values = np.empty((self.draws, 0), dtype=np.int64)
        self._degrees: list[float] = []
        self._sizes: list[float] = []
        self._numbers: dict[Fraction, Values] = {}
        self._base = base
        self._read: dict[tuple[tuple[int, ...], bytes], tuple[Values, float]] = {}

    def primes(self, axes: int) -> tuple[Values, Values]:
        """The primes along the first of so many axes, and their reciprocals."""
        if axes not in self._shaped:
            shaped = self._primes.reshape(-1, *(1,) * (axes - 1))
            self._shaped[axes] = (shaped, 1.0 / shaped)
        return self._shaped[axes]

    def known(self, count: int) -> Values:
        """The table of the first `count` nodes; -1 where a node is unfit."""
        have = min(self._table.shape[1], *(len(trial.roots) for trial in self.trials))
        if have < count:
            rows = [self._row(have, count, *row) for row in self._rows]
            self._table = np.concatenate((self._table[:, :have], np.array(rows, dtype=np.int64)), axis=1)
            del self._degrees[have:], self._sizes[have:]
            for node in range(have, count):
                degree, size = bounds(self.graph, node, self._degrees, self._sizes)
                self._degrees.append(degree)
                self._sizes.append(size)
        return self._table

    def _row(
        self, have: int, count: int, place: int, trial: Residues, branch: Branch | None, turned: set[int]
    ) -> list[int]:
        values = list(trial.upto(count)[have:count])
        squares = self._squares[place]
        if branch is not None:
            for node in [node for node in branch.changed if node >= have]:
                del branch.changed[node]
        for node, roots in enumerate(trial.roots[have:count], have):
            if roots and not roots.issubset(squares):
                values[node - have] = None
            elif roots and branch is not None:
                values[node - have] = branch.changed[node] = trial.branched(node, branch, turned)
        return [-1 if value is None else value for value in values]

    def read(self, nodes: Values) -> Values:
        """The residues of an array of nodes."""
        found = self.known(int(nodes.max()) + 1)[:, nodes]
        if found.min() < 0:
            raise Unfit
        return found

    def looked_up(self, nodes: Values) -> tuple[Values, float]:
        """The residues of an array of nodes and a bound of their degrees; those of the problem itself are kept."""
        key = (nodes.shape, nodes.tobytes())
        found = self._read.get(key)
        if found is None:
            found = self.read(nodes), self._degree(nodes)
            if nodes.max() < self._base:
                if len(self._read) >= KEPT:
                    self._read.clear()
                self._read[key] = found
        return found

    def _degree(self, nodes: Values) -> float:
        """A bound of the degrees of nodes that were read."""
        return max(map(self._degrees.__getitem__, set(nodes.ravel().tolist())))

    def degrees(self, nodes: Values) -> list[float]:
        return [self._degrees[node] for node in nodes.tolist()]

    def number(self, value: int | Fraction) -> Values:
        found = self._numbers.get(Fraction(value))
        if found is None:
            each = [trial.rational(value) for _, trial, _, _ in self._rows]
            if None in each:
                raise Unfit
            found = self._numbers[Fraction(value)] = np.array(each, dtype=np.int64)
        return found

    def integers(self, values: Values) -> Values:
        return values % self.primes(values.ndim)[0]

    def add(self, left: Values, right: Values, sign: int) -> Values:
        both = left + right if sign > 0 else left - right
        return both % self.primes(both.ndim)[0]

    def negate(self, value: Values) -> Values:
        return -value % self.primes(value.ndim)[0]

    def multiply(self, left: Values, right: Values) -> Values:
        primes, reciprocals = self.primes(left.ndim)
        quotient = (left.astype(np.float64) * right * reciprocals).astype(np.int64)
        return (left * right - quotient * primes) % primes

    def total(self, value: Values, axis: int | tuple[int, ...], keepdims: bool) -> Values:
        found = value.sum(axis=axis, keepdims=keepdims)
        if value.size > TERMS * max(found.size, 1):
            raise Unfit
        return found % self.primes(found.ndim)[0]

    def inverse(self, value: Values, needed: Values) -> Values:
        """1/value where `needed`; a zero there is unfit."""
        if ((value == 0) & needed).any():
            raise Unfit
        found = [
            [pow(one, -1, trial.prime) if one else 0 for one in each]
            for (_, trial, _, _), each in zip(self._rows, value.reshape(self.draws, -1).tolist(), strict=True)
        ]
        return np.array(found, dtype=np.int64).reshape(value.shape)


class Doubled:
    """Nodes in double precision at the first point; nan and infinities stand for themselves."""

    draws = 1

    def __init__(self, judge: Judge) -> None:
        # its own look, which nobody else lengthens: so what was forgotten since is seen by its length
        self.look = judge.looks[-1] = Doubles(judge.point(0))
        self._table: Values = np.empty((1, 0))

    def read(self, nodes: Values) -> Values:
        count = int(nodes.max()) + 1
        have = min(self._table.shape[1], len(self.look.values))
        if have < count:
            self.look[count - 1]
            self._table = np.concatenate((self._table[:, :have], [self.look.values[have:count]]), axis=1)
        return self._table[:, nodes]

    def looked_up(self, nodes: Values) -> tuple[Values, float]:
        return self.read(nodes), 1.0

    def number(self, value: int | Fraction) -> Values:
        return np.array([float(value)])

    def integers(self, values: Values) -> Values:
        return values.astype(np.float64)

    def add(self, left: Values, right: Values, sign: int) -> Values:
        return left + right if sign > 0 else left - right

    def negate(self, value: Values) -> Values:
        return -value

    def multiply(self, left: Values, right: Values) -> Values:
        return left * right

    def total(self, value: Values, axis: int | tuple[int, ...], keepdims: bool) -> Values:
        return value.sum(axis=axis, keepdims=keepdims)

    def inverse(self, value: Values, needed: Values) -> Values:
        return 1.0 / value


def chance(count: int, degree: float) -> float:
    """log10 of a bound of the probability that `count` pairs of such a degree agree at all draws by chance."""
    if degree == float("inf"):
        return 0.0
    return DRAWS * min(0.0, log10(count * max(degree, 1.0)) - log10(2.0) * BITS + 1)
