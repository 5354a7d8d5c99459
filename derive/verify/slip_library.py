"""The library of named slips, in the order in which they are tried."""

from __future__ import annotations

from functools import cache

from derive.verify import (
    slips_factors,
    slips_functions,
    slips_indices,
    slips_matrices,
    slips_operands,
    slips_powers,
    slips_signs,
    slips_sums,
)
from derive.verify.slips import NamedSlip

FAMILIES = (
    slips_signs,
    slips_functions,
    slips_indices,
    slips_matrices,
    slips_powers,
    slips_factors,
    slips_sums,
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
