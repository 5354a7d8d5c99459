"""What all writers of MathML formulas share: the style of a place, and which formulas a script can stand at."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from derive import tree as t
from derive.html.elements import Piece, sign
from derive.tree import Tree

#: Fractions within fractions, and roots within roots, are drawn as such to this depth.
FRACTIONS, ROOTS = 2, 8

APPLY, TIMES = "\u2061", "\u2062"  # invisible: function application and multiplication
THIN = "0.1667em"


@dataclass(frozen=True, slots=True)
class Style:
    """inline : a/b in place of fractions.  script : below or above the line, where signs are set without space.

    fractions, roots : how many surround this place.
    """

    inline: bool = False
    script: bool = False
    fractions: int = 0
    roots: int = 0


#: A formula asks for its parts and is sent them: no recursion, however deep the tree.
Writer = Generator[tuple[Tree, Style], Piece, Piece]


def infix(text: str, style: Style) -> Piece:
    """A sign between two operands."""
    return sign(text, form="infix", **({"lspace": "0", "rspace": "0"} if style.script else {}))


def slash() -> Piece:
    return sign("/", lspace="0", rspace="0", stretchy="false")


def carries_power(tree: Tree) -> bool:
    """Whether an exponent can stand at it without brackets."""
    match tree:
        case t.Name() | t.Indicator():
            return True
        case t.Subscript(layer=layer):
            return not layer
        case t.Number(text=text):
            return text.replace(".", "", 1).isdigit()
        case t.Call(function=function):
            return function in ("abs", "norm")
    return False
