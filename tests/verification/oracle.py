"""What a formula is worth, by NumPy alone: the judge of mutants and rewrites that shares nothing with the verifier.

The equations of a problem are run in complex double precision, derivatives are complex steps through that run, sums
are loops. It shares the reader and the trees with the program, none of `graph`, `meaning`, `differentiating`,
`residues` and `points`. What it does not know it refuses by `Unsupported`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from derive import tree as t
from derive.reading.latex.rows import Statement
from derive.tree import Tree
from derive.verification import domains as d
from derive.verification.declarations import extent_tree
from derive.verification.problems import Problem

#: Relative difference from which two numbers differ; complex steps are good to 1e-12, nested ones to 1e-8.
TOLERANCE = 1e-6
#: Where an index runs that only stands in sums, in problems with zeros outside.
WIDE = range(-7, 16)


class Unsupported(Exception):
    """The oracle does not know what this means."""


class IllTyped(Exception):
    """Shapes or ranges that do not fit: no equation at all."""


class Outside(Exception):
    """A member of a family that does not exist."""


class Ones:
    """A vector of equal numbers whose length the partner of a product or sum settles."""

    def __init__(self, row: bool = False, scale: Any = 1.0) -> None:
        self.row, self.scale = row, scale


def _elementwise() -> dict[str, tuple[Any, Any, Any]]:
    """name -> the function, its derivative, its second derivative, on complex numbers near the real line."""

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def step(x: Any) -> Any:
        return (np.real(x) > 0).astype(float)

    def none(x: Any) -> Any:
        raise Unsupported("second derivative")

    return {
        "exp": (np.exp, np.exp, np.exp),
        "log": (np.log, lambda x: 1 / x, lambda x: -1 / x**2),
        "ln": (np.log, lambda x: 1 / x, lambda x: -1 / x**2),
        "sin": (np.sin, np.cos, lambda x: -np.sin(x)),
        "cos": (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)),
        "tan": (np.tan, lambda x: 1 / np.cos(x) ** 2, none),
        "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2, lambda x: -2 * np.tanh(x) / np.cosh(x) ** 2),
        "sinh": (np.sinh, np.cosh, np.sinh),
        "cosh": (np.cosh, np.sinh, np.cosh),
        "sech": (lambda x: 1 / np.cosh(x), none, none),
        "sqrt": (lambda x: np.sqrt(x + 0j), lambda x: 0.5 / np.sqrt(x + 0j), none),
        "sigmoid": (
            sigmoid,
            lambda x: sigmoid(x) * (1 - sigmoid(x)),
            lambda x: sigmoid(x) * (1 - sigmoid(x)) * (1 - 2 * sigmoid(x)),
        ),
        "softplus": (lambda x: np.log(1 + np.exp(x)), sigmoid, none),
        "relu": (lambda x: x * step(x), step, none),
        "abs": (lambda x: x * np.sign(np.real(x)), lambda x: np.sign(np.real(x)), none),
        "sign": (lambda x: np.sign(np.real(x)), none, none),
    }


ELEMENTWISE = _elementwise()


class Oracle:
    """One problem at one draw of sizes and inputs. bump : (name, member, place) -> what is added to that entry."""

    def __init__(self, problem: Problem, sizes: Mapping[str, int], seed: int, bump: Mapping[Any, complex] = {}) -> None:
        self.problem, self.sizes, self.seed, self.bump = problem, dict(sizes), seed, bump
        self.start = int(problem.conventions["index_from"])
        self.memo: dict[Any, Any] = {}
        self.slopes: dict[Any, Any] = {}
        self.loss = problem.loss
        self.given = problem.equations
        # families of which the loss sees all members, though later ones read earlier ones
        self.outputs = {"h"} if problem.title.startswith(("Long short", "Gated")) else set()
        self.names = {name for statement in problem.equations for name in [defined_by(statement)]}
        self.aliases = {a.text: b for a, b in problem.aliases if isinstance(a, t.Name)}
        self.indexed = {
            (a.array, len(a.indices)): ([getattr(i, "text", "") for i in a.indices], b)
            for a, b in problem.aliases
            if isinstance(a, t.Subscript)
        }

    def bumped(self, bump: Mapping[Any, complex]) -> Oracle:
        merged = dict(self.bump)
        for key, step in bump.items():
            merged[key] = merged.get(key, 0) + step
        return self.child(merged)

    def child(self, bump: Mapping[Any, complex]) -> Oracle:
        child = Oracle(self.problem, self.sizes, self.seed, bump)
        child.given = self.given
        return child

    def with_definition(self, statement: Statement) -> Oracle:
        """The same draw with one more equation, such as a work adds."""
        problem = replace(self.problem, equations=(*self.problem.equations, statement))
        child = Oracle(problem, self.sizes, self.seed, self.bump)
        child.given = self.given
        return child

    # --- arrays -------------------------------------------------------------------------------------------------------

    def family(self, name: str) -> range | None:
        quantity = self.problem.quantities.get(name)
        letter = quantity.family if quantity is not None else ""
        if not letter:
            return None
        domain = self.problem.quantities[letter].domain
        assert isinstance(domain, d.Range)
        return range(self.whole(domain.first, {}), self.whole(domain.last, {}) + 1)

    def array(self, name: str, member: int | None = None) -> Any:
        key = (name, member)
        if key not in self.memo:
            self.memo[key] = None
            try:
                value = self._made(name, member)
            except BaseException:
                del self.memo[key]
                raise
            if isinstance(value, np.ndarray) and any(b[:2] == key for b in self.bump):
                value = value.astype(complex)
                for (n, m, place), step in self.bump.items():
                    if (n, m) == key:
                        value[place] += step
            self.memo[key] = value
        if self.memo[key] is None:
            raise Unsupported(f"{name} depends on itself")
        return self.memo[key]

    def _made(self, name: str, member: int | None) -> Any:
        for statement in self.problem.equations:
            if defined_by(statement) == name and not isinstance(statement.head, t.Call):
                env = self._fits(statement.head, name, member)
                if env is not None:
                    return self._by_equation(statement, env, member)
        if name in self.sizes:
            return np.array(complex(self.sizes[name]))
        quantity = self.problem.quantities.get(name)
        if quantity is None or quantity.kind in ("index", "function"):
            raise Unsupported(f"nothing is known of {name}")
        shape = self._shape(name, member)
        if quantity.value is not None:
            if isinstance(quantity.value, Fraction):
                return np.array(complex(float(quantity.value)))
            raise Unsupported("values of arrays")
        return self._drawn(name, member, shape, quantity)

    def _shape(self, name: str, member: int | None) -> tuple[int, ...]:
        quantity = self.problem.quantities[name]
        env = {quantity.family: member} if quantity.family and member is not None else {}
        return tuple(
            extent if isinstance(extent, int) else self.whole(extent_tree(extent), env)
            for extent in quantity.shape or ()
        )

    def _drawn(self, name: str, member: int | None, shape: tuple[int, ...], quantity: Any) -> Any:
        rng = np.random.default_rng([self.seed, *name.encode(), 0 if member is None else member + 7])
        domain = quantity.domain
        spread = np.atleast_1d(rng.uniform(0.3, 1.5, shape) * rng.choice([-1.0, 1.0], shape)).reshape(shape)
        if isinstance(domain, d.Plain):
            if domain.word in ("positive", "nonnegative"):
                spread = np.abs(spread)
            elif domain.word == "one-hot":
                spread = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
            elif domain.word == "simplex":
                spread = np.abs(spread) / np.abs(spread).sum(-1, keepdims=True)
            elif domain.word == "symmetric":
                spread = spread + np.swapaxes(spread, -1, -2)
        elif isinstance(domain, d.Interval):
            low = float(domain.lower) if domain.lower is not None else float(domain.upper or 0) - 2
            high = float(domain.upper) if domain.upper is not None else low + 2
            spread = rng.uniform(low + 0.05 * (high - low), high - 0.05 * (high - low), shape)
        elif isinstance(domain, d.Values):
            spread = rng.choice([float(number) for number in domain.numbers], shape)
        elif isinstance(domain, d.Classes):
            spread = rng.integers(0, self.whole(domain.count, {}), shape) + self.start
        return np.asarray(spread).astype(complex)

    def _fits(self, head: Tree | None, name: str, member: int | None) -> dict[str, int] | None:
        """The value of a family's letter at which a left side is this member; {} where it is no family."""
        if self.family(name) is None:
            return {}
        if member is None or not isinstance(head, t.Subscript):
            return None
        first = head.indices[0]
        if isinstance(first, t.Name) and first.text not in self.sizes:
            span = self.family(name)
            return {first.text: member} if span is not None and member in span else None
        return {} if self.whole(first, {}) == member else None

    def _by_equation(self, statement: Statement, env: dict[str, int], member: int | None) -> Any:
        head, right = statement.head, statement.links[0].tree
        assert head is not None
        if isinstance(head, t.Name):
            return _plain(self.value(right, env))
        assert isinstance(head, t.Subscript)
        letters = head.indices[1:] if member is not None else head.indices
        if not letters:
            return _plain(self.value(right, env))
        names = [letter.text if isinstance(letter, t.Name) else "" for letter in letters]
        if "" in names:
            raise Unsupported("an equation for single entries")
        quantity = self.problem.quantities.get(head.array)
        if quantity is not None and quantity.shape is not None:
            extents = self._shape(head.array, member)
            if min(extents, default=1) < 1:
                raise IllTyped("a size below 1")
        else:
            extents = tuple(len(self.span(name, right, env)) for name in names)
        found = np.zeros(extents, complex)
        for place in itertools.product(*map(range, extents)):
            inner = env | {name: k + self.start for name, k in zip(names, place, strict=True)}
            found[place] = _scalar(self.value(right, inner))
        return found

    # --- indices ------------------------------------------------------------------------------------------------------

    def whole(self, tree: Tree, env: Mapping[str, int]) -> int:
        match tree:
            case t.Number(text=text):
                return int(Fraction(text))
            case t.Name(text=name):
                if name in env:
                    return env[name]
                if name in self.sizes:
                    return self.sizes[name]
                quantity = self.problem.quantities.get(name)
                if quantity is not None and isinstance(quantity.value, Fraction):
                    return int(quantity.value)
                raise IllTyped(f"no index {name}")
            case t.Negative(body=body):
                return -self.whole(body, env)
            case t.Sum(terms=terms):
                return sum(self.whole(each, env) * (-1 if sign == "-" else 1) for sign, each in terms)
            case t.Product(factors=factors):
                total = Fraction(1)
                for operator, each in factors:
                    inner = self.whole(each, env)
                    total = total / inner if operator == "/" else total * inner
                return int(total)
            case t.Subscript(array=name, indices=(index,)):
                size = f"{name}[{self.whole(index, env)}]"
                if size in self.sizes:
                    return self.sizes[size]
                if name in self.problem.quantities:
                    return round(_scalar(self.value(tree, env)).real)
                raise Outside(size)
        raise Unsupported("an index")

    def span(self, letter: str, tree: Tree, env: Mapping[str, int]) -> range:
        """How far an index runs: the extent of the axis where it stands alone."""
        quantity = self.problem.quantities.get(letter)
        if quantity is not None and isinstance(quantity.domain, d.Range):
            return range(self.whole(quantity.domain.first, env), self.whole(quantity.domain.last, env) + 1)
        found: range | None = None
        inside = False
        for node in t.walk(self.expanded(tree)):
            if isinstance(node, t.Call) and node.function == "entry":
                shape = np.shape(self.value(node.arguments[0], env))
                indices: Sequence[Tree] = node.arguments[1:]
            elif isinstance(node, t.Subscript):
                indices = node.indices
                if self._is_kronecker(node.array):
                    inside = inside or any(letter in t.names_in(index) for index in indices)
                    continue
                if any(f"{node.array}[{k}]" in self.sizes for k in range(4)):
                    continue
                inside = inside or any(letter in t.names_in(index) for index in indices)
                if not any(isinstance(i, t.Name) and i.text == letter for i in indices):
                    continue
                families = self.family(node.array)
                if families is not None:
                    if isinstance(indices[0], t.Name) and indices[0].text == letter:
                        found = found or families
                        continue
                    try:
                        shape = np.shape(self.array(node.array, self.whole(indices[0], env)))
                    except (IllTyped, Outside):
                        continue
                    indices = indices[1:]
                else:
                    shape = np.shape(self.value(t.Name(node.array), {}))
                    shape = shape[1:] if len(shape) == 2 and shape[0] == 1 and len(indices) == 1 else shape
            else:
                continue
            for index, extent in zip(indices, shape, strict=False):
                if isinstance(index, t.Name) and index.text == letter:
                    span = range(self.start, self.start + extent)
                    if found is not None and found != span:
                        raise IllTyped(f"{letter} runs over {found} and {span}")
                    found = span
        if found is None and inside and self.problem.conventions["boundary"] == "zero outside":
            return WIDE
        if found is None:
            raise IllTyped(f"nothing says how far {letter} runs")
        return found

    def expanded(self, tree: Tree) -> Tree:
        def change(node: Tree) -> Tree:
            if isinstance(node, t.Subscript) and (node.array, len(node.indices)) in self.indexed:
                letters, body = self.indexed[node.array, len(node.indices)]
                return _renamed(body, dict(zip(letters, node.indices, strict=True)))
            return node

        return t.transformed(tree, change)

    # --- values -------------------------------------------------------------------------------------------------------

    def value(self, tree: Tree, env: Mapping[str, int]) -> Any:
        match tree:
            case t.Number():
                return np.array(complex(float(tree.value)))
            case t.Name(text=name):
                return self._name(name, env)
            case t.Negative(body=body):
                return -_plain(self.value(body, env))
            case t.Sum(terms=terms):
                total: Any = None
                for sign, each in terms:
                    value = self.value(each, env)
                    # a number times a vector of ones is spread over what it is added to
                    term = np.asarray(value.scale if isinstance(value, Ones) else value)
                    term = term * (-1 if sign == "-" else 1)
                    total = term if total is None else _added(total, term)
                return total
            case t.Product(factors=factors):
                done: Any = None  # what stands side by side belongs together, also behind an elementwise product
                product, before = self.value(factors[0][1], env), ""
                for operator, each in factors[1:]:
                    value = self.value(each, env)
                    if operator == ".*":
                        done = product if done is None else _times(done, product, before)
                        product, before = value, operator
                    else:
                        product = _times(product, value, operator)
                return product if done is None else _times(done, product, before)
            case t.Power(base=base, exponent=exponent):
                below, above = _plain(self.value(base, env)), _scalar(self.value(exponent, env))
                if below.ndim == 2 and 1 not in below.shape and not tree.elementwise:
                    if below.shape[0] != below.shape[1] or above.real != int(above.real) or above.real < 0:
                        raise IllTyped("a power of a matrix")
                    return np.linalg.matrix_power(below, int(above.real))
                return below ** (int(above.real) if above == int(above.real) else above)
            case t.Transpose(body=body):
                inner = self.value(body, env)
                if isinstance(inner, Ones):
                    return Ones(not inner.row, inner.scale)
                if inner.ndim == 1:
                    return inner[None, :]
                return inner[0] if inner.ndim == 2 and inner.shape[0] == 1 else inner.T
            case t.Subscript():
                return self._entry(tree, env)
            case t.Reduction():
                return self._reduction(tree, env)
            case t.Indicator(sides=sides, operators=operators):
                if len(sides) == 2 and np.ndim(first := _plain(self.value(sides[0], env))):
                    if operators[0] not in (">", "<") or np.ndim(second := _plain(self.value(sides[1], env))):
                        raise Unsupported("a comparison of arrays")
                    gap = first.real - second.real
                    return ((gap > 0) if operators[0] == ">" else (gap < 0)).astype(complex)
                return np.array(complex(self.holds(sides, operators, env)))
            case t.Derivative(of=of, by=by):
                return self._derivative(of, by, env)
            case t.Call():
                return self._call(tree, env)
        raise Unsupported(type(tree).__name__)

    def _name(self, name: str, env: Mapping[str, int]) -> Any:
        if name in env:
            return np.array(complex(env[name]))
        if name == self.loss and name not in self.names:
            return self._open_loss()
        if name in self.aliases:
            return self.value(self.aliases[name], {})
        if name in self.names or name in self.problem.quantities or name in self.sizes:
            return self.array(name)
        for of, tree in self.problem.upstream.items():
            if tree == t.Name(name):
                shape = np.shape(self.array(of))
                rng = np.random.default_rng([self.seed, *name.encode()])
                return rng.uniform(-1, 1, shape).astype(complex)
        if name == "pi":
            return np.array(complex(np.pi))
        if name == "e":
            return np.array(complex(np.e))
        if name == "ones":
            return Ones()
        raise Unsupported(f"the name {name}")

    def _open_loss(self) -> Any:
        """A loss that is only named: a smooth function of all that no equation reads."""
        read = {n for s in self.given for n in t.names_in(s.links[0].tree)}
        total = np.array(0j)
        if self.problem.upstream:
            for of, tree in self.problem.upstream.items():
                total = total + (self._name(str(getattr(tree, "text", "")), {}) * self.array(of)).sum()
            return total
        for name in sorted({str(defined_by(s)) for s in self.given}):
            families = self.family(name)
            if name in read and name not in self.outputs:
                continue
            for member in [None] if families is None else list(families):
                value = self.array(name, member)
                slopes = np.random.default_rng([self.seed, *name.encode(), member or 0]).uniform(0.5, 1.5, value.shape)
                total = total + (np.sin(slopes * value) + 0.3 * slopes * value**2).sum()
        return total

    def _entry(self, tree: t.Subscript, env: Mapping[str, int]) -> Any:
        name, indices = tree.array, tree.indices
        if (name, len(indices)) in self.indexed:
            letters, body = self.indexed[name, len(indices)]
            at = {letter: self.whole(index, env) for letter, index in zip(letters, indices, strict=True)}
            return self.value(body, at)
        if self._is_kronecker(name):
            one, other = (self.whole(index, env) for index in indices)
            return np.array(complex(one == other))
        families = self.family(name)
        places = [self.whole(index, env) for index in indices]
        if f"{name}[{places[0]}]" in self.sizes:
            return np.array(complex(self.sizes[f"{name}[{places[0]}]"]))
        if families is not None:
            member = places[0]
            given = any(
                defined_by(s) == name and self._fits(s.head, name, member) == {} for s in self.problem.equations
            )
            if member not in families and not given and (member != families[0] - 1 or not self._reads_before(name)):
                raise Outside(f"{name}[{member}]")
            array, places = self.array(name, member), places[1:]
        else:
            array = self.value(t.Name(name), {})
        if isinstance(array, Ones):
            return np.array(1 + 0j)
        if array.ndim == 2 and 1 in array.shape and len(places) == 1:
            array = array.reshape(-1)
        if len(places) > array.ndim:
            raise IllTyped(f"{name} has {array.ndim} axes")
        for place in places:
            at_place = place - self.start
            if not 0 <= at_place < array.shape[0]:
                if self.problem.conventions["boundary"] == "zero outside":
                    return np.zeros(array.shape[len(places) :], complex)
                raise IllTyped(f"{name} has no entry {places}")
            array = array[at_place]
        return np.asarray(array)

    def _is_kronecker(self, name: str) -> bool:
        known = name in self.names or name in self.problem.quantities or name in self.aliases
        return name == "delta" and not known and self.problem.conventions["delta"] == "Kronecker"

    def _reads_before(self, name: str) -> bool:
        """Whether a start value such as h_0 is read without being given by an equation."""
        return any(
            isinstance(n, t.Subscript) and n.array == name and isinstance(n.indices[0], t.Sum)
            for s in self.problem.equations
            for n in t.walk(s.links[0].tree)
        )

    def _reduction(self, tree: t.Reduction, env: Mapping[str, int]) -> Any:
        limits = tree.limits or (None,) * len(tree.bound)
        spans = []
        for letter, pair in zip(tree.bound, limits, strict=True):
            if pair is None:
                spans.append(self.span(letter, tree.body, {k: v for k, v in env.items() if k != letter}))
            else:
                spans.append(range(self.whole(pair[0], env), self.whole(pair[1], env)))
        terms = [
            _plain(self.value(tree.body, dict(env) | dict(zip(tree.bound, place, strict=True))))
            for place in itertools.product(*spans)
        ]
        if tree.operator == "sum":
            return sum(terms) if terms else np.array(0j)
        if tree.operator == "mean" and terms:
            return sum(terms) / len(terms)
        if tree.operator == "max" and terms:
            return max(terms, key=lambda each: float(_scalar(each).real))
        if tree.operator == "prod":
            return np.prod([_scalar(term) for term in terms]) + np.array(0j)
        raise Unsupported(tree.operator)

    def holds(self, sides: Sequence[Tree], operators: Sequence[str], env: Mapping[str, int]) -> bool:
        numbers = [_scalar(self.value(side, env)).real for side in sides]
        tests = {
            "=": lambda a, b: abs(a - b) < 1e-9, "!=": lambda a, b: abs(a - b) >= 1e-9, "<": lambda a, b: a < b,
            "<=": lambda a, b: a <= b + 1e-9, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b - 1e-9,
        }  # fmt: skip
        return all(
            tests[operator](one, other)
            for operator, one, other in zip(operators, numbers[:-1], numbers[1:], strict=True)
        )

    def _call(self, tree: t.Call, env: Mapping[str, int]) -> Any:
        name, orders = tree.function, tree.orders
        if name == "entry":
            array = _plain(self.value(tree.arguments[0], env))
            places = tuple(self.whole(each, env) - self.start for each in tree.arguments[1:])
            if array.ndim == 2 and 1 in array.shape and len(places) == 1:
                array = array.reshape(-1)
            if len(places) > array.ndim or any(not 0 <= p < n for p, n in zip(places, array.shape, strict=False)):
                raise IllTyped("an entry that is not there")
            return np.asarray(array[places])
        if name == "cases":
            for value, condition in zip(tree.arguments[::2], tree.arguments[1::2], strict=False):
                assert isinstance(condition, t.Indicator)
                if self.holds(condition.sides, condition.operators, env):
                    return self.value(value, env)
            if len(tree.arguments) % 2:
                return self.value(tree.arguments[-1], env)
            raise Unsupported("no case holds")
        if name == "overline" and self.problem.conventions["overline"] == "adjoint" and self.loss:
            return self._derivative(t.Name(self.loss), tree.arguments[0], env)
        values = [self.value(each, env) for each in tree.arguments]
        defined = next(
            (s for s in self.problem.equations if isinstance(s.head, t.Call) and s.head.function == name), None
        )
        if defined is not None:
            return self._defined_call(defined, values, orders, env)
        quantity = self.problem.quantities.get(name)
        if quantity is not None and quantity.kind == "function":
            layer = tuple(self.whole(each, env) for each in tree.parameters)
            families = self.family(name)
            if families is not None:
                if not layer:
                    raise Unsupported("a function without its layer")
                if layer[0] not in families:
                    raise Outside(name)
                layer = layer[:1]
            return self._named_function(name, layer, values, orders or (0,) * len(values))
        if name in ELEMENTWISE:
            order = sum(orders)
            if order > 2:
                raise Unsupported("third derivatives")
            return ELEMENTWISE[name][order](np.asarray(_plain(values[0])))
        if name == "softmax":
            raised = np.exp(values[0])
            return raised / raised.sum(-1, keepdims=True)
        if name == "norm" and (len(values) == 1 or _scalar(values[1]) == 2):
            return np.sqrt((values[0] ** 2).sum())
        if name == "diag":
            return np.diag(values[0]) if values[0].ndim == 1 else np.diagonal(values[0])
        if name == "tr":
            if values[0].ndim != 2 or values[0].shape[0] != values[0].shape[1]:
                raise IllTyped("a trace")
            return np.asarray(np.trace(values[0]))
        if name == "inner":
            if np.shape(values[0]) != np.shape(values[1]):
                raise IllTyped("an inner product")
            return np.asarray((values[0] * values[1]).sum())
        if name in ("max", "min"):
            pick = max if name == "max" else min
            return pick(values, key=lambda each: float(_scalar(each).real))
        raise Unsupported(f"the function {name}")

    def _named_function(self, name: str, layer: tuple[int, ...], values: list[Any], orders: Sequence[int]) -> Any:
        rng = np.random.default_rng([self.seed, *name.encode(), *layer])
        slopes = rng.uniform(0.5, 1.2, len(values))
        shift, bend = rng.uniform(0.2, 0.9), rng.uniform(0.2, 0.5)
        s = sum((slope * _plain(v) for slope, v in zip(slopes, values, strict=True)), np.array(0j))
        k = sum(orders)
        factor = np.prod([slope**order for slope, order in zip(slopes, orders, strict=True)])
        tail = (bend * s * s, 2 * bend * s, 2 * bend + 0 * s)[k] if k < 3 else 0 * s
        return factor * (np.sin(s + shift + k * np.pi / 2) + tail)

    def _defined_call(
        self, statement: Statement, values: list[Any], orders: Sequence[int], env: Mapping[str, int]
    ) -> Any:
        head = statement.head
        assert isinstance(head, t.Call)
        body = statement.links[0].tree
        inner = [a.array if isinstance(a, t.Subscript) else a.text for a in head.arguments if hasattr(a, "at")]  # type: ignore[union-attr]

        def at(arguments: Sequence[Any]) -> Any:
            child = self.child(self.bump)
            for name, value in zip(inner, arguments, strict=True):
                child.memo[name, None] = np.asarray(value)
            flat = t.transformed(
                body, lambda n: t.Name(n.array) if isinstance(n, t.Subscript) and n.array in inner else n
            )
            child.aliases = {k: v for k, v in self.aliases.items() if k not in inner}
            child.names = self.names | set(inner)
            return child.value(flat, env)

        if not any(orders):
            return at(values)
        if sum(orders) > 1:
            raise Unsupported("second derivatives of defined functions")
        k, h = list(orders).index(1), 1e-3

        def moved(step: float) -> Any:
            return at([v + (step if j == k else 0) for j, v in enumerate(values)])

        return (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)

    # --- derivatives --------------------------------------------------------------------------------------------------

    def _derivative(self, of: Tree, by: Tree, env: Mapping[str, int]) -> Any:
        if isinstance(by, t.Subscript) and (by.array, len(by.indices)) in self.indexed:
            letters, body = self.indexed[by.array, len(by.indices)]
            at = {letter: t.tree_of(self.whole(i, env)) for letter, i in zip(letters, by.indices, strict=True)}
            return self._derivative(of, _renamed(body, at), env)
        if isinstance(by, t.Name) and by.text in self.aliases:
            return self._derivative(of, self.aliases[by.text], env)
        if isinstance(by, t.Subscript) and by.array in self.aliases and isinstance(self.aliases[by.array], t.Name):
            return self._derivative(of, t.Subscript(self.aliases[by.array].text, by.indices), env)  # type: ignore[union-attr]
        if isinstance(by, t.Call) and by.function == "entry" and isinstance(by.arguments[0], t.Name):
            return self._derivative(of, t.Subscript(by.arguments[0].text, by.arguments[1:]), env)
        name = ""
        member: int | None = None
        places: tuple[int, ...] = ()
        if isinstance(by, t.Name):
            name = by.text
        elif isinstance(by, t.Subscript):
            name = by.array
            indices = [self.whole(index, env) for index in by.indices]
            if self.family(name) is not None:
                member, indices = indices[0], indices[1:]
                self._entry(t.Subscript(name, by.indices[:1]), env)
            places = tuple(index - self.start for index in indices)
        else:
            raise Unsupported("a derivative by an expression")
        if name not in self.names and name not in self.problem.quantities:
            raise Unsupported(f"a derivative by {name}")
        target = self.array(name, member)
        if len(places) > target.ndim or any(not 0 <= p < n for p, n in zip(places, target.shape, strict=False)):
            if len(places) == target.ndim and self.problem.conventions["boundary"] == "zero outside":
                return np.array(0j)
            raise IllTyped(f"no entry {places} of {name}")
        shape = target.shape[len(places) :]
        used = {k: v for k, v in env.items() if k in t.names_in(of)}
        key = (of, name, member, places, tuple(sorted(used.items())))
        if key not in self.slopes:
            rows = [
                self._slope(of, used, name, member, (*places, *rest)) for rest in itertools.product(*map(range, shape))
            ]
            inner = np.shape(rows[0]) if rows else ()
            if inner and shape:
                if len(shape) > 1 or len(inner) > 1:
                    raise Unsupported("a Jacobian of matrices")
                self.slopes[key] = np.array(rows)  # denominator layout: the variable comes first
                if self.problem.conventions["layout"] == "numerator":
                    self.slopes[key] = self.slopes[key].T
            else:
                self.slopes[key] = np.array(rows).reshape(shape or inner)
                if shape and self.problem.conventions["layout"] == "numerator":
                    self.slopes[key] = self.slopes[key].T if len(shape) > 1 else self.slopes[key][None, :]
        return self.slopes[key]

    def _slope(self, of: Tree, env: Mapping[str, int], name: str, member: int | None, place: tuple[int, ...]) -> Any:
        if (
            self.bump
            or isinstance(of, t.Derivative)
            or any(isinstance(n, t.Derivative) for n in t.walk(self.expanded(of)))
        ):
            h = 1e-3  # a second derivative: differences of complex steps

            def at(step: float) -> Any:
                return _plain(self.bumped({(name, member, place): step}).value(of, env))

            return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
        h = 1e-30
        moved = _plain(self.bumped({(name, member, place): h * 1j}).value(of, env))
        return np.imag(moved) / h + 0j

    # --- statements ---------------------------------------------------------------------------------------------------

    def letters(self, trees: Sequence[Tree]) -> list[str]:
        """Free indices: names in index places that nothing else is known of."""
        found: dict[str, None] = {}
        for tree in trees:
            stack: list[tuple[Tree, bool, frozenset[str]]] = [(tree, False, frozenset())]
            while stack:
                node, inside, bound = stack.pop()
                match node:
                    case t.Name(text=name):
                        quantity = self.problem.quantities.get(name)
                        index = quantity is not None and quantity.kind == "index"
                        known = name in self.sizes or name in self.names or (quantity is not None and not index)
                        if inside and not known and name not in bound:
                            found.setdefault(name)
                    case t.Subscript(indices=indices):
                        stack += [(each, True, bound) for each in reversed(indices)]
                    case t.Indicator(sides=sides):
                        stack += [(each, not isinstance(each, t.Subscript), bound) for each in reversed(sides)]
                    case t.Call(function="entry", arguments=arguments):
                        stack += [(each, True, bound) for each in arguments[1:]] + [(arguments[0], False, bound)]
                    case t.Call(arguments=arguments, parameters=parameters):
                        stack += [(each, True, bound) for each in parameters]
                        stack += [(each, inside, bound) for each in arguments]
                    case t.Reduction(body=body, limits=limits):
                        stack += [(side, True, bound) for pair in limits if pair is not None for side in pair]
                        stack.append((body, False, bound | set(node.bound)))
                    case _:
                        stack += [(child, inside, bound) for child in reversed(t.children(node))]
        return list(found)

    def instances(self, trees: Sequence[Tree], conditions: Sequence[Tree]) -> Iterator[dict[str, int]]:
        letters = self.letters([*trees, *conditions])
        whole = t.Call("", tuple(trees))

        def families(letter: str) -> bool:
            return any(
                isinstance(n, t.Subscript) and self.family(n.array) is not None and letter in t.names_in(n.indices[0])
                for n in t.walk(self.expanded(whole))
            )

        letters.sort(key=lambda letter: not families(letter))

        def walk(env: dict[str, int], rest: Sequence[str]) -> Iterator[dict[str, int]]:
            if not rest:
                for condition in conditions:
                    assert isinstance(condition, t.Indicator)
                    if not self.holds(condition.sides, condition.operators, env):
                        return
                yield env
                return
            try:
                span = self.span(rest[0], whole, env)
            except Outside:
                return
            for at in span:
                yield from walk(env | {rest[0]: at}, rest[1:])

        yield from walk({}, letters)

    def compare(self, head: Tree, right: Tree, conditions: Sequence[Tree]) -> bool | None:
        """Whether both sides agree at all values of the free indices; None where nothing is left to compare."""
        own = self.letters((head, *conditions))
        if any(letter not in own for letter in self.letters((right,))):
            raise IllTyped("an index that is not bound")
        found: bool | None = None
        places = list(self.instances((head, right), conditions))
        # the ends first: there an entry is read that is not there
        for k, env in enumerate([*places[-1:], *places[:-1]]):
            try:
                one, other = _plain(self.value(head, env)), _plain(self.value(right, env))
            except Outside:
                continue
            found = _same(one, other) and found is not False
            if found is False and k:
                return False
        return found


