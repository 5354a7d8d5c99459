r"""Which name a unit is: the longest declared one wins, and its other scripts are indices, layers, powers, transposes.

`\bar v_3`, `w_{ij}^{[l]}`, `\tau^2` declared as a name; a name that nobody declared keeps its labels and accents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive import tree as t
from derive.reading.latex.above import above_of, raised
from derive.reading.latex.indices import indices_of, parts_of, units_of
from derive.reading.latex.spelling import Spelled, joined, label, superscript_label
from derive.reading.latex.syntax import Argument, Chain, Token, Unit
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter

_LABEL_NUMBER = re.compile("m?[0-9]+")
_NUMBERED_LAYER = re.compile(r"\^[\[(][0-9]+[\])]")


def is_known(reading: Interpreter, name: str) -> bool:
    vocabulary = reading.vocabulary
    return name in vocabulary.names or reading.in_scope(name) or name in vocabulary.indices or name == "pi"


def is_declared(reading: Interpreter, parts: Spelled) -> bool:
    """Whether the base, with or without its scripts and accents, is a declared name."""
    return parts.base in reading.vocabulary.names or longest(reading, parts) is not None


class Match:
    """A declared name, and what of the unit does not belong to it."""

    __slots__ = ("accents", "name", "primes", "subs", "sups")

    def __init__(
        self, name: str, accents: tuple[str, ...], subs: list[Chain | Argument], sups: list[Argument], primes: int
    ):
        self.name, self.accents, self.subs, self.sups, self.primes = name, accents, subs, sups, primes


def longest(reading: Interpreter, parts: Spelled) -> Match | None:
    """The longest declared name that begins a unit with scripts or accents."""
    vocabulary = reading.vocabulary
    names, functions_ = vocabulary.names, vocabulary.functions
    if parts.base not in vocabulary.decorated:
        return None
    subs = parts_of(parts.subs)
    texts: list[str] = []
    for part in subs:
        text = label(part)
        if text is None:
            break
        texts.append(text)
    above = superscript_label(parts.sups[0]) if parts.sups else None
    tails = [above, ""] if above is not None else [""]
    primes = [parts.primes, 0] if parts.primes else [0]
    inner = [parts.accents[:count] for count in range(len(parts.accents), -1, -1)]
    for count in range(len(texts), -1, -1):
        for tail in tails:
            for accents in inner:
                for prime in primes:
                    if not (count or tail or accents or prime):
                        continue
                    name = joined([parts.base], texts[:count], accents, tail, prime)
                    if name in names or name in functions_:
                        rest = parts.sups[1:] if tail else parts.sups
                        return Match(name, parts.accents[len(accents) :], subs[count:], rest, parts.primes - prime)
    return None


def resolved(reading: Interpreter, parts: Spelled, unit: Unit, start: int | None = None) -> Tree:
    """The tree of a name with everything that stands at it."""
    begin = unit.start if start is None else start
    vocabulary = reading.vocabulary
    if not (parts.subs or parts.accents or parts.sups or parts.primes):
        return t.Name(_plain(vocabulary.names, parts.base), reading.at(begin, unit.end))
    match = longest(reading, parts)
    if match is None or any(word != "bar" for word in match.accents):
        match = _new_name(reading, parts)
    above = above_of(reading, match.sups, match.name)
    above.primes += match.primes
    name = match.name
    at = reading.at(begin, unit.end)
    indices = tuple(above.layers)
    if match.subs:
        indices += indices_of(reading, match.subs, _rank_left(reading, name, len(above.layers)))
    letters = vocabulary.letters.get(name)
    if letters:
        indices = (*(t.Name(letter, at) for letter in letters), *indices)
    tree: Tree = t.Subscript(name, indices, at, layer=above.kind) if indices else t.Name(name, at)
    for _ in match.accents:
        tree = t.Call("overline", (tree,), at)
    return raised(reading, tree, above, unit)


def _plain(names: object, base: str) -> str:
    r"""A script letter stands for the plain one where only that is declared: `\mathcal L` for a loss L."""
    if len(base) > 1 and base[1] == "_" and base not in names and base[0] in names:  # type: ignore[operator]
        return base[0]
    return base


def _rank_left(reading: Interpreter, name: str, layers: int) -> int | None:
    """How many subscripts a name may have: its axes, and the index of its family unless that stands above."""
    rank = reading.vocabulary.names.get(name)
    return rank + 1 if rank is not None and not layers and name in reading.vocabulary.families else rank


def _new_name(reading: Interpreter, parts: Spelled) -> Match:
    """No declared name with scripts or accents: the bare name where it is one, else a new name with its labels."""
    vocabulary = reading.vocabulary
    base = _plain(vocabulary.names, parts.base)
    subs = parts_of(parts.subs)
    if vocabulary.names.get(base) and not parts.accents and not any(_is_label(reading, part) for part in subs):
        return Match(base, (), subs, parts.sups, parts.primes)
    if (match := _below_bar(reading, parts)) is not None:
        return match
    taken = _labels_in_front(reading, base, parts, subs)
    texts = [str(label(part)) for part in subs[:taken]]
    declared = vocabulary.knows(base)
    kept = 0 if declared else parts.primes
    above, sups = "", parts.sups
    if sups and not declared and not vocabulary.families:  # W^{[2]} where no layer is an index
        text = superscript_label(sups[0])
        if text is not None and _NUMBERED_LAYER.fullmatch(text):
            above, sups = text, sups[1:]
    name = joined([base], texts, parts.accents, above, kept)
    return Match(name, (), subs[taken:], sups, parts.primes - kept)


def _below_bar(reading: Interpreter, parts: Spelled) -> Match | None:
    """The declared name below a bar, which the problem's convention gives a meaning."""
    if not parts.accents or parts.accents[-1] != "bar":
        return None
    inner = Spelled(parts.base, parts.kind)
    inner.accents, inner.subs, inner.sups = parts.accents[:-1], parts.subs, parts.sups
    if not is_declared(reading, inner):
        return None
    match = longest(reading, inner) or _new_name(reading, inner)
    return Match(match.name, (*match.accents, "bar"), match.subs, match.sups, parts.primes)


def _labels_in_front(reading: Interpreter, base: str, parts: Spelled, subs: Sequence[Chain | Argument]) -> int:
    """How many subscripts belong to the name: words, and numbers at what is no declared array; the rest are indices."""
    labels = 0
    while labels < len(subs) and _is_label(reading, subs[labels]):
        labels += 1
    if labels or not subs:
        return labels
    names = reading.vocabulary.names
    bare = joined([base], (), parts.accents, "", 0)
    if names.get(bare) or bare in reading.vocabulary.families or (names.get(base, 0) is None and not parts.accents):
        return 0
    numbers = all((text := label(part)) is not None and _LABEL_NUMBER.fullmatch(text) for part in subs)
    return len(subs) if numbers else 0


def _is_label(reading: Interpreter, part: Chain | Argument) -> bool:
    """A word below is a label, part of the name: W_{in}; single letters, numbers and sums are indices."""
    units = units_of(part)
    if len(units) == 1 and type(units[0]) is Token:
        token = units[0]
        if token.kind == "word":
            return token.text not in reading.vocabulary.indices and not is_known(reading, token.text)
        if token.kind == "function":
            return True
    return False
