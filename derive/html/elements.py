"""The pieces that a formula in MathML is put together from: numbers, names with accents and subscripts, brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from derive.html.escaping import escape
from derive.names import anatomy
from derive.runs import LETTERS, MINUS

_ACCENTS = {"bar": "\u00af", "hat": "\u02c6", "dot": "\u02d9", "tilde": "\u02dc"}


@dataclass(frozen=True, slots=True)
class Piece:
    """MathML of a part of a formula.

    markup : elements side by side.  single : it is one element, which a script can stand at.
    tall : higher than a line.  first, last : the outermost characters that are seen.
    """

    markup: str
    first: str
    last: str
    single: bool = False
    tall: bool = False

    def __add__(self, other: Piece) -> Piece:
        return Piece(self.markup + other.markup, self.first, other.last, False, self.tall or other.tall)


def sign(text: str, **attributes: str) -> Piece:
    """An operator; the attributes are those of <mo>."""
    extra = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return Piece(f"<mo{extra}>{escape(text)}</mo>", text[:1], text[-1:], True)


def element(tag: str, *parts: Piece, tall: bool = False) -> Piece:
    """One element over parts, each of which becomes one child."""
    children = "".join(part.markup if part.single else f"<mrow>{part.markup}</mrow>" for part in parts)
    return Piece(f"<{tag}>{children}</{tag}>", parts[0].first, parts[-1].last, True, tall)


def number(text: str) -> Piece:
    """1.5, and 2e-05 as a power of ten."""
    if text == "inf":
        return Piece("<mi>∞</mi>", "∞", "∞", True)
    mantissa, _, exponent = text.lower().partition("e")
    plain = Piece(f"<mn>{escape(mantissa)}</mn>", mantissa[:1], mantissa[-1:], True)
    if not exponent:
        return plain
    power = (MINUS if exponent.startswith("-") else "") + (exponent.lstrip("+-0") or "0")
    ten = Piece(f"<msup><mn>10</mn><mn>{escape(power)}</mn></msup>", "1", power[-1], True)
    return ten if mantissa == "1" else plain + sign("⋅") + ten


def _word(text: str) -> str:
    """A base or a subscript: number, letter or word. Capital Greek letters stand upright, as in TeX."""
    text = LETTERS.get(text, text)
    if re.fullmatch(f"[-{MINUS}]?[0-9.]+", text):
        return f"<mn>{escape(text.replace('-', MINUS))}</mn>"
    upright = ' mathvariant="normal"' if len(text) == 1 and "Α" <= text <= "Ω" else ""
    return f"<mi{upright}>{escape(text.replace('-', MINUS))}</mi>"


def _subscript(part: str) -> str:
    """A subscript; one such as K1 has a subscript of its own, as in n_K1."""
    numbered = re.fullmatch(r"([A-Za-z])([0-9]+)", part)
    return scripted(_word(numbered[1]), _word(numbered[2]), "") if numbered else _word(part)


def name_parts(text: str) -> tuple[str, str]:
    """Base with its accents, and the subscript ("" where there is none), one element each."""
    parts = anatomy(text)
    base = _word(parts.base)
    long = len(LETTERS.get(parts.base, parts.base)) > 1
    for accent in parts.accents:
        stretchy = "true" if long and accent == "bar" else "false"
        base = f'<mover accent="true">{base}<mo stretchy="{stretchy}">{_ACCENTS[accent]}</mo></mover>'
    below = [_subscript(part) for part in parts.subscripts]
    if len(below) < 2:
        return base, "".join(below)
    return base, f"<mrow>{sign(',').markup.join(below)}</mrow>"


def scripted(base: str, below: str, above: str) -> str:
    if below and above:
        return f"<msubsup>{base}{below}{above}</msubsup>"
    if below:
        return f"<msub>{base}{below}</msub>"
    return f"<msup>{base}{above}</msup>" if above else base


def one(piece: Piece) -> str:
    return piece.markup if piece.single else f"<mrow>{piece.markup}</mrow>"


def bracketed(piece: Piece, left: str = "(", right: str = ")") -> Piece:
    """Brackets as high as a line, or as high as what they hold."""
    grown = "true" if piece.tall else "false"
    inner = piece if not piece.tall else Piece(f"<mrow>{piece.markup}</mrow>", piece.first, piece.last, True, True)
    whole = sign(left, form="prefix", stretchy=grown) + inner + sign(right, form="postfix", stretchy=grown)
    # growing brackets fit their own row, so they get one
    return replace(whole, markup=f"<mrow>{whole.markup}</mrow>", single=True) if piece.tall else whole


def bracketed_if(wanted: bool, piece: Piece) -> Piece:
    return bracketed(piece) if wanted else piece


def starts_with_minus(piece: Piece) -> bool:
    return piece.first == MINUS
