"""A row of tokens to its syntax, by the LALR tables that Lark works out of the grammar; no recursion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from derive.errors import ReadingError
from derive.reading.latex.grammar import GRAMMAR, Nodes
from derive.reading.latex.source import Source
from derive.reading.latex.syntax import Chain, Token

_OPERAND = "a number, a name or an opening bracket"
_WORDS = {
    **dict.fromkeys(("LEAF", "OPEN", "FRAC", "ACCENT", "ROOT", "LBRACE"), _OPERAND),
    **dict.fromkeys(("PLUS", "TIMES"), "an operator"),
    "RELATION": "a relation such as =",
    **dict.fromkeys(("RBRACE", "CLOSE", "END"), "a closing bracket"),
    "$END": "the end of the row",
}  # fmt: skip

#: What a state does with a token or a finished rule: a state to go to, or (number of parts, their maker, rule).
Actions = dict[str, Any]


@cache
def _table() -> tuple[list[Actions], int, int]:
    """The LALR tables that Lark works out of the grammar, and the first and last state; some 50 ms, once a process.

    They are run by `parse`: a row is read several times faster than through Lark's own loop.
    """
    import lark  # only where something is read
    from lark.parsers.lalr_analysis import Shift

    class Nothing(lark.lexer.Lexer):  # type: ignore[misc]
        def __init__(self, _: Any) -> None:
            pass

        def lex(self, _: Any) -> Iterator[Any]:
            return iter(())

    nodes = Nodes()
    table = lark.Lark(GRAMMAR, parser="lalr", lexer=Nothing).parser.parser._parse_table
    numbers = {state: number for number, state in enumerate(table.states)}
    states: list[Actions] = []
    for actions in table.states.values():
        row: Actions = {}
        for word, (action, target) in actions.items():
            if action is Shift:
                row[str(word)] = numbers[target]
                continue
            name, rule = str(target.alias or target.origin.name), str(target.origin.name)
            alone = target.alias is None and len(target.expansion) == 1 and name != "start"
            row[str(word)] = (len(target.expansion), None if alone else getattr(nodes, name), rule)
        states.append(row)
    return states, numbers[table.start_states["start"]], numbers[table.end_states["start"]]


_END = Token("$END", "", "", 0, 0)


def parse(source: Source, tokens: Sequence[Token]) -> list[Chain]:
    """The syntax of one formula without its layout. Raises ReadingError that says what was found and expected."""
    table, start, last = _table()
    states: list[int] = [start]
    values: list[Any] = []
    for token in (*tokens, _END):
        word = token.type
        while True:
            action = table[states[-1]].get(word)
            if action.__class__ is int:
                states.append(action)
                values.append(token)
                break
            if action is None:
                raise _unexpected(source, tokens, token, table[states[-1]])
            size, make, rule = action
            if size == 1:
                if make is not None:
                    values[-1] = make(values[-1:])
                states[-1] = table[states[-2]][rule]
            elif size:
                values[-size:] = [make(values[-size:])]
                del states[-size:]
                states.append(table[states[-1]][rule])
            else:
                values.append(make([]))
                states.append(table[states[-1]][rule])
            if states[-1] == last and word == "$END":
                return values[-1]  # type: ignore[no-any-return]
    raise AssertionError("the end of the tokens is accepted or refused")


def _unexpected(source: Source, tokens: Sequence[Token], token: Token, actions: Actions) -> ReadingError:
    wanted = _WORDS.keys() & actions.keys()
    words = list(dict.fromkeys(_WORDS[kind] for kind in _WORDS if kind in wanted))
    if _OPERAND in words:
        words = words[1:] if "TIMES" in wanted and len(words) > 1 else words[:1]
    expected = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or "something else"
    if token is _END:
        end = tokens[-1].end if tokens else 0
        return source.error(f"the row ends where {expected} is expected", end, end + 1)
    found = source.text[token.start : token.end]
    found = found if len(found) <= 40 else found[:37] + "..."
    return source.error(f"found {found}, where {expected} is expected", token.start, token.end)
