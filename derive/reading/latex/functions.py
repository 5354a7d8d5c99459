r"""Functions: `\sin^2 x`, `\mathrm{softmax}(z)_i`, `f'^{[l]}(z)`, `\|u\|_2`, indicators `\mathbb 1[i = j]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive import tree as t
from derive import words
from derive.errors import LimitError
from derive.reading.latex import commands, reductions
from derive.reading.latex.above import PRIMES, Above, above_of, raised, with_scripts
from derive.reading.latex.indices import indices_of, parts_of
from derive.reading.latex.resolving import is_declared, resolved
from derive.reading.latex.spelling import Spelled, joined, label, labels, single, spelled
from derive.reading.latex.syntax import Argument, Chain, Fraction, Group, Root, Scripted, Token, Unit
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter, Run

_INVERSE = {"sin": "\\arcsin", "cos": "\\arccos", "tan": "\\arctan", "exp": "\\log", "log": "\\exp"}
#: Numbers of arguments of functions that the plain notation does not have.
_ARITIES = {"vec": (1, 1), "rot180": (1, 1), "pad": (1, 9), "argmax": (1, 1), "argmin": (1, 1), **words.FUNCTIONS}


def apply(reading: Interpreter, run: Run) -> Tree:
    """A function that the notation knows, with its argument in brackets or without."""
    unit = run.units[run.place]
    core = unit.core if type(unit) is Scripted else unit
    assert isinstance(core, Token)
    name = core.text
    declared = reading.vocabulary.knows(name)
    if type(unit) is Scripted and unit.subs and name in commands.REDUCING_WORDS and not unit.primes and not declared:
        return reductions.reduction(reading, run)
    run.place += 1
    above = above_of(reading, unit.sups) if type(unit) is Scripted else Above()
    if type(unit) is Scripted:
        above.primes += unit.primes
    following = run.beside()
    called = type(following) is Group and following.kind == "(" and not following.space
    if declared and not (called and not (type(unit) is Scripted and unit.subs)):
        run.place -= 1
        return _declared_word(reading, run, unit, core)
    subs = parts_of(unit.subs) if type(unit) is Scripted else []
    if above.layers or above.transposes:
        raise reading.error(f"{name} is a function; a layer or transpose stands behind its argument", unit)
    arguments, group = _arguments(reading, run, name, unit)
    at = reading.at(unit.start, run.units[run.place - 1].end)
    return _scripted_call(reading, name, arguments, subs, above, group, unit, at)


def _declared_word(reading: Interpreter, run: Run, unit: Unit, core: Token) -> Tree:
    """A declared name that is spelled as a function."""
    parts = Spelled(core.text, "word")
    if type(unit) is Scripted:
        parts.subs, parts.sups, parts.primes = unit.subs, unit.sups, unit.primes
    run.place += 1
    return resolved(reading, parts, unit)


def _is_bracket(unit: Unit | None) -> bool:
    core = unit.core if type(unit) is Scripted else unit
    return type(core) is Group and core.kind in ("(", "[", "{")


def _arguments(reading: Interpreter, run: Run, name: str, unit: Unit) -> tuple[tuple[Tree, ...], Unit | None]:
    """The arguments, and the bracket around them where there is one: its scripts belong to the value."""
    following = run.beside()
    if following is None:
        raise reading.error(f"{name} is a function; write its argument behind it, in brackets", unit)
    if _is_bracket(following):
        group = following.core if type(following) is Scripted else following
        assert isinstance(group, Group)
        if not group.items:
            raise reading.error("these brackets are empty", group)
        run.place += 1
        return reading.items(group.items), following
    return (_bare(reading, run, name),), None


def _bare(reading: Interpreter, run: Run, name: str) -> Tree:
    """An argument without brackets: one operand, perhaps behind a number; what could be more has two readings."""
    start = run.place
    unit = run.units[start]
    first = unit
    tree: Tree
    if type(unit) is Token and unit.kind == "number":
        tree = reading.factor(run)
        following = run.beside()
        if following is not None and not following.space and _continues(following):
            place = run.place
            body = reading.factor(run)
            tree = t.Product((("*", tree), ("", body)), reading.at(unit.start, run.units[run.place - 1].end))
            unit = run.units[place]
    else:
        tree = reading.factor(run)
    following = run.beside()
    slash = run.place < run.end and run.operators[run.place] == "/"
    if slash or (following is not None and not following.space and _continues(following)):
        last = run.units[run.place - 1]
        more = run.units[run.place]
        inside = reading.written(first.start, last.end)
        sign = "/" if slash else " "
        other = reading.written(more.start, more.end)
        one, two = f"\\{name}({inside}){sign}{other}", f"\\{name}({inside}{sign}{other})"
        message = f"the argument of {name} has two readings; write {one} or {two}"
        raise reading.source.error(message, first.start, more.end)
    return tree


def _continues(unit: Unit) -> bool:
    """Whether a unit beside the argument could be meant to belong to it: names, numbers, brackets, fractions."""
    core = unit.core if type(unit) is Scripted else unit
    if type(core) is Token:
        return core.kind in ("letter", "word", "number")
    return type(core) is Group or type(core) in (Fraction, Root)


def _scripted_call(
    reading: Interpreter,
    name: str,
    arguments: tuple[Tree, ...],
    subs: list[Chain | Argument],
    above: Above,
    group: Unit | None,
    unit: Unit,
    at: t.Span,
) -> Tree:
    index: tuple[Tree, ...] = ()
    if subs:
        values = indices_of(reading, subs, None)
        if name == "pad":
            arguments += values
        elif name == "softmax" or name == "logsoftmax":
            index = values
        elif name == "log" and len(values) == 1:
            tree: Tree = _call(reading, name, arguments, (), unit, at)
            tree = t.Product((("*", tree), ("/", t.Call("log", values, at))), at)
            return _raised(reading, tree, name, above, group, unit)
        elif not (name == "rot180" and len(subs) == 1):
            raise reading.error(f"a subscript of {name} is not read; write it behind the argument", unit)
    tree = _call(reading, name, arguments, (above.primes,) if above.primes else (), unit, at)
    if index:
        tree = t.Call("entry", (tree, *index), at)
    above.primes = 0
    return _raised(reading, tree, name, above, group, unit)


def _raised(reading: Interpreter, tree: Tree, name: str, above: Above, group: Unit | None, unit: Unit) -> Tree:
    """`\\sin^2 x` is the square of the sine; scripts behind the bracket belong to the value."""
    for exponent, _ in above.powers:
        if isinstance(exponent, t.Negative):
            inverse = _INVERSE.get(name)
            other = f"{inverse}(x) for the inverse function" if inverse else "a formula for the inverse function"
            raise reading.error(
                f"{name}^{{-1}} has two readings; write \\frac{{1}}{{{name}(x)}} for the quotient or {other}", unit
            )
    tree = raised(reading, tree, above, unit)
    return with_scripts(reading, tree, group) if group is not None else tree


def _call(
    reading: Interpreter, name: str, arguments: tuple[Tree, ...], orders: tuple[int, ...], unit: Unit, at: t.Span
) -> Tree:
    if name in commands.RECIPROCALS:
        if orders or len(arguments) != 1:
            raise reading.error(f"{name} is read with one argument and without a prime", unit)
        inner = t.Call(commands.RECIPROCALS[name], arguments, at)
        return t.Product((("*", t.Number("1", at)), ("/", inner)), at)
    fewest, most = _ARITIES.get(name, (1, 9))
    if name in ("max", "min") and len(arguments) > 2:
        tree = arguments[-1]
        for argument in reversed(arguments[:-1]):
            tree = t.Call(name, (argument, tree), at)
        return tree
    if not fewest <= len(arguments) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} or {most}"
        plural = "argument" if wanted == "1" else "arguments"
        raise reading.error(f"{name} takes {wanted} {plural}, not {len(arguments)}", unit)
    return t.Call(name, arguments, at, orders=orders)


# --- functions of the problem -----------------------------------------------------------------------------------------


def named_call(reading: Interpreter, run: Run, unit: Unit, parts: Spelled) -> Tree | None:
    r"""`f'^{[l]}(z)`: a declared function, or the logistic `\sigma`, before its bracket; None for any other name."""
    vocabulary = reading.vocabulary
    logistic = parts.base == "sigma" and not vocabulary.knows("sigma") and not parts.subs and not parts.accents
    function = _function_name(reading, parts)
    if function is None and not logistic:
        known = commands.FUNCTIONS.get(parts.base) if parts.kind == "word" else None
        if known is None or vocabulary.knows(parts.base):
            if parts.kind == "word" and not vocabulary.knows(parts.base):
                raise _unknown_function(reading, parts.base, unit)
            return None
        function = (known, 0)
    name, used = function if function is not None else ("sigmoid", 0)
    above = above_of(reading, parts.sups, name)
    above.primes += parts.primes
    if above.primes > PRIMES:
        raise reading.error(f"more than {PRIMES} primes, the limit", unit, LimitError)
    orders = (above.primes,) if above.primes else ()
    above.primes = 0
    bracket = run.beside()
    arguments, group = _arguments(reading, run, name, unit)
    subs = parts_of(parts.subs)[used:]
    parameters = (*above.layers, *indices_of(reading, subs, None))
    kind, above.layers = above.kind, []
    if kind == "()" and len(parameters) == 1 and not orders and name not in vocabulary.families:
        order = parameters[0]
        if isinstance(order, t.Number) and order.text.isdigit() and len(order.text) == 1:  # f^{(4)}, no layer
            orders, parameters, kind = (int(order.text),), (), ""
    at = reading.at(unit.start, bracket.end if bracket is not None else unit.end)
    if orders and len(arguments) > 1:
        tree: Tree = t.Call("prime", (t.Call(name, arguments, at, parameters, (), kind),), at)
    else:
        tree = t.Call(name, arguments, at, parameters, orders, kind)
    return _raised(reading, tree, name, above, group, unit)


def evaluated(reading: Interpreter, run: Run) -> Tree | None:
    r"""`L(\theta)` where these two units are all there is and the arguments are names: a call, also of a quantity."""
    if run.end - run.place != 2 or run.operators[run.place + 1] != "":
        return None
    unit, group = run.units[run.place : run.place + 2]
    parts = spelled(unit)
    if parts is None or parts.sups or parts.primes or type(group) is not Group or group.kind != "(":
        return None
    if not is_known_value(reading, parts) or not all(is_letter(chain) for chain in group.items) or not group.items:
        return None
    run.place += 2
    name = resolved(reading, parts, unit)
    if not isinstance(name, t.Name):
        return None
    return t.Call(name.text, reading.items(group.items), reading.at(unit.start, group.end))


def is_known_value(reading: Interpreter, parts: Spelled) -> bool:
    """Whether a unit is a declared quantity, not a function."""
    return parts.base not in reading.vocabulary.functions and is_declared(reading, parts)


def is_letter(chain: Chain) -> bool:
    """Whether an argument is one name and nothing else."""
    unit = single([chain])
    return unit is not None and spelled(unit) is not None


def _function_name(reading: Interpreter, parts: Spelled) -> tuple[str, int] | None:
    """The longest declared function, and how many subscripts belong to its name."""
    functions = reading.vocabulary.functions
    subs = parts_of(parts.subs)
    for count in range(len(subs), -1, -1):
        texts = labels([*parts.subs]) if count == len(subs) else [str(label(part)) for part in subs[:count]]
        if texts is None:
            continue
        name = joined([parts.base], texts, parts.accents, "", 0)
        if name in functions:
            return name, count
    return None


def _unknown_function(reading: Interpreter, name: str, unit: Unit) -> Exception:
    close = words.nearest(name, (*reading.vocabulary.functions, *commands.FUNCTIONS))
    hint = f"; did you mean {close}?" if close else ""
    return reading.error(f"the function {name[:40]} is unknown{hint}", unit)
