"""Small runs of the measurements in tests/verification/; the full ones are slow and print the figures of the manual."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verification import fuzz, mutants, near_misses, rewrites, stability, verdict_table


def test_no_near_miss_is_accepted() -> None:
    found = near_misses.measure(stride=3, seeds=(0,))
    assert found.accepted == []
    assert found.refused == []


def test_mistakes_are_caught_at_their_row() -> None:
    found = mutants.measure(each=4, text=2, doubles=6, stride=37)
    assert found.total >= 20
    assert found.survivors == []
    assert found.crashes == []
    assert found.elsewhere == []
    assert found.charged_equivalents == []


def test_right_work_is_never_charged() -> None:
    found = rewrites.measure(each=2, stride=17)
    assert found.rewrites >= 20
    assert found.charged + found.hand_charged == []
    assert len(found.open) <= 0.05 * found.rewrites


def test_verdicts_do_not_depend_on_seeds_names_and_order() -> None:
    assert stability.measure(seeds=10, stride=12).flips == []


def test_broken_work_ends_in_no_traceback() -> None:
    found = fuzz.measure(60, seed=1)
    assert found.failures == []
    assert found.slow == []


def test_the_table_of_verdicts_is_up_to_date() -> None:
    page = Path(__file__).parents[1] / "docs" / "verdicts.md"
    assert page.read_text(encoding="utf-8") == verdict_table.table()


@pytest.mark.slow
def test_no_near_miss_is_accepted_at_any_seed() -> None:
    found = near_misses.measure(seeds=range(20))
    assert found.misses >= 100 * 20
    assert found.accepted == []
    assert found.refused == []


@pytest.mark.slow
def test_two_thousand_mistakes_are_caught() -> None:
    found = mutants.measure()
    caught = found.counts["caught"] + found.counts["elsewhere"]
    assert found.total >= 2000
    assert len(found.subjects) >= 15
    assert caught >= 0.995 * found.total
    assert found.crashes == []
    assert found.counts["within right"] >= 0.99 * found.counts["within"]
    assert found.counts["double right"] >= 0.97 * found.counts["double"]


@pytest.mark.slow
def test_a_thousand_rewrites_are_accepted() -> None:
    found = rewrites.measure()
    assert found.rewrites >= 1000
    assert found.by_hand >= 60
    assert found.charged + found.hand_charged == []
    assert len(found.open) <= 0.02 * found.rewrites
    assert found.hand_open == []


@pytest.mark.slow
def test_no_verdict_flips_over_two_hundred_seeds() -> None:
    assert stability.measure().flips == []


@pytest.mark.slow
def test_a_hundred_thousand_broken_works_end_in_no_traceback() -> None:
    found = fuzz.measure(100_000)
    assert found.failures == []
    assert found.slow == []
