r"""A row in the plain notation, `z[i] = sum(j) W[i,j]*x[j] + b[i]`, as the same statements with canonical names.

Tokens and grammar are those of the plain reader; names are compared in canonical form, so vbar_3 is v_3_bar and
`W_ij` an entry of a declared W.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import ReadingError
from derive.names import ACCENTS, NAME_PATTERN
from derive.reading.classify import classify
from derive.reading.grammar import parse
from derive.reading.latex.marks import ALL
from derive.reading.latex.source import Source
from derive.reading.latex.spelling import plain_name
from derive.reading.lexer import Line, scan
from derive.tree import Span, Tree
from derive.words import FUNCTIONS, canonical

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter
    from derive.reading.latex.linebreaks import Piece
    from derive.reading.latex.statements import Draft, Statement
    from derive.reading.latex.vocabulary import Vocabulary

#: A word in which letters stand for primes -> the name and how many primes it has.
Primed = dict[str, tuple[str, int]]

_SIGN = re.compile(r"\+=|-=|:=|<-|~=|\u2248|<=|>=|!=|=|<|>|[()\[\]]|[,;]")
_PARTS = re.compile(
    r"[()\[\],;]|(?<![A-Za-z0-9_.])(?:where|with|wobei|mit|and|und|if|when|for|falls)(?![A-Za-z0-9_(\[])"
)
_CONDITIONS = frozenset(("if", "when", "for", "falls"))
_INDICES = re.compile(r"(?:(?:all|every|each|any) )?[a-z](?:(?:, ?| and )[a-z])*")
_NAME = re.compile(NAME_PATTERN)
_RELATIONS = {"~=": "approx", "\u2248": "approx", ":=": "="}
_ALL_OF_AXIS = re.compile(r"([\[,][ \t]*):(?=[ \t]*[,\]])")
_CONDITION = re.compile(r"\s\(([^()]*(?:!=|<=|>=|<|>|=)[^()]*)\)\s*$")


def drafts(piece: Piece) -> list[Draft]:
    """The statements of a plain row, still with the author's names. Sides are read when names are known."""
    from derive.reading.latex.statements import Draft, PlainDraft

    found: list[Draft] = []
    conditions: list[tuple[int, int]] = []  # of the statement found last
    for word, start, end in _statements(piece.source, piece.start, piece.end):
        if found and word in _CONDITIONS:
            if any(sign in piece.source.text[start:end] for sign in "=<>"):
                conditions.append((start, end))
                continue
            if _INDICES.fullmatch(piece.source.text[start:end].strip(" \t.")):
                continue
        sides = list(_sides(piece.source, start, end))
        if len(sides) == 1 and not sides[0][0]:
            signs = [match[0] for match in _SIGN.finditer(piece.source.text, start, end)]
            if found and any(sign in ("<", "<=", ">", ">=", "!=") for sign in signs):
                conditions.append((start, end))
                continue
        conditions = []
        head = None if sides[0][0] else _head(piece.source, sides[0][1], sides[0][2])
        found.append(Draft(start, end, plain=PlainDraft(head, sides, conditions)))
    return found


