r"""Displayed formulas in LaTeX: aligned at the first equals sign, reasons in a column at the right margin.

A formula that is too long takes more lines; where even that leaves too little room, its reason stands below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.document import Display, Line, with_names
from derive.latex.breaking import lines, width
from derive.latex.escaping import escape
from derive.latex.formulas import formula
from derive.latex.sentences import sentence
from derive.tree import Relation, Tree

_LONGEST_DISPLAY = 10  # lines that stay together
_REASON_SHARE = 0.3  # of the line, at most
_REASON_LETTER = 0.4  # em, small


def displayed(display: Display, available: float) -> str:
    """Aligned at the first equals sign; the reasons form a column at the right margin, the numbers stand behind it."""
    if not display.lines:
        return ""
    numbers = max((3.0 + 0.5 * len(line.number) for line in display.lines if line.number), default=0.0)
    longest = max(_REASON_LETTER * len(line.reason) for line in display.lines)
    reason_room = min(longest + 0.5, _REASON_SHARE * available) if longest else 0.0
    room = available - numbers - (reason_room + 2.5 if reason_room else 0.0)
    left = max((width(formula(_split(line.formula)[0])) for line in display.lines if _split(line.formula)), default=0.0)
    if left > 0.5 * room:
        left = 0.0
    rows: list[str] = []
    above: Tree | None = None
    for line in display.lines:
        rows += _rows(line, above, (room, available - numbers - 2.0), left, reason_room, longest)
        above = next(iter(_split(line.formula)), None)
    if reason_room:
        rows = [r"  \quad" + row[1:] for row in rows]  # the formulas stand at the left margin: indent them a little
    environment = "flalign*" if reason_room else "align*"
    text = f"\\begin{{{environment}}}\n" + _stacked(rows) + f"\n\\end{{{environment}}}"
    # a short display stays on one page
    return text if len(rows) <= _LONGEST_DISPLAY else f"{{\\allowdisplaybreaks\n{text}}}"


def _stacked(rows: Sequence[str]) -> str:
    """Rows with a fraction keep a little more distance from the next."""
    return (
        "\n".join(row + (r" \\[3pt]" if r"\frac" in row else r" \\") for row in rows[:-1])
        + "\n" * (len(rows) > 1)
        + rows[-1]
    )


def _split(tree: Tree) -> tuple[Tree, ...]:
    """The left side and the rest of an equation; nothing for a formula without an equals sign."""
    match tree:
        case Relation(sides=(left, right)):
            return left, right
        case Relation(sides=(left, _, *_)):
            return left, Relation(tree.sides[1:])
    return ()


def _rows(
    line: Line, above: Tree | None, rooms: tuple[float, float], left: float, reason_room: float, longest: float
) -> Iterator[str]:
    """The line with its reason beside it; where that leaves too little room, the reason stands below.

    rooms : em for a formula beside a reason, and for one that has the whole width.
    """
    tree = line.formula
    reason = _reason(line.reason, reason_room, longest)
    number = rf" \tag{{{escape(line.number)}}}" if line.number else ""
    sides = _split(tree) if left else ()
    # in a chain of equal right sides the left side is printed once
    head = "{}" if not sides else "" if line.continued or sides[0] == above else formula(sides[0])
    sign, side, used = ("= ", sides[1], left + 1.4) if sides else (" ", tree, left)
    found = lines(side, rooms[0] - used)
    if reason_room and (len(found) > 2 or _is_lossy(found)):
        wide = lines(side, rooms[1] - used)
        if len(wide) < len(found) or _is_lossy(found) > _is_lossy(wide):
            # no width of its own: else the column of the reasons would be pushed into the margin
            printed = [rf"\rlap{{$\displaystyle {each}$}}" for each in wide]
            yield f"  {head} &{sign}{printed[0]}{number}"
            yield from (rf"  &\qquad {more}" for more in printed[1:])
            if reason:
                yield f"  &{reason}"
            return
    yield f"  {head} &{sign}{found[0]}{reason}{number}"
    for more in found[1:]:
        yield rf"  &\qquad {more}"


def _is_lossy(found: Sequence[str]) -> bool:
    """Whether the formula was too long to be broken, and was made smaller or shortened."""
    return any(r"\resizebox" in line or r"\cdots" in line for line in found)


def _reason(text: str, room: float, longest: float) -> str:
    if not text:
        return ""
    if longest + 0.5 <= room:
        return rf" && \text{{\small {sentence(with_names(text))}}}"
    return rf" && \parbox[t]{{{room:.1f}em}}{{\raggedright\small\strut {sentence(with_names(text))}\strut}}"
