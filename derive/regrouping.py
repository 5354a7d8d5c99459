"""Shared runs of terms: (s + q - e) * (q - e) is worth computing as d = q - e, (s + d) * d.

Left-to-right chains of + and - (and of * and /) are read as sequences of signed terms. A run of at least two
consecutive terms that occurs elsewhere with the same signs becomes a term of its own: the longest run first, of equal
length the leftmost. Nothing else is regrouped, and the author's tree is not touched. Whatever is computed in another
grouping or order than it was written is reported as a Regrouping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from derive.functions import OPERATIONS, Operation
from derive.repeats import share_runs
from derive.tape import Slot, Tape


@dataclass(frozen=True, slots=True)
class Group:
    """A run that became a term: its number in the list of groups."""

    number: int


#: A term of a chain: "+" or "-" for sums, "*" or "/" for products, and what it is.
SignedTerm = tuple[str, Slot]
Term = tuple[str, Union[Slot, Group]]

_FAMILY: dict[Operation, tuple[str, str]] = {
    OPERATIONS["add"]: ("sum", "+"),
    OPERATIONS["sub"]: ("sum", "-"),
    OPERATIONS["mul"]: ("product", "*"),
    OPERATIONS["div"]: ("product", "/"),
}
_OPERATION = {"+": OPERATIONS["add"], "-": OPERATIONS["sub"], "*": OPERATIONS["mul"], "/": OPERATIONS["div"]}
_SIGN = {operation: sign for sign, operation in _OPERATION.items()}
_FIRST = {"sum": "+", "product": "*"}

#: A partial sum that is used elsewhere too is still looked into while its chain is at most this long.
SHORT_CHAIN = 64
#: Runs looked at in the sums, and in the products; what happens beyond is said at `derive.repeats.share_runs`.
WINDOW_BUDGET = 6_000_000


@dataclass(slots=True)
class Chain:
    """family : "sum" or "product".  terms : signed terms, some of them groups.

    shares : whether a run in it may be shared.  written : the terms before any run of them was shared.
    """

    family: str
    terms: list[Term]
    shares: bool = False
    written: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Regrouping:
    """A line that may not be computed as it was written: its number on the new tape, and its terms as written."""

    line: int
    written: tuple[SignedTerm, ...]


def regroup(tape: Tape, outputs: Sequence[Slot]) -> tuple[Tape, list[Slot], list[Regrouping]]:
    """The same values on a new tape with shared runs computed once; the tape itself where there are none.

    Also told are the sums and products of two terms that were written in both orders: b + a for a line a + b.
    """
    order = tape.reached(outputs)
    chains = _chains(tape, order, outputs)
    groups = _share_runs(chains)
    fresh, value, regroupings = tape, dict[int, Slot](zip(order, order, strict=True)), list[Regrouping]()
    if groups:
        fresh, value, regroupings = _rebuilt(tape, outputs, chains, groups)
        regroupings += _reordered(fresh, {})
    regroupings += _reordered(tape, value)
    ends = [value[output] if isinstance(output, int) else output for output in outputs]
    return fresh, ends, sorted(dict.fromkeys(regroupings), key=lambda regrouping: regrouping.line)


def _chains(tape: Tape, order: list[int], outputs: Sequence[Slot]) -> dict[int, Chain]:
    """The chains in which a run can be shared, by the number that heads each; empty where no run can be.

    A run of two or more terms that stands in two places has two neighbours, joined by two different operations. So one
    look at the pair that each operation joins tells whether there is anything to look for, and where.
    """
    rows = tape.rows
    # what was written in two orders is a term of its own: it stays a line, whose other order can be told
    alone = tape.reordered
    family_of: dict[int, str] = {}
    pairs: dict[object, int] = {}
    pair_of: dict[int, object] = {}
    for number in order:
        operation, operands = rows[number]
        if operation not in _FAMILY:
            continue
        family, sign = _FAMILY[operation]
        family_of[number] = family
        left, right = operands
        last: SignedTerm = (_FIRST[family], left)
        if isinstance(left, int) and family_of.get(left) == family and number not in alone and left not in alone:
            below, (_, inner) = rows[left]
            last = (_FAMILY[below][1], inner)  # type: ignore[index]
        pair = pair_of[number] = frozenset((last, (sign, right)))
        pairs[pair] = pairs.get(pair, 0) + 1
    repeated = {number for number, pair in pair_of.items() if pairs[pair] > 1}
    if not repeated:
        return {}
    uses: dict[int, int] = {}
    for operand in (slot for number in order for slot in rows[number][1]):
        if isinstance(operand, int):
            uses[operand] = uses.get(operand, 0) + 1
    for output in outputs:
        if isinstance(output, int):
            uses[output] = uses.get(output, 0) + 1
    chains: dict[int, Chain] = {}
    for number, family in family_of.items():
        operation, (left, right) = rows[number]
        sign = _FAMILY[operation][1]  # type: ignore[index]
        below_chain = chains.get(left) if isinstance(left, int) and number not in alone and left not in alone else None
        if below_chain is not None and below_chain.family == family and isinstance(left, int):
            if uses[left] == 1:  # nobody else looks at it: extended in place, a copy would make long sums quadratic
                del chains[left]
                chains[number] = below_chain
                below_chain.terms.append((sign, right))
                below_chain.shares |= number in repeated
                continue
            if number in repeated and len(below_chain.terms) <= SHORT_CHAIN:
                chains[number] = Chain(family, [*below_chain.terms, (sign, right)], True)
                continue
        chains[number] = Chain(family, [(_FIRST[family], left), (sign, right)], number in repeated)
    return {number: chain for number, chain in chains.items() if chain.shares}


def _share_runs(chains: dict[int, Chain]) -> list[Chain]:
    """Replace shared runs in the chains, longest first; the groups made, in order of making."""
    for chain in chains.values():
        chain.written = tuple(chain.terms)
    groups: list[Chain] = []
    for family, first in _FIRST.items():

        def grouped(run: list[Term], family: str = family, plus: str = first) -> tuple[Term, list[Term]]:
            sign, terms = _signs_in_front(run, plus)
            groups.append(Chain(family, terms, written=tuple(terms)))
            return (sign, Group(len(groups) - 1)), terms

        share_runs([chain.terms for chain in chains.values() if chain.family == family], grouped, WINDOW_BUDGET)
    return groups


def _signs_in_front(run: list[Term], plus: str) -> tuple[str, list[Term]]:
    """The run as a sum that begins with a plus, and the sign before it: a + b for -a - b, b - a for -a + b."""
    if all(sign != plus for sign, _ in run):
        return run[0][0], [(plus, term) for _, term in run]
    lead = next(k for k, (sign, _) in enumerate(run) if sign == plus)
    return plus, [run[lead], *run[:lead], *run[lead + 1 :]]


def _rebuilt(
    tape: Tape, outputs: Sequence[Slot], chains: Mapping[int, Chain], groups: Sequence[Chain]
) -> tuple[Tape, dict[int, Slot], list[Regrouping]]:
    """Everything pushed again, chains with their groups; which number has become which; lines made of other terms."""
    fresh = Tape()
    value: dict[int, Slot] = {}
    group_value: dict[int, Slot] = {}
    regroupings: list[Regrouping] = []
    for number, (operation, _) in enumerate(tape.rows):
        if operation is None:
            value[number] = fresh.input()

    def known(term: Slot | Group) -> bool:
        if isinstance(term, Group):
            return term.number in group_value
        return not isinstance(term, int) or term in value

    def settled(term: Slot | Group) -> Slot:
        if isinstance(term, Group):
            return group_value[term.number]
        return value[term] if isinstance(term, int) else term

    def fold(chain: Chain) -> Slot:
        total = settled(chain.terms[0][1])
        for sign, term in chain.terms[1:]:
            total = fresh.push(_OPERATION[sign], total, settled(term))
        if tuple(chain.terms) != chain.written and isinstance(total, int):
            regroupings.append(Regrouping(total, tuple((sign, settled(term)) for sign, term in chain.written)))
        return total

    # depth first from the outputs, so that the operands of a group come where the author's order asks for them
    stack: list[Slot | Group] = [output for output in reversed(outputs) if isinstance(output, int)]
    while stack:
        item = stack[-1]
        if known(item):
            stack.pop()
            continue
        if isinstance(item, Group):
            needed = [term for _, term in groups[item.number].terms if not known(term)]
            if not needed:
                group_value[item.number] = fold(groups[item.number])
        else:
            operation, operands = tape.rows[item]  # type: ignore[index]
            chain = chains.get(item)  # type: ignore[arg-type]
            parts = [term for _, term in chain.terms] if chain else list(operands)
            needed = [term for term in parts if not known(term)]
            if not needed and chain:
                value[item] = fold(chain)  # type: ignore[index]
            elif not needed and operation is not None:
                value[item] = fresh.push(operation, *map(settled, operands))  # type: ignore[index]
        stack.extend(reversed(needed))
    return fresh, value, regroupings


def _reordered(tape: Tape, value: Mapping[int, Slot]) -> list[Regrouping]:
    """The other order of what was written in two.  value : which number has become which; where it has none, itself."""

    def settled(slot: Slot) -> Slot:
        return value.get(slot, slot) if isinstance(slot, int) else slot

    found = []
    for number, operands in tape.reordered.items():
        line, (operation, _) = settled(number), tape.rows[number]
        if operation is not None and isinstance(line, int) and (number in value or not value):
            found.append(Regrouping(line, tuple((_SIGN[operation], settled(slot)) for slot in operands)))
    return found
