r"""A unit that begins with a name: a name with its scripts, several letters that are one name, a call, an entry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from derive import tree as t
from derive.reading.latex import derivatives, functions, indicators
from derive.reading.latex.above import above_of, with_scripts
from derive.reading.latex.indices import indices_of
from derive.reading.latex.resolving import is_declared, is_known, longest, resolved
from derive.reading.latex.spelling import Spelled, joined, spelled
from derive.reading.latex.syntax import Accent, Group, Scripted, Unit
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter, Run


def is_name(unit: Unit) -> bool:
    return spelled(unit) is not None


def is_bar_over_power(reading: Interpreter, unit: Unit) -> bool:
    r"""Whether a bar stands over a power, \overline{x_i^2}, which is no name unless one is declared, `\sigma^2`."""
    if type(unit) is not Accent or unit.word != "bar":
        return False
    inner, whole = spelled(unit.body), spelled(unit)
    if inner is None or whole is None or not inner.sups:
        return False
    if any((match := longest(reading, parts)) is not None and not match.sups for parts in (inner, whole)):
        return False
    return bool(above_of(reading, inner.sups, inner.base).powers)


def name_factor(reading: Interpreter, run: Run) -> Tree:
    """A name with its scripts, several letters that are one name, or a call where a parenthesis follows a function."""
    unit = run.units[run.place]
    parts = spelled(unit)
    assert parts is not None
    vocabulary = reading.vocabulary
    if parts.base == "d" and not parts.accents and not parts.subs and vocabulary.has_differentials:
        if derivatives.is_inline(reading, run):
            return derivatives.inline(reading, run)
        if (tree := letters(reading, run, parts)) is not None:
            return tree
        if (tree := _differential_name(reading, run, parts)) is not None:
            return tree
    elif (tree := letters(reading, run, parts)) is not None:
        return tree
    if parts.base == "D" and (tree := derivatives.differential(reading, run, parts)) is not None:
        return tree
    run.place += 1
    following = run.beside()
    if following is not None:
        group = following.core if type(following) is Scripted else following
        if type(group) is Group and group.kind in ("(", "[", "{"):
            return _before_bracket(reading, run, unit, parts, group)
    return resolved(reading, parts, unit)


def upright_d(reading: Interpreter, run: Run) -> Tree:
    r"""`\mathrm{d}`: of a derivative in a line, or of a name such as dC."""
    parts = Spelled("d", "letter")
    if not derivatives.is_inline(reading, run):
        tree = letters(reading, run, parts)
        if tree is not None or (tree := _differential_name(reading, run, parts)) is not None:
            return tree
    return derivatives.inline(reading, run)


def _before_bracket(reading: Interpreter, run: Run, unit: Unit, parts: Spelled, group: Group) -> Tree:
    """A name in front of a bracket: call, product, condition, or two readings."""
    if group.kind == "(" and (call := functions.named_call(reading, run, unit, parts)) is not None:
        return call
    if parts.base in ("I_bb", "I", "chi") and (tree := indicators.condition_beside(reading, run, unit)) is not None:
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


def letters(reading: Interpreter, run: Run, parts: Spelled) -> Tree | None:
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
    unit = run.units[run.place - 1]
    if following.base in reading.vocabulary.decorated:  # dU_r, where U_r is a name
        match resolved(reading, following, unit, start):
            case t.Name(text=text, at=at):
                return t.Name(f"d{text}", at)
            case t.Subscript(array=array) as entry:
                return replace(entry, array=f"d{array}")
        following = spelled(unit)
        assert following is not None
    following.base, following.kind = joined(["d", following.base], (), (), "", 0), "word"
    return resolved(reading, following, unit, start)
