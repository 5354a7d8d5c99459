r"""The grammar of LaTeX formulas, LALR(1), free of declarations: what belongs to what, not yet what it means.

Loosest first: comma; relation; + -; products, by an operator or side by side; scripts. Names, functions, sums and
derivatives are told apart afterwards by `derive.reading.latex.interpret`, which knows the problem's names.
"""

from __future__ import annotations

from typing import Any

from derive.reading.latex.syntax import (
    Accent,
    Chain,
    Fraction,
    Group,
    Root,
    Scripted,
    Table,
    Term,
    Token,
    Total,
    Unit,
)  # fmt: skip

GRAMMAR = r"""
start: listing
listing:                            -> nothing
    | chain                         -> first
    | listing COMMA                 -> same
    | listing COMMA chain           -> further
chain: total                        -> chain
    | chain RELATION total          -> related
total: term                         -> plus
    | PLUS term                     -> led_by_plus
    | MINUS term                    -> minus
    | MINUS MINUS term              -> minus_minus
    | total PLUS term               -> added
    | total MINUS term              -> added
    | total PLUS MINUS term         -> added_minus
    | total MINUS MINUS term        -> added_minus
term: unit                          -> term
    | term unit                     -> beside
    | term operator unit            -> times
    | term operator MINUS unit      -> times_minus
operator: TIMES                     -> operator
    | TIMES SUB argument            -> mode
?unit: core
    | scripted
scripted: core SUB argument         -> sub
    | core SUP argument             -> sup
    | core SUP TIMES                -> sup_sign
    | core PRIME                    -> prime
    | scripted SUB argument         -> sub
    | scripted SUP argument         -> sup
    | scripted SUP TIMES            -> sup_sign
    | scripted PRIME                -> prime
?core: LEAF
    | braces
    | fraction
    | accent
    | ROOT argument                 -> root
    | OPEN listing CLOSE            -> group
    | BEGIN cells END               -> table
braces: LBRACE listing RBRACE       -> group
    | LBRACE TIMES listing RBRACE   -> led_group
fraction: FRAC argument argument    -> fraction
accent: ACCENT argument             -> accent
cells: listing                      -> cells
    | cells AMP listing             -> next_cell
    | cells ROW listing             -> next_row
?argument: LEAF | braces | fraction | accent
%declare LEAF COMMA RELATION PLUS MINUS TIMES SUB SUP PRIME ROOT OPEN CLOSE BEGIN END LBRACE RBRACE FRAC ACCENT AMP ROW
"""


