"""First step of a layered drawing: each node gets a rank, and every edge leads to a higher one."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def ranks(
    nodes: Sequence[Key], edges: Sequence[tuple[Key, Key]], first: Collection[Key] = (), last: Collection[Key] = ()
) -> dict[Key, int]:
    """Longest-path ranks, then tightened: a node moves towards its readers where that shortens its edges.

    nodes : in an order in which every edge leads forward (that of a Program).
    first : nodes that stay at rank 0; without any, all nodes stand as near to their readers as these allow.
    last : nodes that go to the highest rank if nothing reads them.

    Raises ValueError for an edge against the order.
    """
    place = {node: number for number, node in enumerate(nodes)}
    before: dict[Key, list[Key]] = {node: [] for node in nodes}
    behind: dict[Key, list[Key]] = {node: [] for node in nodes}
    for source, target in edges:
        if place[source] >= place[target]:
            raise ValueError(f"the edge from {source} to {target} leads backwards; order the nodes by their operands")
        before[target].append(source)
        behind[source].append(target)
    rank: dict[Key, int] = {}
    stay = set(first)
    for node in nodes:
        floor = 1 if stay and node not in stay else 0
        rank[node] = max((rank[source] + 1 for source in before[node]), default=floor)
    highest = max(rank.values(), default=0)
    for node in reversed(nodes):
        if node in stay:
            continue
        latest = min((rank[target] - 1 for target in behind[node]), default=highest if node in last else rank[node])
        # without a first rank a node with as many readers as operands moves too, and its operands follow
        if (
            len(behind[node]) + (not stay) > len(before[node])
            or (node in last and not behind[node])
            or not before[node]
        ):
            rank[node] = max(rank[node], latest)
    return rank
