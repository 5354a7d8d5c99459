"""The grammar of the plain notation, LALR(1), and the nodes its rules make: bottom-up while parsing, no recursion.

Loosest first: = ; + - ; * / @ .* ./ and side by side; minus sign; ^ (right to left) and ^T; calls and subscripts.
A reduction takes the rest of its term as its body. Chains of + and of * become one node; the author's brackets stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from derive import tree as t
from derive.errors import ReadingError
from derive.reading.lexer import Line, Token
from derive.tree import Span, Tree

if TYPE_CHECKING:
    from lark import Lark

GRAMMAR = r"""
?start: relation
?relation: sum                                  -> alone
    | sum (EQUALS sum)+                         -> relation
sum: product ((PLUS | MINUS) product)*
product: signed (TIMES signed | power)*
    | signed (TIMES signed | power)* TIMES tail
    | signed (TIMES signed | power)* reduction
    | tail
?tail: MINUS tail                               -> negative
    | reduction
reduction: REDUCER LPAR names RPAR product
names: NAME (COMMA NAME)*
?signed: MINUS signed                           -> negative
    | power
?power: postfix
    | postfix POWER exponent                    -> power
    | call_power
?exponent: MINUS exponent                       -> negative
    | atom
    | call_power
    | atom POWER exponent                       -> power
?postfix: atom
    | postfix TRANSPOSE                         -> transpose
?atom: NUMBER                                   -> number
    | NAME                                      -> name
    | LPAR sum RPAR                             -> group
    | FUNCTION LPAR arguments RPAR              -> call
    | NAME SUBSCRIPT arguments END_SUBSCRIPT    -> subscript
    | INDICATOR sum (COMPARE sum)+ END_INDICATOR -> indicator
