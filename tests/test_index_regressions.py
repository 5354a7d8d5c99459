"""Index equations that once got a wrong formula or a wrong claim; each is held against scattering or carried out."""

from __future__ import annotations

import numpy as np
import pytest

from derive.answers import grad


@pytest.mark.parametrize("guard", ["[k != 1]", "[k <= i]", "[K[k] > 0]", "[0 <= i + k < 7]", "[mod(k, 2) = 0]"])
def test_what_is_guarded_otherwise_than_by_the_window_is_no_convolution(guard: str) -> None:
    """Zeros around the image do not say what such a guard says."""
    answer = grad(f"V : 8\nK : 3\nZ : 6\nZ[i] = sum(k) {guard}*V[i + k]*K[k]", ["V", "K"])
    assert answer["V"].convolution is None
    assert answer["K"].convolution is None


def test_a_part_of_the_kernel_is_not_the_kernel() -> None:
    """Z has 5 rows and 4 of them slide, so nothing slides with Z_bar as it is."""
    answer = grad("V : 6\nK : 3\nZ : 5\nZ[i] = sum(k) [i < 4]*V[i + k]*K[k]", ["K"])
    assert answer["K"].convolution is None
