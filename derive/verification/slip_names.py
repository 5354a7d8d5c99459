"""The names of a problem as they may stand in a row: with which indices, and in the place of which others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import permutations

from derive import tree as t
from derive.tree import Tree
from derive.verification.model import Model
from derive.verification.shaped import OutsideFamily, ShapeClash, Unjudged
from derive.verification.statements import free_letters

#: Most names, and most ways to index one, that are put in a place.
NAMES, INDEXED = 40, 12
#: Functions of matrices, which a number is not.
_SHAPING = frozenset(("tr", "diag", "vec", "rot180", "entry"))


class Names:
    """The names of a problem and the indices at hand, for a row with its left and its right side."""

    def __init__(self, model: Model, head: Tree, right: Tree, conditions: Sequence[Tree] = ()) -> None:
        self.model = model
        self.problem = model.problem
        self.head = head
        self.right = right
        try:
            self.letters = free_letters((head, *conditions), model)
        except (Unjudged, ShapeClash, OutsideFamily):
            self.letters = ()

    # --- names --------------------------------------------------------------------------------------------------------

    @cached_property
    def ranks(self) -> dict[str, int]:
        """Arrays of the problem -> number of indices that an entry has, the index of its family among them."""
        found: dict[str, int] = {}
        model = self.model
        names = [*model.arrays, *model.families, *model.defined, *model.defined_members]
        for name in dict.fromkeys(names):
            if name in model.families or name in model.defined_members:
                members = model.families.get(name) or model.defined_members[name]
                for member in members.values():
                    found[name] = 1 + member.rank
                    break
            else:
                value = model.defined.get(name) or model.arrays[name]
                found[name] = value.rank
        for left, right in self.problem.aliases:
            name = left.array if isinstance(left, t.Subscript) else left.text if isinstance(left, t.Name) else ""
            if right == t.Name(self.problem.loss or ""):
                continue
            given = len(left.indices) if isinstance(left, t.Subscript) else 0
            found.setdefault(name, given + _left_of(right, found))
        return found

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """Sizes that are plain numbers, such as N; not n[l]."""
        return tuple(name for name in self.model.sizes if "[" not in name)

    @cached_property
    def steps(self) -> tuple[Tree, ...]:
        """Whole numbers that may stand as stride, padding or dilation in an index."""
        found: list[Tree] = [
            t.Name(name) for name, quantity in self.problem.quantities.items() if quantity.kind == "integer"
        ]
        for statement in self.problem.equations:
            for node in t.walk(statement.links[0].tree):
                if isinstance(node, t.Subscript):
                    for index in node.indices:
                        found += [
                            each
                            for each in t.walk(index)
                            if isinstance(each, t.Number) and each.text != "1" and each not in found
                        ]
        return tuple(found[:4])

    @cached_property
    def scalars(self) -> tuple[Tree, ...]:
        """Names of numbers that are no sizes."""
        return tuple(t.Name(name) for name, rank in self.ranks.items() if rank == 0 and name != self.problem.loss)[
            :NAMES
        ]

    @cached_property
    def family_places(self) -> tuple[Tree, ...]:
        """What stands as layer or step in the row."""
        found: dict[Tree, None] = {}
        for tree in (self.head, self.right):
            for node in t.walk(tree):
                if isinstance(node, t.Subscript) and node.indices and self.has_family(node.array, len(node.indices)):
                    found.setdefault(node.indices[0])
        return tuple(found)

    def has_family(self, name: str, indices: int) -> bool:
        """Whether the first index of an array is a layer or a step."""
        if self.model.is_family(name):
            return True
        alias = self.model.indexed_alias(name, indices)
        return alias is not None and self.is_family_letter(alias[0][0] if alias[0] else "")

    @cached_property
    def _families(self) -> frozenset[str]:
        return frozenset(quantity.family for quantity in self.problem.quantities.values() if quantity.family)

    def is_family_letter(self, letter: str) -> bool:
        """Whether an index counts layers or steps."""
        return letter in self._families

    @cached_property
    def is_indexed(self) -> bool:
        """Whether the row is written entry by entry."""
        letters = [letter for letter in self.letters if not self.is_family_letter(letter)]
        bound = [name for node in t.walk(self.right) if isinstance(node, t.Reduction) for name in node.bound]
        return bool(letters) or not all(map(self.is_family_letter, bound))

    def entries(self, name: str, letters: Sequence[str]) -> Iterator[Tree]:
        """An array as it may stand in the row: whole in matrix notation, else with indices at hand."""
        rank = self.ranks.get(name, 0)
        family = self.model.is_family(name) or (rank > 0 and self.has_family(name, rank))
        firsts: Sequence[Tree | None] = self.family_places if family else (None,)
        rest = rank - (1 if family else 0)
        plain = [letter for letter in letters if not self.is_family_letter(letter)]
        count = 0
        for first in firsts:
            lead = () if first is None else (first,)
            choices: list[tuple[Tree, ...]] = []
            if rest == 0:
                choices = [()]
            elif self.is_indexed:
                choices = [tuple(map(t.Name, chosen)) for chosen in permutations(plain, rest)]
            if not self.is_indexed and rest:
                choices = [()]
            for chosen in choices:
                indices = (*lead, *chosen)
                yield t.Subscript(name, indices) if indices else t.Name(name)
                count += 1
                if count >= INDEXED:
                    return

    def is_size(self, tree: Tree) -> bool:
        """Whether a formula is a size or a product of sizes, such as H W."""
        parts = [factor for _, factor in tree.factors] if isinstance(tree, t.Product) else [tree]
        return all(isinstance(part, t.Name) and part.text in self.sizes for part in parts)

    def is_number(self, tree: Tree) -> bool:
        """Whether a formula is a number by the names in it, so that it has no transpose and no diagonal."""
        match tree:
            case t.Number() | t.Indicator():
                return True
            case t.Name(text=name):
                return name in self.sizes or name == self.problem.loss or self.ranks.get(name) == 0
            case t.Subscript(array=name, indices=indices):
                return self.ranks.get(name) == len(indices)
            case t.Derivative(of=of, by=by):
                return self.is_number(of) and self.is_number(by)
            case t.Call(function="inner" | "tr" | "norm" | "det"):
                return True
            case t.Call(function=name) if name in _SHAPING:
                return False
        parts = t.children(tree)
        return bool(parts) and all(map(self.is_number, parts))

    def ill_formed(self, tree: Tree) -> frozenset[Tree]:
        """Parts that nobody would write: the transpose of a number, its trace, a matrix with it on the diagonal."""
        return frozenset(
            node
            for node in t.walk(tree)
            if (isinstance(node, t.Transpose) and self.is_number(node.body))
            or (isinstance(node, t.Call) and node.function in _SHAPING and self.is_number(node.arguments[0]))
        )

    def alike(self, node: Tree) -> Iterator[Tree]:
        """Other arrays of the problem in the place of one, with the same indices."""
        if isinstance(node, t.Name):
            own = self.ranks.get(node.text)
            shape = self._shape(node.text)
            for name in list(self.ranks)[: 2 * NAMES]:
                if name != node.text and own is not None and self.ranks[name] == own and self._shape(name) == shape:
                    yield t.Name(name)
        elif isinstance(node, t.Subscript):
            count = len(node.indices)
            own = self.ranks.get(node.array)
            family = self.has_family(node.array, count)
            for name in list(self.ranks)[: 2 * NAMES]:
                if name != node.array and self.ranks[name] == own and self.has_family(name, count) == family:
                    yield t.Subscript(name, node.indices, layer=node.layer, tight=node.tight)

    def _shape(self, name: str) -> object:
        value = self.model.defined.get(name) or self.model.arrays.get(name)
        return None if value is None else value.shape


def array_of(tree: Tree | None) -> str:
    return tree.text if isinstance(tree, t.Name) else tree.array if isinstance(tree, t.Subscript) else ""


def _left_of(tree: Tree, ranks: Mapping[str, int]) -> int:
    """How many axes are left of what an alias stands for: of a derivative of the loss those of what it is by."""
    body = tree.by if isinstance(tree, t.Derivative) else tree
    match body:
        case t.Name(text=name):
            return ranks.get(name, 0)
        case t.Subscript(array=name, indices=indices):
            return max(0, ranks.get(name, 0) - len(indices))
    return 0