def _same(one: Any, other: Any) -> bool:
    if one.ndim != other.ndim and {one.ndim, other.ndim} != {0, one.ndim + other.ndim}:
        raise IllTyped("the sides have different shapes")
    if one.ndim and other.ndim and one.shape != other.shape:
        raise IllTyped("the sides have different shapes")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise Unsupported("no value")
    size = np.maximum(np.abs(one), np.abs(other)).max(initial=0.0)
    return bool((np.abs(one - other) <= TOLERANCE * max(size, 1e-3)).all())


def _plain(value: Any) -> Any:
    if isinstance(value, Ones):
        raise Unsupported("ones without a length")
    return np.asarray(value)


def _scalar(value: Any) -> complex:
    array = _plain(value)
    if array.size != 1:
        raise IllTyped("an array where a number is wanted")
    return complex(array.reshape(()))


def _added(one: Any, other: Any) -> Any:
    if one.ndim == 0 or other.ndim == 0 or one.shape == other.shape:
        return one + other
    if one.ndim == other.ndim == 2 and all(a == b or 1 in (a, b) for a, b in zip(one.shape, other.shape, strict=True)):
        return one + other
    raise IllTyped(f"{one.shape} + {other.shape}")


def _times(one: Any, other: Any, operator: str) -> Any:
    if isinstance(one, Ones) or isinstance(other, Ones):
        return _with_ones(one, other)
    if operator in ("/", "./"):
        if other.ndim and one.shape != other.shape:
            raise IllTyped("a quotient")
        return one / other
    if one.ndim == 0 or other.ndim == 0:
        return one * other
    if operator in (".*",):
        if one.shape != other.shape:
            raise IllTyped("an elementwise product")
        return one * other
    if one.ndim == 1:
        if other.ndim == 2 and other.shape[0] == 1:
            return one[:, None] @ other
        raise IllTyped("a vector before a matrix")
    if one.shape[-1] != other.shape[0]:
        raise IllTyped("a matrix product")
    product = one @ other
    return product.reshape(()) if product.size == 1 and one.shape[0] == 1 and other.ndim == 1 else product


def _with_ones(one: Any, other: Any) -> Any:
    if isinstance(one, Ones) and isinstance(other, Ones):
        raise Unsupported("ones times ones")
    if isinstance(other, Ones):
        if one.ndim == 0:
            return Ones(other.row, other.scale * one)
        one = one * other.scale
        if other.row:
            if one.ndim == 2 and one.shape[0] > 1:
                raise Unsupported("a matrix before a row of ones")
            return one[:, None] if one.ndim == 1 else one
        return one.sum(-1).reshape(()) if one.ndim == 2 and one.shape[0] == 1 else one.sum(-1)
    if other.ndim == 0:
        return Ones(one.row, one.scale * other)
    other = other * one.scale
    if one.row:
        return other.sum(0) if other.ndim == 1 else other.sum(0)[None, :]
    return other


def _renamed(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    return t.transformed(tree, lambda node: values.get(node.text, node) if isinstance(node, t.Name) else node)


def defined_by(statement: Statement) -> str | None:
    head = statement.head
    match head:
        case t.Name(text=name) | t.Subscript(array=name) | t.Call(function=name):
            return name
    return None
