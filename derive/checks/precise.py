"""The gradient against differences once more, with hundreds of digits: asked where doubles disagree with it.

Where doubles lose all digits, no reference in doubles says anything. The primal program in certified balls still does:
its difference quotients know no derivative.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from derive.checks.quotients import Quotients
from derive.checks.settling import Agreement, Place
from derive.step import Derivation
from derive.tree import Tree


def agreements(derivation: Derivation, at: Mapping[str, Tree], nodes: Iterable[str]) -> dict[str, Agreement]:
    """Input node -> whether the derivation's own adjoint lines give the derivative that difference quotients give.

    at : input node -> exact constant.
    Raises MissingPartError without python-flint.
    """
    place = Place(derivation, at)
    return {node: place.compare(partial(_apart, node)) for node in nodes}


def _apart(node: str, quotients: Quotients) -> tuple[Any, Any]:
    return quotients.gradient_apart(node)
