"""The same equations as loops over single entries, so that the others are held against this.

Nothing is rearranged, but exponentials are shifted by the largest exponent: see `derive.codegen.arrays.stable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from derive import terms
from derive.codegen.arrays.numpy_dialect import NumpyDialect
from derive.codegen.arrays.recurrences import Group, domain_of
from derive.codegen.arrays.stable import stable
from derive.codegen.arrays.text import ATOM, POWER, PRODUCT, SUM, UNARY, bracketed, comment, listed, literal, negated
from derive.codegen.spelling import applied, raised
from derive.errors import UsageError
from derive.functions import operation
from derive.integers import Index, Integer
from derive.program import Equation
from derive.terms import Chain, Comparison, Divides, Term

if TYPE_CHECKING:
    from derive.codegen.arrays.lowering import Lowering

LOOPS = NumpyDialect()
Text = tuple[str, int]
#: Looser than any operator: conditional expressions and generators.
LOOSE = -1
_PYTHON = {"=": "=="}


def loop_lines(low: Lowering, group: Group) -> None:
    """The statements of one equation, or of equations that step together."""
    for line in group.equations:
        low.emit_all(comment(_cited(line)))
    for line in group.equations:
        if line.indices:
            extents = [low.number(extent) for extent in low.shapes[line.name]]
            low.emit(f"{_name(low, line.name)} = {LOOPS.zeros(extents, low.like)}")
    if not group.steps:
        _line(low, group.equations[0], list(group.equations[0].indices))
        return
    first, stop = domain_of(group)
    name = low.names.temporary(group.steps[0].name)
    span = _span(low, first, stop)
    walk = f"reversed(range({span}))" if group.falls else f"range({span})"
    with low.loop(f"for {name} in {walk}:", dict.fromkeys(group.steps, name)):
        for line in group.equations:
            _line(low, line, [index for index in line.indices if index not in group.steps])


def _line(low: Lowering, line: Equation, waiting: list[Index]) -> None:
    """A loop for each index of the left side, and the entry inside."""
    if waiting:
        index, *rest = waiting
        name = low.names.temporary(index.name)
        with low.loop(f"for {name} in range({_span(low, index.lower, index.stop)}):", {index: name}):
            _line(low, line, rest)
        low.names.used.discard(name)
        return
    term = stable(line.term)
    named: dict[str, str] = {}
    shifts: dict[Term, str] = {}
    for shift in _shifts(line, term):
        largest, _ = _Writer(low).term(shift)
        if largest not in named:
            named[largest] = low.names.temporary("largest")
            low.emit(f"{named[largest]} = {largest}")
        shifts[shift] = named[largest]
    text, _ = _Writer(low, shifts).term(term)
    low.names.used.difference_update(named.values())
    places = ", ".join(low.scalars[index][0] for index in line.indices)
    low.emit(f"{_name(low, line.name)}{f'[{places}]' if places else ''} = {text}")


def _shifts(line: Equation, term: Term) -> list[Term]:
    """The largest exponents by which exponentials are shifted, of those that are worked out once for an entry.

    Where a condition may keep an entry from being read, they stay where they are.
    """
    if term == line.term or any(isinstance(node, (terms.Guard, terms.Winner)) for node in terms.walk(term)):
        return []
    written = set(terms.walk(line.term))
    return [
        node
        for node in terms.walk(term)
        if isinstance(node, terms.Reduce) and node.operator == "max" and node not in written
        if terms.free_indices(node) <= set(line.indices)
    ]


def _cited(line: Equation) -> str:
    from derive.codegen.arrays.source import cited

    return cited(line)


def _name(low: Lowering, array: str) -> str:
    return low.names.of(("array", array), array)


def _span(low: Lowering, first: Integer, stop: Integer) -> str:
    return low.number(stop) if first == 0 else f"{low.number(first)}, {low.number(stop)}"


class _Writer:
    """Terms as Python expressions of numbers.

    shifts : terms that have been given a name before.
    """

    def __init__(self, low: Lowering, shifts: Mapping[Term, str] | None = None) -> None:
        self.low, self.shifts = low, shifts or {}

    def term(self, term: Term) -> Text:
        match term:
            case terms.Reduce() if term in self.shifts:
                return self.shifts[term], ATOM
            case terms.Number(value=value):
                return literal(value)
            case terms.Constant(name=name):
                return f"np.{name}", ATOM
            case terms.Whole(value=value):
                return self.low.count(value)
            case terms.Entry(array=array, indices=indices):
                name = _name(self.low, array)
                return (f"{name}[{', '.join(map(self.low.number, indices))}]" if indices else name), ATOM
            case terms.Apply(function=function, arguments=arguments):
                row = operation(function)
                return applied(row.numpy, row, [self._inner(each) for each in arguments])
            case terms.Add(terms=parts):
                return self._sum([self.term(part) for part in parts])
            case terms.Mul() | terms.Guard() | terms.Delta():
                return self._product(term)
            case terms.Power(base=base, exponent=exponent):
                return self._power(base, exponent)
            case terms.Reduce():
                return self._reduction(term)
            case terms.Winner():
                return self._winner(term)
            case terms.Opaque(name=name):
                raise UsageError(f"{name} is only named, so no code can be written for it; give its formula")
        raise UsageError("a derivative that is not worked out has no code; derive it first")

    def _inner(self, term: Term) -> Text:
        text, level = self.term(term)
        return (f"({text})", ATOM) if level == LOOSE else (text, level)

    def _sum(self, parts: list[Text]) -> Text:
        text = bracketed(*parts[0], SUM)
        for part, level in parts[1:]:
            if level == UNARY and part.startswith("-"):
                text += f" - {part[1:]}"
            else:
                text += f" + {bracketed(part, level, SUM)}"
        return text, SUM

    def _power(self, base: Term, exponent: Term) -> Text:
        text, level = self.term(base)
        if isinstance(exponent, terms.Number) and exponent.value == -1:
            return f"1 / {bracketed(text, level, PRODUCT + 1)}", PRODUCT
        if isinstance(exponent, terms.Number) and exponent.value.denominator == 1 and exponent.value < 0:
            return f"1 / {raised(bracketed(text, level, ATOM), str(-exponent.value))}", PRODUCT
        return raised(bracketed(text, level, ATOM), bracketed(*self.term(exponent), ATOM)), POWER

    def _product(self, term: Term) -> Text:
        """The factors, or 0 where a condition fails: nothing of them is looked at then."""
        (text, level), tests = self._tested(term)
        if tests:
            return f"{bracketed(text, level, SUM)} if {' and '.join(tests)} else 0.0", LOOSE
        return text, level

    def _tested(self, term: Term) -> tuple[Text, list[str]]:
        """The factors, and the conditions under which they count."""
        tests: list[str] = []
        upper: list[Text] = []
        lower: list[Text] = []
        negative = False
        for factor in term.factors if isinstance(term, terms.Mul) else (term,):
            match factor:
                case terms.Guard(conditions=conditions):
                    tests += [self._condition(condition) for condition in conditions]
                case terms.Delta(left=left, right=right):
                    tests.append(f"{self.low.number(left)} == {self.low.number(right)}")
                case terms.Winner():
                    tests.append(self._winner_test(factor))
                case terms.Number(value=value) if value == -1:
                    negative = True
                case terms.Power(base=base, exponent=terms.Number(value=value)) if value < 0:
                    lower.append(self.term(terms.power(base, -value)))
                case _:
                    upper.append(self.term(factor))
        text, level = upper[0] if upper else ("1.0", ATOM)
        if len(upper) > 1:
            text = " * ".join(bracketed(*part, PRODUCT + (k > 0)) for k, part in enumerate(upper))
            level = PRODUCT
        if lower:
            below = " * ".join(bracketed(*part, PRODUCT + (k > 0)) for k, part in enumerate(lower))
            below = f"({below})" if len(lower) > 1 else bracketed(*lower[0], PRODUCT + 1)
            text, level = f"{bracketed(text, level, PRODUCT)} / {below}", PRODUCT
        if negative:
            text, level = negated(text, level), UNARY
        return (text, level), tests

    def _condition(self, condition: terms.Condition) -> str:
        match condition:
            case Chain(sides=sides, operators=operators):
                texts = [self.low.number(side) for side in sides]
                chained = texts[0]
                for operator, text in zip(operators, texts[1:], strict=True):
                    chained += f" {_PYTHON.get(operator, operator)} {text}"
                return chained
            case Divides(divisor=divisor, value=value):
                upper, lower = self.low.count(value), self.low.count(divisor)
                return f"{bracketed(*upper, PRODUCT)} % {bracketed(*lower, PRODUCT + 1)} == 0"
        assert isinstance(condition, Comparison)
        sides_ = [bracketed(*self.term(side), SUM) for side in condition.sides]
        text = sides_[0]
        for operator, side in zip(condition.operators, sides_[1:], strict=True):
            text += f" {_PYTHON.get(operator, operator)} {side}"
        return text

    def _reduction(self, term: terms.Reduce) -> Text:
        function = {"sum": "sum", "prod": "math.prod", "max": "max", "min": "min"}[term.operator]
        body, loops, tests = self._generator(term.indices, term.body, drops=term.operator == "sum")
        return f"{function}({body}{loops}{tests})", ATOM

    def _generator(self, indices: tuple[Index, ...], body: Term, *, drops: bool) -> tuple[str, str, str]:
        """`body`, ` for k in range(P)`, ` if 0 <= m - k < N`. drops : whether what a condition makes 0 is left out."""
        low, loops, names = self.low, "", []
        before = dict(low.scalars)
        for index in indices:
            name = low.names.temporary(index.name)
            names.append(name)
            loops += f" for {name} in range({_span(low, index.lower, index.stop)})"
            low.scalars[index] = (name, 1)
        held: list[str] = []
        if drops and isinstance(body, (terms.Mul, terms.Guard, terms.Delta)):
            (text, level), held = self._tested(body)
        else:
            text, level = self.term(body)
        tests = f" if {' and '.join(held)}" if held else ""
        text = bracketed(text, level, SUM)
        low.scalars = before
        low.names.used.difference_update(names)
        return text, loops, tests

    def _winner(self, term: terms.Winner) -> Text:
        return f"1.0 if {self._winner_test(term)} else 0.0", LOOSE

    def _winner_test(self, term: terms.Winner) -> str:
        """The first of the best: max of (value, -place) over the window, places in row-major order."""
        low = self.low
        before = dict(low.scalars)
        at = listed([low.number(place) for place in term.at])
        names: list[str] = []
        loops = ""
        for index in term.indices:
            name = low.names.temporary(index.name)
            names.append(name)
            loops += f" for {name} in range({_span(low, index.lower, index.stop)})"
            low.scalars[index] = (name, 1)
        places = listed(names)
        value, level = self._inner(term.body)
        low.scalars = before
        low.names.used.difference_update(names)
        signed = f"-{bracketed(value, level, ATOM)}" if term.operator == "max" else value
        best = f"min(({signed}"
        return f"{at} == {best}, {places}){loops})[1]"
