"""Subscripts: the indices between commas, letters in a row that are several, primes that belong to an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive import tree as t
from derive.reading.latex.marks import ALL
from derive.reading.latex.spelling import spelled
from derive.reading.latex.syntax import Argument, Chain, Group, Scripted, Token, Unit
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter


def parts_of(subs: Sequence[Argument]) -> list[Chain | Argument]:
    """The subscripts between commas."""
    found: list[Chain | Argument] = []
    for argument in subs:
        if type(argument) is Group and not argument.kind:
            found += argument.items
        else:
            found.append(argument)
    return found


def indices_of(reading: Interpreter, parts: Sequence[Chain | Argument], rank: int | None) -> tuple[Tree, ...]:
    """The indices of a subscript: between commas, or letters in a row where the array has that many axes."""
    found: list[Tree] = []
    spare = None if rank is None else rank - len(parts)
    for part in parts:
        row = _letters_in_a_row(part)
        if row is not None and _is_split(reading, row, spare):
            found += [index(reading, unit) for unit in row]
            spare = None if spare is None else spare - len(row) + 1
            continue
        if type(part) is Token and part.kind == "number" and spare and len(part.text) == spare + 1 == rank:
            found += [t.Number(digit, reading.at(part.start, part.end)) for digit in part.text]
            spare = 0
            continue
        units = units_of(part)
        if len(units) == 1:
            unit = units[0]
            if (
                type(unit) is Token
                and unit.kind == "number"
                and spare
                and unit.text.isdigit()
                and len(unit.text) == spare + 1
            ):
                found += [t.Number(digit, reading.at(unit.start, unit.end)) for digit in unit.text]
                spare = 0
                continue
            if type(unit) is Token and unit.kind in ("letter", "word", "all"):
                found.append(index(reading, unit))
                continue
        found.append(reading.expression(part) if type(part) is Chain else reading.argument(part))  # type: ignore[arg-type]
    return tuple(found)


def _is_split(reading: Interpreter, row: Sequence[Unit], spare: int | None) -> bool:
    """Whether `ij` is two indices: so many axes are left, or no letter is declared, so that no product is meant."""
    if not any(type(unit) is Token and unit.text in reading.vocabulary.names for unit in row):
        return True
    return spare >= len(row) - 1 if spare is not None else not any(unit.space for unit in row[1:])


def _letters_in_a_row(part: Chain | Argument) -> Sequence[Unit] | None:
    """`ij` as its letters; None where it is one letter, or anything else."""
    if type(part) is not Chain or part.relations:
        return None
    total = part.sides[0]
    if len(total.terms) != 1 or total.signs[0] == "-" or total.terms[0].negative:
        return None
    term = total.terms[0]
    if (
        len(term.units) < 2
        or any(operator not in ("*", "") for operator in term.operators)
        or "*" in term.operators[1:]
    ):
        return None
    for unit in term.units:
        core = unit.core if type(unit) is Scripted else unit
        if type(core) is not Token or core.kind not in ("letter", "number", "all"):
            return None
        if core.kind == "number" and (len(core.text) != 1 or unit is term.units[0]):
            return None
    return term.units


def index(reading: Interpreter, unit: Unit) -> Tree:
    """One letter of a subscript; a prime belongs to its name."""
    if type(unit) is Token:
        if unit.kind == "all":
            return t.Call(ALL, (), reading.at(unit.start, unit.end))
        if unit.kind == "number":
            return t.Number(unit.text, reading.at(unit.start, unit.end))
        return t.Name(unit.text, reading.at(unit.start, unit.end))
    parts = spelled(unit)
    if parts is not None and parts.primes and not (parts.subs or parts.sups or parts.accents):
        return t.Name(parts.base + "'" * parts.primes, reading.at(unit.start, unit.end))
    return reading.argument(unit)


def units_of(part: Chain | Argument) -> Sequence[Unit]:
    if type(part) is Chain:
        if part.relations or len(part.sides[0].terms) != 1 or part.sides[0].signs[0] == "-":
            return ()
        term = part.sides[0].terms[0]
        return term.units if not term.negative and all(operator in ("*", "") for operator in term.operators[:1]) else ()
    return (part,) if type(part) is Token else ()
