"""A problem at concrete sizes: every array of its equations as nodes of one graph, and their derivatives.

The forward equations are written out in order of their needs. A loss without an equation is an unknown function of the
quantities that no equation consumes: its partials by them are inputs of their own. An upstream gradient dL/dY = H is
the same with H in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import product as combinations

import numpy as np
import numpy.typing as npt

from derive import tree as t
from derive.errors import ProgramError
from derive.reading.latex.rows import Statement
from derive.tree import Tree
from derive.verification import domains as d
from derive.verification.applied import Applied, Definition
from derive.verification.deciding import Judge
from derive.verification.derivatives import Derivatives
from derive.verification.differentiating import adjoints
from derive.verification.equations import Equations
from derive.verification.graph import Graph, Node
from derive.verification.inputs import Inputs
from derive.verification.losses import Loss
from derive.verification.meaning import Meaning
from derive.verification.points import Range
from derive.verification.problem_checks import defined
from derive.verification.problems import Problem
from derive.verification.ranges import found_ranges
from derive.verification.shaped import Env, OutsideFamily, ShapeClash, Shaped, Unjudged, scalar
from derive.verification.slopes import Slopes
from derive.verification.tables import Doubled, Residual

NodeArray = npt.NDArray[np.int64]

#: So many members before the first may be start values of a recursion.
STARTS = 3


class Model:
    """sizes : extents by name, `n` or `n[2]`.  numbers : inputs have the problem's [values].

    turn : which of their finitely many values integers and classes have; one-hot vectors are distributions without it.
    strict : no equation may read outside an array, whatever the boundary convention says; sizes are chosen by it.
    graph : what the scalars are written to, a new Graph if not given.
    """

    def __init__(
        self,
        problem: Problem,
        sizes: Mapping[str, int],
        seed: int = 0,
        numbers: bool = False,
        strict: bool = False,
        turn: int | None = None,
        graph: Graph | None = None,
    ) -> None:
        self.problem = problem
        self.sizes = dict(sizes)
        self.seed = seed
        self.numbers = numbers
        self.strict = strict
        self.turn, self.is_hot = turn or 0, turn is not None
        self.graph = Graph() if graph is None else graph
        self.ranges: dict[str, Range] = {}
        self.judge = Judge(self.graph, self.ranges, seed)
        self.index_from = int(problem.conventions.get("index_from", "0"))
        self.arrays: dict[str, Shaped] = {}
        self.families: dict[str, dict[int, Shaped]] = {}
        self.functions: dict[str, Definition | None] = {}
        self.defined: dict[str, Shaped] = {}
        self.dummies: dict[str, Shaped] = {}
        self.defined_members: dict[str, dict[int, Shaped]] = {}
        self.meaning = Meaning(self)
        self.derivatives = Derivatives(self)
        self.given_adjoints: dict[Node, Node] = {}
        self.given_partials: dict[Node, dict[Node, Node]] = {}
        self._adjoints: dict[Node, dict[Node, Node]] = {}
        self._aliases = {left.text: right for left, right in problem.aliases if isinstance(left, t.Name)}
        self._indexed = {
            (left.array, len(left.indices)): (tuple(_letter(index) for index in left.indices), right)
            for left, right in problem.aliases
            if isinstance(left, t.Subscript)
        }
        self._busy: set[str] = set()
        self.inputs, self._worked_out, self._loss = Inputs(self), Equations(self), Loss(self)
        self.equations: dict[str, list[Statement]] = {}
        for statement in problem.equations:
            name = defined(statement)
            assert name is not None
            if isinstance(statement.head, t.Call):
                indices = tuple(_letter(index) for index in statement.head.parameters)
                self.functions[name] = Definition(indices, statement.head.arguments, statement.links[0].tree)
            else:  # which may share its letter with a function, a_i = a(z_i)
                self.equations.setdefault(name, []).append(statement)
        for name, quantity in problem.quantities.items():
            if quantity.kind == "function":
                self.functions.setdefault(name, None)
        for name in problem.vocabulary.functions:
            self.functions.setdefault(name, None)
        counts = {
            node.function: len(node.parameters)
            for statement in problem.equations
            for side in (statement.head, statement.links[0].tree)
            if side is not None
            for node in t.walk(side)
            if isinstance(node, t.Call) and node.function in self.functions
        }
        self._applied = Applied(self, counts)
        for name in self.equations:
            self.array(name)
        self.strict = False
        self._complete()
        self.base = len(self.graph)
        self.slopes = Slopes(self)
        self.is_brief = False  # made for a few rows, which tables of residues would not repay
        self._node_arrays: dict[int, tuple[Shaped, NodeArray]] = {}

    def node_array(self, value: Shaped) -> NodeArray:
        """The nodes of an array of the problem or the work, along its axes."""
        found = self._node_arrays.get(id(value))
        if found is None:
            nodes = np.array(value.nodes, dtype=np.int64).reshape([extent or 1 for extent in value.shape])
            if nodes.size and nodes.max() >= self.base:
                return nodes
            found = self._node_arrays[id(value)] = (value, nodes)  # with the array, so that no other gets its id
        return found[1]

    @cached_property
    def residual(self) -> Residual:
        """Arrays of residues of nodes."""
        return Residual(self.judge, self.base)

    @cached_property
    def doubled(self) -> Doubled:
        """Arrays of doubles of nodes, at the first point."""
        return Doubled(self.judge)

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

    @property
    def indexed_aliases(self) -> Iterable[tuple[str, int]]:
        """The names of indexed aliases, each with its number of indices."""
        return self._indexed

    def indexed_alias(self, name: str, indices: int) -> tuple[tuple[str, ...], Tree] | None:
        return self._indexed.get((name, indices))

    def spelling_of(self, name: str) -> Tree | None:
        """What an alias without indices stands for."""
        return self._aliases.get(name)

    def lookup(self, name: str) -> Shaped | None:
        """The array of a name: of the work, of the problem, a size, or what an alias stands for."""
        if name in self.defined:
            return self.defined[name]
        if name in self.dummies:
            return self.dummies[name]
        if name == "LOSS" and self.problem.loss is None:
            loss = self.loss_node()
            return None if loss is None else scalar(loss)
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
        if (alias := next((key for key in self._indexed if key[0] == name), None)) is not None:
            return self._whole_alias(*self._indexed[alias])
        if name in self.equations or name in self.problem.quantities or name in self.problem.vocabulary.names:
            quantity = self.problem.quantities.get(name)
            is_size = name in self.sizes and name not in self.equations and name != self.problem.loss
            if is_size and (quantity is None or quantity.value is None):
                return scalar(self.graph.number(self.sizes[name]))
            if quantity is not None and quantity.kind in ("index", "function") and name not in self.equations:
                return None
            if self.is_family(name):
                raise Unjudged(f"{name} has one member for each {quantity.family if quantity else 'index'}; say which")
            if name in self.functions and name not in self.equations:
                return None
            if name == self.problem.loss and name not in self.equations:
                loss = self.loss_node()
                return None if loss is None else scalar(loss)
            return self.array(name)
        if name in self.sizes:
            return scalar(self.graph.number(self.sizes[name]))
        return None

    def _whole_alias(self, letters: tuple[str, ...], body: Tree) -> Shaped | None:
        """The array that an indexed alias stands for at all of its indices."""
        try:
            spans = found_ranges((body,), self, {}, {})
        except (OutsideFamily, ShapeClash):
            return None
        if any(letter not in spans or self.domain_range(letter) is not None for letter in letters):
            return None
        nodes = [
            self.meaning.node(body, dict(zip(letters, at, strict=True)))
            for at in combinations(*(spans[letter] for letter in letters))
        ]
        return Shaped(tuple(len(spans[letter]) for letter in letters), nodes)

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
        if quantity is None and name not in self.equations:
            return None
        return self._make_member(name, index)

    def adjoints(self, node: Node) -> dict[Node, Node]:
        """The derivatives of a node by all below it; what a wrong row said of them is taken over."""
        found = self._adjoints.get(node)
        if found is None:
            found = self._adjoints[node] = adjoints(self.graph, node, self.given_adjoints, local=self.given_partials)
        return found

    def loss_node(self) -> Node | None:
        """What is differentiated, or None where the problem names no loss."""
        return self._loss.node()

    def applied(self, tree: t.Call, arguments: Sequence[Shaped], env: Env) -> Shaped:
        """A declared function of arrays, entry by entry, differentiated as often as `tree.orders` says."""
        return self._applied.applied(tree, arguments, env)

    # --- what a work adds ---------------------------------------------------------------------------------------------

    def define(self, name: str, value: Shaped) -> None:
        """A new name of a work."""
        self.defined[name] = value
        self.meaning.forget()

    def undefine(self, name: str) -> None:
        """Forget a new name that has no value."""
        del self.defined[name]
        self.meaning.forget()

    def believe(self, found: Mapping[Node, Node]) -> None:
        """Adjoints as a wrong row has them."""
        self.given_adjoints.update(found)
        self._adjoints.clear()
        self.meaning.forget()

    def believe_partial(self, of: Node, found: Mapping[Node, Node]) -> None:
        """Local partials of one named node as a wrong row has them."""
        self.given_partials.setdefault(of, {}).update(found)
        self._adjoints.clear()
        self.meaning.forget()

    def adjoint_places(self, tree: Tree, env: Env) -> Sequence[Node] | None:
        """The nodes by which the loss is differentiated in a tree such as dL/dW, \bar v or an alias of it."""
        match tree:
            case t.Derivative(of=t.Name(text=name), by=by) if name == (self.problem.loss or "LOSS"):
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

    def forget_work(self) -> None:
        """What a work defined; its nodes stay."""
        self.defined.clear()
        self.dummies.clear()
        self.defined_members.clear()
        self.given_adjoints.clear()
        self.given_partials.clear()
        self.meaning.forget()

    def forget(self, mark: int) -> None:
        """All nodes from `mark` on, and what a work defined."""
        self.forget_work()
        self.arrays = {name: value for name, value in self.arrays.items() if max(value.nodes, default=0) < mark}
        self.families = {
            name: {index: value for index, value in members.items() if max(value.nodes, default=0) < mark}
            for name, members in self.families.items()
        }
        self._adjoints = {
            node: found for node, found in self._adjoints.items() if node < mark and max(found.values()) < mark
        }
        self.arrays = {name: made for name, made in self.arrays.items() if max(made.nodes, default=0) < mark}
        for name, members in self.families.items():  # such as z_0, which only a row asks for
            self.families[name] = {k: made for k, made in members.items() if max(made.nodes, default=0) < mark}
        self.meaning.forget()
        self.judge.release(mark)

    # --- ranges -------------------------------------------------------------------------------------------------------

    def axes(self, tree: t.Subscript, env: Env) -> tuple[range | None, ...] | None:
        name, indices = tree.array, tree.indices
        alias = self.indexed_alias(name, len(indices))
        if alias is not None:
            letters, body = alias
            ranges = found_ranges((body,), self, self._known(letters, indices, env), {})
            return tuple(ranges.get(letter) for letter in letters)
        if tree.layer and any(name == array and count > len(indices) for array, count in self._indexed):
            return (None,) * len(indices)  # all of a layer, delta^{[l]}: the domain of the index tells
        leading: tuple[range | None, ...] = ()
        if self.is_family(name):
            leader = indices[0] if indices else None
            counted = isinstance(leader, t.Name) and self.domain_range(leader.text) is not None
            # the members that a row defines may go one further than the index itself
            leading = (None if counted and name in self.defined_members else self.family_range(name),)
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

    def _known(self, letters: Sequence[str], indices: Sequence[Tree], env: Mapping[str, int]) -> dict[str, int]:
        """The letters of an alias that have a value: which layer tells how many units there are."""
        found: dict[str, int] = {}
        for letter, index in zip(letters, indices, strict=True):
            try:
                found[letter] = self.meaning.integer(index, env)
            except Unjudged:
                continue
        return found

    def axes_of(self, tree: Tree, env: Mapping[str, int]) -> tuple[range | None, ...] | None:
        """The ranges of the indices of a formula in brackets, [A B]_ij."""
        try:
            value = self.meaning.value(tree, env)
        except (Unjudged, ShapeClash, OutsideFamily):
            return None
        first = self.index_from
        return tuple(None if each is None else range(first, first + each) for each in value.shape)

    def family_range(self, name: str) -> range | None:
        quantity = self.problem.quantities.get(name)
        if quantity is not None and quantity.family:
            return self.domain_range(quantity.family)
        for statement in self.equations.get(name, ()):
            head = statement.head
            if isinstance(head, t.Subscript) and isinstance(head.indices[0], t.Name):
                span = self.domain_range(head.indices[0].text)
                if span is not None:
                    return span
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
        if name not in self.equations:
            self.arrays[name] = self.inputs.array(name, self.problem.quantities.get(name), (name,))
            return self.arrays[name]
        self._busy.add(name)
        try:
            if self.is_family(name):
                for index in self.family_range(name) or range(0):
                    self.member(name, index)
                return self.families.get(name, {}).get(0) or Shaped((0,), ())
            self.arrays[name] = self._worked_out.array(name, self.equations[name][-1], (name,), {})
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
            name not in self.equations
            and span is not None
            and index not in span
            and not self._reached(name, index, span)
        ):
            return None
        self._busy.add(key)
        try:
            made: Shaped | None = None
            for statement in self.equations.get(name, ()):
                head = statement.head
                if not isinstance(head, t.Subscript):
                    continue
                if isinstance(head.indices[0], t.Name):
                    letter = head.indices[0].text
                    inside = span is None or index in span
                    if inside and all(self.meaning.holds(each, {letter: index}) for each in statement.conditions):
                        try:
                            made = self._worked_out.array(name, statement, (name, index), {letter: index})
                        except OutsideFamily:
                            continue
                elif self.meaning.integer(head.indices[0], {}) == index:
                    made = self._worked_out.array(name, statement, (name, index), {})
                    break
            if made is None:
                early = span is None or (span.start - STARTS <= index < span.start and name in self._started())
                if name in self.equations and not early:
                    return None  # only start values may be given from outside, and where an equation reads them
                made = self.inputs.array(name, quantity, (name, index))
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


def _letter(tree: Tree) -> str:
    return tree.text if isinstance(tree, t.Name) else ""
