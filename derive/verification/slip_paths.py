"""Paths: what is used in several places collects a term from each of them, and one of these is often lost.

On the graph of scalars the derivative of s by p is the sum, over the named values y that read p, of ds/dy times the
partial derivative of y by p alone. A row that lacks one of these terms, has it twice or with the other sign is told
from the difference of its sides, whatever its formula looks like.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, TypeVar

from derive import tree as t
from derive.tree import Tree
from derive.verification.differentiating import partials
from derive.verification.graph import NAMED, Node
from derive.verification.model import Model
from derive.verification.shaped import Env, OutsideFamily, Shaped, Unjudged, scalar
from derive.verification.slip_library import named
from derive.verification.slips import Change
from derive.verification.statements import instances

if TYPE_CHECKING:
    from derive.verification.slip_search import Search

#: Most named values that are looked through, and most ways of a variable whose subsets are tried.
VALUES, WAYS = 400, 6
#: Entries of a row in which a path is looked for in double precision, before it is in all of them.
LOOKED = 6

T = TypeVar("T")
Key = tuple[object, ...]
Entry = tuple[Node, Node, dict[Key, Node]]


class Paths:
    """The terms of a derivative in one model, entry by entry, by what they lead through."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.graph = model.graph
        self._partials: dict[Node, Mapping[Node, Node]] = {}
        self._readers: dict[Node, tuple[list[Node], dict[Node, list[Node]]]] = {}

    def terms(self, seed: Node, place: Node) -> dict[Key, Node]:
        """What a value leads through -> its term of the derivative of `seed` by `place`."""
        g = self.graph
        outer = self.model.adjoints(seed)
        if seed not in self._readers:
            self._readers[seed] = self._read_by(seed)
        values, readers = self._readers[seed]
        if len(values) - bisect(values, place) > VALUES:
            raise Unjudged("too many values to look through")
        found: dict[Key, Node] = {}
        for node in readers.get(place, ()):
            if node > place:
                if g.data[node][1] == place:  # v_0 = x_2: only another name for the place
                    found |= self.terms(seed, node)
                    continue
                if node not in self._partials:
                    self._partials[node] = self._local(g.data[node][1])
                if self._partials[node].get(place, g.zero) == g.zero:
                    continue
                key = (*self._key(node), self._is_own(node, place))
                found[key] = g.add(found.get(key, g.zero), g.multiply(outer[node], self._partials[node][place]))
        return found

    def _read_by(self, seed: Node) -> tuple[list[Node], dict[Node, list[Node]]]:
        """The named values of which one is made, and of each node those that read it."""
        g, outer = self.graph, self.model.adjoints(seed)
        values = [node for node in g.cone((seed,)) if g.kinds[node] == NAMED and node in outer]
        readers: dict[Node, list[Node]] = {}
        for node in values:
            for place in self._reached(g.data[node][1]):
                readers.setdefault(place, []).append(node)
        return values, readers

    def _reached(self, value: Node) -> set[Node]:
        """A value and all of which its own formula is made, names and inputs being the ends."""
        g = self.graph
        reached = {value}
        stack = [value]
        while stack:
            node = stack.pop()
            if g.kinds[node] != NAMED:
                new = [each for each in g.operands(node) if each not in reached]
                reached.update(new)
                stack += new
        return reached

    def _local(self, value: Node) -> Mapping[Node, Node]:
        """The partial derivatives of a value by the names and inputs that its own formula reads."""
        g = self.graph
        found: dict[Node, Node] = {value: g.one}
        for node in sorted(self._reached(value), reverse=True):  # operands have smaller numbers
            outer = found.get(node)
            if outer is None or g.kinds[node] == NAMED:
                continue
            for operand, partial in partials(g, node):
                if isinstance(partial, tuple):
                    term = g.linear(((partial[0], outer),))
                else:
                    term = g.multiply(outer, partial)
                found[operand] = g.add(found[operand], term) if operand in found else term
        return found

    def _is_own(self, node: Node, place: Node) -> bool:
        """Whether both are entries with the same indices."""
        one, other = self.graph.data[node][0], self.graph.data[place][0]
        return len(one) > 1 and one[1:] == other[1:]

    def _key(self, node: Node) -> Key:
        """The name of a value, and of a family its member."""
        key: Key = self.graph.data[node][0]
        return key[:2] if self.model.is_family(str(key[0])) else key[:1]


