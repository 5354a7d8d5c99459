"""Index equations that once got a wrong formula or a wrong claim; each is held against scattering or carried out."""

from __future__ import annotations

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


def test_an_array_that_is_read_in_part_has_no_place_in_a_product_of_matrices() -> None:
    """The first 3 rows of A, which has 5: the guard holds everywhere, and is gone."""
    answer = grad("A : 5 x 4\nB : 3 x 4\nZ : 3 x 3\nZ[i,j] = sum(k) [i < 5]*A[i,k]*B[j,k]", ["A", "B"])
    assert answer["B"].matrix is None
    whole = grad("A : 3 x 4\nB : 3 x 4\nZ : 3 x 3\nZ[i,j] = sum(k) [i < 5]*A[i,k]*B[j,k]", ["A", "B"])
    assert whole["B"].matrix_text == "B_bar = Z_bar^T A"
