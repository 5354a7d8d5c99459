"""What the left sides of rows define: new names, known in all rows whatever their order."""

from __future__ import annotations

from collections.abc import Sequence

from derive import tree as t
from derive.errors import ReadingError
from derive.reading.latex import plain
from derive.reading.latex.above import above_is_layer
from derive.reading.latex.functions import is_letter
from derive.reading.latex.interpret import Interpreter
from derive.reading.latex.resolving import is_declared, resolved
from derive.reading.latex.source import Source
from derive.reading.latex.spelling import Spelled, joined, plain_name, spelled
from derive.reading.latex.statements import Draft
from derive.reading.latex.syntax import Group, Term, Token
from derive.reading.latex.vocabulary import Vocabulary

_NOWHERE = Source("")
#: Letters that make a name together with what they stand before, \Delta W.
_LEADING = frozenset(("Delta", "delta", "d", "nabla"))


def extended(vocabulary: Vocabulary, rows: Sequence[Sequence[Draft]]) -> Vocabulary:
    """The vocabulary with the names that left sides define."""
    names: dict[str, int | None] = {}
    functions: set[str] = set()
    families: set[str] = set()
    drafts = [draft for row in rows for draft in row]
    for draft in sorted(drafts, key=_units):  # a product M X = .. defines nothing where another row says what M is
        if draft.plain is not None:
            _plain_head(vocabulary, draft, names, functions)
        elif draft.head is not None and draft.claims and len(draft.head.terms) == 1 and draft.head.signs[0] == "+":
            _head(vocabulary, draft.head.terms[0], names, functions, families)
    return vocabulary.extended(names, functions, families)


def _units(draft: Draft) -> int:
    return len(draft.head.terms[0].units) if draft.head is not None else 0


def _head(
    vocabulary: Vocabulary, term: Term, names: dict[str, int | None], functions: set[str], families: set[str]
) -> None:
    units = term.units
    if term.negative or any(operator not in ("", "*") for operator in term.operators[:1]) or any(term.operators[1:]):
        return
    reading = Interpreter(_NOWHERE, vocabulary)
    if len(units) == 2 and type(units[1]) is Group and units[1].kind == "(":
        _function(reading, term, functions)
        return
    parts = [
        spelled(unit) if not (type(unit) is Token and unit.kind == "partial") else Spelled("d", "letter")
        for unit in units
    ]
    known = []
    for place, part in enumerate(parts):
        if part is None:
            return
        if place < len(parts) - 1 and (part.accents or part.subs or part.sups or part.primes):
            return
        known.append(is_declared(reading, part) or part.base in names)
    last = parts[-1]
    assert last is not None
    if len(parts) > 1:
        if all(known):
            return
        is_differential = [part.base for part in parts[:-1] if part is not None] == ["d"]
        if (
            not is_differential
            and parts[0] is not None
            and parts[0].base not in _LEADING
            and any(part is not None and vocabulary.names.get(part.base, 0) != 0 for part in parts)
        ):
            return  # a product with an array of the problem
        if is_differential and vocabulary.has_differentials and last.base in vocabulary.decorated and known[-1]:
            return  # dU_r, where U_r is a name
        last.base, last.kind = joined([part.base for part in parts if part is not None], (), (), "", 0), "word"
    if is_declared(reading, last) or (last.sups and not above_is_layer(last.sups)):
        return
    try:
        tree = resolved(reading, last, units[-1])
    except ReadingError:
        return
    match tree:
        case t.Name(text=text) if not vocabulary.knows(text):
            names.setdefault(text, 0 if not last.subs and len(parts) == 0 else None)
        case t.Subscript(array=array, indices=indices, layer=layer) if not vocabulary.knows(array):
            names.setdefault(array, len(indices) - bool(layer))
            if layer:
                families.add(array)


def _function(reading: Interpreter, term: Term, functions: set[str]) -> None:
    """`g(z) = ...` defines a function where every argument is a name."""
    head, group = term.units
    parts = spelled(head)
    assert isinstance(group, Group)
    if parts is None or parts.subs or parts.sups or parts.primes or reading.vocabulary.knows(parts.base):
        return
    if group.items and all(is_letter(chain) for chain in group.items):
        functions.add(joined([parts.base], (), parts.accents, "", 0))


def _plain_head(vocabulary: Vocabulary, draft: Draft, names: dict[str, int | None], functions: set[str]) -> None:
    head = draft.plain.head if draft.plain is not None else None
    match head:
        case t.Name(text=text) | t.Subscript(array=text) if plain.below_bar(vocabulary, plain_name(text)) is not None:
            return
        case t.Name(text=text) if draft.claims and not vocabulary.knows(plain_name(text)):
            if plain.array_of(vocabulary, plain_name(text)) is None:
                names.setdefault(plain_name(text), None)
        case t.Subscript(array=array, indices=indices) if draft.claims and not vocabulary.knows(plain_name(array)):
            names.setdefault(plain_name(array), len(indices))
        case t.Call(function=function) if draft.claims and not vocabulary.knows(plain_name(function)):
            functions.add(plain_name(function))
