"""The anatomy of a name: how `v_-1`, `vbar_3`, `x1`, `u_hat` and `theta` are built, and how adjoints are called.

A name is one word to the engine. Only printers look inside: `vbar_3` is v with a bar and the subscript 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon "
    "phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega varepsilon vartheta varphi".split()
)
ACCENTS = ("bar", "hat", "dot", "tilde")

#: One name of the plain notation: letters and digits, then parts behind underscores (a part may be a negative number).
#: The two kinds of parts begin differently, so that a match never backtracks.
NAME_PATTERN = r"[A-Za-z][A-Za-z0-9]*(?:_(?:-[0-9]+|[A-Za-z0-9]+))*"

#: Inner nodes of a line f are called f.1, f.2, and their adjoints f.1_bar.
INNER_NAME = NAME_PATTERN + r"(?:\.[0-9]+(?:_(?:-[0-9]+|[A-Za-z0-9]+))*)*"


@dataclass(frozen=True, slots=True)
class Anatomy:
    """base: letter or word without decoration; accents innermost first; subscripts in order of writing."""

    base: str
    accents: tuple[str, ...] = ()
    subscripts: tuple[str, ...] = ()


def anatomy(name: str) -> Anatomy:
    """Take a name apart for printing. `v_-1` -> v, (), ("-1",); `vbar_3` -> v, ("bar",), ("3",); `x1` -> x, (), ("1",).

    The inner node `f.2` of an author's line f has the subscript ".2".
    """
    name, _, inner = name.partition(".")
    inner, *later = inner.split("_") if inner else [""]
    head, *parts = name.split("_")
    accents: list[str] = []
    while match := re.fullmatch(r"(.+?)(bar|hat|dot|tilde)", head):
        # only a single letter or a Greek name carries an accent without an underscore: `crossbar` is a word
        stem = match[1]
        core = re.sub(r"(bar|hat|dot|tilde)+$", "", stem)
        if len(core) != 1 and core not in GREEK:
            break
        # `stem` may itself end in accents; peel from the outside
        outer = re.fullmatch(r"(.+)(bar|hat|dot|tilde)", head)
        assert outer is not None
        head, accent = outer[1], outer[2]
        accents.insert(0, accent)
    subscripts: list[str] = []
    if (digits := re.fullmatch(r"([A-Za-z]+?)([0-9]+)", head)) and (len(digits[1]) == 1 or digits[1] in GREEK):
        head = digits[1]
        subscripts.append(digits[2])
    for part in [*parts, *later]:
        if part in ACCENTS:
            accents.append(part)
        else:
            subscripts.append(part)
    if inner:
        subscripts.append("." + inner)
    return Anatomy(head, tuple(accents), tuple(subscripts))


def decorated(name: str, accent: str) -> str:
    """The name with a bar or a dot: `v_3` -> `vbar_3`, `q` -> `q_bar`, `x1` -> `x1_bar`."""
    numbered = re.fullmatch(r"([A-Za-z](?:bar|dot)*)_(-?[0-9]+)", name)
    return f"{numbered[1]}{accent}_{numbered[2]}" if numbered else f"{name}_{accent}"


def adjoint_names(names: Iterable[str], accent: str = "bar", taken: Iterable[str] = ()) -> dict[str, str]:
    """One fresh decorated name for each of `names`; where the author already uses it, a further accent is added."""
    names = list(names)
    used = set(names).union(taken)
    answer: dict[str, str] = {}
    for name in names:
        fresh = decorated(name, accent)
        while fresh in used:
            fresh = decorated(fresh, accent)
        used.add(fresh)
        answer[name] = fresh
    return answer


def node_letter(taken: Iterable[str]) -> str:
    """The letter of a trace's nodes: v, unless one of the names already taken could be a node v_1 or vbar_1."""
    taken = list(taken)
    for letter in "vwusrqpabcdghklmnxyzt":
        if not any(re.fullmatch(rf"{letter}(?:bar|dot)*_-?[0-9]+", name) for name in taken):
            return letter
    return "node"


def python_names(names: Iterable[str]) -> dict[str, str]:
    """Identifiers for emitted code, one each and distinct: `v_-1` -> `v_m1`, `f.2` -> `f_2`, `lambda` -> `lambda_`."""
    import keyword

    reserved = {"np", "torch", "math"}
    used: set[str] = set()
    answer: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name.replace("-", "m"))
        if not plain[:1].isalpha():  # a Symbol may be called anything
            plain = "x" + plain
        while keyword.iskeyword(plain) or keyword.issoftkeyword(plain) or plain in used or plain in reserved:
            plain += "_"
        used.add(plain)
        answer[name] = plain
    return answer
