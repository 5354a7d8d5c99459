"""Text into tokens with positions: one regular expression, no recursion, every limit checked before the work it bounds.

`scan` makes the tokens and finds what is no token at all; `derive.reading.classify` then decides what each word is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from derive.errors import LimitError, ReadingError
from derive.names import INNER_NAME
from derive.reading import limits
from derive.reading.characters import refuse_characters, shown


@dataclass(frozen=True, slots=True)
class Token:
    """kind : see `_KINDS` and `derive.reading.classify`.  line, column : from 1.  space : one stands before it."""

    kind: str
    text: str
    line: int
    column: int
    space: bool = False

    @property
    def end(self) -> int:
        return self.column + len(self.text)

    def as_kind(self, kind: str, text: str | None = None) -> Token:
        return replace(self, kind=kind, text=self.text if text is None else text)


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line: an open bracket continues it over several physical ones.

    tokens : never empty.  sources : all physical lines of the text, for error messages.
    """

    tokens: tuple[Token, ...]
    sources: tuple[str, ...]

    @property
    def number(self) -> int:
        return self.tokens[0].line

    def error(self, message: str, token: Token, kind: type[ReadingError] = ReadingError) -> ReadingError:
        return reading_error(message, self.sources, token.line, token.column, len(token.text), kind)


_KINDS = {
    "+": "PLUS", "-": "MINUS", "*": "TIMES", "/": "TIMES", "@": "TIMES", ".*": "TIMES", "./": "TIMES", "^": "POWER",
    "**": "POWER", ".^": "POWER", "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", ",": "COMMA", "=": "EQUALS",
    "!=": "COMPARE", "<": "COMPARE", "<=": "COMPARE", ">": "COMPARE", ">=": "COMPARE", ":": "COLON",
}  # fmt: skip

_TOKEN = re.compile(
    r"(?P<SPACE>\s+)|(?P<COMMENT>\#.*)"
    r"|(?P<ODD>0[xXbBoO][0-9a-fA-F]+(?![A-Za-z0-9_])|[0-9]+_[0-9_]+|==|:=|//|=>|<>|\*\*\*|&&|\|\||->|\.\*\*)"
    r"|(?P<NUMBER>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    rf"|(?P<NAME>{INNER_NAME})"
    r"|(?P<SIGN>\*\*|\.\*|\./|\.\^|!=|<=|>=|[-+*/@^()\[\],=<>:])"
)

_PAIRS = {"(": ")", "[": "]"}

#: What to write instead of signs that other languages have.
_INSTEAD = {
    "==": "== is not read; write =",
    ":=": ":= is not read; write =",
    "//": "// is not read; write / for a quotient",
    "=>": "=> is not read; write >=",
    "<>": "<> is not read; write !=",
    "***": "*** is not read; write * for a product or ^ for a power",
    "->": "-> is not read; write = between a name and its value",
    ".**": ".** is not read; write .^ for a power entry by entry",
    "&&": "&& is not read; write the product of two indicators, [a < b]*[c < d]",
    "||": "|| is not read; write norm(...) for a norm",
    "!": "a factorial is not read; write the product out, as in 3*2*1",
    "'": "a quote is not read; write a name such as f_prime, and the transpose as ^T",
    '"': "a quote is not read; the notation has no strings",
    "`": "a quote is not read; the notation has no strings",
    "|": "| is not read; write abs(x) or norm(u)",
    "{": "{ is not read; write ( ) to group",
    "}": "} is not read; write ( ) to group",
    "\\": "a backslash is LaTeX, which is not read here; write sin(x), theta, x^2",
    ";": "; is not read; write one equation a line",
    "%": "% is not read; comments begin with #",
    "_": "a name begins with a letter and has single underscores between its parts, as in v_1",
    ".": "a dot is not read here; write 1.0 or 0.5 for a number, a*b for a product, .* ./ .^ entry by entry",
}


