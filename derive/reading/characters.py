"""Characters that the plain notation does not know: each is refused by its code point, with what to write instead.

Control characters, and those that hide or reorder text, are refused everywhere, also in comments, and are never shown.
Messages are ASCII, so that they survive any terminal.
"""

from __future__ import annotations

import re
import unicodedata

from derive.errors import ReadingError
from derive.names import GREEK
from derive.reading.limits import SHOWN_CHARACTERS

_UNKNOWN = re.compile(r"[^\t\x20-\x7e]")

#: Letters of other alphabets that look like a Latin one, by their Unicode names.
_LOOKS_LIKE = {
    f"{alphabet} LETTER {letter}": latin
    for alphabet, letters in {
        "CYRILLIC SMALL": "A:a IE:e O:o ER:p ES:c HA:x U:y BYELORUSSIAN-UKRAINIAN_I:i JE:j DZE:s SHHA:h QA:q WE:w",
        "CYRILLIC CAPITAL": "A:A VE:B IE:E KA:K EM:M EN:H O:O ER:P ES:C TE:T HA:X U:Y BYELORUSSIAN-UKRAINIAN_I:I JE:J",
        "GREEK SMALL": "OMICRON:o",
        "GREEK CAPITAL": "ALPHA:A BETA:B EPSILON:E ZETA:Z ETA:H IOTA:I KAPPA:K MU:M NU:N OMICRON:O RHO:P TAU:T CHI:X",
    }.items()
    for letter, latin in (pair.replace("_", " ").split(":") for pair in letters.split())
}

#: Signs of printed mathematics.
_WRITE = {
    **dict.fromkeys("\u2212\u2013\u2014\u2010\u2011", "-"),
    **dict.fromkeys("\u00d7\u00b7\u22c5\u2217", "*"),
    **dict.fromkeys("\u00f7\u2215\u2044", "/"),
    **dict.fromkeys("\u2299\u2218", ".*"),
    **dict.fromkeys("\u22a4\u1d40", "^T"),
    **dict.fromkeys("\u2261\u2248\u2190", "="),
    **dict.fromkeys("\u2026\u22ef", "every term"),
    "\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u207b": "^-", "\u208b": "_-",
    "\u2211": "sum(i)", "\u220f": "prod(i)", "\u221a": "sqrt(...)", "\u2016": "norm(...)",
    "\u2202": "a name such as vbar_3 for the derivative", "\u2207": "a name such as x_bar for the gradient",
    "\u2032": "a name such as f_prime", "\u221e": "a finite number",
    "\u00bd": "1/2", "\u00bc": "1/4", "\u00be": "3/4",
    "\u00b5": "mu", "\u03d5": "phi", "\u03f5": "epsilon", "\u03d1": "vartheta", "\u2113": "l",
}  # fmt: skip


def refuse_characters(line: str, number: int) -> None:
    """Raise ReadingError at the first character of the line that the notation does not know; answer nothing otherwise.

    line : one physical line without its end.  number : of the line, from 1.
    """
    comment = line.find("#")
    for match in _UNKNOWN.finditer(line):
        character, place = match[0], match.start()
        category = unicodedata.category(character)
        if category == "Zs":  # spaces of all widths, the no-break space among them
            continue
        hidden = category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        if 0 <= comment < place and not hidden:
            continue
        message = f"{described(character)} is not allowed; delete it" if hidden else instead(character)
        raise ReadingError(message, shown(line), number, place + 1)


def described(character: str) -> str:
    """`U+0430 CYRILLIC SMALL LETTER A`, `U+0007`."""
    name = unicodedata.name(character, "")
    if not name:
        name = {"Cc": "a control character", "Cs": "half a character (lone surrogate)"}.get(
            unicodedata.category(character), "a character without a name"
        )
    return f"U+{ord(character):04X} {name}"


def instead(character: str) -> str:
    """The sentence for a visible character: what it is, and what to write."""
    what = described(character)
    name = unicodedata.name(character, "")
    if name.startswith("GREEK") and (spelling := _greek(name)):
        return f"{what} is not read; write {spelling}"
    if latin := _LOOKS_LIKE.get(name):
        return f"{what} looks like {latin}, but is another letter; write {latin}"
    if character in _WRITE:
        return f"{what} is not read; write {_WRITE[character]}"
    if (digit := unicodedata.decimal(character, None)) is not None:
        return f"{what} is not read; write {digit}"
    if unicodedata.category(character) in ("Mn", "Mc", "Me"):
        return f"{what} is a combining mark; write the accent as a word, as in vbar or x_hat"
    plain = unicodedata.normalize("NFKC", character)
    if plain.isascii() and plain.isprintable() and len(plain) == 1:
        if "SUPERSCRIPT" in name:
            return f"{what} is not read; write ^{plain}"
        if "SUBSCRIPT" in name:
            return f"{what} is not read; write _{plain}"
        return f"{what} looks like {plain}, but is another character; write {plain}"
    if unicodedata.category(character) in ("Pi", "Pf"):
        return f"{what} is a quotation mark; the notation has none"
    if unicodedata.category(character).startswith("L"):
        return f"{what} is not read; names are built of the letters a-z and A-Z, digits and _"
    return f"{what} is not read"


def _greek(name: str) -> str | None:
    """`GREEK SMALL LETTER THETA` -> theta, `GREEK CAPITAL LETTER SIGMA` -> Sigma; None where the word is not a name."""
    match = re.match(r"GREEK (SMALL|CAPITAL) LETTER (?:FINAL )?([A-Z]+)", name)
    if match is None:
        return None
    word = {"LAMDA": "lambda"}.get(match[2], match[2].lower())
    word = word.capitalize() if match[1] == "CAPITAL" else word
    return word if word in GREEK else None


def shown(line: str) -> str:
    """The line as an error may show it, one column for each character: hidden characters become "?".

    Empty where the line is too long to be shown.
    """
    if len(line) > SHOWN_CHARACTERS:
        return ""
    return "".join(
        " "
        if character == "\t" or unicodedata.category(character) == "Zs"
        else character
        if character.isprintable()
        else "?"
        for character in line
    )