call_power: FUNCTION_POWER NUMBER LPAR arguments RPAR
arguments: sum (COMMA sum)*
%declare NUMBER NAME FUNCTION FUNCTION_POWER REDUCER TRANSPOSE PLUS MINUS TIMES POWER EQUALS COMPARE COMMA
%declare LPAR RPAR SUBSCRIPT END_SUBSCRIPT INDICATOR END_INDICATOR
"""

#: What the grammar may expect, in words; several kinds share their words.
_OPERAND = "a number, a name, a function or an opening bracket"
_WORDS = {
    **dict.fromkeys(("NUMBER", "NAME", "FUNCTION", "LPAR", "REDUCER"), _OPERAND),
    **dict.fromkeys(("PLUS", "TIMES", "POWER"), "an operator"),
    **dict.fromkeys(("RPAR", "END_SUBSCRIPT", "END_INDICATOR"), "a closing bracket"),
    "COMMA": "a comma", "COMPARE": "a comparison such as = or <", "$END": "the end of the line",
}  # fmt: skip


class _Nodes:
    """One method for each rule: the children in order, tokens among them -> a node with its span."""

    def alone(self, parts: list[Any]) -> Any:
        return parts[0]

    def relation(self, parts: list[Any]) -> Tree:
        return t.Relation(tuple(parts[::2]), _across(parts))

    def sum(self, parts: list[Any]) -> Tree:
        if len(parts) == 1:
            return parts[0]  # type: ignore[no-any-return]
        signs = ("+", *(str(token) for token in parts[1::2]))
        return t.Sum(tuple(zip(signs, parts[::2], strict=True)), _across(parts))

    def product(self, parts: list[Any]) -> Tree:
        if len(parts) == 1:
            return parts[0]  # type: ignore[no-any-return]
        factors: list[tuple[str, Tree]] = []
        operator = "*"
        for part in parts:
            if isinstance(part, t.Operators):
                factors.append((operator, part))  # type: ignore[arg-type]
                operator = ""
            else:
                operator = str(part)
        return t.Product(tuple(factors), _across(parts))

    def names(self, parts: list[Any]) -> tuple[str, ...]:
        return tuple(str(part) for part in parts[::2])

    def reduction(self, parts: list[Any]) -> Tree:
        return t.Reduction(str(parts[0]), parts[2], parts[4], _across([parts[0], parts[4]]))

    def negative(self, parts: list[Any]) -> Tree:
        return t.Negative(parts[1], _across(parts))

    def power(self, parts: list[Any]) -> Tree:
        return t.Power(parts[0], parts[2], str(parts[1]) == ".^", _across(parts))

    def transpose(self, parts: list[Any]) -> Tree:
        return t.Transpose(parts[0], _across(parts))

    def number(self, parts: list[Any]) -> Tree:
        return t.Number(str(parts[0]), _across(parts))

    def name(self, parts: list[Any]) -> Tree:
        return t.Name(str(parts[0]), _across(parts))

    def group(self, parts: list[Any]) -> Tree:
        return replace(parts[1], at=_across(parts))  # type: ignore[no-any-return]

    def arguments(self, parts: list[Any]) -> tuple[Tree, ...]:
        return tuple(parts[::2])

    def call(self, parts: list[Any]) -> Tree:
        return t.Call(str(parts[0]), parts[2], _across(parts))

    def call_power(self, parts: list[Any]) -> Tree:
        span = _across(parts)
        return t.Power(t.Call(str(parts[0]), parts[3], span), self.number([parts[1]]), at=span)

    def subscript(self, parts: list[Any]) -> Tree:
        return t.Subscript(str(parts[0]), parts[2], _across(parts))

    def indicator(self, parts: list[Any]) -> Tree:
        inside = parts[1:-1]
        return t.Indicator(tuple(inside[::2]), tuple(map(str, inside[1::2])), _across(parts))


def _across(parts: list[Any]) -> Span:
    """From the first part to the last; a piece over several lines is marked at its first part."""
    first, last = _span(parts[0]), _span(parts[-1])
    return Span(first.line, first.column, last.end if last.line == first.line else first.end)


def _span(part: Any) -> Span:
    if isinstance(part, t.Operators):
        return part.at  # type: ignore[attr-defined, no-any-return]
    return Span(part.line, part.column, part.end_column)


@cache
def _parser() -> Lark:
    """Built at first use (some 50 ms) and kept for the process; no file, no pickle."""
    import lark  # only where something is read: a recorded function needs no grammar
    from lark.lexer import Lexer

    class Given(Lexer):  # type: ignore[misc]
        """Hands tokens that are already made to Lark."""

        def __init__(self, _: Any) -> None:
            pass

        def lex(self, tokens: Any) -> Iterator[lark.Token]:
            for token in tokens:
                yield lark.Token(token.kind, token.text, line=token.line, column=token.column, end_column=token.end)

    class Builder(_Nodes, lark.Transformer):  # type: ignore[misc]
        pass

    return lark.Lark(GRAMMAR, parser="lalr", lexer=Given, transformer=Builder())


def parse(line: Line, tokens: Sequence[Token]) -> Tree:
    """The tree of one classified logical line. Raises ReadingError that says what was found and what was expected."""
    from lark import UnexpectedToken

    try:
        return _parser().parse(tokens)  # type: ignore[no-any-return]
    except UnexpectedToken as error:
        raise _unexpected(line, tokens, error) from None


def _unexpected(line: Line, tokens: Sequence[Token], error: Any) -> ReadingError:
    wanted = _WORDS.keys() & (error.accepts or error.expected)
    words = list(dict.fromkeys(_WORDS[kind] for kind in _WORDS if kind in wanted))
    if _OPERAND in words:  # behind an operand an operator is likelier meant than one more factor
        words = words[1:] if "PLUS" in wanted else words[:1]
    expected = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    if error.token.type == "$END":
        last = tokens[-1]
        behind = Token("", " ", last.line, last.end)
        return line.error(f"the line ends where {expected} is expected", behind)
    token = Token("", str(error.token), error.token.line, error.token.column)
    found = token.text if len(token.text) <= 40 else token.text[:37] + "..."
    if token.text == "^T" and "TIMES" in wanted:
        return line.error("^T behind a power has two readings; write (x^2)^T or x^(2^T) with brackets", token)
    return line.error(f"found {found}, where {expected} is expected", token)
