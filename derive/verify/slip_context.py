"""What a slip may have to do with: the names of a problem, the indices at hand, local derivatives, sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import permutations

from derive import tree as t
from derive.tree import Tree
from derive.verify.graph import ELEMENTWISE
from derive.verify.model import Model
from derive.verify.shaped import OutsideFamily, ShapeClash, Unjudged
from derive.verify.statements import free_letters

#: Most names, and most ways to index one, that are put in a place.
NAMES, INDEXED = 40, 12


#: What is written for the derivative of a function, besides f'(u).
WRITTEN: Mapping[str, Callable[[Tree], Tree]] = {
    "sin": lambda u: t.Call("cos", (u,)),
    "cos": lambda u: t.Negative(t.Call("sin", (u,))),
    "log": lambda u: t.Product((("*", t.Number("1")), ("/", u))),
    "ln": lambda u: t.Product((("*", t.Number("1")), ("/", u))),
    "sigmoid": lambda u: t.Product(
        (("*", t.Call("sigmoid", (u,))), (".*", t.Sum((("+", t.Number("1")), ("-", t.Call("sigmoid", (u,)))))))
    ),
    "relu": lambda u: t.Indicator((u, t.Number("0")), (">",)),
    "tanh": lambda u: t.Sum((("+", t.Number("1")), ("-", t.Power(t.Call("tanh", (u,)), t.Number("2"))))),
}

#: The derivative of a function in terms of its value.
BY_VALUE: Mapping[str, Callable[[Tree], Tree]] = {
    "sigmoid": lambda y: t.Product((("*", y), (".*", t.Sum((("+", t.Number("1")), ("-", y)))))),
    "tanh": lambda y: t.Sum((("+", t.Number("1")), ("-", t.Power(y, t.Number("2"))))),
    "exp": lambda y: y,
}


class Context:
    """A row in a model: its left side, its right side as it stands, and what its names could be mistaken for."""

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

    # --- local derivatives --------------------------------------------------------------------------------------------

    @cached_property
    def activations(self) -> tuple[tuple[Tree, t.Call], ...]:
        """(what is worked out, the function of one argument in it) for each equation that applies one."""
        found: list[tuple[Tree, t.Call]] = []
        for statement in self.problem.equations:
            if statement.head is None or isinstance(statement.head, t.Call):
                continue
            for node in t.walk(statement.links[0].tree):
                if isinstance(node, t.Call) and len(node.arguments) == 1 and self.is_elementwise(node.function):
                    found.append((statement.head, node))
        return tuple(found)

    def is_elementwise(self, function: str) -> bool:
        if self.model.is_function(function):
            return True
        return function in ELEMENTWISE and function not in ("sqrt",)

    def locals(self, letters: Sequence[str]) -> Iterator[Tree]:
        """f'(z) for every f(z) in the equations, with the indices at hand."""
        for head, call in self.activations:
            derived = self.by_value(head, call) or self.derivative(call)
            yield from self.renamed(derived, letters)
        for statement in self.problem.equations:
            if statement.head is not None:
                local = _of_equation(statement.head, statement.links[0].tree)
                if local is not None:
                    yield from self.renamed(local, letters)

    def by_value(self, head: Tree, call: t.Call) -> Tree | None:
        """f'(u) in terms of y = f(u), where y has a name: y (1 - y) of the logistic function."""
        written = BY_VALUE.get(call.function)
        if written is None or self.model.is_function(call.function):
            return None
        whole = any(each.head == head and each.links[0].tree == call for each in self.problem.equations)
        return written(head) if whole else None

    def derivative(self, call: t.Call) -> Tree:
        """f'(u) of f(u), written out for the functions of the table that have a short derivative."""
        written = WRITTEN.get(call.function)
        if written is not None and not self.model.is_function(call.function):
            return written(call.arguments[0])
        return t.Call(call.function, call.arguments, parameters=call.parameters, orders=(1,), layer=call.layer)

    def renamed(self, tree: Tree, letters: Sequence[str]) -> Iterator[Tree]:
        """A tree of the equations with its free indices replaced by those at hand, in all ways."""
        own = free_letters((tree,), self.model)
        families = [letter for letter in own if self.is_family_letter(letter)]
        plain = [letter for letter in own if letter not in families]
        places: Sequence[Tree | None] = self.family_places if families else (None,)
        here = [letter for letter in letters if not self.is_family_letter(letter)]
        if not self.is_indexed and plain:
            stripped = self._whole(tree, plain)
            tree, plain = stripped, []
        for place in places:
            for chosen in permutations(here, len(plain)):
                values: dict[str, Tree] = {letter: t.Name(new) for letter, new in zip(plain, chosen, strict=True)}
                if place is not None:
                    values |= dict.fromkeys(families, place)
                yield t.substituted(tree, values)

    def _whole(self, tree: Tree, letters: Sequence[str]) -> Tree:
        """Entries as whole arrays: z_i^{[l]} becomes z^{[l]}."""

        def change(node: Tree) -> Tree:
            if isinstance(node, t.Subscript):
                kept = tuple(each for each in node.indices if not (isinstance(each, t.Name) and each.text in letters))
                if len(kept) < len(node.indices):
                    return t.Subscript(node.array, kept, layer=node.layer) if kept else t.Name(node.array)
            return node

        return t.transformed(tree, change)

    def is_array(self, tree: Tree) -> bool:
        """Whether a tree stands for a whole array where it stands, so that products of it are entry by entry."""
        if self.is_indexed:
            return False
        match tree:
            case t.Name(text=name):
                return self.ranks.get(name, 0) > 0
            case t.Subscript(array=name, indices=indices):
                return self.ranks.get(name, 0) > len(indices)
        return any(self.is_array(child) for child in t.children(tree))

    @cached_property
    def anchor(self) -> Tree:
        """The left side spelled so that the ranges of its indices are known: for an alias what it stands for."""
        head = self.head
        known = isinstance(head, (t.Name, t.Subscript)) and self.variable is not None
        if known and self.variable is not None and self.problem.loss is not None:
            return t.Derivative(t.Name(self.problem.loss), self.variable)
        return head

    @cached_property
    def variable(self) -> Tree | None:
        """What the left side is a derivative by, an alias of a derivative included; None for another left side."""
        head = self.head
        if isinstance(head, t.Derivative):
            return head.by
        found = self.primal(head)
        if found is not None or not isinstance(head, (t.Name, t.Subscript)):
            return found
        if isinstance(head, t.Subscript):
            alias = self.model.indexed_alias(head.array, len(head.indices))
            if alias is not None:
                values = dict(zip(alias[0], head.indices, strict=True))
                return t.substituted(alias[1].by, values) if isinstance(alias[1], t.Derivative) else None
        name = head.text if isinstance(head, t.Name) else head.array
        whole = next((right for left, right in self.problem.aliases if left == t.Name(name)), None)
        if not isinstance(whole, t.Derivative):
            return None
        if isinstance(head, t.Name):
            return whole.by
        return t.Subscript(whole.by.text, head.indices) if isinstance(whole.by, t.Name) else None

    def begs(self, tree: Tree) -> bool:
        """Whether a formula says the left side by the left side: by itself, or by an alias of it."""
        return any(
            node in self._own or (isinstance(node, (t.Name, t.Subscript)) and self._is_own(node))
            for node in t.walk(tree)
        )

    @cached_property
    def _own(self) -> tuple[Tree, ...]:
        return tuple(tree for tree in (self.head, self.anchor) if tree not in t.walk(self.right))

    @cached_property
    def _own_names(self) -> frozenset[str]:
        """Aliases that stand for what the left side stands for."""
        name = _array(self.variable)
        found = set()
        for left, right in self.problem.aliases:
            body = self.primal(right)
            own = body.text if isinstance(body, t.Name) else body.array if isinstance(body, t.Subscript) else ""
            if own and own == name:
                found.add(
                    left.text if isinstance(left, t.Name) else left.array if isinstance(left, t.Subscript) else ""
                )
        return frozenset(found - set(t.names_in(self.right)))

    def _is_own(self, node: t.Name | t.Subscript) -> bool:
        return _array(node) in self._own_names

    @property
    def bar(self) -> bool:
        return self.problem.conventions.get("overline") == "adjoint"

    def adjoint(self, tree: Tree) -> Tree | None:
        """The derivative of the loss by a name, as the row writes it."""
        if self.problem.loss is None:
            return None
        return t.Call("overline", (tree,)) if self.bar else t.Derivative(t.Name(self.problem.loss), tree)

    def primal(self, tree: Tree) -> Tree | None:
        """The name whose adjoint a tree is."""
        match tree:
            case t.Call(function="overline", arguments=(body,)) if self.bar:
                return body
            case t.Derivative(of=t.Name(text=name), by=by) if name == self.problem.loss:
                return by
        return None


def _array(tree: Tree | None) -> str:
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


def _of_equation(head: Tree, right: Tree) -> Tree | None:
    """1/(2r) of r = sqrt(u), and [u = m] of m = max u."""
    match right:
        case (
            t.Call(function="sqrt" | "norm")
            | t.Power(exponent=t.Product(factors=((_, t.Number("1")), (_, t.Number("2")))))
        ):
            return t.Product((("*", t.Number("1")), ("/", t.Product((("*", t.Number("2")), ("*", head))))))
        case t.Reduction(operator="max" | "min", body=body):
            return t.Indicator((body, head), ("=",))
    return None
