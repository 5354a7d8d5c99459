r"""Derivatives in every spelling: `\frac{\partial L}{\partial w}`, dL/dw, `\frac{d}{dz}(\ldots)`, `\nabla_W L`, Df(x)h.

The letter d is a differential only where nobody declared a d, and `dP` where nobody declared a dP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import LimitError
from derive.reading.latex import functions, naming
from derive.reading.latex.above import with_scripts
from derive.reading.latex.resolving import is_declared, longest
from derive.reading.latex.spelling import Spelled, joined, spelled
from derive.reading.latex.syntax import Argument, Fraction, Group, Scripted, Term, Token, Unit
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter, Run

ORDER = 4


def _differential(reading: Interpreter, unit: Unit) -> int:
    """The order of a unit that is a d or a partial: 1, 2 for d^2; 0 for any other unit."""
    core = unit.core if type(unit) is Scripted else unit
    if type(core) is not Token or core.text != "d" or core.kind not in ("partial", "letter"):
        return 0
    if core.kind == "letter" and not reading.vocabulary.has_differentials:
        return 0
    if type(unit) is not Scripted:
        return 1
    if unit.subs or unit.primes or len(unit.sups) != 1:
        return 0
    number = _number(unit.sups[0])
    if number is None:
        return 0
    if not 1 <= number <= ORDER:
        raise reading.error(f"derivatives are read up to order {ORDER}", unit, LimitError)
    return number


def _number(argument: Argument) -> int | None:
    if type(argument) is Group and len(argument.items) == 1 and not argument.items[0].relations:
        units = argument.items[0].sides[0].terms[0].units
        if len(units) == 1 and len(argument.items[0].sides[0].terms) == 1 and type(units[0]) is Token:
            argument = units[0]
    if type(argument) is Token and argument.kind == "number" and argument.text.isdigit() and len(argument.text) < 4:
        return int(argument.text)
    return None


def _is_declared_run(reading: Interpreter, run: Run) -> bool:
    """Whether a run begins with a declared name such as dP."""
    unit = run.units[run.place]
    if type(unit) is not Token or unit.kind != "letter" or run.place + 1 >= run.end:
        return False
    following = spelled(run.units[run.place + 1])
    if following is None or run.operators[run.place + 1] != "":
        return False
    following.base = joined([unit.text, following.base], (), (), "", 0)
    return is_declared(reading, following)


def _run_of(reading: Interpreter, argument: Argument) -> Run | None:
    """The units of a numerator or denominator that is one product."""
    from derive.reading.latex.interpret import Run

    if type(argument) is not Group or argument.kind or argument.operator:
        return Run([argument], ["*"], [0])
    if len(argument.items) != 1 or argument.items[0].relations:
        return None
    total = argument.items[0].sides[0]
    if len(total.terms) != 1 or total.signs[0] == "-" or total.terms[0].negative:
        return None
    term: Term = total.terms[0]
    return Run(term.units, term.operators, term.signs)


# --- fractions --------------------------------------------------------------------------------------------------------


def fraction(reading: Interpreter, run: Run) -> Tree:
    r"""`\frac{a}{b}`, and the derivatives `\frac{dy}{dx}`, `\frac{\partial^2}{\partial x^2}` of what follows."""
    unit = run.units[run.place]
    core = unit.core if type(unit) is Scripted else unit
    assert isinstance(core, Fraction)
    run.place += 1
    upper, lower = _run_of(reading, core.upper), _run_of(reading, core.lower)
    order = _differential(reading, upper.units[0]) if upper is not None and lower is not None else 0
    if upper is None or lower is None or not order or not _differential(reading, lower.units[0]):
        return _quotient(reading, core, unit)
    if _is_declared_run(reading, upper) and _is_declared_run(reading, lower):
        return _quotient(reading, core, unit)
    by = _variables(reading, lower, order)
    if upper.end > 1:
        rest = upper.part(1, upper.end)
        of = functions.evaluated(reading, rest) or reading.product(rest)
        if (value := _at_point(reading, run, unit, of, by)) is not None:
            return value
    else:
        of = _operand(reading, run, unit)
        end = run.units[run.place - 1].end
        return _nested(of, by, reading.at(core.start, end))
    return with_scripts(reading, _nested(of, by, reading.at(core.start, core.end)), unit)


def _quotient(reading: Interpreter, core: Fraction, unit: Unit) -> Tree:
    above, below = reading.argument(core.upper), reading.argument(core.lower)
    tree = t.Product((("*", above), ("/", below)), reading.at(core.start, core.end))
    return with_scripts(reading, tree, unit)


def _nested(of: Tree, by: list[Tree], at: t.Span) -> Tree:
    """The last variable of the denominator is differentiated by first."""
    for variable in reversed(by):
        of = t.Derivative(of, variable, at)
    return of


def _at_point(reading: Interpreter, run: Run, unit: Unit, of: Tree, by: list[Tree]) -> Tree | None:
    r"""`\frac{df}{dz}(a)` of a declared function is its derivative at a."""
    following = run.beside()
    group = following.core if type(following) is Scripted else following
    if not isinstance(of, t.Name) or of.text not in reading.vocabulary.functions or of.text in reading.vocabulary.names:
        return None
    if type(group) is not Group or group.kind != "(":
        return None
    if len(group.items) != 1:
        raise reading.error(
            "write the function with its arguments above, as in \\frac{\\partial h(p, q)}{\\partial p}", group
        )
    run.place += 1
    assert following is not None
    at = reading.at(unit.start, group.end)
    tree = t.Call(of.text, reading.items(group.items), at, orders=(len(by),))
    return with_scripts(reading, tree, following)


def _operand(reading: Interpreter, run: Run, unit: Unit) -> Tree:
    """What `d/dz` stands before: the bracket directly behind it, else the rest of the term."""
    following = run.beside()
    if following is None:
        raise reading.error("what is differentiated? write it above, or in brackets behind", unit)
    core = following.core if type(following) is Scripted else following
    if type(core) is Group and core.kind in ("(", "[", "{"):
        return reading.factor(run)
    reading.depth += 1
    if reading.depth > 90:
        raise reading.error("the formula is nested more than 90 deep, the limit", following, LimitError)
    tree = reading.product(run)
    reading.depth -= 1
    return tree


def _variables(reading: Interpreter, run: Run, order: int) -> list[Tree]:
    r"""The variables below: `\partial x \partial y`, and x twice in `\partial x^2` of a second derivative."""
    starts = [
        place for place in range(run.end) if _differential(reading, run.units[place]) and run.operators[place] != "/"
    ]
    starts = [place for place in starts if place - 1 not in starts]  # \partial dW: by a name that begins with d
    found: list[Tree] = []
    for start, stop in zip(starts, [*starts[1:], run.end], strict=True):
        if stop == start + 1:
            raise reading.error("the variable is missing behind this", run.units[start])
        part = run.part(start + 1, stop)
        unit = part.units[0]
        times = 1
        if order > 1 and part.end == 1 and type(unit) is Scripted and len(unit.sups) == 1:
            power = _number(unit.sups[0])
            parts = spelled(unit)
            own = parts is not None and (match := longest(reading, parts)) is not None and not match.sups
            if power is not None and 1 < power <= order and not own:
                times = power
                bare = Scripted(unit.core)
                bare.subs, bare.primes = unit.subs, unit.primes
                part.units = [bare if bare.subs or bare.primes else unit.core]
        found += [reading.product(part)] * times
    if len(found) != order:
        raise reading.error(f"the derivative is of order {order} above and of order {len(found)} below", run.units[0])
    return found


# --- in a line --------------------------------------------------------------------------------------------------------


def is_inline(reading: Interpreter, run: Run) -> bool:
    return _slash(reading, run) is not None


def _slash(reading: Interpreter, run: Run) -> int | None:
    r"""The place of the d below in `dL/dw`, where the units from here on are such a quotient."""
    if not _differential(reading, run.units[run.place]):
        return None
    for place in range(run.place + 1, run.end):
        operator = run.operators[place]
        if operator == "/":
            if not _differential(reading, run.units[place]) or place + 1 >= run.end or run.operators[place + 1] != "":
                return None
            both = _is_declared_run(reading, run) and _is_declared_run(reading, run.part(place, run.end))
            return None if both else place
        if operator != "":
            return None
    return None


def inline(reading: Interpreter, run: Run) -> Tree:
    r"""`\partial L/\partial w`, dL/dw, d/dx (...)."""
    start = run.place
    unit = run.units[start]
    if type(unit) is Scripted and len(unit.subs) == 1:
        return _partial_below(reading, run, unit)
    below = _slash(reading, run)
    if below is None:
        raise reading.error("this is read only as part of a derivative, as in \\frac{\\partial L}{\\partial w}", unit)
    order = _differential(reading, unit)
    upper = run.part(start + 1, below) if below > start + 1 else None
    by: list[Tree] = []
    run.place = below
    while len(by) < order and run.place + 1 < run.end and _differential(reading, run.units[run.place]):
        stop = run.place + 2
        if (length := _declared_length(reading, run, run.place + 1)) > 1:
            stop = run.place + 1 + length
        by += (
            _variables(reading, run.part(run.place, stop), order - len(by))
            if order - len(by) == 1
            else _some(reading, run.part(run.place, stop), order - len(by))
        )
        run.place = stop
    if len(by) != order:
        raise reading.error(f"the derivative is of order {order} above and of order {len(by)} below", unit)
    of = reading.product(upper) if upper is not None else _operand(reading, run, unit)
    return _nested(of, by, reading.at(unit.start, run.units[run.place - 1].end))


def _partial_below(reading: Interpreter, run: Run, unit: Scripted) -> Tree:
    r"""`\partial_2 e(y, a)`, by the second argument of a function; `\partial_w L`, by w."""
    run.place += 1
    slot, order = _number(unit.subs[0]), _number(unit.sups[0]) if unit.sups else 1
    if run.beside() is None or unit.primes or order is None or not 1 <= order <= ORDER:
        raise reading.error("what is differentiated? write it behind the sign", unit)
    of = reading.factor(run)
    at = reading.at(unit.start, run.units[run.place - 1].end)
    if slot is None:
        return _nested(of, [reading.argument(unit.subs[0])] * order, at)
    if not isinstance(of, t.Call) or not 1 <= slot <= len(of.arguments):
        raise reading.error(f"argument {slot} of a function is expected here, as in \\partial_{slot} f(x, y)", unit)
    orders = of.orders if len(of.orders) == len(of.arguments) else (0,) * len(of.arguments)
    orders = tuple(old + order * (place == slot) for place, old in enumerate(orders, 1))
    return t.Call(of.function, of.arguments, at, of.parameters, orders, of.layer)


def _some(reading: Interpreter, run: Run, order: int) -> list[Tree]:
    """One variable below, as often as its power says."""
    unit = run.units[1]
    power = _number(unit.sups[0]) if type(unit) is Scripted and len(unit.sups) == 1 else None
    return _variables(reading, run, power if power is not None and 1 < power <= order else 1)


def _declared_length(reading: Interpreter, run: Run, place: int) -> int:
    """How many units the declared name at a place has, 1 where it is one letter."""
    first = spelled(run.units[place])
    if first is None or first.base not in reading.vocabulary.runs:
        return 1
    part = run.part(place, run.end)
    tree = naming.letters(reading, part, first)
    return part.place if tree is not None else 1


# --- nabla and D ------------------------------------------------------------------------------------------------------


def nabla(reading: Interpreter, run: Run) -> Tree:
    r"""`\nabla_W L`; without a variable the gradient of what stands behind; what `\nabla^2` is the problem says."""
    unit = run.units[run.place]
    run.place += 1
    if run.beside() is None:
        raise reading.error("what is differentiated? write it behind the nabla", unit)
    by: Tree | None = None
    squared = False
    if type(unit) is Scripted:
        squared = len(unit.sups) == 1 and _number(unit.sups[0]) == 2
        if len(unit.sups) > squared or unit.primes or len(unit.subs) > 1:
            raise reading.error("a nabla has its variable below, and above it only a 2", unit)
        by = reading.argument(unit.subs[0]) if unit.subs else None
    following = run.part(run.place, min(run.place + 2, run.end))
    value = functions.evaluated(reading, following)
    if value is not None:
        run.place += 2
    of = value or reading.factor(run)
    at = reading.at(unit.start, run.units[run.place - 1].end)
    if squared:
        return t.Call("nabla2", (of,) if by is None else (of, by), at)
    return t.Call("gradient", (of,), at) if by is None else t.Derivative(of, by, at, nabla=True)


def differential(reading: Interpreter, run: Run, parts: Spelled) -> Tree | None:
    """`Df(x)h` and `Df(x)[h]`, where no D is declared and f is a function or a quantity; None otherwise."""
    place = run.place
    if reading.vocabulary.knows("D") or parts.subs or parts.sups or parts.accents or parts.primes:
        return None
    if place + 2 >= run.end or run.operators[place + 1] != "" or run.operators[place + 2] != "":
        return None
    function, group = spelled(run.units[place + 1]), run.units[place + 2]
    if function is None or type(group) is not Group or group.kind != "(" or not reading.vocabulary.knows(function.base):
        return None
    start = run.units[place].start
    run.place = place + 2
    call: Tree | None = functions.named_call(reading, run, run.units[place + 1], function)
    if call is None:
        run.place = place + 3
        call = t.Call(function.base, reading.items(group.items), reading.at(run.units[place + 1].start, group.end))
    if run.beside() is None:
        raise reading.error("a direction is expected behind the differential, as in Df(x)h", run.units[place])
    direction = reading.factor(run)
    return t.Call("differential", (call, direction), reading.at(start, run.units[run.place - 1].end))
