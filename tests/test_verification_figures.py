"""Small runs of the measurements in tests/verification/; the full ones are slow and print the figures of the manual."""

from __future__ import annotations

import pytest

from tests.verification import near_misses


def test_no_near_miss_is_accepted() -> None:
    found = near_misses.measure(stride=2, seeds=(0,))
    assert found.accepted == []
    assert found.refused == []


@pytest.mark.slow
def test_no_near_miss_is_accepted_at_any_seed() -> None:
    found = near_misses.measure(seeds=range(20))
    assert found.misses >= 100 * 20
    assert found.accepted == []
    assert found.refused == []
