"""A sentence with formulas in it, for HTML."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from derive.document import Inline
from derive.html.elements import sign
from derive.html.escaping import escape
from derive.html.mathml import row
from derive.tree import Relation, Tree, walk

#: A formula in a sentence with more nodes than this may be wider than a telephone.
_WIDE = 14
EQUALS = sign("=", form="infix", lspace="0").markup


def inline(parts: Iterable[Inline]) -> str:
    """Words and formulas in a row, the words escaped."""
    return "".join(escape(part) if isinstance(part, str) else within_a_line(part) for part in parts)


def within_a_line(tree: Tree) -> str:
    """A formula in a sentence: a chain of equalities may go on in the next line, what is long can be scrolled."""
    sides = tree.sides if isinstance(tree, Relation) else (tree,)
    return " ".join(
        _wide(f"<math>{EQUALS if number else ''}{row(side, inline=True)}</math>", side)
        for number, side in enumerate(sides)
    )


def _wide(written: str, tree: Tree) -> str:
    long = sum(1 for _ in islice(walk(tree), _WIDE + 1)) > _WIDE
    return f'<span class="wide">{written}</span>' if long else written
