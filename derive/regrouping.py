"""Shared runs of terms: (s + q - e) * (q - e) is worth computing as d = q - e, (s + d) * d.

Left-to-right chains of + and - (and of * and /) are read as sequences of signed terms. A run of at least two
consecutive terms that occurs elsewhere with the same signs becomes a term of its own: the longest run first, of equal
length the leftmost. Nothing else is regrouped, and the author's tree is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from derive.functions import OPERATIONS, Operation
from derive.tape import Slot, Tape

#: A term of a chain: "+" or "-" for sums, "*" or "/" for products, and what it is.
SignedTerm = tuple[str, Slot]

_FAMILY: dict[Operation, tuple[str, str]] = {
    OPERATIONS["add"]: ("sum", "+"),
    OPERATIONS["sub"]: ("sum", "-"),
    OPERATIONS["mul"]: ("product", "*"),
    OPERATIONS["div"]: ("product", "/"),
}
_OPERATION = {"+": OPERATIONS["add"], "-": OPERATIONS["sub"], "*": OPERATIONS["mul"], "/": OPERATIONS["div"]}
_FIRST = {"sum": "+", "product": "*"}

#: A partial sum that is used elsewhere too is still looked into while its chain is at most this long.
SHORT_CHAIN = 64
#: Windows looked at before the search ends; what is not regrouped by then stays as the author wrote it.
WINDOW_BUDGET = 4_000_000


@dataclass(slots=True)
class Chain:
    """family : "sum" or "product".  terms : signed terms, some of them groups.

    shares : whether a run in it may be shared.
    """

    family: str
    terms: list[tuple[str, Slot | Group]]
    shares: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A run that became a term: its number in the list of groups."""

    number: int


@dataclass(frozen=True, slots=True)
class Regrouping:
    """A line whose terms were regrouped: its number on the new tape, and its terms before and after."""

    line: int
    before: tuple[SignedTerm, ...]
    after: tuple[SignedTerm, ...]


def regroup(tape: Tape, outputs: Sequence[Slot]) -> tuple[Tape, list[Slot], list[Regrouping]]:
    """The same values on a new tape with shared runs computed once; the tape itself where there are none."""
    chains = _chains(tape, tape.reached(outputs), outputs)
    written = {number: tuple(chain.terms) for number, chain in chains.items()}
    groups = _share_runs(chains)
    if not groups:
        return tape, list(outputs), []
    return _rebuilt(tape, outputs, chains, groups, written)


def _chains(tape: Tape, order: list[int], outputs: Sequence[Slot]) -> dict[int, Chain]:
    """The chains in which a run can be shared, by the number that heads each; empty where no run can be.

    A run of two or more terms that stands in two places has two neighbours, joined by two different operations. So one
    look at the pair that each operation joins tells whether there is anything to look for, and where.
    """
    rows = tape.rows
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
        if isinstance(left, int) and family_of.get(left) == family:
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
        below_chain = chains.get(left) if isinstance(left, int) else None
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
    groups: list[Chain] = []
    for family in ("sum", "product"):
        mine = [chain for chain in chains.values() if chain.family == family]
        budget = WINDOW_BUDGET
        keys: dict[object, int] = {}
        hashes: list[int] = []

        def code(term: tuple[str, Slot | Group], keys: dict[object, int] = keys, hashes: list[int] = hashes) -> int:
            """A number for the signed term, scattered so that sums of codes tell multisets apart."""
            place = keys.setdefault(term, len(keys))
            if place == len(hashes):
                hashes.append(_scatter(place + 1))
            return hashes[place]

        length = max((len(chain.terms) for chain in mine), default=0)
        while length >= 2 and budget > 0:
            found, visited, longest = _repeated(mine, length, code)
            budget -= visited
            if not found:
                length = min(length - 1, longest)
                continue
            _replace(found, mine, groups, length, family)
    return groups


