"""Line breaks of a statement that is too long: where the formatters of Python code (Black, Ruff) set them.

A statement is parsed and laid out as nested groups of text with optional breaks. Brackets come in three kinds: those
that the code has, those that were written around an operand, which stay, and those that are set around a whole right
side only because it needs several lines.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from derive.codegen.arrays.bracketing import SYMBOLS, links, may_stay_bare, needs_brackets
from derive.codegen.arrays.fitting import EDGE, SPACE, Broken, Doc, Group, Nest, expanded, flat, rendered

WIDTH = 100
_UNARY = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~", ast.Not: "not "}
_OPERATIONS = (ast.BinOp, ast.BoolOp, ast.Compare)


def broken(line: str, indent: int) -> list[str]:
    """The lines of a statement, or of a header that ends with a colon, `indent` levels deep."""
    pad = " " * (4 * indent)
    header = line.endswith(":")
    try:
        statement = ast.parse(f"{line} pass" if header else line).body[0]
    except SyntaxError:  # `else:` and the like, which are short
        return [pad + line]
    return [pad + text if text else "" for text in _Statement(line, WIDTH - len(pad)).lines(statement)]


class _Statement:
    """Prints one statement whose text is `line` within `width` columns."""

    def __init__(self, line: str, width: int) -> None:
        self.line, self.width = line, width

    def lines(self, statement: ast.stmt) -> list[str]:
        value: ast.expr | None = None
        match statement:
            case ast.Assign(value=value) | ast.AugAssign(value=value) | ast.Return(value=ast.expr() as value):
                pass
            case ast.AnnAssign(value=ast.expr() as value) | ast.Expr(value=value):
                pass
            case ast.If(test=value) | ast.While(test=value) | ast.For(iter=value):
                pass
            case ast.Delete(targets=targets) if len(targets) > 1:
                return self.rendered(["del ", *self.sequence(targets, "(", ")", optional=True)])
            case ast.Raise(exc=ast.expr() as value):
                pass
        if value is None:
            return [self.line]
        start, end = self.span(value)
        return self.laid(self.line[:start], value, self.line[end:])

    def laid(self, prefix: str, value: ast.expr, suffix: str) -> list[str]:
        """prefix + value + suffix, the value in brackets where it needs them to break."""
        if isinstance(value, ast.Tuple) and not self.is_bracketed(value):
            return self.rendered([prefix, *self.sequence(value.elts, "(", ")", optional=True), suffix])
        if needs_brackets(value, self):
            bare: list[Doc] = [prefix, *self.parts(value, inside=False), suffix]
            if len(prefix) + len(flat(bare[1:])) <= self.width or (
                may_stay_bare(value, self) and all(len(text) <= self.width for text in expanded(bare))
            ):
                return self.rendered(bare)
            inner = Group(
                (Broken("("), Nest((EDGE, *self.parts(value, inside=True))), EDGE, Broken(")")),
            )
            return self.rendered([prefix, inner, suffix])
        return self.rendered([prefix, *self.parts(value, inside=False), suffix])

    def rendered(self, parts: Sequence[Doc]) -> list[str]:
        return rendered(parts, self.width)

    # --- what the text says -----------------------------------------------------------------------------------------

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Start and end of a value, with the brackets around it."""
        start, end = _place(node)
        while self.line[:start].rstrip().endswith("(") and self.line[end:].lstrip().startswith(")"):
            start, end = len(self.line[:start].rstrip()) - 1, self.line.index(")", end) + 1
        return start, end

    def is_bracketed(self, node: ast.expr) -> bool:
        """Whether an operand has brackets of its own around it; not to be asked of the only argument of a call."""
        start, end = _place(node)
        if isinstance(node, (ast.Tuple, ast.GeneratorExp)) and self.line[start] == "(":
            return True
        return self.line[:start].rstrip().endswith("(") and self.line[end:].lstrip().startswith(")")

    # --- expressions ------------------------------------------------------------------------------------------------

    def operand(self, node: ast.expr, *, inside: bool) -> list[Doc]:
        """A part of a larger expression, in the brackets that it was written in."""
        if self.is_bracketed(node) and not isinstance(node, (ast.Tuple, ast.GeneratorExp)):
            return [Group(("(", Nest((EDGE, *self.parts(node, inside=True))), EDGE, ")"))]
        return self.parts(node, inside=inside)

    def parts(self, node: ast.expr, *, inside: bool) -> list[Doc]:
        """inside : whether there are brackets around, so that a line may end at an operator."""
        match node:
            case ast.BinOp() | ast.BoolOp() | ast.Compare():
                return self.grouped(self.operations(self.flattened(node), inside=inside), inside=inside)
            case ast.UnaryOp(op=op, operand=operand):
                return [_UNARY[type(op)], *self.operand(operand, inside=inside)]
            case ast.IfExp(test=test, body=body, orelse=orelse):
                gap: Doc = SPACE if inside else " "
                made = [
                    *self.operand(body, inside=inside),
                    gap,
                    "if ",
                    *self.operand(test, inside=inside),
                    gap,
                    "else ",
                ]
                return self.grouped([*made, *self.operand(orelse, inside=inside)], inside=inside)
            case ast.Call() | ast.Attribute() | ast.Subscript():
                chain = self.chain(node, breaks=inside and links(node, self) > 1)
                return [Group(tuple(chain))] if inside else chain
            case ast.Tuple(elts=items):
                return list(self.sequence(items, "(", ")"))
            case ast.List(elts=items):
                return list(self.sequence(items, "[", "]"))
            case ast.Dict(keys=keys, values=values):
                pairs = [self.pair(key, value) for key, value in zip(keys, values, strict=True)]
                return [_bracketed("{", pairs, "}", single=False)]
            case ast.GeneratorExp():
                return [Group(("(", Nest((EDGE, *self.generator(node))), EDGE, ")"))]
            case ast.ListComp():
                return [Group(("[", Nest((EDGE, *self.generator(node))), EDGE, "]"))]
            case ast.Starred(value=value):
                return ["*", *self.operand(value, inside=inside)]
        start, end = _place(node)
        return [self.line[start:end]]

    @staticmethod
    def grouped(parts: list[Doc], *, inside: bool) -> list[Doc]:
        return [Group(tuple(parts))] if inside else parts

    def flattened(self, node: ast.expr) -> list[ast.expr | tuple[str, int]]:
        """Operands and operators from left to right, also of the operations in it that have no brackets."""
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                return [*self.unfolded(left), SYMBOLS[type(op)], *self.unfolded(right)]
            case ast.BoolOp(op=op, values=values):
                found = [part for value in values for part in (SYMBOLS[type(op)], *self.unfolded(value))]
                return found[1:]
            case ast.Compare(left=left, ops=ops, comparators=others):
                found = self.unfolded(left)
                for compared, other in zip(ops, others, strict=True):
                    found = [*found, SYMBOLS[type(compared)], *self.unfolded(other)]
                return found
        return [node]

    def unfolded(self, node: ast.expr) -> list[ast.expr | tuple[str, int]]:
        if isinstance(node, _OPERATIONS) and not self.is_bracketed(node):
            return self.flattened(node)
        return [node]

    def operations(self, items: Sequence[ast.expr | tuple[str, int]], *, inside: bool) -> list[Doc]:
        """A break before each of the operators that bind loosest; what binds tighter is a group of its own."""
        if len(items) == 1:
            (only,) = items
            assert isinstance(only, ast.expr)
            return self.operand(only, inside=inside)
        least = min(item[1] for item in items if isinstance(item, tuple))
        made: list[Doc] = []
        start = 0
        for place, item in enumerate(items):
            if isinstance(item, tuple) and item[1] == least:
                made += self.side(items[start:place], inside=inside)
                hugs = item[0] == "**" and all(map(_is_plain, (items[place - 1], items[place + 1])))
                made += [(EDGE if hugs else SPACE) if inside else "" if hugs else " ", item[0], "" if hugs else " "]
                start = place + 1
        return [*made, *self.side(items[start:], inside=inside)]

    def side(self, items: Sequence[ast.expr | tuple[str, int]], *, inside: bool) -> list[Doc]:
        made = self.operations(items, inside=inside)
        return self.grouped(made, inside=inside) if len(items) > 1 else made

    def chain(self, node: ast.expr, *, breaks: bool) -> list[Doc]:
        """a.f(x).g[y]: with `breaks`, a line may end before the second method and each after it."""
        if self.is_bracketed(node) and isinstance(node, _OPERATIONS):
            return self.operand(node, inside=True)
        match node:
            case ast.Call(func=func, args=arguments, keywords=keywords):
                return [*self.link(func, breaks=breaks), *self.arguments(arguments, keywords)]
            case ast.Subscript(value=value, slice=inner):
                return [*self.link(value, breaks=breaks), self.subscript(inner)]
            case ast.Attribute(value=value, attr=name):
                follows = isinstance(value, (ast.Call, ast.Subscript)) or self.is_bracketed(value)
                gap = [EDGE] if breaks and follows else []
                return [*self.link(value, breaks=breaks), *gap, f".{name}"]
        return self.operand(node, inside=breaks)

    def link(self, node: ast.expr, *, breaks: bool) -> list[Doc]:
        return self.operand(node, inside=True) if self.is_bracketed(node) else self.chain(node, breaks=breaks)

    def arguments(self, arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword]) -> list[Doc]:
        if not arguments and not keywords:
            return ["()"]
        if len(arguments) == 1 and not keywords and isinstance(arguments[0], ast.GeneratorExp):
            return [Group(("(", Nest((EDGE, Group(tuple(self.generator(arguments[0]))))), EDGE, ")"))]
        items = [tuple(self.item(each)) for each in arguments]
        items += [(f"{each.arg}=" if each.arg else "**", *self.item(each.value)) for each in keywords]
        if len(arguments) == 1 and not keywords:
            items = [tuple(self.parts(arguments[0], inside=True))]
        return [Group(("(", Nest((EDGE, Group((*_joined(items), Broken(","))))), EDGE, ")"))]

    def item(self, node: ast.expr) -> list[Doc]:
        return self.operand(node, inside=True)

    def subscript(self, node: ast.expr) -> Doc:
        items = node.elts if isinstance(node, ast.Tuple) and not self.is_bracketed(node) else [node]
        made = [tuple(self.slice(each)) for each in items]
        comma: tuple[Doc, ...] = (Broken(","),) if len(items) > 1 else ()
        if isinstance(node, ast.Tuple) and len(items) == 1 and items[0] is not node:
            comma = (",",)
        return Group(("[", Nest((EDGE, Group((*_joined(made), *comma)))), EDGE, "]"))

    def slice(self, node: ast.expr) -> list[Doc]:
        if not isinstance(node, ast.Slice):
            return self.operand(node, inside=True)
        ends = [node.lower, node.upper, node.step]
        wide = any(each is not None and not _is_simple_bound(each) for each in ends)
        made: list[Doc] = []
        for place, each in enumerate(ends[: 3 if node.step else 2]):
            if place:
                made.append(" :" if wide and made and made[-1] != ":" else ":")
            if each is not None:
                made += [*([" "] if wide and place else []), *self.operand(each, inside=True)]
        return made

    def sequence(self, items: Sequence[ast.expr], opening: str, closing: str, *, optional: bool = False) -> list[Doc]:
        made = [tuple(self.item(each)) for each in items]
        if optional:
            return [Group((Broken(opening), Nest((EDGE, *_joined(made), Broken(","))), EDGE, Broken(closing)))]
        return [_bracketed(opening, made, closing, single=opening == "(" and len(made) == 1)]

    def pair(self, key: ast.expr | None, value: ast.expr) -> tuple[Doc, ...]:
        return (*(self.item(key) if key else ["**"]), ": " if key else "", *self.item(value))

    def generator(self, node: ast.GeneratorExp | ast.ListComp) -> Iterator[Doc]:
        yield from self.grouped(self.operand(node.elt, inside=True), inside=True)
        for each in node.generators:
            yield SPACE
            yield Group(
                ("for ", *self.operand(each.target, inside=True), " in ", *self.operand(each.iter, inside=True))
            )
            for test in each.ifs:
                yield from (SPACE, "if ", *self.operand(test, inside=True))


def _place(node: ast.expr) -> tuple[int, int]:
    assert node.end_col_offset is not None
    return node.col_offset, node.end_col_offset


def _joined(items: Sequence[Sequence[Doc]]) -> list[Doc]:
    return [part for place, item in enumerate(items) for part in (*((",", SPACE) if place else ()), *item)]


def _bracketed(opening: str, items: Sequence[Sequence[Doc]], closing: str, *, single: bool) -> Doc:
    if not items:
        return opening + closing
    comma: Doc = "," if single else Broken(",")
    return Group((opening, Nest((EDGE, *_joined(items), comma)), EDGE, closing))


def _is_plain(node: object) -> bool:
    """Whether ** stands close to it."""
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.Attribute(value=value):
            return _is_plain(value)
        case ast.UnaryOp(op=op, operand=operand):
            return not isinstance(op, ast.Not) and _is_plain(operand)
    return False


def _is_simple_bound(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_simple_bound(node.operand)
    return isinstance(node, (ast.Name, ast.Constant))
