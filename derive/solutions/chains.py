"""How much of a derivation is shown: all its steps, or one line for each rule that changes the mathematics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from derive.step import Step

#: Rules that only move things about: at medium detail they are folded into the step that they prepare.
BOOKKEEPING = frozenset(
    {
        "linearity of the sum", "constant factor", "constant", "sum rule", "distribute", "split the sum",
        "under one sum", "constants out of the sum", "common factor", "collect like terms", "collect powers",
        "rename", "seed",
    }
)  # fmt: skip


def folded(steps: Iterable[Step], detail: str) -> tuple[Step, ...]:
    """The steps to show: at high detail all of them, else runs of one rule as one step, bookkeeping folded in.

    A folded step leads from the first equation of its run to the last, under the name of its rule; what it stands for
    are its sub-steps.
    """
    given = tuple(steps)
    if detail == "high":
        return given
    groups: list[tuple[Step, list[Step]]] = []
    waiting: list[Step] = []
    for step in given:
        waiting.append(step)
        if step.rule.name in BOOKKEEPING:
            continue
        if groups and len(waiting) == 1 and groups[-1][0].rule.name == step.rule.name:
            groups[-1][1].append(step)
        else:
            groups.append((step, waiting))
        waiting = []
    if waiting:
        if groups:
            groups[-1][1].extend(waiting)
        else:
            groups.append((waiting[-1], waiting))
    return tuple(_joined(named, run) for named, run in groups)


def _joined(named: Step, run: Sequence[Step]) -> Step:
    if len(run) == 1:
        return named
    rule = named.rule
    if run[-1].rule.name == "rename" and rule is not run[-1].rule:
        rule = replace(rule, name=f"{rule.name}, renamed")
    conditions = tuple(dict.fromkeys(condition for step in run for condition in step.conditions))
    return replace(named, conditions=conditions, before=run[0].before, after=run[-1].after, substeps=tuple(run))
