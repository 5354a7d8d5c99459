r"""Superscripts: layers `^{[l]}`, transposes, primes, powers; and an expression in brackets with all its scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import LimitError
from derive.reading import limits
from derive.reading.latex.indices import indices_of, parts_of, units_of
from derive.reading.latex.syntax import Argument, Group, Scripted, Token, Unit
from derive.reading.magnitude import provably_beyond
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter


PRIMES = 4


class Above:
    """What stands at the upper right: layers, a transpose, primes, powers (elementwise or not), a star."""

    __slots__ = ("kind", "layers", "powers", "primes", "star", "transposes")

    def __init__(self) -> None:
        self.layers: list[Tree] = []
        self.kind = ""
        self.transposes = 0
        self.primes = 0
        self.powers: list[tuple[Tree, bool]] = []
        self.star: Argument | None = None


def above_of(reading: Interpreter, sups: Sequence[Argument], name: str = "") -> Above:
    """Superscripts sorted by what they are."""
    above = Above()
    for argument in sups:
        if type(argument) is Token:
            _mark_above(reading, above, argument, name)
        elif type(argument) is Group and not argument.kind:
            _sort_group(reading, above, argument, name)
        else:
            above.powers.append((reading.argument(argument), False))
    return above


def _mark_above(reading: Interpreter, above: Above, token: Token, name: str) -> None:
    if token.kind == "transpose" or token.text == "T":
        above.transposes += 1
    elif token.kind == "prime":
        above.primes += 1
    elif _is_layer(reading, above, token.text, name):
        above.layers.append(t.Name(token.text, reading.at(token.start, token.end)))
    else:
        above.powers.append((reading.argument(token), False))


def _sort_group(reading: Interpreter, above: Above, group: Group, name: str) -> None:
    if group.operator:
        if group.operator != ".*" or len(group.items) != 1:
            raise reading.error("this sign above is not read; declare the name with it", group)
        above.powers.append((reading.expression(group.items[0]), True))
        return
    if len(group.items) != 1 or group.items[0].relations:
        raise reading.error("one exponent, layer or transpose is expected above", group)
    total = group.items[0].sides[0]
    term = total.terms[0]
    plain = len(total.terms) == 1 and all(operator in ("*", "") for operator in term.operators[:1] or ())
    negative = (total.signs[0] == "-") != bool(term.negative)
    if len(total.terms) == 1 and len(term.units) == 1 and negative:
        unit = term.units[0]
        if type(unit) is Token and (unit.kind == "transpose" or unit.text == "T"):
            above.powers.append((t.Negative(t.Number("1", reading.at(group.start, group.end))), False))
            above.transposes += 1
            return
    if plain and not negative and _sort_units(reading, above, term.units, term.operators, name):
        return
    exponent = reading.expression(group.items[0])
    letters = [node.text for node in t.walk(exponent) if isinstance(node, t.Name)]
    if isinstance(exponent, t.Sum) and len(letters) == 1 and _is_layer(reading, above, letters[0], name):
        above.layers.append(exponent)  # a^{l-1}
    else:
        above.powers.append((exponent, False))


def _is_layer(reading: Interpreter, above: Above, letter: str, name: str) -> bool:
    """Whether a letter above without brackets, W^l, is the layer: an index of the problem, or the last layer, L."""
    vocabulary = reading.vocabulary
    if above.layers or (name not in vocabulary.families and (not vocabulary.families or vocabulary.knows(name))):
        return False
    return letter in vocabulary.indices or (letter == "L" and vocabulary.names.get(letter) == 0)


def _sort_units(reading: Interpreter, above: Above, units: Sequence[Unit], operators: Sequence[str], name: str) -> bool:
    """`[l]`, `(i)`, `\\top`, `\\prime` in a row; False where they are an exponent."""
    if any(operators[1:]):
        return False
    if len(units) == 1 and type(units[0]) is Token:
        _mark_above(reading, above, units[0], name)
        return True
    for unit in units:
        core = unit.core if type(unit) is Scripted else unit
        items = core.items if type(core) is Group and core.kind in ("[", "(") else []
        is_layer = bool(items)
        if any(chain.relations for chain in items):
            return False  # the indicator of a comparison
        is_mark = type(core) is Token and (core.kind in ("transpose", "prime") or core.text == "T")
        if not is_layer and not is_mark:
            return False
        if type(unit) is Scripted and (unit.subs or is_mark or not all(map(_is_transpose, unit.sups))):
            return False
        if type(unit) is Scripted and unit.sups and not _is_square(unit) and name not in reading.vocabulary.families:
            return False  # x^{(-y)^T}
    if len(units) > 1 and not any(type(unit) is Token or _is_square(unit) for unit in units):
        return len(units) == 2 and _layers(reading, above, units)
    return _layers(reading, above, units)


def _is_transpose(argument: Argument) -> bool:
    r"""The mark alone, `T` or `\top`, as in W^{[2]^T}."""
    return type(argument) is Token and (argument.kind == "transpose" or argument.text == "T")


def _is_square(unit: Unit) -> bool:
    core = unit.core if type(unit) is Scripted else unit
    return type(core) is Group and core.kind == "["


def _layers(reading: Interpreter, above: Above, units: Sequence[Unit]) -> bool:
    for unit in units:
        core = unit.core if type(unit) is Scripted else unit
        if type(core) is Token:
            above.primes += core.kind == "prime"
            above.transposes += core.kind != "prime"
        elif type(core) is Group:
            above.kind = above.kind or {"[": "[]", "(": "()"}[core.kind]
            above.layers += reading.items(core.items)
            if type(unit) is Scripted:  # W^{[2]^T}
                inner = above_of(reading, unit.sups)
                above.primes += unit.primes
                above.transposes += inner.transposes
    return True


def above_is_layer(sups: Sequence[Argument]) -> bool:
    """Whether all that stands above is in square or round brackets, as a layer is."""
    for argument in sups:
        units = units_of(argument.items[0]) if type(argument) is Group and len(argument.items) == 1 else ()
        if not units or not all(type(unit) is Group and unit.kind in ("[", "(") for unit in units):
            return False
    return True


def raised(reading: Interpreter, tree: Tree, above: Above, unit: Unit) -> Tree:
    """With its primes, powers and transpose."""
    at = tree.at
    if above.primes > PRIMES:
        raise reading.error(f"more than {PRIMES} primes, the limit", unit, LimitError)
    for _ in range(above.primes):
        tree = t.Call("prime", (tree,), at)
    if len(above.powers) > 1:
        raise reading.error("two exponents stand above; write brackets", unit)
    for exponent, elementwise in above.powers:
        if provably_beyond(exponent, limits.EXPONENT):
            raise reading.error(f"the exponent is beyond {limits.EXPONENT}, the limit", unit, LimitError)
        tree = t.Power(tree, exponent, elementwise, at=at)
    for _ in range(above.transposes):
        tree = t.Transpose(tree, at)
    return tree


def with_scripts(reading: Interpreter, tree: Tree, unit: Unit) -> Tree:
    """An expression in brackets with its scripts: an entry, a power, a transpose."""
    if type(unit) is not Scripted:
        return tree
    above = above_of(reading, unit.sups)
    if above.layers:
        raise reading.error("a layer stands at a name only; for a power leave out the brackets", unit)
    above.primes += unit.primes
    if unit.subs:
        at = reading.at(unit.start, unit.end)
        if unit.raised_first:  # [A^{-1}]^T_{ij}: what is written first applies first, squares of entries excepted
            inverses = [power for power in above.powers if isinstance(power[0], t.Negative)]
            inner = Above()
            inner.powers, inner.transposes, above.transposes = inverses, above.transposes, 0
            above.powers = [power for power in above.powers if power not in inverses]
            tree = raised(reading, tree, inner, unit)
        if isinstance(tree, t.Number):
            raise reading.error("a number has no subscript", unit)
        indices = indices_of(reading, parts_of(unit.subs), None)
        if isinstance(tree, t.Name):
            tree = t.Subscript(tree.text, indices, at)
        else:
            tree = t.Call("entry", (tree, *indices), at)
    return raised(reading, tree, above, unit)
