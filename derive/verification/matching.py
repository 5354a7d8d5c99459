"""Names in a work that are not those of its problem: which declared name was probably meant.

A declared name always means itself, and a new name on a left side is a definition. What is left are new names on a
right side. Nothing is ever replaced by a guess: a guess is only shown, `did you mean \\hat y?`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from derive.names import ACCENTS
from derive.reading.latex.spelling import printable
from derive.verification.problems import Problem
from derive.verification.shaped import Unjudged
from derive.words import nearest

#: Letters that students write for each other.
_ALIKE = {"varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta", "varsigma": "sigma", "ell": "l"}


@dataclass(frozen=True, slots=True)
class Shape:
    """A canonical name taken apart. above : superscript without its brackets."""

    base: str
    accents: tuple[str, ...]
    scripts: tuple[str, ...]
    primes: int

    @classmethod
    def of(cls, name: str) -> Shape:
        plain = name.rstrip("'")
        lower, _, above = plain.partition("^")
        base, *parts = lower.split("_")
        accents = tuple(sorted(part for part in parts if part in (*ACCENTS, "ddot", "check", "breve")))
        scripts = [part for part in parts if part not in accents]
        scripts += [part for part in re.split(r"[^A-Za-z0-9]+", above) if part]
        return cls(_ALIKE.get(base, base), accents, tuple(sorted("".join(scripts))), len(name) - len(plain))


def suggest(name: str, problem: Problem, limit: int = 3) -> tuple[str, ...]:
    """Declared names that may have been meant by this canonical name, as the problem spells them, likeliest first.

    Likeliest is the same letter with its scripts in another order or place; then another accent or prime (bar for
    hat), another case, the letter without its scripts, and last a similar word.
    """
    known = dict.fromkeys((*problem.quantities, *problem.vocabulary.names, *problem.vocabulary.functions))
    if name in known:
        return ()
    own = Shape.of(name)
    ranked = sorted(
        ((_distance(own, Shape.of(other)), other) for other in known if other not in problem.vocabulary.indices),
        key=lambda pair: pair[0],  # a stable sort: among equals the first declared comes first
    )
    found = [other for distance, other in ranked if distance < _FAR]
    close = nearest(name, known)
    if close is not None and close not in found:
        found.append(close)
    return tuple(_key(other, problem) for other in found[:limit])


_FAR = 6


def _distance(one: Shape, other: Shape) -> int:
    """0 for the same parts in another order; _FAR where nothing but chance makes two names alike."""
    same_letter = one.base == other.base
    same_scripts = one.scripts == other.scripts
    if same_letter and same_scripts:
        if one.accents == other.accents and one.primes == other.primes:
            return 0
        return 1 if bool(one.accents) == bool(other.accents) else 2  # another accent is nearer than none
    if one.base.lower() == other.base.lower() and same_scripts:
        return 3 if one.accents == other.accents else 4
    if same_letter and (not one.scripts or not other.scripts) and one.accents == other.accents:
        return 4
    if same_letter and one.accents == other.accents and len(one.scripts) == len(other.scripts):
        return 5
    return _FAR


def _key(name: str, problem: Problem) -> str:
    quantity = problem.quantities.get(name)
    return quantity.key if quantity is not None else name


def message(name: str, problem: Problem) -> str:
    """One line for a name that is unknown: what may have been meant, or what there is."""
    close = suggest(name, problem)
    name = printable(name)
    if close:
        return f"{name} is not declared; did you mean {_listed(map(printable, close))}?"
    names = [_key(each, problem) for each in problem.quantities][:12]
    return f"{name} is not declared, and no row before defines it; the problem has {', '.join(names)}"


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


class UnknownName(Unjudged):
    """A name that neither the problem nor a row says anything of; its message names what may have been meant."""

    def __init__(self, name: str, problem: Problem) -> None:
        super().__init__(name, "unread")
        self.name = name
        self.problem = problem

    def __str__(self) -> str:  # made when it is shown: most are caught and never seen
        return message(self.name, self.problem)
