"""Shared runs: whatever the sequences, they say the same afterwards, and no run that could be shared is left."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import repeats
from derive.repeats import share_runs
from tests.thorough import examples

rows = st.lists(st.lists(st.sampled_from("abcde"), max_size=14), max_size=4)


def shared(sequences: list[list[str]], budget: int = 10**6) -> tuple[list[list[str]], dict[str, list[str]], list[int]]:
    """The sequences afterwards, what each new item stands for, and the lengths of the runs in order of making."""
    lists = [list(sequence) for sequence in sequences]
    groups: dict[str, list[str]] = {}
    lengths: list[int] = []

    def grouped(run: list[str]) -> tuple[str, list[str]]:
        lengths.append(len(run))
        groups[name := f"{len(groups)}"] = items = list(run)
        return name, items

    share_runs(lists, grouped, budget)
    return lists, groups, lengths


def opened(items: list[str], groups: dict[str, list[str]]) -> list[str]:
    return [inner for item in items for inner in (opened(groups[item], groups) if item in groups else [item])]


def repeated_lengths(sequences: list[list[str]]) -> set[int]:
    """The lengths of all runs that occur twice without overlap, in any order: by looking at every two of them."""
    spots = [
        (place, begin, end)
        for place, items in enumerate(sequences)
        for begin in range(len(items))
        for end in range(begin + 2, len(items) + 1)
    ]
    return {
        end - begin
        for place, begin, end in spots
        for other, start, stop in spots
        if end - begin == stop - start and (place, end) <= (other, start)
        if sorted(sequences[place][begin:end]) == sorted(sequences[other][start:stop])
    }


@given(rows)
@settings(max_examples=examples(300), deadline=None)
def test_sequences_keep_their_items_and_no_run_is_left_that_occurs_twice(sequences: list[list[str]]) -> None:
    lists, groups, lengths = shared(sequences)
    for before, after in zip(sequences, lists, strict=True):
        assert Counter(opened(after, groups)) == Counter(before)
    assert repeated_lengths([*lists, *groups.values()]) == set()
    assert max(lengths, default=0) == max(repeated_lengths(sequences), default=0)
    assert lengths == sorted(lengths, reverse=True)


@given(rows, st.integers(0, 40))
@settings(max_examples=examples(200), deadline=None)
def test_a_budget_leaves_out_long_runs_and_never_short_ones(sequences: list[list[str]], budget: int) -> None:
    lists, groups, _ = shared(sequences, budget)
    for before, after in zip(sequences, lists, strict=True):
        assert Counter(opened(after, groups)) == Counter(before)
    assert 2 not in repeated_lengths([*lists, *groups.values()])


def test_a_run_beyond_the_budget_is_shared_in_pieces() -> None:
    run = [f"item {k}" for k in range(50)]
    sequences = [["first", *run], [*run, "last"]]
    whole, _, lengths = shared(sequences)
    assert lengths == [50] and [len(items) for items in whole] == [2, 2]
    pieces, groups, lengths = shared(sequences, 1)
    assert set(lengths) == {2} and len(lengths) == 49
    assert [opened(items, groups) for items in pieces] == sequences


@pytest.mark.parametrize("budget", [2_000, 20_000, 100_000, 10**6])
def test_about_as_many_runs_are_looked_at_as_the_budget_says(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(3)
    row = [draw.choice("abcdefgh") for _ in range(800)]
    looked = 0

    def counted(segments: list[repeats.Segment], known: list[int], length: int) -> list[list[int]]:
        nonlocal looked
        looked += sum(max(0, segment.length - length + 1) for segment in segments)
        return search(segments, known, length)

    search = repeats._repeated
    monkeypatch.setattr(repeats, "_repeated", counted)
    lists, groups, _ = shared([row], budget)
    assert Counter(opened(lists[0], groups)) == Counter(row)
    assert looked <= budget + 10 * len(row)


def test_of_equal_length_the_leftmost_run_comes_first_also_where_it_takes_items_from_another() -> None:
    _, groups, _ = shared([list("abcxabyczbc")])
    assert next(iter(groups.values())) == ["a", "b"]
    lists, groups, _ = shared([list("aaaa")])
    assert lists == [["0", "0"]] and groups == {"0": ["a", "a"]}


@given(rows)
@settings(max_examples=examples(200), deadline=None)
def test_runs_whose_codes_have_the_same_sum_are_not_taken_for_each_other(sequences: list[list[str]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "_scattered", lambda number: 1)  # all runs of one length have the same sum
        lists, groups, _ = shared(sequences)
    for before, after in zip(sequences, lists, strict=True):
        assert Counter(opened(after, groups)) == Counter(before)