class Nodes:
    """One method for each rule: the children in order -> a node. Lists grow in place, each node is made once."""

    def start(self, parts: list[Any]) -> Any:
        return parts[0]

    def nothing(self, parts: list[Any]) -> list[Chain]:
        return []

    def first(self, parts: list[Any]) -> list[Chain]:
        return [parts[0]]

    def same(self, parts: list[Any]) -> Any:
        return parts[0]

    def further(self, parts: list[Any]) -> Any:
        parts[0].append(parts[2])
        return parts[0]

    def chain(self, parts: list[Any]) -> Chain:
        return Chain(parts[0])

    def related(self, parts: list[Any]) -> Any:
        chain = parts[0]
        chain.relations.append(parts[1])
        chain.sides.append(parts[2])
        chain.end = parts[2].end
        return chain

    def plus(self, parts: list[Any]) -> Total:
        return Total(parts[0], "+")

    def led_by_plus(self, parts: list[Any]) -> Total:
        return Total(parts[1], "+")

    def minus(self, parts: list[Any]) -> Total:
        total = Total(parts[1], "-")
        total.start = parts[0].start
        return total

    def minus_minus(self, parts: list[Any]) -> Total:
        parts[2].negative = 1
        return self.minus([parts[0], parts[2]])

    def added(self, parts: list[Any]) -> Any:
        total = parts[0]
        total.signs.append("+" if parts[1].type == "PLUS" else "-")
        total.terms.append(parts[2])
        total.end = parts[2].end
        return total

    def added_minus(self, parts: list[Any]) -> Any:
        parts[3].negative = 1
        return self.added([parts[0], parts[1], parts[3]])

    def term(self, parts: list[Any]) -> Term:
        return Term(parts[0])

    def beside(self, parts: list[Any]) -> Any:
        return self._longer(parts[0], "", parts[1], 0)

    def times(self, parts: list[Any]) -> Any:
        return self._longer(parts[0], parts[1], parts[2], 0)

    def times_minus(self, parts: list[Any]) -> Any:
        return self._longer(parts[0], parts[1], parts[3], 1)

    def _longer(self, term: Term, operator: str, unit: Unit, sign: int) -> Term:
        term.operators.append(operator)
        term.units.append(unit)
        term.signs.append(sign)
        term.end = unit.end
        return term

    def operator(self, parts: list[Any]) -> str:
        return parts[0].kind  # type: ignore[no-any-return]

    def mode(self, parts: list[Any]) -> str:
        """`\\ast_{\\text{full}}`: the word belongs to the operator."""
        words = _letters(parts[2])
        return f"{parts[0].kind}_{words}"

    def sub(self, parts: list[Any]) -> Scripted:
        unit = self._scripted(parts[0], parts[2].end)
        unit.subs.append(parts[2])
        return unit

    def sup(self, parts: list[Any]) -> Scripted:
        unit = self._scripted(parts[0], parts[2].end)
        unit.sups.append(parts[2])
        unit.raised_first = unit.raised_first or not unit.subs
        return unit

    def sup_sign(self, parts: list[Any]) -> Scripted:
        unit = self._scripted(parts[0], parts[2].end)
        unit.sups.append(Group("", [], parts[2].start, parts[2].end, False, parts[2].kind))
        return unit

    def prime(self, parts: list[Any]) -> Scripted:
        unit = self._scripted(parts[0], parts[1].end)
        unit.primes += len(parts[1].text)
        return unit

    def _scripted(self, core: Any, end: int) -> Scripted:
        unit = core if type(core) is Scripted else Scripted(core)
        unit.end = end
        return unit

    def root(self, parts: list[Any]) -> Root:
        return Root(parts[1], parts[0].text, parts[0].start, parts[1].end, parts[0].space)

    def group(self, parts: list[Any]) -> Group:
        opened = parts[0]
        kind = opened.kind if opened.type == "OPEN" else ""
        return Group(kind, parts[1], opened.start, parts[2].end, opened.space)

    def led_group(self, parts: list[Any]) -> Group:
        opened = parts[0]
        return Group("", parts[2], opened.start, parts[3].end, opened.space, parts[1].kind)

    def fraction(self, parts: list[Any]) -> Fraction:
        return Fraction(parts[1], parts[2], parts[0].start, parts[2].end, parts[0].space)

    def accent(self, parts: list[Any]) -> Accent:
        return Accent(parts[0].text, parts[1], parts[0].start, parts[1].end, parts[0].space)

    def table(self, parts: list[Any]) -> Table:
        return Table(parts[0].text, parts[1], parts[0].start, parts[2].end, parts[0].space)

    def cells(self, parts: list[Any]) -> list[list[list[Chain]]]:
        return [[parts[0]]]

    def next_cell(self, parts: list[Any]) -> Any:
        parts[0][-1].append(parts[2])
        return parts[0]

    def next_row(self, parts: list[Any]) -> Any:
        parts[0].append([parts[2]])
        return parts[0]


def _letters(argument: Any) -> str:
    """The word of a script that holds nothing else."""
    if type(argument) is Token:
        return argument.text
    if type(argument) is Group and len(argument.items) == 1:
        units = [unit for total in argument.items[0].sides for term in total.terms for unit in term.units]
        return "".join(unit.text for unit in units if type(unit) is Token)
    return ""
