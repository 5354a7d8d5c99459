r"""Sums, products, extrema and means over indices: `\sum_{k=1}^{n} body`, `\sum_{j \ne i}`, `\max_{0 \le i < n}`.

The body is the rest of the term. Limits are kept as written, half-open: the stop of `^{n}` is n + 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import LimitError
from derive.reading.latex.above import with_scripts
from derive.reading.latex.resolving import is_known
from derive.reading.latex.spelling import single, spelled
from derive.reading.latex.syntax import Chain, Group, Scripted, Token, Total, Unit
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter, Run

NESTED_SUMS = 6


@dataclass(slots=True)
class Bound:
    """The indices of a reduction in order, what is known of their limits, and conditions on them."""

    names: list[str] = field(default_factory=list)
    lower: dict[str, Tree] = field(default_factory=dict)
    stop: dict[str, Tree] = field(default_factory=dict)
    conditions: list[Tree] = field(default_factory=list)


def reduction(reading: Interpreter, run: Run) -> Tree:
    """A reduction, with the rest of the run as its body."""
    unit = run.units[run.place]
    core = unit.core if type(unit) is Scripted else unit
    assert isinstance(core, Token)
    operator = core.text
    if type(unit) is not Scripted or len(unit.subs) != 1 or len(unit.sups) > 1 or unit.primes:
        raise reading.error(
            f"the index below {operator} is missing; write \\{operator}_i or \\{operator}_{{i=1}}^n", unit
        )
    bound = _bound(reading, unit)
    run.place += 1
    if run.place >= run.end:
        raise reading.error(f"nothing stands behind this {operator}", unit)
    reading.sums += len(bound.names)
    if reading.sums > NESTED_SUMS:
        message = f"more than {NESTED_SUMS} sums stand inside each other, the limit; give an inner sum a row of its own"
        raise reading.error(message, unit, LimitError)
    reading.bound += bound.names
    following = run.units[run.place]
    group = following.core if type(following) is Scripted else following
    scripted: Unit | None = None
    if operator == "mean" and core.kind == "function" and type(group) is Group and group.kind == "(":
        run.place += 1  # \mathrm{mean}_i(u): its argument, and scripts behind are those of the mean
        body, scripted = reading.core(group), following
    else:
        body = _body(reading, run)
    del reading.bound[len(reading.bound) - len(bound.names) :]
    reading.sums -= len(bound.names)
    at = reading.at(unit.start, run.units[run.place - 1].end)
    if bound.conditions:
        body = t.Product((*(("*", each) for each in bound.conditions), ("*", body)), body.at)
    limits: tuple[tuple[Tree, Tree] | None, ...] = tuple(
        (bound.lower[name], bound.stop[name]) if name in bound.lower else None for name in bound.names
    )
    if operator in ("mean", "max", "min") and core.kind == "function" and _is_vector(reading, bound, body):
        tree: Tree = t.Call(operator, (body,), at)  # \mathrm{mean}_i(u) of a vector u: of all its entries
    else:
        tree = t.Reduction(operator, tuple(bound.names), body, at, limits if any(limits) else ())
    return tree if scripted is None else with_scripts(reading, tree, scripted)


def _is_vector(reading: Interpreter, bound: Bound, body: Tree) -> bool:
    """Whether a body without the index that is bound is built, entry by entry, of vectors and numbers."""
    nodes = list(t.walk(body))
    names = [node.text for node in nodes if isinstance(node, t.Name)]
    ranks = {reading.vocabulary.names.get(name) for name in names}
    allowed = (t.Name, t.Number, t.Sum, t.Negative, t.Power, t.Product)
    return (
        len(bound.names) == 1
        and not (bound.lower or bound.conditions or bound.names[0] in names)
        and ranks <= {0, 1}
        and 1 in ranks
        and all(isinstance(node, allowed) for node in nodes)
    )


def _body(reading: Interpreter, run: Run) -> Tree:
    if run.operators[run.place] != "":
        raise reading.error("a sum is followed by what is summed", run.units[run.place])
    reading.depth += 1
    if reading.depth > 90:
        raise reading.error("the formula is nested more than 90 deep, the limit", run.units[run.place], LimitError)
    first, negative = run.units[run.place], run.signs[run.place] % 2
    body = reading.product(run)
    reading.depth -= 1
    return t.Negative(body, reading.at(first.start, run.units[run.place - 1].end)) if negative else body


def join_negative_bodies(total: Total) -> None:
    r"""In `\sum_i -2 x_i` the minus sign belongs to what is summed: a term that ends in a sum goes on."""
    place = 0
    while place + 1 < len(total.terms):
        term, after = total.terms[place], total.terms[place + 1]
        last = term.units[-1]
        core = last.core if type(last) is Scripted else last
        if type(core) is not Token or core.kind != "reduction" or total.signs[place + 1] != "-":
            place += 1
            continue
        term.units += after.units
        term.operators += ["", *after.operators[1:]]
        term.signs += [1 + after.negative + after.signs[0], *after.signs[1:]]
        term.end = after.end
        del total.terms[place + 1], total.signs[place + 1]


# --- below and above --------------------------------------------------------------------------------------------------


def _bound(reading: Interpreter, unit: Scripted) -> Bound:
    bound = Bound()
    below = unit.subs[0]
    chains = below.items if type(below) is Group and not below.kind and not below.operator else None
    while chains is not None and type(inner := single(chains)) is Group and not inner.kind:  # \substack
        chains = inner.items
    if chains is None:
        if type(below) is not Token or below.kind != "letter":
            raise reading.error("indices are expected below this sign", below)
        bound.names.append(below.text)
    elif not chains:
        raise reading.error("indices are expected below this sign", below)
    else:
        for chain in chains:
            _item(reading, bound, chain, bool(unit.sups))
    _upper(reading, bound, unit)
    for name in bound.names:
        if bound.names.count(name) > 1:
            raise reading.error(f"the index {name} is bound twice", unit)
        if name in reading.bound:
            raise reading.error(f"the index {name} is bound already; write another letter", unit)
    missing = [name for name in bound.lower if name not in bound.stop]
    if missing:
        raise reading.error(f"the upper limit of {missing[0]} is missing", unit)
    return bound


def _item(reading: Interpreter, bound: Bound, chain: Chain, started: bool) -> None:
    """One part between commas below: indices, a start, limits, or a condition."""
    relations = [relation.kind for relation in chain.relations]
    if relations and relations[0] in (":", "|"):  # such that
        bound.names += _names(reading, chain)
        rest = Chain(chain.sides[1])
        rest.sides, rest.relations, rest.end = chain.sides[1:], chain.relations[1:], chain.end
        if not rest.relations:
            raise reading.error("a condition is expected behind the colon, as in \\sum_{i:\\, i < j}", chain)
        bound.conditions.append(reading.indicator(rest))
        return
    if not relations:
        bound.names += _names(reading, chain)
        return
    names = _names_of(reading, chain.sides[0]) or []
    fresh = [name for name in names if not is_known(reading, name) or name in reading.vocabulary.indices]
    free = len(fresh) == len(names) and not any(map(reading.in_scope, names))
    if relations == ["="] and names and not set(names) & {*bound.names} and (started or free):
        _start(reading, bound, names, chain.sides[1])
        return
    if relations == ["in"] and names:
        _members(reading, bound, names, chain.sides[1])
        return
    if len(relations) == 2 and set(relations) <= {"<", "<="}:
        middle = _names_of(reading, chain.sides[1])
        if middle and len(middle) == 1 and middle[0] not in reading.bound and middle[0] not in bound.lower:
            lower, upper = reading.total(chain.sides[0]), reading.total(chain.sides[2])
            name = middle[0]
            if name not in bound.names:
                bound.names.append(name)
            bound.lower[name] = lower if relations[0] == "<=" else one_more(lower)
            bound.stop[name] = upper if relations[1] == "<" else one_more(upper)
            return
    condition = reading.indicator(chain)
    bound.conditions.append(condition)
    if not bound.names:
        bound.names += _in_condition(reading, condition)
        if not bound.names:
            raise reading.error("no index is bound here; name it first, as in \\sum_{i:\\, i < j}", chain)


def _start(reading: Interpreter, bound: Bound, names: Sequence[str], side: Total) -> None:
    """`k = 1`: the start of these indices, and of those before them that have none; the end stands above."""
    lower = reading.total(side)
    bound.names += names
    for name in bound.names:
        bound.lower.setdefault(name, lower)


def _members(reading: Interpreter, bound: Bound, names: Sequence[str], side: Total) -> None:
    r"""`k \in \{1, \dots, K\}`."""
    units = side.terms[0].units
    group = units[0] if len(side.terms) == 1 and len(units) == 1 else None
    if type(group) is Group and group.kind in ("{", "[") and len(group.items) == 3 and _is_dots(group.items[1]):
        lower, upper = reading.expression(group.items[0]), reading.expression(group.items[2])
        bound.names += names
        for name in names:
            bound.lower[name], bound.stop[name] = lower, one_more(upper)
        return
    raise reading.error("a sum over a set is not read; write its limits, as in \\sum_{i=1}^n", side)


def _is_dots(chain: Chain) -> bool:
    unit = chain.sides[0].terms[0].units[0]
    return type(unit) is Token and unit.kind == "dots" and not chain.relations


def _upper(reading: Interpreter, bound: Bound, unit: Scripted) -> None:
    if not unit.sups:
        return
    above = unit.sups[0]
    chains = above.items if type(above) is Group and not above.kind else None
    if chains is not None and len(chains) == len(bound.names) > 1:
        uppers = list(reading.items(chains))
    else:
        uppers = [reading.argument(above)] * len(bound.names)
    started = [name for name in bound.names if name in bound.lower]
    if not started:
        raise reading.error("the start of this sum is missing; write \\sum_{i=1}^n", unit)
    for name, upper in zip(bound.names, uppers, strict=True):
        if name in bound.lower and name not in bound.stop:
            bound.stop[name] = one_more(upper)


def _names(reading: Interpreter, chain: Chain) -> list[str]:
    names = _names_of(reading, chain.sides[0])
    if names is None:
        raise reading.error("an index is expected here, a single letter", chain)
    return names


def _names_of(reading: Interpreter, side: Total) -> list[str] | None:
    """The letters of `i`, `ij` or `i'`; None for anything else."""
    if len(side.terms) != 1 or side.signs[0] == "-" or side.terms[0].negative:
        return None
    term = side.terms[0]
    found = []
    for operator, unit in zip(["", *term.operators[1:]], term.units, strict=True):
        name = _letter(unit)
        if name is None or operator != "":
            return None
        found.append(name)
    return found


def _letter(unit: Unit) -> str | None:
    parts = spelled(unit)
    if parts is None or parts.subs or parts.sups or parts.accents:
        return None
    return parts.base + "'" * parts.primes


def _in_condition(reading: Interpreter, condition: Tree) -> list[str]:
    r"""The indices that `j \ne i` binds: its names that are neither bound outside nor quantities."""
    found: dict[str, None] = {}
    stack = list(reversed(t.children(condition)))
    while stack:
        node = stack.pop()
        if isinstance(node, t.Name):
            known = is_known(reading, node.text) and node.text not in reading.vocabulary.indices
            if not reading.in_scope(node.text) and not known:
                found.setdefault(node.text)
        if not isinstance(node, t.Subscript):
            stack.extend(reversed(t.children(node)))
    return list(found)


def one_more(tree: Tree) -> Tree:
    """tree + 1, its number worked out: where an index stops that still takes the value `tree`."""
    match tree:
        case t.Call(function="max" | "min", arguments=arguments):
            return t.Call(tree.function, tuple(map(one_more, arguments)), tree.at)
        case t.Sum(terms=parts):
            terms = [t.negate(part) if sign == "-" else part for sign, part in parts]
        case _:
            terms = [tree]
    for place, term in enumerate(terms):
        body = term.body if isinstance(term, t.Negative) else term
        if isinstance(body, t.Number) and body.value.denominator == 1 and len(body.text) < 20:
            terms[place] = t.tree_of((-1 if body is not term else 1) * body.value + 1)
            break
    else:
        terms.append(t.Number("1"))
    return t.tidy_sum(terms)
