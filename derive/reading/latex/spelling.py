r"""One name for every spelling: `\hat u` and u_hat are u_hat, `\bar v_{3}` and vbar_3 are v_3_bar, `W^{[1]}` is W^[1].

A canonical name is a base (letters, a word, or several in a row), then its subscripts behind underscores, its accents,
what stands above it, its primes. Names of the problem, of a plain row and of a row in LaTeX are compared in this form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from derive.errors import ReadingError
from derive.names import anatomy
from derive.reading.latex.lexer import scan
from derive.reading.latex.parser import parse
from derive.reading.latex.source import Source
from derive.reading.latex.syntax import Accent, Argument, Chain, Group, Scripted, Term, Token, Unit

_PLAIN = re.compile(r"([^\\{}$^']*?)(\^(?:\{.*\}|\[.*\]|\(.*\)|\S+))?('*)", re.DOTALL)


_ABOVE = re.compile(r"\^[A-Za-z0-9*+-]|\^[\[({].*[\])}]|")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_(?:-?[0-9]+|\.?[A-Za-z0-9]+|\{[^{}]*\}))*(?:\.[0-9]+)*")


@lru_cache(maxsize=4096)
def canonical(spelling: str) -> str:
    r"""The canonical name of a key, plain or LaTeX: `\Delta v` is `Delta v`, `v_{-1}` is v_m1, `P^{q+1}` is P^{q+1}.

    Raises ReadingError where the spelling is no name: empty, a sum, a product of names with several scripts.
    """
    text = spelling.strip()
    if text.startswith("$") and text.endswith("$") and len(text) > 1:
        text = text[1:-1].strip()
    plain = _PLAIN.fullmatch(text)
    if plain is not None and plain[1]:
        above = re.sub(r"\s+", "", plain[2] or "")
        if (inside := re.fullmatch(r"\^\{(\[[^{}]*\]|\([^{}]*\)|[A-Za-z0-9*+-])\}", above)) is not None:
            above = "^" + inside[1]
        words = plain[1].split()
        if _ABOVE.fullmatch(above) and all(map(_WORD.fullmatch, words)) and not any("_" in word for word in words[:-1]):
            return " ".join(map(plain_name, words)) + above + plain[3]
        if not above and not plain[3]:
            raise ReadingError(f"{text[:60]} is no name", text[:200])
    source = Source(text)
    items = parse(source, scan(source, 0, len(text)))
    if len(items) == 1 and len(items[0].sides) == 1 and len(items[0].sides[0].terms) == 1:
        total = items[0].sides[0]
        name = name_of_run(total.terms[0].units) if total.signs == ["+"] else None
        if name is not None and all(operator in ("*", "") for operator in total.terms[0].operators):
            return name
    raise ReadingError(f"{text[:60] or 'nothing'} is no name", text[:200])


@lru_cache(maxsize=4096)
def plain_name(word: str) -> str:
    """`vbar_3` -> v_3_bar, `x1` -> x_1, `v_-1` -> v_m1, `u_hat` -> u_hat; a word of other characters as it is."""
    if "{" in word or "_." in word or not _WORD.fullmatch(word):
        return word
    parts = anatomy(word)
    subscripts = [re.sub("^-", "m", part) for part in parts.subscripts]
    return joined([parts.base], subscripts, parts.accents, "", 0)


def printable(name: str) -> str:
    """A canonical name as the printers of formulas take it: v_m1 is v_-1 to them, and v_3_bar is vbar_3."""
    name = re.sub(r"_m([0-9]+)(?![A-Za-z0-9])", r"_-\1", name)
    return re.sub(r"([A-Za-z])((?:_-?[0-9]+)+)_(bar|hat|tilde|dot)", r"\1\3\2", name)


def joined(pieces: Sequence[str], subs: Sequence[str], accents: Sequence[str], above: str, primes: int) -> str:
    """A canonical name of its parts; letters in a row run together, a word and what follows have a space between."""
    base = pieces[0]
    last = base
    for piece in pieces[1:]:
        base += piece if len(last) == 1 else " " + piece
        last = piece
    return "".join((base, *("_" + part for part in subs), *("_" + word for word in accents), above, "'" * primes))


class Spelled:
    """A unit taken apart as a name: base, accents innermost first, its scripts as syntax, the number of primes."""

    __slots__ = ("accents", "base", "kind", "primes", "subs", "sups")

    def __init__(self, base: str, kind: str) -> None:
        self.base, self.kind = base, kind
        self.accents: tuple[str, ...] = ()
        self.subs: list[Argument] = []
        self.sups: list[Argument] = []
        self.primes = 0


_NAMES = frozenset(("letter", "word"))


def spelled(unit: Unit) -> Spelled | None:
    r"""The parts of a unit that may be a name; None for `(a + b)_i`, `\frac12`, numbers and functions."""
    scripts: list[Scripted] = []
    accents: list[str] = []
    while True:
        if type(unit) is Token:
            if unit.kind not in _NAMES:
                return None
            break
        if type(unit) is Scripted:
            scripts.append(unit)
            unit = unit.core
        elif type(unit) is Accent:
            if unit.word == "brace":  # what stands below a brace is a remark
                scripts.clear()
            elif unit.word:
                accents.append(unit.word)
            unit = unit.body
        elif type(unit) is Group and not unit.kind and not unit.operator:
            inner = single(unit.items)
            if inner is None:
                return None
            unit = inner
        else:
            return None
    answer = Spelled(unit.text, unit.kind)
    answer.accents = tuple(reversed(accents))
    for each in reversed(scripts):
        answer.subs += each.subs
        answer.sups += each.sups
        answer.primes += each.primes
    return answer


def single(items: Sequence[Chain]) -> Unit | None:
    """The unit of a list that holds nothing else."""
    if len(items) == 1 and len(items[0].sides) == 1:
        total = items[0].sides[0]
        if (
            len(total.terms) == 1
            and total.signs[0] == "+"
            and len(total.terms[0].units) == 1
            and not total.terms[0].negative
        ):
            return total.terms[0].units[0]
    return None


def name_of_run(units: Sequence[Unit]) -> str | None:
    """The canonical name of units side by side, of which only the last may have scripts and accents; else None."""
    pieces: list[str] = []
    for place, unit in enumerate(units):
        if type(unit) is Token and unit.kind == "partial":
            parts: Spelled | None = Spelled("d", "letter")
        elif type(unit) is Token and unit.kind == "function":
            parts = Spelled(unit.text, "word")
        else:
            parts = spelled(unit)
        if parts is None:
            return None
        pieces.append(parts.base)
        if place < len(units) - 1 and (parts.accents or parts.subs or parts.sups or parts.primes):
            return None
    subs = labels(parts.subs) if parts is not None else None
    if parts is None or subs is None or len(parts.sups) > 1:
        return None
    above = superscript_label(parts.sups[0]) if parts.sups else ""
    return None if above is None else joined(pieces, subs, parts.accents, above, parts.primes)


def labels(subs: Sequence[Argument]) -> list[str] | None:
    """The labels of subscripts, one for each part between commas: `_{-1}` is m1, `_{xy}` is xy, `_{t+1}` is {t+1}."""
    found: list[str] = []
    for argument in subs:
        if type(argument) is Group and not argument.kind and len(argument.items) != 1:
            parts: Sequence[Argument | Chain] = argument.items
        else:
            parts = (argument,)
        for part in parts:
            text = label(part)
            if text is None:
                return None
            found.append(text)
    return found


def label(part: Argument | Chain) -> str | None:
    """The text of a script, without spaces: in braces where it is more than letters, digits and a minus sign."""
    text = _text(part)
    if text is None:
        return None
    if negative := re.fullmatch(r"-([0-9]+)", text):
        return "m" + negative[1]
    return text if re.fullmatch(r"\.?[A-Za-z0-9]+'*", text) else f"{{{text}}}"


def superscript_label(argument: Argument) -> str | None:
    if type(argument) is Group and argument.operator and not argument.items:
        return "^*" if argument.operator == "asterisk" else "^" + argument.operator
    text = _text(argument)
    if text is None:
        return None
    return f"^{text}" if re.fullmatch(r"[A-Za-z0-9]|\[[^\[\]]*\]|\([^()]*\)", text) else f"^{{{text}}}"


def _text(part: Argument | Chain | Unit) -> str | None:
    """A script as plain characters, where it is built of names, numbers, signs and brackets."""
    match part:
        case Token():
            return part.text if part.kind not in ("text", "dots") else None
        case Chain():
            if part.relations:
                return None
            total = part.sides[0]
            pieces: list[str] = []
            for sign, term in zip(total.signs, total.terms, strict=True):
                inside = _term_text(term)
                if inside is None:
                    return None
                pieces.append(("" if sign == "+" and not pieces else sign) + inside)
            return "".join(pieces)
        case Group(kind=kind) if kind in ("", "(", "[") and not part.operator:
            texts = [_text(item) for item in part.items]
            if None in texts:
                return None
            body = ",".join(str(text) for text in texts)
            return {"": "{}", "(": "({})", "[": "[{}]"}[kind].format(body)
        case Scripted() | Accent():
            name = name_of_run([part])
            return name
    return None


def _term_text(term: Term) -> str | None:
    pieces = ["-" * term.negative]
    for operator, unit in zip(term.operators, term.units, strict=True):
        inside = _text(unit)
        if inside is None or operator not in ("*", "", "/"):
            return None
        pieces.append(("" if len(pieces) == 1 else operator) + inside)
    return "".join(pieces)