def _scatter(number: int) -> int:
    """A fixed 64-bit mixing of small integers (the finaliser of SplitMix64, public domain)."""
    mask = (1 << 64) - 1
    z = (number * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def _repeated(
    chains: list[Chain], length: int, code: Callable[[tuple[str, Slot | Group]], int]
) -> tuple[list[tuple[Chain, int]], int, int]:
    """The places of the leftmost run of that length that occurs twice without overlap; work done; longest segment.

    Terms that occur only once can be in no shared run: segments between them are all that is looked at.
    """
    count: dict[object, int] = {}
    for chain in chains:
        for term in chain.terms:
            count[term] = count.get(term, 0) + 1
    places: dict[int, list[tuple[Chain, int]]] = {}
    visited = 0
    longest = 1
    for chain in chains:
        terms = chain.terms
        start = 0
        while start < len(terms):
            if count[terms[start]] < 2:
                start += 1
                continue
            stop = start
            while stop < len(terms) and count[terms[stop]] >= 2:
                stop += 1
            longest = max(longest, stop - start)
            if stop - start >= length:
                total = sum(code(term) for term in terms[start : start + length])
                for begin in range(start, stop - length + 1):
                    if begin > start:
                        total += code(terms[begin + length - 1]) - code(terms[begin - 1])
                    places.setdefault(total, []).append((chain, begin))
                visited += stop - start
            visited += stop - start
            start = stop
    for found in places.values():  # insertion order: leftmost first
        kept = _without_overlap(found, length)
        if len(kept) >= 2 and any(len(chain.terms) > length for chain, _ in kept):
            return kept, visited, longest
        if len(kept) >= 2 and len({id(chain) for chain, _ in kept}) >= 2:
            return kept, visited, longest  # the same sum in two orders of writing
    return [], visited, longest


def _without_overlap(found: list[tuple[Chain, int]], length: int) -> list[tuple[Chain, int]]:
    kept: list[tuple[Chain, int]] = []
    first = sorted(found[0][0].terms[found[0][1] : found[0][1] + length], key=repr)
    for chain, begin in found:
        if kept and kept[-1][0] is chain and begin < kept[-1][1] + length:
            continue
        if sorted(chain.terms[begin : begin + length], key=repr) != first:
            continue  # two runs of different terms with the same hash
        kept.append((chain, begin))
    return kept


def _replace(found: list[tuple[Chain, int]], mine: list[Chain], groups: list[Chain], length: int, family: str) -> None:
    """Make the run a group, put the group in its places."""
    plus, minus = ("+", "-") if family == "sum" else ("*", "/")
    chain, begin = found[0]
    run = list(chain.terms[begin : begin + length])
    sign = plus
    if all(mark == minus for mark, _ in run):
        sign, run = minus, [(plus, term) for _, term in run]
    elif run[0][0] == minus:  # the first term with a plus leads: b - a for -a + b
        lead = next(k for k, (mark, _) in enumerate(run) if mark == plus)
        run.insert(0, run.pop(lead))
    group = Chain(family, run)
    term = (sign, Group(len(groups)))
    groups.append(group)
    for chain, begin in reversed(found):  # from the right, so that places to the left stay valid
        chain.terms[begin : begin + length] = [term]
    mine.append(group)


def _rebuilt(
    tape: Tape,
    outputs: Sequence[Slot],
    chains: dict[int, Chain],
    groups: list[Chain],
    written: dict[int, tuple[tuple[str, Slot | Group], ...]],
) -> tuple[Tape, list[Slot], list[Regrouping]]:
    """Push everything again, chains with their groups; say which lines are now computed from other terms."""
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
                value[item] = line = fold(chain)  # type: ignore[index]
                if any(isinstance(term, Group) for _, term in chain.terms[1:]) and isinstance(line, int):
                    before = tuple((sign, settled(term)) for sign, term in written[item])  # type: ignore[index]
                    after = tuple((sign, settled(term)) for sign, term in chain.terms)
                    regroupings.append(Regrouping(line, before, after))
            elif not needed and operation is not None:
                value[item] = fresh.push(operation, *(settled(operand) for operand in operands))  # type: ignore[index]
        stack.extend(reversed(needed))
    return fresh, [settled(output) for output in outputs], regroupings
