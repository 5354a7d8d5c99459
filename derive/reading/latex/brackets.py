r"""Brackets of LaTeX: each knows its partner, bars know whether they open or close, `\left` and `\big` say nothing."""

from __future__ import annotations

import re

from derive.reading.latex import commands as c
from derive.reading.latex.scanner import Scanner

_LEFT_DOT = re.compile(r"\\left\s*\.")
_DELIMITER = re.compile(r"\s*(\\[A-Za-z]+|\\[|{}]|[()\[\]|/.<>])")
_OPEN = {"(": ")", "[": "]", "{": "}", "|": "|", "||": "||", "<": ">", "floor": "floor", "ceil": "ceil"}
_ENDS = frozenset(("LEAF", "CLOSE", "RBRACE", "PRIME", "END"))


class Brackets(Scanner):
    """A scan that knows brackets."""

    def opening(self, kind: str, place: int) -> None:
        self.single = 0
        self.push(kind, self.add("OPEN", kind, kind, place))

    def closing(self, kind: str, place: int) -> None:
        piece = self.text[place : self.place]
        if not self.open:
            raise self.error(f"this {piece} closes nothing", place, self.place)
        opened, token, _ = self.open[-1]
        if opened != kind:
            at = self.source.span(token.start, token.end)
            raise self.error(
                f"this {piece} cannot close the {self.shown(token)} in column {at.column}", place, self.place
            )
        self.open.pop()
        self.add("CLOSE", kind, kind, place)

    def bar(self, kind: str, place: int, side: str = "") -> None:
        """A bar closes the innermost bracket if that is such a bar and an operand stands before it."""
        inside = bool(self.open) and self.open[-1][0] == kind
        behind = bool(self.tokens) and self.tokens[-1].type in _ENDS
        if side == "close" or (not side and inside and behind):
            self.closing(kind, place)
        elif (
            not side and not inside and kind == "|" and behind and self.open and self.open[-1][0] in ("brace", "[", "(")
        ):
            if any(opened == kind for opened, _, _ in self.open) or not self.bar_ahead():
                self.add("RELATION", "|", "|", place)  # such that, or divides
            else:
                self.opening(kind, place)
        elif (
            not side and kind == "||" and behind and inside is False and [o for o, _, _ in self.open[-2:]] == ["|", "|"]
        ):
            self.place = place + 1
            self.closing("|", place)
        else:
            self.opening(kind, place)

    def bar_ahead(self) -> bool:
        """Whether another bar stands before the bracket around this one closes."""
        closing = _OPEN.get(self.open[-1][0], "}")
        rest = self.text[self.place : self.end]
        bar, stop = rest.find("|"), rest.find(closing)
        return 0 <= bar < stop

    def delimiter(self, side: str, kind: str, place: int) -> None:
        if side == "open":
            self.opening(kind, place)
        elif side == "close":
            self.closing(kind, place)
        else:
            self.bar(kind, place)

    def growing(self, name: str, place: int) -> None:
        r"""`\left(`, `\right.`, `\big|`: the bracket behind it, with the side that it says."""
        match = _DELIMITER.match(self.text, self.place, self.end)
        if match is None:
            raise self.error(f"a bracket is expected behind \\{name}", place, self.place)
        self.place = match.end()
        piece = match[1]
        start = match.start(1)
        forced = "open" if name in c.OPENS else "close" if name in c.CLOSES else ""
        if piece == ".":
            self.null_delimiter(forced, place)
        elif piece in ("|", r"\|"):
            self.bar("||" if piece == r"\|" else "|", start, forced)
        elif piece in ("<", ">"):
            self.delimiter("open" if piece == "<" else "close", "<", start)
        elif piece == "/":
            self.add("TIMES", "/", "/", start)
        elif piece[0] == "\\" and piece[1:] in c.BRACKETS:
            side, kind = c.BRACKETS[piece[1:]]
            self.delimiter(forced or side, kind, start)
        elif piece in ("\\{", "\\}"):
            self.delimiter("open" if piece == "\\{" else "close", "{", start)
        elif piece[0] == "\\":
            raise self.error(f"{piece} is no bracket", start, self.place)
        elif piece in ("(", "["):
            self.opening(piece, start)
        else:
            self.closing("(" if piece == ")" else "[", start)

    def null_delimiter(self, forced: str, place: int) -> None:
        r"""`\right.` closes whatever stands open; `\left.` has no meaning here."""
        if forced == "close" and _LEFT_DOT.search(self.text, self.place, self.end) is not None:
            self.cut += 1  # brackets over two lines: \right. and \left. only make them grow
            return
        if forced == "open" and self.cut:
            self.cut -= 1
            return
        if forced == "open":
            raise self.error(
                "an evaluation bar is not read; write the value at the point as an equation", place, self.place
            )
        if self.open and self.open[-1][0] != "brace":
            kind = self.open.pop()[0]
            self.add("CLOSE", kind, kind, place)
