r"""Which name a unit is: the longest declared one wins, its other scripts are indices, layers, powers and transposes.

`\bar v_3`, `w_{ij}^{[l]}`, `\tau^2` declared as a name, `\Delta v`, dP, and what stands above them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import LimitError
from derive.reading import limits
from derive.reading.latex import derivatives, functions
from derive.reading.latex.spelling import Spelled, joined, label, labels, spelled, superscript_label
from derive.reading.latex.syntax import Argument, Chain, Group, Scripted, Token, Unit
from derive.reading.magnitude import provably_beyond
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter, Run


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


def is_name(unit: Unit) -> bool:
    return spelled(unit) is not None


def name_factor(reading: Interpreter, run: Run) -> Tree:
    """A name with its scripts, several letters that are one name, or a call where a parenthesis follows a function."""
    unit = run.units[run.place]
    parts = spelled(unit)
    assert parts is not None
    vocabulary = reading.vocabulary
    if parts.base == "d" and not parts.accents and not parts.subs and vocabulary.has_differentials:
        if derivatives.is_inline(reading, run):
            return derivatives.inline(reading, run)
        if (tree := _letters(reading, run, parts)) is not None:
            return tree
        if (tree := _differential_name(reading, run, parts)) is not None:
            return tree
    elif (tree := _letters(reading, run, parts)) is not None:
        return tree
    if parts.base == "D" and (tree := derivatives.differential(reading, run, parts)) is not None:
        return tree
    run.place += 1
    following = run.beside()
    if following is not None:
        group = following.core if type(following) is Scripted else following
        if type(group) is Group and group.kind in ("(", "[", "{"):
            return _before_bracket(reading, run, unit, parts, group)
    if parts.kind == "word":
        _check_word(reading, parts, unit)
    return resolved(reading, parts, unit)


def _before_bracket(reading: Interpreter, run: Run, unit: Unit, parts: Spelled, group: Group) -> Tree:
    """A name in front of a bracket: call, product, condition, or two readings."""
    if group.kind == "(" and (call := functions.named_call(reading, run, unit, parts)) is not None:
        return call
    if parts.base in ("I_bb", "I", "chi") and (tree := functions.condition_beside(reading, run, unit)) is not None:
        return tree
    tree = resolved(reading, parts, unit)
    bare = t.Name(tree.array) if isinstance(tree, t.Subscript) else tree
    if group.kind == "[" and isinstance(bare, t.Name) and _is_entry(reading, bare.text, tree, group, unit):
        run.place += 1
        indices = indices_of(reading, group.items, reading.vocabulary.names.get(bare.text))
        at = reading.at(unit.start, group.end)
        before = tree.indices if isinstance(tree, t.Subscript) else ()
        entry = t.Subscript(bare.text, (*before, *indices), at)
        return with_scripts(reading, entry, run.units[run.place - 1])
    known = not isinstance(bare, t.Name) or is_known(reading, bare.text) or _is_kronecker(tree)
    if not known and group.kind == "(":
        shown = reading.written(unit.start, unit.end)
        inside = reading.written(group.start, group.end)
        raise reading.source.error(
            f"{shown}{inside} is ambiguous, it has two readings: product or call? "
            f"write {shown} \\cdot {inside} for the product, or declare {shown}",
            unit.start,
            group.end,
        )
    return tree


def _is_kronecker(tree: Tree) -> bool:
    """`\\delta_{ij}` is a value, whoever declares it."""
    return isinstance(tree, t.Subscript) and tree.array == "delta" and len(tree.indices) == 2


def is_known(reading: Interpreter, name: str) -> bool:
    vocabulary = reading.vocabulary
    return name in vocabulary.names or reading.in_scope(name) or name in vocabulary.indices or name == "pi"


def _is_entry(reading: Interpreter, name: str, tree: Tree, group: Group, unit: Unit) -> bool:
    """Whether `x[n]` directly behind an array is an entry: integers inside, no more than the array has axes."""
    rank = reading.vocabulary.names.get(name)
    if not rank or unit.end != group.start or len(group.items) > rank or any(chain.relations for chain in group.items):
        return False
    inside = (node for tree in reading.items(group.items) for node in t.walk(tree))
    names = reading.vocabulary.names
    return all(
        not isinstance(node, (t.Call, t.Derivative)) and not names.get(getattr(node, "text", "")) for node in inside
    )


def _check_word(reading: Interpreter, parts: Spelled, unit: Unit) -> None:
    """Nothing to refuse yet: a word without a bracket is a name, which the problem may not know."""


def _letters(reading: Interpreter, run: Run, parts: Spelled) -> Tree | None:
    r"""Several units that are one declared name, the longest first: dP, `\Delta v`, loss."""
    candidates = reading.vocabulary.runs.get(parts.base)
    if candidates is None or parts.accents or parts.subs or parts.sups or parts.primes:
        return None
    pieces, last = [parts.base], parts
    found: tuple[int, Tree] | None = None
    for place in range(run.place + 1, run.end):
        if run.operators[place] != "":
            break
        following = spelled(run.units[place])
        if following is None:
            break
        pieces.append(following.base)
        base = joined(pieces, (), (), "", 0)
        if not any(candidate.startswith(base) for candidate in candidates):
            break
        if base in candidates:
            last = Spelled(base, "word")
            last.accents, last.subs, last.sups = following.accents, following.subs, following.sups
            last.primes = following.primes
            if is_declared(reading, last):
                found = (place, resolved(reading, last, run.units[place], run.units[run.place].start))
        if following.accents or following.subs or following.sups or following.primes:
            break
    if found is None:
        return None
    first = run.units[run.place]
    run.place = found[0] + 1
    following_unit = run.beside()
    if type(following_unit) is Group and following_unit.kind == "(" and last.base in reading.vocabulary.functions:
        call = functions.named_call(reading, run, first, last)
        if call is not None:
            return call
    return found[1]


def _differential_name(reading: Interpreter, run: Run, parts: Spelled) -> Tree | None:
    """`dW` where nobody declared a d: one name, which the problem may not know."""
    if run.place + 1 >= run.end or run.operators[run.place + 1] != "" or parts.sups or parts.primes:
        return None
    following = spelled(run.units[run.place + 1])
    if following is None or ("d" in reading.vocabulary.sizes and not reading.vocabulary.knows(following.base)):
        return None
    start = run.units[run.place].start
    run.place += 2
    following.base, following.kind = joined(["d", following.base], (), (), "", 0), "word"
    return resolved(reading, following, run.units[run.place - 1], start)


# --- which name -------------------------------------------------------------------------------------------------------


def is_declared(reading: Interpreter, parts: Spelled) -> bool:
    """Whether the base, with or without its scripts and accents, is a declared name."""
    return parts.base in reading.vocabulary.names or _longest(reading, parts) is not None


class _Match:
    """A declared name, and what of the unit does not belong to it."""

    __slots__ = ("accents", "name", "primes", "subs", "sups")

    def __init__(
        self, name: str, accents: tuple[str, ...], subs: list[Chain | Argument], sups: list[Argument], primes: int
    ):
        self.name, self.accents, self.subs, self.sups, self.primes = name, accents, subs, sups, primes


def _longest(reading: Interpreter, parts: Spelled) -> _Match | None:
    """The longest declared name that begins a unit with scripts or accents."""
    vocabulary = reading.vocabulary
    names, functions_ = vocabulary.names, vocabulary.functions
    if parts.base not in vocabulary.decorated:
        return None
    subs = parts_of(parts.subs)
    texts: list[str] = []
    for part in subs:
        text = label(part)
        if text is None:
            break
        texts.append(text)
    above = superscript_label(parts.sups[0]) if parts.sups else None
    tails = [above, ""] if above is not None else [""]
    primes = [parts.primes, 0] if parts.primes else [0]
    inner = [parts.accents[:count] for count in range(len(parts.accents), -1, -1)]
    for count in range(len(texts), -1, -1):
        for tail in tails:
            for accents in inner:
                for prime in primes:
                    if not (count or tail or accents or prime):
                        continue
                    name = joined([parts.base], texts[:count], accents, tail, prime)
                    if name in names or name in functions_:
                        rest = parts.sups[1:] if tail else parts.sups
                        return _Match(name, parts.accents[len(accents) :], subs[count:], rest, parts.primes - prime)
    return None


def parts_of(subs: Sequence[Argument]) -> list[Chain | Argument]:
    """The subscripts between commas."""
    found: list[Chain | Argument] = []
    for argument in subs:
        if type(argument) is Group and not argument.kind:
            found += argument.items
        else:
            found.append(argument)
    return found


def resolved(reading: Interpreter, parts: Spelled, unit: Unit, start: int | None = None) -> Tree:
    """The tree of a name with everything that stands at it."""
    begin = unit.start if start is None else start
    vocabulary = reading.vocabulary
    if not (parts.subs or parts.accents or parts.sups or parts.primes):
        return t.Name(_plain(vocabulary.names, parts.base), reading.at(begin, unit.end))
    match = _longest(reading, parts)
    if match is None or any(word != "bar" for word in match.accents):
        match = _new_name(reading, parts)
    above = above_of(reading, match.sups, match.name)
    above.primes += match.primes
    name = match.name
    at = reading.at(begin, unit.end)
    indices = tuple(above.layers)
    if match.subs:
        indices += indices_of(reading, match.subs, _rank_left(reading, name, len(above.layers)))
    letters = vocabulary.letters.get(name)
    if letters:
        indices = (*(t.Name(letter, at) for letter in letters), *indices)
    tree: Tree = t.Subscript(name, indices, at, layer=above.kind) if indices else t.Name(name, at)
    for _ in match.accents:
        tree = t.Call("overline", (tree,), at)
    return raised(reading, tree, above, unit)


def _plain(names: object, base: str) -> str:
    r"""A script letter stands for the plain one where only that is declared: `\mathcal L` for a loss L."""
    if len(base) > 1 and base[1] == "_" and base not in names and base[0] in names:  # type: ignore[operator]
        return base[0]
    return base


def _rank_left(reading: Interpreter, name: str, layers: int) -> int | None:
    """How many subscripts a name may have: its axes, and the index of its family unless that stands above."""
    rank = reading.vocabulary.names.get(name)
    return rank + 1 if rank is not None and not layers and name in reading.vocabulary.families else rank


def _new_name(reading: Interpreter, parts: Spelled) -> _Match:
    """No declared name with scripts or accents: the bare name where it is one, else a new name with its labels."""
    vocabulary = reading.vocabulary
    names = vocabulary.names
    base = _plain(names, parts.base)
    subs = parts_of(parts.subs)
    if names.get(base) and not parts.accents and not any(_is_label(reading, part) for part in subs):
        return _Match(base, (), subs, parts.sups, parts.primes)
    accents, outer = parts.accents, ()
    if accents and accents[-1] == "bar":
        inner = Spelled(parts.base, parts.kind)
        inner.accents, inner.subs, inner.sups = accents[:-1], parts.subs, parts.sups
        if is_declared(reading, inner) or _numbered_sibling(reading, inner):
            match = _longest(reading, inner) or _new_name(reading, inner)
            return _Match(match.name, (*match.accents, "bar"), match.subs, match.sups, parts.primes)
    declared = base in names or base in vocabulary.functions
    rank = names.get(base) if declared and not accents else None
    found = [label(part) for part in subs]
    taken = 0
    is_label = [text is not None and _is_label(reading, part) for part, text in zip(subs, found, strict=True)]
    if subs and (
        any(is_label)
        or (
            (not declared or rank == 0 or accents)
            and all(text is not None and re.fullmatch("m?[0-9]+", text) for text in found)
        )
    ):
        numbers_too = all(text is not None for text in found)
        taken = len(subs) if numbers_too and (any(is_label) or not _has_entries(reading, base, accents)) else 0
        if any(is_label) and not all(is_label):  # u_{x,i}: labels first, then indices
            taken = next(k for k in range(len(subs), -1, -1) if all(is_label[:k]))
    primes = parts.primes
    if primes and not declared:
        kept, primes = primes, 0
    else:
        kept = 0
    above, sups = "", parts.sups
    if sups and not _families(reading, base) and not declared:
        text = superscript_label(sups[0])
        if text is not None and re.fullmatch(r"\^[\[(][0-9]+[\])]", text):
            above, sups = text, sups[1:]
    name = joined([base], [str(text) for text in found[:taken]], accents, above, kept)
    return _Match(name, outer, subs[taken:], sups, primes)


def _has_entries(reading: Interpreter, base: str, accents: tuple[str, ...]) -> bool:
    """Whether some declared array has this base, so that a number below is an index."""
    name = joined([base], (), accents, "", 0)
    return bool(reading.vocabulary.names.get(name)) or name in reading.vocabulary.families


def _families(reading: Interpreter, base: str) -> bool:
    return bool(reading.vocabulary.families)


def _numbered_sibling(reading: Interpreter, parts: Spelled) -> bool:
    """v_9 beside declared v_1, v_2: a bar over it is a bar over a name of that kind."""
    return False


def _is_label(reading: Interpreter, part: Chain | Argument) -> bool:
    """A word below is a label, part of the name: W_{in}; single letters, numbers and sums are indices."""
    units = _units(part)
    if len(units) == 1 and type(units[0]) is Token:
        token = units[0]
        if token.kind == "word":
            return token.text not in reading.vocabulary.indices and not is_known(reading, token.text)
        if token.kind == "function":
            return True
    return False


def _units(part: Chain | Argument) -> Sequence[Unit]:
    if type(part) is Chain:
        if part.relations or len(part.sides[0].terms) != 1 or part.sides[0].signs[0] == "-":
            return ()
        term = part.sides[0].terms[0]
        return term.units if not term.negative and all(operator in ("*", "") for operator in term.operators[:1]) else ()
    return (part,) if type(part) is Token else ()


# --- indices ----------------------------------------------------------------------------------------------------------


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
        units = _units(part)
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
            if type(unit) is Token and unit.kind in ("letter", "word"):
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
        if type(core) is not Token or core.kind not in ("letter", "number"):
            return None
        if core.kind == "number" and (len(core.text) != 1 or unit is term.units[0]):
            return None
    return term.units


def index(reading: Interpreter, unit: Unit) -> Tree:
    """One letter of a subscript; a prime belongs to its name."""
    if type(unit) is Token:
        if unit.kind == "number":
            return t.Number(unit.text, reading.at(unit.start, unit.end))
        return t.Name(unit.text, reading.at(unit.start, unit.end))
    parts = spelled(unit)
    if parts is not None and parts.primes and not (parts.subs or parts.sups or parts.accents):
        return t.Name(parts.base + "'" * parts.primes, reading.at(unit.start, unit.end))
    return reading.argument(unit)


# --- above ------------------------------------------------------------------------------------------------------------


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
        is_layer = type(core) is Group and core.kind in ("[", "(") and bool(core.items)
        if is_layer and any(chain.relations for chain in core.items):  # type: ignore[union-attr]
            return False  # the indicator of a comparison
        is_mark = type(core) is Token and (core.kind in ("transpose", "prime") or core.text == "T")
        if not is_layer and not is_mark:
            return False
        if type(unit) is Scripted and (unit.subs or is_mark):
            return False
    if len(units) > 1 and not any(type(unit) is Token or _is_square(unit) for unit in units):
        return len(units) == 2 and _layers(reading, above, units)
    return _layers(reading, above, units)


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
                above.primes += unit.primes + inner.primes
                above.transposes += inner.transposes
                above.powers += inner.powers
    return True


def above_is_layer(sups: Sequence[Argument]) -> bool:
    """Whether all that stands above is in square or round brackets, as a layer is."""
    for argument in sups:
        units = _units(argument.items[0]) if type(argument) is Group and len(argument.items) == 1 else ()
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


__all__ = ["indices_of", "labels", "name_factor", "resolved", "with_scripts"]
