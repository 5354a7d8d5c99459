"""The syntax of a formula in LaTeX before anybody knows its names: tokens, scripts, groups, fractions, tables.

Nodes hold offsets into the source, from 0; `derive.reading.latex.interpret` makes trees with positions of them.
"""

from __future__ import annotations

from typing import Union


class Token:
    """type : what the grammar sees.  kind, text : what it stands for.  space : a wide space stands before it."""

    __slots__ = ("end", "kind", "space", "start", "text", "type")

    def __init__(self, type: str, kind: str, text: str, start: int, end: int, space: bool = False) -> None:
        self.type, self.kind, self.text = type, kind, text
        self.start, self.end, self.space = start, end, space


class Scripted:
    """A core with what stands at its lower and upper right.  raised_first : the superscript is written first."""

    __slots__ = ("core", "end", "primes", "raised_first", "space", "start", "subs", "sups")

    def __init__(self, core: Core) -> None:
        self.core = core
        self.subs: list[Argument] = []
        self.sups: list[Argument] = []
        self.primes = 0
        self.raised_first = False
        self.start, self.end, self.space = core.start, core.end, core.space


class Group:
    """kind : the opening bracket, "(", "[", "{" for a set, "|", "||", "<", "floor", or "" for braces of TeX.

    operator : one that stands in front of all, as in `^{\\circ 2}`.
    """

    __slots__ = ("end", "items", "kind", "operator", "space", "start")

    def __init__(self, kind: str, items: list[Chain], start: int, end: int, space: bool, operator: str = "") -> None:
        self.kind, self.items, self.operator = kind, items, operator
        self.start, self.end, self.space = start, end, space


class Fraction:
    __slots__ = ("end", "lower", "space", "start", "upper")

    def __init__(self, upper: Argument, lower: Argument, start: int, end: int, space: bool) -> None:
        self.upper, self.lower = upper, lower
        self.start, self.end, self.space = start, end, space


class Root:
    """degree : "" for a square root."""

    __slots__ = ("body", "degree", "end", "space", "start")

    def __init__(self, body: Argument, degree: str, start: int, end: int, space: bool) -> None:
        self.body, self.degree = body, degree
        self.start, self.end, self.space = start, end, space


class Accent:
    __slots__ = ("body", "end", "space", "start", "word")

    def __init__(self, word: str, body: Argument, start: int, end: int, space: bool) -> None:
        self.word, self.body = word, body
        self.start, self.end, self.space = start, end, space


class Table:
    """An environment: rows of cells."""

    __slots__ = ("end", "environment", "rows", "space", "start")

    def __init__(self, environment: str, rows: list[list[list[Chain]]], start: int, end: int, space: bool) -> None:
        self.environment, self.rows = environment, rows
        self.start, self.end, self.space = start, end, space


class Term:
    """Units with the operator before each: "" where they stand side by side; the first one's is "*".

    signs : how many minus signs stand directly before each unit.
    """

    __slots__ = ("end", "negative", "operators", "signs", "start", "units")

    def __init__(self, unit: Unit) -> None:
        self.units: list[Unit] = [unit]
        self.operators: list[str] = ["*"]
        self.signs: list[int] = [0]
        self.negative = 0
        self.start, self.end = unit.start, unit.end


class Total:
    """Terms with their signs."""

    __slots__ = ("end", "signs", "start", "terms")

    def __init__(self, term: Term, sign: str) -> None:
        self.terms: list[Term] = [term]
        self.signs: list[str] = [sign]
        self.start, self.end = term.start, term.end


class Chain:
    """Totals with relations between them."""

    __slots__ = ("end", "relations", "sides", "start")

    def __init__(self, side: Total) -> None:
        self.sides: list[Total] = [side]
        self.relations: list[Token] = []
        self.start, self.end = side.start, side.end


Core = Union[Token, Group, Fraction, Root, Accent, Table]
Unit = Union[Token, Group, Fraction, Root, Accent, Table, Scripted]
Argument = Union[Token, Group, Fraction, Accent]
