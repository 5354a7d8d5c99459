"""The derivatives of a problem's nodes by each other, kept from work to work as residues and doubles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from derive.verification.differentiating import adjoints
from derive.verification.graph import INPUT, NAMED, Node
from derive.verification.tables import Doubled, Residual, Unfit, Values

if TYPE_CHECKING:
    from derive.verification.model import Model


class Slopes:
    """Of each node that was asked for, its derivatives by all inputs and names: columns of one table.

    They are worked out on the graph, whose nodes are forgotten again at once.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._columns: dict[Node, dict[Node, int]] = {}
        self._residues: Values = None
        self._doubles: Values = None
        self._degrees: list[float] = []

    def read(self, of: Values, by: Values, numbers: Residual | Doubled) -> tuple[Values, float]:
        """The derivatives of nodes by nodes, two arrays of one shape, and a bound of their degree."""
        model = self.model
        if model.given_adjoints or model.given_partials:
            raise Unfit
        above = of.ravel().tolist()
        for node in dict.fromkeys(above):
            if node not in self._columns:
                self._add(node)
        found = [self._columns[one].get(other, 0) for one, other in zip(above, by.ravel().tolist(), strict=True)]
        places = np.array(found).reshape(of.shape)
        if numbers is model.doubled:
            return self._doubles[:, places], 1.0
        values = self._residues[:, places]
        if values.min() < 0:
            raise Unfit
        return values, max(map(self._degrees.__getitem__, found))

    def _add(self, node: Node) -> None:
        model = self.model
        if node >= model.base:
            raise Unfit
        mark = len(model.graph)
        try:
            found = model._adjoints.get(node) or adjoints(model.graph, node)
            kept = [each for each in found if model.graph.kinds[each] in (INPUT, NAMED)]
            nodes = np.array([model.graph.zero, *(found[each] for each in kept)], dtype=np.int64)
            residues = model.residual.known(int(nodes.max()) + 1)[:, nodes]
            doubles = model.doubled.read(nodes)
            degrees = model.residual.degrees(nodes)
        finally:
            model.judge.release(mark)
        if self._residues is not None:
            residues = np.concatenate((self._residues, residues), axis=1)
            doubles = np.concatenate((self._doubles, doubles), axis=1)
        first = len(self._degrees) + 1
        self._residues, self._doubles = residues, doubles
        self._degrees += degrees
        self._columns[node] = {each: first + place for place, each in enumerate(kept)}