def _ends(model: Model, head: Tree, env: Env) -> tuple[Sequence[Node], Sequence[Node]] | None:
    """(what is differentiated, by what) of a left side, one of them a number."""
    of: Shaped
    by: Shaped
    if isinstance(head, t.Derivative) and not isinstance(head.by, t.Derivative):
        of = model.meaning.value(head.of, env)
        by = model.derivatives.places(head.by, env)
    else:
        places = model.adjoint_places(head, env)
        loss = model.loss_node()
        if places is None or loss is None:
            return None
        of, by = scalar(loss), Shaped((len(places),), places)
    if of.rank and by.rank:
        return None
    return of.nodes, by.nodes


def path_changes(search: Search, late: bool = False) -> Iterator[Change]:
    """Slips of paths that explain the row, each proved in all models; `late`: those that a formula may say better."""
    first = _entries(search, search.model, most=LOOKED)
    if not first:
        return
    ways = list(dict.fromkeys(_way(key) for _, _, terms in first for key in terms))
    if len(ways) > WAYS:
        return
    tries: list[tuple[str, tuple[str, ...], int]] = [
        ("diagonal path only", (way,), 1)
        for way in ways
        if any(_way(key) == way and key[-1] for _, _, terms in first for key in terms)
    ]
    for way in ways if len(ways) > 1 else ():
        tries += [("path missing", (way,), 1), ("path taken twice", (way,), -1)]
    if late:
        tries = [("sign of a path", (way,), 2) for way in ways]
    for count in range(2, len(ways) if not late else 0):
        tries += [("a lone term of several", chosen, 1) for chosen in combinations(ways, count)]
    seen = [each for each in tries if _is_close(search, first, *each)]
    tables: dict[Model, Sequence[Entry]] = {}  # made when they are asked for
    for name, chosen, weight in seen:
        elsewhere = name == "diagonal path only"
        for model in search.models:
            if model not in tables:
                tables[model] = _entries(search, model) or ()
            if not tables[model] or not _equal(search, model, tables[model], chosen, weight, elsewhere):
                break
        else:
            yield _change(search, name, chosen)
            return


def _is_close(search: Search, table: Sequence[Entry], name: str, chosen: Sequence[str], weight: int) -> bool:
    """Whether the chosen terms may make up for the difference, in double precision at the entries looked at."""
    return search.close(search.model, _repaired(search.model, table, chosen, weight, name == "diagonal path only")[0])


def whole_derivative(search: Search) -> Tree | None:
    """The chain rule over everything that reads the variable: the sum of dL/dY dY/dx, or None."""
    table = _entries(search, search.model, True, LOOKED)
    if not table:
        return None
    ways = list(dict.fromkeys(_way(key) for _, _, terms in table for key in terms))
    parts = [_written(search, way) for way in ways]
    kept = [part for part in parts if part is not None]
    if not kept or len(kept) < len(parts) or len(kept) > WAYS:
        return None
    return t.tidy_sum(kept)


def _way(key: Key) -> str:
    return str(key[0])


def _entries(search: Search, model: Model, alone: bool = False, most: int | None = None) -> list[Entry] | None:
    """(left, right, terms) for every entry of the row, or some of them; `alone`: for the left side on both sides.

    most : so many entries, spread over the row.
    """
    paths = Paths(model)
    entries: list[Entry] = []
    side = search.head if alone else search.right
    found = instances((search.context.anchor, side), search.conditions, model)
    for instance in found if most is None else _spread(found, most):
        try:
            left = model.meaning.value(search.head, instance.env)
            right = model.meaning.value(side, instance.env)
            ends = _ends(model, search.head, instance.env)
        except OutsideFamily:
            continue
        if ends is None:
            return None
        pairs = [(seed, place) for seed in ends[0] for place in ends[1]]
        if not len(pairs) == len(left.nodes) == len(right.nodes) or left.row != right.row:
            return None
        rows = list(zip(pairs, left.nodes, right.nodes, strict=True))
        for (seed, place), one, other in rows if most is None else _spread(rows, most):
            entries.append((one, other, paths.terms(seed, place)))
    return entries


