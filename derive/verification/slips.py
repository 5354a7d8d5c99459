"""Named slips: what a student did to a right formula, as a change of one place of its tree, and how to undo it.

A slip changes one node at a time. `plant` goes from the right formula to the wrong one, `repair` back. What a wrong
row was meant to be is found by repairing each of its places and comparing with the left side, so that a name is offered
only where the right formula with that slip in it is what stands in the row. The list is in docs/slips.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from derive import tree as t
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.verification.slip_context import Context

#: The classes of slips.
CLASSES = (
    "sign",
    "factor",
    "power",
    "transpose",
    "order",
    "operand",
    "index",
    "step",
    "range",
    "sum-mean",
    "term-missing",
    "chain-factor-missing",
    "function-for-derivative",
    "derivative-at-wrong-point",
    "other-variable",
    "kernel-flip",
    "shape",
    "other",
)

#: SPECIFIC slips name the one thing that they change, COMMON ones are frequent, GENERIC ones would explain much.
SPECIFIC, COMMON, GENERIC = range(3)

Path = tuple[int, ...]


@dataclass(frozen=True)
class Site:
    """A node of a right side, and where it stands.

    letters : the indices that have a value there, those of the left side first.  bound : those of sums around it.
    is_term : the whole right side, or a term of it, behind signs, brackets and sums.  above : the node around it.
    is_part : a term, also of a bracket that is a factor.
    """

    node: Tree
    path: Path
    context: Context
    letters: tuple[str, ...]
    bound: tuple[str, ...] = ()
    is_term: bool = False
    above: Tree | None = None

    @property
    def is_part(self) -> bool:
        return self.is_term or isinstance(self.above, (t.Sum, t.Negative, t.Reduction))

    @property
    def is_root(self) -> bool:
        return not self.path


Edit = Callable[[Site], Iterator[Tree]]


@dataclass(frozen=True)
class NamedSlip:
    """One row of the library.

    kind : its class.  sentence : for a student, with {before} and {after} for what stands there and what belongs there.
    naming : the same with {part}, the factor, term or index that makes the difference, and {instead}, the index that
    stands there; said where there is one such part.
    example : a right and a wrong formula in plain notation.  pairs : whether it is tried together with another one.
    """

    name: str
    kind: str
    sentence: str
    plant: Edit
    repair: Edit
    example: tuple[str, str]
    rank: int = COMMON
    pairs: bool = False
    naming: str = ""


@dataclass(frozen=True)
class Change:
    """A slip at one place: the whole tree that results, and the place before and after."""

    slip: NamedSlip
    tree: Tree
    before: Tree
    after: Tree
    first: Change | None = field(default=None, compare=False)

    @property
    def changes(self) -> tuple[Change, ...]:
        return (self,) if self.first is None else (self.first, self)


def sites(tree: Tree, context: Context) -> list[Site]:
    """All places of a right side, the whole first; the inside of subscripts belongs to the subscript."""
    found: list[Site] = []
    stack: list[tuple[Tree, Path, tuple[str, ...], bool, Tree | None]] = [(tree, (), (), True, None)]
    while stack:
        node, path, bound, is_term, above = stack.pop()
        letters = (*context.letters, *(each for each in bound if each not in context.letters))
        found.append(Site(node, path, context, letters, bound, is_term, above))
        if isinstance(node, (t.Subscript, t.Derivative, t.Indicator, t.Number, t.Name)):
            continue
        inner = (*bound, *node.bound) if isinstance(node, t.Reduction) else bound
        passes = is_term and isinstance(node, (t.Sum, t.Negative, t.Reduction))
        below = list(enumerate(_inside(node)))
        stack.extend((child, (*path, k), inner, passes, node) for k, child in reversed(below))
    return found


def _inside(node: Tree) -> Sequence[Tree]:
    match node:
        case t.Reduction(body=body):
            return (body,)
        case t.Call(function="entry" | "pad" | "norm", arguments=arguments):
            return arguments[:1]
        case t.Call(arguments=arguments):
            return arguments
    return t.children(node)


def replaced(tree: Tree, path: Path, new: Tree) -> Tree:
    """The tree with another node at a path; what is beside the path is shared."""
    if not path:
        return new
    parts = list(t.children(tree))
    parts[path[0]] = replaced(parts[path[0]], path[1:], new)
    return t.rebuilt(tree, tuple(parts))


def changed(
    tree: Tree, context: Context, slips: Sequence[NamedSlip], planted: bool = False, first: Change | None = None
) -> Iterator[Change]:
    """The tree with each of the slips repaired (or planted) at each place."""
    for slip, site, new in edits(sites(tree, context), slips, planted):
        yield Change(slip, tidied(tree, site.path, new), site.node, new, first)


def edits(
    places: Sequence[Site], slips: Sequence[NamedSlip], planted: bool = False
) -> Iterator[tuple[NamedSlip, Site, Tree]]:
    """Each of the slips repaired (or planted) at each place, with what then stands there."""
    for slip in slips:
        edit = slip.plant if planted else slip.repair
        for site in places:
            for new in edit(site):
                if new != site.node:
                    yield slip, site, new


def tidied(tree: Tree, path: Path, new: Tree) -> Tree:
    """The tree with another node at a path; -(-u) and (u^T)^T, where the change makes them, are u."""
    if path:
        above = tree
        for step in path[:-1]:
            above = t.children(above)[step]
        for kind in (t.Negative, t.Transpose):
            if isinstance(above, kind) and isinstance(new, kind):
                return replaced(tree, path[:-1], new.body)
    return replaced(tree, path, new)


def nothing(site: Site) -> Iterator[Tree]:
    """Of a slip that is found in another way than by changing a place."""
    return iter(())