def scan(text: str) -> list[Line]:
    """The logical lines of a text, without comments and empty lines. Raises ReadingError or LimitError."""
    if len(text) > limits.TEXT_CHARACTERS:
        raise LimitError(f"the text has {len(text)} characters; the limit is {limits.TEXT_CHARACTERS}")
    sources = tuple(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")))
    for number, source in enumerate(sources, 1):
        if len(source) > limits.LINE_CHARACTERS:
            raise LimitError(
                f"the line has {len(source)} characters; the limit is {limits.LINE_CHARACTERS}", line=number
            )
    lines: list[Line] = []
    tokens: list[Token] = []
    brackets: list[Token] = []
    total = 0
    for number, source in enumerate(sources, 1):
        refuse_characters(source, number)
        _scan_line(source, number, sources, tokens, brackets)
        if tokens and not brackets:
            total += len(tokens)
            if total > limits.PROGRAM_TOKENS:
                message = f"the text has more than {limits.PROGRAM_TOKENS} numbers, names and signs, the limit"
                raise LimitError(message, shown(source), number)
            lines.append(Line(tuple(tokens), sources))
            tokens = []
    if brackets:
        opened = brackets[-1]
        raise reading_error(f"this {opened.text} is never closed", sources, opened.line, opened.column)
    return lines


def _scan_line(source: str, number: int, sources: tuple[str, ...], tokens: list[Token], brackets: list[Token]) -> None:
    """Append the tokens of one physical line; `brackets` holds those still open."""
    place, space = 0, False
    minuses = 0
    while place < len(source):
        match = _TOKEN.match(source, place)
        kind = match.lastgroup if match else None
        if match is None or kind == "ODD":
            raise _no_token(source, place, match, sources, number)
        start, place = place, match.end()
        if kind == "SPACE":
            space = True
            continue
        if kind == "COMMENT":
            return
        piece = match[0]
        token = Token(_KINDS[piece] if kind == "SIGN" else str(kind), piece, number, start + 1, space)
        space = False
        if kind == "NAME":
            _check_name(token, source, place, sources)
        elif kind == "NUMBER":
            _check_number(token, sources)
        elif piece in _PAIRS:
            brackets.append(token)
            if len(brackets) > limits.NESTING:
                raise _limit(f"more than {limits.NESTING} brackets stand open, the limit", token, sources)
        elif piece in (")", "]"):
            _close(token, brackets, sources)
        minuses = minuses + 1 if piece == "-" else 0
        if minuses > limits.NESTING:
            raise _limit(f"more than {limits.NESTING} minus signs in a row, the limit", token, sources)
        tokens.append(token)
        if len(tokens) > limits.LINE_TOKENS:
            message = f"the line has more than {limits.LINE_TOKENS} numbers, names and signs, the limit"
            raise _limit(message, token, sources)


def _close(token: Token, brackets: list[Token], sources: tuple[str, ...]) -> None:
    if not brackets:
        raise reading_error(f"this {token.text} closes nothing", sources, token.line, token.column)
    opened = brackets.pop()
    if _PAIRS[opened.text] != token.text:
        where = f"in column {opened.column}" if opened.line == token.line else f"in line {opened.line}"
        message = f"this {token.text} cannot close the {opened.text} {where}; write {_PAIRS[opened.text]}"
        raise reading_error(message, sources, token.line, token.column)


def _check_name(token: Token, source: str, place: int, sources: tuple[str, ...]) -> None:
    """A name must end where its pattern ends, and be short enough to be printed."""
    if len(token.text) > limits.NAME_CHARACTERS:
        raise _limit(
            f"the name has {len(token.text)} characters; the limit is {limits.NAME_CHARACTERS}", token, sources
        )
    following = source[place : place + 1]
    if following == "_":
        message = "a name has single underscores, each with letters or digits behind it, as in v_1"
        raise reading_error(message, sources, token.line, place + 1)
    if following.isalnum():
        message = f"the name {_short(token.text)} ends here; write * behind it for a product"
        raise reading_error(message, sources, token.line, place + 1)


def _check_number(token: Token, sources: tuple[str, ...]) -> None:
    mantissa, _, exponent = token.text.lower().partition("e")
    if len(mantissa) > limits.LITERAL_DIGITS:
        raise _limit(f"the number has {len(mantissa)} digits; the limit is {limits.LITERAL_DIGITS}", token, sources)
    if exponent and (len(exponent.lstrip("+-0")) > 9 or abs(int(exponent)) > limits.EXPONENT):
        raise _limit(f"the exponent of ten is beyond {limits.EXPONENT}, the limit", token, sources)


def _no_token(
    source: str, place: int, match: re.Match[str] | None, sources: tuple[str, ...], number: int
) -> ReadingError:
    """The error for what cannot be read at this place."""
    piece = match[0] if match else source[place]
    if piece in _INSTEAD:
        message = _INSTEAD[piece]
    elif re.fullmatch("0[xXbBoO].*", piece):
        message = f"{_short(piece)} is not read; write the number with the digits 0-9 alone"
        if (value := _other_base(piece)) is not None:
            message = f"{piece} is not read; write {value}"
    elif re.fullmatch("[0-9_]+", piece):
        message = f"{_short(piece)} is not read; write {_short(piece.replace('_', ''))}"
    else:
        message = f"{piece} is not read"
    return reading_error(message, sources, number, place + 1, len(piece))


def _other_base(piece: str) -> int | None:
    """The value of 0x1f, 0b11 or 0o17; None where the digits do not fit the base, or are many."""
    base = {"x": 16, "b": 2, "o": 8}[piece[1].lower()]
    try:
        return int(piece[2:], base) if len(piece) <= 20 else None
    except ValueError:
        return None


def _short(piece: str) -> str:
    return piece if len(piece) <= 40 else piece[:37] + "..."


def _limit(message: str, token: Token, sources: tuple[str, ...]) -> ReadingError:
    return reading_error(message, sources, token.line, token.column, len(token.text), LimitError)


def reading_error(
    message: str,
    sources: tuple[str, ...],
    line: int,
    column: int,
    width: int = 1,
    kind: type[ReadingError] = ReadingError,
) -> ReadingError:
    """An error at a place of the text, with the line as it may be shown."""
    return kind(message, shown(sources[line - 1]), line, column, width)