def _statements(source: Source, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """The parts between commas, semicolons and words such as `where` outside brackets, each with the word before it."""
    depth, begin, word = 0, start, ""
    for match in _PARTS.finditer(source.text, start, end):
        depth += (match[0] in "([") - (match[0] in ")]")
        if depth <= 0 and match[0] not in "()[]":
            if source.text[begin : match.start()].strip():
                yield word, begin, match.start()
                word = ""
            begin, word = match.end(), match[0] if match[0] not in ",;" else word
    if source.text[begin:end].strip(" \t."):
        yield word, begin, end


def _sides(source: Source, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Each side with the relation before it; the first has none unless the row begins with one."""
    depth, begin, relation = 0, start, ""
    for match in _SIGN.finditer(source.text, start, end):
        sign = match[0]
        depth += (sign in "([") - (sign in ")]")
        if depth > 0 or sign in "()[],;" or sign in ("<", "<=", ">", ">=", "!="):
            continue
        if relation or source.text[begin : match.start()].strip():
            yield relation, begin, match.start()
        relation, begin = _RELATIONS.get(sign, sign), match.end()
    yield relation, begin, end


def _head(source: Source, start: int, end: int) -> Tree | None:
    """The left side by its spelling alone: a name or an entry; any other is some expression."""
    text = source.text[start:end].strip()
    if _NAME.fullmatch(text):
        return t.Name(text)
    if match := re.fullmatch(rf"({NAME_PATTERN})\s*(\[|\()([^\[\]()]*)(?:\]|\))", text):
        parts = [part.strip() for part in match[3].split(",")]
        indices = tuple(map(t.Name, parts))
        if match[2] == "[":
            return t.Subscript(match[1], indices)
        return t.Call(match[1], indices) if all(map(_NAME.fullmatch, parts)) else t.Number("0")
    return t.Number("0")


def statement_of(reading: Interpreter, draft: Draft) -> tuple[Statement, list[str]]:
    """The statement with trees under canonical names, and the free indices of its left side."""
    from derive.reading.latex.statements import Link, Statement, free_indices

    source = reading.source
    head: Tree | None = None
    links = []
    assert draft.plain is not None
    conditions = [_condition(reading, start, end) for start, end in draft.plain.conditions]
    sides = draft.plain.sides
    for relation, start, end in sides:
        if (start, end) == sides[-1][1:] and (match := _CONDITION.search(source.text, start, end)) is not None:
            conditions.append(_condition(reading, match.start(1), match.end(1)))
            end = match.start()
        tree = _expression(reading, start, end)
        if relation:
            links.append(Link(relation, tree, reading.at(start, end)))
        else:
            head = tree
            reading.free = free_indices(reading, tree)
    at = reading.at(draft.start, draft.end)
    return Statement(head, tuple(links), tuple(conditions), "", at), reading.free


def _condition(reading: Interpreter, start: int, end: int) -> Tree:
    return _expression(reading, start, end, "[", "]")


def _expression(reading: Interpreter, start: int, end: int, before: str = "", after: str = "") -> Tree:
    """One side, read by the plain reader at its place in the file."""
    from derive.reading.reader import check

    source = reading.source
    at = source.span(start, start)
    shift = at.column - 1 - len(before)
    text = before + re.sub(r"\r\n|\r|\n", " ", source.text[start:end]) + after
    text, primed = _without_primes(text if after else text.rstrip(" \t."))
    text, primed = _without_colons(text, primed)
    try:
        lines = scan(text)
        if len(lines) != 1:
            raise ReadingError("an expression is expected here", "", 1, 1)
        line = lines[0]
        declared, functions = _known(reading, line, primed)
        tree = parse(line, classify(line, declared, functions))
        check(tree, line, functions)
    except ReadingError as error:
        message = error.message
        for word, (name, primes) in primed.items():
            message = message.replace(word, name + "'" * primes)
        column = error.column + shift
        raise type(error)(message, source.error("", start, end).text, at.line, max(column, 1), error.width) from None
    return _canonical(reading, tree, primed, at.line, shift)


def _without_primes(text: str) -> tuple[str, Primed]:
    """The text with letters in place of primes, which the plain notation has not, and what such words stand for."""
    primed: Primed = {}
    if "'" not in text:
        return text, primed
    letter = next((sign for sign in "QZJXYVKGB" if sign not in text), "Q")

    def replaced(match: re.Match[str]) -> str:
        word = match[1] + letter * len(match[2])
        primed[word] = (match[1], len(match[2]))
        return word

    return re.sub(rf"({NAME_PATTERN})('+)", replaced, text), primed


def _without_colons(text: str, primed: Primed) -> tuple[str, Primed]:
    """The text with a letter for the colon of X[i, :], which the plain notation has not."""
    letter = next((sign for sign in "UQZJXYVKGB" if sign not in text), "")
    changed, count = _ALL_OF_AXIS.subn(rf"\g<1>{letter}", text) if letter else (text, 0)
    return (changed, {**primed, letter: (ALL, 0)}) if count else (text, primed)


def _known(reading: Interpreter, line: Line, primed: Primed) -> tuple[set[str], set[str]]:
    """The words of a line that are names, and those that are functions of the problem."""
    vocabulary = reading.vocabulary
    declared, functions = set(), set()
    for token in line.tokens:
        if token.kind == "NAME":
            word = primed.get(token.text, (token.text, 0))[0]
            name = plain_name(word)
            logistic = name == "sigma" and not vocabulary.knows(name)
            if name in vocabulary.functions or logistic or (token.text in primed and word in FUNCTIONS):
                functions.add(token.text)
            if name in vocabulary.names or name in vocabulary.indices:
                declared.add(token.text)
    return declared, functions


def array_of(vocabulary: Vocabulary, name: str) -> str | None:
    """The array that a word such as W_ij is an entry of: declared, with as many axes as there are letters."""
    base, _, rest = name.partition("_")
    if vocabulary.knows(name) or rest in ACCENTS or not rest.isalnum():
        return None
    return base if vocabulary.names.get(base) == len(rest) else None


def below_bar(vocabulary: Vocabulary, name: str) -> str | None:
    """v_3 of vbar_3, where nobody declared vbar_3 and the problem says what a bar means."""
    base = name.removesuffix("_bar")
    says = vocabulary.conventions.get("overline", "name") != "name"
    return base if says and base != name and vocabulary.knows(base) and not vocabulary.knows(name) else None


def _canonical(reading: Interpreter, tree: Tree, primed: Primed, line: int, shift: int) -> Tree:
    """Canonical names, places in the file, and `W_ij` as an entry where W is declared and W_ij is not."""
    vocabulary = reading.vocabulary

    def changed(node: Tree) -> Tree:
        at = Span(line, node.at.column + shift, node.at.end + shift) if node.at is not None else None
        match node:
            case t.Name(text=text) if primed.get(text) == (ALL, 0):
                return t.Call(ALL, (), at)
            case t.Name(text=text):
                return named(*primed.get(text, (text, 0)), at)
            case t.Subscript(array=array) if (base := below_bar(vocabulary, plain_name(array))) is not None:
                return t.Call("overline", (replace(node, array=base, at=at),), at)
            case t.Subscript(array=array):
                return replace(node, array=plain_name(array), at=at)
            case t.Call(function=function):
                word, primes = primed.get(function, (function, 0))
                if word == "sigma" and not vocabulary.knows(word):
                    word = "sigmoid"
                name = plain_name(word) if plain_name(word) in vocabulary.functions else canonical(word)
                return replace(node, function=name, at=at, orders=(primes,) if primes else ())
        return replace(node, at=at)

    def named(text: str, primes: int, at: Span | None) -> Tree:
        name = plain_name(text)
        if primes:
            if vocabulary.knows(name + "'" * primes):
                return t.Name(name + "'" * primes, at)
            return t.Call("prime", (named(text, primes - 1, at),), at)
        if (base := below_bar(vocabulary, name)) is not None:
            return t.Call("overline", (named(base, 0, at),), at)
        if letters := vocabulary.letters.get(name):
            return t.Subscript(name, tuple(t.Name(letter, at) for letter in letters), at)
        if vocabulary.knows(name) or reading.in_scope(name):
            return t.Name(name, at)
        if len(text) > 1 and text.isalpha() and all(letter in vocabulary.names for letter in text):  # XA
            return t.Product(tuple(("" if place else "*", t.Name(letter, at)) for place, letter in enumerate(text)), at)
        if (base := array_of(vocabulary, name)) is not None:
            signs = name[len(base) + 1 :]
            indices = tuple(t.Number(sign, at) if sign.isdigit() else t.Name(sign, at) for sign in signs)
            return t.Subscript(base, indices, at)
        return t.Name(name, at)

    return t.transformed(tree, changed)
