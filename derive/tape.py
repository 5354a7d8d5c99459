"""A tape of elementary operations with value numbering: equal operations on equal operands get one number.

It is the workshop of `derive.tracing`, `derive.recording` and the code emitters: everything that becomes a rank-0
Program is first pushed here, one operation at a time, without recursion.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Union

from derive import functions
from derive import tree as t
from derive.errors import UsageError
from derive.functions import Operation
from derive.tree import Tree

#: An operand on the tape: the number of an input or of an earlier row, or a constant.
Slot = Union[int, Tree]

_COMMUTE = frozenset({functions.OPERATIONS["add"], functions.OPERATIONS["mul"]})


class Tape:
    """rows[k] = (operation, operands) with number k; an input is a row whose operation is None.

    merge : whether equal operations share a number (an author's own lines are kept apart).
    reordered : for rows that were also pushed with their operands in the other order, these operands.
    """

    __slots__ = ("keys", "merge", "reordered", "rows")

    def __init__(self, *, merge: bool = True) -> None:
        self.rows: list[tuple[Operation | None, tuple[Slot, ...]]] = []
        self.keys: dict[object, int] = {}
        self.reordered: dict[int, tuple[Slot, ...]] = {}
        self.merge = merge

    def input(self) -> int:
        self.rows.append((None, ()))
        return len(self.rows) - 1

    def push(self, operation: Operation, *operands: Slot) -> int:
        """The number of this operation on these operands, new or found."""
        if not self.merge:
            self.rows.append((operation, operands))
            return len(self.rows) - 1
        key: object = (operation, operands)
        if operation in _COMMUTE:
            left, right = operands
            if isinstance(left, int) and isinstance(right, int) and left > right:
                key = (operation, (right, left))
        number = self.keys.get(key)
        if number is None:
            number = len(self.rows)
            self.keys[key] = number
            self.rows.append((operation, operands))
        elif operation in _COMMUTE and self.rows[number][1] != operands:
            self.reordered[number] = operands
        return number

    def add_tree(self, tree: Tree, names: dict[str, Slot]) -> Slot:
        """Push a scalar expression, from the leaves up and left to right; the number (or constant) of its value.

        names : what each name stands for. pi and e are constants where they are not in it.
        """
        done: list[Slot] = []
        stack: list[tuple[Tree, bool]] = [(tree, False)]
        while stack:
            node, ready = stack.pop()
            if not ready:
                if (constant := constant_of(node, names)) is not None:
                    done.append(constant)
                    continue
                if isinstance(node, t.Name):
                    done.append(names[node.text])
                    continue
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(operand_trees(node)))
                continue
            count = len(operand_trees(node))
            operands = done[len(done) - count :]
            del done[len(done) - count :]
            done.append(self._push_node(node, operands))
        return done[0]

    def _push_node(self, node: Tree, operands: list[Slot]) -> Slot:
        rows = functions.OPERATIONS
        match node:
            case t.Negative():
                return self.push(rows["neg"], operands[0])
            case t.Sum(terms=terms):
                return self._chain(operands, [{"+": "add", "-": "sub"}[sign] for sign, _ in terms])
            case t.Product():
                operators = [operator for operator, _ in grouped_factors(node)]
                return self._chain(operands, ["div" if operator in ("/", "./") else "mul" for operator in operators])
            case t.Power(base=base):
                if isinstance(base, t.Name) and operands[0] == base and base.text == "e":
                    return self.push(rows["exp"], operands[1])
                return self.push(rows["pow"], *operands)
            case t.Call(function=name):
                row = rows.get(functions.ALIASES.get(name, name))
                if row is None or row.arity != len(operands):
                    raise UsageError(f"{describe(node)} cannot stand in a scalar expression")
                return self.push(row, *operands)
            case t.Indicator(operators=operators):
                held = [
                    self.push(functions.COMPARISONS[operator], *operands[k : k + 2])
                    for k, operator in enumerate(operators)
                ]
                return self._chain(list(held), ["mul"] * len(held))
        raise UsageError(f"{describe(node)} cannot stand in a scalar expression")

    def _chain(self, operands: list[Slot], names: list[str]) -> Slot:
        """Left to right: ((a op b) op c)."""
        value = operands[0]
        for name, operand in zip(names[1:], operands[1:], strict=True):
            value = self.push(functions.OPERATIONS[name], value, operand)
        return value

    def reached(self, outputs: Iterable[Slot]) -> list[int]:
        """The numbers the outputs need, each after its operands: depth first, operands from left to right."""
        order: list[int] = []
        state: dict[int, bool] = {}
        stack: list[tuple[int, bool]] = [(k, False) for k in reversed([k for k in outputs if isinstance(k, int)])]
        rows = self.rows
        while stack:
            number, ready = stack.pop()
            if ready:
                state[number] = True
                order.append(number)
            elif number not in state:
                state[number] = False
                stack.append((number, True))
                for operand in reversed(rows[number][1]):
                    if isinstance(operand, int) and operand not in state:
                        stack.append((operand, False))
        return order


def grouped_factors(product: t.Product) -> tuple[tuple[str, Tree], ...]:
    """The factors, a leading quotient of two literals taken as one: 1/2*x is the constant 1/2 times x."""
    factors = product.factors
    if len(factors) > 2 and factors[1][0] == "/":
        first, second = factors[0][1], factors[1][1]
        if isinstance(first, t.Number) and isinstance(second, t.Number) and second.value:
            return (("*", t.Product(factors[:2])), *factors[2:])
    return factors


def operand_trees(node: Tree) -> tuple[Tree, ...]:
    if isinstance(node, t.Product):
        return tuple(factor for _, factor in grouped_factors(node))
    return t.children(node)


def constant_of(node: Tree, names: dict[str, Slot]) -> Tree | None:
    """The node itself, without positions, if it is one constant: a literal, a fraction of literals, pi or e."""
    match node:
        case t.Number(text=text):
            return t.Number(text)
        case t.Name(text=("pi" | "e") as text) if text not in names:
            return t.Name(text)
        case t.Negative(body=t.Number(text=text)):
            return t.Negative(t.Number(text))
        case t.Product(factors=(("*", t.Number() as upper), ("/", t.Number() as lower))) if lower.value:
            return t.Product((("*", t.Number(upper.text)), ("/", t.Number(lower.text))))
        case t.Product(factors=(("*", t.Negative(body=t.Number() as upper)), ("/", t.Number() as lower))) if (
            lower.value
        ):
            return t.Product((("*", t.Negative(t.Number(upper.text))), ("/", t.Number(lower.text))))  # -1/2 as read
        case t.Negative(body=t.Product() as body):
            inner = constant_of(body, names)
            return None if inner is None else t.Negative(inner)
    return None


def is_scalar(node: Tree) -> bool:
    """Whether this node (not those below) may stand in a scalar expression."""
    if isinstance(node, t.Call):
        row = functions.CALLABLE.get(functions.ALIASES.get(node.function, node.function))
        return row is not None and row.arity == len(node.arguments)
    return not isinstance(node, (t.Subscript, t.Reduction, t.Transpose, t.Relation))


def describe(node: Tree) -> str:
    match node:
        case t.Subscript(array=array):
            return f"an entry of the array {array}"
        case t.Reduction(operator=operator):
            return f"the reduction {operator}(...)"
        case t.Call(function=name, arguments=arguments):
            row = functions.CALLABLE.get(functions.ALIASES.get(name, name))
            if row is None:
                return f"the array function {name}(...)"
            return f"{name}(...) of {len(arguments)} instead of {row.arity} operands"
        case t.Transpose():
            return "a transpose"
        case t.Relation():
            return "an equation"
    return "this"
