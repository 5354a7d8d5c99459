"""What a row says of sizes and indices as numbers, which agreement at a few sizes does not prove.

A sum over i < n holds for all n once it holds at a few; (n - 2)(n - 3) and [n > 20] do not. So a row needs one more
assignment of sizes than it mentions a size as a number, and every condition on whole numbers must have been met both
true and false.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from derive import tree as t
from derive.tree import Tree
from derive.verification import domains as d
from derive.verification.inputs import INTEGERS
from derive.verification.model import Model
from derive.verification.problems import Quantity

#: Most assignments of sizes that are tried for one row.
ASSIGNMENTS = 6
#: An index takes at least three values at some sizes, which decides polynomials of degree two.
INDEX_DEGREE = 2
#: Whole numbers with at most so many values have all of them in turn.
FEW = 8


def assignments_needed(trees: Sequence[Tree], model: Model) -> int:
    """One more than the degree of a row in any bare size: a bound is how often it stands there, with its powers."""
    counts: Counter[str] = Counter()
    indices: Counter[str] = Counter()
    for tree in trees:
        stack: list[tuple[Tree, int]] = [(tree, 1)]
        while stack:
            node, times = stack.pop()
            match node:
                case t.Name(text=name):
                    if _is_count(name, model):
                        counts[name] += times
                    elif _is_index(name, model):
                        indices[name] += times
                case t.Subscript() | t.Indicator():
                    continue
                case t.Reduction(body=body):
                    stack.append((body, times))
                    limits = (side for pair in node.limits if pair is not None for side in pair)
                    if any(_is_large(each) for side in limits for each in t.walk(side)):
                        counts["a limit"] += ASSIGNMENTS
                case t.Call(function="max" | "min" | "abs" | "sign" | "relu" | "floor", arguments=arguments):
                    inside = [{each.text for each in t.walk(part) if isinstance(each, t.Name)} for part in arguments]
                    if any(names and all(_is_count(name, model) for name in names) for names in inside):
                        counts["a size in a kink"] += ASSIGNMENTS
                    stack.extend((child, times) for child in arguments)
                case t.Power(base=base, exponent=t.Number() as exponent) if exponent.value.denominator == 1:
                    stack.append((base, times * max(1, abs(int(exponent.value)))))
                case _:
                    stack.extend((child, times) for child in t.children(node))
    if max(indices.values(), default=0) > INDEX_DEGREE:
        return ASSIGNMENTS + 1  # a polynomial of an index that may vanish at all of its values
    if any(times >= INTEGERS and _is_endless(name, model) for name, times in counts.items()):
        return ASSIGNMENTS + 1  # it is tried with fewer values than such a polynomial may have zeros
    return 1 + max(counts.values(), default=0)


def _is_count(name: str, model: Model) -> bool:
    return name in model.sizes or _is_integer(name, model)


def _is_index(name: str, model: Model) -> bool:
    """Whether a name that stands as a number is an index."""
    quantity = model.problem.quantities.get(name)
    if quantity is not None:
        return quantity.kind == "index"
    return (
        len(name) == 1
        and name != "e"
        and name not in model.equations
        and name not in model.defined
        and (name not in model.dummies and name not in model.problem.vocabulary.names)
    )


def _is_integer(name: str, model: Model) -> bool:
    quantity = model.problem.quantities.get(name)
    if quantity is None or quantity.value is not None:
        return False
    return _is_endless(name, model) or (quantity.kind == "integer" and not _is_run_through(quantity, model))


def _is_endless(name: str, model: Model) -> bool:
    """Whether a name is any whole number, of which only some are tried."""
    quantity = model.problem.quantities.get(name)
    if quantity is None or quantity.value is not None or quantity.kind == "index":
        return False
    listed = isinstance(quantity.domain, (d.Values, d.Range, d.Classes))
    return quantity.domain == d.Plain("integer") or (quantity.kind == "integer" and not listed)


def _is_run_through(quantity: Quantity, model: Model) -> bool:
    """Whether a whole number has so few values, the same at all sizes, that all of them are tried."""
    match quantity.domain:
        case d.Values(numbers=numbers):
            return len(numbers) <= FEW
        case d.Range(first=first, last=last) if not any(isinstance(n, t.Name) for n in (*t.walk(first), *t.walk(last))):
            return model.meaning.integer(last, {}) - model.meaning.integer(first, {}) < FEW
    return False


def one_sided(trees: Sequence[Tree], models: Sequence[Model], turned: Sequence[Model] = ()) -> t.Indicator | None:
    """A condition that compares with a number beyond the sizes tried, and came out the same at all of them.

    turned : models in which labels have other values; they tell something where those are all that there are.
    """
    for tree in trees:
        for node in t.walk(tree):
            if not isinstance(node, t.Indicator) or not names_a_number(node):
                continue
            endless = any(_is_endless(each.text, models[0]) for each in t.walk(node) if isinstance(each, t.Name))
            tried = models if endless else [*models, *turned]
            outcomes = set().union(*(model.meaning.outcomes.get(node, set()) for model in tried))
            if len(outcomes) == 1:
                return node
    return None


def names_a_number(tree: t.Indicator) -> bool:
    """Whether a literal above 1 stands in a condition."""
    return any(isinstance(node, t.Number) and node.value > 1 for side in tree.sides for node in t.walk(side))


def _is_large(tree: Tree) -> bool:
    """A literal that sizes tried may not reach."""
    return isinstance(tree, t.Number) and tree.value > 2
