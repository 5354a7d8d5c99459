r"""Signs in scripts that are no operators: `W_{\cdot j}`, `X_{i,:}` for all entries of an axis, `x^{-}` for a mark."""

from __future__ import annotations

from collections.abc import Sequence

from derive.reading.latex.syntax import Token

#: The function without arguments that an index for all entries of an axis is read as.
ALL = ":"

_SIGNS = frozenset(("*", "asterisk", ":"))


def marked(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with such signs as leaves and marks. A sign between two factors stays an operator."""
    found: list[Token] = []
    below: list[bool] = []
    for place, token in enumerate(tokens):
        if token.type in ("LBRACE", "OPEN", "BEGIN"):
            below.append(token.kind == "sub{" or (token.kind == "[" and bool(below and below[-1])))
        elif token.type in ("RBRACE", "CLOSE", "END") and below:
            below.pop()
        before, after = tokens[place - 1 : place], tokens[place + 1 : place + 2]
        if token.kind in _SIGNS and below and below[-1] and before and after and _stands_for_all(*before, *after):
            token = Token("LEAF", "all", ALL, token.start, token.end, token.space)
        elif token.type in ("PLUS", "MINUS") and before and after and _is_mark(*before, *after):
            token = Token("TIMES", token.text, token.text, token.start, token.end, token.space)
        found.append(token)
    return found


def _stands_for_all(before: Token, after: Token) -> bool:
    """Whether nothing stands on one side, and an index or nothing on the other; `_{*}` alone is a label."""
    begins, ends = before.kind == "sub{" or before.type == "COMMA", after.type in ("RBRACE", "COMMA")
    if before.kind == "sub{" and after.type == "RBRACE":
        return False
    return (begins or before.type == "LEAF") and (ends or after.type == "LEAF") and (begins or ends)


def _is_mark(before: Token, after: Token) -> bool:
    """Whether a sign is all that stands above: `^{-}`, or `^-` before what is no operand."""
    if before.kind == "super{":
        return after.type == "RBRACE"
    return before.type == "SUP" and after.type not in ("LEAF", "LBRACE", "OPEN", "FRAC", "ACCENT", "ROOT", "BEGIN")
