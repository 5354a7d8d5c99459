"""The left side of an equation before its problem is known: which name it defines, and with which indices.

Reading an equation needs the names of the problem, and those include what its equations define. So left sides are
looked at first, by their spelling alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from derive.reading.latex.spelling import canonical
from derive.reading.latex.vocabulary import Vocabulary

#: An accent or font around a letter, a command, or a word of letters and digits.
_BASE = re.compile(
    r"\\(?:hat|widehat|bar|overline|tilde|widetilde|vec|dot|mathbf|boldsymbol|bm|mathrm|mathcal|mathit|mathsf|text"
    r"|operatorname)\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?[A-Za-z]+)"
    r"|\\[A-Za-z]+|[A-Za-z][A-Za-z0-9]*(?:_(?:hat|bar|tilde|dot))*"
)
_SCRIPT = re.compile(
    r"\s*([_^])\s*(\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}|\\[A-Za-z]+|[A-Za-z0-9']+|[-+*])|\s*(\[[^\[\]]*\])"
)
_INDEX_LETTERS = frozenset("ijklmnt")


@dataclass(frozen=True, slots=True)
class Head:
    """base : the spelling without scripts.  scripts : each with its mark, "_i", "^{[l]}", "[i,j]".

    call : it is a function of what stands in brackets.
    """

    base: str
    scripts: tuple[str, ...]
    call: bool

    @property
    def spelling(self) -> str:
        return self.base + "".join(script for script in self.scripts if script[0] != "[")


@dataclass(frozen=True, slots=True)
class Target:
    """name : canonical.  rank : number of index letters, None where they do not tell.  member : indices are numbers."""

    name: str
    rank: int | None
    layered: bool = False
    call: bool = False


def left_of(equation: str) -> tuple[str, str] | None:
    """Both sides of the first equals sign outside brackets, or None where there is none."""
    depth = 0
    for place, character in enumerate(equation):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "=" and depth <= 0 and equation[place - 1 : place] not in ("<", ">", "!"):
            left = equation[: place - 1] if equation[place - 1 : place] == ":" else equation[:place]
            return left, equation[place + 1 :]
    return None


def head_of(left: str) -> Head | None:
    """The spelling of a left side taken apart, or None where it is no name with scripts."""
    text = left.replace("&", " ").replace("$", " ").replace("\\[", " ").replace("\\left", "").replace("\\right", "")
    text = text.replace("\\,", " ").replace("\\;", " ").strip()
    base = _BASE.match(text)
    if base is None:
        return None
    place = base.end()
    scripts: list[str] = []
    while found := _SCRIPT.match(text, place):
        scripts.append(found[1] + found[2] if found[1] else found[3])
        place = found.end()
    rest = text[place:].strip()
    if rest.startswith("(") and rest.endswith(")"):
        return Head(base[0].strip(), tuple(scripts), True)
    return None if rest else Head(base[0].strip(), tuple(scripts), False)


def letters_of(script: str) -> tuple[str, ...]:
    """The parts of a script: `_{i,j}` and `_{ij}` are i and j, `^{[l-1]}` is l-1, `_{xy}` is x and y."""
    inside = script.lstrip("_^").strip()
    while inside[:1] in ("{", "[", "(") and inside[-1:] in ("}", "]", ")"):
        inside = inside[1:-1].strip()
    if "," in inside:
        return tuple(part.strip() for part in inside.split(","))
    if re.fullmatch(r"[A-Za-z]+", inside):
        return tuple(inside)
    parts = re.findall(r"\\[A-Za-z]+|[A-Za-z]'?|[0-9]+", inside)
    return tuple(parts) if "".join(parts) == re.sub(r"\s", "", inside) and len(parts) > 1 else (inside,)


def target_of(
    head: Head, right: str, declared: Collection[str], indices: Collection[str], layers: Collection[str]
) -> Target:
    """What a left side defines, given the declared names, index names, and the indices of families.

    The longest declared spelling is the name and the other scripts are indices. Of an undeclared name, a script is an
    index if it is one by declaration, occurs in a script on the right, or is one of i..n and t; else it is a label.
    """
    for count in range(len(head.scripts), -1, -1):
        kept, rest = head.scripts[:count], head.scripts[count:]
        if any(script[0] == "[" for script in kept):
            continue
        name = canonical(head.base + "".join(kept))
        if name in declared:
            return Target(name, None, bool(_layers(rest, layers)), head.call)
    labels: list[str] = []
    found: list[str] = []
    layered = False
    numbered = ""
    for script in head.scripts:
        parts = letters_of(script)
        if script[0] == "^" and re.fullmatch(r"\^\{?[0-9]+\}?", script):
            labels.append(script)  # a left side is no power: \sigma^2 is a name
        elif script[0] == "^" and script.lstrip("^{ ")[:1] not in ("[", "(") and not _layers((script,), layers):
            continue  # a transpose, which the reader answers
        elif _layers((script,), layers):
            layered = True
            found += [part for part in parts if not _is_layer(part, layers)]
        elif all(_is_index(part, right, indices) for part in parts) or script[0] == "[":
            found += parts
        elif all(re.fullmatch(r"-?[0-9]+", part) for part in parts):
            numbered += script
        else:
            labels.append(script)
    name = canonical(head.base + "".join(labels))
    if numbered and not labels and not found:
        name = canonical(head.base + numbered)
    return Target(name, len(found), layered, head.call)


def _layers(scripts: tuple[str, ...], layers: Collection[str]) -> list[str]:
    """The scripts that hold the index of a family, alone or shifted."""
    return [script for script in scripts if any(_is_layer(part, layers) for part in letters_of(script))]


def _is_layer(part: str, layers: Collection[str]) -> bool:
    return re.sub(r"\s*[-+]\s*[0-9]+$", "", part) in layers


def _is_index(part: str, right: str, indices: Collection[str]) -> bool:
    if part in indices:
        return True
    if not re.fullmatch(r"[A-Za-z]", part):
        return False
    in_script = rf"[_^]\s*\{{[^{{}}]*{part}[^{{}}]*\}}|_\s*{part}(?![A-Za-z])|\[[^\[\]]*\b{part}\b[^\[\]]*\]"
    return bool(re.search(in_script, right)) or part in _INDEX_LETTERS


def in_scripts(text: str, vocabulary: Vocabulary) -> bool:
    """Whether an equation such as `s_i = y_i^2` writes indices as scripts, though nothing else says that it is LaTeX.

    In the plain notation y_i is one name. It is one here too where it is declared; else letters below are indices, as
    long as the equation has no words that only the plain notation knows.
    """
    if re.search(r"[\\{}$\[\]]", text):
        return False
    known = vocabulary.names.keys() | vocabulary.functions
    scripts = re.findall(r"(?<![A-Za-z0-9_])([A-Za-z]+)_([A-Za-z]+)(?![A-Za-z0-9])", text)
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"_[A-Za-z0-9]+", " ", text))
    numbered = re.findall(r"(?<![A-Za-z0-9_])([A-Za-z]+)_([0-9]+)(?![A-Za-z0-9])", text)
    if any(base in vocabulary.families and f"{base}_{number}" not in vocabulary.names for base, number in numbered):
        return known.issuperset(words)  # u_0 is the start of the family u
    return any(f"{base}_{script}" not in vocabulary.names for base, script in scripts) and known.issuperset(words)


def has_in_script(letter: str, text: str) -> bool:
    """Whether a letter stands in a script or subscript of a text."""
    return (
        re.search(rf"[_^]\s*\{{[^{{}}]*{letter}[^{{}}]*\}}|[_^]\s*{letter}(?![A-Za-z])|\[[^\[\]]*\b{letter}\b", text)
        is not None
    )
