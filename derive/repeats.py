"""Runs of neighbouring items that occur twice in some sequences, in any order: found longest first, and replaced.

A run is known by the sum of its items' codes, so that all runs of one length are found in one pass over running sums.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import accumulate, groupby, takewhile
from operator import sub
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


@dataclass(slots=True)
class Segment:
    """Neighbours that all occur elsewhere too: the place of the first, and the running sums of their codes."""

    begin: int
    sums: list[int]

    @property
    def length(self) -> int:
        return len(self.sums) - 1


class _End:
    """What stands in the row behind a sequence; each occurs once, so that no run goes across it."""


def share_runs(
    sequences: list[list[Item]], grouped: Callable[[list[Item]], tuple[Item, list[Item]]], budget: int
) -> None:
    """Put one item in place of every run of at least two that occurs twice without overlap; in place.

    The longest run first, of equal length the leftmost. grouped : for a run the item that stands for it, and its items
    as a list, which is searched like the others from then on.
    budget : about how many runs are looked at, each length being passed once but for what is found. Where all lengths
        would cost more, the greatest are left out, and a longer run is shared in pieces: short runs are found however
        many items there are.
    """
    lists = list(sequences)
    row: list[Item | _End] = []
    for one in lists:
        row += [*one, _End()]
    numbers: dict[Item | _End, int] = {}
    known, segments = _segments(row, numbers)
    length = _affordable(segments, budget)
    while length >= 2:
        runs = _repeated(segments, known, length)
        if not runs:
            length -= 1
            continue
        changes: list[tuple[int, Item]] = []
        added: list[Item | _End] = []
        for places in runs:
            item, items = grouped(row[places[0] : places[0] + length])  # type: ignore[arg-type]  # no end in a run
            lists.append(items)
            added += [*items, _End()]
            changes += [(place, item) for place in places]
        row = [*_replaced(row, sorted(changes, key=lambda change: change[0]), length), *added]
        known, segments = _segments(row, numbers)
        length = min(length, _affordable(segments, budget))
    parts = iter(row)
    for one in lists:
        one[:] = takewhile(lambda item: not isinstance(item, _End), parts)  # type: ignore[arg-type]


def _replaced(row: list[Item | _End], changes: list[tuple[int, Item]], length: int) -> list[Item | _End]:
    answer: list[Item | _End] = []
    done = 0
    for place, item in changes:
        answer += row[done:place]
        answer.append(item)
        done = place + length
    return answer + row[done:]


def _segments(row: list[Item | _End], numbers: dict[Item | _End, int]) -> tuple[list[int], list[Segment]]:
    """The items as numbers, and the segments, longest first. An item that occurs once can be in no shared run."""
    known = [numbers.setdefault(item, len(numbers)) for item in row]
    codes = {number: _scattered(number) for number, times in Counter(known).items() if times > 1}
    segments = []
    begin = 0
    for several, part in groupby(known, codes.__contains__):
        items = list(part)
        if several and len(items) >= 2:
            segments.append(Segment(begin, list(accumulate(map(codes.__getitem__, items), initial=0))))
        begin += len(items)
    segments.sort(key=lambda segment: -segment.length)
    return known, segments


def _scattered(number: int) -> int:
    """48 bits of a fixed mixing of small integers (the finaliser of SplitMix64, public domain); short sums are fast."""
    mask = (1 << 64) - 1
    z = ((number + 1) * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 16


def _affordable(segments: list[Segment], budget: int) -> int:
    """The greatest length for which looking at all runs up to it stays within the budget: at least 2, if there are any.

    A segment of n items has n - k + 1 runs of length k, each of which is looked at twice if some have the same sum. Two
    runs lie in one segment, side by side, or in two.
    """
    lengths = Counter(segment.length for segment in segments)
    longest = max((segments[0].length // 2, *(segment.length for segment in segments[1:2]))) if segments else 1
    runs, reaching, length = sum(segment.length for segment in segments), len(segments), 1
    while length < longest:
        runs -= reaching
        budget -= 2 * runs
        if budget < 0 and length > 1:
            break
        length += 1
        reaching -= lengths[length - 1]
    return length


def _repeated(segments: list[Segment], known: list[int], length: int) -> list[list[int]]:
    """The places of each run of this length that is to be shared, leftmost first."""
    reaching = list(takewhile(lambda segment: segment.length >= length, segments))
    totals = [list(map(sub, segment.sums[length:], segment.sums)) for segment in reaching]
    ordered = sorted(zip(reaching, totals, strict=True), key=lambda pair: pair[0].begin)
    last: dict[int, int] = {}
    for segment, found in ordered:
        last.update(zip(found, range(segment.begin, segment.begin + len(found)), strict=True))
    if len(last) == sum(map(len, totals)):
        return []
    first: dict[int, int] = {}
    for segment, found in reversed(ordered):
        first.update(zip(reversed(found), range(segment.begin + len(found) - 1, segment.begin - 1, -1), strict=True))
    places: dict[int, deque[int]] = {total: deque() for total in first if last[total] - first[total] >= length}
    if places:
        for segment, found in ordered:
            for place, total in enumerate(found, segment.begin):
                if total in places:
                    places[total].append(place)
    return _apart(places, known, length)


def _apart(places: dict[int, deque[int]], known: list[int], length: int) -> list[list[int]]:
    """Of runs that overlap each other the leftmost; each with the places at which it is found."""
    taken: list[int] = []

    def free(place: int) -> bool:
        after = bisect(taken, place)
        return not (after and place < taken[after - 1] + length) and not (
            after < len(taken) and taken[after] < place + length
        )

    runs = []
    queue = [(found[0], total) for total, found in places.items()]
    heapify(queue)
    while queue:
        first, total = heappop(queue)
        found = places[total]
        while found and not free(found[0]):
            found.popleft()
        if found and found[0] != first:  # it begins further right now: others may come before it
            heappush(queue, (found[0], total))
            continue
        kept = _without_overlap(filter(free, found), known, length)
        if len(kept) >= 2:
            runs.append(kept)
            for place in kept:
                insort(taken, place)
    return runs


def _without_overlap(places: Iterable[int], known: list[int], length: int) -> list[int]:
    """The places of the first run, from left to right; a run of other items that has the same sum is left out."""
    kept: list[int] = []
    items: list[int] = []
    for place in places:
        if not kept or place >= kept[-1] + length:
            here = sorted(known[place : place + length])
            items = items or here
            if here == items:
                kept.append(place)
    return kept
