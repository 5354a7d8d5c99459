r"""Rows that add up: \bar u = v, then \bar u = \bar u + \bar v, or +=, or an arrow.

Together they say one thing, the last value; what stands before it are partial sums. Where the whole is wrong, the
row is charged whose share is no sum of paths from what is differentiated to the loss, else the last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from derive import tree as t
from derive.plain import formula
from derive.reading.latex.rows import Row, Statement
from derive.tree import Tree
from derive.verification.differentiating import adjoints
from derive.verification.graph import NAMED, Node
from derive.verification.model import Model

#: Paths more than this are not tried in all combinations.
PATHS = 6


@dataclass(frozen=True)
class Share:
    """One row of a sequence.  total : the value after it, in terms of other names.  part : what it adds."""

    row: int
    place: int
    total: Tree
    part: Tree


@dataclass(frozen=True)
class Accumulation:
    """head : what is added up.  shares : in order of the rows."""

    head: Tree
    shares: tuple[Share, ...]
    conditions: tuple[Tree, ...]


def sequences(rows: Sequence[Row]) -> dict[tuple[int, int], Accumulation]:
    """The statements that belong to a sequence, by (row number, place in the row)."""
    groups: dict[str, list[tuple[Row, int, Statement]]] = {}
    for row in rows:
        for place, statement in enumerate(row.statements):
            if statement.head is not None and len(statement.links) >= 1:
                groups.setdefault(formula(statement.head), []).append((row, place, statement))
    found: dict[tuple[int, int], Accumulation] = {}
    for group in groups.values():
        if len(group) > 1 and any(_accumulates(statement) for _, _, statement in group[1:]):
            made = _sequence(group)
            if made is not None:
                found.update({(share.row, share.place): made for share in made.shares})
    return found


def _accumulates(statement: Statement) -> bool:
    """Whether a row adds to its left side: u = u + v. In A = A^T or u = 3 - u the row speaks of one value."""
    link = statement.links[0]
    terms = link.tree.terms if isinstance(link.tree, t.Sum) else ()
    return link.relation in ("+=", "<-", "-=") or ("+", statement.head) in terms


def _sequence(group: Sequence[tuple[Row, int, Statement]]) -> Accumulation | None:
    head = group[0][2].head
    assert head is not None
    if _accumulates(group[0][2]):
        return None  # nothing stands before the first row
    shares: list[Share] = []
    total: Tree | None = None
    for row, place, statement in group:
        tree = statement.links[0].tree
        relation = statement.links[0].relation
        if total is None:
            total = tree
        elif relation in ("+=", "-="):
            total = t.Sum((("+", total), ("+" if relation == "+=" else "-", tree)))
        else:
            before = total
            total = t.transformed(tree, lambda node: before if node == head else node)  # noqa: B023
        part = total if not shares else t.Sum((("+", total), ("-", shares[-1].total)))
        shares.append(Share(row.number, place, total, part))
    return Accumulation(head, tuple(shares), tuple(group[0][2].conditions))


def wrong_share(sequence: Accumulation, model: Model) -> Share:
    """The row that is charged for a sequence whose last value is wrong."""
    paths = _paths(sequence.head, model)
    for share in sequence.shares:
        taken = _matching(share, paths, model)
        if taken is None:
            return share
        for name in taken:
            del paths[name]
    return sequence.shares[-1]


def _paths(head: Tree, model: Model) -> dict[str, list[Node]]:
    """For each name that reads the variable, its share of the adjoint: adjoint times local partial."""
    places = model.adjoint_places(head, {})
    loss = model.loss_node()
    if places is None or loss is None:
        return {}
    graph = model.graph
    total = model.adjoints(loss)
    found: dict[str, list[Node]] = {}
    for user in graph.cone((loss,)):
        if graph.kinds[user] != NAMED or user in places:
            continue
        inner = graph.data[user][1]
        cut = frozenset(node for node in graph.cone((inner,)) if graph.kinds[node] == NAMED)
        local = adjoints(graph, inner, stop=cut)
        if not any(place in local for place in places):
            continue
        name = str(graph.data[user][0][0])
        shares = found.setdefault(name, [graph.zero] * len(places))
        for k, place in enumerate(places):
            if place in local and user in total:
                shares[k] = graph.add(shares[k], graph.multiply(total[user], local[place]))
    return found


def _matching(share: Share, paths: dict[str, list[Node]], model: Model) -> tuple[str, ...] | None:
    """The names whose paths make up what a row adds, or None."""
    value = model.meaning.value(share.part, {})
    for names in _subsets(sorted(paths)):
        count = len(paths[names[0]])
        if len(value.nodes) != count:
            return None
        pairs = [
            ((k,), value.nodes[k], model.graph.linear([(1, paths[name][k]) for name in names])) for k in range(count)
        ]
        if model.judge.decide(pairs).verdict == "correct":
            return names
    return None


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for size in range(1, min(len(names), PATHS) + 1):
        yield from combinations(names, size)
