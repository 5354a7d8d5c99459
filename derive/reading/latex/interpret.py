r"""From the syntax of a formula to its tree, with the names of a problem: sums, products, brackets, tables.

Names, functions, reductions and derivatives have files of their own; this one walks, and asks them unit by unit.
Nothing is worked out: order and grouping are the author's.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive import tree as t
from derive.errors import LimitError, ReadingError
from derive.reading.latex import derivatives, functions, indicators, literals, naming, reductions, tables
from derive.reading.latex.above import with_scripts
from derive.reading.latex.source import Source
from derive.reading.latex.spelling import single
from derive.reading.latex.syntax import (
    Accent,
    Argument,
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
from derive.reading.latex.vocabulary import Vocabulary
from derive.tree import Span, Tree

#: How deep terms may stand inside each other: they are walked by recursion.
DEPTH = 90

_COMPARED = frozenset(("=", "!=", "<", "<=", ">", ">="))
_MODES = frozenset(("valid", "full", "same"))
_CALLS = ("asterisk", "star", "otimes", "mod")


class Run:
    """Units side by side or with operators between them, and how far they are read."""

    __slots__ = ("end", "operators", "place", "signs", "units")

    def __init__(self, units: Sequence[Unit], operators: Sequence[str], signs: Sequence[int]) -> None:
        self.units, self.operators, self.signs = units, operators, signs
        self.place, self.end = 0, len(units)

    def beside(self) -> Unit | None:
        """The unit directly at the right of those read, without an operator between."""
        if self.place < self.end and self.operators[self.place] == "":
            return self.units[self.place]
        return None

    def part(self, start: int, end: int) -> Run:
        """Some of the units, as a run of their own."""
        return Run(self.units[start:end], ["*", *self.operators[start + 1 : end]], [0, *self.signs[start + 1 : end]])


class Interpreter:
    """free : the indices of the left side.  bound : those of the reductions around the place where the walk stands."""

    def __init__(self, source: Source, vocabulary: Vocabulary, free: Sequence[str] = ()) -> None:
        self.source, self.vocabulary = source, vocabulary
        self.free = list(free)
        self.bound: list[str] = []
        self.depth = 0
        self.sums = 0

    def in_scope(self, name: str) -> bool:
        return name in self.bound or name in self.free

    def at(self, start: int, end: int) -> Span:
        return self.source.span(start, end)

    def error(
        self, message: str, at: Unit | Chain | Term | Total, kind: type[ReadingError] = ReadingError
    ) -> ReadingError:
        return self.source.error(message, at.start, at.end, kind)

    def written(self, start: int, end: int) -> str:
        """The author's spelling of a piece, or dots where it is long."""
        piece = " ".join(self.source.text[start:end].split())
        return piece if 0 < len(piece) <= 40 else "..."

    # --- chains and sums ----------------------------------------------------------------------------------------------

    def expression(self, chain: Chain) -> Tree:
        """A value, or the indicator of a comparison."""
        return self.indicator(chain) if chain.relations else self.total(chain.sides[0])

    def indicator(self, chain: Chain) -> Tree:
        at = self.at(chain.start, chain.end)
        sides = [self.total(side) for side in chain.sides]
        operators = [relation.kind for relation in chain.relations]
        if operators == ["|"]:
            return t.Indicator((t.Call("mod", (sides[1], sides[0]), at), t.Number("0", at)), ("=",), at)
        for relation in chain.relations:
            if relation.kind not in _COMPARED:
                shown = self.written(relation.start, relation.end)
                raise self.source.error(f"{shown} is no comparison", relation.start, relation.end)
        return t.Indicator(tuple(sides), tuple(operators), at)

    def total(self, total: Total) -> Tree:
        reductions.join_negative_bodies(total)
        if len(total.terms) == 1:
            tree = self.term(total.terms[0])
            return t.Negative(tree, self.at(total.start, total.end)) if total.signs[0] == "-" else tree
        terms = []
        for place, (sign, term) in enumerate(zip(total.signs, total.terms, strict=True)):
            tree = self.term(term)
            if sign == "-" and not place:
                sign, tree = "+", t.Negative(tree, self.at(total.start, term.end))
            terms.append((sign, tree))
        return t.Sum(tuple(terms), self.at(total.start, total.end))

    def evaluation(self, total: Total) -> Tree | None:
        r"""`L(\theta)` alone on a side: the value at these names, whether L is a function or a quantity; else None."""
        term = total.terms[0]
        if len(total.terms) > 1 or total.signs[0] == "-" or term.negative or len(term.units) != 2:
            return None
        return functions.evaluated(self, Run(term.units, term.operators, term.signs))

    def term(self, term: Term) -> Tree:
        self.depth += 1
        if self.depth > DEPTH:
            raise self.error(f"the formula is nested more than {DEPTH} deep, the limit", term, LimitError)
        tree = self.product(Run(term.units, term.operators, term.signs))
        self.depth -= 1
        return t.Negative(tree, self.at(term.start, term.end)) if term.negative else tree

    # --- products -----------------------------------------------------------------------------------------------------

    def product(self, run: Run) -> Tree:
        """All units of a run that are not read yet, as one value."""
        first = run.place
        start = run.units[first].start
        factors: list[tuple[str, Tree]] = []
        while run.place < run.end:
            place = run.place
            operator = run.operators[place] if factors else "*"
            unit = run.units[place]
            if operator == "" and type(unit) is Token and unit.kind == "number":
                raise self._number_behind(run, place)
            tree = self.factor(run)
            if place > first and run.signs[place]:
                tree = t.Negative(tree, self.at(unit.start, run.units[run.place - 1].end))
            if operator == "" and factors[-1][0] in ("/", "./") and not isinstance(tree, t.Reduction):
                raise self._two_quotients(run, place, factors[-1][0])
            name, mark, mode = operator.partition("_")
            if mark and (name not in ("asterisk", "star") or mode not in _MODES):
                known = ", ".join(sorted(_MODES))
                raise self.error(f"below this operator stands no {mode or 'formula'}; the modes are {known}", unit)
            if name in _CALLS:
                left = self._joined(factors, start, run.units[place - 1].end)
                factors = [("*", self._called(operator, left, tree, start, unit.end))]
            else:
                factors.append((operator, tree))
        return self._joined(factors, start, run.units[run.end - 1].end)

    def _joined(self, factors: list[tuple[str, Tree]], start: int, end: int) -> Tree:
        return factors[0][1] if len(factors) == 1 else t.Product(tuple(factors), self.at(start, end))

    def _called(self, operator: str, left: Tree, right: Tree, start: int, end: int) -> Tree:
        """`a * b`, which only the problem's convention gives a meaning; between numbers it is the product."""
        if operator == "asterisk" and (isinstance(left, t.Number) or isinstance(right, t.Number)):
            return t.Product((("*", left), ("*", right)), self.at(start, end))
        return t.Call(operator, (left, right), self.at(start, end))

    def _number_behind(self, run: Run, place: int) -> ReadingError:
        number, before = run.units[place], run.units[place - 1]
        assert isinstance(number, Token)
        left = self.written(before.start, before.end)
        message = f"a number cannot stand directly behind a factor; write {left} \\cdot {number.text} for a product"
        if type(before) is Scripted and before.end == number.start:
            script = self.source.text[before.end - 1 : before.end]
            message += f", or braces around all of {script}{number.text}"
        return self.error(message, number)

    def _two_quotients(self, run: Run, place: int, slash: str) -> ReadingError:
        """`a / b c`: both readings, in the author's own spelling."""
        upper, lower, beside = (
            self.written(run.units[k].start, run.units[k].end) for k in (place - 2, place - 1, place)
        )
        one, two = f"\\frac{{{upper}}}{{{lower}}} {beside}", f"\\frac{{{upper}}}{{{lower} {beside}}}"
        message = f"this has two readings; write {one} or {two}"
        return self.error(message, run.units[place])

    def factor(self, run: Run) -> Tree:
        """The next factor of a run; one unit, or several where a function, a sum or a derivative takes them."""
        unit = run.units[run.place]
        core = unit.core if type(unit) is Scripted else unit
        if type(core) is Token:
            return self._leaf(run, unit, core)
        if type(core) is Accent and naming.is_name(unit) and not naming.is_bar_over_power(self, core):
            return naming.name_factor(self, run)
        if type(core) is Fraction:
            return derivatives.fraction(self, run)
        if type(core) is Group and not core.kind and naming.is_name(unit):
            return naming.name_factor(self, run)
        run.place += 1
        if type(core) is Accent and core.word == "brace":
            return self.argument(core.body)
        if type(core) is Group and core.kind == "||":
            return indicators.norm(self, unit)
        return with_scripts(self, self.core(core), unit)

    def _leaf(self, run: Run, unit: Unit, core: Token) -> Tree:
        match core.kind:
            case "letter" | "word":
                return naming.name_factor(self, run)
            case "number":
                return literals.number(self, run, unit, core)
            case "function":
                return functions.apply(self, run)
            case "reduction":
                return reductions.reduction(self, run)
            case "partial" if self.source.text.startswith(r"\partial", core.start):
                return derivatives.inline(self, run)
            case "partial":
                return naming.upright_d(self, run)
            case "nabla":
                return derivatives.nabla(self, run)
            case "ones":
                return indicators.ones(self, run)
            case "infinity":
                run.place += 1
                return with_scripts(self, t.Name("infinity", self.at(core.start, core.end)), unit)
        shown = self.written(core.start, core.end)
        raise self.error(f"{shown} is not read here", unit)

    # --- brackets, roots, tables --------------------------------------------------------------------------------------

    def core(self, core: Unit) -> Tree:
        """A bracket, a root, a table, an accent over an expression: without scripts."""
        at = self.at(core.start, core.end)
        match core:
            case Group():
                return self._group(core, at)
            case Root():
                body = self.argument(core.body)
                if not core.degree:
                    return t.Call("sqrt", (body,), at)
                degree: Tree = t.Number(core.degree, at) if core.degree.isdigit() else t.Name(core.degree, at)
                return t.Power(body, t.Product((("*", t.Number("1", at)), ("/", degree)), at), at=at)
            case Table():
                return tables.table_of(self, core, at)
            case Accent():
                body = self.argument(core.body)
                if core.word == "bar":
                    return t.Call("overline", (body,), at)
                if core.word:
                    raise self.error("this accent stands over a name only", core)
                return body
        raise self.error("this is not read here", core)

    def _group(self, core: Group, at: Span) -> Tree:
        if core.kind == "{" and (table := single(core.items)) is not None and type(table) is Table:
            return tables.cases(self, table, at)
        if core.operator or not core.items:
            raise self.error("these brackets are empty" if not core.operator else "an operator stands alone", core)
        values = self.items(core.items)
        match core.kind:
            case "|":
                return t.Call("abs", (self._one(values, core),), at)
            case "||":
                return t.Call("norm", (self._one(values, core),), at)
            case "floor" | "ceil":
                return t.Call(core.kind, (self._one(values, core),), at)
            case "<":
                if len(values) != 2:
                    raise self.error("an inner product has two parts, \\langle u, v \\rangle", core)
                return t.Call("inner", values, at)
        return values[0] if len(values) == 1 else t.Call("", values, at)

    def _one(self, values: tuple[Tree, ...], core: Group) -> Tree:
        if len(values) != 1:
            raise self.error("one value is expected between these bars", core)
        return values[0]

    def items(self, chains: Sequence[Chain]) -> tuple[Tree, ...]:
        return tuple(self.expression(chain) for chain in chains)

    def argument(self, argument: Argument | Unit) -> Tree:
        """What stands in the braces of a command."""
        if type(argument) is Group and not argument.kind and not argument.operator:
            if len(argument.items) != 1:
                raise self.error("one value is expected in these braces", argument)
            return self.expression(argument.items[0])
        return self.product(Run([argument], ["*"], [0]))
