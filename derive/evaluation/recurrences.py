"""All equations of a program in order; recurrences step by step along the index along which they read themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from derive.evaluation.meaning import environment_of, value_of
from derive.evaluation.storage import Environment
from derive.program import Program


def values(program: Program, arrays: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
    """The values of all arrays: inputs as given, then every equation."""
    environment = environment_of(program, {name: arrays[name] for name in program.input_names}, sizes)
    for line in program.equations:
        environment.put(line.left, value_of(line.term, line.indices, environment))
    return {name: stored.array for name, stored in environment.stored.items()}
