r"""What all writers of LaTeX formulas share: names, numbers, scripts and brackets, and the style of a place."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

from derive.conventions import LOSS
from derive.latex.escaping import escape
from derive.names import GREEK, anatomy
from derive.tree import Call, Indicator, Name, Number, Subscript, Tree

ACCENTS = {
    "bar": (r"\bar", r"\overline"),
    "hat": (r"\hat", r"\widehat"),
    "dot": (r"\dot", r"\dot"),
    "tilde": (r"\tilde", r"\widetilde"),
}
TALL = re.compile(r"\\frac|\\sum|\\prod|\\left|\\operatorname\*|\\max_|\\min_")


@dataclass(frozen=True, slots=True)
class Style:
    """inline : a/b in place of fractions, no growing brackets.  fractions, roots : how many surround this place."""

    inline: bool = False
    limit: int | None = None
    notation: Mapping[str, str] = field(default_factory=dict)
    fractions: int = 0
    roots: int = 0

    def shown(self, text: str, symbol: str = "") -> str:
        """The name that is printed for a name."""
        return self.notation.get(text, symbol or text)


#: A formula asks for its parts and is sent them: no recursion, however deep the tree.
Writer = Generator[tuple[Tree, Style], str, str]


def name(text: str) -> str:
    r"""A name as it is set: `v_-1` is v_{-1}, `vbar_3` is \bar{v}_3, `x1` is x_1, `u_hat` is \hat{u}, `f.2` f_{.2}.

    What a problem declared as one name has more: `W^[1]` is W^{[1]}, `Delta v` \Delta v, `x'` x'.
    """
    declared = re.fullmatch(r"((?:[A-Za-z]+ )*)([^ ^']+)(?:\^(\{.*\}|\[.*\]|\(.*\)|[A-Za-z0-9*]))?('*)", text)
    if declared is not None and (declared[1] or declared[3] or declared[4]):
        before = "".join(word(each) + " " for each in declared[1].split())
        above = (declared[3] or "").removeprefix("{").removesuffix("}")
        if re.fullmatch(r"[A-Za-z0-9+\-*/,()\[\] ]*", above):
            return before + name(declared[2]) + script("^", above) + declared[4]
    parts = anatomy(text)
    letter = len(parts.base) == 1 or parts.base in GREEK
    base = word(parts.base)
    for accent in parts.accents:
        base = f"{ACCENTS[accent][not letter]}{{{base}}}"
    return base + script("_", _subscripts(parts.subscripts))


def _subscripts(parts: tuple[str, ...]) -> str:
    text = ""
    for part in parts:
        sign, rest = ("-", part[1:]) if part.startswith("-") else ("", part)
        inner = rest.startswith(".")
        numbered = re.fullmatch(r"([A-Za-z])([0-9]+)", rest)
        printed = numbered[1] + script("_", numbered[2]) if numbered else word(rest[inner:])
        printed = sign + ("." if inner else "") + printed
        text += ("," if text and not inner else "") + printed
    return text


def word(text: str) -> str:
    """A base or a subscript: number, letter or word."""
    if text == LOSS:
        return r"\mathcal{L}"
    if text in GREEK:
        return "o" if text == "omicron" else f"\\{text}"
    if re.fullmatch(r"[A-Za-z]|[0-9]+", text):
        return text
    if re.fullmatch(r"[A-Za-z0-9]+", text):
        return rf"\mathrm{{{text}}}"
    return rf"\text{{{escape(text)}}}" if text else ""


def script(sign: str, text: str) -> str:
    """`_3`, `^{-1}`: braces where more than one sign is to be set lower or higher."""
    if not text:
        return ""
    return sign + (text if len(text) == 1 or text in (r"\top",) else f"{{{text}}}")


def carries_power(tree: Tree) -> bool:
    """Whether an exponent can stand at it without brackets."""
    match tree:
        case Name() | Indicator():
            return True
        case Subscript(layer=layer):
            return not layer
        case Number(text=text):
            return text.replace(".", "", 1).isdigit()
        case Call(function=function):
            return function in ("abs", "norm")
    return False


def bracketed(text: str) -> str:
    """Brackets that grow around what is tall."""
    return rf"\left({text}\right)" if TALL.search(text) else f"({text})"


def bracketed_if(wanted: bool, text: str) -> str:
    return bracketed(text) if wanted else text


def number(text: str) -> str:
    written = re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?)([0-9]+))?", text)
    if written is None:
        return r"\infty" if text == "inf" else rf"\text{{{escape(text)}}}"
    mantissa, sign, exponent = written.groups()
    if exponent is None:
        return str(mantissa)
    power = f"10^{{{'-' if sign == '-' else ''}{exponent.lstrip('0') or '0'}}}"
    return power if mantissa == "1" else rf"{mantissa} \cdot {power}"
