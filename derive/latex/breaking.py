r"""Long formulas over several lines, so that nothing runs into the margin.

Widths are estimated from the LaTeX text, in em (the font size), a little too wide rather than too narrow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from derive.latex.escaping import shown
from derive.latex.formulas import formula
from derive.tree import Tree

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[^\\]")

#: Advance widths in em, rounded up. Source: Latin Modern Math and Roman at 10 pt.
_LETTERS = {**dict.fromkeys("fijlrtI", 0.46), **dict.fromkeys("mwMW", 1.0), **dict.fromkeys("(),.[]|:;!'", 0.4)}
#: The same for words, where no box grows: Latin Modern Roman at 10 pt, per thousand.
_WORDS = {
    letter: room / 1000
    for room, letters in {
        278: "il.,;:'!|[]", 306: "fj", 333: " -`", 361: "I", 389: "t()", 392: "r", 395: "s", 445: "cez", 473: "?",
        500: "ago0123456789/*\"", 514: "J", 528: "kqvxy", 556: "bdhnpuSs", 612: "Z", 625: "L", 653: "F", 681: "EP",
        709: "B", 723: "wCT", 737: "R", 750: "AHNUVXY", 764: "D", 778: "+=<>~^_KOQ", 785: "G", 834: "m", 917: "M",
        1028: "W",
    }.items()
    for letter in letters
}  # fmt: skip
_COMMANDS = {
    r"\,": 0.17, r"\!": -0.17, r"\ ": 0.34, r"\quad": 1.0, r"\qquad": 2.0, r"\cdot": 0.8, r"\cdots": 1.4, r"\odot": 1.3,
    r"\oslash": 1.3, r"\le": 1.4, r"\ge": 1.4, r"\ne": 1.4, r"\sum": 1.7, r"\prod": 1.6, r"\top": 0.8, r"\infty": 1.0,
    r"\circ": 0.5, r"\partial": 0.6, r"\sin": 1.5, r"\cos": 1.5, r"\tan": 1.6, r"\exp": 1.8, r"\ln": 1.2, r"\max": 2.2,
    r"\min": 2.0, r"\arcsin": 2.9, r"\arccos": 2.9, r"\arctan": 3.0, r"\sinh": 2.1, r"\cosh": 2.1, r"\tanh": 2.2,
    r"\lvert": 0.3, r"\rvert": 0.3, r"\lVert": 0.5, r"\rVert": 0.5, r"\sqrt": 0.9, r"\allowbreak": 0.0,
    r"\textbackslash": 0.55, r"\bar": 0.0, r"\hat": 0.0, r"\dot": 0.0, r"\tilde": 0.0, r"\overline": 0.0,
    r"\widehat": 0.0, r"\widetilde": 0.0, r"\mathrm": 0.0, r"\text": 0.0, r"\operatorname": 0.35,
    r"\operatorname*": 0.35, r"\left": 0.2, r"\right": 0.2, r"\boldsymbol": 0.0, r"\mathbb": 0.1, r"\Bigl": 0.2,
    r"\Bigr": 0.2, r"\ensuremath": 0.0, r"\lfloor": 0.45, r"\rfloor": 0.45, r"\mid": 0.9, r"\prime": 0.4,
    r"\mathcal": 0.1, r"\bmod": 2.8,
}  # fmt: skip
SCRIPT = 0.73  # size of a subscript or exponent
INDENT = 2.0  # of a continued line


def width(latex: str) -> float:
    """The width of a line of mathematics in em."""
    # one frame for each open brace: (factor of the size, width so far, what the brace belongs to); and how much of the
    # width is a script at the right end, above or below which another one takes no room of its own
    total, scale, taken = [0.0], [1.0], [0.0]
    belongs: list[str] = []
    fractions: list[float] = []
    pending, size = "", 1.0

    def add_script(room: float) -> None:
        total[-1] += max(0.0, room - taken[-1])
        taken[-1] = max(taken[-1], room)

    for token in _TOKEN.findall(latex):
        if token == "{":
            belongs.append(pending)
            total.append(0.0)
            taken.append(0.0)
            scale.append(scale[-1] * (SCRIPT if pending in ("_", "^") else 1.0))
            pending = ""
        elif token == "}" and belongs:
            kind, inner = belongs.pop(), total.pop()
            scale.pop()
            taken.pop()
            if kind in ("_", "^"):
                add_script(inner)
                continue
            taken[-1] = 0.0
            if kind == r"\frac":
                fractions.append(inner)
                pending = "denominator"
            elif kind == "denominator":
                total[-1] += max(fractions.pop(), inner) + 0.25
            else:
                total[-1] += inner
        elif token in ("_", "^", r"\frac"):
            pending = token
        elif token != " ":
            size = scale[-1] * (SCRIPT if pending in ("_", "^") else 1.0)
            room = size * (0.8 if token in "+-=" and size < 1 else _advance(token))  # no space around it there
            if pending in ("_", "^"):
                add_script(room)
            else:
                total[-1] += room
                taken[-1] = 0.0
            pending = ""
    return 1.02 * sum(total)


def _advance(token: str) -> float:
    if token in _COMMANDS:
        return _COMMANDS[token]
    if token in "+-=<>":
        return 1.35 if token != "-" else 1.25
    return _LETTERS.get(token, 0.75 if token.isupper() else 0.53 if token.isdigit() else 0.62)


#: A line may end before these, where something to be joined stands before them.
_SIGNS = frozenset(("+", "-", "=", "/", r"\cdot", r"\cdots", r"\odot", r"\oslash", r"\,"))
_OPENERS = _SIGNS | {"", "(", "[", ",", "<", ">", r"\le", r"\ge", r"\ne"}


def words_width(text: str) -> float:
    """The width of a line of words in em, before it is escaped."""
    return sum(_WORDS.get(character, 1.0) for character in text)


def broken_words(text: str, available: float) -> list[str]:
    """Words on lines of at most `available` em; a word that is too long is cut."""
    answer: list[str] = []
    line = ""
    for word in shown(text).split():
        while words_width(word) > available:
            fitting = max((k for k in range(1, len(word)) if words_width(word[:k]) <= available), default=1)
            answer += [line, word[:fitting]] if line else [word[:fitting]]
            line, word = "", word[fitting:]
        if line and words_width(f"{line} {word}") > available:
            answer.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*answer, line] if line or not answer else answer


class Piece(NamedTuple):
    """What stands between two places where a line may end. depth : of the brackets around its beginning."""

    latex: str
    depth: int


def lines(tree: Tree, available: float, *, limit: int | None = None) -> list[str]:
    """The formula on as few lines as fit into `available` em; continued lines are to be indented by INDENT."""
    for inline in (False, True):
        latex = formula(tree, inline=inline, limit=limit)
        if fitting := broken(latex, available):
            return fitting
    # an endless exponent or root cannot be broken: say that something is left out
    for limit in (12, 6, 3):
        if fitting := broken(formula(tree, inline=True, limit=limit), available):
            return fitting
    return [rf"\resizebox{{{available:.1f}em}}{{!}}{{${formula(tree, inline=True, limit=3)}$}}"]


def broken(latex: str, available: float) -> list[str]:
    """`latex` on lines of at most `available` em, or an empty list where it has no place to break."""
    if width(latex) <= available:
        return [latex]
    for opened in (False, True):
        text = _opened(latex) if opened else latex
        if opened and text == latex:
            break
        if found := _filled(list(_pieces(text)), available):
            return found
    return []


def _opened(latex: str) -> str:
    """Growing brackets must close on their own line: here they become brackets of a fixed size."""
    return latex.replace(r"\!\left", r"\left").replace(r"\left(", r"\Bigl(").replace(r"\right)", r"\Bigr)")


def _pieces(latex: str) -> Iterator[Piece]:
    """The text cut before every sign and after every comma that stands outside braces and growing brackets."""
    braces = growing = brackets = depth = 0
    piece, before = "", ""
    for token in _TOKEN.findall(latex):
        free = braces == 0 and growing == 0
        if free and token in _SIGNS and before not in _OPENERS:
            yield Piece(piece, depth)
            piece, depth = "", brackets
        piece += token
        if free and token == "," and brackets:
            yield Piece(piece, depth)
            piece, depth = "", brackets
        braces += (token == "{") - (token == "}")
        growing += (token == r"\left") - (token == r"\right")
        if braces == 0:
            brackets += (token in "([") - (token in ")]")
        if token != " ":
            before = token
    yield Piece(piece, depth)


def _filled(pieces: Sequence[Piece], available: float) -> list[str]:
    """Greedy lines; where there is a choice, a line ends outside brackets rather than inside."""
    widths = [width(piece.latex) for piece in pieces]
    first = [width(_started(piece.latex)) for piece in pieces]
    answer: list[str] = []
    start = 0
    while start < len(pieces):
        room = available - (INDENT if answer else 0.0)
        end, used = start + 1, first[start]
        if used > room:
            return []
        while end < len(pieces) and used + widths[end] <= room:
            used += widths[end]
            end += 1
        if end < len(pieces):
            end = _best_end(pieces, widths, start, end)
        text = "".join(piece.latex for piece in pieces[start:end])
        answer.append(_started(text) if answer else text.strip())
        start = end
    return answer


def _best_end(pieces: Sequence[Piece], widths: Sequence[float], start: int, end: int) -> int:
    """The last place with the fewest open brackets in the second half of the line."""
    line = sum(widths[start:end])
    candidates, so_far = [], 0.0
    for k in range(start + 1, end + 1):
        so_far += widths[k - 1]
        if so_far >= 0.4 * line:
            candidates.append((pieces[k].depth, -k))
    return -min(candidates)[1]


def _started(latex: str) -> str:
    """A line that begins with its sign: a product shows the dot that it may do without inside a line."""
    latex = latex.strip()
    if latex.startswith(r"\,"):
        return rf"{{}}\cdot {latex[2:].strip()}"
    if latex.startswith(("+", "-", "=", r"\cdot", r"\odot", r"\oslash", "/")):
        return "{}" + latex
    return latex
