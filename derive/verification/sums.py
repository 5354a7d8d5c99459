"""Sums and other reductions, index by index; what a Kronecker delta or another condition excludes is left at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product as combinations
from typing import TYPE_CHECKING

from derive import tree as t
from derive.tree import Tree
from derive.verification.ranges import inner_ranges
from derive.verification.shaped import Capture, Env, OutsideFamily, ShapeClash, Shaped, Unjudged, scalar

if TYPE_CHECKING:
    from derive.verification.meaning import Meaning


class Sums:
    """The reductions of one meaning."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self._plans: dict[int, tuple[list[str], list[list[Tree]]]] = {}
        self._fixed: dict[int, bool] = {}
        self._known_spans: dict[int, list[range]] = {}
        self._alive: list[Tree] = []
        self.free: frozenset[str] = frozenset()

    def forget(self) -> None:
        self._plans.clear()
        self._fixed.clear()
        self._known_spans.clear()
        self._alive.clear()

    def value(self, tree: t.Reduction, env: Env) -> Shaped:
        if tree.operator == "sum" and not isinstance(tree.body, t.Reduction):
            return self._summed((tree,), env)
        if tree.operator == "sum":
            sums: list[t.Reduction] = [tree]
            while isinstance(sums[-1].body, t.Reduction) and sums[-1].body.operator == "sum":
                sums.append(sums[-1].body)
            return self._summed(sums, env)
        self._check_new(tree, env)
        if tree.operator in ("argmax", "argmin"):
            return scalar(self.meaning.graph.number(self._winner(tree, env)))
        values: list[Shaped] = []
        for place in combinations(*self._spans(tree, env)):
            try:
                values.append(self.meaning.value(tree.body, {**env, **dict(zip(tree.bound, place, strict=True))}))
            except OutsideFamily:
                if self.meaning.model.convention("boundary") != "interior":
                    raise
        g = self.meaning.graph
        if not values:
            return scalar(g.one if tree.operator == "prod" else g.zero)
        if tree.operator == "mean":
            total = self.meaning.shapes.added([(1, value) for value in values])
            return self.meaning.shapes.mapped(total, lambda node: g.linear(((Fraction(1, len(values)), node),)))
        answer = values[0]
        for value in values[1:]:
            if tree.operator == "prod":
                answer = self.meaning.shapes.times(answer, value)
            else:
                answer = self.meaning.shapes.together(
                    answer, value, lambda a, b: g.call(tree.operator, a, b), "compared"
                )
        return answer

    def _winner(self, tree: t.Reduction, env: Env) -> int:
        """The index of the largest or smallest value, where all of them are numbers and one is beyond the others."""
        if len(tree.bound) != 1:
            raise Unjudged(f"{tree.operator} is read with one index")
        sign = 1 if tree.operator == "argmax" else -1
        found: dict[int, Fraction] = {}
        for at in self._spans(tree, env)[0]:
            value = self.meaning.graph.value(self.meaning.node(tree.body, {**env, tree.bound[0]: at}))
            if value is None:
                raise Unjudged(f"which index {tree.operator} names depends on values that are free here")
            found[at] = sign * Fraction(value)
        first = [at for at, value in found.items() if value == max(found.values())]
        if len(first) != 1:
            raise Unjudged(f"{tree.operator} has a tie here", "undefined")
        return first[0]

    def _check_new(self, tree: t.Reduction, env: Env) -> None:
        for place, name in enumerate(tree.bound):
            if name in self.free:
                raise Capture(f"the sum binds {name}, which is an index of the left side: rename the index of the sum")
            if name in env or name in tree.bound[:place]:
                raise Unjudged(f"the index {name} is bound already; rename one of them", "unread")

    def _summed(self, sums: Sequence[t.Reduction], env: Env) -> Shaped:
        """Sums inside each other as one, index by index; what a condition excludes is left at once."""
        inner = dict(env)
        if len(sums) > 1 and any(self._depends(tree, {name for each in sums for name in each.bound}) for tree in sums):
            return self._nested(sums[0], env)
        spans: dict[str, range] = {}
        for tree in sums:
            self._check_new(tree, {**env, **dict.fromkeys(spans, 0)})
            spans.update(zip(tree.bound, self._spans(tree, inner), strict=True))
        body = sums[-1].body
        values: list[Shaped] = []
        order, tests = self._plan(tuple(spans), body)

        def visit(depth: int) -> None:
            if depth == len(order):
                try:
                    values.append(self.meaning.value(body, inner))
                except OutsideFamily:
                    if self.meaning.model.convention("boundary") != "interior":
                        raise
                return
            name = order[depth]
            for at in spans[name]:
                inner[name] = at
                if all(self._may_hold(test, inner) for test in tests[depth]):
                    visit(depth + 1)
            inner.pop(name, None)

        visit(0)
        if not values:
            return scalar(self.meaning.graph.zero)
        return values[0] if len(values) == 1 else self.meaning.shapes.added([(1, value) for value in values])

    def _nested(self, tree: t.Reduction, env: Env) -> Shaped:
        """A sum whose limits depend on the index of another: one after the other."""
        values = []
        for place in combinations(*self._spans(tree, env)):
            inner = {**env, **dict(zip(tree.bound, place, strict=True))}
            body = tree.body
            if isinstance(body, t.Reduction) and body.operator == "sum":
                values.append(self._nested(body, inner))
            else:
                values.append(self.meaning.value(body, inner))
        if not values:
            return scalar(self.meaning.graph.zero)
        return values[0] if len(values) == 1 else self.meaning.shapes.added([(1, value) for value in values])

    def _depends(self, tree: t.Reduction, names: set[str]) -> bool:
        sides = [side for pair in tree.limits if pair is not None for side in pair]
        return any(isinstance(node, t.Name) and node.text in names for side in sides for node in t.walk(side))

    def _may_hold(self, test: Tree, env: Env) -> bool:
        value = self.meaning.value(test, env)
        return value.shape != () or value.nodes[0] != self.meaning.graph.zero

    def _plan(self, names: tuple[str, ...], body: Tree) -> tuple[list[str], list[list[Tree]]]:
        """The order in which indices are run through, and after each the conditions that are settled by then."""
        plan = self._plans.get(id(body))
        if plan is not None and set(plan[0]) == set(names):
            return plan
        waiting = []
        for factor in _factors(body, through_sums=False):
            is_condition = isinstance(factor, t.Indicator) or (
                isinstance(factor, t.Subscript) and self.meaning.is_delta(factor)
            )
            if is_condition:
                read = {node.text for node in t.walk(factor) if isinstance(node, t.Name)}
                waiting.append((factor, read & set(names)))
        order: list[str] = []
        tests: list[list[Tree]] = []
        left = list(names)
        while left:
            # the index that settles a condition with the fewest others comes first
            wanted = min((read - set(order) for _, read in waiting if read - set(order)), key=len, default=set())
            chosen = next((name for name in left if name in wanted), left[0])
            left.remove(chosen)
            order.append(chosen)
            tests.append([factor for factor, read in waiting if chosen in read and read <= set(order)])
        self._plans[id(body)] = (order, tests)
        self._alive.append(body)
        return order, tests

    def _spans(self, tree: t.Reduction, env: Env) -> list[range]:
        """The values of each bound index: its limits as written, where they are not just all of its axis."""
        fixed = self._fixed.get(id(tree))
        if fixed is None:
            fixed = self._fixed[id(tree)] = self._is_fixed(tree)
            self._alive.append(tree)
        if fixed and id(tree) in self._known_spans:
            return self._known_spans[id(tree)]
        spans = self._found_spans(tree, env)
        if fixed:
            self._known_spans[id(tree)] = spans
        return spans

    def _is_fixed(self, tree: t.Reduction) -> bool:
        """Whether the ranges of a sum's indices are the same wherever it stands: nothing depends on other indices."""
        sides = [side for pair in tree.limits if pair is not None for side in pair]
        if any(
            isinstance(node, t.Name) and node.text not in self.meaning.model.sizes
            for side in sides
            for node in t.walk(side)
        ):
            return False
        has_delta = any(self._picked_names(name, tree.body) for name in tree.bound)
        return not has_delta and not any(
            isinstance(node, t.Subscript) and self.meaning.model.is_family(node.array) for node in t.walk(tree.body)
        )

    def _picked_names(self, name: str, body: Tree) -> bool:
        """Whether a condition may be what tells the range of an index."""
        return any(
            isinstance(factor, (t.Indicator, t.Subscript)) and any(each == t.Name(name) for each in t.children(factor))
            for factor in _factors(body)
            if isinstance(factor, t.Indicator) or (isinstance(factor, t.Subscript) and self.meaning.is_delta(factor))
        )

    def _found_spans(self, tree: t.Reduction, env: Env) -> list[range]:
        read = inner_ranges(tree, self.meaning.model, env)
        spans = []
        limits = tree.limits or (None,) * len(tree.bound)
        for name, pair in zip(tree.bound, limits, strict=True):
            axis = read.get(name, self.meaning.model.index_range(name, tree.body))
            if pair is None:
                axis = axis or self._picked_by_delta(name, tree.body, env)
                if axis is None:
                    raise Unjudged(f"how far the index {name} runs is not clear; write its limits", "ambiguous")
                spans.append(axis)
                continue
            low, stop = self.meaning.integer(pair[0], env), self.meaning.integer(pair[1], env)
            span = range(low, stop)
            inside = axis is not None and low >= axis.start and stop <= axis.stop
            if axis is not None and not inside and low in (0, 1) and _only_subscript(name, tree.body):
                # 1..n and 0..n-1 are both the first n entries where the index is nothing but a subscript
                if len(span) > len(axis):
                    raise ShapeClash(f"the index {name} runs over {len(span)} values, and its axis has {len(axis)}")
                span = axis[: len(span)]
            spans.append(span)
        return spans

    def _picked_by_delta(self, name: str, body: Tree, env: Env) -> range | None:
        """The one value of an index at which a Kronecker delta among the factors is not 0."""
        for factor in _factors(body):
            match factor:
                case t.Subscript(array="delta", indices=(left, right)) if self.meaning.model.is_kronecker("delta"):
                    pass
                case t.Indicator(sides=(left, right), operators=("=",)):
                    pass
                case _:
                    continue
            for one, other in ((left, right), (right, left)):
                if one == t.Name(name) and t.Name(name) not in t.walk(other):
                    try:
                        value = self.meaning.integer(other, env)
                    except Unjudged:
                        continue
                    return range(value, value + 1)
        return None


def _factors(tree: Tree, through_sums: bool = True) -> Iterator[Tree]:
    """The factors of a product, through signs, brackets and, if asked, sums over other indices."""
    stack = [tree]
    while stack:
        node = stack.pop()
        match node:
            case t.Product(factors=factors):
                stack += [factor for operator, factor in factors if operator not in ("/", "./")]
            case t.Negative(body=body):
                stack.append(body)
            case t.Reduction(operator="sum", body=body) if through_sums:
                stack.append(body)
            case _:
                yield node


def _only_subscript(name: str, body: Tree) -> bool:
    """Whether an index stands alone in subscripts and nowhere else."""
    stack: list[Tree] = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, t.Subscript):
            stack += [index for index in node.indices if not (isinstance(index, t.Name) and index.text == name)]
        elif isinstance(node, t.Name):
            if node.text == name:
                return False
        else:
            stack += t.children(node)
    return True
