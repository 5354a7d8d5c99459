"""The library of named slips, in the order in which they are tried."""

from __future__ import annotations

from functools import cache

from derive.verification import (
    slips_deltas,
    slips_factors,
    slips_fractions,
    slips_functions,
    slips_indices,
    slips_matrices,
    slips_operands,
    slips_powers,
    slips_products,
    slips_shapes,
    slips_signs,
    slips_steps,
    slips_sums,
    slips_terms,
    slips_windows,
)
from derive.verification.slips import NamedSlip

FAMILIES = (
    slips_signs,
    slips_functions,
    slips_indices,
    slips_steps,
    slips_deltas,
    slips_shapes,
    slips_matrices,
    slips_windows,
    slips_fractions,
    slips_powers,
    slips_factors,
    slips_sums,
    slips_products,
    slips_terms,
    slips_operands,
)


@cache
def library() -> tuple[NamedSlip, ...]:
    """Every named slip."""
    return tuple(slip for family in FAMILIES for slip in family.slips())


def named(name: str) -> NamedSlip:
    """A slip by its name. Raises KeyError for one that is not there."""
    for slip in library():
        if slip.name == name:
            return slip
    raise KeyError(name)
