"""What is likely wrong with a wrong row: a named slip that explains it exactly, or the smallest part to replace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from derive.tree import Tree
from derive.verify.report import Slip
from derive.verify.slip_search import OutOfTime, Search, Snapshot
from derive.verify.slip_text import latex, told
from derive.verify.slips import Change
from derive.verify.values import is_literal

if TYPE_CHECKING:
    from derive.verify.judging import Judging
    from derive.verify.model import Model
    from derive.verify.report import Line


def diagnosed(line: Line, judging: Judging) -> None:
    """Add slips and the right formula to a wrong row.

    One slip is what the row holds; several are all consistent with it. Without a slip the one named "no known pattern"
    says which part repairs the row when it is replaced.
    """
    verdict = line.verdict
    head, link, statement = verdict.head, verdict.link, verdict.statement
    if head is None or link is None or statement is None:
        return
    conditions = tuple(statement.conditions)
    if statement.head is None and judging._head is not None:
        conditions = judging._head[1]
    if is_literal(link.tree) and verdict.numbers:
        return
    with scratch(judging.models):
        found = _explained(judging, head, link.tree, conditions)
        line.slips = [_slip(change, judging, len(found)) for change in found]
        if found:
            line.expected = latex(found[0].tree, judging.problem)


def _explained(judging: Judging, head: Tree, right: Tree, conditions: Sequence[Tree]) -> list[Change]:
    search = Search(judging, head, right, conditions)
    try:
        return search.single() or search.paired()
    except OutOfTime:
        return []


def _slip(change: Change, judging: Judging, count: int) -> Slip:
    sentences = [each.slip.sentence.format(before=told(each.before), after=told(each.after)) for each in change.changes]
    sentence = " And: ".join(sentences)
    if count > 1:
        sentence = f"Consistent with: {sentence}"
    first = change.changes[0]
    name = " and ".join(each.slip.name for each in change.changes)
    return Slip(
        name,
        first.slip.kind,
        sentence,
        told(change.tree),
        latex(change.tree, judging.problem),
        getattr(first.before, "at", None),
    )


@contextmanager
def scratch(models: Sequence[Model]) -> Iterator[None]:
    """Forget the nodes that are made inside, and keep what the work has defined."""
    kept = [Snapshot(model) for model in models]
    try:
        yield
    finally:
        for each in kept:
            each.restore()
