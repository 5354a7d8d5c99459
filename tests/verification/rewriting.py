"""Rules that leave a formula's value alone, and chains of them: other ways to write what is right."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from derive import tree as t
from derive.reading.latex.rows import Statement
from derive.tree import Tree

ONE, TWO = t.Number("1"), t.Number("2")
HALF = t.Product((("*", ONE), ("/", TWO)))
SCALAR_FUNCTIONS = frozenset({"exp", "log", "sin", "cos", "tanh", "sigmoid", "sqrt", "relu", "abs", "sech"})
MATRIX = ("", "*", "@")
#: Calls whose arguments stand as they are: sizes, places, and e' of the sheet, which names one argument of two.
WHOLE = frozenset({"entry", "overline", "cases", "pad", "prime", "e"})


@dataclass
class Context:
    """What rules must know: ranks of names, equations that may be inlined, letters in use."""

    ranks: Mapping[str, int | None]
    equations: Sequence[Statement]
    letters: set[str]
    families: frozenset[str]
    kronecker: bool
    rng: random.Random
    bound: set[str] = field(default_factory=set)

    def fresh(self) -> str:
        """An index letter that is not in use."""
        names: tuple[str, ...] = (*"uvgrqhxsabwop", *(f"q{number}" for number in range(1, 200)))
        found = next(name for name in names if name not in self.letters and name not in self.ranks)
        self.letters.add(found)
        return found

    def rank(self, tree: Tree) -> int | None:
        """0 for what is certainly a number, None where that is not known."""
        match tree:
            case t.Number() | t.Indicator():
                return 0
            case t.Name(text=name):
                return self.ranks.get(name, 0 if name in self.letters or name in ("pi", "e") else None)
            case t.Subscript(array=name, indices=indices):
                whole = self.ranks.get(name)
                entries = len(indices) - (name in self.families)
                return 0 if name == "delta" else None if whole is None else 0 if entries >= whole else None
            case t.Negative(body=body) | t.Reduction(body=body):
                return self.rank(body)
            case t.Transpose():
                return None
            case t.Sum(terms=parts) | t.Product(factors=parts):
                return 0 if all(self.rank(part) == 0 for _, part in parts) else None
            case t.Power(base=base):
                return self.rank(base)
            case t.Call(function=name, arguments=arguments):
                if name in ("entry", "tr", "norm"):
                    return 0
                return 0 if all(self.rank(each) == 0 for each in arguments) else None
            case t.Derivative(of=of, by=by):
                return 0 if self.rank(of) == 0 and self.rank(by) == 0 else None
        return None

    def scalar(self, *trees: Tree) -> bool:
        return all(self.rank(tree) == 0 for tree in trees)


Rule = Callable[[Tree, Context], Iterator[Tree]]


def commute_terms(tree: Tree, context: Context) -> Iterator[Tree]:
    if isinstance(tree, t.Sum):
        terms = list(tree.terms)
        context.rng.shuffle(terms)
        yield _sum(terms)


def commute_factors(tree: Tree, context: Context) -> Iterator[Tree]:
    if isinstance(tree, t.Product) and context.scalar(tree):
        if all(operator != "/" for operator, _ in tree.factors):
            parts = [part for _, part in tree.factors]
            context.rng.shuffle(parts)
            yield _product(parts)
        elif len(tree.factors) == 3 and tree.factors[2][0] != "/" and tree.factors[1][0] == "/":
            (_, a), (_, b), (_, c) = tree.factors
            yield t.Product((("*", c), ("*", a), ("/", b)))


def associate(tree: Tree, context: Context) -> Iterator[Tree]:
    if isinstance(tree, t.Sum) and len(tree.terms) > 2:
        cut = context.rng.randrange(1, len(tree.terms) - 1)
        yield t.Sum((*tree.terms[:cut], ("+", _sum(tree.terms[cut:]))))
    if isinstance(tree, t.Product) and len(tree.factors) > 2 and all(o in MATRIX for o, _ in tree.factors):
        cut = context.rng.randrange(1, len(tree.factors) - 1)
        if context.scalar(tree):
            first, rest = tree.factors[:cut], tree.factors[cut:]
            yield t.Product((*first, ("*", t.Product((("*", rest[0][1]), *rest[1:])))))


def distribute(tree: Tree, context: Context) -> Iterator[Tree]:
    if isinstance(tree, t.Product) and context.scalar(tree) and all(o != "/" for o, _ in tree.factors):
        for k, (_, part) in enumerate(tree.factors):
            if isinstance(part, t.Sum):
                others = [each for j, (_, each) in enumerate(tree.factors) if j != k]
                yield _sum([(sign, _product([*others, term])) for sign, term in part.terms])
    if isinstance(tree, t.Product) and tree.factors[-1][0] == "/" and len(tree.factors) == 2:
        (_, above), (_, below) = tree.factors
        if isinstance(above, t.Sum) and context.scalar(above, below):
            yield t.Sum(tuple((sign, t.Product((("*", term), ("/", below)))) for sign, term in above.terms))


def factor_out(tree: Tree, context: Context) -> Iterator[Tree]:
    if isinstance(tree, t.Sum) and context.scalar(tree):
        parts = [_factors(term) for _, term in tree.terms]
        for common in parts[0]:
            if all(common in each for each in parts):
                rest = []
                for (sign, _), each in zip(tree.terms, parts, strict=True):
                    left = list(each)
                    left.remove(common)
                    rest.append((sign, _product(left)))
                yield t.Product((("*", common), ("*", _sum(rest))))


def signs(tree: Tree, context: Context) -> Iterator[Tree]:
    if isinstance(tree, t.Sum):
        yield t.Negative(_sum([("-" if sign == "+" else "+", term) for sign, term in tree.terms]))
        yield t.Sum(
            tuple(
                (sign, term) if k == 0 else ("-" if sign == "+" else "+", t.Negative(term))
                for k, (sign, term) in enumerate(tree.terms)
            )
        )
    if isinstance(tree, t.Negative) and isinstance(tree.body, t.Product):
        (operator, first), *rest = tree.body.factors
        yield t.Product(((operator, t.Negative(first)), *rest))
    if context.scalar(tree):
        yield t.Negative(t.Negative(tree))
        if isinstance(tree, t.Negative):
            yield t.Product((("*", t.Negative(ONE)), ("*", tree.body)))


def neutral(tree: Tree, context: Context) -> Iterator[Tree]:
    if context.scalar(tree) and not isinstance(tree, t.Number):
        yield t.Product((("*", ONE), ("*", tree)))
        yield t.Product((("*", tree), ("/", ONE)))
        yield t.Sum((("+", tree), ("+", t.Number("0"))))
        yield t.Sum((("+", t.Product((("*", HALF), ("*", tree)))), ("+", t.Product((("*", tree), ("/", TWO))))))
        yield t.Sum((("+", t.Product((("*", TWO), ("*", tree)))), ("-", tree)))


def powers(tree: Tree, context: Context) -> Iterator[Tree]:
    match tree:
        case t.Power(base=base, exponent=t.Number(text="2")) if context.scalar(base):
            yield t.Product((("*", base), ("*", base)))
        case t.Product(factors=((_, one), (operator, other))) if operator in MATRIX and one == other:
            if context.scalar(one):
                yield t.Power(one, TWO)
        case t.Product(factors=((_, above), ("/", below))) if context.scalar(above, below):
            yield t.Product((("*", above), ("*", t.Power(below, t.Negative(ONE)))))
            yield t.Product((("*", t.Product((("*", ONE), ("/", below)))), ("*", above)))
            yield t.Product(
                (("*", t.Product((("*", TWO), ("*", above)))), ("/", t.Product((("*", TWO), ("*", below)))))
            )
        case t.Call(function="sqrt", arguments=(inner,)) if context.scalar(inner):
            yield t.Power(inner, HALF)
            yield t.Product((("*", inner), ("/", tree)))
        case t.Number(text="2"):
            yield t.Product((("*", t.Number("4")), ("/", TWO)))
        case t.Power(base=base, exponent=t.Number(text="3")) if context.scalar(base):
            yield t.Product((("*", base), ("*", t.Power(base, TWO))))


def functions(tree: Tree, context: Context) -> Iterator[Tree]:
    if isinstance(tree, t.Call) and tree.function in SCALAR_FUNCTIONS and len(tree.arguments) == 1:
        u = tree.arguments[0]
        if not context.scalar(u):
            return
        twice = t.Product((("*", TWO), ("*", u)))
        if tree.orders == (1,) and tree.function == "sigmoid":
            own = replace(tree, orders=())
            yield t.Product((("*", own), ("*", t.Sum((("+", ONE), ("-", own))))))
            yield t.Sum((("+", own), ("-", t.Power(own, TWO))))
        if any(tree.orders):
            return
        match tree.function:
            case "sigmoid":
                yield t.Product((("*", ONE), ("/", t.Sum((("+", ONE), ("+", _call("exp", t.Negative(u))))))))
                yield t.Sum((("+", ONE), ("-", _call("sigmoid", t.Negative(u)))))
                half = t.Product((("*", u), ("/", TWO)))
                yield t.Product((("*", t.Sum((("+", ONE), ("+", _call("tanh", half))))), ("/", TWO)))
            case "tanh":
                yield t.Sum((("+", t.Product((("*", TWO), ("*", _call("sigmoid", twice))))), ("-", ONE)))
                yield t.Sum(
                    (("+", ONE), ("-", t.Product((("*", TWO), ("/", t.Sum((("+", ONE), ("+", _call("exp", twice)))))))))
                )
                yield t.Product((("*", _call("sinh", u)), ("/", _call("cosh", u))))
            case "exp":
                yield t.Product((("*", ONE), ("/", _call("exp", t.Negative(u)))))
                if isinstance(u, t.Sum):
                    yield _product([_call("exp", t.Negative(term) if sign == "-" else term) for sign, term in u.terms])
            case "log":
                yield t.Negative(_call("log", t.Product((("*", ONE), ("/", u)))))
            case "relu":
                yield t.Product((("*", u), ("*", t.Indicator((u, t.Number("0")), (">",)))))
                yield _call("max", t.Number("0"), u)
            case "sin":
                yield t.Negative(_call("sin", t.Negative(u)))
            case "cos":
                yield _call("cos", t.Negative(u))
                yield t.Sum(
                    (
                        ("+", ONE),
                        (
                            "-",
                            t.Product(
                                (("*", TWO), ("*", t.Power(_call("sin", t.Product((("*", u), ("/", TWO)))), TWO)))
                            ),
                        ),
                    )
                )
    match tree:
        case t.Sum(
            terms=(
                ("+", t.Number(text="1")),
                ("-", t.Power(base=t.Call(function="tanh", arguments=(u,)), exponent=t.Number(text="2"))),
            )
        ):
            if context.scalar(u):
                yield t.Power(_call("sech", u), TWO)


def rename_bound(tree: Tree, context: Context) -> Iterator[Tree]:
    if isinstance(tree, t.Reduction):
        k = context.rng.randrange(len(tree.bound))
        old, new = tree.bound[k], context.fresh()
        bound = tuple(new if name == old else name for name in tree.bound)
        body = _renamed(tree.body, old, t.Name(new))
        if body is not None:
            yield replace(tree, bound=bound, body=body)


def sums(tree: Tree, context: Context) -> Iterator[Tree]:
    if isinstance(tree, t.Reduction) and tree.operator == "sum":
        if len(tree.bound) == 2 and not tree.limits:
            yield t.Reduction("sum", tree.bound[:1], t.Reduction("sum", tree.bound[1:], tree.body))
            yield t.Reduction("sum", tree.bound[1:], t.Reduction("sum", tree.bound[:1], tree.body))
        inner = tree.body
        if isinstance(inner, t.Reduction) and inner.operator == "sum" and not tree.limits and not inner.limits:
            yield t.Reduction("sum", (*tree.bound, *inner.bound), inner.body)
            yield t.Reduction("sum", inner.bound, t.Reduction("sum", tree.bound, inner.body))
        if isinstance(inner, t.Sum) and _all_bind(tree, [term for _, term in inner.terms]):
            yield t.Sum(tuple((sign, replace(tree, body=term)) for sign, term in inner.terms))
        if isinstance(inner, t.Negative):
            yield t.Negative(replace(tree, body=inner.body))
        if isinstance(inner, t.Product) and all(o in MATRIX for o, _ in inner.factors) and context.scalar(inner):
            outside = [part for _, part in inner.factors if not set(tree.bound) & set(t.names_in(part))]
            inside = [part for _, part in inner.factors if set(tree.bound) & set(t.names_in(part))]
            if outside and inside:
                yield _product([*outside, replace(tree, body=_product(inside))])
    if isinstance(tree, t.Product) and all(o in MATRIX for o, _ in tree.factors) and context.scalar(tree):
        for k, (_, part) in enumerate(tree.factors):
            others = [each for j, (_, each) in enumerate(tree.factors) if j != k]
            outer = {name for each in others for name in t.names_in(each)}
            if isinstance(part, t.Reduction) and part.operator == "sum" and not outer & set(part.bound):
                yield replace(part, body=_product([*others, part.body]))


def deltas(tree: Tree, context: Context) -> Iterator[Tree]:
    """x_i = sum_k delta_ik x_k."""
    if isinstance(tree, t.Subscript) and context.kronecker and context.scalar(tree) and tree.array in context.ranks:
        for place, index in enumerate(tree.indices):
            if isinstance(index, t.Name) and index.text in context.letters - context.bound and not tree.layer:
                new = t.Name(context.fresh())
                moved = replace(tree, indices=(*tree.indices[:place], new, *tree.indices[place + 1 :]))
                delta = t.Subscript("delta", (index, new))
                yield t.Reduction("sum", (new.text,), t.Product((("*", delta), ("*", moved))))
                indicator = t.Indicator((new, index), ("=",))
                yield t.Reduction("sum", (new.text,), t.Product((("*", moved), ("*", indicator))))


def inline(tree: Tree, context: Context) -> Iterator[Tree]:
    """What an equation of the problem says in place of its left side."""
    if isinstance(tree, (t.Name, t.Subscript)) and context.scalar(tree):
        for equation in context.equations:
            head, right = equation.head, equation.links[0].tree
            if isinstance(tree, t.Name) and head == tree:
                yield _apart(right, context)
            if isinstance(tree, t.Subscript) and isinstance(head, t.Subscript) and head.array == tree.array:
                letters = [i.text if isinstance(i, t.Name) else "" for i in head.indices]
                if "" in letters or len(set(letters)) < len(letters) or len(letters) != len(tree.indices):
                    continue
                if any(letter in context.ranks for letter in letters):
                    continue
                if tree.layer:
                    continue  # the equation of the first layer is another one
                apart: Tree | None = _apart(right, context)
                marks = {letter: t.Name(f"{letter}!") for letter in letters}
                for letter in letters:
                    apart = None if apart is None else _renamed(apart, letter, marks[letter])
                for letter, index in zip(letters, tree.indices, strict=True):
                    apart = None if apart is None else _renamed(apart, f"{letter}!", index)
                if apart is not None:
                    yield apart


def transposes(tree: Tree, context: Context) -> Iterator[Tree]:
    if isinstance(tree, t.Transpose) and isinstance(tree.body, t.Product):
        factors = tree.body.factors
        if all(o in MATRIX for o, _ in factors) and all(_is_matrix(part, context) for _, part in factors):
            parts = [t.Transpose(part) for _, part in reversed(factors)]
            yield t.Product((("*", parts[0]), *(("", part) for part in parts[1:])))
    if isinstance(tree, t.Product) and len(tree.factors) == 2 and tree.factors[1][0] in MATRIX:
        (_, one), (_, other) = tree.factors
        if _is_matrix(one, context) and _is_matrix(other, context):
            yield t.Transpose(t.Product((("*", _turned(other)), ("", _turned(one)))))
    if _is_matrix(tree, context):
        yield t.Transpose(t.Transpose(tree))


RULES: dict[str, Rule] = {
    "commute terms": commute_terms, "commute factors": commute_factors, "associate": associate,
    "distribute": distribute, "factor out": factor_out, "signs": signs, "neutral": neutral, "powers": powers,
    "functions": functions,
    "rename bound": rename_bound, "sums": sums, "deltas": deltas, "inline": inline, "transposes": transposes,
}  # fmt: skip


def rewritten(tree: Tree, context: Context, depth: int, often: Mapping[str, int]) -> tuple[Tree, list[str]]:
    """The tree after `depth` rules at random places, and their names; rules that were used `often` are rarer."""
    used: list[str] = []
    for _ in range(depth):
        context.bound = {name for node in t.walk(tree) if isinstance(node, t.Reduction) for name in node.bound}
        found = [
            (name, path, changed)
            for path, node, indexed in _places(tree)
            if not indexed
            for name, rule in context.rng.sample(list(RULES.items()), 7)
            for changed in rule(node, context)
            if changed != node
        ]
        if not found:
            continue
        names = sorted({name for name, _, _ in found})
        (chosen,) = context.rng.choices(names, [1 / (1 + often.get(each, 0)) for each in names])
        name, path, changed = context.rng.choice([each for each in found if each[0] == chosen])
        tree = _replaced(tree, path, changed)
        used.append(name)
    return tree, used


def index_form(statement_head: Tree, tree: Tree, context: Context) -> tuple[Tree, Tree] | None:
    """M = A B as M_ij = sum_k A_ik B_kj, for a matrix M."""
    if not isinstance(statement_head, t.Name) or context.ranks.get(statement_head.text) != 2:
        return None
    i, j = t.Name(context.fresh()), t.Name(context.fresh())
    right = _entry(tree, i, j, context)
    return None if right is None else (t.Subscript(statement_head.text, (i, j)), right)


def _entry(tree: Tree, i: Tree, j: Tree, context: Context) -> Tree | None:
    match tree:
        case t.Name(text=name) if context.ranks.get(name) == 2:
            return t.Subscript(name, (i, j))
        case t.Transpose(body=body):
            return _entry(body, j, i, context)
        case t.Negative(body=body):
            inner = _entry(body, i, j, context)
            return None if inner is None else t.Negative(inner)
        case t.Sum(terms=terms):
            parts = [(sign, _entry(term, i, j, context)) for sign, term in terms]
            return (
                None
                if any(part is None for _, part in parts)
                else t.Sum(tuple((s, p) for s, p in parts if p is not None))
            )
        case t.Product(factors=((_, one), (operator, other))):
            if context.scalar(one) and operator in MATRIX:
                inner = _entry(other, i, j, context)
                return None if inner is None else t.Product((("*", one), ("*", inner)))
            if operator == ".*":
                a, b = _entry(one, i, j, context), _entry(other, i, j, context)
                return None if a is None or b is None else t.Product((("*", a), ("*", b)))
            if operator in MATRIX and _is_matrix(one, context) and _is_matrix(other, context):
                k = t.Name(context.fresh())
                a, b = _entry(one, i, k, context), _entry(other, k, j, context)
                return (
                    None if a is None or b is None else t.Reduction("sum", (k.text,), t.Product((("*", a), ("*", b))))
                )
    return None


def _is_matrix(tree: Tree, context: Context) -> bool:
    match tree:
        case t.Name(text=name):
            return context.ranks.get(name) == 2
        case t.Transpose(body=body):
            return _is_matrix(body, context)
    return False


def _turned(tree: Tree) -> Tree:
    return tree.body if isinstance(tree, t.Transpose) else t.Transpose(tree)


def _all_bind(tree: t.Reduction, terms: Sequence[Tree]) -> bool:
    """Whether each term alone says how far every bound index runs."""
    if tree.limits:
        return True
    return all(
        any(isinstance(n, t.Subscript) and n.array != "delta" and t.Name(b) in n.indices for n in t.walk(term))
        for term in terms
        for b in tree.bound
    )


def _apart(tree: Tree, context: Context) -> Tree:
    """The tree with new letters for its bound indices."""
    for node in list(t.walk(tree)):
        if isinstance(node, t.Reduction):
            for old in node.bound:
                new = context.fresh()

                def change(each: Tree, old: str = old, new: str = new) -> Tree:
                    if isinstance(each, t.Name) and each.text == old:
                        return t.Name(new)
                    if isinstance(each, t.Reduction):
                        return replace(each, bound=tuple(new if name == old else name for name in each.bound))
                    return each

                tree = t.transformed(tree, change)
    return tree


def _renamed(tree: Tree, old: str, new: Tree) -> Tree | None:
    """The tree with a free name replaced; None where it is bound inside."""
    if any(isinstance(node, t.Reduction) and old in node.bound for node in t.walk(tree)):
        return None
    return t.transformed(tree, lambda node: new if isinstance(node, t.Name) and node.text == old else node)


def _factors(tree: Tree) -> list[Tree]:
    if isinstance(tree, t.Product) and all(o in MATRIX for o, _ in tree.factors):
        return [part for _, part in tree.factors]
    return [tree]


def _sum(terms: Sequence[tuple[str, Tree]]) -> Tree:
    (sign, first), *rest = terms
    lead = t.Negative(first) if sign == "-" else first
    return t.Sum((("+", lead), *rest)) if rest else lead


def _product(parts: Sequence[Tree]) -> Tree:
    if not parts:
        return ONE
    return parts[0] if len(parts) == 1 else t.Product(tuple(("*", part) for part in parts))


def _call(name: str, *arguments: Tree) -> Tree:
    return t.Call(name, arguments)


def _places(tree: Tree) -> Iterator[tuple[tuple[int, ...], Tree, bool]]:
    stack: list[tuple[tuple[int, ...], Tree, bool]] = [((), tree, False)]
    while stack:
        path, node, indexed = stack.pop()
        yield path, node, indexed
        for k, child in enumerate(t.children(node)):
            below = indexed or isinstance(node, (t.Subscript, t.Derivative, t.Indicator))
            below = below or (isinstance(node, t.Reduction) and k > 0)
            below = below or (isinstance(node, t.Call) and (k >= len(node.arguments) or node.function in WHOLE))
            below = below or (isinstance(node, t.Power) and k == 1)
            stack.append(((*path, k), child, below))


def _replaced(tree: Tree, path: tuple[int, ...], changed: Tree) -> Tree:
    if not path:
        return changed
    parts = list(t.children(tree))
    parts[path[0]] = _replaced(parts[path[0]], path[1:], changed)
    return t.rebuilt(tree, tuple(parts))
