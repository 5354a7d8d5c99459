r"""Numbers: literals with a power of ten, `6.02 \cdot 10^{23}`, and a 1 that is the indicator of what is beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from derive import tree as t
from derive.errors import LimitError
from derive.reading import limits
from derive.reading.latex import indicators
from derive.reading.latex.above import with_scripts
from derive.reading.latex.syntax import Argument, Group, Scripted, Token, Unit
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.reading.latex.interpret import Interpreter, Run


def number(reading: Interpreter, run: Run, unit: Unit, core: Token) -> Tree:
    run.place += 1
    following = run.beside()
    if core.text == "1" and following is not None and following.start == core.end:
        condition = indicators.condition_beside(reading, run, unit)
        if condition is not None:
            return condition
    if type(unit) is Scripted:
        if (exponent := _power_of_ten(reading, unit)) is not None:
            return t.Number(f"1e{exponent}", reading.at(unit.start, unit.end))
        if unit.subs and core.text == "1" and (tree := indicators.condition_below(reading, unit)) is not None:
            return tree
        if unit.subs and core.text == "1" and _is_size(reading, unit.subs):
            run.place -= 1
            return indicators.ones(reading, run)  # 1_n, a vector of n ones
        tree = with_scripts(reading, t.Number(core.text, reading.at(core.start, core.end)), unit)
        is_letter = r"\top" not in reading.source.text[unit.start : unit.end]
        if isinstance(tree, t.Transpose) and is_letter and (core.text in ("1", "11") or reading.vocabulary.knows("T")):
            told = "write \\mathbf{1} for a vector of ones, and brackets as in (2)^{(T)} for a power"
            raise reading.error(f"the T above a number has two readings; {told}", unit)
        return tree
    if run.place < run.end and run.operators[run.place] == "*" and not run.signs[run.place] and "e" not in core.text:
        following = run.units[run.place]
        if type(following) is Scripted and (exponent := _power_of_ten(reading, following)) is not None:
            run.place += 1
            return t.Number(f"{core.text}e{exponent}", reading.at(core.start, following.end))
    return t.Number(core.text, reading.at(core.start, core.end))


def _is_size(reading: Interpreter, subs: Sequence[Argument]) -> bool:
    """Whether all that stands below is the name of an extent."""
    return len(subs) == 1 and type(subs[0]) is Token and subs[0].text in reading.vocabulary.sizes


def _power_of_ten(reading: Interpreter, unit: Scripted) -> int | None:
    """The exponent of `10^{-3}`."""
    core = unit.core
    if type(core) is not Token or core.text != "10" or unit.subs or unit.primes or len(unit.sups) != 1:
        return None
    above = unit.sups[0]
    negative = False
    if type(above) is Group and len(above.items) == 1 and not above.items[0].relations and not above.operator:
        total = above.items[0].sides[0]
        if len(total.terms) != 1 or len(total.terms[0].units) != 1:
            return None
        negative = (total.signs[0] == "-") != bool(total.terms[0].negative)
        above = total.terms[0].units[0]  # type: ignore[assignment]
    if type(above) is not Token or above.kind != "number" or not above.text.isdigit():
        return None
    if len(above.text) > 9 or int(above.text) > limits.EXPONENT:
        raise reading.error(f"the exponent of ten is beyond {limits.EXPONENT}, the limit", above, LimitError)
    return -int(above.text) if negative else int(above.text)
