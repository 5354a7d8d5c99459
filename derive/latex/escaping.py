r"""Words in LaTeX: what a user typed comes out as text, whatever it says, and never stops the compiler.

Needs T1 and utf8, as the standalone document has them; in other documents the same text compiles as well, since
characters outside T1 are spelled by commands or by their code point.
"""

from __future__ import annotations

import re
import unicodedata

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "^": r"\textasciicircum{}",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "%": r"\%",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    # a bracket or star at the start of a cell would be read as an option of the line break before it
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "\u00a0": "~",
    "\u00ad": r"\-",
    "\u2010": "-",
    "\u2011": "-",
    "\u2032": r"\ensuremath{'}",
}

#: Mathematical characters outside T1, by the command that prints them.
_MATHEMATICAL = {
    "∂": r"\partial", "∇": r"\nabla", "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "√": r"\surd", "∞": r"\infty",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim", "∝": r"\propto",
    "→": r"\to", "←": r"\leftarrow", "↔": r"\leftrightarrow", "⇒": r"\Rightarrow", "↦": r"\mapsto", "∈": r"\in",
    "∉": r"\notin", "⊂": r"\subset", "∪": r"\cup", "∩": r"\cap", "∀": r"\forall", "∃": r"\exists", "⊤": r"\top",
    "⟨": r"\langle", "⟩": r"\rangle", "⋅": r"\cdot", "∘": r"\circ", "⊙": r"\odot", "⊘": r"\oslash", "⊗": r"\otimes",
    "⊕": r"\oplus", "−": "-", "×": r"\times", "÷": r"\div", "±": r"\pm", "·": r"\cdot", "¬": r"\neg", "…": r"\ldots",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "ζ": r"\zeta", "η": r"\eta",
    "θ": r"\theta", "ι": r"\iota", "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "ν": r"\nu", "ξ": r"\xi", "ο": "o",
    "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "ς": r"\varsigma", "τ": r"\tau", "υ": r"\upsilon", "φ": r"\varphi",
    "ϕ": r"\phi", "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta",
    "Λ": r"\Lambda", "Ξ": r"\Xi", "Π": r"\Pi", "Σ": r"\Sigma", "Υ": r"\Upsilon", "Φ": r"\Phi", "Ψ": r"\Psi",
    "Ω": r"\Omega", "ℓ": r"\ell", "ℝ": r"\mathbb{R}", "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}",
    **{digit: f"_{k}" for k, digit in enumerate("₀₁₂₃₄₅₆₇₈₉")}, "₋": "_-", "₊": "_+",
    **{digit: f"^{k}" for k, digit in zip((0, *range(4, 10)), "⁰⁴⁵⁶⁷⁸⁹", strict=True)}, "⁻": "^-", "⁺": "^+",
}  # fmt: skip

#: Marks that stand behind their letter in Unicode and before it in LaTeX.
_ACCENTS = {"\u0304": r"\bar", "\u0302": r"\hat", "\u0307": r"\dot", "\u0303": r"\tilde"}

#: What utf8 and T1 print without help: tried one by one on TeX Live 2022.
_RANGES = ("¡ĥ", "Ĩķ", "Ĺľ", "Łň", "Ŋť", "Ũž", "Ȳȳ", "\u2012\u2014", "‘‚", "“„", "†•", "‰‰", "‹›", "€€", "™™")
_PRINTED = tuple((ord(pair[0]), ord(pair[1])) for pair in _RANGES)

#: A word longer than this may be broken anywhere: no line could hold it.
LONGEST_WORD = 24


def escape(text: str) -> str:
    r"""`text` as LaTeX words: `\input{x}` is printed, not obeyed. One line; line breaks become spaces.

    Characters that neither T1 nor mathematics has are printed by code point: 中 is [U+4E2D].
    """
    text = re.sub(r"[^\S\u00a0]", " ", unicodedata.normalize("NFC", text))  # a no-break space is a sign of its own
    return re.sub(r"[^ ]+", lambda word: _word(word[0]), text)


def _word(word: str) -> str:
    pieces: list[str] = []
    for character in word:
        if character in _ACCENTS and pieces:
            letter = pieces.pop()
            body = letter if letter.isascii() and letter.isalpha() else rf"\text{{{letter}}}"
            pieces.append(rf"\ensuremath{{{_ACCENTS[character]}{{{body}}}}}")
            continue
        piece = _character(character)
        # two hyphens, commas or quotes would run together into one sign
        if pieces and piece in "-,'!?" and pieces[-1] == piece:
            piece = "{}" + piece
        pieces.append(piece)
    if len(pieces) <= LONGEST_WORD:
        return "".join(pieces)
    chunks = [pieces[k : k + LONGEST_WORD // 2] for k in range(0, len(pieces), LONGEST_WORD // 2)]
    return r"\allowbreak{}".join("".join(chunk) for chunk in chunks)


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character in _MATHEMATICAL:
        return rf"\ensuremath{{{_MATHEMATICAL[character]}}}"
    return character if _is_printed(character) else f"{{[}}U+{ord(character):04X}{{]}}"


def _is_printed(character: str) -> bool:
    code = ord(character)
    return 32 <= code < 127 or any(first <= code <= last for first, last in _PRINTED)


def shown(text: str) -> str:
    """The characters that `escape` will print, for an estimate of their width: 中 takes eight."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    known = _SPECIAL.keys() | _MATHEMATICAL.keys() | _ACCENTS.keys()
    return "".join(c if c in known or _is_printed(c) else f"[U+{ord(c):04X}]" for c in text)


def escape_plain(text: str) -> str:
    """`text` for a field of the PDF, where no command may stand: printable ASCII, anything else by code point."""
    text = "".join(c if 32 <= ord(c) < 127 else f"[U+{ord(c):04X}]" for c in unicodedata.normalize("NFC", text))
    # a field is read as an option list: its braces and backslashes are named rather than quoted
    named = {"\\": "/", "{": "(", "}": ")"}
    return "".join(named.get(c, _SPECIAL[c] if c in "#$%&_^~" else c) for c in text)
