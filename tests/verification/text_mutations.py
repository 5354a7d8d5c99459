r"""Small changes of LaTeX as it is typed: a letter for another, a lost \prime, a lost transpose, a swapped fraction."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

_BRACE = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_FRACTION = re.compile(r"\\frac" + _BRACE + _BRACE)
_SUBSCRIPT = re.compile(r"_\{([a-z])([a-z])\}")
#: (kind, pattern, replacements)
RULES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("transpose lost", r"\^\{?(?:T|\\top)\}?", ("",)),
    ("prime lost", r"'|\^\{?\\prime\}?", ("",)),
    ("sign", r"(?<=[^{(=&\s])\s*\+", (" -",)),
    ("sign", r"(?<![{(=&^_])\s-", (" +",)),
    ("leading sign lost", r"(?<==)\s*-", (" ",)),
    ("exponent lost", r"\^\{?2\}?", ("",)),
    ("exponent", r"\^\{?2\}?", ("^3",)),
    ("constant", r"(?<![0-9_{.a-z\]])2(?![0-9.\]])", ("3", "4")),
    ("constant", r"(?<![0-9_{.])1(?![0-9.\]])", ("2",)),
    ("sum lost", r"\\sum(?:_\{[^{}]*\}|_[a-z])(?:\^\{[^{}]*\}|\^[A-Za-z])?", ("",)),
    ("limit", r"=0\}", ("=1}",)),
    ("limit", r"=1\}", ("=2}",)),
    ("function", r"\\cos", (r"\sin",)),
    ("function", r"\\sin", (r"\cos",)),
    ("function", r"\\log", (r"\exp",)),
    ("root lost", r"\\sqrt", ("",)),
    ("product", r"\\odot", ("",)),
    ("bar lost", r"\\bar ", ("",)),
    ("hat lost", r"\\hat ", ("",)),
)


def mutations(text: str) -> Iterator[tuple[str, str]]:
    """(kind, changed text), of the right side alone."""
    head, equals, right = text.partition("=")
    if not equals:
        return
    for kind, changed in _changes(right):
        yield kind, head + equals + changed


def _changes(text: str) -> Iterator[tuple[str, str]]:
    for kind, pattern, others in RULES:
        for found in re.finditer(pattern, text):
            for other in others:
                yield kind, text[: found.start()] + other + text[found.end() :]
    for found in _FRACTION.finditer(text):
        if "partial" in found[2] or found[2].startswith("d"):
            continue
        yield "fraction inverted", text[: found.start()] + rf"\frac{{{found[2]}}}{{{found[1]}}}" + text[found.end() :]
        yield "denominator lost", text[: found.start()] + found[1] + text[found.end() :]
    for found in _SUBSCRIPT.finditer(text):
        yield "indices swapped", text[: found.start()] + rf"_{{{found[2]}{found[1]}}}" + text[found.end() :]
    letters = sorted(set(re.findall(r"(?<=[_{,])([ijklmnabuvt])(?=[},+\-]|[a-z]\})", text)))
    for found in re.finditer(r"(?<=[_{,+\-])([ijklmnabuvt])(?=[},+\-\s]|[a-z]\})", text):
        for other in letters:
            if other != found[1]:
                yield "index letter", text[: found.start()] + other + text[found.end() :]


def sampled(text: str, most: int, seed: str) -> list[tuple[str, str]]:
    found = list(dict.fromkeys(mutations(text)))
    random.Random(seed).shuffle(found)
    return found[:most]
