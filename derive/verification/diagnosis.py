"""What is likely wrong with a wrong row: a named slip that explains it exactly, or the smallest part to replace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import DeriveError
from derive.tree import Tree
from derive.verification.expected import Expected, expected, rules
from derive.verification.report import Slip
from derive.verification.slip_numbers import beside, formula_before, number_slips, rounded
from derive.verification.slip_parts import inverse, more, narrowed, other_index
from derive.verification.slip_search import DECIDED, FAILURES, OutOfWork, Search, Snapshot
from derive.verification.slip_text import Words, told
from derive.verification.slips import Change, replaced, sites
from derive.verification.spellings import Spellings
from derive.verification.values import is_literal

#: The name of what no slip of the library explains.
UNNAMED = "no known pattern"
#: Signs between sides that are said to be equal; what others mean is no matter of one slip.
EQUALITIES = ("=", ":=", "approx")
#: Most earlier wrong rows on which a row is tried to build, and the work for each.
FOLLOWED, AGAIN = 2, 1200
#: Most parts of the right formula that are tried in a place.
PARTS = 40
#: The work of looking for the smallest part to replace.
SMALLEST = 1000
#: Most parts that are decided for certain there.
TRIED = 4

if TYPE_CHECKING:
    from derive.verification.judging import Judging
    from derive.verification.model import Model
    from derive.verification.report import Line


def diagnosed(line: Line, judging: Judging, spellings: Spellings | None = None) -> None:
    """Add slips and the right formula to a wrong row.

    spellings : how the work writes its names; without them as the problem does.

    One slip is what the row holds; several are all consistent with it. Without a slip the one named "no known pattern"
    says which part repairs the row when it is replaced.
    """
    verdict = line.verdict
    head, link, statement = verdict.head, verdict.link, verdict.statement
    if head is None or link is None or statement is None:
        return
    words = Words(judging.problem, spellings)
    conditions = tuple(statement.conditions)
    if statement.head is None and judging.head is not None:
        conditions = judging.head[1]
    if is_literal(link.tree) and judging.values is not None and verdict.numbers:
        note = next((each for each in verdict.numbers if each.verdict == "wrong"), verdict.numbers[-1])
        formula = formula_before(line.judged.row, link)
        line.slips = number_slips(judging.values, head, formula, note, words.inline)
        line.expected = f"{words.latex(head)} = {rounded(note)}"
        return
    if link.relation not in EQUALITIES:
        return
    try:
        with scratch(judging.models):
            _formula(line, judging, head, link.tree, conditions, words)
    except (*FAILURES, DeriveError):
        return  # the verdict stands without a diagnosis


def _formula(line: Line, judging: Judging, head: Tree, right: Tree, conditions: Sequence[Tree], words: Words) -> None:
    search = Search(judging, head, right, conditions)
    found = _explained(search)
    told_before = ""
    if not found:
        found, row = _built_on(search, line.number)
        told_before = f"Taking row {row} at its word: " if found else ""
    line.slips = [_slip(change, words, len(found), told_before) for change in found]
    answer = _right(search, [] if told_before else found)
    if not found:
        line.slips = [_unnamed(search, answer, words)]
    told_numbers = beside(judging.values, head, right, line.verdict.numbers)
    if told_numbers:
        first, *rest = line.slips
        line.slips = [replace(first, sentence=first.sentence + told_numbers), *rest]
    if answer is not None:
        line.expected = words.row(answer.head, answer.right, conditions, _reads_back(search))
        line.steps = answer.rules if line.expected else ()


def _reads_back(search: Search) -> Callable[[Tree, Tree, Tree, Tree], bool]:
    """Whether what was read from a shown row is what was meant by it: the same sides, or sides that are equal."""

    def check(head: Tree, right: Tree, read_head: Tree, read_right: Tree) -> bool:
        if (head, right) == (read_head, read_right):
            return True
        with scratch(search.models):
            comparing = search.judging.comparing
            verdict = comparing.decided(read_head, read_right, search.conditions, search.models)
            return verdict.verdict == "correct"

    return check


def _built_on(search: Search, row: int) -> tuple[list[Change], int]:
    """Slips in a row that builds on an earlier wrong row, and that row."""
    judging = search.judging
    for place in reversed([k for k, each in enumerate(judging.following.mistakes) if each.row != row][-FOLLOWED:]):
        followed = judging.following.models((place,))
        if not followed:
            continue
        with scratch(followed):
            try:
                found = Search(judging, search.head, search.right, search.conditions, followed, AGAIN).single()
            except (OutOfWork, *FAILURES):
                found = []
        if found:
            return found, judging.following.mistakes[place].row
    return [], 0


def _explained(search: Search) -> list[Change]:
    try:
        return search.single() or search.paired()
    except OutOfWork:
        return []


def _right(search: Search, found: Sequence[Change]) -> Expected | None:
    """The right formula: the row with its slip undone, else what the problem says."""
    for change in found:
        if change.tree not in (search.right, search.head):
            return Expected(search.head, change.tree, rules(search))
    try:
        return expected(search)
    except FAILURES:
        return None


def _slip(change: Change, words: Words, count: int, told_before: str) -> Slip:
    sentence = " And: ".join(_sentence(each, words) for each in change.changes)
    if count > 1:
        sentence = f"Consistent with: {sentence}"
    sentence = told_before + sentence
    first = change.changes[0]
    name = " and ".join(each.slip.name for each in change.changes)
    return Slip(
        name,
        first.slip.kind,
        sentence,
        told(change.tree),
        words.latex(change.tree),
        getattr(first.before, "at", None),
    )


def _sentence(change: Change, words: Words) -> str:
    """What is said of one slip, about the smallest part in which the row differs from what is right."""
    before, after = narrowed(change.before, change.after)
    fields = {"before": words.inline(before), "after": words.inline(after)}
    part = _part(change.slip.name, before, after)
    indices = other_index(before, after)
    if part is not None:
        fields["part"] = words.inline(part)
    if indices is not None:
        fields["instead"], fields["part"] = words.inline(indices[0]), words.inline(indices[1])
    try:
        return (change.slip.naming or change.slip.sentence).format(**fields)
    except KeyError:  # there is no one part that makes the difference
        return change.slip.sentence.format(**fields)


def _part(name: str, before: Tree, after: Tree) -> Tree | None:
    """The factor or term that a slip has lost, or brought in: what is divided away again is a factor too many."""
    if "too many" in name or "twice" in name or "too often" in name:
        before, after = after, before
    lost = more(before, after)
    if lost is not None:
        return lost
    against = more(after, before)
    return None if against is None or isinstance(before, t.Sum) else inverse(against)


def _unnamed(search: Search, right: Expected | None, words: Words) -> Slip:
    """What is said of a row that no slip explains: the smallest part that repairs it, and by what."""
    place = None if right is None or right.head != search.head else _smallest(search, right.right)
    if place is None:
        sentence = "No known pattern; the right side as a whole has to be replaced"
        if right is not None and right.head == search.head:
            sentence += f" by {words.inline(right.right)}"
        return Slip(UNNAMED, "other", sentence + ".", "" if right is None else told(right.right))
    before, after, tree = place
    sentence = f"No known pattern; the row is right with {words.inline(after)} in the place of {words.inline(before)}."
    return Slip(UNNAMED, "other", sentence, told(tree), words.latex(tree), getattr(before, "at", None))


def _smallest(search: Search, right: Tree) -> tuple[Tree, Tree, Tree] | None:
    """(part, what belongs there, the row then): the smallest part that a part of the right formula repairs."""
    parts = [node for node in dict.fromkeys(t.walk(right)) if not isinstance(node, t.Number)][:PARTS]
    places = sorted(sites(search.right, search.context), key=lambda site: sum(1 for _ in t.walk(site.node)))
    search.left, search.decided = SMALLEST, max(search.decided, DECIDED - TRIED)
    try:
        for site in places:
            if site.is_root:
                continue
            for part in parts:
                search.spend(1)
                if search.screen.excludes(site.path, part):
                    continue
                tree = replaced(search.right, site.path, part)
                if search.holds(tree):
                    return site.node, part, tree
    except OutOfWork:
        return None
    return None


@contextmanager
def scratch(models: Sequence[Model]) -> Iterator[None]:
    """Forget the nodes that are made inside, and keep what the work has defined."""
    kept = [Snapshot(model) for model in models]
    try:
        yield
    finally:
        for each in kept:
            each.restore()