def _spread(found: Sequence[T], most: int) -> Sequence[T]:
    """At most so many of a list, from all of it."""
    return [found[k * len(found) // most] for k in range(most)] if len(found) > most else found


def _equal(
    search: Search, model: Model, table: Sequence[Entry], chosen: Sequence[str], weight: int, elsewhere: bool
) -> bool:
    """Whether left = right + weight * the chosen terms, and these are not 0.

    elsewhere : only those through other entries than the variable's own.
    """
    compared, some = _repaired(model, table, chosen, weight, elsewhere)
    return some and search.close(model, compared) and model.judge.decide(compared).verdict == "correct"


def _repaired(
    model: Model, table: Sequence[Entry], chosen: Sequence[str], weight: int, elsewhere: bool
) -> tuple[list[tuple[tuple[int, ...], Node, Node]], bool]:
    """The left side, and the right side with the chosen terms; and whether these are not 0."""
    g = model.graph
    compared: list[tuple[tuple[int, ...], Node, Node]] = []
    some = False
    for left, right, terms in table:
        extra = [node for key, node in terms.items() if _way(key) in chosen and not (elsewhere and key[-1])]
        some = some or any(node != g.zero for node in extra)
        repaired = g.linear([(1, right), *((weight, node) for node in extra)])
        compared.append(((), left, repaired))
    return compared, some


def _change(search: Search, name: str, chosen: Sequence[str]) -> Change:
    """The row with the terms written out, where they can be."""
    parts = [part for way in chosen if (part := _written(search, way)) is not None]
    through: Tree = t.Call("", tuple(t.Name(way) for way in chosen)) if len(chosen) > 1 else t.Name(chosen[0])
    sign = "-" if name == "path taken twice" else "+"
    extra = [(sign, part) for part in parts for _ in range(2 if name == "sign of a path" else 1)]
    if name == "diagonal path only":
        extra = []
        parts = []
    own = search.right.terms if isinstance(search.right, t.Sum) else (("+", search.right),)
    whole: Tree = t.Sum((*own, *extra)) if len(parts) == len(chosen) else search.right
    shown: Tree = parts[0] if len(parts) == 1 else t.Sum(tuple(("+", part) for part in parts)) if parts else through
    if whole is not search.right and not search.holds(whole):
        whole = search.right
    return Change(named(name), whole, through, shown)


def _written(search: Search, way: str) -> Tree | None:
    """dL/dY dY/dx for the values Y that a path leads through."""
    variable = search.context.variable
    if variable is None:
        return None
    model = search.model
    value: Tree = t.Name(way)
    if model.is_family(way):
        if not isinstance(variable, t.Subscript) or not variable.indices:
            return None
        index = variable.indices[0]
        value = t.Subscript(way, (index,))
        for candidate in (index, t.Sum((("+", index), ("+", t.Number("1"))))):
            tried = t.Subscript(way, (candidate,))
            if _reads(search, tried, variable):
                value = tried
                break
    if isinstance(search.head, t.Derivative) and search.head.of != t.Name(search.model.problem.loss or ""):
        outer: Tree | None = t.Derivative(search.head.of, value)
    else:
        outer = search.context.adjoint(value)
    if outer is None:
        return None
    return t.Product((("*", outer), ("*", t.Derivative(value, variable))))


def _reads(search: Search, value: t.Subscript, variable: Tree) -> bool:
    """Whether a member of a family is worked out from the variable, by its equation."""
    own = variable.array if isinstance(variable, t.Subscript) else ""
    for statement in search.model.problem.equations:
        if isinstance(statement.head, t.Subscript) and statement.head.array == value.array:
            letter = statement.head.indices[0]
            if not isinstance(letter, t.Name):
                continue
            right = t.substituted(statement.links[0].tree, {letter.text: value.indices[0]})
            for node in t.walk(right):
                if isinstance(node, t.Subscript) and node.array == own and _same_index(node, variable):
                    return True
    return False


def _same_index(entry: t.Subscript, variable: Tree) -> bool:
    """Whether both have the same layer or step, t + 1 - 1 being t."""
    if not entry.indices or not isinstance(variable, t.Subscript):
        return False
    index, own = entry.indices[0], variable.indices[0]
    match index:
        case t.Sum(terms=(("+", t.Sum(terms=(("+", base), ("+", one)))), ("-", other))) if one == other:
            return base == own
    return index == own
