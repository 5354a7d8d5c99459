"""A problem at concrete sizes: every array of its equations as nodes of one graph, and their derivatives.

The forward equations are written out in order of their needs. A loss without an equation is an unknown function of the
quantities that no equation consumes: its partials by them are inputs of their own. An upstream gradient dL/dY = H is
the same with H in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product as combinations
from math import prod

from derive import tree as t
from derive.errors import ProgramError
from derive.reading.latex.rows import Statement
from derive.tree import Tree
from derive.verify import domains as d
from derive.verify.deciding import Judge
from derive.verify.declarations import extent_tree
from derive.verify.derivatives import Derivatives, Jacobian
from derive.verify.differentiating import adjoints, opaque_name
from derive.verify.graph import NAMED, Graph, Node
from derive.verify.meaning import Meaning
from derive.verify.points import Range
from derive.verify.problem_checks import defined
from derive.verify.problems import Exact, Problem, Quantity
from derive.verify.ranges import found_ranges, index_names
from derive.verify.shaped import Env, OutsideFamily, ShapeClash, Shaped, Unjudged, places, scalar


@dataclass
class Definition:
    """An equation h_i(p, q) = body.  indices : the letters i.  arguments : what stands for the arguments in it."""

    indices: tuple[str, ...]
    arguments: tuple[Tree, ...]
    body: Tree


@dataclass
class Overrides:
    """What a wrong row said instead: of named intermediates their values, of adjoints theirs, by node."""

    values: dict[tuple[object, ...], Node] = field(default_factory=dict)
    adjoints: dict[Node, Node] = field(default_factory=dict)


class Model:
    """sizes : extents by name, `n` or `n[2]`.  numbers : inputs have the problem's [values].

    strict : no equation may read outside an array, whatever the boundary convention says; sizes are chosen by it.
    """

    def __init__(
        self, problem: Problem, sizes: Mapping[str, int], seed: int = 0, numbers: bool = False, strict: bool = False
    ) -> None:
        self.problem = problem
        self.sizes = dict(sizes)
        self.seed = seed
        self.numbers = numbers
        self.strict = strict
        self.graph = Graph()
        self.ranges: dict[str, Range] = {}
        self.judge = Judge(self.graph, self.ranges, seed)
        self.index_from = int(problem.conventions.get("index_from", "0"))
        self.arrays: dict[str, Shaped] = {}
        self.families: dict[str, dict[int, Shaped]] = {}
        self.functions: dict[str, Definition | None] = {}
        self.defined: dict[str, Shaped] = {}
        self.defined_members: dict[str, dict[int, Shaped]] = {}
        self.meaning = Meaning(self)
        self.derivatives = Derivatives(self)
        self.given_adjoints: dict[Node, Node] = {}
        self._adjoints: dict[Node, dict[Node, Node]] = {}
        self._aliases = {left.text: right for left, right in problem.aliases if isinstance(left, t.Name)}
        self._indexed = {
            (left.array, len(left.indices)): (tuple(_letter(index) for index in left.indices), right)
            for left, right in problem.aliases
            if isinstance(left, t.Subscript)
        }
        self._busy: set[str] = set()
        self._loss: Node | None = None
        self._equations: dict[str, list[Statement]] = {}
        for statement in problem.equations:
            name = defined(statement)
            assert name is not None
            self._equations.setdefault(name, []).append(statement)
            if isinstance(statement.head, t.Call):
                indices = tuple(_letter(index) for index in statement.head.parameters)
                self.functions[name] = Definition(indices, statement.head.arguments, statement.links[0].tree)
        for name, quantity in problem.quantities.items():
            if quantity.kind == "function":
                self.functions.setdefault(name, None)
        for name in problem.vocabulary.functions:
            self.functions.setdefault(name, None)
        self._counts = {
            node.function: len(node.parameters)
            for statement in problem.equations
            for side in (statement.head, statement.links[0].tree)
            if side is not None
            for node in t.walk(side)
            if isinstance(node, t.Call) and node.function in self.functions
        }
        for name in self._equations:
            if name not in self.functions:
                self.array(name)
        self.strict = False
        self._complete()

    def _complete(self) -> None:
        """Make everything that a row may ask for, so that what a work adds can be forgotten again."""
        for name, quantity in self.problem.quantities.items():
            if quantity.kind in ("index", "function") or name == self.problem.loss or name in self.sizes:
                continue
            if self.is_family(name):
                for index in self.family_range(name) or range(0):
                    self.member(name, index)
            elif name not in self._aliases:
                self.array(name)
        loss = self.loss_node()  # the upstream gradients take their shapes from what they belong to
        for name in self.problem.vocabulary.names:
            known = (
                name in self.problem.quantities or name in self.sizes or name in self._aliases or self.is_family(name)
            )
            indexed = any(name == array for array, _ in self._indexed)
            if not known and not indexed and name not in (self.problem.loss, *self.functions):
                self.array(name)
        if loss is not None:
            self.adjoints(loss)
        self.graph.function("pi")

    # --- what a meaning asks ------------------------------------------------------------------------------------------

    def convention(self, key: str) -> str:
        if key == "boundary" and self.strict:
            return "ask"
        return self.problem.conventions[key]

    def is_kronecker(self, name: str) -> bool:
        return self.convention("delta") == "Kronecker" and name not in self.problem.quantities

    def is_function(self, name: str) -> bool:
        return name in self.functions

    def is_family(self, name: str) -> bool:
        quantity = self.problem.quantities.get(name)
        return (
            name in self.families
            or name in self.defined_members
            or (quantity is not None and quantity.family != "")
            or (name in self.problem.vocabulary.families)
        )

    def indexed_alias(self, name: str, indices: int) -> tuple[tuple[str, ...], Tree] | None:
        return self._indexed.get((name, indices))

    def lookup(self, name: str) -> Shaped | None:
        """The array of a name: of the work, of the problem, a size, or what an alias stands for."""
        if name in self.defined:
            return self.defined[name]
        found = self.arrays.get(name)
        if found is not None:
            return found
        if name in self._aliases:
            if name in self._busy:
                raise Unjudged(f"the alias {name} stands for itself", "unread")
            self._busy.add(name)
            try:
                return self.meaning.value(self._aliases[name], {})
            finally:
                self._busy.discard(name)
        if name in self._equations or name in self.problem.quantities or name in self.problem.vocabulary.names:
            quantity = self.problem.quantities.get(name)
            is_size = name in self.sizes and name not in self._equations and name != self.problem.loss
            if is_size and (quantity is None or quantity.value is None):
                return scalar(self.graph.number(self.sizes[name]))
            if quantity is not None and quantity.kind in ("index", "function"):
                return None
            if self.is_family(name):
                raise Unjudged(f"{name} has one member for each {quantity.family if quantity else 'index'}; say which")
            if name == self.problem.loss and name not in self._equations:
                loss = self.loss_node()
                return None if loss is None else scalar(loss)
            return self.array(name)
        if name in self.sizes:
            return scalar(self.graph.number(self.sizes[name]))
        return None

    def member(self, name: str, index: int) -> Shaped | None:
        """A member of a family, or None where there is none."""
        if name in self.defined_members and index in self.defined_members[name]:
            return self.defined_members[name][index]
        family = self.families.get(name, {})
        if index in family:
            return family[index]
        size = f"{name}[{index}]"
        if size in self.sizes:
            return scalar(self.graph.number(self.sizes[size]))
        quantity = self.problem.quantities.get(name)
        if quantity is None and name not in self._equations:
            return None
        return self._make_member(name, index)

    def adjoints(self, node: Node) -> dict[Node, Node]:
        """The derivatives of a node by all below it; what a wrong row said of them is taken over."""
        found = self._adjoints.get(node)
        if found is None:
            found = self._adjoints[node] = adjoints(self.graph, node, self.given_adjoints)
        return found

    def loss_node(self) -> Node | None:
        """The loss: by its equation, or such that its derivatives are the upstream gradients or unknown partials."""
        problem = self.problem
        if self._loss is None and problem.loss is not None:
            if problem.loss in self._equations:
                self._loss = self.array(problem.loss).scalar
            else:
                self._loss = self.graph.named((problem.loss, "loss"), self.graph.linear(self._parts_of_loss()))
        elif self._loss is None and problem.upstream:
            self._loss = self.graph.named(("", "loss"), self.graph.linear(self._parts_of_loss()))
        return self._loss

    # --- what a work adds ---------------------------------------------------------------------------------------------

    def define(self, name: str, value: Shaped) -> None:
        """A new name of a work."""
        self.defined[name] = value
        self.meaning.forget()

    def believe(self, found: Mapping[Node, Node]) -> None:
        """Adjoints as a wrong row has them."""
        self.given_adjoints.update(found)
        self._adjoints.clear()
        self.meaning.forget()

    def adjoint_places(self, tree: Tree, env: Env) -> Sequence[Node] | None:
        """The nodes by which the loss is differentiated in a tree such as dL/dW, \bar v or an alias of it."""
        match tree:
            case t.Derivative(of=t.Name(text=name), by=by) if name == self.problem.loss:
                return self.derivatives.places(by, env).nodes
            case t.Call(function="overline", arguments=(body,)) if self.convention("overline") == "adjoint":
                return self.derivatives.places(body, env).nodes
            case t.Name(text=name) if name in self._aliases:
                return self.adjoint_places(self._aliases[name], env)
            case t.Subscript(array=name, indices=indices) if (name, len(indices)) in self._indexed:
                letters, body = self._indexed[name, len(indices)]
                at = [self.meaning.integer(index, env) for index in indices]
                return self.adjoint_places(body, dict(zip(letters, at, strict=True)))
            case t.Subscript(array=name, indices=indices) if name in self._aliases:
                alias = self._aliases[name]
                if isinstance(alias, t.Derivative):
                    value = self.derivatives.places(alias.by, {})
                    at = [self.meaning.integer(index, env) for index in indices]
                    return self.meaning.picked(value, at, name).nodes
        return None

    def forget(self, mark: int) -> None:
        """All nodes from `mark` on, and what a work defined."""
        self.defined.clear()
        self.defined_members.clear()
        self.given_adjoints.clear()
        self._adjoints = {
            node: found for node, found in self._adjoints.items() if node < mark and max(found.values()) < mark
        }
        self.meaning.forget()
        self.judge.release(mark)

    def _parts_of_loss(self) -> Iterator[tuple[int, Node]]:
        g = self.graph
        for name, tree in self.problem.upstream.items():
            members = self.families.get(name)
            values = [self.array(name)] if members is None else list(members.values())
            for value in values:
                weight = self.upstream(tree, value)
                yield from ((1, g.multiply(a, b)) for a, b in zip(weight.nodes, value.nodes, strict=True))
        if not self.problem.upstream:
            for name, value in self._unconsumed():
                partials = [g.input((f"d{self.problem.loss}/d{name}", *at)) for at in places(value.shape)]
                yield from ((1, g.multiply(a, b)) for a, b in zip(partials, value.nodes, strict=True))

    def upstream(self, tree: Tree, value: Shaped) -> Shaped:
        """The upstream gradient of an array: an array of its shape where nothing else is known of it."""
        if isinstance(tree, t.Name) and tree.text not in self.arrays and tree.text not in self._equations:
            quantity = self.problem.quantities.get(tree.text)
            if quantity is None or quantity.shape is None:
                nodes = [self.graph.input((tree.text, *at)) for at in places(value.shape)]
                self.arrays[tree.text] = Shaped(value.shape, nodes, value.row)
        found = self.meaning.value(tree, {})
        if found.rank == 0 and value.rank:
            return Shaped(value.shape, [found.scalar] * len(value.nodes), value.row)
        if found.shape != value.shape:
            raise ProgramError("an upstream gradient has another shape than what it belongs to")
        return found

    def _unconsumed(self) -> Iterator[tuple[str, Shaped]]:
        """What the equations work out and none of them reads: of a family, members one by one."""
        made: list[tuple[str, Shaped]] = []
        for name in self._equations:
            if name in self.functions:
                continue
            members = self.families.get(name)
            if members is None:
                made.append((name, self.array(name)))
            else:
                made += [(f"{name}[{index}]", members[index]) for index in sorted(members)]
        consumed: set[Node] = set()
        for _, value in made:
            for node in value.nodes:
                stack = list(self.graph.operands(node))
                while stack:
                    below = stack.pop()
                    if below not in consumed:
                        consumed.add(below)
                        stack.extend(() if self.graph.kinds[below] == NAMED else self.graph.operands(below))
        for name, value in made:
            if not consumed.intersection(value.nodes):
                yield name, value

    # --- ranges -------------------------------------------------------------------------------------------------------

    def axes(self, tree: t.Subscript, env: Env) -> tuple[range | None, ...] | None:
        name, indices = tree.array, tree.indices
        alias = self.indexed_alias(name, len(indices))
        if alias is not None:
            letters, body = alias
            ranges = found_ranges((body,), self, {}, {})
            return tuple(ranges.get(letter) for letter in letters)
        leading: tuple[range | None, ...] = ()
        if self.is_family(name):
            leading = (self.family_range(name),)
            if not indices:
                return leading
            try:
                value = self.member(name, self.meaning.integer(indices[0], env))
            except (Unjudged, ShapeClash):
                return leading  # which member is not known yet
            if value is None:
                raise OutsideFamily(name)
        else:
            try:
                value = self.lookup(name)
            except Unjudged:
                return None
            if value is None:
                return None
        first = self.index_from
        return (*leading, *(None if each is None else range(first, first + each) for each in value.shape))

    def family_range(self, name: str) -> range | None:
        quantity = self.problem.quantities.get(name)
        if quantity is not None and quantity.family:
            return self.domain_range(quantity.family)
        members = self.families.get(name) or self.defined_members.get(name)
        return range(min(members), max(members) + 1) if members else None

    def domain_range(self, index: str) -> range | None:
        """The values of a declared index."""
        quantity = self.problem.quantities.get(index)
        if quantity is None or not isinstance(quantity.domain, d.Range):
            return None
        first = self.meaning.integer(quantity.domain.first, {})
        return range(first, self.meaning.integer(quantity.domain.last, {}) + 1)

    def index_range(self, name: str, body: Tree) -> range | None:
        """What is known of an index apart from the axes at which it stands."""
        return self.domain_range(name)

    def shape_text(self, name: str) -> str:
        try:
            value = self.lookup(name)
        except Unjudged:
            value = None
        return name if value is None else f"{name} ({self.meaning.shapes.text(value)})"

    def size_text(self, size: int) -> str:
        names = [name for name, value in self.sizes.items() if value == size]
        return f"{names[0]} = {size}" if names else str(size)

    # --- arrays -------------------------------------------------------------------------------------------------------

    def array(self, name: str) -> Shaped:
        """An array that the problem names, made when it is first asked for."""
        if name in self.arrays:
            return self.arrays[name]
        if name in self._busy:
            raise ProgramError(f"{name} needs itself", name)
        if name not in self._equations:
            self.arrays[name] = self._input(name, self.problem.quantities.get(name), (name,))
            return self.arrays[name]
        self._busy.add(name)
        try:
            if self.is_family(name):
                for index in self.family_range(name) or range(0):
                    self.member(name, index)
                return self.families.get(name, {}).get(0) or Shaped((0,), ())
            self.arrays[name] = self._computed(name, self._equations[name][-1], (name,), {})
        finally:
            self._busy.discard(name)
        return self.arrays[name]

    def _make_member(self, name: str, index: int) -> Shaped | None:
        key = f"{name}[{index}]"
        if key in self._busy:
            raise ProgramError(f"{name} needs itself at {index}", name)
        quantity = self.problem.quantities.get(name)
        span = self.family_range(name)
        if (
            name not in self._equations
            and span is not None
            and index not in span
            and not self._reached(name, index, span)
        ):
            return None
        self._busy.add(key)
        try:
            made: Shaped | None = None
            for statement in self._equations.get(name, ()):
                head = statement.head
                if not isinstance(head, t.Subscript):
                    continue
                if isinstance(head.indices[0], t.Name):
                    letter = head.indices[0].text
                    inside = span is None or index in span
                    if inside and all(self.meaning.holds(each, {letter: index}) for each in statement.conditions):
                        try:
                            made = self._computed(name, statement, (name, index), {letter: index})
                        except OutsideFamily:
                            continue
                elif self.meaning.integer(head.indices[0], {}) == index:
                    made = self._computed(name, statement, (name, index), {})
                    break
            if made is None:
                if name in self._equations and span is not None and not (span.start - 1 <= index < span.start):
                    return None  # only a start value may be given from outside
                made = self._input(name, quantity, (name, index))
            self.families.setdefault(name, {})[index] = made
            return made
        finally:
            self._busy.discard(key)

    def _reached(self, name: str, index: int, span: range) -> bool:
        """Whether an input family has a member just before its range, as a start value or the input of layer 1."""
        return index == span.start - 1 and name in self._started()

    def _started(self) -> frozenset[str]:
        """Families that an equation reads at an earlier index."""
        return frozenset(
            node.array
            for statement in self.problem.equations
            for node in t.walk(statement.links[0].tree)
            if isinstance(node, t.Subscript) and node.indices and isinstance(node.indices[0], t.Sum)
        )

    def _computed(self, name: str, statement: Statement, key: tuple[object, ...], env: Env) -> Shaped:
        """An equation's right side as named nodes."""
        right = statement.links[0].tree
        head = statement.head
        letters: list[str] = []
        if isinstance(head, t.Subscript):
            letters = [_letter(index) for index in head.indices if isinstance(index, t.Name) and index.text not in env]
        if not letters:
            value = self._evaluated(right, env, name)
            shape, nodes, row = value.shape, list(value.nodes), value.row
            declared = self._declared_shape(name, env, key)
            if declared is not None and tuple(declared.shape) != tuple(shape):
                if None in shape or not shape:
                    value = self.meaning.shapes.together(
                        Shaped(declared.shape, [self.graph.zero] * prod(e or 1 for e in declared.shape), declared.row),
                        value, self.graph.add, "set equal",
                    )  # fmt: skip
                    shape, nodes, row = value.shape, list(value.nodes), value.row
                else:
                    told = self.meaning.shapes.text(declared)
                    raise ProgramError(
                        f"{name} is declared as {told}, and its equation gives {self._shape(value)}", name
                    )
            elif declared is not None:
                row = declared.row
        else:
            spans = self._letters(name, head, right, letters, env, key)
            shape = tuple(len(spans[letter]) for letter in letters)
            nodes = []
            for place in combinations(*(spans[letter] for letter in letters)):
                inner = {**env, **dict(zip(letters, place, strict=True))}
                nodes.append(self.meaning.node(right, inner))
            row = len(shape) == 1 and self.convention("vectors") == "row"
        named = [
            self.graph.named((*key, *place), node) for place, node in zip(places(tuple(shape)), nodes, strict=True)
        ]
        return Shaped(tuple(shape), named, row)

    def _evaluated(self, tree: Tree, env: Env, name: str) -> Shaped:
        try:
            return self.meaning.value(tree, env)
        except ShapeClash as clash:
            raise ProgramError(f"the equation of {name}: {clash}", name) from None
        except Unjudged as reason:
            raise ProgramError(f"the equation of {name}: {reason}", name) from None

    def _shape(self, value: Shaped) -> str:
        return self.meaning.shapes.text(value)

    def _declared_shape(self, name: str, env: Env, key: tuple[object, ...]) -> Shaped | None:
        quantity = self.problem.quantities.get(name)
        if quantity is None or quantity.shape is None:
            return None
        shape, row = self.extents(quantity, key[1] if len(key) > 1 else None)
        return Shaped(shape, (), row)

    def _letters(
        self, name: str, head: Tree | None, right: Tree, letters: Sequence[str], env: Env, key: tuple[object, ...]
    ) -> dict[str, range]:
        """How far the indices of an equation's left side run."""
        declared = self._declared_shape(name, env, key)
        first = self.index_from
        found: dict[str, range] = {}
        if declared is not None:
            if len(declared.shape) != len(letters):
                told = self.meaning.shapes.text(declared)
                raise ProgramError(f"{name} is declared as {told}, and its equation has {len(letters)} indices", name)
            for letter, extent in zip(letters, declared.shape, strict=True):
                found[letter] = range(first, first + (extent or 1))
        try:
            for letter, span in found_ranges((right,), self, env, found).items():
                found.setdefault(letter, span)
        except ShapeClash as clash:
            raise ProgramError(f"the equation of {name}: {clash}", name) from None
        for letter in letters:
            if letter not in found:
                largest = self.domain_range(letter) or self._largest(letter, right, {**env}, found)
                if largest is None:
                    raise ProgramError(
                        f"how far {letter} runs in the equation of {name} is not clear; declare {name}", name
                    )
                found[letter] = largest
        return found

    def _largest(self, letter: str, right: Tree, env: Env, known: Mapping[str, range]) -> range | None:
        """The longest range of an index for which every read at a sum of indices is inside."""
        first = self.index_from
        best: int | None = None
        for read, around in _reads(right):
            spans = self.axes(read, env)
            for place, index in enumerate(read.indices):
                names = [name for name, _ in index_names(index)]
                if letter not in names or isinstance(index, t.Name) or spans is None or place >= len(spans):
                    continue
                span = spans[place]
                others = {}
                for other in names:
                    given = self.problem.quantities.get(other)
                    if other == letter or other in env or other in self.sizes or (given and given.value is not None):
                        continue
                    inner = (
                        known.get(other)
                        or next(
                            (
                                found_ranges((node.body,), self, env, {}).get(other)
                                for node in around
                                if other in node.bound
                            ),
                            None,
                        )
                        or self.domain_range(other)
                    )
                    if inner is None or not len(inner):
                        break
                    others[other] = (inner[0], inner[-1])
                else:
                    if span is None:
                        continue
                    count = 0
                    while count < 64 and all(
                        self.meaning.integer(
                            index, {**env, letter: first + count, **dict(zip(others, ends, strict=True))}
                        )
                        in span
                        for ends in combinations(*others.values())
                    ):
                        count += 1
                    best = count if best is None else min(best, count)
        return None if not best else range(first, first + best)

    # --- inputs -------------------------------------------------------------------------------------------------------

    def extents(self, quantity: Quantity, member: object = None) -> tuple[tuple[int, ...], bool]:
        """The shape of a quantity, a column or row of matrices as a vector; and whether it is a row."""
        env = {quantity.family: member} if quantity.family and isinstance(member, int) else {}
        shape = tuple(self.extent(extent, env) for extent in quantity.shape or ())
        if min(shape, default=1) < 1:
            raise Unjudged(f"{quantity.name} would be empty at these sizes")
        row = len(shape) == 1 and self.convention("vectors") == "row"
        if len(shape) == 2 and quantity.shape is not None and 1 in quantity.shape:
            if shape == (1, 1):
                return (), False
            return ((shape[1],), True) if quantity.shape[0] == 1 else ((shape[0],), False)
        return shape, row

    def extent(self, extent: int | str, env: Env) -> int:
        if isinstance(extent, int):
            return extent
        if extent in self.sizes:
            return self.sizes[extent]
        return self.meaning.integer(extent_tree(extent), env)

    def _input(self, name: str, quantity: Quantity | None, key: tuple[object, ...]) -> Shaped:
        """An array of free scalars, or of what its domain or value says."""
        member = key[1] if len(key) > 1 else None
        if quantity is None:
            quantity = Quantity(name, name, self._guessed_shape(name))
        shape, row = self.extents(quantity, member)
        if quantity.shape is None:
            shape = tuple(self.sizes[size] for size in self._guessed_shape(name) if isinstance(size, str))
        if quantity.value is not None:
            return Shaped(shape, [self._exact(each) for each in _flat(quantity.value)], row)
        if self.numbers and name in self.problem.values:
            given = [self._exact(each) for each in _flat(self.problem.values[name])]
            named = [self.graph.named((*key, *at), node) for at, node in zip(places(shape), given, strict=True)]
            return Shaped(shape, named, row)  # numbers, by which may be differentiated
        return Shaped(shape, self._drawn(quantity, shape, key), row)

    def _guessed_shape(self, name: str) -> tuple[str | int, ...]:
        rank = self.problem.vocabulary.names.get(name) or 0
        return tuple(f"n_{name}{axis + 1}" for axis in range(rank))

    def _exact(self, value: Exact) -> Node:
        if isinstance(value, Fraction):
            return self.graph.number(value)
        assert not isinstance(value, tuple)
        return self.meaning.node(value, {})

    def _drawn(self, quantity: Quantity, shape: tuple[int, ...], key: tuple[object, ...]) -> list[Node]:
        """Free scalars, or numbers where the domain is a finite set."""
        g = self.graph
        domain = quantity.domain or d.REAL
        all_places = list(places(shape))
        point = self.judge.point(0)

        def pick(count: int, *where: object) -> int:
            return point.random("choice", quantity.name, *where) % count

        word = domain.word if isinstance(domain, d.Plain) else ""
        if quantity.kind == "integer" or word == "integer":
            return [g.number(2 + pick(4, place)) for place in all_places]
        match domain:
            case d.Values(numbers=numbers):
                return [g.number(numbers[pick(len(numbers), place)]) for place in all_places]
            case d.Range(first=first, last=last):
                low, high = self.meaning.integer(first, {}), self.meaning.integer(last, {})
                return [g.number(low + pick(high - low + 1, place)) for place in all_places]
            case d.Classes(count=count):
                classes = self.meaning.integer(count, {})
                start = pick(classes)
                return [g.number(self.index_from + (start + k) % classes) for k in range(len(all_places))]
            case d.Interval(lower=lower, upper=upper):
                self.ranges[str(key[0])] = Range(lower, upper)
                sign = None if lower is None or lower < 0 else 0 if lower == 0 and not domain.open_lower else 1
                return [g.input((*key, *place), sign) for place in all_places]
        if word == "one-hot":
            last_extent = shape[-1]
            start = pick(last_extent)
            rows = {place[:-1]: k for k, place in enumerate(p for p in all_places if p[-1] == 0)}
            return [g.number(int(place[-1] == (start + rows[place[:-1]]) % last_extent)) for place in all_places]
        sign = {"positive": 1, "simplex": 1, "nonnegative": 0}.get(word)
        nodes = {place: g.input((*key, *place), sign) for place in all_places}
        if word == "symmetric":
            return [nodes[(*place[:-2], *sorted(place[-2:]))] for place in all_places]
        if word == "simplex":
            self.ranges[str(key[0])] = Range(Fraction(0), Fraction(1, shape[-1]))
            for place in all_places:
                if place[-1] == shape[-1] - 1:
                    others = [(-1, nodes[(*place[:-1], k)]) for k in range(shape[-1] - 1)]
                    nodes[place] = g.linear([(1, g.one), *others])
        if word == "nonnegative":
            self.ranges[str(key[0])] = Range(Fraction(0))
        return [nodes[place] for place in all_places]

    # --- functions ----------------------------------------------------------------------------------------------------

    def applied(self, tree: t.Call, arguments: Sequence[Shaped], env: Env) -> Shaped:
        """A declared function of arrays, entry by entry, differentiated as often as `tree.orders` says."""
        definition = self.functions[tree.function]
        arguments, orders = self._arguments(tree, arguments, env)
        at = self._parameters(tree, env)
        if definition is not None and self._takes_arrays(definition):
            return self._inlined(tree.function, definition, at, arguments, orders)
        shapes = {argument.shape for argument in arguments if argument.rank}
        if len(shapes) > 1:
            raise ShapeClash(f"the arguments of {tree.function} have different shapes")
        model = next((argument for argument in arguments if argument.rank), scalar(self.graph.zero))
        count = len(model.nodes)
        columns = [argument.nodes if argument.rank else [argument.scalar] * count for argument in arguments]
        nodes = []
        for operands in zip(*columns, strict=True):
            if definition is None:
                name = f"{tree.function}{list(at)}" if at else tree.function
                nodes.append(self.graph.function(opaque_name(name, orders), *operands))
            else:
                inlined = self._inlined(tree.function, definition, at, [scalar(each) for each in operands], orders)
                nodes.append(inlined.scalar)
        return Shaped(model.shape, nodes, model.row)

    def _arguments(
        self, tree: t.Call, arguments: Sequence[Shaped], env: Env
    ) -> tuple[Sequence[Shaped], tuple[int, ...]]:
        """All arguments of a call, and how often it is differentiated by each.

        A prime says not by which: it is by the only argument that the problem works out, e'(y, yhat) by yhat. Arguments
        that are left out, e'(yhat), are those of the equation.
        """
        definition = self.functions[tree.function]
        orders = tuple(tree.orders)
        primes = sum(orders)
        given = list(arguments)
        slots = list(range(len(given)))
        if definition is not None and len(given) < len(definition.arguments):
            at = dict(zip(definition.indices, self._parameters(tree, env), strict=False))
            formal = [self.meaning.value(argument, at) for argument in definition.arguments]
            slots = []
            for argument in given:
                slots += [k for k, each in enumerate(formal) if each.nodes == argument.nodes and k not in slots][:1]
            if len(slots) != len(given):
                raise Unjudged(f"{tree.function} takes {len(formal)} arguments, and has {len(given)}")
            given = formal
        if primes and len(orders) < len(given):
            if len(slots) != 1 and len(given) > 1:
                worked = [k for k in slots if all(self.graph.kinds[node] == NAMED for node in given[k].nodes)]
                if len(worked) != 1:
                    raise Unjudged(f"by which argument {tree.function} is differentiated is not clear", "ambiguous")
                slots = worked
            return given, tuple(primes if k == slots[0] else 0 for k in range(len(given)))
        return given, (*orders, *(0,) * (len(given) - len(orders)))

    def _parameters(self, tree: t.Call, env: Env) -> tuple[int, ...]:
        """The indices of a function's name: as many as it has in the equations, the layer that of the argument."""
        at = tuple(self.meaning.integer(index, env) for index in tree.parameters)
        count = self._counts.get(tree.function, len(at))
        if len(at) < count == 1:
            for argument in tree.arguments:
                for node in t.walk(argument):
                    if isinstance(node, t.Subscript) and node.indices and self.is_family(node.array):
                        return (self.meaning.integer(node.indices[0], env),)
        if len(at) < count:
            raise Unjudged(f"{tree.function} has an index in the problem; say which is meant", "ambiguous")
        return at[:count]

    def _takes_arrays(self, definition: Definition) -> bool:
        """Whether an argument of an equation's function is declared as an array: such a function is of whole arrays."""
        for argument in definition.arguments:
            quantity = self.problem.quantities.get(argument.text) if isinstance(argument, t.Name) else None
            if quantity is not None and quantity.shape:
                return True
        return False

    def _inlined(
        self, name: str, definition: Definition, at: Sequence[int], operands: Sequence[Shaped], orders: Sequence[int]
    ) -> Shaped:
        """A function by its equation, differentiated by its arguments as often as `orders` says."""
        g = self.graph
        if len(operands) != len(definition.arguments):
            raise Unjudged(f"{name} takes {len(definition.arguments)} arguments, and has {len(operands)}")
        if len(at) != len(definition.indices):
            raise Unjudged(f"{name} has {len(definition.indices)} indices in its equation, and {len(at)} here")
        slots = [
            Shaped(each.shape, [g.named((name, *at, k, node), node) for node in each.nodes], each.row)
            for k, each in enumerate(operands)
        ]
        formal: dict[Tree, Tree] = {
            argument: t.Name(f"{name} argument {k}") for k, argument in enumerate(definition.arguments)
        }
        before = dict(self.defined)
        body = t.transformed(definition.body, lambda node: formal.get(node, node))
        try:
            self.defined.update({f"{name} argument {k}": slot for k, slot in enumerate(slots)})
            value = Meaning(self).value(body, dict(zip(definition.indices, at, strict=True)))
        finally:
            self.defined = before
        for slot, order in zip(slots, orders, strict=True):
            for _ in range(order):
                rows = [adjoints(g, node) for node in value.nodes]
                found = Jacobian(value, slot, [[row.get(each, g.zero) for each in slot.nodes] for row in rows])
                value = self.derivatives.laid_out(found)
        return value


def _letter(tree: Tree) -> str:
    return tree.text if isinstance(tree, t.Name) else ""


def _flat(value: Exact) -> Iterator[Exact]:
    if isinstance(value, tuple):
        for part in value:
            yield from _flat(part)
    else:
        yield value


def _reads(tree: Tree) -> Iterator[tuple[t.Subscript, tuple[t.Reduction, ...]]]:
    """Every subscript with the reductions around it."""
    stack: list[tuple[Tree, tuple[t.Reduction, ...]]] = [(tree, ())]
    while stack:
        node, around = stack.pop()
        if isinstance(node, t.Subscript):
            yield node, around
        inner = (*around, node) if isinstance(node, t.Reduction) else around
        stack.extend((child, inner) for child in t.children(node))


def names_of(trees: Iterable[Tree]) -> frozenset[str]:
    return frozenset(name for tree in trees for name in t.names_in(tree))
