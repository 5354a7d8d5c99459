"""The derivatives of a problem's nodes by each other, kept from work to work as residues and doubles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from derive.verification.differentiating import adjoints
from derive.verification.graph import INPUT, NAMED, Node
from derive.verification.tables import Doubled, Residual, Unfit, Values

if TYPE_CHECKING:
    from derive.verification.model import Model


#: Readings that are kept before all are forgotten again.
KEPT = 2048


class Slopes:
    """Of each node that was asked for, its derivatives by all inputs and names: columns of one table.

    They are worked out on the graph, whose nodes are forgotten again at once.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._rows: dict[Node, int] = {}
        self._columns: Values = np.empty((0, model.base), dtype=np.int64)
        self._residues: Values = None
        self._doubles: Values = None
        self._degrees: list[float] = []
        self._places: dict[tuple[Any, ...], tuple[Values, bool, float]] = {}
        kinds = model.graph.kinds[: model.base]
        self._varied = np.array([kind in (INPUT, NAMED) for kind in kinds])
        self._varied[model.graph.zero] = True  # an entry outside an array, on which nothing depends

    def read(self, of: Values, by: Values, numbers: Residual | Doubled, checked: bool) -> tuple[Values, float]:
        """The derivatives of nodes by nodes, two arrays of one shape, and a bound of their degree.

        checked : whether they must have values in double precision.
        """
        model = self.model
        if model.given_adjoints or model.given_partials or by.max() >= model.base or not self._varied[by].all():
            raise Unfit
        key = (of.shape, of.tobytes(), by.tobytes())
        found = self._places.get(key)
        if found is None:
            if len(self._places) >= KEPT:
                self._places.clear()
            found = self._places[key] = self._placed(of, by)
        places, is_finite, degree = found
        if checked and not is_finite:
            raise Unfit
        if numbers is model.doubled:
            return self._doubles[:, places], 1.0
        values = self._residues[:, places]
        if values.min() < 0:
            raise Unfit
        return values, degree

    def _placed(self, of: Values, by: Values) -> tuple[Values, bool, float]:
        """The columns of derivatives, whether all have values in double precision, and a bound of their degree."""
        above = np.unique(of).tolist()
        for node in above:
            if node not in self._rows:
                self._add(node)
        rows = self._rows[above[0]] if len(above) == 1 else np.vectorize(self._rows.__getitem__)(of)
        places = self._columns[rows, by]
        degree = max(map(self._degrees.__getitem__, set(places.ravel().tolist())))
        return places, bool(np.isfinite(self._doubles[:, places]).all()), degree

    def _add(self, node: Node) -> None:
        model = self.model
        if node >= model.base:
            raise Unfit
        mark = len(model.graph)
        try:
            found = model._adjoints.get(node) or adjoints(model.graph, node)
            kept = [each for each in found if each < model.base and self._varied[each]]
            nodes = np.array([model.graph.zero, *(found[each] for each in kept)], dtype=np.int64)
            residues = model.residual.known(int(nodes.max()) + 1)[:, nodes]
            doubles = model.doubled.read(nodes)
            degrees = model.residual.degrees(nodes)
        finally:
            model.judge.release(mark)
        first = len(self._degrees)
        if first:
            residues = np.concatenate((self._residues, residues), axis=1)
            doubles = np.concatenate((self._doubles, doubles), axis=1)
        self._residues, self._doubles = residues, doubles
        self._degrees += degrees
        columns = np.full(model.base, first, dtype=np.int64)  # the first of them is 0
        columns[kept] = range(first + 1, len(self._degrees))
        self._rows[node] = len(self._rows)
        self._columns = np.concatenate((self._columns, columns[None]))
