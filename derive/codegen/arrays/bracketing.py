"""Which right sides get brackets of their own when they are too long for a line, by the rules of Black and Ruff."""

from __future__ import annotations

import ast
from typing import Protocol

SYMBOLS: dict[type[ast.AST], tuple[str, int]] = {
    ast.Or: ("or", 1), ast.And: ("and", 2),
    ast.Eq: ("==", 4), ast.NotEq: ("!=", 4), ast.Lt: ("<", 4), ast.LtE: ("<=", 4), ast.Gt: (">", 4),
    ast.GtE: (">=", 4), ast.Is: ("is", 4), ast.IsNot: ("is not", 4), ast.In: ("in", 4), ast.NotIn: ("not in", 4),
    ast.BitOr: ("|", 5), ast.BitXor: ("^", 6), ast.BitAnd: ("&", 7),
    ast.Add: ("+", 9), ast.Sub: ("-", 9), ast.Mult: ("*", 10), ast.Div: ("/", 10), ast.FloorDiv: ("//", 10),
    ast.Mod: ("%", 10), ast.MatMult: ("@", 10), ast.Pow: ("**", 12),
}  # fmt: skip
_CONDITIONAL, _ATTRIBUTE, _NONE = 0, 13, 14


class Written(Protocol):
    """A statement that knows which of its parts were written in brackets."""

    def is_bracketed(self, node: ast.expr) -> bool: ...


def links(node: ast.expr, text: Written) -> int:
    """How many attributes of a chain stand behind brackets: from two on they get lines of their own."""
    count = 0
    while True:
        match node:
            case ast.Attribute(value=value):
                count += isinstance(value, (ast.Call, ast.Subscript)) or text.is_bracketed(value)
                node = value
            case ast.Call(func=value) | ast.Subscript(value=value):
                node = value
            case _:
                return count
        if text.is_bracketed(node):
            return count


def needs_brackets(node: ast.expr, text: Written) -> bool:
    """Whether a right side has places to break that are no brackets of its own."""
    match node:
        case ast.BinOp() | ast.BoolOp() | ast.Compare() | ast.IfExp() | ast.UnaryOp():
            return True
        case ast.Call() | ast.Attribute() | ast.Subscript():
            return links(node, text) > 1
    return False


def may_stay_bare(node: ast.expr, text: Written) -> bool:
    """Whether it breaks better inside its own brackets: one operator, and brackets at one of its ends."""
    seen = _Seen(text)
    seen.visit(node, top=True)
    if not seen.brackets or seen.count > 1:
        return False
    if seen.loosest >= _ATTRIBUTE:
        return True
    return any(each is not None and _breaks_well(each, text) for each in (seen.first, seen.last))


def _breaks_well(node: ast.expr, text: Written) -> bool:
    """Whether it has brackets to break; a line does not end inside a subscript."""
    return text.is_bracketed(node) or (not isinstance(node, ast.Subscript) and _has_brackets(node, text))


def _has_brackets(node: ast.expr, text: Written) -> bool:
    if isinstance(node, (ast.Subscript, ast.List, ast.Dict, ast.GeneratorExp, ast.ListComp)) or text.is_bracketed(node):
        return True
    return isinstance(node, ast.Call) and bool(node.args or node.keywords)


class _Seen:
    """The loosest operator of an expression outside of brackets, how often it stands there, and what is at its ends."""

    def __init__(self, text: Written) -> None:
        self.text = text
        self.loosest, self.count, self.brackets = _NONE, 0, False
        self.first: ast.expr | None = None
        self.last: ast.expr | None = None
        self.opened = False

    def operator(self, precedence: int, count: int = 1) -> None:
        if precedence < self.loosest:
            self.loosest, self.count = precedence, count
        elif precedence == self.loosest:
            self.count += count

    def visit(self, node: ast.expr, *, top: bool = False) -> None:
        self.last = node
        if not top and self.text.is_bracketed(node):
            self.brackets = True
        else:
            self.inside(node)
        if not self.opened:
            self.first, self.opened = node, True

    def inside(self, node: ast.expr) -> None:
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                self.operator(SYMBOLS[type(op)][1])
                self.visit(left)
                self.visit(right)
            case ast.BoolOp(op=op, values=values):
                self.operator(SYMBOLS[type(op)][1], len(values) - 1)
                for value in values:
                    self.visit(value)
            case ast.Compare(left=left, comparators=others):
                self.operator(4, len(others))
                for value in (left, *others):
                    self.visit(value)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.operator(_CONDITIONAL, 2)
                for value in (body, test, orelse):
                    self.visit(value)
            case ast.UnaryOp(operand=operand):
                self.opened = True
                self.visit(operand)
            case ast.Call(func=value) | ast.Subscript(value=value):
                self.brackets = True
                self.visit(value)
                self.last = node
            case ast.Attribute(value=value):
                self.visit(value)
                if _has_brackets(value, self.text):
                    self.operator(_ATTRIBUTE)
                self.last = node
            case ast.Tuple() | ast.List() | ast.Dict() | ast.GeneratorExp() | ast.ListComp():
                self.brackets = True
