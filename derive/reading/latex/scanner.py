"""The state of a scan of LaTeX: text, tokens so far, open brackets, arguments of TeX that are due."""

from __future__ import annotations

import re
import unicodedata

from derive.errors import LimitError, ReadingError
from derive.reading import limits
from derive.reading.characters import described, instead
from derive.reading.latex.source import Source
from derive.reading.latex.syntax import Token

#: Brackets and scripts inside each other: the syntax is walked by recursion, several calls a level.
NESTING = 80

SPACES = re.compile(r"[ \t\r\n~]*")
_COMMA = re.compile(r"\{,\}([0-9]+)")


class Scanner:
    """What all parts of the lexer share.

    single : how many arguments of TeX are due; a digit is one by itself.  cut : brackets that a \\right. has left open
    for a \\left.  jumps : (place, target), where the formula inside a text ends and where the text does.
    """

    def __init__(self, source: Source, start: int, end: int, *, exponent_letter: bool = True) -> None:
        self.source, self.place, self.end = source, start, end
        self.text = source.text
        self.tokens: list[Token] = []
        self.open: list[tuple[str, Token, int]] = []  # kind of bracket, its token, arguments due afterwards
        self.single = 0
        self.space = False
        self.exponent_letter = exponent_letter
        self.minuses = 0
        self.cut = 0
        self.jumps: list[tuple[int, int]] = []

    def behind_spaces(self, place: int) -> int:
        """The first place that is no space."""
        spaces = SPACES.match(self.text, place)
        return place if spaces is None else spaces.end()

    def error(self, message: str, start: int, end: int, kind: type[ReadingError] = ReadingError) -> ReadingError:
        return self.source.error(message, start, end, kind)

    def shown(self, token: Token) -> str:
        return self.text[token.start : token.end]

    def add(self, type: str, kind: str, text: str, start: int) -> Token:
        token = Token(type, kind, text, start, self.place, self.space)
        self.space = False
        self.tokens.append(token)
        if self.single and type != "LBRACE":
            self.single -= 1
        if type == "MINUS":
            self.minuses += 1
            if self.minuses > NESTING:
                raise self.error(f"more than {NESTING} minus signs in a row, the limit", start, self.place, LimitError)
        elif self.minuses:
            self.minuses = 0
        return token

    def number(self, piece: str, place: int) -> None:
        if self.tokens and not self.space and self.tokens[-1].kind == "number" and self.tokens[-1].end == place:
            before = self.tokens[-1].text
            message = f"this reads as {before} and {piece} side by side, as in TeX; write braces around all digits"
            raise self.error(message, place, self.place)
        mantissa, letter, exponent = piece.replace("E", "e").partition("e")
        if letter and not self.exponent_letter:  # e is declared: 2e-3 is a difference
            self.place = place + len(mantissa)
            piece, exponent = mantissa, ""
        if len(mantissa) > limits.LITERAL_DIGITS:
            message = f"the number has {len(mantissa)} digits; the limit is {limits.LITERAL_DIGITS}"
            raise self.error(message, place, self.place, LimitError)
        if exponent and (len(exponent.lstrip("+-0")) > 9 or abs(int(exponent)) > limits.EXPONENT):
            message = f"the exponent of ten is beyond {limits.EXPONENT}, the limit"
            raise self.error(message, place, self.place, LimitError)
        if (comma := _COMMA.match(self.text, self.place, self.end)) is not None:
            whole = piece.replace("{,}", "")
            message = f"a comma in a number has two readings; write {piece}.{comma[1]} or {whole}{comma[1]}"
            raise self.error(message, place, comma.end())
        if "{,}" in piece and piece.startswith("0"):
            whole = piece.replace("{,}", "")
            message = f"a comma in a number has two readings; write {piece.replace('{,}', '.')} or {whole.lstrip('0')}"
            raise self.error(message, place, self.place)
        self.add("LEAF", "number", piece.replace("{,}", ""), place)

    def push(self, kind: str, token: Token, due: int = 0) -> None:
        self.open.append((kind, token, due))
        if len(self.open) > NESTING:
            raise self.error(f"more than {NESTING} brackets stand open, the limit", token.start, token.end, LimitError)

    def in_script(self) -> bool:
        """Whether this place is in a subscript or superscript."""
        if self.single and self.tokens and self.tokens[-1].type in ("SUB", "SUP"):
            return True
        return any(token.kind in ("sub{", "super{") for _, token, _ in self.open)

    def in_superscript(self) -> bool:
        if self.single and self.tokens and self.tokens[-1].type == "SUP":
            return True
        return bool(self.open) and self.open[-1][1].kind == "super{"

    def unknown_character(self, place: int) -> None:
        """Spaces of all widths pass; anything else is refused by its code point."""
        character = self.text[place]
        category = unicodedata.category(character)
        if category == "Zs" or character in "\u2028\u2029\x0b\x0c":
            self.place = place + 1
            return
        if category in ("Cc", "Cf", "Cs", "Co", "Cn"):
            raise self.error(f"{described(character)} is not allowed; delete it", place, place + 1)
        if character == "$":
            raise self.error("a $ inside a formula is not read", place, place + 1)
        if character in '!?"`@#\\':
            message = (
                "a factorial is not read; write the product out" if character == "!" else f"{character} is not read"
            )
            raise self.error(message, place, place + 1)
        raise self.error(instead(character), place, place + 1)
