"""Sizes for a run: code that names its layers one by one, W1 to W3, has as many as it names."""

from __future__ import annotations

import random
from collections.abc import Sequence

from derive.errors import DeriveError
from derive.verification import domains as d
from derive.verification.choosing import size_names
from derive.verification.code_names import Names
from derive.verification.code_reading import Code
from derive.verification.graph import UndefinedNode
from derive.verification.judging import Judging
from derive.verification.model import Model
from derive.verification.shaped import ShapeClash, Unjudged

#: How often sizes are drawn.
TRIALS = 8


def fitting_models(judging: Judging, code: Code) -> Sequence[Model]:
    """Two models of the problem with the number of layers that the code has, or those that there are.

    One-hot vectors are one-hot in them: code may look for the 1, and formulas may not.
    """
    found = _with_layers(judging, code)
    if not any(quantity.domain == d.Plain("one-hot") for quantity in judging.problem.quantities.values()):
        return found
    return [Model(judging.problem, model.sizes, model.seed, turn=turn) for turn, model in enumerate(found)]


def _with_layers(judging: Judging, code: Code) -> Sequence[Model]:
    names = size_names(judging.problem)
    lasts = [name for name, where in names.items() if "last" in where and not name.endswith("[]")]
    count = _members(Names(judging.models[0]), code)
    if len(lasts) != 1 or not count:
        return judging.models
    found = [model for model in judging.models if model.sizes[lasts[0]] == count]
    plain = [name for name in names if name != lasts[0] and not name.endswith("[]")]
    members = [f"{name[:-2]}[{k}]" for name in names if name.endswith("[]") for k in range(count + 2)]
    for trial in range(TRIALS):
        if len(found) >= 2:
            break
        rng = random.Random(f"{judging.seed}/{count}/{trial}")
        drawn = rng.sample(range(2, 3 + len(plain) + len(members)), len(plain) + len(members))
        sizes = {lasts[0]: count, **dict(zip((*plain, *members), drawn, strict=True))}
        try:
            found.append(Model(judging.problem, sizes, judging.seed + trial, strict=True))
        except (DeriveError, ShapeClash, Unjudged, UndefinedNode):
            continue
    return found or judging.models


def _members(names: Names, code: Code) -> int:
    """The largest layer that a name of the code ends in: 3 for W3, dW3, delta_3."""
    written = {*code.read, *code.first, *(name for function in code.functions for name in function.parameters)}
    found = [
        meaning.member for name in written for meaning in names.meanings(name)
        if meaning.member is not None and meaning.sure
    ]  # fmt: skip
    return max(found, default=0)
